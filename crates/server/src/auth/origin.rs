//! Where a request comes from: its origin (against forged requests) and its address (for limits and logs).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};

use crate::config::{Config, Tls};

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The request was made by a page of ours: `Origin` (and `Sec-Fetch-Site`, where sent) name this site. Required for every
/// unsafe method and for the WebSocket upgrade; a missing `Origin` is not ours.
#[must_use]
pub fn is_ours(config: &Config, headers: &HeaderMap) -> bool {
    let Some(ours) = site_origin(config, headers) else { return false };
    let Some(origin) = only(headers, &header::ORIGIN) else { return false };
    let same_site = headers.get(&SEC_FETCH_SITE).is_none_or(|value| value == "same-origin");
    same_site && origin == ours
}

/// This site's own origin as the one who asks sees it, `https://meet.example.org`: the configured address, and only if the
/// request names its host; without one, what the request names if that is a loopback name or an address in figures (no other
/// site can make a browser send such a name for its own pages). `None`: the request is for somebody else.
#[must_use]
pub fn site_origin(config: &Config, headers: &HeaderMap) -> Option<String> {
    let host = only(headers, &header::HOST)?;
    let authority: Authority = host.parse().ok()?;
    if host.contains('@') {
        return None;
    }
    let host = authority.as_str().to_ascii_lowercase();
    match &config.public_url {
        Some(url) => {
            let (scheme, expected) = url.split_once("://")?;
            let default_port = if scheme == "https" { ":443" } else { ":80" };
            (host.strip_suffix(default_port).unwrap_or(&host) == expected).then(|| url.clone())
        }
        None if is_local(authority.host()) => {
            let (scheme, default_port) = if config.tls == Tls::Off { ("http", ":80") } else { ("https", ":443") };
            Some(format!("{scheme}://{}", host.strip_suffix(default_port).unwrap_or(&host)))
        }
        None => None,
    }
}

/// The same for one who came by plain HTTP to a server that speaks TLS: where to come instead. `port`: that of TLS, if it is
/// another one than where they came. By which port they named a configured host is of no matter.
#[must_use]
pub fn https_origin(config: &Config, headers: &HeaderMap, port: Option<u16>) -> Option<String> {
    let host = only(headers, &header::HOST)?;
    let authority: Authority = host.parse().ok().filter(|_| !host.contains('@'))?;
    let host = authority.host().to_ascii_lowercase();
    if let Some(url) = &config.public_url {
        let expected: Authority = url.strip_prefix("https://")?.parse().ok()?;
        return (host == expected.host()).then(|| url.clone());
    }
    let port = port.or(authority.port_u16()).filter(|port| *port != 443).map(|port| format!(":{port}"));
    is_local(&host).then(|| format!("https://{host}{}", port.unwrap_or_default()))
}

/// The address that a request came from, looking through the trusted proxies: the last one in the chain that none of them is.
#[must_use]
pub fn client_address(config: &Config, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |address: IpAddr| config.trusted_proxies.iter().any(|network| network.contains(&address));
    let mut address = peer.ip().to_canonical();
    let named = headers.get_all(&X_FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for hop in named.collect::<Vec<_>>().into_iter().rev() {
        if !trusted(address) {
            break;
        }
        let Some(next) = read_address(hop.trim()) else { break };
        address = next;
    }
    address
}

/// Whom an address likely stands for: an IPv4 address for itself, one of IPv6 for the /64 that a subscriber is given.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_local(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    host == "localhost" || host.ends_with(".localhost") || literal.parse::<IpAddr>().is_ok()
}

