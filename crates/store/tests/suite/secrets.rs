//! The server's keys: made once.

use crate::both;
use crate::fixture::Fixture;

both!(the_first_stays, all_nodes_get_the_same);

async fn the_first_stays(fixture: Fixture) {
    let store = fixture.open().await;
    assert_eq!(store.secret("resume", [1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(store.secret("resume", [2; 32]).await.unwrap(), [1; 32]);
    assert_eq!(store.secret("csrf", [3; 32]).await.unwrap(), [3; 32]);
    store.close().await;
    assert_eq!(fixture.open().await.secret("resume", [4; 32]).await.unwrap(), [1; 32]);
}

async fn all_nodes_get_the_same(fixture: Fixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    for round in 0..10 {
        let name = format!("key {round}");
        let (a, b) = tokio::join!(one.secret(&name, [1; 32]), other.secret(&name, [2; 32]));
        assert_eq!(a.unwrap(), b.unwrap());
    }
}
