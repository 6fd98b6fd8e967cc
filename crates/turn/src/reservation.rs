//! Ports that are kept for their owner's next allocation (RFC 8656 §7.2, EVEN-PORT with the R bit).
//!
//! Only the number is kept, no socket: the ports of the range are ours alone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::allocation::Token;
use crate::auth::Subject;
use crate::tuple::Family;

/// RFC 8656 §7.2: at least 30 s.
pub(crate) const RESERVATION_LIFETIME: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub(crate) token: Token,
    pub(crate) subject: Subject,
    pub(crate) accounts: [u32; 2],
    pub(crate) family: Family,
    pub(crate) port: u16,
    pub(crate) ends: Instant,
}

/// All reservations, in the order in which they end. Few: each counts as an allocation of its owner, and lives half a minute.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    kept: VecDeque<Reservation>,
}

impl Reservations {
    pub(crate) fn add(&mut self, reservation: Reservation) {
        self.kept.push_back(reservation);
    }

    /// The reservation with this token, if it is this participant's. It is gone then.
    pub(crate) fn take(&mut self, now: Instant, token: &[u8], subject: &Subject) -> Option<Reservation> {
        let is_it = |kept: &Reservation| kept.token == token && kept.subject == *subject && now < kept.ends;
        let place = self.kept.iter().position(is_it)?;
        self.kept.remove(place)
    }

    /// All of a participant's.
    pub(crate) fn take_of(&mut self, subject: &Subject) -> Vec<Reservation> {
        let taken = self.kept.iter().filter(|kept| kept.subject == *subject).cloned().collect();
        self.kept.retain(|kept| kept.subject != *subject);
        taken
    }

    pub(crate) fn first_end(&self) -> Option<Instant> {
        self.kept.front().map(|kept| kept.ends)
    }

    pub(crate) fn pop_ended(&mut self, now: Instant) -> Option<Reservation> {
        self.kept.pop_front_if(|kept| kept.ends <= now)
    }
}
