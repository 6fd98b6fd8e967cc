//! Random lives of a few clients, compared with the simplest description of what a relay is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use fireside_turn::Revoked;
use fireside_turn::message::Message;
use proptest::prelude::*;

use crate::harness::{Client, World, peer, tuple};

/// Two clients of one participant, and one of another in the same room.
const NAMES: [&str; 3] = ["ada", "ada", "bob"];

#[derive(Clone, Debug)]
enum Step {
    Allocate(usize),
    Refresh(usize),
    Release(usize),
    Permit(usize, usize),
    Bind(usize, u16, usize),
    Send(usize, usize),
    ChannelData(usize, u16),
    PeerSends(usize, usize),
    Disconnect(usize),
    Revoke(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (client, peer, number) = (0..3_usize, 0..5_usize, 0x3FFF..0x4003_u16);
    prop_oneof![
        3 => client.clone().prop_map(Step::Allocate),
        2 => client.clone().prop_map(Step::Refresh),
        1 => client.clone().prop_map(Step::Release),
        4 => (client.clone(), peer.clone()).prop_map(|(client, peer)| Step::Permit(client, peer)),
        4 => (client.clone(), number.clone(), peer.clone()).prop_map(|(client, number, peer)| Step::Bind(client, number, peer)),
        4 => (client.clone(), peer.clone()).prop_map(|(client, peer)| Step::Send(client, peer)),
        4 => (client.clone(), number).prop_map(|(client, number)| Step::ChannelData(client, number)),
        6 => (client.clone(), peer).prop_map(|(client, peer)| Step::PeerSends(client, peer)),
        1 => client.clone().prop_map(Step::Disconnect),
        1 => client.prop_map(Step::Revoke),
        3 => (1..400_u64).prop_map(Step::Pass),
    ]
}

/// Two ports of one address, another address, one that is forbidden, and one of a family that is not there.
fn peers() -> [SocketAddr; 5] {
    ["8.8.8.8:1", "8.8.8.8:2", "9.9.9.9:1", "10.0.0.1:1", "[2a00:1450::1]:1"].map(peer)
}

/// An allocation, in seconds since the beginning.
#[derive(Clone, Debug, Default)]
struct Expected {
    ends: u64,
    permissions: BTreeMap<std::net::IpAddr, u64>,
    channels: BTreeMap<u16, (SocketAddr, u64)>,
}

impl Expected {
    fn permits(&self, now: u64, peer: SocketAddr) -> bool {
        self.permissions.get(&peer.ip()).is_some_and(|until| now < *until)
    }

    fn channel(&self, now: u64, number: u16) -> Option<SocketAddr> {
        let (peer, until) = self.channels.get(&number)?;
        (now < *until && self.permits(now, *peer)).then_some(*peer)
    }
}

struct Model {
    world: World,
    clients: [Client; 3],
    expected: [Option<Expected>; 3],
    now: u64,
    revoked_until: BTreeMap<&'static str, u64>,
}

impl Model {
    fn new() -> Self {
        let world = World::new();
        let clients = [0, 1, 2].map(|place| world.client(place as u16 + 1, NAMES[place]));
        Self { world, clients, expected: [None, None, None], now: 0, revoked_until: BTreeMap::new() }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Allocate(client) => self.allocate(client),
            Step::Refresh(client) => self.refresh(client),
            Step::Release(client) => self.release(client),
            Step::Permit(client, peer) => self.permit(client, peers()[peer]),
            Step::Bind(client, number, peer) => self.bind(client, number, peers()[peer]),
            Step::Send(client, peer) => self.send(client, peers()[peer]),
            Step::ChannelData(client, number) => self.channel_data(client, number),
            Step::PeerSends(client, peer) => self.peer_sends(client, peers()[peer]),
            Step::Disconnect(client) => {
                self.world.server.disconnected(self.world.now, &tuple(client as u16 + 1));
                self.expected[client] = None;
            }
            Step::Revoke(client) => self.revoke(NAMES[client]),
            Step::Pass(seconds) => self.pass(seconds),
        }
        self.world.drive();
        let alive = self.expected.iter().flatten().count();
        assert_eq!((self.world.server.counters().allocations, self.world.open.len()), (alive, alive));
        let first = self.expected.iter().flatten().map(|expected| expected.ends).min();
        let next = self.world.server.next_timeout().map(|at| (at - self.world.now).as_secs() + self.now);
        assert_eq!(next, first);
    }

    /// Fresh credentials and a fresh nonce each time: their ages are other tests' concern. Whether they are refused is told.
    fn renew(&mut self, place: usize) -> bool {
        self.clients[place] = self.world.client(place as u16 + 1, NAMES[place]);
        self.world.sent.clear();
        self.revoked_until.get(NAMES[place]).is_some_and(|until| self.now < *until)
    }

    fn allocate(&mut self, place: usize) {
        let is_revoked = self.renew(place);
        let code = self.clients[place].allocate(&mut self.world).code();
        match (is_revoked, &self.expected[place]) {
            (true, _) => assert_eq!(code, Some(401)),
            (false, Some(_)) => assert_eq!(code, Some(437)),
            (false, None) => {
                assert_eq!(code, None);
                self.expected[place] = Some(Expected { ends: self.now + 600, ..Expected::default() });
            }
        }
    }

