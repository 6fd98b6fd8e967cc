//! One client's connection: ICE, DTLS, SRTP and RTCP, by `str0m`. This folder alone names it, and is what another engine would replace.
//!
//! It knows m-lines, SSRCs and payload types; it refuses to know rooms, and who watches whom. A failure in it, of whatever kind, is a
//! value that ends this connection and no other.

mod broken;
mod identity;
mod negotiation;
mod outlet;
mod streams;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use str0m::bwe::Bitrate as BitsPerSecond;
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpPacket;
use str0m::stats::PeerStats;
use str0m::{Event, IceConnectionState, IceCreds, Input, Output, Rtc};

use self::broken::guarded;
use self::identity::{candidate, config, credentials};
use self::outlet::{Outlet, write};
use self::streams::{Origin, Stream};
use crate::budget::Bitrate;
use crate::clock::Clock;
use crate::continuity::Numbers;
use crate::demux::{Tag, Transport};
use crate::line::Reading;
use crate::meter::Allowance;
use crate::packet::{Datagram, Endpoint, Packet, Transmit};
use crate::track::{Kind, Slot, Source};

pub use self::broken::Broken;
pub use self::identity::{Identity, Random};

/// One input leads to so many outputs at most; an engine that goes on is broken. A large probe with retransmissions is a few hundred.
const OUTPUTS: usize = 20_000;
/// Packets that wait for one slot of a slow line. Past it the line is worse than its estimate, and more would only be later.
const BACKLOG: usize = 600;
/// Packets in a second that name a stream which is not known yet. Real ones are few: the rest cannot even be decrypted.
const STRANGERS: u64 = 100;

/// What came out of a connection.
#[derive(Debug)]
pub(crate) enum Happened {
    /// Media can flow.
    Connected,
    /// Nothing has come for a while, or something does again.
    Reachable(bool),
    Packet(Packet),
    /// The viewer needs a whole picture in this slot.
    KeyframeWanted(Slot),
    /// What there is to see of the line to the viewer.
    Line(Reading),
}

/// One client's connection.
pub(crate) struct Peer {
    rtc: Rtc,
    endpoints: Arc<[Endpoint]>,
    sources: [Option<Origin>; 4],
    audio: Vec<Option<Outlet>>,
    video: Vec<Option<Outlet>>,
    streams: VecDeque<Stream>,
    /// The client's, as far as it sends.
    clock: Clock,
    strangers: Allowance,
    began: Instant,
    timeout: Instant,
    tag: Tag,
    /// The name and the password of this side's connectivity checks.
    credentials: IceCreds,
}

impl Peer {
    pub(crate) fn new(now: Instant, identity: &Identity, endpoints: Arc<[Endpoint]>, tag: Tag, random: &mut Random) -> Self {
        let credentials = credentials(tag, random);
        let mut rtc = config(identity).set_local_ice_credentials(credentials.clone()).build(now);
        for candidate in endpoints.iter().filter_map(candidate) {
            rtc.add_local_candidate(candidate);
        }
        Self {
            rtc,
            endpoints,
            sources: [const { None }; 4],
            audio: Vec::new(),
            video: Vec::new(),
            streams: VecDeque::new(),
            clock: Clock::default(),
            strangers: Allowance::new(now, STRANGERS),
            began: now,
            timeout: now,
            tag,
            credentials,
        }
    }

    /// The name by which connectivity checks are known to be for this connection.
    pub(crate) fn name(&self) -> &str {
        &self.credentials.ufrag
    }

    /// When [`Peer::advance`] is to be called although nothing came.
    pub(crate) fn timeout(&self) -> Instant {
        self.timeout
    }

