//! The schema's history: one list for SQLite and PostgreSQL, applied all or not at all.
//!
//! Everything that is missing is applied in a single transaction (both databases can roll back a `CREATE TABLE`), so a
//! process that is killed half-way leaves the schema as it was. The transaction is also the guard against two
//! processes migrating at once: on SQLite because it begins with the write lock, on PostgreSQL by an advisory lock.

mod m20261123_000001_first;
mod m20261124_000001_route;

use sea_orm::sea_query::IntoIden;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, DynIden};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};

/// Where the applied migrations are listed. Not the ORM's usual name: another program's list in the same PostgreSQL
/// schema is none of ours.
const TABLE: &str = "fireside_migrations";

/// "fireside" in ASCII: the advisory lock that whoever migrates a PostgreSQL database holds.
const ADVISORY_LOCK: i64 = i64::from_be_bytes(*b"fireside");

/// Every migration, the oldest first. One that has been released is never changed.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261123_000001_first::Migration), Box::new(m20261124_000001_route::Migration)]
    }

    fn migration_table_name() -> DynIden {
        TABLE.into_iden()
    }
}

/// What a database's schema is to this executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// There is nothing in it yet.
    Empty,
    /// It holds something else.
    Foreign,
    /// It lacks the newest migrations.
    Older,
    /// It is what this executable works with.
    Current,
    /// It has migrations that this executable does not know; the newest of them.
    Newer(String),
}

/// The newest migration that this executable knows.
pub(crate) fn newest<M: MigratorTrait>() -> String {
    M::migrations().iter().map(|migration| migration.name().to_owned()).max().unwrap_or_default()
}

/// Looks at the schema; writes nothing.
pub(crate) async fn inspect<M: MigratorTrait>(db: &impl ConnectionTrait) -> Result<Schema, DbErr> {
    if !has_table(db, TABLE).await? {
        return Ok(if is_foreign(db).await? { Schema::Foreign } else { Schema::Empty });
    }
    let known: Vec<String> = M::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let applied = applied(db).await?;
    if let Some(newer) = applied.iter().filter(|name| !known.contains(name)).max() {
        return Ok(Schema::Newer(newer.clone()));
    }
    Ok(if known.iter().all(|name| applied.contains(name)) { Schema::Current } else { Schema::Older })
}

/// Applies what is missing within `transaction`, which on SQLite must have begun with the write lock. The schema is
/// looked at again first: another process may just have done the work. The caller commits, and only if the answer is
/// [`Schema::Current`].
pub(crate) async fn apply<M: MigratorTrait>(transaction: &DatabaseTransaction) -> Result<Schema, DbErr> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        // A migration of a large table may take its time, and so may the one that another node is busy with.
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")).await?;
    }
    match inspect::<M>(transaction).await? {
        Schema::Empty | Schema::Older => M::up(transaction, None).await?,
        done => return Ok(done),
    }
    inspect::<M>(transaction).await
}

async fn applied(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let statement = sea_orm::Statement::from_string(db.get_database_backend(), format!("SELECT version FROM {TABLE} ORDER BY version"));
    db.query_all_raw(statement).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn has_table(db: &impl ConnectionTrait, table: &str) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1",
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
    };
    let statement = sea_orm::Statement::from_sql_and_values(backend, sql, [table.into()]);
    Ok(db.query_one_raw(statement).await?.is_some())
}

/// A SQLite file with tables but without our list belongs to another program. A PostgreSQL schema may be shared.
async fn is_foreign(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    if backend == DbBackend::Postgres {
        return Ok(false);
    }
    let statement = sea_orm::Statement::from_string(backend, "SELECT 1 FROM sqlite_master LIMIT 1");
    Ok(db.query_one_raw(statement).await?.is_some())
}

/// The type of a column of ids: 16 bytes, compared byte by byte, so that version 7 ids sort by time on both databases.
fn id_type(manager: &SchemaManager<'_>) -> &'static str {
    match manager.get_database_backend() {
        DbBackend::Postgres => "uuid",
        _ => "blob",
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{Database, DatabaseConnection, TransactionTrait};
    use sea_orm_migration::MigrationName;
    use sea_orm_migration::prelude::async_trait;

    use super::*;

    /// Makes a table, then fails.
    struct HalfWay;

    impl MigrationName for HalfWay {
        fn name(&self) -> &'static str {
            "m20991231_000001_half_way"
        }
    }

    #[async_trait::async_trait]
    impl MigrationTrait for HalfWay {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            manager.get_connection().execute_unprepared("CREATE TABLE half (id integer)").await?;
            manager.get_connection().execute_unprepared("CREATE TABLE half (id integer)").await?;
            Ok(())
        }
    }

    struct Failing;

    impl MigratorTrait for Failing {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            let mut migrations = Migrator::migrations();
            migrations.push(Box::new(HalfWay));
            migrations
        }

        fn migration_table_name() -> DynIden {
            TABLE.into_iden()
        }
    }

    async fn migrate<M: MigratorTrait>(db: &DatabaseConnection) -> Result<Schema, DbErr> {
        let transaction = db.begin().await?;
        let schema = apply::<M>(&transaction).await?;
        transaction.commit().await?;
        Ok(schema)
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing_of_itself_or_of_those_before_it() {
        let db = Database::connect("sqlite::memory:").await.unwrap();
        migrate::<Failing>(&db).await.unwrap_err();
        assert_eq!(inspect::<Migrator>(&db).await.unwrap(), Schema::Empty);
        assert_eq!(migrate::<Migrator>(&db).await.unwrap(), Schema::Current);
    }

    #[tokio::test]
    async fn an_older_schema_is_seen_and_keeps_its_state_when_the_next_step_fails() {
        let db = Database::connect("sqlite::memory:").await.unwrap();
        assert_eq!(migrate::<Migrator>(&db).await.unwrap(), Schema::Current);
        assert_eq!(inspect::<Failing>(&db).await.unwrap(), Schema::Older);
        migrate::<Failing>(&db).await.unwrap_err();
        assert!(!has_table(&db, "half").await.unwrap());
        assert_eq!(inspect::<Migrator>(&db).await.unwrap(), Schema::Current);
    }

    #[tokio::test]
    async fn names_ascend_and_are_never_given_twice() {
        let names: Vec<_> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        assert_eq!(names.last(), Some(&newest::<Migrator>()));
    }
}
