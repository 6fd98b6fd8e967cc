//! The forwarding plane of one thread: whole rooms, their peers, and the datagrams of both. A state machine: time and everything else
//! come in as arguments, and what must be done is asked for afterwards.
//!
//! # Driving it
//!
//! ```text
//! loop {
//!     wait for datagrams, commands, or until shard.next()
//!     for each datagram:  shard.datagram(now, …)      // one batch of receiving
//!     for each command:   shard.command(now, …)
//!     shard.advance(now)                              // once per turn: what was forwarded becomes transmits, timers run
//!     while let Some(transmit) = shard.poll_transmit()  // those to one peer follow each other: one send with segmentation
//!     while let Some(event) = shard.poll_event()
//! }
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::budget::Bitrate;
use crate::demux::{Address, Demux, Tag, is_check};
use crate::meter::Allowance;
use crate::offer::{Offer, Refused};
use crate::packet::{Datagram, Endpoint, Transmit};
use crate::peer::{Broken, Happened, Identity, Peer, Random};
use crate::router::{Forward, Look, Order, Router, Told};
use crate::strain::Strain;
use crate::track::{PeerId, RoomId, Slot, Source, Track};

/// Whoever does not connect in this time does not come, or is gone: the client would have begun anew.
const UNREACHABLE: Duration = Duration::from_secs(30);
/// Peers of one shard. A thread is busy long before.
const PEERS: usize = 4_096;
/// Of those who come into a room, so many at a time may not be connected yet: each costs a handshake's memory. All of a large meeting come
/// back at once after a restart.
const CONNECTING: usize = 1_024;
/// So many wait at the door. They are counted by themselves: they keep nobody out who comes into a room.
const WAITING: usize = 256;
/// For so long: who has not come in by then offers again when they do.
const WAITS: Duration = Duration::from_secs(300);
/// A peer's datagrams in a second: three layers of a camera, a screen, sound, and reports of forty streams are some 1,500.
const DATAGRAMS: u64 = 4_000;
/// And their bits: a camera and a screen as sharp as browsers make them are some 6 Mbit/s, with retransmissions.
const BITS: u64 = 16_000_000;
/// Tracks that a viewer can say it looks at.
const VIEW: usize = 64;
/// Estimates are told to the server when they change by more than a part of this.
const TELL: u64 = 8;

/// What the server wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Somebody comes, with their offer. Answered by [`Event::Answer`] or [`Event::Closed`].
    Admit {
        /// To which call. `None`: they wait at the door; their connection is made, nothing is forwarded to or from them, until
        /// [`Command::Enter`].
        room: Option<RoomId>,
        /// Who. Nobody else may have this number.
        peer: PeerId,
        /// The offer, as in [`crate::offer`].
        offer: String,
        /// What they may send.
        may_send: Vec<Source>,
    },
    /// Somebody who waited comes in.
    Enter {
        /// To which call.
        room: RoomId,
        /// Who.
        peer: PeerId,
        /// What they may send.
        may_send: Vec<Source>,
    },
    /// A later offer of somebody who is there. Answered by [`Event::Answer`], or [`Event::Refused`] with nothing changed for others.
    Renegotiate {
        /// Whose.
        peer: PeerId,
        /// The offer.
        offer: String,
    },
    /// What somebody looks at, the most important first.
    View {
        /// Who.
        peer: PeerId,
        /// The tiles in sight.
        view: Vec<Look>,
    },
    /// What somebody may send has changed.
    Permit {
        /// Who.
        peer: PeerId,
        /// What they may send.
        may_send: Vec<Source>,
    },
    /// Somebody muted what they send, or was muted: nothing of it goes to anybody.
    Mute {
        /// What.
        track: Track,
        /// Or no longer.
        is_muted: bool,
    },
    /// Somebody leaves.
    Remove {
        /// Who.
        peer: PeerId,
    },
    /// The thread has too much to do, or no longer.
    Strain(Strain),
    /// A stream (TCP) has ended.
    StreamEnded {
        /// Where it came from.
        from: std::net::SocketAddr,
    },
}

