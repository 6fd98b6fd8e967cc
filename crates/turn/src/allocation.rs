//! Allocations and all that belongs to one: its relay sockets, permissions and channels; and the table that finds it from either side.
//!
//! Knows nothing of messages, credentials or quotas.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::auth::Subject;
use crate::message::TransactionId;
use crate::ports::Wish;
use crate::quota::later;
use crate::server::Asker;
use crate::tuple::{Family, FiveTuple, Keyed, RelayId};

/// RFC 8656 §9.
pub(crate) const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
/// RFC 8656 §12.
pub(crate) const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);

/// RFC 8656 §18.6: names a port that is kept for its owner's next allocation.
pub(crate) type Token = [u8; 8];

/// One client's relay.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) tuple: FiveTuple,
    pub(crate) subject: Subject,
    /// It reaches our own relay sockets and nothing else.
    pub(crate) is_test: bool,
    /// The accounts of the participant and of the client's address.
    pub(crate) accounts: [u32; 2],
    /// The transaction that made it: the same request again gets the same answer.
    pub(crate) birth: TransactionId,
    pub(crate) stage: Stage,
    v4: Leg,
    v6: Leg,
    /// Of the port that is kept along with this allocation.
    pub(crate) token: Option<Token>,
    /// When it ends unless refreshed. Set by the table.
    pub(crate) ends: Instant,
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
}

/// Whose bandwidth a datagram takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payer {
    pub(crate) accounts: [u32; 2],
    pub(crate) is_test: bool,
}

/// How far an allocation has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The driver is opening its sockets; then the client is answered.
    Opening(Box<Opening>),
    /// It relays.
    Open,
}

/// What is needed to answer once the sockets are open.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) asker: Asker,
    pub(crate) lifetime: Duration,
    pub(crate) wish: Wish,
}

/// The relay socket of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    /// Not asked for, or given up.
    None,
    /// Asked for, but not to be had: the error code.
    Failed(u16),
    /// Being opened, for the so-manieth time.
    Opening { port: u16, tries: u8 },
    /// Open.
    Open { port: u16 },
}

impl Leg {
    pub(crate) fn port(self) -> Option<u16> {
        match self {
            Self::Opening { port, .. } | Self::Open { port } => Some(port),
            Self::None | Self::Failed(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Permission {
    peer: IpAddr,
    until: Instant,
}

/// A channel bound to a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) number: u16,
    pub(crate) peer: SocketAddr,
    /// The peer is another relay socket of ours: only good while that is open.
    pub(crate) is_own: bool,
    until: Instant,
    /// Until when its peer's address is permitted: kept here so that a datagram needs one look only.
    permitted_until: Instant,
}

impl Channel {
    fn is_live(&self, now: Instant) -> bool {
        now < self.until && now < self.permitted_until
    }
}

/// Why a channel cannot be bound or a permission not be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The number or the peer is bound otherwise.
    Conflict,
    /// There are as many as there may be.
    Full,
}

impl Allocation {
    pub(crate) fn new(tuple: FiveTuple, subject: Subject, accounts: [u32; 2], opening: Opening, ends: Instant) -> Self {
        let birth = opening.asker.transaction;
        let stage = Stage::Opening(Box::new(opening));
        let (permissions, channels, is_test) = (Vec::new(), Vec::new(), subject.is_test());
        Self { tuple, subject, is_test, accounts, birth, stage, v4: Leg::None, v6: Leg::None, token: None, ends, permissions, channels }
    }

    pub(crate) fn payer(&self) -> Payer {
        Payer { accounts: self.accounts, is_test: self.is_test }
    }

    pub(crate) fn leg(&self, family: Family) -> Leg {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    pub(crate) fn set_leg(&mut self, family: Family, leg: Leg) {
        match family {
            Family::V4 => self.v4 = leg,
            Family::V6 => self.v6 = leg,
        }
    }

    /// Both families and what is with them.
    pub(crate) fn legs(&self) -> [(Family, Leg); 2] {
        [(Family::V4, self.v4), (Family::V6, self.v6)]
    }

    pub(crate) fn is_open(&self, family: Family) -> bool {
        matches!(self.leg(family), Leg::Open { .. })
    }

    /// Whether datagrams pass at `now`.
    pub(crate) fn relays(&self, now: Instant, family: Family) -> bool {
        now < self.ends && matches!(self.stage, Stage::Open) && self.is_open(family)
    }

    pub(crate) fn permits(&self, now: Instant, peer: IpAddr) -> bool {
        self.permissions.iter().any(|permission| permission.peer == peer && now < permission.until)
    }

    /// Takes back what was given for peers that are not `right` any more, and channels that lead elsewhere than they were bound to: to
    /// what has become our own since, or is so no longer.
    pub(crate) fn retain_peers(&mut self, right: impl Fn(IpAddr) -> bool, leads: impl Fn(SocketAddr, bool) -> bool) {
        self.permissions.retain(|permission| right(permission.peer));
        self.channels.retain(|channel| leads(channel.peer, channel.is_own));
    }

    /// Permits all of `peers`, or none.
    pub(crate) fn permit(&mut self, now: Instant, peers: &[IpAddr], most: usize) -> Result<(), Refused> {
        self.permissions.retain(|permission| now < permission.until);
        let mut fresh: Vec<_> = peers.iter().filter(|peer| !self.permits(now, **peer)).collect();
        fresh.sort_unstable();
        fresh.dedup();
        if self.permissions.len() + fresh.len() > most {
            return Err(Refused::Full);
        }
        peers.iter().for_each(|peer| self.extend_permission(now, *peer));
        Ok(())
    }

    fn extend_permission(&mut self, now: Instant, peer: IpAddr) {
        let until = later(now, PERMISSION_LIFETIME);
        match self.permissions.iter_mut().find(|permission| permission.peer == peer) {
            Some(permission) => permission.until = until,
            None => self.permissions.push(Permission { peer, until }),
        }
        self.channels.iter_mut().filter(|channel| channel.peer.ip() == peer).for_each(|channel| channel.permitted_until = until);
    }

    /// Binds `number` to `peer` or refreshes that, and the permission with it (RFC 8656 §12.2).
    pub(crate) fn bind(&mut self, now: Instant, binding: Binding, most_channels: usize, most_permissions: usize) -> Result<(), Refused> {
        let Binding { number, peer, is_own } = binding;
        self.channels.retain(|channel| now < channel.until);
        if self.channels.iter().any(|channel| (channel.number == number) != (channel.peer == peer)) {
            return Err(Refused::Conflict);
        }
        let is_new = !self.channels.iter().any(|channel| channel.number == number);
        if is_new && self.channels.len() >= most_channels {
            return Err(Refused::Full);
        }
        self.permit(now, &[peer.ip()], most_permissions)?;
        let (until, permitted_until) = (later(now, CHANNEL_LIFETIME), later(now, PERMISSION_LIFETIME));
        self.channels.retain(|channel| channel.number != number);
        self.channels.push(Channel { number, peer, is_own, until, permitted_until });
        Ok(())
    }

    /// The channel that a client's ChannelData names.
    pub(crate) fn channel(&self, now: Instant, number: u16) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.number == number).filter(|channel| channel.is_live(now))
    }

    /// The channel to which a peer is bound. The port is compared first: it tells more apart.
    pub(crate) fn channel_of(&self, now: Instant, peer: SocketAddr) -> Option<&Channel> {
        let is_it = |channel: &&Channel| channel.peer.port() == peer.port() && channel.peer.ip() == peer.ip();
        self.channels.iter().find(is_it).filter(|channel| channel.is_live(now))
    }
}

/// A channel to bind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) number: u16,
    pub(crate) peer: SocketAddr,
    pub(crate) is_own: bool,
}

