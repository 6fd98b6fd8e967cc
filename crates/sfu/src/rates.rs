//! Frame rates: a layer whose encoder makes temporal layers (VP8) can be had with fewer frames, at once and without a whole picture.
//!
//! A screen is to be read: on a short line it keeps its lines and loses frames. A face is to move: it loses lines first, and frames only
//! where it would otherwise not be seen at all.

use std::time::{Duration, Instant};

use crate::budget::{Bitrate, Rank, Wish};

/// How long more frames must have been affordable before they are sent.
const UP_AFTER: Duration = Duration::from_secs(1);
/// And with how much to spare (in hundredths).
const MARGIN: u64 = 108;

/// How many of a layer's frames are sent: those of this many temporal layers beside the lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    /// Those that all others need: usually a quarter.
    Least,
    /// Half of them.
    Half,
    /// All.
    #[default]
    Full,
}

impl Rate {
    /// From the fewest frames to all.
    pub const ALL: [Self; 3] = [Self::Least, Self::Half, Self::Full];

    /// The highest temporal layer that is sent.
    #[must_use]
    pub fn highest(self) -> u8 {
        match self {
            Self::Least => 0,
            Self::Half => 1,
            Self::Full => 3,
        }
    }
}

/// What a layer takes at each rate.
pub type Prices = [Bitrate; 3];

/// Frame rates of one viewer's pictures.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    screen: Rate,
    better_since: Option<Instant>,
    thin_since: Option<Instant>,
}

impl Rates {
    /// Before lines are divided: at which rate screens are offered to the budget, so that everybody else can have a small picture too.
    /// `prices` are those of each wish's layers.
    pub fn of_screens(&mut self, now: Instant, left: Bitrate, wishes: &mut [Wish], prices: &[Vec<Prices>]) -> Rate {
        let is_screen = |wish: &Wish| wish.rank == Rank::Screen && !wish.layers.is_empty();
        if !wishes.iter().any(is_screen) {
            *self = Self { thin_since: self.thin_since, ..Self::default() };
            return Rate::Full;
        }
        let others: Bitrate = wishes.iter().filter(|wish| !is_screen(wish)).filter_map(|wish| wish.layers.first()).map(|layer| layer.bitrate).sum();
        let costs = |rate: Rate| {
            let screens = wishes.iter().zip(prices).filter(|(wish, _)| is_screen(wish));
            others + screens.filter_map(|(wish, prices)| prices.get(wish.enough())).map(|prices| price(prices, rate)).sum::<Bitrate>()
        };
        let best = |left: Bitrate| Rate::ALL.into_iter().rev().find(|rate| costs(*rate) <= left).unwrap_or(Rate::Least);
        let (affordable, comfortable) = (best(left), best(left.saturating_mul(100) / MARGIN));
        self.screen = self.screen.min(affordable);
        if comfortable > self.screen {
            let since = *self.better_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= UP_AFTER {
                (self.screen, self.better_since) = (comfortable, None);
            }
        } else {
            self.better_since = None;
        }
        for (wish, prices) in wishes.iter_mut().zip(prices).filter(|(wish, _)| is_screen(wish)) {
            for (layer, prices) in wish.layers.iter_mut().zip(prices) {
                layer.bitrate = price(prices, self.screen);
            }
        }
        self.screen
    }

