//! How allocations come, are refreshed, and go (RFC 8656 §7 and §8).

use std::time::{Duration, Instant};

use crate::allocation::{Allocation, Leg, Opening, Stage, Token};
use crate::auth::{Identity, Subject};
use crate::effect::Command;
use crate::message::{Class, Malformed, Message, attribute, method};
use crate::ports::Wish;
use crate::quota::{Holder, later};
use crate::reservation::{RESERVATION_LIFETIME, Reservation};
use crate::server::{Asker, Code, Server};
use crate::tuple::{Family, RelayId, unmapped};
use crate::write::{Writer, error_value};

/// IANA's number of UDP, the only transport to peers.
const UDP: u8 = 17;
/// So many ports are tried if something else on the machine sits on them.
const MOST_TRIES: u8 = 4;
/// How long the driver may take to open a socket.
const OPENING_TIME: Duration = Duration::from_secs(10);

/// What an Allocate asks for.
#[derive(Debug)]
struct Order<'a> {
    first: Family,
    also_v6: bool,
    wish: Wish,
    token: Option<&'a [u8]>,
}

/// A port for an allocation, or why there is none.
type Place = (Family, Result<u16, Code>);

impl Server {
    pub(crate) fn allocate(&mut self, now: Instant, asker: &Asker, identity: &Identity, message: &Message<'_>) -> Result<(), Code> {
        if let Some(slot) = self.table.slot_of(&asker.tuple) {
            return self.repeat(now, slot, asker, identity);
        }
        let order = order(message)?;
        if !self.config.relay {
            return Err(403);
        }
        if self.table.len() >= self.config.limits.allocations as usize {
            return Err(508);
        }
        let places = match order.token {
            Some(token) => self.redeem(now, token, identity)?,
            None => self.places(now, asker, identity, &order)?,
        };
        self.address_proven(asker);
        let slot = self.begin(now, asker, identity, &order);
        for (family, port) in places {
            match port {
                Ok(port) => self.open(slot, family, port, 1),
                Err(code) => self.set_leg(slot, family, Leg::Failed(code)),
            }
        }
        Ok(())
    }

    /// The same request once more: the answer was lost. Another request on an allocation's five-tuple is a mistake.
    fn repeat(&mut self, now: Instant, slot: u32, asker: &Asker, identity: &Identity) -> Result<(), Code> {
        let allocation = self.table.get(slot).filter(|allocation| allocation.birth == asker.transaction && allocation.subject == identity.subject);
        let allocation = allocation.ok_or(437_u16)?;
        if matches!(allocation.stage, Stage::Open) {
            let lifetime = allocation.ends.saturating_duration_since(now);
            self.tell(slot, asker, lifetime);
        }
        Ok(())
    }

    /// The port that was kept. It has been counted since then, so there is no quota to look at.
    fn redeem(&mut self, now: Instant, token: &[u8], identity: &Identity) -> Result<Vec<Place>, Code> {
        let reservation = self.reservations.take(now, token, &identity.subject).ok_or(508_u16)?;
        reservation.accounts.into_iter().for_each(|account| self.accounts.close(now, account));
        Ok(vec![(reservation.family, Ok(reservation.port))])
    }

    /// Ports for what is asked, at least one of them to be had.
    fn places(&mut self, now: Instant, asker: &Asker, identity: &Identity, order: &Order<'_>) -> Result<Vec<Place>, Code> {
        self.check_quota(now, asker, identity, order.wish)?;
        let mut places = vec![(order.first, self.take_port(now, order.first, order.wish))];
        if order.also_v6 {
            places.push((Family::V6, self.take_port(now, Family::V6, order.wish)));
        }
        match places.iter().find_map(|(_, port)| port.err()) {
            Some(code) if places.iter().all(|(_, port)| port.is_err()) => Err(code),
            _ => Ok(places),
        }
    }

    fn take_port(&mut self, now: Instant, family: Family, wish: Wish) -> Result<u16, Code> {
        self.relay_address(family).ok_or(440_u16)?;
        let ports = if family == Family::V4 { &mut self.ports_v4 } else { &mut self.ports_v6 };
        ports.take(now, &mut self.random, wish).ok_or(508)
    }

