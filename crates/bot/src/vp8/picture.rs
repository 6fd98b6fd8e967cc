//! Frames of one colour, in which a small square moves along the lower edge: what any decoder of VP8 shows, and next to nothing to make.
//!
//! A whole picture says the colour in its first block (16 x 16 pixels); each other block is like its neighbour. The frames after it say "as
//! before" for each block but the one that the square leaves and the one that it enters.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::boolean::Writer;
use super::tables::{self, Block};

/// How much brighter the square is.
const GLOW: i32 = 40;
/// The chance that a block has coefficients: all but one or two have none.
const SKIPPED: u8 = 1;
/// Bytes before the first part of a whole picture.
const HEAD: usize = 10;

/// A colour as the format has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Brightness, 16 to 235.
    pub y: u8,
    /// Blueness, 16 to 240.
    pub u: u8,
    /// Redness, 16 to 240.
    pub v: u8,
}

impl Colour {
    /// From red, green and blue (ITU-R BT.601, studio range).
    #[must_use]
    pub fn from_rgb([r, g, b]: [u8; 3]) -> Self {
        let [r, g, b] = [r, g, b].map(f64::from);
        let byte = |value: f64| value.round().clamp(0.0, 255.0) as u8;
        Self {
            y: byte(16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0),
            u: byte(128.0 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255.0),
            v: byte(128.0 + (112.0 * r - 93.786 * g - 18.214 * b) / 255.0),
        }
    }

    /// The `index`th of colours that are told apart well, each as bright as the others.
    #[must_use]
    pub fn of(index: usize) -> Self {
        // The golden angle: neighbours are far from each other however many there are.
        let hue = (index as f64 * 137.508) % 360.0;
        let channel = |shift: f64| {
            let at = (hue / 60.0 + shift) % 6.0;
            (90.0 + 120.0 * (2.0 - (at - 3.0).abs()).clamp(0.0, 1.0)) as u8
        };
        Self::from_rgb([channel(3.0), channel(1.0), channel(5.0)])
    }
}

/// The size of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Multiples of 16 or not.
    pub width: u16,
    /// Multiples of 16 or not.
    pub height: u16,
}

impl Size {
    fn blocks(self) -> (usize, usize) {
        (usize::from(self.width).div_ceil(16), usize::from(self.height).div_ceil(16))
    }

    /// How many steps the square takes until it is where it began.
    #[must_use]
    pub fn steps(self) -> usize {
        self.blocks().0
    }
}

/// A whole picture, without the square.
#[must_use]
pub fn key(size: Size, colour: Colour) -> Vec<u8> {
    let mut first = Writer::new();
    // Colours and clamping as usual.
    first.literal(2, 0);
    begin(&mut first);
    // What is learned is not kept: each frame begins from the defaults.
    first.flag(false);
    tables::updates().for_each(|chance| first.bit(chance, false));
    first.flag(true);
    first.literal(8, SKIPPED.into());
    let (columns, rows) = size.blocks();
    for block in 0..columns * rows {
        first.bit(SKIPPED, block > 0);
        // "As the average of the neighbours", for brightness and for colour.
        [(145, true), (156, false), (163, false), (142, false)].into_iter().for_each(|(chance, bit)| first.bit(chance, bit));
    }
    let mut second = Writer::new();
    let above_middle = |value: u8| i32::from(value) - 128;
    coefficient(&mut second, Block::Y2, 0, 8 * above_middle(colour.y));
    (0..16).for_each(|_| coefficient(&mut second, Block::Y, 0, 0));
    for value in [above_middle(colour.u), above_middle(colour.v)] {
        let neighbours = usize::from(value != 0);
        [0, neighbours, neighbours, 2 * neighbours].into_iter().for_each(|context| coefficient(&mut second, Block::Chroma, context, 2 * value));
    }
    let [[width_low, width_high], [height_low, height_high]] = [size.width.to_le_bytes(), size.height.to_le_bytes()];
    assemble(false, &[0x9D, 0x01, 0x2A, width_low, width_high, height_low, height_high], &first.finish(), &second.finish())
}

/// The frame in which the square takes its `step`th step after a whole picture: the first enters at the left.
#[must_use]
pub fn delta(size: Size, step: usize) -> Arc<[u8]> {
    /// By size, column and whether the square was anywhere before: they are the same for each colour.
    type Made = Mutex<HashMap<(Size, usize, bool), Arc<[u8]>>>;
    static MADE: LazyLock<Made> = LazyLock::new(Mutex::default);
    let (column, is_first) = (step % size.steps(), step == 0);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry((size, column, is_first)).or_insert_with(|| make_delta(size, column, is_first).into()).clone()
}

