//! Opus packets (RFC 6716): a steady tone or silence, in packets of any size. What is behind the frame is padding (section 3.2.5), which
//! decoders pass over.

/// Samples of one packet: 20 ms.
pub const SAMPLES: u32 = 960;
/// One frame with its length left to the packet's, padded; CELT, the full band, 20 ms, one channel.
const HEAD: [u8; 2] = [0xFB, 0x41];
/// What an encoder makes of nothing.
const SILENCE: [u8; 2] = [0xFF, 0xFE];
/// What it makes of a tone of 400 Hz, eight periods of which are in each packet: after a while the frames come round, and differ little.
const TONE: [[u8; 36]; 2] = [
    [
        173, 165, 166, 196, 8, 48, 157, 199, 99, 95, 34, 12, 84, 246, 202, 188, 202, 145, 104, 128, 86, 218, 125, 27, 171, 214, 224, 151, 121, 175,
        75, 74, 49, 237, 221, 127,
    ],
    [
        173, 168, 222, 51, 85, 120, 29, 216, 21, 78, 109, 243, 54, 117, 121, 15, 92, 74, 247, 36, 30, 250, 125, 27, 171, 214, 224, 151, 121, 175, 75,
        74, 49, 237, 221, 127,
    ],
];
/// Which of them, and how each ends.
const ROUND: [(usize, [u8; 3]); 12] = [
    (0, [158, 77, 185]),
    (1, [143, 205, 185]),
    (1, [141, 173, 185]),
    (0, [158, 77, 185]),
    (1, [143, 205, 185]),
    (1, [141, 205, 185]),
    (0, [158, 45, 185]),
    (1, [143, 205, 185]),
    (1, [141, 205, 185]),
    (0, [158, 77, 185]),
    (1, [143, 173, 185]),
    (1, [141, 205, 185]),
];

/// The `number`th packet, of `bytes` bytes or as few as it needs, with a `tail` of at most 200 bytes behind what is heard.
#[must_use]
pub fn packet(number: u32, is_tone: bool, bytes: usize, tail: &[u8]) -> Vec<u8> {
    let (start, end) = match ROUND.get(number as usize % ROUND.len()).filter(|_| is_tone) {
        Some((which, end)) => (TONE.get(*which).map_or(&[][..], |start| &start[..]), &end[..]),
        None => (&SILENCE[..], &[][..]),
    };
    let least = HEAD.len() + 1 + start.len() + end.len();
    // One byte says up to 254 of it.
    let padding = bytes.saturating_sub(least).clamp(tail.len(), 254);
    let mut packet = Vec::with_capacity(least + padding);
    packet.extend(HEAD);
    packet.push(u8::try_from(padding).unwrap_or(254));
    packet.extend_from_slice(start);
    packet.extend_from_slice(end);
    packet.resize(least + padding - tail.len(), 0);
    packet.extend_from_slice(tail);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_the_size_that_is_asked_for_and_ends_with_its_tail() {
        let packet = packet(3, true, 80, b"the tail");
        assert_eq!(packet.len(), 80);
        assert!(packet.ends_with(b"the tail"));
        assert_eq!(usize::from(packet[2]), 80 - 3 - 39, "all behind the frame is padding");
        assert_eq!(super::packet(0, false, 0, b"tail"), [0xFB, 0x41, 4, 0xFF, 0xFE, b't', b'a', b'i', b'l']);
        assert_eq!(super::packet(0, false, 10_000, &[]).len(), 5 + 254);
    }
}
