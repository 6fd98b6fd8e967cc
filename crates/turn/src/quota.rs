//! How much anyone may have: allocations and bandwidth per participant and per address, and bytes to addresses that nobody has proven
//! to be theirs. All tables are bounded: by the allocations that exist, or fixed in size from the beginning.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::auth::Subject;
use crate::tuple::Keyed;

/// How much anyone may have.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Allocations (and reserved ports) of one participant. 12: what a browser may open over its interfaces and three transports.
    pub allocations_per_participant: u32,
    /// Allocations of one client address: an IPv4 address or an IPv6 /64, behind which a whole office may sit.
    pub allocations_per_address: u32,
    /// Allocations in all.
    pub allocations: u32,
    /// How often one participant may allocate, in allocations: each port that was used rests, so who allocates and lets go over and
    /// over would take all of them.
    pub participant_churn: Rate,
    /// How often one client address may.
    pub address_churn: Rate,
    /// What one who tests the connection may have.
    pub test: TestLimits,
    /// Peer addresses that one allocation has permission for at a time.
    pub permissions_per_allocation: usize,
    /// Channels that one allocation has bound at a time.
    pub channels_per_allocation: usize,
    /// What one participant may relay, both directions together.
    pub participant_rate: Rate,
    /// What one client address may relay, both directions together.
    pub address_rate: Rate,
    /// By how much answers to unauthenticated datagrams may exceed those datagrams, per IPv4 /24 or IPv6 /56.
    pub unproven_rate: Rate,
    /// The longest lifetime of an allocation, and the usual one (RFC 8656 §7.2 says 10 minutes and at most an hour).
    pub lifetime: Duration,
    /// How much time a credential may have left: a user name that says more is not one of ours.
    pub longest_credential: Duration,
    /// How long a nonce is good for. RFC 8656 §5: an hour at most.
    pub nonce_lifetime: Duration,
    /// How long a port stays unused after a relay, so that late datagrams do not reach somebody else.
    pub port_rest: Duration,
}

/// What those may have who test the connection: anybody who finds the page.
#[derive(Clone, Debug)]
pub struct TestLimits {
    /// Allocations of one of them. 4: a pair over UDP, and one more over TCP and TLS each.
    pub allocations: u32,
    /// Allocations of all of them together.
    pub allocations_in_all: u32,
    /// What one of them may relay, both directions together.
    pub rate: Rate,
    /// What all of them together may relay: who calls himself by many names, at many addresses, takes no more of the line than this.
    pub rate_in_all: Rate,
}

impl Default for TestLimits {
    fn default() -> Self {
        // In all: a class that tests at once, each with both ends.
        Self { allocations: 4, allocations_in_all: 256, rate: Rate::new(1_000_000, 1_000_000), rate_in_all: Rate::new(64_000_000, 64_000_000) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations_per_participant: 12,
            allocations_per_address: 256,
            allocations: 16_384,
            participant_churn: Rate::new(1, 60),
            address_churn: Rate::new(16, 1_024),
            test: TestLimits::default(),
            permissions_per_allocation: 64,
            channels_per_allocation: 64,
            participant_rate: Rate::new(4_000_000, 4_000_000),
            address_rate: Rate::new(60_000_000, 60_000_000),
            unproven_rate: Rate::new(8_192, 32_768),
            lifetime: Duration::from_secs(600),
            longest_credential: Duration::from_secs(600),
            nonce_lifetime: Duration::from_secs(600),
            port_rest: Duration::from_secs(30),
        }
    }
}

/// A rate in bytes, and how many may go at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    bytes_per_second: NonZeroU32,
    burst: Duration,
}

impl Rate {
    /// `bytes_per_second` (at least 1) on average, `burst_bytes` at once.
    #[must_use]
    pub fn new(bytes_per_second: u32, burst_bytes: u32) -> Self {
        let bytes_per_second = NonZeroU32::new(bytes_per_second).unwrap_or(NonZeroU32::MIN);
        Self { bytes_per_second, burst: Self::time(bytes_per_second, burst_bytes as usize) }
    }

    fn time(bytes_per_second: NonZeroU32, bytes: usize) -> Duration {
        Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / u64::from(bytes_per_second.get()))
    }
}

