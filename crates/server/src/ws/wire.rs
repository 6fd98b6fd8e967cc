//! Frames in and out of one WebSocket, in one task: whatever is ready goes on, nothing waits for anything else.
//!
//! Writes what the outbox holds (one flush for all that is there), notices silence and a client that does not read, closes.
//! What this module refuses to know: what the messages say.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use fireside_protocol::limits::IDLE_MS;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::outbox::{CloseCode, Next, Outbox};
use crate::metrics::METRICS;

/// A text longer than this goes out in pieces (RFC 6455, 5.4), so that a long history does not leave a long buffer behind.
const PIECE_BYTES: usize = 2048;
/// Bytes that are read and thrown away after a frame was refused, so that the refusal is not lost with them.
const DISCARDED_BYTES: usize = 1024 * 1024;

/// The moments of a connection's life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// A connection on which nothing arrived for this long is asked for a sign of life.
    pub(super) ping_after: Duration,
    /// On which nothing arrived for this long is lost.
    pub(super) idle_after: Duration,
    /// A client that takes nothing for this long, while there is something, does not read.
    pub(super) stalled_after: Duration,
    /// A client has this long to answer a close.
    pub(super) close_within: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let idle_after = Duration::from_millis(IDLE_MS.into());
        Self {
            ping_after: idle_after / 2,
            idle_after,
            // With the time to close, a slow client is gone within ten seconds.
            stalled_after: Duration::from_secs(6),
            close_within: Duration::from_secs(2),
        }
    }
}

/// What happened on a connection.
#[derive(Debug)]
pub(super) enum Event {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message, of which nothing is kept.
    Binary,
    /// A ping or pong.
    Control,
    /// Something that cannot be read on from; say so with this code and close.
    Unreadable(CloseCode),
    /// Nothing arrived for too long.
    Idle,
    /// The outbox was closed, and all of it and the close are written.
    Closed,
    /// The other side is gone.
    Gone,
}

/// One WebSocket and its outbox.
pub(super) struct Wire<S> {
    socket: WebSocketStream<S>,
    outbox: Arc<Outbox>,
    timing: Timing,
    /// Set to the earliest of the moments that matter, or earlier.
    alarm: Pin<Box<Sleep>>,
    heard_at: Instant,
    pinged: bool,
    /// The pieces of a long text that are still to be written.
    rest: Option<Bytes>,
    phase: Phase,
    flow: Flow,
    reading: Reading,
}

/// How far the connection is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The close is handed to the socket.
    Closing,
    /// The close is written.
    Closed,
}

