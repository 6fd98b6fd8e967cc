//! Ids of participants and messages: UUID version 7 (RFC 9562, section 5.7) made from a given time and given randomness,
//! each greater than the one before, within one millisecond too.

use fireside_protocol::{MessageId, ParticipantId, UnixMillis};
use rand::Rng;
use uuid::Uuid;

/// Bits of a UUID version 7 that are not its time, version or variant.
const RANDOM_BITS: u32 = 74;
/// The latest time that an id may carry so that later ones still fit: of the field's 48 bits half are never reached.
const LAST_MILLIS: u64 = 1 << 47;

/// Makes ids that only ever increase.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdSource {
    /// Time and random bits of the greatest id made or seen, as one number.
    last: u128,
}

impl IdSource {
    pub(crate) fn participant(&mut self, now: UnixMillis, rng: &mut impl Rng) -> ParticipantId {
        ParticipantId(self.next(now, rng))
    }

    pub(crate) fn message(&mut self, now: UnixMillis, rng: &mut impl Rng) -> MessageId {
        MessageId(self.next(now, rng))
    }

    /// Ids made from now on are greater than this one, which an earlier run of the server made. (Its clock may have been ahead.)
    pub(crate) fn observe(&mut self, id: Uuid) {
        let number = number_of(id);
        if number >> RANDOM_BITS < u128::from(LAST_MILLIS) {
            self.last = self.last.max(number);
        }
    }

    fn next(&mut self, now: UnixMillis, rng: &mut impl Rng) -> Uuid {
        let millis = u64::try_from(now.0).unwrap_or(0).min(LAST_MILLIS);
        let random = (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) & ((1 << RANDOM_BITS) - 1);
        let fresh = u128::from(millis) << RANDOM_BITS | random;
        // Within one millisecond (or while the clock stands behind) the last id is counted up by a random step, so that ids cannot be guessed.
        let counted = self.last + 1 + u128::from(rng.next_u32());
        self.last = fresh.max(counted);
        uuid_of(self.last)
    }
}

/// When an id was made.
pub(crate) fn millis_of(id: Uuid) -> UnixMillis {
    UnixMillis(i64::try_from(id.as_u128() >> 80).unwrap_or(0))
}

fn uuid_of(number: u128) -> Uuid {
    let millis = number >> RANDOM_BITS;
    let high = (number >> 62) & 0xFFF;
    let low = number & ((1 << 62) - 1);
    Uuid::from_u128(millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
}

fn number_of(id: Uuid) -> u128 {
    let bits = id.as_u128();
    (bits >> 80) << RANDOM_BITS | ((bits >> 64) & 0xFFF) << 62 | (bits & ((1 << 62) - 1))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn ids_increase_even_when_the_clock_does_not() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut ids = IdSource::default();
        let mut before = ids.participant(UnixMillis(1000), &mut rng);
        for now in [1000, 1000, 1000, 999, -5, 1001, 1001, i64::MAX, 2000, i64::MAX] {
            let after = ids.participant(UnixMillis(now), &mut rng);
            assert!(after > before, "at {now}");
            assert_eq!((after.0.get_version_num(), after.0.get_variant()), (7, uuid::Variant::RFC4122));
            before = after;
        }
    }

    #[test]
    fn an_id_carries_its_time() {
        let id = IdSource::default().participant(UnixMillis(1_795_000_000_123), &mut StdRng::seed_from_u64(2));
        assert_eq!(millis_of(id.0), UnixMillis(1_795_000_000_123));
        assert_eq!(uuid_of(number_of(id.0)), id.0);
    }

    #[test]
    fn ids_are_greater_than_one_of_an_earlier_run() {
        let mut rng = StdRng::seed_from_u64(3);
        let earlier = IdSource::default().message(UnixMillis(5_000), &mut rng);
        let mut ids = IdSource::default();
        ids.observe(earlier.0);
        assert!(ids.message(UnixMillis(4_000), &mut rng) > earlier);
        ids.observe(Uuid::from_u128(u128::MAX));
        assert!(ids.message(UnixMillis(4_000), &mut rng).0 < Uuid::from_u128(u128::MAX >> 1), "an id of the far future is not believed");
    }
}
