//! What is sent: pictures in one or three sizes, and sound, each packet with its stamp. Knows nothing of connections.

use std::time::{Duration, Instant};

use crate::opus;
use crate::stamp::{self, Stamp};
use crate::vp8::{self, Colour, Descriptor, Size, picture};

/// The largest payload; with all headers it passes any network.
const PAYLOAD: usize = 1_150;
/// A whole picture is so many times as large as the others.
const KEY_FACTOR: usize = 3;
/// Ticks of pictures in a second (RFC 7741).
const TICKS: u32 = 90_000;
/// How long one packet of sound is.
pub const SOUND: Duration = Duration::from_millis(20);
/// Who says nothing sends one packet in so many, as an encoder does that may stay silent.
const SILENT_EVERY: u32 = 20;

/// One size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// In pixels.
    pub size: Size,
    /// Bits a second.
    pub bitrate: u32,
}

/// A camera or a screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its sizes, the smallest first.
    pub layers: Vec<Layer>,
    /// Frames a second.
    pub fps: u32,
    /// What it shows.
    pub colour: Colour,
}

impl Picture {
    /// A camera that sends three sizes, as a browser does.
    #[must_use]
    pub fn camera(colour: Colour) -> Self {
        let layer = |width, height, bitrate| Layer { size: Size { width, height }, bitrate };
        Self { layers: vec![layer(320, 180, 150_000), layer(640, 360, 500_000), layer(1280, 720, 1_500_000)], fps: 30, colour }
    }

    /// A camera of one size.
    #[must_use]
    pub fn single(colour: Colour, height: u16, bitrate: u32, fps: u32) -> Self {
        Self { layers: vec![Layer { size: Size { width: height / 9 * 16, height }, bitrate }], fps, colour }
    }

    /// A screen: sharp and slow.
    #[must_use]
    pub fn screen(colour: Colour) -> Self {
        Self { layers: vec![Layer { size: Size { width: 1920, height: 1080 }, bitrate: 1_500_000 }], fps: 10, colour }
    }
}

/// Sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Bits a second while there is something to hear.
    pub bitrate: u32,
    /// Speaks and is silent in turns.
    pub turns: Option<Turns>,
}

/// When somebody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// How long one turn is.
    pub length: Duration,
    /// After so many turns it is one's own again.
    pub of: u32,
    /// Which of them is one's own.
    pub at: u32,
}

/// A packet that is to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// RTP's.
    pub sequence: u64,
    /// RTP's.
    pub timestamp: u32,
    /// The last of its frame.
    pub marker: bool,
    /// What is in it.
    pub payload: Vec<u8>,
}

/// The encoder of one size of a picture.
#[derive(Debug)]
pub struct Encoder {
    layer: Layer,
    fps: u32,
    colour: Colour,
    stamp: Stamp,
    picture: u16,
    base: u8,
    sequence: u64,
    timestamp: u32,
    /// Steps of the square since the last whole picture; `None`: the next one is a whole one.
    step: Option<usize>,
    /// Whole pictures so far.
    pub keys: u64,
}

impl Encoder {
    /// The encoder of the `index`th size. Counters begin anywhere, as those of browsers do.
    #[must_use]
    pub fn new(picture: &Picture, index: u8, sender: u32, source: u8) -> Option<Self> {
        let layer = *picture.layers.get(usize::from(index))?;
        let seed = sender.wrapping_mul(0x9E37_79B1).rotate_left(8 * u32::from(index) + u32::from(source));
        let [a, b, c, d] = seed.to_be_bytes();
        Some(Self {
            layer,
            fps: picture.fps.clamp(1, 120),
            colour: picture.colour,
            stamp: Stamp { sender, source, layer: index, sent: 0 },
            picture: u16::from_be_bytes([a & 0x7F, b]),
            base: c,
            sequence: u64::from(u16::from_be_bytes([c & 0x7F, d])),
            timestamp: seed,
            step: None,
            keys: 0,
        })
    }

    /// Goes on counting where `before` has stopped, after a pause of `paused`, with a whole picture: another encoder for the same stream.
    #[must_use]
    pub fn after(self, before: &Self, paused: Duration) -> Self {
        let Self { picture, base, sequence, timestamp, .. } = *before;
        Self { picture, base, sequence, timestamp: timestamp.wrapping_add(ticks(paused)), step: None, ..self }
    }

    /// The next picture is a whole one.
    pub fn refresh(&mut self) {
        self.step = None;
    }

    /// Time goes on without a picture; the next one is a whole one, as of an encoder that begins anew.
    pub fn skip(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(TICKS / self.fps);
        self.step = None;
    }

