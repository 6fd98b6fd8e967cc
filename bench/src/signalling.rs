//! Joins, relayed signals, chat and idle connections, as the server's CPU time and memory.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use fireside_protocol::{ChatId, ClientMessage, ParticipantId, RoomCode, ServerMessage, SignalBody};
use futures_util::future::try_join_all;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::client::{self, Socket};
use crate::process::Server;
use crate::rooms;

/// A real session description with a handful of candidates is about this long.
const SIGNAL_BYTES: usize = 1_400;
/// Each client sends this often: within the budget that the server gives to a connection.
const PACE: Duration = Duration::from_millis(25);

/// Joins, relayed signals, chat and idle connections.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Connections in all.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(4..=9_000))]
    connections: u32,
    /// People in each room.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=16))]
    room_of: u32,
    /// Signals to relay in all.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    signals: u32,
    /// Chat messages to send in all.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    chats: u32,
    /// Signals that arrive between two pings, which say so: the client in the browser does it every 64.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    ping_every: u32,
    /// The server's executable.
    #[arg(long, default_value = "target/release/fireside")]
    server: PathBuf,
    /// Measure the floor instead: a bare axum server that passes texts on unread (no chat there).
    #[arg(long)]
    floor: bool,
    /// Write the result as JSON too.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Somebody in a room, and the one they signal to.
struct Person {
    socket: Socket,
    id: ParticipantId,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let room_count = options.connections.div_ceil(options.room_of) as usize;
    let codes = rooms::prepare(folder.path(), room_count).await?;
    let server = if options.floor { Server::start_bare()? } else { Server::start(&options.server, folder.path(), options.room_of)? };
    println!("start: {:.0} ms, {:.1} MB", server.start_time.as_secs_f64() * 1e3, megabytes(server.resident()?));

    let empty = settled_memory(&server).await?;
    let before = server.cpu()?;
    let (first, second) = codes.split_at(codes.len() / 2);
    let mut people = join_all(&server, first, 0, &options).await?;
    let early: usize = people.iter().map(Vec::len).sum();
    let half = settled_memory(&server).await?;
    people.extend(join_all(&server, second, early, &options).await?);
    let join_cpu = (server.cpu()? - before).as_secs_f64() * 1e3 / f64::from(options.connections);
    let full = settled_memory(&server).await?;
    let per_connection = full.saturating_sub(empty) as f64 / 1024.0 / f64::from(options.connections);
    let one_more = full.saturating_sub(half) as f64 / 1024.0 / (f64::from(options.connections) - early as f64);
    println!(
        "join: {join_cpu:.3} CPU ms each; memory: {one_more:.1} KB for one more joined, idle connection ({per_connection:.1} KB with what is warmed up once)"
    );

    let signals = options.signals / options.connections * options.connections;
    let before = server.cpu()?;
    let begun = Instant::now();
    people = relay(people, options.signals / options.connections, &options).await?;
    let signal_cpu = (server.cpu()? - before).as_secs_f64() * 1e5 / f64::from(signals);
    println!("signals: {signals} relayed in {:.1} s: {signal_cpu:.2} CPU s per 100,000", begun.elapsed().as_secs_f64());

