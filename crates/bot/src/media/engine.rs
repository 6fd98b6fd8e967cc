//! A WebRTC engine without sockets: descriptions, datagrams and time in; datagrams, packets and events out. The only file here that
//! names the library.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RedDecoder, RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::Transport;
use super::source::{Outgoing, Sound};
use crate::watch::Kind;

/// The names of sizes, the smallest first.
const RIDS: [&str; 3] = ["l", "m", "h"];
/// After an error nothing is to be done any more.
const NEVER: Duration = Duration::from_secs(3_600);

/// An m-line that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Sound or picture.
    pub kind: Kind,
    /// Something may be sent in it.
    pub sends: bool,
    /// Something may be received in it.
    pub receives: bool,
    /// In so many sizes; with 1 they have no names.
    pub layers: usize,
}

impl Line {
    /// Both ways, in one size.
    #[must_use]
    pub fn both(kind: Kind) -> Self {
        Self { kind, sends: true, receives: true, layers: 1 }
    }

    /// A slot.
    #[must_use]
    pub fn slot(kind: Kind) -> Self {
        Self { sends: false, ..Self::both(kind) }
    }
}

/// What does not work, in the library's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

fn broken(error: impl std::fmt::Display) -> Broken {
    Broken(error.to_string())
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// Media can be sent, and received.
    Connected,
    /// It has ended.
    Closed,
    /// The other side wants a whole picture of this size in this line.
    Refresh {
        /// The m-line.
        line: usize,
        /// The size.
        layer: usize,
    },
}

/// A datagram to send.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// A packet of media that came.
#[derive(Debug)]
pub(super) struct Incoming {
    /// The m-line.
    pub(super) line: usize,
    packet: RtpPacket,
    /// Where in the payload what is new begins and ends (RFC 2198).
    primary: Option<(usize, usize)>,
}

impl Incoming {
    pub(super) fn sequence(&self) -> u64 {
        *self.packet.seq_no
    }

    pub(super) fn timestamp(&self) -> u32 {
        // As it came: behind a pause the engine turns those that are a little older than the newest by half of all numbers.
        self.packet.header.timestamp
    }

