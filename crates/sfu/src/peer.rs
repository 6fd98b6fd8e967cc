//! One client's connection: ICE, DTLS, SRTP and RTCP, by `str0m`. This file alone names it, and is what another engine would replace.
//!
//! It knows m-lines, SSRCs and payload types; it refuses to know rooms, and who watches whom. A failure in it, of whatever kind, is a
//! value that ends this connection and no other.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate as BitsPerSecond, BweKind};
use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::from_feature_flags;
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{Extension, ExtensionMap, ExtensionValues, RedDecoder, RtpPacket, RtpWrite, SeqNo, Ssrc, Vp8Descriptor};
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output, Rtc, RtcConfig, RtcError};

use crate::budget::Bitrate;
use crate::continuity::Numbers;
use crate::demux::{CHARACTERS, Tag, Transport};
use crate::meter::Allowance;
use crate::offer::{Offer, Refused};
use crate::packet::{Datagram, Endpoint, Packet, Transmit};
use crate::track::{Kind, Slot, Source};

/// What a line is taken to carry before anything is known of it: small pictures of a few, at once.
pub(crate) const FIRST_ESTIMATE: u64 = 1_000_000;
/// One input leads to so many outputs at most; an engine that goes on is broken. A large probe with retransmissions is a few hundred.
const OUTPUTS: usize = 20_000;
/// Packets that wait for one slot of a slow line. Past it the line is worse than its estimate, and more would only be later.
const BACKLOG: usize = 600;
/// Packets kept for a viewer who missed them: a second of a large picture.
const HISTORY: usize = 512;
/// Streams (SSRC) of one peer that are known at a time: four sources with three layers, each with retransmissions, twice.
const STREAMS: usize = 48;
/// Packets in a second that name a stream which is not known yet. Real ones are few: the rest cannot even be decrypted.
const STRANGERS: u64 = 100;

/// What all connections of a process have in common: the keys of DTLS.
#[derive(Clone)]
pub struct Identity {
    certificate: DtlsCert,
    crypto: Arc<CryptoProvider>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes new keys. `None`: there is no randomness to make them of.
    #[must_use]
    pub fn generate() -> Option<Self> {
        let crypto = Arc::new(from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate()?;
        Some(Self { certificate, crypto })
    }
}

/// Why a connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// What came cannot be understood or is not allowed; a wrong certificate, for one.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// The engine gave up on it.
    #[error("the connection broke its engine")]
    Panicked,
    /// The engine did not come to an end.
    #[error("the connection kept its engine busy")]
    Endless,
    /// It was closed by the client.
    #[error("the client closed the connection")]
    Closed,
}

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
    /// What the line to the viewer carries.
    Estimate(Bitrate),
}

/// What the client offers that concerns others, once it has been accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) answer: String,
    /// How many layers each source has; `None`: it is not sent.
    pub(crate) layers: [Option<usize>; 4],
    /// Where the client receives.
    pub(crate) audio: Vec<bool>,
    pub(crate) video: Vec<bool>,
}

/// One client's connection.
pub(crate) struct Peer {
    rtc: Rtc,
    endpoints: Arc<[Endpoint]>,
    sources: [Option<Origin>; 4],
    audio: Vec<Option<Outlet>>,
    video: Vec<Option<Outlet>>,
    streams: VecDeque<Stream>,
    strangers: Allowance,
    timeout: Instant,
    tag: Tag,
    /// The name and the password of this side's connectivity checks.
    credentials: IceCreds,
}

/// Where random bytes come from: fills what it is given, with what nobody can guess.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// Where a source comes in.
#[derive(Clone, Debug)]
struct Origin {
    mid: Mid,
    layers: Vec<Rid>,
}

/// Where a slot goes out.
#[derive(Clone, Copy, Debug)]
struct Outlet {
    mid: Mid,
    ssrc: Ssrc,
    payload_type: Pt,
    /// The payload type of sound with redundancy, if the viewer takes it.
    redundant: Option<Pt>,
}

