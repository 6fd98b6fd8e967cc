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
    /// This server's name on the internet: it gets its certificate itself and listens on 443 and 80.
    #[arg(long, global = true, value_name = "NAME")]
    domain: Option<String>,
    /// `self-signed`: HTTPS with a certificate of its own, for a local network.
    #[arg(long, global = true, value_name = "KIND")]
    tls: Option<String>,
    /// HTTPS with this certificate (PEM, with the chain).
    #[arg(long, global = true, value_name = "FILE")]
    tls_cert: Option<String>,
    /// The key of the certificate (PEM).
    #[arg(long, global = true, value_name = "FILE")]
    tls_key: Option<String>,
    /// Where certificates for the domain come from [default: Let's Encrypt].
    #[arg(long, global = true, value_name = "URL")]
    acme_directory: Option<String>,
    /// Whom the certificate authority may write to.
    #[arg(long, global = true, value_name = "ADDRESS")]
    acme_email: Option<String>,
    /// What the authority's own TLS is checked against (PEM).
    #[arg(long, global = true, value_name = "FILE")]
    acme_ca: Option<String>,
    /// Where plain HTTP is sent on to HTTPS, or `off` [default: port 80 beside 443].
    #[arg(long, global = true, value_name = "ADDRESS")]
    http_listen: Option<String>,
    /// Address and port for STUN, TURN and media over UDP [default: the port of --listen].
    #[arg(long, global = true, value_name = "ADDRESS")]
    udp_listen: Option<String>,
    /// The address that others reach this machine at, if its interfaces do not have it.
    #[arg(long, global = true, value_name = "ADDRESSES")]
    public_ip: Option<String>,
    /// A STUN server that tells this machine's public address at start.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    stun_server: Option<String>,
    /// Whether calls go through the relay: on (where it must be), off, always.
    #[arg(long, global = true, value_name = "WHEN")]
    relay: Option<String>,
    /// UDP ports of relayed media [default: 49152-65535].
    #[arg(long, global = true, value_name = "PORTS")]
    relay_ports: Option<String>,
    /// Networks that may be relayed to although they are not public.
    #[arg(long, global = true, value_name = "NETWORKS")]
    relay_allow: Option<String>,
    /// Networks that may not be relayed to.
    #[arg(long, global = true, value_name = "NETWORKS")]
    relay_deny: Option<String>,
    /// Reverse proxies whose X-Forwarded-For is believed.
    #[arg(long, global = true, value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
    /// Whether anyone may sign up [default: true].
    #[arg(long, global = true, value_name = "BOOL")]
    sign_up: Option<String>,
    /// People in one meeting, 2 to 500 [default: 100].
    #[arg(long, global = true, value_name = "NUMBER")]
    people: Option<String>,
    /// Up to so many of them are connected peer to peer, 2 to 16 [default: 4].
    #[arg(long, global = true, value_name = "NUMBER")]
    mesh_people: Option<String>,
    /// How sound and picture travel in every room: auto (as the room has it), mesh (peer to peer), server.
    #[arg(long, global = true, value_name = "HOW")]
    route: Option<String>,
    /// Threads that forward media, 1 to 64 [default: one for each core].
    #[arg(long, global = true, value_name = "NUMBER")]
    media_threads: Option<String>,
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
            ("domain", self.domain),
            ("tls", self.tls),
            ("tls_cert", self.tls_cert),
            ("tls_key", self.tls_key),
            ("acme_directory", self.acme_directory),
            ("acme_email", self.acme_email),
            ("acme_ca", self.acme_ca),
            ("http_listen", self.http_listen),
            ("udp_listen", self.udp_listen),
            ("public_ip", self.public_ip),
            ("stun_server", self.stun_server),
            ("relay", self.relay),
            ("relay_ports", self.relay_ports),
            ("relay_allow", self.relay_allow),
            ("relay_deny", self.relay_deny),
            ("trusted_proxies", self.trusted_proxies),
            ("sign_up", self.sign_up),
            ("people", self.people),
            ("mesh_people", self.mesh_people),
            ("route", self.route),
            ("media_threads", self.media_threads),
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
