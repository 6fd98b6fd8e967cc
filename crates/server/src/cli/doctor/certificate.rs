//! The certificate as it lies in its files: whether it can be served, for how long, and whether browsers will take it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use axum::http::StatusCode;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use time::{Duration, OffsetDateTime};

use super::finding::{Finding, Findings, counted};
use super::house::{House, Kind};
use super::web::{self, Answer, Fault, objection};
use crate::config::{Config, Tls};
use crate::tls::{self, Certificate, CertificateError};

/// Who gets certificates by hand needs some days.
const SOON: Duration = Duration::days(14);
/// One that comes by itself is renewed after two thirds of its life; with so small a part of it left, that does not work.
const OVERDUE: i32 = 4;

/// A certificate and what is around it.
struct Kept {
    certificate: Certificate,
    /// Of the certificate, and of those that vouch for it.
    chain: Vec<CertificateDer<'static>>,
    /// Others than the owner and their group may read the key.
    is_open: bool,
}

pub(super) async fn check(config: &Config, house: Option<&House>, directory: Option<&Result<Answer, Fault>>) -> Vec<Finding> {
    let mut found = Findings::of("certificate");
    if config.tls == Tls::Off {
        match config.public_url.as_deref().is_some_and(|url| url.starts_with("https://")) {
            true => found.ok("kind", "TLS is spoken by a reverse proxy; its certificate is looked at through the public address."),
            false => found.skipped("kind", "No TLS is spoken.", "To be reached by others, set --domain, or --tls-cert and --tls-key."),
        }
        return found.into_vec();
    }
    match look(config) {
        Ok(Some(kept)) => {
            let now = OffsetDateTime::now_utc();
            let name = tls::asked_for(config);
            judge(&config.tls, name.as_deref(), &kept, now, &mut found);
            served(house, &kept, &mut found).await;
        }
        Ok(None) => nothing_yet(config, &mut found),
        Err(says) => found.problem("kept", says, "Correct that: the server would not start with it."),
    }
    if let Some(answer) = directory.filter(|_| config.tls == Tls::Acme) {
        authority(config, answer, &mut found);
    }
    found.into_vec()
}

/// Reads what is there. `None`: it is got or made at the first start.
fn look(config: &Config) -> Result<Option<Kept>, String> {
    let Some((chain_at, key_at)) = tls::paths(config).map_err(|error| format!("{error:#}"))? else { return Ok(None) };
    if !matches!(config.tls, Tls::Files { .. }) && !chain_at.exists() {
        return Ok(None);
    }
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{} cannot be read ({error}).", path.display()));
    let (pem, key) = (read(&chain_at)?, read(&key_at)?);
    let certificate = Certificate::from_pem(&pem, &key).map_err(|error| {
        let which = if error == CertificateError::NoKey { &key_at } else { &chain_at };
        format!("The certificate {} cannot be used: {error}.", which.display())
    })?;
    let chain = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    Ok(Some(Kept { certificate, chain, is_open: is_open(&key_at) }))
}

fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o007 != 0)
}

fn nothing_yet(config: &Config, found: &mut Findings) {
    if config.tls == Tls::Acme {
        let says = format!("There is no certificate yet; the server gets one from {} once it runs.", config.acme_directory);
        found.skipped("kept", says, "Start Fireside, and look again in a few minutes. Its log says how that goes.");
    } else {
        found.skipped("kept", "There is no certificate yet; the server makes one when it starts.", "Start Fireside and look again.");
    }
}

fn judge(tls: &Tls, name: Option<&str>, kept: &Kept, now: OffsetDateTime, found: &mut Findings) {
    let Kept { certificate, chain, is_open } = kept;
    names(name, certificate, found);
    life(tls, certificate, now, found);
    match tls {
        Tls::SelfSigned => {
            let says = "The certificate is of the server's own making: browsers ask people whether to go on.";
            found.warning("chain", says, "Fine in a network where people know it. Otherwise use --domain, or --tls-cert and --tls-key.");
        }
        _ => vouched(name, certificate, chain, now, found),
    }
    if *is_open {
        found.warning("key", "Every user of this machine may read the certificate's key.", "Take that away: chmod o-rwx, on the file of the key.");
    }
}