fn read_address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn public(url: &str) -> Config {
        Config { public_url: Some(url.to_owned()), ..Config::default() }
    }

    #[test]
    fn only_a_page_of_this_very_origin_is_ours() {
        let config = public("https://meet.example.org");
        let host = ("host", "meet.example.org");
        assert!(is_ours(&config, &headers(&[host, ("origin", "https://meet.example.org")])));
        assert!(is_ours(&config, &headers(&[host, ("origin", "https://meet.example.org"), ("sec-fetch-site", "same-origin")])));
        for forged in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://meet.example.org")],
            &[host, ("origin", "https://evil.meet.example.org")],
            &[host, ("origin", "https://meet.example.org.evil.test")],
            &[host, ("origin", "https://meet.example.org:8443")],
            &[host, ("origin", "https://meet.example.org"), ("sec-fetch-site", "cross-site")],
            &[host, ("origin", "https://meet.example.org"), ("sec-fetch-site", "same-site")],
            &[("host", "evil.test"), ("origin", "https://evil.test")],
        ] {
            assert!(!is_ours(&config, &headers(forged)), "{forged:?}");
        }
    }

    #[test]
    fn without_a_public_address_only_local_names_and_figures_are_hosts() {
        let config = Config::default();
        for (host, origin) in [
            ("localhost:8000", "http://localhost:8000"),
            ("LOCALHOST:8000", "http://localhost:8000"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("192.168.1.7", "http://192.168.1.7"),
            ("fireside.localhost", "http://fireside.localhost"),
        ] {
            assert_eq!(site_origin(&config, &headers(&[("host", host)])).as_deref(), Some(origin));
        }
        for host in ["evil.test", "localhost.evil.test", "127.0.0.1.nip.io", "a@localhost", "0x7f.1", "", "local host"] {
            assert_eq!(site_origin(&config, &headers(&[("host", host)])), None, "{host}");
        }
    }

    #[test]
    fn with_tls_of_our_own_local_names_are_reached_by_it() {
        let config = Config { tls: Tls::SelfSigned, ..Config::default() };
        for (host, origin) in
            [("192.168.1.7:8443", "https://192.168.1.7:8443"), ("localhost:443", "https://localhost"), ("[::1]:80", "https://[::1]:80")]
        {
            assert_eq!(site_origin(&config, &headers(&[("host", host)])).as_deref(), Some(origin));
        }
    }

    #[test]
    fn who_came_by_plain_http_is_sent_to_where_we_are_and_nowhere_else() {
        let way = |config: &Config, host: &'static str, port| https_origin(config, &headers(&[("host", host)]), port);
        let config = public("https://meet.example.org:8443");
        for host in ["meet.example.org", "Meet.Example.org:80", "meet.example.org:8443"] {
            assert_eq!(way(&config, host, Some(8443)).as_deref(), Some("https://meet.example.org:8443"), "{host}");
        }
        assert_eq!(way(&public("http://meet.example.org"), "meet.example.org", None), None);
        let config = Config::default();
        assert_eq!(way(&config, "192.168.1.7", Some(443)).as_deref(), Some("https://192.168.1.7"));
        assert_eq!(way(&config, "[fd00::7]:80", Some(8443)).as_deref(), Some("https://[fd00::7]:8443"));
        assert_eq!(way(&config, "localhost:8443", None).as_deref(), Some("https://localhost:8443"));
        for host in ["evil.test", "a@localhost", "localhost.evil.test", ""] {
            assert_eq!(way(&public("https://meet.example.org"), host, None), None, "{host}");
            assert_eq!(way(&Config::default(), host, Some(443)), None, "{host}");
        }
    }

    #[test]
    fn two_hosts_are_none() {
        let mut two = headers(&[("host", "localhost")]);
        two.append(header::HOST, HeaderValue::from_static("evil.test"));
        assert_eq!(site_origin(&Config::default(), &two), None);
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_alone() {
        let peer = SocketAddr::from(([10, 0, 0, 1], 5000));
        let forwarded = headers(&[("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.2")]);
        assert_eq!(client_address(&Config::default(), peer, &forwarded), peer.ip());
        let config = Config { trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")], ..Config::default() };
        assert_eq!(client_address(&config, peer, &forwarded).to_string(), "203.0.113.9");
        assert_eq!(client_address(&config, peer, &headers(&[("x-forwarded-for", "not an address")])), peer.ip());
    }
}
