//! A client of media through the server: a whole WebRTC engine that offers as the contract says, sends a voice and a picture, and counts what
//! it receives.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::{CHANNEL, Data, Turn};
use crate::ws::client::PATIENCE;

const SOUND: Duration = Duration::from_millis(20);
const FRAME: Duration = Duration::from_millis(40);

/// The way to the server.
pub(crate) enum Line {
    Udp(UdpSocket, SocketAddr),
    /// Framed by RFC 4571; what has come and is not whole yet.
    Tcp(Box<TcpStream>, SocketAddr, Vec<u8>),
    /// Through the relay: its address there, and that of the server.
    Relay(Box<Turn>, SocketAddr, SocketAddr),
}

impl Line {
    pub(crate) async fn udp(server: SocketAddr) -> Self {
        Self::Udp(UdpSocket::bind((server.ip(), 0)).await.expect("a socket"), server)
    }

    pub(crate) async fn tcp(server: SocketAddr) -> Self {
        let stream = timeout(PATIENCE, TcpStream::connect(server)).await.expect("a connection").expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self::Tcp(Box::new(stream), server, Vec::new())
    }

    /// Binds a channel to the server's address of media.
    pub(crate) async fn relay(mut turn: Turn, server: SocketAddr) -> Self {
        let relayed = turn.relayed().await;
        let answer = turn.bind(CHANNEL, server).await;
        assert!(answer.is_success(), "no way to {server}: {:?}", answer.code());
        Self::Relay(Box::new(turn), relayed, server)
    }

    fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(socket, _) => socket.local_addr().expect("an address"),
            Self::Tcp(stream, ..) => stream.local_addr().expect("an address"),
            Self::Relay(_, relayed, _) => *relayed,
        }
    }

    fn server(&self) -> SocketAddr {
        match self {
            Self::Udp(_, server) | Self::Tcp(_, server, _) | Self::Relay(_, _, server) => *server,
        }
    }

    fn protocol(&self) -> Protocol {
        if matches!(self, Self::Tcp(..)) { Protocol::Tcp } else { Protocol::Udp }
    }

    fn candidate(&self) -> Candidate {
        match self.protocol() {
            Protocol::Tcp => Candidate::builder().tcp().host(self.local()).tcptype(TcpType::Active).build().expect("a candidate"),
            _ => Candidate::host(self.local(), "udp").expect("a candidate"),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Udp(socket, server) => {
                socket.send_to(bytes, *server).await.expect("sent");
            }
            Self::Tcp(stream, ..) => {
                let frame = [&u16::try_from(bytes.len()).expect("a datagram").to_be_bytes()[..], bytes].concat();
                // A closed one is noticed by reading.
                let _ = stream.write_all(&frame).await;
            }
            Self::Relay(turn, ..) => turn.send_on(CHANNEL, bytes).await,
        }
    }

    /// The next datagram or frame; `None`: the stream has ended. Nothing is lost when it is not waited for to the end.
    pub(crate) async fn receive(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Udp(socket, _) => {
                let mut bytes = vec![0; 2_048];
                let length = socket.recv(&mut bytes).await.expect("a socket");
                bytes.truncate(length);
                Some(bytes)
            }
            Self::Tcp(stream, _, held) => loop {
                if let Some(frame) = cut(held) {
                    return Some(frame);
                }
                if stream.read_buf(held).await.unwrap_or(0) == 0 {
                    return None;
                }
            },
            Self::Relay(turn, ..) => loop {
                let message = turn.arrived().await?;
                if let Some(Data::Channel(CHANNEL, bytes)) = Data::of(&message) {
                    return Some(bytes);
                }
            },
        }
    }
}

/// Waits for something, but only while it is not paused.
async fn unless<T>(is_paused: &mut watch::Receiver<bool>, wait: impl Future<Output = T>) -> T {
    // The sender lives as long as whoever looks at what comes of it.
    let _ = is_paused.wait_for(|is_paused| !is_paused).await;
    wait.await
}

