//! A call that grows and shrinks while things go wrong, one story at a time. In all of them the world watches that whoever has been there for a
//! while has media with each of the others at every moment.

use fireside_protocol::Topology;
use fireside_sim::clients::Course;
use fireside_sim::{Fault, Settings, World};

const MESH: Topology = Topology::Mesh;
const SERVER: Topology = Topology::Server;

/// How media travels, as everyone who is here was told: the way, and whether it is changing.
fn told(world: &World) -> (Topology, bool) {
    agreed(world).expect("all were told the same")
}

/// The same, unless some have yet to hear of it.
fn agreed(world: &World) -> Option<(Topology, bool)> {
    let courses: Vec<Course> = world.clients.iter().filter(|client| client.is_joined()).filter_map(|client| client.course()).collect();
    courses.windows(2).all(|two| two[0] == two[1]).then(|| (courses[0].topology, courses[0].changing))
}

fn changes(world: &World) -> u32 {
    world.clients.iter().filter_map(|client| client.course()).map(|course| course.change).max().unwrap_or(0)
}

/// The pairs of those who are here that are connected from peer to peer.
fn pairs(world: &World) -> usize {
    let here: Vec<_> = world.clients.iter().filter(|client| client.is_joined()).collect();
    let connected = |client: &&fireside_sim::clients::Client| here.iter().filter_map(|other| client.pairs().connected(other.me()?)).count();
    here.iter().map(connected).sum::<usize>() / 2
}

fn ids(world: &World) -> Vec<String> {
    world.clients.iter().filter_map(|client| client.me().map(|me| me.to_string())).collect()
}

/// Runs until something holds, a minute at most.
fn until(world: &mut World, what: &str, holds: impl Fn(&World) -> bool) {
    for _ in 0..6_000 {
        if holds(world) {
            return;
        }
        world.run_for(10);
    }
    panic!("after a minute it was not so that {what}");
}

#[test]
fn the_fifth_person_moves_everyone_to_the_server_and_no_pair_is_closed_before_all_have_settled() {
    for seed in 0..20 {
        let mut world = World::call_of(seed, 4);
        world.run_for(30_000);
        assert_eq!((told(&world), pairs(&world)), ((MESH, false), 6));
        let fifth = world.add(None);
        world.join(fifth);
        until(&mut world, "the change has begun", |world| world.clients[0].course().is_some_and(|course| course.changing));
        until(&mut world, "somebody closes a pair", |world| pairs(world) < 6);
        for client in &world.clients[..4] {
            assert!(client.people().keys().all(|id| Some(*id) == client.me() || client.sees(*id)), "seed {seed}: before they saw everyone");
        }
        until(&mut world, "the change is over", |world| agreed(world) == Some((SERVER, false)));
        assert_eq!(pairs(&world), 0);
        world.assert_all_is_well();
    }
}

#[test]
fn everyone_comes_at_once() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        for _ in 0..12 {
            let who = world.add(None);
            world.join(who);
        }
        world.run_for(40_000);
        assert_eq!((told(&world), changes(&world)), ((SERVER, false), 1), "seed {seed}");
        world.assert_all_is_well();
    }
}

#[test]
fn four_leave_and_after_a_while_the_call_goes_back() {
    let mut world = World::call_of(1, 6);
    world.run_for(30_000);
    for who in 2..6 {
        world.leave(who);
        world.run_for(1_000);
    }
    world.run_for(8_000);
    assert_eq!(told(&world), (SERVER, false), "not at once");
    until(&mut world, "it has gone back", |world| agreed(world) == Some((MESH, false)));
    assert_eq!(pairs(&world), 1);
    world.assert_all_is_well();
}

#[test]
fn somebody_joins_during_the_change_and_needs_the_new_way_alone() {
    for seed in 0..20 {
        let mut world = World::call_of(seed, 4);
        world.run_for(30_000);
        let late = [world.add(None), world.add(None)];
        world.join(late[0]);
        until(&mut world, "the change has begun", |world| world.clients[0].course().is_some_and(|course| course.changing));
        world.join(late[1]);
        world.run_for(20_000);
        assert_eq!((told(&world), changes(&world)), ((SERVER, false), 1), "seed {seed}");
        for newcomer in late {
            assert!(world.clients[newcomer].pairs().deadline().is_none(), "they never made a pair");
        }
        world.assert_all_is_well();

        world.leave(late[0]);
        world.leave(late[1]);
        world.leave(0);
        until(&mut world, "it goes back", |world| world.clients[1].course().is_some_and(|course| course.topology == MESH));
        world.join(0);
        world.run_for(30_000);
        assert_eq!((told(&world), pairs(&world)), ((MESH, false), 6), "seed {seed}");
        assert_eq!(world.clients[0].on_server(), None);
        world.assert_all_is_well();
    }
}

#[test]
fn a_connection_is_lost_during_the_change_and_nobody_waits_for_it() {
    for seed in 0..40 {
        let mut world = World::call_of(seed, 4);
        world.run_for(30_000);
        let before = ids(&world);
        let fifth = world.add(None);
        world.join(fifth);
        until(&mut world, "the change has begun", |world| world.clients[0].course().is_some_and(|course| course.changing));
        world.run_for(seed * 20);
        world.fault(Fault::Cut(1));
        world.calm_down();
        assert_eq!(ids(&world)[..4], before, "seed {seed}: as who they were");
        assert_eq!((told(&world), changes(&world)), ((SERVER, false), 1));
        world.assert_all_is_well();
    }
}

