//! TLS: certificates that are good, and those that are not.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use fireside::config::{Config, Tls};
use tempfile::TempDir;

use super::{RELAY_PORTS, Said, doctor, folder, free, path};
use crate::media::client::on_loopback;
use crate::server::Server;
use crate::tls::files::Authority;

/// A certificate in its files, with the settings of a server that shows it on its own address.
struct Kept {
    folder: TempDir,
    address: SocketAddr,
}

impl Kept {
    fn new(certificate: &str, key: &str, authority: &str) -> Self {
        let kept = Self { folder: folder(), address: free() };
        for (name, text) in [("cert.pem", certificate), ("key.pem", key), ("authority.pem", authority)] {
            fs::write(kept.folder.path().join(name), text).expect("written");
        }
        kept.give_key(0o600);
        kept
    }

    fn good() -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.vouch("localhost", 60);
        Self::new(&(certificate + &authority.pem), &key, &authority.pem)
    }

    fn give_key(&self, mode: u32) {
        fs::set_permissions(self.file("key.pem"), Permissions::from_mode(mode)).expect("changed");
    }

    fn file(&self, name: &str) -> String {
        path(self.folder.path().join(name))
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    async fn server(&self) -> Server {
        Server::start_with(|config: &mut Config| {
            on_loopback(config);
            config.listen = self.address;
            config.public_url = Some(self.url());
            config.tls = Tls::Files { certificate: self.file("cert.pem").into(), key: self.file("key.pem").into() };
        })
        .await
    }

    /// On a system that believes the authority.
    async fn doctor(&self, data: &str, options: &[&str]) -> Said {
        let (listen, url, certificate, key) = (self.address.to_string(), self.url(), self.file("cert.pem"), self.file("key.pem"));
        let settings = [
            "--listen",
            &listen,
            "--public-url",
            &url,
            "--tls-cert",
            &certificate,
            "--tls-key",
            &key,
            "--data",
            data,
            "--public-ip",
            "127.0.0.1,::1",
        ];
        doctor(&[&settings[..], &RELAY_PORTS, options].concat(), &[("SSL_CERT_FILE", &self.file("authority.pem"))]).await
    }

    /// Before the first start.
    async fn alone(&self) -> Said {
        let data = folder();
        self.doctor(&path(&data), &[]).await
    }
}

#[tokio::test]
async fn with_a_good_certificate_everything_works_over_tls() {
    let kept = Kept::good();
    let server = kept.server().await;
    let said = kept.doctor(&path(&server.data), &[]).await;
    assert_eq!((said.complaints(), said.code), (vec!["clock.right: skipped".to_owned()], 0), "{}", said.all);
    for check in ["names", "life", "chain", "served"] {
        assert_eq!(said.of("certificate", check), ["ok"], "{check}: {}", said.all);
    }
    for check in ["http", "certificate", "websocket", "origin"] {
        assert_eq!(said.of("public address", check), ["ok"], "{check}: {}", said.all);
    }
    assert_eq!(said.of("relay", "relay_tls"), ["ok"], "{}", said.all);
}

#[tokio::test]
async fn it_can_be_tried_before_the_first_start() {
    let said = Kept::good().alone().await;
    assert_eq!((said.complaints(), said.code), (vec!["clock.right: skipped".to_owned()], 0), "{}", said.all);
    assert_eq!((said.of("public address", "certificate"), said.of("relay", "relay_tls")), (vec!["ok"], vec!["ok"]), "{}", said.all);
}

#[tokio::test]
async fn one_that_has_expired() {
    let authority = Authority::new();
    let (certificate, key) = authority.vouch("localhost", -1);
    let said = Kept::new(&(certificate + &authority.pem), &key, &authority.pem).alone().await;
    assert_eq!((said.code, said.of("certificate", "life")), (1, vec!["problem"]), "{}", said.all);
    assert_eq!(said.of("certificate", "chain"), ["ok"], "that is another matter");
    assert_eq!(said.of("public address", "certificate"), ["skipped"], "it is not shown");
}

#[tokio::test]
async fn one_that_ends_soon() {
    let authority = Authority::new();
    let (certificate, key) = authority.vouch("localhost", 5);
    let said = Kept::new(&(certificate + &authority.pem), &key, &authority.pem).alone().await;
    assert_eq!((said.code, said.of("certificate", "life")), (0, vec!["warning"]), "{}", said.all);
}