/// All allocations.
#[derive(Debug)]
pub(crate) struct Table {
    tuples: HashMap<FiveTuple, u32, Keyed>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    ends: BTreeSet<(Instant, u32)>,
}

/// Boxed: an empty slot costs 16 bytes, not several hundred.
#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    allocation: Option<Box<Allocation>>,
}

impl Table {
    pub(crate) fn new(keyed: Keyed) -> Self {
        Self { tuples: HashMap::with_hasher(keyed), slots: Vec::new(), free: Vec::new(), ends: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.tuples.len()
    }

    /// Takes an allocation in and returns its slot.
    pub(crate) fn insert(&mut self, allocation: Allocation) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.tuples.insert(allocation.tuple, slot);
        self.ends.insert((allocation.ends, slot));
        if let Some(place) = self.slots.get_mut(slot as usize) {
            place.allocation = Some(Box::new(allocation));
        }
        slot
    }

    /// Takes an allocation out. Its slot will be used again under another generation.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Box<Allocation>> {
        let place = self.slots.get_mut(slot as usize)?;
        let allocation = place.allocation.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.tuples.remove(&allocation.tuple);
        self.ends.remove(&(allocation.ends, slot));
        self.free.push(slot);
        Some(allocation)
    }

    /// The name of a relay socket of the allocation in `slot`.
    pub(crate) fn relay_id(&self, slot: u32, family: Family) -> RelayId {
        let generation = self.slots.get(slot as usize).map_or(0, |place| place.generation);
        RelayId { slot, generation, family }
    }

    pub(crate) fn slot_of(&self, tuple: &FiveTuple) -> Option<u32> {
        self.tuples.get(tuple).copied()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Allocation> {
        self.slots.get(slot as usize)?.allocation.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Allocation> {
        self.slots.get_mut(slot as usize)?.allocation.as_deref_mut()
    }

    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Allocation> {
        self.slots.iter_mut().filter_map(|place| place.allocation.as_deref_mut())
    }

    /// The allocation that a relay socket belongs to; none for a socket of an earlier one.
    pub(crate) fn by_relay(&self, relay: RelayId) -> Option<&Allocation> {
        let place = self.slots.get(relay.slot as usize).filter(|place| place.generation == relay.generation)?;
        place.allocation.as_deref()
    }

    /// Lets the allocation end at another time.
    pub(crate) fn set_end(&mut self, slot: u32, ends: Instant) {
        let Some(allocation) = self.slots.get_mut(slot as usize).and_then(|place| place.allocation.as_deref_mut()) else { return };
        self.ends.remove(&(allocation.ends, slot));
        allocation.ends = ends;
        self.ends.insert((ends, slot));
    }

    /// The allocation that ends first.
    pub(crate) fn first_end(&self) -> Option<(Instant, u32)> {
        self.ends.first().copied()
    }
}
