//! A client made of parts.

use std::cell::OnceCell;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use fireside_sfu::{PeerId, Transport};
use str0m::crypto::dtls::{DtlsCert, DtlsInstance, DtlsOutput, DtlsVersion};
use str0m::crypto::{CryptoProvider, from_feature_flags};

use super::check::Check;
use super::keys::Keys;
use super::offer::Offer;

/// What a client's keys are; the same for all clients of a thread, as making them takes longer than a call.
struct Party {
    crypto: CryptoProvider,
    certificate: DtlsCert,
    fingerprint: String,
}

thread_local! {
    static PARTY: OnceCell<&'static Party> = const { OnceCell::new() };
}

fn party() -> &'static Party {
    PARTY.with(|party| {
        *party.get_or_init(|| {
            let crypto = from_feature_flags();
            let certificate = crypto.dtls_provider.generate_certificate().expect("there is randomness");
            let digest = crypto.sha256_provider.sha256(&certificate.certificate);
            let fingerprint = digest.map(|byte| format!("{byte:02X}")).join(":");
            Box::leak(Box::new(Party { crypto, certificate, fingerprint }))
        })
    })
}

pub fn crypto() -> &'static CryptoProvider {
    &party().crypto
}

/// What came to a client.
#[derive(Clone, Debug)]
pub enum Came {
    /// A packet of media, and where its payload begins.
    Media(Vec<u8>, usize),
    Reports(Vec<u8>),
    /// What is under no seal of this connection.
    Foreign(Vec<u8>),
}

pub struct Client {
    pub id: PeerId,
    pub transport: Transport,
    pub address: SocketAddr,
    pub is_connected: bool,
    pub came: Vec<Came>,
    pub out: VecDeque<Vec<u8>>,
    /// Streams that the answer names.
    pub streams: BTreeSet<u32>,
    pub answer: Option<String>,
    name: String,
    /// The server's name and password.
    theirs: (String, String),
    checks: u64,
    dtls: Option<Box<dyn DtlsInstance>>,
    is_active: bool,
    keys: Option<Keys>,
    timeout: Option<Instant>,
}

const PASSWORD: &str = "abcdefghijklmnopqrstuvwx";

impl Client {
    pub fn new(id: u64) -> Self {
        let low = (id % 200) as u8;
        Self {
            id: PeerId(id),
            transport: Transport::Udp,
            address: SocketAddr::from(([10, 0, 0, low], 10_000 + u16::from(low))),
            is_connected: false,
            came: Vec::new(),
            out: VecDeque::new(),
            streams: BTreeSet::new(),
            answer: None,
            name: format!("client{id}"),
            theirs: Default::default(),
            checks: 0,
            dtls: None,
            is_active: false,
            keys: None,
            timeout: None,
        }
    }

    pub fn offer(&self, audio: usize, video: usize, layers: usize, takes_redundancy: bool) -> String {
        let fingerprint = &party().fingerprint;
        Offer { name: &self.name, password: PASSWORD, fingerprint, audio, video, layers, takes_redundancy }.write()
    }

    pub fn answered(&mut self, now: Instant, sdp: &str) {
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        self.theirs = (value("a=ice-ufrag:"), value("a=ice-pwd:"));
        let number = |line: &str| line.strip_prefix("a=ssrc:")?.split(' ').next()?.parse::<u32>().ok();
        self.streams.extend(sdp.lines().filter_map(number));
        self.answer = Some(sdp.to_owned());
        if self.dtls.is_some() {
            return;
        }
        let party = party();
        let mut dtls = party.crypto.dtls_provider.new_dtls(&party.certificate, now, DtlsVersion::Dtls12, None).expect("its own certificate");
        self.is_active = value("a=setup:") != "active";
        dtls.set_active(self.is_active);
        self.dtls = Some(dtls);
    }

    /// A check, as a rule with everything right.
    pub fn check(&mut self, change: impl FnOnce(&mut Check)) -> Vec<u8> {
        self.checks += 1;
        let username = format!("{}:{}", self.theirs.0, self.name);
        let mut check = Check {
            transaction: self.checks << 16 | self.id.0,
            username,
            password: self.theirs.1.clone(),
            nominates: true,
            is_controlled: false,
            has_fingerprint: true,
            others: Vec::new(),
        };
        change(&mut check);
        check.write(&party().crypto)
    }

    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        match bytes.first().copied().unwrap_or_default() {
            0..=3 => {}
            20..=63 => {
                if let Some(dtls) = &mut self.dtls
                    && dtls.handle_packet(bytes).is_ok()
                {
                    self.drain(now);
                }
            }
            128..=191 => self.media(bytes),
            _ => self.came.push(Came::Foreign(bytes.to_owned())),
        }
    }

    pub fn advance(&mut self, now: Instant) {
        if self.timeout.is_some_and(|timeout| timeout <= now)
            && let Some(dtls) = &mut self.dtls
            && dtls.handle_timeout(now).is_ok()
        {
            self.drain(now);
        }
    }

    /// The handshake may begin.
    pub fn begin(&mut self, now: Instant) {
        self.timeout = Some(now);
        self.advance(now);
    }

    fn media(&mut self, bytes: &[u8]) {
        let is_reports = bytes.get(1).is_some_and(|kind| (64..96).contains(&(kind & 0x7F)));
        let opened = match &mut self.keys {
            None => None,
            Some(keys) if is_reports => keys.open_reports(bytes).map(Came::Reports),
            Some(keys) => keys.open_media(bytes).map(|(packet, payload)| Came::Media(packet, payload)),
        };
        self.came.push(opened.unwrap_or_else(|| Came::Foreign(bytes.to_owned())));
    }

    fn drain(&mut self, now: Instant) {
        let Some(dtls) = &mut self.dtls else { return };
        let mut buffer = vec![0; 2_048];
        for _ in 0..100 {
            match dtls.poll_output(&mut buffer) {
                DtlsOutput::Packet(packet) => self.out.push_back(packet.to_vec()),
                DtlsOutput::Timeout(at) => {
                    self.timeout = Some(at).filter(|at| *at > now);
                    return;
                }
                DtlsOutput::KeyingMaterial(material, profile) => {
                    self.keys = Some(Keys::new(&party().crypto, &material, profile, self.is_active));
                }
                DtlsOutput::Connected => self.is_connected = true,
                _ => {}
            }
        }
    }

    /// Bytes under the seal of media. `None`: there are no keys yet.
    pub fn seal_media(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.keys.as_mut().map(|keys| keys.seal_media(packet))
    }

    pub fn seal_reports(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.keys.as_mut().map(|keys| keys.seal_reports(packet))
    }

    /// What a data channel would send, within the handshake's own connection.
    pub fn send_data(&mut self, now: Instant, bytes: &[u8]) {
        if let Some(dtls) = self.dtls.as_mut().filter(|_| self.is_connected)
            && dtls.send_application_data(bytes).is_ok()
        {
            self.drain(now);
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}
