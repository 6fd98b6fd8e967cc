//! Somebody in a meeting: joins by a link, sends, shows what others send, and goes where the meeting goes, through the server or peer to
//! peer. Their connection to the server is not taken up again when it breaks: a bot that is gone is a finding.

mod attend;
mod link;
mod pairs;
mod route;
mod socket;
mod steer;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fireside_protocol::{ByeCode, ClientMessage, DeniedCode, MediaState, ParticipantId, Topology};
use rustls::ClientConfig;
use tokio::sync::mpsc;

pub use self::link::{NoLink, RoomLink, Site};
pub use self::socket::{Bytes, Lost, connect};
use crate::media::source::{Picture, Voice};
use crate::media::{Broken, Connection, Transport, Weather};
use crate::watch::Seen;

/// Wishes that wait for somebody; who has them waits then.
const WISHES: usize = 32;

/// How somebody takes part.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The name to be shown by.
    pub name: String,
    /// Their camera: each of its sizes goes to the server, peer to peer one that fits.
    pub camera: Option<Picture>,
    /// Their screen.
    pub screen: Option<Picture>,
    /// Their microphone.
    pub voice: Option<Voice>,
    /// So many pictures of others are in sight.
    pub tiles: usize,
    /// How high each is, in pixels; without it by how many there are.
    pub height: Option<u32>,
    /// Looks at other people's pictures after so long.
    pub turns_pages: Option<Duration>,
    /// The time between two pictures that others send.
    pub frame_time: Duration,
    /// How packets travel to the server.
    pub transport: Transport,
    /// How bad the line is on which media comes.
    pub weather: Weather,
    /// The address to come from; without one any.
    pub from: Option<IpAddr>,
    /// What the server's certificate is checked by.
    pub tls: Option<Arc<ClientConfig>>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            name: "Bot".to_owned(),
            camera: None,
            screen: None,
            voice: None,
            tiles: 25,
            height: None,
            turns_pages: None,
            frame_time: Duration::from_millis(33),
            transport: Transport::Udp,
            weather: Weather::default(),
            from: None,
            tls: None,
        }
    }
}

/// Why somebody did not get in.
#[derive(Debug, thiserror::Error)]
pub enum NotIn {
    /// The server says no.
    #[error("the server lets nobody in: {message} ({code:?})")]
    Denied {
        /// Why, for programs.
        code: DeniedCode,
        /// Why, in words.
        message: String,
    },
    /// It was not heard.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// Their own engine does not work.
    #[error("media cannot be set up: {0}")]
    Media(#[from] Broken),
}

/// How somebody's stay has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As they wished.
    Left,
    /// The server said goodbye.
    Bye(ByeCode),
    /// The connection broke.
    Lost(String),
}

/// How things are for somebody.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What they have received.
    pub seen: Seen,
    /// How media travels.
    pub topology: Option<Topology>,
    /// The number of the last change of that.
    pub change: u32,
    /// That change is under way.
    pub is_changing: bool,
    /// The connection to the server is up (media's, not signalling's).
    pub is_served: bool,
    /// So many people are connected directly.
    pub pairs: usize,
    /// People in the meeting, this one included.
    pub people: usize,
    /// From the first packet to `welcome`.
    pub welcome_in: Option<Duration>,
    /// From the first packet until media could flow.
    pub media_in: Option<Duration>,
    /// How often media's connection to the server ended by itself.
    pub drops: u32,
    /// Whose and which size is in each slot of the server's connection.
    pub shown: Vec<Option<(u32, u8)>>,
    /// They are gone.
    pub ended: Option<Ended>,
}

/// What somebody's peer connections are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Way {
    Server,
    Peer(ParticipantId),
}

/// What is looked at from outside while the person's own task goes on.
#[derive(Debug, Default)]
struct Presence {
    /// What connections saw that have ended.
    past: Seen,
    ways: HashMap<Way, Arc<Connection>>,
    look: Look,
}

enum Wish {
    Say(Box<ClientMessage>),
    Media(MediaState),
    Weather(Weather),
}

/// Somebody who is in a meeting, and leaves it when this is dropped.
#[derive(Debug)]
pub struct Person {
    id: ParticipantId,
    wishes: mpsc::Sender<Wish>,
    presence: Arc<Mutex<Presence>>,
}

impl Person {
    /// Joins.
    ///
    /// # Errors
    /// If they do not get in.
    pub async fn join(link: &RoomLink, manner: Manner) -> Result<Self, NotIn> {
        let (wishes, wished) = mpsc::channel(WISHES);
        let presence = Arc::<Mutex<Presence>>::default();
        let attend = attend::Attend::enter(link, manner, wished, presence.clone()).await?;
        let id = attend.id();
        tokio::spawn(attend.run());
        Ok(Self { id, wishes, presence })
    }

    /// Who they are.
    #[must_use]
    pub fn id(&self) -> ParticipantId {
        self.id
    }

    /// The number that their packets say they are from.
    #[must_use]
    pub fn sender(&self) -> u32 {
        sender(self.id)
    }

    /// How things are now.
    #[must_use]
    pub fn look(&self) -> Look {
        locked(&self.presence).look(Instant::now())
    }

    /// Says something to the server.
    pub async fn say(&self, message: ClientMessage) {
        self.wish(Wish::Say(Box::new(message))).await;
    }

    /// Switches on what they have, and off.
    pub async fn media(&self, media: MediaState) {
        self.wish(Wish::Media(media)).await;
    }

    /// Their line is so from now on.
    pub async fn weather(&self, weather: Weather) {
        self.wish(Wish::Weather(weather)).await;
    }

    async fn wish(&self, wish: Wish) {
        // Who is gone has no wishes; `look` tells.
        let _ = self.wishes.send(wish).await;
    }
}

impl Presence {
    fn look(&self, now: Instant) -> Look {
        let mut look = self.look.clone();
        look.seen = self.past.clone();
        for (way, connection) in &self.ways {
            let watch = connection.watch();
            look.seen.merge(&watch.look(now));
            if *way == Way::Server {
                look.shown = watch.shown();
            }
        }
        look
    }

    fn begin(&mut self, way: Way, connection: Arc<Connection>) {
        self.end(way);
        self.ways.insert(way, connection);
    }

    fn end(&mut self, way: Way) {
        if let Some(connection) = self.ways.remove(&way) {
            let mut seen = connection.watch().look(Instant::now());
            // What is over is not waited for.
            seen.totals.starved = 0;
            self.past.merge(&seen);
        }
    }
}

/// The number that a participant's packets say they are from.
#[must_use]
pub fn sender(participant: ParticipantId) -> u32 {
    let bits = participant.0.as_u128();
    // The last bits are the random ones.
    u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default()
}

fn locked(presence: &Mutex<Presence>) -> MutexGuard<'_, Presence> {
    presence.lock().unwrap_or_else(PoisonError::into_inner)
}
