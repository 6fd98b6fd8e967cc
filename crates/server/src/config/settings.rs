//! The table of settings: what each is called, what is right for it, and how its text is read.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::thread::available_parallelism;

use axum::http::Uri;
use fireside_meeting::Route;
use fireside_protocol::limits::{MESH_PEOPLE_MOST, PEOPLE_MOST};
use ipnet::IpNet;

use super::{Given, LogFormat, Relay};

/// A machine of more cores has other work for them.
const MEDIA_THREADS_MOST: usize = 64;

/// One setting: its name in the file, what is right, and how its text is taken over (`None`: it cannot be that).
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) right: &'static str,
    pub(super) set: fn(&mut Given, &str) -> Option<()>,
}

pub(super) const SETTINGS: [Setting; 28] = [
    Setting {
        name: "listen",
        right: "an address and a port, like 127.0.0.1:8000 or [::]:8000",
        set: |given, text| text.parse().ok().map(|listen| given.listen = Some(listen)),
    },
    Setting { name: "data", right: "the path of a folder", set: |given, text| some_text(text).map(|text| given.config.data = PathBuf::from(text)) },
    Setting {
        name: "database",
        right: "sqlite:///path/to/file.db or postgres://user@host/name",
        set: |given, text| database(text).map(|text| given.config.database = Some(text)),
    },
    Setting {
        name: "public_url",
        right: "the address people type, without a path, like https://meet.example.org",
        set: |given, text| origin(text).map(|text| given.config.public_url = Some(text)),
    },
    Setting {
        name: "domain",
        right: "the name of this server on the internet, like meet.example.org",
        set: |given, text| domain(text).map(|text| given.config.domain = Some(text)),
    },
    Setting {
        name: "tls",
        right: "self-signed, or off (with `domain` or `tls_cert` it is on by itself)",
        set: |given, text| matches!(text, "self-signed" | "off").then(|| given.self_signed = Some(text == "self-signed")),
    },
    Setting {
        name: "tls_cert",
        right: "the path of a PEM file",
        set: |given, text| some_text(text).map(|text| given.tls_cert = Some(PathBuf::from(text))),
    },
    Setting {
        name: "tls_key",
        right: "the path of a PEM file",
        set: |given, text| some_text(text).map(|text| given.tls_key = Some(PathBuf::from(text))),
    },
    Setting {
        name: "acme_directory",
        right: "the address of an ACME directory, like https://acme-v02.api.letsencrypt.org/directory",
        set: |given, text| text.starts_with("https://").then(|| given.config.acme_directory = text.to_owned()),
    },
    Setting {
        name: "acme_email",
        right: "an e-mail address",
        set: |given, text| text.contains('@').then(|| given.config.acme_email = Some(text.to_owned())),
    },
    Setting {
        name: "acme_ca",
        right: "the path of a PEM file",
        set: |given, text| some_text(text).map(|text| given.config.acme_ca = Some(PathBuf::from(text))),
    },
    Setting {
        name: "http_listen",
        right: "an address and a port, like [::]:80, or off",
        set: |given, text| address_or_off(text).map(|listen| given.http_listen = Some(listen)),
    },
    Setting {
        name: "udp_listen",
        right: "an address and a port, like [::]:8000",
        set: |given, text| text.parse().ok().map(|listen| given.config.udp_listen = Some(listen)),
    },
    Setting {
        name: "public_ip",
        right: "an IPv4 address, an IPv6 address, or one of each with a comma between",
        set: |given, text| public_ips(text).map(|ips| given.config.public_ips = ips),
    },
    Setting {
        name: "stun_server",
        right: "a host and a port, like stun.example.org:3478",
        set: |given, text| host_and_port(text).map(|text| given.config.stun_server = Some(text)),
    },
    Setting { name: "relay", right: "on, off or always", set: |given, text| relay(text).map(|relay| given.config.relay = relay) },
    Setting {
        name: "relay_ports",
        right: "two ports with a dash between, like 49152-65535, at least 16 apart",
        set: |given, text| ports(text).map(|ports| given.config.relay_ports = ports),
    },
    Setting {
        name: "relay_allow",
        right: "a list of addresses or networks, like 10.0.0.0/8, fd00::/8",
        set: |given, text| networks(text).map(|networks| given.config.relay_allow = networks),
    },
    Setting {
        name: "relay_deny",
        right: "a list of addresses or networks, like 198.51.100.7, 10.1.0.0/16",
        set: |given, text| networks(text).map(|networks| given.config.relay_deny = networks),
    },
    Setting {
        name: "trusted_proxies",
        right: "a list of addresses or networks, like 127.0.0.1, 10.0.0.0/8",
        set: |given, text| networks(text).map(|networks| given.config.trusted_proxies = networks),
    },
    Setting { name: "sign_up", right: "true or false", set: |given, text| text.parse().ok().map(|sign_up| given.config.sign_up = sign_up) },
    Setting {
        name: "people",
        right: "a number of people from 2 to 500",
        set: |given, text| number(text, 2..=PEOPLE_MOST).map(|people| given.config.people = people),
    },
    Setting {
        name: "mesh_people",
        right: "a number of people from 2 to 16",
        set: |given, text| number(text, 2..=MESH_PEOPLE_MOST).map(|people| given.config.mesh_people = people),
    },
    Setting { name: "route", right: "auto, mesh or server", set: |given, text| route(text).map(|route| given.config.route = route) },
    Setting {
        name: "media_threads",
        right: "a number of threads from 1 to 64",
        set: |given, text| number(text, 1..=MEDIA_THREADS_MOST).map(|threads| given.config.media_threads = threads),
    },
    Setting {
        name: "metrics_token",
        right: "a secret of 16 characters or more",
        set: |given, text| (text.len() >= 16).then(|| given.config.metrics_token = Some(text.to_owned())),
    },
    Setting {
        name: "log_format",
        right: "auto, plain or json",
        set: |given, text| log_format(text).map(|log_format| given.config.log_format = log_format),
    },
    Setting {
        name: "log",
        right: "a level (error, warn, info, debug, trace), or levels by module like info,fireside=debug",
        set: |given, text| log_filter(text).map(|text| given.config.log = text),
    },
];

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn database(text: &str) -> Option<String> {
    ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)).then(|| text.to_owned())
}

