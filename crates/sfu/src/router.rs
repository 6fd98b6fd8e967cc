//! Who receives what in one room: tracks with their layers, viewers with their slots, and what each packet of the one becomes for the
//! other. Knows no connection: packets come in, places to forward them to come out, and everything else is an [`Order`].

mod viewer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use self::viewer::{Picture, Viewer, Voice};
use crate::budget::{self, Bitrate, Budget, Rank, Wish};
use crate::continuity::{Arrived, Continuity, Numbers};
use crate::held::Held;
use crate::layers::Layers;
use crate::packet::Packet;
use crate::rates::{Prices, Rate, Rates};
use crate::sieve::Sieve;
use crate::slots::Slots;
use crate::speaker::Speakers;
use crate::strain::Strain;
use crate::track::{Kind, PeerId, Slot, Source, Track};
use crate::vp8::Descriptor;

/// How many are heard at a time.
pub const VOICES: usize = 3;
/// How often lines are divided anew when nothing happens.
const TICK: Duration = Duration::from_millis(100);
/// What is kept free for each voice: Opus with redundancy.
const VOICE: Bitrate = 64_000;
/// How loud a packet without a level is taken to be: a voice, if it is longer than those that Opus makes of silence.
const NO_LEVEL: (usize, u8) = (12, 40);

pub use self::viewer::Look;

/// Where a packet goes, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    /// The shard's number of the viewer.
    pub(crate) viewer: usize,
    pub(crate) slot: Slot,
    pub(crate) numbers: Numbers,
}

/// What is to be done beside forwarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    RequestKeyframe { track: Track, layer: usize },
    SetDesired { viewer: usize, looks_at: Bitrate, desired: Bitrate },
    Tell(Told),
}

/// What people's clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Slot { viewer: PeerId, slot: Slot, track: Option<Track> },
    Wanted { track: Track, layers: Vec<bool> },
    Held { viewer: PeerId, tracks: Vec<Track>, is_strain: bool },
    Speaking { speaking: Vec<PeerId>, speaker: Option<PeerId> },
}

/// A room.
#[derive(Debug)]
pub(crate) struct Router {
    tracks: BTreeMap<Track, Publication>,
    /// Whether they may be sent just now or not.
    muted: BTreeSet<Track>,
    viewers: Vec<Viewer>,
    speakers: Speakers<Track>,
    speaking: (Vec<PeerId>, Option<PeerId>),
    ticked: Option<Instant>,
    strain: Strain,
}

#[derive(Debug)]
struct Publication {
    layers: Layers,
    is_muted: bool,
    /// Places in `viewers`, and the slots there, that show it. For pictures alone.
    shown: Vec<(usize, usize)>,
}

impl Router {
    pub(crate) fn new(strain: Strain) -> Self {
        Self {
            tracks: BTreeMap::new(),
            muted: BTreeSet::new(),
            viewers: Vec::new(),
            speakers: Speakers::new(VOICES),
            speaking: (Vec::new(), None),
            ticked: None,
            strain,
        }
    }

