//! A certificate made here, for a network without a name that the world knows. It is kept, so that people who have once said that
//! they trust it are not asked again.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::ServerName;
use time::OffsetDateTime;
use tokio::time::interval;

use super::certificate::{Certificate, day};
use super::{Current, private};

/// No browser takes one that is valid for longer than 825 days, and some expect less of those they are asked to trust.
const LIFE: time::Duration = time::Duration::days(365);
/// Clocks differ.
const BEFORE: time::Duration = time::Duration::days(1);
/// A new one is made so long before the old one ends.
const ANEW_BEFORE_END: time::Duration = time::Duration::days(30);

/// A certificate of our own making.
#[derive(Clone, Debug)]
pub(super) struct SelfSigned {
    path: PathBuf,
    /// Names that people use besides those that the machine knows of itself.
    names: BTreeSet<String>,
}

impl SelfSigned {
    /// Kept in this folder, also for these names.
    pub(super) fn new(folder: &Path, names: impl IntoIterator<Item = String>) -> Self {
        Self { path: path(folder), names: names.into_iter().collect() }
    }

    /// The one that is kept, if it is still good, or a new one.
    ///
    /// # Errors
    /// When it cannot be made or kept; in words for the operator.
    pub(super) fn load(&self) -> anyhow::Result<Certificate> {
        match self.kept() {
            Some(certificate) if self.is_good(&certificate) => Ok(certificate),
            _ => self.make(),
        }
    }

    /// Makes a new one when this machine has got other addresses, and in good time before the end.
    pub(super) async fn keep(&self, current: &Current, look_every: Duration) {
        let mut times = interval(look_every);
        times.tick().await;
        loop {
            times.tick().await;
            if self.is_good(&current.get()) {
                continue;
            }
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.make()).await {
                Ok(Ok(certificate)) => {
                    say(&certificate, "the addresses have changed or the end was near: a new certificate is served, which browsers will ask about");
                    current.set(certificate);
                }
                Ok(Err(error)) => tracing::error!("no new certificate can be made: {error:#}"),
                Err(error) => tracing::error!(%error, "no new certificate can be made"),
            }
        }
    }

    fn kept(&self) -> Option<Certificate> {
        let pem = std::fs::read(&self.path).ok()?;
        Certificate::from_pem(&pem, &pem).ok()
    }

    fn is_good(&self, certificate: &Certificate) -> bool {
        let now = OffsetDateTime::now_utc();
        let lasts = certificate.check(None, now + ANEW_BEFORE_END).is_ok() && certificate.check(None, now).is_ok();
        let machine = of_this_machine();
        lasts && self.names.iter().chain(machine.iter().filter(|name| must_be_in(name))).all(|name| certificate.is_for(name))
    }

    fn make(&self) -> anyhow::Result<Certificate> {
        let names: BTreeSet<_> = self.names.iter().cloned().chain(of_this_machine()).collect();
        let pem = make(names.into_iter().collect()).context("a certificate cannot be made")?;
        private::write(&self.path, pem.as_bytes()).with_context(|| format!("the certificate {} cannot be written", self.path.display()))?;
        Ok(Certificate::from_pem(pem.as_bytes(), pem.as_bytes())?)
    }
}

/// Where it is kept.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("self-signed.pem")
}

/// Says which certificate is served and how to recognise it.
pub(super) fn say(certificate: &Certificate, what: &str) {
    tracing::info!(sha256 = %certificate.fingerprint(), until = day(certificate.until()), "{what}");
}

/// Key and certificate, in PEM.
fn make(names: Vec<String>) -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.not_before = OffsetDateTime::now_utc() - BEFORE;
    params.not_after = OffsetDateTime::now_utc() + LIFE;
    params.distinguished_name.push(DnType::CommonName, "Fireside");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(format!("{}{}", key.serialize_pem(), params.self_signed(&key)?.pem()))
}

/// What this machine is called, and where it is.
fn of_this_machine() -> BTreeSet<String> {
    let host = rustix::system::uname().nodename().to_str().ok().and_then(host_name);
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter().map(|interface| interface.ip());
    // One with a zone (fe80::1%eth0) cannot be typed into a browser.
    let addresses = interfaces.filter(|address| !matches!(address, IpAddr::V6(address) if address.is_unicast_link_local()));
    let addresses = loopback.into_iter().chain(addresses).map(|address| address.to_string());
    addresses.chain(host).chain([String::from("localhost")]).collect()
}

/// A name that can be in a certificate.
fn host_name(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    ServerName::try_from(name.as_str()).is_ok().then_some(name)
}

/// An address of IPv6 alone is no reason to trouble people with a new certificate: systems give themselves new ones each day
/// (RFC 8981).
fn must_be_in(name: &str) -> bool {
    !matches!(name.parse(), Ok(IpAddr::V6(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_kept_for_this_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = SelfSigned::new(&folder.path().join("tls"), [String::from("meet.example.org")]);
        let first = own.load().expect("a certificate");
        assert_eq!(own.load().expect("the same").fingerprint(), first.fingerprint());
        for name in ["localhost", "127.0.0.1", "::1", "meet.example.org"] {
            assert!(first.is_for(name), "{name}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join("tls/self-signed.pem")).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn it_is_made_anew_for_another_name_and_when_it_was_spoilt() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = SelfSigned::new(folder.path(), []).load().expect("a certificate");
        let other = SelfSigned::new(folder.path(), [String::from("192.0.2.7")]);
        let second = other.load().expect("a certificate");
        assert!(!first.is_for("192.0.2.7") && second.is_for("192.0.2.7"));
        std::fs::write(folder.path().join("self-signed.pem"), "spoilt").expect("written");
        assert_ne!(other.load().expect("a certificate").fingerprint(), second.fingerprint());
    }
}
