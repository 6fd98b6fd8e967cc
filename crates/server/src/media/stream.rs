//! TURN over TCP and TLS, and media over TCP: between a stream and the thread that takes what it brings.
//!
//! A task reads, cuts what came where a message ends, and lays whole messages down for the worker; it writes what the worker has
//! put into the outbox. Both boxes are bounded: a client that writes faster than the worker reads waits, and for one that reads too
//! slowly media is dropped, as a network would; an answer that does not fit ends the connection. What it refuses to know: what
//! messages say.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fireside_turn::stream::LONGEST_FRAME;
use fireside_turn::{FiveTuple, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::framing::Framing;

/// What is read at once: the longest message fits, and a burst of media.
const READ_BUFFER: usize = 16_384;
/// What may lie before the worker. It empties the box within a turn.
const INBOX: usize = 65_536;
/// What may wait for the client: half a second of a large call. More would only be late.
const OUTBOX: usize = 262_144;
/// The same for answers to one that no media has gone to yet. Anybody can open streams, ask, and not read; who means to have an
/// allocation reads each answer before the next question.
const OUTBOX_AT_FIRST: usize = 16_384;
/// A browser asks for its allocation at once, or checks its way into a call; whoever has not after so long only sits there.
pub(super) const SHOWN_WITHIN: Duration = Duration::from_secs(30);
/// Before a client of media has shown who it is, it has said so many messages at most: checks, some of them twice.
const MESSAGES_AT_FIRST: u32 = 64;
/// Messages of media in a second, of which as many may come at once: as many as a client of datagrams may send. Whoever sends more waits.
const MESSAGES: u32 = 4_000;
/// A client that takes nothing at all for so long is gone.
const TAKES_WITHIN: Duration = Duration::from_secs(30);
/// TLS has a last word; nobody waits for it long.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(1);

/// Who takes what streams bring.
pub(super) trait Taker: Send + Sync {
    /// The link has something. It is brought once however much that is.
    fn bring(&self, link: Arc<Link>);
}

/// What a task and the worker share of one stream.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) tuple: FiveTuple,
    /// The client has shown who it is.
    is_known: AtomicBool,
    inbox: Mutex<Inbox>,
    /// The worker has emptied the inbox.
    emptied: Notify,
    outbox: Mutex<Outbox>,
    /// The worker has put something into the outbox, or closed it.
    filled: Notify,
    /// The worker has closed it: nobody waits for a client that does not read.
    closed: Notify,
}

#[derive(Debug, Default)]
struct Inbox {
    messages: Vec<u8>,
    /// The link is on the desk.
    is_brought: bool,
    state: State,
}

/// What the worker is to know beside the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It goes on.
    #[default]
    Open,
    /// It goes on if there is an allocation, or if the client is one of a call's.
    Asked,
    /// It has ended.
    Ended,
}

#[derive(Debug, Default)]
struct Outbox {
    bytes: Vec<u8>,
    is_closed: bool,
    /// Media has been put into it, which goes to those alone who have shown who they are.
    has_had_media: bool,
}

impl Link {
    fn new(tuple: FiveTuple) -> Self {
        Self {
            tuple,
            is_known: AtomicBool::new(false),
            inbox: Mutex::default(),
            emptied: Notify::new(),
            outbox: Mutex::default(),
            filled: Notify::new(),
            closed: Notify::new(),
        }
    }

    /// For the worker: the client has shown who it is.
    pub(super) fn know(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// For the worker: takes the messages that have come, in exchange for the empty `messages`.
    pub(super) fn take(&self, messages: &mut Vec<u8>) -> State {
        let mut inbox = lock(&self.inbox);
        messages.clear();
        std::mem::swap(&mut inbox.messages, messages);
        inbox.is_brought = false;
        let state = inbox.state;
        if state == State::Asked {
            inbox.state = State::Open;
        }
        drop(inbox);
        self.emptied.notify_one();
        state
    }

    /// For the worker: media for the client. Returns whether it fitted.
    pub(super) fn offer(&self, frames: &[u8]) -> bool {
        let mut outbox = lock(&self.outbox);
        outbox.has_had_media = true;
        self.lay(outbox, frames)
    }

    fn lay(&self, mut outbox: MutexGuard<'_, Outbox>, frames: &[u8]) -> bool {
        let most = if outbox.has_had_media { OUTBOX } else { OUTBOX_AT_FIRST };
        let fits = outbox.bytes.len() + frames.len() <= most;
        if fits && !outbox.is_closed {
            outbox.bytes.extend_from_slice(frames);
            drop(outbox);
            self.filled.notify_one();
        }
        fits
    }

    /// For the worker: an answer to the client, which must not be lost while the connection goes on.
    pub(super) fn answer(&self, message: &[u8]) {
        if !self.lay(lock(&self.outbox), message) {
            self.close();
        }
    }

    /// For the worker: nothing more is to come of this stream.
    pub(super) fn close(&self) {
        *lock(&self.outbox) = Outbox { bytes: Vec::new(), is_closed: true, has_had_media: false };
        self.filled.notify_one();
        self.closed.notify_one();
    }

    /// For the worker: nothing more is to come of this stream but what is in the outbox.
    pub(super) fn end(&self) {
        lock(&self.outbox).is_closed = true;
        self.filled.notify_one();
    }

    /// For the task: what is to be written next, in exchange for the empty `bytes`. Returns false when the stream is closed.
    fn next(&self, bytes: &mut Vec<u8>) -> bool {
        let mut outbox = lock(&self.outbox);
        bytes.clear();
        std::mem::swap(&mut outbox.bytes, bytes);
        !(outbox.is_closed && bytes.is_empty())
    }

    /// For the task: lays messages down once there is room.
    async fn put(self: &Arc<Self>, taker: &dyn Taker, messages: &[u8]) {
        while !self.change(taker, |inbox| {
            let fits = inbox.messages.len() + messages.len() <= INBOX;
            if fits {
                inbox.messages.extend_from_slice(messages);
            }
            fits
        }) {
            self.emptied.notified().await;
        }
    }

    /// Changes the inbox and sees to it that the worker looks. Returns what `change` returns.
    fn change(self: &Arc<Self>, taker: &dyn Taker, change: impl FnOnce(&mut Inbox) -> bool) -> bool {
        let mut inbox = lock(&self.inbox);
        let is_done = change(&mut inbox);
        let is_new = !std::mem::replace(&mut inbox.is_brought, true);
        drop(inbox);
        if is_new {
            taker.bring(Arc::clone(self));
        }
        is_done
    }
}

/// What is known of a stream when it is begun to be attended to.
pub(super) struct Begun<'a> {
    pub(super) tuple: FiveTuple,
    pub(super) framing: Framing,
    /// What has been read of it so far.
    pub(super) held: &'a [u8],
}

