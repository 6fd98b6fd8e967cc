//! A publisher who is in a call and sends any packets; somebody looks and listens.
//!
//! The input: steps of the publisher. What must hold: nobody else's connection ends, and what the viewer gets is well-formed and was sent.

use std::time::Duration;

use fireside_sfu::{Command, Event, PeerId, Source, Track};

use super::bytes::Bytes;
use super::engine;
use super::packets::{Sent, Stream, look_at};
use super::world::{World, look};

const PUBLISHER: u64 = 1;
const VIEWER: u64 = 2;
const MOST_STEPS: usize = 200;

/// Runs the program that `input` is.
pub fn run(input: &[u8]) {
    engine::watch();
    let mut call = Call::new();
    let mut bytes = Bytes(input);
    for _ in 0..MOST_STEPS {
        if call.step(&mut bytes).is_none() {
            break;
        }
        call.check();
    }
    call.pass(Duration::from_secs(1));
    call.check();
    call.world.end();
}

struct Call {
    world: World,
    streams: Vec<Stream>,
    sent: Sent,
}

impl Call {
    fn new() -> Self {
        let mut world = World::new();
        world.join(PUBLISHER, 1);
        world.join(VIEWER, 1);
        let view = vec![look(PUBLISHER, Source::Screen, 720), look(PUBLISHER, Source::Camera, 180)];
        world.command(Command::View { peer: PeerId(VIEWER), view });
        Self { world, streams: Stream::all_of(PUBLISHER), sent: Sent::default() }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.one()? % 8 {
            0 => {
                let packet = bytes.many()?;
                self.send(packet);
            }
            1 => {
                let (stream, flaws, back, payload) = (bytes.one()?, bytes.one()?, bytes.one()?, bytes.few()?);
                let stream = self.stream(stream);
                stream.sequence = stream.sequence.wrapping_add(u16::from(back % 16)).wrapping_sub(u16::from(back >> 4));
                let packet = stream.packet(payload, flaws & 1 == 0, flaws);
                self.send(&packet);
            }
            2 => {
                let (stream, how) = (bytes.one()?, bytes.one()?);
                self.frames(stream, how);
            }
            3 => self.pass(Duration::from_millis(u64::from(bytes.one()?) * 8)),
            4 => {
                let packet = bytes.many()?;
                self.world.send(PUBLISHER, packet);
            }
            5 => {
                let (stream, payload) = (bytes.one()?, bytes.few()?);
                let stream = self.stream(if stream & 1 == 0 { 0 } else { 5 });
                stream.timestamp = stream.timestamp.wrapping_add(960);
                let mut packet = stream.packet(payload, false, 0);
                packet[1] = super::offer::RED;
                self.send(&packet);
            }
            6 => {
                let (height, which) = (bytes.one()?, bytes.one()?);
                let looks = [look(PUBLISHER, Source::Camera, u32::from(height) * 5), look(PUBLISHER, Source::Screen, u32::from(height) * 5)];
                let view = looks.into_iter().enumerate().filter(|(index, _)| which >> index & 1 == 1).map(|(_, look)| look).collect();
                self.world.command(Command::View { peer: PeerId(VIEWER), view });
            }
            _ => {
                let which = bytes.one()?;
                let track = Track { peer: PeerId(PUBLISHER), source: Source::ALL[usize::from(which % 4)] };
                self.world.command(Command::Mute { track, is_muted: which & 4 != 0 });
            }
        }
        Some(())
    }

    fn stream(&mut self, number: u8) -> &mut Stream {
        let count = self.streams.len();
        &mut self.streams[usize::from(number) % count]
    }

    /// As an encoder would: some frames, whole ones if the lowest bit says so.
    fn frames(&mut self, stream: u8, how: u8) {
        for _ in 0..=how >> 5 {
            let stream = self.stream(stream);
            let payload = if stream.kind.is_picture() { stream.picture(how & 1 == 1, &[0xA5; 40]) } else { stream.sound(&[0x5A; 40]) };
            stream.level = how & 0x7F;
            let packet = stream.packet(&payload, true, 0);
            self.send(&packet);
        }
    }

    fn send(&mut self, packet: &[u8]) {
        self.sent.note(packet);
        let sealed = self.world.clients.get_mut(&PUBLISHER).and_then(|client| client.seal_media(packet));
        if let Some(sealed) = sealed {
            self.world.send(PUBLISHER, &sealed);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.world.pass(time);
    }

    fn check(&mut self) {
        if let Some(viewer) = self.world.clients.get_mut(&VIEWER) {
            look_at(viewer, &self.sent);
        }
        for event in self.world.events.drain(..) {
            match event {
                Event::Closed { peer, why } => assert_eq!(peer, PeerId(PUBLISHER), "{why}"),
                Event::Slot { peer, track, .. } => {
                    assert!(track.is_none_or(|track| track.peer != peer), "nobody is shown to themselves");
                }
                _ => {}
            }
        }
    }
}
