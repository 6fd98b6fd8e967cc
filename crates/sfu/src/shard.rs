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

mod flow;
mod people;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::Command;
use crate::demux::{Address, Demux, Tag, Transport, is_check};
use crate::event::Event;
use crate::member::Member;
use crate::packet::{Datagram, Endpoint, Transmit};
use crate::peer::{Happened, Identity, Random};
use crate::router::{Forward, Order, Router, Told};
use crate::strain::Strain;
use crate::timers::Timers;
use crate::track::{Kind, PeerId, RoomId};

/// Rooms are looked after so often: what is due in between (a picture is asked for again) can wait for so long.
const TURN: Duration = Duration::from_millis(20);
/// And those who are to be given up are looked for so often.
const SWEEP: Duration = Duration::from_secs(1);
/// Tracks that a viewer can say it looks at.
const VIEW: usize = 64;

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
    /// When the engines of the others are to be asked.
    timers: Timers,
    /// When rooms were last looked after, and who is to be given up.
    turned: Option<Instant>,
    swept: Option<Instant>,
    // Buffers that are empty between calls.
    happened: Vec<Happened>,
    forwards: Vec<Forward>,
    orders: Vec<Order>,
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
            timers: Timers::default(),
            turned: None,
            swept: None,
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
                view.retain(|look| look.track.peer != peer && look.track.source.kind() == Kind::Video);
                self.in_room_of(peer, |room, orders| room.view(now, peer, view, orders));
            }
            Command::Permit { peer, may_send } => self.permit(now, peer, may_send),
            Command::Mute { track, is_muted } => self.in_room_of(track.peer, |room, orders| room.mute(now, track, is_muted, orders)),
            Command::Remove { peer } => self.remove(now, peer),
            Command::StreamEnded { from } => self.demux.forget_address(Transport::Tcp, from),
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
        self.turn(now);
        let mut dirty = std::mem::take(&mut self.dirty);
        while let Some(number) = self.timers.pop(now) {
            let Some(member) = self.member(number) else { continue };
            let timeout = member.peer.timeout();
            if timeout > now {
                self.timers.set(number, timeout);
            } else if !member.is_dirty {
                member.is_dirty = true;
                dirty.push(number);
            }
        }
        for number in dirty.drain(..) {
            if let Some(member) = self.member(number).filter(|member| member.is_dirty) {
                member.is_dirty = false;
                self.advance_peer(now, number);
            }
        }
        // Those to whom something was forwarded meanwhile have their turn next.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
        self.carry_out(now);
    }

    /// When [`Shard::advance`] is to be called although nothing has come.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        if self.numbers.is_empty() {
            return None;
        }
        let turn = self.turned.map(|turned| turned + TURN);
        self.timers.next().into_iter().chain(turn).min()
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

    fn strain(&mut self, now: Instant, strain: Strain) {
        self.strain = strain;
        for room in self.rooms.values_mut() {
            room.strain(now, strain, &mut self.orders);
        }
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

    /// What is done for everybody, now and then.
    fn turn(&mut self, now: Instant) {
        if self.turned.is_some_and(|turned| now < turned + TURN) {
            return;
        }
        self.turned = Some(now);
        let mut told = Vec::new();
        for (id, room) in &mut self.rooms {
            let before = self.orders.len();
            room.tick(now, &mut self.orders);
            told.extend(self.orders.iter().skip(before).filter_map(|order| match order {
                Order::Tell(Told::Speaking { speaking, speaker }) => {
                    Some(Event::Speaking { room: *id, speaking: speaking.clone(), speaker: *speaker })
                }
                _ => None,
            }));
        }
        self.events.extend(told);
        if self.swept.is_none_or(|swept| now >= swept + SWEEP) {
            self.swept = Some(now);
            self.sweep(now);
        }
        self.carry_out(now);
    }

    /// Gives up who is to be given up.
    fn sweep(&mut self, now: Instant) {
        for number in 0..self.members.len() {
            if let Some((_, why)) = self.member(number).and_then(|member| member.ends()).filter(|(ends, _)| *ends <= now) {
                self.end(now, number, why);
            }
        }
    }
}
