//! Rooms to measure in, written to the database before the server starts.

use std::path::Path;

use fireside_protocol::RoomCode;
use fireside_store::{NewAccount, NewRoom, Store};
use uuid::Uuid;

/// Makes `count` rooms that guests may enter; returns their codes.
pub(crate) async fn prepare(data: &Path, count: usize) -> anyhow::Result<Vec<RoomCode>> {
    let store = Store::open(&format!("sqlite://{}", data.join("fireside.db").display())).await?;
    let owner = store
        .create_account(
            NewAccount {
                username: "bench".into(),
                email: "bench@localhost.invalid".into(),
                display_name: "Bench".into(),
                password_hash: "!".into(),
                is_admin: false,
            },
            0,
        )
        .await?;
    let mut codes = Vec::with_capacity(count);
    for number in 0..count {
        let code = RoomCode::from_random(spread(number));
        let room = NewRoom { code: code.to_string(), owner: owner.id, title: format!("Bench {number}"), guests_allowed: true };
        anyhow::ensure!(store.create_room(room, 0).await?.is_some(), "two rooms of one code");
        codes.push(code);
    }
    store.close().await;
    Ok(codes)
}

/// Twelve bytes that differ for every number (five bits of each count).
fn spread(number: usize) -> [u8; 12] {
    let mut bytes = [0u8; 12];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::try_from((number >> (5 * at.min(6))) & 31).unwrap_or(0);
    }
    bytes
}

/// A message id for chat of ours.
pub(crate) fn fresh_id() -> Uuid {
    Uuid::now_v7()
}
