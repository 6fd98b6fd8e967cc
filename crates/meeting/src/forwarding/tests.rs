//! What goes to the forwarding plane for the people of a meeting, and what they are told of its word.

use fireside_protocol::{ClientMessage, HeldReason, Join, MediaState, SlotKind, SlotUse, TrackRef, Welcome};

use super::*;
use crate::testing::{START, Seat, Table, guest, named, resuming};
use crate::{Input, ResumeClaim};

const SILENT: MediaState = MediaState { microphone: false, camera: false, screen: false };

fn offer_of(connection: u32, sdp: &str) -> Offer {
    Offer { connection, sdp: sdp.to_owned() }
}

fn offer(table: &mut Table, seat: Seat, connection: u32) {
    table.say(seat.connection, ClientMessage::Offer { offer: offer_of(connection, "v=0") });
}

fn tile(seat: Seat, source: Source) -> Tile {
    Tile { participant: seat.id, source, height: 180, pinned: false }
}

fn show(table: &mut Table, seat: Seat, tiles: &[Tile]) {
    table.say(seat.connection, ClientMessage::View { tiles: tiles.to_vec() });
}

fn slot(kind: SlotKind, slot: u32, of: Option<(Seat, Source)>) -> SlotUse {
    SlotUse { kind, slot, track: of.map(|(seat, source)| TrackRef { participant: seat.id, source }) }
}

fn refusals(table: &mut Table, seat: Seat) -> Vec<(ErrorCode, String)> {
    let all = table.messages_to(seat.connection).into_iter();
    all.filter_map(|message| if let ServerMessage::Error { code, about, .. } = message { Some((code, about.unwrap_or_default())) } else { None })
        .collect()
}

fn settle(table: &mut Table, seats: &[Seat], change: u32) {
    for seat in seats {
        table.say(seat.connection, ClientMessage::Settled { change });
    }
}

/// Three people whose media goes through the server, as the operator wants it; each is connected with it.
fn through_the_server() -> (Table, [Seat; 3]) {
    let mut table = Table::new().with(|meeting| meeting.route(Route::Server));
    let seats = table.three();
    for seat in seats {
        offer(&mut table, seat, 1);
    }
    table.forget_what_was_sent();
    (table, seats)
}

#[test]
fn an_offer_goes_to_the_forwarding_plane_and_its_answer_to_who_made_it_alone() {
    let mut table = Table::new().with(|meeting| meeting.route(Route::Server));
    let [ada, bo, _] = table.three();
    table.say(ada.connection, ClientMessage::Media { media: MediaState { microphone: true, ..SILENT } });
    table.forget_what_was_sent();
    offer(&mut table, ada, 3);
    let media = MediaState { microphone: true, ..SILENT };
    let view = |who: Seat| Forwarding::View { participant: who.id, tiles: vec![] };
    assert_eq!(table.forwarding(), [Forwarding::Admit { participant: ada.id, path: 3, offer: "v=0".to_owned(), media }, view(ada)]);
    table.told(ada, 3, Forwarded::Answer { sdp: "answer".to_owned() });
    assert_eq!(table.sent_to(ada.connection), [(None, ServerMessage::Answer { connection: 3, sdp: "answer".to_owned() })]);
    assert_eq!(table.messages_to(bo.connection), []);

    offer(&mut table, ada, 3);
    assert_eq!(table.forwarding(), [Forwarding::Renegotiate { participant: ada.id, path: 3, offer: "v=0".to_owned() }]);
    table.told(ada, 3, Forwarded::Refused);
    assert_eq!(refusals(&mut table, ada), [(ErrorCode::InvalidMessage, "offer".to_owned())]);
    offer(&mut table, ada, 4);
    assert!(matches!(&table.forwarding()[0], Forwarding::Admit { path: 4, .. }), "one that takes its place");
    table.told(ada, 3, Forwarded::Closed { code: DroppedCode::Broken });
    table.told(ada, 3, Forwarded::Answer { sdp: "late".to_owned() });
    assert_eq!(table.messages_to(ada.connection), [], "what is told of the one before changes nothing");
}

#[test]
fn an_offer_is_not_needed_while_media_goes_from_peer_to_peer() {
    let mut table = Table::new();
    let [ada, ..] = table.three();
    offer(&mut table, ada, 1);
    assert_eq!(table.messages_to(ada.connection), [ServerMessage::Dropped { connection: 1, code: DroppedCode::NotNeeded }]);
    assert_eq!(table.forwarding(), []);
}

