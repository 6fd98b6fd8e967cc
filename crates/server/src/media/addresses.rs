//! Where this machine can be reached: its interfaces, what the operator says, what a STUN server says.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{PoisonError, RwLock};

use fireside_turn::Policy;

use super::ask;
use crate::config::Config;

/// Where this machine can be reached.
#[derive(Debug)]
pub struct Addresses {
    tcp: SocketAddr,
    /// Where UDP is listened on, in each family; the address may be one that stands for all.
    udp: Vec<SocketAddr>,
    found: RwLock<Found>,
}

/// What was found. It changes when the machine moves from one network to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The addresses of the interfaces.
    pub interfaces: Vec<IpAddr>,
    /// The addresses that others know this machine by, as the operator or a STUN server says; none where nobody said anything.
    pub public: Vec<IpAddr>,
    /// The interface address of each family (IPv4 first) by which the machine is reached best.
    pub main: Vec<IpAddr>,
    /// How it went with the STUN server.
    pub stun: Stun,
}

/// How it went with the STUN server that the operator named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stun {
    /// There is none, or the operator said the addresses.
    #[default]
    NotAsked,
    /// It said our address.
    Answered,
    /// It said nothing: the interfaces' addresses are used.
    Silent,
}

impl Addresses {
    /// Looks for them. `sockets`: those of the one port, from which a STUN server is asked.
    pub(super) async fn find(config: &Config, tcp: SocketAddr, sockets: &[std::net::UdpSocket]) -> Self {
        let udp: Vec<SocketAddr> = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let (public, stun) = match &config.stun_server {
            _ if !config.public_ips.is_empty() => (config.public_ips.clone(), Stun::NotAsked),
            None => (Vec::new(), Stun::NotAsked),
            Some(server) => match ask::public_addresses(server, sockets).await {
                public if public.is_empty() => {
                    tracing::warn!("the STUN server {server} does not answer: the addresses of the interfaces are used");
                    (public, Stun::Silent)
                }
                public => (public, Stun::Answered),
            },
        };
        let interfaces = interfaces();
        let main = main(&interfaces, &udp, default_route);
        Self { tcp, udp, found: RwLock::new(Found { interfaces, public, main, stun }) }
    }

    /// Looks at the interfaces again. Returns whether something has changed.
    pub(super) fn look_again(&self) -> bool {
        let interfaces = interfaces();
        let main = main(&interfaces, &self.udp, default_route);
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        let has_changed = (&found.interfaces, &found.main) != (&interfaces, &main);
        (found.interfaces, found.main) = (interfaces, main);
        has_changed
    }

    /// Where TCP is listened on.
    #[must_use]
    pub fn tcp(&self) -> SocketAddr {
        self.tcp
    }

    /// Where UDP is listened on, in each family that there is; the address may be one that stands for all.
    #[must_use]
    pub fn udp(&self) -> &[SocketAddr] {
        &self.udp
    }

    /// The UDP port.
    #[must_use]
    pub fn udp_port(&self) -> u16 {
        self.udp.first().map_or(self.tcp.port(), SocketAddr::port)
    }

    /// What was found.
    #[must_use]
    pub fn found(&self) -> Found {
        self.found.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Found {
    /// The address of a family that peers are told: a public one, or the best one there is.
    #[must_use]
    pub fn relay(&self, v6: bool) -> Option<IpAddr> {
        self.public.iter().chain(&self.main).copied().find(|address| address.is_ipv6() == v6)
    }
}

fn interfaces() -> Vec<IpAddr> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the interfaces of this machine cannot be seen");
        Vec::new()
    });
    // Sorted: the order in which the system tells them does not matter.
    let addresses: BTreeSet<IpAddr> = found.iter().map(if_addrs::Interface::ip).collect();
    addresses.into_iter().collect()
}

