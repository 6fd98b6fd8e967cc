//! Which peers may be relayed to.
//!
//! A relay sends from inside the operator's network, so by default it sends to the public internet only. An address can be written in
//! many ways: IPv6 forms that carry an IPv4 address are taken apart first, and the address as written and every address inside it must
//! pass (CVE-2026-27624 and CVE-2020-26262 were relays that looked at the outside only). Knows addresses, and ports only where they are
//! ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::message::array_at;

/// IPv4 that is not the public internet: IANA's special-purpose registry, and multicast.
const RESERVED_V4: [Ipv4Net; 19] = [
    v4(0, 0, 0, 0, 8),        // "this network"; 0.0.0.0 reaches the host itself
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // shared by carriers; some clouds keep their metadata there
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // a cloud's (Azure) host service: looks public, is not
    v4(169, 254, 0, 0, 16),   // link-local; the metadata of most clouds
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 31, 196, 0, 24),  // AS112
    v4(192, 52, 193, 0, 24),  // AMT
    v4(192, 88, 99, 0, 24),   // 6to4 relays
    v4(192, 168, 0, 0, 16),   // private
    v4(192, 175, 48, 0, 24),  // AS112
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, and broadcast
];

/// Global unicast IPv6. All else (loopback, mapped, NAT64, discard, unique-local, link-local, site-local, multicast, and what is not
/// yet assigned) is refused …
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// … and so are these inside it.
const RESERVED_V6: [Ipv6Net; 6] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),         // protocol assignments: Teredo, ORCHID, benchmarks
    v6([0x2001, 0xDB8, 0, 0, 0, 0, 0, 0], 32),     // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),         // 6to4
    v6([0x2620, 0x4F, 0x8000, 0, 0, 0, 0, 0], 48), // AS112
    v6([0x3FFE, 0, 0, 0, 0, 0, 0, 0], 16),         // 6bone, returned
    v6([0x3FFF, 0, 0, 0, 0, 0, 0, 0], 20),         // documentation
];

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(s: [u16; 8], length: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = s;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// What the operator says about peers, on top of the defaults.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Every address of this machine. Never relayed to, not even when allowed: the relay would reach our own listeners from inside.
    /// (Relay sockets of other clients are the exception, and not decided here; and [`Policy::media`].)
    pub own: Vec<IpAddr>,
    /// Where our own media is reached, address and port: relayed to although it is our own. The driver hands over inside what is for
    /// media, and nothing else; no socket sends there.
    pub media: Vec<SocketAddr>,
    /// Never relayed to, not even when allowed: the database, the message bus.
    pub deny: Vec<IpNet>,
    /// Relayed to although not public, such as the operator's own network.
    pub allow: Vec<IpNet>,
}

impl Policy {
    /// Whether `peer` may be relayed to.
    #[must_use]
    pub fn allows(&self, peer: IpAddr) -> bool {
        self.allows_form(peer) && embedded(peer).into_iter().flatten().all(|inner| self.allows_form(IpAddr::V4(inner)))
    }

    /// The same for an address with its port.
    #[must_use]
    pub fn allows_at(&self, peer: SocketAddr) -> bool {
        self.is_media(peer) || self.allows(peer.ip())
    }

    /// Whether our own media is reached there.
    #[must_use]
    pub fn is_media(&self, peer: SocketAddr) -> bool {
        self.media.contains(&peer)
    }

    /// Whether our own media is reached at this address, by whatever port.
    pub(crate) fn has_media(&self, address: IpAddr) -> bool {
        self.media.iter().any(|media| media.ip() == address)
    }

    fn allows_form(&self, peer: IpAddr) -> bool {
        let is_own = self.own.iter().any(|own| own.to_canonical() == peer);
        let is_denied = self.deny.iter().any(|range| range.contains(&peer));
        !is_own && !is_denied && (is_public(peer) || self.allow.iter().any(|range| range.contains(&peer)))
    }
}

/// Whether the address, taken as it is written, is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !RESERVED_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => GLOBAL_V6.contains(&address) && !RESERVED_V6.iter().any(|range| range.contains(&address)),
    }
}