/// The first frame of a stream, if it is whole.
fn cut(held: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes(*held.first_chunk()?));
    let frame = held.get(2..2 + length)?.to_vec();
    held.drain(..2 + length);
    Some(frame)
}

/// What a caller has seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) is_connected: bool,
    pub(crate) is_closed: bool,
    /// Packets of sound and of picture.
    pub(crate) sound: usize,
    pub(crate) picture: usize,
    /// The way has ended, which only a stream does.
    pub(crate) is_hung_up: bool,
    /// By what its own sound is known on the way.
    pub(crate) ssrc: u32,
}

/// A caller that runs by itself.
pub(crate) struct Caller {
    pub(crate) offer: String,
    /// By what the server's checks are called, once it has answered.
    pub(crate) name: Option<String>,
    paused: watch::Sender<bool>,
    answer: Option<oneshot::Sender<String>>,
    pub(crate) seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Caller {
    /// One who sends, or only listens and looks, once it is connected.
    pub(crate) fn start(line: Line, sends: bool) -> Self {
        let now = Instant::now();
        let mut rtc = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, true).enable_vp8(true).set_stats_interval(None).build(now);
        rtc.add_local_candidate(line.candidate());
        let mut api = rtc.sdp_api();
        let kinds = [MediaKind::Audio, MediaKind::Video, MediaKind::Video, MediaKind::Audio];
        let lines = kinds.map(|kind| api.add_media(kind, Direction::SendRecv, None, None, None));
        let (offer, pending) = api.apply().expect("an offer");
        let (tell, seen) = watch::channel(Seen::default());
        let (answer, answered) = oneshot::channel();
        let (paused, is_paused) = watch::channel(false);
        let engine = Engine {
            line,
            is_paused,
            rtc,
            lines,
            sends,
            tell,
            next_sound: now,
            next_frame: now,
            sounds: 0,
            packets: 0,
            frames: 0,
            wants_whole: true,
        };
        let task = tokio::spawn(engine.run(pending, answered));
        Self { offer: offer.to_sdp_string(), name: None, paused, answer: Some(answer), seen, task }
    }

    pub(crate) fn answer(&mut self, sdp: &str) {
        self.name = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::to_owned);
        self.answer.take().expect("it was not answered yet").send(sdp.to_owned()).expect("it runs");
    }

    /// Reads nothing, or does so again.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.paused.send_replace(is_paused);
    }

    /// Waits until it is so.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl FnMut(&Seen) -> bool) {
        let waited = timeout(PATIENCE, self.seen.wait_for(is_so)).await;
        let is_so = waited.is_ok_and(|seen| seen.is_ok());
        assert!(is_so, "{what}: {:?}", *self.seen.borrow());
    }
}

struct Engine {
    line: Line,
    is_paused: watch::Receiver<bool>,
    rtc: Rtc,
    lines: [Mid; 4],
    sends: bool,
    tell: watch::Sender<Seen>,
    next_sound: Instant,
    next_frame: Instant,
    sounds: u32,
    packets: u64,
    frames: u32,
    /// Somebody asked for a whole picture.
    wants_whole: bool,
}

