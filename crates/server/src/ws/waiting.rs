//! Those who wait on the page before a call, with their way to the server prepared: how many there may be, and how long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::origin::network;

/// Somebody combs their hair, and somebody else waits for the hour; then the page can begin anew.
pub(super) const WAITS_AT_MOST: Duration = Duration::from_secs(10 * 60);
/// Of one address: a class that sits behind it.
const OF_ONE_ADDRESS: u32 = 64;
/// Of all addresses. Each costs a connection, and one to a thread of media.
const OF_ALL: u32 = 1_024;

/// Where they wait.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// A place in it; free again when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    room: Arc<WaitingRoom>,
    network: IpAddr,
}

impl WaitingRoom {
    /// Takes a place for somebody from this address, if there is one.
    pub(super) fn enter(room: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let network = network(address);
        let mut seats = room.seats();
        let of_address = seats.by_address.get(&network).copied().unwrap_or(0);
        if seats.taken >= OF_ALL || of_address >= OF_ONE_ADDRESS {
            return None;
        }
        seats.taken += 1;
        seats.by_address.insert(network, of_address + 1);
        drop(seats);
        Some(Ticket { room: room.clone(), network })
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut seats = self.room.seats();
        seats.taken = seats.taken.saturating_sub(1);
        match seats.by_address.get(&self.network).copied() {
            Some(others @ 2..) => seats.by_address.insert(self.network, others - 1),
            _ => seats.by_address.remove(&self.network),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_places_and_all_together_have_theirs() {
        let room = Arc::new(WaitingRoom::default());
        let (one, neighbour): (IpAddr, IpAddr) = ("2001:db8::1".parse().expect("an address"), "2001:db8::2:1".parse().expect("an address"));
        let mut waiting: Vec<_> = (0..OF_ONE_ADDRESS).map(|_| WaitingRoom::enter(&room, one).expect("a place")).collect();
        assert!(WaitingRoom::enter(&room, neighbour).is_none(), "of the same network");
        waiting.pop();
        waiting.push(WaitingRoom::enter(&room, neighbour).expect("a place that became free"));

        let others = (1..=OF_ALL).map(|number| IpAddr::V4(number.into())).map_while(|address| WaitingRoom::enter(&room, address));
        waiting.extend(others.collect::<Vec<_>>());
        assert_eq!(waiting.len(), OF_ALL as usize);
        drop(waiting);
        assert!(room.seats().by_address.is_empty() && room.seats().taken == 0);
    }
}
