//! Every setting, where it comes from (defaults, a TOML file, `FIRESIDE_…` variables, the command line), and its checks.
//!
//! A later source wins. Whatever is wrong is said with the place it came from and what would be right; an unknown name is
//! refused rather than ignored, since a misspelt setting is one that silently does not hold.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use axum::http::Uri;
use config::{Environment, File, FileFormat, Source, Value, ValueKind};
use fireside_meeting::Route;
use fireside_protocol::limits::{MESH_PEOPLE, MESH_PEOPLE_MOST, PEOPLE, PEOPLE_MOST};
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
    /// The address people use, `https://meet.example.org`: an origin, without a slash at the end; decides cookies, links and
    /// the allowed origin. When none is given, the request's host is taken if it is a loopback name or an address in figures.
    pub public_url: Option<String>,
    /// The name that this server has on the internet, `meet.example.org`: it gets its certificate itself.
    pub domain: Option<String>,
    /// Where the certificate comes from, if TLS is spoken here.
    pub tls: Tls,
    /// The ACME server that gives certificates for `domain`; its directory (RFC 8555, 7.1.1).
    pub acme_directory: String,
    /// Whom the ACME server may write to, without `mailto:`.
    pub acme_email: Option<String>,
    /// A file of PEM certificates that the ACME server's own TLS is checked against, instead of the public ones.
    pub acme_ca: Option<PathBuf>,
    /// Where plain HTTP is answered with the way to HTTPS (and ACME's questions are); only beside TLS.
    pub http_listen: Option<SocketAddr>,
    /// Where UDP is listened on, for STUN, TURN and media; `None`: the port of `listen`, at all addresses if that is a loopback one.
    pub udp_listen: Option<SocketAddr>,
    /// The addresses that others reach this machine at, where that is not what its interfaces say (IPv4, IPv6, or one of each).
    pub public_ips: Vec<IpAddr>,
    /// A STUN server (host and port) that is asked for our public address at start.
    pub stun_server: Option<String>,
    /// Whether and when calls go through the relay.
    pub relay: Relay,
    /// The UDP ports that relayed media comes and goes by.
    pub relay_ports: RangeInclusive<u16>,
    /// Networks that may be relayed to although they are not public.
    pub relay_allow: Vec<IpNet>,
    /// Networks that may not be relayed to.
    pub relay_deny: Vec<IpNet>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Anyone may sign up.
    pub sign_up: bool,
    /// People in one meeting.
    pub people: usize,
    /// Up to so many of them are connected peer to peer.
    pub mesh_people: usize,
    /// How media travels in every meeting; [`Route::Auto`]: as each room has it.
    pub route: Route,
    /// Threads that forward media.
    pub media_threads: usize,
    /// What a program on another machine says (`Authorization: Bearer …`) to read `/metrics`; when none is given, only this
    /// machine may.
    pub metrics_token: Option<String>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// What is logged, in the words of `tracing-subscriber`'s `EnvFilter`: `info`, `info,fireside=debug`.
    pub log: String,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// No TLS here: for this machine alone, or behind a proxy.
    Off,
    /// From an ACME server, for the domain.
    Acme,
    /// Files of the operator's: a PEM chain and its PEM key.
    Files {
        /// The certificate, and those that vouch for it.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// Made here, for a local network; browsers warn before they go on.
    SelfSigned,
}

/// Whether and when calls go through the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// Where people cannot reach each other directly.
    On,
    /// Never: there is only STUN.
    Off,
    /// Always: nobody in a call learns anybody's address.
    Always,
}

/// A machine of more cores has other work for them.
const MEDIA_THREADS_MOST: usize = 64;

/// Let's Encrypt.
const ACME_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Plain on a terminal, JSON elsewhere.
    Auto,
    /// Lines for people.
    Plain,
    /// One JSON object a line.
    Json,
}

