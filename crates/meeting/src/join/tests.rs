//! The ways in, as those who come and those who are there see them.

use fireside_protocol::limits::REPLAY_MESSAGES;
use fireside_protocol::{ChatMessage, ClientMessage, MediaState, Resume, Role};

use super::*;
use crate::Input;
use crate::testing::{START, Seat, Table, chat_id, guest, member, named, resuming};

fn names(welcome: &Welcome) -> Vec<&str> {
    welcome.participants.iter().map(|participant| participant.name.as_str()).collect()
}

fn replayed(sent: &[(Option<u32>, ServerMessage)]) -> Vec<u32> {
    sent.iter().filter_map(|(seq, _)| *seq).collect()
}

#[test]
fn a_newcomer_is_told_of_everyone_and_everyone_of_the_newcomer() {
    let mut table = Table::new();
    let ada = table.seat(1, "  Ada  ");
    let bo = table.arrive(2, named("Bo"), guest(), None, ChatPage::default());
    let welcome = table.welcome_on(bo);
    assert_eq!(names(&welcome), ["Ada", "Bo"]);
    assert_eq!((welcome.resumed, welcome.seq, welcome.recovering_ms), (Resumed::Fresh, 0, None));
    assert!(welcome.you > ada.id, "the later one has the greater id");
    let [(Some(1), ServerMessage::Joined { participant })] = &table.sent_to(ada.connection)[..] else { panic!("one joined") };
    assert_eq!((participant.id, participant.connected), (welcome.you, true));
}

#[test]
fn the_account_lends_its_name() {
    let mut table = Table::new();
    let join = Join { name: None, ..named("") };
    let connection = table.arrive(1, join, member(5), None, ChatPage::default());
    let welcome = table.welcome_on(connection);
    assert_eq!((names(&welcome)[0], welcome.participants[0].role), ("Member", Role::Member));
}

#[test]
fn a_name_that_cannot_be_shown_is_refused() {
    let mut table = Table::new();
    let long = "x".repeat(10_000);
    for (number, name) in [Some("   "), Some("\u{202E}"), Some(long.as_str()), None].into_iter().enumerate() {
        let join = Join { name: name.map(str::to_owned), ..named("") };
        let connection = table.arrive(number as u64, join, guest(), None, ChatPage::default());
        assert_eq!(table.denied_on(connection), Some(DeniedCode::InvalidName), "{name:?}");
        assert_eq!(table.closed.pop(), Some((connection, CloseReason::Denied)));
        assert!(table.ended, "nobody is here");
    }
}

#[test]
fn the_ninth_finds_it_full_and_one_who_lost_the_connection_still_fits() {
    let mut table = Table::new().for_people(8);
    let first = table.seat(1, "1");
    for number in 2..=8 {
        table.seat(number, "x");
    }
    table.drop_connection(first.connection);
    let ninth = table.arrive(9, named("9"), guest(), None, ChatPage::default());
    assert_eq!(table.denied_on(ninth), Some(DeniedCode::RoomFull));
    let back = table.resume(10, first.id, 0, false);
    assert_eq!(table.welcome_on(back).you, first.id);
    assert_eq!(table.meeting.people(), 8);
}

#[test]
fn an_operator_may_make_room_for_fewer_or_for_more() {
    for (set, fit) in [(3, 3), (10, 10), (1, 2), (1_000, 500)] {
        let mut table = Table::new().for_people(set);
        for number in 1..=fit {
            let seat = table.arrive(number, named("x"), guest(), None, ChatPage::default());
            assert_eq!(u64::from(table.welcome_on(seat).limits.people), fit);
        }
        let one_more = table.arrive(fit + 1, named("x"), guest(), None, ChatPage::default());
        assert_eq!(table.denied_on(one_more), Some(DeniedCode::RoomFull));
    }
}

#[test]
fn joining_twice_on_one_connection_is_refused() {
    let mut table = Table::new();
    let [ada, ..] = table.three();
    table.arrive(1, named("Eve"), guest(), None, ChatPage::default());
    table.say(ada.connection, ClientMessage::Join(named("Eve")));
    let sent = table.messages_to(ada.connection);
    assert!(sent.iter().all(|message| matches!(message, ServerMessage::Error { code: ErrorCode::AlreadyJoined, .. })) && sent.len() == 2);
    assert_eq!(table.meeting.people(), 3);
}

