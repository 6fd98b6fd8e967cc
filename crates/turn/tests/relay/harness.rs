//! A driver without sockets: it opens what it is asked to open, keeps what is sent, and has clients that know RFC 8656.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, Message, TransactionId, attribute, method, xor_address};
use fireside_turn::write::Writer;
use fireside_turn::{Clock, Command, Config, Credentials, FiveTuple, FromClient, FromPeer, RelayId, Secret, Server, Subject, Transport};

pub(crate) const SECRET: &[u8] = b"a secret of thirty-two bytes or so";
pub(crate) const REALM: &str = "fireside";
pub(crate) const UNIX: u64 = 1_795_000_000;
pub(crate) const RELAY_V4: Ipv4Addr = Ipv4Addr::new(93, 184, 216, 34);
pub(crate) const RELAY_V6: Ipv6Addr = Ipv6Addr::new(0x2606, 0x2800, 0x220, 1, 0x248, 0x1893, 0x25C8, 0x1946);

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    pub(crate) open: BTreeMap<RelayId, u16>,
    /// What the server sent, in order.
    pub(crate) sent: Vec<(FiveTuple, Vec<u8>)>,
    /// Ports on which something else sits.
    pub(crate) occupied: BTreeSet<u16>,
    /// Whether sockets are opened at once; otherwise the requests wait in `asked`.
    pub(crate) is_prompt: bool,
    pub(crate) asked: Vec<(RelayId, u16)>,
}

pub(crate) fn config() -> Config {
    Config { relay_v4: Some(RELAY_V4), relay_v6: Some(RELAY_V6), ..Config::default() }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = Instant::now();
        let server = Server::new(config, vec![Secret::new(SECRET).unwrap()], Clock::new(now, UNIX), now, &[42; 32]);
        let (open, sent, occupied, asked) = (BTreeMap::new(), Vec::new(), BTreeSet::new(), Vec::new());
        Self { server, now, open, sent, occupied, is_prompt: true, asked }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.server.timeout(self.now);
        self.drive();
    }

    /// Carries out all commands.
    pub(crate) fn drive(&mut self) {
        while let Some(command) = self.server.poll() {
            match command {
                Command::Send { to, message } => self.sent.push((to, message)),
                Command::OpenRelay { relay, port } if self.is_prompt => self.open(relay, port),
                Command::OpenRelay { relay, port } => self.asked.push((relay, port)),
                Command::CloseRelay { relay } => {
                    self.open.remove(&relay);
                }
            }
        }
    }

    pub(crate) fn open(&mut self, relay: RelayId, port: u16) {
        if self.occupied.contains(&port) || self.open.iter().any(|(other, used)| *used == port && other.family == relay.family) {
            self.server.open_failed(self.now, relay);
        } else {
            assert_eq!(self.open.insert(relay, port), None, "a relay is opened once");
            self.server.opened(self.now, relay);
        }
    }

    /// Hands `bytes` in as from `tuple` and returns what went to a peer.
    pub(crate) fn input(&mut self, tuple: &FiveTuple, bytes: &[u8]) -> Option<(RelayId, SocketAddr, Vec<u8>)> {
        let gone = match self.server.from_client(self.now, tuple, bytes) {
            FromClient::ToPeer { relay, peer, payload, .. } => Some((relay, peer, payload.to_vec())),
            FromClient::Handled => None,
        };
        self.drive();
        gone
    }

    /// Sends from `peer` to the relay and returns what reaches the client.
    pub(crate) fn peer_sends(&mut self, relay: RelayId, peer: SocketAddr, payload: &[u8]) -> Option<(FiveTuple, Vec<u8>)> {
        match self.server.from_peer(self.now, relay, peer, payload) {
            FromPeer::ToClient { to, head } => Some((to, head.wrap(payload))),
            FromPeer::Dropped => None,
        }
    }

    /// The last message that was sent, if it was sent since `before` messages had been.
    fn answer(&self, before: usize) -> Option<Answer> {
        self.sent.get(before..)?.last().map(|(_, bytes)| Answer(bytes.clone()))
    }

    pub(crate) fn subject(room: &str, participant: &str) -> Subject {
        Subject::new(room, participant).unwrap()
    }

    /// A client with credentials for room `room`, good for ten minutes.
    pub(crate) fn client(&self, number: u16, participant: &str) -> Client {
        self.client_in("room", number, participant)
    }

    pub(crate) fn client_in(&self, room: &str, number: u16, participant: &str) -> Client {
        let credentials = self.server.mint(self.now, &Self::subject(room, participant)).unwrap();
        Client::new(tuple(number), credentials)
    }
}

