//! What is not HTTP: STUN and TURN, over UDP on the one port, and over the TCP and TLS connections that `http` hands over.
//!
//! The rest of the server asks for what browsers are to be told ([`Media::ice_servers`]), says who is present and who has gone
//! ([`Media::vouch`], [`Media::revoke`]), and hands over streams ([`Media::attend`]). What it refuses to know: meetings and HTTP.

mod addresses;

use std::net::SocketAddr;
use std::sync::Arc;

use fireside_protocol::IceServer;
use fireside_turn::{Revoked, Secret, Subject};
use tokio::io::{AsyncRead, AsyncWrite};

pub use addresses::Addresses;

use crate::config::{Config, Relay};

/// STUN and TURN that run; cheap to clone.
#[derive(Clone, Debug)]
pub struct Media {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    relay: Relay,
    addresses: Addresses,
    secret: Option<Secret>,
}

/// By which way somebody came: their page's server is reachable for them there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CameBy {
    /// The host they asked for, a name or an address without brackets, without the port.
    pub host: String,
}

impl Media {
    /// Opens the UDP sockets beside the TCP listener at `tcp`, and starts to answer. `secret`: what credentials are made from.
    ///
    /// # Errors
    /// When the port is in use or an address cannot be had; in words for the operator.
    pub async fn open(config: &Config, secret: &[u8; 32], tcp: SocketAddr) -> anyhow::Result<Self> {
        let addresses = Addresses::find(config, tcp).await?;
        Ok(Self { shared: Arc::new(Shared { relay: config.relay, addresses, secret: Secret::new(secret) }) })
    }

    /// What the browser of `subject` is told: the servers in the order in which to try them, with credentials that last ten minutes.
    #[must_use]
    pub fn ice_servers(&self, _subject: &Subject, _came_by: &CameBy) -> Vec<IceServer> {
        let _ = (&self.shared.secret, &self.shared.addresses);
        Vec::new()
    }

    /// Whether browsers are to connect through the relay alone.
    #[must_use]
    pub fn relay_only(&self) -> bool {
        self.shared.relay == Relay::Always
    }

    /// These are present: their allocations go on although the credentials that they began with have ended. To be said every minute.
    pub fn vouch(&self, _present: Vec<Subject>) {}

    /// These are gone: their credentials are good for nothing, and their allocations end within a second.
    pub fn revoke(&self, _whom: Revoked) {}

    /// Somebody who was [revoked](Media::revoke) is here again, under the same name.
    pub fn readmit(&self, _whom: Revoked) {}

    /// Speaks TURN on a stream until it ends. `client`, `server`: its two ends; `tls`: it is within TLS.
    pub async fn attend(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send, _client: SocketAddr, _server: SocketAddr, _tls: bool) {
        drop(stream);
    }

    /// Where we can be reached.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.shared.addresses
    }

    /// Closes the sockets; relayed media ends.
    pub async fn close(&self) {}
}