#[test]
fn a_number_never_goes_down_and_one_that_has_ended_stays_so() {
    let (mut table, [ada, ..]) = through_the_server();
    for old in [0, 1] {
        offer(&mut table, ada, 5);
        table.forget_what_was_sent();
        offer(&mut table, ada, old);
        assert_eq!(refusals(&mut table, ada), [(ErrorCode::InvalidMessage, "offer".to_owned())]);
    }
    let dropped = ServerMessage::Dropped { connection: 5, code: DroppedCode::Unreachable };
    table.told(ada, 5, Forwarded::Closed { code: DroppedCode::Unreachable });
    offer(&mut table, ada, 5);
    assert_eq!(table.messages_to(ada.connection), [dropped.clone(), dropped]);
    assert_eq!(table.forwarding(), []);
    offer(&mut table, ada, 6);
    assert!(matches!(&table.forwarding()[0], Forwarding::Admit { path: 6, .. }));
}

#[test]
fn offers_are_limited_in_length_and_number() {
    let (mut table, [ada, bo, _]) = through_the_server();
    table.say(ada.connection, ClientMessage::Offer { offer: offer_of(2, &"x".repeat(OFFER_BYTES + 1)) });
    assert_eq!(refusals(&mut table, ada), [(ErrorCode::OfferTooLarge, "offer".to_owned())]);
    table.say(ada.connection, ClientMessage::Offer { offer: offer_of(2, &"x".repeat(OFFER_BYTES)) });
    let burst = fireside_protocol::limits::OFFER_BURST;
    for number in 3..burst + 1 {
        offer(&mut table, ada, number);
    }
    assert_eq!(refusals(&mut table, ada), []);
    offer(&mut table, ada, 90);
    assert_eq!(refusals(&mut table, ada), [(ErrorCode::RateLimited, "offer".to_owned())]);
    offer(&mut table, bo, 2);
    assert_eq!(refusals(&mut table, bo), [], "each has their own");
    table.wait(fireside_protocol::limits::OFFER_INTERVAL_MS);
    offer(&mut table, ada, 91);
    offer(&mut table, ada, 92);
    assert_eq!(refusals(&mut table, ada).len(), 1, "one more since");
    table.wait(60_000);
    for number in 93..93 + burst {
        offer(&mut table, ada, number);
    }
    assert_eq!(refusals(&mut table, ada), []);
}

#[test]
fn a_view_is_of_others_pictures_and_of_people_who_are_here() {
    let (mut table, [ada, bo, cy]) = through_the_server();
    let stranger = Seat { id: ParticipantId(uuid::Uuid::max()), ..bo };
    let wrong = [tile(ada, Source::Camera), tile(bo, Source::Microphone), tile(bo, Source::ScreenAudio), tile(stranger, Source::Camera)];
    let right = [tile(cy, Source::Screen), tile(bo, Source::Camera), tile(bo, Source::Screen)];
    show(&mut table, ada, &[&right[..1], &wrong, &right, &right].concat());
    assert_eq!(table.forwarding(), [Forwarding::View { participant: ada.id, tiles: right.to_vec() }]);
    show(&mut table, ada, &vec![right[0]; VIEW_TILES + 1]);
    assert_eq!(refusals(&mut table, ada), [(ErrorCode::TooManyTiles, "view".to_owned())]);
    assert_eq!(table.forwarding(), []);
}

#[test]
fn what_is_looked_at_is_said_again_of_a_new_connection_at_either_end() {
    let mut table = Table::new().with(|meeting| meeting.route(Route::Server));
    let [ada, bo, cy] = table.three();
    show(&mut table, ada, &[tile(bo, Source::Camera)]);
    assert_eq!(table.forwarding(), [], "nothing to look through yet");
    let looks = Forwarding::View { participant: ada.id, tiles: vec![tile(bo, Source::Camera)] };
    offer(&mut table, ada, 1);
    assert!(table.forwarding().ends_with(std::slice::from_ref(&looks)));
    offer(&mut table, bo, 1);
    assert!(table.forwarding().contains(&looks));
    offer(&mut table, cy, 1);
    assert!(!table.forwarding().contains(&looks), "they are not in it");
    offer(&mut table, ada, 2);
    assert!(table.forwarding().contains(&looks));
}

#[test]
fn what_is_on_is_said_when_it_changes_and_only_of_who_is_connected() {
    let (mut table, [ada, bo, _]) = through_the_server();
    table.told(bo, 1, Forwarded::Closed { code: DroppedCode::Broken });
    let media = MediaState { camera: true, ..SILENT };
    for seat in [ada, ada, bo] {
        table.say(seat.connection, ClientMessage::Media { media });
    }
    assert_eq!(table.forwarding(), [Forwarding::Media { participant: ada.id, media }]);
    let join = Join { media: SILENT, ..resuming("x", 0) };
    table.arrive(9, join, guest(), Some(ResumeClaim { participant: ada.id, from_earlier_run: false }), Default::default());
    assert_eq!(table.forwarding(), [Forwarding::Media { participant: ada.id, media: SILENT }]);
}

