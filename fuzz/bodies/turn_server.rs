//! The relay's state machine, with clients who know the password, clients who do not, peers, and a driver that is slow or fails.
//!
//! Beside it runs the simplest book of what a driver sees: which sockets it was asked for and by whom. What the relay says must agree
//! with that book after every step.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, Message, TransactionId, attribute, method, xor_address};
use fireside_turn::write::Writer;
use fireside_turn::{
    Clock, Command, Config, Counters, Credentials, Family, FiveTuple, FromClient, FromPeer, Limits, Policy, Rate, RelayId, Revoked, Secret, Server,
    Subject, TestLimits, Transport,
};

use super::memory;
use super::program::{Attribute, How, Program, Step, Value};

const UNIX: u64 = 1_795_000_000;
const RELAY_V4: &str = "93.184.216.34";
const RELAY_V6: &str = "2606:2800:220:1:248:1893:25c8:1946";
/// By how many bytes answers to strangers may exceed their questions, per second and at once: few, so that a program gets there.
const TRICKLE: (u32, u32) = (256, 512);
static ZEROS: [u8; 65_535] = [0; 65_535];

/// Clients: two neighbours, one of the other family, one on TCP, one on TLS, and the first once more as a dual-stack socket sees it.
const CLIENTS: [(Transport, &str); 6] = [
    (Transport::Udp, "80.0.1.7:40000"),
    (Transport::Udp, "80.0.1.8:40000"),
    (Transport::Udp, "[2a01:1::7]:40000"),
    (Transport::Tcp, "80.0.3.7:40000"),
    (Transport::Tls, "80.0.4.7:40000"),
    (Transport::Udp, "[::ffff:80.0.1.7]:40001"),
];
/// Whose answers are counted together, by client.
const NEIGHBOURHOODS: [usize; 6] = [0, 0, 1, 2, 3, 0];
/// Who shares an address, by client.
const ADDRESSES: [usize; 6] = [0, 1, 2, 3, 4, 0];
/// Participants, and (without a room) some who test their connection.
const WHO: [(&str, &str); 6] = [("room", "ada"), ("room", "bob"), ("other", "ada"), ("other", "eve"), ("", "one"), ("", "two")];
const PEERS: [&str; 16] = [
    "8.8.8.8:1",
    "8.8.8.8:2",
    "9.9.9.9:65535",
    "10.1.2.3:1",
    "10.9.1.1:1",
    "127.0.0.1:22",
    "169.254.169.254:80",
    "[2a00:1450::1]:1",
    "[2a00:1450::2]:2",
    "[::ffff:8.8.8.8]:1",
    "[64:ff9b::7f00:1]:1",
    "93.184.216.34:3478",
    "[2606:2800:220:1:248:1893:25c8:1946]:3478",
    "0.0.0.0:0",
    "[2002:7f00:1::1]:1",
    "224.0.0.1:1",
];
/// The kinds of attributes by their number in a program.
pub const KINDS: [u16; 24] = [
    attribute::XOR_PEER_ADDRESS,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::REQUESTED_TRANSPORT,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::ADDITIONAL_ADDRESS_FAMILY,
    attribute::EVEN_PORT,
    attribute::RESERVATION_TOKEN,
    attribute::DONT_FRAGMENT,
    attribute::DATA,
    attribute::USERNAME,
    attribute::REALM,
    attribute::NONCE,
    attribute::PASSWORD_ALGORITHM,
    attribute::PASSWORD_ALGORITHMS,
    attribute::USERHASH,
    attribute::SOFTWARE,
    attribute::MESSAGE_INTEGRITY,
    attribute::MESSAGE_INTEGRITY_SHA256,
    attribute::FINGERPRINT,
    attribute::ERROR_CODE,
    attribute::XOR_MAPPED_ADDRESS,
    attribute::XOR_RELAYED_ADDRESS,
    attribute::UNKNOWN_ATTRIBUTES,
];
const METHODS: [u16; 7] =
    [method::ALLOCATE, method::REFRESH, method::CREATE_PERMISSION, method::CHANNEL_BIND, method::BINDING, method::SEND, method::CONNECT];

