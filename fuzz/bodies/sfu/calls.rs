//! Any sequence of what the server wants, with clients who send and receive meanwhile.
//!
//! Beside it runs the simplest book of who is where and may send what. A packet that reaches somebody must have been allowed to, by that
//! book, when it was sent; and nothing is said of those who are not there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use fireside_sfu::{Command, Ended, Event, Look, PeerId, RoomId, Source, Strain, Track, Transport};

use super::bytes::Bytes;
use super::client::Client;
use super::engine;
use super::packets::{Sent, Stream, look_at};
use super::world::World;

const MOST_STEPS: usize = 200;
/// Clients at a time.
const CLIENTS: u8 = 5;

/// Runs the program that `input` is.
pub fn run(input: &[u8]) {
    engine::watch();
    let mut book = Book::new();
    let mut bytes = Bytes(input);
    for _ in 0..MOST_STEPS {
        if book.step(&mut bytes).is_none() {
            break;
        }
        book.check();
    }
    book.world.pass(Duration::from_secs(1));
    book.check();
    book.world.end();
}

#[derive(Debug, Default)]
struct Member {
    room: Option<u64>,
    may_send: Vec<Source>,
    muted: BTreeSet<Source>,
    streams: Vec<Stream>,
}

struct Book {
    world: World,
    members: BTreeMap<u64, Member>,
    sent: Sent,
    /// For each packet, by the number in it: who may get it.
    allowed: Vec<BTreeSet<u64>>,
}

impl Book {
    fn new() -> Self {
        // Some are given up, as nothing comes from them.
        let mut world = World::new();
        world.is_kept_up = false;
        Self { world, members: BTreeMap::new(), sent: Sent::default(), allowed: Vec::new() }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.one()? % 16 {
            0 | 1 => {
                let (id, room, shape, may_send) = (who(bytes.one()?), bytes.one()? % 3, bytes.one()?, sources(bytes.one()?));
                self.admit(id, (room > 0).then_some(u64::from(room)), shape, may_send);
            }
            2 => self.connect(who(bytes.one()?)),
            3 => {
                let (id, room, may_send) = (who(bytes.one()?), 1 + u64::from(bytes.one()? % 2), sources(bytes.one()?));
                if let Some(member) = self.members.get_mut(&id).filter(|member| member.room.is_none()) {
                    (member.room, member.may_send) = (Some(room), may_send.clone());
                }
                self.world.command(Command::Enter { room: RoomId(room), peer: PeerId(id), may_send });
            }
            4 => {
                let (id, shape) = (who(bytes.one()?), bytes.one()?);
                let Some(client) = self.world.clients.get(&id) else { return Some(()) };
                let offer = offer(client, shape);
                self.world.command(Command::Renegotiate { peer: PeerId(id), offer });
            }
            5 => {
                let id = who(bytes.one()?);
                let count = bytes.one()? % 8;
                let view = (0..count).map(|_| look(bytes)).collect::<Option<_>>()?;
                self.world.command(Command::View { peer: PeerId(id), view });
            }
            6 => {
                let (id, may_send) = (who(bytes.one()?), sources(bytes.one()?));
                if let Some(member) = self.members.get_mut(&id) {
                    member.may_send.clone_from(&may_send);
                }
                self.world.command(Command::Permit { peer: PeerId(id), may_send });
            }
            7 => {
                let (id, how) = (who(bytes.one()?), bytes.one()?);
                self.mute(id, Source::ALL[usize::from(how % 4)], how & 4 != 0);
            }
            8 => {
                let id = who(bytes.one()?);
                self.members.remove(&id);
                self.world.command(Command::Remove { peer: PeerId(id) });
                self.world.clients.remove(&id);
            }
            9 => {
                let strains = [Strain::None, Strain::Large, Strain::Middle, Strain::Most, Strain::Pictures];
                self.world.command(Command::Strain(strains[usize::from(bytes.one()? % 5)]));
            }
            10 => {
                let id = who(bytes.one()?);
                let from = self.world.clients.get(&id).map_or(address(id, 0), |client| client.address);
                self.world.command(Command::StreamEnded { from });
            }
            11..=13 => {
                let (id, stream, how) = (who(bytes.one()?), bytes.one()?, bytes.one()?);
                self.send(id, stream, how);
            }
            14 => self.world.pass(Duration::from_millis(u64::from(bytes.one()?) * 16)),
            _ => {
                let (id, port) = (who(bytes.one()?), bytes.one()?);
                let Some(client) = self.world.clients.get_mut(&id) else { return Some(()) };
                (client.address, client.transport) = (address(id, port), if port & 0x80 == 0 { Transport::Udp } else { Transport::Tcp });
                let check = client.check(|_| {});
                self.world.send(id, &check);
            }
        }
        Some(())
    }

