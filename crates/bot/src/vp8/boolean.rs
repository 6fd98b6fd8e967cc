//! The boolean entropy encoder of VP8 (RFC 6386, section 7).

/// Writes bits, each with the probability (of 256) that it is 0.
#[derive(Debug)]
pub(super) struct Writer {
    out: Vec<u8>,
    range: u32,
    bottom: u32,
    /// Shifts until the next byte is complete.
    shifts: u32,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { out: Vec::new(), range: 255, bottom: 0, shifts: 24 }
    }

    pub(super) fn bit(&mut self, probability: u8, bit: bool) {
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        if bit {
            self.bottom = self.bottom.wrapping_add(split);
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.shift();
        }
    }

    /// The lowest `count` bits of a number, the highest of them first, each as likely as not.
    pub(super) fn literal(&mut self, count: u32, value: u32) {
        (0..count).rev().for_each(|at| self.bit(128, value >> at & 1 == 1));
    }

    pub(super) fn flag(&mut self, bit: bool) {
        self.bit(128, bit);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.literal(32, 0);
        self.out
    }

    fn shift(&mut self) {
        self.range <<= 1;
        if self.bottom & 1 << 31 != 0 {
            self.carry();
        }
        self.bottom <<= 1;
        self.shifts -= 1;
        if self.shifts == 0 {
            self.out.push(u8::try_from(self.bottom >> 24).unwrap_or(u8::MAX));
            self.bottom &= 0x00FF_FFFF;
            self.shifts = 8;
        }
    }

    fn carry(&mut self) {
        for byte in self.out.iter_mut().rev() {
            let (sum, overflows) = byte.overflowing_add(1);
            *byte = sum;
            if !overflows {
                return;
            }
        }
    }
}
