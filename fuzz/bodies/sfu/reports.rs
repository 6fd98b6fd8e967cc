//! A viewer who is in a call and sends any reports, and any data through the handshake's own connection.
//!
//! The input: steps of the viewer. What must hold: nobody else's connection ends, the publisher is not made to send whole pictures all the
//! time, and no more is sent to the viewer than there is.

use std::time::Duration;

use fireside_sfu::{Command, Event, PeerId, Source};

use super::bytes::Bytes;
use super::client::Came;
use super::engine;
use super::packets::{Sent, Stream, look_at};
use super::world::{World, look};

const PUBLISHER: u64 = 1;
const VIEWER: u64 = 2;
const MOST_STEPS: usize = 200;
/// How often frames come.
const FRAME: Duration = Duration::from_millis(33);

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
    call.frames(10);
    call.check();
    call.world.end();
}

struct Call {
    world: World,
    streams: Vec<Stream>,
    sent: Sent,
    sent_bytes: u64,
    /// Requests for whole pictures that came to the publisher.
    asked: u64,
}

impl Call {
    fn new() -> Self {
        let mut world = World::new();
        world.join(PUBLISHER, 1);
        world.join(VIEWER, 1);
        let view = vec![look(PUBLISHER, Source::Screen, 720), look(PUBLISHER, Source::Camera, 720)];
        world.command(Command::View { peer: PeerId(VIEWER), view });
        let mut call = Self { world, streams: Stream::all_of(PUBLISHER), sent: Sent::default(), sent_bytes: 0, asked: 0 };
        call.frames(3);
        call
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        match bytes.one()? % 6 {
            0 => {
                let reports = bytes.many()?.to_owned();
                self.report(&reports);
            }
            1 => {
                let (kind, form, media, rest) = (bytes.one()?, bytes.one()?, bytes.one()?, bytes.few()?);
                let report = self.natural(kind, form, media, rest);
                self.report(&report);
            }
            2 => {
                // Several in one datagram (RFC 3550, 6.1).
                let mut compound = Vec::new();
                for _ in 0..bytes.one()? % 8 {
                    let (kind, form, media, rest) = (bytes.one()?, bytes.one()?, bytes.one()?, bytes.few()?);
                    compound.extend(self.natural(kind, form, media, rest));
                }
                self.report(&compound);
            }
            3 => {
                let data = bytes.many()?;
                let now = self.world.now;
                if let Some(viewer) = self.world.clients.get_mut(&VIEWER) {
                    viewer.send_data(now, data);
                }
                self.world.pass(Duration::from_millis(1));
            }
            4 => self.frames(u64::from(bytes.one()? % 32)),
            _ => {
                let raw = bytes.many()?;
                self.world.send(VIEWER, raw);
            }
        }
        Some(())
    }

    /// A report with a true head, about one of the streams that the viewer gets, or any other.
    fn natural(&self, kind: u8, form: u8, media: u8, rest: &[u8]) -> Vec<u8> {
        let streams: Vec<_> = self.world.clients.get(&VIEWER).into_iter().flat_map(|viewer| viewer.streams.iter().copied()).collect();
        let stream = streams.get(usize::from(media)).copied().unwrap_or(u32::from(media) << 8);
        // SR, RR, SDES, BYE, APP, transport feedback, payload feedback, XR.
        let kind = 200 + kind % 8;
        let mut body = 1u32.to_be_bytes().to_vec();
        body.extend(stream.to_be_bytes());
        body.extend(rest);
        body.resize(body.len().next_multiple_of(4), 0);
        let length = (body.len() / 4) as u16;
        [&[0x80 | form & 0x3F, kind][..], &length.to_be_bytes(), &body].concat()
    }

    fn report(&mut self, report: &[u8]) {
        let sealed = self.world.clients.get_mut(&VIEWER).and_then(|client| client.seal_reports(report));
        if let Some(sealed) = sealed {
            self.world.send(VIEWER, &sealed);
        }
    }

    /// The publisher goes on, as it is asked to.
    fn frames(&mut self, count: u64) {
        for frame in 0..count {
            for index in [0, 1, 2, 3, 4] {
                let Some(stream) = self.streams.get_mut(index) else { continue };
                let payload = if stream.kind.is_picture() { stream.picture(frame == 0, &[0xA5; 300]) } else { stream.sound(&[0x5A; 40]) };
                let packet = stream.packet(&payload, true, 0);
                self.sent.note(&packet);
                self.sent_bytes += packet.len() as u64;
                let sealed = self.world.clients.get_mut(&PUBLISHER).and_then(|client| client.seal_media(&packet));
                if let Some(sealed) = sealed {
                    self.world.send(PUBLISHER, &sealed);
                }
            }
            self.world.pass(FRAME);
        }
    }

    fn check(&mut self) {
        if let Some(viewer) = self.world.clients.get_mut(&VIEWER) {
            look_at(viewer, &self.sent);
        }
        let publisher = self.world.clients.get_mut(&PUBLISHER).map(|client| std::mem::take(&mut client.came)).unwrap_or_default();
        self.asked += publisher.iter().map(requests).sum::<u64>();
        let elapsed = (self.world.now - self.world.start).as_millis() as u64;
        // For each of four layers: two in a second, and a third of a second apart where none comes.
        assert!(self.asked <= 4 * (elapsed / 300 + 2), "{} whole pictures were asked for in {elapsed} ms", self.asked);
        // What is forwarded, once more for what was lost, and what the line is tried with.
        let most = self.sent_bytes * 3 + elapsed * 5_000_000 / 8 / 1_000 + 200_000;
        let got = self.world.sent.get(&VIEWER).copied().unwrap_or_default();
        assert!(got <= most, "{got} bytes in {elapsed} ms, of {} that were published", self.sent_bytes);
        for event in self.world.events.drain(..) {
            if let Event::Closed { peer, why } = event {
                assert_eq!(peer, PeerId(VIEWER), "{why}");
            }
        }
    }
}

/// Requests for whole pictures (RFC 4585, 6.3.1: PLI) in what came.
fn requests(came: &Came) -> u64 {
    let Came::Reports(mut rest) = came.clone() else { return 0 };
    let mut count = 0;
    while rest.len() >= 4 {
        count += u64::from(rest[1] == 206 && rest[0] & 0x1F == 1);
        let length = (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1) * 4;
        rest.drain(..length.min(rest.len()));
    }
    count
}
