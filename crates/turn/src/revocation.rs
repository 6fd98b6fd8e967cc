//! Who may no longer use the relay although their credentials have not expired: participants who left or were removed.
//!
//! A revocation is remembered for as long as a credential made before it can be good, and no longer.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::auth::Subject;
use crate::quota::later;
use crate::tuple::Keyed;

/// Whose credentials and allocations end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// One participant in one room.
    Participant(Subject),
    /// Everybody in a room, by its name.
    Room(String),
}

impl Revoked {
    /// Rooms and participants cannot be mistaken for each other: a room's name has no slash.
    fn name(&self) -> &str {
        match self {
            Self::Participant(subject) => &subject.0,
            Self::Room(room) => room,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Revocations {
    until: HashMap<Box<str>, Instant, Keyed>,
    order: VecDeque<(Instant, Box<str>)>,
    lasts: Duration,
}

impl Revocations {
    /// Some hundred leave a second at most: then ten minutes of them fit. Beyond, those that are nearest to being forgotten go first.
    const MOST: usize = 65_536;

    /// `longest_credential`: how long a credential made before a revocation can be good.
    pub(crate) fn new(keyed: Keyed, longest_credential: Duration) -> Self {
        Self { until: HashMap::with_hasher(keyed), order: VecDeque::new(), lasts: longest_credential }
    }

    pub(crate) fn add(&mut self, now: Instant, whom: &Revoked) {
        // A second more: the expiry in a user name counts whole seconds.
        let until = later(now, self.lasts + Duration::from_secs(1));
        self.until.insert(whom.name().into(), until);
        self.order.push_back((until, whom.name().into()));
        while self.order.len() > Self::MOST {
            self.forget_first();
        }
    }

    pub(crate) fn remove(&mut self, whom: &Revoked) {
        self.until.remove(whom.name());
    }

    pub(crate) fn contains(&self, now: Instant, subject: &Subject) -> bool {
        let is_revoked = |name: &str| self.until.get(name).is_some_and(|until| now < *until);
        is_revoked(&subject.0) || is_revoked(subject.room())
    }

    pub(crate) fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
    }

    /// A name that was revoked again later stays for that later time.
    fn forget_first(&mut self) {
        let Some((until, name)) = self.order.pop_front() else { return };
        if self.until.get(&name) == Some(&until) {
            self.until.remove(&name);
        }
    }
}
