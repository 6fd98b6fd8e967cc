//! The way in: as a newcomer, as somebody who lost the connection, or as somebody of an earlier run of the server.
//!
//! Whether somebody may enter the room at all was decided before; here is decided as whom they enter.

use fireside_protocol::limits::{CHAT_CHARS, NAME_CHARS, PING_INTERVAL_MS, RESUME_WINDOW_MS};
use fireside_protocol::{
    ByeCode, ChatPage, DeniedCode, ErrorCode, Join, Limits, MessageId, ParticipantId, Resumed, ServerMessage, UnixMillis, Welcome,
};
use rand::Rng;

use crate::departure::{say_bye, send_off};
use crate::effect::{CloseReason, ConnectionId, Effect, Entrant, Recipient, ResumeClaim};
use crate::identity::millis_of;
use crate::meeting::{Meeting, Phase, refuse};
use crate::name;
use crate::participant::{Participant, Reach};
use crate::resume::{Frame, ReplayLog};
use crate::roster::Audience;
use crate::topology;
use crate::words;

/// Somebody who wants in.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: ConnectionId,
    pub(crate) entrant: Entrant,
    pub(crate) join: Join,
    pub(crate) claim: Option<ResumeClaim>,
    pub(crate) chat: ChatPage,
}

impl Arrival {
    /// The name to be shown by: the one given, or else the account's.
    fn name(&self) -> Result<String, DeniedCode> {
        let given = self.join.name.as_ref().or(self.entrant.account_name.as_ref()).ok_or(DeniedCode::InvalidName)?;
        name::clean(given).map_err(|name::InvalidName| DeniedCode::InvalidName)
    }

    /// The newest chat message that the client has.
    fn chat_after(&self) -> Option<MessageId> {
        self.join.resume.as_ref().and_then(|resume| resume.chat_after)
    }
}

impl Meeting {
    pub(crate) fn join(&mut self, now: UnixMillis, rng: &mut impl Rng, arrival: Arrival, effects: &mut Vec<Effect>) {
        let connection = arrival.connection;
        if self.roster.on(connection).is_some() {
            return refuse(connection, ErrorCode::AlreadyJoined, "join", effects);
        }
        if let Some(newest) = arrival.chat.messages.last() {
            self.ids.observe(newest.id.0);
        }
        if let Err(code) = self.let_in(now, rng, arrival, effects) {
            let message = ServerMessage::Denied { code, message: words::denied(code).to_owned() };
            effects.push(Effect::Send { message, to: vec![Recipient { connection, seq: None }] });
            effects.push(Effect::Close { connection, reason: CloseReason::Denied });
        }
    }

    fn let_in(&mut self, now: UnixMillis, rng: &mut impl Rng, arrival: Arrival, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        match self.phase {
            Phase::Open => {}
            Phase::Draining => return Err(DeniedCode::Draining),
            Phase::Deleted => return Err(DeniedCode::RoomNotFound),
        }
        match (&arrival.join.resume, arrival.claim) {
            (None, _) => self.newcomer(now, rng, arrival, effects),
            (Some(_), None) => Err(DeniedCode::ResumeRefused),
            (Some(_), Some(claim)) if self.roster.contains(claim.participant) => self.comes_back(now, arrival, claim, effects),
            (Some(_), Some(claim)) if claim.from_earlier_run => self.returns_after_restart(now, arrival, claim.participant, effects),
            (Some(_), Some(_)) => Err(DeniedCode::ResumeRefused),
        }
    }

    fn newcomer(&mut self, now: UnixMillis, rng: &mut impl Rng, arrival: Arrival, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        let name = arrival.name()?;
        if !topology::newcomer_fits(self.roster.len()) {
            return Err(DeniedCode::RoomFull);
        }
        let id = self.ids.participant(now, rng);
        self.enter(now, id, now, name, arrival, Resumed::Fresh, effects);
        Ok(())
    }