    /// RFC 8656 §7.2. Looked at before a port is taken: a port that was taken rests afterwards.
    fn check_quota(&self, now: Instant, asker: &Asker, identity: &Identity, wish: Wish) -> Result<(), Code> {
        let (limits, more) = (&self.config.limits, if wish == Wish::EvenAndNext { 2 } else { 1 });
        let (participant, address) = (Holder::Participant(identity.subject.clone()), Holder::address(asker.tuple.client.ip()));
        let is_test = identity.subject.is_test();
        let most = if is_test { limits.test.allocations } else { limits.allocations_per_participant };
        let is_within = self.accounts.used(&participant) + more <= most
            && self.accounts.used(&address) + more <= limits.allocations_per_address
            && (!is_test || self.tests < limits.test.allocations_in_all)
            && self.accounts.may_open(now, &participant, more, limits.participant_churn)
            && self.accounts.may_open(now, &address, more, limits.address_churn);
        if is_within { Ok(()) } else { Err(486) }
    }

    fn open_accounts(&mut self, now: Instant, asker: &Asker, subject: &Subject) -> [u32; 2] {
        let participant = self.accounts.open(now, Holder::Participant(subject.clone()));
        let address = self.accounts.open(now, Holder::address(asker.tuple.client.ip()));
        self.accounts.take_churn(now, participant, self.config.limits.participant_churn);
        self.accounts.take_churn(now, address, self.config.limits.address_churn);
        [participant, address]
    }

    fn begin(&mut self, now: Instant, asker: &Asker, identity: &Identity, order: &Order<'_>) -> u32 {
        let accounts = self.open_accounts(now, asker, &identity.subject);
        let lifetime = self.lifetime(now, identity);
        let opening = Opening { asker: asker.clone(), lifetime, wish: order.wish };
        self.tests += u32::from(identity.subject.is_test());
        let slot = self.table.insert(Allocation::new(asker.tuple, identity.subject.clone(), accounts, opening, later(now, OPENING_TIME)));
        for id in accounts {
            if let Some(account) = self.accounts.get(id) {
                account.slots.push(slot);
            }
        }
        slot
    }

    fn open(&mut self, slot: u32, family: Family, port: u16, tries: u8) {
        self.set_leg(slot, family, Leg::Opening { port, tries });
        let relay = self.table.relay_id(slot, family);
        self.commands.push_back(Command::OpenRelay { relay, port });
    }

    fn set_leg(&mut self, slot: u32, family: Family, leg: Leg) {
        if let Some(allocation) = self.table.get_mut(slot) {
            allocation.set_leg(family, leg);
        }
    }

    /// The driver has opened the relay socket that it was asked for.
    pub fn opened(&mut self, now: Instant, relay: RelayId) {
        match self.table.by_relay(relay).map(|allocation| allocation.leg(relay.family)) {
            Some(Leg::Opening { port, .. }) => {
                self.ports(relay.family).opened(port);
                self.set_leg(relay.slot, relay.family, Leg::Open { port });
                self.conclude(now, relay.slot);
            }
            Some(Leg::Open { .. }) => {}
            // Ended in the meantime.
            Some(Leg::None | Leg::Failed(_)) | None => self.commands.push_back(Command::CloseRelay { relay }),
        }
    }

    /// The driver could not open the relay socket: something else on the machine has the port. Another is tried, a few times.
    pub fn open_failed(&mut self, now: Instant, relay: RelayId) {
        let Some(allocation) = self.table.by_relay(relay) else { return };
        let (Leg::Opening { port, tries }, Stage::Opening(opening)) = (allocation.leg(relay.family), &allocation.stage) else { return };
        let wish = opening.wish;
        self.give_up(now, relay.family, port, wish);
        let next = if tries < MOST_TRIES { self.take_port(now, relay.family, wish) } else { Err(508) };
        match next {
            Ok(port) => self.open(relay.slot, relay.family, port, tries + 1),
            Err(code) => {
                self.set_leg(relay.slot, relay.family, Leg::Failed(code));
                self.conclude(now, relay.slot);
            }
        }
    }

    /// A port that was taken is not used, nor the one that was taken with it.
    fn give_up(&mut self, now: Instant, family: Family, port: u16, wish: Wish) {
        self.release(now, family, port);
        if wish == Wish::EvenAndNext {
            self.release(now, family, port.saturating_add(1));
        }
    }

