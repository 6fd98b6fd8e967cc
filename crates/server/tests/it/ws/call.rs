//! People meet: they hear of each other, hand each other descriptions, and go.

use fireside_protocol::{
    ByeCode, ClientMessage, DeniedCode, ErrorCode, LeftReason, MediaState, ParticipantId, Resumed, Role, ServerMessage, SignalBody,
};
use serde_json::json;
use uuid::Uuid;

use super::client::{Client, Member, Room, join, offer};
use crate::server::Server;

#[tokio::test]
async fn three_people_meet_and_hand_each_other_descriptions() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut olga, welcome) = Client::joined_as(&server, &room.code, &room.owner).await;
    assert_eq!((welcome.room.title.as_str(), welcome.resumed, welcome.participants.len()), ("Planning", Resumed::Fresh, 1));
    assert_eq!((welcome.participants[0].role, welcome.participants[0].name.as_str()), (Role::Host, "olga the member"));

    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    assert_eq!(to_ben.participants.iter().map(|them| them.name.as_str()).collect::<Vec<_>>(), ["olga the member", "Ann", "Ben"]);
    assert_eq!(to_ben.participants[1].role, Role::Guest);
    for present in [&mut olga, &mut ann] {
        let newcomer = present
            .hear_of(|message| match message {
                ServerMessage::Joined { participant } if participant.name == "Ben" => Some(participant.id),
                _ => None,
            })
            .await;
        assert_eq!(newcomer, to_ben.you);
        present.say(&offer(to_ben.you, "v=0 from one who was here")).await;
    }
    for from in [ben.hear().await, ben.hear().await].into_iter().map(sender_of_offer).collect::<Vec<_>>() {
        assert!([welcome.you, to_ann.you].contains(&from));
        ben.say(&ClientMessage::Signal { to: from, connection: 1, body: SignalBody::Answer { sdp: "v=0 answer".to_owned() } }).await;
    }
    for present in [&mut olga, &mut ann] {
        let ServerMessage::Signal { from, connection: 1, body: SignalBody::Answer { .. } } = present.hear().await.expect("an answer") else {
            panic!("no answer")
        };
        assert_eq!(from, to_ben.you);
    }
}

#[tokio::test]
async fn the_server_says_who_a_message_is_from() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let (mut eve, to_eve) = Client::joined(&server, &room.code, "Eve").await;

    // Every message that others hear of, with each field in which a sender could be claimed.
    let forged = json!({ "from": to_ben.you, "participant": to_ben.you, "sender": to_ben.you, "you": to_ben.you, "name": "Ben", "seq": 1 });
    let chat = Uuid::from_u128(7);
    for message in [
        json!({ "type": "signal", "to": to_ann.you, "connection": 1, "body": { "kind": "offer", "sdp": "x", "from": to_ben.you } }),
        json!({ "type": "chat", "id": chat, "text": "I am Ben" }),
        json!({ "type": "media", "media": { "microphone": false, "camera": true } }),
        json!({ "type": "hand", "raised": true }),
    ] {
        let mut message = message;
        for (key, value) in forged.as_object().expect("an object") {
            message[key] = value.clone();
        }
        eve.say_text(&message.to_string()).await;
        let from = ann.hear_of(sender).await;
        assert_eq!(from, (to_eve.you, "Eve".to_owned()), "{message}");
    }
    eve.say_text(&json!({ "type": "leave", "participant": to_ben.you, "from": to_ben.you }).to_string()).await;
    let gone = ann.hear_of(|message| if let ServerMessage::Left { participant, .. } = message { Some(*participant) } else { None }).await;
    assert_eq!(gone, to_eve.you);
    ben.is_alive().await;
}

#[tokio::test]
async fn what_somebody_switches_on_and_off_is_seen_by_the_others() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let media = MediaState { microphone: false, camera: true, screen: true };
    ben.say(&ClientMessage::Media { media }).await;
    let seen = ann.hear_of(|message| if let ServerMessage::Updated { participant } = message { Some(participant.clone()) } else { None }).await;
    assert_eq!((seen.id, seen.media), (to_ben.you, media));
}

#[tokio::test]
async fn who_leaves_is_told_goodbye_and_the_others_hear_of_it() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    ben.say(&ClientMessage::Leave).await;
    let (last, code) = ben.until_closed().await;
    assert!(matches!(last.as_slice(), [ServerMessage::Bye { code: ByeCode::Left, .. }]), "{last:?}");
    assert_eq!(code, Some(4000));
    let left = ann
        .hear_of(|message| match message {
            ServerMessage::Left { participant, reason } => Some((*participant, *reason)),
            _ => None,
        })
        .await;
    assert_eq!(left, (to_ben.you, LeftReason::Left));
    // What was under way to him comes back as an error, and nothing else happens.
    let candidate = SignalBody::Candidate { candidate: String::new(), sdp_mid: None, sdp_m_line_index: None, username_fragment: None };
    ann.say(&ClientMessage::Signal { to: to_ben.you, connection: 1, body: candidate }).await;
    assert_eq!(ann.error().await.0, ErrorCode::UnknownParticipant);
}