/// The IPv4 addresses that an address carries inside.
fn embedded(address: IpAddr) -> [Option<Ipv4Addr>; 3] {
    let IpAddr::V6(address) = address else { return [None; 3] };
    let bytes = address.octets();
    let at = |start| array_at::<4>(&bytes, start).map(Ipv4Addr::from);
    let last = at(12);
    match address.segments() {
        // IPv4-compatible, -mapped (RFC 4291 §2.5.5) and -translated (RFC 2765).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xFFFF, ..] | [0, 0, 0, 0, 0xFFFF, 0, ..] => [last, None, None],
        // NAT64 (RFC 6052), and its local prefix (RFC 8215) with addresses behind 96 or 48 bits.
        [0x64, 0xFF9B, 0, 0, 0, 0, ..] => [last, None, None],
        [0x64, 0xFF9B, 1, ..] => [last, Some(Ipv4Addr::new(bytes[6], bytes[7], bytes[9], bytes[10])), None],
        // Teredo (RFC 4380): the server, and the client with all bits turned.
        [0x2001, 0, ..] => [at(4), last.map(|client| Ipv4Addr::from(!u32::from(client))), None],
        // 6to4 (RFC 3056), perhaps with ISATAP inside.
        [0x2002, ..] => [at(2), isatap(&bytes), None],
        _ => [isatap(&bytes), None, None],
    }
}

/// ISATAP (RFC 5214): any prefix, then 0000:5efe or 0200:5efe, then the address.
fn isatap(bytes: &[u8; 16]) -> Option<Ipv4Addr> {
    let is_isatap = bytes[8] & !0x03 == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
    is_isatap.then(|| Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_public_internet_is_allowed() {
        let policy = Policy::default();
        for peer in ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2a00::5efe:808:808"] {
            assert!(policy.allows(ip(peer)), "{peer}");
        }
    }

    #[test]
    fn an_allowed_range_opens_that_range_only() {
        let policy = Policy { allow: vec!["10.1.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()], ..Policy::default() };
        assert!(policy.allows(ip("10.1.2.3")));
        assert!(policy.allows(ip("fd00::1")));
        assert!(!policy.allows(ip("10.2.0.1")));
        assert!(!policy.allows(ip("fd00:0:0:1::1")));
        assert!(!policy.allows(ip("::ffff:10.1.2.3")), "a form that no peer needs stays refused");
    }

    #[test]
    fn an_allowed_tunnel_is_still_looked_into() {
        let policy = Policy { allow: vec!["64:ff9b::/96".parse().unwrap()], ..Policy::default() };
        assert!(policy.allows(ip("64:ff9b::8.8.8.8")));
        assert!(!policy.allows(ip("64:ff9b::127.0.0.1")));
        assert!(!policy.allows(ip("64:ff9b::169.254.169.254")));
        let policy = Policy { allow: vec!["2001::/32".parse().unwrap(), "2002::/16".parse().unwrap()], ..Policy::default() };
        assert!(policy.allows(ip("2001:0:808:808::f7f7:f7f7")), "Teredo: server 8.8.8.8, client 8.8.8.8");
        assert!(!policy.allows(ip("2001:0:808:808::80ff:fffe")), "client 127.0.0.1");
        assert!(!policy.allows(ip("2001:0:a00:1::f7f7:f7f7")), "server 10.0.0.1");
        assert!(policy.allows(ip("2002:808:808::1")), "6to4");
        assert!(!policy.allows(ip("2002:7f00:1::1")));
        assert!(!policy.allows(ip("2002:808:808::5efe:10.0.0.1")), "ISATAP inside it");
    }

    #[test]
    fn own_and_denied_addresses_stay_closed_in_every_form() {
        let everything = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        let policy = Policy { own: vec![ip("93.184.216.34")], deny: vec!["10.0.0.5/32".parse().unwrap()], allow: everything, ..Policy::default() };
        for peer in ["93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34", "2002:5db8:d822::1", "10.0.0.5", "2a00::5efe:10.0.0.5"] {
            assert!(!policy.allows(ip(peer)), "{peer}");
        }
        assert!(policy.allows(ip("10.0.0.6")));
    }

    #[test]
    fn our_own_media_is_at_one_port_and_in_one_form() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let media = vec![at("93.184.216.34:443"), at("[fd00::1]:443")];
        let policy = Policy { own: vec![ip("93.184.216.34"), ip("fd00::1")], media, ..Policy::default() };
        assert!(policy.allows_at(at("93.184.216.34:443")) && policy.allows_at(at("[fd00::1]:443")));
        for peer in
            ["93.184.216.34:80", "93.184.216.34:0", "[::ffff:93.184.216.34]:443", "[64:ff9b::93.184.216.34]:443", "[fd00::1]:5432", "[fd00::2]:443"]
        {
            assert!(!policy.allows_at(at(peer)), "{peer}");
        }
        assert!(!policy.allows(ip("93.184.216.34")));
    }
}
