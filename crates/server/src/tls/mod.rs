//! TLS of our own: which certificate is served, where it comes from, and how it stays good.
//!
//! What is spoken within TLS is `http`'s business. Certificates come from the operator's files, are made here, or are got from an
//! ACME server; each kind keeps its own good, and what is served at a moment is in one place.

mod acme;
mod certificate;
mod files;
mod private;
mod self_signed;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

pub use certificate::{Certificate, CertificateError, Fingerprint};

use crate::config::{self, Config};
use acme::Acme;
use files::Files;
use self_signed::SelfSigned;

/// What may be spoken within (RFC 7301). Who names nothing, as many TURN clients, is asked nothing; RFC 7443 has names for TURN.
const PROTOCOLS: [&[u8]; 3] = [b"http/1.1", b"stun.turn", b"stun.nat-discovery"];

/// How often things are done that are no settings; tests are quicker.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often it is looked whether a certificate is still good.
    pub look_every: Duration,
    /// The part of a certificate's life after which another one is asked for, if it comes from an ACME server.
    pub renew_at: f64,
    /// How long to wait after the first time that there was none; after that longer and longer.
    pub first_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        // Two thirds: what Let's Encrypt asks for.
        Self { look_every: Duration::from_secs(60), renew_at: 2.0 / 3.0, first_wait: Duration::from_secs(120) }
    }
}

/// TLS that is spoken here; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Arc<ServerConfig>,
    current: Arc<Current>,
    source: Source,
    pace: Pace,
}

/// Where certificates come from.
#[derive(Debug)]
enum Source {
    Files(Files),
    SelfSigned(SelfSigned),
    Acme(Acme),
}

/// Somebody who speaks TLS with us.
#[derive(Debug)]
pub struct Accepted<S> {
    /// What is within.
    pub stream: TlsStream<S>,
    /// Somebody else vouches for our certificate.
    pub vouched: bool,
}

impl Tls {
    /// Gets the certificate that the settings ask for. `None`: TLS is not ours to speak.
    ///
    /// # Errors
    /// When there is none that could be served; in words for the operator.
    pub fn open(config: &Config, pace: Pace) -> anyhow::Result<Option<Self>> {
        let folder = config.data.join("tls");
        let (source, certificate) = match &config.tls {
            config::Tls::Off => return Ok(None),
            config::Tls::Files { certificate, key } => {
                let files = Files::new(certificate, key, asked_for(config));
                let certificate = files.load()?;
                (Source::Files(files), certificate)
            }
            config::Tls::SelfSigned => {
                let own = SelfSigned::new(&folder, config.domain.clone().into_iter().chain(asked_for(config)));
                let certificate = own.load()?;
                self_signed::say(&certificate, "the certificate is of our own making; browsers will ask whether to trust it");
                (Source::SelfSigned(own), certificate)
            }
            config::Tls::Acme => {
                let acme = Acme::new(config, &folder)?;
                let certificate = acme.load()?;
                (Source::Acme(acme), certificate)
            }
        };
        let current = Arc::new(Current::new(certificate));
        let server = server(current.clone(), &PROTOCOLS)?;
        Ok(Some(Self { shared: Arc::new(Shared { server, current, source, pace }) }))
    }

    /// Speaks TLS with somebody who has begun to. How long that may take is up to the caller. `None`: it was an ACME server, and it
    /// has seen its proof.
    ///
    /// # Errors
    /// When the other side goes away, or does not speak TLS as we do.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<Option<Accepted<S>>> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if let Some(server) = self.proof_for(&start.client_hello()) {
            start.into_stream(server).await?.shutdown().await?;
            return Ok(None);
        }
        let vouched = !self.shared.current.get().is_self_signed();
        let stream = start.into_stream(self.shared.server.clone()).await?;
        Ok(Some(Accepted { stream, vouched }))
    }

    fn proof_for(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let Source::Acme(acme) = &self.shared.source else { return None };
        acme.challenges().by_tls(hello.server_name(), hello.alpn()?)
    }

    /// What an ACME server is to be told that asks for this token by HTTP.
    #[must_use]
    pub fn answer_to(&self, token: &str) -> Option<String> {
        let Source::Acme(acme) = &self.shared.source else { return None };
        acme.challenges().by_http(token)
    }

    /// What people should know of the certificate before they open the page; `None`: nothing.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        let certificate = self.certificate();
        match &self.shared.source {
            Source::SelfSigned(_) => {
                Some(format!("Browsers will ask whether to trust its certificate, which it made itself. SHA-256: {}", certificate.fingerprint()))
            }
            Source::Acme(_) if certificate.is_self_signed() => {
                Some("It is getting its certificate; until it has one, browsers warn. The log says how that goes.".to_owned())
            }
            Source::Files(_) | Source::Acme(_) => None,
        }
    }

    /// The certificate that is served.
    #[must_use]
    pub fn certificate(&self) -> Arc<Certificate> {
        self.shared.current.get()
    }

    /// Keeps the certificate good, for as long as it is polled.
    pub async fn keep(&self) {
        let Shared { current, source, pace, .. } = &*self.shared;
        match source {
            Source::Files(files) => files.keep(current, pace.look_every).await,
            Source::SelfSigned(own) => own.keep(current, pace.look_every).await,
            Source::Acme(acme) => acme.keep(current, *pace).await,
        }
    }
}

/// Where the certificate and its key are, or will be; one file may hold both. Nothing is read or made. `None`: TLS is not ours to speak.
///
/// # Errors
/// When the settings cannot work; in words for the operator.
pub fn paths(config: &Config) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    let folder = config.data.join("tls");
    let both = |path: PathBuf| Some((path.clone(), path));
    Ok(match &config.tls {
        config::Tls::Off => None,
        config::Tls::Files { certificate, key } => Some((certificate.clone(), key.clone())),
        config::Tls::SelfSigned => both(self_signed::path(&folder)),
        config::Tls::Acme => both(Acme::new(config, &folder)?.certificate_path()),
    })
}

/// The certificate that is served at this moment.
#[derive(Debug)]
struct Current(RwLock<Arc<Certificate>>);

impl Current {
    fn new(certificate: Certificate) -> Self {
        Self(RwLock::new(Arc::new(certificate)))
    }

    fn get(&self) -> Arc<Certificate> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, certificate: Certificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
    }
}

impl ResolvesServerCert for Current {
    /// Whoever is asked for: people also come by addresses that are in no certificate, and then it is theirs to go on or not.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get().key().clone())
    }
}

/// TLS 1.2 and 1.3, by the one library for it; who comes again need not begin anew.
fn server(resolver: Arc<dyn ResolvesServerCert>, protocols: &[&[u8]]) -> anyhow::Result<Arc<ServerConfig>> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]).context("TLS cannot be spoken")?;
    let mut server = builder.with_no_client_auth().with_cert_resolver(resolver);
    server.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    server.ticketer = aws_lc_rs::Ticketer::new().context("there are no keys for tickets")?;
    Ok(Arc::new(server))
}

/// Whom people ask for, by the public address or else the domain.
#[must_use]
pub fn asked_for(config: &Config) -> Option<String> {
    let host = config.public_url.as_deref().and_then(|url| url.parse::<axum::http::Uri>().ok());
    let host = host.as_ref().and_then(axum::http::Uri::host);
    host.map(|host| host.trim_matches(['[', ']']).to_owned()).or_else(|| config.domain.clone())
}
