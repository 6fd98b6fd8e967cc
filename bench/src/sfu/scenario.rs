//! The scenarios, by name.

use std::str::FromStr;

use fireside_bot::crowd::Profile;
use fireside_bot::media::Transport;

use super::task::{Step, Task};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// One sends 1.5 Mbit/s to so many.
    OneTo(usize),
    /// Ten with cameras who see each other.
    Meeting,
    /// Fifty with cameras, each of whom sees 25.
    Fifty,
    /// Eight rooms of ten small cameras: 720 pictures of 150 kbit/s at a time.
    Tracks,
    /// Two rooms of ten small cameras: for the delay, while the server has little to do.
    Half,
    /// Four with cameras and four who look on; so many of a hundred packets get lost on the way to everyone.
    Loss(u8),
    /// Somebody leaves and somebody else comes, twice a second.
    Churn,
    /// One viewer of four, whose line has 4 Mbit/s, then 0.3, then 4 again.
    Steps,
}

impl Scenario {
    pub(crate) const ALL: [Self; 13] = [
        Self::OneTo(10),
        Self::OneTo(50),
        Self::OneTo(100),
        Self::Meeting,
        Self::Fifty,
        Self::Tracks,
        Self::Half,
        Self::Loss(5),
        Self::Loss(10),
        Self::Loss(20),
        Self::Loss(30),
        Self::Churn,
        Self::Steps,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneTo(10) => "one-to-10",
            Self::OneTo(50) => "one-to-50",
            Self::OneTo(_) => "one-to-100",
            Self::Meeting => "meeting-10",
            Self::Fifty => "room-50",
            Self::Tracks => "tracks",
            Self::Half => "half-load",
            Self::Loss(5) => "loss-5",
            Self::Loss(10) => "loss-10",
            Self::Loss(20) => "loss-20",
            Self::Loss(_) => "loss-30",
            Self::Churn => "churn",
            Self::Steps => "steps",
        }
    }

    pub(crate) fn rooms(self) -> usize {
        match self {
            Self::Tracks => 8,
            Self::Half => 2,
            _ => 1,
        }
    }

    pub(crate) fn task(self, seconds: u64) -> Task {
        let task = Task {
            rooms: Vec::new(),
            publishers: 4,
            subscribers: 4,
            profile: Profile::Meeting,
            seconds,
            churn_ms: None,
            loss: 0,
            transport: Transport::Udp,
            steps: Vec::new(),
        };
        let many = |publishers, profile| Task { publishers, subscribers: 0, profile, ..task.clone() };
        match self {
            Self::OneTo(subscribers) => Task { publishers: 1, subscribers, profile: Profile::Webinar, ..task },
            Self::Meeting => many(10, Profile::Meeting),
            Self::Fifty => many(50, Profile::Grid),
            Self::Tracks | Self::Half => many(10, Profile::Grid),
            Self::Loss(loss) => Task { loss, ..task },
            Self::Churn => Task { churn_ms: Some(500), ..task },
            Self::Steps => {
                let step = |kbit, seconds| Step { kbit, seconds };
                Task { subscribers: 0, steps: vec![step(4_000, 20), step(300, 20), step(4_000, 30)], ..task }
            }
        }
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|scenario| scenario.name() == text).ok_or_else(|| format!("not one of {}", names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse(), Ok(scenario));
        }
    }
}