#[test]
fn the_server_is_killed_during_the_change() {
    for seed in 0..40 {
        let mut world = World::call_of(seed, 4);
        world.run_for(30_000);
        let before = ids(&world);
        let fifth = world.add(None);
        world.join(fifth);
        until(&mut world, "the change has begun", |world| world.clients[0].course().is_some_and(|course| course.changing));
        world.run_for(seed * 15);
        world.fault(Fault::Kill(1_500));
        world.calm_down();
        assert_eq!(ids(&world)[..4], before, "seed {seed}: as who they were");
        assert_eq!(told(&world), (SERVER, false), "seed {seed}");
        world.assert_all_is_well();
    }
}

#[test]
fn the_server_is_killed_in_a_call_that_goes_through_it_and_it_goes_on_so_without_a_change() {
    for seed in 0..40 {
        let mut world = World::call_of(seed, 6);
        world.run_for(30_000);
        let before = ids(&world);
        assert_eq!(told(&world), (SERVER, false));
        world.fault(Fault::Kill(1_000));
        world.run_for(1_000);
        let started = world.now();
        until(&mut world, "everyone sees everyone", |world| {
            let sees_all = |client: &fireside_sim::clients::Client| client.people().keys().all(|id| Some(*id) == client.me() || client.sees(*id));
            world.server.sfu().is_some_and(|sfu| sfu.len() == 6) && world.clients.iter().all(|client| client.is_joined() && sees_all(client))
        });
        // Clients notice the loss, and try again, at random within some three seconds; a lost packet is a quarter of one.
        assert!(world.now() - started < 7_000, "seed {seed}: {}", world.now() - started);
        assert_eq!((ids(&world), told(&world), changes(&world)), (before, (SERVER, false), 0), "seed {seed}: nothing had to change");
        world.calm_down();
        assert_eq!(told(&world), (SERVER, false));
        world.assert_all_is_well();
    }
}

#[test]
fn a_restart_in_good_order_keeps_the_way_too() {
    let mut world = World::call_of(3, 6);
    world.run_for(30_000);
    world.fault(Fault::Restart(1_000));
    world.calm_down();
    assert_eq!((told(&world), changes(&world)), ((SERVER, false), 0));
    world.assert_all_is_well();
}

#[test]
fn who_does_not_come_back_after_a_restart_lets_the_call_go_back_to_the_mesh() {
    let mut world = World::call_of(4, 6);
    world.run_for(30_000);
    world.fault(Fault::Kill(1_000));
    for who in 2..6 {
        world.leave(who);
    }
    world.calm_down();
    assert_eq!((told(&world), pairs(&world)), ((MESH, false), 1));
    world.assert_all_is_well();
}

#[test]
fn two_who_cannot_reach_each_other_take_the_call_to_the_server_and_leave_it_there() {
    let mut world = World::call_of(5, 3);
    world.run_for(30_000);
    world.fault(Fault::Block(0, 1));
    until(&mut world, "the call has moved", |world| agreed(world) == Some((SERVER, false)));
    world.run_for(120_000);
    assert_eq!((told(&world), changes(&world)), ((SERVER, false), 1), "it is known that the other way does not work");
    world.assert_all_is_well();
    world.leave(0);
    until(&mut world, "it goes back without them", |world| agreed(world) == Some((MESH, false)));
    world.assert_all_is_well();
}

#[test]
fn a_way_down_that_does_not_work_for_two_turns_back_and_nobody_loses_anybody() {
    let mut world = World::call_of(6, 5);
    world.fault(Fault::Block(0, 1));
    world.run_for(30_000);
    world.leave(3);
    world.leave(4);
    until(&mut world, "it goes down", |world| agreed(world) == Some((MESH, true)));
    until(&mut world, "it turns back", |world| agreed(world) == Some((SERVER, false)));
    assert_eq!(changes(&world), 3);
    world.run_for(120_000);
    assert_eq!(changes(&world), 3, "it is not tried again while both are here");
    world.assert_all_is_well();
}

#[test]
fn a_number_of_people_that_goes_up_and_down_does_not_do_so_with_the_media() {
    let mut world = World::call_of(7, 5);
    world.run_for(30_000);
    let from = world.now();
    while world.now() < from + 600_000 {
        for who in 2..5 {
            world.leave(who);
        }
        world.run_for(14_000);
        for who in 2..5 {
            world.join(who);
        }
        world.run_for(6_000);
    }
    // Thirty times five people became two and five again.
    assert!(changes(&world) <= 4, "{} changes", changes(&world));
    world.calm_down();
    world.assert_all_is_well();
}

#[test]
fn a_server_that_is_full_leaves_the_call_as_it_was() {
    let mut world = World::call_of(8, 4);
    world.run_for(30_000);
    world.fault(Fault::Full(true));
    for _ in 0..3 {
        let who = world.add(None);
        world.join(who);
        world.run_for(8_000);
    }
    until(&mut world, "it is peer to peer again", |world| agreed(world) == Some((MESH, false)));
    assert_eq!(pairs(&world), 21);
    world.fault(Fault::Full(false));
    world.run_for(320_000);
    assert_eq!(told(&world), (SERVER, false), "it was asked again");
    world.assert_all_is_well();
}

#[test]
fn where_the_mesh_is_larger_by_setting_so_is_the_call_that_stays_in_it() {
    let world = World::call_with(9, 7, Settings { mesh_people: 7, ..Settings::default() });
    assert_eq!((told(&world), pairs(&world)), ((MESH, false), 21));
    world.assert_all_is_well();
}