#[test]
fn whoever_goes_is_taken_out_once_and_whoever_is_away_is_not() {
    let (mut table, [ada, bo, cy]) = through_the_server();
    table.drop_connection(ada.connection);
    assert_eq!(table.forwarding(), [], "media goes on while the connection is away");
    table.wait(fireside_protocol::limits::RESUME_WINDOW_MS);
    assert_eq!(table.forwarding(), [Forwarding::Remove { participant: ada.id }]);
    table.told(bo, 1, Forwarded::Closed { code: DroppedCode::Broken });
    table.say(bo.connection, ClientMessage::Leave);
    assert_eq!(table.forwarding(), [], "that had ended by itself");
    table.handle(Input::RoomDeleted);
    assert_eq!(table.forwarding(), [Forwarding::Remove { participant: cy.id }]);
}

#[test]
fn when_the_call_has_come_down_everyone_is_taken_out() {
    let mut table = Table::new();
    let five = table.people(5);
    for &seat in &five {
        offer(&mut table, seat, 1);
    }
    settle(&mut table, &five, 1);
    for seat in &five[3..] {
        table.say(seat.connection, ClientMessage::Leave);
    }
    table.forget_what_was_sent();
    table.wait(crate::topology::CALM_MS);
    offer(&mut table, five[0], 2);
    assert!(matches!(table.forwarding()[..], [Forwarding::Admit { .. }, Forwarding::View { .. }]), "the old way is still of use");
    settle(&mut table, &five[..3], 2);
    assert_eq!(table.forwarding(), five[..3].iter().map(|seat| Forwarding::Remove { participant: seat.id }).collect::<Vec<_>>());
    let newcomer = Join { offer: Some(offer_of(1, "v=0")), ..named("New") };
    let newcomer = table.arrive(9, newcomer, guest(), None, Default::default());
    assert!(matches!(
        table.messages_to(newcomer)[..],
        [ServerMessage::Welcome(_), ServerMessage::Dropped { connection: 1, code: DroppedCode::NotNeeded }]
    ));
}

#[test]
fn who_joins_brings_an_offer_or_what_was_prepared() {
    let (mut table, [ada, ..]) = through_the_server();
    let media = MediaState { camera: true, ..SILENT };
    let join = Join { media, offer: Some(offer_of(1, "v=0")), ..named("Di") };
    let di = table.arrive(4, join, guest(), None, Default::default());
    let you = table.welcome_on(di).you;
    assert_eq!(table.forwarding()[0], Forwarding::Admit { participant: you, path: 1, offer: "v=0".to_owned(), media });

    let join = Join { media, prepared: Some(7), ..named("Ed") };
    let ed = table.arrive(5, join, guest(), None, Default::default());
    let you = table.welcome_on(ed).you;
    assert_eq!(table.forwarding()[0], Forwarding::Enter { participant: you, connection: ed, path: 7, media });
    table.told(Seat { connection: ed, id: you }, 7, Forwarded::Closed { code: DroppedCode::Unreachable });
    assert_eq!(table.messages_to(ed), [ServerMessage::Dropped { connection: 7, code: DroppedCode::Unreachable }]);

    table.forget_what_was_sent();
    let join = Join { offer: Some(offer_of(1, "v=0")), prepared: Some(0), ..resuming("Ada", 0) };
    let back = table.arrive(9, join, guest(), Some(ResumeClaim { participant: ada.id, from_earlier_run: false }), Default::default());
    assert!(matches!(table.forwarding()[..], [Forwarding::Renegotiate { .. }]), "their connection is open still");
    assert_eq!(refusals(&mut table, Seat { connection: back, id: ada.id }), [(ErrorCode::InvalidMessage, "prepared".to_owned())]);
}

#[test]
fn what_was_prepared_is_not_needed_in_a_mesh() {
    let mut table = Table::new();
    let join = Join { prepared: Some(1), ..named("Ada") };
    let ada = table.arrive(1, join, guest(), None, Default::default());
    assert!(matches!(
        table.messages_to(ada)[..],
        [ServerMessage::Welcome(_), ServerMessage::Dropped { connection: 1, code: DroppedCode::NotNeeded }]
    ));
    assert_eq!(table.forwarding(), []);
}

/// All that a client is told of its connection with the server after the welcome when it comes back.
fn back(table: &mut Table, connection: u64, seat: Seat) -> Vec<ServerMessage> {
    let connection = table.resume(connection, seat.id, 9_999, false);
    let told = table.sent_to(connection);
    assert!(told.iter().all(|(seq, _)| seq.is_none()), "none of it is numbered");
    told.into_iter().skip(1).map(|(_, message)| message).collect()
}

