//! Constants of the format (RFC 6386), as far as flat pictures need them.

/// The chance that a token's probability stays as it is (13.4), where it is not 255: block type, band and context, then the first of
/// the eleven.
const UPDATES: &[(u8, u8, u8, &[u8])] = &[
    (0, 1, 0, &[176, 246]),
    (0, 1, 1, &[223, 241, 252]),
    (0, 1, 2, &[249, 253, 253]),
    (0, 2, 0, &[255, 244, 252]),
    (0, 2, 1, &[234, 254, 254]),
    (0, 2, 2, &[253]),
    (0, 3, 0, &[255, 246, 254]),
    (0, 3, 1, &[239, 253, 254]),
    (0, 3, 2, &[254, 255, 254]),
    (0, 4, 0, &[255, 248, 254]),
    (0, 4, 1, &[251, 255, 254]),
    (0, 5, 0, &[255, 253, 254]),
    (0, 5, 1, &[251, 254, 254]),
    (0, 5, 2, &[254, 255, 254]),
    (0, 6, 0, &[255, 254, 253, 255, 254]),
    (0, 6, 1, &[250, 255, 254, 255, 254]),
    (0, 6, 2, &[254]),
    (1, 0, 0, &[217]),
    (1, 0, 1, &[225, 252, 241, 253, 255, 255, 254]),
    (1, 0, 2, &[234, 250, 241, 250, 253, 255, 253, 254]),
    (1, 1, 0, &[255, 254]),
    (1, 1, 1, &[223, 254, 254]),
    (1, 1, 2, &[238, 253, 254, 254]),
    (1, 2, 0, &[255, 248, 254]),
    (1, 2, 1, &[249, 254]),
    (1, 3, 0, &[255, 253]),
    (1, 3, 1, &[247, 254]),
    (1, 4, 0, &[255, 253, 254]),
    (1, 4, 1, &[252]),
    (1, 5, 0, &[255, 254, 254]),
    (1, 5, 1, &[253]),
    (1, 6, 0, &[255, 254, 253]),
    (1, 6, 1, &[250]),
    (1, 6, 2, &[254]),
    (2, 0, 0, &[186, 251, 250]),
    (2, 0, 1, &[234, 251, 244, 254]),
    (2, 0, 2, &[251, 251, 243, 253, 254, 255, 254]),
    (2, 1, 0, &[255, 253, 254]),
    (2, 1, 1, &[236, 253, 254]),
    (2, 1, 2, &[251, 253, 253, 254, 254]),
    (2, 2, 0, &[255, 254, 254]),
    (2, 2, 1, &[254, 254, 254]),
    (2, 3, 0, &[255, 254]),
    (2, 3, 1, &[254, 254]),
    (2, 3, 2, &[254]),
    (2, 4, 1, &[254]),
    (3, 0, 0, &[248]),
    (3, 0, 1, &[250, 254, 252, 254]),
    (3, 0, 2, &[248, 254, 249, 253]),
    (3, 1, 0, &[255, 253, 253]),
    (3, 1, 1, &[246, 253, 253]),
    (3, 1, 2, &[252, 254, 251, 254, 254]),
    (3, 2, 0, &[255, 254, 252]),
    (3, 2, 1, &[248, 254, 253]),
    (3, 2, 2, &[253, 255, 254, 254]),
    (3, 3, 0, &[255, 251, 254]),
    (3, 3, 1, &[245, 251, 254]),
    (3, 3, 2, &[253, 253, 254]),
    (3, 4, 0, &[255, 251, 253]),
    (3, 4, 1, &[252, 253, 254]),
    (3, 4, 2, &[255, 254]),
    (3, 5, 0, &[255, 252]),
    (3, 5, 1, &[249, 255, 254]),
    (3, 5, 2, &[255, 255, 254]),
    (3, 6, 0, &[255, 255, 253]),
    (3, 6, 1, &[250]),
    (3, 7, 1, &[254]),
];

/// The chances of all 4 x 8 x 3 x 11, in the order in which a frame's header has them.
pub(super) fn updates() -> impl Iterator<Item = u8> {
    let mut rows = UPDATES.iter().peekable();
    let places = (0..4).flat_map(|kind| (0..8).flat_map(move |band| (0..3).map(move |context| (kind, band, context))));
    places.flat_map(move |place| {
        let row = rows.next_if(|(kind, band, context, _)| (*kind, *band, *context) == place).map_or(&[][..], |(_, _, _, row)| row);
        (0..11).map(|at| row.get(at).copied().unwrap_or(255))
    })
}

/// Which kind of block coefficients are of (13.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Brightness, of which the first coefficient is in `Y2`.
    Y,
    /// The first coefficients of the sixteen blocks of brightness.
    Y2,
    /// Colour.
    Chroma,
}

/// The default probabilities (13.5) of a block's first token, by how many of its neighbours (above, left) have any.
pub(super) fn first(block: Block, context: usize) -> [u8; 11] {
    match (block, context) {
        // Begins at the second coefficient; its neighbours have none either.
        (Block::Y, _) => [253, 136, 254, 255, 228, 219, 128, 128, 128, 128, 128],
        (Block::Y2, 0) => [198, 35, 237, 223, 193, 187, 162, 160, 145, 155, 62],
        (Block::Y2, 1) => [131, 45, 198, 221, 172, 176, 220, 157, 252, 221, 1],
        (Block::Y2, _) => [68, 47, 146, 208, 149, 167, 221, 162, 255, 223, 128],
        (Block::Chroma, 0) => [253, 9, 248, 251, 207, 208, 255, 192, 128, 128, 128],
        (Block::Chroma, 1) => [175, 13, 224, 243, 193, 185, 249, 198, 255, 255, 128],
        (Block::Chroma, _) => [73, 17, 171, 221, 161, 179, 236, 167, 255, 234, 128],
    }
}

/// The same of the chance that no other follows the first, which is 1 or more than 1.
pub(super) fn end(block: Block, is_one: bool) -> u8 {
    match (block, is_one) {
        (Block::Y, true) => 189,
        (Block::Y, false) => 106,
        (Block::Y2, true) => 184,
        (Block::Y2, false) => 81,
        (Block::Chroma, true) => 239,
        (Block::Chroma, false) => 155,
    }
}

/// Large values (14.2): the least of each category, and the chances of the bits of what is above it.
pub(super) const CATEGORIES: [(u32, &[u8]); 6] = [
    (5, &[159]),
    (7, &[165, 145]),
    (11, &[173, 148, 140]),
    (19, &[176, 155, 140, 135]),
    (35, &[180, 157, 141, 134, 130]),
    (67, &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129]),
];

/// How likely "as in the frame before" is (17.2), by what its neighbours in that frame weigh: 2 above, 2 left, 1 between them.
pub(super) const UNMOVED: [u8; 6] = [7, 14, 135, 60, 159, 234];

/// The chances that the probabilities of motion stay as they are (17.2), of rows and columns.
pub(super) const MOTION_UPDATES: [[u8; 19]; 2] = [
    [237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254, 254],
    [231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254, 254],
];