    /// After lines were divided: `left` is what nobody took. Who has nothing is seen with few frames, in the order of `ranks`, as far as it
    /// pays for that; says at which rate. Their smallest layer is meant.
    pub fn of_those_left_out(&mut self, now: Instant, left: Bitrate, left_out: &[(Rank, Prices)]) -> Vec<Option<Rate>> {
        let mut order: Vec<_> = (0..left_out.len()).collect();
        order.sort_by_key(|place| left_out.get(*place).map(|(rank, _)| *rank));
        let mut rest = left.saturating_mul(100) / MARGIN;
        let mut rates = vec![None; left_out.len()];
        for place in order {
            let Some((_, prices)) = left_out.get(place) else { continue };
            let thin =
                [Rate::Half, Rate::Least].into_iter().find(|rate| price(prices, *rate) <= rest && price(prices, *rate) < price(prices, Rate::Full));
            rest -= thin.map_or(0, |rate| price(prices, rate));
            if let Some(rate) = rates.get_mut(place) {
                *rate = thin;
            }
        }
        if rates.iter().all(Option::is_none) {
            self.thin_since = None;
            return rates;
        }
        // Not for a moment alone: a picture that comes and goes is worse than none.
        let since = *self.thin_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= UP_AFTER { rates } else { vec![None; left_out.len()] }
    }
}

fn price(prices: &Prices, rate: Rate) -> Bitrate {
    let [least, half, full] = *prices;
    match rate {
        Rate::Least => least,
        Rate::Half => half,
        Rate::Full => full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Layer;

    fn screen(prices: &[Prices]) -> Wish {
        let layers = [540, 1_080].into_iter().zip(prices).map(|(height, prices)| Layer { bitrate: prices[2], height }).collect();
        Wish { rank: Rank::Screen, height: 1_080, layers }
    }

    fn face() -> Wish {
        Wish { rank: Rank::Visible, height: 180, layers: vec![Layer { bitrate: 150_000, height: 180 }] }
    }

    #[test]
    fn a_screen_loses_frames_and_not_lines() {
        let prices = vec![vec![[200_000, 300_000, 400_000], [600_000, 900_000, 1_200_000]], vec![[60_000, 100_000, 150_000]]];
        let start = Instant::now();
        let mut rates = Rates::default();
        let mut at = |ms: u64, left| {
            let mut wishes = vec![screen(&prices[0]), face()];
            let rate = rates.of_screens(start + Duration::from_millis(ms), left, &mut wishes, &prices);
            (rate, wishes[0].layers[1].bitrate, wishes[1].layers[0].bitrate)
        };
        assert_eq!(at(0, 2_000_000), (Rate::Full, 1_200_000, 150_000));
        assert_eq!(at(100, 1_300_000), (Rate::Half, 900_000, 150_000), "at once, and a face has its place");
        assert_eq!(at(200, 300_000), (Rate::Least, 600_000, 150_000));
        assert_eq!(at(300, 2_000_000).0, Rate::Least);
        assert_eq!(at(1_300, 2_000_000).0, Rate::Full, "after a second");
        assert_eq!(at(1_400, 1_360_000).0, Rate::Full, "what is there stays with less to spare");
    }

    #[test]
    fn without_a_screen_nothing_is_changed() {
        let mut wishes = vec![face()];
        let rate = Rates::default().of_screens(Instant::now(), 0, &mut wishes, &[vec![[1, 2, 3]]]);
        assert_eq!((rate, &wishes), (Rate::Full, &vec![face()]));
    }

    #[test]
    fn who_would_be_left_out_is_seen_with_fewer_frames() {
        let start = Instant::now();
        let mut rates = Rates::default();
        let left_out = [(Rank::Visible, [60_000, 100_000, 150_000]), (Rank::Foremost, [60_000, 100_000, 150_000]), (Rank::Visible, [150_000; 3])];
        assert_eq!(rates.of_those_left_out(start, 180_000, &left_out), [None; 3], "not for a moment");
        let later = start + UP_AFTER;
        assert_eq!(rates.of_those_left_out(later, 180_000, &left_out), [Some(Rate::Least), Some(Rate::Half), None], "who comes first has more");
        assert_eq!(rates.of_those_left_out(later, 70_000, &left_out), [None, Some(Rate::Least), None]);
        assert_eq!(rates.of_those_left_out(later, 50_000, &left_out), [None; 3]);
        assert_eq!(rates.of_those_left_out(later, 180_000, &left_out), [None; 3], "and again not for a moment");
    }
}
