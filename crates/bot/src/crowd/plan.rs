//! What a crowd does: how many, where, for how long, and what each of them sends and looks at.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde::{Deserialize, Serialize};

use crate::media::source::{Picture, Turns, Voice};
use crate::media::{Transport, Weather};
use crate::person::{Manner, RoomLink};
use crate::vp8::Colour;

/// No crowd is larger: a machine with so many is a server's load already.
pub const MOST_PEOPLE: usize = 2_000;
/// No crowd stays longer.
pub const LONGEST: Duration = Duration::from_secs(3_600);
/// Who is there last needs so long until pictures flow.
pub const WARM_UP: Duration = Duration::from_secs(2);
/// How long somebody speaks before the next one does.
const TURN: Duration = Duration::from_secs(5);
/// Tiles that a browser shows at most.
const TILES: usize = 25;
/// People who come from one address of a local machine, as from one household: limits per address stay as they are.
const HOUSEHOLD: usize = 4;

/// What the publishers send, and what is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Cameras in three sizes, of which everyone looks at nine; people speak in turns.
    Meeting,
    /// Cameras in three sizes, of which everyone looks at one; the first one speaks.
    Webinar,
    /// The first shares a screen and speaks; cameras beside it are small.
    Screens,
    /// Up to 25 small cameras of one size each, 150 kbit/s; people speak in turns.
    Grid,
    /// Sound alone; people speak in turns.
    Voices,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Meeting, Self::Webinar, Self::Screens, Self::Grid, Self::Voices];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Meeting => "meeting",
            Self::Webinar => "webinar",
            Self::Screens => "screens",
            Self::Grid => "grid",
            Self::Voices => "voices",
        }
    }
}

/// The text is not the name of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of meeting, webinar, screens, grid, voices")]
pub struct NoProfile;

impl FromStr for Profile {
    type Err = NoProfile;

    fn from_str(text: &str) -> Result<Self, NoProfile> {
        Self::ALL.into_iter().find(|profile| profile.name() == text).ok_or(NoProfile)
    }
}

/// A camera that sends one size only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneSize {
    /// In pixels.
    pub height: u16,
    /// Bits a second.
    pub bitrate: u32,
    /// Frames a second.
    pub fps: u32,
}

impl OneSize {
    /// What is sent to be shown as one of many.
    pub const SMALL: Self = Self { height: 180, bitrate: 150_000, fps: 30 };

    fn picture(self, colour: Colour) -> Picture {
        Picture::single(colour, self.height, self.bitrate, self.fps)
    }
}

/// What a crowd does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where they go.
    pub rooms: Vec<RoomLink>,
    /// In each room so many send.
    pub publishers: usize,
    /// And so many look on.
    pub subscribers: usize,
    /// What they send.
    pub profile: Profile,
    /// Cameras send this, whatever the profile says.
    pub one_size: Option<OneSize>,
    /// So long after the last one has come it begins to be measured.
    pub warm_up: Duration,
    /// How long it is measured, once all are there.
    pub duration: Duration,
    /// One comes after the other in this time.
    pub join_every: Duration,
    /// So often somebody leaves a room and somebody else comes.
    pub churn: Option<Duration>,
    /// How packets travel to the server.
    pub transport: Transport,
    /// How bad everyone's line is.
    pub weather: Weather,
    /// They come from many addresses of this machine's own network, 127.0.0.0/8.
    pub is_local: bool,
    /// What the server's certificate is checked by.
    pub tls: Option<Arc<ClientConfig>>,
}

/// What is wrong with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Nobody, or nowhere.
    #[error("there is nobody to join, or no room")]
    Nobody,
    /// Too many.
    #[error("there are at most {MOST_PEOPLE} bots")]
    TooMany,
    /// Too long.
    #[error("it takes an hour at most")]
    TooLong,
}

