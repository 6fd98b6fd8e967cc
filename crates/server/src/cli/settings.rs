//! The settings as options of the command line, the same for every command.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::config::Config;

/// Options, before or behind what the command shall do. Their values are checked with those from the file and the environment,
/// so that a mistake reads the same.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings (also FIRESIDE_… variables, or a TOML file)")]
pub(super) struct Settings {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8000].
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The folder of everything that Fireside keeps [default: fireside-data].
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<String>,
    /// The database [default: fireside.db in the data folder].
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// The address people type, <https://meet.example.org>.
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// Reverse proxies whose X-Forwarded-For is believed.
    #[arg(long, global = true, value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
    /// Whether anyone may sign up [default: true].
    #[arg(long, global = true, value_name = "BOOL")]
    sign_up: Option<String>,
    /// People in one meeting, 2 to 16 [default: 8].
    #[arg(long, global = true, value_name = "NUMBER")]
    people: Option<String>,
    /// How log lines are written: auto, plain or json.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
    /// What is logged: a level, or levels by module.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

impl Settings {
    pub(super) fn load(self) -> anyhow::Result<Config> {
        let options = [
            ("listen", self.listen),
            ("data", self.data),
            ("database", self.database),
            ("public_url", self.public_url),
            ("trusted_proxies", self.trusted_proxies),
            ("sign_up", self.sign_up),
            ("people", self.people),
            ("log_format", self.log_format),
            ("log", self.log),
        ];
        let options = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Ok(Config::load(self.config.as_deref(), variables()?, options)?)
    }
}

/// The variables that are ours; the others may be in any encoding.
fn variables() -> anyhow::Result<Vec<(String, String)>> {
    let ours = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok().filter(|name| name.starts_with("FIRESIDE_"))?, value)));
    ours.map(|(name, value)| {
        let value = value.into_string().ok().with_context(|| format!("the variable {name} is not UTF-8"))?;
        Ok((name, value))
    })
    .collect()
}
