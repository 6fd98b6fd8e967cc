//! How much a thread has to do: measured by itself, and as others see it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fireside_sfu::Strain;
use rustix::time::{ClockId, clock_gettime};

use super::Room;

/// What a thread has free for whoever may come: the rest is for those who are here, and turn their cameras on.
const LITTLE: u32 = 650;
/// And from here on nobody else is taken.
const FULL: u32 = 800;

/// A thread is as busy as it takes to get its work done; what others on the machine make it wait counts up to so many times of what it
/// takes of a processor itself. Beyond that it would not help them, or itself, to leave anything out.
const WAITING: f64 = 2.5;

/// What a thread shows of itself.
#[derive(Debug, Default)]
pub(in crate::media) struct Load {
    /// The part of its time in which it is at work, in thousandths.
    busy: AtomicU32,
    strain: AtomicU8,
    halls: AtomicU32,
}

impl Load {
    pub(in crate::media) fn show(&self, busy: f64, strain: Strain, halls: usize) {
        self.busy.store((busy.clamp(0.0, 1.0) * 1_000.0) as u32, Ordering::Relaxed);
        self.strain.store(strain as u8, Ordering::Relaxed);
        self.halls.store(u32::try_from(halls).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Another hall will be here, before it is seen what that means.
    pub(super) fn expect_hall(&self) {
        self.halls.fetch_add(1, Ordering::Relaxed);
    }

    /// Less is better. What two threads differ by a few hundredths says nothing; then it is who has fewer halls.
    pub(super) fn rank(&self) -> (u8, u32, u32) {
        (self.strain.load(Ordering::Relaxed), self.busy.load(Ordering::Relaxed) / 50, self.halls.load(Ordering::Relaxed))
    }

    /// How much more it can do.
    pub(in crate::media) fn room(&self) -> Room {
        match self.busy.load(Ordering::Relaxed) {
            _ if self.strain.load(Ordering::Relaxed) > 0 => Room::None,
            ..LITTLE => Room::Enough,
            LITTLE..FULL => Room::Little,
            FULL.. => Room::None,
        }
    }
}

/// How a thread spends its time.
#[derive(Debug)]
pub(in crate::media) struct Pulse {
    worked: Duration,
    looked_at: Instant,
    cpu: Duration,
    busy: f64,
    share: f64,
}

/// What a look at it has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::media) struct Beat {
    /// The part of the time since the last look in which it was at work, or would have been if others had not taken the processor: of the
    /// time that it may take.
    pub(in crate::media) at_once: f64,
    /// The same over the last seconds.
    pub(in crate::media) busy: f64,
    /// What it took of a processor since the last look.
    pub(in crate::media) cpu: Duration,
}

impl Pulse {
    /// `share`: the part of its time that it may be at work. The first look tells nothing of the processor, if this is made on another
    /// thread.
    pub(in crate::media) fn new(now: Instant, share: f64) -> Self {
        Self { worked: Duration::ZERO, looked_at: now, cpu: cpu(), busy: 0.0, share }
    }

    /// It was at work for so long.
    pub(in crate::media) fn add(&mut self, worked: Duration) {
        self.worked += worked;
    }

    /// To be done every second, on the thread itself.
    pub(in crate::media) fn look(&mut self, now: Instant) -> Beat {
        let (elapsed, cpu) = (now.saturating_duration_since(self.looked_at), cpu());
        let beat = self.beat(elapsed, cpu.saturating_sub(self.cpu));
        (self.worked, self.looked_at, self.cpu) = (Duration::ZERO, now, cpu);
        beat
    }

    fn beat(&mut self, elapsed: Duration, cpu: Duration) -> Beat {
        let share = |time: Duration| if elapsed.is_zero() { 0.0 } else { time.as_secs_f64() / elapsed.as_secs_f64() };
        let at_once = share(self.worked).min(share(cpu) * WAITING) / self.share;
        self.busy = f64::midpoint(self.busy, at_once);
        Beat { at_once, busy: self.busy, cpu }
    }
}

/// What this thread has taken of a processor.
fn cpu() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_has_little_room_and_who_leaves_things_out_has_none() {
        let load = Load::default();
        assert_eq!(load.room(), Room::Enough);
        for (busy, room) in [(0.64, Room::Enough), (0.7, Room::Little), (0.81, Room::None), (7.0, Room::None)] {
            load.show(busy, Strain::None, 1);
            assert_eq!(load.room(), room, "{busy}");
        }
        load.show(0.3, Strain::Large, 1);
        assert_eq!(load.room(), Room::None);
    }

    #[test]
    fn a_room_goes_to_who_has_least_to_do() {
        let [idle, full, strained] = [(0.02, Strain::None, 3), (0.01, Strain::None, 4), (0.0, Strain::Large, 0)].map(|(busy, strain, halls)| {
            let load = Load::default();
            load.show(busy, strain, halls);
            load
        });
        assert!(idle.rank() < full.rank() && full.rank() < strained.rank());
        idle.expect_hall();
        idle.expect_hall();
        assert!(full.rank() < idle.rank());
    }

    impl Pulse {
        fn second(&mut self, worked: u64, cpu: u64) -> Beat {
            self.worked = Duration::from_millis(worked);
            self.beat(Duration::from_secs(1), Duration::from_millis(cpu))
        }
    }

    #[test]
    fn work_counts_and_what_others_make_it_wait_to_some_degree() {
        let mut pulse = Pulse::new(Instant::now(), 1.0);
        let mut second = |worked, cpu| pulse.second(worked, cpu);
        for _ in 0..8 {
            assert!((second(400, 390).at_once - 0.4).abs() < 1e-6);
        }
        assert!((second(400, 390).busy - 0.4).abs() < 0.01);
        assert!((second(0, 0).busy - 0.2).abs() < 0.01, "it forgets within seconds");
        assert!((second(900, 500).at_once - 0.9).abs() < 1e-6, "two threads on one core");
        assert!((second(900, 40).at_once - 0.1).abs() < 1e-6, "somebody else has the core");
        pulse.share = 0.5;
        assert!((pulse.second(400, 400).at_once - 0.8).abs() < 1e-6, "it may take half of it");
    }

    #[test]
    fn what_a_thread_takes_of_a_processor_is_seen() {
        let mut pulse = Pulse::new(Instant::now(), 1.0);
        let mut sum = 0_u64;
        while pulse.look(Instant::now()).cpu.is_zero() {
            sum = (0..1_000).fold(sum, |sum, number| sum.rotate_left(3) ^ std::hint::black_box(number));
        }
        std::hint::black_box(sum);
    }
}