/// What the server is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The answer to somebody's offer.
    Answer {
        /// For whom.
        peer: PeerId,
        /// The answer.
        sdp: String,
    },
    /// A later offer was not taken; the connection stays as it was.
    Refused {
        /// Whose.
        peer: PeerId,
        /// Why.
        why: Refused,
    },
    /// Media can flow to and from somebody.
    Connected {
        /// Who.
        peer: PeerId,
    },
    /// Nothing comes from somebody any more, or something does again.
    Reachable {
        /// Who.
        peer: PeerId,
        /// Something comes.
        is_reachable: bool,
    },
    /// The connection has ended by itself. Nothing more is said of it; it need not be removed.
    Closed {
        /// Whose.
        peer: PeerId,
        /// Why.
        why: Ended,
    },
    /// A slot of somebody's connection carries this track from now on. For a picture, from a whole one on, which is on its way.
    Slot {
        /// Whose.
        peer: PeerId,
        /// Which.
        slot: Slot,
        /// What; `None`: nothing that arrives, may be sent or can be afforded.
        track: Option<Track>,
    },
    /// Which layers of somebody's picture anybody wants: the others need not be made.
    Wanted {
        /// What.
        track: Track,
        /// For each layer, the smallest first.
        layers: Vec<bool>,
    },
    /// Pictures in somebody's view that are not sent to them for now; the whole list. For want of their line, or by [`Strain`].
    Held {
        /// Whose view.
        peer: PeerId,
        /// What.
        tracks: Vec<Track>,
        /// It is the thread that has too much to do, not the line.
        is_strain: bool,
    },
    /// Who speaks in a call.
    Speaking {
        /// Where.
        room: RoomId,
        /// Everybody who does.
        speaking: Vec<PeerId>,
        /// Who is to be shown large: who speaks, or spoke last.
        speaker: Option<PeerId>,
    },
    /// What the line to somebody is thought to carry, when it has changed much.
    Estimate {
        /// Who.
        peer: PeerId,
        /// Bits in a second.
        bitrate: Bitrate,
    },
}

/// Why a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The first offer was not taken.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It failed.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Nothing came for too long.
    #[error("nothing came for too long")]
    Unreachable,
    /// They waited at the door for too long.
    #[error("it was waited for too long")]
    Waited,
    /// There are too many here, or somebody has this number.
    #[error("there is no place")]
    NoPlace,
}

/// What has been counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that came.
    pub received: u64,
    /// Those of them that were nobody's.
    pub strange: u64,
    /// Those that were more than their sender may send.
    pub excessive: u64,
    /// Packets of publishers.
    pub packets: u64,
    /// Copies of them that were forwarded.
    pub forwarded: u64,
    /// Copies that were not, because too much waited for the viewer.
    pub left_out: u64,
}

/// The rooms of one thread.
pub struct Shard {
    identity: Identity,
    tag: Tag,
    random: Random,
    endpoints: Arc<[Endpoint]>,
    strain: Strain,
    members: Vec<Option<Box<Member>>>,
    numbers: HashMap<PeerId, usize>,
    rooms: HashMap<RoomId, Router>,
    demux: Demux,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counts: Counts,
    /// Members to whom something was forwarded since the last [`Shard::advance`].
    dirty: Vec<usize>,
    // Buffers that are empty between calls.
    happened: Vec<Happened>,
    forwards: Vec<Forward>,
    orders: Vec<Order>,
}

struct Member {
    id: PeerId,
    standing: Standing,
    peer: Peer,
    may_send: Vec<Source>,
    layers: [Option<usize>; 4],
    /// Where it receives, once it is connected: what would be forwarded before would only wait.
    audio: Vec<bool>,
    video: Vec<bool>,
    is_dirty: bool,
    reach: Reach,
    datagrams: Allowance,
    bits: Allowance,
    estimate: Bitrate,
    told_estimate: Bitrate,
}

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// At the door, for as long.
    Waiting {
        until: Instant,
    },
    In(RoomId),
}

impl Member {
    fn room(&self) -> Option<RoomId> {
        match self.standing {
            Standing::In(room) => Some(room),
            Standing::Waiting { .. } => None,
        }
    }

    fn is_connecting(&self) -> bool {
        matches!(self.reach, Reach::Connecting(_))
    }

    /// When it is given up, and why.
    fn ends(&self) -> Option<(Instant, Ended)> {
        let waited = match self.standing {
            Standing::Waiting { until } => Some((until, Ended::Waited)),
            Standing::In(_) => None,
        };
        let unreachable = self.reach.ends().map(|ends| (ends, Ended::Unreachable));
        waited.into_iter().chain(unreachable).min_by_key(|(ends, _)| *ends)
    }
}