impl Engine {
    async fn run(mut self, pending: SdpPendingOffer, answered: oneshot::Receiver<String>) {
        let Ok(answer) = answered.await else { return };
        let answer = SdpAnswer::from_sdp_string(&answer).expect("an answer");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("an answer to the offer");
        loop {
            let Some(next) = self.drain().await else { return };
            let sends = self.sends && self.tell.borrow().is_connected;
            let next = if sends { next.min(self.next_sound).min(self.next_frame) } else { next };
            tokio::select! {
                bytes = unless(&mut self.is_paused, self.line.receive()) => {
                    let Some(bytes) = bytes else {
                        self.tell.send_modify(|seen| seen.is_hung_up = true);
                        return;
                    };
                    self.take(&bytes);
                }
                () = tokio::time::sleep_until(next.into()) => {
                    if sends {
                        self.send_media(Instant::now());
                    }
                    self.input(Input::Timeout(Instant::now()));
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let (from, to, protocol) = (self.line.server(), self.line.local(), self.line.protocol());
        let Ok(receive) = Receive::new(protocol, from, to, bytes) else { return };
        let input = Input::Receive(Instant::now(), receive);
        if self.rtc.accepts(&input) {
            self.input(input);
        }
    }

    fn input(&mut self, input: Input<'_>) {
        if self.rtc.handle_input(input).is_err() {
            self.tell.send_modify(|seen| seen.is_closed = true);
        }
    }

    /// Until there is nothing more to do before some moment. `None`: the end.
    async fn drain(&mut self) -> Option<Instant> {
        while self.rtc.is_alive() {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return Some(at),
                Ok(Output::Transmit(transmit)) => self.line.send(&transmit.contents).await,
                Ok(Output::Event(event)) => self.event(event),
                Err(_) => break,
            }
        }
        self.tell.send_modify(|seen| seen.is_closed = true);
        None
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                let ssrc = self.rtc.direct_api().stream_tx_by_mid(self.lines[0], None).map_or(0, |stream| *stream.ssrc());
                self.tell.send_modify(|seen| (seen.is_connected, seen.ssrc) = (true, ssrc));
            }
            Event::KeyframeRequest(_) => self.wants_whole = true,
            Event::RtpPacket(packet) => {
                let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| stream.mid());
                let is_sound = mid == Some(self.lines[0]) || mid == Some(self.lines[3]);
                self.tell.send_modify(|seen| *(if is_sound { &mut seen.sound } else { &mut seen.picture }) += 1);
            }
            _ => {}
        }
    }

    fn send_media(&mut self, now: Instant) {
        if self.next_sound <= now {
            self.next_sound = now + SOUND;
            self.send_sound(now);
        }
        if self.next_frame <= now {
            self.next_frame = now + FRAME;
            self.send_frame(now);
        }
    }

    fn payload_type(&self, codec: Codec) -> str0m::media::Pt {
        self.rtc.codec_config().find(|params| params.spec().codec == codec).expect("it is offered").pt()
    }

    fn send_sound(&mut self, now: Instant) {
        let payload_type = self.payload_type(Codec::Opus);
        let extensions = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..ExtensionValues::default() };
        let write = RtpWrite::new(payload_type, u64::from(self.sounds).into(), self.sounds * 960, now, vec![7; 80]).ext_vals(extensions);
        self.sounds += 1;
        let mut direct = self.rtc.direct_api();
        direct.stream_tx_by_mid(self.lines[0], None).expect("a stream").write_rtp(write);
        self.input(Input::Timeout(now));
    }

    /// Two packets of VP8: a descriptor with a picture id, and the header of a whole picture where one is wanted.
    fn send_frame(&mut self, now: Instant) {
        let payload_type = self.payload_type(Codec::Vp8);
        let is_whole = std::mem::take(&mut self.wants_whole);
        let [high, low] = u16::try_from(self.frames % 32_768).expect("15 bits").to_be_bytes();
        for index in 0..2_u8 {
            let mut payload = vec![if index == 0 { 0x90 } else { 0x80 }, 0x80, 0x80 | high, low];
            payload.extend(if is_whole { [0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01] } else { [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
            payload.resize(1_000, 0xAA);
            let write = RtpWrite::new(payload_type, self.packets.into(), self.frames * 3_600, now, payload).marker(index == 1).nackable(true);
            self.packets += 1;
            let mut direct = self.rtc.direct_api();
            direct.stream_tx_by_mid(self.lines[1], None).expect("a stream").write_rtp(write);
        }
        self.frames += 1;
        self.input(Input::Timeout(now));
    }
}