fn make_delta(size: Size, column: usize, is_first: bool) -> Vec<u8> {
    let (columns, rows) = size.blocks();
    let mut first = Writer::new();
    begin(&mut first);
    // Nothing becomes the golden or the alternative picture, and their signs stay.
    first.literal(8, 0);
    // What is learned is not kept; this is the picture that the next one builds on.
    first.literal(2, 1);
    tables::updates().for_each(|chance| first.bit(chance, false));
    first.flag(true);
    first.literal(8, SKIPPED.into());
    // Hardly any block is new in itself, and each is as in the picture before.
    first.literal(8, 1);
    first.literal(8, 255);
    first.literal(8, 128);
    first.literal(2, 0);
    tables::MOTION_UPDATES.iter().flatten().for_each(|chance| first.bit(*chance, false));
    let left = (!is_first).then(|| (column + columns - 1) % columns);
    let change = |row: usize, at: usize| match row + 1 == rows {
        true if at == column && left != Some(column) => GLOW,
        true if Some(at) == left && at != column => -GLOW,
        _ => 0,
    };
    let mut second = Writer::new();
    for row in 0..rows {
        let mut before = 0;
        for at in 0..columns {
            let change = change(row, at);
            first.bit(SKIPPED, change == 0);
            first.bit(1, true);
            first.bit(255, false);
            let weight = 2 * usize::from(row > 0) + 2 * usize::from(at > 0) + usize::from(row > 0 && at > 0);
            first.bit(tables::UNMOVED.get(weight).copied().unwrap_or(128), false);
            if change != 0 {
                coefficient(&mut second, Block::Y2, before, 8 * change);
                (0..16).for_each(|_| coefficient(&mut second, Block::Y, 0, 0));
                (0..8).for_each(|_| coefficient(&mut second, Block::Chroma, 0, 0));
            }
            before = usize::from(change != 0);
        }
    }
    assemble(true, &[], &first.finish(), &second.finish())
}

/// What the headers of all frames have: no segments, no filter, one part of coefficients, the finest steps.
fn begin(first: &mut Writer) {
    first.flag(false);
    first.literal(1 + 6 + 3, 0);
    first.flag(false);
    first.literal(2, 0);
    first.literal(7 + 5, 0);
}

/// A block that has one coefficient, the first (or none, if it is 0), and the end of it.
fn coefficient(out: &mut Writer, block: Block, context: usize, value: i32) {
    let chances = tables::first(block, context);
    let mut bit = |at: usize, bit: bool| out.bit(chances.get(at).copied().unwrap_or(128), bit);
    if value == 0 {
        bit(0, false);
        return;
    }
    let size = value.unsigned_abs();
    let category = tables::CATEGORIES.iter().rposition(|(least, _)| size >= *least);
    [(0, true), (1, true), (2, size > 1)].into_iter().for_each(|(at, is)| bit(at, is));
    match (size, category) {
        (1, _) => {}
        (2, _) => [(3, false), (4, false)].into_iter().for_each(|(at, is)| bit(at, is)),
        (_, None) => [(3, false), (4, true), (5, size == 4)].into_iter().for_each(|(at, is)| bit(at, is)),
        (_, Some(small @ 0..=1)) => [(3, true), (6, false), (7, small == 1)].into_iter().for_each(|(at, is)| bit(at, is)),
        (_, Some(middle @ 2..=3)) => [(3, true), (6, true), (8, false), (9, middle == 3)].into_iter().for_each(|(at, is)| bit(at, is)),
        (_, Some(large)) => [(3, true), (6, true), (8, true), (10, large == 5)].into_iter().for_each(|(at, is)| bit(at, is)),
    }
    if let Some((least, chances)) = category.and_then(|category| tables::CATEGORIES.get(category)) {
        let above = size - least;
        for (at, chance) in (0..chances.len()).rev().zip(*chances) {
            out.bit(*chance, above >> at & 1 == 1);
        }
    }
    out.flag(value < 0);
    out.bit(tables::end(block, size == 1), false);
}

fn assemble(is_delta: bool, start: &[u8], first: &[u8], second: &[u8]) -> Vec<u8> {
    // Shown, of version 0; the length of the first part is above them.
    let tag = u32::from(is_delta) | 1 << 4 | u32::try_from(first.len()).unwrap_or(0) << 5;
    let mut frame = Vec::with_capacity(HEAD + first.len() + second.len());
    frame.extend(tag.to_le_bytes().into_iter().take(3));
    [start, first, second].into_iter().for_each(|part| frame.extend_from_slice(part));
    frame
}
