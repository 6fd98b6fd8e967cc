//! Whether the settings go together, and are what one would have in earnest. Judges; looks at nothing but them.

use std::net::IpAddr;

use axum::http::Uri;
use fireside_turn::Policy;
use ipnet::IpNet;

use super::finding::{Finding, Findings};
use crate::config::{Config, ConfigError, Relay, Tls};

/// Fewer ports are soon used up: one person in a call of eight may take a dozen.
const FEW_PORTS: usize = 200;
/// Of zxcvbn's 0 to 4: from here on a guess takes more than a weekend.
const GOOD_SECRET: zxcvbn::Score = zxcvbn::Score::Three;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut found = Findings::of("settings");
    public_address(config, &mut found);
    proxies(config, &mut found);
    listening(config, &mut found);
    sign_up(config, &mut found);
    metrics(config, &mut found);
    relay(config, &mut found);
    acme(config, &mut found);
    log(config, &mut found);
    found.into_vec()
}

/// Settings that cannot be read. A value that may be a secret is not repeated.
pub(super) fn refused(error: &anyhow::Error) -> Vec<Finding> {
    let mut found = Findings::of("settings");
    let says = match error.downcast_ref::<ConfigError>() {
        Some(ConfigError::Value { origin, name: name @ ("metrics_token" | "database"), right, .. }) => {
            format!("{origin}: `{name}` cannot be what it is; it is {right}")
        }
        // The reader shows the line that it stumbled over.
        Some(ConfigError::File { path, why }) => {
            format!("the configuration file {} cannot be read: {}", path.display(), why.lines().next().unwrap_or_default())
        }
        _ => format!("{error:#}"),
    };
    found.problem("readable", capital(&says), "Correct it: the server would not start either.");
    found.into_vec()
}

/// The host of the public address, if there is one.
pub(super) fn public_host(config: &Config) -> Option<String> {
    let url: Uri = config.public_url.as_deref()?.parse().ok()?;
    url.host().map(|host| host.trim_matches(['[', ']']).to_owned())
}

/// People on other machines are meant to come.
fn is_public(config: &Config) -> bool {
    public_host(config).is_some_and(|host| !is_loopback(&host)) || (config.public_url.is_none() && !is_near(config))
}

fn is_near(config: &Config) -> bool {
    config.listen.ip().to_canonical().is_loopback()
}

fn is_loopback(host: &str) -> bool {
    let is_name = host == "localhost" || host.ends_with(".localhost");
    is_name || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn public_address(config: &Config, found: &mut Findings) {
    let advice =
        "Use --domain to get a certificate by itself, --tls-cert and --tls-key, or a reverse proxy that speaks HTTPS and --public-url https://….";
    match (&config.public_url, public_host(config)) {
        (Some(url), Some(host)) if url.starts_with("http://") && !is_loopback(&host) => {
            let why = "browsers give a page without HTTPS neither camera nor microphone, and passwords would cross the network in the clear";
            found.problem("public_url", format!("People are to come to {url}: {why}."), advice);
        }
        (Some(url), _) => found.ok("public_url", format!("People come to {url}.")),
        (None, _) if is_near(config) => found.ok("public_url", "There is no public address: people on this machine can use it, nobody else."),
        (None, _) if config.tls == Tls::Off => {
            let says = "Others can open the pages by plain HTTP, but browsers give them neither camera nor microphone.";
            found.warning("public_url", says, advice);
        }
        (None, _) => {
            found.ok("public_url", "There is no public address: people come by this machine's address in figures.");
        }
    }
    if config.domain.is_some() && config.data.is_relative() {
        let says = format!("The data folder {} is another one in each folder that the server is started from.", config.data.display());
        found.warning("data", says, "Give its whole path with --data, /var/lib/fireside for example.");
    }
}

fn proxies(config: &Config, found: &mut Findings) {
    let wide: Vec<_> = config.trusted_proxies.iter().filter(|network| is_wide(network)).map(IpNet::to_string).collect();
    let is_behind = config.tls == Tls::Off && config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    if !wide.is_empty() {
        let says = format!("Whoever comes from {} is believed what they say of their own address, so limits do not hold for them.", wide.join(", "));
        found.problem("trusted_proxies", says, "Name the addresses of your reverse proxies alone: --trusted-proxies 127.0.0.1, for example.");
    } else if is_behind && config.trusted_proxies.is_empty() {
        let says = "HTTPS is spoken by a reverse proxy that is not named: all people seem to come from its address and share its limits.";
        found.warning("trusted_proxies", says, "Name its address: --trusted-proxies 127.0.0.1 if it is on this machine.");
    } else if config.trusted_proxies.is_empty() {
        found.ok("trusted_proxies", "Nobody is believed to be a reverse proxy.");
    } else {
        let named: Vec<_> = config.trusted_proxies.iter().map(IpNet::to_string).collect();
        found.ok("trusted_proxies", format!("Reverse proxies are believed at {}.", named.join(", ")));
    }
    if is_behind && !is_near(config) && public_host(config).is_some() {
        let says = format!("Plain HTTP is listened for at {}, where people may come around the reverse proxy.", config.listen);
        found.warning("listen", says, "If the proxy is on this machine, use --listen 127.0.0.1:8000; if not, let a firewall let it alone through.");
    }
}

/// More than a network that one operator may call their own.
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 16 && network.prefix_len() != 7,
    }
}