    /// Answers once nothing is left to open.
    fn conclude(&mut self, now: Instant, slot: u32) {
        let Some(allocation) = self.table.get(slot) else { return };
        let Stage::Opening(opening) = &allocation.stage else { return };
        let legs = allocation.legs();
        if legs.iter().any(|(_, leg)| matches!(leg, Leg::Opening { .. })) {
            return;
        }
        let (opening, subject, accounts) = (opening.clone(), allocation.subject.clone(), allocation.accounts);
        let Some((family, port)) = legs.iter().find_map(|(family, leg)| leg.port().map(|port| (*family, port))) else {
            self.end(now, slot);
            return self.refuse(&opening.asker, 508);
        };
        let token = (opening.wish == Wish::EvenAndNext).then(|| self.random.next().to_be_bytes());
        if let Some(token) = token {
            let ends = later(now, RESERVATION_LIFETIME);
            self.reserve(now, Reservation { token, subject, accounts, family, port: port.saturating_add(1), ends }, &opening.asker);
        }
        self.table.set_end(slot, later(now, opening.lifetime));
        if let Some(allocation) = self.table.get_mut(slot) {
            allocation.stage = Stage::Open;
            allocation.token = token;
        }
        self.counters.allocated += 1;
        self.tell(slot, &opening.asker, opening.lifetime);
    }

    /// A kept port counts like an allocation.
    fn reserve(&mut self, now: Instant, reservation: Reservation, asker: &Asker) {
        self.open_accounts(now, asker, &reservation.subject);
        self.reservations.add(reservation);
    }

    /// The answer to an Allocate (RFC 8656 §7.3).
    fn tell(&mut self, slot: u32, asker: &Asker, lifetime: Duration) {
        let Some(allocation) = self.table.get(slot) else { return };
        let (legs, token) = (allocation.legs(), allocation.token);
        let mut writer = Writer::new(Class::Success, method::ALLOCATE, asker.transaction);
        for (family, leg) in legs {
            writer = match (leg, self.relay_address(family)) {
                (Leg::Open { port }, Some(address)) => writer.with_address(attribute::XOR_RELAYED_ADDRESS, (address, port).into()),
                (Leg::Failed(code), _) => writer.with(attribute::ADDRESS_ERROR_CODE, &error_value(code, family.number())),
                _ => writer,
            };
        }
        writer = writer.with_u32(attribute::LIFETIME, seconds(lifetime));
        if let Some(token) = token {
            writer = writer.with(attribute::RESERVATION_TOKEN, &token);
        }
        let writer = writer.with_address(attribute::XOR_MAPPED_ADDRESS, unmapped(asker.tuple.client));
        self.answer(asker, writer);
    }

    /// RFC 8656 §8.2.
    pub(crate) fn refresh(&mut self, now: Instant, asker: &Asker, identity: &Identity, message: &Message<'_>) -> Result<(), Code> {
        let (slot, allocation) = self.own_allocation(now, asker, identity)?;
        let open = allocation.legs().into_iter().filter(|(_, leg)| matches!(leg, Leg::Open { .. })).count();
        let family = family(message, attribute::REQUESTED_ADDRESS_FAMILY)?;
        if family.is_some_and(|family| !allocation.is_open(family)) {
            return Err(443);
        }
        let wanted = message.u32(attribute::LIFETIME).map_err(|Malformed| 400_u16)?;
        let lifetime = if wanted == Some(0) { Duration::ZERO } else { self.lifetime(now, identity) };
        match family {
            _ if !lifetime.is_zero() => self.table.set_end(slot, later(now, lifetime)),
            Some(family) if open > 1 => self.close_leg(now, slot, family),
            _ => self.end(now, slot),
        }
        self.answer(asker, Writer::new(Class::Success, method::REFRESH, asker.transaction).with_u32(attribute::LIFETIME, seconds(lifetime)));
        Ok(())
    }

