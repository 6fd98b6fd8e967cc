//! Every setting, where it comes from (defaults, a TOML file, `FIRESIDE_…` variables, the command line), and its checks.
//!
//! A later source wins. Whatever is wrong is said with the place it came from and what would be right; an unknown name is
//! refused rather than ignored, since a misspelt setting is one that silently does not hold.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::http::Uri;
use config::{Environment, File, FileFormat, Source, Value, ValueKind};
use fireside_protocol::limits::{MESH_PEOPLE, MESH_PEOPLE_MOST};
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
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Anyone may sign up.
    pub sign_up: bool,
    /// People in one meeting.
    pub people: usize,
    /// What a program on another machine says (`Authorization: Bearer …`) to read `/metrics`; when none is given, only this
    /// machine may.
    pub metrics_token: Option<String>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// What is logged, in the words of `tracing-subscriber`'s `EnvFilter`: `info`, `info,fireside=debug`.
    pub log: String,
}

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
            people: MESH_PEOPLE,
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
        let mut config = Self::default();
        let mut variables = from_environment(variables);
        let named = variables.remove("config").map(|value| PathBuf::from(value.to_string()));
        if let Some(path) = file.map(Path::to_path_buf).or(named) {
            config.apply(&path.display().to_string(), str::to_owned, from_file(&path)?)?;
        }
        config.apply("the environment", |name| format!("FIRESIDE_{}", name.to_uppercase()), variables)?;
        let options = options.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        config.apply("the command line", |name| format!("--{}", name.replace('_', "-")), options)?;
        Ok(config)
    }

    /// People reach this server by HTTPS.
    #[must_use]
    pub fn https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The address of the database, as [`fireside_store::Store::open`] wants it.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database.clone().unwrap_or_else(|| format!("sqlite://{}", self.data.join("fireside.db").display()))
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
    set: fn(&mut Config, &str) -> Option<()>,
}

const SETTINGS: [Setting; 10] = [
    Setting {
        name: "listen",
        right: "an address and a port, like 127.0.0.1:8000 or [::]:8000",
        set: |config, text| text.parse().ok().map(|listen| config.listen = listen),
    },
    Setting { name: "data", right: "the path of a folder", set: |config, text| some_text(text).map(|text| config.data = PathBuf::from(text)) },
    Setting {
        name: "database",
        right: "sqlite:///path/to/file.db or postgres://user@host/name",
        set: |config, text| database(text).map(|text| config.database = Some(text)),
    },
    Setting {
        name: "public_url",
        right: "the address people type, without a path, like https://meet.example.org",
        set: |config, text| origin(text).map(|text| config.public_url = Some(text)),
    },
    Setting {
        name: "trusted_proxies",
        right: "a list of addresses or networks, like 127.0.0.1, 10.0.0.0/8",
        set: |config, text| networks(text).map(|networks| config.trusted_proxies = networks),
    },
    Setting { name: "sign_up", right: "true or false", set: |config, text| text.parse().ok().map(|sign_up| config.sign_up = sign_up) },
    Setting {
        name: "people",
        right: "a number of people from 2 to 16",
        set: |config, text| text.parse().ok().filter(|people| (2..=MESH_PEOPLE_MOST).contains(people)).map(|people| config.people = people),
    },
    Setting {
        name: "metrics_token",
        right: "a secret of 16 characters or more",
        set: |config, text| (text.len() >= 16).then(|| config.metrics_token = Some(text.to_owned())),
    },
    Setting {
        name: "log_format",
        right: "auto, plain or json",
        set: |config, text| log_format(text).map(|log_format| config.log_format = log_format),
    },
    Setting {
        name: "log",
        right: "a level (error, warn, info, debug, trace), or levels by module like info,fireside=debug",
        set: |config, text| log_filter(text).map(|text| config.log = text),
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
            ("people", "17"),
            ("log_format", "xml"),
            ("log", "fireside=loud"),
            ("database", "mysql://x"),
            ("data", ""),
        ] {
            let error = Config::load(None, [], [(name, value.to_owned())]).expect_err(value).to_string();
            assert!(error.starts_with(&format!("the command line: `{name}` cannot be `{value}`; it is ")), "{error}");
        }
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
