//! An input, read from its beginning. Every string of bytes is a program: one that ends in the middle of a step ends before it. The
//! meaning of a byte never changes, or else the corpora would lose their own.

/// What has not been read yet.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn one(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn two(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.one()?, self.one()?]))
    }

    /// As many as are said, or as there are.
    pub fn many(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.two()? % 2_048).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }

    /// As many as one byte says, or as there are.
    pub fn few(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.one()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }
}
