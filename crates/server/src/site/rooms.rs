//! The rooms of a member: making, renaming, opening to guests, how media travels in them, deleting.

use std::borrow::Cow;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use fireside_meeting::name;
use fireside_protocol::RoomCode;
use fireside_protocol::limits::{MESH_PEOPLE_MOST, TITLE_CHARS};
use fireside_store::{NewRoom, Room, RoomChange, Route};
use serde::Deserialize;
use uuid::Uuid;

use super::errors::Problem;
use super::forms;
use super::page::{self, Page};
use super::visitor::{Member, Sent, Visitor};
use super::words::{filters, t, tx};
use crate::auth::keys;
use crate::state::{AppState, now_ms};

/// Codes have 60 random bits: two of the same are a matter of a faulty generator, not of chance.
const TRIES: usize = 4;

/// A room in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The room.
    pub room: Room,
    /// Its full address, to share.
    pub link: String,
    /// How many are in it now.
    pub people: usize,
    /// What was typed as its title, and what is wrong with it.
    pub wrong: Option<(String, String)>,
}

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    done: String,
}

/// The settings of a room. A box that is not ticked is not sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    title: String,
    guests: Option<String>,
    /// Not sent where the operator has set it, and by pages from before it was there.
    route: Option<String>,
}

/// `GET /rooms`.
///
/// # Errors
/// When the database fails.
pub async fn list(State(state): State<AppState>, member: Member, Query(shown): Query<Shown>) -> Result<Response, Problem> {
    let done = match shown.done.as_str() {
        "saved" => Some(t("rooms-saved").into_owned()),
        "deleted" => Some(t("rooms-deleted").into_owned()),
        _ => None,
    };
    let rooms = listed(&state, &member.visitor, member.signed_in.account.id).await?;
    page::show(StatusCode::OK, &RoomsPage { page: Page::of(&member.visitor), rooms, done, set_route: state.meetings.set_route() })
}

/// `POST /rooms`: a new room, and into it.
///
/// # Errors
/// When the database fails.
pub async fn create(State(state): State<AppState>, member: Member) -> Result<Response, Problem> {
    let account = &member.signed_in.account;
    for _ in 0..TRIES {
        let code = RoomCode::from_random(keys::random());
        let title = tx("room-default-title", "name", account.display_name.as_str());
        let title = name::clean_to(&title, TITLE_CHARS).unwrap_or_else(|_| t("room-plain-title").into_owned());
        let new = NewRoom { code: code.to_string(), owner: account.id, title, guests_allowed: true };
        if state.store.create_room(new, now_ms()).await?.is_some() {
            return Ok(page::see_other(&format!("/r/{code}")));
        }
    }
    Err(fireside_store::StoreError::Other("no free room code was found".to_owned()).into())
}

/// `POST /rooms/{code}`: its title, whether guests may come in, and how media travels.
///
/// # Errors
/// When it is not theirs, or the database fails.
pub async fn change(
    State(state): State<AppState>,
    member: Member,
    Path(code): Path<String>,
    Sent(form): Sent<Settings>,
) -> Result<Response, Problem> {
    let before = own(&state, &member, &code).await?;
    let Ok(title) = name::clean_to(&form.title, TITLE_CHARS) else {
        return refuse_title(&state, &member, &before, form.title).await;
    };
    let guests_allowed = form.guests.is_some();
    let route = form.route.as_deref().and_then(Route::named);
    let change = RoomChange { title: Some(title), guests_allowed: Some(guests_allowed), route };
    let room = state.store.change_room(&before.code, member.signed_in.account.id, change).await?.ok_or(Problem::NotFound)?;
    if room.title != before.title {
        state.meetings.room_retitled(&room.code, &room.title).await;
    }
    if room.guests_allowed != before.guests_allowed {
        state.meetings.room_rights_changed();
    }
    if room.route != before.route {
        state.meetings.room_routed(&room.code, room.route).await;
    }
    Ok(page::see_other("/rooms?done=saved"))
}

/// `GET /rooms/{code}/delete`: are you sure?
///
/// # Errors
/// When it is not theirs, or the database fails.
pub async fn delete_form(State(state): State<AppState>, member: Member, Path(code): Path<String>) -> Result<Response, Problem> {
    let room = own(&state, &member, &code).await?;
    page::show(StatusCode::OK, &DeletePage { page: Page::of(&member.visitor), room: &room })
}

/// `POST /rooms/{code}/delete`.
///
/// # Errors
/// When it is not theirs, or the database fails.
pub async fn delete(State(state): State<AppState>, member: Member, Path(code): Path<String>) -> Result<Response, Problem> {
    if !state.store.delete_room(&code, member.signed_in.account.id).await? {
        return Err(Problem::NotFound);
    }
    state.meetings.room_deleted(&code).await;
    Ok(page::see_other("/rooms?done=deleted"))
}

/// The rooms of an account as lists show them.
///
/// # Errors
/// When the database fails.
pub(super) async fn listed(state: &AppState, visitor: &Visitor, owner: Uuid) -> Result<Vec<Listed>, Problem> {
    let mut rooms = Vec::new();
    for room in state.store.rooms_of(owner).await? {
        let people = state.meetings.people_in(&room.code).await;
        rooms.push(Listed { link: format!("{}/r/{}", visitor.origin(), room.code), people, wrong: None, room });
    }
    Ok(rooms)
}

/// A room of theirs; one of somebody else is not there.
async fn own(state: &AppState, member: &Member, code: &str) -> Result<Room, Problem> {
    let room = state.store.room_by_code(code).await?;
    room.filter(|room| room.owner == member.signed_in.account.id).ok_or(Problem::NotFound)
}

async fn refuse_title(state: &AppState, member: &Member, room: &Room, typed: String) -> Result<Response, Problem> {
    let mut rooms = listed(state, &member.visitor, room.owner).await?;
    if let Some(listed) = rooms.iter_mut().find(|listed| listed.room.id == room.id) {
        listed.wrong = forms::line_error(&typed, TITLE_CHARS).map(|error| (typed, error));
    }
    page::show(
        StatusCode::UNPROCESSABLE_ENTITY,
        &RoomsPage { page: Page::of(&member.visitor), rooms, done: None, set_route: state.meetings.set_route() },
    )
}

#[derive(Template)]
#[template(path = "rooms.html")]
struct RoomsPage {
    page: Page,
    rooms: Vec<Listed>,
    done: Option<String>,
    /// What the operator has set for all of them.
    set_route: Option<Route>,
}

impl RoomsPage {
    fn is_chosen(&self, route: &Route, listed: &Listed) -> bool {
        *route == self.set_route.unwrap_or(listed.room.route)
    }

    #[allow(clippy::unused_self, reason = "for the template")]
    fn route_name(&self, route: &Route) -> Cow<'static, str> {
        match route {
            Route::Auto => t("rooms-route-auto"),
            Route::Mesh => t("rooms-route-mesh"),
            Route::Server => t("rooms-route-server"),
        }
    }
}

#[derive(Template)]
#[template(path = "room_delete.html")]
struct DeletePage<'a> {
    page: Page,
    room: &'a Room,
}
