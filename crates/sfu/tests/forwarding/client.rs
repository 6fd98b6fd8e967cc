//! A client: a whole WebRTC engine that offers as the contract says, sends synthetic media and keeps what it receives.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use fireside_sfu::vp8::Descriptor;
use fireside_sfu::{Kind, PeerId, Slot, Source, Track, Transport};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{Extension, ExtensionValues, RedDecoder, RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::codec::{Encoder, FRAME, Stamp};
use crate::decoder::{Pictures, Received, Sounds};

pub(crate) const RIDS: [&str; 3] = ["l", "m", "h"];
const OPUS: Duration = Duration::from_millis(20);

pub(crate) struct Client {
    pub(crate) id: PeerId,
    pub(crate) address: SocketAddr,
    /// Where it was before.
    pub(crate) formerly: Vec<SocketAddr>,
    pub(crate) rtc: Rtc,
    pending: Option<SdpPendingOffer>,
    pub(crate) offers: Vec<String>,
    /// The m-lines, in order.
    pub(crate) lines: Vec<(Mid, Kind)>,
    pub(crate) start: Instant,
    pub(crate) timeout: Instant,
    pub(crate) is_connected: Option<Instant>,
    pub(crate) is_closed: bool,
    pub(crate) camera: Vec<Encoder>,
    pub(crate) screen: Option<Encoder>,
    next_frame: Instant,
    /// How loud the microphone is, in dB below full scale.
    pub(crate) voice: Option<u8>,
    voice_sequence: u64,
    next_sound: Instant,
    pub(crate) obeys: bool,
    pub(crate) pictures: HashMap<usize, Pictures>,
    pub(crate) sounds: HashMap<usize, Sounds>,
    /// What signalling says of the slots, and of the layers wanted.
    pub(crate) slots: HashMap<Slot, Track>,
    pub(crate) wanted: HashMap<Source, Vec<bool>>,
    /// How long pictures take to be encoded.
    pub(crate) encoding: Duration,
    /// What the server said last of the time in each slot: microseconds, and the timestamp.
    pub(crate) reports: HashMap<Slot, (u64, u32)>,
    /// The last packet of each slot that came with the time of its capture: that, and its timestamp.
    pub(crate) captures: HashMap<Slot, (u64, u32)>,
    pub(crate) out: VecDeque<Vec<u8>>,
    pub(crate) server: SocketAddr,
    protocol: Protocol,
    /// Sends each packet of sound with the one before it (RFC 2198).
    pub(crate) is_redundant: bool,
    before: Vec<u8>,
    /// Packets of sound that came with others in them.
    pub(crate) redundant: usize,
}

impl Client {
    pub(crate) fn new(now: Instant, id: u64, server: SocketAddr) -> Self {
        let address = SocketAddr::from(([10, 0, 0, u8::try_from(id % 250 + 1).unwrap()], u16::try_from(10_000 + id).unwrap()));
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .set_extension(5, Extension::AbsoluteCaptureTime)
            .set_stats_interval(None)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Self {
            id: PeerId(id),
            address,
            formerly: Vec::new(),
            rtc,
            pending: None,
            offers: Vec::new(),
            lines: Vec::new(),
            start: now,
            timeout: now,
            is_connected: None,
            is_closed: false,
            camera: Vec::new(),
            screen: None,
            next_frame: now,
            voice: None,
            voice_sequence: 65_400,
            next_sound: now,
            obeys: true,
            pictures: HashMap::new(),
            sounds: HashMap::new(),
            slots: HashMap::new(),
            wanted: HashMap::new(),
            encoding: Duration::ZERO,
            reports: HashMap::new(),
            captures: HashMap::new(),
            out: VecDeque::new(),
            server,
            protocol: Protocol::Udp,
            is_redundant: false,
            before: Vec::new(),
            redundant: 0,
        }
    }

    /// With an engine of these settings.
    fn rebuilt(mut self, takes_redundancy: bool, candidate: &Candidate) -> Self {
        self.rtc = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, takes_redundancy).enable_vp8(true).build(self.start);
        self.rtc.add_local_candidate(candidate.clone());
        self
    }

    /// Whose network lets no datagrams through.
    pub(crate) fn over_tcp(mut self) -> Self {
        self.protocol = Protocol::Tcp;
        let candidate = Candidate::builder().tcp().host(self.address).tcptype(TcpType::Active).build().unwrap();
        self.rebuilt(true, &candidate)
    }

    /// Who takes one packet of sound at a time.
    pub(crate) fn without_redundancy(self) -> Self {
        let candidate = Candidate::host(self.address, "udp").unwrap();
        self.rebuilt(false, &candidate)
    }

    pub(crate) fn transport(&self) -> Transport {
        if self.protocol == Protocol::Tcp { Transport::Tcp } else { Transport::Udp }
    }

    /// Three layers, as a browser sends them.
    pub(crate) fn with_camera(mut self) -> Self {
        let seed = u32::try_from(self.id.0).unwrap() * 7_919;
        let layer = |(index, (bitrate, height)): (u8, (usize, u16))| Encoder::new(index, bitrate, height, seed * (u32::from(index) + 1));
        self.camera = (0..).zip([(150_000, 180), (500_000, 360), (1_500_000, 720)]).map(layer).collect();
        self
    }

    pub(crate) fn with_voice(mut self, level: u8) -> Self {
        self.voice = Some(level);
        self
    }

    /// The offer of the contract: four to send and receive, and so many more to receive.
    pub(crate) fn offer(&mut self, audio: usize, video: usize) -> String {
        let mut simulcast = Simulcast::new();
        for rid in RIDS {
            simulcast.add_send_layer(SimulcastLayer::new(rid));
        }
        let mut api = self.rtc.sdp_api();
        let mut add = |kind, direction, simulcast| {
            let mid = api.add_media(kind, direction, None, None, simulcast);
            let kind = if kind == MediaKind::Audio { Kind::Audio } else { Kind::Video };
            self.lines.push((mid, kind));
        };
        if audio >= 1 && video >= 2 {
            add(MediaKind::Audio, Direction::SendRecv, None);
            add(MediaKind::Video, Direction::SendRecv, Some(simulcast));
            add(MediaKind::Video, Direction::SendRecv, None);
            add(MediaKind::Audio, Direction::SendRecv, None);
        }
        (2..audio).for_each(|_| add(MediaKind::Audio, Direction::RecvOnly, None));
        (2..video).for_each(|_| add(MediaKind::Video, Direction::RecvOnly, None));
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        self.offers.push(offer.to_sdp_string());
        offer.to_sdp_string()
    }

    /// A later offer with more slots for pictures.
    pub(crate) fn offer_more(&mut self, video: usize) -> String {
        let mut api = self.rtc.sdp_api();
        for _ in 0..video {
            let mid = api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
            self.lines.push((mid, Kind::Video));
        }
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// From now on at another address: checks begin anew, with another name. Gives the offer, and where it was.
    pub(crate) fn move_to(&mut self, address: SocketAddr) -> (String, SocketAddr) {
        let before = std::mem::replace(&mut self.address, address);
        self.formerly.push(before);
        self.rtc.direct_api().invalidate_candidate(&Candidate::host(before, "udp").unwrap());
        self.rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        (offer.to_sdp_string(), before)
    }

    pub(crate) fn answer(&mut self, sdp: &str) {
        let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        if self.is_connected.is_some() {
            return;
        }
        // The engine takes the layers of a line for both directions, which browsers do not: it has to be told of the stream that comes.
        let (main, repair) = streams(sdp, 1).expect("the answer names the stream in the camera's line");
        let mid = self.lines[1].0;
        self.rtc.direct_api().expect_stream_rx(main, Some(repair), mid, None);
    }

    pub(crate) fn slot(&self, mid: Mid) -> Option<Slot> {
        let line = self.lines.iter().position(|(one, _)| *one == mid)?;
        let kind = self.lines[line].1;
        let index = self.lines[..line].iter().filter(|(_, other)| *other == kind).count();
        Some(Slot { kind, index })
    }

    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let Ok(receive) = Receive::new(self.protocol, from, self.address, bytes) else { return };
        let input = Input::Receive(now, receive);
        if self.rtc.accepts(&input) {
            self.input(now, input);
        }
    }

    pub(crate) fn advance(&mut self, now: Instant) {
        if self.timeout <= now {
            self.input(now, Input::Timeout(now));
        }
        if self.is_connected.is_some() {
            self.send_media(now);
        }
    }

    fn input(&mut self, now: Instant, input: Input<'_>) {
        if self.rtc.handle_input(input).is_err() {
            self.is_closed = true;
        }
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.timeout = at;
                    return;
                }
                Ok(Output::Transmit(transmit)) => self.out.push_back(transmit.contents.into()),
                Ok(Output::Event(event)) => self.event(now, event),
                Err(_) => {
                    self.is_closed = true;
                    self.timeout = now + Duration::from_secs(3_600);
                    return;
                }
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected => {
                self.is_connected = Some(now);
                (self.next_frame, self.next_sound) = (now, now);
            }
            Event::Closed => self.is_closed = true,
            Event::KeyframeRequest(request) => {
                let layer = request.rid.and_then(|rid| RIDS.iter().position(|one| Rid::from(*one) == rid));
                let encoder = match layer {
                    Some(layer) => self.camera.get_mut(layer),
                    None => self.screen.as_mut(),
                };
                if let Some(encoder) = encoder {
                    encoder.needs_keyframe = true;
                }
            }
            Event::RtpPacket(packet) => self.packet(now, &packet),
            Event::SenderFeedback(feedback) => {
                let info = feedback.sender_info;
                let time = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
                let timestamp = u32::try_from(info.rtp_time.numer() % (1 << 32)).unwrap();
                if let Some(slot) = self.slot(feedback.mid) {
                    self.reports.insert(slot, (u64::try_from(time.as_micros()).unwrap(), timestamp));
                }
            }
            _ => {}
        }
    }

    fn packet(&mut self, now: Instant, packet: &RtpPacket) {
        let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
        let slot = self.slot(mid).expect("packets come in lines that were offered");
        if packet.payload.is_empty() {
            return;
        }
        if let Some(captured) = packet.header.ext_vals.abs_capture_time {
            let time = captured.capture_time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            self.captures.insert(slot, (u64::try_from(time.as_micros()).unwrap(), packet.header.timestamp));
        }
        if slot.kind == Kind::Audio {
            let redundant = self.rtc.codec_config().find(|params| params.spec().codec == Codec::Opus).unwrap().red();
            let payload = if redundant == Some(packet.header.payload_type) {
                self.redundant += 1;
                let blocks = RedDecoder::decode(&packet.payload).unwrap();
                blocks.iter().find(|block| block.is_primary).unwrap().payload
            } else {
                &packet.payload
            };
            let stamp = Stamp::read(payload).expect("sound is as it was sent");
            self.sounds.entry(slot.index).or_default().packets.insert(*packet.seq_no, (now, packet.time.numer(), stamp));
            return;
        }
        let vp8 = Descriptor::read(&packet.payload).expect("pictures are as they were sent");
        let stamp = Stamp::of_picture(&packet.payload).unwrap();
        let received = Received { at: now, timestamp: packet.time.numer(), marker: packet.header.marker, vp8, stamp };
        let pictures = self.pictures.entry(slot.index).or_default();
        assert!(pictures.packets.insert(*packet.seq_no, received).is_none(), "a packet comes once");
    }

    /// The receiver could not go on: it asks for a whole picture.
    pub(crate) fn ask_for_keyframe(&mut self, now: Instant, slot: usize) {
        let (mid, _) = *self.lines.iter().filter(|(_, kind)| *kind == Kind::Video).nth(slot).unwrap();
        self.rtc.direct_api().stream_rx_by_mid(mid, None).unwrap().request_keyframe(str0m::media::KeyframeRequestKind::Pli);
        self.input(now, Input::Timeout(now));
    }

    /// Says of its line what is not so.
    pub(crate) fn claim(&mut self, now: Instant, bitrate: u64) {
        let (mid, _) = *self.lines.iter().find(|(_, kind)| *kind == Kind::Video).unwrap();
        self.rtc.direct_api().stream_rx_by_mid(mid, None).unwrap().request_remb(bitrate.into());
        self.input(now, Input::Timeout(now));
    }

    /// The SSRC of the first layer of a line.
    pub(crate) fn ssrc(&mut self, line: usize) -> u32 {
        let mid = self.lines[line].0;
        *self.rtc.direct_api().stream_tx_by_mid(mid, Some(Rid::from(RIDS[0]))).unwrap().ssrc()
    }

    /// Sends a packet of the camera in a stream of this number and name.
    pub(crate) fn send_as(&mut self, now: Instant, ssrc: u32, rid: &str) {
        let mid = self.lines[1].0;
        let payload_type = self.rtc.codec_config().find(|params| params.spec().codec == Codec::Vp8).unwrap().pt();
        let payload = Encoder::new(0, 150_000, 180, 1).frame(self.id.0, 0).remove(0);
        let mut direct = self.rtc.direct_api();
        let stream = direct.declare_stream_tx(ssrc.into(), None, mid, Some(Rid::from(rid)));
        stream.write_rtp(RtpWrite::new(payload_type, 1.into(), 1, now, payload).marker(true));
        self.input(now, Input::Timeout(now));
    }

    fn send_media(&mut self, now: Instant) {
        let sent = u64::try_from((now - self.start).as_millis()).unwrap();
        let mut has_sent = false;
        if now >= self.next_frame {
            self.next_frame += FRAME;
            has_sent = true;
            let mut camera = std::mem::take(&mut self.camera);
            for (index, encoder) in camera.iter_mut().enumerate() {
                let is_wanted = self.wanted.get(&Source::Camera).is_none_or(|wanted| wanted[index]);
                self.send_frame(now, sent, 1, Some(RIDS[index]), encoder, is_wanted || !self.obeys);
            }
            self.camera = camera;
            if let Some(mut screen) = self.screen.take() {
                self.send_frame(now, sent, 2, None, &mut screen, true);
                self.screen = Some(screen);
            }
        }
        if let Some(level) = self.voice.filter(|_| now >= self.next_sound) {
            self.next_sound += OPUS;
            has_sent = true;
            self.send_sound(now, sent, level);
        }
        if has_sent {
            self.input(now, Input::Timeout(now));
        }
    }

    fn send_frame(&mut self, now: Instant, sent: u64, line: usize, rid: Option<&str>, encoder: &mut Encoder, is_wanted: bool) {
        encoder.timestamp = encoder.timestamp.wrapping_add(2_970);
        if !is_wanted || !encoder.is_on {
            // An encoder that begins anew begins with a whole picture.
            encoder.needs_keyframe = true;
            return;
        }
        let payloads = encoder.frame(self.id.0, sent.saturating_sub(u64::try_from(self.encoding.as_millis()).unwrap()));
        let mid = self.lines[line].0;
        let payload_type = self.rtc.codec_config().find(|params| params.spec().codec == Codec::Vp8).unwrap().pt();
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, rid.map(Rid::from)).unwrap();
        let count = payloads.len();
        for (index, payload) in payloads.into_iter().enumerate() {
            let write = RtpWrite::new(payload_type, encoder.sequence.into(), encoder.timestamp, now - self.encoding, payload);
            stream.write_rtp(write.marker(index + 1 == count).nackable(true));
            encoder.sequence += 1;
        }
    }

    fn send_sound(&mut self, now: Instant, sent: u64, level: u8) {
        let mut payload = Vec::new();
        let number = u32::try_from(self.voice_sequence).unwrap();
        Stamp { sender: self.id.0, layer: 0, frame: number, packet: number, sent }.write(&mut payload);
        payload.resize(80, 0x55);
        let opus = *self.rtc.codec_config().find(|params| params.spec().codec == Codec::Opus).unwrap();
        let mut payload_type = opus.pt();
        if self.is_redundant {
            payload_type = opus.red().unwrap();
            payload = self.redundant(*opus.pt(), &payload);
        }
        let mid = self.lines[0].0;
        let mut direct = self.rtc.direct_api();
        let extensions = ExtensionValues { audio_level: Some(-i8::try_from(level).unwrap()), voice_activity: Some(level < 60), ..Default::default() };
        let timestamp = u32::try_from(self.voice_sequence * 960 % (1 << 32)).unwrap();
        let write = RtpWrite::new(payload_type, self.voice_sequence.into(), timestamp, now, payload).ext_vals(extensions);
        direct.stream_tx_by_mid(mid, None).unwrap().write_rtp(write);
        self.voice_sequence += 1;
    }
}

impl Client {
    /// RFC 2198: a header for what is repeated (type, how much earlier, how long), one for what is new, and both.
    fn redundant(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let before = std::mem::replace(&mut self.before, payload.to_owned());
        let header = (0x80 | u32::from(payload_type)) << 24 | 960 << 10 | u32::try_from(before.len()).unwrap();
        let repeated = if before.is_empty() { Vec::new() } else { [&header.to_be_bytes()[..]].concat() };
        [&repeated[..], &[payload_type], &before, payload].concat()
    }
}

/// The SSRCs (the stream's, and that of its retransmissions) that an answer names in its n-th m-line.
fn streams(sdp: &str, line: usize) -> Option<(Ssrc, Ssrc)> {
    let media = sdp.split("m=").nth(line + 1)?;
    let group = media.lines().find_map(|line| line.strip_prefix("a=ssrc-group:FID "))?;
    let mut numbers = group.split(' ').filter_map(|number| number.parse::<u32>().ok());
    Some((numbers.next()?.into(), numbers.next()?.into()))
}
