//! Where clients are told to find the media of calls: the server's addresses, by UDP and, where TCP is listened on there, by TCP.

use std::net::{IpAddr, SocketAddr};

use fireside_sfu::{Endpoint, Transport};

use crate::media::addresses::{Addresses, Found};

/// Addresses of each family that clients are told. Each is tried by each of them.
const MOST: usize = 6;

/// The addresses, as they are now.
pub(in crate::media) fn endpoints(addresses: &Addresses) -> Vec<Endpoint> {
    told(&addresses.found(), addresses.udp(), addresses.tcp())
}

/// Public addresses if others say such (the sockets are at the interface of that family by which the machine is reached best), otherwise
/// those of all interfaces: one machine may be in several networks.
fn told(found: &Found, udp: &[SocketAddr], tcp: SocketAddr) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for listener in udp {
        let v6 = listener.is_ipv6();
        let main = found.main.iter().copied().find(|ip| ip.is_ipv6() == v6);
        let public: Vec<IpAddr> = found.public.iter().copied().filter(|ip| ip.is_ipv6() == v6).collect();
        let places: Vec<(IpAddr, IpAddr)> = if public.is_empty() {
            interfaces(found, *listener, main).into_iter().map(|ip| (ip, ip)).collect()
        } else {
            let local = |ip| if found.interfaces.contains(&ip) { Some(ip) } else { main };
            public.into_iter().filter_map(|ip| Some((local(ip)?, ip))).collect()
        };
        for (local, advertised) in places.into_iter().take(MOST) {
            let endpoint = |transport, port| {
                let (local, advertised) = (SocketAddr::new(local, port), SocketAddr::new(advertised, port));
                Endpoint { transport, local, advertised }
            };
            endpoints.push(endpoint(Transport::Udp, listener.port()));
            if listens(tcp.ip(), local) {
                endpoints.push(endpoint(Transport::Tcp, tcp.port()));
            }
        }
    }
    endpoints
}

/// Those of the listener's family, the best first. Loopback only where there is nothing else.
fn interfaces(found: &Found, listener: SocketAddr, main: Option<IpAddr>) -> Vec<IpAddr> {
    if !listener.ip().is_unspecified() {
        return vec![listener.ip()];
    }
    let others = found.interfaces.iter().copied().filter(|ip| ip.is_ipv6() == listener.is_ipv6() && Some(*ip) != main);
    main.into_iter().chain(others.filter(|ip| !ip.is_loopback() && !is_link_local(*ip))).collect()
}

/// Whether who connects to this address of the machine gets to the listener.
fn listens(listener: IpAddr, at: IpAddr) -> bool {
    match listener.to_canonical() {
        IpAddr::V6(ip) if ip.is_unspecified() => true,
        IpAddr::V4(ip) if ip.is_unspecified() => at.is_ipv4(),
        listener => listener == at,
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    fn case(interfaces: &[&str], public: &[&str], main: &[&str], tcp: &str) -> Vec<String> {
        let found = Found { interfaces: ips(interfaces), public: ips(public), main: ips(main), ..Found::default() };
        let udp = ["0.0.0.0:8000".parse().expect("an address"), "[::]:8000".parse().expect("an address")];
        told(&found, &udp, tcp.parse().expect("an address")).iter().map(written).collect()
    }

    fn written(endpoint: &Endpoint) -> String {
        let Endpoint { transport, local, advertised } = endpoint;
        let place = if local == advertised { local.to_string() } else { format!("{advertised} at {}", local.ip()) };
        format!("{} {place}", if *transport == Transport::Udp { "udp" } else { "tcp" })
    }

    #[test]
    fn all_networks_that_the_machine_is_in_and_not_loopback() {
        let interfaces = ["127.0.0.1", "10.0.0.1", "192.168.1.2", "169.254.1.1", "::1", "fd00::2", "fe80::1"];
        let main = ["192.168.1.2", "fd00::2"];
        assert_eq!(case(&interfaces, &[], &main, "127.0.0.1:8000"), ["udp 192.168.1.2:8000", "udp 10.0.0.1:8000", "udp [fd00::2]:8000"]);
        let both = case(&interfaces, &[], &main, "[::]:80");
        assert_eq!(
            both,
            ["udp 192.168.1.2:8000", "tcp 192.168.1.2:80", "udp 10.0.0.1:8000", "tcp 10.0.0.1:80", "udp [fd00::2]:8000", "tcp [fd00::2]:80"]
        );
        assert_eq!(case(&interfaces, &[], &main, "0.0.0.0:80").iter().filter(|place| place.starts_with("tcp")).count(), 2, "IPv4 alone");
    }

    #[test]
    fn behind_a_nat_the_public_address_and_the_one_behind_it() {
        let interfaces = ["127.0.0.1", "10.0.0.1", "10.0.0.2", "::1"];
        let told = case(&interfaces, &["93.184.216.34"], &["10.0.0.2"], "0.0.0.0:8000");
        assert_eq!(told, ["udp 93.184.216.34:8000 at 10.0.0.2", "tcp 93.184.216.34:8000 at 10.0.0.2"]);
        assert_eq!(case(&["93.184.216.34", "10.0.0.2"], &["93.184.216.34"], &["10.0.0.2"], "127.0.0.1:1"), ["udp 93.184.216.34:8000"]);
    }

    #[test]
    fn with_nothing_but_loopback_that_is_it() {
        assert_eq!(case(&["127.0.0.1", "::1"], &[], &["127.0.0.1", "::1"], "127.0.0.1:8000")[..2], ["udp 127.0.0.1:8000", "tcp 127.0.0.1:8000"]);
    }

    #[test]
    fn where_udp_listens_at_one_address_it_is_that() {
        let found = Found { interfaces: ips(&["10.0.0.1", "10.0.0.2"]), main: ips(&["10.0.0.2"]), ..Found::default() };
        let udp = ["10.0.0.2:3478".parse().expect("an address")];
        let told: Vec<_> = told(&found, &udp, "10.0.0.1:443".parse().expect("an address")).iter().map(written).collect();
        assert_eq!(told, ["udp 10.0.0.2:3478"]);
    }
}