#[tokio::test]
async fn a_meeting_of_one_room_hears_nothing_of_another() {
    let server = Server::start().await;
    let (room, other) = (Room::open(&server).await, Room::another(&server).await);
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (mut eve, to_eve) = Client::joined(&server, &other.code, "Eve").await;
    eve.say(&offer(to_ann.you, "x")).await;
    assert_eq!(eve.error().await.0, ErrorCode::UnknownParticipant);
    eve.say(&offer(to_eve.you, "x")).await;
    assert_eq!(eve.error().await.0, ErrorCode::SignalToSelf);
    assert_eq!(ann.is_alive().await, []);
}

#[tokio::test]
async fn the_ninth_is_told_that_the_meeting_is_full() {
    let server = Server::start_with(|config| config.people = 8).await;
    let room = Room::open(&server).await;
    let mut people = Vec::new();
    for number in 1..=8 {
        people.push(Client::joined(&server, &room.code, &format!("Guest {number}")).await.0);
    }
    let mut ninth = Client::open(&server, &room.code).await;
    ninth.say(&ClientMessage::Join(join(Some("Guest 9"), None))).await;
    assert_eq!(ninth.denied().await, DeniedCode::RoomFull);
    assert_eq!(ninth.until_closed().await.1, Some(4001));
    people[3].say(&ClientMessage::Leave).await;
    people[3].until_closed().await;
    Client::joined(&server, &room.code, "Guest 9").await;
}

#[tokio::test]
async fn two_who_come_for_the_last_seat_do_not_both_get_it() {
    let server = Server::start_with(|config| config.people = 8).await;
    let room = Room::open(&server).await;
    let mut people = Vec::new();
    for number in 1..=7 {
        people.push(Client::joined(&server, &room.code, &format!("Guest {number}")).await.0);
    }
    let mut late = Vec::new();
    for _ in 0..4 {
        late.push(Client::open(&server, &room.code).await);
    }
    for client in &mut late {
        client.say(&ClientMessage::Join(join(Some("Late"), None))).await;
    }
    let mut seated = 0;
    for client in &mut late {
        match client.hear().await {
            Some(ServerMessage::Welcome(_)) => seated += 1,
            Some(ServerMessage::Denied { code: DeniedCode::RoomFull, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seated, 1);
}

#[tokio::test]
async fn a_second_tab_of_the_same_account_is_a_second_participant() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut first, to_first) = Client::joined_as(&server, &room.code, &room.owner).await;
    let (_second, to_second) = Client::joined_as(&server, &room.code, &room.owner).await;
    assert_ne!(to_first.you, to_second.you);
    assert_eq!(to_second.participants.len(), 2);
    first.is_alive().await;
}

#[tokio::test]
async fn people_come_and_go_while_the_meeting_ends_and_begins() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    // Each goes at once, so that the meeting ends just when the next one comes.
    for round in 0..50 {
        let mut leaving = Client::joined(&server, &room.code, "Ann").await.0;
        let mut coming = Client::open(&server, &room.code).await;
        leaving.say(&ClientMessage::Leave).await;
        let welcome = coming.join("Ben").await;
        assert!(welcome.participants.iter().any(|them| them.id == welcome.you), "round {round}");
        coming.is_alive().await;
        coming.say(&ClientMessage::Leave).await;
    }
}

#[tokio::test]
async fn a_member_of_the_staff_is_a_member_and_a_name_may_be_chosen() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let mia = Member::new(&room.store, "mia").await;
    let mut client = Client::open_as(&server, &room.code, &mia).await;
    let welcome = client.join("Mia from sales").await;
    assert_eq!((welcome.participants[0].role, welcome.participants[0].name.as_str()), (Role::Member, "Mia from sales"));
}

fn sender_of_offer(message: Option<ServerMessage>) -> ParticipantId {
    match message {
        Some(ServerMessage::Signal { from, body: SignalBody::Offer { .. }, .. }) => from,
        other => panic!("not an offer: {other:?}"),
    }
}

/// Who a message comes from, as the receiver is told.
fn sender(message: &ServerMessage) -> Option<(ParticipantId, String)> {
    match message {
        ServerMessage::Signal { from, .. } => Some((*from, "Eve".to_owned())),
        ServerMessage::Chat { message } => Some((message.from, message.name.clone())),
        ServerMessage::Updated { participant } => Some((participant.id, participant.name.clone())),
        _ => None,
    }
}
