//! What all connections have in common, and what each is made with.

use std::sync::Arc;
use std::time::Duration;

use str0m::bwe::Bitrate as BitsPerSecond;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::from_feature_flags;
use str0m::net::TcpType;
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};

use crate::demux::{CHARACTERS, Tag, Transport};
use crate::line;
use crate::packet::Endpoint;

/// How often viewers are told what time it is in what they receive: slots change, and each change makes the last report wrong.
const REPORTS: Duration = Duration::from_secs(1);

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

/// Where random bytes come from: fills what it is given, with what nobody can guess.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

pub(super) fn config(identity: &Identity) -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    extensions.set(1, Extension::AudioLevel);
    extensions.set(3, Extension::TransportSequenceNumber);
    extensions.set(4, Extension::RtpMid);
    extensions.set(5, Extension::AbsoluteCaptureTime);
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
        .enable_bwe(Some(BitsPerSecond::from(line::FIRST)))
        .set_stats_interval(Some(line::EVERY))
        .set_rtcp_report_interval_audio(REPORTS)
        .set_rtcp_report_interval_video(REPORTS)
}

/// RFC 8445, 5.3: unguessable, at least 24 and 128 bits. These have 60 and 144, after the shard's letter.
pub(super) fn credentials(tag: Tag, random: &mut Random) -> IceCreds {
    let mut bytes = [0; 34];
    random(&mut bytes);
    let mut characters = bytes.iter().filter_map(|byte| CHARACTERS.get(usize::from(byte & 63))).map(|byte| char::from(*byte));
    IceCreds { ufrag: std::iter::once(tag.character()).chain(characters.by_ref().take(10)).collect(), pass: characters.collect() }
}

pub(super) fn candidate(endpoint: &Endpoint) -> Option<Candidate> {
    let built = match endpoint.transport {
        Transport::Udp => Candidate::builder().udp().host(endpoint.advertised).build(),
        Transport::Tcp => Candidate::builder().tcp().host(endpoint.advertised).tcptype(TcpType::Passive).build(),
    };
    built.ok()
}
