//! The scenarios, by name.

use std::fmt;
use std::str::FromStr;

use fireside_bot::crowd::{OneSize, Profile};
use fireside_bot::media::Transport;
use serde::{Serialize, Serializer};

use super::task::{Step, Task};

/// People in each of the rooms of small cameras.
pub(crate) const ROOM_OF: usize = 10;
/// What the server is to have found out by the time that it is measured: how much each line carries.
const WARM_UP: u64 = 8;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// One sends one size to so many.
    OneTo(usize),
    /// Ten who send one size see each other.
    Meeting,
    /// So many rooms of ten small cameras, 90 pictures in sight in each.
    Tracks(usize),
    /// Fifty with cameras of three sizes, each of whom sees 25.
    Fifty,
    /// Two hundred, twenty of whom have small slow cameras that everyone sees.
    TwoHundred,
    /// Four with cameras and four who look on; so many of a hundred packets get lost on the way to everyone.
    Loss(u8),
    /// Somebody leaves and somebody else comes, twice a second.
    Churn,
    /// One viewer of four, whose line has 4 Mbit/s, then 0.3, then 4 again.
    Steps,
}

impl Scenario {
    /// Those of which Janus is capable, too.
    pub(crate) const COMPARED: [Self; 4] = [Self::OneTo(10), Self::OneTo(50), Self::OneTo(100), Self::Meeting];

    pub(crate) const ALL: [Self; 13] = [
        Self::OneTo(10),
        Self::OneTo(50),
        Self::OneTo(100),
        Self::Meeting,
        Self::Tracks(8),
        Self::Fifty,
        Self::TwoHundred,
        Self::Loss(5),
        Self::Loss(10),
        Self::Loss(20),
        Self::Loss(30),
        Self::Churn,
        Self::Steps,
    ];

    /// Nothing in it asks for more than to pass packets on.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::OneTo(_) | Self::Meeting | Self::Tracks(_))
    }

    pub(crate) fn rooms(self) -> usize {
        if let Self::Tracks(rooms) = self { rooms } else { 1 }
    }

    /// What is to be done; `kbit`: the rate of cameras of one size.
    pub(crate) fn task(self, seconds: u64, kbit: u32) -> Task {
        let task = Task {
            rooms: Vec::new(),
            janus: None,
            publishers: 4,
            subscribers: 4,
            profile: Profile::Meeting,
            one_size: None,
            warm_up: WARM_UP,
            seconds,
            churn_ms: None,
            loss: 0,
            transport: Transport::Udp,
            steps: Vec::new(),
        };
        let height = if kbit < 400 { 180 } else { 720 };
        let one = Some(OneSize { height, bitrate: kbit * 1_000, fps: 30 });
        let many = |publishers, profile, one_size| Task { publishers, subscribers: 0, profile, one_size, ..task.clone() };
        match self {
            Self::OneTo(subscribers) => Task { publishers: 1, subscribers, profile: Profile::Webinar, one_size: one, ..task },
            Self::Meeting => many(10, Profile::Meeting, one),
            Self::Tracks(_) => many(ROOM_OF, Profile::Grid, Some(OneSize::SMALL)),
            Self::Fifty => many(50, Profile::Grid, None),
            Self::TwoHundred => {
                let slow = OneSize { bitrate: 100_000, fps: 15, ..OneSize::SMALL };
                Task { subscribers: 180, ..many(20, Profile::Grid, Some(slow)) }
            }
            Self::Loss(loss) => Task { loss, ..task },
            Self::Churn => Task { churn_ms: Some(500), ..task },
            Self::Steps => {
                let step = |kbit, seconds| Step { kbit, seconds };
                Task { subscribers: 0, steps: vec![step(4_000, 20), step(300, 20), step(4_000, 30)], ..task }
            }
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneTo(viewers) => write!(f, "one-to-{viewers}"),
            Self::Meeting => f.write_str("meeting-10"),
            Self::Tracks(rooms) => write!(f, "tracks-{rooms}"),
            Self::Fifty => f.write_str("room-50"),
            Self::TwoHundred => f.write_str("room-200"),
            Self::Loss(hundredths) => write!(f, "loss-{hundredths}"),
            Self::Churn => f.write_str("churn"),
            Self::Steps => f.write_str("steps"),
        }
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let counted = |name: &str, most: usize| text.strip_prefix(name)?.parse::<usize>().ok().filter(|count| (1..=most).contains(count));
        let found = match text {
            "meeting-10" => Some(Self::Meeting),
            "room-50" => Some(Self::Fifty),
            "room-200" => Some(Self::TwoHundred),
            "churn" => Some(Self::Churn),
            "steps" => Some(Self::Steps),
            _ => counted("one-to-", 400)
                .map(Self::OneTo)
                .or_else(|| counted("tracks-", 40).map(Self::Tracks))
                .or_else(|| Some(Self::Loss(counted("loss-", 50)?.try_into().ok()?))),
        };
        found.ok_or_else(|| "not one of one-to-N, meeting-10, tracks-N, room-50, room-200, loss-N, churn, steps".to_owned())
    }
}

impl Serialize for Scenario {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_stays_within_bounds() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.to_string().parse(), Ok(scenario));
        }
        for text in ["one-to-401", "one-to-0", "tracks-41", "loss-51", "loss-", "everything"] {
            assert!(text.parse::<Scenario>().is_err(), "{text}");
        }
    }
}
