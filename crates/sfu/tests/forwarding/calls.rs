//! Stories of calls that go well.

use std::time::Duration;

use fireside_sfu::{Kind, Slot};

use crate::network::Line;
use crate::world::{World, camera, look};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn two_see_and_hear_each_other_and_a_larger_tile_gets_a_larger_layer() {
    let mut world = World::new(1);
    let ann = world.join(|client| client.with_camera().with_voice(20), Line::good());
    let bob = world.join(|client| client.with_camera().with_voice(20), Line::good());
    world.connect_all();
    world.view(ann, &[look(camera(2), 180)]);
    world.view(bob, &[look(camera(1), 180)]);
    world.until(SOON, "each is seen small", |world| world.last(ann, 0) == Some((2, 0)) && world.last(bob, 0) == Some((1, 0)));
    world.view(bob, &[look(camera(1), 720)]);
    let took = world.until(SOON * 2, "a large tile is sharp", |world| world.last(bob, 0) == Some((1, 2)));
    world.run(Duration::from_secs(2));
    world.check(false);
    assert_eq!(world.last(ann, 0), Some((2, 0)), "who sees a small tile goes on to receive a small picture");
    assert!(took < SOON, "{took:?}");
    let bobs = &world.clients[bob].pictures[&0];
    assert!(bobs.longest_gap() < Duration::from_millis(200), "no pause while the layer changed: {:?}", bobs.longest_gap());
    let heard = &world.clients[bob].sounds;
    assert_eq!(heard.values().flat_map(|sounds| sounds.senders()).collect::<Vec<_>>(), [1], "and hears the other, not oneself");
    assert!(world.clients[bob].slots.iter().any(|(slot, track)| slot.kind == Kind::Audio && track.peer.0 == 1));
    assert_eq!(world.clients[bob].slots.get(&Slot { kind: Kind::Video, index: 0 }), Some(&camera(1)));
}
