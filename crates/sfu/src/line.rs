//! What the line to a viewer carries. The engine has an estimate of its own, by the spacing of packets and by what is lost, and finds a wide
//! line fast. But it takes packets that are late or lost by chance for a line that is full, falls until no picture is left, and then does
//! not look again. So it is believed when it goes up; when it goes down, there has to be something to see of it:
//!
//! * packets wait on the way (the shortest time there and back in a second is longer than it has been),
//! * or more is lost than usually is.
//!
//! Then less is sent at once. If that changes nothing, it was not for what we sent: such a loss is the line's own from then on, and such
//! a distance its length. A line that could carry more than is known is tried again and again, by letting the engine begin anew.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::budget::Bitrate;
use crate::strain::Strain;

/// How often a line is read.
pub const EVERY: Duration = Duration::from_millis(250);
/// What a line is taken to carry before anything is known of it: small pictures of a few, at once.
pub const FIRST: Bitrate = 1_000_000;
/// What it is never thought to carry less than: the engine's own least.
const LEAST: Bitrate = 40_000;
/// Nothing is told of a line in so short a time: who joins has a busy machine.
const BEGINS: Duration = Duration::from_secs(4);
/// What is read is looked at for so long: the engine counts what is lost in a second.
const WINDOW: Duration = Duration::from_secs(1);
/// Queues on the way have been empty at least once in such a time, or in the one before.
const EPOCH: Duration = Duration::from_secs(30);
/// Packets that wait for less than this, and no longer than they differ among each other, do not wait because of us.
const WAIT: Duration = Duration::from_millis(60);
/// Loss beyond what is usual (in thousandths) that is taken for a full line, and what is added as of few packets more are lost by chance.
const LOSS: u32 = 100;
/// Where more than this is lost, not even a small picture gets through.
const NOTHING_LEFT: u32 = 600;
/// So much less (in thousandths) has to be lost before pictures are larger again.
const BETTER: u32 = 40;
/// A line's own loss is at most this; more is always too much.
const USUAL: u32 = 450;
/// Of what arrived while the line was full, so much (in hundredths) is sent afterwards: what waits has to drain as well.
const AFTER_FULL: u64 = 80;
/// For so long after the line was found full, what arrives shows how much it carries; later it only shows what we sent.
const SHOWS: Duration = Duration::from_secs(1);
/// So long after less is sent, it has to have helped; a long queue drains slowly.
const HELPS: (Duration, Duration) = (Duration::from_millis(2_250), Duration::from_secs(3));
/// A line whose way became longer has become longer by no more than this.
const LONGER: Duration = Duration::from_millis(500);
/// A small picture and sound: so much is tried before it is certain that not even that gets through.
const SMALL: Bitrate = 250_000;
/// The next size of a picture takes so many times what the smaller one does.
const STEP: Bitrate = 3;
/// What is usual follows what is so by such a part with each reading.
const SLOWLY: u32 = 50;
/// Where packets are late and so many are lost (in thousandths), it is seen what becomes of it without any picture.
const BOTH: u32 = 200;
/// It has helped when of what was too much no more than this is left (in hundredths).
const HELPED: u64 = 70;
/// Bytes of a packet, and packets in a second: of sound alone there are more, but then nothing is to be decided in haste.
const PACKET: u64 = 1_100;
const FEWEST: u64 = 25;
/// How much more it is thought to carry in a second while nothing speaks against it (in hundredths).
const GROWTH: u64 = 8;
/// After how long a line that could carry more is tried anew: at first, and at most, as each time costs a line that cannot a moment's delay.
const TRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// What is read of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the engine thinks.
    pub estimate: Bitrate,
    /// Of what was sent in the last second, so many in a thousand were lost.
    pub lost: u32,
    /// The time there and back of the newest packet that was reported.
    pub there_and_back: Option<Duration>,
    /// All bytes that have been sent.
    pub sent: u64,
}