    /// The packets of the next picture.
    pub fn frame(&mut self, now: Duration) -> Vec<Outgoing> {
        self.stamp.sent = u64::try_from(now.as_micros()).unwrap_or_default();
        let (is_key, frame) = match self.step {
            None => (true, picture::key(self.layer.size, self.colour)),
            Some(step) => (false, picture::delta(self.layer.size, step).to_vec()),
        };
        self.step = Some(self.step.map_or(0, |step| step + 1));
        self.keys += u64::from(is_key);
        let bytes = self.layer.bitrate as usize / 8 / self.fps as usize * if is_key { KEY_FACTOR } else { 1 };
        let parts = self.packets(&frame, bytes);
        self.picture = (self.picture + 1) & 0x7FFF;
        self.base = self.base.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(TICKS / self.fps);
        parts
    }

    /// Decoders pass over what is behind the picture: padding up to `bytes`, and stamps. What is before its end has none: large pictures
    /// begin with packets that are all picture.
    fn packets(&mut self, frame: &[u8], bytes: usize) -> Vec<Outgoing> {
        let room = PAYLOAD - vp8::DESCRIPTOR;
        let bare = frame.len().saturating_sub(room - stamp::LENGTH).div_ceil(room);
        let (bare, rest) = frame.split_at((bare * room).min(frame.len()));
        let bytes = bytes.saturating_sub(bare.len().div_ceil(room) * PAYLOAD);
        let count = bytes.div_ceil(PAYLOAD).max(1);
        let part = bytes.div_ceil(count).saturating_sub(vp8::DESCRIPTOR + stamp::LENGTH).max(rest.len());
        let mut packets: Vec<_> = bare.chunks(room).enumerate().map(|(index, part)| self.packet(index == 0, false, part, None)).collect();
        for index in 0..count {
            let body = if index == 0 { rest } else { &[] };
            packets.push(self.packet(packets.is_empty(), index + 1 == count, body, Some(part)));
        }
        packets
    }

    /// `stamped`: behind so many bytes, padding included, there is a stamp.
    fn packet(&mut self, begins: bool, marker: bool, body: &[u8], stamped: Option<usize>) -> Outgoing {
        let mut payload = Vec::with_capacity(PAYLOAD);
        Descriptor::write(begins, self.picture, self.base, &mut payload);
        payload.extend_from_slice(body);
        if let Some(length) = stamped {
            payload.resize(vp8::DESCRIPTOR + length.max(body.len()), 0);
            self.stamp.write(&mut payload);
        }
        self.sequence += 1;
        Outgoing { sequence: self.sequence, timestamp: self.timestamp, marker, payload }
    }
}

/// The encoder of sound.
#[derive(Debug)]
pub struct Speech {
    voice: Voice,
    stamp: Stamp,
    sequence: u64,
    number: u32,
    is_speaking: bool,
}

/// A packet of sound.
#[derive(Clone, Debug)]
pub struct Sound {
    /// The packet.
    pub packet: Outgoing,
    /// In dB below full scale.
    pub level: u8,
    /// Somebody speaks.
    pub is_speech: bool,
}

impl Speech {
    /// Begins anywhere.
    #[must_use]
    pub fn new(voice: Voice, sender: u32, source: u8) -> Self {
        let number = sender.wrapping_mul(0x9E37_79B1);
        Self { voice, stamp: Stamp { sender, source, layer: 0, sent: 0 }, sequence: u64::from(number & 0x7FFF), number, is_speaking: false }
    }

    /// Goes on counting where `before` has stopped, after a pause of `paused`.
    #[must_use]
    pub fn after(self, before: &Self, paused: Duration) -> Self {
        let number = before.number.wrapping_add(wrapped(paused.as_millis() / SOUND.as_millis()));
        Self { sequence: before.sequence, number, is_speaking: before.is_speaking && paused < SOUND, ..self }
    }

    /// The packet of the next 20 ms, if there is one: who is silent sends few.
    pub fn packet(&mut self, now: Duration) -> Option<Sound> {
        let is_speech = self.voice.turns.is_none_or(|turns| turns.is_own(now));
        let begins = is_speech && !std::mem::replace(&mut self.is_speaking, is_speech);
        self.number = self.number.wrapping_add(1);
        if !is_speech && !self.number.is_multiple_of(SILENT_EVERY) {
            return None;
        }
        self.stamp.sent = u64::try_from(now.as_micros()).unwrap_or_default();
        let mut tail = Vec::with_capacity(stamp::LENGTH);
        self.stamp.write(&mut tail);
        let bytes = if is_speech { self.voice.bitrate as usize / 8 / 50 } else { 0 };
        self.sequence += 1;
        let timestamp = self.number.wrapping_mul(opus::SAMPLES);
        let packet = Outgoing { sequence: self.sequence, timestamp, marker: begins, payload: opus::packet(self.number, is_speech, bytes, &tail) };
        Some(Sound { packet, level: if is_speech { 20 } else { 127 }, is_speech })
    }
}