    if options.floor {
        return Ok(());
    }
    let each = options.chats.div_ceil(options.connections);
    let before = server.cpu()?;
    let begun = Instant::now();
    let delivered = talk(people, each).await?;
    let chat_cpu = (server.cpu()? - before).as_secs_f64();
    let kept = each * options.connections;
    println!(
        "chat: {kept} kept, {delivered} delivered in {:.1} s: {:.2} CPU s per 100,000 delivered, {:.2} per 100,000 kept (persistence included)",
        begun.elapsed().as_secs_f64(),
        chat_cpu * 1e5 / f64::from(delivered.max(1)),
        chat_cpu * 1e5 / f64::from(kept.max(1)),
    );
    if let Some(path) = &options.json {
        let result = serde_json::json!({
            "connections": options.connections, "room_of": options.room_of, "join_cpu_ms": join_cpu, "kb_per_connection": one_more, "kb_per_connection_from_empty": per_connection,
            "cpu_s_per_100k_signals": signal_cpu, "cpu_s_per_100k_chat_delivered": chat_cpu * 1e5 / f64::from(delivered.max(1)),
            "cpu_s_per_100k_chat_kept": chat_cpu * 1e5 / f64::from(kept.max(1)), "start_ms": server.start_time.as_secs_f64() * 1e3,
        });
        std::fs::write(path, serde_json::to_string_pretty(&result)?)?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Memory once it no longer changes: the allocator gives back with a delay.
async fn settled_memory(server: &Server) -> anyhow::Result<u64> {
    let mut last = server.resident()?;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = server.resident()?;
        if now.abs_diff(last) < 64 * 1024 {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}

/// Everyone joins, room by room, the clients counted on from `from`; returns them room by room. Reading until all have been announced keeps the sockets empty.
async fn join_all(server: &Server, codes: &[RoomCode], from: usize, options: &Options) -> anyhow::Result<Vec<Vec<Person>>> {
    let mut rooms = Vec::with_capacity(codes.len());
    let mut number = from;
    for code in codes {
        let mut room: Vec<Person> = Vec::new();
        while room.len() < options.room_of as usize && number < options.connections as usize {
            let mut socket = client::connect(server.address(), code, number).await?;
            let id = client::join(&mut socket, format!("Person {number}")).await?;
            for person in &mut room {
                let message = client::next(&mut person.socket).await?;
                anyhow::ensure!(matches!(message, ServerMessage::Joined { .. }), "expected joined, got {message:?}");
            }
            room.push(Person { socket, id });
            number += 1;
        }
        rooms.push(room);
    }
    Ok(rooms)
}

/// Everyone sends `count` signals to the next in the room and reads as many from the one before.
async fn relay(rooms: Vec<Vec<Person>>, count: u32, options: &Options) -> anyhow::Result<Vec<Vec<Person>>> {
    let (room_of, ping_every) = (options.room_of, options.ping_every);
    let tasks = rooms.into_iter().enumerate().map(|(at, room)| {
        let targets: Vec<ParticipantId> = (0..room.len()).map(|from| room[(from + 1) % room.len()].id).collect();
        let people = room.into_iter().zip(targets).enumerate().map(move |(seat, (mut person, to))| {
            tokio::spawn(async move {
                let sdp = "a".repeat(SIGNAL_BYTES);
                let message = ClientMessage::Signal { to, connection: 1, body: SignalBody::Offer { sdp } };
                // Not all at the same instant: people are not in step.
                tokio::time::sleep(PACE * u32::try_from((at * room_of as usize + seat) % 25)? / 25).await;
                let mut pace = interval(PACE);
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                let (mut sent, mut received) = (0, 0);
                while sent < count || received < count {
                    tokio::select! {
                        _ = pace.tick(), if sent < count => { client::send(&mut person.socket, &message).await?; sent += 1; }
                        text = client::next_text(&mut person.socket), if received < count => {
                            let text = text?;
                            if text.contains("\"pong\"") {
                                continue;
                            }
                            anyhow::ensure!(text.contains("\"signal\""), "expected a signal, got {text}");
                            received += 1;
                            if received % ping_every == 0 {
                                client::send(&mut person.socket, &ClientMessage::Ping { seq: client::seq_of(&text) }).await?;
                            }
                        }
                    }
                }
                anyhow::Ok(person)
            })
        });
        try_join_all(people)
    });
    let rooms = timeout(Duration::from_secs(600), try_join_all(tasks)).await.context("the signals did not all arrive")??;
    rooms.into_iter().map(|room| room.into_iter().collect()).collect()
}

/// Everyone writes `each` messages and reads those of everyone else in the room and the acknowledgements; returns how many were delivered.
async fn talk(rooms: Vec<Vec<Person>>, each: u32) -> anyhow::Result<u32> {
    let tasks = rooms.into_iter().map(|room| {
        let expected = u32::try_from(room.len()).unwrap_or(0) * each;
        let people = room.into_iter().map(move |mut person| {
            tokio::spawn(async move {
                let mut pace = interval(PACE * 4);
                let (mut sent, mut received) = (0, 0);
                while sent < each || received < expected {
                    tokio::select! {
                        _ = pace.tick(), if sent < each => {
                            let text = format!("message {sent} of a hundred characters, about what people write in a meeting when nobody speaks");
                            client::send(&mut person.socket, &ClientMessage::Chat { id: ChatId(rooms::fresh_id()), text }).await?;
                            sent += 1;
                        }
                        text = client::next_text(&mut person.socket) => {
                            let text = text?;
                            if text.contains("\"pong\"") {
                                continue;
                            }
                            anyhow::ensure!(text.contains("\"chat"), "expected chat, got {text}");
                            received += 1;
                        }
                    }
                }
                anyhow::Ok(received - each)
            })
        });
        try_join_all(people)
    });
    let rooms = timeout(Duration::from_secs(600), try_join_all(tasks)).await.context("the chat did not all arrive")??;
    let mut delivered = 0;
    for count in rooms.into_iter().flatten() {
        delivered += count?;
    }
    Ok(delivered)
}