fn listening(config: &Config, found: &mut Findings) {
    let udp = config.udp_listen.map(|address| address.ip().to_canonical());
    if udp.is_some_and(|ip| ip.is_loopback()) && is_public(config) {
        let says = "UDP is listened for on this machine alone: nobody else's STUN or media arrives.";
        found.problem("udp_listen", says, "Leave --udp-listen out, or give it [::] and the port.");
    }
    let private: Vec<_> = config.public_ips.iter().filter(|ip| !Policy::default().allows(**ip)).map(IpAddr::to_string).collect();
    if !private.is_empty() && config.domain.is_some() {
        let says = format!("The public address {} is not one of the internet.", private.join(", "));
        found.warning("public_ip", says, "Give the address that others reach this machine at, or leave --public-ip out.");
    }
}

fn sign_up(config: &Config, found: &mut Findings) {
    match (config.sign_up, is_public(config)) {
        (true, true) => found.ok("sign_up", "Anyone who finds this server may sign up and make rooms (--sign-up false closes that)."),
        (true, false) => found.ok("sign_up", "Anyone who reaches this server may sign up."),
        (false, _) => found.ok("sign_up", "Nobody may sign up; `fireside user create` makes accounts."),
    }
}

fn metrics(config: &Config, found: &mut Findings) {
    match &config.metrics_token {
        None => found.ok("metrics_token", "Only this machine may read /metrics."),
        Some(token) if zxcvbn::zxcvbn(token, &[]).score() < GOOD_SECRET => {
            let says = "The secret for /metrics is easily guessed.";
            found.warning("metrics_token", says, "Take a random one: `openssl rand -hex 16` makes one.");
        }
        Some(_) => found.ok("metrics_token", "Whoever knows its secret may read /metrics."),
    }
}