/// The line to one viewer.
#[derive(Clone, Debug)]
pub struct Line {
    carries: Bitrate,
    /// What would be sent if it carried that.
    desired: Bitrate,
    began: Option<Instant>,
    recent: VecDeque<(Instant, Reading)>,
    /// The time there and back that was read last.
    newest: Option<Duration>,
    length: Length,
    /// What is lost whatever is sent, in thousandths.
    usual: u32,
    /// And how much longer than at best even the fastest packets take.
    usual_wait: Duration,
    strain: Strain,
    full: Option<Full>,
    clear_since: Option<Instant>,
    tries: Tries,
}

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the line carries, with what has to be sent again.
    pub carries: Bitrate,
    /// Which pictures are too large for what is lost.
    pub strain: Strain,
    /// The engine is to begin anew, with that.
    pub begins_anew: bool,
}

/// The shortest time there and back, in this epoch and the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Length {
    since: Option<Instant>,
    this: Option<Duration>,
    before: Option<Duration>,
}

/// The line was found full.
#[derive(Clone, Copy, Debug)]
struct Full {
    since: Instant,
    /// What it was thought to carry.
    carried: Bitrate,
    waited: Duration,
    lost: u32,
    /// How often less was sent without that it helped.
    rounds: u32,
    /// There is no other explanation: it may be too little for a small picture.
    is_certain: bool,
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    next: Option<Instant>,
    wait: Duration,
    carried: Bitrate,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            carries: FIRST,
            desired: 0,
            began: None,
            recent: VecDeque::new(),
            newest: None,
            length: Length::default(),
            usual: 0,
            usual_wait: Duration::ZERO,
            strain: Strain::None,
            full: None,
            clear_since: None,
            tries: Tries { next: None, wait: TRY.0, carried: FIRST },
        }
    }
}

impl Line {
    /// What it carries, as far as is known.
    #[must_use]
    pub fn carries(&self) -> Bitrate {
        self.carries
    }

    /// What would be sent if it carried that.
    pub fn desire(&mut self, desired: Bitrate) {
        self.desired = desired;
    }

    /// To be called [`EVERY`] so often.
    pub fn read(&mut self, now: Instant, reading: Reading) -> Outcome {
        let began = *self.began.get_or_insert(now);
        self.note(now, reading);
        let (waits, lost) = (self.waits(), reading.lost);
        let too_late = waits > self.tolerated();
        if too_late || lost > self.usual + self.by_chance() {
            self.is_full(now, waits, lost);
        } else {
            self.is_clear(now, reading);
        }
        if now < began + BEGINS {
            self.carries = self.carries.max(FIRST / 2);
        }
        // It goes back when things are clearly better.
        self.strain = self.strain.max(fitting(self.usual)).min(fitting(self.usual + BETTER));
        Outcome { carries: self.carries, strain: self.strain, begins_anew: self.is_to_be_tried(now) }
    }