/// The five-tuple of client `number`: each has its own address.
pub(crate) fn tuple(number: u16) -> FiveTuple {
    let [high, low] = number.to_be_bytes();
    FiveTuple { transport: Transport::Udp, client: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(80, high, low, 7)), 40_000), server: server_address() }
}

pub(crate) fn server_address() -> SocketAddr {
    "93.184.216.34:3478".parse().unwrap()
}

pub(crate) fn peer(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) tuple: FiveTuple,
    pub(crate) credentials: Credentials,
    pub(crate) nonce: Vec<u8>,
    pub(crate) integrity: Integrity,
    pub(crate) algorithm: PasswordAlgorithm,
    pub(crate) realm: String,
}

thread_local! {
    static TRANSACTIONS: Cell<u64> = const { Cell::new(0) };
}

pub(crate) fn transaction() -> TransactionId {
    let number = TRANSACTIONS.with(|next| {
        next.set(next.get() + 1);
        next.get()
    });
    let mut id = [0x5A; 12];
    id[4..].copy_from_slice(&number.to_be_bytes());
    TransactionId(id)
}

impl Client {
    pub(crate) fn new(tuple: FiveTuple, credentials: Credentials) -> Self {
        let (nonce, realm) = (Vec::new(), REALM.to_owned());
        Self { tuple, credentials, nonce, integrity: Integrity::Sha1, algorithm: PasswordAlgorithm::Md5, realm }
    }

    pub(crate) fn proof(&self) -> Proof {
        let Credentials { username, password } = &self.credentials;
        Proof::long_term(username.as_bytes(), self.realm.as_bytes(), password.as_bytes(), self.algorithm, self.integrity)
    }

    /// A signed request.
    pub(crate) fn sign(&self, writer: Writer) -> Vec<u8> {
        let mut writer = writer
            .with(attribute::USERNAME, self.credentials.username.as_bytes())
            .with(attribute::REALM, self.realm.as_bytes())
            .with(attribute::NONCE, &self.nonce);
        if self.algorithm == PasswordAlgorithm::Sha256 {
            writer = writer.with(attribute::PASSWORD_ALGORITHMS, &[0, 1, 0, 0, 0, 2, 0, 0]).with(attribute::PASSWORD_ALGORITHM, &[0, 2, 0, 0]);
        }
        writer.with_integrity(&self.proof()).finish()
    }

    /// Asks for a nonce.
    pub(crate) fn greet(&mut self, world: &mut World) -> Answer {
        let before = world.sent.len();
        let request = Writer::new(Class::Request, method::ALLOCATE, transaction()).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        world.input(&self.tuple, &request.finish());
        let answer = world.answer(before).expect("a challenge");
        self.nonce = answer.find(attribute::NONCE).expect("a nonce");
        answer
    }

    /// Signs and sends what `build` writes, with a nonce (fetched if there is none); returns the answer, if any.
    pub(crate) fn ask(&mut self, world: &mut World, method: u16, build: impl Fn(Writer) -> Writer) -> Option<Answer> {
        if self.nonce.is_empty() {
            self.greet(world);
        }
        let before = world.sent.len();
        let request = self.sign(build(Writer::new(Class::Request, method, transaction())));
        world.input(&self.tuple, &request);
        let answer = world.answer(before)?;
        let is_challenge = matches!(answer.code(), Some(401 | 438));
        assert!(is_challenge || answer.code() == Some(400) || self.proof().verifies(&answer.message()), "the answer is signed");
        Some(answer)
    }