fn relay(config: &Config, found: &mut Findings) {
    match config.relay {
        Relay::Off => {
            let says = "The relay is off: people behind strict firewalls or routers cannot be connected with each other.";
            found.warning("relay", says, "Use --relay on, unless your users are all in one network.");
            return;
        }
        Relay::On => found.ok("relay", "The relay is there for those who cannot reach each other."),
        Relay::Always => found.ok("relay", "All media goes through the relay: nobody in a call learns anybody's address."),
    }
    let ports = &config.relay_ports;
    let (first, last, count) = (ports.start(), ports.end(), ports.len());
    let listened = [Some(config.listen), config.udp_listen].into_iter().flatten().map(|address| address.port());
    if let Some(port) = listened.into_iter().find(|port| ports.contains(port)) {
        let says = format!("Port {port}, on which the server listens, is among the relay's ({first}-{last}).");
        found.warning("relay_ports", says, "It does without that one; better choose other ones with --relay-ports.");
    } else if count < FEW_PORTS {
        let says = format!("The relay has {count} ports ({first}-{last}), which a few busy calls use up.");
        found.warning("relay_ports", says, "Give it more with --relay-ports, 49152-65535 for example, and open them in the firewall.");
    } else {
        found.ok("relay_ports", format!("The relay's ports are {first}-{last}; the firewall must let UDP come and go by them."));
    }
    let mine = ["127.0.0.1", "::1"].map(|ip| ip.parse::<IpAddr>());
    let open: Vec<_> =
        config.relay_allow.iter().filter(|network| mine.iter().flatten().any(|ip| network.contains(ip))).map(IpNet::to_string).collect();
    if !open.is_empty() {
        let says = format!("Whoever is in a call may send datagrams through the relay to {}: to programs of this very machine.", open.join(", "));
        found.problem("relay_allow", says, "Leave it out of --relay-allow.");
    } else if !config.relay_allow.is_empty() {
        let named: Vec<_> = config.relay_allow.iter().map(IpNet::to_string).collect();
        let says = format!("Whoever is in a call, guests too, may send datagrams through the relay to {}.", named.join(", "));
        found.warning("relay_allow", says, "Leave --relay-allow out, if people in that network reach each other and this server in another way.");
    }
}

fn acme(config: &Config, found: &mut Findings) {
    if config.tls != Tls::Acme {
        return;
    }
    if config.listen.port() != 443 && config.http_listen.is_none() {
        let says = format!("The certificate authority looks for this server at port 443 or 80; it listens on {}.", config.listen.port());
        found.warning("acme", says, "Let port 443 of the public address lead to it, or use --http-listen [::]:80.");
    }
    if config.acme_directory.contains("staging") {
        let says = "Certificates come from an authority for trials, which no browser believes.";
        found.warning("acme_directory", says, "Leave --acme-directory out once the trials are over.");
    }
}

