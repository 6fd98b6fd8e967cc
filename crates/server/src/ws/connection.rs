//! One connection from its first message to its last: reads, refuses what cannot be read, hands the rest to the meeting.
//!
//! Whatever a client sends changes its own connection at most. What this module refuses to know: what a meeting answers (that
//! goes straight to the outbox).

use std::sync::Arc;
use std::time::{Duration, Instant};

use fireside_meeting::{ConnectionId, Input};
use fireside_protocol::limits::FRAME_BYTES;
use fireside_protocol::{ByeCode, ClientMessage, DeniedCode, ErrorCode, Join, ServerMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;

use super::budget::{Budget, Verdict};
use super::entrance::{self, Visitor};
use super::outbox::{CloseCode, Outbox, serialised};
use super::wire::{Event, Timing, Wire};
use super::{parse, words};
use crate::meetings::Place;
use crate::metrics::METRICS;
use crate::state::AppState;

/// A page joins at once; whoever has not by then holds a connection for nothing.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// Serves a connection until it is closed.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(socket: WebSocketStream<S>, visitor: Visitor, state: AppState) {
    let outbox = Arc::new(Outbox::default());
    let mut client = Client::new(socket, outbox.clone(), Timing::default());
    match state.meetings.connect(outbox) {
        // Boxed: what is needed to come in and to go shall not be kept in memory in between.
        Some(seat) => {
            if let Some(place) = Box::pin(client.come_in(&state, visitor, seat.connection)).await {
                client.attend(&place, seat.connection).await;
                place.say(Input::Disconnected { connection: seat.connection }).await;
            }
            Box::pin(client.wire.wind_down()).await;
        }
        None => {
            client.deny(DeniedCode::Draining);
            Box::pin(client.wire.wind_down()).await;
        }
    }
}

/// The other side of a connection.
struct Client<S> {
    wire: Wire<S>,
    outbox: Arc<Outbox>,
    budget: Budget,
}

/// What came of an event.
enum Heard {
    Message(ClientMessage),
    /// Nothing to act on.
    Nothing,
    /// The connection ends; whatever is to be said is in the outbox.
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(socket: WebSocketStream<S>, outbox: Arc<Outbox>, timing: Timing) -> Self {
        Self { wire: Wire::new(socket, outbox.clone(), timing), outbox, budget: Budget::new(Instant::now()) }
    }

    /// Until the client has joined. `None`: it never did.
    async fn come_in(&mut self, state: &AppState, visitor: Visitor, connection: ConnectionId) -> Option<Place> {
        let join = timeout(JOIN_WITHIN, self.wait_for_join()).await;
        let Ok(join) = join else {
            visitor.failed();
            self.bye(ByeCode::Idle);
            return None;
        };
        match entrance::enter(state, &visitor, connection, &self.outbox, &join?).await {
            Ok(place) => Some(place),
            Err(code) => {
                if code == DeniedCode::RoomNotFound {
                    visitor.failed();
                }
                self.deny(code);
                None
            }
        }
    }

    async fn wait_for_join(&mut self) -> Option<Join> {
        loop {
            match self.hear().await {
                Heard::Message(ClientMessage::Join(join)) => return Some(join),
                Heard::Message(ClientMessage::Ping { .. }) => self.say(&ServerMessage::Pong),
                Heard::Message(message) => self.refuse(ErrorCode::NotJoined, "Say `join` first.", Some(parse::about(&message))),
                Heard::Nothing => {}
                Heard::End => return None,
            }
        }
    }

    /// Hands to the meeting what the client says, until the connection ends.
    async fn attend(&mut self, place: &Place, connection: ConnectionId) {
        loop {
            match self.hear().await {
                Heard::Message(ClientMessage::Join(_)) => {
                    self.refuse(ErrorCode::AlreadyJoined, "This connection has joined already.", Some("join".to_owned()));
                }
                Heard::Message(message) => {
                    if !place.say(Input::Message { connection, message }).await {
                        // The meeting ended without us: by a fault, which it will have told the outbox.
                        self.bye(ByeCode::Restarting);
                        return;
                    }
                }
                Heard::Nothing => {}
                Heard::End => return,
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        match self.wire.event().await {
            Event::Text(text) => self.hear_text(&text),
            Event::Binary => match self.afford(|| None) {
                Some(heard) => heard,
                None => self.not_understood(ErrorCode::NotText, "Messages are text; binary frames are not spoken here.", None),
            },
            // They cost nothing but the reading, unless there is a flood of them.
            Event::Control => self.afford(|| None).unwrap_or(Heard::Nothing),
            Event::Unreadable(code) => self.unreadable(code),
            Event::Idle => self.end(ByeCode::Idle),
            Event::Closed | Event::Gone => Heard::End,
        }
    }

    fn hear_text(&mut self, text: &str) -> Heard {
        let about = || parse::read(text).ok().map(|message| parse::about(&message));
        if let Some(heard) = self.afford(about) {
            return heard;
        }
        match parse::read(text) {
            Ok(message) => {
                self.budget.readable();
                Heard::Message(message)
            }
            Err(refusal) => self.not_understood(refusal.code, refusal.message, refusal.about),
        }
    }

    /// `None`: the budget allows one more message.
    fn afford(&mut self, about: impl FnOnce() -> Option<String>) -> Option<Heard> {
        match self.budget.take(Instant::now()) {
            Verdict::Take => None,
            Verdict::Drop { say } => {
                METRICS.refused.increment(1);
                if say {
                    self.say(&words::error(ErrorCode::RateLimited, "Too many messages at once: some were dropped.", about()));
                }
                Some(Heard::Nothing)
            }
            Verdict::End => Some(self.end(ByeCode::Misbehaving)),
        }
    }

    fn not_understood(&mut self, code: ErrorCode, message: impl Into<String>, about: Option<String>) -> Heard {
        self.refuse(code, message, about);
        if self.budget.unreadable() { self.end(ByeCode::Misbehaving) } else { Heard::Nothing }
    }

    fn unreadable(&mut self, code: CloseCode) -> Heard {
        METRICS.refused.increment(1);
        let (error, message) = match code {
            CloseCode::TooLarge => (ErrorCode::FrameTooLarge, format!("A message has {FRAME_BYTES} bytes at most.")),
            CloseCode::NotUtf8 => (ErrorCode::InvalidJson, "Text must be UTF-8.".to_owned()),
            _ => (ErrorCode::InvalidJson, "These bytes are not WebSocket frames.".to_owned()),
        };
        self.outbox.close_with(&words::error(error, message, None), code);
        Heard::End
    }

    fn refuse(&self, code: ErrorCode, message: impl Into<String>, about: Option<String>) {
        METRICS.refused.increment(1);
        self.say(&words::error(code, message, about));
    }

    fn say(&self, message: &ServerMessage) {
        // Overflowed: the outbox has said so itself, and the wire will close.
        let _ = self.outbox.push(serialised(message), None);
    }

    fn end(&self, code: ByeCode) -> Heard {
        self.bye(code);
        Heard::End
    }

    fn bye(&self, code: ByeCode) {
        self.outbox.close_with(&words::bye(code), CloseCode::Bye);
    }

    fn deny(&self, code: DeniedCode) {
        METRICS.denied.increment(1);
        self.outbox.close_with(&words::denied(code), CloseCode::Denied);
    }
}
