//! Media through the server, as those in a meeting come by it: offers and answers, places, what is looked at, and changes on the way.

use fireside_protocol::limits::OFFER_BYTES;
use fireside_protocol::{ClientMessage, DroppedCode, ErrorCode, Join, MediaState, Offer, Resume, ServerMessage, Source, Topology};

use super::client::{Client, Room};
use super::person::{Person, caller, forwarding_server, offer_of, with_media};
use crate::media::client::on_loopback;
use crate::process::Process;
use crate::server::Server;
use crate::site::browser::Browser;

#[tokio::test]
async fn two_who_bring_offers_hear_and_see_each_other() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let mut ann = Person::joined(&server, &room, "Ann").await;
    let mut ben = Person::joined(&server, &room, "Ben").await;
    assert_eq!((ben.welcome.topology, ben.welcome.changing), (Topology::Server, false));
    let (to_ann, to_ben) = (ann.id(), ben.id());
    ann.look_at(to_ben).await;
    ben.look_at(to_ann).await;
    ann.receives(to_ben, Source::Camera).await;
    ben.receives(to_ann, Source::Camera).await;
    ann.hears_and_sees("Ben").await;
    ben.hears_and_sees("Ann").await;
    // Both speak, as far as their senders say.
    let speaks = |message: &ServerMessage| match message {
        ServerMessage::Speaking { participants, .. } => participants.contains(&to_ben).then_some(()),
        _ => None,
    };
    ann.client.hear_of(speaks).await;
}

#[tokio::test]
async fn what_somebody_says_is_off_is_not_forwarded() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let mut ann = Person::joined(&server, &room, "Ann").await;
    let mut ben = Person::joined(&server, &room, "Ben").await;
    let to_ben = ben.id();
    ann.look_at(to_ben).await;
    ann.hears_and_sees("Ben").await;
    // His engine goes on sending: what he has said he sends counts.
    ben.client.say(&ClientMessage::Media { media: MediaState::default() }).await;
    let mut empty = [false, false];
    while empty != [true, true] {
        let freed = ann.client.hear_of(|message| if let ServerMessage::Slots { slots, .. } = message { Some(slots.clone()) } else { None }).await;
        for slot in freed.iter().filter(|slot| slot.track.is_none()) {
            empty[usize::from(slot.kind == fireside_protocol::SlotKind::Video)] = true;
        }
    }
    ben.client.say(&ClientMessage::Media { media: MediaState { microphone: true, camera: true, screen: false } }).await;
    ann.hears_and_sees("Ben again").await;
}

#[tokio::test]
async fn an_offer_that_is_none_is_refused_and_another_may_follow() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let (mut client, _) = Client::joined(&server, &room.code, "Ann").await;
    let offer = async |client: &mut Client, connection: u32, sdp: &str| {
        client.say(&ClientMessage::Offer { offer: Offer { connection, sdp: sdp.to_owned() } }).await;
    };
    for (connection, sdp) in (1..).zip(["", "v=0", "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n", "\u{1f525}\0"]) {
        offer(&mut client, connection, sdp).await;
        assert_eq!(client.dropped(connection).await, DroppedCode::Refused, "{sdp:?}");
    }
    offer(&mut client, 5, &"x".repeat(OFFER_BYTES + 1)).await;
    assert_eq!(client.error().await, (ErrorCode::OfferTooLarge, Some("offer".to_owned())));

    let mut engine = caller(&server).await;
    client.say(&ClientMessage::Offer { offer: offer_of(&engine, 5) }).await;
    engine.answer(&client.answer(5).await);
    engine.until("it connects", |seen| seen.is_connected).await;
    // A later one that is none leaves the connection as it was.
    offer(&mut client, 5, "v=0").await;
    assert_eq!(client.error().await, (ErrorCode::InvalidMessage, Some("offer".to_owned())));
    let _other = Person::joined(&server, &room, "Ben").await;
    engine.until("sound still comes", |seen| seen.sound > 10).await;
}