/// A token bucket, kept as the moment at which it will be full again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    pub(crate) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes `bytes` out, or nothing if there are not so many in it.
    pub(crate) fn take(&mut self, now: Instant, bytes: usize, rate: Rate) -> bool {
        let full_at = later(self.full_at.max(now), Rate::time(rate.bytes_per_second, bytes));
        let is_enough = full_at.saturating_duration_since(now) <= rate.burst;
        if is_enough {
            self.full_at = full_at;
        }
        is_enough
    }

    /// Whether there are so many in it.
    fn holds(&self, now: Instant, bytes: usize, rate: Rate) -> bool {
        let mut copy = *self;
        copy.take(now, bytes, rate)
    }

    fn put_back(&mut self, bytes: usize, rate: Rate) {
        self.full_at = self.full_at.checked_sub(Rate::time(rate.bytes_per_second, bytes)).unwrap_or(self.full_at);
    }
}

/// `at + duration`, or `at` where the clock cannot say that.
pub(crate) fn later(at: Instant, duration: Duration) -> Instant {
    at.checked_add(duration).unwrap_or(at)
}

/// Against reflection: answers to those whose address may be forged never add more than a trickle to what came in from there. The
/// table has a fixed size; neighbourhoods that fall into the same place share a bucket.
#[derive(Debug)]
pub(crate) struct Unproven {
    buckets: Box<[Bucket]>,
    keyed: Keyed,
    rate: Rate,
}

impl Unproven {
    /// 64 KiB of memory; with it, two of a hundred busy neighbourhoods share a bucket about as often as not.
    const BUCKETS: usize = 4096;

    pub(crate) fn new(now: Instant, keyed: Keyed, rate: Rate) -> Self {
        Self { buckets: vec![Bucket::full(now); Self::BUCKETS].into(), keyed, rate }
    }

    /// Whether `answer` bytes may be sent to `client`, from where `question` bytes have come.
    pub(crate) fn allows(&mut self, now: Instant, client: IpAddr, question: usize, answer: usize) -> bool {
        let (excess, rate) = (answer.saturating_sub(question), self.rate);
        self.bucket(client).is_some_and(|bucket| bucket.take(now, excess, rate))
    }

    /// `client` has proven its address: what a challenge cost is given back.
    pub(crate) fn proven(&mut self, client: IpAddr, bytes: usize) {
        let rate = self.rate;
        if let Some(bucket) = self.bucket(client) {
            bucket.put_back(bytes, rate);
        }
    }

    fn bucket(&mut self, client: IpAddr) -> Option<&mut Bucket> {
        let place = self.keyed.hash_one(neighbourhood(client, 24, 56)) as usize % Self::BUCKETS;
        self.buckets.get_mut(place)
    }
}

/// The network of `address` with so many leading bits.
fn neighbourhood(address: IpAddr, v4_bits: u32, v6_bits: u32) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u128::from(u32::from(v4) >> (32 - v4_bits)),
        // Never equal to an IPv4 one: the top bits of a client's address are not zero.
        IpAddr::V6(v6) => u128::from(v6) >> (128 - v6_bits) | 1 << 127,
    }
}

/// Who has allocations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    Participant(Subject),
    Address(u128),
}

impl Holder {
    pub(crate) fn address(client: IpAddr) -> Self {
        Self::Address(neighbourhood(client, 32, 64))
    }
}

/// What a holder has at the moment.
#[derive(Debug)]
pub(crate) struct Account {
    holder: Holder,
    /// Allocations and reservations.
    pub(crate) used: u32,
    bucket: Bucket,
    /// Allocations that may still be made.
    churn: Bucket,
    /// The slots of its allocations.
    pub(crate) slots: Vec<u32>,
    /// Until when the server vouches for the participant, whatever its credential says.
    pub(crate) vouched_until: Option<Instant>,
}

impl Account {
    /// From when on nothing needs to be known of it any more.
    fn full_at(&self) -> Instant {
        self.bucket.full_at.max(self.churn.full_at)
    }
}

/// The accounts of all who have an allocation or a reservation, or have used up bandwidth or allocations just now, and of nobody else.
#[derive(Debug)]
pub(crate) struct Accounts {
    index: HashMap<Holder, u32, Keyed>,
    accounts: Vec<Option<Account>>,
    free: Vec<u32>,
    /// Accounts whose last allocation ended while their buckets were not full: kept until they are, or else who allocates anew would
    /// have full buckets each time.
    idle: BTreeSet<(Instant, u32)>,
}

