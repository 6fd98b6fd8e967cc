//! A certificate from an ACME server (RFC 8555): got, kept, and renewed in time. Until there is one, one of our own making is served.
//!
//! The protocol is `instant-acme`'s. It speaks by whatever HTTP client it is given and signs with aws-lc-rs, so that there is one
//! TLS stack in the executable, and it hands on what ACME servers say is wrong. (`rustls-acme`, the other one that was looked at,
//! brings a second HTTP client, a second runtime and an older `rcgen`, and turns such answers into one text.)

mod challenges;
mod client;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rand::RngExt;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::time::sleep;

pub(super) use challenges::Challenges;

use super::certificate::{Certificate, day};
use super::self_signed::SelfSigned;
use super::{Current, Pace, private};
use crate::config::Config;
use challenges::Proof;
use client::Client;
use trouble::Trouble;

/// An ACME server looks at a proof from several places and takes its time.
const DECIDED_WITHIN: Duration = Duration::from_secs(120);
/// No wait between two tries is longer: what was wrong may have been mended.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);
/// Limits of ACME servers are by the hour.
const RATE_LIMITED_WAIT: Duration = Duration::from_secs(60 * 60);

/// A certificate from an ACME server.
#[derive(Debug)]
pub(super) struct Acme {
    domain: String,
    directory: String,
    email: Option<String>,
    /// Who vouches for the ACME server, if not those that the system believes.
    ca: Option<PathBuf>,
    /// What this ACME server gave: our account, our certificate.
    folder: PathBuf,
    /// How it may look for us, the likelier way first.
    ways: Vec<ChallengeType>,
    challenges: Arc<Challenges>,
    /// What is served while there is nothing else.
    own: SelfSigned,
}

impl Acme {
    /// # Errors
    /// When the settings cannot work; in words for the operator.
    pub(super) fn new(config: &Config, folder: &Path) -> anyhow::Result<Self> {
        let domain = config.domain.clone().context("which `domain` is the certificate to be for?")?;
        let asked_for = super::asked_for(config);
        if asked_for.as_ref().is_some_and(|name| *name != domain) {
            let url = config.public_url.as_deref().unwrap_or_default();
            anyhow::bail!("people are to come to {url}, but the certificate will be for {domain}: make `public_url` and `domain` the same name");
        }
        if let Some(ca) = &config.acme_ca {
            client::roots(Some(ca))?;
        }
        let by_http = config.http_listen.map(|_| ChallengeType::Http01);
        // Only there is it likely that the world's port 443 is ours; but a router may forward it to another.
        let ways = if config.listen.port() == 443 { [Some(ChallengeType::TlsAlpn01), by_http] } else { [by_http, Some(ChallengeType::TlsAlpn01)] };
        Ok(Self {
            folder: folder.join("acme").join(name_of(&config.acme_directory)),
            directory: config.acme_directory.clone(),
            email: config.acme_email.clone(),
            ca: config.acme_ca.clone(),
            ways: ways.into_iter().flatten().collect(),
            challenges: Arc::default(),
            own: SelfSigned::new(folder, [domain.clone()]),
            domain,
        })
    }

    /// The one that was got before, or one of our own making until there is one.
    ///
    /// # Errors
    /// When that cannot be made; in words for the operator.
    pub(super) fn load(&self) -> anyhow::Result<Certificate> {
        if let Some(certificate) = self.kept() {
            return Ok(certificate);
        }
        tracing::warn!(
            "there is no certificate for {} yet: until {} gives one, one of our own making is served, which browsers warn of",
            self.domain,
            self.directory
        );
        self.own.load()
    }

    /// What is laid out for the ACME server.
    pub(super) fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// Gets a certificate when there is none, and another one in time.
    pub(super) async fn keep(&self, current: &Current, pace: Pace) {
        let mut failures = 0;
        loop {
            while !is_due(&current.get(), pace.renew_at) {
                sleep(pace.look_every).await;
            }
            // Passed over at the start, since the clock was wrong then: many small machines learn the time only after that.
            if let Some(kept) = self.kept().filter(|kept| !is_due(kept, pace.renew_at)) {
                tracing::info!(until = day(kept.until()), "the certificate for {} that was kept is good, and is served", self.domain);
                current.set(kept);
                continue;
            }
            match self.obtain(failures).await {
                Ok(certificate) => {
                    failures = 0;
                    tracing::info!(until = day(certificate.until()), "there is a new certificate for {}, and it is served", self.domain);
                    current.set(certificate);
                    // Whatever its dates say.
                    sleep(pace.first_wait).await;
                }
                Err(trouble) => {
                    let wait = wait(pace.first_wait, failures, trouble.is_of_rate());
                    failures += 1;
                    if trouble.is_of_account() {
                        self.forget_account();
                    }
                    let words = trouble.words(&self.domain, &self.directory);
                    let (domain, again_in_s) = (&self.domain, wait.as_secs());
                    if current.get().is_self_signed() {
                        tracing::error!(again_in_s, "there is still no certificate for {domain}: {words}");
                    } else {
                        let until = day(current.get().until());
                        tracing::error!(again_in_s, until, "the certificate for {domain} could not be renewed, the old one is served: {words}");
                    }
                    sleep(wait).await;
                }
            }
        }
    }