    fn note(&mut self, now: Instant, mut reading: Reading) {
        // Exactly what was read before is no news: nothing has been reported since, as where nothing is sent.
        let newest = std::mem::replace(&mut self.newest, reading.there_and_back);
        reading.there_and_back = reading.there_and_back.filter(|time| Some(*time) != newest);
        self.recent.push_back((now, reading));
        while self.recent.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW) {
            self.recent.pop_front();
        }
        if let Some(there_and_back) = reading.there_and_back {
            self.length.note(now, there_and_back);
        }
    }

    /// What was found to be too much is sent no more; and if it was not that, it is what the line is like.
    fn is_full(&mut self, now: Instant, waits: Duration, lost: u32) {
        self.clear_since = None;
        let full = self.full.get_or_insert(Full { since: now, carried: self.carries, waited: waits, lost, rounds: 0, is_certain: false });
        let since = now.saturating_duration_since(full.since);
        if since <= SHOWS {
            (full.waited, full.lost) = (full.waited.max(waits), full.lost.max(lost));
            self.lower(lost);
            return;
        }
        let is_late = waits > self.tolerated();
        if since >= if is_late { HELPS.1 } else { HELPS.0 } {
            self.judge(now, waits, is_late);
        }
    }

    fn lower(&mut self, lost: u32) {
        let is_certain = self.full.is_some_and(|full| full.is_certain);
        let least = match lost {
            _ if is_certain => LEAST,
            // Of a small picture nothing is left.
            lost if lost > NOTHING_LEFT && self.carries <= SMALL => LEAST,
            lost if lost > USUAL => SMALL,
            // Where little was sent, that only little arrives says nothing.
            _ => SMALL.max(self.carries * 7 / 10),
        };
        let arrives = self.arrives(lost) * AFTER_FULL / 100;
        self.carries = self.carries.min(arrives.max(least));
    }

    /// Less has been sent for a while: has it helped?
    fn judge(&mut self, now: Instant, waits: Duration, is_late: bool) {
        let Some(full) = self.full.take() else { return };
        let lost = self.mean_lost();
        let has_helped = if is_late {
            waits.as_micros() * 100 <= full.waited.as_micros() * u128::from(HELPED)
        } else {
            u64::from(lost) * 100 <= u64::from(full.lost) * HELPED
        };
        if has_helped {
            return;
        }
        let is_certain = lost > USUAL || waits > LONGER || (is_late && lost > BOTH && !full.is_certain && full.rounds > 0);
        if is_certain || (is_late && full.rounds == 0) {
            self.full = Some(Full { since: now, waited: waits, lost, rounds: full.rounds + 1, is_certain, ..full });
            return;
        }
        self.usual = lost.max(self.usual);
        if is_late {
            // What it carries is found out again step by step: a queue that is always there would look the same.
            self.usual_wait = waits;
        } else {
            self.carries = self.carries.max(full.carried);
        }
    }

    fn is_clear(&mut self, now: Instant, reading: Reading) {
        let clear = now.saturating_duration_since(*self.clear_since.get_or_insert(now));
        self.full = self.full.filter(|full| now.saturating_duration_since(full.since) < SHOWS);
        // What the engine found out before it saw that the line is full is worth nothing.
        if clear >= WINDOW || self.full.is_none() {
            self.carries = self.carries.max(reading.estimate);
        }
        let lost = reading.lost.min(USUAL);
        self.usual = if lost > self.usual { self.usual + (lost - self.usual).div_ceil(SLOWLY) } else { self.usual - (self.usual - lost) / SLOWLY };
        self.usual_wait = self.usual_wait.mul_f64(1.0 - 1.0 / f64::from(SLOWLY)) + self.waits() / SLOWLY;
        let shown = (self.arrives(reading.lost) * STEP).max(SMALL * STEP);
        let loses_more = reading.lost > self.usual + LOSS / 2;
        if self.carries < shown && !loses_more && clear >= WINDOW && self.carries < self.desired {
            let more = self.carries * GROWTH / 100 * u64::try_from(EVERY.as_millis()).unwrap_or_default() / 1_000;
            self.carries += more;
        }
    }

    fn is_to_be_tried(&mut self, now: Instant) -> bool {
        let is_clear = self.clear_since.is_some_and(|since| now.saturating_duration_since(since) >= TRY.0);
        if self.carries >= self.tries.carried * 5 / 4 || self.carries <= self.tries.carried / 2 {
            self.tries = Tries { next: None, wait: TRY.0, carried: self.carries };
        }
        let next = *self.tries.next.get_or_insert(now + self.tries.wait);
        if !is_clear || self.carries >= self.desired || now < next {
            return false;
        }
        let wait = (self.tries.wait * 3 / 2).min(TRY.1);
        self.tries = Tries { next: Some(now + wait), wait, carried: self.carries };
        true
    }

    /// Bits in a second, over what is looked at.
    fn sends(&self) -> Bitrate {
        let (Some((first, then)), Some((last, now))) = (self.recent.front(), self.recent.back()) else { return 0 };
        let ms = u64::try_from(last.saturating_duration_since(*first).as_millis()).unwrap_or(u64::MAX);
        now.sent.saturating_sub(then.sent).saturating_mul(8_000).checked_div(ms).unwrap_or(0)
    }

    /// Loss beyond what is usual that may be chance: twice the deviation of so many packets (in thousandths), and a little.
    fn by_chance(&self) -> u32 {
        let packets = (self.sends() / 8 / PACKET).max(FEWEST);
        let usual = u64::from(self.usual.max(10));
        let deviation = (usual * (1_000 - usual) / packets).isqrt();
        LOSS + 2 * u32::try_from(deviation).unwrap_or(0)
    }

    fn arrives(&self, lost: u32) -> Bitrate {
        let sends = if self.recent.len() > 1 { self.sends() } else { self.carries };
        sends * u64::from(1_000u32.saturating_sub(lost)) / 1_000
    }

    fn mean_lost(&self) -> u32 {
        let count = u32::try_from(self.recent.len()).unwrap_or(u32::MAX).max(1);
        self.recent.iter().map(|(_, reading)| reading.lost).sum::<u32>() / count
    }

    fn shortest(&self) -> Option<Duration> {
        self.recent.iter().filter_map(|(_, reading)| reading.there_and_back).min()
    }

    /// How long even the fastest packets wait on the way now.
    fn waits(&self) -> Duration {
        self.shortest().zip(self.length.shortest()).map_or(Duration::ZERO, |(now, ever)| now.saturating_sub(ever))
    }

    /// And how long they may: packets that differ much among each other are seldom as fast as can be.
    fn tolerated(&self) -> Duration {
        let longest = self.recent.iter().filter_map(|(_, reading)| reading.there_and_back).max();
        WAIT + self.usual_wait + longest.zip(self.shortest()).map_or(Duration::ZERO, |(longest, shortest)| longest - shortest)
    }
}

