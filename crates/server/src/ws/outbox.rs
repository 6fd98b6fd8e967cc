//! What waits to be written to one connection. Bounded: whoever reads too slowly loses the connection, nobody waits for them.
//!
//! Messages come from the task that hosts the meeting and from the connection itself; the connection's task takes them out.
//! What this module refuses to know: sockets, and what the messages say.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use fireside_protocol::{ByeCode, ServerMessage, SignalBody, limits};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::metrics::METRICS;
use crate::ws::words;

/// Bytes that may wait: a client that is 1 MiB behind will not catch up before its meeting has moved on.
const OUTBOX_BYTES: usize = 1024 * 1024;
/// Bytes that may wait for somebody who comes in: the longest welcome (a page of the longest chat messages, 1.7 MiB) and what was
/// kept for a replay (1 MiB as JSON at most), beside what may wait at any time.
const CATCHING_UP_BYTES: usize = 3 * 1024 * 1024 + OUTBOX_BYTES;
/// A queue that has grown past this is given back to the allocator once it is empty again.
const KEPT_SLOTS: usize = 8;

/// Why a connection is closed, as the WebSocket close code says it (`PROTOCOL.md`, "Closing").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// `bye` was said.
    Bye,
    /// `denied` was said.
    Denied,
    /// A message was too large (RFC 6455, 7.4.1).
    TooLarge,
    /// Text was not UTF-8 (RFC 6455, 7.4.1).
    NotUtf8,
    /// What came was not WebSocket (RFC 6455, 7.4.1).
    Protocol,
}

impl CloseCode {
    /// Every one of them.
    pub const ALL: [Self; 5] = [Self::Bye, Self::Denied, Self::TooLarge, Self::NotUtf8, Self::Protocol];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Bye => 4000,
            Self::Denied => 4001,
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge => 1009,
        }
    }
}

/// A message that waits, serialised; shared with the outboxes of its other recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    seq: Option<u32>,
    body: Utf8Bytes,
}

/// The outbox was full. What waited in it is gone, and the connection is being closed with `bye too_slow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflowed;

/// What the connection shall do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Write this.
    Write(Waiting),
    /// Close; everything before has been taken.
    Close(CloseCode),
}

/// The outbox of one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiting>,
    bytes: usize,
    flow: Flow,
    waker: Option<Waker>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Nothing was read yet since somebody came (back): a welcome and all that is replayed after it may wait at once.
    #[default]
    CatchingUp,
    /// The client keeps up, within the limits.
    Running,
    /// No more messages; the connection closes when the queue is empty.
    Closing(CloseCode),
}

impl Outbox {
    /// Queues a serialised message, with its number if it has one. After [`Outbox::close`] it is dropped silently.
    ///
    /// # Errors
    /// [`Overflowed`] when too much waits already.
    pub fn push(&self, body: Utf8Bytes, seq: Option<u32>) -> Result<(), Overflowed> {
        let mut state = self.lock();
        let room = match state.flow {
            Flow::Closing(_) => return Ok(()),
            Flow::CatchingUp => {
                state.queue.len() <= limits::REPLAY_MESSAGES + limits::OUTBOX_MESSAGES && state.bytes + body.len() <= CATCHING_UP_BYTES
            }
            Flow::Running => state.queue.len() < limits::OUTBOX_MESSAGES && state.bytes + body.len() <= OUTBOX_BYTES,
        };
        if !room {
            METRICS.too_slow.increment(1);
            state.give_up(&words::bye(ByeCode::TooSlow));
            return Err(Overflowed);
        }
        state.bytes += body.len();
        state.queue.push_back(Waiting { seq, body });
        state.wake();
        Ok(())
    }

    /// Says this last and closes. What waits is still written before it. Changes nothing when it is closing already.
    pub fn close_with(&self, last: &ServerMessage, code: CloseCode) {
        let mut state = self.lock();
        if !matches!(state.flow, Flow::Closing(_)) {
            state.queue.push_back(Waiting { seq: None, body: serialised(last) });
            state.flow = Flow::Closing(code);
            state.wake();
        }
    }

    /// Closes once everything that waits has been written. Changes nothing when it is closing already.
    pub fn close(&self, code: CloseCode) {
        let mut state = self.lock();
        if !matches!(state.flow, Flow::Closing(_)) {
            state.flow = Flow::Closing(code);
            state.wake();
        }
    }

    /// The client reads nothing: drops what waits, says `bye too_slow`, closes.
    pub fn give_up(&self) {
        METRICS.too_slow.increment(1);
        self.lock().give_up(&words::bye(ByeCode::TooSlow));
    }