    pub(super) fn marker(&self) -> bool {
        self.packet.header.marker
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.primary.map_or(Some(&self.packet.payload[..]), |(start, end)| self.packet.payload.get(start..end)).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Negotiated {
    mid: Mid,
    line: Line,
    /// The library was told of the stream that comes beside those that are sent.
    is_expected: bool,
}

/// One peer connection.
#[derive(Debug)]
pub(super) struct Engine {
    rtc: Rtc,
    protocol: Protocol,
    /// What others are told as our address; everything comes there.
    address: SocketAddr,
    lines: Vec<Negotiated>,
    streams: HashMap<Ssrc, usize>,
    pending: Option<SdpPendingOffer>,
    timeout: Instant,
    is_connected: bool,
    is_closed: bool,
    happened: VecDeque<Happened>,
    out: VecDeque<Datagram>,
    incoming: VecDeque<Incoming>,
}

impl Engine {
    /// With these addresses of its own, the first of which stands for all.
    pub(super) fn new(now: Instant, transport: Transport, addresses: &[SocketAddr]) -> Result<Self, Broken> {
        let mut rtc = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, true).enable_vp8(true).set_stats_interval(None).build(now);
        for address in addresses {
            let candidate = match transport {
                Transport::Udp => Candidate::host(*address, "udp"),
                Transport::Tcp => Candidate::builder().tcp().host(*address).tcptype(TcpType::Active).build(),
            };
            rtc.add_local_candidate(candidate.map_err(broken)?);
        }
        let protocol = if transport == Transport::Udp { Protocol::Udp } else { Protocol::Tcp };
        let address = *addresses.first().ok_or_else(|| Broken("there is no address".to_owned()))?;
        Ok(Self {
            rtc,
            protocol,
            address,
            lines: Vec::new(),
            streams: HashMap::new(),
            pending: None,
            timeout: now,
            is_connected: false,
            is_closed: false,
            happened: VecDeque::new(),
            out: VecDeque::new(),
            incoming: VecDeque::new(),
        })
    }

    /// Offers these lines, beside those that there are.
    pub(super) fn offer(&mut self, lines: &[Line]) -> Result<String, Broken> {
        let mut api = self.rtc.sdp_api();
        for line in lines {
            let mut simulcast = Simulcast::new();
            let rids = RIDS.iter().take(if line.layers > 1 { line.layers } else { 0 });
            rids.for_each(|rid| simulcast.add_send_layer(SimulcastLayer::new(rid)));
            let simulcast = (line.layers > 1).then_some(simulcast);
            let kind = if line.kind == Kind::Audio { MediaKind::Audio } else { MediaKind::Video };
            let direction = match (line.sends, line.receives) {
                (true, true) => Direction::SendRecv,
                (true, false) => Direction::SendOnly,
                (false, true) => Direction::RecvOnly,
                (false, false) => Direction::Inactive,
            };
            let mid = api.add_media(kind, direction, None, None, simulcast);
            self.lines.push(Negotiated { mid, line: *line, is_expected: line.layers <= 1 || !line.receives });
        }
        let (offer, pending) = api.apply().ok_or_else(|| Broken("there is nothing to offer".to_owned()))?;
        self.pending = Some(pending);
        Ok(offer.to_sdp_string())
    }

    /// Takes the answer to the last offer.
    pub(super) fn answered(&mut self, now: Instant, sdp: &str) -> Result<(), Broken> {
        let pending = self.pending.take().ok_or_else(|| Broken("nothing was offered".to_owned()))?;
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(broken)?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(broken)?;
        for (index, negotiated) in self.lines.iter_mut().enumerate().filter(|(_, negotiated)| !negotiated.is_expected) {
            // It takes the layers of a line for both directions, which browsers and servers do not.
            if let Some((main, repair)) = streams(sdp, index) {
                self.rtc.direct_api().expect_stream_rx(main, repair, negotiated.mid, None);
                negotiated.is_expected = true;
            }
        }
        self.handle(Input::Timeout(now));
        Ok(())
    }

    /// Answers an offer: the first, or a later one.
    pub(super) fn accept(&mut self, now: Instant, sdp: &str) -> Result<String, Broken> {
        let offer = SdpOffer::from_sdp_string(sdp).map_err(broken)?;
        self.pending = None;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(broken)?;
        for (kind, mid) in lines(sdp).skip(self.lines.len()) {
            self.lines.push(Negotiated { mid: Mid::from(mid), line: Line::both(kind), is_expected: true });
        }
        self.handle(Input::Timeout(now));
        Ok(answer.to_sdp_string())
    }

    /// A candidate of the other side, as it is signalled. Those that cannot be used (names that only its own network knows) are left out.
    pub(super) fn candidate(&mut self, now: Instant, text: &str) {
        if let Ok(candidate) = Candidate::from_sdp_string(text.trim_start_matches("a=")) {
            self.rtc.add_remote_candidate(candidate);
            self.handle(Input::Timeout(now));
        }
    }

    /// The kinds of all lines.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.lines.iter().map(|negotiated| negotiated.line.kind)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.is_connected && !self.is_closed
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) fn timeout(&self) -> Instant {
        self.timeout
    }

    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let Ok(receive) = Receive::new(self.protocol, from, self.address, bytes) else { return };
        let input = Input::Receive(now, receive);
        if self.rtc.accepts(&input) {
            self.handle(input);
        }
    }

    /// Time has come, or something was written.
    pub(super) fn advance(&mut self, now: Instant) {
        self.handle(Input::Timeout(now));
    }

    pub(super) fn happened(&mut self) -> Option<Happened> {
        self.happened.pop_front()
    }

    pub(super) fn datagram(&mut self) -> Option<Datagram> {
        self.out.pop_front()
    }

    pub(super) fn incoming(&mut self) -> Option<Incoming> {
        self.incoming.pop_front()
    }

    /// Writes packets of a picture; they leave with the next [`Self::advance`].
    pub(super) fn write_picture(&mut self, now: Instant, line: usize, layer: usize, packets: Vec<Outgoing>) {
        let Some(payload_type) = self.payload_type(Codec::Vp8) else { return };
        let Some(negotiated) = self.lines.get(line) else { return };
        let rid = RIDS.get(layer).filter(|_| negotiated.line.layers > 1).map(|rid| Rid::from(*rid));
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(negotiated.mid, rid) else { return };
        for packet in packets {
            let write = RtpWrite::new(payload_type, packet.sequence.into(), packet.timestamp, now, packet.payload);
            stream.write_rtp(write.marker(packet.marker).nackable(true));
        }
    }

    /// Writes a packet of sound; it leaves with the next [`Self::advance`].
    pub(super) fn write_sound(&mut self, now: Instant, line: usize, sound: Sound) {
        let Some(payload_type) = self.payload_type(Codec::Opus) else { return };
        let Some(negotiated) = self.lines.get(line) else { return };
        let level = i8::try_from(sound.level).unwrap_or(i8::MAX);
        let extensions = ExtensionValues { audio_level: Some(-level), voice_activity: Some(sound.is_speech), ..Default::default() };
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(negotiated.mid, None) else { return };
        let Outgoing { sequence, timestamp, marker, payload } = sound.packet;
        stream.write_rtp(RtpWrite::new(payload_type, sequence.into(), timestamp, now, payload).marker(marker).ext_vals(extensions));
    }

    /// Asks for a whole picture in this line.
    pub(super) fn ask(&mut self, line: usize) {
        let Some(ssrc) = self.streams.iter().find(|(_, at)| **at == line).map(|(ssrc, _)| *ssrc) else { return };
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    fn payload_type(&self, codec: Codec) -> Option<Pt> {
        self.rtc.codec_config().find(|params| params.spec().codec == codec).map(|params| params.pt())
    }

    /// Every input, and all that comes of it: the library keeps one packet at a time.
    fn handle(&mut self, input: Input<'_>) {
        let now = match &input {
            Input::Timeout(now) => *now,
            Input::Receive(now, _) => *now,
        };
        if self.is_closed || self.rtc.handle_input(input).is_err() {
            return self.end(now);
        }
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timeout = at;
                    break;
                }
                Ok(Output::Transmit(transmit)) => self.out.push_back(Datagram { to: transmit.destination, bytes: transmit.contents.into() }),
                Ok(Output::Event(event)) => self.event(event),
                Err(_) => return self.end(now),
            }
        }
        if !self.rtc.is_alive() {
            self.end(now);
        }
    }

    fn end(&mut self, now: Instant) {
        self.timeout = now + NEVER;
        if !std::mem::replace(&mut self.is_closed, true) {
            self.happened.push_back(Happened::Closed);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.is_connected = true;
                self.happened.push_back(Happened::Connected);
            }
            Event::Closed => self.rtc.disconnect(),
            Event::KeyframeRequest(request) => {
                let layer = request.rid.and_then(|rid| RIDS.iter().position(|one| Rid::from(*one) == rid)).unwrap_or(0);
                if let Some(line) = self.line(request.mid) {
                    self.happened.push_back(Happened::Refresh { line, layer });
                }
            }
            Event::RtpPacket(packet) => self.packet(packet),
            _ => {}
        }
    }

    fn line(&self, mid: Mid) -> Option<usize> {
        self.lines.iter().position(|negotiated| negotiated.mid == mid)
    }

    fn packet(&mut self, packet: RtpPacket) {
        // Padding alone.
        if packet.payload.is_empty() {
            return;
        }
        let ssrc = packet.header.ssrc;
        let known = self.streams.get(&ssrc).copied();
        let line = known.or_else(|| {
            let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
            let line = self.line(mid)?;
            self.streams.insert(ssrc, line);
            Some(line)
        });
        let Some(line) = line else { return };
        let is_sound = self.lines.get(line).is_some_and(|negotiated| negotiated.line.kind == Kind::Audio);
        let primary = if is_sound { self.primary(&packet) } else { None };
        self.incoming.push_back(Incoming { line, packet, primary });
    }

    /// In a packet that repeats others (RFC 2198), what is new.
    fn primary(&self, packet: &RtpPacket) -> Option<(usize, usize)> {
        let red = self.rtc.codec_config().find(|params| params.spec().codec == Codec::Opus).and_then(|params| params.red())?;
        if packet.header.payload_type != red {
            return None;
        }
        let blocks = RedDecoder::decode(&packet.payload).ok()?;
        let length = blocks.iter().find(|block| block.is_primary)?.payload.len();
        // It is the last.
        Some((packet.payload.len().saturating_sub(length), packet.payload.len()))
    }
}

