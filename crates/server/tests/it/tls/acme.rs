//! Certificates from a real ACME server.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use fireside::boot::Pace;
use fireside::config::{Config, Tls};

use super::client::{ask, connect, header, trusting};
use super::log::Log;
use super::patience::until;
use super::pebble::{NAME, Pebble};
use super::secure::Secure;
use crate::server::Server;

fn by_tls(pebble: &Pebble) -> impl FnOnce(&mut Config) {
    let (listen, directory, ca) = (pebble.tls(), pebble.directory(), pebble.ca());
    move |config| {
        config.tls = Tls::Acme;
        config.domain = Some(NAME.to_owned());
        config.public_url = Some(format!("https://{NAME}"));
        config.listen = listen;
        // Otherwise it would be at all addresses, where it is in the way of other tests'.
        config.udp_listen = Some(SocketAddr::new(listen.ip(), 0));
        config.acme_directory = directory;
        config.acme_ca = Some(ca);
        config.acme_email = Some("operator@example.org".to_owned());
    }
}

/// TLS is spoken elsewhere than where the ACME server looks for it.
fn by_http(pebble: &Pebble) -> impl FnOnce(&mut Config) {
    let (by_tls, http) = (elsewhere(by_tls(pebble)), pebble.http());
    move |config| {
        by_tls(config);
        config.http_listen = Some(http);
    }
}

fn quick() -> Pace {
    let mut pace = Pace::default();
    pace.tls.look_every = Duration::from_millis(50);
    pace.tls.first_wait = Duration::from_millis(200);
    pace
}

/// Until somebody who knows the authority alone comes in; what they are served.
async fn is_served(secure: &Secure, authority: &str) -> Vec<u8> {
    until("a certificate", async || served(secure, authority).await).await
}

async fn served(secure: &Secure, authority: &str) -> Option<Vec<u8>> {
    let stream = connect(secure.address(), NAME, trusting(authority)).await.ok()?;
    let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
    assert!(chain.len() >= 2, "with all who vouch for it");
    Some(chain[0].to_vec())
}

#[tokio::test]
async fn a_certificate_comes_by_tls_and_is_served_at_once() {
    let pebble = Pebble::start().await;
    // Nobody waits for it.
    let secure = Secure::start_at(by_tls(&pebble), quick()).await;
    assert_eq!(secure.running.url(), format!("https://{NAME}"));
    is_served(&secure, &pebble.root().await).await;
    assert_eq!(secure.running.notice(), None);
    let stream = connect(secure.address(), NAME, trusting(&pebble.root().await)).await.expect("a handshake");
    let answer = ask(stream, NAME, "/").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(header(&answer, "strict-transport-security"), "max-age=31536000");
    // The proof is put away.
    let mut client = trusting(&pebble.root().await);
    client.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    assert!(connect(secure.address(), NAME, client).await.is_err());
}

#[tokio::test]
async fn a_certificate_comes_by_http() {
    let pebble = Pebble::start().await;
    let secure = Secure::start_at(by_http(&pebble), quick()).await;
    is_served(&secure, &pebble.root().await).await;
    let redirected = ask(tokio::net::TcpStream::connect(pebble.http()).await.expect("a connection"), NAME, "/r/a").await;
    assert_eq!(header(&redirected, "location"), format!("https://{NAME}/r/a"));
}

#[tokio::test]
async fn what_was_got_is_kept_for_this_user_alone_and_not_asked_for_again() {
    let mut pebble = Pebble::start().await;
    let secure = Secure::start_at(by_tls(&pebble), quick()).await;
    let root = pebble.root().await;
    let first = is_served(&secure, &root).await;
    let data = secure.stop().await;
    let mut files = 0;
    visit(&data.path().join("tls"), &mut |path| {
        files += 1;
        let mode = std::fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    });
    assert_eq!(files, 3, "an account, its certificate, and the one from before");
    // There is nobody to be asked.
    pebble.interrupt();
    let again = Secure::start_in(data, by_tls(&pebble), quick()).await;
    assert_eq!(again.running.notice(), None);
    assert_eq!(served(&again, &root).await.expect("it is there from the start"), first);
}

