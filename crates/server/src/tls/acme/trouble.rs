//! Why there is no certificate, and what the operator can do about it.

use std::io;

use instant_acme::{ChallengeType, Error, Problem};

use super::client::ClientError;
use crate::tls::CertificateError;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The ACME server, or the way to it.
    #[error(transparent)]
    Server(#[from] Error),
    /// The ACME server looked for the proof and did not find it.
    #[error("the proof was not found")]
    Proof {
        /// How it looked.
        challenge: ChallengeType,
        /// What it says; nothing, if it does not.
        problem: Option<Problem>,
    },
    /// It cannot look for the proof in the way that we have.
    #[error("the ACME server does not offer {0}")]
    NotOffered(&'static str),
    /// What came is no certificate for us.
    #[error("what the ACME server gave cannot be used: {0}")]
    Unusable(#[from] CertificateError),
    /// It cannot be kept.
    #[error("{what} cannot be kept: {error}")]
    Keep {
        /// What.
        what: &'static str,
        /// Why.
        error: io::Error,
    },
    /// Something of our own.
    #[error("{0:#}")]
    Own(#[from] anyhow::Error),
}

impl Trouble {
    /// For the operator of `domain`, who uses the ACME server at `directory`.
    pub(super) fn words(&self, domain: &str, directory: &str) -> String {
        match self {
            Self::Server(Error::Api(problem)) => said(&of_problem(problem, domain, None), problem),
            Self::Proof { challenge, problem: Some(problem) } => said(&of_problem(problem, domain, Some(challenge)), problem),
            Self::Proof { problem: None, .. } => format!("the ACME server at {directory} did not find {domain} here, and does not say why"),
            Self::Server(Error::Timeout(_)) => format!("the ACME server at {directory} has not decided yet"),
            Self::Server(Error::Other(error)) => match error.downcast_ref::<ClientError>() {
                Some(error) => of_client(error, directory),
                None => format!("the ACME server at {directory} does not answer as one should ({error})"),
            },
            Self::Server(error) => format!("the ACME server at {directory} does not answer as one should ({error})"),
            other => other.to_string(),
        }
    }

    /// The ACME server does not know the account that it once gave us.
    pub(super) fn is_of_account(&self) -> bool {
        matches!(self, Self::Server(Error::Api(problem)) if kind(problem) == "accountDoesNotExist")
    }

    /// There were too many tries.
    pub(super) fn is_of_rate(&self) -> bool {
        matches!(self, Self::Server(Error::Api(problem)) if kind(problem) == "rateLimited")
    }
}

fn kind(problem: &Problem) -> &str {
    problem.r#type.as_deref().and_then(|kind| kind.strip_prefix("urn:ietf:params:acme:error:")).unwrap_or_default()
}

/// The kinds are in RFC 8555, 6.7.
fn of_problem(problem: &Problem, domain: &str, challenge: Option<&ChallengeType>) -> String {
    let port = if challenge == Some(&ChallengeType::TlsAlpn01) { "443" } else { "80" };
    match kind(problem) {
        "dns" => format!("the DNS has no address for {domain}: give it an A record (and AAAA, if you have IPv6) with this machine's public address"),
        "connection" | "tls" => format!(
            "the ACME server could not reach {domain} at TCP port {port}: its DNS must point to this machine's public address, and the port must be \
             open in every firewall, and forwarded by every router, on the way"
        ),
        // Some say this too of a port at which nobody is.
        "unauthorized" | "incorrectResponse" if challenge.is_some() => format!(
            "the ACME server did not find us at TCP port {port} of {domain}: its DNS points to another machine (look at A and AAAA), another program or \
             a proxy has that port, or a firewall keeps it closed"
        ),
        "rateLimited" => format!("the ACME server has had too many requests for {domain} lately; it is asked again later, please do not start anew"),
        "caa" => format!("a CAA record in the DNS of {domain} forbids this ACME server to give certificates for it: name it there, or use another"),
        "rejectedIdentifier" => format!("the ACME server gives no certificates for {domain}: is it a name on the public internet?"),
        "invalidContact" | "unsupportedContact" => "the ACME server does not take the e-mail address in `acme_email`".to_owned(),
        "externalAccountRequired" => "the ACME server serves only those who have an account with it; use another (`acme_directory`)".to_owned(),
        "userActionRequired" => "the ACME server wants its terms to be agreed to again".to_owned(),
        "accountDoesNotExist" => "the ACME server has forgotten our account; a new one will be made".to_owned(),
        "serverInternal" => "the ACME server is in trouble itself".to_owned(),
        _ => format!("the ACME server refuses a certificate for {domain}"),
    }
}

fn said(words: &str, problem: &Problem) -> String {
    // It is somebody else's text: of one line, and not too long.
    let detail: String = problem.detail.as_deref().unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    if detail.is_empty() { words.to_owned() } else { format!("{words} (it says: {detail})") }
}

fn of_client(error: &ClientError, directory: &str) -> String {
    match error {
        ClientError::Unreachable { .. } | ClientError::Late(_) => {
            format!("the ACME server at {directory} cannot be reached from here: {error}; this machine must be allowed to connect to it")
        }
        ClientError::Untrusted { .. } => format!(
            "the ACME server at {directory} is not one that this machine trusts: {error}; if it is your own, name its certificate with `acme_ca`, \
             else bring the system's list up to date (on Debian: the package ca-certificates) and look at its clock"
        ),
        ClientError::Address(_) | ClientError::Answer(_) => format!("the ACME server at {directory} does not answer as one should: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, detail: &str) -> Problem {
        Problem { r#type: Some(format!("urn:ietf:params:acme:error:{kind}")), detail: Some(detail.to_owned()), status: None, subproblems: Vec::new() }
    }

    #[test]
    fn the_operator_hears_what_to_do() {
        let words = |trouble: Trouble| trouble.words("meet.example.org", "https://acme.example/dir");
        let proof = |kind, challenge| words(Trouble::Proof { challenge, problem: Some(problem(kind, "timeout\nafter 10 s")) });
        let closed = proof("connection", ChallengeType::TlsAlpn01);
        assert!(closed.contains("TCP port 443") && closed.contains("firewall") && closed.ends_with("(it says: timeout after 10 s)"), "{closed}");
        assert!(proof("connection", ChallengeType::Http01).contains("TCP port 80"));
        assert!(proof("unauthorized", ChallengeType::Http01).contains("did not find us at TCP port 80 of meet.example.org"));
        assert!(proof("dns", ChallengeType::Http01).contains("A record"));
        let limited = Trouble::Server(Error::Api(problem("rateLimited", "")));
        assert!(limited.is_of_rate());
        assert!(words(limited).contains("too many requests"));
        let host = "acme.example".to_owned();
        let unreachable = ClientError::Unreachable { host, error: io::ErrorKind::ConnectionRefused.into() };
        let unreachable = words(Trouble::Server(Error::Other(Box::new(unreachable))));
        assert!(unreachable.starts_with("the ACME server at https://acme.example/dir cannot be reached from here"), "{unreachable}");
    }
}
