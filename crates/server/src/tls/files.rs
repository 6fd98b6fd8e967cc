//! A certificate that the operator brings: checked at start, and taken anew when its files change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::time::{Instant, interval};

use super::Current;
use super::certificate::{Certificate, day};

/// Who gets certificates by hand needs some days; who has a program for it should hear that it does not work.
const SAY_BEFORE: time::Duration = time::Duration::days(14);
/// Often enough to be read, seldom enough to be borne.
const SAY_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Two files of the operator's.
#[derive(Clone, Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// Whom people ask for.
    name: Option<String>,
}

/// What was in the files, to know it again.
type Seen = [u8; 32];

impl Files {
    pub(super) fn new(certificate: &Path, key: &Path, name: Option<String>) -> Self {
        Self { certificate: certificate.to_path_buf(), key: key.to_path_buf(), name }
    }

    /// Reads and checks them.
    ///
    /// # Errors
    /// What is wrong with them; in words for the operator.
    pub(super) fn load(&self) -> anyhow::Result<Certificate> {
        let (chain, key) = self.read()?;
        self.understand(&chain, &key)
    }

    /// Looks now and then whether they have changed. What is wrong is said once, and the certificate before goes on being served.
    pub(super) async fn keep(&self, current: &Current, look_every: Duration) {
        let (mut seen, first) = self.look().await;
        // They may have changed since the start.
        let mut is_served = first.is_ok_and(|first| first.fingerprint() == current.get().fingerprint());
        let mut said_at: Option<Instant> = None;
        let mut times = interval(look_every);
        times.tick().await;
        loop {
            times.tick().await;
            let (now_seen, certificate) = self.look().await;
            let is_new = std::mem::replace(&mut seen, now_seen) != now_seen;
            match certificate {
                Ok(certificate) if is_new || !is_served => {
                    tracing::info!(until = day(certificate.until()), "the certificate's files have changed, the new one is served");
                    current.set(certificate);
                    is_served = true;
                }
                Ok(_) => {}
                Err(error) => {
                    if is_new {
                        tracing::error!("the certificate's files have changed, but the one before is still served: {error:#}");
                    }
                    // It may become good by itself: when its time begins, or the clock is set.
                    is_served = false;
                }
            }
            let until = current.get().until();
            if until - OffsetDateTime::now_utc() < SAY_BEFORE && said_at.is_none_or(|said_at| said_at.elapsed() >= SAY_EVERY) {
                said_at = Some(Instant::now());
                tracing::warn!(until = day(until), "the certificate ends soon; put a new one in the place of {}", self.certificate.display());
            }
        }
    }

    async fn look(&self) -> (Option<Seen>, anyhow::Result<Certificate>) {
        let files = self.clone();
        let look = move || match files.read() {
            Ok((chain, key)) => {
                let seen = Sha256::new().chain_update(&chain).chain_update([0]).chain_update(&key).finalize();
                (Some(seen.into()), files.understand(&chain, &key))
            }
            Err(error) => (None, Err(error)),
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| (None, Err(error.into())))
    }

    fn read(&self) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let read = |path: &Path, what: &str| {
            let advice = "it must be there, and the user that Fireside runs as must be allowed to read it";
            std::fs::read(path).with_context(|| format!("the {what} {} cannot be read ({advice})", path.display()))
        };
        Ok((read(&self.certificate, "certificate")?, read(&self.key, "certificate's key")?))
    }

    fn understand(&self, chain: &[u8], key: &[u8]) -> anyhow::Result<Certificate> {
        let checked = Certificate::from_pem(chain, key).and_then(|certificate| {
            certificate.check(self.name.as_deref(), OffsetDateTime::now_utc())?;
            Ok(certificate)
        });
        checked.with_context(|| format!("the certificate {} with the key {} cannot be used", self.certificate.display(), self.key.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn put(files: &Files, from: OffsetDateTime) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([String::from("meet.example.org")]).expect("a name");
        (params.not_before, params.not_after) = (from, from + time::Duration::days(90));
        std::fs::write(&files.key, key.serialize_pem()).expect("written");
        std::fs::write(&files.certificate, params.self_signed(&key).expect("a certificate").pem()).expect("written");
    }

    #[tokio::test]
    async fn one_whose_time_is_still_to_come_is_served_when_it_has_come() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(&folder.path().join("cert.pem"), &folder.path().join("key.pem"), None);
        put(&files, OffsetDateTime::now_utc() - time::Duration::days(1));
        let current = Arc::new(Current::new(files.load().expect("a certificate")));
        let first = current.get().fingerprint().clone();
        put(&files, OffsetDateTime::now_utc() + time::Duration::seconds(3));
        let (kept, keeper) = (Arc::clone(&current), files.clone());
        let keeping = tokio::spawn(async move { keeper.keep(&kept, Duration::from_millis(20)).await });
        let served = async {
            while *current.get().fingerprint() == first {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), served).await.expect("the second");
        assert!(current.get().from() <= OffsetDateTime::now_utc());
        keeping.abort();
    }
}
