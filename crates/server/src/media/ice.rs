//! The addresses of STUN and TURN that a browser is told, in the order in which it should try them.

use std::net::{IpAddr, SocketAddr};

use axum::http::Uri;
use fireside_protocol::IceServer;
use fireside_turn::Credentials;

use super::CameBy;
use super::addresses::Found;
use crate::config::{Config, Tls};

/// What does not change while the server runs.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// TLS is spoken at our TCP port.
    tls: bool,
    /// The host that people know this server by, where the operator says so.
    host: Option<String>,
    /// The port of that address where TLS is ours: a router may map it to that of our listener.
    port: Option<u16>,
}

impl Names {
    pub(super) fn new(config: &Config) -> Self {
        let url: Option<Uri> = config.public_url.as_deref().and_then(|url| url.parse().ok());
        let tls = config.tls != Tls::Off;
        let host = config.domain.clone().or_else(|| Some(unbracketed(url.as_ref()?.host()?).to_owned()));
        let port = url.filter(|_| tls).map(|url| url.port_u16().unwrap_or(443));
        Self { tls, host: host.filter(|host| !is_this_machine(host)), port }
    }
}

/// Where we listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) tcp: SocketAddr,
    pub(super) udp: u16,
}

/// The list. Without credentials (the relay is off) there is STUN only.
pub(super) fn servers(names: &Names, found: &Found, ports: Ports, came_by: &CameBy, credentials: Option<Credentials>) -> Vec<IceServer> {
    let hosts = hosts(names, found, came_by);
    let mut servers = Vec::new();
    if let Some(host) = hosts.first() {
        servers.push(IceServer { urls: vec![format!("stun:{host}:{}", ports.udp)], username: None, credential: None });
    }
    if let Some(Credentials { username, password }) = credentials {
        let over_udp = hosts.iter().map(|host| format!("turn:{host}:{}?transport=udp", ports.udp));
        let urls: Vec<_> = over_udp.chain(over_tcp(&hosts, ports, came_by)).chain(over_tls(names, ports, came_by)).collect();
        if !urls.is_empty() {
            servers.push(IceServer { urls, username: Some(username), credential: Some(password) });
        }
    }
    servers
}

/// Where UDP reaches us: at the addresses that somebody told us, at the one that the browser has found us at, at our name; or, if it
/// is on this machine, at this machine's own address, since 127.0.0.1 is none that it uses.
fn hosts(names: &Names, found: &Found, came_by: &CameBy) -> Vec<String> {
    let in_figures = |addresses: &[IpAddr]| addresses.iter().copied().map(written).collect::<Vec<_>>();
    let by_address = came_by.host.parse::<IpAddr>().ok().filter(|_| !is_this_machine(&came_by.host));
    match (&names.host, by_address) {
        _ if !found.public.is_empty() => in_figures(&found.public),
        (_, Some(address)) => vec![written(address.to_canonical())],
        (Some(host), None) => vec![bracketed(host)],
        (None, None) => in_figures(&found.main),
    }
}

/// A listener on loopback is there for this machine alone.
fn over_tcp(hosts: &[String], ports: Ports, came_by: &CameBy) -> Option<String> {
    let listener = ports.tcp.ip().to_canonical();
    let host = match (listener.is_loopback(), is_this_machine(&came_by.host)) {
        (true, true) => written(listener),
        (true, false) => return None,
        (false, _) => hosts.first()?.clone(),
    };
    Some(format!("turn:{host}:{}?transport=tcp", ports.tcp.port()))
}

/// By name, since that is what the certificate is for.
fn over_tls(names: &Names, ports: Ports, came_by: &CameBy) -> Option<String> {
    let is_near = is_this_machine(&came_by.host);
    if !names.tls || (ports.tcp.ip().to_canonical().is_loopback() && !is_near) {
        return None;
    }
    let host = names.host.as_deref().unwrap_or(&came_by.host);
    let port = names.port.unwrap_or(ports.tcp.port());
    (!host.is_empty()).then(|| format!("turns:{}:{port}?transport=tcp", bracketed(host)))
}

fn is_this_machine(host: &str) -> bool {
    let is_name = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    is_name || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback() || address.is_unspecified())
}

