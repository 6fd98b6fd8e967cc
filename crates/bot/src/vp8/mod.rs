//! VP8, as far as a sender of flat pictures and a receiver that counts need it: [`picture`] makes frames, [`Descriptor`] is what stands
//! before each packet's part of one (RFC 7741).

mod boolean;
pub mod picture;
mod tables;

pub use picture::{Colour, Size};

/// Bytes of the descriptor that is written.
pub const DESCRIPTOR: usize = 6;

/// What a packet says of the frame that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The frame begins in this packet.
    pub begins: bool,
    /// The frame is a whole picture; known of the packet in which it begins.
    pub is_key: bool,
    /// Counts pictures, in 15 bits (or 7).
    pub picture: Option<u16>,
    /// `picture` has 7 bits.
    pub is_short: bool,
    /// Counts those of the base layer.
    pub base: Option<u8>,
}

impl Descriptor {
    /// Writes it, with the fields that browsers send: a picture id of 15 bits, the base layer's count, temporal layer 0.
    pub fn write(begins: bool, picture: u16, base: u8, out: &mut Vec<u8>) {
        let [high, low] = (picture & 0x7FFF).to_be_bytes();
        out.extend([0x80 | u8::from(begins) << 4, 0xE0, 0x80 | high, low, base, 0]);
    }

    /// Reads the descriptor of a packet, and of the frame's header as much as says whether it is whole. `None`: it is cut off.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut bytes = payload.iter().copied();
        let first = bytes.next()?;
        let begins = first & 0x10 != 0 && first & 0x07 == 0;
        let (mut picture, mut base, mut is_short) = (None, None, false);
        if first & 0x80 != 0 {
            let fields = bytes.next()?;
            if fields & 0x80 != 0 {
                let high = bytes.next()?;
                is_short = high & 0x80 == 0;
                picture = Some(if is_short { high.into() } else { u16::from_be_bytes([high & 0x7F, bytes.next()?]) });
            }
            if fields & 0x40 != 0 {
                base = Some(bytes.next()?);
            }
            if fields & 0x30 != 0 {
                bytes.next()?;
            }
        }
        let is_key = begins && bytes.next()? & 1 == 0;
        Some(Self { begins, is_key, picture, is_short, base })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut payload = Vec::new();
        Descriptor::write(true, 0x7ABC, 7, &mut payload);
        assert_eq!(payload.len(), DESCRIPTOR);
        payload.extend(picture::key(Size { width: 320, height: 180 }, Colour::of(1)));
        let read = Descriptor::read(&payload).expect("a descriptor");
        assert_eq!(read, Descriptor { begins: true, is_key: true, picture: Some(0x7ABC), is_short: false, base: Some(7) });
        let mut payload = Vec::new();
        Descriptor::write(false, 3, 255, &mut payload);
        assert_eq!(Descriptor::read(&payload).map(|read| (read.begins, read.is_key, read.base)), Some((false, false, Some(255))));
    }

    #[test]
    fn other_senders_descriptors_are_read_and_cut_ones_are_none() {
        assert_eq!(Descriptor::read(&[0x10, 0x01]).map(|read| (read.begins, read.is_key, read.picture)), Some((true, false, None)));
        assert_eq!(Descriptor::read(&[0x90, 0x80, 0x05, 0x00]).map(|read| (read.is_short, read.picture)), Some((true, Some(5))));
        assert_eq!(Descriptor::read(&[0x12, 0x00]).map(|read| read.begins), Some(false), "a later partition begins no frame");
        for cut in [&[][..], &[0x10], &[0x90], &[0x90, 0x80], &[0x90, 0x80, 0x85], &[0x80, 0x40], &[0x80, 0x20]] {
            assert_eq!(Descriptor::read(cut), None, "{cut:x?}");
        }
    }

    #[test]
    fn deltas_are_small_and_made_once() {
        let size = Size { width: 1280, height: 720 };
        let [first, next] = [picture::delta(size, 0), picture::delta(size, 80)];
        assert!(first.len() < 400 && next.len() < 400, "{} {}", first.len(), next.len());
        assert_ne!(first, next, "the first enters, the others move on");
        assert!(std::sync::Arc::ptr_eq(&next, &picture::delta(size, 160)));
        assert!(picture::key(size, Colour::of(0)).len() < 2_500);
    }
}