/// The kind and name of each m-line.
fn lines(sdp: &str) -> impl Iterator<Item = (Kind, &str)> {
    sdp.split("\nm=").skip(1).filter_map(|media| {
        let kind = if media.starts_with("audio") { Kind::Audio } else { Kind::Video };
        let mid = media.lines().find_map(|line| line.strip_prefix("a=mid:"))?;
        Some((kind, mid.trim()))
    })
}

/// The stream, and that of its repetitions, that a description names in its n-th m-line.
fn streams(sdp: &str, line: usize) -> Option<(Ssrc, Option<Ssrc>)> {
    let media = sdp.split("\nm=").nth(line + 1)?;
    if let Some(group) = media.lines().find_map(|line| line.strip_prefix("a=ssrc-group:FID ")) {
        let mut numbers = group.split_whitespace().filter_map(|number| number.parse::<u32>().ok());
        return Some((numbers.next()?.into(), numbers.next().map(Ssrc::from)));
    }
    let number = media.lines().find_map(|line| line.strip_prefix("a=ssrc:"))?.split(' ').next()?;
    Some((number.parse::<u32>().ok()?.into(), None))
}

/// The first candidate for TCP that waits to be connected to.
pub(super) fn passive_candidate(sdp: &str) -> Option<SocketAddr> {
    sdp.lines().filter_map(|line| line.trim().strip_prefix("a=candidate:")).find_map(|candidate| {
        let candidate = Candidate::from_sdp_string(&format!("candidate:{candidate}")).ok()?;
        (candidate.tcptype() == Some(TcpType::Passive)).then(|| candidate.addr())
    })
}
