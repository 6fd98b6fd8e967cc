//! The conversation: what may be written, what is on its way to the database, and what was kept lately, so that a page that was
//! read before somebody joined can be completed.
//!
//! A message is acknowledged and shown to others only once it is kept. Their order is that of their ids.

use std::collections::VecDeque;

use fireside_protocol::limits::{CHAT_CHARS, HISTORY_MESSAGES};
use fireside_protocol::{ChatId, ChatMessage, ChatPage, ErrorCode, MessageId, ParticipantId, ServerMessage, UnixMillis};
use rand::Rng;

use crate::effect::{ConnectionId, Effect};
use crate::meeting::{Meeting, refuse};
use crate::name;
use crate::roster::Audience;
use crate::words;

/// Messages that may wait for the database; past this it is too slow to take more.
const PENDING_MESSAGES: usize = 256;
/// Messages remembered since they were kept: more than a page, for a page that was read a while ago.
const RECENT_MESSAGES: usize = 2 * HISTORY_MESSAGES;

/// What the meeting knows of the conversation.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// On their way to the database, in order.
    pending: Vec<Pending>,
    /// Kept lately, in order.
    recent: VecDeque<ChatMessage>,
    /// The newest message that is no longer in `recent`.
    forgotten: Option<MessageId>,
}

/// A message on its way to the database.
#[derive(Clone, Copy, Debug)]
struct Pending {
    author: ParticipantId,
    id: ChatId,
    message: MessageId,
}

/// The answer to [`Effect::Persist`].
#[derive(Debug)]
pub(crate) struct Persisted {
    pub(crate) author: ParticipantId,
    pub(crate) id: ChatId,
    pub(crate) message: Option<ChatMessage>,
    pub(crate) duplicate: bool,
}

impl Conversation {
    /// Whether every message has reached the database or failed to.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// Adds to a page of the database what was kept since, and takes out what the meeting has not heard to be kept: that will
    /// be sent when it has. `after`: the newest message that the reader has.
    pub(crate) fn complete(&self, mut page: ChatPage, after: Option<MessageId>) -> ChatPage {
        self.withhold_pending(&mut page);
        let newest = page.messages.last().map(|message| message.id).or(after);
        if newest < self.forgotten {
            page = ChatPage { messages: Vec::new(), more: true };
        }
        page.messages.extend(self.recent.iter().filter(|message| Some(message.id) > newest).cloned());
        let excess = page.messages.len().saturating_sub(HISTORY_MESSAGES);
        page.more |= excess > 0;
        page.messages.drain(..excess);
        page
    }

    fn withhold_pending(&self, page: &mut ChatPage) {
        page.messages.retain(|message| !self.pending.iter().any(|pending| pending.message == message.id));
    }

    fn is_pending(&self, author: ParticipantId, id: ChatId) -> bool {
        self.pending.iter().any(|pending| pending.author == author && pending.id == id)
    }

    fn settle(&mut self, author: ParticipantId, id: ChatId) -> bool {
        let before = self.pending.len();
        self.pending.retain(|pending| pending.author != author || pending.id != id);
        self.pending.len() < before
    }

    fn remember(&mut self, message: ChatMessage) {
        self.recent.push_back(message);
        if self.recent.len() > RECENT_MESSAGES {
            self.forgotten = self.recent.pop_front().map(|message| message.id).max(self.forgotten);
        }
    }
}

impl Meeting {
    /// A message for everyone. Sent again while it is on its way, it is one message still.
    pub(crate) fn chat(&mut self, now: UnixMillis, rng: &mut impl Rng, author: ParticipantId, id: ChatId, text: &str, effects: &mut Vec<Effect>) {
        let text = match tidy(text) {
            Ok(text) => text,
            Err(code) => return self.refuse_chat(author, id, code, effects),
        };
        if self.conversation.is_pending(author, id) {
            return;
        }
        if self.conversation.pending.len() >= PENDING_MESSAGES {
            return self.refuse_chat(author, id, ErrorCode::ChatNotSaved, effects);
        }
        let Some(participant) = self.roster.get(author) else { return };
        let message = ChatMessage { id: self.ids.message(now, rng), from: author, name: participant.name.clone(), text, sent_at: now };
        self.conversation.pending.push(Pending { author, id, message: message.id });
        effects.push(Effect::Persist { id, account: participant.account, message });
    }