#[tokio::test]
async fn where_media_goes_from_peer_to_peer_there_is_nothing_to_offer() {
    let server = Server::start_with(on_loopback).await;
    let room = Room::open(&server).await;
    let (mut client, engine) = (Client::open(&server, &room.code).await, caller(&server).await);
    client.say(&ClientMessage::Join(Join { offer: Some(offer_of(&engine, 1)), ..with_media("Ann") })).await;
    assert_eq!(client.welcome().await.topology, Topology::Mesh);
    assert_eq!(client.dropped(1).await, DroppedCode::NotNeeded);
    client.say(&ClientMessage::Offer { offer: offer_of(&engine, 2) }).await;
    assert_eq!(client.dropped(2).await, DroppedCode::NotNeeded);
    client.is_alive().await;
}

#[tokio::test]
async fn offers_without_end_are_not_taken() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let (mut client, _) = Client::joined(&server, &room.code, "Ann").await;
    let engine = caller(&server).await;
    for connection in 1..=60 {
        client.say(&ClientMessage::Offer { offer: offer_of(&engine, connection) }).await;
    }
    let answers = client.is_alive().await;
    let refused = answers.iter().filter(|message| matches!(message, ServerMessage::Error { code: ErrorCode::RateLimited, .. })).count();
    assert!((20..60).contains(&refused), "{refused} of 60");
    assert!(client.is_alive().await.len() < 60, "and the connection goes on");
}

#[tokio::test]
async fn the_fifth_person_moves_the_call_to_the_server() {
    let server = Server::start_with(on_loopback).await;
    let room = Room::open(&server).await;
    let mut first = Vec::new();
    for name in ["Ann", "Ben", "Cem", "Dot"] {
        let (client, welcome) = Client::joined(&server, &room.code, name).await;
        assert_eq!((welcome.topology, welcome.changing), (Topology::Mesh, false), "{name}");
        first.push((client, welcome));
    }
    let eve = Person::joined(&server, &room, "Eve").await;
    assert_eq!((eve.welcome.topology, eve.welcome.changing), (Topology::Server, true), "who comes in builds the new way alone");
    let mut everyone = vec![eve];
    for (mut client, welcome) in first {
        assert_eq!(client.topology().await, (Topology::Server, 1, true));
        let mut engine = caller(&server).await;
        client.say(&ClientMessage::Media { media: with_media("").media }).await;
        client.say(&ClientMessage::Offer { offer: offer_of(&engine, 1) }).await;
        engine.answer(&client.answer(1).await);
        everyone.push(Person { client, welcome, caller: engine });
    }
    let ids: Vec<_> = everyone.iter().map(Person::id).collect();
    for (index, person) in everyone.iter_mut().enumerate() {
        person.look_at(ids[(index + 1) % ids.len()]).await;
        person.hears_and_sees("the next one").await;
        person.client.say(&ClientMessage::Settled { change: 1 }).await;
    }
    for person in &mut everyone {
        assert_eq!(person.client.topology().await, (Topology::Server, 1, false), "the old way can go");
    }
}

#[tokio::test]
async fn the_host_sends_a_live_call_through_the_server_and_back() {
    let server = Server::start_with(on_loopback).await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await.parse().expect("a code");
    let (mut ann, to_ann) = Client::joined(&server, &code, "Ann").await;
    assert_eq!(to_ann.topology, Topology::Mesh);
    let set = async |route: &str| {
        ana.send(&format!("/rooms/{code}"), &[("title", "Monday"), ("guests", "yes"), ("route", route)]).await;
    };
    set("server").await;
    assert_eq!(ann.topology().await, (Topology::Server, 1, true));
    ann.say(&ClientMessage::Settled { change: 1 }).await;
    assert_eq!(ann.topology().await, (Topology::Server, 1, false));
    set("mesh").await;
    assert_eq!(ann.topology().await, (Topology::Mesh, 2, true));
    ann.say(&ClientMessage::Settled { change: 2 }).await;
    assert_eq!(ann.topology().await, (Topology::Mesh, 2, false));
    ann.say(&ClientMessage::Leave).await;
    ann.until_closed().await;

    // It is the room that remembers.
    set("server").await;
    let (_, to_ben) = Client::joined(&server, &code, "Ben").await;
    assert_eq!((to_ben.topology, to_ben.changing), (Topology::Server, false));
}

