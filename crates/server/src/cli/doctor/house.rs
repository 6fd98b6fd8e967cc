//! The server that is looked at: the one that runs, or one of our own for as long as we look, on the same ports and with the same
//! settings, but with an empty database in a folder that goes away with it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::StatusCode;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::finding::{Finding, Findings};
use super::turn;
use super::web::{Fault, Place};
use crate::boot::{self, Running};
use crate::config::{Config, Tls};
use crate::tls::{self, Certificate};

/// Somebody who can be asked.
#[derive(Debug)]
pub(super) struct House {
    /// How it is reached from this machine.
    pub(super) inside: Place,
    pub(super) kind: Kind,
}

/// Which server it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// It runs, and is the operator's.
    Theirs,
    /// It is ours, and ends with us.
    Ours {
        running: Box<Running>,
        /// It shows the certificate that the operator's would show.
        has_certificate: bool,
        _folder: TempDir,
    },
}

impl House {
    /// Whether the certificate that it shows is the one that people will see.
    pub(super) fn shows_certificate(&self) -> bool {
        matches!(self.kind, Kind::Theirs | Kind::Ours { has_certificate: true, .. })
    }

    /// Ends ours.
    pub(super) async fn leave(self) {
        if let Kind::Ours { running, .. } = self.kind {
            running.stop().await;
        }
    }
}

/// Finds the server, or starts one; and what is to be said of its ports.
pub(super) async fn find(config: &Config) -> (Option<House>, Vec<Finding>) {
    let mut found = Findings::of("ports");
    let house = match ask(config).await {
        Who::Fireside(inside) => {
            found.ok("tcp", format!("Fireside runs and answers at {}.", config.listen));
            let (mut by_udp, mut by_http) = (Findings::of("ports"), Findings::of("ports"));
            tokio::join!(udp(config, &mut by_udp), plain(config, &mut by_http));
            found.extend(by_udp);
            found.extend(by_http);
            Some(House { inside, kind: Kind::Theirs })
        }
        Who::Nobody => start(config, &mut found).await,
        Who::Another(why) => {
            let says = format!("Something other than a Fireside with these settings listens at {}: {why}.", config.listen);
            found.problem("tcp", says, "Stop it, or choose another address with --listen; or give the settings that Fireside runs with.");
            None
        }
    };
    (house, found.into_vec())
}

enum Who {
    Fireside(Place),
    Nobody,
    Another(String),
}

async fn ask(config: &Config) -> Who {
    if config.listen.port() == 0 {
        return Who::Nobody;
    }
    let inside = inside(config, config.listen);
    match inside.ask(inside.get("/healthz")).await {
        Ok(answer) if answer.status == StatusCode::OK && answer.body == "ok\n" => Who::Fireside(inside),
        Ok(answer) => Who::Another(format!("it answers GET /healthz with {}", answer.status)),
        Err(Fault::Refused(_)) => Who::Nobody,
        Err(fault) => Who::Another(fault.to_string()),
    }
}

/// The server at `listen`, as it is reached from this machine.
fn inside(config: &Config, listen: SocketAddr) -> Place {
    let address = near(listen);
    let in_figures = address.to_string();
    let public = config.public_url.as_deref().and_then(Place::of);
    let (host, authority) = public.map_or_else(|| (address.ip().to_string(), in_figures), |place| (place.host, place.authority));
    Place { host, port: address.port(), tls: config.tls != Tls::Off, authority, address: Some(address), site: config.public_url.clone() }
}

/// One that stands for all is reached by that of this machine.
fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        // Where there is no IPv6, it is listened on in IPv4; where there is, on both.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) | IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn udp(config: &Config, found: &mut Findings) {
    let tcp = config.listen;
    // Beside a TCP listener on loopback, UDP is listened for everywhere.
    let address = near(config.udp_listen.unwrap_or(tcp));
    match turn::binding(address).await {
        Ok(_) => found.ok("udp", format!("It answers STUN over UDP at port {}.", address.port())),
        Err(_) => {
            let says = format!("Fireside runs, but nothing answers over UDP at {address}: no media can come by there.");
            found.problem("udp", says, "Give --udp-listen as the server has it; or let the firewall of this machine let UDP through.");
        }
    }
}

async fn plain(config: &Config, found: &mut Findings) {
    let Some(listen) = config.http_listen else { return };
    let place = Place { tls: false, port: listen.port(), address: Some(near(listen)), ..inside(config, listen) };
    match place.ask(place.get("/")).await {
        Ok(answer) if answer.status.is_redirection() => found.ok("http", format!("Plain HTTP at port {} is sent on to HTTPS.", listen.port())),
        Ok(answer) => {
            let says = format!("Something else answers plain HTTP at port {} (with {}).", listen.port(), answer.status);
            found.problem("http", says, "Stop it, or use --http-listen off.");
        }
        Err(fault) => {
            let says = format!("Plain HTTP at port {} is not answered: {fault}.", listen.port());
            found.problem("http", says, "Give --http-listen as the server has it, or look into its log.");
        }
    }
}

/// Starts one of our own where the operator's would be.
async fn start(config: &Config, found: &mut Findings) -> Option<House> {
    let folder = match tempfile::Builder::new().prefix("fireside-doctor-").tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            let says = format!("Fireside does not run, and none can be started for this look: there is no place for its data ({error}).");
            found.skipped("tcp", says, "Start Fireside and look again, or set TMPDIR to a folder that can be written.");
            return None;
        }
    };
    let certificate = usable(config);
    let has_certificate = certificate.is_some();
    let tls = match &config.tls {
        Tls::Off => Tls::Off,
        _ => certificate.map_or(Tls::SelfSigned, |(certificate, key)| Tls::Files { certificate, key }),
    };
    let settings = Config { data: folder.path().to_path_buf(), database: None, sign_up: false, tls, ..config.clone() };
    match boot::start(settings).await {
        Ok(running) => {
            found.ok("tcp", format!("Fireside does not run, and {} is free: one was started for this look, with an empty database.", config.listen));
            found.ok("udp", "UDP can be listened for, too.");
            let inside = inside(config, running.address());
            Some(House { inside, kind: Kind::Ours { running: Box::new(running), has_certificate, _folder: folder } })
        }
        Err(error) => {
            found.problem(
                "listen",
                format!("Fireside could not start: {error:#}."),
                "Do what it says there; what needs a running server was left out.",
            );
            None
        }
    }
}

/// The files of a certificate that can be shown: the operator's, or one that was got or made before.
fn usable(config: &Config) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
    let (chain, key) = tls::paths(config).ok().flatten()?;
    let certificate = Certificate::from_pem(&std::fs::read(&chain).ok()?, &std::fs::read(&key).ok()?).ok()?;
    certificate.check(tls::asked_for(config).as_deref(), OffsetDateTime::now_utc()).ok()?;
    Some((chain, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_reached_from_here_by_the_name_that_people_use() {
        let config = Config { public_url: Some("https://meet.example.org".into()), tls: Tls::Acme, ..Config::default() };
        let place = inside(&config, "[::]:443".parse().expect("an address"));
        assert_eq!((place.host.as_str(), place.authority.as_str(), place.tls), ("meet.example.org", "meet.example.org", true));
        assert_eq!(place.address, Some("127.0.0.1:443".parse().expect("an address")));
        let place = inside(&Config::default(), "[::1]:8000".parse().expect("an address"));
        assert_eq!((place.host.as_str(), place.authority.as_str()), ("::1", "[::1]:8000"));
    }
}
