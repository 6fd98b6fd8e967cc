//! Somebody's connection with the server: which it is, what its slots carry, and when the next one is tried.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fireside_protocol::{DroppedCode, SlotKind, SlotUse, TrackRef};

use crate::media::Line;
use crate::watch::Kind;

/// The numbers of slots for pictures that are offered, one after the other, as more are needed.
const VIDEO_SLOTS: [usize; 4] = [4, 9, 16, 25];
const AUDIO_SLOTS: usize = 3;
/// The waits after connections that ended by themselves.
const WAITS: [Duration; 5] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];
const FULL: Duration = Duration::from_secs(30);

/// The state of it.
#[derive(Debug, Default)]
pub(super) struct Route {
    /// Of the newest peer connection; 0 before the first.
    pub(super) connection: u32,
    /// It is there, or being built.
    pub(super) is_begun: bool,
    /// Since when it has been up.
    pub(super) up: Option<Instant>,
    /// An offer is out.
    pub(super) is_offering: bool,
    pub(super) video_slots: usize,
    pub(super) slots: HashMap<(Kind, usize), TrackRef>,
    pub(super) held: Vec<TrackRef>,
    failures: usize,
    pub(super) retry: Option<Instant>,
}

impl Route {
    /// The lines of the first offer of a new connection.
    pub(super) fn begin(&mut self, camera_layers: usize) -> Vec<Line> {
        let first = VIDEO_SLOTS.first().copied().unwrap_or_default();
        let both = |kind, layers| Line { layers, ..Line::both(kind) };
        let mut lines = vec![both(Kind::Audio, 1), both(Kind::Video, camera_layers), both(Kind::Video, 1), both(Kind::Audio, 1)];
        lines.extend((2..AUDIO_SLOTS).map(|_| Line::slot(Kind::Audio)));
        lines.extend((2..first).map(|_| Line::slot(Kind::Video)));
        *self = Self {
            connection: self.connection + 1,
            is_begun: true,
            is_offering: true,
            video_slots: first,
            failures: self.failures,
            ..Self::default()
        };
        lines
    }

    /// The lines of a later offer, if more pictures are to be shown than fit.
    pub(super) fn grow(&mut self, tiles: usize) -> Option<Vec<Line>> {
        if tiles <= self.video_slots || self.is_offering || self.up.is_none() {
            return None;
        }
        let most = VIDEO_SLOTS.last().copied().unwrap_or_default();
        let enough = VIDEO_SLOTS.into_iter().find(|slots| *slots >= tiles).unwrap_or(most);
        let more = enough.checked_sub(self.video_slots).filter(|more| *more > 0)?;
        self.video_slots = enough;
        self.is_offering = true;
        Some(vec![Line::slot(Kind::Video); more])
    }

    /// It is the one that there is.
    pub(super) fn is(&self, connection: u32) -> bool {
        self.is_begun && self.connection == connection
    }

    pub(super) fn is_up(&mut self, now: Instant) {
        self.up = Some(now);
        self.failures = 0;
    }

    /// It has ended by itself.
    pub(super) fn dropped(&mut self, now: Instant, code: DroppedCode) {
        let wait = match code {
            DroppedCode::NotNeeded | DroppedCode::Refused => None,
            DroppedCode::Full => Some(FULL),
            DroppedCode::Unreachable | DroppedCode::Broken => WAITS.get(self.failures.min(WAITS.len() - 1)).copied(),
        };
        self.failures += 1;
        self.end();
        self.retry = wait.map(|wait| now + wait);
    }

    /// It is not needed any more.
    pub(super) fn end(&mut self) {
        *self = Self { connection: self.connection, failures: self.failures, ..Self::default() };
    }

    pub(super) fn take(&mut self, slots: Vec<SlotUse>) {
        for slot in slots {
            let place = (kind(slot.kind), slot.slot as usize);
            match slot.track {
                Some(track) => drop(self.slots.insert(place, track)),
                None => drop(self.slots.remove(&place)),
            }
        }
    }
}

fn kind(kind: SlotKind) -> Kind {
    match kind {
        SlotKind::Audio => Kind::Audio,
        SlotKind::Video => Kind::Video,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_that_of_the_contract_and_grows_with_what_is_shown() {
        let mut route = Route::default();
        let lines = route.begin(3);
        let count = |kind| lines.iter().filter(|line| line.kind == kind).count();
        assert_eq!((count(Kind::Audio), count(Kind::Video), lines[1].layers), (3, 4, 3));
        assert!(lines[..4].iter().all(|line| line.sends && line.receives) && lines[4..].iter().all(|line| !line.sends));
        assert_eq!(route.grow(9), None, "not before it is up");
        route.is_up(Instant::now());
        route.is_offering = false;
        assert_eq!(route.grow(4), None);
        assert_eq!(route.grow(5).map(|lines| lines.len()), Some(5), "nine");
        assert_eq!(route.grow(25), None, "one offer at a time");
        route.is_offering = false;
        assert_eq!(route.grow(40).map(|lines| lines.len()), Some(16), "twenty-five at most");
        route.is_offering = false;
        assert_eq!(route.grow(40), None);
    }

    #[test]
    fn a_route_that_ends_is_tried_again_more_and_more_slowly() {
        let (mut route, now) = (Route::default(), Instant::now());
        let waits: Vec<_> = (0..3)
            .map(|_| {
                route.begin(1);
                route.dropped(now, DroppedCode::Broken);
                route.retry.map(|at| (at - now).as_secs())
            })
            .collect();
        assert_eq!(waits, [Some(0), Some(1), Some(2)]);
        route.dropped(now, DroppedCode::NotNeeded);
        assert_eq!(route.retry, None);
        assert_eq!(route.connection, 3);
    }
}
