//! The WebSocket on which a meeting is steered.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fireside_protocol::{ClientMessage, RoomCode, ServerFrame, ServerMessage};
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::link::{RoomLink, Site};

/// A server that does not answer within this is not there.
const WITHIN: Duration = Duration::from_secs(15);
/// Larger reads cost memory for each of many.
const BUFFER: usize = 4 * 1024;

/// Bytes both ways, with TLS or without.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Bytes for T {}

/// Why there is no connection, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The network.
    #[error("the connection to the server failed: {0}")]
    Network(#[from] io::Error),
    /// What was said on it.
    #[error("the server does not speak with us: {0}")]
    Speech(#[from] Box<Error>),
    /// It did not answer.
    #[error("the server does not answer")]
    Silent,
    /// What it said is not of the protocol.
    #[error("the server said something that is not of the protocol")]
    NotUnderstood,
    /// It said goodbye, or is gone.
    #[error("the server ended the connection")]
    Closed,
    /// The link is one of a secure site, and there is nothing to trust.
    #[error("no certificates were given to check the server's by")]
    NoTrust,
}

/// A connection to a room.
pub(super) struct Socket {
    inner: WebSocketStream<Box<dyn Bytes>>,
    /// The number of the last frame that had one.
    pub(super) seq: Option<u32>,
    /// Where the server is.
    pub(super) peer: SocketAddr,
}

impl Socket {
    pub(super) async fn connect(link: &RoomLink, from: Option<IpAddr>, tls: Option<Arc<ClientConfig>>) -> Result<Self, Lost> {
        tokio::time::timeout(WITHIN, Self::open(link, from, tls)).await.map_err(|_| Lost::Silent)?
    }

    async fn open(RoomLink { site, code }: &RoomLink, from: Option<IpAddr>, tls: Option<Arc<ClientConfig>>) -> Result<Self, Lost> {
        let (stream, peer) = connect(site, from, tls).await?;
        let request = request(site, code).map_err(Box::new)?;
        let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(BUFFER).max_write_buffer_size(1 << 20);
        let (inner, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await.map_err(Box::new)?;
        Ok(Self { inner, seq: None, peer })
    }

    pub(super) async fn say(&mut self, message: &ClientMessage) -> Result<(), Lost> {
        let text = serde_json::to_string(message).map_err(|_| Lost::NotUnderstood)?;
        self.inner.send(Message::text(text)).await.map_err(|error| Lost::Speech(Box::new(error)))
    }

    /// The next message. (Nothing is lost when it is not waited for to the end.)
    pub(super) async fn hear(&mut self) -> Result<ServerMessage, Lost> {
        loop {
            match self.inner.next().await.ok_or(Lost::Closed)?.map_err(Box::new)? {
                Message::Text(text) => {
                    let frame: ServerFrame = serde_json::from_str(&text).map_err(|_| Lost::NotUnderstood)?;
                    self.seq = frame.seq.or(self.seq);
                    return Ok(frame.message);
                }
                Message::Close(_) => return Err(Lost::Closed),
                _ => {}
            }
        }
    }
}

/// A connection to a site, and where that is.
///
/// # Errors
/// If nobody is there, or not who they should be.
pub async fn connect(site: &Site, from: Option<IpAddr>, tls: Option<Arc<ClientConfig>>) -> Result<(Box<dyn Bytes>, SocketAddr), Lost> {
    let stream = reach(site, from).await?;
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?;
    if !site.is_secure {
        return Ok((Box::new(stream), peer));
    }
    let name = ServerName::try_from(site.host.clone()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls.ok_or(Lost::NoTrust)?).connect(name, stream).await?;
    Ok((Box::new(stream), peer))
}

async fn reach(site: &Site, from: Option<IpAddr>) -> Result<TcpStream, Lost> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in tokio::net::lookup_host((site.host.as_str(), site.port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(from) = from.filter(|from| from.is_ipv4() == address.is_ipv4()) {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

fn request(site: &Site, code: &RoomCode) -> Result<tokio_tungstenite::tungstenite::handshake::client::Request, Error> {
    let scheme = if site.is_secure { "wss" } else { "ws" };
    let mut request = format!("{scheme}://{}/ws/{}", site.authority(), code.as_str()).into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("origin", site.to_string().parse()?);
    headers.insert("sec-websocket-protocol", "fireside.v1".parse()?);
    Ok(request)
}
