//! When media moves to the server and back, as the people of a meeting are told.

use fireside_protocol::{ClientMessage, DeniedCode, DroppedCode, Resume, ServerMessage, Strain};

use super::*;
use crate::testing::{START, Seat, Table, guest, named, resuming};
use crate::{ConnectionId, Forwarded, Input, ResumeClaim};

use RouteReason::{Full, Setting, Size, Strained, Unreachable};
use Topology::{Mesh, Server};

/// What somebody was told of how media travels.
fn headings(table: &mut Table, connection: ConnectionId) -> Vec<(Topology, u32, bool, RouteReason)> {
    let all = table.messages_to(connection).into_iter();
    all.filter_map(|message| match message {
        ServerMessage::Topology { topology, change, changing, reason } => Some((topology, change, changing, reason)),
        _ => None,
    })
    .collect()
}

fn settle(table: &mut Table, seats: &[Seat], change: u32) {
    for seat in seats {
        table.say(seat.connection, ClientMessage::Settled { change });
    }
}

fn settle_whatever(table: &mut Table, seats: &[Seat]) {
    let change = table.meeting.course.heading().change;
    settle(table, seats, change);
}

fn condition(table: &mut Table, seat: Seat, unreachable: &[Seat], strained: Option<Strain>) {
    let unreachable = unreachable.iter().map(|seat| seat.id).collect();
    table.say(seat.connection, ClientMessage::Condition { unreachable, strained });
}

/// Five people whose media has moved to the server.
fn five_on_the_server(table: &mut Table) -> Vec<Seat> {
    let seats = table.people(5);
    settle(table, &seats, 1);
    table.forget_what_was_sent();
    seats
}

fn leave(table: &mut Table, seats: &[Seat]) {
    for seat in seats {
        table.say(seat.connection, ClientMessage::Leave);
    }
}

#[test]
fn the_fifth_person_moves_the_call_and_the_old_way_goes_when_all_have_settled() {
    let mut table = Table::new();
    let four = table.people(4);
    assert_eq!(headings(&mut table, four[0].connection), []);
    let fifth = table.arrive(5, named("x"), guest(), None, Default::default());
    let welcome = table.welcome_on(fifth);
    assert_eq!((welcome.topology, welcome.change, welcome.changing, welcome.reason), (Server, 1, true, Size), "the newcomer needs the new way alone");
    let told = table.messages_to(four[3].connection);
    assert!(matches!(told[..], [ServerMessage::Topology { .. }, ServerMessage::Joined { .. }]), "nobody offers to the newcomer: {told:?}");
    for seat in &four[..3] {
        assert_eq!(headings(&mut table, seat.connection), [(Server, 1, true, Size)]);
    }

    settle(&mut table, &four[..3], 1);
    settle(&mut table, &four[3..], 7);
    assert_eq!(headings(&mut table, four[0].connection), [], "one still needs the old way");
    settle(&mut table, &four[3..], 1);
    for seat in &four {
        assert_eq!(headings(&mut table, seat.connection), [(Server, 1, false, Size)]);
    }
    assert_eq!(headings(&mut table, fifth), [(Server, 1, false, Size)]);
    settle(&mut table, &four, 1);
    assert_eq!(headings(&mut table, fifth), []);
}

#[test]
fn nobody_is_waited_for_longer_than_thirty_seconds() {
    let mut table = Table::new();
    let seats = table.people(5);
    table.forget_what_was_sent();
    assert_eq!(table.meeting.next_wake(), Some(START.plus_millis(CHANGE_MS)));
    table.wait(CHANGE_MS - 1);
    assert_eq!(headings(&mut table, seats[0].connection), []);
    table.wait(1);
    assert_eq!(headings(&mut table, seats[0].connection), [(Server, 1, false, Size)]);
    assert_eq!(table.meeting.next_wake(), None);
}

