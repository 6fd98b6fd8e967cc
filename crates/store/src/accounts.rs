//! People with an account.

use std::fmt;

use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::db::{new_id, storable};
use crate::entity::{account, room, session};
use crate::error::broken_uniqueness;
use crate::{Store, StoreError};

/// An account. Its `Debug` shows the id alone: names and hashes do not belong in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id (UUID version 7).
    pub id: Uuid,
    /// The user name as it was typed; unique without regard to case.
    pub username: String,
    /// The e-mail address as it was typed; unique without regard to case.
    pub email: String,
    /// The name shown in calls.
    pub display_name: String,
    /// The password's hash: an Argon2id PHC string, or one that came from Django.
    pub password_hash: String,
    /// May do everything an operator may do on the site.
    pub is_admin: bool,
    /// When it was made, milliseconds UTC.
    pub created_at: i64,
}

/// An account to be made. Its `Debug` shows nothing of it.
#[derive(Clone)]
#[allow(missing_docs, reason = "the fields are those of Account")]
pub struct NewAccount {
    pub username: String,
    pub email: String,
    pub display_name: String,
    pub password_hash: String,
    pub is_admin: bool,
}

/// An account could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    /// Somebody has this user name.
    #[error("this user name is taken")]
    UsernameTaken,
    /// Somebody has this e-mail address.
    #[error("this e-mail address is taken")]
    EmailTaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[allow(clippy::missing_errors_doc, reason = "every one of these fails as StoreError says")]
impl Store {
    /// Makes an account. A user name that is somebody's e-mail address is taken, and the other way round: otherwise a
    /// newcomer could stand in front of an account that logs in by its address.
    pub async fn create_account(&self, new: NewAccount, now: i64) -> Result<Account, CreateAccountError> {
        let row = account::Model {
            id: new_id(now),
            username_folded: fold(&new.username),
            username: storable(&new.username),
            email_folded: fold(&new.email),
            email: storable(&new.email),
            display_name: storable(&new.display_name),
            password_hash: new.password_hash,
            is_admin: new.is_admin,
            created_at: now,
        };
        let transaction = self.begin().await.map_err(StoreError::from)?;
        if email_is(&transaction, &row.username_folded, row.id).await? {
            return Err(CreateAccountError::UsernameTaken);
        }
        if username_is(&transaction, &row.email_folded, row.id).await? {
            return Err(CreateAccountError::EmailTaken);
        }
        let insert = account::Entity::insert(account::ActiveModel::from(row.clone()));
        insert.exec_without_returning(&transaction).await.map_err(taken)?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(row.into())
    }

    /// The account of this id.
    pub async fn account(&self, id: Uuid) -> Result<Option<Account>, StoreError> {
        let row = account::Entity::find_by_id(id).one(&self.reader).await?;
        Ok(row.map(Account::from))
    }