impl Plan {
    /// Within bounds.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self) -> Result<(), Wrong> {
        self.check_for(self.people())
    }

    /// Within bounds, with so many people in all: before the rooms are known.
    ///
    /// # Errors
    /// If it is not.
    pub fn check_for(&self, people: usize) -> Result<(), Wrong> {
        if people == 0 {
            return Err(Wrong::Nobody);
        }
        if people > MOST_PEOPLE {
            return Err(Wrong::TooMany);
        }
        let joining = self.join_every.saturating_mul(u32::try_from(people).unwrap_or(u32::MAX));
        if self.duration.saturating_add(self.warm_up).saturating_add(joining) > LONGEST { Err(Wrong::TooLong) } else { Ok(()) }
    }

    /// People in a room.
    #[must_use]
    pub fn room_of(&self) -> usize {
        self.publishers.saturating_add(self.subscribers)
    }

    /// All of them.
    #[must_use]
    pub fn people(&self) -> usize {
        self.rooms.len().saturating_mul(self.room_of())
    }

    /// The `seat`th of a room, who is the `number`th of all.
    #[must_use]
    pub fn manner(&self, seat: usize, number: usize) -> Manner {
        let is_publisher = seat < self.publishers;
        let camera = self.camera(seat).filter(|_| is_publisher);
        let fps = camera.as_ref().map_or(30, |camera| camera.fps);
        let (tiles, height) = match self.profile {
            Profile::Meeting => (9, None),
            Profile::Webinar => (1, None),
            Profile::Screens => (TILES, None),
            Profile::Grid => (TILES, Some(180)),
            Profile::Voices => (0, None),
        };
        Manner {
            name: if is_publisher { format!("Bot {number}") } else { format!("Viewer {number}") },
            camera,
            screen: (self.profile == Profile::Screens && seat == 0).then(|| Picture::screen(Colour::of(number + 7))),
            voice: self.voice(seat).filter(|_| is_publisher),
            tiles,
            height,
            // A screen has fewer pictures than a camera: the slowest that may be in sight counts.
            frame_time: Duration::from_secs(1) / if self.profile == Profile::Screens { 10 } else { fps },
            transport: self.transport,
            weather: self.weather,
            from: self.is_local.then(|| household(number)),
            tls: self.tls.clone(),
            ..Manner::default()
        }
    }

    fn camera(&self, seat: usize) -> Option<Picture> {
        let colour = Colour::of(seat);
        match self.profile {
            Profile::Voices => None,
            _ if self.one_size.is_some() => self.one_size.map(|one| one.picture(colour)),
            Profile::Meeting | Profile::Webinar | Profile::Screens => Some(Picture::camera(colour)),
            Profile::Grid => Some(OneSize::SMALL.picture(colour)),
        }
    }

    fn voice(&self, seat: usize) -> Option<Voice> {
        let of = u32::try_from(self.publishers).unwrap_or(1);
        let turns = Turns { length: TURN, of, at: u32::try_from(seat).unwrap_or_default() };
        match self.profile {
            Profile::Webinar | Profile::Screens if seat > 0 => Some(Voice { bitrate: 32_000, turns: Some(Turns { of: 0, at: 1, ..turns }) }),
            Profile::Webinar | Profile::Screens => Some(Voice { bitrate: 32_000, turns: None }),
            Profile::Meeting | Profile::Grid | Profile::Voices => Some(Voice { bitrate: 32_000, turns: Some(turns) }),
        }
    }
}

/// An address of this machine, the same for a few.
#[must_use]
pub fn household(number: usize) -> IpAddr {
    let house = u32::try_from(number / HOUSEHOLD).unwrap_or_default() % 0x00FE_0000;
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + house).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rooms: usize, publishers: usize, subscribers: usize) -> Plan {
        let link: RoomLink = "http://127.0.0.1:8000/r/k7fq-2mzx-9tda".parse().expect("a link");
        Plan {
            rooms: vec![link; rooms],
            publishers,
            subscribers,
            profile: Profile::Meeting,
            one_size: None,
            warm_up: WARM_UP,
            duration: Duration::from_secs(60),
            join_every: Duration::from_millis(20),
            churn: None,
            transport: Transport::Udp,
            weather: Weather::default(),
            is_local: true,
            tls: None,
        }
    }

    #[test]
    fn a_plan_is_bounded() {
        assert_eq!(plan(10, 10, 190).check(), Ok(()));
        assert_eq!(plan(10, 10, 191).check(), Err(Wrong::TooMany));
        assert_eq!(plan(1, usize::MAX, 1).check(), Err(Wrong::TooMany));
        assert_eq!(plan(0, 1, 0).check(), Err(Wrong::Nobody));
        assert_eq!(plan(1, 0, 0).check(), Err(Wrong::Nobody));
        assert_eq!(Plan { duration: Duration::from_secs(3_600), ..plan(1, 1, 0) }.check(), Err(Wrong::TooLong));
        assert_eq!(Plan { join_every: Duration::from_secs(3_600), ..plan(1, 1, 1) }.check(), Err(Wrong::TooLong));
    }

    #[test]
    fn who_looks_on_sends_nothing_and_households_share_an_address() {
        let plan = plan(1, 2, 2);
        assert!(plan.manner(1, 1).camera.is_some() && plan.manner(1, 1).voice.is_some());
        let viewer = plan.manner(2, 2);
        assert!(viewer.camera.is_none() && viewer.voice.is_none() && viewer.tiles == 9);
        assert_eq!(household(3), household(0));
        assert_ne!(household(4), household(0));
        assert!(household(usize::MAX).is_loopback());
    }
}
