//! What the relay costs in memory, counted by the allocator itself: a relayed datagram nothing, an allocation little.

#![allow(clippy::disallowed_methods, reason = "tests have clocks")]
#![expect(unsafe_code, reason = "an allocator that counts can be had in no other way")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Instant;

use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, Message, TransactionId, attribute, method};
use fireside_turn::write::Writer;
use fireside_turn::{Clock, Command, Config, FiveTuple, FromClient, FromPeer, RelayId, Secret, Server, Subject, Transport};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        LIVE.with(|live| live.set(live.get().wrapping_add(layout.size())));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.with(|live| live.set(live.get().wrapping_sub(layout.size())));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

struct Setup {
    server: Server,
    now: Instant,
    tuple: FiveTuple,
    relay: RelayId,
}

fn server(now: Instant) -> Server {
    let secret = Secret::new(b"a secret of some length").unwrap();
    let config = Config { relay_v4: Some([93, 184, 216, 34].into()), ..Config::default() };
    Server::new(config, vec![secret], Clock::new(now, 1_795_000_000), now, &[1; 32])
}

/// Client `number`, with an allocation, a channel to 8.8.8.8:1, and so a permission for 8.8.8.8.
fn join(server: &mut Server, now: Instant, number: u16) -> (FiveTuple, RelayId) {
    let [high, low] = number.to_be_bytes();
    let tuple = FiveTuple { transport: Transport::Udp, client: ([80, high, low, 3], 4).into(), server: "93.184.216.34:3478".parse().unwrap() };
    let credentials = server.mint(now, &Subject::new("room", &format!("participant-{number}")).unwrap()).unwrap();
    server.from_client(now, &tuple, &Writer::new(Class::Request, method::ALLOCATE, TransactionId([0; 12])).finish());
    let Some(Command::Send { message, .. }) = server.poll() else { panic!("a challenge") };
    let nonce = Message::parse(&message).unwrap().find(attribute::NONCE).unwrap().to_vec();
    let (username, realm, password) = (credentials.username.as_bytes(), b"fireside", credentials.password.as_bytes());
    let proof = Proof::long_term(username, realm, password, PasswordAlgorithm::Md5, Integrity::Sha1);
    let sign = |writer: Writer| {
        let writer = writer.with(attribute::USERNAME, username).with(attribute::REALM, realm);
        writer.with(attribute::NONCE, &nonce).with_integrity(&proof).finish()
    };
    let allocate = Writer::new(Class::Request, method::ALLOCATE, TransactionId([1; 12])).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
    server.from_client(now, &tuple, &sign(allocate));
    let Some(Command::OpenRelay { relay, .. }) = server.poll() else { panic!("a relay") };
    server.opened(now, relay);
    let bind = Writer::new(Class::Request, method::CHANNEL_BIND, TransactionId([2; 12])).with(attribute::CHANNEL_NUMBER, &[0x40, 0, 0, 0]);
    server.from_client(now, &tuple, &sign(bind.with_address(attribute::XOR_PEER_ADDRESS, "8.8.8.8:1".parse().unwrap())));
    while server.poll().is_some() {}
    (tuple, relay)
}

fn setup() -> Setup {
    let now = Instant::now();
    let mut server = server(now);
    let (tuple, relay) = join(&mut server, now, 1);
    Setup { server, now, tuple, relay }
}

#[test]
fn a_relayed_datagram_costs_no_memory_in_either_direction() {
    let Setup { mut server, now, tuple, relay } = setup();
    let payload = [7; 1000];
    let channel_data = [&[0x40, 0, 0x03, 0xE8][..], &payload].concat();
    let target = "8.8.8.8:2".parse().unwrap();
    let send = Writer::new(Class::Indication, method::SEND, TransactionId([3; 12]));
    let send = send.with_address(attribute::XOR_PEER_ADDRESS, target).with(attribute::DATA, &payload).finish();
    let (mut out, mut back) = (0, 0);
    let used = allocations(|| {
        for _ in 0..500 {
            out += usize::from(matches!(server.from_client(now, &tuple, &channel_data), FromClient::ToPeer { .. }));
            out += usize::from(matches!(server.from_client(now, &tuple, &send), FromClient::ToPeer { .. }));
            back += usize::from(matches!(server.from_peer(now, relay, "8.8.8.8:1".parse().unwrap(), &payload), FromPeer::ToClient { .. }));
            back += usize::from(matches!(server.from_peer(now, relay, target, &payload), FromPeer::ToClient { .. }));
            assert!(server.poll().is_none());
        }
    });
    assert_eq!((out, back), (1000, 1000));
    assert_eq!(used, 0, "memory taken while relaying 2,000 datagrams");
    assert!(allocations(|| drop(vec![1])) > 0, "the counter counts");
}

#[test]
fn what_is_dropped_costs_no_memory_either() {
    let Setup { mut server, now, tuple, relay } = setup();
    let stranger = FiveTuple { client: "80.9.9.9:9".parse().unwrap(), ..tuple };
    let used = allocations(|| {
        for byte in 0..=255 {
            server.from_client(now, &stranger, &[0x40, byte, 0, 0]);
            server.from_client(now, &tuple, &[0x41, byte, 0, 0]);
            server.from_client(now, &tuple, &[byte; 60]);
            server.from_peer(now, relay, "9.9.9.9:1".parse().unwrap(), &[byte; 60]);
        }
    });
    assert_eq!(used, 0);
}

#[test]
fn an_allocation_with_a_channel_costs_less_than_two_kilobytes() {
    let now = Instant::now();
    let mut server = server(now);
    let before = LIVE.with(Cell::get);
    for number in 0..1_000 {
        join(&mut server, now, number);
    }
    let each = (LIVE.with(Cell::get) - before) / 1_000;
    assert_eq!(server.counters().allocations, 1_000);
    assert!((500..2_000).contains(&each), "{each} bytes for each, both accounts and all tables with it");
}
