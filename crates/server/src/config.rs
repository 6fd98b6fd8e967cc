//! Every setting, where it comes from (defaults, a TOML file, `FIRESIDE_…` variables, the command line), and its checks.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

/// The settings of a running server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen for HTTP and WebSocket. Port 0: a free one.
    pub listen: SocketAddr,
    /// The folder of everything that Fireside keeps.
    pub data: PathBuf,
    /// The database; when none is given, `fireside.db` in the data folder.
    pub database: Option<String>,
    /// The address people use, `https://meet.example.org`; decides cookies, links and the allowed origin. When none is
    /// given, the request's host is taken if it is a loopback name or an address of this machine.
    pub public_url: Option<String>,
    /// Reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Anyone may sign up.
    pub sign_up: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            data: PathBuf::from("fireside-data"),
            database: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            sign_up: true,
        }
    }
}
