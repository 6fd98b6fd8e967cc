//! People with an account.

use uuid::Uuid;

use crate::{Store, StoreError};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// An account to be made.
#[derive(Clone, Debug)]
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
    /// Makes an account.
    pub async fn create_account(&self, new: NewAccount, now: i64) -> Result<Account, CreateAccountError> {
        let _ = (new, now);
        todo!()
    }

    /// The account of this id.
    pub async fn account(&self, id: Uuid) -> Result<Option<Account>, StoreError> {
        let _ = id;
        todo!()
    }

    /// The account whose user name or e-mail address this is, without regard to case. A user name wins over an address.
    pub async fn account_by_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let _ = login;
        todo!()
    }

    /// Every account, by user name.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        todo!()
    }

    /// Changes the name shown in calls and the e-mail address. `EmailTaken` is the only other way to fail.
    pub async fn update_profile(&self, id: Uuid, display_name: &str, email: &str) -> Result<(), CreateAccountError> {
        let _ = (id, display_name, email);
        todo!()
    }

    /// Sets a new password hash and ends every session of the account except `keep`, in one transaction.
    pub async fn change_password(&self, id: Uuid, password_hash: &str, keep: Option<Uuid>) -> Result<(), StoreError> {
        let _ = (id, password_hash, keep);
        todo!()
    }

    /// Replaces a hash by a stronger one of the same password, if it is still `old_hash`. Sessions stay.
    pub async fn upgrade_password_hash(&self, id: Uuid, old_hash: &str, new_hash: &str) -> Result<(), StoreError> {
        let _ = (id, old_hash, new_hash);
        todo!()
    }

    /// Gives or takes the operator's rights.
    pub async fn set_admin(&self, id: Uuid, is_admin: bool) -> Result<(), StoreError> {
        let _ = (id, is_admin);
        todo!()
    }

    /// Deletes an account with its sessions and its rooms (their chat included). Returns the codes of those rooms.
    pub async fn delete_account(&self, id: Uuid) -> Result<Vec<String>, StoreError> {
        let _ = id;
        todo!()
    }
}
