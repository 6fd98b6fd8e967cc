//! A call in which everything that happens is written down: for the witness, who has to know it, and as a diary for whoever reads of a
//! failure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fireside_sfu::{Command, Event, Kind, Look, PeerId, Slot, Source, Track};
use str0m::media::Rid;

use crate::client::{Client, RIDS};
use crate::codec::{Encoder, SCREEN};
use crate::network::Line;
use crate::world::{World, camera};

/// Tenths of a second in which all must be well again, once everything is.
const CALM: usize = 200;

/// Streams of a client by what is in them.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// What it sends: the SSRC of each source's layers.
    pub(crate) up: HashMap<(Source, u8), u32>,
    /// And what it gets in its slots.
    pub(crate) down: HashMap<Slot, u32>,
}

pub(crate) struct Call {
    pub(crate) world: World,
    pub(crate) streams: Vec<Streams>,
    /// What each client looked at, from when on.
    pub(crate) views: Vec<Vec<(Instant, Vec<Track>)>>,
    /// Times in which nothing of a track was to go to anybody.
    pub(crate) silences: Vec<(Track, Instant, Option<Instant>)>,
    /// Who left, and when.
    pub(crate) gone: Vec<(usize, Instant)>,
    pub(crate) diary: Vec<(Duration, String)>,
}