#[test]
fn one_who_comes_back_hears_what_was_missed_in_order() {
    let mut table = Table::new();
    let [ada, bo, cy] = table.three();
    table.drop_connection(ada.connection);
    table.chat(bo, 1, "still there?");
    table.say(cy.connection, ClientMessage::Leave);
    table.forget_what_was_sent();

    // Two `joined` had arrived before.
    let back = table.resume(9, ada.id, 2, false);
    let sent = table.sent_to(back);
    let ServerMessage::Welcome(welcome) = &sent[0].1 else { panic!("welcome first") };
    assert_eq!((welcome.resumed, welcome.seq, welcome.participants.len()), (Resumed::Replayed, 2, 0));
    assert!(matches!(&sent[1], (Some(3), ServerMessage::Chat { message }) if message.text == "still there?"));
    assert!(matches!(&sent[2], (Some(4), ServerMessage::Left { participant, .. }) if *participant == cy.id));
    let told = table.messages_to(bo.connection);
    assert!(matches!(&told[..], [ServerMessage::Updated { participant }] if participant.id == ada.id && participant.connected));
}

#[test]
fn past_the_log_the_state_as_it_is_replaces_what_was_missed() {
    let mut table = Table::new();
    let [ada, bo, _] = table.three();
    table.drop_connection(ada.connection);
    for _ in 0..=REPLAY_MESSAGES / 2 {
        table.say(bo.connection, ClientMessage::Hand { raised: true });
        table.say(bo.connection, ClientMessage::Hand { raised: false });
    }
    let back = table.resume(9, ada.id, 2, false);
    let sent = table.sent_to(back);
    assert_eq!(replayed(&sent), [] as [u32; 0]);
    let ServerMessage::Welcome(welcome) = &sent[0].1 else { panic!("welcome first") };
    assert_eq!((welcome.resumed, welcome.seq, welcome.participants.len()), (Resumed::Snapshot, 2 + 2 * (1 + REPLAY_MESSAGES as u32 / 2), 3));
}

#[test]
fn a_number_from_the_future_gets_the_state_as_it_is() {
    let mut table = Table::new();
    let [ada, ..] = table.three();
    table.drop_connection(ada.connection);
    let back = table.resume(9, ada.id, 4000, false);
    assert_eq!(table.welcome_on(back).resumed, Resumed::Snapshot);
}

#[test]
fn what_is_said_when_coming_back_counts_and_is_told() {
    let mut table = Table::new();
    let [ada, bo, _] = table.three();
    table.drop_connection(ada.connection);
    table.forget_what_was_sent();
    let media = MediaState { microphone: true, camera: true, screen: false };
    let join = Join { media, hand: true, ..resuming("Ada King", 2) };
    let claim = ResumeClaim { participant: ada.id, from_earlier_run: false };
    let back = table.arrive(9, join, guest(), Some(claim), ChatPage::default());
    let own = table.messages_to(back).pop();
    let Some(ServerMessage::Updated { participant }) = own else { panic!("how the server sees them") };
    assert_eq!((participant.name.as_str(), participant.media, participant.hand_raised_at), ("Ada King", media, Some(START)));
    assert_eq!(table.messages_to(bo.connection), [ServerMessage::Updated { participant }]);
}

#[test]
fn a_second_connection_replaces_the_first_without_anybody_noticing() {
    let mut table = Table::new();
    let [ada, bo, _] = table.three();
    let back = table.resume(9, ada.id, 2, false);
    assert!(matches!(table.messages_to(ada.connection)[..], [ServerMessage::Bye { code: ByeCode::Replaced, .. }]));
    assert_eq!(table.closed, [(ada.connection, CloseReason::Bye(ByeCode::Replaced))]);
    assert!(table.messages_to(bo.connection).is_empty());
    table.drop_connection(ada.connection);
    table.say(ada.connection, ClientMessage::Leave);
    assert!(table.messages_to(bo.connection).is_empty(), "the old connection is nobody's");
    table.say(back, ClientMessage::Hand { raised: true });
    assert_eq!(table.messages_to(bo.connection).len(), 1);
}

