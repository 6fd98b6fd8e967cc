//! The conversation: what may be written, what is on its way to the database, and what was kept lately, so that a page that was
//! read before somebody joined can be completed.
//!
//! A message is acknowledged and shown to others only once it is kept. Their order is that of their ids.

use std::collections::VecDeque;

use fireside_protocol::limits::{CHAT_CHARS, HISTORY_MESSAGES};
use fireside_protocol::{ChatId, ChatMessage, ChatPage, ErrorCode, MessageId, ParticipantId, ServerMessage, UnixMillis};
use rand::Rng;

use crate::effect::{ConnectionId, Effect, Recipient};
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
        effects.push(Effect::Send { message: ServerMessage::History { page }, to: vec![Recipient { connection, seq: None }] });
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
