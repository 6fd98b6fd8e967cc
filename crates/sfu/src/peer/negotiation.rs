//! Offers become answers: m-lines are told apart, and each place in which the client receives gets a stream.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{Mid, Rid};

use super::Peer;
use super::identity::{Random, credentials};
use super::outlet::Outlet;
use super::streams::Origin;
use crate::offer::{Offer, Refused};
use crate::track::Kind;

/// Packets kept for a viewer who missed them: a second of a large picture.
const HISTORY: usize = 512;
/// Of all that is sent, so much may be repeated: where three packets in ten are lost, three in ten are repetitions.
const REPEATED: f32 = 0.5;

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

impl Peer {
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
        stream.set_rtx_cache(history, Duration::from_secs(2), Some(REPEATED));
        // What is chosen fits the line. The engine would hold it back by its own estimate of that, which is often less.
        stream.set_unpaced(true);
        Some(Outlet { mid, ssrc: stream.ssrc(), payload_type, redundant })
    }
}