    /// What was accepted is shown although its author may have left since; only the author then hears nothing.
    pub(crate) fn persisted(&mut self, answer: Persisted, effects: &mut Vec<Effect>) {
        let Persisted { author, id, message, duplicate } = answer;
        if !self.conversation.settle(author, id) {
            return;
        }
        let Some(message) = message else { return self.refuse_chat(author, id, ErrorCode::ChatNotSaved, effects) };
        self.roster.deliver(Audience::Only(author), ServerMessage::ChatAck { id, message: message.clone() }, effects);
        if !duplicate {
            self.conversation.remember(message.clone());
            self.roster.deliver(Audience::Except(author), ServerMessage::Chat { message }, effects);
        }
    }

    pub(crate) fn history_loaded(&mut self, connection: ConnectionId, page: Option<ChatPage>, effects: &mut Vec<Effect>) {
        if self.roster.on(connection).is_none() {
            return;
        }
        let Some(mut page) = page else { return refuse(connection, ErrorCode::HistoryUnavailable, "history", effects) };
        self.conversation.withhold_pending(&mut page);
        effects.push(Effect::to_one(connection, ServerMessage::History { page }));
    }

    /// The fate of a message is told for certain, so its refusal is replayed like its acknowledgement.
    fn refuse_chat(&mut self, author: ParticipantId, id: ChatId, code: ErrorCode, effects: &mut Vec<Effect>) {
        let message = ServerMessage::Error { code, message: words::error(code).to_owned(), about: Some(id.0.to_string()) };
        self.roster.deliver(Audience::Only(author), message, effects);
    }
}

