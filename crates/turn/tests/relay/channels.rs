//! Channel numbers and what they may be bound to.

use fireside_turn::message::{attribute, method};
use fireside_turn::{Config, Limits};

use crate::harness::{World, config, peer};

#[test]
fn only_0x4000_to_0x4fff_can_be_bound() {
    let limits = Limits { channels_per_allocation: 5_000, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let sample = (0..=u16::MAX).filter(|number| number % 251 == 0 || number & 0xFFF < 3 || number & 0xFFF > 0xFFC);
    for number in sample.chain([0x3FFF, 0x4000, 0x4FFF, 0x5000, 0x7FFF]) {
        let target = peer(&format!("8.8.8.8:{}", number.max(1)));
        let answer = ada.bind(&mut world, number, target);
        let may = (0x4000..=0x4FFF).contains(&number);
        assert_eq!(answer.code(), (!may).then_some(400), "{number:#x}");
        assert_eq!(ada.channel_data(&mut world, number, b"x").map(|(_, to, _)| to), may.then_some(target), "{number:#x}");
    }
}

#[test]
fn clients_of_the_older_rfc_can_be_let_in() {
    let mut world = World::with(Config { channels: 0x4000..=0x7FFF, ..config() });
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let target = peer("8.8.8.8:1");
    assert_eq!(ada.bind(&mut world, 0x8000, target).code(), Some(400));
    assert!(ada.bind(&mut world, 0x7FFF, target).is_success());
    assert_eq!(ada.channel_data(&mut world, 0x7FFF, b"x").map(|(_, to, _)| to), Some(target));
}

#[test]
fn a_number_and_a_peer_belong_together() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let (one, other) = (peer("8.8.8.8:1"), peer("8.8.8.8:2"));
    assert!(ada.bind(&mut world, 0x4000, one).is_success());
    assert!(ada.bind(&mut world, 0x4000, one).is_success(), "a refresh");
    assert_eq!(ada.bind(&mut world, 0x4000, other).code(), Some(400), "the number has a peer");
    assert_eq!(ada.bind(&mut world, 0x4001, one).code(), Some(400), "the peer has a number");
    assert!(ada.bind(&mut world, 0x4001, other).is_success());
    let mut bob = world.client(2, "bob");
    bob.allocate(&mut world);
    assert!(bob.bind(&mut world, 0x4000, other).is_success(), "each allocation has its own numbers");
}

#[test]
fn a_bind_needs_both_attributes() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let target = peer("8.8.8.8:1");
    assert_eq!(
        ada.ask(&mut world, method::CHANNEL_BIND, |writer| writer.with_address(attribute::XOR_PEER_ADDRESS, target)).unwrap().code(),
        Some(400)
    );
    assert_eq!(
        ada.ask(&mut world, method::CHANNEL_BIND, |writer| writer.with(attribute::CHANNEL_NUMBER, &[0x40, 0, 0, 0])).unwrap().code(),
        Some(400)
    );
    let short =
        |writer: fireside_turn::write::Writer| writer.with(attribute::CHANNEL_NUMBER, &[0x40, 0]).with_address(attribute::XOR_PEER_ADDRESS, target);
    assert_eq!(ada.ask(&mut world, method::CHANNEL_BIND, short).unwrap().code(), Some(400));
}

#[test]
fn channel_data_that_lies_about_its_length_is_dropped() {
    let mut world = World::new();
    let mut ada = world.client(1, "ada");
    ada.allocate(&mut world);
    let target = peer("8.8.8.8:1");
    ada.bind(&mut world, 0x4000, target);
    assert_eq!(world.input(&ada.tuple, &[0x40, 0, 0, 5, 1, 2, 3, 4]), None);
    assert_eq!(world.input(&ada.tuple, &[0x40, 0, 0xFF, 0xFF, 1]), None);
    for cut in 0..4 {
        assert_eq!(world.input(&ada.tuple, &[0x40, 0, 0, 0][..cut]), None);
    }
    let padded = world.input(&ada.tuple, &[0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]).unwrap();
    assert_eq!((padded.1, padded.2), (target, vec![1, 2, 3, 4, 5]), "padding is allowed on UDP and is not relayed");
    assert_eq!(world.input(&crate::harness::tuple(2), &[0x40, 0, 0, 1, 1]), None, "the channel is ada's");
}