/// Whether something comes from a peer.
#[derive(Clone, Copy, Debug)]
enum Reach {
    Connecting(Instant),
    Connected,
    Lost(Instant),
}

impl Reach {
    /// When it is given up.
    fn ends(self) -> Option<Instant> {
        match self {
            Self::Connecting(since) | Self::Lost(since) => Some(since + UNREACHABLE),
            Self::Connected => None,
        }
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shard").field("peers", &self.numbers.len()).field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Shard {
    /// Without rooms. Clients find it at these addresses, and the names of their checks begin with `tag`.
    #[must_use]
    pub fn new(identity: Identity, endpoints: Vec<Endpoint>, tag: Tag, random: Random) -> Self {
        Self {
            identity,
            tag,
            random,
            endpoints: endpoints.into(),
            strain: Strain::None,
            members: Vec::new(),
            numbers: HashMap::new(),
            rooms: HashMap::new(),
            demux: Demux::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counts: Counts::default(),
            dirty: Vec::new(),
            happened: Vec::new(),
            forwards: Vec::new(),
            orders: Vec::new(),
        }
    }

    /// Addresses at which clients who come from now on find it.
    pub fn set_endpoints(&mut self, endpoints: Vec<Endpoint>) {
        self.endpoints = endpoints.into();
    }

    /// Does what the server wants.
    pub fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Admit { room, peer, offer, may_send } => self.admit(now, room, peer, &offer, may_send),
            Command::Enter { room, peer, may_send } => self.enter(now, room, peer, may_send),
            Command::Strain(strain) => self.strain(now, strain),
            Command::Renegotiate { peer, offer } => self.renegotiate(now, peer, &offer),
            Command::View { peer, mut view } => {
                view.truncate(VIEW);
                view.retain(|look| look.track.peer != peer && look.track.source.kind() == crate::track::Kind::Video);
                self.in_room_of(peer, |room, orders| room.view(now, peer, view, orders));
            }
            Command::Permit { peer, may_send } => self.permit(now, peer, may_send),
            Command::Mute { track, is_muted } => self.in_room_of(track.peer, |room, _| room.mute(track, is_muted)),
            Command::Remove { peer } => self.remove(now, peer),
            Command::StreamEnded { from } => self.demux.forget_address(crate::demux::Transport::Tcp, from),
        }
        self.carry_out(now);
    }

    /// Takes a datagram. False: it is nobody's here.
    pub fn datagram(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        self.counts.received += 1;
        let Some(number) = self.demux.peer(datagram.transport, datagram.from, datagram.bytes) else {
            self.counts.strange += 1;
            return false;
        };
        let Some(member) = self.member(number) else { return false };
        if !(member.datagrams.take(now, 1) && member.bits.take(now, datagram.bytes.len() as u64 * 8)) {
            self.counts.excessive += 1;
            return true;
        }
        match member.peer.receive(now, datagram) {
            Ok(true) => {}
            Ok(false) => {
                self.counts.strange += 1;
                return true;
            }
            Err(broken) => {
                self.end(now, number, broken.into());
                self.carry_out(now);
                return true;
            }
        }
        if is_check(datagram.bytes) {
            self.demux.learn(number, datagram.transport, datagram.from);
        }
        self.drain(now, number);
        true
    }

    /// Lets time pass: what was forwarded becomes transmits, timers run. To be called once after each batch, and at [`Shard::next`].
    pub fn advance(&mut self, now: Instant) {
        self.tick(now);
        let mut dirty = std::mem::take(&mut self.dirty);
        for number in dirty.drain(..) {
            if let Some(member) = self.member(number).filter(|member| member.is_dirty) {
                member.is_dirty = false;
                self.advance_peer(now, number);
            }
        }
        self.dirty = dirty;
        for number in 0..self.members.len() {
            if self.member(number).is_some_and(|member| member.peer.timeout() <= now) {
                self.advance_peer(now, number);
            }
            if let Some((_, why)) = self.member(number).and_then(|member| member.ends()).filter(|(ends, _)| *ends <= now) {
                self.end(now, number, why);
            }
        }
        self.carry_out(now);
    }

    /// When [`Shard::advance`] is to be called although nothing has come.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let peers = self.members.iter().flatten().map(|member| member.peer.timeout());
        let ends = self.members.iter().flatten().filter_map(|member| member.ends()).map(|(ends, _)| ends);
        peers.chain(ends).chain(self.rooms.values().filter_map(Router::next)).min()
    }

    /// What is to be sent. Those for one peer follow each other.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// From where datagrams are this shard's, as that changes.
    pub fn poll_address(&mut self) -> Option<Address> {
        self.demux.poll()
    }

    /// What the server is told.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What has been counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many peers are here.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.numbers.len()
    }

    fn admit(&mut self, now: Instant, room: Option<RoomId>, id: PeerId, offer: &str, may_send: Vec<Source>) {
        if self.numbers.contains_key(&id) || !self.has_place(room.is_none()) {
            self.events.push_back(Event::Closed { peer: id, why: Ended::NoPlace });
            return;
        }
        let mut peer = Peer::new(now, &self.identity, Arc::clone(&self.endpoints), self.tag, &mut self.random);
        let accepted = match Offer::read(offer).and_then(|offer| peer.accept(&offer, &mut self.random)) {
            Ok(accepted) => accepted,
            Err(why) => {
                peer.discard();
                self.events.push_back(Event::Closed { peer: id, why: why.into() });
                return;
            }
        };
        let name = peer.name().to_owned();
        let member = Member {
            id,
            standing: room.map_or(Standing::Waiting { until: now + WAITS }, Standing::In),
            peer,
            may_send,
            layers: accepted.layers,
            audio: accepted.audio,
            video: accepted.video,
            is_dirty: false,
            reach: Reach::Connecting(now),
            datagrams: Allowance::new(now, DATAGRAMS),
            bits: Allowance::new(now, BITS),
            estimate: crate::peer::FIRST_ESTIMATE,
            told_estimate: 0,
        };
        let number = self.place(Box::new(member));
        self.demux.name(&name, number);
        self.numbers.insert(id, number);
        self.events.push_back(Event::Answer { peer: id, sdp: accepted.answer });
        if let Some(room) = room {
            self.come_in(now, room, number);
        }
        self.drain(now, number);
    }

    fn has_place(&self, is_waiting: bool) -> bool {
        let members = || self.members.iter().flatten();
        let is_free = if is_waiting {
            members().filter(|member| member.room().is_none()).count() < WAITING
        } else {
            members().filter(|member| member.room().is_some() && member.is_connecting()).count() < CONNECTING
        };
        is_free && self.numbers.len() < PEERS
    }

    /// Who waited comes in. Who is in a room already, stays there.
    fn enter(&mut self, now: Instant, room: RoomId, id: PeerId, may_send: Vec<Source>) {
        let Some(number) = self.numbers.get(&id).copied() else { return };
        let Some(member) = self.member(number).filter(|member| member.room().is_none()) else { return };
        member.standing = Standing::In(room);
        member.may_send = may_send;
        let is_connected = !member.is_connecting();
        self.come_in(now, room, number);
        if is_connected {
            self.open(now, number);
        }
    }

    fn come_in(&mut self, now: Instant, room: RoomId, number: usize) {
        let Some(member) = self.members.get(number).and_then(Option::as_ref) else { return };
        let (id, estimate, strain) = (member.id, member.estimate, self.strain);
        self.rooms.entry(room).or_insert_with(|| Router::new(strain)).add(number, id, estimate);
        self.publish(now, id);
    }

    fn strain(&mut self, now: Instant, strain: Strain) {
        self.strain = strain;
        for room in self.rooms.values_mut() {
            room.strain(now, strain, &mut self.orders);
        }
    }

    fn place(&mut self, member: Box<Member>) -> usize {
        if let Some((number, place)) = self.members.iter_mut().enumerate().find(|(_, place)| place.is_none()) {
            *place = Some(member);
            return number;
        }
        self.members.push(Some(member));
        self.members.len() - 1
    }

    fn renegotiate(&mut self, now: Instant, id: PeerId, offer: &str) {
        let Some(number) = self.numbers.get(&id).copied() else { return };
        let Some(member) = self.members.get_mut(number).and_then(Option::as_mut) else { return };
        let offer = match Offer::read(offer) {
            Ok(offer) => offer,
            Err(why) => return self.events.push_back(Event::Refused { peer: id, why }),
        };
        match member.peer.accept(&offer, &mut self.random) {
            Ok(accepted) => {
                (member.layers, member.audio, member.video) = (accepted.layers, accepted.audio, accepted.video);
                let is_connected = !member.is_connecting();
                self.demux.name(member.peer.name(), number);
                if is_connected {
                    self.open(now, number);
                }
                self.publish(now, id);
                self.events.push_back(Event::Answer { peer: id, sdp: accepted.answer });
                self.drain(now, number);
            }
            // The engine may have taken a part of it: what it would do next is anybody's guess.
            Err(why) => self.end(now, number, why.into()),
        }
    }

    /// The peer receives in its slots from now on.
    fn open(&mut self, now: Instant, number: usize) {
        let Some(member) = self.members.get(number).and_then(Option::as_ref) else { return };
        if let Some(room) = member.room().and_then(|room| self.rooms.get_mut(&room)) {
            room.open(now, member.id, &member.audio, &member.video, &mut self.orders);
        }
    }

    fn permit(&mut self, now: Instant, peer: PeerId, may_send: Vec<Source>) {
        let Some(number) = self.numbers.get(&peer).copied() else { return };
        if let Some(member) = self.member(number) {
            member.may_send = may_send;
        }
        self.publish(now, peer);
    }

    /// What the peer sends and may send is there for others.
    fn publish(&mut self, now: Instant, peer: PeerId) {
        let Some(member) = self.numbers.get(&peer).and_then(|number| self.members.get(*number)?.as_ref()) else { return };
        let layers = member.layers;
        let may_send = member.may_send.clone();
        for (source, layers) in Source::ALL.into_iter().zip(layers) {
            let layers = layers.filter(|_| may_send.contains(&source));
            self.in_room_of(peer, |room, orders| room.publish(now, Track { peer, source }, layers, orders));
        }
    }

    fn remove(&mut self, now: Instant, id: PeerId) {
        let Some(number) = self.numbers.get(&id).copied() else { return };
        if let Some(member) = self.members.get_mut(number).and_then(Option::as_mut)
            && member.peer.close().is_ok()
        {
            // The good-bye is sent; that it is the end is no news.
            let _ = member.peer.drain(&mut self.transmits, &mut Vec::new());
        }
        self.forget(now, number);
    }

    fn end(&mut self, now: Instant, number: usize, why: Ended) {
        if let Some(peer) = self.forget(now, number) {
            self.events.push_back(Event::Closed { peer, why });
        }
    }

    fn forget(&mut self, now: Instant, number: usize) -> Option<PeerId> {
        let member = self.members.get_mut(number)?.take()?;
        self.numbers.remove(&member.id);
        self.demux.forget(number);
        if let Some(id) = member.room()
            && let Some(room) = self.rooms.get_mut(&id)
        {
            room.remove(now, member.id, &mut self.orders);
            if room.is_empty() {
                self.rooms.remove(&id);
            }
        }
        let id = member.id;
        member.peer.discard();
        Some(id)
    }

    fn member(&mut self, number: usize) -> Option<&mut Member> {
        self.members.get_mut(number)?.as_deref_mut()
    }

    fn in_room_of(&mut self, peer: PeerId, act: impl FnOnce(&mut Router, &mut Vec<Order>)) {
        let member = self.numbers.get(&peer).and_then(|number| self.members.get(*number)?.as_ref());
        if let Some(room) = member.and_then(|member| member.room()).and_then(|room| self.rooms.get_mut(&room)) {
            act(room, &mut self.orders);
        }
    }

    fn tick(&mut self, now: Instant) {
        let mut told = Vec::new();
        for (id, room) in &mut self.rooms {
            if room.next().is_none_or(|next| next <= now) {
                let before = self.orders.len();
                room.tick(now, &mut self.orders);
                told.extend(self.orders.iter().skip(before).filter_map(|order| match order {
                    Order::Tell(Told::Speaking { speaking, speaker }) => {
                        Some(Event::Speaking { room: *id, speaking: speaking.clone(), speaker: *speaker })
                    }
                    _ => None,
                }));
            }
        }
        self.events.extend(told);
        self.carry_out(now);
    }

    fn advance_peer(&mut self, now: Instant, number: usize) {
        let Some(member) = self.member(number) else { return };
        match member.peer.advance(now) {
            Ok(()) => self.drain(now, number),
            Err(broken) => self.end(now, number, broken.into()),
        }
    }

    /// Takes everything out of a connection, and does what follows from it.
    fn drain(&mut self, now: Instant, number: usize) {
        let mut happened = std::mem::take(&mut self.happened);
        let drained = match self.members.get_mut(number).and_then(Option::as_mut) {
            Some(member) => member.peer.drain(&mut self.transmits, &mut happened),
            None => Ok(()),
        };
        for happened in happened.drain(..) {
            self.follow(now, number, happened);
        }
        self.happened = happened;
        if let Err(broken) = drained {
            self.end(now, number, broken.into());
        }
        self.carry_out(now);
    }

    fn follow(&mut self, now: Instant, number: usize, happened: Happened) {
        let Some(member) = self.members.get_mut(number).and_then(Option::as_mut) else { return };
        let id = member.id;
        let room = member.room().and_then(|room| self.rooms.get_mut(&room));
        match happened {
            Happened::Connected => {
                member.reach = Reach::Connected;
                self.events.push_back(Event::Connected { peer: id });
                self.open(now, number);
            }
            Happened::Reachable(is_reachable) => {
                member.reach = match (member.reach, is_reachable) {
                    (Reach::Connected, false) => Reach::Lost(now),
                    (Reach::Lost(_), true) => Reach::Connected,
                    _ => return,
                };
                self.events.push_back(Event::Reachable { peer: id, is_reachable });
            }
            Happened::Packet(packet) => {
                self.counts.packets += 1;
                let Some(room) = room else { return };
                room.packet(now, id, &packet, &mut self.forwards, &mut self.orders);
                self.forward(now, &packet);
            }
            Happened::KeyframeWanted(slot) => {
                if let Some(room) = room {
                    room.keyframe_wanted(now, id, slot, &mut self.orders);
                }
            }
            Happened::Estimate(bitrate) => {
                member.estimate = bitrate;
                if let Some(room) = room {
                    room.estimate(now, id, bitrate, &mut self.orders);
                }
                if bitrate.abs_diff(member.told_estimate) > member.told_estimate / TELL {
                    member.told_estimate = bitrate;
                    self.events.push_back(Event::Estimate { peer: id, bitrate });
                }
            }
        }
    }

    fn forward(&mut self, now: Instant, packet: &crate::packet::Packet) {
        let mut forwards = std::mem::take(&mut self.forwards);
        for forward in forwards.drain(..) {
            let Some(member) = self.members.get_mut(forward.viewer).and_then(Option::as_mut) else { continue };
            match member.peer.forward(forward.slot, &forward.numbers, packet) {
                Ok(true) => {
                    self.counts.forwarded += 1;
                    if !member.is_dirty {
                        member.is_dirty = true;
                        self.dirty.push(forward.viewer);
                    }
                }
                Ok(false) => self.counts.left_out += 1,
                Err(broken) => self.end(now, forward.viewer, broken.into()),
            }
        }
        self.forwards = forwards;
    }

    fn carry_out(&mut self, now: Instant) {
        let mut rounds = 0;
        // Carrying out may end a peer, which gives new orders; each ends one peer less.
        while !self.orders.is_empty() && rounds < PEERS {
            rounds += 1;
            for order in std::mem::take(&mut self.orders) {
                match order {
                    Order::RequestKeyframe { track, layer } => self.request_keyframe(now, track, layer),
                    Order::SetDesired { viewer, filled, desired } => self.set_desired(now, viewer, filled, desired),
                    Order::Tell(told) => self.tell(told),
                }
            }
        }
    }

    fn request_keyframe(&mut self, now: Instant, track: Track, layer: usize) {
        let Some(number) = self.numbers.get(&track.peer).copied() else { return };
        let Some(member) = self.member(number) else { return };
        match member.peer.request_keyframe(track.source, layer) {
            Ok(()) if !member.is_dirty => {
                member.is_dirty = true;
                self.dirty.push(number);
            }
            Ok(()) => {}
            Err(broken) => self.end(now, number, broken.into()),
        }
    }

    fn set_desired(&mut self, now: Instant, number: usize, filled: Bitrate, desired: Bitrate) {
        let Some(member) = self.member(number) else { return };
        if let Err(broken) = member.peer.set_desired(filled, desired) {
            self.end(now, number, broken.into());
        }
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Slot { viewer, slot, track } => self.events.push_back(Event::Slot { peer: viewer, slot, track }),
            Told::Wanted { track, layers } => self.events.push_back(Event::Wanted { track, layers }),
            Told::Held { viewer, tracks, is_strain } => self.events.push_back(Event::Held { peer: viewer, tracks, is_strain }),
            // Told with its room, in `tick`.
            Told::Speaking { .. } => {}
        }
    }
}