    /// The open allocation of the asker's five-tuple, if it is the asker's own.
    pub(crate) fn own_allocation(&self, now: Instant, asker: &Asker, identity: &Identity) -> Result<(u32, &Allocation), Code> {
        let slot = self.table.slot_of(&asker.tuple).ok_or(437_u16)?;
        let is_open = |allocation: &&Allocation| matches!(allocation.stage, Stage::Open) && now < allocation.ends;
        let allocation = self.table.get(slot).filter(is_open).ok_or(437_u16)?;
        if allocation.subject == identity.subject { Ok((slot, allocation)) } else { Err(441) }
    }

    /// How long from now the asker may have an allocation: no longer than its credential is good or the server vouches for it.
    fn lifetime(&mut self, now: Instant, identity: &Identity) -> Duration {
        let whole = Duration::from_secs(self.valid_for(now, identity).as_secs());
        whole.min(self.config.limits.lifetime)
    }

    pub(crate) fn valid_for(&mut self, now: Instant, identity: &Identity) -> Duration {
        let account = self.accounts.find(&Holder::Participant(identity.subject.clone()));
        let vouched = account.and_then(|account| account.vouched_until).map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        identity.left.max(vouched)
    }

    /// Ends an allocation at once, in whatever stage.
    pub(crate) fn end(&mut self, now: Instant, slot: u32) {
        let relays = [Family::V4, Family::V6].map(|family| self.table.relay_id(slot, family));
        let Some(allocation) = self.table.remove(slot) else { return };
        self.tests -= u32::from(allocation.is_test);
        for relay in relays {
            let Some(port) = allocation.leg(relay.family).port() else { continue };
            self.commands.push_back(Command::CloseRelay { relay });
            match &allocation.stage {
                Stage::Opening(opening) => self.give_up(now, relay.family, port, opening.wish),
                Stage::Open => self.release(now, relay.family, port),
            }
        }
        for id in allocation.accounts {
            if let Some(account) = self.accounts.get(id) {
                account.slots.retain(|used| *used != slot);
            }
            self.accounts.close(now, id);
        }
    }

    fn close_leg(&mut self, now: Instant, slot: u32, family: Family) {
        let port = self.table.get(slot).and_then(|allocation| allocation.leg(family).port());
        self.set_leg(slot, family, Leg::None);
        if let Some(port) = port {
            self.commands.push_back(Command::CloseRelay { relay: self.table.relay_id(slot, family) });
            self.release(now, family, port);
        }
    }

    pub(crate) fn release(&mut self, now: Instant, family: Family, port: u16) {
        let rest = self.config.limits.port_rest;
        self.ports(family).release(now, port, rest);
    }
}

/// Reads an Allocate (RFC 8656 §7.2, steps 3 to 10).
fn order<'a>(message: &Message<'a>) -> Result<Order<'a>, Code> {
    let transport = message.leading_byte(attribute::REQUESTED_TRANSPORT).ok().flatten().ok_or(400_u16)?;
    if transport != UDP {
        return Err(442);
    }
    message.u32(attribute::LIFETIME).map_err(|Malformed| 400_u16)?;
    let requested = family(message, attribute::REQUESTED_ADDRESS_FAMILY)?;
    let additional = family(message, attribute::ADDITIONAL_ADDRESS_FAMILY)?;
    let wish = wish(message)?;
    let token = message.find(attribute::RESERVATION_TOKEN);
    let is_contradiction = requested.is_some() && additional.is_some()
        || additional == Some(Family::V4)
        || additional.is_some() && wish == Wish::EvenAndNext
        || token.is_some() && (requested.is_some() || additional.is_some() || wish != Wish::Any)
        || token.is_some_and(|token| token.len() != size_of::<Token>());
    if is_contradiction {
        return Err(400);
    }
    Ok(Order { first: requested.unwrap_or(Family::V4), also_v6: additional.is_some(), wish, token })
}

fn family(message: &Message<'_>, kind: u16) -> Result<Option<Family>, Code> {
    let number = message.leading_byte(kind).map_err(|Malformed| 400_u16)?;
    number.map(|number| Family::from_number(number).ok_or(440)).transpose()
}

fn wish(message: &Message<'_>) -> Result<Wish, Code> {
    match message.find(attribute::EVEN_PORT) {
        None => Ok(Wish::Any),
        Some([bits]) if bits & 0x80 != 0 => Ok(Wish::EvenAndNext),
        Some([_]) => Ok(Wish::Even),
        Some(_) => Err(400),
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}