#[test]
fn who_is_away_is_not_waited_for_and_who_is_back_is() {
    let mut table = Table::new();
    let seats = table.people(5);
    settle(&mut table, &seats[1..4], 1);
    table.drop_connection(seats[0].connection);
    assert_eq!(headings(&mut table, seats[1].connection).pop(), Some((Server, 1, false, Size)));

    let mut table = Table::new();
    let seats = table.people(5);
    settle(&mut table, &seats[2..4], 1);
    table.drop_connection(seats[0].connection);
    let back = table.resume(9, seats[0].id, 0, false);
    assert!(table.welcome_on(back).changing);
    settle(&mut table, &seats[1..2], 1);
    assert_eq!(headings(&mut table, back), []);
    table.say(back, ClientMessage::Settled { change: 1 });
    assert_eq!(headings(&mut table, back), [(Server, 1, false, Size)]);
}

#[test]
fn who_leaves_during_a_change_holds_it_up_no_longer() {
    let mut table = Table::new();
    let seats = table.people(5);
    settle(&mut table, &seats[1..], 1);
    table.forget_what_was_sent();
    leave(&mut table, &seats[..1]);
    assert_eq!(headings(&mut table, seats[1].connection), [(Server, 1, false, Size)]);
}

#[test]
fn it_goes_back_only_below_the_limit_and_after_a_while() {
    let mut table = Table::new();
    let seats = five_on_the_server(&mut table);
    leave(&mut table, &seats[4..]);
    table.wait(10 * CALM_MS);
    assert_eq!(headings(&mut table, seats[0].connection), [], "four are at the limit: they stay");
    leave(&mut table, &seats[3..4]);
    assert_eq!(table.meeting.next_wake(), Some(table.now.plus_millis(CALM_MS)));
    table.wait(CALM_MS - 1);
    assert_eq!(headings(&mut table, seats[0].connection), []);
    table.wait(1);
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 2, true, Size)]);
    settle(&mut table, &seats[..3], 2);
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 2, false, Size)]);
    assert_eq!(table.meeting.next_wake(), None);
}

#[test]
fn two_who_are_left_go_back_whatever_the_limit_is() {
    let mut table = Table::new().with(|meeting| meeting.mesh_people(2));
    let seats: Vec<_> = (1..=3).map(|connection| table.seat(connection, "x")).collect();
    settle(&mut table, &seats, 1);
    leave(&mut table, &seats[2..]);
    table.forget_what_was_sent();
    table.wait(CALM_MS);
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 2, true, Size)]);
}

#[test]
fn somebody_who_comes_meanwhile_begins_the_wait_anew() {
    let mut table = Table::new();
    let seats = five_on_the_server(&mut table);
    leave(&mut table, &seats[3..]);
    table.wait(CALM_MS - 1);
    let fourth = table.seat(9, "x");
    table.wait(CALM_MS);
    leave(&mut table, &[fourth]);
    table.wait(CALM_MS - 1);
    assert_eq!(headings(&mut table, seats[0].connection), []);
    table.wait(1);
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 2, true, Size)]);
}

