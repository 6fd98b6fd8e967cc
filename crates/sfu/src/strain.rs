//! What is left out while the thread has too much to do: pictures before sound, and those who listen before who speaks.

use crate::budget::Rank;

/// What is left out while the thread has too much to do. Sound never is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strain {
    /// Nothing.
    #[default]
    None,
    /// Pictures larger than the middle size.
    Large,
    /// Pictures larger than the smallest size, screens aside.
    Middle,
    /// All pictures but those of screens, and of who speaks or is pinned, in their smallest size.
    Most,
    /// All pictures.
    Pictures,
}

impl Strain {
    /// How many of a picture's layers may be sent, of so many, the smallest first.
    #[must_use]
    pub fn layers(self, rank: Rank, count: usize) -> usize {
        let small = count.min(1);
        match (self, rank) {
            (Self::Pictures, _) => 0,
            (Self::None, _) | (_, Rank::Screen) => count,
            (Self::Large, _) => count.min(2),
            (Self::Middle, _) | (Self::Most, Rank::Foremost) => small,
            (Self::Most, Rank::Visible) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_go_one_step_after_the_other() {
        let steps = |rank| [Strain::None, Strain::Large, Strain::Middle, Strain::Most, Strain::Pictures].map(|strain| strain.layers(rank, 3));
        assert_eq!(steps(Rank::Visible), [3, 2, 1, 0, 0]);
        assert_eq!(steps(Rank::Foremost), [3, 2, 1, 1, 0]);
        assert_eq!(steps(Rank::Screen), [3, 3, 3, 3, 0]);
        assert_eq!(Strain::Middle.layers(Rank::Visible, 0), 0);
    }
}