#[test]
fn an_attempt_that_was_given_up_for_a_later_one_does_not_take_its_place() {
    let mut table = Table::new();
    let [ada, bo, _] = table.three();
    let newest = table.resume(9, ada.id, 2, false);
    table.forget_what_was_sent();
    let stale = table.resume(8, ada.id, 2, false);
    assert!(matches!(table.messages_to(stale)[..], [ServerMessage::Bye { code: ByeCode::Replaced, .. }]));
    assert_eq!(table.closed, [(stale, CloseReason::Bye(ByeCode::Replaced))]);
    table.drop_connection(stale);
    assert!(table.messages_to(newest).is_empty() && table.messages_to(bo.connection).is_empty());
}

#[test]
fn a_claim_of_another_account_changes_nothing_for_the_one_named() {
    let mut table = Table::new();
    let victim = table.arrive(1, named("Ada"), member(1), None, ChatPage::default());
    let id = table.welcome_on(victim).you;
    let before = format!("{:?}", table.meeting.roster);
    for entrant in [guest(), member(2)] {
        let claim = ResumeClaim { participant: id, from_earlier_run: false };
        let thief = table.arrive(2, resuming("Eve", 0), entrant, Some(claim), ChatPage::default());
        assert_eq!(table.denied_on(thief), Some(DeniedCode::ResumeRefused));
    }
    assert_eq!(format!("{:?}", table.meeting.roster), before);
    assert!(table.messages_to(victim).is_empty());
}

#[test]
fn a_token_that_did_not_hold_or_came_too_late_is_refused() {
    let mut table = Table::new();
    let [ada, ..] = table.three();
    let forged = table.arrive(8, resuming("Ada", 0), guest(), None, ChatPage::default());
    assert_eq!(table.denied_on(forged), Some(DeniedCode::ResumeRefused));
    table.drop_connection(ada.connection);
    table.now = table.now.plus_millis(RESUME_WINDOW_MS);
    let late = table.resume(9, ada.id, 0, false);
    assert_eq!(table.denied_on(late), Some(DeniedCode::ResumeRefused));
    let unknown_run = table.resume(10, ada.id, 0, true);
    assert_eq!(table.denied_on(unknown_run), Some(DeniedCode::ResumeRefused), "this run is not recovering");
}

#[test]
fn after_a_restart_people_come_back_as_who_they_were_in_the_order_they_first_came() {
    let mut before = Table::new();
    let [ada, bo, cy] = before.three();
    let mut table = Table::with_recovery(Some(START.plus_millis(25_000)));
    table.now = START.plus_millis(5_000);
    let newcomer = table.seat(1, "Newcomer");
    for (connection, seat, recovering) in [(2, cy, 20_000), (3, ada, 20_000)] {
        let back = table.resume(connection, seat.id, 77, true);
        let welcome = table.welcome_on(back);
        assert_eq!((welcome.you, welcome.resumed, welcome.recovering_ms), (seat.id, Resumed::Snapshot, Some(recovering)));
        assert_eq!(welcome.started_at, START);
    }
    let order: Vec<_> = table.meeting.roster.on_wire().into_iter().map(|participant| participant.id).collect();
    assert_eq!(order, [ada.id, cy.id, newcomer.id]);
    assert_eq!(table.messages_to(newcomer.connection).len(), 2, "told of both");
    table.now = START.plus_millis(25_000);
    let late = table.resume(4, bo.id, 77, true);
    assert_eq!(table.denied_on(late), Some(DeniedCode::ResumeRefused));
}

#[test]
fn an_old_token_does_not_bring_back_one_who_left_since() {
    let mut table = Table::with_recovery(Some(START.plus_millis(20_000)));
    let [ada, ..] = Table::new().three();
    let back = table.resume(1, ada.id, 0, true);
    table.say(back, ClientMessage::Leave);
    assert!(!table.ended, "others may still come back");
    let again = table.resume(2, ada.id, 0, true);
    assert_eq!(table.denied_on(again), Some(DeniedCode::ResumeRefused));
}

