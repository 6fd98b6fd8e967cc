//! What came of it: a sample for each second, and the whole.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::Profile;
use crate::watch::{Histogram, Totals};

/// The version of what is written to a file.
pub const SCHEMA: u32 = 1;

/// A distribution, in milliseconds. Where nothing was measured, there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many there were.
    pub count: u64,
    /// What half of them did not exceed.
    pub p50_ms: Option<f64>,
    /// What 95 of 100 did not.
    pub p95_ms: Option<f64>,
    /// What 99 of 100 did not.
    pub p99_ms: Option<f64>,
}

impl Spread {
    /// Of a histogram.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let at = |hundredths| histogram.percentile(hundredths).map(|duration| (duration.as_secs_f64() * 1e5).round() / 1e2);
        Self { count: histogram.total(), p50_ms: at(50.0), p95_ms: at(95.0), p99_ms: at(99.0) }
    }
}

/// One second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the first one came.
    pub at_s: f64,
    /// How long it is since the sample before.
    pub length_s: f64,
    /// All have come: this is of what is measured.
    pub is_measured: bool,
    /// Bots in their meetings.
    pub people: usize,
    /// Of them those whose media goes through the server.
    pub served: usize,
    /// Peer connections between bots.
    pub pairs: usize,
    /// What arrived in that time.
    pub totals: Totals,
    /// How long packets were under way.
    pub delay: Spread,
    /// CPU time of this process, as a part of one core.
    pub own_cpu: f64,
}

impl Sample {
    /// Packets a second.
    #[must_use]
    pub fn packets_per_second(&self) -> f64 {
        (self.totals.video_packets + self.totals.audio_packets) as f64 / self.length_s.max(f64::EPSILON)
    }

    /// Bits a second, without headers.
    #[must_use]
    pub fn bits_per_second(&self) -> f64 {
        8.0 * self.totals.bytes as f64 / self.length_s.max(f64::EPSILON)
    }

    /// Pictures a second of each that is due.
    #[must_use]
    pub fn frames_per_second(&self) -> Option<f64> {
        (self.totals.due_ms > 0).then(|| self.totals.frames as f64 * 1_000.0 / self.totals.due_ms as f64)
    }
}

/// How often the same went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What.
    pub what: String,
    /// How often.
    pub count: usize,
}

/// One bot, as it was at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Of {
    /// Its name.
    pub name: String,
    /// Which room, from 0.
    pub room: usize,
    /// What it has received while it was measured.
    pub totals: Totals,
    /// How long packets were under way to it.
    pub delay: Spread,
}

/// The whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was sent.
    pub profile: Profile,
    /// How many rooms.
    pub rooms: usize,
    /// In each of them.
    pub publishers: usize,
    /// In each of them.
    pub subscribers: usize,
    /// How long it was measured, in seconds.
    pub measured_s: f64,
    /// It was ended before its time.
    pub is_cut_short: bool,
    /// Bots that came in.
    pub joined: usize,
    /// What went wrong: not let in, or gone before the end.
    pub trouble: Vec<Trouble>,
    /// What arrived while it was measured.
    pub totals: Totals,
    /// How long packets were under way meanwhile.
    pub delay: Spread,
    /// From the first packet to the word that one is in.
    pub welcome: Spread,
    /// From the first packet until media could flow.
    pub media: Spread,
    /// From the word that a place carries somebody to their first picture.
    pub first_frame: Spread,
    /// The first time numbers did not go on as a decoder expects, in words.
    pub oddity: Option<String>,
    /// CPU time of this process while it was measured, in seconds.
    pub own_cpu_s: f64,
    /// Second by second, from the beginning.
    pub samples: Vec<Sample>,
    /// Those that had to wait longest for pictures, ten at most.
    pub worst: Vec<Of>,
}

impl Report {
    /// Of the time in which pictures were due, the part in which none came, 0 to 1.
    #[must_use]
    pub fn frozen(&self) -> f64 {
        self.totals.frozen_ms as f64 / (self.totals.due_ms as f64).max(1.0)
    }

    /// Of the packets of pictures, the part that never came, 0 to 1.
    #[must_use]
    pub fn lost(&self) -> f64 {
        self.totals.lost as f64 / ((self.totals.video_packets + self.totals.lost) as f64).max(1.0)
    }

    /// Nothing went wrong that somebody in the call would have noticed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Totals { discontinuities, unreadable, strays, starved, .. } = self.totals;
        self.trouble.is_empty() && [discontinuities, unreadable, strays, starved] == [0; 4] && self.frozen() < 0.01
    }
}

/// User and system CPU time of this process, of threads that are still there. `None`: the system does not tell.
#[must_use]
pub fn own_cpu() -> Option<Duration> {
    let mut nanos = 0_u64;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        // One that has just ended.
        let Ok(text) = std::fs::read_to_string(task.ok()?.path().join("schedstat")) else { continue };
        nanos += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}
