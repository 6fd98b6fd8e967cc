//! A connection is lost and its person comes back: as who they were, missing nothing, or anew when they have no right to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fireside::auth::token::{Claims, Signer};
use fireside_protocol::limits::SDP_BYTES;
use fireside_protocol::{ByeCode, ClientMessage, DeniedCode, LeftReason, MessageId, Resume, Resumed, Role, ServerMessage, UnixMillis, Welcome};
use uuid::Uuid;

use super::client::{Client, Member, Room, join, now, offer};
use crate::server::Server;

#[tokio::test]
async fn what_was_missed_is_replayed_in_its_order() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let (_, seq) = lose(ben, &mut ann, &to_ben).await;
    for number in 0..20 {
        ann.say(&offer(to_ben.you, &format!("offer {number}"))).await;
    }
    let id = ann.chat("while you were away").await;
    ann.ack(id).await;

    let (mut ben, back) = come_back(&server, &room, None, &to_ben, seq).await.expect("back");
    assert_eq!((back.you, back.resumed), (to_ben.you, Resumed::Replayed));
    assert_ne!(back.resume_token, to_ben.resume_token);
    for number in 0..20 {
        let frame = ben.hear_frame().await.expect("open");
        assert!(matches!(&frame.message, ServerMessage::Signal { from, .. } if *from == to_ann.you), "{frame:?}");
        assert!(serde_json::to_string(&frame).expect("JSON").contains(&format!("offer {number}\"")), "{frame:?}");
    }
    assert_eq!(ben.chat_message().await.text, "while you were away");
    nothing_more_is_replayed(&mut ben).await;
    let connected =
        ann.hear_of(|message| if let ServerMessage::Updated { participant } = message { Some(participant.connected) } else { None }).await;
    assert!(connected);
}

#[tokio::test]
async fn what_had_arrived_is_not_replayed() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let (first, second) = (ann.chat("first").await, ann.chat("second").await);
    ann.ack(first).await;
    ann.ack(second).await;
    assert_eq!(ben.chat_message().await.text, "first");
    // The second was on its way when the connection broke: only what is said to have arrived counts.
    let (mut ann, seq) = (ann, ben.seq);
    lose(ben, &mut ann, &to_ben).await;
    let (mut ben, _) = come_back(&server, &room, None, &to_ben, seq).await.expect("back");
    assert_eq!(ben.chat_message().await.text, "second");
    nothing_more_is_replayed(&mut ben).await;
}

#[tokio::test]
async fn who_missed_too_much_gets_the_state_as_it_is() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let id = ann.chat("before").await;
    ann.ack(id).await;
    let before = ben.chat_message().await;
    let (_, seq) = lose(ben, &mut ann, &to_ben).await;
    // More than is kept for one who is away.
    let long = "x".repeat(SDP_BYTES);
    for _ in 0..20 {
        ann.say(&offer(to_ben.you, &long)).await;
    }
    let id = ann.chat("after").await;
    ann.ack(id).await;
    let resume = Resume { token: to_ben.resume_token.clone(), seq, chat_after: Some(before.id), topology: None };
    let (mut ben, back) = come_back_with(&server, &room, None, resume).await.expect("back");
    assert_eq!((back.you, back.resumed, back.participants.len()), (to_ben.you, Resumed::Snapshot, 2));
    let texts: Vec<_> = back.chat.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["after"], "only what followed the newest that Ben has");
    ann.say(&offer(to_ben.you, "fresh")).await;
    assert!(matches!(ben.hear().await, Some(ServerMessage::Signal { from, .. }) if from == to_ann.you));
}

#[tokio::test]
async fn a_gap_in_the_conversation_is_marked() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let id = ann.chat("before").await;
    ann.ack(id).await;
    let before = ben.chat_message().await;
    lose(ben, &mut ann, &to_ben).await;
    // More than is kept for one who is away.
    let long = "x".repeat(2_500);
    for number in 0..260 {
        let id = ann.chat(&format!("{long}{number}")).await;
        ann.ack(id).await;
    }
    let resume = Resume { token: to_ben.resume_token.clone(), seq: 0, chat_after: Some(before.id), topology: None };
    let (_, back) = come_back_with(&server, &room, None, resume).await.expect("back");
    assert_eq!((back.resumed, back.chat.messages.len(), back.chat.more), (Resumed::Snapshot, 100, true));
    assert!(back.chat.messages[99].text.ends_with("x259"));
}

#[tokio::test]
async fn coming_back_twice_ends_the_connection_before() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let (mut again, back) = come_back(&server, &room, None, &to_ben, to_ben.seq).await.expect("back");
    assert_eq!(back.you, to_ben.you);
    let (last, code) = ben.until_closed().await;
    assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::Replaced, .. })), "{last:?}");
    assert_eq!(code, Some(4000));
    // The end of the old connection is not the end of the person.
    again.is_alive().await;
    let told = ann.is_alive().await;
    assert!(!told.iter().any(|message| matches!(message, ServerMessage::Left { .. })), "{told:?}");
}

