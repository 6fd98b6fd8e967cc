//! A certificate that the operator brings.

use std::path::PathBuf;
use std::time::Duration;

use fireside::boot::Pace;
use fireside::config::{Config, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::client::{ask, connect, header, trusting};
use super::log::Log;
use super::patience::until;
use super::secure::Secure;

/// Somebody whom browsers believe.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        // It is not whom it vouches for.
        params.distinguished_name.push(DnType::CommonName, "An authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Certificate and key for a name, good for so many days.
    pub(crate) fn vouch(&self, name: &str, days: i64) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = OffsetDateTime::now_utc() - time::Duration::days(100);
        params.not_after = OffsetDateTime::now_utc() + time::Duration::days(days);
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }
}

/// Where an operator keeps a certificate and its key.
struct Kept {
    folder: TempDir,
}

impl Kept {
    fn new((certificate, key): (String, String)) -> Self {
        let kept = Self { folder: TempDir::new().expect("a folder") };
        std::fs::write(kept.certificate(), certificate).expect("written");
        std::fs::write(kept.key(), key).expect("written");
        kept
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn tls(&self) -> Tls {
        Tls::Files { certificate: self.certificate(), key: self.key() }
    }

    /// As programs that renew certificates do: each file as a whole.
    fn replace(&self, (certificate, key): (String, String)) {
        for (path, text) in [(self.key(), key), (self.certificate(), certificate)] {
            let beside = path.with_extension("beside");
            std::fs::write(&beside, text).expect("written");
            std::fs::rename(beside, path).expect("replaced");
        }
    }
}

const NAME: &str = "meet.example.org";

fn for_name(tls: Tls) -> impl FnOnce(&mut Config) {
    move |config| {
        config.tls = tls;
        config.public_url = Some(format!("https://{NAME}"));
    }
}

fn quick() -> Pace {
    let mut pace = Pace::default();
    pace.tls.look_every = Duration::from_millis(50);
    pace
}

#[tokio::test]
async fn browsers_that_know_who_vouches_for_it_come_in_and_are_told_to_stay() {
    let authority = Authority::new();
    let kept = Kept::new(authority.vouch(NAME, 90));
    let secure = Secure::start_with(for_name(kept.tls())).await;
    assert_eq!(secure.running.notice(), None);
    assert_eq!(secure.running.url(), "https://meet.example.org");
    let stream = connect(secure.address(), NAME, trusting(&authority.pem)).await.expect("a handshake");
    let answer = ask(stream, NAME, "/").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(header(&answer, "strict-transport-security"), "max-age=31536000");
    // Others do not: there is somebody between, for all they know.
    assert!(connect(secure.address(), NAME, trusting(&Authority::new().pem)).await.is_err());
    assert!(connect(secure.address(), "other.example.org", trusting(&authority.pem)).await.is_err());
}

#[tokio::test]
async fn what_is_wrong_is_said_at_start() {
    let authority = Authority::new();
    let good = Kept::new(authority.vouch(NAME, 90));
    let words = |tls| Secure::refuses(for_name(tls));
    let nowhere = words(Tls::Files { certificate: "/nowhere/cert.pem".into(), key: good.key() }).await;
    assert!(nowhere.starts_with("the certificate /nowhere/cert.pem cannot be read ("), "{nowhere}");
    let nowhere = words(Tls::Files { certificate: good.certificate(), key: "/nowhere/key.pem".into() }).await;
    assert!(nowhere.starts_with("the certificate's key /nowhere/key.pem cannot be read ("), "{nowhere}");
    for (pair, expected) in [
        ((authority.vouch(NAME, 90).0, authority.vouch(NAME, 90).1), "the key is not the one that the certificate was made for"),
        (authority.vouch(NAME, -1), "it ended on "),
        (authority.vouch("other.example.org", 90), "it is not for meet.example.org, but for other.example.org"),
        (("nothing".to_owned(), "nothing".to_owned()), "there is no certificate in PEM"),
    ] {
        let kept = Kept::new(pair);
        let said = words(kept.tls()).await;
        assert!(said.starts_with(&format!("the certificate {}", kept.certificate().display())) && said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart_and_a_wrong_one_never() {
    let (authority, next) = (Authority::new(), Authority::new());
    let kept = Kept::new(authority.vouch(NAME, 90));
    let log = Log::start();
    let secure = Secure::start_at(for_name(kept.tls()), quick()).await;
    let believes = async |pem: &str| connect(secure.address(), NAME, trusting(pem)).await.is_ok();
    assert!(believes(&authority.pem).await);
    let mut old = connect(secure.address(), NAME, trusting(&authority.pem)).await.expect("a handshake");

    let wrong = [
        (("spoilt".to_owned(), "spoilt".to_owned()), "there is no certificate in PEM"),
        (next.vouch(NAME, -1), "it ended on"),
        (next.vouch("other.example.org", 90), "it is not for meet.example.org"),
    ];
    for (pair, why) in wrong {
        kept.replace(pair);
        let said = log.says(why).await;
        assert!(said.contains("have changed, but the one before is still served"), "{said}");
        assert!(believes(&authority.pem).await && !believes(&next.pem).await);
    }
    kept.replace(next.vouch(NAME, 90));
    until("the new certificate", async || believes(&next.pem).await.then_some(())).await;
    assert!(!believes(&authority.pem).await);
    log.says("the new one is served").await;
    // Who is connected notices nothing.
    assert!(ask(&mut old, NAME, "/healthz").await.starts_with("HTTP/1.1 200 "));
}