/// A picture in many packets is seldom whole where many are lost, and one that waits for what is sent again stands still.
fn fitting(lost: u32) -> Strain {
    match lost {
        0..120 => Strain::None,
        120..220 => Strain::Large,
        _ => Strain::Middle,
    }
}

impl Length {
    fn note(&mut self, now: Instant, there_and_back: Duration) {
        if now.saturating_duration_since(*self.since.get_or_insert(now)) >= EPOCH {
            *self = Self { since: Some(now), this: None, before: self.this };
        }
        self.this = Some(self.this.map_or(there_and_back, |this| this.min(there_and_back)));
    }

    fn shortest(&self) -> Option<Duration> {
        self.this.into_iter().chain(self.before).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of this rate, with a queue in front of it that holds so many milliseconds, and what is sent into it.
    struct Model {
        line: Line,
        now: Instant,
        rate: Bitrate,
        holds: u64,
        queued: u64,
        /// There and back, without the queue, in milliseconds.
        length: u64,
        /// What is lost by chance, in thousandths.
        chance: u32,
        lost: VecDeque<u32>,
        sent: u64,
        /// What is to be sent at most.
        wish: Bitrate,
        tries: usize,
        readings: u64,
    }

    impl Model {
        fn new(rate: Bitrate) -> Self {
            let mut line = Line::default();
            line.desire(5_000_000);
            let (now, wish) = (Instant::now(), 4_000_000);
            Self { line, now, rate, holds: 300, queued: 0, length: 40, chance: 0, lost: VecDeque::new(), sent: 0, wish, tries: 0, readings: 0 }
        }

        /// Lets time pass, while the engine thinks this. Gives what the line is thought to carry.
        fn run(&mut self, readings: usize, estimate: impl Fn(&Self) -> Bitrate) -> Bitrate {
            for _ in 0..readings {
                self.now += EVERY;
                let sends = self.line.carries().min(self.wish);
                self.sent += sends / 32;
                let (offered, through) = (self.queued + sends / 4, self.rate / 4);
                let most = self.rate * self.holds / 1_000;
                self.queued = offered.saturating_sub(through).min(most);
                let dropped = offered.saturating_sub(through).saturating_sub(most) * 1_000 / (sends / 4).max(1);
                self.lost.push_back(u32::try_from(dropped).unwrap() + self.chance * u32::try_from(1_000 - dropped).unwrap() / 1_000);
                if self.lost.len() > 4 {
                    self.lost.pop_front();
                }
                let lost = self.lost.iter().sum::<u32>() / u32::try_from(self.lost.len()).unwrap();
                self.readings += 1;
                let tremble = Duration::from_micros(self.readings % 7);
                let there_and_back = Some(Duration::from_millis(self.length + self.queued * 1_000 / self.rate) + tremble);
                let reading = Reading { estimate: estimate(self), lost, there_and_back, sent: self.sent };
                self.tries += usize::from(self.line.read(self.now, reading).begins_anew);
            }
            self.line.carries()
        }
    }

    #[test]
    fn the_engine_is_believed_when_it_goes_up_and_not_when_it_falls_for_nothing() {
        let mut model = Model::new(50_000_000);
        assert!((3_000_000..3_500_000).contains(&model.run(8, |_| 3_000_000)), "and a little more");
        assert!(model.run(80, |_| 60_000) >= 3_000_000);
    }

    #[test]
    fn a_full_line_is_left_at_once() {
        for rate in [300_000, 700_000, 2_000_000] {
            let mut model = Model::new(50_000_000);
            model.run(40, |_| 4_500_000);
            model.rate = rate;
            let engine = |model: &Model| model.rate * 9 / 10;
            let carries = model.run(8, engine);
            assert!((rate / 2..=rate * 3 / 2).contains(&carries), "{carries} of {rate} after two seconds");
            for _ in 0..20 {
                let carries = model.run(4, engine);
                assert!((rate / 2..=rate * 3 / 2).contains(&carries), "{carries} of {rate} later");
            }
        }
    }

    #[test]
    fn loss_that_does_not_go_away_with_less_is_the_lines_own() {
        for chance in [50, 100, 200, 300] {
            let mut model = Model::new(50_000_000);
            model.run(40, |_| 4_000_000);
            model.chance = chance;
            let falling = |_: &Model| 100_000;
            model.run(14, falling);
            assert!((0..40).all(|_| model.run(1, falling) >= 4_000_000), "{chance}");
            // And a line that is full is still seen.
            model.rate = 600_000;
            let carries = model.run(10, falling);
            assert!((200_000..=700_000).contains(&carries), "{carries} at {chance}");
        }
    }

    #[test]
    fn a_line_that_loses_too_much_for_a_small_picture_carries_none() {
        let mut model = Model::new(50_000_000);
        model.run(40, |_| 2_000_000);
        (model.rate, model.holds) = (60_000, 50);
        let carries = model.run(40, |_| 50_000);
        assert!(carries < 120_000, "{carries}");
        model.rate = 5_000_000;
        assert!(model.run(160, |_| 50_000) > SMALL, "and when it does again, it is found out");
    }

    #[test]
    fn where_nothing_is_reported_the_line_is_not_full_for_ever() {
        let mut model = Model::new(50_000_000);
        model.run(40, |_| 2_000_000);
        let (mut tries, sent) = (0, model.sent);
        for _ in 0..40 {
            model.now += EVERY;
            let there_and_back = Some(Duration::from_millis(700));
            tries += usize::from(model.line.read(model.now, Reading { estimate: 40_000, lost: 0, there_and_back, sent }).begins_anew);
        }
        assert!(tries > 0, "it is tried anew");
    }

    #[test]
    fn a_way_that_became_longer_is_no_queue() {
        let mut model = Model::new(50_000_000);
        model.run(40, |_| 4_000_000);
        model.length = 240;
        model.run(40, |_| 4_000_000);
        assert!((0..40).all(|_| model.run(1, |_| 4_000_000) >= 4_000_000));
    }

    #[test]
    fn who_joins_on_a_busy_machine_has_time() {
        let mut model = Model::new(50_000_000);
        model.chance = 400;
        assert!((0..16).all(|_| model.run(1, |_| 50_000) >= FIRST / 2));
    }

    #[test]
    fn a_line_that_could_carry_more_is_tried_again_and_again() {
        let mut model = Model::new(50_000_000);
        model.wish = 300_000;
        model.run(120, |_| 1_000_000);
        assert!((5..=10).contains(&model.tries), "{} in half a minute", model.tries);
        model.line.desire(900_000);
        let before = model.tries;
        model.run(120, |_| 1_000_000);
        assert_eq!(model.tries, before, "nobody wants more");
    }
}