#[tokio::test]
async fn no_token_but_ones_own_brings_anybody_back() {
    let server = Server::start().await;
    let (room, other) = (Room::open(&server).await, Room::another(&server).await);
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let (_elsewhere, to_elsewhere) = Client::joined(&server, &other.code, "Ben").await;
    let (mia, zoe) = (Member::new(&room.store, "mia").await, Member::new(&room.store, "zoe").await);
    let (as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
    lose(ben, &mut ann, &to_ben).await;
    lose(as_mia, &mut ann, &to_mia).await;

    let own = &to_ben.resume_token;
    let mut changed = URL_SAFE_NO_PAD.decode(own).expect("base64");
    changed[30] ^= 1;
    let changed = URL_SAFE_NO_PAD.encode(changed);
    let long = "A".repeat(50_000);
    for (what, token, member) in [
        ("empty", "", None),
        ("made up", "AAAA", None),
        ("long", &*long, None),
        ("changed", &changed, None),
        ("cut", &own[..own.len() - 4], None),
        ("of another room", &to_elsewhere.resume_token, None),
        ("a guest's, with an account", own, Some(&zoe)),
        ("an account's, without it", &to_mia.resume_token, None),
        ("an account's, with another", &to_mia.resume_token, Some(&zoe)),
        ("an account's, of another log-in", &to_mia.resume_token, Some(&Member::logged_in(&room.store, mia.account.clone()).await)),
    ] {
        let resume = Resume { token: token.to_owned(), seq: 0, chat_after: None, topology: None };
        assert_eq!(come_back_with(&server, &room, member, resume).await.err(), Some(DeniedCode::ResumeRefused), "{what}");
    }
    // None of that took anything from those it named: they still come back.
    let (_, back) = come_back(&server, &room, None, &to_ben, 0).await.expect("back");
    assert_eq!(back.you, to_ben.you);
    let (_, back) = come_back(&server, &room, Some(&mia), &to_mia, 0).await.expect("back");
    assert_eq!(back.you, to_mia.you);
}

#[tokio::test]
async fn a_token_that_has_expired_or_has_another_key_is_refused() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    lose(ben, &mut ann, &to_ben).await;
    let id = room.store.room_by_code(room.code.as_str()).await.expect("a database").expect("the room").id;
    let claims = Claims { room: id, participant: to_ben.you, account: None, session: None, role: Role::Guest, run: 0 };
    let key = room.store.secret("resume", [0; 32]).await.expect("the key that the server uses");
    let day = 24 * 60 * 60 * 1000;
    for (what, token) in [
        ("expired", Signer::new(&key).sign(&claims, UnixMillis(now() - day))),
        ("of another key", Signer::new(&[0; 32]).sign(&claims, UnixMillis(now()))),
        ("of another role", Signer::new(&key).sign(&Claims { role: Role::Host, ..claims }, UnixMillis(now()))),
    ] {
        let resume = Resume { token, seq: 0, chat_after: None, topology: None };
        assert_eq!(come_back_with(&server, &room, None, resume).await.err(), Some(DeniedCode::ResumeRefused), "{what}");
    }
    let resume = Resume { token: Signer::new(&key).sign(&claims, UnixMillis(now() - day + 60_000)), seq: 0, chat_after: None, topology: None };
    assert!(come_back_with(&server, &room, None, resume).await.is_ok(), "the same in its time");
}

#[tokio::test]
async fn who_said_goodbye_does_not_come_back_by_token() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (_ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    ben.say(&ClientMessage::Leave).await;
    ben.until_closed().await;
    assert_eq!(come_back(&server, &room, None, &to_ben, 0).await.err(), Some(DeniedCode::ResumeRefused));
}

#[tokio::test]
async fn who_does_not_come_back_in_time_is_lost() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    lose(ben, &mut ann, &to_ben).await;
    let mut asked = tokio::time::interval(std::time::Duration::from_secs(5));
    let left = loop {
        // Waits longer than `hear` has patience for.
        asked.tick().await;
        let found = ann.is_alive().await.into_iter().find_map(|message| match message {
            ServerMessage::Left { participant, reason } => Some((participant, reason)),
            _ => None,
        });
        if let Some(left) = found {
            break left;
        }
    };
    assert_eq!(left, (to_ben.you, LeftReason::Lost));
    assert_eq!(come_back(&server, &room, None, &to_ben, 0).await.err(), Some(DeniedCode::ResumeRefused));
}

async fn nothing_more_is_replayed(client: &mut Client) {
    let more = client.is_alive().await;
    assert!(!more.iter().any(|message| matches!(message, ServerMessage::Chat { .. } | ServerMessage::Signal { .. })), "{more:?}");
}

/// Breaks a connection off, and waits until the others know. Returns the number of the last frame it had.
pub(super) async fn lose(client: Client, witness: &mut Client, lost: &Welcome) -> (Uuid, u32) {
    let seq = client.seq;
    drop(client);
    witness
        .hear_of(|message| match message {
            ServerMessage::Updated { participant } if participant.id == lost.you && !participant.connected => Some(()),
            _ => None,
        })
        .await;
    (lost.you.0, seq)
}

/// Comes back as who the welcome said.
pub(super) async fn come_back(
    server: &Server,
    room: &Room,
    member: Option<&Member>,
    welcome: &Welcome,
    seq: u32,
) -> Result<(Client, Welcome), DeniedCode> {
    come_back_with(server, room, member, Resume { token: welcome.resume_token.clone(), seq, chat_after: None::<MessageId>, topology: None }).await
}

pub(super) async fn come_back_with(server: &Server, room: &Room, member: Option<&Member>, resume: Resume) -> Result<(Client, Welcome), DeniedCode> {
    let mut client = match member {
        Some(member) => Client::open_as(server, &room.code, member).await,
        None => Client::open(server, &room.code).await,
    };
    client.say(&ClientMessage::Join(join(Some("Ben"), Some(resume)))).await;
    match client.hear().await {
        Some(ServerMessage::Welcome(welcome)) => Ok((client, *welcome)),
        Some(ServerMessage::Denied { code, .. }) => Err(code),
        other => panic!("{other:?}"),
    }
}
