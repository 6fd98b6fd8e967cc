//! Asks a web server as a browser would, and remembers what its certificate is worth instead of going away.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A server that takes longer is one that people would not wait for.
pub(super) const WITHIN: Duration = Duration::from_secs(3);
/// Our own pages are smaller.
const LONGEST_ANSWER: usize = 512 * 1024;

/// A connection of whatever kind.
pub(super) trait Pipe: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for T {}

/// Where to ask.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The name, or address in figures without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// How the site is called there: what is in `Host`.
    pub(super) authority: String,
    /// Where to connect to, if that is not where the name leads.
    pub(super) address: Option<SocketAddr>,
    /// The site's origin, if it is another one for people: behind a proxy that speaks TLS.
    pub(super) site: Option<String>,
}

/// The certificate that was shown, and what it is worth to a browser.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) verdict: Result<(), rustls::Error>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) shown: Option<Shown>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the name {0} leads nowhere")]
    Name(String),
    #[error("nothing listens there ({0})")]
    Refused(String),
    #[error("nothing answers within {} seconds", WITHIN.as_secs())]
    Silent,
    #[error("there is no TLS as it should be: {0}")]
    Tls(String),
    #[error("what answers is not HTTP as it should be: {0}")]
    Answer(String),
}

impl Fault {
    /// Nothing was there at all, as opposed to something else.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Silent)
    }
}

impl Place {
    /// The place of an origin, `https://meet.example.org`.
    pub(super) fn of(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let (tls, authority) = (url.scheme_str()? == "https", url.authority()?);
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Some(Self { host, port, tls, authority: authority.to_string(), address: None, site: None })
    }

    /// `https://meet.example.org`.
    pub(super) fn origin(&self) -> String {
        if let Some(site) = &self.site {
            return site.clone();
        }
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }

    pub(super) fn get(&self, path: &str) -> Request<Full<Bytes>> {
        self.request("GET", path, "")
    }

    pub(super) fn request(&self, method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        *request.method_mut() = method.parse().unwrap_or_default();
        *request.uri_mut() = path.parse().unwrap_or_default();
        if let Ok(host) = self.authority.parse() {
            request.headers_mut().insert(header::HOST, host);
        }
        request
    }

    /// Where its name leads.
    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, Fault> {
        if let Some(address) = self.address {
            return Ok(vec![address]);
        }
        look_up(&self.host, self.port).await
    }

    /// Asks, and reads the answer. An upgrade is not gone through with.
    pub(super) async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
        timeout(WITHIN, self.ask_slowly(request)).await.unwrap_or(Err(Fault::Silent))
    }

    async fn ask_slowly(&self, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
        let no_http = |error: hyper::Error| Fault::Answer(error.to_string());
        let (pipe, shown) = self.connect(&[b"http/1.1"]).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(pipe)).await.map_err(no_http)?;
        // It ends with the sender.
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.map_err(no_http)?.into_parts();
        let body = if head.status == StatusCode::SWITCHING_PROTOCOLS {
            Bytes::new()
        } else {
            Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|error| Fault::Answer(error.to_string()))?.to_bytes()
        };
        Ok(Answer { status: head.status, headers: head.headers, body: String::from_utf8_lossy(&body).into_owned(), shown })
    }

    /// Connects, and speaks TLS where that is spoken, whatever the certificate is worth.
    pub(super) async fn connect(&self, protocols: &[&[u8]]) -> Result<(Box<dyn Pipe>, Option<Shown>), Fault> {
        let mut stream = Err(Fault::Name(self.host.clone()));
        for address in self.addresses().await? {
            stream = TcpStream::connect(address).await.map_err(|error| Fault::Refused(error.to_string()));
            if stream.is_ok() {
                break;
            }
        }
        let stream = stream?;
        // Lost only in speed.
        let _ = stream.set_nodelay(true);
        if !self.tls {
            return Ok((Box::new(stream), None));
        }
        let judge = Arc::new(Judge::new());
        let name = ServerName::try_from(self.host.clone()).map_err(|error| Fault::Tls(error.to_string()))?;
        let client = client(judge.clone(), protocols).map_err(|error| Fault::Tls(error.to_string()))?;
        let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.map_err(|error| Fault::Tls(error.to_string()))?;
        let chain: Vec<_> = stream.get_ref().1.peer_certificates().unwrap_or_default().iter().map(|one| one.clone().into_owned()).collect();
        Ok((Box::new(stream), Some(Shown { chain, verdict: judge.verdict() })))
    }
}

/// Where a name leads: each address once, IPv4 and IPv6.
pub(super) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let nowhere = || Fault::Name(host.to_owned());
    let found = timeout(WITHIN, tokio::net::lookup_host((host, port))).await.map_err(|_| nowhere())?.map_err(|_| nowhere())?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() { Err(nowhere()) } else { Ok(addresses) }
}

/// Whether a browser that believes whom this system believes takes this chain from `name` at this moment.
pub(super) fn judge(chain: &[CertificateDer<'static>], name: &str, now: UnixTime) -> Result<(), rustls::Error> {
    let name = ServerName::try_from(name).map_err(|error| rustls::Error::General(error.to_string()))?;
    let (leaf, others) = chain.split_first().ok_or(rustls::Error::NoCertificatesPresented)?;
    let verifier = verifier().ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
    verifier.verify_server_cert(leaf, others, &name, &[], now).map(|_| ())
}

/// What a browser would say of this, in words.
pub(super) fn objection(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        CertificateError::UnknownIssuer => String::from("nobody whom browsers believe vouches for it"),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => String::from("it has expired"),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => String::from("it is not valid yet"),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => String::from("it is for another name"),
        // Such as that of a certificate that is its own authority.
        other => format!("they do not take it ({other})"),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// By those whom this system believes. `None`: it has no list of them.
fn verifier() -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()
}

fn client(judge: Arc<Judge>, protocols: &[&[u8]]) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let mut client = builder.dangerous().with_custom_certificate_verifier(judge).with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(client)
}

/// Judges certificates, remembers the verdict, and goes on. Nothing is said on such a connection that is not for everybody.
#[derive(Debug)]
struct Judge {
    provider: Arc<CryptoProvider>,
    verifier: Option<Arc<WebPkiServerVerifier>>,
    verdict: Mutex<Result<(), rustls::Error>>,
}

impl Judge {
    fn new() -> Self {
        let nobody = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        Self { provider: provider(), verifier: verifier(), verdict: Mutex::new(Err(nobody)) }
    }

    fn verdict(&self) -> Result<(), rustls::Error> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(verifier) = &self.verifier {
            let verdict = verifier.verify_server_cert(leaf, others, name, ocsp, now).map(|_| ());
            *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_place() {
        for (url, host, port, tls) in [
            ("https://meet.example.org", "meet.example.org", 443, true),
            ("http://[::1]:8000", "::1", 8000, false),
            ("https://192.0.2.7:8443", "192.0.2.7", 8443, true),
        ] {
            let place = Place::of(url).expect("a place");
            assert_eq!((place.host.as_str(), place.port, place.tls, place.origin().as_str()), (host, port, tls, url));
        }
        assert!(Place::of("/nowhere").is_none());
    }
}
