//! Rooms: codes, owners, changes.

use fireside_store::{NewRoom, Room, RoomChange, Route};
use uuid::Uuid;

use crate::both;
use crate::fixture::{Fixture, NOW, account, message, room};

both!(is_made_and_found, a_code_is_given_once, the_last_used_comes_first, only_its_owner_changes_it, only_its_owner_deletes_it);

async fn is_made_and_found(fixture: Fixture) {
    let store = fixture.open().await;
    let ada = account(&store, "ada").await;
    let made = room(&store, &ada, "k7fq-2mzx-9tda").await;
    let expected = Room {
        id: made.id,
        code: "k7fq-2mzx-9tda".into(),
        owner: ada.id,
        title: "Weekly".into(),
        guests_allowed: true,
        created_at: NOW,
        used_at: None,
        route: Route::Auto,
    };
    assert_eq!(made, expected);
    assert_eq!(store.room_by_code("k7fq-2mzx-9tda").await.unwrap(), Some(made));
    assert_eq!(store.room_by_code("k7fq-2mzx-9tdb").await.unwrap(), None);
}

async fn a_code_is_given_once(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let first = room(&store, &ada, "aaaa").await;
    let again = NewRoom { code: "aaaa".into(), owner: grace.id, title: "Mine".into(), guests_allowed: false };
    assert_eq!(store.create_room(again, NOW).await.unwrap(), None);
    assert_eq!(store.room_by_code("aaaa").await.unwrap(), Some(first));
}

async fn the_last_used_comes_first(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    room(&store, &grace, "zzzz").await;
    for (code, minute) in [("aaaa", 1), ("bbbb", 2), ("cccc", 3)] {
        let new = NewRoom { code: code.into(), owner: ada.id, title: String::new(), guests_allowed: true };
        store.create_room(new, NOW + minute).await.unwrap().unwrap();
    }
    let order = async || store.rooms_of(ada.id).await.unwrap().into_iter().map(|room| room.code).collect::<Vec<_>>();
    assert_eq!(order().await, ["cccc", "bbbb", "aaaa"]);

    let oldest = store.room_by_code("aaaa").await.unwrap().unwrap();
    store.touch_room(oldest.id, NOW + 4).await.unwrap();
    assert_eq!(order().await, ["aaaa", "cccc", "bbbb"]);
    assert_eq!(store.room_by_code("aaaa").await.unwrap().unwrap().used_at, Some(NOW + 4));
    assert_eq!(store.rooms_of(Uuid::now_v7()).await.unwrap(), []);
}

async fn only_its_owner_changes_it(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let made = room(&store, &ada, "aaaa").await;
    let other = room(&store, &ada, "bbbb").await;

    let title = RoomChange { title: Some("Monthly".into()), ..RoomChange::default() };
    assert_eq!(store.change_room("aaaa", grace.id, title.clone()).await.unwrap(), None);
    assert_eq!(store.change_room("aaaa", grace.id, RoomChange::default()).await.unwrap(), None);
    assert_eq!(store.room_by_code("aaaa").await.unwrap().as_ref(), Some(&made));

    let changed = store.change_room("aaaa", ada.id, title).await.unwrap().unwrap();
    assert_eq!(changed, Room { title: "Monthly".into(), ..made });
    let closed = store.change_room("aaaa", ada.id, RoomChange { guests_allowed: Some(false), ..RoomChange::default() }).await.unwrap().unwrap();
    assert_eq!(closed, Room { guests_allowed: false, ..changed });
    let mut last = closed;
    for route in [Route::Server, Route::Mesh, Route::Auto] {
        let changed = store.change_room("aaaa", ada.id, RoomChange { route: Some(route), ..RoomChange::default() }).await.unwrap().unwrap();
        last = Room { route, ..last };
        assert_eq!(changed, last);
        assert_eq!(store.room_by_code("aaaa").await.unwrap().as_ref(), Some(&last));
    }
    assert_eq!(store.change_room("aaaa", ada.id, RoomChange::default()).await.unwrap(), Some(last));
    assert_eq!(store.room_by_code("bbbb").await.unwrap(), Some(other), "another room of theirs stays as it was");
}

async fn only_its_owner_deletes_it(fixture: Fixture) {
    let store = fixture.open().await;
    let (ada, grace) = (account(&store, "ada").await, account(&store, "grace").await);
    let (made, other) = (room(&store, &ada, "aaaa").await, room(&store, &ada, "bbbb").await);
    store.append_message(message(&made, None, "hello")).await.unwrap();
    store.append_message(message(&other, None, "hello")).await.unwrap();

    assert!(!store.delete_room("aaaa", grace.id).await.unwrap());
    assert_eq!(store.messages_before(made.id, None, 10).await.unwrap().0.len(), 1);
    assert!(store.delete_room("aaaa", ada.id).await.unwrap());
    assert_eq!(store.room_by_code("aaaa").await.unwrap(), None);
    assert_eq!(store.messages_before(made.id, None, 10).await.unwrap().0.len(), 0);
    assert_eq!(store.messages_before(other.id, None, 10).await.unwrap().0.len(), 1);
    assert!(!store.delete_room("aaaa", ada.id).await.unwrap());
}