/// The bits of a program's first byte.
mod setup {
    /// Sockets are opened as soon as they are asked for.
    pub(super) const PROMPT: u8 = 1;
    pub(super) const ONLY_V4: u8 = 2;
    pub(super) const TIGHT: u8 = 4;
    pub(super) const ONLY_STUN: u8 = 8;
    pub(super) const DONT_FRAGMENT: u8 = 16;
    pub(super) const PRIVATE_PEERS: u8 = 32;
    pub(super) const FEW_PORTS: u8 = 64;
    /// Something else sits on every fourth port.
    pub(super) const OCCUPIED: u8 = 128;
}

/// Runs the program that `input` is.
pub fn run(input: &[u8]) {
    let program = Program::read(input);
    let mut world = World::new(program.setup);
    for step in &program.steps {
        world.apply(step);
        world.compare();
    }
    world.end();
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Asked,
    Open,
    Gone,
}

/// A relay socket that the driver was asked for.
#[derive(Debug)]
struct Relay {
    id: RelayId,
    port: u16,
    owner: usize,
    whom: usize,
    socket: Socket,
}

#[derive(Debug)]
struct Client {
    tuple: FiveTuple,
    whom: usize,
    credentials: Credentials,
    /// Kept in place: to remember a nonce takes no memory.
    nonce: ([u8; 64], usize),
    /// Of the credentials, in seconds of Unix time.
    expires: u64,
    transaction: TransactionId,
    /// The peers that were named in a request that this client has signed.
    named: BTreeSet<IpAddr>,
}

struct World {
    setup: u8,
    server: Server,
    secret: Secret,
    limits: Limits,
    ports: (u16, u16),
    began: Instant,
    now: Instant,
    clients: [Client; 6],
    relays: Vec<Relay>,
    token: [u8; 8],
    transactions: u64,
    /// By neighbourhood: by how much unproven answers have exceeded the questions, and what proofs have given back.
    excess: [usize; 4],
    given_back: [usize; 4],
    /// Until when participants and their rooms are shut out.
    shut_out: [[Option<Instant>; 2]; WHO.len()],
    reach: Reach,
}

/// The machine's addresses, and whether private networks may be relayed to.
#[derive(Clone, Copy, Debug)]
struct Reach {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
    private: bool,
}

/// What is being handled, as far as answers depend on it.
#[derive(Clone, Copy, Debug, Default)]
struct Cause<'a> {
    client: Option<usize>,
    question: usize,
    /// A request signed like this by one who knows the password: it may have something.
    proof: Option<&'a Proof>,
    /// The driver could not open this one: another port may be tried.
    failed: Option<RelayId>,
}

impl World {
    fn new(setup: u8) -> Self {
        let has = |bit| setup & bit != 0;
        let defaults = Limits { unproven_rate: Rate::new(TRICKLE.0, TRICKLE.1), ..Limits::default() };
        let limits = if has(setup::TIGHT) { tight(&defaults) } else { defaults };
        let ports = if has(setup::FEW_PORTS) { (50_001, 50_004) } else { (50_000, 50_063) };
        let v6 = (!has(setup::ONLY_V4)).then(|| RELAY_V6.parse().unwrap());
        let reach = Reach { v4: Some(RELAY_V4.parse().unwrap()), v6, private: has(setup::PRIVATE_PEERS) };
        let config = Config {
            relay: !has(setup::ONLY_STUN),
            relay_v4: reach.v4,
            relay_v6: reach.v6,
            ports: ports.0..=ports.1,
            dont_fragment: has(setup::DONT_FRAGMENT),
            policy: reach.policy(),
            limits: limits.clone(),
            ..Config::default()
        };
        let (now, secret) = (Instant::now(), Secret::new(b"a secret of thirty-two bytes or so").unwrap());
        let mut server = Server::new(config, vec![secret.clone()], Clock::new(now, UNIX), now, &[42; 32]);
        let clients = std::array::from_fn(|place| Client::new(place, &secret));
        // What holds commands has its first memory afterwards.
        server.from_client(now, &clients[3].tuple, &Writer::new(Class::Request, method::BINDING, TransactionId([0; 12])).finish());
        while server.poll().is_some() {}
        let (relays, token) = (Vec::new(), [0; 8]);
        let (excess, given_back) = ([0; 4], [0; 4]);
        Self {
            setup,
            server,
            secret,
            limits,
            ports,
            began: now,
            now,
            clients,
            relays,
            token,
            transactions: 0,
            excess,
            given_back,
            reach,
            shut_out: Default::default(),
        }
    }

