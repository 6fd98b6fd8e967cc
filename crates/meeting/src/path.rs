//! What the meeting knows of one participant's connection with the server: its number, and what they were told of it, so that they can be
//! told all of it again when they come back.

use std::collections::BTreeMap;

use fireside_protocol::limits::{OFFER_BURST, OFFER_INTERVAL_MS, VIEW_TILES};
use fireside_protocol::{DroppedCode, HeldReason, ServerMessage, SlotKind, SlotUse, Source, Tile, TrackRef, UnixMillis};

/// Places that are remembered: more than any client's.
const SLOTS: usize = 80;
/// Sizes of one picture, and some more.
const LAYERS: usize = 8;

/// A participant's successive connections with the server.
#[derive(Debug, Default)]
pub(crate) struct Path {
    /// The greatest number that the client has given one: it never goes down.
    number: u32,
    stage: Stage,
    /// What the client shows, also before there is a connection.
    view: Vec<Tile>,
    offers: Offers,
}

#[derive(Debug, Default)]
enum Stage {
    /// There was none yet.
    #[default]
    None,
    Open(Told),
    /// It ended by itself, or was needed no longer.
    Ended(DroppedCode),
}

/// What was told of an open one.
#[derive(Debug, Default)]
struct Told {
    slots: BTreeMap<(SlotKind, u32), TrackRef>,
    wanted: BTreeMap<Source, Vec<bool>>,
    held: Option<(Vec<TrackRef>, HeldReason)>,
}

/// Offers that were taken and not yet forgotten: one is in each interval since then.
#[derive(Debug, Default)]
struct Offers {
    taken: u32,
    since: i64,
}

/// What an offer of some number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// The first of a connection; one before it is over.
    New,
    /// A later one of the connection that is open.
    Again,
    /// Of a connection that has ended.
    Ended(DroppedCode),
    /// Of none that can be.
    Old,
}

impl Path {
    /// The number of the connection that is open, if one is.
    pub(crate) fn open(&self) -> Option<u32> {
        matches!(self.stage, Stage::Open(_)).then_some(self.number)
    }

    /// What is to be shown, as the client said it.
    pub(crate) fn view(&self) -> &[Tile] {
        &self.view
    }

    pub(crate) fn set_view(&mut self, mut tiles: Vec<Tile>) {
        tiles.truncate(VIEW_TILES);
        self.view = tiles;
    }

    /// Whether one more offer may come now.
    pub(crate) fn may_offer(&mut self, now: UnixMillis) -> bool {
        self.offers.take(now)
    }

    pub(crate) fn offered(&self, number: u32) -> Offered {
        if number > self.number {
            return Offered::New;
        }
        match &self.stage {
            _ if number < self.number || number == 0 => Offered::Old,
            Stage::Open(_) => Offered::Again,
            Stage::Ended(code) => Offered::Ended(*code),
            Stage::None => Offered::Ended(DroppedCode::NotNeeded),
        }
    }

    /// A new connection takes the place of the one before.
    pub(crate) fn begin(&mut self, number: u32) {
        self.number = number;
        self.stage = Stage::Open(Told::default());
    }

    /// Nothing more is to be told of the one that is open; says whether one was.
    pub(crate) fn close(&mut self) -> bool {
        let was_open = self.open().is_some();
        if was_open {
            self.stage = Stage::Ended(DroppedCode::NotNeeded);
        }
        was_open
    }

    /// The one of this number has ended by itself; says whether it was open.
    pub(crate) fn ended(&mut self, number: u32, code: DroppedCode) -> bool {
        let was_open = self.open() == Some(number);
        if was_open {
            self.stage = Stage::Ended(code);
        }
        was_open
    }

    /// A place carries something else. What is beyond any client's places is nobody's.
    pub(crate) fn slot(&mut self, slot: SlotUse) -> bool {
        let Stage::Open(told) = &mut self.stage else { return false };
        let key = (slot.kind, slot.slot);
        if told.slots.len() >= SLOTS && !told.slots.contains_key(&key) {
            return false;
        }
        match slot.track {
            Some(track) => told.slots.insert(key, track),
            None => told.slots.remove(&key),
        };
        true
    }

    pub(crate) fn wanted(&mut self, source: Source, layers: &[bool]) {
        if let Stage::Open(told) = &mut self.stage {
            told.wanted.insert(source, layers.iter().copied().take(LAYERS).collect());
        }
    }

    pub(crate) fn held(&mut self, tracks: &[TrackRef], reason: HeldReason) {
        if let Stage::Open(told) = &mut self.stage {
            told.held = Some((tracks.iter().copied().take(VIEW_TILES).collect(), reason));
        }
    }

    /// Everything that was told, whole: what was said last may not have arrived. `is_here`: of those who are gone nothing is told.
    pub(crate) fn whole(&self, is_here: impl Fn(&TrackRef) -> bool) -> Vec<ServerMessage> {
        let connection = self.number;
        let told = match &self.stage {
            Stage::None => return Vec::new(),
            Stage::Ended(code) => return vec![ServerMessage::Dropped { connection, code: *code }],
            Stage::Open(told) => told,
        };
        let slots = told.slots.iter().filter(|(_, track)| is_here(track));
        let slots = slots.map(|(&(kind, slot), &track)| SlotUse { kind, slot, track: Some(track) }).collect();
        let mut whole = vec![ServerMessage::Slots { connection, slots }];
        whole.extend(told.wanted.iter().map(|(&source, layers)| ServerMessage::Wanted { source, layers: layers.clone() }));
        whole.extend(told.held.iter().map(|(tracks, reason)| {
            let tracks = tracks.iter().copied().filter(&is_here).collect();
            ServerMessage::Held { tracks, reason: *reason }
        }));
        whole
    }
}

impl Offers {
    fn take(&mut self, now: UnixMillis) -> bool {
        let interval = i64::from(OFFER_INTERVAL_MS);
        let forgotten = u32::try_from((now.0.saturating_sub(self.since) / interval).max(0)).unwrap_or(u32::MAX);
        if forgotten >= self.taken {
            (self.taken, self.since) = (0, now.0);
        } else {
            self.taken -= forgotten;
            self.since = self.since.saturating_add(i64::from(forgotten) * interval);
        }
        let is_free = self.taken < OFFER_BURST;
        self.taken += u32::from(is_free);
        is_free
    }
}
