//! Any text as an offer, and another as a later offer of the same client.
//!
//! The input: the first offer, a zero byte, the second, and so on. What must hold: an offer is answered or refused, and what is read is
//! within limits.

use fireside_sfu::offer::{LAYERS, Offer};
use fireside_sfu::{Command, Ended, Event, PeerId, RoomId, Source};

use super::engine;
use super::world::World;

/// Later offers of one client.
const MOST: usize = 4;

/// Makes these offers.
pub fn run(input: &[u8]) {
    engine::watch();
    let mut world = World::new();
    let mut offers = input.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let first = offers.next().unwrap_or_default();
    read(&first);
    let (peer, may_send) = (PeerId(1), Source::ALL.to_vec());
    world.command(Command::Admit { room: Some(RoomId(1)), peer, offer: first.clone().into_owned(), may_send });
    match world.events.pop_front() {
        Some(Event::Answer { peer: answered, sdp }) => {
            assert_eq!(answered, peer);
            check(&first, &sdp);
        }
        Some(Event::Closed { peer: closed, why: Ended::Refused(_) | Ended::Broken(_) }) => {
            assert_eq!((closed, world.shard.peers(), world.shard.next()), (peer, 0, None));
        }
        other => panic!("neither answered nor refused: {other:?}"),
    }
    for offer in offers.take(MOST) {
        read(&offer);
        let was_there = world.shard.peers() == 1;
        world.events.clear();
        world.command(Command::Renegotiate { peer, offer: offer.clone().into_owned() });
        match world.events.iter().find(|event| matches!(event, Event::Answer { .. } | Event::Refused { .. } | Event::Closed { .. })) {
            Some(Event::Answer { sdp, .. }) => check(&offer, sdp),
            Some(Event::Refused { .. }) => assert_eq!(world.shard.peers(), 1),
            Some(_) => assert_eq!(world.shard.peers(), 0),
            None => assert!(!was_there, "a later offer without an answer"),
        }
    }
    world.command(Command::Remove { peer });
    world.end();
}

fn read(text: &str) {
    let Ok(offer) = Offer::read(text) else { return };
    assert!(offer.lines.len() <= 40 && offer.lines.iter().all(|line| line.layers.len() <= LAYERS && !line.mid.is_empty()));
    assert_eq!(Offer::read(&offer.text).as_ref(), Ok(&offer), "what was read is read as the same");
    assert!(!offer.text.lines().any(|line| line.starts_with("a=candidate:")), "nobody is told where to send");
}

/// The answer to an offer that was taken.
fn check(offer: &str, answer: &str) {
    let lines = |sdp: &str| sdp.lines().filter(|line| line.starts_with("m=")).count();
    assert_eq!(lines(offer), lines(answer), "an m-line is answered by an m-line");
    assert!(answer.lines().any(|line| line == "a=ice-lite"), "{answer}");
}
