//! The payload descriptor of VP8 (RFC 7741, 4.2): where a frame begins, whether it is a whole picture, and the numbers that a decoder
//! follows. Reads, and says where a number would have to be written; never changes a payload.

/// What the descriptor says of the frame that a packet is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// The packet is the first of its frame.
    pub begins_frame: bool,
    /// The frame is a whole picture, known in the first packet of it only.
    pub keyframe: bool,
    /// Lines of a whole picture, known where `keyframe` is.
    pub height: Option<u16>,
    /// Its number, of which there may be seven or fifteen bits.
    pub picture: Option<PictureId>,
    /// `TL0PICIDX`: counts the frames of the lowest temporal layer.
    pub base_layer_index: Option<u8>,
    /// The temporal layer, 0 being the one that all others need.
    pub temporal_layer: Option<u8>,
    /// The frame needs nothing but the lowest temporal layer: a decoder that had only that can go on with this one.
    pub layer_sync: bool,
    /// Bytes of the descriptor.
    pub length: usize,
}

/// A frame's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// The number.
    pub number: u16,
    /// It is written with fifteen bits and not with seven.
    pub is_long: bool,
}

impl PictureId {
    /// How many numbers there are before it begins again.
    #[must_use]
    pub fn period(self) -> u16 {
        if self.is_long { 1 << 15 } else { 1 << 7 }
    }
}

impl Descriptor {
    /// Reads the start of a payload. `None`: it is too short to be VP8, as is that of a packet of padding.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let mut rest = Reader { payload, at: 0 };
        let first = rest.byte()?;
        let begins_frame = first & 0x10 != 0 && first & 0x07 == 0;
        let mut descriptor = Self { begins_frame, ..Self::default() };
        if first & 0x80 != 0 {
            let extension = rest.byte()?;
            if extension & 0x80 != 0 {
                descriptor.picture = Some(rest.picture_id()?);
            }
            if extension & 0x40 != 0 {
                descriptor.base_layer_index = Some(rest.byte()?);
            }
            if extension & 0x30 != 0 {
                let byte = rest.byte()?;
                descriptor.temporal_layer = (extension & 0x20 != 0).then_some(byte >> 6);
                descriptor.layer_sync = extension & 0x20 != 0 && byte & 0x20 != 0;
            }
        }
        descriptor.length = rest.at;
        // RFC 6386, 9.1: the lowest bit of a frame is 0 for a whole picture.
        let frame = rest.byte()?;
        descriptor.keyframe = begins_frame && frame & 0x01 == 0;
        descriptor.height = if descriptor.keyframe { rest.height() } else { None };
        Some(descriptor)
    }
}

struct Reader<'a> {
    payload: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.payload.get(self.at).copied();
        self.at += 1;
        byte
    }

    /// After the first of a whole picture's three bytes: two more, the start code, the width and the height (RFC 6386, 9.1).
    fn height(&mut self) -> Option<u16> {
        let [_, _, 0x9D, 0x01, 0x2A, _, _, low, high] = self.payload.get(self.at..self.at + 9)? else { return None };
        Some(u16::from_le_bytes([*low, *high]) & 0x3FFF)
    }

    fn picture_id(&mut self) -> Option<PictureId> {
        let first = self.byte()?;
        let low = u16::from(first & 0x7F);
        if first & 0x80 == 0 {
            return Some(PictureId { number: low, is_long: false });
        }
        Some(PictureId { number: low << 8 | u16::from(self.byte()?), is_long: true })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_whole_picture_with_all_numbers() {
        let payload = [0x90, 0xE0, 0x92, 0x34, 0x07, 0x40, 0x10, 0x02, 0x00];
        let descriptor = Descriptor::read(&payload).unwrap();
        assert_eq!(descriptor.picture, Some(PictureId { number: 0x1234, is_long: true }));
        assert_eq!((descriptor.base_layer_index, descriptor.temporal_layer, descriptor.length), (Some(7), Some(1), 6));
        assert!(descriptor.begins_frame && descriptor.keyframe);
    }

    #[test]
    fn the_height_of_a_whole_picture() {
        let picture = [0x10, 0x50, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x00, 0x05, 0xD0, 0x42, 0x00];
        assert_eq!(Descriptor::read(&picture).unwrap().height, Some(720), "without the two bits of scale");
        assert_eq!(Descriptor::read(&picture[..9]).unwrap().height, None);
        let mut other = picture;
        other[4] = 0;
        assert_eq!(Descriptor::read(&other).unwrap().height, None);
    }

    #[test]
    fn a_frame_that_builds_on_others() {
        let descriptor = Descriptor::read(&[0x90, 0x80, 0x05, 0x11]).unwrap();
        assert_eq!(descriptor.picture, Some(PictureId { number: 5, is_long: false }));
        assert!(descriptor.begins_frame && !descriptor.keyframe);
    }

    #[test]
    fn only_the_first_packet_of_a_frame_tells() {
        for first in [0x80, 0x91, 0x00, 0x11] {
            let descriptor = Descriptor::read(&[first, 0x00, 0x00, 0x00]).unwrap();
            assert!(!descriptor.begins_frame && !descriptor.keyframe, "{first:#x}");
        }
        assert!(Descriptor::read(&[0x10, 0x00]).unwrap().keyframe, "the short form");
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let payload = [0x90, 0xE0, 0x92, 0x34, 0x07, 0x40, 0x10];
        for length in 0..payload.len() {
            assert_eq!(Descriptor::read(&payload[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..16)) {
            if let Some(descriptor) = Descriptor::read(&payload) {
                prop_assert!(descriptor.length < payload.len());
                prop_assert!(descriptor.picture.is_none_or(|picture| picture.number < picture.period()));
            }
        }
    }
}
