//! Rooms: a code, an owner, a title, who may come in, and how media travels.

use sea_orm::sea_query::{Expr, Func, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::db::{new_id, storable};
use crate::entity::room;
use crate::{Store, StoreError};

/// A room; it survives its meetings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Its id (UUID version 7).
    pub id: Uuid,
    /// Its code in the written form, `k7fq-2mzx-9tda`.
    pub code: String,
    /// Whose it is.
    pub owner: Uuid,
    /// Its title.
    pub title: String,
    /// People without an account may come in with the link.
    pub guests_allowed: bool,
    /// When it was made, milliseconds UTC.
    pub created_at: i64,
    /// When a meeting last began in it, milliseconds UTC.
    pub used_at: Option<i64>,
    /// How sound and picture travel in its meetings.
    pub route: Route,
}

/// How sound and picture travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// As is best at each time.
    #[default]
    Auto,
    /// From person to person, always.
    Mesh,
    /// Through the server, always.
    Server,
}

/// A room to be made.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are those of Room")]
pub struct NewRoom {
    pub code: String,
    pub owner: Uuid,
    pub title: String,
    pub guests_allowed: bool,
}

/// What may be changed about a room.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields are those of Room; None leaves one as it is")]
pub struct RoomChange {
    pub title: Option<String>,
    pub guests_allowed: Option<bool>,
    pub route: Option<Route>,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Mesh, Self::Server];

    /// Its name, in the database and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Mesh => "mesh",
            Self::Server => "server",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.as_str() == name)
    }
}

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// Makes a room. `None`: the code is taken, try another.
    pub async fn create_room(&self, new: NewRoom, now: i64) -> Result<Option<Room>, StoreError> {
        let row = room::Model {
            id: new_id(now),
            code: new.code,
            owner: new.owner,
            title: storable(&new.title),
            guests_allowed: new.guests_allowed,
            created_at: now,
            used_at: None,
            route: Route::default().as_str().to_owned(),
        };
        let unless_taken = OnConflict::column(room::Column::Code).do_nothing().to_owned();
        let insert = room::Entity::insert(room::ActiveModel::from(row.clone())).on_conflict(unless_taken);
        let made = insert.exec_without_returning(&self.writer).await?;
        Ok((made == 1).then(|| row.into()))
    }

    /// The room of this code.
    pub async fn room_by_code(&self, code: &str) -> Result<Option<Room>, StoreError> {
        let row = room::Entity::find().filter(room::Column::Code.eq(storable(code))).one(&self.reader).await?;
        Ok(row.map(Room::from))
    }

    /// The rooms of an account, the last used or made first.
    pub async fn rooms_of(&self, owner: Uuid) -> Result<Vec<Room>, StoreError> {
        let last = Func::coalesce([Expr::col(room::Column::UsedAt), Expr::col(room::Column::CreatedAt)]);
        let theirs = room::Entity::find().filter(room::Column::Owner.eq(owner));
        let rows = theirs.order_by(Expr::expr(last), Order::Desc).order_by_desc(room::Column::Id).all(&self.reader).await?;
        Ok(rows.into_iter().map(Room::from).collect())
    }

    /// Changes a room of this owner; `None`: there is no such room, or it is not theirs.
    pub async fn change_room(&self, code: &str, owner: Uuid, change: RoomChange) -> Result<Option<Room>, StoreError> {
        let mut values = room::ActiveModel { ..Default::default() };
        if let Some(title) = change.title {
            values.title = Set(storable(&title));
        }
        if let Some(allowed) = change.guests_allowed {
            values.guests_allowed = Set(allowed);
        }
        if let Some(route) = change.route {
            values.route = Set(route.as_str().to_owned());
        }
        let theirs = owned(code, owner);
        if values == room::ActiveModel::default() {
            let unchanged = room::Entity::find().filter(theirs).one(&self.reader).await?;
            return Ok(unchanged.map(Room::from));
        }
        let changed = room::Entity::update_many().set(values).filter(theirs).exec_with_returning(&self.writer).await?;
        Ok(changed.into_iter().next().map(Room::from))
    }

    /// Deletes a room of this owner with its chat; false: there is no such room, or it is not theirs.
    pub async fn delete_room(&self, code: &str, owner: Uuid) -> Result<bool, StoreError> {
        // The messages go with it, by their foreign key.
        let gone = room::Entity::delete_many().filter(owned(code, owner)).exec(&self.writer).await?;
        Ok(gone.rows_affected == 1)
    }

    /// Notes that a meeting began.
    pub async fn touch_room(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        let change = room::ActiveModel { used_at: Set(Some(now)), ..Default::default() };
        room::Entity::update_many().set(change).filter(room::Column::Id.eq(id)).exec(&self.writer).await?;
        Ok(())
    }
}

fn owned(code: &str, owner: Uuid) -> Condition {
    Condition::all().add(room::Column::Code.eq(storable(code))).add(room::Column::Owner.eq(owner))
}

impl From<room::Model> for Room {
    fn from(row: room::Model) -> Self {
        Self {
            id: row.id,
            code: row.code,
            owner: row.owner,
            title: row.title,
            guests_allowed: row.guests_allowed,
            created_at: row.created_at,
            used_at: row.used_at,
            route: Route::named(&row.route).unwrap_or_default(),
        }
    }
}
