//! TURN over TCP and TLS: between a stream and the worker's thread.
//!
//! A task reads, cuts what came where a message ends, and lays whole messages down for the worker; it writes what the worker has
//! put into the outbox. Both boxes are bounded: a client that writes faster than the worker reads waits, and for one that reads too
//! slowly media is dropped, as a network would; an answer that does not fit ends the connection. What it refuses to know: what
//! messages say.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fireside_turn::stream::{Broken, Frame, LONGEST_FRAME, frame};
use fireside_turn::{FiveTuple, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use super::desk::Desk;

/// What is read at once: the longest message fits, and a burst of media.
const READ_BUFFER: usize = 16_384;
/// What may lie before the worker. It empties the box within a turn.
const INBOX: usize = 65_536;
/// What may wait for the client: half a second of a large call. More would only be late.
const OUTBOX: usize = 262_144;
/// The same for answers to one that no media has gone to yet. Anybody can open streams, ask, and not read; who means to have an
/// allocation reads each answer before the next question.
const OUTBOX_AT_FIRST: usize = 16_384;
/// A browser asks for its allocation at once; whoever has none after so long only sits there.
pub(super) const ALLOCATES_WITHIN: Duration = Duration::from_secs(30);
/// A client that takes nothing at all for so long is gone.
const TAKES_WITHIN: Duration = Duration::from_secs(30);
/// TLS has a last word; nobody waits for it long.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(1);

/// What a task and the worker share of one stream.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) tuple: FiveTuple,
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
    /// It goes on if there is an allocation.
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
        Self { tuple, inbox: Mutex::default(), emptied: Notify::new(), outbox: Mutex::default(), filled: Notify::new(), closed: Notify::new() }
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

    /// For the task: what is to be written next, in exchange for the empty `bytes`. Returns false when the stream is closed.
    fn next(&self, bytes: &mut Vec<u8>) -> bool {
        let mut outbox = lock(&self.outbox);
        bytes.clear();
        std::mem::swap(&mut outbox.bytes, bytes);
        !outbox.is_closed
    }

    /// For the task: lays messages down once there is room.
    async fn put(self: &Arc<Self>, desk: &Desk, messages: &[u8]) {
        while !self.change(desk, |inbox| {
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
    fn change(self: &Arc<Self>, desk: &Desk, change: impl FnOnce(&mut Inbox) -> bool) -> bool {
        let mut inbox = lock(&self.inbox);
        let is_done = change(&mut inbox);
        let is_new = !std::mem::replace(&mut inbox.is_brought, true);
        drop(inbox);
        if is_new {
            desk.bring(Arc::clone(self));
        }
        is_done
    }
}

/// Speaks TURN on a stream until it ends, or until it is seen to have no allocation, which is looked for every `allocates_within`.
pub(super) async fn attend(desk: &Arc<Desk>, stream: impl AsyncRead + AsyncWrite + Send, tuple: FiveTuple, allocates_within: Duration) {
    let visit = Visit { desk: Arc::clone(desk), link: Arc::new(Link::new(tuple)), allocates_within };
    let (reader, mut writer) = tokio::io::split(stream);
    tokio::select! {
        () = visit.read(reader) => {}
        () = visit.write(&mut writer) => {}
        () = visit.ask() => {}
        () = visit.link.closed.notified() => {}
    }
    let _ = timeout(LAST_WORD_WITHIN, writer.shutdown()).await;
}

/// A stream that is attended to. However that ends, the worker hears of it.
struct Visit {
    desk: Arc<Desk>,
    link: Arc<Link>,
    allocates_within: Duration,
}

impl Visit {
    async fn read(&self, mut reader: impl AsyncRead + Unpin) {
        let (mut buffer, mut held) = (vec![0; READ_BUFFER], 0);
        const { assert!(READ_BUFFER > LONGEST_FRAME, "an incomplete message leaves room") };
        while let Some(room) = buffer.get_mut(held..) {
            let Ok(read @ 1..) = reader.read(room).await else { return };
            held += read;
            let Ok(whole) = whole_messages(buffer.get(..held).unwrap_or_default()) else { return };
            if whole > 0 {
                self.link.put(&self.desk, buffer.get(..whole).unwrap_or_default()).await;
                buffer.copy_within(whole..held, 0);
                held -= whole;
            }
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
        match frame(bytes) {
            Ok(Frame::Whole { taken, .. }) if self.link.tuple.transport == Transport::Tls => bytes.get(..taken).unwrap_or(bytes),
            _ => bytes,
        }
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

    /// Has the worker look now and then whether there is an allocation.
    async fn ask(&self) {
        let mut times = interval_at(tokio::time::Instant::now() + self.allocates_within, self.allocates_within);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            self.link.change(&self.desk, |inbox| {
                inbox.state = State::Asked;
                true
            });
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.link.change(&self.desk, |inbox| {
            inbox.state = State::Ended;
            true
        });
    }
}

/// How many bytes from the start of `bytes` are whole messages.
fn whole_messages(bytes: &[u8]) -> Result<usize, Broken> {
    let mut whole = 0;
    while let Frame::Whole { taken, .. } = frame(bytes.get(whole..).unwrap_or_default())? {
        whole += taken;
    }
    Ok(whole)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