/// A setting is wrong; the text is for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read as TOML.
    #[error("the configuration file {path} cannot be read: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the reader said.
        why: String,
    },
    /// There is no such setting.
    #[error("{origin} has the unknown setting `{name}`; the settings are {known}")]
    Unknown {
        /// Where it was found.
        origin: String,
        /// What it is called there.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A setting has a value that it cannot have.
    #[error("{origin}: `{name}` cannot be `{value}`; it is {right}")]
    Value {
        /// Where it was found.
        origin: String,
        /// Which setting.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Together(&'static str),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            data: PathBuf::from("fireside-data"),
            database: None,
            public_url: None,
            domain: None,
            tls: Tls::Off,
            acme_directory: ACME_DIRECTORY.to_owned(),
            acme_email: None,
            acme_ca: None,
            http_listen: None,
            udp_listen: None,
            public_ips: Vec::new(),
            stun_server: None,
            relay: Relay::On,
            relay_ports: 49_152..=65_535,
            relay_allow: Vec::new(),
            relay_deny: Vec::new(),
            trusted_proxies: Vec::new(),
            sign_up: true,
            people: PEOPLE,
            mesh_people: MESH_PEOPLE,
            route: Route::Auto,
            media_threads: all_cores(),
            metrics_token: None,
            log_format: LogFormat::Auto,
            // The database's tools would count every step of every start.
            log: String::from("info,sea_orm_migration=warn"),
        }
    }
}

impl Config {
    /// Reads the settings: `file` (or the file that `FIRESIDE_CONFIG` names), then `variables` (all those of the process; others
    /// than `FIRESIDE_…` are passed over), then `options` (names as in the file, and what the command line says for them).
    ///
    /// # Errors
    /// When a file cannot be read, a setting is unknown or its value cannot be; see [`ConfigError`].
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
        options: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, ConfigError> {
        let mut given = Given::default();
        let mut variables = from_environment(variables);
        let named = variables.remove("config").map(|value| PathBuf::from(value.to_string()));
        if let Some(path) = file.map(Path::to_path_buf).or(named) {
            given.apply(&path.display().to_string(), str::to_owned, from_file(&path)?)?;
        }
        given.apply("the environment", |name| format!("FIRESIDE_{}", name.to_uppercase()), variables)?;
        let options = options.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        given.apply("the command line", |name| format!("--{}", name.replace('_', "-")), options)?;
        given.complete()
    }

    /// People reach this server by HTTPS.
    #[must_use]
    pub fn https(&self) -> bool {
        self.tls != Tls::Off || self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The address of the database, as [`fireside_store::Store::open`] wants it.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database.clone().unwrap_or_else(|| format!("sqlite://{}", self.data.join("fireside.db").display()))
    }
}

/// The settings as they were given, of which some depend on others.
#[derive(Default)]
struct Given {
    config: Config,
    listen: Option<SocketAddr>,
    http_listen: Option<Option<SocketAddr>>,
    /// `Some(false)`: off, whatever else is said.
    self_signed: Option<bool>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
}

impl Given {
    /// Puts in what follows from what was given.
    fn complete(self) -> Result<Config, ConfigError> {
        let mut config = self.config;
        config.tls = match (self.tls_cert, self.tls_key, self.self_signed) {
            (None, None, Some(true)) => Tls::SelfSigned,
            (None, None, None) if config.domain.is_some() => Tls::Acme,
            (None, None, _) => Tls::Off,
            (Some(certificate), Some(key), None) => Tls::Files { certificate, key },
            (Some(_), Some(_), Some(_)) => return Err(ConfigError::Together("`tls` says one thing and `tls_cert` another: choose one of them")),
            _ => return Err(ConfigError::Together("`tls_cert` and `tls_key` belong together: a certificate is of no use without its key")),
        };
        if config.tls != Tls::Off && config.public_url.as_deref().is_some_and(|url| url.starts_with("http://")) {
            return Err(ConfigError::Together("`public_url` says http://, but people reach a server that speaks TLS by https://"));
        }
        if config.tls == Tls::Off && matches!(self.http_listen, Some(Some(_))) {
            return Err(ConfigError::Together(
                "`http_listen` is for showing the way to HTTPS, which is not spoken here: see `domain`, `tls` and `tls_cert`",
            ));
        }
        if let Some(domain) = &config.domain {
            config.public_url.get_or_insert_with(|| format!("https://{domain}"));
        }
        let everywhere = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        config.listen = self.listen.unwrap_or(match (&config.tls, &config.domain) {
            (Tls::Off, _) => config.listen,
            (_, Some(_)) => everywhere(443),
            (_, None) => everywhere(8443),
        });
        let redirect = (config.tls != Tls::Off && config.listen.port() == 443).then(|| everywhere(80));
        config.http_listen = self.http_listen.unwrap_or(redirect).filter(|_| config.tls != Tls::Off);
        Ok(config)
    }