impl Accounts {
    pub(crate) fn new(keyed: Keyed) -> Self {
        Self { index: HashMap::with_hasher(keyed), accounts: Vec::new(), free: Vec::new(), idle: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn find(&mut self, holder: &Holder) -> Option<&mut Account> {
        let id = *self.index.get(holder)?;
        self.get(id)
    }

    pub(crate) fn used(&self, holder: &Holder) -> u32 {
        let account = self.index.get(holder).and_then(|id| self.accounts.get(*id as usize)?.as_ref());
        account.map_or(0, |account| account.used)
    }

    /// Whether the holder may allocate `more` times now.
    pub(crate) fn may_open(&self, now: Instant, holder: &Holder, more: u32, rate: Rate) -> bool {
        let account = self.index.get(holder).and_then(|id| self.accounts.get(*id as usize)?.as_ref());
        account.is_none_or(|account| account.churn.holds(now, more as usize, rate))
    }

    /// Counts one more allocation or reservation.
    pub(crate) fn open(&mut self, now: Instant, holder: Holder) -> u32 {
        self.forget(now);
        if let Some(id) = self.index.get(&holder).copied() {
            if let Some(account) = self.get(id) {
                account.used += 1;
                let full_at = account.full_at();
                self.idle.remove(&(full_at, id));
            }
            return id;
        }
        let account =
            Account { holder: holder.clone(), used: 1, bucket: Bucket::full(now), churn: Bucket::full(now), slots: Vec::new(), vouched_until: None };
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.accounts.push(None);
                u32::try_from(self.accounts.len() - 1).unwrap_or(u32::MAX)
            }
        };
        if let Some(place) = self.accounts.get_mut(id as usize) {
            *place = Some(account);
        }
        self.index.insert(holder, id);
        id
    }

    /// Counts one less; the account goes with the last one, once its bucket is full.
    pub(crate) fn close(&mut self, now: Instant, id: u32) {
        let Some(account) = self.get(id) else { return };
        account.used = account.used.saturating_sub(1);
        if account.used == 0 {
            account.vouched_until = None;
            let full_at = account.full_at();
            self.idle.insert((full_at, id));
        }
        self.forget(now);
    }

    /// Removes accounts that nothing more is to be known of.
    pub(crate) fn forget(&mut self, now: Instant) {
        while let Some((_, id)) = self.idle.first().copied().filter(|(full_at, _)| *full_at <= now) {
            self.idle.pop_first();
            if let Some(account) = self.accounts.get_mut(id as usize).and_then(Option::take) {
                self.index.remove(&account.holder);
                self.free.push(id);
            }
        }
    }

    pub(crate) fn get(&mut self, id: u32) -> Option<&mut Account> {
        self.accounts.get_mut(id as usize)?.as_mut()
    }

    /// Whether the holder may relay `bytes` more now.
    pub(crate) fn take(&mut self, now: Instant, id: u32, bytes: usize, rate: Rate) -> bool {
        self.get(id).is_some_and(|account| account.bucket.take(now, bytes, rate))
    }

    /// An allocation is made: one less may be made soon.
    pub(crate) fn take_churn(&mut self, now: Instant, id: u32, rate: Rate) {
        if let Some(account) = self.get(id) {
            account.churn.take(now, 1, rate);
        }
    }

    /// All participants that have something.
    pub(crate) fn participants(&self) -> impl Iterator<Item = &Subject> {
        self.index.keys().filter_map(|holder| match holder {
            Holder::Participant(subject) => Some(subject),
            Holder::Address(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let (start, rate) = (Instant::now(), Rate::new(1000, 500));
        let mut bucket = Bucket::full(start);
        assert!(bucket.take(start, 500, rate));
        assert!(!bucket.take(start, 1, rate));
        assert!(bucket.take(start + Duration::from_millis(100), 100, rate));
        assert!(!bucket.take(start + Duration::from_millis(100), 1, rate));
        assert!(bucket.take(start + Duration::from_secs(100), 500, rate), "it never holds more than a burst …");
        assert!(!bucket.take(start + Duration::from_secs(100), 1, rate), "… however long it rests");
    }

    #[test]
    fn neighbours_share_and_strangers_do_not() {
        let of = |text: &str| neighbourhood(text.parse().unwrap(), 24, 56);
        assert_eq!(of("8.8.8.1"), of("8.8.8.200"));
        assert_eq!(of("8.8.8.1"), of("::ffff:8.8.8.1"));
        assert_ne!(of("8.8.8.1"), of("8.8.9.1"));
        assert_eq!(of("2a00:1:2:3400::1"), of("2a00:1:2:34ff::1"));
        assert_ne!(of("2a00:1:2:3400::1"), of("2a00:1:2:3500::1"));
    }
}
