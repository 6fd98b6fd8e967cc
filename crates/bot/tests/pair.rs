//! Two peer connections with each other, over loopback: what one sends is what the other sees.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use fireside_bot::media::source::{Picture, Voice};
use fireside_bot::media::{Connection, Line, Sending, Settings, Told, Transport, Weather};
use fireside_bot::vp8::Colour;
use fireside_bot::watch::{Carried, Kind, Seen};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct End {
    connection: Connection,
    told: mpsc::UnboundedReceiver<Told>,
}

impl End {
    fn new(weather: Weather) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let settings = Settings { transport: Transport::Udp, from: Some(LOOPBACK), server: LOOPBACK, weather, seed: 1, patience: Duration::ZERO };
        let connection = Connection::begin(settings, move |what| _ = tell.send(what)).expect("a socket");
        Self { connection, told }
    }

    async fn hears(&mut self, what: Told) {
        let told = tokio::time::timeout(PATIENCE, self.told.recv()).await.expect("something happens");
        assert_eq!(told, Some(what));
    }

    fn look(&self) -> Seen {
        self.connection.watch().look(Instant::now())
    }

    async fn sees(&self, enough: impl Fn(&Seen) -> bool) -> Seen {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.look();
            if enough(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "not seen: {:?}", seen.totals);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn lines() -> Vec<Line> {
    [Kind::Audio, Kind::Video, Kind::Video, Kind::Audio].map(Line::both).to_vec()
}

fn sending(sender: u32) -> Sending {
    let camera = Picture::single(Colour::of(sender as usize), 360, 500_000, 30);
    Sending { sender, pictures: vec![(1, 1, camera)], voice: Some((0, Voice { bitrate: 32_000, turns: None })) }
}

/// Two that are connected, the first of which has offered.
async fn pair(weather: Weather) -> (End, End) {
    let (mut one, mut other) = (End::new(Weather::default()), End::new(weather));
    let offer = one.connection.offer(lines()).await.expect("an offer");
    let answer = other.connection.accept(offer).await.expect("an answer");
    one.connection.answered(answer).await.expect("an answer that is taken");
    one.hears(Told::Connected).await;
    other.hears(Told::Connected).await;
    (one, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_and_sound_go_both_ways() {
    let (one, other) = pair(Weather::default()).await;
    for (end, own, sender) in [(&one, 11, 22), (&other, 22, 11)] {
        end.connection.send(sending(own)).await;
        end.connection.watch().carry(Instant::now(), Kind::Video, 0, Some(Carried { sender, is_due: true }));
    }
    for end in [&one, &other] {
        let seen = end.sees(|seen| seen.totals.frames >= 60 && seen.totals.audio_packets >= 100).await;
        assert_eq!((seen.totals.lost, seen.totals.discontinuities, seen.totals.unreadable, seen.totals.strays), (0, 0, 0, 0), "{:?}", seen.totals);
        assert_eq!(seen.first_frame.total(), 1);
        assert!(seen.delay.total() >= 160, "each packet tells how old it is");
        assert!(seen.delay.percentile(50.0) < Some(Duration::from_millis(100)), "by the same clock");
    }
    assert_eq!(other.connection.watch().shown(), [Some((11, 0)), None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_gets_lost_is_repeated_and_a_narrow_line_is_narrow() {
    let (one, other) = pair(Weather { rate: None, loss: 0.1 }).await;
    one.connection.send(sending(11)).await;
    other.connection.watch().carry(Instant::now(), Kind::Video, 0, Some(Carried { sender: 11, is_due: true }));
    let seen = other.sees(|seen| seen.totals.frames >= 90).await;
    // A tenth is lost; pictures are repeated, sound is not.
    assert!(seen.totals.lost * 20 < seen.totals.video_packets, "{:?}", seen.totals);
    assert!(seen.totals.sound_lost > 0);

    other.connection.weather(Weather { rate: Some(100_000), loss: 0.0 }).await;
    let (before, begun) = (seen.totals.bytes, Instant::now());
    other.sees(|seen| seen.totals.bytes >= before + 40_000).await;
    let rate = 8.0 * 40_000.0 / begun.elapsed().as_secs_f64();
    assert!(rate < 150_000.0, "{rate} of 500,000 bits a second come through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes_that_nobody_wants_are_not_sent_and_begin_anew_with_a_whole_picture() {
    let (one, other) = pair(Weather::default()).await;
    one.connection.send(sending(11)).await;
    other.sees(|seen| seen.totals.frames >= 10).await;
    one.connection.wanted(1, vec![false]).await;
    let paused = other.look().totals;
    // Sound goes on: a second and a half of it.
    let later = other.sees(|seen| seen.totals.audio_packets >= paused.audio_packets + 75).await.totals;
    assert!(later.frames < paused.frames + 15, "{paused:?} {later:?}");
    one.connection.wanted(1, vec![true]).await;
    let again = other.sees(|seen| seen.totals.frames >= later.frames + 10).await.totals;
    assert_eq!(again.key_frames, later.key_frames + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_camera_in_the_same_line_goes_on_where_the_first_has_stopped() {
    let (one, other) = pair(Weather::default()).await;
    one.connection.send(sending(11)).await;
    let before = other.sees(|seen| seen.totals.frames >= 10).await.totals;
    let smaller = Picture::single(Colour::of(3), 180, 150_000, 15);
    one.connection.send(Sending { pictures: vec![(1, 1, smaller)], ..sending(11) }).await;
    let seen = other.sees(|seen| seen.totals.frames >= before.frames + 20).await;
    assert_eq!((seen.totals.late, seen.totals.discontinuities, seen.totals.lost), (0, 0, 0), "{:?}", seen.oddity);
    assert!(seen.totals.key_frames > before.key_frames);
}
