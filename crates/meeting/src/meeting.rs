//! The meeting itself: dispatches what happened to the room of the house that deals with it.

use fireside_protocol::{RoomInfo, UnixMillis};
use rand::Rng;

use crate::effect::{Effect, Input};

/// One live call.
#[derive(Debug)]
pub struct Meeting {
    room: RoomInfo,
}

impl Meeting {
    /// A meeting that nobody has joined yet. `recovering_until`: for that long participants of an earlier run of the
    /// server may come back (`None` when the server has been up for longer than the resume window).
    #[must_use]
    pub fn new(room: RoomInfo, now: UnixMillis, recovering_until: Option<UnixMillis>) -> Self {
        let _ = (now, recovering_until);
        Self { room }
    }

    /// Takes what happened and returns what must happen, in order.
    pub fn handle(&mut self, now: UnixMillis, rng: &mut impl Rng, input: Input) -> Vec<Effect> {
        let _ = (now, rng, input, &self.room);
        Vec::new()
    }

    /// When [`Input::Tick`] is due next, if anything waits for time to pass.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMillis> {
        None
    }

    /// How many people are in the meeting, those included whose connection is lost for the moment.
    #[must_use]
    pub fn people(&self) -> usize {
        0
    }
}