/// The text as it is kept: without space at its ends and without control characters other than line feed and tab.
fn tidy(text: &str) -> Result<String, ErrorCode> {
    let kept: String = text.chars().filter(|&character| !character.is_control() || matches!(character, '\n' | '\t')).collect();
    let trimmed = kept.trim();
    if !name::is_visible(trimmed) {
        return Err(ErrorCode::ChatEmpty);
    }
    if trimmed.chars().count() > CHAT_CHARS {
        return Err(ErrorCode::ChatTooLong);
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use fireside_protocol::{ByeCode, ClientMessage};

    use super::*;
    use crate::Input;
    use crate::testing::{Seat, Table, chat_id};

    fn write(table: &mut Table, seat: Seat, number: u128, text: &str) {
        table.say(seat.connection, ClientMessage::Chat { id: chat_id(number), text: text.to_owned() });
    }

    fn error_to(table: &mut Table, seat: Seat) -> Option<(ErrorCode, Option<String>)> {
        match table.sent_to(seat.connection).as_slice() {
            [(Some(_), ServerMessage::Error { code, about, .. })] => Some((*code, about.clone())),
            _ => None,
        }
    }

    #[test]
    fn a_message_is_acknowledged_and_shown_only_once_it_is_kept() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        write(&mut table, ada, 1, "  <b>hello</b>\r\nworld\u{0} ");
        assert!(table.messages_to(ada.connection).is_empty() && table.messages_to(bo.connection).is_empty());
        let (id, message) = table.persists.pop().expect("a message to keep");
        assert_eq!((message.text.as_str(), message.name.as_str(), message.from), ("<b>hello</b>\nworld", "Ada", ada.id));
        table.handle(Input::Persisted { participant: ada.id, id, message: Some(message.clone()), duplicate: false });
        assert_eq!(table.messages_to(ada.connection), [ServerMessage::ChatAck { id: chat_id(1), message: message.clone() }]);
        assert_eq!(table.messages_to(bo.connection), [ServerMessage::Chat { message }]);
    }

    #[test]
    fn what_cannot_be_read_or_is_too_long_is_refused_by_the_clients_name_for_it() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        let about = |number| Some(chat_id(number).0.to_string());
        for (number, text) in ["", " \n\t ", "\u{0}", "\u{200B}"].into_iter().enumerate() {
            write(&mut table, ada, number as u128, text);
            assert_eq!(error_to(&mut table, ada), Some((ErrorCode::ChatEmpty, about(number as u128))), "{text:?}");
        }
        write(&mut table, ada, 8, &"😀".repeat(CHAT_CHARS + 1));
        assert_eq!(error_to(&mut table, ada), Some((ErrorCode::ChatTooLong, about(8))));
        write(&mut table, ada, 9, &format!("  {}  ", "😀".repeat(CHAT_CHARS)));
        assert_eq!(table.persists.len(), 1);
    }

    #[test]
    fn sent_again_it_stays_one_message() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        write(&mut table, ada, 1, "once");
        write(&mut table, ada, 1, "once");
        let [(id, kept)] = <[_; 1]>::try_from(std::mem::take(&mut table.persists)).expect("one to keep");
        table.handle(Input::Persisted { participant: ada.id, id, message: Some(kept.clone()), duplicate: false });
        table.forget_what_was_sent();
        write(&mut table, ada, 1, "once");
        let (id, again) = table.persists.pop().expect("the database decides");
        assert_ne!(again.id, kept.id);
        table.handle(Input::Persisted { participant: ada.id, id, message: Some(kept.clone()), duplicate: true });
        assert_eq!(table.messages_to(ada.connection), [ServerMessage::ChatAck { id, message: kept }]);
        assert!(table.messages_to(bo.connection).is_empty());
    }

    #[test]
    fn what_could_not_be_kept_is_said_to_the_author_alone() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        write(&mut table, ada, 1, "hello");
        table.handle(Input::Persisted { participant: ada.id, id: chat_id(1), message: None, duplicate: false });
        assert_eq!(error_to(&mut table, ada), Some((ErrorCode::ChatNotSaved, Some(chat_id(1).0.to_string()))));
        assert!(table.messages_to(bo.connection).is_empty());
    }

    #[test]
    fn a_message_outlives_its_author() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        write(&mut table, ada, 1, "bye all");
        table.say(ada.connection, ClientMessage::Leave);
        write(&mut table, ada, 2, "from the beyond");
        let [(id, message)] = <[_; 1]>::try_from(std::mem::take(&mut table.persists)).expect("only what was said while here");
        table.forget_what_was_sent();
        table.handle(Input::Persisted { participant: ada.id, id, message: Some(message.clone()), duplicate: false });
        assert_eq!(table.messages_to(bo.connection), [ServerMessage::Chat { message }]);
        assert!(table.messages_to(ada.connection).is_empty());
    }

    #[test]
    fn the_acknowledgement_waits_for_an_author_who_is_away() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        write(&mut table, ada, 1, "hello");
        table.drop_connection(ada.connection);
        let (id, message) = table.persists.pop().expect("one to keep");
        table.handle(Input::Persisted { participant: ada.id, id, message: Some(message.clone()), duplicate: false });
        let back = table.resume(9, ada.id, 2, false);
        assert!(table.sent_to(back).contains(&(Some(3), ServerMessage::ChatAck { id, message })));
    }

    #[test]
    fn a_database_that_does_not_answer_is_not_given_more_without_end() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        for number in 0..=PENDING_MESSAGES {
            write(&mut table, ada, number as u128, "hello");
        }
        assert_eq!(table.persists.len(), PENDING_MESSAGES);
        assert_eq!(error_to(&mut table, ada).map(|(code, _)| code), Some(ErrorCode::ChatNotSaved));
    }

    #[test]
    fn an_answer_to_a_question_never_asked_is_ignored() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        let kept = table.chat(ada, 1, "hello");
        table.forget_what_was_sent();
        assert_eq!(table.handle(Input::Persisted { participant: ada.id, id: chat_id(1), message: Some(kept), duplicate: false }), []);
        assert!(table.messages_to(bo.connection).is_empty());
    }

    #[test]
    fn a_page_from_long_ago_is_replaced_rather_than_left_with_a_gap() {
        let mut table = Table::new();
        let [ada, ..] = table.three();
        let kept: Vec<ChatMessage> = (0..RECENT_MESSAGES as u128 + 5).map(|number| table.chat(ada, number, "hello")).collect();
        let stale = ChatPage { messages: vec![kept[0].clone()], more: false };
        let page = table.meeting.conversation.complete(stale, None);
        assert_eq!(page.messages, kept[kept.len() - HISTORY_MESSAGES..]);
        assert!(page.more);
        let fresh = ChatPage { messages: kept[20..].to_vec(), more: false };
        assert!(table.meeting.conversation.complete(fresh, None).more, "a page has its size");
    }

    #[test]
    fn history_goes_to_the_one_who_asked() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        let before = MessageId(uuid::Uuid::max());
        assert_eq!(table.say(ada.connection, ClientMessage::History { before }), [Effect::LoadHistory { connection: ada.connection, before }]);
        table.handle(Input::HistoryLoaded { connection: ada.connection, page: Some(ChatPage::default()) });
        table.handle(Input::HistoryLoaded { connection: bo.connection, page: None });
        assert_eq!(table.messages_to(ada.connection), [ServerMessage::History { page: ChatPage::default() }]);
        assert!(matches!(&table.messages_to(bo.connection)[..], [ServerMessage::Error { code: ErrorCode::HistoryUnavailable, .. }]));
        table.say(ada.connection, ClientMessage::Leave);
        table.handle(Input::HistoryLoaded { connection: ada.connection, page: None });
        assert!(matches!(&table.messages_to(ada.connection)[..], [ServerMessage::Bye { code: ByeCode::Left, .. }]));
    }
}