    fn has(&self, bit: u8) -> bool {
        self.setup & bit != 0
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Raw { client, ref bytes } => self.hand_in(place(client), bytes, None),
            Step::Request { client, method, how, ref attributes } => self.request(place(client), method, how, attributes),
            Step::Send { client, peer, length, dont_fragment } => self.send(place(client), peer, length, dont_fragment),
            Step::ChannelData { client, number, claimed, there } => self.channel_data(place(client), number, claimed, there),
            Step::FromPeer { relay, peer, length } => self.peer_sends(relay, peer, length),
            Step::Opened { relay, is_open } => self.opened(relay, is_open),
            Step::Pass { time } => self.pass(time),
            Step::Revoke { whom } => {
                self.server.revoke(self.now, &revoked(whom));
                self.drain(Cause::default());
                self.shut_out(whom, Some(self.now + Duration::from_secs(600)));
                let is_theirs = |relay: &&Relay| self.shut_out[relay.whom].contains(&Some(self.now + Duration::from_secs(600)));
                assert!(!self.relays.iter().filter(is_theirs).any(Relay::is_living), "who is shut out has nothing");
            }
            Step::Readmit { whom } => {
                self.server.readmit(&revoked(whom));
                self.shut_out(whom, None);
            }
            Step::Vouch { whom, seconds } => {
                self.server.vouch(&subject(who(whom)), self.now + Duration::from_secs(seconds.into()));
            }
            Step::Disconnect { client } => {
                self.server.disconnected(self.now, &self.clients[place(client)].tuple);
                self.drain(Cause::default());
                assert!(!self.relays.iter().any(|relay| relay.owner == place(client) && relay.is_living()), "who is gone has nothing");
            }
            Step::Reach { which } => self.reach(which),
            Step::Become { client, whom, seconds } => {
                // A hundred seconds ago at the earliest.
                let expires = UNIX + (self.now - self.began).as_secs() + u64::from(seconds) - 100;
                self.clients[place(client)].whom = who(whom);
                self.clients[place(client)].expires = expires;
                self.clients[place(client)].credentials = self.secret.mint(&subject(who(whom)), expires);
            }
        }
    }

    fn shut_out(&mut self, whom: u8, until: Option<Instant>) {
        let of_room = whom & 0x80 != 0;
        for (place, (room, _)) in WHO.iter().enumerate() {
            if place == who(whom) || of_room && *room == WHO[who(whom)].0 {
                self.shut_out[place][usize::from(of_room)] = until;
            }
        }
    }

    /// A message from a client. Without `proof` it comes from a stranger, who must leave no trace.
    fn hand_in(&mut self, client: usize, bytes: &[u8], proof: Option<&Proof>) {
        if proof.is_none() {
            // What ends now is not this message's doing.
            self.server.timeout(self.now);
            self.drain(Cause::default());
        }
        let (before, held) = (self.server.counters(), memory::held());
        let tuple = self.clients[client].tuple;
        if let FromClient::ToPeer { relay, peer, payload, dont_fragment } = self.server.from_client(self.now, &tuple, bytes) {
            self.check_to_peer(client, relay, peer);
            assert!(!dont_fragment || self.has(setup::DONT_FRAGMENT));
            let (inside, part) = (bytes.as_ptr_range(), payload.as_ptr_range());
            assert!(payload.is_empty() || inside.start <= part.start && part.end <= inside.end, "a part of what came");
        }
        self.drain(Cause { client: Some(client), question: bytes.len(), proof, failed: None });
        if proof.is_none() {
            let after = self.server.counters();
            assert!(memory::held() <= held, "{} bytes are kept for a stranger", memory::held().wrapping_sub(held));
            assert_eq!(kept(&after), kept(&before), "nothing is kept for a stranger, and nothing of others' is taken away");
        }
    }

    fn check_to_peer(&self, client: usize, relay: RelayId, peer: SocketAddr) {
        let known = self.relay(relay);
        assert_eq!((known.owner, known.socket), (client, Socket::Open), "through one's own open socket");
        assert_eq!(Family::of(peer.ip()), relay.family);
        assert!(self.clients[client].named.contains(&peer.ip()), "{peer} was never named");
        let is_ours = self.reach.has(peer.ip());
        if is_ours || is_test(known.whom) {
            let is_it = |other: &Relay| is_ours && other.id.family == relay.family && other.port == peer.port() && other.socket == Socket::Open;
            assert!(self.relays.iter().any(is_it), "of our own only an open relay socket is reached, not {peer}");
        } else {
            assert!(!self.is_forbidden(peer.ip()), "{peer} is forbidden");
        }
    }

    /// A second opinion on some addresses.
    fn is_forbidden(&self, peer: IpAddr) -> bool {
        match peer {
            IpAddr::V4(v4) if v4.octets()[0] == 10 => !self.reach.private || v4.octets()[1] == 9,
            IpAddr::V4(v4) => {
                let is_own = v4.is_loopback() || v4.is_unspecified() || v4.octets()[0] == 0;
                is_own || v4.is_private() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.is_documentation()
            }
            IpAddr::V6(v6) => !matches!(v6.segments()[0], 0x2000..=0x3FFF) || v6.segments()[0] == 0x2002,
        }
    }

    fn request(&mut self, client: usize, method: u8, how: How, attributes: &[Attribute]) {
        if self.clients[client].nonce.1 == 0 && !how.has(How::ABRUPT) && !how.has(How::UNSIGNED) {
            self.hand_in(client, &Writer::new(Class::Request, method::ALLOCATE, TransactionId([9; 12])).finish(), None);
        }
        let transaction = if how.has(How::SAME_TRANSACTION) { self.clients[client].transaction } else { self.transaction() };
        self.clients[client].transaction = transaction;
        let class = match method & 0xC0 {
            0 => Class::Request,
            0x40 => Class::Indication,
            0x80 => Class::Success,
            _ => Class::Error,
        };
        let number = METHODS.get(usize::from(method & 0x3F)).copied().unwrap_or(u16::from(method & 0x3F));
        let writer = attributes.iter().fold(Writer::new(class, number, transaction), |writer, attribute| self.attribute(writer, attribute));
        let proof = self.proof(client, how);
        let writer = if how.has(How::UNSIGNED) { writer } else { self.sign(client, how, writer, &proof) };
        let bytes = if how.has(How::FINGERPRINT) { writer.with_fingerprint() } else { writer }.finish();
        if !how.is_right() {
            return self.hand_in(client, &bytes, None);
        }
        if let Ok(message) = Message::parse(&bytes) {
            let named = message.attributes().filter(|(kind, _)| *kind == attribute::XOR_PEER_ADDRESS);
            self.clients[client].named.extend(named.filter_map(|(_, value)| Some(xor_address(value, transaction)?.ip())));
        }
        self.hand_in(client, &bytes, Some(&proof));
    }

    fn proof(&self, client: usize, how: How) -> Proof {
        let Credentials { username, password } = &self.clients[client].credentials;
        let password = if how.has(How::WRONG_PASSWORD) { "guessed" } else { password };
        let algorithm = if how.has(How::SHA256_KEY) { PasswordAlgorithm::Sha256 } else { PasswordAlgorithm::Md5 };
        let integrity = if how.has(How::SHA256) { Integrity::Sha256 } else { Integrity::Sha1 };
        Proof::long_term(username.as_bytes(), b"fireside", password.as_bytes(), algorithm, integrity)
    }

    fn sign(&self, client: usize, how: How, writer: Writer, proof: &Proof) -> Writer {
        let (nonce, length) = self.clients[if how.has(How::NONCE_OF_ANOTHER) { (client + 1) % CLIENTS.len() } else { client }].nonce;
        let mut writer = writer
            .with(attribute::USERNAME, self.clients[client].credentials.username.as_bytes())
            .with(attribute::REALM, b"fireside")
            .with(attribute::NONCE, &nonce[..length]);
        if how.has(How::SHA256_KEY) {
            writer = writer.with(attribute::PASSWORD_ALGORITHMS, &[0, 1, 0, 0, 0, 2, 0, 0]).with(attribute::PASSWORD_ALGORITHM, &[0, 2, 0, 0]);
        }
        writer.with_integrity(proof)
    }

    fn attribute(&self, writer: Writer, attribute: &Attribute) -> Writer {
        let kind = if attribute.kind < Attribute::ANY { KINDS[usize::from(attribute.kind) % KINDS.len()] } else { 0 };
        match &attribute.value {
            Value::Raw(bytes) if attribute.kind >= Attribute::ANY => {
                let (kind, value) = bytes.split_at(bytes.len().min(2));
                writer.with(kind.try_into().map_or(0, u16::from_be_bytes), value)
            }
            Value::Raw(bytes) => writer.with(kind, bytes),
            Value::Natural(number) => self.natural(writer, kind, *number),
        }
    }

    fn natural(&self, writer: Writer, kind: u16, number: u8) -> Writer {
        match kind {
            attribute::XOR_PEER_ADDRESS | attribute::XOR_MAPPED_ADDRESS | attribute::XOR_RELAYED_ADDRESS => {
                writer.with_address(kind, self.peer(number))
            }
            attribute::CHANNEL_NUMBER => writer.with_u32(kind, u32::from(channel(number)) << 16),
            attribute::LIFETIME => writer.with_u32(kind, u32::from(number) * u32::from(number)),
            attribute::REQUESTED_TRANSPORT => writer.with(kind, &[if number == 0 { 17 } else { number }, 0, 0, 0]),
            attribute::REQUESTED_ADDRESS_FAMILY | attribute::ADDITIONAL_ADDRESS_FAMILY => writer.with(kind, &[number % 4, 0, 0, 0]),
            attribute::EVEN_PORT => writer.with(kind, &[number << 6]),
            attribute::RESERVATION_TOKEN => writer.with(kind, &self.token),
            _ => writer.with(kind, &ZEROS[..number.into()]),
        }
    }

    fn send(&mut self, client: usize, peer: u8, length: u8, dont_fragment: bool) {
        let writer = Writer::new(Class::Indication, method::SEND, self.transaction());
        let writer = writer.with_address(attribute::XOR_PEER_ADDRESS, self.peer(peer)).with(attribute::DATA, &ZEROS[..length.into()]);
        let bytes = if dont_fragment { writer.with(attribute::DONT_FRAGMENT, &[]) } else { writer }.finish();
        self.without_memory(|world| world.hand_in(client, &bytes, None));
    }

    fn channel_data(&mut self, client: usize, number: u8, claimed: u16, there: u8) {
        let mut bytes = channel(number).to_be_bytes().to_vec();
        bytes.extend(claimed.to_be_bytes());
        bytes.resize(4 + usize::from(there), 0);
        self.without_memory(|world| world.hand_in(client, &bytes, None));
    }

    /// What a relay does all day takes no memory at all (save for what ends in the meantime).
    fn without_memory(&mut self, work: impl FnOnce(&mut Self)) {
        self.server.timeout(self.now);
        self.drain(Cause::default());
        let before = memory::taken();
        work(self);
        assert_eq!(memory::taken(), before, "memory was taken for a datagram");
    }

    fn peer_sends(&mut self, relay: u8, peer: u8, length: u16) {
        let peer = self.peer(peer);
        let Some(place) = self.place_of(relay) else { return };
        let (id, payload, before) = (self.relays[place].id, &ZEROS[..length.into()], memory::taken());
        let became = self.server.from_peer(self.now, id, peer, payload);
        assert_eq!(memory::taken(), before, "memory was taken for a datagram");
        let FromPeer::ToClient { to, head } = became else { return };
        let known = &self.relays[place];
        assert_eq!((known.socket, to), (Socket::Open, self.clients[known.owner].tuple), "to its owner, while it is open");
        assert!(self.clients[known.owner].named.contains(&peer.ip()), "{peer} was never let in");
        assert!(!is_test(known.whom) || self.reach.has(peer.ip()), "a test hears from our own relays alone");
        let whole = head.wrap(payload);
        match Message::parse(&whole) {
            Ok(message) => {
                assert_eq!((message.class, message.method), (Class::Indication, method::DATA));
                assert_eq!(message.find(attribute::DATA), Some(payload));
                let from = message.find(attribute::XOR_PEER_ADDRESS).and_then(|value| xor_address(value, message.transaction));
                assert_eq!(from, Some(peer));
            }
            Err(_) => {
                assert_eq!(whole[2..4], length.to_be_bytes(), "ChannelData says its length");
                assert!(whole[0] & 0xF0 == 0x40 && whole[4..].starts_with(payload));
                assert_eq!(head.padding(), if to.transport.is_stream() { (4 - payload.len() % 4) % 4 } else { 0 });
            }
        }
    }

    fn opened(&mut self, relay: u8, is_open: bool) {
        let Some(place) = self.place_of(relay) else { return };
        let (id, was) = (self.relays[place].id, self.relays[place].socket);
        if is_open {
            self.relays[place].socket = Socket::Open;
            self.server.opened(self.now, id);
            self.drain(Cause::default());
            assert!(was != Socket::Gone || self.relays[place].socket == Socket::Gone, "what was opened too late is closed");
        } else {
            if was == Socket::Asked {
                self.relays[place].socket = Socket::Gone;
            }
            self.server.open_failed(self.now, id);
            self.drain(Cause { failed: Some(id), ..Cause::default() });
        }
    }

    fn pass(&mut self, time: u16) {
        if time & 0x8000 == 0 {
            self.now += Duration::from_millis(time.into());
        } else {
            self.now += Duration::from_secs((time & 0x3FF).into());
            self.server.timeout(self.now);
            self.drain(Cause::default());
            assert!(self.server.next_timeout().is_none_or(|next| next > self.now), "what has ended is gone");
        }
    }

    /// Carries out all commands, and opens what was asked for if the driver is prompt.
    fn drain(&mut self, cause: Cause<'_>) {
        self.carry_out(cause);
        if !self.has(setup::PROMPT) {
            return;
        }
        while let Some(place) = self.relays.iter().position(|relay| relay.socket == Socket::Asked) {
            let is_open = !(self.has(setup::OCCUPIED) && self.relays[place].port.is_multiple_of(4));
            let id = self.relays[place].id;
            if is_open {
                self.relays[place].socket = Socket::Open;
                self.server.opened(self.now, id);
                self.carry_out(cause);
            } else {
                self.relays[place].socket = Socket::Gone;
                self.server.open_failed(self.now, id);
                self.carry_out(Cause { failed: Some(id), ..cause });
            }
        }
    }

    fn carry_out(&mut self, cause: Cause<'_>) {
        while let Some(command) = self.server.poll() {
            match command {
                Command::Send { to, message } => self.sent(to, &message, cause),
                Command::OpenRelay { relay, port } => self.asked(relay, port, cause),
                Command::CloseRelay { relay } => {
                    let known = self.relays.iter_mut().find(|known| known.id == relay).expect("a socket that was asked for");
                    known.socket = Socket::Gone;
                }
            }
        }
    }

    /// An answer. Nothing here takes memory.
    fn sent(&mut self, to: FiveTuple, bytes: &[u8], cause: Cause<'_>) {
        let message = Message::parse(bytes).expect("what is sent is well-formed");
        assert!(matches!(message.class, Class::Success | Class::Error));
        let client = self.clients.iter().position(|client| client.tuple == to).expect("a client that there is");
        if !has_integrity(bytes) {
            assert_eq!(cause.client, Some(client), "only who asks is answered");
            if !to.transport.is_stream() {
                self.unproven(client, bytes.len().saturating_sub(cause.question));
            }
        } else if let (Some(asked), Some(proof)) = (cause.client, cause.proof)
            && asked == client
        {
            assert!(proof.verifies(&message), "signed as the question was");
        } else {
            assert!(cause.client.is_none(), "a stranger gets nothing that is signed");
        }
        if let Some(nonce) = message.find(attribute::NONCE) {
            let kept = &mut self.clients[client].nonce;
            kept.0[..nonce.len()].copy_from_slice(nonce);
            kept.1 = nonce.len();
        }
        if let Some(token) = message.find(attribute::RESERVATION_TOKEN) {
            self.token.copy_from_slice(token);
        }
    }

    fn unproven(&mut self, client: usize, excess: usize) {
        let place = NEIGHBOURHOODS[client];
        self.excess[place] += excess;
        let trickle = (self.now - self.began).as_millis() as usize * TRICKLE.0 as usize / 1000;
        let most = TRICKLE.1 as usize + trickle + self.given_back[place] + 16;
        assert!(self.excess[place] <= most, "{} bytes more went to strangers than came, of {most}", self.excess[place]);
    }

    fn asked(&mut self, id: RelayId, port: u16, cause: Cause<'_>) {
        assert!((self.ports.0..=self.ports.1).contains(&port), "from the range");
        assert!(!self.has(setup::ONLY_STUN), "there is no relay");
        let in_use = |other: &Relay| other.id != id && other.id.family == id.family && other.port == port && other.is_living();
        assert!(!self.relays.iter().any(in_use), "a port for one at a time");
        if let Some(known) = self.relays.iter_mut().find(|known| known.id == id) {
            assert_eq!((known.socket, cause.failed), (Socket::Gone, Some(id)), "the same again only with another port");
            known.socket = Socket::Asked;
            known.port = port;
            return;
        }
        assert!(cause.proof.is_some(), "a socket for a stranger");
        let owner = cause.client.expect("a client who asks");
        let Client { whom, expires, .. } = self.clients[owner];
        assert!(UNIX + (self.now - self.began).as_secs() < expires, "a socket for a credential that has expired");
        assert!(self.shut_out[whom].iter().flatten().all(|until| *until <= self.now), "a socket for one who is shut out");
        self.given_back[NEIGHBOURHOODS[owner]] += 60;
        self.relays.push(Relay { id, port, owner, whom, socket: Socket::Asked });
    }

    /// Whether what the relay counts agrees with the book.
    fn compare(&self) {
        let slots = |is_it: &dyn Fn(&Relay) -> bool| {
            let living = self.relays.iter().filter(|relay| relay.is_living() && is_it(relay));
            living.map(|relay| relay.id.index() / 2).collect::<BTreeSet<_>>().len()
        };
        let all = slots(&|_| true);
        let counters = self.server.counters();
        assert_eq!(counters.allocations, all, "each allocation has a socket, and each socket an allocation");
        assert!(all <= self.limits.allocations as usize);
        for whom in 0..WHO.len() {
            let most = if is_test(whom) { self.limits.test.allocations } else { self.limits.allocations_per_participant };
            assert!(slots(&|relay| relay.whom == whom) <= most as usize);
        }
        assert!(slots(&|relay| is_test(relay.whom)) <= self.limits.test.allocations_in_all as usize);
        for address in 0..CLIENTS.len() {
            assert!(slots(&|relay| ADDRESSES[relay.owner] == address) <= self.limits.allocations_per_address as usize);
        }
        for owner in 0..CLIENTS.len() {
            assert!(slots(&|relay| relay.owner == owner) <= 1, "one allocation for a five-tuple");
        }
    }

    /// When all is over nothing is left.
    fn end(&mut self) {
        // An hour is the longest that anything may last; a vouching, here, eighteen.
        self.now += Duration::from_secs(20 * 3600);
        self.server.timeout(self.now);
        self.drain(Cause::default());
        self.server.timeout(self.now + Duration::from_secs(60));
        let counters = self.server.counters();
        assert_eq!((counters.allocations, counters.accounts), (0, 0), "nothing outlasts its time");
        assert_eq!(self.server.next_timeout(), None);
        assert!(!self.relays.iter().any(Relay::is_living), "no socket is forgotten");
    }

    fn relay(&self, id: RelayId) -> &Relay {
        self.relays.iter().find(|relay| relay.id == id).expect("a relay that there is")
    }

    fn reach(&mut self, which: u8) {
        let Reach { v4, v6, private } = &mut self.reach;
        match which % 8 {
            0 => (*v4, *v6) = (Some(RELAY_V4.parse().unwrap()), Some(RELAY_V6.parse().unwrap())),
            // One that was somebody else's.
            1 => *v4 = Some(Ipv4Addr::new(8, 8, 8, 8)),
            2 => *v4 = Some(Ipv4Addr::new(9, 9, 9, 9)),
            3 => *v6 = Some("2a00:1450::1".parse().unwrap()),
            4 => *v4 = None,
            5 => *v6 = None,
            6 => *private = true,
            _ => *private = false,
        }
        self.server.set_reach(self.reach.v4, self.reach.v6, self.reach.policy());
        self.drain(Cause::default());
    }

    /// The place of a relay socket by its number in a program, the newest first.
    fn place_of(&self, number: u8) -> Option<usize> {
        let count = self.relays.len();
        (count > 0).then(|| count - 1 - usize::from(number) % count)
    }

    /// A peer by its number in a program; from 128 on, a relay socket of ours.
    fn peer(&self, number: u8) -> SocketAddr {
        match self.place_of(number & 0x7F).map(|place| &self.relays[place]) {
            Some(relay) if number & 0x80 != 0 => {
                let (v4, v6) = (self.reach.v4.map(IpAddr::V4), self.reach.v6.map(IpAddr::V6));
                let own = if relay.id.family == Family::V4 { v4 } else { v6 };
                SocketAddr::new(own.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), relay.port)
            }
            _ => PEERS[usize::from(number) % PEERS.len()].parse().unwrap(),
        }
    }

    fn transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        let mut id = [0x5A; 12];
        id[4..].copy_from_slice(&self.transactions.to_be_bytes());
        TransactionId(id)
    }
}