fn names(name: Option<&str>, certificate: &Certificate, found: &mut Findings) {
    let names = certificate.names().join(", ");
    match name {
        Some(name) if !certificate.is_for(name) => {
            let says = format!("The certificate is not for {name}, by which people come, but for {names}.");
            found.problem("names", says, "Get one for that name, or correct --public-url.");
        }
        _ => found.ok("names", format!("The certificate is for {names}.")),
    }
}

fn life(tls: &Tls, certificate: &Certificate, now: OffsetDateTime, found: &mut Findings) {
    let (from, until) = (certificate.from(), certificate.until());
    let left = until - now;
    let days = counted(u64::try_from(left.whole_days()).unwrap_or_default(), "day", "days");
    let advice = match tls {
        Tls::Files { .. } => "Put a new one in the place of its files: the server takes it by itself within a minute.",
        _ => "The server should have renewed it by itself; its log says why it did not.",
    };
    let is_soon = match tls {
        Tls::Files { .. } => left < SOON,
        Tls::SelfSigned => false,
        Tls::Acme | Tls::Off => left < (until - from) / OVERDUE,
    };
    if now < from {
        found.problem("life", format!("The certificate is not valid before {}.", from.date()), "Look whether this machine's clock is right.");
    } else if left <= Duration::ZERO {
        found.problem("life", format!("The certificate ended on {}.", until.date()), advice);
    } else if is_soon {
        found.warning("life", format!("The certificate ends on {}, in {days}.", until.date()), advice);
    } else {
        found.ok("life", format!("The certificate is good until {}, for {days}.", until.date()));
    }
}

/// Whether browsers take the whole chain. Its time is judged apart, and so is the name.
fn vouched(name: Option<&str>, certificate: &Certificate, chain: &[CertificateDer<'static>], now: OffsetDateTime, found: &mut Findings) {
    let name = name.filter(|name| certificate.is_for(name)).or_else(|| certificate.names().first().map(String::as_str));
    let within = now.max(certificate.from()).min(certificate.until() - Duration::seconds(1));
    let moment = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(within.unix_timestamp()).unwrap_or_default()));
    let verdict = web::judge(chain, name.unwrap_or_default(), moment);
    match verdict {
        Ok(()) => found.ok("chain", "Its chain is complete: browsers believe who vouches for it."),
        Err(_) if chain.len() < 2 && !certificate.is_self_signed() => {
            let says = "The certificate stands alone in its file: browsers that have not met who vouches for it refuse it.";
            found.problem("chain", says, "Give the file with the whole chain (often called fullchain.pem) in --tls-cert.");
        }
        Err(error) => {
            let says = format!("As far as this system knows, browsers do not take the certificate: {}.", objection(&error));
            found.warning(
                "chain",
                says,
                "Fine if it is of an authority of your own that people's browsers know. Otherwise get one of a public authority.",
            );
        }
    }
}

/// What the running server shows may be older than its files.
async fn served(house: Option<&House>, kept: &Kept, found: &mut Findings) {
    let Some(House { inside, kind: Kind::Theirs }) = house else { return };
    let Ok(Ok((_, Some(shown)))) = tokio::time::timeout(web::WITHIN, inside.connect(&[b"http/1.1"])).await else { return };
    if shown.chain.first() == kept.chain.first() {
        found.ok("served", "It is the one that the running server shows.");
    } else {
        let says = "The running server shows another certificate than the one that is kept.";
        found.warning("served", says, "It takes a new one within a minute. If it does not, its log says why.");
    }
}