    pub(crate) fn allocate(&mut self, world: &mut World) -> Answer {
        self.allocate_with(world, |writer| writer)
    }

    pub(crate) fn allocate_with(&mut self, world: &mut World, build: impl Fn(Writer) -> Writer) -> Answer {
        self.ask(world, method::ALLOCATE, |writer| build(writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]))).expect("an answer")
    }

    pub(crate) fn refresh(&mut self, world: &mut World, lifetime: u32) -> Answer {
        self.ask(world, method::REFRESH, |writer| writer.with_u32(attribute::LIFETIME, lifetime)).expect("an answer")
    }

    pub(crate) fn permit(&mut self, world: &mut World, peer: SocketAddr) -> Answer {
        self.ask(world, method::CREATE_PERMISSION, |writer| writer.with_address(attribute::XOR_PEER_ADDRESS, peer)).expect("an answer")
    }

    pub(crate) fn bind(&mut self, world: &mut World, number: u16, peer: SocketAddr) -> Answer {
        let [high, low] = number.to_be_bytes();
        self.ask(world, method::CHANNEL_BIND, |writer| {
            writer.with(attribute::CHANNEL_NUMBER, &[high, low, 0, 0]).with_address(attribute::XOR_PEER_ADDRESS, peer)
        })
        .expect("an answer")
    }

    /// A Send indication.
    pub(crate) fn send(&self, world: &mut World, peer: SocketAddr, payload: &[u8]) -> Option<(RelayId, SocketAddr, Vec<u8>)> {
        world.input(&self.tuple, &send_indication(peer, payload))
    }

    pub(crate) fn channel_data(&self, world: &mut World, number: u16, payload: &[u8]) -> Option<(RelayId, SocketAddr, Vec<u8>)> {
        world.input(&self.tuple, &channel_data(number, payload))
    }
}

pub(crate) fn send_indication(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let writer = Writer::new(Class::Indication, method::SEND, transaction());
    writer.with_address(attribute::XOR_PEER_ADDRESS, peer).with(attribute::DATA, payload).finish()
}

pub(crate) fn channel_data(number: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&number.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

#[derive(Clone, Debug)]
pub(crate) struct Answer(pub(crate) Vec<u8>);

impl Answer {
    pub(crate) fn message(&self) -> Message<'_> {
        Message::parse(&self.0).expect("a well-formed answer")
    }

    pub(crate) fn is_success(&self) -> bool {
        self.message().class == Class::Success
    }

    pub(crate) fn code(&self) -> Option<u16> {
        self.find(attribute::ERROR_CODE).map(|value| u16::from(value[2]) * 100 + u16::from(value[3]))
    }

    pub(crate) fn find(&self, kind: u16) -> Option<Vec<u8>> {
        self.message().find(kind).map(<[u8]>::to_vec)
    }

    pub(crate) fn lifetime(&self) -> Option<u32> {
        self.find(attribute::LIFETIME).map(|value| u32::from_be_bytes(value.try_into().unwrap()))
    }

    /// The relayed addresses, in order.
    pub(crate) fn relayed(&self) -> Vec<SocketAddr> {
        let message = self.message();
        let values = message.attributes().filter(|(kind, _)| *kind == attribute::XOR_RELAYED_ADDRESS);
        values.map(|(_, value)| xor_address(value, message.transaction).unwrap()).collect()
    }

    pub(crate) fn mapped(&self) -> Option<SocketAddr> {
        let message = self.message();
        message.find(attribute::XOR_MAPPED_ADDRESS).and_then(|value| xor_address(value, message.transaction))
    }
}
