//! What cannot be seen from outside: a fault of a thread, owners that do not keep up, streams that are looked after.

use fireside_sfu::{Command, PeerId, Source};
use fireside_turn::Transport as Way;
use fireside_turn::message::{Class, TransactionId, attribute, method};
use fireside_turn::write::Writer;
use str0m::Rtc;
use str0m::media::{Direction, MediaKind};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(20);

async fn open(threads: usize) -> Media {
    let config = Config { public_ips: vec![[127, 0, 0, 1].into()], media_threads: threads, ..Config::default() };
    Media::open(&config, &[7; 32], std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("sockets")
}

fn hall(media: &Media, places: usize) -> (Hall, mpsc::Receiver<Told>) {
    let (tell, told) = mpsc::channel(places);
    (media.hall(tell), told)
}

fn offer() -> String {
    let mut rtc = Rtc::new(std::time::Instant::now());
    let mut api = rtc.sdp_api();
    api.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    api.apply().expect("an offer").0.to_sdp_string()
}

async fn next(told: &mut mpsc::Receiver<Told>) -> Option<Told> {
    timeout(PATIENCE, told.recv()).await.expect("something is told")
}

/// Somebody comes and is answered.
async fn is_alive(hall: &Hall, told: &mut mpsc::Receiver<Told>) -> bool {
    let peer = hall.admit(offer(), Source::ALL.to_vec(), false);
    while let Some(word) = next(told).await {
        match word {
            Told::Event(Event::Answer { peer: whose, .. }) if whose == peer => return true,
            Told::Event(_) => {}
            Told::Ended => return false,
        }
    }
    false
}

#[tokio::test]
async fn a_fault_ends_the_halls_of_its_thread_and_no_others_and_the_thread_begins_anew() {
    let media = open(2).await;
    let (one, mut told_one) = hall(&media, TOLD);
    let (other, mut told_other) = hall(&media, TOLD);
    assert!(is_alive(&one, &mut told_one).await && is_alive(&other, &mut told_other).await);
    let [first, second] = media.shared.forwarding.intakes.as_slice() else { panic!("not two") };
    assert_eq!((first.load.rank().2, second.load.rank().2), (1, 1), "each has a thread of its own");
    first.order(Order::Fault);
    while next(&mut told_one).await != Some(Told::Ended) {}
    assert_eq!(next(&mut told_one).await, None, "that was the last word");
    one.view(PeerId(0), Vec::new());
    assert!(is_alive(&other, &mut told_other).await);
    // On both threads.
    for _ in 0..2 {
        let (anew, mut told) = hall(&media, TOLD);
        assert!(is_alive(&anew, &mut told).await);
    }
    media.close().await;
}

#[tokio::test]
async fn an_owner_who_does_not_listen_loses_the_hall_and_others_keep_theirs() {
    let media = open(1).await;
    let (deaf, mut told_deaf) = hall(&media, 3);
    let (other, mut told_other) = hall(&media, TOLD);
    for _ in 0..4 {
        let _ = deaf.admit(offer(), Vec::new(), false);
    }
    assert!(is_alive(&other, &mut told_other).await);
    // One place was for the last word.
    let words = [next(&mut told_deaf).await, next(&mut told_deaf).await, next(&mut told_deaf).await, next(&mut told_deaf).await];
    assert!(matches!(words, [Some(Told::Event(_)), Some(Told::Event(_)), Some(Told::Ended), None]), "{words:?}");
    assert!(is_alive(&other, &mut told_other).await);
    media.close().await;
}

#[tokio::test]
async fn where_there_is_no_place_for_a_word_there_is_no_hall() {
    let media = open(1).await;
    let (tell, mut told) = mpsc::channel(1);
    tell.try_send(Told::Ended).expect("a place");
    let hall = media.hall(tell);
    let _ = hall.admit(offer(), Vec::new(), false);
    assert_eq!((next(&mut told).await, next(&mut told).await), (Some(Told::Ended), None));
    media.close().await;
}

#[test]
fn who_orders_without_end_loses_the_hall() {
    let intake = Arc::new(Intake::default());
    let (tell, _told) = mpsc::channel(TOLD);
    let hall = Hall::open(RoomId(7), Arc::clone(&intake), Arc::default(), tell);
    for _ in 0..10_000 {
        hall.view(PeerId(0), Vec::new());
    }
    let orders: Vec<_> = std::iter::from_fn(|| intake.next_order()).collect();
    assert!(matches!(orders.first(), Some(Order::Open(_))));
    assert_eq!(orders.iter().filter(|order| matches!(order, Order::Command { command: Command::View { .. }, .. })).count(), 4_096);
    let [.., last] = orders.as_slice() else { panic!("none") };
    assert!(matches!(last, Order::End { room: RoomId(7), is_fault: true }) && orders.len() == 4_098);
}

#[test]
fn nothing_is_kept_for_a_thread_that_has_ended() {
    let intake = Arc::new(Intake::default());
    let (tell, mut told) = mpsc::channel(TOLD);
    let hall = Hall::open(RoomId(7), Arc::clone(&intake), Arc::default(), tell);
    intake.close();
    hall.view(PeerId(0), Vec::new());
    assert!(intake.next_order().is_none());
    assert_eq!(told.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
}

/// A stream to the first thread that is looked after with little patience, and on which this was said.
async fn stream(media: &Media, said: &[u8]) -> (DuplexStream, JoinHandle<()>) {
    let (mut near, far) = duplex(65_536);
    near.write_all(said).await.expect("room");
    let tuple = FiveTuple { transport: Way::Tcp, client: ([192, 0, 2, 1], 9).into(), server: ([192, 0, 2, 2], 443).into() };
    let taker = Arc::clone(&media.shared.forwarding.intakes[0]) as Arc<dyn Taker>;
    let begun = |tuple| Begun { tuple, framing: Framing::Media, held: &[] };
    let task = tokio::spawn(async move { stream::attend(taker, far, begun(tuple), Duration::from_millis(100)).await });
    (near, task)
}

#[tokio::test]
async fn a_stream_that_is_nobodys_is_closed_after_a_while_whatever_it_says() {
    let media = open(1).await;
    let writer = Writer::new(Class::Request, method::BINDING, TransactionId([7; 12])).with(attribute::USERNAME, b"Abcdefghij:x");
    let check = writer.with(attribute::MESSAGE_INTEGRITY, &[7; 20]).with_fingerprint().finish();
    let frame = [&u16::try_from(check.len()).expect("short").to_be_bytes()[..], &check].concat();
    for said in [Vec::new(), frame.clone(), frame.repeat(3), vec![0, 0], vec![4, 0, 1]] {
        let (_near, task) = stream(&media, &said).await;
        timeout(PATIENCE, task).await.expect("it ends").expect("no fault");
    }
    media.close().await;
}