    fn apply(&mut self, origin: &str, written: impl Fn(&str) -> String, values: HashMap<String, Value>) -> Result<(), ConfigError> {
        // Sorted, so that of two mistakes it is always the same one that is named first.
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, value) in values {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
                let known = SETTINGS.iter().map(|setting| written(setting.name)).collect::<Vec<_>>().join(", ");
                return Err(ConfigError::Unknown { origin: origin.to_owned(), name: written(&name), known });
            };
            let text = as_text(&value);
            if text.as_deref().and_then(|text| (setting.set)(self, text.trim())).is_none() {
                return Err(ConfigError::Value {
                    origin: origin.to_owned(),
                    name: setting.name,
                    value: text.unwrap_or_else(|| value.to_string()),
                    right: setting.right,
                });
            }
        }
        Ok(())
    }
}

/// One setting: its name in the file, what is right, and how its text is taken over (`None`: it cannot be that).
struct Setting {
    name: &'static str,
    right: &'static str,
    set: fn(&mut Given, &str) -> Option<()>,
}

const SETTINGS: [Setting; 28] = [
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

fn from_file(path: &Path) -> Result<HashMap<String, Value>, ConfigError> {
    let failed = |why: String| ConfigError::File { path: path.to_path_buf(), why };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let values = File::from_str(&text, FileFormat::Toml).collect().map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
    Ok(values.into_iter().collect())
}

fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> HashMap<String, Value> {
    let source = Environment::with_prefix("FIRESIDE").source(Some(variables.into_iter().collect()));
    // Collecting given pairs as strings has no way to fail.
    source.collect().unwrap_or_default().into_iter().collect()
}

fn as_text(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Array(items) => items.iter().map(as_text).collect::<Option<Vec<_>>>().map(|items| items.join(",")),
        ValueKind::Table(_) | ValueKind::Nil => None,
        _ => value.clone().into_string().ok(),
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn database(text: &str) -> Option<String> {
    ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)).then(|| text.to_owned())
}

