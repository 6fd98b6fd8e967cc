//! Every setting, where it comes from (defaults, a TOML file, `FIRESIDE_…` variables, the command line), and its checks.
//!
//! A later source wins. Whatever is wrong is said with the place it came from and what would be right; an unknown name is
//! refused rather than ignored, since a misspelt setting is one that silently does not hold.

mod settings;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat, Source, Value, ValueKind};
use fireside_meeting::Route;
use fireside_protocol::limits::{MESH_PEOPLE, PEOPLE};
use ipnet::IpNet;

use settings::{SETTINGS, all_cores};

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

#[cfg(test)]
mod tests;
