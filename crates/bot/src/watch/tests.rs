//! Stories of what arrives in a slot.

use super::*;
use crate::media::source::{Encoder, Outgoing, Picture};
use crate::vp8::Colour;

/// A slot and what comes in it.
struct Story {
    watch: Watch,
    start: Instant,
    encoder: Encoder,
}

impl Story {
    fn new(sender: u32) -> Self {
        let mut watch = Watch::new(FREEZE);
        watch.add_slot(Kind::Video);
        let camera = Picture::single(Colour::of(1), 360, 500_000, 30);
        Self { watch, start: Instant::now(), encoder: Encoder::new(&camera, 0, sender, 1).expect("a layer") }
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    fn frame(&mut self) -> Vec<Outgoing> {
        self.encoder.frame(Duration::from_secs(1))
    }

    fn bring(&mut self, millis: u64, packets: &[Outgoing]) {
        self.bring_sent_ago(millis, Duration::from_millis(3), packets);
    }

    fn bring_sent_ago(&mut self, millis: u64, ago: Duration, packets: &[Outgoing]) {
        for packet in packets {
            let arrival = Arrival {
                now: self.at(millis),
                arrived: Duration::from_secs(1) + ago,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                marker: packet.marker,
                payload: &packet.payload,
            };
            self.watch.packet(0, &arrival);
        }
    }

    fn carry(&mut self, millis: u64, sender: u32) {
        let now = self.at(millis);
        self.watch.carry(now, Kind::Video, 0, Some(Carried { sender, is_due: true }));
    }

    fn totals(&mut self, millis: u64) -> Totals {
        self.watch.look(self.at(millis)).totals
    }
}

#[test]
fn frames_in_order_are_shown_and_their_delay_is_known() {
    let mut story = Story::new(9);
    story.carry(0, 9);
    for number in 0..30 {
        let frame = story.frame();
        story.bring(50 + number * 33, &frame);
    }
    let seen = story.watch.look(story.at(1_050));
    assert_eq!((seen.totals.frames, seen.totals.key_frames, seen.totals.discontinuities, seen.totals.freezes), (30, 1, 0, 0));
    assert!((2_900..3_100).contains(&seen.delay.percentile(99.0).expect("delays").as_micros()));
    assert!((48_000..52_000).contains(&seen.first_frame.percentile(50.0).expect("one").as_micros()));
    assert!(story.watch.is_complete());
    assert_eq!(story.watch.shown(), [Some((9, 0))]);
}

#[test]
fn a_pause_is_a_freeze_only_while_a_picture_is_due() {
    let mut story = Story::new(9);
    story.carry(0, 9);
    let frame = story.frame();
    story.bring(10, &frame);
    assert_eq!(story.totals(209).freezes, 0);
    assert_eq!((story.totals(611).freezes, story.totals(611).frozen_ms), (1, 601), "while it lasts");
    let frame = story.frame();
    story.bring(710, &frame);
    assert_eq!((story.totals(720).freezes, story.totals(720).frozen_ms), (1, 700));
    let now = story.at(730);
    story.watch.carry(now, Kind::Video, 0, Some(Carried { sender: 9, is_due: false }));
    assert_eq!(story.totals(10_000).freezes, 1, "switched off, nothing is due");
    story.carry(10_000, 9);
    assert_eq!(story.totals(11_000).starved, 0);
    assert_eq!(story.totals(13_000).starved, 1, "announced, and nothing comes");
    assert!(!story.watch.is_complete());
}

#[test]
fn what_is_repeated_in_time_is_not_lost() {
    let mut story = Story::new(9);
    story.carry(0, 9);
    let frames: Vec<_> = (0..4).map(|_| story.frame()).collect();
    story.bring(0, &frames[0]);
    story.bring(66, &frames[2]);
    story.bring(99, &frames[3]);
    assert_eq!(story.totals(100).frames, 1);
    story.bring(120, &frames[1]);
    let totals = story.totals(121);
    assert_eq!((totals.frames, totals.lost, totals.discontinuities), (4, 0, 0));
    story.bring(130, &frames[1]);
    assert!(story.totals(131).late > 0, "what comes twice is late");
}

#[test]
fn after_a_loss_it_asks_and_goes_on_with_a_whole_picture() {
    let mut story = Story::new(9);
    story.carry(0, 9);
    let first = story.frame();
    story.bring(0, &first);
    let lost = story.frame().len() as u64;
    for number in 0..17 {
        let frame = story.frame();
        story.bring(33 + number * 33, &frame);
    }
    assert_eq!(story.totals(580).frames, 1, "nothing can be shown without it");
    let now = story.at(580);
    assert_eq!(story.watch.asks(now).collect::<Vec<_>>(), [0]);
    assert_eq!(story.watch.asks(now).count(), 0, "not at once again");
    story.encoder.refresh();
    let key = story.frame();
    story.bring(610, &key);
    let totals = story.totals(611);
    assert_eq!((totals.frames, totals.key_frames, totals.lost), (2, 2, lost));
    assert_eq!((totals.freezes, totals.discontinuities), (1, 0));
    let next = story.frame();
    story.bring(643, &next);
    assert_eq!(story.totals(650).frames, 3);
}

#[test]
fn somebody_elses_picture_is_a_stray() {
    let mut story = Story::new(9);
    story.carry(0, 10);
    for number in 0..100 {
        let frame = story.frame();
        story.bring(number * 33, &frame);
    }
    assert!(story.totals(3_300).strays > 30);
    assert_eq!(story.totals(3_300).starved, 1);
}

#[test]
fn what_was_sent_before_the_change_and_is_whole_only_now_is_no_stray() {
    let mut story = Story::new(9);
    story.carry(0, 9);
    let frames: Vec<_> = (0..2).map(|_| story.frame()).collect();
    story.bring(0, &frames[0]);
    let (rest, last) = frames[1].split_at(frames[1].len() - 1);
    story.bring(33, rest);
    let now = story.at(100);
    story.watch.carry(now, Kind::Video, 0, None);
    // The last packet was lost, and is repeated much later.
    story.bring_sent_ago(5_000, Duration::from_secs(5), last);
    assert_eq!((story.totals(5_001).frames, story.totals(5_001).strays), (2, 0));
    let fresh = story.frame();
    story.bring(5_033, &fresh);
    assert_eq!(story.totals(5_034).strays, 1);
}

#[test]
fn numbers_that_do_not_go_on_are_noticed() {
    let mut story = Story::new(9);
    let mut frames: Vec<_> = (0..3).map(|_| story.frame()).collect();
    frames[1][0].payload[3] ^= 0x10;
    frames.iter().for_each(|frame| story.bring(0, frame));
    let seen = story.watch.look(story.at(1));
    assert!(seen.totals.discontinuities > 0);
    assert!(seen.oddity.is_some_and(|words| words.starts_with("after packet")));
}