/// Two leave and come back as soon as the call has gone down; how long it takes to go down each time.
#[test]
fn a_number_of_people_that_goes_up_and_down_does_not_do_so_with_the_media() {
    let mut table = Table::new();
    let mut seats = five_on_the_server(&mut table);
    let mut waits = Vec::new();
    for round in 0..8_u64 {
        leave(&mut table, &seats.split_off(3));
        let before = table.now;
        while headings(&mut table, seats[0].connection).is_empty() {
            table.wait(500);
        }
        waits.push(table.now.0 - before.0);
        settle_whatever(&mut table, &seats);
        seats.extend([table.seat(20 + 2 * round, "x"), table.seat(21 + 2 * round, "x")]);
        settle_whatever(&mut table, &seats);
        table.forget_what_was_sent();
    }
    assert_eq!(waits, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
    leave(&mut table, &seats.split_off(3));
    table.wait(300_000);
    settle_whatever(&mut table, &seats);
    table.wait(10 * 60_000);
    seats.extend([table.seat(80, "x"), table.seat(81, "x")]);
    assert_eq!(table.meeting.course.calm.ms, CALM_MS, "after a long time from peer to peer it is no longer held against them");
}

#[test]
fn two_who_cannot_reach_each_other_move_the_call_and_keep_it_there_while_both_are_here() {
    let mut table = Table::new();
    let [ada, bo, cy] = table.three();
    condition(&mut table, ada, &[bo], None);
    assert_eq!(headings(&mut table, cy.connection), [(Server, 1, true, Unreachable)]);
    settle(&mut table, &[ada, bo, cy], 1);
    table.wait(10 * CALM_MS);
    assert_eq!(headings(&mut table, cy.connection), [(Server, 1, false, Unreachable)]);
    leave(&mut table, &[bo]);
    table.wait(CALM_MS);
    assert_eq!(headings(&mut table, cy.connection), [(Mesh, 2, true, Size)]);
}

#[test]
fn who_is_away_or_unknown_or_oneself_is_nobody_that_cannot_be_reached() {
    let mut table = Table::new();
    let [ada, bo, cy] = table.three();
    let stranger = Seat { id: Table::new().seat(9, "x").id, ..bo };
    condition(&mut table, ada, &[ada, stranger], None);
    table.drop_connection(cy.connection);
    condition(&mut table, ada, &[cy], None);
    assert_eq!(headings(&mut table, bo.connection), [], "they cannot be reached by anybody");
    table.resume(9, cy.id, 2, false);
    assert_eq!(headings(&mut table, bo.connection), [(Server, 1, true, Unreachable)]);
}

#[test]
fn a_line_that_does_not_carry_it_moves_a_call_of_three_but_not_of_two() {
    let mut table = Table::new();
    let (ada, bo) = (table.seat(1, "Ada"), table.seat(2, "Bo"));
    condition(&mut table, ada, &[], Some(Strain::Upload));
    assert_eq!(headings(&mut table, bo.connection), []);
    let cy = table.arrive(3, named("Cy"), guest(), None, Default::default());
    assert_eq!(headings(&mut table, bo.connection), [(Server, 1, true, Strained)]);
    assert!(table.welcome_on(cy).changing);
    settle(&mut table, &[ada, bo], 1);
    table.wait(10 * CALM_MS);
    assert_eq!(headings(&mut table, bo.connection), [(Server, 1, false, Strained)]);
    condition(&mut table, ada, &[], None);
    table.wait(CALM_MS);
    assert_eq!(headings(&mut table, bo.connection), [(Mesh, 2, true, Size)]);
}

#[test]
fn a_way_down_that_fails_turns_back_and_the_next_attempt_waits_longer() {
    let mut table = Table::new();
    let seats = five_on_the_server(&mut table);
    leave(&mut table, &seats[3..]);
    table.wait(CALM_MS);
    condition(&mut table, seats[0], &[seats[1]], None);
    assert_eq!(headings(&mut table, seats[2].connection), [(Mesh, 2, true, Size), (Server, 3, true, Unreachable)]);
    settle(&mut table, &seats[..3], 2);
    assert_eq!(headings(&mut table, seats[2].connection), [], "that change is over");
    settle(&mut table, &seats[..3], 3);
    assert_eq!(headings(&mut table, seats[2].connection), [(Server, 3, false, Unreachable)]);
    condition(&mut table, seats[0], &[], None);
    table.wait(2 * CALM_MS - 1);
    assert_eq!(headings(&mut table, seats[2].connection), []);
    table.wait(1);
    assert_eq!(headings(&mut table, seats[2].connection), [(Mesh, 4, true, Size)]);
}

#[test]
fn a_way_down_turns_back_when_there_are_too_many_again() {
    let mut table = Table::new();
    let seats = five_on_the_server(&mut table);
    leave(&mut table, &seats[3..]);
    table.wait(CALM_MS);
    table.forget_what_was_sent();
    table.seat(8, "x");
    assert_eq!(headings(&mut table, seats[0].connection), []);
    let fifth = table.arrive(9, named("x"), guest(), None, Default::default());
    assert_eq!(headings(&mut table, seats[0].connection), [(Server, 3, true, Size)]);
    assert_eq!(table.welcome_on(fifth).topology, Server);
}

#[test]
fn a_server_that_is_full_leaves_it_to_the_people_up_to_sixteen_and_is_asked_again() {
    let mut table = Table::new();
    let seats = table.people(5);
    table.say(seats[0].connection, offer(1));
    table.forget_what_was_sent();
    table.told(seats[0], 1, Forwarded::Closed { code: DroppedCode::Full });
    assert_eq!(headings(&mut table, seats[1].connection), [(Mesh, 2, true, Full)]);
    settle(&mut table, &seats, 2);
    assert_eq!(headings(&mut table, seats[1].connection), [(Mesh, 2, false, Full)]);
    let more: Vec<Seat> = (6..=16).map(|number| table.seat(number, "x")).collect();
    let seventeenth = table.arrive(17, named("x"), guest(), None, Default::default());
    assert_eq!(table.denied_on(seventeenth), Some(DeniedCode::RoomFull), "before the call breaks");
    assert_eq!(table.meeting.next_wake(), Some(table.now.plus_millis(FULL_MS)));
    table.wait(FULL_MS);
    assert_eq!(headings(&mut table, more[0].connection), [(Server, 3, true, Size)]);
    table.say(seats[0].connection, offer(2));
    table.told(seats[0], 2, Forwarded::Closed { code: DroppedCode::Full });
    table.told(seats[1], 2, Forwarded::Closed { code: DroppedCode::Full });
    table.forget_what_was_sent();
    settle(&mut table, &seats, 4);
    settle(&mut table, &more, 4);
    table.wait(2 * FULL_MS - 1);
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 4, false, Full)]);
    table.wait(1);
    assert_eq!(headings(&mut table, seats[0].connection), [(Server, 5, true, Size)]);
}

