//! The relay's side of a meeting: it is told who is present and who is gone, and people are told how to use it.
//!
//! Credentials last ten minutes (`Media::ice_servers`); nobody need be asked for anything while they are made anew.

use std::time::Duration;

use fireside_meeting::{ConnectionId, Recipient};
use fireside_protocol::{IceServer, ParticipantId, ServerMessage};
use fireside_turn::{Revoked, Subject};
use rand::RngExt;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use uuid::Uuid;

use super::host::{Course, Host, Member};
use crate::media::CameBy;

/// What is done from time to time while a meeting goes on.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The relay is told who is present.
    pub vouch_every: Duration,
    /// With each so many such rounds those who are connected get fresh credentials.
    pub rounds_to_renewal: u32,
}

impl Default for Pace {
    fn default() -> Self {
        // Five minutes: half of the credentials' life, so that one message may be lost with its connection.
        Self { vouch_every: Duration::from_secs(60), rounds_to_renewal: 5 }
    }
}

/// When the next of these rounds is due. Begins anywhere in its cycle, so that meetings that began together do not do all this at once.
#[derive(Debug)]
pub(super) struct Rounds {
    interval: Interval,
    pace: Pace,
    to_renewal: u32,
}

/// What there is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    renews: bool,
}

impl Rounds {
    pub(super) fn new(pace: Pace) -> Self {
        let first = pace.vouch_every.mul_f64(rand::rng().random());
        let mut interval = tokio::time::interval_at(Instant::now() + first, pace.vouch_every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, pace, to_renewal: rand::rng().random_range(1..=pace.rounds_to_renewal.max(1)) }
    }

    pub(super) async fn next(&mut self) -> Round {
        self.interval.tick().await;
        self.to_renewal = self.to_renewal.saturating_sub(1);
        let renews = self.to_renewal == 0;
        if renews {
            self.to_renewal = self.pace.rounds_to_renewal;
        }
        Round { renews }
    }
}

impl Host {
    /// The meeting is only asked who is there, those included whose connection is lost for the moment: what is relayed for them goes on.
    pub(super) fn round(&mut self, round: Round) -> Course {
        let Some(present) = self.guarded(|meeting| meeting.present().collect::<Vec<_>>()) else { return Course::Faulty };
        let room = self.room;
        self.meetings.shared.media.vouch(present.into_iter().filter_map(|id| subject(room, id)).collect());
        if round.renews {
            self.renew();
        }
        self.usher.look_around();
        self.settle()
    }

    fn renew(&mut self) {
        let connected: Vec<_> = self.members.iter().filter_map(|(&connection, member)| self.fresh(connection, member)).collect();
        for (recipient, message) in connected {
            self.write(&message, &[recipient]);
        }
    }

    fn fresh(&self, connection: ConnectionId, member: &Member) -> Option<(Recipient, ServerMessage)> {
        let ice_servers = self.ice_servers(member.participant?, &member.came_by);
        // Without a relay there is nothing that ends.
        let ends = ice_servers.iter().any(|server| server.credential.is_some());
        ends.then_some((Recipient { connection, seq: None }, ServerMessage::IceServers { ice_servers }))
    }

    /// What a participant's browser is told of the relay.
    pub(super) fn ice_servers(&self, participant: ParticipantId, came_by: &CameBy) -> Vec<IceServer> {
        subject(self.room, participant).map_or_else(Vec::new, |subject| self.meetings.shared.media.ice_servers(&subject, came_by))
    }

    /// What was given to a participant is taken back. (Those of a room that ends are all gone, one by one: no need to shut out the room itself,
    /// which may be entered again at once.)
    pub(super) fn gone(&self, participant: ParticipantId) {
        if let Some(subject) = subject(self.room, participant) {
            self.meetings.shared.media.revoke(Revoked::Participant(subject));
        }
    }

    /// Somebody is here whom this meeting did not know, but an earlier one did: one that ended by a fault may have said that they are gone.
    pub(super) fn back(&self, participant: ParticipantId) {
        if let Some(subject) = subject(self.room, participant) {
            self.meetings.shared.media.readmit(Revoked::Participant(subject));
        }
    }
}

/// Whom the relay knows a participant as. (Two UUIDs always make one.)
fn subject(room: Uuid, participant: ParticipantId) -> Option<Subject> {
    Subject::new(&room.to_string(), &participant.0.to_string())
}
