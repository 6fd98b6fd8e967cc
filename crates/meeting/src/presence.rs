//! What participants show of themselves: their media, their hand, their name.

use fireside_protocol::{ErrorCode, MediaState, ParticipantId, ServerMessage, UnixMillis};

use crate::effect::{ConnectionId, Effect};
use crate::meeting::{Meeting, refuse};
use crate::name;
use crate::roster::Audience;

impl Meeting {
    /// The participant's own word on their media is the last one, so they are not told.
    pub(crate) fn media(&mut self, id: ParticipantId, media: MediaState, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get_mut(id) else { return };
        if std::mem::replace(&mut participant.media, media) != media {
            self.roster.announce(id, Audience::Except(id), effects);
            self.permit(id, effects);
        }
    }

    /// The participant is told too: the time is the server's.
    pub(crate) fn hand(&mut self, now: UnixMillis, id: ParticipantId, raised: bool, effects: &mut Vec<Effect>) {
        let Some(participant) = self.roster.get_mut(id) else { return };
        if participant.set_hand(raised, now) {
            self.roster.announce(id, Audience::Everyone, effects);
        }
    }

    /// The participant is told too: the name is shown as the server cleaned it.
    pub(crate) fn rename(&mut self, id: ParticipantId, connection: ConnectionId, new: &str, effects: &mut Vec<Effect>) {
        let Ok(name) = name::clean(new) else { return refuse(connection, ErrorCode::InvalidName, "rename", effects) };
        let Some(participant) = self.roster.get_mut(id) else { return };
        participant.name = name;
        self.roster.announce(id, Audience::Everyone, effects);
    }

    /// What has arrived need not be kept for a replay any longer.
    pub(crate) fn ping(&mut self, id: ParticipantId, connection: ConnectionId, seq: Option<u32>, effects: &mut Vec<Effect>) {
        if let (Some(seq), Some(participant)) = (seq, self.roster.get_mut(id)) {
            participant.log.arrived(seq);
        }
        effects.push(Effect::to_one(connection, ServerMessage::Pong));
    }
}

#[cfg(test)]
mod tests {
    use fireside_protocol::{ClientMessage, Participant};

    use super::*;
    use crate::Input;
    use crate::testing::{START, Seat, Table};

    fn updates(table: &mut Table, seat: Seat) -> Vec<Participant> {
        let all = table.messages_to(seat.connection).into_iter();
        all.filter_map(|message| if let ServerMessage::Updated { participant } = message { Some(participant) } else { None }).collect()
    }

    #[test]
    fn media_is_told_to_all_others_when_it_changes() {
        let mut table = Table::new();
        let [ada, bo, cy] = table.three();
        let media = MediaState { microphone: true, camera: false, screen: true };
        for _ in 0..2 {
            table.say(ada.connection, ClientMessage::Media { media });
        }
        for seat in [bo, cy] {
            assert_eq!(updates(&mut table, seat).iter().map(|participant| participant.media).collect::<Vec<_>>(), [media]);
        }
        assert!(table.messages_to(ada.connection).is_empty());
    }

    #[test]
    fn a_hand_stays_up_since_it_was_raised() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        table.say(ada.connection, ClientMessage::Hand { raised: true });
        table.wait(1_000);
        table.say(ada.connection, ClientMessage::Hand { raised: true });
        table.say(ada.connection, ClientMessage::Hand { raised: false });
        for seat in [ada, bo] {
            assert_eq!(updates(&mut table, seat).iter().map(|participant| participant.hand_raised_at).collect::<Vec<_>>(), [Some(START), None]);
        }
    }

    #[test]
    fn a_new_name_is_cleaned_and_a_bad_one_refused() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        table.say(ada.connection, ClientMessage::Rename { name: " Ada\u{202E}  King ".to_owned() });
        for seat in [ada, bo] {
            assert_eq!(updates(&mut table, seat).iter().map(|participant| participant.name.clone()).collect::<Vec<_>>(), ["Ada King"]);
        }
        table.say(ada.connection, ClientMessage::Rename { name: "\u{200B}".to_owned() });
        let refused = table.sent_to(ada.connection);
        assert!(matches!(&refused[..], [(None, ServerMessage::Error { code: ErrorCode::InvalidName, about: Some(about), .. })] if about == "rename"));
        assert!(updates(&mut table, bo).is_empty());
    }

    #[test]
    fn a_new_title_is_told_once() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        for _ in 0..2 {
            table.handle(Input::Retitled { title: "Retro".to_owned() });
        }
        assert!(matches!(&table.sent_to(ada.connection)[..], [(Some(3), ServerMessage::Room { room })] if room.title == "Retro"));
        let late = table.arrive(9, crate::testing::named("x"), crate::testing::guest(), None, Default::default());
        assert_eq!(table.welcome_on(late).room.title, "Retro");
    }

    #[test]
    fn a_ping_is_answered_without_a_number() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        table.say(ada.connection, ClientMessage::Ping { seq: None });
        assert_eq!(table.sent_to(ada.connection), [(None, ServerMessage::Pong)]);
    }
}
