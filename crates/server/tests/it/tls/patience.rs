//! Waits for what comes about by itself.

use std::time::Duration;

use tokio::time::{interval, timeout};

use crate::ws::client::PATIENCE;

/// Asks again and again until there is an answer.
pub(super) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut times = interval(Duration::from_millis(50));
        loop {
            times.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    timeout(PATIENCE * 3, asking).await.unwrap_or_else(|_| panic!("never: {what}"))
}
