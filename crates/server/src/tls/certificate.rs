//! A certificate with its key, and what it says of itself.

use std::fmt;
use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate that can be served.
#[derive(Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    from: OffsetDateTime,
    until: OffsetDateTime,
    self_signed: bool,
    fingerprint: Fingerprint,
}

/// Why a certificate and a key are none; for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Nothing is between `BEGIN CERTIFICATE` and its end.
    #[error("there is no certificate in PEM (-----BEGIN CERTIFICATE-----) in it")]
    NoCertificate,
    /// Nothing is between `BEGIN PRIVATE KEY` (or `RSA`, or `EC`) and its end.
    #[error("there is no key in PEM (-----BEGIN PRIVATE KEY-----) in it, or only one that is locked with a password")]
    NoKey,
    /// There is something, but not that.
    #[error("it cannot be understood: {0}")]
    Unreadable(String),
    /// Each is good, but not for the other.
    #[error("the key is not the one that the certificate was made for")]
    Mismatch,
    /// Its time is over.
    #[error("it ended on {0}; get a new one")]
    Ended(String),
    /// Its time is still to come.
    #[error("it is not valid before {0}; is this machine's clock right?")]
    TooEarly(String),
    /// It is somebody else's.
    #[error("it is not for {wanted}, but for {names}")]
    OfAnother {
        /// Whom people ask for.
        wanted: String,
        /// Whom it is for.
        names: String,
    },
}

impl Certificate {
    /// From a PEM chain, its own certificate first, and a PEM key.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        let leaf = chain.first().ok_or(CertificateError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::NoKey)?;
        let fingerprint = Fingerprint(Sha256::digest(leaf).into());
        let (_, said) = X509Certificate::from_der(leaf).map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        let moment = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| CertificateError::Unreadable(error.to_string()));
        let (from, until) = (moment(said.validity().not_before.timestamp())?, moment(said.validity().not_after.timestamp())?);
        let (names, self_signed) = (names(&said), said.issuer() == said.subject());
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CertificateError::Mismatch,
            error => CertificateError::Unreadable(error.to_string()),
        })?;
        Ok(Self { key: Arc::new(key), names, from, until, self_signed, fingerprint })
    }

    /// Whether browsers will take it at this moment, from those who ask for this name (or address in figures).
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, name: Option<&str>, now: OffsetDateTime) -> Result<(), CertificateError> {
        if now >= self.until {
            return Err(CertificateError::Ended(day(self.until)));
        }
        if now < self.from {
            return Err(CertificateError::TooEarly(day(self.from)));
        }
        match name {
            Some(name) if !self.is_for(name) => Err(CertificateError::OfAnother { wanted: name.to_owned(), names: self.names.join(", ") }),
            _ => Ok(()),
        }
    }

    /// Whether it is for this name, or address in figures.
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        let parsed = self.key.end_entity_cert().and_then(ParsedCertificate::try_from);
        let (Ok(parsed), Ok(name)) = (parsed, ServerName::try_from(name)) else { return false };
        verify_server_name(&parsed, &name).is_ok()
    }

    /// Whom it is for: names, and addresses in figures.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The first moment at which it is valid.
    #[must_use]
    pub fn from(&self) -> OffsetDateTime {
        self.from
    }

    /// The first moment at which it is valid no more.
    #[must_use]
    pub fn until(&self) -> OffsetDateTime {
        self.until
    }

    /// Nobody but itself vouches for it.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.self_signed
    }

    /// By what people can recognise it.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

/// The SHA-256 of a certificate, as browsers show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, byte)| write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" }))
    }
}

/// A moment by its day, which is as exact as people want it.
pub(super) fn day(moment: OffsetDateTime) -> String {
    const DAY: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]");
    moment.format(DAY).unwrap_or_else(|_| moment.to_string())
}

fn names(said: &X509Certificate<'_>) -> Vec<String> {
    let names = said.subject_alternative_name().ok().flatten().map(|names| &names.value.general_names);
    let names = names.into_iter().flatten().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    names.collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use time::Duration;

    use super::*;

    fn made(names: &[&str], ends_in: Duration) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = OffsetDateTime::now_utc() - Duration::days(10);
        params.not_after = OffsetDateTime::now_utc() + ends_in;
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    }

    #[test]
    fn it_says_whom_it_is_for_and_how_long() {
        let (chain, key) = made(&["meet.example.org", "192.0.2.7", "2001:db8::7"], Duration::days(1));
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).expect("a certificate");
        assert_eq!(certificate.names(), ["meet.example.org", "192.0.2.7", "2001:db8::7"]);
        assert!(certificate.is_self_signed());
        assert_eq!(certificate.fingerprint().to_string().len(), 95);
        let now = OffsetDateTime::now_utc();
        for name in ["meet.example.org", "192.0.2.7", "2001:db8::7"] {
            assert_eq!(certificate.check(Some(name), now), Ok(()));
        }
        let error = certificate.check(Some("example.org"), now).expect_err("another name").to_string();
        assert_eq!(error, "it is not for example.org, but for meet.example.org, 192.0.2.7, 2001:db8::7");
        assert!(matches!(certificate.check(None, now + Duration::days(2)), Err(CertificateError::Ended(_))));
        assert!(matches!(certificate.check(None, now - Duration::days(12)), Err(CertificateError::TooEarly(_))));
    }

    #[test]
    fn what_is_wrong_with_files_is_said() {
        let (chain, key) = made(&["a.example"], Duration::days(1));
        let (other, _) = made(&["a.example"], Duration::days(1));
        let error = |chain: &str, key: &str| Certificate::from_pem(chain.as_bytes(), key.as_bytes()).expect_err("it is wrong");
        assert_eq!(error("", &key), CertificateError::NoCertificate);
        assert_eq!(error(&key, &key), CertificateError::NoCertificate);
        assert_eq!(error(&chain, &chain), CertificateError::NoKey);
        assert_eq!(error(&other, &key), CertificateError::Mismatch);
        let cut = chain.replace("-----END CERTIFICATE-----", "");
        assert!(matches!(error(&cut, &key), CertificateError::Unreadable(_)));
    }
}