#[tokio::test]
async fn it_is_renewed_in_time_and_the_old_one_serves_while_that_fails() {
    let log = Log::start();
    let mut pebble = Pebble::start().await;
    let mut pace = quick();
    // Pebble's live for five years; a new one is asked for every few seconds.
    pace.tls.renew_at = 1.5e-8;
    let secure = Secure::start_at(by_tls(&pebble), pace).await;
    let root = pebble.root().await;
    let first = is_served(&secure, &root).await;
    let another = async |than: &[u8]| served(&secure, &root).await.filter(|certificate| certificate != than);
    until("a renewal", async || another(&first).await).await;

    pebble.interrupt();
    let said = log.says("could not be renewed, the old one is served").await;
    assert!(said.contains("cannot be reached from here"), "{said}");
    served(&secure, &root).await.expect("the old one");
    // A new run has other authorities, and has forgotten our account: that is made again.
    pebble.resume().await;
    let root = pebble.root().await;
    until("a certificate of the new run", async || served(&secure, &root).await).await;
}

#[tokio::test]
async fn until_there_is_one_pages_are_served_with_one_made_here() {
    let mut pebble = Pebble::start().await;
    pebble.interrupt();
    let secure = Secure::start_at(by_tls(&pebble), quick()).await;
    assert!(secure.running.notice().expect("a warning").contains("getting its certificate"));
    let stream = connect(secure.address(), NAME, secure.client()).await.expect("a handshake");
    let answer = ask(stream, NAME, "/").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(header(&answer, "strict-transport-security"), "", "not with such a certificate");
    pebble.resume().await;
    is_served(&secure, &pebble.root().await).await;
}

#[tokio::test]
async fn why_there_is_none_is_said_in_words() {
    let log = Log::start();
    // Nobody is where the DNS says.
    let mut pebble = Pebble::start().await;
    pebble.find_name_at(Ipv4Addr::new(127, 77, 0, 0)).await;
    let secure = Secure::start_at(by_tls(&pebble), quick()).await;
    let said = log.says("there is still no certificate").await;
    assert!(said.contains("did not find us at TCP port 443 of meet.example.test"), "{said}");
    assert!(said.contains("firewall") && said.contains("it says: Failed to connect to 127.77.0.0"), "{said}");
    secure.stop().await;

    // Somebody else is there.
    let by_another = |config: &mut Config| {
        config.listen = pebble.tls();
        config.udp_listen = Some(SocketAddr::new(pebble.address().into(), 0));
    };
    let another = Secure::start_with(by_another).await;
    pebble.find_name_at(pebble.address()).await;
    let secure = Secure::start_at(elsewhere(by_tls(&pebble)), quick()).await;
    let said = log.says("there is still no certificate").await;
    assert!(said.contains("TCP port 443 of meet.example.test") && said.contains("points to another machine"), "{said}");
    secure.stop().await;
    another.stop().await;

    // There is no ACME server.
    pebble.interrupt();
    let secure = Secure::start_at(by_tls(&pebble), quick()).await;
    let said = log.says("there is still no certificate").await;
    assert!(said.contains(&format!("the ACME server at {} cannot be reached from here", pebble.directory())), "{said}");
    secure.stop().await;

    // It is not whom it should be.
    let (other, ca) = (Pebble::start().await, pebble.ca());
    let with_wrong_ca = |config: &mut Config| {
        by_tls(&other)(config);
        config.acme_ca = Some(ca);
    };
    let secure = Secure::start_at(with_wrong_ca, quick()).await;
    let said = log.says("there is still no certificate").await;
    assert!(said.contains("is not one that this machine trusts") && said.contains("acme_ca"), "{said}");
    secure.stop().await;
}

#[tokio::test]
async fn somebody_else_who_answers_by_http_is_told_apart_and_the_other_way_is_tried() {
    let log = Log::start();
    let pebble = Pebble::start().await;
    let by_another = |config: &mut Config| {
        config.listen = pebble.http();
        config.udp_listen = Some(SocketAddr::new(pebble.address().into(), 0));
    };
    let another = Server::start_with(by_another).await;
    // TLS is where it is looked for, but it is looked for by HTTP at first.
    let beside = |config: &mut Config| {
        by_tls(&pebble)(config);
        config.http_listen = Some(([127, 0, 0, 1], 0).into());
    };
    let secure = Secure::start_at(beside, quick()).await;
    let said = log.says("there is still no certificate").await;
    assert!(said.contains("did not find us at TCP port 80 of meet.example.test"), "{said}");
    is_served(&secure, &pebble.root().await).await;
    drop(another);
}

/// The same, but not where the ACME server looks.
fn elsewhere(change: impl FnOnce(&mut Config)) -> impl FnOnce(&mut Config) {
    |config| {
        change(config);
        config.listen.set_port(0);
    }
}

fn visit(folder: &Path, file: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { visit(&path, file) } else { file(&path) }
    }
}
