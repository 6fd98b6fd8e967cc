//! The relay as a whole: what comes in, what must happen, and the way of a datagram in both directions.
//!
//! Inputs are datagrams, frames, opened sockets, time; outputs are return values on the way of a datagram and [`Command`]s for all
//! else. Refuses to know sockets, clocks and tasks.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use crate::allocation::{Payer, Table};
use crate::auth::{Clock, Credentials, Gate, Identity, PASSWORD_ALGORITHMS, Proof, Refusal, Secret, Subject};
use crate::config::Config;
use crate::effect::{Command, Counters, FromClient, FromPeer};
use crate::message::{Class, Kind, Message, NotUnderstood, TransactionId, attribute, kind, method, u16_at};
use crate::policy::Policy;
use crate::ports::Ports;
use crate::quota::{Accounts, Bucket, Holder, Unproven};
use crate::random::{Random, keyed};
use crate::reservation::{Reservation, Reservations};
use crate::revocation::{Revocations, Revoked};
use crate::tuple::{Family, FiveTuple, RelayId, unmapped};
use crate::write::{Head, Writer};

/// STUN and TURN.
#[derive(Debug)]
pub struct Server {
    pub(crate) config: Config,
    pub(crate) gate: Gate,
    pub(crate) random: Random,
    pub(crate) table: Table,
    pub(crate) accounts: Accounts,
    pub(crate) ports_v4: Ports,
    pub(crate) ports_v6: Ports,
    pub(crate) reservations: Reservations,
    pub(crate) revocations: Revocations,
    pub(crate) commands: VecDeque<Command>,
    pub(crate) counters: Counters,
    /// Allocations of those who test the connection.
    pub(crate) tests: u32,
    /// What these may relay together.
    tests_bucket: Bucket,
    unproven: Unproven,
}

/// Who asked what, as far as the answer needs it.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) tuple: FiveTuple,
    pub(crate) method: u16,
    pub(crate) transaction: TransactionId,
    pub(crate) has_fingerprint: bool,
    /// How long the question was.
    question: usize,
    /// What to sign the answer with: there once the request is authenticated.
    pub(crate) proof: Option<Proof>,
}

/// An error code of RFC 8489 or RFC 8656.
pub(crate) type Code = u16;

impl Server {
    /// A relay without allocations. `secrets`: the first mints, all verify, so that a secret can be replaced while calls go on;
    /// without any nobody can allocate. `seed`: 32 random bytes of this server's own.
    #[must_use]
    pub fn new(mut config: Config, secrets: Vec<Secret>, clock: Clock, now: Instant, seed: &[u8; 32]) -> Self {
        config.policy.own.extend(config.relay_v4.map(IpAddr::V4));
        config.policy.own.extend(config.relay_v6.map(IpAddr::V6));
        let (keyed, limits) = (keyed(seed), &config.limits);
        let gate = Gate {
            realm: config.realm.clone(),
            clock,
            secrets,
            longest_credential: limits.longest_credential,
            nonce_lifetime: limits.nonce_lifetime,
        };
        Self {
            gate,
            random: Random::new(seed),
            table: Table::new(keyed),
            accounts: Accounts::new(keyed),
            ports_v4: Ports::new(&config.ports),
            ports_v6: Ports::new(&config.ports),
            reservations: Reservations::default(),
            revocations: Revocations::new(keyed, limits.longest_credential),
            commands: VecDeque::new(),
            counters: Counters::default(),
            tests: 0,
            tests_bucket: Bucket::full(now),
            unproven: Unproven::new(now, keyed, limits.unproven_rate),
            config,
        }
    }

    /// Credentials for `subject` that are good for as long as credentials may be, from `now`. None without a secret.
    #[must_use]
    pub fn mint(&self, now: Instant, subject: &Subject) -> Option<Credentials> {
        let expires = self.gate.clock.unix_seconds(now).saturating_add(self.config.limits.longest_credential.as_secs());
        self.gate.secrets.first().map(|secret| secret.mint(subject, expires))
    }