    fn admit(&mut self, id: u64, room: Option<u64>, shape: u8, may_send: Vec<Source>) {
        let is_there = self.members.contains_key(&id);
        let mut client = Client::new(id);
        client.address = address(id, 0);
        let offer = offer(&client, shape);
        if !is_there {
            self.world.clients.insert(id, client);
            self.members.insert(id, Member { room, may_send: may_send.clone(), muted: BTreeSet::new(), streams: Stream::all_of(id) });
        }
        self.world.events.clear();
        self.world.command(Command::Admit { room: room.map(RoomId), peer: PeerId(id), offer, may_send });
        let answers = self.world.events.iter().filter(|event| matches!(event, Event::Answer { .. } | Event::Closed { .. }));
        assert_eq!(answers.count(), 1, "one answer to one offer");
    }

    fn connect(&mut self, id: u64) {
        if self.world.clients.get(&id).is_some_and(|client| !client.is_connected) {
            self.world.connect(id);
        }
    }

    fn mute(&mut self, id: u64, source: Source, is_muted: bool) {
        if let Some(member) = self.members.get_mut(&id).filter(|member| member.room.is_some()) {
            if is_muted {
                member.muted.insert(source);
            } else {
                member.muted.remove(&source);
            }
        }
        self.world.command(Command::Mute { track: Track { peer: PeerId(id), source }, is_muted });
    }

    /// A frame or some, each with a number of its own.
    fn send(&mut self, id: u64, stream: u8, how: u8) {
        for _ in 0..=how >> 6 {
            let Some(member) = self.members.get_mut(&id) else { return };
            let count = member.streams.len();
            let stream = &mut member.streams[usize::from(stream) % count];
            let stamp = [&[0xC5; 4][..], &(self.allowed.len() as u32).to_be_bytes(), &[0xC5; 24]].concat();
            let payload = if stream.kind.is_picture() { stream.picture(how & 1 == 1, &stamp) } else { stream.sound(&stamp) };
            stream.level = how & 0x3F;
            let source = stream.kind.source;
            let packet = stream.packet(&payload, true, 0);
            let may = member.may_send.contains(&source) && !member.muted.contains(&source);
            let room = member.room.filter(|_| may);
            let others = self.members.iter().filter(|(other, member)| **other != id && room.is_some() && member.room == room);
            self.allowed.push(others.map(|(other, _)| *other).collect());
            self.sent.note(&packet);
            let sealed = self.world.clients.get_mut(&id).and_then(|client| client.seal_media(&packet));
            if let Some(sealed) = sealed {
                self.world.send(id, &sealed);
            }
        }
    }

    fn check(&mut self) {
        for event in std::mem::take(&mut self.world.events) {
            self.told(&event);
        }
        for (id, client) in &mut self.world.clients {
            for got in look_at(client, &self.sent) {
                let stamp = got.payload.windows(8).find(|window| window.starts_with(&[0xC5; 4])).expect("everything has a number");
                let number = u32::from_be_bytes([stamp[4], stamp[5], stamp[6], stamp[7]]);
                assert!(self.allowed[number as usize].contains(id), "{id} got packet {number}, which is for {:?}", self.allowed[number as usize]);
            }
        }
        assert_eq!(self.world.shard.peers(), self.members.len());
    }

    fn told(&mut self, event: &Event) {
        match *event {
            Event::Closed { why: Ended::NoPlace, .. } => {}
            Event::Closed { peer, .. } => {
                self.members.remove(&peer.0).expect("who ends was there");
                self.world.clients.remove(&peer.0);
            }
            Event::Slot { peer, track: Some(track), .. } => {
                assert_ne!(peer, track.peer);
                let room = self.room(peer);
                // Who was told of may have left in the same breath.
                assert!(room.is_some() && self.room(track.peer).is_none_or(|other| Some(other) == room), "{peer:?} {track:?}");
            }
            Event::Answer { peer, .. } | Event::Refused { peer, .. } | Event::Connected { peer } | Event::Reachable { peer, .. } => {
                assert!(self.members.contains_key(&peer.0), "{peer:?} is not there");
            }
            _ => {}
        }
    }

    fn room(&self, peer: PeerId) -> Option<u64> {
        self.members.get(&peer.0).and_then(|member| member.room)
    }
}

fn who(number: u8) -> u64 {
    1 + u64::from(number % CLIENTS)
}

fn sources(bits: u8) -> Vec<Source> {
    Source::ALL.into_iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1).map(|(_, source)| source).collect()
}

fn offer(client: &Client, shape: u8) -> String {
    let video = [0, 2, 4, 9][usize::from(shape & 3)];
    client.offer(1 + usize::from(shape >> 2 & 3), video, usize::from(shape >> 4 & 3), shape & 0x40 == 0)
}

fn look(bytes: &mut Bytes<'_>) -> Option<Look> {
    let (whom, height) = (bytes.one()?, bytes.one()?);
    let track = Track { peer: PeerId(who(whom & 0x0F)), source: Source::ALL[usize::from(whom >> 4 & 3)] };
    Some(Look { track, height: u32::from(height) * 8, is_pinned: whom & 0x40 != 0 })
}

/// Nobody else's.
fn address(id: u64, port: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, id as u8], 20_000 + u16::from(port & 0x7F)))
}