fn log(config: &Config, found: &mut Findings) {
    let is_chatty = config.log.split([',', '=']).any(|word| matches!(word.trim().to_ascii_lowercase().as_str(), "debug" | "trace"));
    if is_chatty && is_public(config) {
        let says = format!("The log is at {:?}: it names people and addresses, and grows quickly.", config.log);
        found.warning("log", says, "Use --log info, unless you are looking for something.");
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    /// What is said of the settings that are given as on the command line: the check and how it is, all that are not fine.
    fn told(options: &[(&'static str, &str)]) -> Vec<(&'static str, Status)> {
        let options = options.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let found = check(&Config::load(None, [], options).expect("settings"));
        assert!(found.iter().all(|finding| (finding.advice.is_none()) == (finding.status == Status::Ok)), "{found:?}");
        found.into_iter().filter(|finding| finding.status != Status::Ok).map(|finding| (finding.check, finding.status)).collect()
    }

    const DOMAIN: (&str, &str) = ("domain", "meet.example.org");
    const DATA: (&str, &str) = ("data", "/var/lib/fireside");

    #[test]
    fn what_is_fine_is_left_alone() {
        assert_eq!(told(&[]), []);
        assert_eq!(told(&[DOMAIN, DATA]), []);
        let behind = [("public_url", "https://meet.example.org"), ("trusted_proxies", "127.0.0.1")];
        assert_eq!(told(&behind), []);
        assert_eq!(told(&[("tls", "self-signed"), ("sign_up", "false"), ("relay", "always")]), []);
        assert_eq!(told(&[("log", "debug")]), [], "on this machine alone");
        assert_eq!(told(&[("public_url", "http://localhost:8000")]), []);
    }

    #[test]
    fn production_without_https_is_refused() {
        assert_eq!(told(&[("public_url", "http://meet.example.org")]), [("public_url", Status::Problem)]);
        assert_eq!(told(&[("public_url", "http://192.0.2.7:8000")]), [("public_url", Status::Problem)]);
        assert_eq!(told(&[("listen", "0.0.0.0:8000")]), [("public_url", Status::Warning)]);
    }

    #[test]
    fn proxies_are_named_and_not_all_the_world() {
        for wide in ["0.0.0.0/0", "::/0", "10.0.0.1, 128.0.0.0/1"] {
            assert_eq!(told(&[DOMAIN, DATA, ("trusted_proxies", wide)]), [("trusted_proxies", Status::Problem)], "{wide}");
        }
        assert_eq!(told(&[DOMAIN, DATA, ("trusted_proxies", "10.0.0.0/8, fc00::/7")]), []);
        assert_eq!(told(&[("public_url", "https://meet.example.org")]), [("trusted_proxies", Status::Warning)]);
        let around = [("public_url", "https://meet.example.org"), ("trusted_proxies", "10.0.0.1"), ("listen", "[::]:8000")];
        assert_eq!(told(&around), [("listen", Status::Warning)]);
    }

    #[test]
    fn the_relay_reaches_nobody_it_should_not() {
        assert_eq!(told(&[("relay_allow", "127.0.0.0/8")]), [("relay_allow", Status::Problem)]);
        assert_eq!(told(&[("relay_allow", "::/0")]), [("relay_allow", Status::Problem)]);
        assert_eq!(told(&[("relay_allow", "10.0.0.0/8")]), [("relay_allow", Status::Warning)]);
        assert_eq!(told(&[("relay", "off")]), [("relay", Status::Warning)]);
        assert_eq!(told(&[("relay_ports", "50000-50050")]), [("relay_ports", Status::Warning)]);
        assert_eq!(told(&[("listen", "127.0.0.1:50000")]), [("relay_ports", Status::Warning)]);
        assert_eq!(told(&[("udp_listen", "0.0.0.0:50000")]), [("relay_ports", Status::Warning)]);
    }

    #[test]
    fn the_rest_has_a_rule_each() {
        assert_eq!(told(&[DOMAIN, DATA, ("udp_listen", "127.0.0.1:443")]), [("udp_listen", Status::Problem)]);
        assert_eq!(told(&[DOMAIN, DATA, ("public_ip", "192.168.1.2")]), [("public_ip", Status::Warning)]);
        assert_eq!(told(&[DOMAIN]), [("data", Status::Warning)]);
        assert_eq!(told(&[("metrics_token", "passwordpassword")]), [("metrics_token", Status::Warning)]);
        assert_eq!(told(&[("metrics_token", "b1946ac92492d2347c6235b4d2611184")]), []);
        assert_eq!(told(&[DOMAIN, DATA, ("log", "info,fireside=debug")]), [("log", Status::Warning)]);
        assert_eq!(told(&[DOMAIN, DATA, ("listen", "[::]:8443")]), [("acme", Status::Warning)]);
        let staging = ("acme_directory", "https://acme-staging-v02.api.letsencrypt.org/directory");
        assert_eq!(told(&[DOMAIN, DATA, staging]), [("acme_directory", Status::Warning)]);
    }

    #[test]
    fn what_cannot_be_read_is_said_without_what_may_be_secret() {
        let says = |options: &[(&'static str, &str)]| {
            let options = options.iter().map(|(name, value)| (*name, (*value).to_owned()));
            let error = Config::load(None, [], options).expect_err("wrong").into();
            refused(&error).remove(0).says
        };
        assert!(says(&[("listen", "8000")]).contains("`listen` cannot be `8000`; it is an address and a port"));
        assert!(!says(&[("metrics_token", "canary")]).contains("canary"));
        assert!(!says(&[("database", "mysql://canary@host")]).contains("canary"));
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "metrics_token = \"canary\nlisten = 1").expect("written");
        let error = Config::load(Some(file.path()), [], []).expect_err("not TOML").into();
        let finding = refused(&error).remove(0);
        assert!(!finding.says.contains("canary") && finding.says.contains("cannot be read"), "{}", finding.says);
    }
}