/// The best address of each family in which UDP is listened on: the one that it listens on, if it is one; otherwise public before
/// private, and among these that of the default route. Loopback only if the machine has nothing else.
fn main(interfaces: &[IpAddr], udp: &[SocketAddr], default_route: impl Fn(bool) -> Option<IpAddr>) -> Vec<IpAddr> {
    let best = |v6: bool, with_loopback: bool| {
        let listens = udp.iter().map(SocketAddr::ip).find(|ip| ip.is_ipv6() == v6)?;
        if !listens.is_unspecified() {
            return Some(listens);
        }
        let route = default_route(v6);
        let fits = |ip: &&IpAddr| ip.is_ipv6() == v6 && !is_link_local(**ip) && ip.is_loopback() == with_loopback;
        interfaces.iter().filter(fits).copied().min_by_key(|ip| (!is_public(*ip), Some(*ip) != route))
    };
    let both = |with_loopback| [best(false, with_loopback), best(true, with_loopback)].into_iter().flatten().collect::<Vec<_>>();
    let main = both(false);
    if main.is_empty() { both(true) } else { main }
}

/// Whether it is an address of the public internet.
fn is_public(address: IpAddr) -> bool {
    Policy::default().allows(address)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// The address from which the machine would speak to the internet. Connecting a UDP socket sends nothing; the addresses are those that
/// documents use, and belong to nobody.
fn default_route(v6: bool) -> Option<IpAddr> {
    let (local, far): (IpAddr, IpAddr) = if v6 {
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1).into())
    } else {
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(198, 51, 100, 1).into())
    };
    let socket = std::net::UdpSocket::bind((local, 0)).ok()?;
    socket.connect((far, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(interfaces: &[&str], udp: &[&str], routes: &[&str]) -> Vec<String> {
        let ip = |text: &&str| text.parse::<IpAddr>().expect("an address");
        let interfaces: Vec<_> = interfaces.iter().map(ip).collect();
        let udp: Vec<_> = udp.iter().map(|text| text.parse().expect("an address")).collect();
        let routes: Vec<_> = routes.iter().map(ip).collect();
        let main = main(&interfaces, &udp, |v6| routes.iter().copied().find(|ip| ip.is_ipv6() == v6));
        main.iter().map(IpAddr::to_string).collect()
    }

    const BOTH: [&str; 2] = ["0.0.0.0:8000", "[::]:8000"];

    #[test]
    fn public_before_private_before_loopback() {
        let all = ["127.0.0.1", "10.0.0.1", "93.184.216.34", "::1", "fe80::1", "fd00::1", "2606:4700::1111"];
        assert_eq!(best(&all, &BOTH, &["10.0.0.1", "fd00::1"]), ["93.184.216.34", "2606:4700::1111"]);
        assert_eq!(best(&["127.0.0.1", "172.17.0.1", "192.168.1.2", "::1"], &BOTH, &["192.168.1.2"]), ["192.168.1.2"]);
        assert_eq!(best(&["127.0.0.1", "169.254.3.4", "::1", "fe80::1"], &BOTH, &[]), ["127.0.0.1", "::1"]);
        assert_eq!(best(&["127.0.0.1", "::1", "fd00::2"], &BOTH, &[]), ["fd00::2"]);
    }

    #[test]
    fn where_the_operator_listens_is_where_we_are() {
        let all = ["127.0.0.1", "10.0.0.1", "93.184.216.34", "fd00::1"];
        assert_eq!(best(&all, &["10.0.0.1:443"], &[]), ["10.0.0.1"]);
        assert_eq!(best(&all, &["0.0.0.0:443"], &[]), ["93.184.216.34"], "no UDP over IPv6");
        assert_eq!(best(&all, &["127.0.0.1:443"], &[]), ["127.0.0.1"]);
    }

    #[test]
    fn what_others_say_goes_before_what_interfaces_say() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let found = Found { public: vec![ip("93.184.216.34")], main: vec![ip("10.0.0.1"), ip("fd00::1")], ..Found::default() };
        assert_eq!(found.relay(false), Some(ip("93.184.216.34")));
        assert_eq!(found.relay(true), Some(ip("fd00::1")));
    }

    #[test]
    fn this_machine_has_an_address() {
        assert!(interfaces().iter().any(IpAddr::is_loopback));
    }
}
