//! One example of each message, both ways; of those with several shapes, one of each shape. `PROTOCOL.md` shows the same.

use fireside_protocol::limits::{CHAT_CHARS, MESH_PEOPLE, NAME_CHARS, PEOPLE, PING_INTERVAL_MS, RESUME_WINDOW_MS};
use fireside_protocol::{
    ByeCode, ChatId, ChatMessage, ChatPage, ClientMessage, DeniedCode, DroppedCode, ErrorCode, HeldReason, IceServer, Join, LeftReason, Limits,
    MediaState, MessageId, Offer, Participant, ParticipantId, Resume, Resumed, Role, RoomInfo, RouteReason, ServerFrame, ServerMessage, SignalBody,
    SlotKind, SlotUse, Source, Strain, Tile, Topology, TrackRef, UnixMillis, Welcome,
};
use uuid::Uuid;

/// A message and the name of its shape: its type, or its type and what is special about this one.
pub(crate) type Named<T> = (&'static str, T);

pub(crate) fn client() -> Vec<Named<ClientMessage>> {
    vec![
        ("join", ClientMessage::Join(Join { name: Some("Bo".to_owned()), media: on(true, true), hand: false, ..Join::default() })),
        (
            "join_again",
            ClientMessage::Join(Join {
                name: Some("Bo".to_owned()),
                media: on(true, false),
                hand: true,
                resume: Some(Resume { token: "fTEuAZ3...".to_owned(), seq: 41, chat_after: Some(message(1).id), topology: Some(Topology::Server) }),
                offer: Some(to_server(3)),
                prepared: None,
            }),
        ),
        ("join_prepared", ClientMessage::Join(Join { name: Some("Bo".to_owned()), media: on(true, true), prepared: Some(1), ..Join::default() })),
        ("prepare", ClientMessage::Prepare { offer: to_server(1) }),
        ("offer", ClientMessage::Offer { offer: to_server(2) }),
        (
            "view",
            ClientMessage::View {
                tiles: vec![
                    Tile { participant: ada(), source: Source::Screen, height: 900, pinned: true },
                    Tile { participant: ada(), source: Source::Camera, height: 180, pinned: false },
                ],
            },
        ),
        ("settled", ClientMessage::Settled { change: 1 }),
        ("condition", ClientMessage::Condition { unreachable: vec![ada()], strained: None }),
        ("condition_strained", ClientMessage::Condition { unreachable: vec![], strained: Some(Strain::Upload) }),
        ("signal", ClientMessage::Signal { to: bo(), connection: 1, body: offer() }),
        ("signal_answer", ClientMessage::Signal { to: ada(), connection: 1, body: SignalBody::Answer { sdp: "v=0\r\n...".to_owned() } }),
        ("signal_candidate", ClientMessage::Signal { to: ada(), connection: 1, body: candidate() }),
        ("media", ClientMessage::Media { media: MediaState { microphone: true, camera: false, screen: true } }),
        ("chat", ClientMessage::Chat { id: chat_id(), text: "Hello, all!".to_owned() }),
        ("history", ClientMessage::History { before: message(1).id }),
        ("hand", ClientMessage::Hand { raised: true }),
        ("rename", ClientMessage::Rename { name: "Bo Diddley".to_owned() }),
        ("ping", ClientMessage::Ping { seq: Some(12) }),
        ("leave", ClientMessage::Leave),
    ]
}

pub(crate) fn server() -> Vec<Named<ServerFrame>> {
    vec![
        ("welcome", frame(None, ServerMessage::Welcome(Box::new(welcome())))),
        ("welcome_replayed", frame(None, ServerMessage::Welcome(Box::new(replayed())))),
        ("welcome_changing", frame(None, ServerMessage::Welcome(Box::new(changing())))),
        ("denied", frame(None, ServerMessage::Denied { code: DeniedCode::RoomFull, message: "The meeting is full.".to_owned() })),
        ("joined", frame(Some(1), ServerMessage::Joined { participant: participant_bo() })),
        ("left", frame(Some(42), ServerMessage::Left { participant: bo(), reason: LeftReason::Lost })),
        (
            "updated",
            frame(
                Some(43),
                ServerMessage::Updated { participant: Participant { hand_raised_at: Some(at(95_000)), connected: false, ..participant_bo() } },
            ),
        ),
        ("room", frame(Some(44), ServerMessage::Room { room: RoomInfo { title: "Retrospective".to_owned(), ..room() } })),
        ("topology", frame(Some(47), to_the_server(true))),
        ("topology_changed", frame(Some(52), to_the_server(false))),
        ("prepared", frame(None, ServerMessage::Prepared { topology: Topology::Server })),
        ("answer", frame(None, ServerMessage::Answer { connection: 1, sdp: "v=0\r\n...".to_owned() })),
        ("dropped", frame(None, ServerMessage::Dropped { connection: 1, code: DroppedCode::Unreachable })),
        ("slots", frame(None, ServerMessage::Slots { connection: 1, slots: slots() })),
        ("speaking", frame(None, ServerMessage::Speaking { participants: vec![ada(), bo()], speaker: Some(ada()) })),
        ("wanted", frame(None, ServerMessage::Wanted { source: Source::Camera, layers: vec![true, true, false] })),
        ("held", frame(None, ServerMessage::Held { tracks: vec![track(ada(), Source::Camera)], reason: HeldReason::Line })),
        ("signal", frame(Some(2), ServerMessage::Signal { from: ada(), connection: 1, body: offer() })),
        ("chat", frame(Some(45), ServerMessage::Chat { message: message(2) })),
        ("chat_ack", frame(Some(7), ServerMessage::ChatAck { id: chat_id(), message: message(2) })),
        ("history", frame(None, ServerMessage::History { page: ChatPage { messages: vec![message(0)], more: false } })),
        (
            "error",
            frame(
                Some(46),
                ServerMessage::Error {
                    code: ErrorCode::ChatNotSaved,
                    message: "The message could not be saved. Send it again later.".to_owned(),
                    about: Some(chat_id().0.to_string()),
                },
            ),
        ),
        ("ice_servers", frame(None, ServerMessage::IceServers { ice_servers: ice_servers(1_795_392_960, "8mXb1nTq0c5Jr7wY2uLh4gAa9dE=") })),
        ("pong", frame(None, ServerMessage::Pong)),
        ("bye", frame(None, ServerMessage::Bye { code: ByeCode::Restarting, message: "The server restarts. Come back in a moment.".to_owned() })),
    ]
}

fn welcome() -> Welcome {
    Welcome {
        you: bo(),
        resume_token: "fTEuAZ3...".to_owned(),
        seq: 0,
        resumed: Resumed::Fresh,
        recovering_ms: None,
        room: room(),
        topology: Topology::Mesh,
        change: 0,
        changing: false,
        reason: RouteReason::Size,
        participants: vec![participant_ada(), participant_bo()],
        chat: ChatPage { messages: vec![message(1)], more: true },
        ice_servers: ice_servers(1_795_392_660, "pX4sQy1Zt6Vn0hKc3gRw8bJm5fU="),
        relay_only: false,
        run: 2_716_057_114,
        started_at: at(0),
        now: at(60_000),
        limits: Limits {
            chat_chars: CHAT_CHARS as u32,
            name_chars: NAME_CHARS as u32,
            people: PEOPLE as u32,
            mesh_people: MESH_PEOPLE as u32,
            ping_interval_ms: PING_INTERVAL_MS,
            resume_window_ms: RESUME_WINDOW_MS,
        },
    }
}

fn replayed() -> Welcome {
    Welcome {
        seq: 41,
        resumed: Resumed::Replayed,
        recovering_ms: Some(12_500),
        participants: Vec::new(),
        chat: ChatPage::default(),
        ice_servers: Vec::new(),
        relay_only: true,
        now: at(120_000),
        ..welcome()
    }
}

fn changing() -> Welcome {
    Welcome { topology: Topology::Server, change: 1, changing: true, ..welcome() }
}

fn to_the_server(changing: bool) -> ServerMessage {
    ServerMessage::Topology { topology: Topology::Server, change: 1, changing, reason: RouteReason::Size }
}

fn to_server(connection: u32) -> Offer {
    Offer { connection, sdp: "v=0\r\n...".to_owned() }
}

fn slots() -> Vec<SlotUse> {
    vec![
        SlotUse { kind: SlotKind::Audio, slot: 0, track: Some(track(ada(), Source::Microphone)) },
        SlotUse { kind: SlotKind::Video, slot: 2, track: Some(track(ada(), Source::Screen)) },
        SlotUse { kind: SlotKind::Video, slot: 3, track: None },
    ]
}

fn track(participant: ParticipantId, source: Source) -> TrackRef {
    TrackRef { participant, source }
}

fn ice_servers(until: u64, credential: &str) -> Vec<IceServer> {
    let username = format!("{until}:01a20648-0c00-7000-8000-000000000e11/{}", bo().0);
    vec![
        IceServer { urls: vec!["stun:198.51.100.7:443".to_owned()], username: None, credential: None },
        IceServer {
            urls: ["turn:198.51.100.7:443?transport=udp", "turn:198.51.100.7:443?transport=tcp", "turns:meet.example.org:443?transport=tcp"]
                .map(str::to_owned)
                .to_vec(),
            username: Some(username),
            credential: Some(credential.to_owned()),
        },
    ]
}

fn frame(seq: Option<u32>, message: ServerMessage) -> ServerFrame {
    ServerFrame { seq, message }
}

fn room() -> RoomInfo {
    RoomInfo { code: "k7fq-2mzx-9tda".parse().expect("a code"), title: "Stand-up".to_owned() }
}

fn participant_ada() -> Participant {
    Participant {
        id: ada(),
        name: "Ada".to_owned(),
        role: Role::Host,
        media: on(true, false),
        hand_raised_at: None,
        connected: true,
        joined_at: at(0),
    }
}

fn participant_bo() -> Participant {
    Participant {
        id: bo(),
        name: "Bo".to_owned(),
        role: Role::Guest,
        media: on(true, true),
        hand_raised_at: None,
        connected: true,
        joined_at: at(60_000),
    }
}

fn message(number: u128) -> ChatMessage {
    ChatMessage {
        id: MessageId(Uuid::from_u128(0x01a2_064f_2800_7000_8000_0000_0000_00c0 + number)),
        from: if number == 2 { bo() } else { ada() },
        name: if number == 2 { "Bo" } else { "Ada" }.to_owned(),
        text: ["Good morning", "Who is missing?", "Hello, all!"][number as usize].to_owned(),
        sent_at: at(30_000 * (number as i64 + 1)),
    }
}

fn offer() -> SignalBody {
    SignalBody::Offer { sdp: "v=0\r\n...".to_owned() }
}

fn candidate() -> SignalBody {
    SignalBody::Candidate {
        candidate: "candidate:1 1 udp 2113937151 192.0.2.7 51472 typ host".to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
        username_fragment: Some("Yhlm".to_owned()),
    }
}

fn on(microphone: bool, camera: bool) -> MediaState {
    MediaState { microphone, camera, screen: false }
}

fn at(millis: i64) -> UnixMillis {
    UnixMillis(1_795_392_000_000 + millis)
}

fn ada() -> ParticipantId {
    ParticipantId(Uuid::from_u128(0x01a2_064e_8b00_7000_8000_0000_0000_0a0a))
}

fn bo() -> ParticipantId {
    ParticipantId(Uuid::from_u128(0x01a2_064f_7560_7000_8000_0000_0000_0b0b))
}

fn chat_id() -> ChatId {
    ChatId(Uuid::from_u128(0x5f0c_8a4e_1d2b_4c3a_9e8f_7061_5243_3425))
}