/// Attends to a stream until it ends, or until it is seen that its client has not shown who it is, which is looked for every
/// `shown_within`.
pub(super) async fn attend(taker: Arc<dyn Taker>, stream: impl AsyncRead + AsyncWrite + Send, begun: Begun<'_>, shown_within: Duration) {
    let visit = Visit { taker, link: Arc::new(Link::new(begun.tuple)), framing: begun.framing, shown_within };
    let (reader, mut writer) = tokio::io::split(stream);
    tokio::select! {
        () = visit.read(reader, begun.held) => {}
        () = visit.write(&mut writer) => {}
        () = visit.ask() => {}
        () = visit.link.closed.notified() => {}
    }
    let _ = timeout(LAST_WORD_WITHIN, writer.shutdown()).await;
}

/// A stream that is attended to. However that ends, the worker hears of it.
struct Visit {
    taker: Arc<dyn Taker>,
    link: Arc<Link>,
    framing: Framing,
    shown_within: Duration,
}

impl Visit {
    async fn read(&self, mut reader: impl AsyncRead + Unpin, begun: &[u8]) {
        let (mut buffer, mut held) = (vec![0; READ_BUFFER.max(begun.len())], begun.len());
        const { assert!(READ_BUFFER > LONGEST_FRAME, "an incomplete message leaves room") };
        buffer.splice(..held, begun.iter().copied());
        let mut pace = Pace::new();
        loop {
            let Ok((whole, messages)) = self.framing.whole(buffer.get(..held).unwrap_or_default()) else { return };
            if whole > 0 {
                if self.framing == Framing::Media && !pace.keep(messages, self.link.is_known()).await {
                    return;
                }
                self.link.put(&*self.taker, buffer.get(..whole).unwrap_or_default()).await;
                buffer.copy_within(whole..held, 0);
                held -= whole;
            }
            let Some(room) = buffer.get_mut(held..) else { return };
            let Ok(read @ 1..) = reader.read(room).await else { return };
            held += read;
        }
    }

    async fn write(&self, writer: &mut (impl AsyncWrite + Unpin)) {
        let mut bytes = Vec::new();
        while self.link.next(&mut bytes) {
            if bytes.is_empty() {
                self.link.filled.notified().await;
                continue;
            }
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let piece = self.piece(rest);
                let Ok(()) = self.write_all(writer, piece).await else { return };
                rest = rest.get(piece.len()..).unwrap_or_default();
            }
            let Ok(Ok(())) = timeout(TAKES_WITHIN, writer.flush()).await else { return };
        }
    }

    /// What is written at once. Within TLS each message is a record of its own: a client can read a record only when it has all of it,
    /// and media is not to wait for what comes behind. (Some clients take a record for a message, too.)
    fn piece<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        if self.link.tuple.transport == Transport::Tls { self.framing.piece(bytes) } else { bytes }
    }

    /// Fails when nothing at all is taken for too long.
    async fn write_all(&self, writer: &mut (impl AsyncWrite + Unpin), mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            let written = timeout(TAKES_WITHIN, writer.write(rest)).await??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Has the worker look now and then whether the client has shown who it is.
    async fn ask(&self) {
        let mut times = interval_at(Instant::now() + self.shown_within, self.shown_within);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            self.link.change(&*self.taker, |inbox| {
                inbox.state = State::Asked;
                true
            });
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.link.change(&*self.taker, |inbox| {
            inbox.state = State::Ended;
            true
        });
    }
}

/// How fast messages of media may come.
struct Pace {
    /// So many more may come at once; below zero, what came too early.
    left: f64,
    at: Instant,
    so_far: u32,
}

impl Pace {
    fn new() -> Self {
        Self { left: f64::from(MESSAGES), at: Instant::now(), so_far: 0 }
    }

    /// Waits until so many may come. False: too many have, of one who has not shown who it is.
    async fn keep(&mut self, messages: u32, is_known: bool) -> bool {
        self.so_far = self.so_far.saturating_add(messages);
        let now = Instant::now();
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * f64::from(MESSAGES);
        (self.left, self.at) = ((self.left + gained).min(f64::from(MESSAGES)) - f64::from(messages), now);
        if self.left < 0.0 {
            sleep_until(now + Duration::from_secs_f64(-self.left / f64::from(MESSAGES))).await;
        }
        is_known || self.so_far <= MESSAGES_AT_FIRST
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
