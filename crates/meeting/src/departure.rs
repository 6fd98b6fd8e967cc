//! The ways out: a lost connection, a goodbye, an account signed out, a room deleted, a server about to stop.

use fireside_protocol::{ByeCode, LeftReason, ParticipantId, ServerMessage, UnixMillis};
use uuid::Uuid;

use crate::effect::{CloseReason, ConnectionId, Effect};
use crate::meeting::{Meeting, Phase};
use crate::participant::{Participant, Reach};
use crate::roster::Audience;
use crate::words;

impl Meeting {
    /// The participant may come back for a while.
    pub(crate) fn disconnected(&mut self, now: UnixMillis, connection: ConnectionId, effects: &mut Vec<Effect>) {
        let Some(id) = self.roster.on(connection) else { return };
        let Some(participant) = self.roster.get_mut(id) else { return };
        participant.reach = Reach::Away { since: now };
        self.roster.announce(id, Audience::Except(id), effects);
    }

    pub(crate) fn leave(&mut self, id: ParticipantId, effects: &mut Vec<Effect>) {
        self.dismiss(&[id], ByeCode::Left, LeftReason::Left, effects);
    }

    /// `keep`: not those who came with this log-in.
    pub(crate) fn signed_out(&mut self, account: Uuid, keep: Option<Uuid>, effects: &mut Vec<Effect>) {
        let is_kept = |participant: &Participant| keep.is_some() && participant.session == keep;
        let gone = self.roster.ids_where(|participant| participant.account == Some(account) && !is_kept(participant));
        self.dismiss(&gone, ByeCode::SignedOut, LeftReason::SignedOut, effects);
    }

    pub(crate) fn session_ended(&mut self, session: Uuid, effects: &mut Vec<Effect>) {
        let gone = self.roster.ids_where(|participant| participant.session == Some(session));
        self.dismiss(&gone, ByeCode::SignedOut, LeftReason::SignedOut, effects);
    }

    /// Gives up those who were away for too long. Nobody is while the server stops: they may come back to its next run.
    pub(crate) fn expire(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Draining {
            return;
        }
        for participant in self.roster.ids_where(|participant| participant.held_until().is_some_and(|until| until <= now)) {
            self.roster.remove(participant, effects);
            self.roster.deliver(Audience::Everyone, ServerMessage::Left { participant, reason: LeftReason::Lost }, effects);
        }
    }

    pub(crate) fn room_deleted(&mut self, effects: &mut Vec<Effect>) {
        self.phase = Phase::Deleted;
        for participant in self.roster.clear(effects) {
            say_bye(&participant, ByeCode::RoomDeleted, effects);
        }
    }

    /// Nobody is said to have left: everyone is to come back to the next run of the server, with the ids they have.
    pub(crate) fn drain(&mut self, now: UnixMillis, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Open {
            self.phase = Phase::Draining;
        }
        for id in self.roster.ids_where(|participant| participant.connection().is_some()) {
            let Some(participant) = self.roster.get_mut(id) else { continue };
            say_bye(participant, ByeCode::Restarting, effects);
            participant.reach = Reach::Away { since: now };
        }
    }

    /// Removes all of them first, so that none of them hears of the others.
    fn dismiss(&mut self, ids: &[ParticipantId], bye: ByeCode, reason: LeftReason, effects: &mut Vec<Effect>) {
        for &id in ids {
            if let Some(participant) = self.roster.remove(id, effects) {
                say_bye(&participant, bye, effects);
            }
        }
        for &participant in ids {
            self.roster.deliver(Audience::Everyone, ServerMessage::Left { participant, reason }, effects);
        }
    }
}

/// Ends a participant's connection, if there is one.
pub(crate) fn say_bye(participant: &Participant, code: ByeCode, effects: &mut Vec<Effect>) {
    if let Some(connection) = participant.connection() {
        send_off(connection, code, effects);
    }
}

/// Ends a connection, saying why.
pub(crate) fn send_off(connection: ConnectionId, code: ByeCode, effects: &mut Vec<Effect>) {
    let message = ServerMessage::Bye { code, message: words::bye(code).to_owned() };
    effects.push(Effect::to_one(connection, message));
    effects.push(Effect::Close { connection, reason: CloseReason::Bye(code) });
}