    /// The thread has this much too much to do.
    pub(crate) fn strain(&mut self, now: Instant, strain: Strain, orders: &mut Vec<Order>) {
        self.strain = strain;
        for place in 0..self.viewers.len() {
            self.divide(now, place, orders);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }

    /// Somebody is there. Without slots, until [`Router::open`].
    pub(crate) fn add(&mut self, number: usize, peer: PeerId, estimate: Bitrate) {
        self.viewers.push(Viewer {
            number,
            peer,
            view: Vec::new(),
            slots: Slots::new(0),
            pictures: Vec::new(),
            voices: Vec::new(),
            budget: Budget::default(),
            estimate,
            strain: Strain::None,
            told: (0, 0),
            held: Held::default(),
            rates: Rates::default(),
        });
    }

    /// Somebody is gone, with everything they sent.
    pub(crate) fn remove(&mut self, now: Instant, peer: PeerId, orders: &mut Vec<Order>) {
        for source in Source::ALL {
            self.speakers.remove(Track { peer, source });
            self.tracks.remove(&Track { peer, source });
            self.muted.remove(&Track { peer, source });
        }
        self.viewers.retain(|viewer| viewer.peer != peer);
        self.show_all(now, orders);
    }

    /// The viewer receives in these slots.
    pub(crate) fn open(&mut self, now: Instant, peer: PeerId, audio: &[bool], video: &[bool], orders: &mut Vec<Order>) {
        let Some(viewer) = self.viewers.iter_mut().find(|viewer| viewer.peer == peer) else { return };
        viewer.slots.open(video);
        let closed = || Voice { stream: Continuity::new(48_000), live: None, is_open: false };
        viewer.voices.resize_with(audio.len().max(viewer.voices.len()), closed);
        for (index, voice) in viewer.voices.iter_mut().enumerate() {
            voice.is_open = audio.get(index).copied().unwrap_or(false);
        }
        let empty = || Picture { stream: Continuity::new(90_000), live: None, told: None, target: None, aim: None, sieve: Sieve::default() };
        viewer.pictures.resize_with(video.len().max(viewer.pictures.len()), empty);
        self.show_all(now, orders);
    }

    /// The peer may send this track now, in so many layers. `None`: no more.
    pub(crate) fn publish(&mut self, now: Instant, track: Track, layers: Option<usize>, orders: &mut Vec<Order>) {
        let before = self.tracks.get(&track).map(|publication| publication.layers.count());
        if before == layers {
            return;
        }
        self.tracks.remove(&track);
        self.speakers.remove(track);
        if let Some(count) = layers {
            self.tracks
                .insert(track, Publication { layers: Layers::new(track.source, count), is_muted: self.muted.contains(&track), shown: Vec::new() });
        }
        self.show_all(now, orders);
    }

    /// What is muted is not forwarded, whatever comes. It ends at once in every slot: what comes after the shortest silence begins anew,
    /// and leaves no gap.
    pub(crate) fn mute(&mut self, now: Instant, track: Track, is_muted: bool, orders: &mut Vec<Order>) {
        let mut shown = Vec::new();
        if let Some(publication) = self.tracks.get_mut(&track) {
            publication.is_muted = is_muted;
            shown.extend(publication.shown.iter().map(|(place, _)| *place));
        }
        if !is_muted {
            self.muted.remove(&track);
            return;
        }
        self.muted.insert(track);
        self.speakers.remove(track);
        self.listen(now, orders);
        for place in shown {
            self.divide(now, place, orders);
        }
    }

    /// What the viewer looks at, the most important first.
    pub(crate) fn view(&mut self, now: Instant, peer: PeerId, view: Vec<Look>, orders: &mut Vec<Order>) {
        let Some(viewer) = self.viewers.iter_mut().find(|viewer| viewer.peer == peer) else { return };
        viewer.view = view;
        self.show_all(now, orders);
        if let Some(place) = self.viewers.iter().position(|viewer| viewer.peer == peer) {
            self.divide(now, place, orders);
        }
    }

    /// What the line to the viewer carries now.
    pub(crate) fn estimate(&mut self, now: Instant, peer: PeerId, estimate: Bitrate, strain: Strain, orders: &mut Vec<Order>) {
        let Some(index) = self.viewers.iter().position(|viewer| viewer.peer == peer) else { return };
        let Some(viewer) = self.viewers.get_mut(index) else { return };
        let is_less = estimate < viewer.estimate;
        (viewer.estimate, viewer.strain) = (estimate, strain);
        if is_less {
            self.divide(now, index, orders);
        }
    }

    /// The viewer lost too much to go on without a whole picture.
    pub(crate) fn keyframe_wanted(&mut self, now: Instant, peer: PeerId, slot: Slot, orders: &mut Vec<Order>) {
        let viewer = self.viewers.iter().find(|viewer| viewer.peer == peer);
        let picture = viewer.filter(|_| slot.kind == Kind::Video).and_then(|viewer| viewer.pictures.get(slot.index));
        let Some((track, layer)) = picture.filter(|picture| picture.live.is_some()).and_then(|picture| picture.stream.source()) else { return };
        self.ask(now, track, layer, orders);
    }

    /// A packet came: where does it go?
    pub(crate) fn packet(&mut self, now: Instant, peer: PeerId, packet: &Packet, forwards: &mut Vec<Forward>, orders: &mut Vec<Order>) {
        let track = Track { peer, source: packet.source };
        let Some(publication) = self.tracks.get_mut(&track).filter(|publication| !publication.is_muted) else { return };
        if packet.source.kind() == Kind::Audio {
            self.sound(now, track, packet, forwards, orders);
            return;
        }
        let vp8 = Descriptor::read(&packet.payload);
        publication.layers.packet(now, packet.layer, packet.payload.len(), vp8.as_ref());
        let arrived = Arrived { sequence: packet.sequence, timestamp: packet.timestamp, at: packet.at, vp8 };
        for (place, index) in &publication.shown {
            let Some(viewer) = self.viewers.get_mut(*place) else { continue };
            let Some(picture) = viewer.pictures.get_mut(*index) else { continue };
            let slot = Slot { kind: Kind::Video, index: *index };
            let Some(numbers) = picture.packet(track, packet.layer, &arrived) else { continue };
            forwards.push(Forward { viewer: viewer.number, slot, numbers });
            if picture.told != picture.live {
                picture.told = picture.live;
                orders.push(Order::Tell(Told::Slot { viewer: viewer.peer, slot, track: picture.live }));
            }
        }
    }

    fn sound(&mut self, now: Instant, track: Track, packet: &Packet, forwards: &mut Vec<Forward>, orders: &mut Vec<Order>) {
        let unknown = if packet.payload.len() > NO_LEVEL.0 { NO_LEVEL.1 } else { 127 };
        let Some(index) = self.speakers.packet(now, track, packet.level.unwrap_or(unknown)) else { return };
        let arrived = Arrived { sequence: packet.sequence, timestamp: packet.timestamp, at: packet.at, vp8: None };
        let slot = Slot { kind: Kind::Audio, index };
        for viewer in self.viewers.iter_mut().filter(|viewer| viewer.peer != track.peer) {
            let Some(voice) = viewer.voices.get_mut(index).filter(|voice| voice.is_open) else { continue };
            let was = voice.live;
            let Some(numbers) = voice.packet(track, &arrived) else { continue };
            forwards.push(Forward { viewer: viewer.number, slot, numbers });
            if was != voice.live {
                orders.push(Order::Tell(Told::Slot { viewer: viewer.peer, slot, track: voice.live }));
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Instant, orders: &mut Vec<Order>) {
        let due = self.tracks.iter_mut().flat_map(|(track, publication)| publication.layers.due(now).map(|layer| (*track, layer)));
        orders.extend(due.map(|(track, layer)| Order::RequestKeyframe { track, layer }));
        if self.ticked.is_some_and(|ticked| now < ticked + TICK) {
            return;
        }
        self.ticked = Some(now);
        for publication in self.tracks.values_mut() {
            publication.layers.measure(now);
        }
        self.listen(now, orders);
        for place in 0..self.viewers.len() {
            self.divide(now, place, orders);
        }
        self.want(now, orders);
    }

    /// Who speaks, and which slots for sound are nobody's any more.
    fn listen(&mut self, now: Instant, orders: &mut Vec<Order>) {
        let is_voice = |track: Track| track.source == Source::Microphone;
        let speaking: Vec<_> = self.speakers.speaking(now).into_iter().filter(|track| is_voice(*track)).map(|track| track.peer).collect();
        let speaker = self.speakers.speaker(now, is_voice).map(|track| track.peer);
        let holders: [_; VOICES] = std::array::from_fn(|slot| self.speakers.holder(slot));
        for viewer in &mut self.viewers {
            for (index, voice) in viewer.voices.iter_mut().enumerate() {
                let is_held = voice.is_open && holders.get(index).copied().flatten() == voice.live;
                if voice.live.is_some() && !is_held {
                    voice.live = None;
                    let slot = Slot { kind: Kind::Audio, index };
                    orders.push(Order::Tell(Told::Slot { viewer: viewer.peer, slot, track: None }));
                }
            }
        }
        let mut sorted = speaking;
        sorted.sort_unstable();
        if self.speaking != (sorted.clone(), speaker) {
            self.speaking = (sorted.clone(), speaker);
            orders.push(Order::Tell(Told::Speaking { speaking: sorted, speaker }));
        }
    }

    /// Gives everybody's slots to what they look at and is there.
    fn show_all(&mut self, now: Instant, orders: &mut Vec<Order>) {
        for publication in self.tracks.values_mut() {
            publication.shown.clear();
        }
        for place in 0..self.viewers.len() {
            let Some(viewer) = self.viewers.get_mut(place) else { continue };
            let tracks = &self.tracks;
            let seen: Vec<_> = viewer.view.iter().map(|look| look.track).filter(|track| tracks.contains_key(track)).collect();
            let has_changed = !viewer.slots.show(&seen).is_empty();
            for (index, (picture, track)) in viewer.pictures.iter_mut().zip(viewer.slots.tracks()).enumerate() {
                picture.live = picture.live.filter(|live| Some(*live) == *track);
                // What takes the place of another is told when it comes.
                if track.is_none() && picture.told.take().is_some() {
                    let slot = Slot { kind: Kind::Video, index };
                    orders.push(Order::Tell(Told::Slot { viewer: viewer.peer, slot, track: None }));
                }
                if let Some(publication) = track.and_then(|track| self.tracks.get_mut(&track)) {
                    publication.shown.push((place, index));
                }
            }
            if has_changed {
                self.divide(now, place, orders);
            }
        }
    }

    /// Divides one viewer's line among what they look at.
    fn divide(&mut self, now: Instant, place: usize, orders: &mut Vec<Order>) {
        let Some(viewer) = self.viewers.get_mut(place) else { return };
        let speaker = self.speaking.1;
        let mut offered: Vec<Vec<(usize, budget::Layer)>> = viewer.slots.tracks().iter().map(|track| offered(&self.tracks, now, *track)).collect();
        let mut is_strained = Vec::new();
        for (layers, track) in offered.iter_mut().zip(viewer.slots.tracks()) {
            let Some(track) = track.filter(|_| !layers.is_empty()) else { continue };
            let most = self.strain.max(viewer.strain).layers(viewer.rank(Some(track), speaker), layers.len());
            layers.truncate(most);
            if layers.is_empty() {
                is_strained.push(track);
            }
        }
        let prices: Vec<Vec<_>> = offered.iter().zip(viewer.slots.tracks()).map(|(layers, track)| prices(&self.tracks, layers, *track)).collect();
        let wishes: Vec<Wish> = offered.iter().zip(viewer.slots.tracks()).map(|(layers, track)| viewer.wish(*track, layers, speaker)).collect();
        let heard = self.speakers.speaking(now).iter().filter(|track| track.peer != viewer.peer).count().min(VOICES);
        let audio = VOICE * heard.max(1) as u64;
        let desired = budget::desired(audio, &wishes);
        let shares = viewer.share(now, audio, wishes, &prices);
        let target = |share: &Option<(usize, Rate)>, layers: &Vec<(usize, budget::Layer)>| {
            share.and_then(|(place, rate)| layers.get(place).map(|(layer, _)| (*layer, rate)))
        };
        let targets: Vec<_> = shares.iter().zip(&offered).map(|(share, layers)| target(share, layers)).collect();
        let is_short = |(share, layers): (&Option<_>, &Vec<_>)| share.is_none() && !layers.is_empty();
        let short = shares.iter().zip(&offered).map(is_short).zip(viewer.slots.tracks()).filter_map(|(is_short, track)| track.filter(|_| is_short));
        let short: Vec<_> = short.collect();
        if let Some(tracks) = viewer.held.change(now, &is_strained, &short) {
            let is_strain = tracks.iter().any(|track| is_strained.contains(track));
            orders.push(Order::Tell(Told::Held { viewer: viewer.peer, tracks, is_strain }));
        }
        if let Some((looks_at, desired)) = viewer.tries(desired) {
            orders.push(Order::SetDesired { viewer: viewer.number, looks_at, desired });
        }
        let mut asked = Vec::new();
        for ((picture, target), track) in viewer.pictures.iter_mut().zip(targets).zip(viewer.slots.tracks()) {
            let publication = track.and_then(|track| self.tracks.get(&track));
            picture.sieve.set(target.map_or(Rate::Full, |(_, rate)| rate));
            let target = target.map(|(layer, _)| layer);
            picture.target = target;
            picture.aim = publication.zip(target).and_then(|(publication, target)| publication.layers.nearest(now, target));
            let is_there = picture.is_there(*track) && !picture.sieve.is_stuck(now);
            asked.extend(track.filter(|_| !is_there).zip(picture.aim));
            // A layer that does not come may only be waiting to be asked.
            asked.extend(track.zip(target).filter(|(_, target)| picture.aim.is_some_and(|aim| aim != *target)));
        }
        for (index, picture) in viewer.pictures.iter_mut().enumerate().filter(|(_, picture)| picture.target.is_none()) {
            picture.live = None;
            if picture.told.take().is_some() {
                let slot = Slot { kind: Kind::Video, index };
                orders.push(Order::Tell(Told::Slot { viewer: viewer.peer, slot, track: None }));
            }
        }
        for (track, layer) in asked {
            self.ask(now, track, layer, orders);
        }
    }

    fn ask(&mut self, now: Instant, track: Track, layer: usize, orders: &mut Vec<Order>) {
        let Some(publication) = self.tracks.get_mut(&track) else { return };
        if publication.layers.want_keyframe(now, layer) {
            orders.push(Order::RequestKeyframe { track, layer });
        }
    }

    /// Tells publishers which of their layers anybody wants.
    fn want(&mut self, now: Instant, orders: &mut Vec<Order>) {
        for (track, publication) in self.tracks.iter_mut().filter(|(track, _)| track.source.kind() == Kind::Video) {
            let mut wanted = vec![false; publication.layers.count()];
            for (place, index) in &publication.shown {
                let Some(viewer) = self.viewers.get(*place) else { continue };
                let target = viewer.pictures.get(*index).and_then(|picture| picture.target);
                let Some(target) = target else { continue };
                let height = viewer.view.iter().find(|look| look.track == *track).map_or(0, |look| look.height);
                let rank = if track.source == Source::Screen { Rank::Screen } else { Rank::Visible };
                let most = self.strain.layers(rank, publication.layers.count()).saturating_sub(1);
                let enough = publication.layers.enough(rank.lines(height)).min(most);
                // What would be sent if only it came stays wanted, or it would never come.
                let missing = (target + 1..=enough).filter(|layer| publication.layers.is_missing(now, *layer));
                // The smallest is what everybody falls back to at once.
                for layer in [0, target].into_iter().chain(missing) {
                    if let Some(wanted) = wanted.get_mut(layer) {
                        *wanted = true;
                    }
                }
            }
            if let Some(layers) = publication.layers.want(now, &wanted) {
                orders.push(Order::Tell(Told::Wanted { track: *track, layers }));
            }
        }
    }
}

fn offered(tracks: &BTreeMap<Track, Publication>, now: Instant, track: Option<Track>) -> Vec<(usize, budget::Layer)> {
    let publication = track.and_then(|track| tracks.get(&track)).filter(|publication| !publication.is_muted);
    publication.map(|publication| publication.layers.available(now).collect()).unwrap_or_default()
}

fn prices(tracks: &BTreeMap<Track, Publication>, layers: &[(usize, budget::Layer)], track: Option<Track>) -> Vec<Prices> {
    let publication = track.and_then(|track| tracks.get(&track));
    publication.map(|publication| layers.iter().map(|(layer, _)| publication.layers.prices(*layer)).collect()).unwrap_or_default()
}