#[test]
fn more_than_sixteen_stay_with_a_server_that_is_full() {
    let mut table = Table::new();
    let seats = table.people(17);
    table.say(seats[16].connection, offer(1));
    table.forget_what_was_sent();
    table.told(seats[16], 1, Forwarded::Closed { code: DroppedCode::Full });
    assert_eq!(headings(&mut table, seats[0].connection), []);
    assert_eq!(table.welcome_after(18).topology, Server);
}

#[test]
fn the_operators_word_goes_before_the_rooms_and_both_before_everything_else() {
    let mut table = Table::new();
    let [ada, bo, cy] = table.three();
    table.handle(Input::Routed { route: Route::Server });
    assert_eq!(headings(&mut table, ada.connection), [(Server, 1, true, Setting)]);
    settle(&mut table, &[ada, bo, cy], 1);
    table.wait(10 * CALM_MS);
    assert_eq!(headings(&mut table, ada.connection), [(Server, 1, false, Setting)]);
    table.handle(Input::Routed { route: Route::Mesh });
    assert_eq!(headings(&mut table, ada.connection), [(Mesh, 2, true, Setting)]);

    let mut table = Table::new().with(|meeting| meeting.route(Route::Mesh).room_route(Route::Server).for_people(200));
    for number in 1..=16 {
        let welcome = table.welcome_after(number);
        assert_eq!((welcome.topology, welcome.change, welcome.limits.people), (Mesh, 0, 16));
    }
    let seventeenth = table.arrive(17, named("x"), guest(), None, Default::default());
    assert_eq!(table.denied_on(seventeenth), Some(DeniedCode::RoomFull));

    let mut table = Table::new().with(|meeting| meeting.route(Route::Server));
    table.handle(Input::Routed { route: Route::Mesh });
    let first = table.welcome_after(1);
    assert_eq!((first.topology, first.change, first.changing, first.reason), (Server, 0, false, Setting), "from the start");
}