    /// The account whose user name or e-mail address this is, without regard to case. A user name wins over an address.
    pub async fn account_by_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let login = fold(login);
        let either = Condition::any().add(account::Column::UsernameFolded.eq(&login)).add(account::Column::EmailFolded.eq(&login));
        let rows = account::Entity::find().filter(either).all(&self.reader).await?;
        let by_name = rows.iter().position(|row| row.username_folded == login).unwrap_or(0);
        Ok(rows.into_iter().nth(by_name).map(Account::from))
    }

    /// Every account, by user name.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let mut rows = account::Entity::find().all(&self.reader).await?;
        // Sorted here: what comes first is a matter of the server's locale in PostgreSQL, of bytes in SQLite.
        rows.sort_by(|a, b| a.username_folded.cmp(&b.username_folded));
        Ok(rows.into_iter().map(Account::from).collect())
    }

    /// Changes the name shown in calls and the e-mail address. `EmailTaken` is the only other way to fail. Without such
    /// an account nothing happens.
    pub async fn update_profile(&self, id: Uuid, display_name: &str, email: &str) -> Result<(), CreateAccountError> {
        let folded = fold(email);
        let transaction = self.begin().await.map_err(StoreError::from)?;
        if username_is(&transaction, &folded, id).await? {
            return Err(CreateAccountError::EmailTaken);
        }
        let change = account::ActiveModel {
            display_name: Set(storable(display_name)),
            email: Set(storable(email)),
            email_folded: Set(folded),
            ..Default::default()
        };
        account::Entity::update_many().set(change).filter(account::Column::Id.eq(id)).exec(&transaction).await.map_err(taken)?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Sets a new password hash and ends every session of the account except `keep`, in one transaction. False: there is no
    /// such account, or its hash is not `verified` any more (`None`: whatever it is), and nothing has changed.
    pub async fn change_password(&self, id: Uuid, verified: Option<&str>, password_hash: &str, keep: Option<Uuid>) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let change = account::ActiveModel { password_hash: Set(password_hash.to_owned()), ..Default::default() };
        let unchanged = Condition::all().add(account::Column::Id.eq(id)).add_option(verified.map(|hash| account::Column::PasswordHash.eq(hash)));
        if account::Entity::update_many().set(change).filter(unchanged).exec(&transaction).await?.rows_affected == 0 {
            return Ok(false);
        }
        let others = Condition::all().add(session::Column::Account.eq(id)).add_option(keep.map(|keep| session::Column::Id.ne(keep)));
        session::Entity::delete_many().filter(others).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Replaces a hash by a stronger one of the same password, if it is still `old_hash`; false: it is not. Sessions stay.
    pub async fn upgrade_password_hash(&self, id: Uuid, old_hash: &str, new_hash: &str) -> Result<bool, StoreError> {
        let change = account::ActiveModel { password_hash: Set(new_hash.to_owned()), ..Default::default() };
        let unchanged = account::Column::Id.eq(id).and(account::Column::PasswordHash.eq(old_hash));
        let done = account::Entity::update_many().set(change).filter(unchanged).exec(&self.writer).await?;
        Ok(done.rows_affected > 0)
    }

    /// Gives or takes the operator's rights.
    pub async fn set_admin(&self, id: Uuid, is_admin: bool) -> Result<(), StoreError> {
        let change = account::ActiveModel { is_admin: Set(is_admin), ..Default::default() };
        account::Entity::update_many().set(change).filter(account::Column::Id.eq(id)).exec(&self.writer).await?;
        Ok(())
    }

    /// Deletes an account with its sessions and its rooms (their chat included). Returns the codes of those rooms, in
    /// order. What the account wrote in rooms of others stays, under the name that was shown, without the account.
    pub async fn delete_account(&self, id: Uuid) -> Result<Vec<String>, StoreError> {
        let transaction = self.begin().await?;
        // Locked first, so that nobody adds a room or a session to it between the list and the deletion.
        account::Entity::find_by_id(id).lock_exclusive().one(&transaction).await?;
        let owned = room::Entity::find().filter(room::Column::Owner.eq(id)).order_by_asc(room::Column::Code);
        let codes = owned.all(&transaction).await?.into_iter().map(|room| room.code).collect();
        // Sessions, rooms and the rooms' messages go with it, other messages lose the link: by their foreign keys.
        account::Entity::delete_by_id(id).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(codes)
    }
}

impl From<account::Model> for Account {
    fn from(row: account::Model) -> Self {
        Self {
            id: row.id,
            username: row.username,
            email: row.email,
            display_name: row.display_name,
            password_hash: row.password_hash,
            is_admin: row.is_admin,
            created_at: row.created_at,
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount").finish_non_exhaustive()
    }
}

/// What two names have in common if they are the same to a person: compatibility characters unified (NFKC, as Django
/// does with user names), and case taken away. Upper case first: `ς` and `σ` then meet, and `ß` meets `ss`.
fn fold(name: &str) -> String {
    let caseless: String = name.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
    storable(&caseless)
}

/// Whether `folded` is the e-mail address of an account other than `id`.
async fn email_is(db: &impl ConnectionTrait, folded: &str, id: Uuid) -> Result<bool, StoreError> {
    other_has(db, account::Column::EmailFolded, folded, id).await
}

/// Whether `folded` is the user name of an account other than `id`.
async fn username_is(db: &impl ConnectionTrait, folded: &str, id: Uuid) -> Result<bool, StoreError> {
    other_has(db, account::Column::UsernameFolded, folded, id).await
}

async fn other_has(db: &impl ConnectionTrait, column: account::Column, folded: &str, id: Uuid) -> Result<bool, StoreError> {
    let of_another = account::Entity::find().filter(column.eq(folded)).filter(account::Column::Id.ne(id));
    Ok(of_another.one(db).await?.is_some())
}

/// By name of the broken rule (PostgreSQL) or its columns (SQLite); both contain the column's name.
fn taken(error: DbErr) -> CreateAccountError {
    match broken_uniqueness(&error) {
        Some(what) if what.contains("username_folded") => CreateAccountError::UsernameTaken,
        Some(what) if what.contains("email_folded") => CreateAccountError::EmailTaken,
        _ => StoreError::from(error).into(),
    }
}
