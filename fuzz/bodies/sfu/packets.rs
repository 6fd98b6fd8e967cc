//! Packets as publishers send them, and what must be so of those that a viewer gets.

use std::collections::HashSet;

use fireside_sfu::Source;
use fireside_sfu::vp8::Descriptor;

use super::client::{Came, Client};
use super::keys::header_length;
use super::offer::{CONGESTION, LEVEL, MID, OPUS, RED, REPAIRED, RID, RTX, VP8};

/// What a client sends: its streams by their numbers in a program.
pub const STREAMS: [Kind; 8] = [
    Kind::new(0, None, OPUS, Source::Microphone, 0),
    Kind::new(1, Some("l"), VP8, Source::Camera, 0),
    Kind::new(1, Some("m"), VP8, Source::Camera, 1),
    Kind::new(1, Some("h"), VP8, Source::Camera, 2),
    Kind::new(2, None, VP8, Source::Screen, 0),
    Kind::new(3, None, OPUS, Source::ScreenSound, 0),
    Kind::new(1, Some("l"), RTX, Source::Camera, 0),
    Kind::new(2, None, RTX, Source::Screen, 0),
];

/// A kind of stream.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub line: u8,
    pub rid: Option<&'static str>,
    pub payload_type: u8,
    pub source: Source,
    pub layer: u8,
}

impl Kind {
    const fn new(line: u8, rid: Option<&'static str>, payload_type: u8, source: Source, layer: u8) -> Self {
        Self { line, rid, payload_type, source, layer }
    }

    pub fn is_picture(self) -> bool {
        self.payload_type == VP8
    }
}

/// What is not as it should be in a packet: bits.
pub mod flaw {
    pub const NO_MID: u8 = 1;
    pub const NO_RID: u8 = 2;
    pub const TWO_BYTES: u8 = 4;
    pub const PADDING: u8 = 8;
    pub const CONTRIBUTORS: u8 = 16;
    pub const OTHER_LINE: u8 = 32;
    pub const OTHER_TYPE: u8 = 64;
    pub const OTHER_STREAM: u8 = 128;
}

/// A stream of a client that sends.
#[derive(Clone, Debug)]
pub struct Stream {
    pub kind: Kind,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    /// In dB below full scale.
    pub level: u8,
    picture: u16,
    frame: u32,
}

impl Stream {
    pub fn all_of(client: u64) -> Vec<Self> {
        let stream = |(number, kind): (u32, Kind)| {
            let ssrc = 1_000 + client as u32 * 100 + number;
            Self { kind, ssrc, sequence: 65_530, timestamp: u32::MAX - 5_000, level: 20, picture: 32_765, frame: 0 }
        };
        (0..).zip(STREAMS).map(stream).collect()
    }