    /// Takes a datagram, or a message cut from a stream, that came from the client of `tuple`. On the way of a datagram to a peer
    /// nothing is allocated.
    pub fn from_client<'a>(&mut self, now: Instant, tuple: &FiveTuple, input: &'a [u8]) -> FromClient<'a> {
        match kind(input) {
            Kind::ChannelData => self.channel_data(now, tuple, input).unwrap_or(FromClient::Handled),
            Kind::Stun => self.stun(now, tuple, input),
            Kind::Dtls | Kind::Rtp | Kind::Other => FromClient::Handled,
        }
    }

    /// Takes a datagram that a peer sent to a relay socket. Nothing is allocated.
    pub fn from_peer(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, payload: &[u8]) -> FromPeer {
        self.peer_data(now, relay, peer, payload.len()).unwrap_or(FromPeer::Dropped)
    }

    /// What must be done next. To be asked after every input until there is nothing.
    pub fn poll(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Server::timeout`] should be called next. May change with every input.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let ends = [self.table.first_end().map(|(end, _)| end), self.reservations.first_end()];
        ends.into_iter().flatten().min()
    }

    /// Ends what has come to its end. Early calls do no harm.
    pub fn timeout(&mut self, now: Instant) {
        while let Some((_, slot)) = self.table.first_end().filter(|(end, _)| *end <= now) {
            self.end(now, slot);
        }
        while let Some(reservation) = self.reservations.pop_ended(now) {
            self.end_reservation(now, &reservation);
        }
        self.revocations.forget(now);
        self.accounts.forget(now);
    }

    fn end_reservation(&mut self, now: Instant, reservation: &Reservation) {
        reservation.accounts.into_iter().for_each(|account| self.accounts.close(now, account));
        self.release(now, reservation.family, reservation.port);
    }

    /// The client's stream is closed: its allocation ends.
    pub fn disconnected(&mut self, now: Instant, tuple: &FiveTuple) {
        if let Some(slot) = self.table.slot_of(tuple) {
            self.end(now, slot);
        }
    }

    /// Ends all allocations of a participant or a room at once, and refuses their credentials for as long as any can be good.
    pub fn revoke(&mut self, now: Instant, whom: &Revoked) {
        self.revocations.add(now, whom);
        let subjects: Vec<_> = match whom {
            Revoked::Participant(subject) => vec![subject.clone()],
            Revoked::Room(room) => self.accounts.participants().filter(|subject| subject.room() == room).cloned().collect(),
        };
        for subject in subjects {
            let account = self.accounts.find(&Holder::Participant(subject.clone()));
            let slots = account.map(|account| account.slots.clone()).unwrap_or_default();
            slots.into_iter().for_each(|slot| self.end(now, slot));
            self.reservations.take_of(&subject).into_iter().for_each(|reservation| self.end_reservation(now, &reservation));
        }
    }

    /// Takes a revocation back, for a participant who is let in again under the same name.
    pub fn readmit(&mut self, whom: &Revoked) {
        self.revocations.remove(whom);
    }

    /// The server knows that the participant is in the call: until then its allocations may be refreshed although the credential they
    /// were made with has expired (a browser cannot give a living allocation new credentials). New allocations need a valid
    /// credential all the same. Returns whether the participant has any allocation; nothing is kept for one who has none.
    pub fn vouch(&mut self, subject: &Subject, until: Instant) -> bool {
        let account = self.accounts.find(&Holder::Participant(subject.clone()));
        account.map(|account| account.vouched_until = Some(until)).is_some()
    }

    /// The machine is reached at other addresses, or the policy has changed: what was given for peers that are refused now is taken
    /// back. Relayed addresses that clients have been told stay as they are.
    pub fn set_reach(&mut self, relay_v4: Option<Ipv4Addr>, relay_v6: Option<Ipv6Addr>, mut policy: Policy) {
        policy.own.extend(relay_v4.map(IpAddr::V4).into_iter().chain(relay_v6.map(IpAddr::V6)));
        let own = |peer| Some(peer) == relay_v4.map(IpAddr::V4) || Some(peer) == relay_v6.map(IpAddr::V6);
        let right = |peer| own(peer) || policy.has_media(peer) || policy.allows(peer);
        // A channel knows only from its binding whether it leads to a relay of ours.
        let leads = |peer: SocketAddr, is_own| policy.is_media(peer) || is_own == own(peer.ip()) && (is_own || policy.allows(peer.ip()));
        self.table.all_mut().for_each(|allocation| allocation.retain_peers(right, leads));
        (self.config.relay_v4, self.config.relay_v6, self.config.policy) = (relay_v4, relay_v6, policy);
    }

    /// Whether the client of `tuple` has an allocation.
    #[must_use]
    pub fn has_allocation(&self, tuple: &FiveTuple) -> bool {
        self.table.slot_of(tuple).is_some()
    }

    /// What has been done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters { allocations: self.table.len(), accounts: self.accounts.len(), ..self.counters }
    }

    /// RFC 8656 §12.6.
    fn channel_data<'a>(&mut self, now: Instant, tuple: &FiveTuple, input: &'a [u8]) -> Option<FromClient<'a>> {
        let (number, length) = (u16_at(input, 0)?, usize::from(u16_at(input, 2)?));
        let payload = input.get(4..)?.get(..length)?;
        let slot = self.table.slot_of(tuple)?;
        let allocation = self.table.get(slot)?;
        let Some(channel) = allocation.channel(now, number) else {
            self.counters.not_permitted += 1;
            return None;
        };
        let (peer, is_own, payer) = (channel.peer, channel.is_own, allocation.payer());
        let family = Family::of(peer.ip());
        if !allocation.relays(now, family) || (is_own && !self.is_own_relay(peer)) {
            return None;
        }
        self.charge(now, payer, length)?;
        count(&mut self.counters.to_peers, length);
        Some(FromClient::ToPeer { relay: self.table.relay_id(slot, family), peer, payload, dont_fragment: false })
    }

    /// RFC 8656 §11.3 and §12.7.
    fn peer_data(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, length: usize) -> Option<FromPeer> {
        let allocation = self.table.by_relay(relay).filter(|allocation| allocation.relays(now, relay.family))?;
        let (to, payer, payload) = (allocation.tuple, allocation.payer(), u16::try_from(length).ok()?);
        if !self.is_within(allocation.is_test, peer) {
            self.counters.not_permitted += 1;
            return None;
        }
        let head = if let Some(channel) = allocation.channel_of(now, peer) {
            Head::channel(channel.number, payload, to.transport.is_stream())
        } else if allocation.permits(now, peer.ip()) && self.may_hear(peer) {
            Head::indication(self.random.transaction(), peer, payload)?
        } else {
            self.counters.not_permitted += 1;
            return None;
        };
        self.charge(now, payer, length)?;
        count(&mut self.counters.to_clients, length);
        Some(FromPeer::ToClient { to, head })
    }

    /// Takes `bytes` from what the participant and its address may relay.
    fn charge(&mut self, now: Instant, payer: Payer, bytes: usize) -> Option<()> {
        let (limits, [participant, address]) = (&self.config.limits, payer.accounts);
        let rate = if payer.is_test { limits.test.rate } else { limits.participant_rate };
        let is_within = self.accounts.take(now, participant, bytes, rate)
            && self.accounts.take(now, address, bytes, limits.address_rate)
            && (!payer.is_test || self.tests_bucket.take(now, bytes, limits.test.rate_in_all));
        self.counters.over_rate += u64::from(!is_within);
        is_within.then_some(())
    }

    fn stun<'a>(&mut self, now: Instant, tuple: &FiveTuple, input: &'a [u8]) -> FromClient<'a> {
        let Ok(message) = Message::parse(input) else { return FromClient::Handled };
        match (message.class, message.method) {
            (Class::Indication, method::SEND) => return self.send(now, tuple, &message).unwrap_or(FromClient::Handled),
            (Class::Request, method::BINDING) => self.binding(now, &asker(tuple, &message, input), &message),
            (Class::Request, method::ALLOCATE | method::REFRESH | method::CREATE_PERMISSION | method::CHANNEL_BIND) => {
                self.request(now, asker(tuple, &message, input), &message);
            }
            // RFC 8489 §6.3: what is not known is not answered.
            _ => {}
        }
        FromClient::Handled
    }

    /// RFC 8656 §11.2.
    fn send<'a>(&mut self, now: Instant, tuple: &FiveTuple, message: &Message<'a>) -> Option<FromClient<'a>> {
        let slot = self.table.slot_of(tuple)?;
        let peer = message.address(attribute::XOR_PEER_ADDRESS).ok()??;
        let payload = message.find(attribute::DATA)?;
        if !message.not_understood(self.config.dont_fragment).as_slice().is_empty() {
            return None;
        }
        let allocation = self.table.get(slot).filter(|allocation| allocation.relays(now, Family::of(peer.ip())))?;
        let payer = allocation.payer();
        if !allocation.permits(now, peer.ip()) || !self.may_relay_to(peer) || !self.is_within(payer.is_test, peer) {
            self.counters.not_permitted += 1;
            return None;
        }
        self.charge(now, payer, payload.len())?;
        count(&mut self.counters.to_peers, payload.len());
        let dont_fragment = message.find(attribute::DONT_FRAGMENT).is_some();
        Some(FromClient::ToPeer { relay: self.table.relay_id(slot, Family::of(peer.ip())), peer, payload, dont_fragment })
    }

    /// RFC 8489 §6.3.1.
    fn binding(&mut self, now: Instant, asker: &Asker, message: &Message<'_>) {
        let unknown = message.not_understood(self.config.dont_fragment);
        let writer = if unknown.as_slice().is_empty() {
            let writer = Writer::new(Class::Success, method::BINDING, asker.transaction);
            writer.with_address(attribute::XOR_MAPPED_ADDRESS, unmapped(asker.tuple.client))
        } else {
            not_understood(asker, &unknown)
        };
        self.answer_unproven(now, asker, writer);
    }

    /// A request that must be authenticated.
    fn request(&mut self, now: Instant, mut asker: Asker, message: &Message<'_>) {
        self.timeout(now);
        let identity = match self.authenticate(now, &asker, message) {
            Ok(identity) => identity,
            Err(Refusal::Unauthenticated) => return self.challenge(now, &asker, 401),
            Err(Refusal::StaleNonce) => return self.challenge(now, &asker, 438),
            Err(Refusal::BadRequest) => {
                let writer = Writer::new(Class::Error, asker.method, asker.transaction).with_error(400);
                return self.answer_unproven(now, &asker, writer);
            }
        };
        asker.proof = Some(identity.proof.clone());
        if let Err(code) = self.dispatch(now, &asker, &identity, message) {
            self.refuse(&asker, code);
        }
    }

    fn dispatch(&mut self, now: Instant, asker: &Asker, identity: &Identity, message: &Message<'_>) -> Result<(), Code> {
        let unknown = message.not_understood(self.config.dont_fragment);
        if !unknown.as_slice().is_empty() {
            self.counters.refused += 1;
            self.answer(asker, not_understood(asker, &unknown));
            return Ok(());
        }
        match asker.method {
            method::ALLOCATE => self.allocate(now, asker, identity, message),
            method::REFRESH => self.refresh(now, asker, identity, message),
            method::CREATE_PERMISSION => self.create_permission(now, asker, identity, message),
            _ => self.channel_bind(now, asker, identity, message),
        }
    }

    /// Who asks: proven, not revoked, and with a credential that has not expired (or is vouched for).
    fn authenticate(&mut self, now: Instant, asker: &Asker, message: &Message<'_>) -> Result<Identity, Refusal> {
        let identity = self.gate.check(now, &asker.tuple, message)?;
        let is_live = if asker.method == method::ALLOCATE { identity.left } else { self.valid_for(now, &identity) }.as_secs() > 0;
        if is_live && !self.revocations.contains(now, &identity.subject) { Ok(identity) } else { Err(Refusal::Unauthenticated) }
    }

    /// RFC 8489 §9.2.4: who are you?
    fn challenge(&mut self, now: Instant, asker: &Asker, code: Code) {
        let nonce = self.gate.nonce(now, &asker.tuple);
        let writer = Writer::new(Class::Error, asker.method, asker.transaction)
            .with_error(code)
            .with(attribute::REALM, self.gate.realm.as_bytes())
            .with(attribute::NONCE, nonce.as_bytes())
            .with(attribute::PASSWORD_ALGORITHMS, &PASSWORD_ALGORITHMS);
        self.counters.challenges += 1;
        self.answer_unproven(now, asker, writer);
    }

    /// An answer to somebody whose address may be forged: only if it does not make the server a means of attack.
    fn answer_unproven(&mut self, now: Instant, asker: &Asker, writer: Writer) {
        let message = if asker.has_fingerprint { writer.with_fingerprint() } else { writer }.finish();
        let to = asker.tuple;
        if to.transport.is_stream() || self.unproven.allows(now, to.client.ip(), asker.question, message.len()) {
            self.commands.push_back(Command::Send { to, message });
        } else {
            self.counters.withheld += 1;
        }
    }

    /// The client has answered a challenge, so its address is its own: it and its neighbours are not held to account for that one.
    pub(crate) fn address_proven(&mut self, asker: &Asker) {
        if !asker.tuple.transport.is_stream() {
            // The challenge of 88 bytes to the shortest Allocate of 28.
            self.unproven.proven(asker.tuple.client.ip(), 60);
        }
    }

    pub(crate) fn refuse(&mut self, asker: &Asker, code: Code) {
        self.counters.refused += 1;
        self.answer(asker, Writer::new(Class::Error, asker.method, asker.transaction).with_error(code));
    }

    /// An answer to an authenticated request.
    pub(crate) fn answer(&mut self, asker: &Asker, mut writer: Writer) {
        if let Some(proof) = &asker.proof {
            writer = writer.with_integrity(proof);
        }
        let message = if asker.has_fingerprint { writer.with_fingerprint() } else { writer }.finish();
        self.commands.push_back(Command::Send { to: asker.tuple, message });
    }

    pub(crate) fn ports(&mut self, family: Family) -> &mut Ports {
        match family {
            Family::V4 => &mut self.ports_v4,
            Family::V6 => &mut self.ports_v6,
        }
    }

    pub(crate) fn relay_address(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.config.relay_v4.map(IpAddr::V4),
            Family::V6 => self.config.relay_v6.map(IpAddr::V6),
        }
    }

    /// Whether `peer` is a relay socket of ours: two clients of one relay reach each other through it.
    pub(crate) fn is_own_relay(&self, peer: SocketAddr) -> bool {
        let family = Family::of(peer.ip());
        let ports = if family == Family::V4 { &self.ports_v4 } else { &self.ports_v6 };
        self.relay_address(family) == Some(peer.ip()) && ports.is_open(peer.port())
    }

    /// Whether an allocation may have to do with `peer`: those for tests have to do with our own relay sockets alone.
    pub(crate) fn is_within(&self, is_test: bool, peer: SocketAddr) -> bool {
        !is_test || self.is_own_relay(peer)
    }

    /// Whether datagrams may go to `peer`: to our own media, to an open relay socket of ours, to nothing else of ours, and elsewhere by
    /// the policy.
    pub(crate) fn may_relay_to(&self, peer: SocketAddr) -> bool {
        let is_relay = self.relay_address(Family::of(peer.ip())) == Some(peer.ip());
        if is_relay { self.config.policy.is_media(peer) || self.is_own_relay(peer) } else { self.config.policy.allows_at(peer) }
    }

    /// Whether datagrams may come from `peer`, whose address is permitted. Where our media is, other things of ours may be.
    fn may_hear(&self, peer: SocketAddr) -> bool {
        !self.config.policy.has_media(peer.ip()) || self.may_relay_to(peer)
    }
}

fn asker(tuple: &FiveTuple, message: &Message<'_>, input: &[u8]) -> Asker {
    let (method, transaction, has_fingerprint) = (message.method, message.transaction, message.has_fingerprint());
    Asker { tuple: *tuple, method, transaction, has_fingerprint, question: input.len(), proof: None }
}

/// RFC 8489 §6.3.1: what the client takes for granted and we do not know.
fn not_understood(asker: &Asker, unknown: &NotUnderstood) -> Writer {
    let kinds: Vec<u8> = unknown.as_slice().iter().flat_map(|kind| kind.to_be_bytes()).collect();
    Writer::new(Class::Error, asker.method, asker.transaction).with_error(420).with(attribute::UNKNOWN_ATTRIBUTES, &kinds)
}

fn count(counter: &mut [u64; 2], bytes: usize) {
    counter[0] += 1;
    counter[1] += bytes as u64;
}