/// The authority that certificates come from.
fn authority(config: &Config, answer: &Result<Answer, Fault>, found: &mut Findings) {
    let directory = &config.acme_directory;
    let shown = answer.as_ref().ok().and_then(|answer| answer.shown.as_ref()).filter(|_| config.acme_ca.is_none());
    match answer {
        Ok(_) if shown.is_some_and(|shown| shown.verdict.is_err()) => {
            let says = format!("This system does not believe whoever answers at {directory}, so no certificate can be got there.");
            found.problem(
                "authority",
                says,
                "Install the list of those whom systems believe (on Debian: apt-get install ca-certificates), or set --acme-ca.",
            );
        }
        Ok(answer) if answer.status == StatusCode::OK && answer.body.contains("newOrder") => {
            found.ok("authority", format!("The certificate authority answers at {directory}."));
        }
        Ok(answer) => {
            let says = format!("What answers at {directory} is no certificate authority ({}).", answer.status);
            found.problem("authority", says, "Correct --acme-directory.");
        }
        Err(fault) => {
            let says = format!("The certificate authority does not answer at {directory}: {fault}.");
            found.problem("authority", says, "Let this machine open connections to the internet at port 443.");
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::super::finding::Status;
    use super::*;

    const NAME: &str = "meet.example.org";

    /// One by an authority that nobody knows, with or without it in its file.
    fn kept(days: i64, with_chain: bool) -> Kept {
        let mut authority = CertificateParams::new(Vec::<String>::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "Canary Authority");
        let authority_key = KeyPair::generate().expect("a key");
        let own = authority.self_signed(&authority_key).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([NAME.to_owned()]).expect("a name");
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - Duration::days(90 - days.min(89)), now + Duration::days(days) + Duration::hours(1));
        let leaf = params.signed_by(&key, &Issuer::new(authority, authority_key)).expect("a certificate");
        let pem = if with_chain { leaf.pem() + &own.pem() } else { leaf.pem() };
        let certificate = Certificate::from_pem(pem.as_bytes(), key.serialize_pem().as_bytes()).expect("a certificate");
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).map(|one| one.expect("PEM")).collect();
        Kept { certificate, chain, is_open: false }
    }

    fn told(tls: &Tls, name: &str, kept: &Kept) -> Vec<(&'static str, Status)> {
        let mut found = Findings::of("certificate");
        judge(tls, Some(name), kept, OffsetDateTime::now_utc(), &mut found);
        found.into_vec().into_iter().filter(|finding| finding.status != Status::Ok).map(|finding| (finding.check, finding.status)).collect()
    }

    fn files() -> Tls {
        Tls::Files { certificate: "c".into(), key: "k".into() }
    }

    #[test]
    fn its_time_is_judged_by_where_it_comes_from() {
        let unknown = ("chain", Status::Warning);
        assert_eq!(told(&files(), NAME, &kept(60, true)), [unknown]);
        assert_eq!(told(&files(), NAME, &kept(10, true)), [("life", Status::Warning), unknown]);
        assert_eq!(told(&files(), NAME, &kept(-3, true)), [("life", Status::Problem), unknown]);
        assert_eq!(told(&Tls::Acme, NAME, &kept(26, true)), [unknown], "it is renewed at 30");
        assert_eq!(told(&Tls::Acme, NAME, &kept(20, true)), [("life", Status::Warning), unknown]);
        assert_eq!(told(&Tls::SelfSigned, NAME, &kept(5, true)), [unknown]);
    }

    #[test]
    fn the_name_the_chain_and_the_key_are_judged() {
        assert_eq!(told(&files(), "call.example.org", &kept(60, true)), [("names", Status::Problem), ("chain", Status::Warning)]);
        assert_eq!(told(&files(), NAME, &kept(60, false)), [("chain", Status::Problem)]);
        let open = Kept { is_open: true, ..kept(60, true) };
        assert!(told(&files(), NAME, &open).contains(&("key", Status::Warning)));
    }
}
