//! What comes in: which of the client's sources and layers a stream (SSRC) is, and which streams are not looked at.

use std::time::{Instant, SystemTime};

use str0m::media::{Mid, Rid};
use str0m::rtp::Ssrc;
use str0m::rtp::rtcp::SenderInfo;

use super::Peer;
use crate::clock::Report;
use crate::track::{Kind, Source};

/// Streams (SSRC) of one peer that are known at a time: four sources with three layers, each with retransmissions, twice.
const STREAMS: usize = 48;

/// Where a source comes in.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) mid: Mid,
    pub(super) layers: Vec<Rid>,
}

/// An SSRC that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub(super) ssrc: Ssrc,
    /// What it carries; `None`: retransmissions, which the engine puts into the place of what they repeat.
    pub(super) carries: Option<(Source, usize)>,
    /// The last that its sender said of it.
    pub(super) report: Option<Report>,
}

impl Peer {
    /// Whether the packet's stream is known, or may be the first of a new one. What is not authentic cannot be told before it is
    /// decrypted, but a stranger's packet does more than cost a decryption: it makes the engine look for a place for it.
    pub(super) fn is_plausible(&mut self, now: Instant, packet: &[u8]) -> bool {
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
            self.know(Stream { ssrc, carries: None, report: None });
        }
    }

    /// What the stream carries. Asked for streams of which an authentic packet has come.
    pub(super) fn carries(&mut self, ssrc: Ssrc) -> Option<(Source, usize)> {
        if let Some(stream) = self.streams.iter().find(|stream| stream.ssrc == ssrc) {
            return stream.carries;
        }
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        let carries = self.origin(mid, rid)?;
        self.know(Stream { ssrc, carries: Some(carries), report: None });
        Some(carries)
    }

    /// The publisher says what time it is.
    pub(super) fn report(&mut self, at: Instant, info: &SenderInfo) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == info.ssrc && stream.carries.is_some()) else { return };
        let Ok(time) = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH) else { return };
        let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let report = Report { time, timestamp: wrapped(info.rtp_time.numer()) };
        stream.report = Some(report);
        self.clock.report(at, report);
    }

    /// When what has this timestamp was captured.
    pub(super) fn captured(&mut self, ssrc: Ssrc, kind: Kind, timestamp: u32, at: Instant) -> Instant {
        let report = self.streams.iter().find(|stream| stream.ssrc == ssrc).and_then(|stream| stream.report);
        let clock_rate = if kind == Kind::Audio { 48_000 } else { 90_000 };
        self.clock.captured(report, timestamp, clock_rate, at)
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
}

/// Timestamps on the wire have 32 bits.
#[allow(clippy::cast_possible_truncation, reason = "it is what is wanted")]
fn wrapped(timestamp: u64) -> u32 {
    timestamp as u32
}