/// The origin that a URL without path, query and user is, in its one written form.
pub(super) fn origin(text: &str) -> Option<String> {
    let url: Uri = text.parse().ok()?;
    let authority = url.authority()?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && !authority.as_str().contains('@') && !authority.host().is_empty();
    let scheme = url.scheme_str().filter(|scheme| bare && matches!(*scheme, "http" | "https"))?;
    let host = authority.host().to_ascii_lowercase();
    match (authority.port_u16(), scheme) {
        (None, _) | (Some(80), "http") | (Some(443), "https") => Some(format!("{scheme}://{host}")),
        (Some(port), _) => Some(format!("{scheme}://{host}:{port}")),
    }
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(network).collect()
}

/// A name that a certificate can be for: letters, digits and hyphens between dots.
fn domain(text: &str) -> Option<String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = text.len() <= 253 && text.contains('.') && text.split('.').all(is_label) && text.parse::<IpAddr>().is_err();
    is_name.then(|| text.to_ascii_lowercase())
}

fn address_or_off(text: &str) -> Option<Option<SocketAddr>> {
    if text == "off" { Some(None) } else { text.parse().ok().map(Some) }
}

/// One address of each family at most, and none that stands for others.
fn public_ips(text: &str) -> Option<Vec<IpAddr>> {
    let ip = |item: &str| item.trim().parse().ok().map(|ip: IpAddr| ip.to_canonical()).filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
    let ips = text.split(',').map(ip).collect::<Option<Vec<IpAddr>>>()?;
    let of_v4 = ips.iter().filter(|ip| ip.is_ipv4()).count();
    (of_v4 <= 1 && ips.len() - of_v4 <= 1).then_some(ips)
}

fn host_and_port(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    (!host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)).then(|| text.to_owned())
}

fn number(text: &str, among: RangeInclusive<usize>) -> Option<usize> {
    text.parse().ok().filter(|number| among.contains(number))
}

/// As many threads as the machine runs at once.
pub(super) fn all_cores() -> usize {
    available_parallelism().map_or(1, NonZero::get).min(MEDIA_THREADS_MOST)
}

fn route(text: &str) -> Option<Route> {
    match text {
        "auto" => Some(Route::Auto),
        "mesh" => Some(Route::Mesh),
        "server" => Some(Route::Server),
        _ => None,
    }
}

fn relay(text: &str) -> Option<Relay> {
    match text {
        "on" => Some(Relay::On),
        "off" => Some(Relay::Off),
        "always" => Some(Relay::Always),
        _ => None,
    }
}

/// Ports that need no right of the system's, and enough of them for a call.
fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first >= 1024 && last.checked_sub(first)? >= 16).then_some(first..=last)
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "auto" => Some(LogFormat::Auto),
        "plain" => Some(LogFormat::Plain),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn log_filter(text: &str) -> Option<String> {
    let filter = tracing_subscriber::EnvFilter::builder().parse(text);
    filter.is_ok().then(|| some_text(text)).flatten()
}