impl Client {
    fn new(place: usize, secret: &Secret) -> Self {
        let (transport, client) = CLIENTS[place];
        let tuple = FiveTuple { transport, client: client.parse().unwrap(), server: "93.184.216.34:3478".parse().unwrap() };
        let whom = place % WHO.len();
        let credentials = secret.mint(&subject(whom), UNIX + 600);
        Self { tuple, whom, credentials, nonce: ([0; 64], 0), expires: UNIX + 600, transaction: TransactionId([0; 12]), named: BTreeSet::new() }
    }
}

impl Reach {
    fn has(self, address: IpAddr) -> bool {
        self.v4.map(IpAddr::V4) == Some(address) || self.v6.map(IpAddr::V6) == Some(address)
    }

    fn policy(self) -> Policy {
        let networks = |text: &str| if self.private { vec![text.parse().unwrap()] } else { Vec::new() };
        Policy { allow: networks("10.0.0.0/8"), deny: networks("10.9.0.0/16"), ..Policy::default() }
    }
}

impl Relay {
    fn is_living(&self) -> bool {
        self.socket != Socket::Gone
    }
}

fn tight(limits: &Limits) -> Limits {
    Limits {
        allocations_per_participant: 2,
        allocations_per_address: 2,
        allocations: 4,
        permissions_per_allocation: 2,
        channels_per_allocation: 2,
        test: TestLimits { allocations: 1, allocations_in_all: 2, rate: Rate::new(500, 1_000), ..TestLimits::default() },
        participant_rate: Rate::new(1_000, 2_000),
        address_rate: Rate::new(1_500, 3_000),
        ..limits.clone()
    }
}