    /// No more messages are taken.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        matches!(self.lock().flow, Flow::Closing(_))
    }

    /// What to do next; wakes the task when there is something.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        if let Some(waiting) = state.queue.pop_front() {
            state.bytes = state.bytes.saturating_sub(waiting.body.len());
            return Poll::Ready(Next::Write(waiting));
        }
        if state.queue.capacity() > KEPT_SLOTS {
            state.queue = VecDeque::new();
        }
        match state.flow {
            Flow::Closing(code) => Poll::Ready(Next::Close(code)),
            Flow::CatchingUp | Flow::Running => {
                if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    state.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// Somebody who was told something before comes in now: a welcome and all that is replayed may wait at once.
    pub fn catch_up(&self) {
        let mut state = self.lock();
        if state.flow == Flow::Running {
            state.flow = Flow::CatchingUp;
        }
    }

    /// Everything of the catching-up has been handed to the network: from here on the limits are those of a live meeting.
    pub fn caught_up(&self) {
        let mut state = self.lock();
        if state.flow == Flow::CatchingUp {
            state.flow = Flow::Running;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under this lock panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give_up(&mut self, last: &ServerMessage) {
        self.queue = VecDeque::from([Waiting { seq: None, body: serialised(last) }]);
        self.bytes = 0;
        self.flow = Flow::Closing(CloseCode::Bye);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl Waiting {
    /// The text frame: `{"seq":12,"type":…}`, the shape of `ServerFrame`, without serialising the message again.
    #[must_use]
    pub fn into_text(self) -> Utf8Bytes {
        let Some(seq) = self.seq else { return self.body };
        let mut text = String::with_capacity(self.body.len() + r#""seq":4294967295,"#.len());
        text.push_str(r#"{"seq":"#);
        text.push_str(&seq.to_string());
        text.push(',');
        text.push_str(self.body.get(1..).unwrap_or_default());
        text.into()
    }
}

/// A message as JSON. Every message of the protocol is an object with at least `type`.
#[must_use]
pub fn serialised(message: &ServerMessage) -> Utf8Bytes {
    // Where the length is known beforehand, the text does not move while it grows.
    let length = match message {
        ServerMessage::Signal { body: SignalBody::Offer { sdp } | SignalBody::Answer { sdp }, .. } | ServerMessage::Answer { sdp, .. } => sdp.len(),
        _ => 0,
    };
    let mut text = Vec::with_capacity(length + length / 16 + 256);
    let written = serde_json::to_writer(&mut text, message).map_err(|error| error.to_string());
    match written.and_then(|()| String::from_utf8(text).map_err(|error| error.to_string())) {
        Ok(text) => text.into(),
        Err(error) => {
            // Cannot happen: the types have string keys and no fallible serializers. A client ignores a type it does not know.
            tracing::error!(%error, "a message could not be serialised");
            Utf8Bytes::from_static(r#"{"type":"unserialisable"}"#)
        }
    }
}

#[cfg(test)]
mod tests {
    use fireside_protocol::ServerFrame;

    use super::*;

    fn drain(outbox: &Outbox) -> (Vec<String>, Option<CloseCode>) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut texts = Vec::new();
        loop {
            match outbox.poll_next(&mut cx) {
                Poll::Ready(Next::Write(waiting)) => texts.push(waiting.into_text().to_string()),
                Poll::Ready(Next::Close(code)) => return (texts, Some(code)),
                Poll::Pending => return (texts, None),
            }
        }
    }

    fn pong() -> Utf8Bytes {
        serialised(&ServerMessage::Pong)
    }

    #[test]
    fn a_number_is_spliced_in_as_the_frame_type_reads_it() {
        let outbox = Outbox::default();
        outbox.push(pong(), None).expect("room");
        outbox.push(serialised(&words::bye(ByeCode::Left)), Some(u32::MAX)).expect("room");
        let (texts, closed) = drain(&outbox);
        let frames: Vec<ServerFrame> = texts.iter().map(|text| serde_json::from_str(text).expect("a frame")).collect();
        assert_eq!(frames[0], ServerFrame { seq: None, message: ServerMessage::Pong });
        assert_eq!(frames[1], ServerFrame { seq: Some(u32::MAX), message: words::bye(ByeCode::Left) });
        assert_eq!(closed, None);
    }

    #[test]
    fn a_client_that_does_not_keep_up_is_told_to_come_back() {
        let outbox = Outbox::default();
        outbox.caught_up();
        for _ in 0..limits::OUTBOX_MESSAGES {
            outbox.push(pong(), None).expect("room");
        }
        assert_eq!(outbox.push(pong(), None), Err(Overflowed));
        assert_eq!(outbox.push(pong(), None), Ok(()), "what comes later is dropped without a second report");
        let (texts, closed) = drain(&outbox);
        assert_eq!(texts.len(), 1);
        assert!(texts[0].contains("too_slow"), "{}", texts[0]);
        assert_eq!(closed, Some(CloseCode::Bye));
    }

    #[test]
    fn no_more_than_a_mebibyte_waits() {
        let outbox = Outbox::default();
        outbox.caught_up();
        let large: Utf8Bytes = format!(r#"{{"type":"{}"}}"#, "x".repeat(60 * 1024)).into();
        let taken = (0..).take_while(|_| outbox.push(large.clone(), None).is_ok()).count();
        assert_eq!(taken, OUTBOX_BYTES / large.len());
    }

    #[test]
    fn nor_much_more_for_one_who_came_in_and_has_read_nothing() {
        let outbox = Outbox::default();
        let large: Utf8Bytes = format!(r#"{{"type":"{}"}}"#, "x".repeat(32 * 1024)).into();
        let taken = (0..).take_while(|_| outbox.push(large.clone(), None).is_ok()).count();
        assert_eq!(taken, CATCHING_UP_BYTES / large.len());
    }

    #[test]
    fn a_welcome_and_its_replay_may_wait_together() {
        let outbox = Outbox::default();
        for seq in 0..=limits::REPLAY_MESSAGES {
            outbox.push(pong(), u32::try_from(seq).ok()).expect("room");
        }
        assert_eq!(drain(&outbox).0.len(), limits::REPLAY_MESSAGES + 1);
    }

    #[test]
    fn the_last_word_comes_after_what_waited() {
        let outbox = Outbox::default();
        outbox.push(pong(), None).expect("room");
        outbox.close_with(&words::bye(ByeCode::Left), CloseCode::Bye);
        outbox.close_with(&words::bye(ByeCode::Idle), CloseCode::Protocol);
        outbox.push(pong(), None).expect("dropped silently");
        let (texts, closed) = drain(&outbox);
        assert_eq!(texts.len(), 2);
        assert!(texts[1].contains("left"), "{}", texts[1]);
        assert_eq!(closed, Some(CloseCode::Bye));
    }
}