#[test]
fn who_comes_back_is_told_all_of_their_connection_again() {
    let (mut table, [ada, bo, cy]) = through_the_server();
    let track = |seat: Seat| TrackRef { participant: seat.id, source: Source::Camera };
    assert_eq!(back(&mut table, 9, ada), [ServerMessage::Slots { connection: 1, slots: vec![] }], "nothing is carried: that is said, too");
    table.drop_connection(crate::ConnectionId(9));
    for what in [
        slot(SlotKind::Video, 2, Some((bo, Source::Camera))),
        slot(SlotKind::Audio, 0, Some((cy, Source::Microphone))),
        slot(SlotKind::Video, 3, Some((bo, Source::Screen))),
        slot(SlotKind::Video, 3, None),
    ] {
        table.told(ada, 1, Forwarded::Slot(what));
    }
    table.told(ada, 1, Forwarded::Wanted { source: Source::Camera, layers: vec![true, false, false] });
    table.told(ada, 1, Forwarded::Held { tracks: vec![track(cy), track(bo)], reason: HeldReason::Line });
    table.handle(Input::Speaking { participants: vec![bo.id, cy.id], speaker: Some(cy.id) });
    table.say(cy.connection, ClientMessage::Leave);
    let told = back(&mut table, 10, ada);
    let slots = vec![slot(SlotKind::Video, 2, Some((bo, Source::Camera)))];
    let whole = [
        ServerMessage::Slots { connection: 1, slots },
        ServerMessage::Wanted { source: Source::Camera, layers: vec![true, false, false] },
        ServerMessage::Held { tracks: vec![track(bo)], reason: HeldReason::Line },
        ServerMessage::Speaking { participants: vec![bo.id], speaker: None },
    ];
    assert_eq!(told, whole, "and of those who are gone nothing");

    table.drop_connection(crate::ConnectionId(10));
    table.told(ada, 1, Forwarded::Closed { code: DroppedCode::Unreachable });
    let dropped = ServerMessage::Dropped { connection: 1, code: DroppedCode::Unreachable };
    assert_eq!(back(&mut table, 11, ada)[0], dropped);
}

#[test]
fn what_is_told_of_a_connection_goes_to_its_owner_alone() {
    let (mut table, [ada, bo, cy]) = through_the_server();
    let uses = slot(SlotKind::Video, 2, Some((bo, Source::Camera)));
    table.told(ada, 1, Forwarded::Slot(uses));
    table.told(ada, 1, Forwarded::Connected);
    table.told(ada, 1, Forwarded::Reachable { is_reachable: false });
    table.told(ada, 2, Forwarded::Slot(uses));
    assert_eq!(table.sent_to(ada.connection), [(None, ServerMessage::Slots { connection: 1, slots: vec![uses] })]);
    for seat in [bo, cy] {
        assert_eq!(table.messages_to(seat.connection), []);
    }
}

#[test]
fn no_more_places_are_remembered_than_any_client_has() {
    let (mut table, [ada, bo, _]) = through_the_server();
    for number in 0..10_000 {
        table.told(ada, 1, Forwarded::Slot(slot(SlotKind::Video, number, Some((bo, Source::Camera)))));
    }
    let [ServerMessage::Slots { slots, .. }] = &back(&mut table, 9, ada)[..] else { panic!("slots") };
    assert_eq!(slots.len(), 80);
}

#[test]
fn who_speaks_is_told_to_everyone_who_is_here_when_it_changes() {
    let (mut table, [ada, bo, cy]) = through_the_server();
    table.drop_connection(cy.connection);
    table.forget_what_was_sent();
    let stranger = ParticipantId(uuid::Uuid::max());
    for _ in 0..2 {
        table.handle(Input::Speaking { participants: vec![ada.id, stranger], speaker: Some(stranger) });
    }
    for seat in [ada, bo] {
        assert_eq!(table.sent_to(seat.connection), [(None, ServerMessage::Speaking { participants: vec![ada.id], speaker: None })]);
    }
    assert_eq!(table.messages_to(cy.connection), []);
    let late: Welcome = table.welcome_after(9);
    assert_eq!(late.participants.len(), 4);

    let mut table = Table::new();
    let [ada, ..] = table.three();
    table.handle(Input::Speaking { participants: vec![ada.id], speaker: Some(ada.id) });
    assert_eq!(table.messages_to(ada.connection), [], "in a mesh everyone hears for themselves");
    assert_eq!(table.now, START);
}

#[test]
fn too_many_who_cannot_be_reached_are_refused() {
    let mut table = Table::new();
    let [ada, bo, _] = table.three();
    table.say(ada.connection, ClientMessage::Condition { unreachable: vec![bo.id; CONDITION_PEOPLE + 1], strained: None });
    assert_eq!(refusals(&mut table, ada), [(ErrorCode::InvalidMessage, "condition".to_owned())]);
    assert_eq!(table.messages_to(bo.connection), []);
}
