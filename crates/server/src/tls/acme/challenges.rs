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
    let key = aws_lc_rs::sign::any_ecdsa_type(&key).context("the proof cannot be used")?;
    // Not checked: what makes it a proof is an extension that nobody else knows, and must not pass over.
    let key = CertifiedKey::new(vec![certificate.der().clone()], key);
    crate::tls::server(Arc::new(SingleCertAndKey::from(key)), &[PROTOCOL])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_for_one_who_asks_for_nothing_else() {
        let challenges = Arc::new(Challenges::default());
        let domain = "meet.example.org";
        let proof = server(domain, &[7; 32]).expect("a proof");
        assert_eq!(proof.alpn_protocols, [PROTOCOL]);
        challenges.lock().tls.insert(domain.to_owned(), proof);
        let asked = |name, protocols: &[&'static [u8]]| challenges.by_tls(name, protocols.iter().copied()).is_some();
        assert!(asked(Some("Meet.example.org"), &[PROTOCOL]));
        assert!(!asked(Some("other.example.org"), &[PROTOCOL]));
        assert!(!asked(None, &[PROTOCOL]));
        assert!(!asked(Some(domain), &[PROTOCOL, b"http/1.1"]));
        assert!(!asked(Some(domain), &[b"http/1.1"]));
        assert!(!asked(Some(domain), &[]));
        drop(Proof { challenges: challenges.clone(), token: String::new(), domain: domain.to_owned() });
        assert!(challenges.by_tls(Some(domain), [PROTOCOL].into_iter()).is_none());
    }
}