#[tokio::test]
async fn who_lost_the_connection_to_the_meeting_keeps_the_one_for_media() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let mut ann = Person::joined(&server, &room, "Ann").await;
    let mut ben = Person::joined(&server, &room, "Ben").await;
    let (to_ann, to_ben) = (ann.id(), ben.id());
    ann.look_at(to_ben).await;
    ben.look_at(to_ann).await;
    ben.hears_and_sees("Ann").await;
    let resume = Resume { token: ben.welcome.resume_token.clone(), seq: ben.client.seq, chat_after: None, topology: Some(Topology::Server) };
    drop(ben.client);
    ben.client = Client::open(&server, &room.code).await;
    ben.client.say(&ClientMessage::Join(Join { resume: Some(resume), ..with_media("Ben") })).await;
    assert_eq!(ben.client.welcome().await.you, to_ben);
    // He is told all that his places carry, and nothing has stopped meanwhile.
    ben.receives(to_ann, Source::Camera).await;
    ben.hears_and_sees("Ann").await;
    ann.hears_and_sees("Ben").await;
}

#[tokio::test]
async fn after_the_server_was_killed_media_is_back_with_the_welcome() {
    let mut process = Process::start(&["--public-ip", "127.0.0.1", "--route", "server"], &[]);
    let room = Room::open(&process.server).await;
    let mut ann = Person::joined(&process.server, &room, "Ann").await;
    let mut ben = Person::joined(&process.server, &room, "Ben").await;
    ann.look_at(ben.id()).await;
    ann.hears_and_sees("Ben").await;

    process.kill_and_start_again();
    for person in [&mut ann, &mut ben] {
        let token = person.welcome.resume_token.clone();
        let resume = Resume { token, seq: person.client.seq, chat_after: None, topology: Some(Topology::Server) };
        let mut engine = caller(&process.server).await;
        let mut client = Client::open(&process.server, &room.code).await;
        client.say(&ClientMessage::Join(Join { resume: Some(resume), offer: Some(offer_of(&engine, 2)), ..with_media("Back") })).await;
        let back = client.welcome().await;
        assert_eq!((back.you, back.topology), (person.id(), Topology::Server));
        engine.answer(&client.answer(2).await);
        (person.client, person.caller) = (client, engine);
    }
    ann.look_at(ben.id()).await;
    ann.hears_and_sees("Ben").await;
}

#[tokio::test]
async fn a_call_that_the_server_was_killed_under_goes_on_through_it() {
    let mut process = Process::start(&["--public-ip", "127.0.0.1"], &[]);
    let room = Room::open(&process.server).await;
    let mut people = Vec::new();
    for name in ["Ann", "Ben", "Cem", "Dot", "Eve"] {
        people.push(Client::joined(&process.server, &room.code, name).await);
    }
    assert_eq!(people[4].1.topology, Topology::Server);
    process.kill_and_start_again();
    // The first is alone for the moment; by number alone it would be from peer to peer.
    let (_, to_ann) = &people[0];
    let resume = Resume { token: to_ann.resume_token.clone(), seq: 0, chat_after: None, topology: Some(Topology::Server) };
    let (mut ann, mut engine) = (Client::open(&process.server, &room.code).await, caller(&process.server).await);
    ann.say(&ClientMessage::Join(Join { resume: Some(resume), offer: Some(offer_of(&engine, 2)), ..with_media("Ann") })).await;
    let back = ann.welcome().await;
    assert_eq!((back.you, back.topology), (to_ann.you, Topology::Server));
    engine.answer(&ann.answer(2).await);
    engine.until("it connects", |seen| seen.is_connected).await;
}