    /// Somebody whom an earlier run of the server knew: they bring with them who they are.
    fn returns_after_restart(&mut self, now: UnixMillis, arrival: Arrival, id: ParticipantId, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        let recovery = self.recovery.as_mut().filter(|recovery| recovery.admits(id, now)).ok_or(DeniedCode::ResumeRefused)?;
        let name = arrival.name()?;
        if !topology::returner_fits(self.roster.len()) {
            return Err(DeniedCode::RoomFull);
        }
        recovery.note_return(id);
        self.ids.observe(id.0);
        let joined_at = millis_of(id.0).min(now);
        self.started_at = self.started_at.min(joined_at);
        self.enter(now, id, joined_at, name, arrival, Resumed::Snapshot, effects);
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "what two ways in have in common, called from just above")]
    fn enter(
        &mut self,
        now: UnixMillis,
        id: ParticipantId,
        joined_at: UnixMillis,
        name: String,
        arrival: Arrival,
        how: Resumed,
        effects: &mut Vec<Effect>,
    ) {
        let after = arrival.chat_after();
        let Arrival { connection, entrant, join, claim: _, chat } = arrival;
        let participant = Participant {
            id,
            account: entrant.account,
            name,
            role: entrant.role,
            media: join.media,
            hand_raised_at: join.hand.then_some(now),
            joined_at,
            reach: Reach::Present { connection },
            log: ReplayLog::default(),
        };
        let announced = participant.on_wire();
        self.roster.insert(participant);
        let chat = self.conversation.complete(chat, after);
        self.welcome(now, id, connection, Account::Whole { how, seq: 0, chat }, effects);
        self.roster.deliver(Audience::Except(id), ServerMessage::Joined { participant: announced }, effects);
    }

    /// Somebody whom the meeting still knows, whether it has noticed that their old connection is lost or not.
    fn comes_back(&mut self, now: UnixMillis, arrival: Arrival, claim: ResumeClaim, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        let id = claim.participant;
        let name = arrival.name();
        let after = arrival.chat_after();
        let Arrival { connection, entrant, join, claim: _, chat } = arrival;
        let participant = self.roster.get_mut(id).filter(|known| known.account == entrant.account).ok_or(DeniedCode::ResumeRefused)?;
        if participant.connection().is_some_and(|current| current > connection) {
            // An attempt that its client gave up for a later one, and that came through all the same.
            send_off(connection, ByeCode::Replaced, effects);
            return Ok(());
        }
        say_bye(participant, ByeCode::Replaced, effects);

        let before = participant.on_wire();
        participant.reach = Reach::Present { connection };
        participant.role = entrant.role;
        participant.media = join.media;
        participant.set_hand(join.hand, now);
        if let (Some(_), Ok(name)) = (&join.name, name) {
            participant.name = name;
        }
        let changed = participant.on_wire() != before;

        // Numbers of an earlier run of the server mean nothing in this one.
        let seen = join.resume.filter(|_| !claim.from_earlier_run).map(|resume| resume.seq);
        let missed = seen.and_then(|seq| participant.log.after(seq).map(|frames| Account::Missed { seq, frames }));
        let seq = participant.log.last();
        let replayed = missed.is_some();
        let account = missed.unwrap_or_else(|| Account::Whole { how: Resumed::Snapshot, seq, chat: self.conversation.complete(chat, after) });
        self.welcome(now, id, connection, account, effects);
        if changed {
            // One who was sent no list of participants hears here how the server sees them.
            self.roster.announce(id, if replayed { Audience::Everyone } else { Audience::Except(id) }, effects);
        }
        Ok(())
    }

    fn welcome(&self, now: UnixMillis, you: ParticipantId, connection: ConnectionId, account: Account, effects: &mut Vec<Effect>) {
        let (resumed, seq, participants, chat, missed) = match account {
            Account::Whole { how, seq, chat } => (how, seq, self.roster.on_wire(), chat, Vec::new()),
            Account::Missed { seq, frames } => (Resumed::Replayed, seq, Vec::new(), ChatPage::default(), frames),
        };
        let welcome = Welcome {
            you,
            resume_token: String::new(),
            seq,
            resumed,
            recovering_ms: self.recovery.as_ref().and_then(|recovery| recovery.remaining(now)),
            room: self.room.clone(),
            topology: topology::current(),
            participants,
            chat,
            ice_servers: Vec::new(),
            started_at: self.started_at,
            now,
            limits: limits(),
        };
        effects.push(Effect::Send { message: ServerMessage::Welcome(Box::new(welcome)), to: vec![Recipient { connection, seq: None }] });
        for Frame { seq, message } in missed {
            effects.push(Effect::Send { message: message.as_ref().clone(), to: vec![Recipient { connection, seq: Some(seq) }] });
        }
    }
}

/// What somebody who comes in is told about the meeting.
enum Account {
    /// All of it, as it is now.
    Whole { how: Resumed, seq: u32, chat: ChatPage },
    /// What they missed.
    Missed { seq: u32, frames: Vec<Frame> },
}

/// Counts of this size always fit; the fallback is never taken.
fn limits() -> Limits {
    let count = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    Limits {
        chat_chars: count(CHAT_CHARS),
        name_chars: count(NAME_CHARS),
        people: count(topology::PEOPLE),
        ping_interval_ms: PING_INTERVAL_MS,
        resume_window_ms: RESUME_WINDOW_MS,
    }
}

#[cfg(test)]
mod tests {
    use fireside_protocol::{ChatMessage, ClientMessage, MediaState, Resume, Role};

    use super::*;
    use crate::Input;
    use crate::testing::{START, Table, chat_id, guest, member, named, resuming};

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
        let mut table = Table::new();
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
        for _ in 0..150 {
            table.say(bo.connection, ClientMessage::Hand { raised: true });
            table.say(bo.connection, ClientMessage::Hand { raised: false });
        }
        let back = table.resume(9, ada.id, 2, false);
        let sent = table.sent_to(back);
        assert_eq!(replayed(&sent), [] as [u32; 0]);
        let ServerMessage::Welcome(welcome) = &sent[0].1 else { panic!("welcome first") };
        assert_eq!((welcome.resumed, welcome.seq, welcome.participants.len()), (Resumed::Snapshot, 302, 3));
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
        let resume = Resume { token: String::new(), seq: 9999, chat_after: Some(kept[1].id) };
        let claim = ResumeClaim { participant: ada.id, from_earlier_run: false };
        let back = table.arrive(9, Join { resume: Some(resume), ..named("Ada") }, guest(), Some(claim), ChatPage::default());
        assert_eq!(table.welcome_on(back).chat.messages, kept[2..]);
    }
}