#[tokio::test]
async fn one_with_the_key_of_another() {
    let authority = Authority::new();
    let (certificate, _) = authority.vouch("localhost", 60);
    let (_, key) = authority.vouch("localhost", 60);
    let said = Kept::new(&certificate, &key, &authority.pem).alone().await;
    assert_eq!((said.code, said.of("certificate", "kept")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("certificate", "kept").contains("the key is not the one"), "{}", said.all);
}

#[tokio::test]
async fn a_key_that_everybody_may_read() {
    let kept = Kept::good();
    kept.give_key(0o644);
    let said = kept.alone().await;
    assert_eq!((said.code, said.of("certificate", "key")), (0, vec!["warning"]), "{}", said.all);
}

#[tokio::test]
async fn one_for_another_name() {
    let authority = Authority::new();
    let (certificate, key) = authority.vouch("meet.example.org", 60);
    let said = Kept::new(&(certificate + &authority.pem), &key, &authority.pem).alone().await;
    assert_eq!((said.code, said.of("certificate", "names")), (1, vec!["problem"]), "{}", said.all);
}

#[tokio::test]
async fn one_without_those_who_vouch_for_it() {
    let authority = Authority::new();
    let (certificate, key) = authority.vouch("localhost", 60);
    let said = Kept::new(&certificate, &key, &Authority::new().pem).alone().await;
    assert_eq!((said.code, said.of("certificate", "chain")), (1, vec!["problem"]), "{}", said.all);
    assert_eq!(said.of("public address", "certificate"), ["problem"], "{}", said.all);
    assert_eq!(said.of("relay", "relay_tls_certificate"), ["problem"], "{}", said.all);
}

#[tokio::test]
async fn a_server_that_shows_an_older_one() {
    let kept = Kept::good();
    let server = kept.server().await;
    let authority = Authority::new();
    let (certificate, key) = authority.vouch("localhost", 90);
    for (name, text) in [("cert.pem", certificate + &authority.pem), ("key.pem", key)] {
        fs::write(kept.folder.path().join(name), text).expect("written");
    }
    let said = kept.doctor(&path(&server.data), &[]).await;
    assert_eq!(said.of("certificate", "served"), ["warning"], "{}", said.all);
}

#[tokio::test]
async fn one_of_our_own_making_is_told() {
    let data = folder();
    let said = doctor(&["--tls", "self-signed", "--listen", "127.0.0.1:0", "--data", &path(&data), "--public-ip", "127.0.0.1,::1"], &[]).await;
    assert_eq!((said.code, said.of("certificate", "kept")), (0, vec!["skipped"]), "{}", said.all);
    assert_eq!(said.of("relay", "relay_tls"), ["ok"], "{}", said.all);
    assert_eq!(fs::read_dir(&data).expect("a folder").count(), 0, "the first start makes it");
}

/// Whoever answers HTTPS has a clock.
#[tokio::test]
async fn the_clock_and_the_authority_are_asked_when_we_are_online() {
    let kept = Kept::good();
    let server = kept.server().await;
    let directory = format!("{}/healthz", kept.url());
    let said = kept.doctor(&path(&server.data), &["--online", "--acme-directory", &directory]).await;
    assert_eq!((said.complaints(), said.of("clock", "right")), (vec![], vec!["ok"]), "{}", said.all);
    let data = folder();
    let settings = ["--domain", "meet.invalid", "--listen", "127.0.0.1:0", "--http-listen", "off", "--data", &path(&data)];
    let trusting = kept.file("authority.pem");
    let said = doctor(&[&settings[..], &["--online", "--acme-directory", &directory]].concat(), &[("SSL_CERT_FILE", &trusting)]).await;
    assert_eq!((said.of("certificate", "kept"), said.of("certificate", "authority")), (vec!["skipped"], vec!["problem"]), "{}", said.all);
    assert!(said.words("certificate", "authority").contains("no certificate authority (200"), "{}", said.all);
    let said = doctor(&[&settings[..], &["--online", "--acme-directory", &directory]].concat(), &[]).await;
    assert!(said.words("certificate", "authority").contains("does not believe"), "{}", said.all);
}
