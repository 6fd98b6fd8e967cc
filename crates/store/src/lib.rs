//! What survives a restart: accounts, sessions, rooms, chat, rate limits, the server's secrets. SQLite or PostgreSQL.
//!
//! The only crate that names the ORM; callers see domain structs, never rows. What it refuses to know: HTTP, passwords in
//! the clear, meetings, clocks (moments come in as arguments, milliseconds since 1970 UTC).

pub mod accounts;
pub mod chat;
pub mod db;
mod entity;
pub mod error;
pub mod limits;
pub mod look;
mod migration;
mod postgres;
pub mod rooms;
pub mod secrets;
pub mod sessions;
mod sqlite;

pub use accounts::{Account, CreateAccountError, NewAccount};
pub use chat::{AppendMessage, Appended, StoredMessage};
pub use db::Store;
pub use error::{OpenError, StoreError};
pub use limits::{Budget, Verdict};
pub use look::{Age, Look};
pub use rooms::{NewRoom, Room, RoomChange, Route};
pub use sessions::{NewSession, Session};