    /// Asks for a certificate. After a failure it is tried in another way, if there is one.
    async fn obtain(&self, failures: u32) -> Result<Certificate, Trouble> {
        let way = usize::try_from(failures).ok().and_then(|failures| self.ways.get(failures % self.ways.len().max(1)));
        let way = way.unwrap_or(&ChallengeType::TlsAlpn01);
        let account = self.account().await?;
        let domain = Identifier::Dns(self.domain.clone());
        let mut order = account.new_order(&NewOrder::new(&[domain])).await?;
        let retries = RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(DECIDED_WITHIN);
        let proofs = self.prove(&mut order, way).await?;
        let decided = match order.state().status {
            // It knew already that the domain is ours.
            OrderStatus::Ready => Ok(OrderStatus::Ready),
            _ => order.poll_ready(&retries).await,
        };
        match decided {
            Ok(OrderStatus::Ready) => {}
            Ok(_) | Err(Error::Api(_)) => return Err(Trouble::Proof { challenge: way.clone(), problem: refusal(&mut order).await? }),
            Err(error) => return Err(error.into()),
        }
        drop(proofs);
        let (key, request) = request(&self.domain).map_err(|error| Trouble::Own(error.into()))?;
        order.finalize_csr(&request).await?;
        let chain = order.poll_certificate(&retries).await?;
        self.take(&key, &chain)
    }

    /// Checks what was given, and keeps it. If it cannot be kept it is served all the same: to ask for another one each time would soon
    /// be more than an ACME server gives.
    fn take(&self, key: &str, chain: &str) -> Result<Certificate, Trouble> {
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())?;
        certificate.check(Some(&self.domain), OffsetDateTime::now_utc())?;
        let path = self.certificate_path();
        // In one file, so that one is never with the other's key.
        if let Err(error) = private::write(&path, format!("{key}{chain}").as_bytes()) {
            tracing::error!(%error, "the new certificate cannot be kept in {}, and will be gone when this server ends", path.display());
        }
        Ok(certificate)
    }

    /// Lays out what the ACME server will look for, and tells it to look.
    async fn prove(&self, order: &mut Order, way: &ChallengeType) -> Result<Vec<Proof>, Trouble> {
        let mut proofs = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization.challenge(way.clone()).ok_or(Trouble::NotOffered(name_of_way(way)))?;
            proofs.push(self.challenges.prove(&challenge, &self.domain)?);
            challenge.set_ready().await?;
        }
        Ok(proofs)
    }

    async fn account(&self) -> Result<Account, Trouble> {
        let ca = self.ca.clone();
        let roots = tokio::task::spawn_blocking(move || client::roots(ca.as_deref())).await.context("no roots")??;
        let http = Box::new(Client::new(roots)?);
        let kept = std::fs::read(self.account_path()).ok();
        if let Some(credentials) = kept.and_then(|json| serde_json::from_slice::<AccountCredentials>(&json).ok()) {
            return Ok(Account::builder_with_http(http).from_credentials(credentials).await?);
        }
        let contact = self.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = Account::builder_with_http(http).create(&new, self.directory.clone(), None).await?;
        let json = serde_json::to_vec(&credentials).map_err(Error::Json)?;
        private::write(&self.account_path(), &json).map_err(keeping("the account with the ACME server"))?;
        Ok(account)
    }

    fn forget_account(&self) {
        if let Err(error) = std::fs::remove_file(self.account_path()) {
            tracing::warn!(%error, "the account that the ACME server does not know cannot be removed");
        }
    }

    fn kept(&self) -> Option<Certificate> {
        let pem = std::fs::read(self.certificate_path()).ok()?;
        let certificate = Certificate::from_pem(&pem, &pem).ok()?;
        certificate.check(Some(&self.domain), OffsetDateTime::now_utc()).is_ok().then_some(certificate)
    }

    fn account_path(&self) -> PathBuf {
        self.folder.join("account.json")
    }

    /// Where the certificate is kept.
    pub(super) fn certificate_path(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.domain))
    }
}

/// Why the proof was not found.
async fn refusal(order: &mut Order) -> Result<Option<instant_acme::Problem>, Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let state = authorization.refresh().await?;
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.clone()) {
            return Ok(Some(problem));
        }
    }
    Ok(order.state().error.clone())
}