/// Whether what was handed to the socket has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Flushed,
    Unflushed,
    /// Not all of it, since then; the socket still takes small messages into its buffer, which is no progress.
    Behind(Instant),
    /// The socket takes no more, since then.
    Blocked(Instant),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Frames,
    /// No frame can be made out any more: so many bytes are still thrown away.
    Bytes(usize),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(socket: WebSocketStream<S>, outbox: Arc<Outbox>, timing: Timing) -> Self {
        let now = Instant::now();
        Self {
            socket,
            outbox,
            timing,
            alarm: Box::pin(sleep_until(now + timing.ping_after)),
            heard_at: now,
            pinged: false,
            rest: None,
            phase: Phase::Open,
            flow: Flow::Flushed,
            reading: Reading::Frames,
        }
    }

    /// The next thing that happens. Meanwhile what the outbox holds is written. Can be dropped and called again.
    pub(super) async fn event(&mut self) -> Event {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Writes what the outbox (which is closed) still holds, and waits for the other side to close, but not for long.
    pub(super) async fn wind_down(&mut self) {
        while self.phase != Phase::Closed {
            if matches!(self.event().await, Event::Gone) {
                return;
            }
        }
        let close_within = self.timing.close_within;
        let answered = async { while !matches!(poll_fn(|cx| self.poll_read(cx)).await, Event::Gone) {} };
        let _ = timeout(close_within, answered).await;
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(event) = self.poll_write(cx) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.poll_read(cx) {
            return Poll::Ready(event);
        }
        self.poll_alarm(cx)
    }

    /// Writes as much as there is and the network takes.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        while self.phase == Phase::Open {
            match self.socket.poll_ready_unpin(cx) {
                Poll::Ready(Ok(())) => self.unblocked(),
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Gone),
                Poll::Pending => {
                    self.flow = Flow::Blocked(self.stalled_since().unwrap_or_else(Instant::now));
                    return Poll::Pending;
                }
            }
            let Some(message) = self.next_message(cx) else { break };
            if matches!(message, Message::Close(_)) {
                self.phase = Phase::Closing;
            }
            if self.hand_over(message).is_err() {
                return Poll::Ready(Event::Gone);
            }
        }
        self.poll_flush(cx)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.flow == Flow::Flushed {
            return Poll::Pending;
        }
        match self.socket.poll_flush_unpin(cx) {
            Poll::Ready(Ok(())) => self.flow = Flow::Flushed,
            Poll::Ready(Err(_)) => return Poll::Ready(Event::Gone),
            Poll::Pending => {
                if self.stalled_since().is_none() {
                    self.flow = Flow::Behind(Instant::now());
                }
                return Poll::Pending;
            }
        }
        if self.phase == Phase::Closing {
            self.phase = Phase::Closed;
            return Poll::Ready(Event::Closed);
        }
        self.outbox.caught_up();
        Poll::Pending
    }

    /// What was blocked is written: the client reads.
    fn unblocked(&mut self) {
        if let Flow::Blocked(_) = self.flow {
            self.flow = Flow::Flushed;
        }
    }

    fn hand_over(&mut self, message: Message) -> Result<(), Error> {
        if self.flow == Flow::Flushed {
            self.flow = Flow::Unflushed;
        }
        self.socket.start_send_unpin(message)
    }

    /// What to hand to the socket next, if anything.
    fn next_message(&mut self, cx: &mut Context<'_>) -> Option<Message> {
        if let Some(rest) = self.rest.take() {
            return Some(self.piece(rest, Data::Continue));
        }
        match self.outbox.poll_next(cx) {
            Poll::Ready(Next::Write(waiting)) => {
                let text = waiting.into_text();
                METRICS.frames_out.increment(1);
                METRICS.bytes_out.increment(text.len() as u64);
                if text.len() <= PIECE_BYTES { Some(Message::Text(text)) } else { Some(self.piece(text.into(), Data::Text)) }
            }
            Poll::Ready(Next::Close(code)) => Some(Message::Close(Some(CloseFrame { code: code.number().into(), reason: Utf8Bytes::default() }))),
            Poll::Pending => None,
        }
    }

    fn piece(&mut self, mut rest: Bytes, kind: Data) -> Message {
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        let last = rest.is_empty();
        self.rest = (!last).then_some(rest);
        Message::Frame(Frame::message(piece, OpCode::Data(kind), last))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Reading::Bytes(left) = self.reading {
                return self.poll_discard(cx, left);
            }
            let frame = ready!(self.socket.poll_next_unpin(cx));
            self.heard_at = Instant::now();
            self.pinged = false;
            return Poll::Ready(match frame {
                Some(Ok(Message::Text(text))) => {
                    METRICS.frames_in.increment(1);
                    METRICS.bytes_in.increment(text.len() as u64);
                    Event::Text(text)
                }
                Some(Ok(Message::Binary(_))) => Event::Binary,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Event::Control,
                // Reading on has it answered.
                Some(Ok(Message::Close(_))) => continue,
                Some(Err(error)) => self.unreadable(&error),
                None => Event::Gone,
            });
        }
    }

    fn unreadable(&mut self, error: &Error) -> Event {
        let code = match error {
            Error::Capacity(_) => CloseCode::TooLarge,
            Error::Utf8(_) => CloseCode::NotUtf8,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Event::Gone,
            Error::Protocol(_) => CloseCode::Protocol,
            _ => return Event::Gone,
        };
        self.reading = Reading::Bytes(DISCARDED_BYTES);
        Event::Unreadable(code)
    }

    /// Takes bytes off the network and forgets them: closing a socket that holds unread bytes resets it, and the other side
    /// would lose what was said last.
    fn poll_discard(&mut self, cx: &mut Context<'_>, mut left: usize) -> Poll<Event> {
        while left > 0 {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read: io::Result<()> = ready!(Pin::new(self.socket.get_mut()).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            left = left.saturating_sub(buffer.filled().len());
            self.reading = Reading::Bytes(left);
        }
        Poll::Ready(Event::Gone)
    }

    /// Looks whether one of the moments has come that matter when nothing else happens.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            let (idle_at, stalled_at) = (self.heard_at + self.timing.idle_after, self.stalled_at());
            let ping_at = (!self.pinged).then(|| self.heard_at + self.timing.ping_after);
            let next = [Some(idle_at), stalled_at, ping_at].into_iter().flatten().min().unwrap_or(idle_at);
            if next < self.alarm.deadline() || self.alarm.is_elapsed() {
                self.alarm.as_mut().reset(next);
            }
            ready!(self.alarm.as_mut().poll(cx));

            let now = Instant::now();
            if stalled_at.is_some_and(|stalled_at| stalled_at <= now) {
                if self.outbox.is_closing() {
                    return Poll::Ready(Event::Gone);
                }
                self.outbox.give_up();
                // What is left of the patience is for the last word.
                self.flow = if matches!(self.flow, Flow::Behind(_)) { Flow::Behind(now) } else { Flow::Blocked(now) };
            } else if idle_at <= now {
                self.heard_at = now;
                return Poll::Ready(Event::Idle);
            } else if ping_at.is_some_and(|ping_at| ping_at <= now) {
                self.pinged = true;
                if let Poll::Ready(event) = self.poll_ping(cx) {
                    return Poll::Ready(event);
                }
            }
        }
    }

    /// When patience with a network that takes nothing ends. There is less of it for a last word.
    fn stalled_at(&self) -> Option<Instant> {
        let since = self.stalled_since()?;
        Some(since + if self.outbox.is_closing() { self.timing.close_within } else { self.timing.stalled_after })
    }

    fn stalled_since(&self) -> Option<Instant> {
        match self.flow {
            Flow::Flushed | Flow::Unflushed => None,
            Flow::Behind(since) | Flow::Blocked(since) => Some(since),
        }
    }

    /// Asks for a sign of life, if the network takes it now (if not, it has not to be asked).
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.phase == Phase::Open && matches!(self.socket.poll_ready_unpin(cx), Poll::Ready(Ok(()))) {
            if self.hand_over(Message::Ping(Bytes::new())).is_err() {
                return Poll::Ready(Event::Gone);
            }
            return self.poll_flush(cx);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join;
    use tokio::io::{DuplexStream, duplex};
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

    use super::*;

    const QUICK: Timing = Timing {
        ping_after: Duration::from_millis(40),
        idle_after: Duration::from_millis(120),
        stalled_after: Duration::from_millis(60),
        close_within: Duration::from_millis(40),
    };
    const STALLS: Timing = Timing { idle_after: Duration::from_secs(20), ..QUICK };

    /// Both ends of a connection on which `buffer` bytes are under way at most.
    async fn pair(buffer: usize, timing: Timing) -> (Wire<DuplexStream>, Arc<Outbox>, WebSocketStream<DuplexStream>) {
        let (near, far) = duplex(buffer);
        let outbox = Arc::new(Outbox::default());
        let settings = WebSocketConfig::default().write_buffer_size(4096);
        let wire = Wire::new(WebSocketStream::from_raw_socket(near, Role::Server, Some(settings)).await, outbox.clone(), timing);
        (wire, outbox, WebSocketStream::from_raw_socket(far, Role::Client, None).await)
    }

    #[tokio::test]
    async fn a_silent_client_is_asked_and_then_given_up() {
        // The far end is not read, so nobody answers the ping: half-open.
        let (mut wire, _outbox, mut far) = pair(4096, QUICK).await;
        let begun = Instant::now();
        assert!(matches!(wire.event().await, Event::Idle));
        assert!(begun.elapsed() >= QUICK.idle_after);
        assert!(matches!(far.next().await, Some(Ok(Message::Ping(_)))), "it was asked");
    }

    #[tokio::test]
    async fn a_client_that_answers_stays() {
        let (mut wire, _outbox, mut far) = pair(4096, QUICK).await;
        // Reading has pings answered.
        let answering = tokio::spawn(async move { while far.next().await.is_some() {} });
        let begun = Instant::now();
        while begun.elapsed() < QUICK.idle_after * 3 {
            assert!(matches!(wire.event().await, Event::Control));
        }
        answering.abort();
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut_off() {
        let (mut wire, outbox, _far) = pair(64, STALLS).await;
        outbox.push("x".repeat(100_000).into(), None).expect("room");
        let begun = Instant::now();
        assert!(matches!(wire.event().await, Event::Gone));
        assert!(outbox.is_closing());
        assert!(begun.elapsed() >= STALLS.stalled_after + STALLS.close_within);
    }

    #[tokio::test]
    async fn a_slow_client_that_reads_again_hears_the_goodbye() {
        let (mut wire, outbox, mut far) = pair(64, Timing { close_within: Duration::from_secs(20), ..STALLS }).await;
        outbox.push("x".repeat(10_000).into(), None).expect("room");
        outbox.push("never arrives".into(), None).expect("room");
        let reading = async {
            while !outbox.is_closing() {
                tokio::task::yield_now().await;
            }
            let mut texts = Vec::new();
            while let Some(Ok(Message::Text(text))) = far.next().await {
                texts.push(text);
            }
            texts
        };
        let (event, texts) = join(wire.event(), reading).await;
        assert!(matches!(event, Event::Closed), "{event:?}");
        assert_eq!(texts.len(), 2);
        assert!(texts[1].contains("too_slow"), "{}", texts[1]);
    }

    #[tokio::test]
    async fn a_long_text_arrives_whole_and_others_after_it() {
        let (mut wire, outbox, mut far) = pair(1024, Timing::default()).await;
        let long: String = (0..30_000).map(|number| char::from(b'a' + u8::try_from(number % 26).expect("small"))).collect();
        outbox.push(long.clone().into(), None).expect("room");
        outbox.push("short".into(), None).expect("room");
        outbox.close(CloseCode::Bye);
        let reading = async {
            assert_eq!(far.next().await.expect("open").expect("a frame"), Message::text(long));
            assert_eq!(far.next().await.expect("open").expect("a frame"), Message::text("short"));
            let Some(Ok(Message::Close(Some(frame)))) = far.next().await else { panic!("not closed") };
            assert_eq!(u16::from(frame.code), 4000);
        };
        let (event, ()) = join(wire.event(), reading).await;
        assert!(matches!(event, Event::Closed), "{event:?}");
    }
}
