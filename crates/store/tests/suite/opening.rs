//! Opening: made, brought up to date, left alone, by one or by two at once; and what a kill leaves.

use std::process::{Command, Stdio};
use std::time::Duration;

use fireside_store::{OpenError, Route, Store};
use sea_orm::{ConnectionTrait, Statement};
use tokio::task::JoinSet;

use crate::both;
use crate::fixture::{Fixture, account, room};

/// How many there are.
const MIGRATIONS: usize = 2;

both!(
    twice_is_as_once,
    what_was_there_before_a_migration_stays,
    by_several_at_once,
    a_newer_schema_is_left_alone,
    another_programs_migrations_are_none_of_ours,
    a_kill_on_the_way_does_no_harm,
    answers_a_ping_until_it_is_closed,
);

async fn twice_is_as_once(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    store.close().await;
    let store = fixture.open().await;
    assert_eq!(store.accounts().await.unwrap(), [ada]);
    assert_eq!(migrations(&fixture).await.len(), MIGRATIONS);
}

async fn what_was_there_before_a_migration_stays(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let before = room(&store, &ada, "aaaa").await;
    store.close().await;
    let other = fixture.other().await;
    other.execute_unprepared("ALTER TABLE rooms DROP COLUMN route").await.unwrap();
    other.execute_unprepared("DELETE FROM fireside_migrations WHERE version LIKE '%route'").await.unwrap();
    other.close().await.unwrap();

    let store = fixture.open().await;
    let after = store.room_by_code("aaaa").await.unwrap().unwrap();
    assert_eq!((&after, after.route), (&before, Route::Auto));
}

async fn by_several_at_once(fixture: Fixture) {
    let mut openers = JoinSet::new();
    for _ in 0..6 {
        let url = fixture.url.clone();
        openers.spawn(async move { Store::open(&url).await.unwrap() });
    }
    let stores = openers.join_all().await;
    let ada = account(&stores[0], "ada").await;
    for store in stores {
        assert_eq!(store.accounts().await.unwrap(), std::slice::from_ref(&ada));
    }
    assert_eq!(migrations(&fixture).await.len(), MIGRATIONS, "applied once");
}

async fn a_newer_schema_is_left_alone(fixture: Fixture) {
    fixture.open().await.close().await;
    let other = fixture.other().await;
    other.execute_unprepared("INSERT INTO fireside_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)").await.unwrap();
    // Were the known migrations applied again, they would fail on tables that exist; this one would come back.
    other.execute_unprepared("DROP TABLE secrets").await.unwrap();
    other.execute_unprepared("DELETE FROM fireside_migrations WHERE version NOT LIKE '%later'").await.unwrap();
    other.close().await.unwrap();
    let before = fixture.bytes();

    let refused = Store::open(&fixture.url).await.unwrap_err();
    let OpenError::Newer { found, known, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!((found.as_str(), known.as_str()), ("m20991231_000001_later", "m20261124_000001_route"));
    assert!(refused.to_string().contains("newer"), "{refused}");
    assert!(fixture.bytes() == before, "not a byte has changed");
    assert_eq!(migrations(&fixture).await, ["m20991231_000001_later"]);
}

async fn another_programs_migrations_are_none_of_ours(fixture: Fixture) {
    if fixture.file().is_some() {
        return; // a SQLite file belongs to one program, see `sqlite::is_not_ours`
    }
    let other = fixture.other().await;
    other.execute_unprepared("CREATE TABLE seaql_migrations (version text PRIMARY KEY, applied_at bigint)").await.unwrap();
    other.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m_of_another_program', 0)").await.unwrap();
    account(&fixture.open().await, "ada").await;
}

/// A process that makes the schema is killed, each time a little later on its way.
async fn a_kill_on_the_way_does_no_harm(fixture: Fixture) {
    for round in 0..12 {
        fixture.empty().await;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "opening::opens_in_a_process_of_its_own", "--ignored", "--nocapture"])
            .env("FIRESIDE_TEST_OPEN", &fixture.url)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Not an event but any moment: which one it hits is left to chance.
        tokio::time::sleep(Duration::from_millis(6 + 4 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();

        let store = fixture.open().await;
        let ada = account(&store, "ada").await;
        assert_eq!(store.accounts().await.unwrap(), [ada]);
        store.close().await;
        assert_eq!(migrations(&fixture).await.len(), MIGRATIONS);
    }
}

#[tokio::test]
#[ignore = "is what `a_kill_on_the_way_does_no_harm` kills"]
async fn opens_in_a_process_of_its_own() {
    let Ok(url) = std::env::var("FIRESIDE_TEST_OPEN") else { return };
    loop {
        Store::open(&url).await.unwrap().close().await;
    }
}

async fn answers_a_ping_until_it_is_closed(fixture: Fixture) {
    let store = fixture.open().await;
    let held = store.clone();
    store.ping().await.unwrap();
    store.close().await;
    assert!(matches!(held.ping().await, Err(fireside_store::StoreError::Unreachable)));
}

#[tokio::test]
async fn an_address_of_something_else_is_refused() {
    for url in ["mysql://root:hunter2@localhost/db", "", "fireside.db", "sqlite:", "sqlite://a.db?mode=ro"] {
        let refused = Store::open(url).await.unwrap_err();
        assert!(matches!(refused, OpenError::Unreachable { .. }), "{url}: {refused:?}");
        assert!(!format!("{refused:?} {refused}").contains("hunter2"));
    }
}

async fn migrations(fixture: &Fixture) -> Vec<String> {
    let other = fixture.other().await;
    let statement = Statement::from_string(other.get_database_backend(), "SELECT version FROM fireside_migrations");
    let rows = other.query_all_raw(statement).await.unwrap();
    other.close().await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
