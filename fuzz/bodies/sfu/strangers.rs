//! Datagrams from the whole internet at a shard where somebody has been admitted, while checks and the handshake are still to come.
//!
//! The input: steps of addresses, which know the names and passwords of two clients or do not. What must hold: nothing goes to an address
//! that has not shown a password, strangers cost no memory, and only who was shown to be there can end their own connection.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use fireside_sfu::{Command, Datagram, Event, PeerId, RoomId, Source, Transport};

use super::bytes::Bytes;
use super::check::attribute;
use super::client::Client;
use super::engine;
use super::memory;
use super::world::{World, here};

const MOST_STEPS: usize = 300;

/// Runs the program that `input` is.
pub fn run(input: &[u8]) {
    engine::watch();
    let mut door = Door::new();
    let mut bytes = Bytes(input);
    for _ in 0..MOST_STEPS {
        if door.step(&mut bytes).is_none() {
            break;
        }
    }
    door.end();
}

/// How a check is not as it should be: bits.
mod flaw {
    pub(super) const PASSWORD: u8 = 1;
    pub(super) const NAME: u8 = 2;
    pub(super) const NO_FINGERPRINT: u8 = 4;
    pub(super) const CONTROLLED: u8 = 8;
    pub(super) const NOT_NOMINATED: u8 = 16;
    pub(super) const CUT: u8 = 32;
}

struct Door {
    world: World,
    clients: [Client; 2],
    /// Addresses from which a check with a true password came.
    shown: BTreeSet<(bool, SocketAddr)>,
    /// Clients whose password anybody has shown.
    touched: BTreeSet<PeerId>,
}

impl Door {
    fn new() -> Self {
        let mut world = World::new();
        let clients = [1, 2].map(|id| {
            let mut client = Client::new(id);
            let offer = client.offer(3, 4, 3, true);
            world.command(Command::Admit { room: Some(RoomId(1)), peer: PeerId(id), offer, may_send: Source::ALL.to_vec() });
            let answer = world.events.drain(..).find_map(|event| match event {
                Event::Answer { sdp, .. } => Some(sdp),
                _ => None,
            });
            client.answered(world.now, &answer.expect("a good offer is answered"));
            client
        });
        Self { world, clients, shown: BTreeSet::new(), touched: BTreeSet::new() }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.one()? % 6 {
            0 => {
                let (from, raw) = (bytes.one()?, bytes.many()?);
                self.send(from, raw);
            }
            1 => {
                let (from, whose, flaws, others) = (bytes.one()?, bytes.one()?, bytes.one()?, bytes.few()?);
                self.check(from, usize::from(whose % 2), flaws, others);
            }
            2 => {
                let (from, kind, body) = (bytes.one()?, bytes.one()?, bytes.many()?);
                self.send(from, &record(kind, body));
            }
            3 => {
                // A message of the handshake: what it is, and what it says of its length and place.
                let (from, kind, number, lie, body) = (bytes.one()?, bytes.one()?, bytes.one()?, bytes.one()?, bytes.many()?);
                let message = handshake(kind, number, lie, body);
                self.send(from, &record(22, &message));
            }
            4 => {
                let (from, number) = (bytes.one()?, bytes.one()?);
                self.send(from, &record(22, &handshake(1, 0, number & 1, &client_hello(number))));
            }
            _ => {
                self.world.now += Duration::from_millis(u64::from(bytes.one()?) * 20);
                self.look();
            }
        }
        Some(())
    }

    fn check(&mut self, from: u8, whose: usize, flaws: u8, others: &[u8]) {
        let has = |flaw: u8| flaws & flaw != 0;
        let mut extra = Vec::new();
        if let Some((kind, value)) = others.split_first_chunk::<2>() {
            // Any attribute but those that come anyway.
            let kind = u16::from_be_bytes(*kind);
            attribute(&mut extra, if matches!(kind, 6 | 8 | 0x24 | 0x25) { 0x8022 } else { kind }, value);
        }
        let client = &mut self.clients[whose];
        let mut message = client.check(|check| {
            check.others = extra;
            check.has_fingerprint = !has(flaw::NO_FINGERPRINT);
            check.is_controlled = has(flaw::CONTROLLED);
            check.nominates = !has(flaw::NOT_NOMINATED);
            if has(flaw::PASSWORD) {
                "not this one".clone_into(&mut check.password);
            }
            if has(flaw::NAME) {
                "nobody:nobody".clone_into(&mut check.username);
            }
        });
        if has(flaw::CUT) {
            message.truncate(message.len() - usize::from(flaws >> 6) - 1);
        } else if !has(flaw::PASSWORD | flaw::NAME) {
            self.shown.insert(address(from));
            self.touched.insert(client.id);
        }
        self.send(from, &message);
    }

