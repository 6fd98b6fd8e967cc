//! A model of the database: a table of messages, commits that take time, fail, and survive the server.

use fireside_protocol::limits::HISTORY_MESSAGES;
use fireside_protocol::{ChatId, ChatMessage, ChatPage, MessageId};

/// What survives.
#[derive(Debug, Default)]
pub struct Database {
    rows: Vec<(ChatId, ChatMessage)>,
    /// Commits fail.
    pub full: bool,
    /// Commits take this much longer.
    pub slow_ms: u64,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message is kept.
    New,
    /// It had been kept before, as this.
    Before(ChatMessage),
    /// It is not kept.
    Failed,
}

impl Database {
    /// Keeps a message, once.
    pub fn commit(&mut self, id: ChatId, message: &ChatMessage) -> Outcome {
        if self.full {
            return Outcome::Failed;
        }
        if let Some((_, before)) = self.rows.iter().find(|(known, kept)| *known == id && kept.from == message.from) {
            return Outcome::Before(before.clone());
        }
        self.rows.push((id, message.clone()));
        Outcome::New
    }

    /// What is kept, in the order in which it was.
    pub fn messages(&self) -> impl Iterator<Item = &ChatMessage> {
        self.rows.iter().map(|(_, message)| message)
    }

    /// The end of the conversation, or its part before a message.
    #[must_use]
    pub fn page(&self, before: Option<MessageId>) -> ChatPage {
        let older: Vec<&ChatMessage> = self.messages().filter(|message| before.is_none_or(|before| message.id < before)).collect();
        let skipped = older.len().saturating_sub(HISTORY_MESSAGES);
        ChatPage { messages: older.into_iter().skip(skipped).cloned().collect(), more: skipped > 0 }
    }

    /// What followed a message; when that is more than a page, the end of the conversation and that there is a gap.
    #[must_use]
    pub fn page_after(&self, after: MessageId) -> ChatPage {
        let newer: Vec<ChatMessage> = self.messages().filter(|message| message.id > after).cloned().collect();
        if newer.len() > HISTORY_MESSAGES {
            return ChatPage { more: true, ..self.page(None) };
        }
        ChatPage { messages: newer, more: false }
    }
}
