//! Who comes, waits, enters, changes what they send, and leaves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shard;
use crate::event::{Ended, Event};
use crate::line::Line;
use crate::member::{Member, Reach, Standing};
use crate::meter::Allowance;
use crate::offer::{Offer, Refused};
use crate::peer::Peer;
use crate::router::Router;
use crate::track::{PeerId, RoomId, Source, Track};

/// Peers of one shard. A thread is busy long before.
pub(super) const PEERS: usize = 4_096;
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

impl Shard {
    pub(super) fn admit(&mut self, now: Instant, room: Option<RoomId>, id: PeerId, offer: &str, may_send: Vec<Source>) {
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
            owed: 0,
            reach: Reach::Connecting(now),
            datagrams: Allowance::new(now, DATAGRAMS),
            bits: Allowance::new(now, BITS),
            line: Line::default(),
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
    pub(super) fn enter(&mut self, now: Instant, room: RoomId, id: PeerId, may_send: Vec<Source>) {
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
        let (id, estimate, strain) = (member.id, member.line.carries(), self.strain);
        self.rooms.entry(room).or_insert_with(|| Router::new(strain)).add(number, id, estimate);
        self.publish(now, id);
    }

    fn place(&mut self, member: Box<Member>) -> usize {
        if let Some((number, place)) = self.members.iter_mut().enumerate().find(|(_, place)| place.is_none()) {
            *place = Some(member);
            return number;
        }
        self.members.push(Some(member));
        self.members.len() - 1
    }

    pub(super) fn renegotiate(&mut self, now: Instant, id: PeerId, offer: &str) {
        let Some(number) = self.numbers.get(&id).copied() else { return };
        let Some(member) = self.members.get_mut(number).and_then(Option::as_mut) else { return };
        let offer = match Offer::read(offer) {
            Ok(offer) => offer,
            Err(why) => return self.events.push_back(Event::Refused { peer: id, why }),
        };
        // The engine would answer to lines that are not there.
        if offer.lines.len() < member.audio.len() + member.video.len() {
            let why = Refused::Unexpected(offer.lines.len());
            return self.events.push_back(Event::Refused { peer: id, why });
        }
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
    pub(super) fn open(&mut self, now: Instant, number: usize) {
        let Some(member) = self.members.get(number).and_then(Option::as_ref) else { return };
        if let Some(room) = member.room().and_then(|room| self.rooms.get_mut(&room)) {
            room.open(now, member.id, &member.audio, &member.video, &mut self.orders);
        }
    }

    pub(super) fn permit(&mut self, now: Instant, peer: PeerId, may_send: Vec<Source>) {
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

    pub(super) fn remove(&mut self, now: Instant, id: PeerId) {
        let Some(number) = self.numbers.get(&id).copied() else { return };
        if let Some(member) = self.members.get_mut(number).and_then(Option::as_mut)
            && member.peer.close().is_ok()
        {
            // The good-bye is sent; that it is the end is no news.
            let _ = member.peer.drain(&mut self.transmits, &mut Vec::new());
        }
        self.forget(now, number);
    }

    pub(super) fn end(&mut self, now: Instant, number: usize, why: Ended) {
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
}
