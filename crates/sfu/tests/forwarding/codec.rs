//! Synthetic media: VP8 packets with true descriptors and headers, and in each payload who sent it and when.

use std::time::Duration;

pub(crate) const FRAME: Duration = Duration::from_millis(33);
const PACKET: usize = 1_000;
const HEAD: usize = 16;
const FILL: u8 = 0xAA;
/// What a screen's stamps say where those of a camera say the layer.
pub(crate) const SCREEN: u8 = 9;

/// What a payload says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sender: u64,
    /// Of a camera; [`SCREEN`] of a screen.
    pub(crate) layer: u8,
    pub(crate) frame: u32,
    /// Its number on the way to the server.
    pub(crate) packet: u32,
    /// Milliseconds of the virtual clock.
    pub(crate) sent: u64,
}

impl Stamp {
    pub(crate) fn write(self, payload: &mut Vec<u8>) {
        payload.extend(self.sender.to_be_bytes());
        payload.push(self.layer);
        payload.extend(self.frame.to_be_bytes());
        payload.extend(self.packet.to_be_bytes());
        payload.extend(self.sent.to_be_bytes());
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            sender: u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?),
            layer: *bytes.get(8)?,
            frame: u32::from_be_bytes(bytes.get(9..13)?.try_into().ok()?),
            packet: u32::from_be_bytes(bytes.get(13..17)?.try_into().ok()?),
            sent: u64::from_be_bytes(bytes.get(17..25)?.try_into().ok()?),
        })
    }

    pub(crate) fn of_picture(payload: &[u8]) -> Option<Self> {
        let rest = payload.get(HEAD + 25..)?;
        // The rest is as it was sent.
        Self::read(payload.get(HEAD..)?).filter(|_| rest.iter().all(|byte| *byte == FILL))
    }
}

/// The temporal layer of the n-th frame after a whole picture, and whether it needs the lowest alone.
pub(crate) fn temporal(position: usize) -> (u8, bool) {
    [(0, false), (2, true), (1, true), (2, false)][position % 4]
}

/// One simulcast layer's encoder.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) layer: u8,
    pub(crate) bitrate: usize,
    pub(crate) height: u16,
    pub(crate) is_on: bool,
    /// With temporal layers, as browsers make three of them.
    pub(crate) has_temporal: bool,
    /// Frames since the last whole picture.
    position: usize,
    pub(crate) needs_keyframe: bool,
    pub(crate) keyframes: usize,
    picture: u16,
    base: u8,
    frame: u32,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// The number of the first packet, and the temporal layer of each from there on.
    first: u64,
    temporal: Vec<u8>,
}

impl Encoder {
    /// With numbers that begin anywhere, as those of browsers do.
    pub(crate) fn new(layer: u8, bitrate: usize, height: u16, seed: u32) -> Self {
        Self {
            layer,
            bitrate,
            height,
            is_on: true,
            has_temporal: false,
            position: 0,
            needs_keyframe: true,
            keyframes: 0,
            picture: u16::try_from(seed % 32_768).unwrap(),
            base: u8::try_from(seed % 256).unwrap(),
            frame: 0,
            sequence: u64::from(65_000 + seed % 536),
            timestamp: u32::MAX - seed % 100_000,
            first: u64::from(65_000 + seed % 536),
            temporal: Vec::new(),
        }
    }

    /// The payloads of the next frame.
    pub(crate) fn frame(&mut self, sender: u64, sent: u64) -> Vec<Vec<u8>> {
        let is_keyframe = std::mem::take(&mut self.needs_keyframe);
        self.position = if is_keyframe { 0 } else { self.position + 1 };
        self.base = self.base.wrapping_add(u8::from(!self.has_temporal || temporal(self.position).0 == 0));
        self.keyframes += usize::from(is_keyframe);
        let bytes = self.bitrate / 8 / 30 * if is_keyframe { 4 } else { 1 };
        let packets = bytes.div_ceil(PACKET).max(1);
        let first = u32::try_from(self.sequence).unwrap();
        let stamp = |packet| Stamp { sender, layer: self.layer, frame: self.frame, packet, sent };
        let payloads = (first..).take(packets).map(|packet| self.packet(packet == first, is_keyframe, stamp(packet), bytes / packets)).collect();
        self.temporal.resize(self.temporal.len() + packets, if self.has_temporal { temporal(self.position).0 } else { 0 });
        self.picture = (self.picture + 1) % 32_768;
        self.frame += 1;
        payloads
    }

    /// The temporal layer of a packet.
    #[allow(dead_code, reason = "the simulation asks for it")]
    pub(crate) fn temporal_of(&self, packet: u32) -> Option<u8> {
        let index = u64::from(packet).checked_sub(self.first)?;
        self.temporal.get(usize::try_from(index).unwrap()).copied()
    }

    fn packet(&self, is_first: bool, is_keyframe: bool, stamp: Stamp, bytes: usize) -> Vec<u8> {
        let [high, low] = self.picture.to_be_bytes();
        let (layer, is_sync) = if self.has_temporal { temporal(self.position) } else { (0, false) };
        let mut payload = vec![if is_first { 0x90 } else { 0x80 }, 0xE0, 0x80 | high, low, self.base, layer << 6 | u8::from(is_sync) << 5];
        let [height_low, height_high] = self.height.to_le_bytes();
        match (is_first, is_keyframe) {
            (true, true) => payload.extend([0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x00, 0x05, height_low, height_high]),
            (true, false) => payload.extend([0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (false, _) => payload.extend([0xFF; 10]),
        }
        stamp.write(&mut payload);
        payload.resize(payload.len().max(bytes), FILL);
        payload
    }
}
