//! Peer to peer: one connection with each of the others. Whoever was here first offers; who is asked answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fireside_protocol::{ClientMessage, ParticipantId, SignalBody};

use super::attend::Attend;
use super::socket::Lost;
use super::{Way, locked};
use crate::media::{Connection, Line};
use crate::watch::Kind;

/// A connection that is not up by then is built anew; each time a little later.
const STUCK: Duration = Duration::from_secs(8);
const MORE_PATIENCE: Duration = Duration::from_secs(2);
/// The m-lines of a peer connection: microphone, camera, screen, its sound.
const LINES: [Kind; 4] = [Kind::Audio, Kind::Video, Kind::Video, Kind::Audio];

/// What there is between two people.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// Of their newest peer connection; 0 before the first. It stays when that has ended.
    number: u32,
    state: State,
    attempts: u32,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    None,
    /// Nobody has answered, or the way is not up yet.
    Building {
        since: Instant,
        is_offered: bool,
    },
    Up,
}

impl Pair {
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    pub(super) fn is_begun(&self) -> bool {
        !matches!(self.state, State::None)
    }

    pub(super) fn is(&self, number: u32) -> bool {
        self.number == number
    }

    pub(super) fn came_up(&mut self) {
        (self.state, self.attempts) = (State::Up, 0);
    }

    /// It has ended.
    pub(super) fn end(&mut self) {
        self.state = State::None;
    }

    fn begin(&mut self, number: u32, is_offered: bool) {
        self.number = number;
        self.state = State::Building { since: Instant::now(), is_offered };
    }

    fn is_stuck(&self, now: Instant) -> bool {
        matches!(self.state, State::Building { since, .. } if now > since + STUCK + self.attempts * MORE_PATIENCE)
    }
}

impl Attend {
    /// Whoever was here first offers.
    pub(super) fn offers_to(&self, other: ParticipantId) -> bool {
        self.id() < other
    }

    /// Builds a new peer connection with somebody, and offers it.
    pub(super) async fn offer_to(&mut self, other: ParticipantId) -> Result<(), Lost> {
        let pair = self.pairs.entry(other).or_default();
        let number = pair.number + 1;
        pair.begin(number, true);
        let Some(connection) = self.begin(Way::Peer(other), number).await else { return Ok(()) };
        let Ok(sdp) = connection.offer(LINES.map(Line::both).to_vec()).await else { return Ok(()) };
        self.carry();
        self.signal(other, number, SignalBody::Offer { sdp }).await
    }

    pub(super) async fn signalled(&mut self, from: ParticipantId, number: u32, body: SignalBody) -> Result<(), Lost> {
        if !self.people.iter().any(|person| person.id == from) {
            return Ok(());
        }
        let known = self.pairs.entry(from).or_default().number;
        if number < known {
            return Ok(());
        }
        let connection = locked(&self.presence).ways.get(&Way::Peer(from)).cloned().filter(|_| number == known);
        match body {
            SignalBody::Offer { sdp } => self.offered(from, number, connection, sdp).await,
            SignalBody::Answer { sdp } => {
                if let Some(connection) = connection {
                    // One that does not fit: the connection gets stuck, and is built anew.
                    let _ = connection.answered(sdp).await;
                }
                Ok(())
            }
            SignalBody::Candidate { candidate, .. } => {
                if let Some(connection) = connection.filter(|_| !candidate.is_empty()) {
                    connection.candidate(candidate).await;
                }
                Ok(())
            }
        }
    }

    async fn offered(&mut self, from: ParticipantId, number: u32, connection: Option<Arc<Connection>>, sdp: String) -> Result<(), Lost> {
        let is_ours = matches!(self.pairs.get(&from), Some(Pair { state: State::Building { is_offered: true, .. }, .. }));
        let connection = match connection {
            // Both have offered the same: the one who was here first goes on.
            Some(_) if is_ours && self.offers_to(from) => return Ok(()),
            Some(connection) if !is_ours => Some(connection),
            _ => {
                self.pairs.entry(from).or_default().begin(number, false);
                self.begin(Way::Peer(from), number).await
            }
        };
        let Some(connection) = connection else { return Ok(()) };
        let Ok(sdp) = connection.accept(sdp).await else { return Ok(()) };
        self.carry();
        self.signal(from, number, SignalBody::Answer { sdp }).await
    }

    /// Builds anew what does not come up.
    pub(super) async fn mend_pairs(&mut self, now: Instant) -> Result<(), Lost> {
        let id = self.id();
        let stuck = self.pairs.iter().filter(|(other, pair)| id < **other && pair.is_stuck(now)).map(|(other, _)| *other);
        for other in stuck.collect::<Vec<_>>() {
            self.pairs.entry(other).or_default().attempts += 1;
            self.offer_to(other).await?;
        }
        Ok(())
    }

    /// Peer to peer is over.
    pub(super) fn end_pairs(&mut self) {
        for (other, pair) in &mut self.pairs {
            pair.end();
            locked(&self.presence).end(Way::Peer(*other));
        }
    }

    async fn signal(&mut self, to: ParticipantId, connection: u32, body: SignalBody) -> Result<(), Lost> {
        self.socket.say(&ClientMessage::Signal { to, connection, body }).await
    }
}
