//! What a viewer's line can carry, divided among what the viewer looks at: sound first, then the screen, then who is pinned or speaks,
//! then the others by the size of their tiles. Everybody has a small picture before anybody has a large one.
//!
//! Down at once, up after a second: a line that gets worse shows it by loss, one that gets better can wait.

use std::time::{Duration, Instant};

/// How long a larger picture must have been affordable before it is sent.
const UP_AFTER: Duration = Duration::from_secs(1);
/// And by how much more than it needs (in hundredths), so that the next small change does not take it away again.
const MARGIN: u64 = 108;
/// A tile is shown sharp enough by a layer with this part of its height (in hundredths): the eye sees motion before lines.
const ENOUGH: u32 = 75;

/// Bits in a second.
pub type Bitrate = u64;

/// One of the sizes in which a track can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it takes, as measured.
    pub bitrate: Bitrate,
    /// Lines of the picture.
    pub height: u32,
}

/// What a picture is, in the order in which they are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Somebody's screen: letters are to be read.
    Screen,
    /// Whom the viewer pinned, or who speaks.
    Foremost,
    /// Everybody else in sight.
    Visible,
}

impl Rank {
    /// How many lines are sharp enough for a tile of this height.
    #[must_use]
    pub fn lines(self, height: u32) -> u32 {
        height.saturating_mul(if self == Self::Screen { 100 } else { ENOUGH }) / 100
    }
}

/// A picture that the viewer looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What it is.
    pub rank: Rank,
    /// Lines of the tile on the viewer's screen.
    pub height: u32,
    /// The layers that arrive now, the smallest first.
    pub layers: Vec<Layer>,
}

/// Which layer of each wish is sent; `None`: none can be afforded, or arrives.
pub type Choice = Vec<Option<usize>>;

/// Divides one viewer's line.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    chosen: Choice,
    better_since: Option<Instant>,
}

impl Budget {
    /// Chooses for these wishes (in an order that the caller keeps), when the line carries `estimate` of which sound takes `audio`.
    pub fn choose(&mut self, now: Instant, estimate: Bitrate, audio: Bitrate, wishes: &[Wish]) -> &Choice {
        let left = estimate.saturating_sub(audio);
        let spare = left.saturating_mul(100) / MARGIN;
        let order = order(wishes);
        let held = self.held(wishes);
        if cost(wishes, &held) > left {
            // Down, and in this moment nobody's picture becomes sharper.
            let most: Vec<_> = wishes.iter().zip(&held).map(|(wish, layer)| wish.up_to(layer.unwrap_or(0))).collect();
            self.better_since = None;
            self.chosen = raised(vec![None; wishes.len()], left, &most, &order);
            return &self.chosen;
        }
        let held = begun(held, spare, wishes, &order);
        let better = better(&held, spare, wishes, &order);
        let since = better.is_some().then(|| *self.better_since.get_or_insert(now));
        let is_time = since.is_some_and(|since| now.saturating_duration_since(since) >= UP_AFTER);
        self.better_since = since.filter(|_| !is_time);
        self.chosen = better.filter(|_| is_time).unwrap_or(held);
        &self.chosen
    }

    /// When to choose again although nothing else has changed.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.better_since.map(|since| since + UP_AFTER)
    }

    /// What was chosen before, as far as it still can be and is wanted.
    fn held(&self, wishes: &[Wish]) -> Choice {
        let before = |(index, wish): (usize, &Wish)| {
            let layer = self.chosen.get(index).copied().flatten()?;
            (!wish.layers.is_empty()).then(|| layer.min(wish.enough()))
        };
        wishes.iter().enumerate().map(before).collect()
    }
}

impl Wish {
    /// The smallest layer that is sharp enough for the tile; the largest, if none is.
    pub(crate) fn enough(&self) -> usize {
        let lines = self.rank.lines(self.height);
        let sharp = self.layers.iter().position(|layer| layer.height >= lines);
        sharp.unwrap_or(self.layers.len().saturating_sub(1))
    }

    /// Without the larger layers.
    fn up_to(&self, layer: usize) -> Self {
        Self { layers: self.layers.iter().take(layer + 1).copied().collect(), ..*self }
    }

    pub(crate) fn cost(&self, layer: Option<usize>) -> Bitrate {
        layer.and_then(|layer| self.layers.get(layer)).map_or(0, |layer| layer.bitrate)
    }
}

