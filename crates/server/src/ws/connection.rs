//! One connection from its first message to its last: reads, refuses what cannot be read, hands the rest to the meeting.
//!
//! Whatever a client sends changes its own connection at most. What this module refuses to know: what a meeting answers (that
//! goes straight to the outbox).

use std::sync::Arc;
use std::time::Duration;

use fireside_meeting::{ConnectionId, Input};
use fireside_protocol::limits::{FRAME_BYTES, OFFER_BYTES};
use fireside_protocol::{ByeCode, ClientMessage, DeniedCode, ErrorCode, Join, Offer, ServerMessage, Topology};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;

use super::budget::{Budget, Verdict};
use super::entrance::{self, Visitor};
use super::outbox::{CloseCode, Outbox, serialised};
use super::waiting::{Ticket, WAITS_AT_MOST};
use super::wire::{Event, Timing, Wire};
use super::{parse, words};
use crate::meetings::{Place, Preparation};
use crate::metrics::METRICS;
use crate::state::AppState;

/// A page joins at once, or prepares to; whoever has done neither by then holds a connection for nothing.
const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// Times that a connection may prepare: somebody waits for ten minutes while their network comes and goes.
const PREPARES_AT_MOST: u32 = 20;

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

/// The time before `join`.
struct Wait {
    until: Instant,
    /// Somebody who has prepared may wait for longer.
    ticket: Option<Ticket>,
    prepared: u32,
    preparation: Option<Preparation>,
}

impl Default for Wait {
    fn default() -> Self {
        Self { until: Instant::now() + JOIN_WITHIN, ticket: None, prepared: 0, preparation: None }
    }
}

impl Wait {
    fn begin(&mut self, ticket: Ticket) {
        self.until = Instant::now() + WAITS_AT_MOST;
        self.ticket = Some(ticket);
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
        Self { wire: Wire::new(socket, outbox.clone(), timing), outbox, budget: Budget::new(Instant::now().into_std()) }
    }

    /// Until the client has joined. `None`: it never did.
    async fn come_in(&mut self, state: &AppState, visitor: Visitor, connection: ConnectionId) -> Option<Place> {
        let mut wait = Wait::default();
        let place = match self.wait_for_join(state, &visitor, connection, &mut wait).await {
            Ok(Some(join)) => {
                self.outbox.catch_up();
                entrance::enter(state, &visitor, connection, &self.outbox, &join).await.map(Some)
            }
            Ok(None) => Ok(None),
            Err(code) => Err(code),
        };
        if let Err(code) = place {
            if code == DeniedCode::RoomNotFound {
                visitor.failed();
            }
            self.deny(code);
        }
        let place = place.ok().flatten();
        if let (None, Some(preparation)) = (&place, wait.preparation) {
            preparation.end(connection).await;
        }
        place
    }

    async fn wait_for_join(
        &mut self,
        state: &AppState,
        visitor: &Visitor,
        connection: ConnectionId,
        wait: &mut Wait,
    ) -> Result<Option<Join>, DeniedCode> {
        loop {
            let Ok(heard) = timeout_at(wait.until, self.hear()).await else {
                if wait.ticket.is_none() {
                    visitor.failed();
                }
                self.bye(ByeCode::Idle);
                return Ok(None);
            };
            match heard {
                Heard::Message(ClientMessage::Join(join)) => return Ok(Some(join)),
                Heard::Message(ClientMessage::Prepare { offer }) => self.prepare(state, visitor, connection, offer, wait).await?,
                Heard::Message(ClientMessage::Ping { .. }) => self.say(&ServerMessage::Pong),
                Heard::Message(message) => self.refuse(ErrorCode::NotJoined, "Say `join` first.", Some(parse::about(&message))),
                Heard::Nothing => {}
                Heard::End => return Ok(None),
            }
        }
    }

    /// Who may enter may wait, with the way to the server open if there will be use for it.
    async fn prepare(
        &mut self,
        state: &AppState,
        visitor: &Visitor,
        connection: ConnectionId,
        offer: Offer,
        wait: &mut Wait,
    ) -> Result<(), DeniedCode> {
        let about = || Some("prepare".to_owned());
        if offer.sdp.len() > OFFER_BYTES {
            self.refuse(ErrorCode::OfferTooLarge, format!("An offer has {OFFER_BYTES} bytes at most."), about());
            return Ok(());
        }
        wait.prepared += 1;
        if wait.prepared > PREPARES_AT_MOST {
            self.refuse(ErrorCode::RateLimited, "No more is prepared on this connection.", about());
            return Ok(());
        }
        if wait.ticket.is_none() {
            let Some(ticket) = visitor.wait() else {
                self.refuse(ErrorCode::RateLimited, "Too many wait already.", about());
                return Ok(());
            };
            wait.begin(ticket);
        }
        match entrance::prepare(state, visitor, connection, &self.outbox, offer).await? {
            Some(preparation) => wait.preparation = Some(preparation),
            None => self.say(&ServerMessage::Prepared { topology: Topology::Mesh }),
        }
        Ok(())
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
        match self.budget.take(Instant::now().into_std()) {
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