/// How far timestamps of pictures move in a time.
fn ticks(time: Duration) -> u32 {
    wrapped(time.as_micros() * u128::from(TICKS) / 1_000_000)
}

#[allow(clippy::cast_possible_truncation, reason = "numbers in RTP go on from 0 after the highest")]
fn wrapped(number: u128) -> u32 {
    number as u32
}

impl Turns {
    fn is_own(self, now: Duration) -> bool {
        let turn = now.as_millis() / self.length.as_millis().max(1);
        turn % u128::from(self.of.max(1)) == u128::from(self.at)
    }
}

/// When the next of something is due that comes so often; what was missed by far is not made up for.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// When.
    pub next: Instant,
    every: Duration,
}

impl Beat {
    /// From `first` on.
    #[must_use]
    pub fn new(first: Instant, every: Duration) -> Self {
        Self { next: first, every }
    }

    /// One is due.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next += self.every;
        if now > self.next + 10 * self.every {
            self.next = now + self.every;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_bitrate_that_is_asked_for_and_a_stamp_in_each_packet() {
        let camera = Picture::camera(Colour::of(3));
        for (index, layer) in (0..).zip(&camera.layers) {
            let mut encoder = Encoder::new(&camera, index, 77, 1).expect("a layer");
            let packets: Vec<_> = (0..300).flat_map(|_| encoder.frame(Duration::from_secs(5))).collect();
            let bits: usize = packets.iter().map(|packet| 8 * packet.payload.len()).sum();
            let per_second = bits as f64 / 10.0;
            assert!((per_second / f64::from(layer.bitrate) - 1.0).abs() < 0.06, "{layer:?}: {per_second}");
            assert!(packets.windows(2).all(|pair| pair[0].sequence + 1 == pair[1].sequence));
            assert!(packets.iter().all(|packet| packet.payload.len() <= PAYLOAD));
            let stamp = Stamp { sender: 77, source: 1, layer: index, sent: 5_000_000 };
            // Of a large picture all but the first packets are stamped, and the last of each is.
            let unstamped = packets.iter().filter(|packet| Stamp::read(&packet.payload) != Some(stamp)).count();
            assert!(unstamped <= 1 && packets.iter().all(|packet| !packet.marker || Stamp::read(&packet.payload) == Some(stamp)));
            let begins = |packet: &Outgoing| Descriptor::read(&packet.payload).is_some_and(|read| read.begins);
            assert_eq!(packets.iter().filter(|packet| begins(packet)).count(), 300);
            assert_eq!((packets.iter().filter(|packet| packet.marker).count(), encoder.keys), (300, 1));
        }
    }

    #[test]
    fn what_is_switched_on_again_goes_on_after_what_was_sent_before_as_much_later_as_it_was_off() {
        let camera = Picture::camera(Colour::of(3));
        let encoder = || Encoder::new(&camera, 0, 77, 1).expect("a layer");
        let mut before = encoder();
        let last = before.frame(Duration::ZERO).pop().expect("a packet");
        let mut again = encoder().after(&before, Duration::from_secs(60_000));
        let next = again.frame(Duration::ZERO);
        assert_eq!(next[0].sequence, last.sequence + 1);
        let later = u64::from(TICKS) * 60_000 + u64::from(TICKS / camera.fps);
        assert_eq!(u64::from(next[0].timestamp.wrapping_sub(last.timestamp)), later % (1 << 32));

        let voice = || Speech::new(Voice { bitrate: 32_000, turns: None }, 77, 0);
        let mut before = voice();
        let last = before.packet(Duration::ZERO).expect("a sound");
        let next = voice().after(&before, Duration::from_secs(2)).packet(Duration::ZERO).expect("a sound");
        assert_eq!(next.packet.sequence, last.packet.sequence + 1);
        assert_eq!(next.packet.timestamp.wrapping_sub(last.packet.timestamp), 48_000 * 2 + 960);
    }

    #[test]
    fn who_speaks_in_turns_is_silent_in_those_of_others() {
        let turns = |at| Turns { length: Duration::from_secs(1), of: 3, at };
        let mut voices: Vec<_> = (0..3).map(|at| Speech::new(Voice { bitrate: 32_000, turns: Some(turns(at)) }, at, 0)).collect();
        let mut sent = [[0, 0]; 3];
        for tick in 0..150 {
            let now = SOUND * tick;
            for (voice, sent) in voices.iter_mut().zip(&mut sent) {
                if let Some(sound) = voice.packet(now) {
                    sent[usize::from(sound.is_speech)] += 1;
                    assert_eq!(sound.packet.payload.len(), if sound.is_speech { 80 } else { 29 });
                }
            }
        }
        assert!(sent.iter().all(|[silent, loud]| *loud == 50 && (4..=6).contains(silent)), "{sent:?}");
    }
}