/// What the line must be known to carry for everything to be sent: the bitrate to probe for.
#[must_use]
pub fn desired(audio: Bitrate, wishes: &[Wish]) -> Bitrate {
    let pictures: Bitrate = wishes.iter().map(|wish| wish.cost(Some(wish.enough()))).sum();
    // Without the margin a line that is known to carry just that would not be tried for more, nor be taken to be enough.
    audio + (pictures * MARGIN).div_ceil(100)
}

/// The wishes in the order in which they are served.
fn order(wishes: &[Wish]) -> Vec<usize> {
    let mut order: Vec<_> = wishes.iter().enumerate().filter(|(_, wish)| !wish.layers.is_empty()).collect();
    order.sort_by_key(|(_, wish)| (wish.rank, u32::MAX - wish.height));
    order.into_iter().map(|(index, _)| index).collect()
}

/// What would be better than `held` and can be paid from `left`, if anything would: a picture of who comes earlier, in the place of who
/// comes later if need be, or sharper ones.
fn better(held: &Choice, left: Bitrate, wishes: &[Wish], order: &[usize]) -> Option<Choice> {
    let is_better = |choice: &Choice| worth(choice, order).gt(worth(held, order));
    let anew = Some(raised(vec![None; wishes.len()], left, wishes, order)).filter(is_better);
    anew.or_else(|| Some(raised(held.clone(), left, wishes, order)).filter(is_better))
}

/// To compare choices by: who is seen at all, in their order, and then how sharply.
fn worth<'a>(choice: &'a Choice, order: &'a [usize]) -> impl Iterator<Item = Option<usize>> + 'a {
    let layers = || order.iter().map(|index| choice.get(*index).copied().flatten());
    layers().map(|layer| layer.map(|_| 0)).chain(layers())
}

/// Adds the smallest layer of those who have nothing, in their order, as far as `left` pays for it.
fn begun(mut choice: Choice, left: Bitrate, wishes: &[Wish], order: &[usize]) -> Choice {
    let mut spent = cost(wishes, &choice);
    for (index, wish) in order.iter().filter_map(|index| Some((*index, wishes.get(*index)?))) {
        let smallest = wish.cost(Some(0));
        if choice.get(index) == Some(&None) && spent + smallest <= left {
            spent += smallest;
            set(&mut choice, index, 0);
        }
    }
    choice
}

/// The most that `left` pays for on top of `choice`: a small picture of each in their order, then each in this order as sharp as its
/// tile asks for.
fn raised(choice: Choice, left: Bitrate, wishes: &[Wish], order: &[usize]) -> Choice {
    let mut choice = begun(choice, left, wishes, order);
    let mut spent = cost(wishes, &choice);
    for (index, wish) in order.iter().filter_map(|index| Some((*index, wishes.get(*index)?))) {
        let Some(now) = choice.get(index).copied().flatten() else { continue };
        let without = spent - wish.cost(Some(now));
        // A layer may cost less than a smaller one, as a still screen does: look at each.
        let best = (now + 1..=wish.enough()).rev().find(|layer| without + wish.cost(Some(*layer)) <= left);
        if let Some(best) = best {
            spent = without + wish.cost(Some(best));
            set(&mut choice, index, best);
        }
    }
    choice
}

fn set(choice: &mut Choice, index: usize, layer: usize) {
    if let Some(place) = choice.get_mut(index) {
        *place = Some(layer);
    }
}

