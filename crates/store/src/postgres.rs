//! A database on a PostgreSQL server, possibly shared by several nodes.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{ConnectOptions, Connection, Executor};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::db::Pool;
use crate::{OpenError, Store};

/// A node's share: a default server takes 100 in all.
pub(crate) const CONNECTIONS: u32 = 16;

/// 5 s for a connection: as long as SQLite waits for a lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// What each connection is told first: no statement of ours takes long, and none waits for ever.
const MANNERS: &str = "SET lock_timeout = '5s'; SET statement_timeout = '30s'";

pub(crate) async fn open(url: &str) -> Result<Store, OpenError> {
    let (pool, shown) = connect(url, CONNECTIONS).await?;
    if let Err(refused) = pool.migrate(&shown).await {
        pool.close().await;
        return Err(refused);
    }
    Ok(Store { writer: pool.clone(), reader: pool })
}

/// One connection, to look; and the address without the password.
pub(crate) async fn look(url: &str) -> Result<(Pool, String), OpenError> {
    connect(url, 1).await
}

async fn connect(url: &str, connections: u32) -> Result<(Pool, String), OpenError> {
    let Ok(options) = url.parse::<PgConnectOptions>() else {
        // The parser's own words may quote the address.
        return Err(OpenError::Unreachable { url: "postgres://…".to_owned(), why: "its address is not well formed".to_owned() });
    };
    let options = options.application_name("fireside").disable_statement_logging();
    let shown = shown(&options);
    let refused = |error: SqlxError| OpenError::new(&shown, &DbErr::Conn(RuntimeErr::SqlxError(error.into())));

    // A single connection first: it says why it fails, a pool only that it waited.
    let first = tokio::time::timeout(PATIENCE, options.connect()).await;
    let Ok(first) = first else {
        return Err(OpenError::Unreachable { url: shown, why: "the server does not answer".to_owned() });
    };
    first.map_err(refused)?.close().await.map_err(refused)?;

    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
    let pool = pool.after_connect(|connection, _| Box::pin(async move { connection.execute(MANNERS).await.map(|_| ()) }));
    let pool = Pool::new(pool.connect_with(options).await.map_err(refused)?);
    Ok((pool, shown))
}

/// Where the database is, put together from what was understood of its address, without the password.
fn shown(options: &PgConnectOptions) -> String {
    let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
    let database = options.get_database().unwrap_or(user);
    // With an unescaped "/" or "@" in a password, a part of it may have been taken for another part of the address.
    if [user, host, database].iter().any(|part| part.contains(['@', ':', '/'])) {
        return "postgres://…".to_owned();
    }
    format!("postgres://{user}@{host}:{port}/{database}")
}
