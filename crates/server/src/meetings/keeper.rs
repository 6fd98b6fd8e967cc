//! Chat between a meeting and the database: keeps messages one after the other, reads pages of older ones.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use fireside_meeting::{ConnectionId, Input};
use fireside_protocol::limits::HISTORY_MESSAGES;
use fireside_protocol::{ChatId, ChatMessage, ChatPage, MessageId, ParticipantId, UnixMillis};
use fireside_store::{AppendMessage, Appended, Store, StoreError, StoredMessage};
use futures_util::stream::{FuturesUnordered, StreamExt};
use uuid::Uuid;

use crate::metrics::METRICS;

/// Messages of one meeting that may wait to be kept. At a commit a millisecond nobody sees it; with a database that is stuck,
/// further ones are refused at once and their writers see it.
const WAITING_MESSAGES: usize = 256;
/// Pages of one meeting that may be read at once.
const READING_PAGES: usize = 8;
/// How often and how far apart the database is asked again when it is unknown whether a message was committed.
const ASK_AGAIN: [Duration; 4] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(2), Duration::from_secs(5)];

type Answer = Pin<Box<dyn Future<Output = Input> + Send>>;

/// The chat of one meeting on its way to and from the database. Nothing is allocated while nobody writes.
pub(super) struct Keeper {
    store: Store,
    room: Uuid,
    waiting: VecDeque<(Instant, AppendMessage)>,
    keeping: Option<Answer>,
    reading: FuturesUnordered<Answer>,
}

impl Keeper {
    pub(super) fn new(store: Store, room: Uuid) -> Self {
        Self { store, room, waiting: VecDeque::new(), keeping: None, reading: FuturesUnordered::new() }
    }

    /// Keeps a message after those that came before. An input: it was refused at once.
    #[must_use]
    pub(super) fn keep(&mut self, id: ChatId, account: Option<Uuid>, message: ChatMessage) -> Option<Input> {
        let append = AppendMessage { room: self.room, client_id: id.0, message: stored(account, message) };
        if self.waiting.len() >= WAITING_MESSAGES {
            METRICS.chat_failed.increment(1);
            return Some(persisted(&append, None, false));
        }
        self.waiting.push_back((Instant::now(), append));
        None
    }

    /// Reads the page before a message. An input: too much is being read already.
    #[must_use]
    pub(super) fn read(&mut self, connection: ConnectionId, before: MessageId) -> Option<Input> {
        if self.reading.len() >= READING_PAGES {
            return Some(Input::HistoryLoaded { connection, page: None });
        }
        let (store, room) = (self.store.clone(), self.room);
        self.reading.push(Box::pin(async move {
            let page = page(&store, room, Some(before)).await;
            if let Err(error) = &page {
                tracing::warn!(%error, "older chat messages could not be read");
            }
            Input::HistoryLoaded { connection, page: page.ok() }
        }));
        None
    }

    /// Everything that was accepted is kept, or refused.
    pub(super) fn is_done(&self) -> bool {
        self.keeping.is_none() && self.waiting.is_empty()
    }

    /// The next answer of the database; never comes while nothing was asked.
    pub(super) async fn next(&mut self) -> Input {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if self.keeping.is_none()
            && let Some((since, append)) = self.waiting.pop_front()
        {
            self.keeping = Some(Box::pin(commit(self.store.clone(), append, since)));
        }
        if let Some(keeping) = &mut self.keeping
            && let Poll::Ready(answer) = keeping.as_mut().poll(cx)
        {
            self.keeping = None;
            return Poll::Ready(answer);
        }
        match self.reading.poll_next_unpin(cx) {
            Poll::Ready(Some(answer)) => Poll::Ready(answer),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// The end of a room's conversation, or the page before a message.
///
/// # Errors
/// When the database cannot be read.
pub async fn page(store: &Store, room: Uuid, before: Option<MessageId>) -> Result<ChatPage, StoreError> {
    let (messages, more) = store.messages_before(room, before.map(|before| before.0), history()).await?;
    Ok(ChatPage { messages: messages.into_iter().map(told).collect(), more })
}

/// What followed a message, for one who has it and all before it. When that is more than a page: the end of the
/// conversation, with `more` set, since there is a gap.
///
/// # Errors
/// When the database cannot be read.
pub async fn page_after(store: &Store, room: Uuid, after: MessageId) -> Result<ChatPage, StoreError> {
    let (messages, gap) = store.messages_after(room, after.0, history()).await?;
    if gap {
        return Ok(ChatPage { more: true, ..page(store, room, None).await? });
    }
    Ok(ChatPage { messages: messages.into_iter().map(told).collect(), more: false })
}

async fn commit(store: Store, append: AppendMessage, since: Instant) -> Input {
    for wait in ASK_AGAIN.into_iter().map(Some).chain([None]) {
        match (store.append_message(append.clone()).await, wait) {
            (Ok(appended), _) => {
                METRICS.chat_kept.increment(1);
                METRICS.chat_seconds.record(since.elapsed());
                return match appended {
                    Appended::Before(before) if before.id != append.message.id => persisted(&append, Some(told(before)), true),
                    // Kept before under this very id: by an earlier try of ours whose outcome we did not hear.
                    Appended::New | Appended::Before(_) => persisted(&append, Some(told(append.message.clone())), false),
                };
            }
            // Whether it was committed is unknown: asking again with the same name does no harm.
            (Err(StoreError::Unreachable | StoreError::Other(_)), Some(wait)) => tokio::time::sleep(wait).await,
            (Err(error), _) => {
                tracing::warn!(%error, "a chat message could not be kept");
                break;
            }
        }
    }
    METRICS.chat_failed.increment(1);
    persisted(&append, None, false)
}

fn persisted(append: &AppendMessage, message: Option<ChatMessage>, duplicate: bool) -> Input {
    Input::Persisted { participant: ParticipantId(append.message.participant), id: ChatId(append.client_id), message, duplicate }
}

fn stored(account: Option<Uuid>, message: ChatMessage) -> StoredMessage {
    let ChatMessage { id, from, name, text, sent_at } = message;
    StoredMessage { id: id.0, participant: from.0, account, name, text, sent_at: sent_at.0 }
}

fn told(message: StoredMessage) -> ChatMessage {
    let StoredMessage { id, participant, account: _, name, text, sent_at } = message;
    ChatMessage { id: MessageId(id), from: ParticipantId(participant), name, text, sent_at: UnixMillis(sent_at) }
}

fn history() -> u32 {
    u32::try_from(HISTORY_MESSAGES).unwrap_or(u32::MAX)
}