/// A new key, in PEM, and the request for a certificate that goes with it.
fn request(domain: &str) -> Result<(String, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([domain.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    Ok((key.serialize_pem(), request.der().to_vec()))
}

/// There is none, or this part of its life is over.
fn is_due(certificate: &Certificate, renew_at: f64) -> bool {
    let life = certificate.until() - certificate.from();
    certificate.is_self_signed() || OffsetDateTime::now_utc() >= certificate.from() + life * renew_at
}

/// How long until the next try, after so many that failed before: doubling, and not at the same moment as all the others. With two
/// minutes at first there are five tries in the first hour, which is as many as Let's Encrypt allows to fail.
fn wait(first: Duration, failures: u32, is_of_rate: bool) -> Duration {
    let wait = first.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_WAIT);
    let wait = if is_of_rate { wait.max(RATE_LIMITED_WAIT) } else { wait };
    wait.mul_f64(rand::rng().random_range(1.0..1.25))
}

/// A folder's name for an ACME server: what one gave is of no use with another (one for trials, say).
fn name_of(directory: &str) -> String {
    Sha256::digest(directory).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn name_of_way(way: &ChallengeType) -> &'static str {
    if *way == ChallengeType::TlsAlpn01 { "TLS-ALPN-01" } else { "HTTP-01" }
}

fn keeping(what: &'static str) -> impl Fn(std::io::Error) -> Trouble {
    move |error| Trouble::Keep { what, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme(change: impl FnOnce(&mut Config)) -> anyhow::Result<Acme> {
        let domain = Some("meet.example.org".to_owned());
        let mut config = Config { domain, http_listen: Some(([127, 0, 0, 1], 80).into()), listen: ([127, 0, 0, 1], 443).into(), ..Config::default() };
        change(&mut config);
        Acme::new(&config, Path::new("/nowhere"))
    }

    #[test]
    fn the_likelier_way_comes_first() {
        let ways = |change: fn(&mut Config)| acme(change).expect("settings").ways;
        assert_eq!(ways(|_| {}), [ChallengeType::TlsAlpn01, ChallengeType::Http01]);
        assert_eq!(ways(|config| config.listen.set_port(8443)), [ChallengeType::Http01, ChallengeType::TlsAlpn01]);
        assert_eq!(ways(|config| config.http_listen = None), [ChallengeType::TlsAlpn01]);
    }

    #[test]
    fn what_cannot_work_is_said_at_start() {
        let other = acme(|config| config.public_url = Some("https://call.example.org".to_owned())).expect_err("two names");
        assert!(other.to_string().contains("https://call.example.org, but the certificate will be for meet.example.org"), "{other}");
        let missing = acme(|config| config.acme_ca = Some(PathBuf::from("/nowhere/ca.pem"))).expect_err("no file");
        assert!(missing.to_string().contains("/nowhere/ca.pem (acme_ca)"), "{missing}");
        assert!(acme(|config| config.public_url = Some("https://meet.example.org:8443".to_owned())).is_ok());
    }

    /// Key and chain for our name, from somebody else.
    fn given() -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new([]).expect("no names");
        authority.distinguished_name.push(rcgen::DnType::CommonName, "An authority for tests");
        let issuer = rcgen::Issuer::new(authority, KeyPair::generate().expect("a key"));
        let mut params = CertificateParams::new(["meet.example.org".to_owned()]).expect("a name");
        params.not_before = OffsetDateTime::now_utc() - time::Duration::days(1);
        params.not_after = OffsetDateTime::now_utc() + time::Duration::days(89);
        (key.serialize_pem(), params.signed_by(&key, &issuer).expect("a certificate").pem())
    }

    fn kept_in(folder: &Path) -> Acme {
        let config = Config { domain: Some("meet.example.org".to_owned()), acme_directory: "https://127.0.0.1:1/".to_owned(), ..Config::default() };
        Acme::new(&config, folder).expect("settings")
    }

    #[test]
    fn what_cannot_be_kept_is_served_all_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let acme = kept_in(folder.path());
        let (key, chain) = given();
        // Where the file would be written there is something else.
        std::fs::create_dir_all(acme.certificate_path().with_extension("new")).expect("a folder");
        assert!(acme.take(&key, &chain).is_ok_and(|certificate| certificate.is_for("meet.example.org")));
        assert!(acme.kept().is_none());
        std::fs::remove_dir(acme.certificate_path().with_extension("new")).expect("removed");
        assert!(acme.take(&key, &chain).is_ok() && acme.kept().is_some());
        assert!(acme.take(&key, "").is_err());
    }

    #[tokio::test]
    async fn one_that_was_passed_over_at_the_start_is_served_before_another_is_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let acme = kept_in(folder.path());
        let current = Arc::new(Current::new(acme.load().expect("one of our own making")));
        assert!(current.get().is_self_signed());
        let (key, chain) = given();
        acme.take(&key, &chain).expect("a certificate");
        let (kept, pace) = (Arc::clone(&current), Pace::default());
        let keeping = tokio::spawn(async move { acme.keep(&kept, pace).await });
        let served = async {
            while current.get().is_self_signed() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), served).await.expect("the one that was kept");
        keeping.abort();
    }

    #[test]
    fn tries_become_rare_but_never_end() {
        let first = Duration::from_secs(120);
        let within = |failures, from: u64, to: u64| {
            let wait = wait(first, failures, false).as_secs();
            assert!((from..=to).contains(&wait), "{failures}: {wait}");
        };
        within(0, 120, 150);
        within(1, 240, 300);
        within(4, 1920, 2400);
        within(20, 21_600, 27_000);
        within(u32::MAX, 21_600, 27_000);
        assert!(wait(first, 0, true) >= RATE_LIMITED_WAIT);
    }
}