    /// The next packet with this payload, and these flaws.
    pub fn packet(&mut self, payload: &[u8], marker: bool, flaws: u8) -> Vec<u8> {
        let has = |flaw: u8| flaws & flaw != 0;
        let contributors = if has(flaw::CONTRIBUTORS) { 2 } else { 0 };
        let payload_type = if has(flaw::OTHER_TYPE) { self.kind.payload_type ^ 1 } else { self.kind.payload_type };
        let ssrc = if has(flaw::OTHER_STREAM) { self.ssrc ^ u32::from(self.sequence) << 16 } else { self.ssrc };
        let mut packet = vec![0x90 | contributors | if has(flaw::PADDING) { 0x20 } else { 0 }, payload_type | u8::from(marker) << 7];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0; 8].into_iter().take(4 * usize::from(contributors)));
        self.extensions(&mut packet, flaws);
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    fn extensions(&self, packet: &mut Vec<u8>, flaws: u8) {
        let has = |flaw: u8| flaws & flaw != 0;
        let mut elements: Vec<(u8, Vec<u8>)> = vec![(CONGESTION, vec![self.sequence.to_be_bytes()[0], self.sequence.to_be_bytes()[1]])];
        if !has(flaw::NO_MID) {
            let line = if has(flaw::OTHER_LINE) { self.kind.line ^ 1 } else { self.kind.line };
            elements.push((MID, vec![b'0' + line]));
        }
        if let Some(rid) = self.kind.rid.filter(|_| !has(flaw::NO_RID)) {
            elements.push((if self.kind.payload_type == RTX { REPAIRED } else { RID }, rid.as_bytes().to_vec()));
        }
        if self.kind.payload_type == OPUS {
            elements.push((LEVEL, vec![self.level]));
        }
        let mut bytes = Vec::new();
        for (number, value) in elements {
            if has(flaw::TWO_BYTES) {
                bytes.extend([number, value.len() as u8]);
            } else {
                bytes.push(number << 4 | (value.len() as u8 - 1));
            }
            bytes.extend(value);
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        packet.extend(if has(flaw::TWO_BYTES) { [0x10, 0x00] } else { [0xBE, 0xDE] });
        packet.extend(((bytes.len() / 4) as u16).to_be_bytes());
        packet.extend(bytes);
    }

    /// The payload of the next whole frame, in one packet, with this after its head.
    pub fn picture(&mut self, is_whole: bool, stamp: &[u8]) -> Vec<u8> {
        self.picture = (self.picture + 1) % 32_768;
        self.frame += 1;
        self.timestamp = self.timestamp.wrapping_add(3_000);
        let [high, low] = self.picture.to_be_bytes();
        let mut payload = vec![0x90, 0xE0, 0x80 | high, low, self.frame as u8, 0];
        let height = (180u16 << self.kind.layer).to_le_bytes();
        payload.extend(if is_whole { [0x10, 0, 0, 0x9D, 0x01, 0x2A, 0, 5, height[0], height[1]] } else { [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
        payload.extend(stamp);
        payload
    }

    pub fn sound(&mut self, stamp: &[u8]) -> Vec<u8> {
        self.timestamp = self.timestamp.wrapping_add(960);
        self.frame += 1;
        [stamp, &self.frame.to_be_bytes()].concat()
    }
}

/// What was sent by anybody: as it is, and what may be left of it.
#[derive(Clone, Debug, Default)]
pub struct Sent(HashSet<Vec<u8>>);

impl Sent {
    pub fn note(&mut self, packet: &[u8]) {
        let payload = &packet[header_length(packet)..];
        self.note_payload(payload);
        if packet.first().is_some_and(|first| first & 0x20 != 0) {
            self.note_payload(unpadded(payload));
        }
    }

    fn note_payload(&mut self, payload: &[u8]) {
        for payload in [payload, payload.get(2..).unwrap_or_default()] {
            self.0.insert(payload.to_owned());
            if let Some(vp8) = Descriptor::read(payload) {
                self.0.insert(payload[vp8.length..].to_owned());
            }
            self.0.extend(primary(payload));
        }
    }

    fn has(&self, payload: &[u8]) -> bool {
        self.0.contains(payload)
    }
}

/// RFC 2198, plainly.
fn primary(payload: &[u8]) -> Option<Vec<u8>> {
    let (mut at, mut repeated) = (0, 0);
    while payload.get(at)? & 0x80 != 0 {
        repeated += usize::from(u16::from_be_bytes([payload.get(at + 2)? & 0x03, *payload.get(at + 3)?]));
        at += 4;
    }
    payload.get(at + 1 + repeated..).map(<[u8]>::to_vec)
}

fn unpadded(payload: &[u8]) -> &[u8] {
    let padding = payload.last().copied().map_or(0, usize::from);
    payload.get(..payload.len().saturating_sub(padding)).unwrap_or_default()
}

/// A packet of media as a viewer got it.
#[derive(Clone, Debug)]
pub struct Got {
    pub payload_type: u8,
    pub payload: Vec<u8>,
}

/// What came to a client since it was looked at last. Panics where it could not have been sent by anybody in the call, tells of its
/// publisher more than it should, or is not in one of the client's streams.
pub fn look_at(client: &mut Client, sent: &Sent) -> Vec<Got> {
    let mut media = Vec::new();
    for came in std::mem::take(&mut client.came) {
        match came {
            Came::Foreign(bytes) => panic!("not under the client's seal: {bytes:x?}"),
            Came::Reports(bytes) => assert!(bytes.len() >= 8 && bytes[0] >> 6 == 2, "{bytes:x?}"),
            Came::Media(packet, at) => media.extend(got(client, &packet, at, sent)),
        }
    }
    media
}

fn got(client: &Client, packet: &[u8], at: usize, sent: &Sent) -> Option<Got> {
    let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
    if ssrc == 0 {
        // What the line is tried with where nothing else goes.
        assert!(packet[0] & 0x20 != 0 && unpadded(&packet[at..]).is_empty(), "{packet:x?}");
        return None;
    }
    assert!(client.streams.contains(&ssrc), "a stream that the answer does not name: {ssrc}");
    assert_eq!(packet[0] & 0x0F, 0, "contributors");
    if packet[0] & 0x10 != 0 {
        extensions(&packet[12..at]);
    }
    let payload = if packet[0] & 0x20 == 0 { &packet[at..] } else { unpadded(&packet[at..]) };
    let payload_type = packet[1] & 0x7F;
    let payload = if payload_type == RTX { payload.get(2..).unwrap_or_default() } else { payload };
    if payload.is_empty() {
        return None;
    }
    let got = Got { payload_type, payload: payload.to_owned() };
    match payload_type {
        OPUS | RED => assert!(sent.has(payload), "sound that nobody sent: {got:x?}"),
        VP8 | RTX => {
            let vp8 = Descriptor::read(payload).unwrap_or_else(|| panic!("no picture: {got:x?}"));
            assert!(sent.has(&payload[vp8.length..]), "a picture that nobody sent: {got:x?}");
        }
        other => panic!("a payload type that was not offered: {other}"),
    }
    Some(got)
}

/// RFC 8285: the names that the publisher gave its streams stay behind.
fn extensions(bytes: &[u8]) {
    let is_short = bytes[..2] == [0xBE, 0xDE];
    let mut rest = &bytes[4..];
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == 0 {
            continue;
        }
        let (number, length) = if is_short {
            (first >> 4, usize::from(first & 0x0F) + 1)
        } else {
            rest = &after[1..];
            (*first, usize::from(after[0]))
        };
        let (value, after) = rest.split_at(length);
        rest = after;
        match number {
            RID | REPAIRED => panic!("the name of a publisher's layer: {value:x?}"),
            MID => assert!(std::str::from_utf8(value).is_ok_and(|mid| mid.parse::<u8>().is_ok()), "{value:x?}"),
            LEVEL => assert_eq!(length, 1),
            _ => {}
        }
    }
}