#[test]
fn a_change_turns_back_when_the_host_wants_the_other_way() {
    let mut table = Table::new();
    let seats = five_on_the_server(&mut table);
    leave(&mut table, &seats[3..]);
    table.wait(CALM_MS);
    table.handle(Input::Routed { route: Route::Server });
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 2, true, Size), (Server, 3, true, Setting)]);
    table.handle(Input::Routed { route: Route::Mesh });
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 4, true, Setting)], "and the other way round");
}

#[test]
fn the_host_cannot_move_a_call_to_a_server_that_is_full() {
    let mut table = Table::new();
    let [ada, bo, cy] = table.three();
    table.handle(Input::Routed { route: Route::Server });
    table.say(ada.connection, offer(1));
    table.told(ada, 1, Forwarded::Closed { code: DroppedCode::Full });
    settle(&mut table, &[ada, bo, cy], 2);
    let told = headings(&mut table, ada.connection);
    assert_eq!(told, [(Server, 1, true, Setting), (Mesh, 2, true, Full), (Mesh, 2, false, Full)], "a call that works is not broken");
    table.wait(FULL_MS);
    assert_eq!(headings(&mut table, ada.connection), [(Server, 3, true, Setting)]);
}

#[test]
fn who_was_let_in_and_finds_the_server_full_takes_the_others_back_to_the_mesh_if_they_may() {
    let mut table = Table::new();
    let seats = five_on_the_server(&mut table);
    let late = table.seat(9, "x");
    table.handle(Input::Routed { route: Route::Server });
    for number in 1..4 {
        table.say(late.connection, offer(number));
        table.told(late, number, Forwarded::Closed { code: DroppedCode::Full });
    }
    assert_eq!(headings(&mut table, seats[0].connection), [], "through the server or not at all");
    table.handle(Input::Routed { route: Route::Auto });
    table.say(late.connection, offer(4));
    table.told(late, 4, Forwarded::Closed { code: DroppedCode::Full });
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 2, true, Full)]);
}

#[test]
fn a_call_that_is_too_large_for_a_mesh_goes_there_by_setting_only_once_it_fits() {
    let mut table = Table::new();
    let seats = table.people(17);
    settle(&mut table, &seats, 1);
    table.handle(Input::Routed { route: Route::Mesh });
    table.forget_what_was_sent();
    table.wait(60_000);
    assert_eq!(headings(&mut table, seats[0].connection), []);
    leave(&mut table, &seats[16..]);
    assert_eq!(headings(&mut table, seats[0].connection), [(Mesh, 2, true, Setting)]);
}

#[test]
fn how_many_are_connected_peer_to_peer_is_a_setting() {
    let mut table = Table::new().with(|meeting| meeting.mesh_people(2).for_people(3));
    table.people(2);
    assert_eq!(table.meeting.topology_for_newcomer(), Server);
    let welcome = table.welcome_after(3);
    assert_eq!((welcome.topology, welcome.limits.mesh_people, welcome.limits.people), (Server, 2, 3));
}

#[test]
fn what_is_prepared_before_joining_is_of_use_if_ones_coming_moves_the_call() {
    let mut table = Table::new();
    assert_eq!(table.meeting.topology_for_newcomer(), Mesh);
    table.people(3);
    assert_eq!(table.meeting.topology_for_newcomer(), Mesh);
    table.seat(4, "x");
    assert_eq!(table.meeting.topology_for_newcomer(), Server);
    assert_eq!(headings(&mut table, ConnectionId(1)), [], "a question changes nothing");
    let always = Table::new().with(|meeting| meeting.route(Route::Server));
    assert_eq!(always.meeting.topology_for_newcomer(), Server);
}