#[cfg(test)]
mod tests {
    use fireside_protocol::limits::RESUME_WINDOW_MS;
    use fireside_protocol::{ChatPage, ClientMessage, DeniedCode};

    use super::*;
    use crate::Input;
    use crate::testing::{START, Table, chat_id, guest, logged_in, member, named};

    #[test]
    fn a_lost_connection_is_shown_and_after_the_window_the_participant_is_gone() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        table.drop_connection(ada.connection);
        let told = table.messages_to(bo.connection);
        assert!(matches!(&told[..], [ServerMessage::Updated { participant }] if participant.id == ada.id && !participant.connected));
        assert_eq!(table.meeting.next_wake(), Some(START.plus_millis(RESUME_WINDOW_MS)));
        table.wait(RESUME_WINDOW_MS - 1);
        assert!(table.messages_to(bo.connection).is_empty());
        table.wait(1);
        assert_eq!(table.messages_to(bo.connection), [ServerMessage::Left { participant: ada.id, reason: LeftReason::Lost }]);
        assert_eq!(table.meeting.next_wake(), None);
    }

    #[test]
    fn a_clock_set_back_keeps_nobody_longer() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        table.wait(5_000);
        table.drop_connection(ada.connection);
        table.now = START;
        table.drop_connection(ConnectionId(99));
        assert_eq!(table.meeting.next_wake(), Some(START.plus_millis(5_000 + RESUME_WINDOW_MS)));
    }

    #[test]
    fn a_goodbye_is_answered_and_told() {
        let mut table = Table::new();
        let [ada, bo, cy] = table.three();
        table.say(ada.connection, ClientMessage::Leave);
        assert!(matches!(table.messages_to(ada.connection)[..], [ServerMessage::Bye { code: ByeCode::Left, .. }]));
        assert_eq!(table.closed, [(ada.connection, CloseReason::Bye(ByeCode::Left))]);
        assert_eq!(table.messages_to(bo.connection), [ServerMessage::Left { participant: ada.id, reason: LeftReason::Left }]);
        for seat in [bo, cy] {
            assert!(!table.ended);
            table.say(seat.connection, ClientMessage::Leave);
        }
        assert!(table.ended);
        assert_eq!(table.meeting.next_wake(), None);
    }

    #[test]
    fn signing_out_takes_all_of_the_account_and_nobody_else() {
        let mut table = Table::new();
        let join = |table: &mut Table, connection, account| {
            let connection = table.arrive(connection, named("x"), member(account), None, ChatPage::default());
            table.welcome_on(connection).you
        };
        let first = join(&mut table, 1, 7);
        let other = table.seat(2, "Other");
        let second = join(&mut table, 3, 7);
        table.drop_connection(ConnectionId(3));
        table.forget_what_was_sent();
        table.handle(Input::SignedOut { account: Uuid::from_u128(7), keep: None });
        assert!(matches!(table.messages_to(ConnectionId(1))[..], [ServerMessage::Bye { code: ByeCode::SignedOut, .. }]), "and nothing of the other");
        let gone = |participant| ServerMessage::Left { participant, reason: LeftReason::SignedOut };
        assert_eq!(table.messages_to(other.connection), [gone(first), gone(second)]);
        assert_eq!(table.gone, [first, second]);
        let claim = crate::ResumeClaim { participant: second, from_earlier_run: false };
        let back = table.arrive(4, crate::testing::resuming("x", 0), member(7), Some(claim), ChatPage::default());
        assert_eq!(table.denied_on(back), Some(DeniedCode::ResumeRefused));
    }

    /// Three of one account: two by one log-in, of whom the second is away, and one by another. And a guest.
    fn of_one_account(table: &mut Table) -> ([ParticipantId; 3], crate::testing::Seat) {
        let ids = [(1, 70), (2, 70), (3, 71)].map(|(connection, session)| {
            let connection = table.arrive(connection, named("x"), logged_in(7, session), None, ChatPage::default());
            table.welcome_on(connection).you
        });
        let guest = table.seat(4, "Guest");
        table.drop_connection(ConnectionId(2));
        table.forget_what_was_sent();
        (ids, guest)
    }

    #[test]
    fn an_ended_session_takes_all_who_came_with_it_also_those_away_and_nobody_else() {
        let mut table = Table::new();
        let ([first, second, other], guest) = of_one_account(&mut table);
        table.handle(Input::SessionEnded { session: Uuid::from_u128(70) });
        assert!(matches!(table.messages_to(ConnectionId(1))[..], [ServerMessage::Bye { code: ByeCode::SignedOut, .. }]));
        let gone = |participant| ServerMessage::Left { participant, reason: LeftReason::SignedOut };
        assert_eq!(table.messages_to(guest.connection), [gone(first), gone(second)]);
        assert_eq!(table.gone, [first, second]);
        table.handle(Input::SessionEnded { session: Uuid::from_u128(99) });
        assert_eq!(table.meeting.present().collect::<Vec<_>>(), [other, guest.id]);
    }

    #[test]
    fn signing_out_everywhere_else_leaves_the_one_log_in() {
        let mut table = Table::new();
        let ([first, second, other], guest) = of_one_account(&mut table);
        table.handle(Input::SignedOut { account: Uuid::from_u128(7), keep: Some(Uuid::from_u128(71)) });
        assert_eq!(table.gone, [first, second]);
        assert_eq!(table.meeting.present().collect::<Vec<_>>(), [other, guest.id]);
    }

    #[test]
    fn who_is_gone_is_said_once_and_only_when_they_cannot_come_back() {
        let mut table = Table::new();
        let [ada, bo, cy] = table.three();
        table.drop_connection(ada.connection);
        table.wait(RESUME_WINDOW_MS - 1);
        table.resume(9, ada.id, 0, false);
        assert_eq!(table.gone, [], "away is not gone");
        table.drop_connection(ConnectionId(9));
        table.wait(RESUME_WINDOW_MS);
        assert_eq!(table.gone, [ada.id]);
        table.say(bo.connection, ClientMessage::Leave);
        table.handle(Input::Disconnected { connection: bo.connection });
        assert_eq!(table.gone, [ada.id, bo.id]);
        table.handle(Input::RoomDeleted);
        table.handle(Input::RoomDeleted);
        assert_eq!(table.gone, [ada.id, bo.id, cy.id]);
    }

    #[test]
    fn nobody_is_gone_because_the_server_stops_however_long_that_takes() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        table.say(ada.connection, ClientMessage::Chat { id: chat_id(1), text: "last words".to_owned() });
        table.handle(Input::Drain);
        table.wait(2 * RESUME_WINDOW_MS);
        assert_eq!((table.gone.len(), table.meeting.people(), table.meeting.next_wake()), (0, 3, None));
    }

    #[test]
    fn when_the_room_is_deleted_everyone_goes_and_nobody_comes() {
        let mut table = Table::new();
        let seats = table.three();
        table.handle(Input::RoomDeleted);
        assert!(table.ended);
        for seat in seats {
            assert!(matches!(table.messages_to(seat.connection)[..], [ServerMessage::Bye { code: ByeCode::RoomDeleted, .. }]));
        }
        let late = table.arrive(9, named("Late"), guest(), None, ChatPage::default());
        assert_eq!(table.denied_on(late), Some(DeniedCode::RoomNotFound));
    }

    #[test]
    fn draining_sends_everyone_off_to_come_back_and_says_of_nobody_that_they_left() {
        let mut table = Table::new();
        let seats = table.three();
        table.say(seats[0].connection, ClientMessage::Chat { id: chat_id(1), text: "last words".to_owned() });
        table.handle(Input::Drain);
        assert!(!table.ended, "a message is still on its way to the database");
        for seat in seats {
            assert!(matches!(table.messages_to(seat.connection)[..], [ServerMessage::Bye { code: ByeCode::Restarting, .. }]));
        }
        assert_eq!(table.closed.len(), 3);
        let early = table.resume(9, seats[0].id, 0, false);
        assert_eq!(table.denied_on(early), Some(DeniedCode::Draining));
        let (id, message) = table.persists.pop().expect("a message to keep");
        table.handle(Input::Persisted { participant: seats[0].id, id, message: Some(message), duplicate: false });
        assert!(table.ended);
    }
}