    fn refresh(&mut self, place: usize) {
        let is_revoked = self.renew(place);
        let code = self.clients[place].refresh(&mut self.world, 600).code();
        assert_eq!(code, self.code(place, is_revoked));
        if let (None, Some(expected)) = (code, &mut self.expected[place]) {
            expected.ends = self.now + 600;
        }
    }

    fn release(&mut self, place: usize) {
        let is_revoked = self.renew(place);
        let code = self.clients[place].refresh(&mut self.world, 0).code();
        assert_eq!(code, self.code(place, is_revoked));
        if code.is_none() {
            self.expected[place] = None;
        }
    }

    fn code(&self, place: usize, is_revoked: bool) -> Option<u16> {
        if is_revoked { Some(401) } else { self.expected[place].is_none().then_some(437) }
    }

    fn peer_code(&self, place: usize, is_revoked: bool, peer: SocketAddr) -> Option<u16> {
        let by_peer = if peer.ip() == peers()[3].ip() { Some(403) } else { peer.is_ipv6().then_some(443) };
        self.code(place, is_revoked).or(by_peer)
    }

    fn permit(&mut self, place: usize, peer: SocketAddr) {
        let is_revoked = self.renew(place);
        let code = self.clients[place].permit(&mut self.world, peer).code();
        assert_eq!(code, self.peer_code(place, is_revoked, peer));
        if let (None, Some(expected)) = (code, &mut self.expected[place]) {
            expected.permissions.insert(peer.ip(), self.now + 300);
        }
    }

    fn bind(&mut self, place: usize, number: u16, peer: SocketAddr) {
        let is_revoked = self.renew(place);
        let code = self.clients[place].bind(&mut self.world, number, peer).code();
        let now = self.now;
        let conflict = self.expected[place].as_ref().is_some_and(|expected| {
            let mut live = expected.channels.iter().filter(|(_, (_, until))| now < *until);
            live.any(|(used, (bound, _))| (*used == number) != (*bound == peer))
        });
        let by_number = (number < 0x4000).then_some(400);
        let wanted = self.code(place, is_revoked).or(by_number).or(self.peer_code(place, is_revoked, peer)).or(conflict.then_some(400));
        assert_eq!(code, wanted);
        if let (None, Some(expected)) = (code, &mut self.expected[place]) {
            expected.channels.retain(|_, (bound, _)| *bound != peer);
            expected.channels.insert(number, (peer, now + 600));
            expected.permissions.insert(peer.ip(), now + 300);
        }
    }

    fn send(&mut self, place: usize, peer: SocketAddr) {
        let gone = self.clients[place].send(&mut self.world, peer, b"payload").map(|(_, to, payload)| (to, payload));
        let may = self.expected[place].as_ref().is_some_and(|expected| expected.permits(self.now, peer));
        assert_eq!(gone, may.then(|| (peer, b"payload".to_vec())));
    }

    fn channel_data(&mut self, place: usize, number: u16) {
        let gone = self.clients[place].channel_data(&mut self.world, number, b"payload").map(|(_, to, _)| to);
        assert_eq!(gone, self.expected[place].as_ref().and_then(|expected| expected.channel(self.now, number)));
    }

    /// To every relay socket there is: only the owner's client may receive, in the right wrapping.
    fn peer_sends(&mut self, place: usize, peer: SocketAddr) {
        let relays: Vec<_> = self.world.open.keys().copied().collect();
        let to = tuple(place as u16 + 1);
        let reached: Vec<_> = relays.into_iter().filter_map(|relay| self.world.peer_sends(relay, peer, b"payload")).collect();
        let mine = reached.iter().find(|(found, _)| *found == to);
        let Some(expected) = &self.expected[place] else { return assert!(mine.is_none()) };
        let channel = expected.channels.keys().find(|number| expected.channel(self.now, **number) == Some(peer));
        match (mine, channel) {
            (None, _) => assert!(!expected.permits(self.now, peer)),
            (Some((_, bytes)), Some(number)) => assert_eq!(bytes[..2], number.to_be_bytes()),
            (Some((_, bytes)), None) => assert!(expected.permits(self.now, peer) && Message::parse(bytes).is_ok()),
        }
    }

    fn revoke(&mut self, name: &'static str) {
        self.world.server.revoke(self.world.now, &Revoked::Participant(World::subject("room", name)));
        self.revoked_until.insert(name, self.now + 601);
        NAMES.iter().zip(&mut self.expected).filter(|(other, _)| **other == name).for_each(|(_, expected)| *expected = None);
    }

    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        self.world.pass(seconds);
        for expected in &mut self.expected {
            expected.take_if(|expected| expected.ends <= self.now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_relay_does_what_the_model_says(steps in prop::collection::vec(step(), 1..80)) {
        let mut model = Model::new();
        steps.iter().for_each(|step| model.apply(step));
    }
}
