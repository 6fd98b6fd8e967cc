//! What a thread leaves out when it has too much to do: one step after the other, before calls break, and back again when it lasts that
//! there is time. Each step that was taken back too soon is waited for longer the next time, so that nobody's picture comes and goes.

use std::time::{Duration, Instant};

use fireside_sfu::Strain;

use super::load::Beat;

/// Somebody who is at work for so much of their time keeps others waiting now and then.
const TOO_MUCH: f64 = 0.85;
/// For what is left out at the first step, there is room from here on.
const LITTLE: f64 = 0.55;
/// A step has its effect within this: senders have heard of it.
const SETTLES: Duration = Duration::from_secs(2);
/// So long there has to be room, at first …
const WAITS: Duration = Duration::from_secs(8);
/// … and at most.
const WAITS_LONGEST: Duration = Duration::from_secs(300);
/// A step up so soon after one down: that was too early.
const TOO_SOON: Duration = Duration::from_secs(60);

const STEPS: [Strain; 5] = [Strain::None, Strain::Large, Strain::Middle, Strain::Most, Strain::Pictures];

/// On which step a thread is.
#[derive(Debug)]
pub(super) struct Ladder {
    step: usize,
    /// When it came there.
    since: Instant,
    /// Since when there has been room for what is left out.
    has_room_since: Option<Instant>,
    went_down: Option<Instant>,
    waits: Duration,
}

impl Ladder {
    pub(super) fn new(now: Instant) -> Self {
        Self { step: 0, since: now, has_room_since: None, went_down: None, waits: WAITS }
    }

    pub(super) fn strain(&self) -> Strain {
        STEPS.get(self.step).copied().unwrap_or_default()
    }

    /// To be told every second how it was. `was_behind`: datagrams have been lost, because there were too many. Returns what is left out
    /// from now on, when that has changed.
    pub(super) fn tell(&mut self, now: Instant, beat: Beat, was_behind: bool) -> Option<Strain> {
        let is_too_much = beat.at_once >= TOO_MUCH && (beat.busy >= TOO_MUCH || was_behind);
        if is_too_much {
            self.has_room_since = None;
            return self.go_up(now);
        }
        if beat.busy > LITTLE || self.step == 0 {
            self.has_room_since = None;
            return None;
        }
        let since = *self.has_room_since.get_or_insert(now);
        (now.saturating_duration_since(since) >= self.waits).then(|| self.go_down(now))
    }

    fn go_up(&mut self, now: Instant) -> Option<Strain> {
        if self.step + 1 >= STEPS.len() || (self.step > 0 && now.saturating_duration_since(self.since) < SETTLES) {
            return None;
        }
        self.waits = match self.went_down.take() {
            Some(down) if now.saturating_duration_since(down) < TOO_SOON.max(self.waits) => (self.waits * 2).min(WAITS_LONGEST),
            _ if self.step == 0 => WAITS,
            _ => self.waits,
        };
        (self.step, self.since) = (self.step + 1, now);
        Some(self.strain())
    }

    fn go_down(&mut self, now: Instant) -> Strain {
        (self.step, self.since, self.has_room_since, self.went_down) = (self.step - 1, now, None, Some(now));
        self.strain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells the ladder for so many seconds what `busy` says of what is left out; the steps that it took, with their seconds.
    fn story(seconds: u64, busy: impl Fn(u64, Strain) -> f64) -> Vec<(u64, Strain)> {
        let start = Instant::now();
        let (mut ladder, mut steps, mut smooth) = (Ladder::new(start), Vec::new(), 0.0);
        for second in 1..=seconds {
            let at_once = busy(second, ladder.strain()).min(1.0);
            smooth = f64::midpoint(smooth, at_once);
            let beat = Beat { at_once, busy: smooth, cpu: Duration::ZERO };
            steps.extend(ladder.tell(start + Duration::from_secs(second), beat, false).map(|strain| (second, strain)));
        }
        steps
    }

    #[test]
    fn who_has_time_leaves_nothing_out_nor_does_a_moment_count() {
        assert_eq!(story(600, |_, _| 0.8), []);
        assert_eq!(story(600, |second, _| if second % 10 == 0 { 1.0 } else { 0.3 }), []);
    }

    #[test]
    fn step_by_step_until_it_suffices() {
        let steps = story(60, |_, strain| if strain < Strain::Most { 1.0 } else { 0.7 });
        let taken: Vec<_> = steps.iter().map(|(_, strain)| *strain).collect();
        assert_eq!(taken, [Strain::Large, Strain::Middle, Strain::Most]);
        assert!(steps[0].0 <= 4 && steps[2].0 <= 10, "{steps:?}");
        let steps = story(60, |_, _| 1.0);
        assert_eq!(steps.last().map(|(_, strain)| *strain), Some(Strain::Pictures), "and there is an end");
    }

    #[test]
    fn when_there_is_time_again_everything_comes_back() {
        let steps = story(120, |second, _| if second < 10 { 1.0 } else { 0.1 });
        assert_eq!(steps.last().map(|(_, strain)| *strain), Some(Strain::None), "{steps:?}");
        let back = steps.iter().find(|(second, _)| *second >= 10).expect("a step down").0;
        assert!(back >= 10 + WAITS.as_secs(), "{steps:?}");
    }

    #[test]
    fn it_does_not_come_and_go() {
        // What is left out is just what is too much: each try to bring it back fails.
        let steps = story(3_600, |_, strain| if strain == Strain::None { 1.0 } else { 0.4 });
        assert!(steps.len() < 40, "{} changes in an hour", steps.len());
        let last = steps.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default();
        assert!(last >= 250, "{steps:?}");
    }

    #[test]
    fn who_is_behind_does_not_wait_to_be_sure() {
        let now = Instant::now();
        let beat = Beat { at_once: 0.99, busy: 0.5, cpu: Duration::ZERO };
        assert_eq!(Ladder::new(now).tell(now, beat, false), None);
        assert_eq!(Ladder::new(now).tell(now, beat, true), Some(Strain::Large));
    }
}
