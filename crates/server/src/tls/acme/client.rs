//! HTTPS to an ACME server: one connection for each of the few requests there are.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http_body_util::{BodyExt, Limited};
use hyper::body::Bytes;
use hyper::http::uri::{PathAndQuery, Scheme, Uri};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// An ACME server answers in a second or two; one that is busy, a little later.
const WITHIN: Duration = Duration::from_secs(30);
/// A chain of certificates has some thousand bytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// The address is none that can be asked.
    #[error("{0} is no address of HTTPS")]
    Address(String),
    /// There is no way to it.
    #[error("{host} cannot be reached: {error}")]
    Unreachable {
        /// Which host.
        host: String,
        /// What the system says.
        error: io::Error,
    },
    /// There is one, but nobody knows whether to the right one.
    #[error("{host} does not speak TLS as we expect it: {error}")]
    Untrusted {
        /// Which host.
        host: String,
        /// What the TLS library says.
        error: io::Error,
    },
    /// It began to answer, and something went wrong.
    #[error("the answer cannot be read: {0}")]
    Answer(String),
    /// It takes too long.
    #[error("{0} does not answer")]
    Late(String),
}

/// Asks ACME servers.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
}

impl Client {
    /// One that believes whom these vouch for.
    pub(super) fn new(roots: RootCertStore) -> anyhow::Result<Self> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().context("TLS cannot be spoken")?;
        let tls = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(tls)) })
    }
}

/// Who vouches for ACME servers: those in this file, or those that the system believes.
///
/// # Errors
/// When there is nobody; in words for the operator.
pub(super) fn roots(file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(path) => {
            let pem = std::fs::read(path).with_context(|| format!("the certificates in {} (acme_ca) cannot be read", path.display()))?;
            roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
            anyhow::ensure!(!roots.is_empty(), "there is no certificate in PEM in {} (acme_ca)", path.display());
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            anyhow::ensure!(
                !roots.is_empty(),
                "this system has no list of those who vouch for servers on the internet: install it (on Debian: apt-get install ca-certificates)"
            );
        }
    }
    Ok(roots)
}

impl HttpClient for Client {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let tls = self.tls.clone();
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let asked = timeout(WITHIN, ask(&tls, request)).await;
            asked.unwrap_or(Err(ClientError::Late(host))).map_err(|error| instant_acme::Error::Other(Box::new(error)))
        })
    }
}

async fn ask(tls: &TlsConnector, mut request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, ClientError> {
    let uri = request.uri().clone();
    let no_address = || ClientError::Address(uri.to_string());
    let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTPS)).ok_or_else(no_address)?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|_| no_address())?;
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    request.headers_mut().insert(header::HOST, authority.as_str().parse().map_err(|_| no_address())?);
    *request.uri_mut() = Uri::from(path);

    let stream = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(443))).await;
    let stream = stream.map_err(|error| ClientError::Unreachable { host: host.clone(), error })?;
    let stream = tls.connect(name, stream).await.map_err(|error| ClientError::Untrusted { host, error })?;
    let of_answer = |error: hyper::Error| ClientError::Answer(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(of_answer)?;
    // It ends with the sender.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.map_err(of_answer)?.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|error| ClientError::Answer(error.to_string()))?;
    Ok(BytesResponse { parts, body: Box::new(body.to_bytes()) })
}