fn kept(counters: &Counters) -> (usize, usize, u64) {
    (counters.allocations, counters.accounts, counters.allocated)
}

fn place(client: u8) -> usize {
    usize::from(client) % CLIENTS.len()
}

fn who(whom: u8) -> usize {
    usize::from(whom & 0x7F) % WHO.len()
}

fn subject(whom: usize) -> Subject {
    let (room, name) = WHO[whom];
    if is_test(whom) { Subject::test(name) } else { Subject::new(room, name) }.unwrap()
}

fn is_test(whom: usize) -> bool {
    WHO[whom].0.is_empty()
}

fn revoked(whom: u8) -> Revoked {
    let subject = subject(who(whom));
    if whom & 0x80 == 0 { Revoked::Participant(subject) } else { Revoked::Room(subject.room().to_owned()) }
}

/// Around the first and the last channel number.
fn channel(number: u8) -> u16 {
    if number < 0xF0 { 0x3FFF + u16::from(number) } else { 0x4FF8 + u16::from(number & 0x0F) }
}

fn has_integrity(bytes: &[u8]) -> bool {
    let mut rest = &bytes[20..];
    while let [high, low, long, short, ..] = *rest {
        if matches!(u16::from_be_bytes([high, low]), attribute::MESSAGE_INTEGRITY | attribute::MESSAGE_INTEGRITY_SHA256) {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([long, short])).next_multiple_of(4);
        rest = &rest[4 + length..];
    }
    false
}
