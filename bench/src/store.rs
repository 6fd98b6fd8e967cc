//! Keeping chat messages: the database alone, to be taken off what chat costs as a whole.

use std::time::Instant;

use clap::Args;
use fireside_store::{AppendMessage, Store, StoredMessage};

use crate::{process, rooms};

/// Keeping chat messages.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many to keep.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    messages: u32,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let codes = rooms::prepare(folder.path(), 1).await?;
    let store = Store::open(&format!("sqlite://{}", folder.path().join("fireside.db").display())).await?;
    let room = store.room_by_code(codes[0].as_str()).await?.map(|room| room.id).unwrap_or_default();
    let participant = rooms::fresh_id();
    let before = process::cpu_of(std::process::id())?;
    let begun = Instant::now();
    for number in 0..options.messages {
        let message = StoredMessage {
            id: rooms::fresh_id(),
            participant,
            account: None,
            name: "Bench".into(),
            text: format!("message {number} of a hundred characters, about what people write in a meeting when nobody speaks"),
            sent_at: i64::from(number),
        };
        store.append_message(AppendMessage { room, client_id: rooms::fresh_id(), message }).await?;
    }
    let cpu = process::cpu_of(std::process::id())? - before;
    let per = cpu.as_secs_f64() * 100_000.0 / f64::from(options.messages);
    println!("kept {} messages one by one in {:.2} s: {per:.2} CPU s per 100,000", options.messages, begun.elapsed().as_secs_f64());
    store.close().await;
    Ok(())
}