/// An SSRC that is known.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: Ssrc,
    /// What it carries; `None`: retransmissions, which the engine puts into the place of what they repeat.
    carries: Option<(Source, usize)>,
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
            strangers: Allowance::new(now, STRANGERS),
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

    /// Takes the first offer, or a later one with more m-lines or other directions.
    pub(crate) fn accept(&mut self, offer: &Offer, random: &mut Random) -> Result<Accepted, Refused> {
        let accepted = catch_unwind(AssertUnwindSafe(|| self.try_accept(offer, random)));
        accepted.unwrap_or_else(|_| Err(Refused::Unacceptable("it broke the engine".to_owned())))
    }

    fn try_accept(&mut self, offer: &Offer, random: &mut Random) -> Result<Accepted, Refused> {
        let unacceptable = |error: &dyn std::fmt::Display| Refused::Unacceptable(error.to_string());
        let parse = || SdpOffer::from_sdp_string(&offer.text).map_err(|error| unacceptable(&error));
        let mut answer = self.rtc.sdp_api().accept_offer(parse()?).map_err(|error| unacceptable(&error))?;
        let has_new_outlets = self.declare_outlets(offer);
        let replaced = self.renew_credentials(random);
        if has_new_outlets || replaced.is_some() {
            // The answer is to tell of them.
            answer = self.rtc.sdp_api().accept_offer(parse()?).map_err(|error| unacceptable(&error))?;
        }
        self.learn_lines(offer);
        let mut answer = answer.to_sdp_string();
        if let Some(replaced) = replaced {
            // The engine's candidates are still marked as those of the other name, and clients leave out what is not of this one.
            answer = answer.replace(&format!(" ufrag {replaced}"), &format!(" ufrag {}", self.name()));
        }
        let receives = |outlets: &[Option<Outlet>]| outlets.iter().map(Option::is_some).collect();
        Ok(Accepted {
            answer,
            layers: std::array::from_fn(|index| self.sources.get(index)?.as_ref().map(|origin| origin.layers.len().max(1))),
            audio: receives(&self.audio),
            video: receives(&self.video),
        })
    }

    /// Where the client began its checks anew, the engine has made credentials for it, but from numbers that can be guessed. Gives
    /// the name in those, when they were replaced.
    fn renew_credentials(&mut self, random: &mut Random) -> Option<String> {
        let made = self.rtc.direct_api().local_ice_credentials();
        if made == self.credentials {
            return None;
        }
        self.credentials = credentials(self.tag, random);
        self.rtc.direct_api().set_local_ice_credentials(self.credentials.clone());
        Some(made.ufrag)
    }

    /// A line on which simulcast comes in has no stream of its own going out: the engine takes the layers for both directions.
    fn declare_outlets(&mut self, offer: &Offer) -> bool {
        let mut declared = false;
        for line in offer.lines.iter().filter(|line| line.receives && !line.layers.is_empty()) {
            let mid = Mid::from(line.mid.as_str());
            if self.rtc.media(mid).is_none() || self.rtc.direct_api().stream_tx_by_mid(mid, None).is_some() {
                continue;
            }
            let mut direct = self.rtc.direct_api();
            let (ssrc, repair) = (direct.new_ssrc(), direct.new_ssrc());
            direct.declare_stream_tx(ssrc, Some(repair), mid, None);
            declared = true;
        }
        declared
    }

    fn learn_lines(&mut self, offer: &Offer) {
        self.audio.clear();
        self.video.clear();
        for (index, line) in offer.lines.iter().enumerate() {
            let mid = Mid::from(line.mid.as_str());
            if let Some(origin) = self.sources.get_mut(index) {
                let layers = line.layers.iter().map(|rid| Rid::from(rid.as_str())).collect();
                *origin = line.sends.then_some(Origin { mid, layers });
            }
            let outlet = if line.receives { self.outlet(mid, line.kind) } else { None };
            match line.kind {
                Kind::Audio => self.audio.push(outlet),
                Kind::Video => self.video.push(outlet),
            }
        }
        self.streams.clear();
    }

    fn outlet(&mut self, mid: Mid, kind: Kind) -> Option<Outlet> {
        let codec = if kind == Kind::Audio { Codec::Opus } else { Codec::Vp8 };
        let negotiated = self.rtc.media(mid)?.remote_pts().to_vec();
        let params = self.rtc.codec_config().params().iter();
        let params = params.filter(|params| params.spec().codec == codec).find(|params| negotiated.contains(&params.pt()))?;
        let (payload_type, redundant) = (params.pt(), params.red());
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, None)?;
        let history = if kind == Kind::Video { HISTORY } else { 1 };
        stream.set_rtx_cache(history, Duration::from_secs(2), Some(0.3));
        Some(Outlet { mid, ssrc: stream.ssrc(), payload_type, redundant })
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

    /// Whether the packet's stream is known, or may be the first of a new one. What is not authentic cannot be told before it is
    /// decrypted, but a stranger's packet does more than cost a decryption: it makes the engine look for a place for it.
    fn is_plausible(&mut self, now: Instant, packet: &[u8]) -> bool {
        let Some(ssrc) = packet.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes) else { return false };
        if ssrc == 0 || self.streams.iter().any(|stream| *stream.ssrc == ssrc) {
            return true;
        }
        if !self.strangers.take(now, 1) {
            return false;
        }
        self.learn_repair(Ssrc::from(ssrc));
        true
    }

    /// Retransmissions begin later than what they repeat, and the engine knows them from their first on.
    fn learn_repair(&mut self, ssrc: Ssrc) {
        let mut direct = self.rtc.direct_api();
        let mut mains = self.streams.iter().filter(|stream| stream.carries.is_some());
        if mains.any(|main| direct.stream_rx(&main.ssrc).is_some_and(|stream| stream.rtx() == Some(ssrc))) {
            self.know(Stream { ssrc, carries: None });
        }
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
        for _ in 0..OUTPUTS {
            match guarded(|| self.rtc.poll_output())? {
                Output::Timeout(at) => {
                    self.timeout = at;
                    return if self.rtc.is_alive() { Ok(()) } else { Err(Broken::Closed) };
                }
                Output::Transmit(transmit) => transmits.extend(self.transmit(transmit)),
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
            Event::KeyframeRequest(request) => self.slot(request.mid).map(Happened::KeyframeWanted),
            // What a viewer claims of its line (REMB) is not believed; what it reports of each packet is.
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => Some(Happened::Estimate(estimate.as_u64())),
            Event::Closed => return Err(Broken::Closed),
            _ => None,
        })
    }

    fn packet(&mut self, packet: RtpPacket) -> Option<Packet> {
        let (source, layer) = self.carries(packet.header.ssrc)?;
        let is_redundant = source.kind() == Kind::Audio && self.is_redundant(packet.header.payload_type);
        Some(Packet {
            source,
            layer,
            sequence: *packet.seq_no,
            timestamp: packet.time.numer(),
            marker: packet.header.marker,
            at: packet.timestamp,
            level: packet.header.ext_vals.audio_level.map(i8::unsigned_abs),
            is_redundant,
            payload: packet.payload,
        })
    }

    fn is_redundant(&self, payload_type: Pt) -> bool {
        self.rtc.codec_config().params().iter().any(|params| params.red() == Some(payload_type))
    }

    /// What the stream carries. Asked for streams of which an authentic packet has come.
    fn carries(&mut self, ssrc: Ssrc) -> Option<(Source, usize)> {
        if let Some(stream) = self.streams.iter().find(|stream| stream.ssrc == ssrc) {
            return stream.carries;
        }
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        let carries = self.origin(mid, rid)?;
        self.know(Stream { ssrc, carries: Some(carries) });
        Some(carries)
    }

    fn know(&mut self, stream: Stream) {
        self.streams.retain(|known| known.ssrc != stream.ssrc);
        if self.streams.len() >= STREAMS {
            self.streams.pop_front();
        }
        self.streams.push_back(stream);
    }

    fn origin(&self, mid: Mid, rid: Option<Rid>) -> Option<(Source, usize)> {
        let with_mid = |origin: &Option<Origin>| origin.as_ref().is_some_and(|origin| origin.mid == mid);
        let index = self.sources.iter().position(with_mid)?;
        let origin = self.sources.get(index)?.as_ref()?;
        let layer = match rid {
            Some(rid) => origin.layers.iter().position(|layer| *layer == rid)?,
            None if origin.layers.is_empty() => 0,
            None => return None,
        };
        Some((*Source::ALL.get(index)?, layer))
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
            let Some(write) = write(&outlet, slot.kind, numbers, packet) else { return Ok(false) };
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

    /// What would be sent if the line carried it: to be found out whether it does. `filled`: so much is sent in any case, as far as
    /// the line is known to carry it, with packets of nothing where there are no others.
    pub(crate) fn set_desired(&mut self, filled: Bitrate, desired: Bitrate) -> Result<(), Broken> {
        guarded(|| {
            self.rtc.bwe().set_bitrate(BitsPerSecond::from(filled), BitsPerSecond::from(desired));
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

fn config(identity: &Identity) -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    extensions.set(1, Extension::AudioLevel);
    extensions.set(3, Extension::TransportSequenceNumber);
    extensions.set(4, Extension::RtpMid);
    extensions.set(10, Extension::RtpStreamId);
    extensions.set(11, Extension::RepairedRtpStreamId);
    Rtc::builder()
        .set_crypto_provider(Arc::clone(&identity.crypto))
        .set_dtls_cert(identity.certificate.clone())
        .set_fingerprint_verification(true)
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, true)
        .enable_vp8(true)
        .set_extension_map(extensions)
        .enable_bwe(Some(BitsPerSecond::from(FIRST_ESTIMATE)))
        .set_stats_interval(None)
        .set_rtcp_report_interval_video(Duration::from_secs(1))
}

/// RFC 8445, 5.3: unguessable, at least 24 and 128 bits. These have 60 and 144, after the shard's letter.
fn credentials(tag: Tag, random: &mut Random) -> IceCreds {
    let mut bytes = [0; 34];
    random(&mut bytes);
    let mut characters = bytes.iter().filter_map(|byte| CHARACTERS.get(usize::from(byte & 63))).map(|byte| char::from(*byte));
    IceCreds { ufrag: std::iter::once(tag.character()).chain(characters.by_ref().take(10)).collect(), pass: characters.collect() }
}

fn candidate(endpoint: &Endpoint) -> Option<Candidate> {
    let built = match endpoint.transport {
        Transport::Udp => Candidate::builder().udp().host(endpoint.advertised).build(),
        Transport::Tcp => Candidate::builder().tcp().host(endpoint.advertised).tcptype(TcpType::Passive).build(),
    };
    built.ok()
}

fn protocol(transport: Transport) -> Protocol {
    match transport {
        Transport::Udp => Protocol::Udp,
        Transport::Tcp => Protocol::Tcp,
    }
}

/// RFC 5761, 4: RTCP has its packet types where payload types 64 to 95 would be.
fn is_rtp(datagram: &[u8]) -> bool {
    match datagram {
        [first, second, ..] => (128..192).contains(first) && !(64..96).contains(&(second & 0x7F)),
        _ => false,
    }
}

/// The header is made anew: the names that the publisher gave its streams are not the viewer's business.
fn write(outlet: &Outlet, kind: Kind, numbers: &Numbers, packet: &Packet) -> Option<RtpWrite> {
    let (payload_type, payload) = match (packet.is_redundant, outlet.redundant) {
        (false, _) => (outlet.payload_type, Arc::clone(&packet.payload)),
        (true, Some(redundant)) => (redundant, Arc::clone(&packet.payload)),
        (true, None) => (outlet.payload_type, primary(&packet.payload)?),
    };
    let extensions = ExtensionValues {
        audio_level: packet.level.and_then(|level| i8::try_from(level.min(127)).ok()).map(|level| -level),
        voice_activity: packet.level.map(|level| level < 60),
        ..ExtensionValues::default()
    };
    let sequence = SeqNo::from(numbers.sequence);
    let write = RtpWrite::new(payload_type, sequence, numbers.timestamp, packet.at, payload)
        .marker(packet.marker)
        .ext_vals(extensions)
        .nackable(kind == Kind::Video);
    if numbers.picture.is_none() && numbers.base_layer_index.is_none() {
        return Some(write);
    }
    let descriptor = Vp8Descriptor::parse(&packet.payload).ok()?;
    let mut patch = descriptor.patch();
    if let Some(picture) = numbers.picture {
        patch = patch.picture_id(picture);
    }
    if let Some(index) = numbers.base_layer_index {
        patch = patch.tl0_pic_idx(index);
    }
    Some(write.vp8_patch(patch.build().ok()?))
}

/// The newest of the packets within one, for a viewer who does not take the others.
fn primary(payload: &[u8]) -> Option<Arc<[u8]>> {
    let blocks = RedDecoder::decode(payload).ok()?;
    blocks.iter().find(|block| block.is_primary).map(|block| Arc::from(block.payload))
}

fn guarded<T>(act: impl FnOnce() -> Result<T, RtcError>) -> Result<T, Broken> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Broken::Failed(error.to_string())),
        Err(_) => Err(Broken::Panicked),
    }
}