fn cost(wishes: &[Wish], choice: &Choice) -> Bitrate {
    wishes.iter().zip(choice).map(|(wish, layer)| wish.cost(*layer)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIMULCAST: [Layer; 3] =
        [Layer { bitrate: 150_000, height: 180 }, Layer { bitrate: 500_000, height: 360 }, Layer { bitrate: 1_700_000, height: 720 }];

    fn camera(height: u32) -> Wish {
        Wish { rank: Rank::Visible, height, layers: SIMULCAST.to_vec() }
    }

    /// After the line has been so for long enough.
    fn settled(budget: &mut Budget, from: Instant, estimate: Bitrate, wishes: &[Wish]) -> Choice {
        budget.choose(from, estimate, 0, wishes);
        budget.choose(from + UP_AFTER, estimate, 0, wishes).clone()
    }

    #[test]
    fn everybody_small_before_anybody_large() {
        let wishes = [camera(720), camera(720), camera(720)];
        let start = Instant::now();
        assert_eq!(settled(&mut Budget::default(), start, 500_000, &wishes), [Some(0), Some(0), Some(0)]);
        assert_eq!(settled(&mut Budget::default(), start, 900_000, &wishes), [Some(1), Some(0), Some(0)]);
        assert_eq!(settled(&mut Budget::default(), start, 330_000, &wishes), [Some(0), Some(0), None]);
        assert_eq!(settled(&mut Budget::default(), start, 20_000_000, &wishes), [Some(2), Some(2), Some(2)]);
    }

    #[test]
    fn the_screen_comes_first_and_then_who_speaks() {
        let screen = Wish { rank: Rank::Screen, height: 1_080, layers: vec![Layer { bitrate: 600_000, height: 1_080 }] };
        let speaker = Wish { rank: Rank::Foremost, ..camera(360) };
        let wishes = [camera(720), speaker, screen];
        assert_eq!(settled(&mut Budget::default(), Instant::now(), 700_000, &wishes), [None, None, Some(0)]);
        assert_eq!(settled(&mut Budget::default(), Instant::now(), 1_400_000, &wishes), [Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn no_sharper_than_the_tile() {
        let wishes = [camera(180), camera(240), camera(400), camera(1_080)];
        assert_eq!(settled(&mut Budget::default(), Instant::now(), 50_000_000, &wishes), [Some(0), Some(0), Some(1), Some(2)]);
        assert_eq!(desired(100_000, &wishes), 100_000 + (150_000 + 150_000 + 500_000 + 1_700_000) * 108 / 100);
    }

    #[test]
    fn down_at_once_and_up_after_a_second() {
        let (wishes, start) = ([camera(720)], Instant::now());
        let mut budget = Budget::default();
        assert_eq!(budget.choose(start, 4_000_000, 0, &wishes), &[Some(0)], "something at once");
        assert_eq!(budget.choose(start + UP_AFTER, 4_000_000, 0, &wishes), &[Some(2)]);
        let later = start + UP_AFTER * 2;
        assert_eq!(budget.choose(later, 600_000, 0, &wishes), &[Some(1)]);
        assert_eq!(budget.choose(later, 4_000_000, 0, &wishes), &[Some(1)]);
        assert_eq!(budget.choose(later + UP_AFTER / 2, 300_000, 0, &wishes), &[Some(0)], "and the second begins anew");
        assert_eq!(budget.choose(later + UP_AFTER, 4_000_000, 0, &wishes), &[Some(0)]);
        assert_eq!(budget.next(), Some(later + UP_AFTER * 2));
        assert_eq!(budget.choose(later + UP_AFTER * 2, 4_000_000, 0, &wishes), &[Some(2)]);
    }

    #[test]
    fn an_estimate_that_trembles_changes_nothing() {
        let (wishes, start) = ([camera(720), camera(720)], Instant::now());
        let mut budget = Budget::default();
        settled(&mut budget, start, 2_200_000, &wishes);
        let before = budget.chosen.clone();
        for step in 2..100u32 {
            let estimate = if step % 2 == 0 { 2_000_000 } else { 2_350_000 };
            assert_eq!(budget.choose(start + UP_AFTER * step, estimate, 0, &wishes), &before);
        }
    }

    fn any_wish() -> impl Strategy<Value = Wish> {
        let rank = prop_oneof![Just(Rank::Screen), Just(Rank::Foremost), Just(Rank::Visible)];
        let layers = prop::collection::vec((20_000u64..2_000_000, 90u32..1_080), 0..4);
        (rank, 90u32..1_200, layers).prop_map(|(rank, height, mut layers)| {
            layers.sort_unstable();
            Wish { rank, height, layers: layers.into_iter().map(|(bitrate, height)| Layer { bitrate, height }).collect() }
        })
    }

    proptest! {
        /// Never more than the line carries; and two seconds later never less than it comfortably could.
        #[test]
        fn what_is_sent_fits_and_is_not_less_than_could_be(
            rounds in prop::collection::vec((0u64..8_000_000, prop::collection::vec(any_wish(), 0..8)), 1..20),
        ) {
            let (mut budget, mut now) = (Budget::default(), Instant::now());
            for (estimate, wishes) in rounds {
                for _ in 0..4 {
                    now += UP_AFTER / 2;
                    let choice = budget.choose(now, estimate, 32_000, &wishes).clone();
                    prop_assert!(cost(&wishes, &choice) <= estimate.saturating_sub(32_000));
                    prop_assert!(choice.iter().zip(&wishes).all(|(layer, wish)| layer.is_none_or(|layer| layer < wish.layers.len())));
                }
                let comfortable = estimate.saturating_sub(32_000) * 100 / MARGIN;
                let could_be = raised(budget.chosen.clone(), comfortable, &wishes, &order(&wishes));
                prop_assert_eq!(&budget.chosen, &could_be);
            }
        }
    }
}
