//! Media through the server: threads that own whole rooms and forward what is said and shown in them.
//!
//! The rest of the server sees a room's place on one of the threads ([`Hall`]), and what is told of it ([`Told`]). The thread of the relay
//! receives all datagrams of the one port, and hands over those of media in batches (`dispatch`, `batch`, `intake`); each thread (`thread`)
//! gives them to its [`Shard`](fireside_sfu::Shard), and sends by itself (`outlets`). What this refuses to know: meetings, and what is in
//! a packet.

mod batch;
mod counts;
mod delays;
mod dispatch;
mod endpoints;
mod hall;
mod halls;
mod intake;
mod ladder;
mod load;
mod news;
mod outlets;
mod thread;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use fireside_sfu::{Endpoint, Event, Identity, RoomId, Tag};
use fireside_turn::FiveTuple;
use rand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::desk::Desk;
use super::framing::Framing;
use super::ports::OpenPorts;
use super::stream::{self, Begun, Taker};
use super::{Media, Pace};
pub(super) use batch::Batch;
pub(super) use dispatch::{Counts as DispatchCounts, Dispatch};
pub(super) use endpoints::endpoints;
pub use hall::Hall;
use intake::{Intake, Order};
pub(super) use load::{Load, Pulse};
use news::News;
use thread::Plan;

/// What waits to be told to one meeting. When there is more, the meeting does not keep up: its hall ends ([`Told::Ended`]).
pub const TOLD: usize = 4_096;

/// A browser checks its way as soon as the stream is there.
const FIRST_CHECK_WITHIN: Duration = Duration::from_secs(10);
/// The longest check, and what may come with it.
const FIRST_CHECK: usize = 1_500;

/// What a meeting is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something of one of its peers, or who speaks.
    Event(Event),
    /// Everything in the hall has ended: the thread had a fault, or too much waited to be told. Another hall may be opened.
    Ended,
}

/// How much more the threads can do, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Enough.
    Enough,
    /// Whoever is here stays; calls that can go from peer to peer should.
    Little,
    /// Nobody else is taken.
    None,
}

impl Media {
    /// A place for a room's media, on the thread that has least to do. Events are told in order. It has ended from the start if `told` has
    /// no room.
    #[must_use]
    pub fn hall(&self, told: mpsc::Sender<Told>) -> Hall {
        self.shared.forwarding.hall(told)
    }

    /// How much more can be done: for those in this hall, or for those in another.
    #[must_use]
    pub fn room_to_forward(&self, hall: Option<&Hall>) -> Room {
        let room = hall.map_or_else(|| self.shared.forwarding.room(), Hall::room);
        // All datagrams come by the one thread.
        room.max(self.shared.desk.load.room())
    }
}

/// Where we are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Where clients find us.
    pub(super) endpoints: Vec<Endpoint>,
    /// The addresses of relays, one of each family at most.
    pub(super) relays: Vec<IpAddr>,
}

/// The ways out beside sockets: to relays of ours.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) desk: Arc<Desk>,
    pub(super) open: Arc<OpenPorts>,
}

/// The threads.
#[derive(Debug)]
pub(super) struct Forwarding {
    intakes: Vec<Arc<Intake>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    rooms: AtomicU64,
    peers: Arc<AtomicU64>,
}

impl Forwarding {
    /// Starts so many threads, which send by copies of these sockets.
    pub(super) fn start(
        threads: usize,
        pace: Pace,
        sockets: &[std::net::UdpSocket],
        places: &Places,
        ways: &Ways,
    ) -> anyhow::Result<(Self, Dispatch)> {
        let identity = Identity::generate().context("there is no randomness for the keys of media")?;
        let news = Arc::new(News::default());
        let (mut intakes, mut handles) = (Vec::new(), Vec::new());
        for number in 0..u8::try_from(threads.max(1)).unwrap_or(u8::MAX) {
            // There are as many names as tags, which is more than threads can do anything with.
            let Some(tag) = Tag::new(number) else { break };
            let (identity, places, news) = (identity.clone(), places.clone(), Arc::clone(&news));
            let sockets = sockets.iter().map(std::net::UdpSocket::try_clone).collect::<Result<_, _>>().context("sockets of media")?;
            let plan = Plan { number, tag, share: pace.share, identity, places, news };
            let (intake, handle) = thread::start(plan, sockets, ways.clone()).context("a thread for media cannot be started")?;
            intakes.push(intake);
            handles.push(handle);
        }
        let dispatch = Dispatch::new(intakes.iter().cloned(), news);
        let forwarding = Self { intakes, threads: Mutex::new(handles), rooms: AtomicU64::new(0), peers: Arc::new(AtomicU64::new(0)) };
        Ok((forwarding, dispatch))
    }

    /// Another hall goes to the thread that has least to do.
    fn room(&self) -> Room {
        self.intakes.iter().map(|intake| intake.load.room()).min().unwrap_or(Room::None)
    }

    fn hall(&self, told: mpsc::Sender<Told>) -> Hall {
        let room = RoomId(self.rooms.fetch_add(1, Ordering::Relaxed));
        let least = self.intakes.iter().min_by_key(|intake| intake.load.rank());
        // There is one at least.
        let intake = least.map(Arc::clone).unwrap_or_default();
        intake.load.expect_hall();
        Hall::open(room, intake, Arc::clone(&self.peers), told)
    }

    /// Hands a stream to the thread that its first check names, and attends to it until it ends.
    pub(super) async fn carry(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin + Send, tuple: FiveTuple) {
        let Ok(Some((tag, held))) = timeout(FIRST_CHECK_WITHIN, first_check(&mut stream)).await else { return };
        let Some(intake) = self.intakes.get(usize::from(tag.shard())) else { return };
        let begun = Begun { tuple, framing: Framing::Media, held: &held };
        stream::attend(Arc::clone(intake) as Arc<dyn Taker>, stream, begun, stream::SHOWN_WITHIN).await;
    }

    /// Clients who come from now on find us there.
    pub(super) fn set_places(&self, places: &Places) {
        self.intakes.iter().for_each(|intake| intake.order(Order::Places(places.clone())));
    }

    /// All halls end, and with them the threads.
    pub(super) fn close(&self) {
        self.intakes.iter().for_each(|intake| intake.order(Order::Close));
    }

    /// Waits until the threads have ended.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // A thread that had a fault has said so.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

/// Reads until it is known who is called. Whoever says something else is not listened to.
async fn first_check(stream: &mut (impl AsyncRead + Unpin)) -> Option<(Tag, Vec<u8>)> {
    let mut held = Vec::with_capacity(FIRST_CHECK);
    loop {
        let tag = Framing::Media.messages(&held).next().map(Tag::of_check);
        if let Some(tag) = tag {
            return Some((tag?, held));
        }
        if held.len() >= FIRST_CHECK || stream.read_buf(&mut held).await.ok()? == 0 {
            return None;
        }
    }
}

/// Bytes that nobody can guess.
fn random(bytes: &mut [u8]) {
    rand::rng().fill_bytes(bytes);
}

#[cfg(test)]
mod tests;
