//! The floor: an axum server that passes each text on to the next person in the room, unread. What Fireside costs above it is
//! what it does: types both ways, senders set by the server, budgets, numbered messages, replay, resume.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use clap::Args;
use fireside_protocol::{
    ChatPage, Limits, MediaState, Participant, ParticipantId, Resumed, Role, RoomCode, RoomInfo, RouteReason, ServerMessage, Topology, UnixMillis,
    Welcome,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::rooms::fresh_id;

/// The floor.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
}

type Rooms = Arc<Mutex<HashMap<RoomCode, Vec<mpsc::Sender<Utf8Bytes>>>>>;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let rooms = Rooms::default();
    let app = Router::new().route("/ws/{room}", get(upgrade)).with_state(rooms);
    let listener = TcpListener::bind(options.listen).await?.tap_io(|stream| _ = stream.set_nodelay(true));
    axum::serve(listener, app).await.context("serve")
}

async fn upgrade(State(rooms): State<Rooms>, Path(code): Path<RoomCode>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.read_buffer_size(4096).write_buffer_size(4096).protocols(["fireside.v1"]);
    upgrade.on_upgrade(move |socket| async move {
        // A client that goes ends its own task only.
        let _ = serve(socket, &rooms, code).await;
    })
}

async fn serve(mut socket: WebSocket, rooms: &Rooms, code: RoomCode) -> anyhow::Result<()> {
    socket.recv().await.context("no join")??;
    let (outbox, mut waiting) = mpsc::channel::<Utf8Bytes>(256);
    let (seat, joined) = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(code.clone()).or_default();
        room.push(outbox);
        (room.len() - 1, room[..room.len() - 1].to_vec())
    };
    let participant = somebody();
    let text = |message: &ServerMessage| serde_json::to_string(message).map(Utf8Bytes::from);
    socket.send(Message::Text(text(&welcome(participant.id, code.clone()))?)).await?;
    let announcement = text(&ServerMessage::Joined { participant })?;
    for other in joined {
        other.send(announcement.clone()).await?;
    }
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) if text.contains("\"ping\"") => {}
                Some(Ok(Message::Text(text))) => {
                    let next = {
                        let rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
                        rooms.get(&code).map(|room| room[(seat + 1) % room.len()].clone())
                    };
                    next.context("no room")?.try_send(text).ok();
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(()),
            },
            Some(text) = waiting.recv() => socket.send(Message::Text(text)).await?,
        }
    }
}

fn somebody() -> Participant {
    Participant {
        id: ParticipantId(fresh_id()),
        name: "Somebody".into(),
        role: Role::Guest,
        media: MediaState::default(),
        hand_raised_at: None,
        connected: true,
        joined_at: UnixMillis(0),
    }
}

fn welcome(you: ParticipantId, code: RoomCode) -> ServerMessage {
    ServerMessage::Welcome(Box::new(Welcome {
        you,
        resume_token: String::new(),
        seq: 0,
        resumed: Resumed::Fresh,
        recovering_ms: None,
        room: RoomInfo { code, title: String::new() },
        topology: Topology::Mesh,
        change: 0,
        changing: false,
        reason: RouteReason::Size,
        participants: Vec::new(),
        chat: ChatPage::default(),
        ice_servers: Vec::new(),
        relay_only: false,
        run: 0,
        started_at: UnixMillis(0),
        now: UnixMillis(0),
        limits: Limits { chat_chars: 0, name_chars: 0, people: 0, mesh_people: 0, ping_interval_ms: 0, resume_window_ms: 0 },
    }))
}
