//! What may happen to a call, one story at a time.

use fireside_protocol::ByeCode;
use fireside_sim::{Fault, Settings, World};

/// A mesh of eight, and no more people.
const EIGHT: Settings = Settings { people: 8, mesh_people: 8, route: fireside_meeting::Route::Auto };
const EVERYONE: std::ops::Range<usize> = 0..3;

/// The number of the peer connection of each pair; 1 means that it was never rebuilt.
fn connections(world: &World) -> Vec<Option<u32>> {
    let ids: Vec<_> = world.clients.iter().filter(|client| client.is_joined()).filter_map(|client| client.me()).collect();
    let of = |a: usize| world.clients.iter().find(|client| client.me() == Some(ids[a])).expect("a client");
    (0..ids.len()).flat_map(|a| (a + 1..ids.len()).map(move |b| (a, b))).map(|(a, b)| of(a).pairs().connected(ids[b])).collect()
}

fn ids(world: &World) -> Vec<String> {
    world.clients.iter().filter_map(|client| client.me().map(|me| me.to_string())).collect()
}

#[test]
fn eight_people_meet_and_nobody_has_to_try_twice() {
    let world = World::call_with(1, 8, EIGHT);
    assert_eq!(connections(&world), vec![Some(1); 28]);
    world.assert_all_is_well();
}

#[test]
fn everyone_joins_in_the_same_moment() {
    for seed in 0..20 {
        let mut world = World::with(seed, EIGHT);
        for _ in 0..8 {
            let who = world.add(None);
            world.join(who);
        }
        world.run_for(4_000);
        assert_eq!(connections(&world), vec![Some(1); 28], "seed {seed}");
        world.assert_all_is_well();
    }
}

#[test]
fn the_ninth_is_turned_away_and_the_call_goes_on() {
    let mut world = World::call_with(2, 8, EIGHT);
    let ninth = world.add(None);
    world.join(ninth);
    world.run_for(2_000);
    assert!(!world.clients[ninth].is_active());
    world.assert_all_is_well();
}

#[test]
fn a_short_loss_of_the_network_is_made_up_for() {
    let mut world = World::call_of(3, 3);
    let before = ids(&world);
    world.fault(Fault::Cut(0));
    for _ in 0..5 {
        world.write(1);
        world.write(0);
        world.run_for(300);
    }
    world.calm_down();
    assert_eq!(ids(&world), before, "as who they were");
    assert_eq!(connections(&world), [Some(1); 3], "media never noticed");
    assert_eq!(world.clients[2].conversation().len(), 10);
    world.assert_all_is_well();
}

#[test]
fn the_server_is_killed_during_the_call() {
    for seed in 0..30 {
        let mut world = World::call_of(seed, 3);
        let before = ids(&world);
        for who in EVERYONE {
            world.write(who);
        }
        world.run_for(seed * 10);
        world.fault(Fault::Kill(2_000));
        for who in EVERYONE {
            world.write(who);
        }
        world.calm_down();
        assert_eq!(ids(&world), before, "as who they were");
        assert_eq!(connections(&world), [Some(1); 3], "media never noticed");
        assert_eq!(world.server.database.messages().count(), 6, "each message once");
        world.assert_all_is_well();
    }
}

#[test]
fn the_server_is_killed_again_and_again_while_people_come_and_go() {
    let mut world = World::call_of(4, 4);
    for round in 0..5 {
        world.fault(Fault::Kill(800));
        world.run_for(3_000);
        let newcomer = world.add(None);
        world.join(newcomer);
        world.leave(round % 4);
        world.run_for(1_500);
        world.write(newcomer);
        world.join(round % 4);
    }
    world.calm_down();
    world.assert_all_is_well();
}

#[test]
fn a_restart_in_good_order_loses_nothing() {
    let mut world = World::call_of(5, 3);
    let before = ids(&world);
    world.fault(Fault::SlowDisk(400));
    for who in EVERYONE {
        world.write(who);
    }
    world.run_for(250);
    world.fault(Fault::Restart(1_000));
    world.calm_down();
    assert_eq!((ids(&world), connections(&world)), (before, vec![Some(1); 3]));
    assert_eq!(world.server.database.messages().count(), 3);
    world.assert_all_is_well();
}

#[test]
fn one_who_does_not_come_back_after_a_restart_is_gone_for_all() {
    let mut world = World::call_of(6, 3);
    world.fault(Fault::Kill(1_000));
    world.leave(2);
    world.run_for(15_000);
    assert_eq!(world.clients[0].people().len(), 3, "whoever is known is kept for a while");
    world.calm_down();
    assert_eq!(world.clients[0].people().len(), 2);
    world.assert_all_is_well();
}

#[test]
fn one_who_closes_the_laptop_is_gone_for_all_and_comes_back_as_somebody_new() {
    let mut world = World::call_of(7, 3);
    let before = world.clients[0].me();
    world.leave(0);
    world.run_for(30_000);
    assert_eq!((world.server.people(), world.clients[1].people().len()), (2, 2));
    world.join(0);
    world.calm_down();
    assert_ne!(world.clients[0].me(), before);
    world.assert_all_is_well();
}

#[test]
fn a_full_disk_delays_what_is_written_but_loses_nothing() {
    let mut world = World::call_of(8, 3);
    world.fault(Fault::DiskFull(true));
    for who in EVERYONE {
        world.write(who);
    }
    world.run_for(10_000);
    assert_eq!(world.clients.iter().map(|client| client.pending()).collect::<Vec<_>>(), [1, 1, 1]);
    world.calm_down();
    assert_eq!(world.clients[0].conversation().len(), 3);
    world.assert_all_is_well();
}

#[test]
fn signing_out_ends_every_tab_of_the_account_and_no_other() {
    let mut world = World::new(9);
    for account in [Some(1), Some(1), Some(2), None] {
        let who = world.add(account);
        world.join(who);
        world.run_for(1_000);
    }
    world.write(0);
    world.sign_out(1);
    world.write(1);
    world.run_for(3_000);
    for who in 0..2 {
        assert_eq!(world.clients[who].ended(), Some(ByeCode::SignedOut));
    }
    assert_eq!(world.server.people(), 2);
    world.assert_all_is_well();
}

#[test]
fn when_the_room_is_deleted_everyone_is_told_so() {
    let mut world = World::call_of(10, 3);
    world.delete_room();
    world.run_for(2_000);
    assert!(world.clients.iter().all(|client| client.ended() == Some(ByeCode::RoomDeleted)));
    assert_eq!(world.server.people(), 0);
}

#[test]
fn who_missed_more_than_is_kept_gets_the_state_as_it_is() {
    let mut world = World::call_of(11, 3);
    let before = ids(&world);
    world.fault(Fault::Cut(0));
    for round in 0..200 {
        world.set_hand(1, round % 2 == 0);
        world.set_camera(2, round % 2 == 0);
        world.run_for(10);
    }
    world.write(1);
    world.rename(2, "Somebody else");
    world.calm_down();
    assert_eq!((ids(&world), connections(&world)), (before, vec![Some(1); 3]));
    world.assert_all_is_well();
}
