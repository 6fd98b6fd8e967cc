//! When what a publisher sends was captured, by the server's clock: its sender reports (RFC 3550, 6.4.1) tie the timestamps of each of its
//! streams to its own clock, and all of them share that one. What is said of it in reports to viewers is then the publisher's own
//! relation between sound and picture, and not that in which packets happened to arrive.
//!
//! # Lip sync
//!
//! A viewer's sound and picture of one person come in slots that are others' at other times, and so in different media streams (msid).
//! Browsers align those of one media stream alone: they play each slot as soon as they can, and what is between the two is the difference
//! of their jitter buffers, some tens of milliseconds and more on a bad line. So packets say when they were captured (abs-capture-time, a
//! header extension), by a clock of the viewer's connection that its slots share: the client compares how late the two are and delays the
//! earlier one (`web/sdk/transport/lips.ts`). Reports tell the same, but the engine writes one in a second and not on demand: for so long
//! after a slot has changed, its reports are those of who was there before, to the difference of both publishers' delays.

use std::time::{Duration, Instant};

/// By how much two clocks drift apart, in millionths; quartz does a tenth of it.
const DRIFT: i64 = 200;
/// A publisher's clock that is so much off from what it was has been set.
const SET: i64 = 3_000_000;
/// Nothing was captured so long before it came.
const OLDEST: Duration = Duration::from_secs(3);

/// The clock of one publisher, by its own reports: the one that took the least time to come is believed, as the others were only later.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    anchor: Option<Anchor>,
}

/// Two times that are one.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    ours: Instant,
    /// Microseconds since whenever.
    theirs: i64,
}

/// What a report says of one stream: this timestamp is of this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Microseconds of the publisher's clock.
    pub time: i64,
    /// Of the stream.
    pub timestamp: u32,
}

impl Clock {
    /// A report of any of the publisher's streams came.
    pub fn report(&mut self, now: Instant, report: Report) {
        let fresh = Anchor { ours: now, theirs: report.time };
        let Some(anchor) = self.anchor else {
            self.anchor = Some(fresh);
            return;
        };
        let elapsed = micros(now.saturating_duration_since(anchor.ours));
        let later = elapsed.saturating_sub(report.time.saturating_sub(anchor.theirs));
        // The anchor goes along with the clocks as they drift.
        let drift = elapsed.saturating_mul(DRIFT) / 1_000_000;
        let is_better = later <= drift;
        let was_set = later.saturating_abs() > SET;
        if is_better || was_set {
            self.anchor = Some(fresh);
        }
    }

    /// When a packet was captured that came at `at`. Without reports, or with those that cannot be: then.
    pub fn captured(&mut self, report: Option<Report>, timestamp: u32, clock_rate: u32, at: Instant) -> Instant {
        let Some(captured) = report.and_then(|report| self.translated(report, timestamp, clock_rate)) else { return at };
        let (too_late, age) = (captured.saturating_duration_since(at), at.saturating_duration_since(captured));
        if let Some(anchor) = self.anchor.as_mut().filter(|_| !too_late.is_zero() && micros(too_late) <= SET) {
            // It took less time to come than any report.
            anchor.ours = anchor.ours.checked_sub(too_late).unwrap_or(anchor.ours);
        }
        if age < OLDEST { captured.min(at) } else { at }
    }

    fn translated(&self, report: Report, timestamp: u32, clock_rate: u32) -> Option<Instant> {
        let anchor = self.anchor?;
        let ticks = i64::from(timestamp.wrapping_sub(report.timestamp).cast_signed());
        let since_report = ticks.checked_mul(1_000_000)?.checked_div(i64::from(clock_rate))?;
        let since_anchor = report.time.checked_sub(anchor.theirs)?.checked_add(since_report)?;
        let distance = Duration::from_micros(since_anchor.unsigned_abs());
        if since_anchor < 0 { anchor.ours.checked_sub(distance) } else { anchor.ours.checked_add(distance) }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn the_report_that_came_fastest_is_believed() {
        let start = ms(Instant::now(), 10_000);
        let mut clock = Clock::default();
        let report = |second: u32| Report { time: i64::from(second) * 1_000_000, timestamp: second * 90_000 };
        for (second, late) in [(1, 80), (2, 20), (3, 90), (4, 45)] {
            clock.report(ms(start, u64::from(second) * 1_000 + late), report(second));
        }
        let captured = clock.captured(Some(report(4)), 4 * 90_000 + 9_000, 90_000, ms(start, 4_300));
        assert_eq!(captured, ms(start, 4_120), "a tenth of a second after the report, and 20 ms on the way");
        let before = clock.captured(Some(report(4)), 4 * 90_000 - 9_000, 90_000, ms(start, 4_300));
        assert_eq!(before, ms(start, 3_920));
        assert_eq!(clock.captured(Some(report(4)), 4 * 90_000 + 9_000, 90_000, ms(start, 4_110)), ms(start, 4_110), "a packet came faster");
        assert_eq!(clock.captured(Some(report(4)), 4 * 90_000 + 18_000, 90_000, ms(start, 4_300)), ms(start, 4_210));
    }

    #[test]
    fn clocks_drift_and_are_set() {
        let start = Instant::now();
        let mut clock = Clock::default();
        // Theirs is slow by 100 millionths.
        let report = |second: u64| Report { time: i64::try_from(second * 999_900).unwrap(), timestamp: 0 };
        (0..1_000).for_each(|second| clock.report(ms(start, second * 1_000), report(second)));
        let captured = clock.captured(Some(report(999)), 0, 90_000, ms(start, 999_000));
        assert!(ms(start, 999_000) - captured < Duration::from_millis(2), "{:?}", ms(start, 999_000) - captured);
        let set = Report { time: -5_000_000_000, timestamp: 7 };
        clock.report(ms(start, 1_000_000), set);
        assert_eq!(clock.captured(Some(set), 7, 90_000, ms(start, 1_000_010)), ms(start, 1_000_000));
    }

    #[test]
    fn what_cannot_be_is_not_believed() {
        let start = ms(Instant::now(), 100_000);
        let mut clock = Clock::default();
        assert_eq!(clock.captured(None, 5, 90_000, start), start);
        let report = Report { time: i64::MAX, timestamp: 0 };
        clock.report(start, report);
        assert_eq!(clock.captured(Some(report), 90_000, 90_000, start), start, "not after it came");
        assert_eq!(clock.captured(Some(report), 0u32.wrapping_sub(90_000 * 10), 90_000, start), start, "not ten seconds before");
        assert_eq!(clock.captured(Some(Report { time: i64::MIN, timestamp: 0 }), 0, 0, start), start);
    }

    proptest! {
        #[test]
        fn any_reports(reports in prop::collection::vec((0u64..100_000, any::<i64>(), any::<u32>()), 0..20), timestamp: u32, rate: u32) {
            let start = Instant::now();
            let mut clock = Clock::default();
            for (at, time, timestamp_there) in reports {
                let report = Report { time, timestamp: timestamp_there };
                clock.report(ms(start, at), report);
                let captured = clock.captured(Some(report), timestamp, rate, ms(start, at));
                prop_assert!(captured <= ms(start, at) && ms(start, at) - captured < OLDEST);
            }
        }
    }
}