impl Call {
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.is_even = true;
        world.network.is_repeatable = true;
        Self { world, streams: Vec::new(), views: Vec::new(), silences: Vec::new(), gone: Vec::new(), diary: Vec::new() }
    }

    pub(crate) fn note(&mut self, what: impl std::fmt::Display) {
        self.diary.push((self.world.now - self.world.start, what.to_string()));
    }

    /// What happened and what was told, in its order.
    pub(crate) fn story(&self) -> String {
        let told = self.world.events.iter().filter(|(_, event)| !matches!(event, Event::Answer { .. }));
        let mut lines: Vec<_> = told.map(|(at, event)| (*at, format!("    {event:?}"))).collect();
        lines.splice(0..0, self.diary.iter().cloned());
        lines.sort_by_key(|(at, _)| *at);
        lines.iter().fold(String::new(), |story, (at, line)| story + &format!("{:>6} ms: {line}\n", at.as_millis()))
    }

    /// Somebody with a camera and a voice.
    pub(crate) fn join(&mut self, level: u8, line: Line) -> usize {
        self.join_as(|client| client.with_camera().with_voice(level), line)
    }

    pub(crate) fn join_as(&mut self, make: impl FnOnce(Client) -> Client, line: Line) -> usize {
        let who = self.world.join(make, line);
        self.streams.push(Streams::default());
        self.views.push(Vec::new());
        self.note(format_args!("{} joins, by {line:?}", who + 1));
        who
    }

    /// The screen of somebody, from now on.
    pub(crate) fn share(&mut self, who: usize, bitrate: usize) {
        self.world.clients[who].screen = Some(Encoder::new(SCREEN, bitrate, 1_080, 4_711));
        self.note(format_args!("{} shares a screen", who + 1));
    }

    pub(crate) fn connect_all(&mut self) {
        let people = self.people();
        let is_there = |world: &World| people.iter().all(|who| world.clients[*who].is_connected.is_some());
        self.world.until(Duration::from_secs(10), "everybody is connected", is_there);
    }

    pub(crate) fn view(&mut self, who: usize, view: &[Look]) {
        self.views[who].push((self.world.now, view.iter().map(|look| look.track).collect()));
        let tiles: Vec<_> = view.iter().map(|look| (look.track.peer.0, look.track.source, look.height)).collect();
        self.note(format_args!("{} looks at {tiles:?}", who + 1));
        self.world.view(who, view);
    }

    pub(crate) fn mute(&mut self, track: Track, is_muted: bool) {
        self.note(format_args!("{track:?} is muted: {is_muted}"));
        self.world.command(Command::Mute { track, is_muted });
        self.silence(track, is_muted);
    }

    fn silence(&mut self, track: Track, is_silent: bool) {
        let now = self.world.now;
        let open = self.silences.iter_mut().find(|(one, _, until)| *one == track && until.is_none());
        match (open, is_silent) {
            (None, true) => self.silences.push((track, now, None)),
            (Some((_, _, until)), false) => *until = Some(now),
            _ => {}
        }
    }

    pub(crate) fn leave(&mut self, who: usize) {
        self.learn(who);
        self.note(format_args!("{} leaves", who + 1));
        self.gone.push((who, self.world.now));
        self.world.command(Command::Remove { peer: PeerId(who as u64 + 1) });
        for source in Source::ALL {
            self.silence(Track { peer: PeerId(who as u64 + 1), source }, true);
        }
    }

    pub(crate) fn run(&mut self, time: Duration) {
        self.world.run(time);
    }

    /// A decoder that misses something asks for a whole picture.
    pub(crate) fn ask(&mut self, who: usize, slot: usize) {
        self.note(format_args!("{} asks for a whole picture in {slot}", who + 1));
        let now = self.world.now;
        self.world.clients[who].ask_for_keyframe(now, slot);
    }

    pub(crate) fn set_lines(&mut self, who: usize, line: Line) {
        self.note(format_args!("{} is now by {line:?}", who + 1));
        (self.world.up[who], self.world.down[who]) = (line, line);
    }

    pub(crate) fn people(&self) -> Vec<usize> {
        (0..self.world.clients.len()).filter(|who| !self.gone.iter().any(|(gone, _)| gone == who)).collect()
    }

    /// Everything is well again: lines are good, nobody is muted, everybody looks at somebody. Soon everybody sees whom they look at.
    pub(crate) fn calm_down(&mut self) {
        self.note("everything is well again");
        let people = self.people();
        for who in &people {
            self.set_lines(*who, Line::good());
            self.world.clients[*who].camera.iter_mut().for_each(|layer| layer.is_on = true);
            self.mute(camera(*who as u64 + 1), false);
        }
        for (place, who) in people.iter().enumerate() {
            let other = people[(place + 1) % people.len()];
            if *who != other {
                self.view(*who, &[crate::world::look(camera(other as u64 + 1), 180)]);
            }
        }
        self.run(Duration::from_secs(2));
        let since = self.world.now;
        for _ in 0..CALM {
            self.run(Duration::from_millis(100));
            if people.iter().all(|who| self.sees(*who, since)) {
                return;
            }
        }
        let blind: Vec<_> = people.iter().filter(|who| !self.sees(**who, since)).map(|who| self.told(*who)).collect();
        panic!("not everybody sees whom they look at: {blind:#?}");
    }

    /// Whether somebody has seen what they look at for some frames.
    fn sees(&self, who: usize, since: Instant) -> bool {
        let view = self.views[who].last().map(|(_, view)| view.clone()).unwrap_or_default();
        view.into_iter().filter(|track| track.peer.0 != who as u64 + 1).all(|track| {
            let slot = self.world.slot_of(who, track);
            let pictures = slot.and_then(|slot| self.world.clients[who].pictures.get(&slot));
            pictures.is_some_and(|pictures| pictures.packets_of_since(track.peer.0, since) > 10)
        })
    }

    /// What somebody was told last, for whoever reads of a failure.
    fn told(&self, who: usize) -> String {
        let id = PeerId(who as u64 + 1);
        let mut events = self.world.events.iter().filter(|(_, event)| match event {
            Event::Slot { peer, .. } | Event::Held { peer, .. } | Event::Estimate { peer, .. } | Event::Closed { peer, .. } => *peer == id,
            Event::Wanted { track, .. } => self.views[who].last().is_some_and(|(_, view)| view.contains(track)),
            _ => false,
        });
        let last: Vec<_> = events.by_ref().collect();
        format!("{id:?} looks at {:?} and was told {:?}", self.views[who].last(), &last[last.len().saturating_sub(8)..])
    }

    /// The numbers of a client's streams, as far as there are any by now.
    pub(crate) fn learn(&mut self, who: usize) {
        let client = &mut self.world.clients[who];
        let streams = &mut self.streams[who];
        let lines: Vec<_> = client.lines.iter().take(4).map(|(mid, _)| *mid).collect();
        let mut direct = client.rtc.direct_api();
        for (source, mid) in Source::ALL.into_iter().zip(lines) {
            let rids: Vec<_> = if source == Source::Camera { RIDS.map(|rid| Some(Rid::from(rid))).to_vec() } else { vec![None] };
            let first = if source == Source::Screen { SCREEN } else { 0 };
            for (layer, rid) in (first..).zip(rids) {
                if let Some(stream) = direct.stream_tx_by_mid(mid, rid) {
                    streams.up.insert((source, layer), *stream.ssrc());
                }
            }
        }
        let id = client.id;
        let answers = self.world.events.iter().filter_map(|(_, event)| match event {
            Event::Answer { peer, sdp } if *peer == id => Some(sdp),
            _ => None,
        });
        for answer in answers {
            streams.down.extend(slots(answer));
        }
    }
}

/// The SSRC of each slot that an answer names.
fn slots(answer: &str) -> Vec<(Slot, u32)> {
    let mut counts = HashMap::new();
    let slot = |media: &str| {
        let kind = if media.starts_with("audio") { Kind::Audio } else { Kind::Video };
        let count = counts.entry(kind).or_insert(0usize);
        let index = *count;
        *count += 1;
        let named = media.lines().find_map(|line| line.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok());
        Some((Slot { kind, index }, named?))
    };
    answer.split("\r\nm=").skip(1).filter_map(slot).collect()
}