    fn send(&mut self, from: u8, bytes: &[u8]) {
        let (is_tcp, from) = address(from);
        let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
        let taken = memory::taken();
        let is_somebodys = self.world.shard.datagram(self.world.now, &Datagram { transport, from, to: here(), bytes });
        assert!(is_somebodys || memory::taken() == taken, "a stranger costs memory");
        self.look();
    }

    fn look(&mut self) {
        self.world.shard.advance(self.world.now);
        while let Some(transmit) = self.world.shard.poll_transmit() {
            let to = (transmit.transport == Transport::Tcp, transmit.to);
            assert!(self.shown.contains(&to), "something is sent to {to:?}, where nobody has shown a password");
        }
        while let Some(event) = self.world.shard.poll_event() {
            match event {
                Event::Connected { peer } => panic!("{peer:?} is connected without a handshake"),
                Event::Closed { peer, why } => {
                    let is_late = self.world.now - self.world.start >= Duration::from_secs(30);
                    assert!(is_late || self.touched.contains(&peer), "{peer:?} was ended by strangers: {why}");
                }
                _ => {}
            }
        }
    }

    fn end(mut self) {
        // Who does everything right still comes in, however late, if nobody has used their password.
        if self.world.now - self.world.start < Duration::from_secs(25)
            && let Some(client) = self.clients.into_iter().find(|client| !self.touched.contains(&client.id))
        {
            let id = client.id.0;
            self.world.clients.insert(id, client);
            self.world.connect(id);
            assert!(self.world.clients[&id].is_connected, "strangers keep {id} out");
        }
        for id in [1, 2] {
            self.world.command(Command::Remove { peer: PeerId(id) });
        }
        self.world.end();
    }
}

fn address(number: u8) -> (bool, SocketAddr) {
    (number & 0x80 != 0, SocketAddr::from(([203, 0, 113, number & 7], 4_000)))
}

/// A record of DTLS 1.2 (RFC 6347, 4.1), with its length as it is.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    [&[kind, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0], &length[..], body].concat()
}

/// RFC 6347, 4.2.2. The lowest bits of `lie`: of the length, of the place, of the length of the piece.
fn handshake(kind: u8, number: u8, lie: u8, body: &[u8]) -> Vec<u8> {
    let [_, middle, low] = [0, (body.len() >> 8) as u8, body.len() as u8];
    let length = [u8::from(lie & 2 != 0), middle, low];
    let place = [0, lie >> 4, 0];
    let piece = [u8::from(lie & 4 != 0), middle, low];
    [&[kind][..], &length, &[0, number], &place, &piece, body].concat()
}

/// A ClientHello (RFC 5246, 7.4.1.2), with this in the place of its suites and extensions.
fn client_hello(number: u8) -> Vec<u8> {
    let suites: &[u8] = match number >> 1 & 3 {
        0 => &[0, 0],
        1 => &[0xC0, 0x2B],
        2 => &[0xC0, 0x2B, 0xC0, 0x2F, 0x00, 0xFF],
        _ => &[],
    };
    let extensions: &[u8] = match number >> 3 & 3 {
        0 => &[],
        1 => &[0, 14, 0, 5, 0, 2, 0, 1, 0],
        2 => &[0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3],
        _ => &[0, 14, 0xFF, 0xFF],
    };
    let mut hello = vec![0xFE, 0xFD];
    hello.extend([number; 32]);
    hello.extend([0, 0]);
    hello.extend((suites.len() as u16).to_be_bytes());
    hello.extend(suites);
    hello.extend([1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    hello
}
