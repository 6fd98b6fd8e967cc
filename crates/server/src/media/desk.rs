//! What the rest of the server hands to the worker's thread: orders, and streams that have something to read. Both queues are
//! bounded; a bell wakes the thread, and is rung once however much has come.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fireside_turn::{Policy, Revoked, Subject};
use mio::Waker;

use super::forwarding::{Batch, Load};
use super::relay::Place;
use super::stream::{Link, Taker};

/// Orders that wait. The worker takes all of them at every turn, within milliseconds; who comes when there are so many waits that long.
const ORDERS: usize = 1_024;
/// Links that are looked at in one turn: others, and datagrams, have theirs.
const LINKS_AT_ONCE: usize = 64;

/// What the worker is told to do.
#[derive(Debug)]
pub(super) enum Order {
    /// These are present.
    Vouch(Vec<Subject>),
    /// These are gone.
    Revoke(Revoked),
    /// These are back.
    Readmit(Revoked),
    /// We are reached elsewhere, or peers are to be refused that were not.
    Reach(Box<Reach>),
    /// Close the sockets and end.
    Close,
    /// Panic, to see what becomes of it.
    #[cfg(test)]
    Fault,
}

/// Where relay sockets are reached, and whom they may reach.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) v4: Option<Place>,
    pub(super) v6: Option<Place>,
    pub(super) policy: Policy,
    pub(super) media: OwnMedia,
}

/// Our addresses of media: what clients are told, and where the sockets are.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnMedia(pub(super) Vec<(SocketAddr, SocketAddr)>);

impl OwnMedia {
    /// Where the sockets of what clients are told are.
    pub(super) fn local(&self, told: SocketAddr) -> Option<SocketAddr> {
        self.0.iter().find(|(advertised, _)| *advertised == told).map(|(_, local)| *local)
    }

    /// What clients are told of where sockets are.
    pub(super) fn told(&self, local: SocketAddr) -> Option<SocketAddr> {
        self.0.iter().find(|(_, known)| *known == local).map(|(advertised, _)| *advertised)
    }
}

impl Reach {
    /// What peers are told, of each family.
    pub(super) fn addresses(&self) -> (Option<std::net::Ipv4Addr>, Option<std::net::Ipv6Addr>) {
        let v4 = self.v4.and_then(|place| if let IpAddr::V4(address) = place.address { Some(address) } else { None });
        let v6 = self.v6.and_then(|place| if let IpAddr::V6(address) = place.address { Some(address) } else { None });
        (v4, v6)
    }
}

/// Where others lay down what the worker is to take.
#[derive(Debug)]
pub(super) struct Desk {
    orders: SyncSender<Order>,
    /// Each link is in here once at most, so there are no more than streams.
    links: Mutex<VecDeque<Arc<Link>>>,
    /// From the threads that forward, to relays.
    datagrams: Mutex<Batch>,
    waker: Waker,
    is_rung: AtomicBool,
    /// How much the thread has to do.
    pub(super) load: Load,
}

impl Taker for Desk {
    fn bring(&self, link: Arc<Link>) {
        self.lock().push_back(link);
        self.ring();
    }
}

impl Desk {
    /// The desk, and where its orders come out.
    pub(super) fn new(waker: Waker) -> (Arc<Self>, Receiver<Order>) {
        let (orders, taken) = sync_channel(ORDERS);
        (
            Arc::new(Self {
                orders,
                links: Mutex::default(),
                datagrams: Mutex::default(),
                waker,
                is_rung: AtomicBool::new(false),
                load: Load::default(),
            }),
            taken,
        )
    }

    /// Gives an order. Waits for the worker's next turn if very many have been given. Without a worker nothing happens.
    pub(super) fn order(&self, order: Order) {
        if self.orders.send(order).is_ok() {
            self.ring();
        }
    }

    /// Hands over datagrams that go to relays; the batch is empty then. Returns how many there was no room for.
    pub(super) fn hand_over(&self, batch: &mut Batch) -> usize {
        if batch.is_empty() {
            return 0;
        }
        let lost = self.datagrams.lock().unwrap_or_else(PoisonError::into_inner).append(batch);
        self.ring();
        lost
    }

    /// Takes them, in exchange for an empty batch.
    pub(super) fn take(&self, batch: &mut Batch) {
        std::mem::swap(&mut *self.datagrams.lock().unwrap_or_else(PoisonError::into_inner), batch);
    }

    /// How many links are to be looked at in this turn: of those that wait now. One that comes back meanwhile, as the links of clients
    /// that never pause do, has its turn later.
    pub(super) fn links_at_hand(&self) -> usize {
        self.lock().len().min(LINKS_AT_ONCE)
    }

    /// The worker has not looked at all that there is: it is to come back.
    pub(super) fn call_again(&self) {
        self.ring();
    }

    /// The link that has waited longest.
    pub(super) fn next_link(&self) -> Option<Arc<Link>> {
        self.lock().pop_front()
    }

    /// The worker has heard the bell, and looks now.
    pub(super) fn hear(&self) {
        self.is_rung.store(false, Ordering::SeqCst);
    }

    fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "the relay cannot be woken");
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