    /// Takes what came. False: it is not for this connection, or not what it says.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &Datagram<'_>) -> Result<bool, Broken> {
        if is_rtp(datagram.bytes) && !self.is_plausible(now, datagram.bytes) {
            return Ok(false);
        }
        guarded(|| {
            let protocol = protocol(datagram.transport);
            let Some(to) = self.advertised(datagram) else { return Ok(false) };
            let Ok(receive) = Receive::new(protocol, datagram.from, to, datagram.bytes) else { return Ok(false) };
            let input = Input::Receive(now, receive);
            if !self.rtc.accepts(&input) {
                return Ok(false);
            }
            self.rtc.handle_input(input)?;
            Ok(true)
        })
    }

    fn advertised(&self, datagram: &Datagram<'_>) -> Option<std::net::SocketAddr> {
        let of_its_kind = || self.endpoints.iter().filter(|endpoint| endpoint.transport == datagram.transport);
        let exact = of_its_kind().find(|endpoint| endpoint.local == datagram.to);
        let endpoint = exact.or_else(|| of_its_kind().find(|endpoint| endpoint.local.is_ipv4() == datagram.to.is_ipv4()));
        endpoint.map(|endpoint| endpoint.advertised)
    }

    /// Lets time pass, so that what was forwarded goes out.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), Broken> {
        guarded(|| self.rtc.handle_input(Input::Timeout(now)))
    }

    /// Takes everything out. To be called after each input, before the next.
    pub(crate) fn drain(&mut self, transmits: &mut VecDeque<Transmit>, happened: &mut Vec<Happened>) -> Result<(), Broken> {
        self.take_out(transmits, happened, false)
    }

    /// Takes everything out after time has passed, up to a packet: behind that the engine has nothing until it is told the time again,
    /// which it wants to be at once.
    pub(crate) fn let_out(&mut self, at: Instant, transmits: &mut VecDeque<Transmit>, happened: &mut Vec<Happened>) -> Result<(), Broken> {
        self.timeout = at;
        self.take_out(transmits, happened, true)
    }

    fn take_out(&mut self, transmits: &mut VecDeque<Transmit>, happened: &mut Vec<Happened>, is_one_enough: bool) -> Result<(), Broken> {
        for _ in 0..OUTPUTS {
            match guarded(|| self.rtc.poll_output())? {
                Output::Timeout(at) => {
                    self.timeout = at;
                    return if self.rtc.is_alive() { Ok(()) } else { Err(Broken::Closed) };
                }
                Output::Transmit(transmit) => {
                    let is_packet = is_rtp(&transmit.contents);
                    transmits.extend(self.transmit(transmit));
                    if is_packet && is_one_enough {
                        return Ok(());
                    }
                }
                Output::Event(event) => happened.extend(self.happened(event)?),
            }
        }
        Err(Broken::Endless)
    }

    fn transmit(&self, transmit: str0m::net::Transmit) -> Option<Transmit> {
        let transport = if transmit.proto == Protocol::Udp { Transport::Udp } else { Transport::Tcp };
        let mine = |endpoint: &&Endpoint| endpoint.transport == transport && endpoint.advertised == transmit.source;
        let from = self.endpoints.iter().find(mine)?.local;
        Some(Transmit { transport, from, to: transmit.destination, bytes: transmit.contents.into() })
    }

    fn happened(&mut self, event: Event) -> Result<Option<Happened>, Broken> {
        Ok(match event {
            Event::Connected => Some(Happened::Connected),
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::Connected | IceConnectionState::Completed => Some(Happened::Reachable(true)),
                IceConnectionState::Disconnected => Some(Happened::Reachable(false)),
                _ => None,
            },
            Event::RtpPacket(packet) => self.packet(packet).map(Happened::Packet),
            Event::SenderFeedback(feedback) => {
                self.report(feedback.received_at, &feedback.sender_info);
                None
            }
            Event::KeyframeRequest(request) => self.slot(request.mid).map(Happened::KeyframeWanted),
            // What a viewer claims of its line (REMB) is not believed; what it reports of each packet is.
            Event::PeerStats(stats) => reading(&stats).map(Happened::Line),
            Event::Closed => return Err(Broken::Closed),
            _ => None,
        })
    }

    fn packet(&mut self, packet: RtpPacket) -> Option<Packet> {
        let (source, layer) = self.carries(packet.header.ssrc)?;
        let is_redundant = source.kind() == Kind::Audio && self.is_redundant(packet.header.payload_type);
        let timestamp = packet.header.timestamp;
        Some(Packet {
            source,
            layer,
            sequence: *packet.seq_no,
            timestamp,
            marker: packet.header.marker,
            at: packet.timestamp,
            captured: self.captured(packet.header.ssrc, source.kind(), timestamp, packet.timestamp),
            level: packet.header.ext_vals.audio_level.map(i8::unsigned_abs),
            is_redundant,
            payload: packet.payload,
        })
    }

    fn is_redundant(&self, payload_type: Pt) -> bool {
        self.rtc.codec_config().params().iter().any(|params| params.red() == Some(payload_type))
    }

    fn slot(&self, mid: Mid) -> Option<Slot> {
        let find = |outlets: &[Option<Outlet>]| outlets.iter().position(|outlet| outlet.is_some_and(|outlet| outlet.mid == mid));
        let video = find(&self.video).map(|index| Slot { kind: Kind::Video, index });
        video.or_else(|| find(&self.audio).map(|index| Slot { kind: Kind::Audio, index }))
    }

    /// Sends a publisher's packet in a slot under its new numbers; it goes out with [`Peer::advance`]. False: it is left out, because
    /// too much waits for this line already.
    pub(crate) fn forward(&mut self, slot: Slot, numbers: &Numbers, packet: &Packet) -> Result<bool, Broken> {
        let outlets = if slot.kind == Kind::Audio { &self.audio } else { &self.video };
        let Some(outlet) = outlets.get(slot.index).copied().flatten() else { return Ok(false) };
        guarded(|| {
            let mut direct = self.rtc.direct_api();
            let Some(stream) = direct.stream_tx(&outlet.ssrc) else { return Ok(false) };
            if stream.queue_info().is_some_and(|queue| queue.packet_count() > BACKLOG) {
                return Ok(false);
            }
            let Some(write) = write(&outlet, slot.kind, numbers, packet, self.began) else { return Ok(false) };
            stream.write_rtp(write);
            Ok(true)
        })
    }

    /// Asks the publisher for a whole picture of a layer.
    pub(crate) fn request_keyframe(&mut self, source: Source, layer: usize) -> Result<(), Broken> {
        let index = Source::ALL.iter().position(|one| *one == source).unwrap_or_default();
        let Some(Some(origin)) = self.sources.get(index) else { return Ok(()) };
        let (mid, rid) = (origin.mid, origin.layers.get(layer).copied());
        guarded(|| {
            if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
            Ok(())
        })
    }

    /// What would be sent if the line carried it: to be found out whether it does.
    pub(crate) fn set_desired(&mut self, desired: Bitrate) -> Result<(), Broken> {
        guarded(|| {
            self.rtc.bwe().set_bitrate(BitsPerSecond::ZERO, BitsPerSecond::from(desired));
            Ok(())
        })
    }

    /// What was found out of the line is forgotten but for this; whether it carries more is tried at once.
    pub(crate) fn try_anew(&mut self, carries: Bitrate) -> Result<(), Broken> {
        guarded(|| {
            self.rtc.bwe().reset(BitsPerSecond::from(carries));
            Ok(())
        })
    }

    /// Says good-bye. What has to be sent for it is given by the next [`Peer::drain`].
    pub(crate) fn close(&mut self) -> Result<(), Broken> {
        guarded(|| self.rtc.close())
    }

    /// The end, whatever state the engine is in.
    pub(crate) fn discard(self) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self)));
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of one, in thousandths")]
fn reading(stats: &PeerStats) -> Option<Reading> {
    let lost = stats.egress_loss_fraction.unwrap_or(0.0).clamp(0.0, 1.0);
    Some(Reading { estimate: stats.bwe_tx?.as_u64(), lost: (lost * 1_000.0) as u32, there_and_back: stats.rtt, sent: stats.peer_bytes_tx })
}

fn protocol(transport: Transport) -> Protocol {
    match transport {
        Transport::Udp => Protocol::Udp,
        Transport::Tcp => Protocol::Tcp,
    }
}

/// RFC 5761, 4: RTCP has its packet types where payload types 64 to 95 would be.
pub(crate) fn is_rtp(datagram: &[u8]) -> bool {
    match datagram {
        [first, second, ..] => (128..192).contains(first) && !(64..96).contains(&(second & 0x7F)),
        _ => false,
    }
}
