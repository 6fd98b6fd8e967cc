//! What an ACME server finds when it looks whether a domain is ours: at our port for HTTPS (RFC 8737) or for HTTP (RFC 8555, 8.3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use instant_acme::{ChallengeHandle, ChallengeType};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// What an ACME server says that it speaks (RFC 8737, 6.2), and says alone.
const PROTOCOL: &[u8] = b"acme-tls/1";

/// The proofs that are there to be looked at.
#[derive(Debug, Default)]
pub(in crate::tls) struct Challenges(Mutex<Proofs>);

#[derive(Debug, Default)]
struct Proofs {
    /// By token.
    http: HashMap<String, String>,
    /// By domain.
    tls: HashMap<String, Arc<ServerConfig>>,
}

/// A proof that is there until this is dropped.
#[derive(Debug)]
pub(super) struct Proof {
    challenges: Arc<Challenges>,
    token: String,
    domain: String,
}

impl Challenges {
    /// Lays out what was asked for.
    pub(super) fn prove(self: &Arc<Self>, challenge: &ChallengeHandle<'_>, domain: &str) -> anyhow::Result<Proof> {
        let token = challenge.token.clone();
        let authorization = challenge.key_authorization();
        match challenge.r#type {
            ChallengeType::TlsAlpn01 => {
                let server = server(domain, authorization.digest().as_ref())?;
                self.lock().tls.insert(domain.to_owned(), server);
            }
            _ => {
                self.lock().http.insert(token.clone(), authorization.as_str().to_owned());
            }
        }
        Ok(Proof { challenges: self.clone(), token, domain: domain.to_owned() })
    }

    /// For one who asks by HTTP.
    pub(in crate::tls) fn by_http(&self, token: &str) -> Option<String> {
        self.lock().http.get(token).cloned()
    }

    /// For one who asks by TLS, for this name and to speak this.
    pub(in crate::tls) fn by_tls<'a>(&self, name: Option<&str>, mut protocols: impl Iterator<Item = &'a [u8]>) -> Option<Arc<ServerConfig>> {
        if protocols.next() != Some(PROTOCOL) || protocols.next().is_some() {
            return None;
        }
        self.lock().tls.get(&name?.to_ascii_lowercase()).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Proofs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let mut proofs = self.challenges.lock();
        proofs.http.remove(&self.token);
        proofs.tls.remove(&self.domain);
    }
}

/// TLS with a certificate that holds the proof (RFC 8737, 3).
fn server(domain: &str, digest: &[u8]) -> anyhow::Result<Arc<ServerConfig>> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([domain.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let key = CertifiedKey::from_der(vec![certificate.der().clone()], key, &aws_lc_rs::default_provider()).context("the proof cannot be used")?;
    crate::tls::server(Arc::new(SingleCertAndKey::from(key)), &[PROTOCOL])
}