#[test]
fn an_old_token_of_one_who_is_back_gets_the_state_never_a_replay() {
    let mut table = Table::with_recovery(Some(START.plus_millis(20_000)));
    let [ada, ..] = Table::new().three();
    let back = table.resume(1, ada.id, 0, true);
    table.seat(2, "Newcomer");
    table.drop_connection(back);
    let again = table.resume(3, ada.id, 1, true);
    assert_eq!(table.welcome_on(again).resumed, Resumed::Snapshot, "number 1 of the earlier run is not number 1 of this one");
}

#[test]
fn a_page_read_before_the_join_is_completed_without_doubles() {
    let mut table = Table::new();
    let [ada, ..] = table.three();
    let kept: Vec<ChatMessage> = (0..3).map(|number| table.chat(ada, number, "hello")).collect();
    table.say(ada.connection, ClientMessage::Chat { id: chat_id(9), text: "on its way".to_owned() });
    let (id, pending) = table.persists.pop().expect("one to keep");
    // The database has the message already, the meeting has not heard so yet.
    for page in [vec![], vec![kept[0].clone()], vec![kept[0].clone(), kept[1].clone(), kept[2].clone(), pending.clone()]] {
        let chat = ChatPage { messages: page, more: false };
        let connection = table.arrive(20 + chat.messages.len() as u64, named("New"), guest(), None, chat);
        assert_eq!(table.welcome_on(connection).chat, ChatPage { messages: kept.clone(), more: false });
    }
    table.handle(Input::Persisted { participant: ada.id, id, message: Some(pending.clone()), duplicate: false });
    let told = table.messages_to(ConnectionId(24));
    assert_eq!(told.last(), Some(&ServerMessage::Chat { message: pending }));
}

#[test]
fn coming_back_by_snapshot_brings_only_the_messages_that_are_new() {
    let mut table = Table::new();
    let [ada, bo, _] = table.three();
    let kept: Vec<ChatMessage> = (0..3).map(|number| table.chat(bo, number, "hello")).collect();
    table.drop_connection(ada.connection);
    let resume = Resume { token: String::new(), seq: 9999, chat_after: Some(kept[1].id), ..Resume::default() };
    let claim = ResumeClaim { participant: ada.id, from_earlier_run: false };
    let back = table.arrive(9, Join { resume: Some(resume), ..named("Ada") }, guest(), Some(claim), ChatPage::default());
    assert_eq!(table.welcome_on(back).chat.messages, kept[2..]);
}

#[test]
fn after_a_restart_messages_sort_behind_those_before_though_the_clock_was_set_back() {
    let mut before = Table::new();
    let [ada, ..] = before.three();
    before.wait(30_000);
    let kept = before.chat(ada, 1, "before");
    for page in [vec![kept.clone()], vec![]] {
        let mut table = Table::with_recovery(Some(START.plus_millis(20_000)));
        let resume = Resume { token: String::new(), seq: 9, chat_after: page.is_empty().then_some(kept.id), ..Resume::default() };
        let claim = ResumeClaim { participant: ada.id, from_earlier_run: true };
        let chat = ChatPage { messages: page, more: false };
        let connection = table.arrive(1, Join { resume: Some(resume), ..named("Ada") }, guest(), Some(claim), chat);
        let back = Seat { connection, id: ada.id };
        assert!(table.chat(back, 2, "after").id > kept.id);
    }
}

#[test]
fn a_client_that_claims_to_know_the_far_future_moves_nothing() {
    let mut table = Table::new();
    let future = MessageId(uuid::Uuid::from_u128(0x0300_0000_0000_7000_8000_0000_0000_0000));
    let resume = Resume { token: String::new(), seq: 0, chat_after: Some(future), ..Resume::default() };
    table.arrive(1, Join { resume: Some(resume), ..named("Eve") }, guest(), None, ChatPage::default());
    let ada = table.seat(2, "Ada");
    assert!(table.chat(ada, 1, "now").id < future);
}