fn written(address: IpAddr) -> String {
    bracketed(&address.to_string())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn unbracketed(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        config: Config,
        found: Found,
        tcp: &'static str,
        udp: u16,
    }

    impl Default for Case {
        fn default() -> Self {
            let ip = |text: &str| text.parse().expect("an address");
            let found = Found { main: vec![ip("192.168.1.2"), ip("fd00::2")], ..Found::default() };
            Self { config: Config::default(), found, tcp: "[::]:8000", udp: 8000 }
        }
    }

    impl Case {
        fn urls(&self, came_by: &str) -> Vec<String> {
            let credentials = Credentials { username: "1:a/b".into(), password: "p".into() };
            self.servers(came_by, Some(credentials)).into_iter().flat_map(|server| server.urls).collect()
        }

        fn servers(&self, came_by: &str, credentials: Option<Credentials>) -> Vec<IceServer> {
            let ports = Ports { tcp: self.tcp.parse().expect("an address"), udp: self.udp };
            servers(&Names::new(&self.config), &self.found, ports, &CameBy { host: came_by.to_owned() }, credentials)
        }
    }

    #[test]
    fn on_this_machine_it_is_its_own_address() {
        let case = Case { tcp: "127.0.0.1:8000", ..Case::default() };
        let all = [
            "stun:192.168.1.2:8000",
            "turn:192.168.1.2:8000?transport=udp",
            "turn:[fd00::2]:8000?transport=udp",
            "turn:127.0.0.1:8000?transport=tcp",
        ];
        for host in ["localhost", "127.0.0.1", "::1", "fireside.localhost"] {
            assert_eq!(case.urls(host), all, "{host}");
        }
        let case = Case { tcp: "[::]:8000", ..Case::default() };
        assert_eq!(case.urls("localhost")[3], "turn:192.168.1.2:8000?transport=tcp");
    }

    #[test]
    fn on_a_local_network_it_is_the_address_that_the_browser_came_by() {
        let case = Case::default();
        assert_eq!(case.urls("192.168.1.2"), ["stun:192.168.1.2:8000", "turn:192.168.1.2:8000?transport=udp", "turn:192.168.1.2:8000?transport=tcp"]);
        assert_eq!(case.urls("fd00::2")[1], "turn:[fd00::2]:8000?transport=udp");
    }

    #[test]
    fn on_the_internet_it_is_the_name_and_turns_comes_last() {
        let config = Config {
            domain: Some("meet.example.org".into()),
            public_url: Some("https://meet.example.org".into()),
            tls: Tls::Acme,
            ..Config::default()
        };
        let case = Case { config, tcp: "[::]:443", udp: 443, ..Case::default() };
        let all = [
            "stun:meet.example.org:443",
            "turn:meet.example.org:443?transport=udp",
            "turn:meet.example.org:443?transport=tcp",
            "turns:meet.example.org:443?transport=tcp",
        ];
        assert_eq!(case.urls("meet.example.org"), all);
    }

    #[test]
    fn a_public_address_goes_before_names() {
        let public = vec!["198.51.100.7".parse().expect("an address"), "2001:db8::7".parse().expect("an address")];
        let config = Config { domain: Some("meet.example.org".into()), tls: Tls::Acme, ..Config::default() };
        let case = Case { config, found: Found { public, ..Found::default() }, tcp: "[::]:8443", udp: 3478 };
        let all = [
            "stun:198.51.100.7:3478",
            "turn:198.51.100.7:3478?transport=udp",
            "turn:[2001:db8::7]:3478?transport=udp",
            "turn:198.51.100.7:8443?transport=tcp",
            "turns:meet.example.org:8443?transport=tcp",
        ];
        assert_eq!(case.urls("10.0.0.1"), all);
    }

    #[test]
    fn behind_a_proxy_there_is_udp_only() {
        let config = Config { public_url: Some("https://meet.example.org".into()), ..Config::default() };
        let case = Case { config, tcp: "127.0.0.1:8000", ..Case::default() };
        assert_eq!(case.urls("meet.example.org"), ["stun:meet.example.org:8000", "turn:meet.example.org:8000?transport=udp"]);
    }

    #[test]
    fn a_mapped_port_is_that_of_the_public_address() {
        let config = Config { public_url: Some("https://meet.example.org:4433".into()), tls: Tls::SelfSigned, ..Config::default() };
        let case = Case { config, tcp: "[::]:8443", ..Case::default() };
        assert_eq!(case.urls("meet.example.org").last().map(String::as_str), Some("turns:meet.example.org:4433?transport=tcp"));
    }

    #[test]
    fn without_the_relay_there_is_stun_and_without_an_address_nothing() {
        let case = Case::default();
        let servers = case.servers("192.168.1.2", None);
        assert_eq!(servers, [IceServer { urls: vec!["stun:192.168.1.2:8000".into()], username: None, credential: None }]);
        let case = Case { found: Found::default(), tcp: "127.0.0.1:8000", ..Case::default() };
        assert!(case.servers("meet.example.org", None).is_empty());
    }
}
