//! The behaviour of the store, shown on SQLite and on PostgreSQL by one suite.
//!
//! `both!` runs each behaviour twice, each time on a database of its own. PostgreSQL is a server of ours, started for
//! this run (see `server.rs`); `FIRESIDE_TEST_POSTGRES=off` leaves it out.

mod accounts;
mod chat;
mod fixture;
mod limits;
mod look;
mod opening;
mod postgres;
mod rooms;
mod secrets;
mod server;
mod sessions;
mod sqlite;

/// Makes of each async function that takes a `Fixture` two tests: `…::sqlite::name` and `…::postgres::name`.
macro_rules! both {
    ($($behaviour:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(crate::fixture::Fixture::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                if let Some(fixture) = crate::fixture::Fixture::postgres().await {
                    super::$behaviour(fixture).await;
                }
            })+
        }
    };
}
pub(crate) use both;
