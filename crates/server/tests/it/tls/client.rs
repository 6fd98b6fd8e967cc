//! A client of TLS, and what it hears by it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::ws::client::PATIENCE;

/// One that believes whom these certificates (in PEM) vouch for.
pub(super) fn trusting(pem: &str) -> ClientConfig {
    trusting_in(pem, rustls::DEFAULT_VERSIONS)
}

/// The same, with these versions of TLS alone.
pub(super) fn trusting_in(pem: &str, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.expect("PEM")).expect("a certificate");
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    builder.with_protocol_versions(versions).expect("versions").with_root_certificates(roots).with_no_client_auth()
}

/// Connects and shakes hands, asking for this name.
pub(super) async fn connect(address: SocketAddr, name: &str, client: impl Into<Arc<ClientConfig>>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    timeout(PATIENCE, TlsConnector::from(client.into()).connect(name, stream)).await.expect("an end of the handshake")
}

/// Asks for a page, and reads until the server closes.
pub(super) async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin, host: &str, path: &str) -> String {
    say(stream, format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).await
}

/// Says something, and reads until the server closes.
pub(super) async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.expect("written");
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end").expect("closed as one closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The value of a header of an answer; empty, if it has none.
pub(super) fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
}

/// A STUN binding request (RFC 8489, 5).
pub(super) fn binding_request() -> [u8; 20] {
    let mut request = [7; 20];
    request[..8].copy_from_slice(&[0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42]);
    request
}

/// Asks for its own address, and hears whether that was answered.
pub(super) async fn is_answered_by_stun(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> bool {
    stream.write_all(&binding_request()).await.expect("written");
    let mut head = [0; 20];
    timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("an answer").expect("not closed");
    // A success response to this very request.
    head[..2] == [0x01, 0x01] && head[4..] == binding_request()[4..]
}