/// The origin that a URL without path, query and user is, in its one written form.
fn origin(text: &str) -> Option<String> {
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
fn all_cores() -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_variables_and_these_over_the_file() {
        let file = file_with("listen = \"127.0.0.1:1\"\nsign_up = false\ndata = \"/srv/a\"\n");
        let variables = variables(&[("FIRESIDE_LISTEN", "127.0.0.1:2"), ("FIRESIDE_DATA", "/srv/b"), ("HOME", "/root")]);
        let config = Config::load(Some(file.path()), variables, [("data", "/srv/c".to_owned())]).expect("settings");
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.data, Path::new("/srv/c"));
        assert!(!config.sign_up);
    }

    #[test]
    fn a_variable_may_name_the_file() {
        let file = file_with("sign_up = false\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]");
        let config = Config::load(None, variables(&[("FIRESIDE_CONFIG", &file.path().display().to_string())]), []).expect("settings");
        assert!(!config.sign_up);
        assert_eq!(config.trusted_proxies.len(), 2);
    }

    #[test]
    fn an_unknown_setting_is_named_with_those_there_are() {
        let error = Config::load(None, variables(&[("FIRESIDE_PUBLC_URL", "x")]), []).expect_err("it is misspelt").to_string();
        assert!(error.starts_with("the environment has the unknown setting `FIRESIDE_PUBLC_URL`; the settings are FIRESIDE_LISTEN, "), "{error}");
        assert!(error.contains("FIRESIDE_PUBLIC_URL"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_right() {
        for (name, value) in [
            ("listen", "8000"),
            ("public_url", "meet.example.org"),
            ("public_url", "https://example.org/fireside"),
            ("public_url", "https://a@example.org"),
            ("public_url", "ftp://example.org"),
            ("trusted_proxies", "10.0.0.0/99"),
            ("sign_up", "yes"),
            ("people", "1"),
            ("people", "501"),
            ("mesh_people", "1"),
            ("mesh_people", "17"),
            ("route", "sfu"),
            ("media_threads", "0"),
            ("media_threads", "65"),
            ("log_format", "xml"),
            ("log", "fireside=loud"),
            ("database", "mysql://x"),
            ("data", ""),
            ("domain", "meet"),
            ("domain", "https://meet.example.org"),
            ("domain", "192.0.2.1"),
            ("tls", "on"),
            ("acme_directory", "http://acme.example.org"),
            ("http_listen", "80"),
            ("public_ip", "192.0.2.1, 192.0.2.2"),
            ("public_ip", "meet.example.org"),
            ("public_ip", "0.0.0.0"),
            ("public_ip", "::"),
            ("public_ip", "192.0.2.1, ::ffff:192.0.2.2"),
            ("stun_server", "stun.example.org"),
            ("relay", "true"),
            ("relay_ports", "80-90"),
            ("relay_ports", "60000-60001"),
            ("relay_allow", "10.0.0.0/99"),
        ] {
            let error = Config::load(None, [], [(name, value.to_owned())]).expect_err(value).to_string();
            assert!(error.starts_with(&format!("the command line: `{name}` cannot be `{value}`; it is ")), "{error}");
        }
    }

    #[test]
    fn a_domain_brings_https_for_everything() {
        let config = Config::load(None, [], [("domain", "Meet.Example.org".to_owned())]).expect("settings");
        assert_eq!((config.tls.clone(), config.public_url.as_deref()), (Tls::Acme, Some("https://meet.example.org")));
        assert_eq!((config.listen.port(), config.http_listen.map(|listen| listen.port())), (443, Some(80)));
        assert!(config.https());
        let off = [("domain", "meet.example.org".to_owned()), ("http_listen", "off".to_owned()), ("listen", "[::]:8443".to_owned())];
        let config = Config::load(None, [], off).expect("settings");
        assert_eq!((config.listen.port(), config.http_listen), (8443, None));
    }

    #[test]
    fn a_certificate_needs_its_key_and_no_other_certificate() {
        let (cert, key) = (("tls_cert", "/c.pem".to_owned()), ("tls_key", "/k.pem".to_owned()));
        let config = Config::load(None, [], [cert.clone(), key.clone(), ("domain", "meet.example.org".to_owned())]).expect("settings");
        assert!(matches!(config.tls, Tls::Files { .. }), "the operator's certificate is taken rather than one by ACME");
        assert!(Config::load(None, [], [cert.clone()]).is_err());
        assert!(Config::load(None, [], [cert, key, ("tls", "self-signed".to_owned())]).is_err());
        let config = Config::load(None, [], [("tls", "self-signed".to_owned())]).expect("settings");
        assert_eq!((config.tls, config.listen.port(), config.http_listen), (Tls::SelfSigned, 8443, None));
    }

    #[test]
    fn what_would_silently_not_hold_is_refused() {
        let refused = |options: &[(&'static str, &str)]| {
            let options = options.iter().map(|(name, value)| (*name, (*value).to_owned()));
            Config::load(None, [], options).err().map(|error| error.to_string())
        };
        let plain = refused(&[("domain", "meet.example.org"), ("public_url", "http://meet.example.org")]).expect("not by HTTP");
        assert!(plain.contains("`public_url` says http://"), "{plain}");
        let way = refused(&[("http_listen", "[::]:80")]).expect("a way to nowhere");
        assert!(way.contains("`http_listen` is for showing the way"), "{way}");
        let proxied = [("domain", "meet.example.org"), ("tls", "off"), ("public_url", "http://meet.example.org"), ("http_listen", "off")];
        assert_eq!(refused(&proxied), None);
    }

    #[test]
    fn a_file_that_is_not_toml_or_not_there_is_named() {
        let file = file_with("listen = ");
        let error = Config::load(Some(file.path()), [], []).expect_err("not TOML").to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
        let error = Config::load(Some(Path::new("/nowhere/fireside.toml")), [], []).expect_err("not there").to_string();
        assert!(error.starts_with("the configuration file /nowhere/fireside.toml cannot be read: "), "{error}");
    }

    #[test]
    fn the_public_address_has_one_written_form() {
        assert_eq!(origin("HTTPS://Meet.Example.org:443/").as_deref(), Some("https://meet.example.org"));
        assert_eq!(origin("http://[::1]:8000").as_deref(), Some("http://[::1]:8000"));
    }

    fn file_with(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}
