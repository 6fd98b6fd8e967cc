//! Token buckets: exact, also when many take at once.

use fireside_store::{Budget, Store, Verdict};
use tokio::task::JoinSet;

use crate::both;
use crate::fixture::{Fixture, NOW};

both!(
    a_bucket_empties_and_refills,
    keys_do_not_share,
    refusals_cost_nothing,
    can_be_filled_by_hand,
    the_full_are_swept,
    many_at_once_get_what_there_is,
    a_clock_put_back_locks_nobody_out,
    nothing_is_allowed_without_a_burst,
    large_budgets_do_not_overflow,
);

const THREE: Budget = Budget { burst: 3, refill_ms: 1000 };
const ALLOWED: Verdict = Verdict::Allowed;

fn refused(retry_after_ms: u32) -> Verdict {
    Verdict::Refused { retry_after_ms }
}

async fn take(store: &Store, now: i64) -> Verdict {
    store.take("key", THREE, now).await.unwrap()
}

async fn a_bucket_empties_and_refills(fixture: Fixture) {
    let store = fixture.open().await;
    for _ in 0..3 {
        assert_eq!(take(&store, NOW).await, ALLOWED);
    }
    assert_eq!(take(&store, NOW).await, refused(1000));
    assert_eq!(take(&store, NOW + 999).await, refused(1));
    assert_eq!(take(&store, NOW + 1000).await, ALLOWED);
    assert_eq!(take(&store, NOW + 1000).await, refused(1000));
    for _ in 0..3 {
        assert_eq!(take(&store, NOW + 60_000).await, ALLOWED, "full again, and no fuller than full");
    }
    assert_eq!(take(&store, NOW + 60_000).await, refused(1000));
}

async fn keys_do_not_share(fixture: Fixture) {
    let store = fixture.open().await;
    let one = Budget { burst: 1, refill_ms: 1000 };
    assert_eq!(store.take("a", one, NOW).await.unwrap(), ALLOWED);
    assert_eq!(store.take("a", one, NOW).await.unwrap(), refused(1000));
    assert_eq!(store.take("b", one, NOW).await.unwrap(), ALLOWED);
    assert_eq!(store.take("\0'\"", one, NOW).await.unwrap(), ALLOWED);
}

async fn refusals_cost_nothing(fixture: Fixture) {
    let store = fixture.open().await;
    for _ in 0..20 {
        take(&store, NOW).await;
    }
    assert_eq!(take(&store, NOW + 1000).await, ALLOWED);
}

async fn can_be_filled_by_hand(fixture: Fixture) {
    let store = fixture.open().await;
    for _ in 0..4 {
        take(&store, NOW).await;
    }
    store.refill("key").await.unwrap();
    assert_eq!(take(&store, NOW).await, ALLOWED);
    store.refill("no such key").await.unwrap();
}

async fn the_full_are_swept(fixture: Fixture) {
    let store = fixture.open().await;
    store.take("soon", THREE, NOW).await.unwrap();
    store.take("later", THREE, NOW + 1).await.unwrap();
    assert_eq!(store.sweep_limits(NOW + 999).await.unwrap(), 0);
    assert_eq!(store.sweep_limits(NOW + 1000).await.unwrap(), 1);
    assert_eq!(store.sweep_limits(NOW + 1001).await.unwrap(), 1);
}

async fn many_at_once_get_what_there_is(fixture: Fixture) {
    let stores = [fixture.open().await, fixture.open().await];
    let budget = Budget { burst: 7, refill_ms: 1000 };
    let mut takers = JoinSet::new();
    for taker in 0..40 {
        let store = stores[taker % 2].clone();
        takers.spawn(async move { store.take("key", budget, NOW).await.unwrap() });
    }
    let verdicts = takers.join_all().await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == ALLOWED).count(), 7);
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Allowed | Verdict::Refused { retry_after_ms: 1000 })), "{verdicts:?}");
}

async fn a_clock_put_back_locks_nobody_out(fixture: Fixture) {
    let store = fixture.open().await;
    let a_year_ahead = NOW + 365 * 86_400_000;
    take(&store, a_year_ahead).await;
    assert_eq!(take(&store, NOW).await, refused(1000));
    assert_eq!(take(&store, NOW + 1000).await, ALLOWED);
}

async fn nothing_is_allowed_without_a_burst(fixture: Fixture) {
    let store = fixture.open().await;
    assert_eq!(store.take("key", Budget { burst: 0, refill_ms: 1000 }, NOW).await.unwrap(), refused(u32::MAX));
}

async fn large_budgets_do_not_overflow(fixture: Fixture) {
    let store = fixture.open().await;
    let vast = Budget { burst: u32::MAX, refill_ms: u32::MAX };
    assert_eq!(store.take("key", vast, NOW).await.unwrap(), ALLOWED);
    assert_eq!(store.take("key", vast, NOW).await.unwrap(), ALLOWED);
    let slow = Budget { burst: 1, refill_ms: u32::MAX };
    assert_eq!(store.take("slow", slow, NOW).await.unwrap(), ALLOWED);
    assert_eq!(store.take("slow", slow, NOW).await.unwrap(), refused(u32::MAX));
}