/// Somebody of an earlier run of the server comes back.
fn returns(table: &mut Table, connection: u64, seat: Seat, topology: Option<Topology>) -> fireside_protocol::Welcome {
    let join = resuming("x", 3);
    let resume = Resume { topology, ..join.resume.clone().unwrap_or_default() };
    let claim = ResumeClaim { participant: seat.id, from_earlier_run: true };
    let connection = table.arrive(connection, fireside_protocol::Join { resume: Some(resume), ..join }, guest(), Some(claim), Default::default());
    table.welcome_on(connection)
}

#[test]
fn after_a_restart_the_first_who_returns_says_how_media_travelled() {
    let before = Table::new().people(5);
    let recovering = || Table::with_recovery(Some(START.plus_millis(20_000)));
    let mut table = recovering();
    let first = returns(&mut table, 1, before[0], Some(Server));
    assert_eq!((first.topology, first.change, first.changing), (Server, 0, false));
    let second = returns(&mut table, 2, before[1], Some(Mesh));
    assert_eq!(second.topology, Server, "the first one's word counts");
    assert!(table.meeting.next_wake().is_none_or(|at| at >= START.plus_millis(20_000)), "others may still come");
    table.wait(20_000);
    table.wait(CALM_MS - 1);
    assert_eq!(headings(&mut table, ConnectionId(1)), []);
    table.wait(1);
    assert_eq!(headings(&mut table, ConnectionId(1)), [(Mesh, 1, true, Size)], "only two have come back");

    let mut table = recovering();
    assert_eq!(returns(&mut table, 1, before[0], None).topology, Mesh);
    assert_eq!(returns(&mut table, 2, before[1], Some(Server)).topology, Mesh);
    let [.., last] = [2, 3, 4].map(|at| returns(&mut table, 1 + at as u64, before[at], Some(Mesh)));
    assert_eq!((last.topology, last.changing), (Server, true), "five are too many");

    let mut table = recovering().with(|meeting| meeting.route(Route::Mesh));
    assert_eq!(returns(&mut table, 1, before[0], Some(Server)).topology, Mesh, "as far as the settings go");
}

#[test]
fn who_could_not_be_reached_before_a_restart_cannot_be_reached_after_it() {
    let before = Table::new().people(2);
    let mut table = Table::with_recovery(Some(START.plus_millis(20_000)));
    returns(&mut table, 1, before[0], Some(Mesh));
    table.say(ConnectionId(1), ClientMessage::Condition { unreachable: vec![before[1].id], strained: None });
    assert_eq!(headings(&mut table, ConnectionId(1)), []);
    returns(&mut table, 2, before[1], Some(Mesh));
    assert_eq!(headings(&mut table, ConnectionId(1)), [(Server, 1, true, Unreachable)]);
}

#[test]
fn somebody_new_who_was_faster_than_those_who_return_goes_over_to_the_server_with_them() {
    let before = Table::new().people(5);
    let mut table = Table::with_recovery(Some(START.plus_millis(20_000)));
    table.now = START.plus_millis(1_000);
    let newcomer = table.seat(1, "New");
    let first = returns(&mut table, 2, before[0], Some(Server));
    assert_eq!((first.topology, first.changing), (Server, true));
    assert_eq!(headings(&mut table, newcomer.connection), [(Server, 1, true, Size)]);
}

#[test]
fn nothing_is_decided_while_the_server_stops() {
    let mut table = Table::new();
    let seats = table.people(5);
    table.say(seats[0].connection, ClientMessage::Chat { id: crate::testing::chat_id(1), text: "last words".to_owned() });
    table.handle(Input::Drain);
    table.forget_what_was_sent();
    table.wait(CHANGE_MS);
    assert!(seats.iter().all(|seat| table.messages_to(seat.connection).is_empty()));
    assert_eq!(table.forwarding(), []);
}

fn offer(connection: u32) -> ClientMessage {
    ClientMessage::Offer { offer: fireside_protocol::Offer { connection, sdp: "v=0".to_owned() } }
}
