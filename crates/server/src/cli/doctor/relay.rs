//! STUN and the relay by every address that browsers are told: two relays are got, and datagrams sent from one to the other.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};
use fireside_protocol::IceServer;
use futures_util::future::join_all;
use serde::Deserialize;
use tokio::time::timeout;

use super::finding::{Finding, Findings};
use super::house::House;
use super::public::Own;
use super::turn::{Address, Client, Login, Trouble, Way};
use super::web::{Fault, Place, look_up, objection};
use crate::config::{Config, Relay, Tls};

/// Datagrams that are sent through two relays.
const DATAGRAMS: u8 = 50;
/// As long as those of a voice.
const BYTES: usize = 160;
/// Between two of them: a voice has 20 ms.
const PAUSE: Duration = Duration::from_millis(4);
/// What has not come so long after the last one is lost.
const LATE: Duration = Duration::from_millis(700);
/// Of all datagrams, in per cent: from here on a voice cannot be understood.
const TOO_MUCH_LOSS: u8 = 10;

/// As `POST /connection-test/servers` answers.
#[derive(Deserialize)]
struct Servers {
    near: Vec<IceServer>,
    far: Vec<IceServer>,
}

pub(super) async fn check(config: &Config, house: Option<&House>, own: &Own) -> Vec<Finding> {
    let mut found = Findings::of("relay");
    let Some(house) = house else {
        found.skipped("servers", "There is no server whose relay could be tried.", "Mend what is said of the ports, and look again.");
        return found.into_vec();
    };
    let servers = match told(&house.inside).await {
        Ok(servers) => servers,
        Err(Untold::TooOften) => {
            found.skipped("servers", "The server has been asked for its relay too often in a short time.", "Look again in a minute.");
            return found.into_vec();
        }
        Err(Untold::Otherwise(why)) => {
            let says = format!("The server does not say where its relay is: {why}.");
            found.problem("servers", says, "Look into its log; is --public-url the address that people use?");
            return found.into_vec();
        }
    };
    let near = addresses(&servers.near);
    if near.is_empty() {
        found.problem("servers", "Browsers are told of no STUN server: this machine's address could not be found.", "Say it with --public-ip.");
        return found.into_vec();
    }
    let is_shown = house.shows_certificate();
    let is_judged = is_shown && config.tls != Tls::SelfSigned;
    let far = addresses(&servers.far);
    let trials = near.iter().map(|(address, login)| {
        let far = far.iter().find(|(other, _)| other == address).and_then(|(_, login)| login.clone());
        try_one(address, login.clone().zip(far), is_judged, own)
    });
    let mut findings = found.into_vec();
    findings.extend(join_all(trials).await.into_iter().flatten());
    findings.extend(what_is_missing(config, &near));
    findings
}

/// Every address, and what to log in with.
fn addresses(servers: &[IceServer]) -> Vec<(Address, Option<Login>)> {
    let login = |server: &IceServer| Some(Login { username: server.username.clone()?, password: server.credential.clone()? });
    servers.iter().flat_map(|server| server.urls.iter().filter_map(move |url| Some((Address::read(url)?, login(server))))).collect()
}

fn what_is_missing(config: &Config, told: &[(Address, Option<Login>)]) -> Vec<Finding> {
    let mut found = Findings::of("relay");
    let has = |way| told.iter().any(|(address, _)| address.is_turn && address.way == way);
    if config.relay == Relay::Off {
        found.skipped("relay", "The relay is off.", "Use --relay on to have it tried.");
    } else if !has(Way::Tcp) && !has(Way::Tls) {
        let says = "The relay is offered over UDP alone: people whose network blocks UDP cannot take part.";
        let advice =
            "Behind a reverse proxy that is how it is. To offer TCP and TLS, let Fireside listen on port 443 itself (--domain, or --tls-cert).";
        found.warning("only_udp", says, advice);
    } else if !has(Way::Tls) && config.tls == Tls::Off && config.public_url.as_deref().is_some_and(|url| url.starts_with("https")) {
        let says = "The relay is not offered over TLS: people whose network lets nothing but HTTPS through cannot take part.";
        found.warning("no_tls", says, "Let Fireside speak TLS itself (--domain, or --tls-cert).");
    }
    found.into_vec()
}

enum Untold {
    TooOften,
    Otherwise(String),
}

/// What the server tells browsers for a test of the connection. Such credentials reach its own relays and nobody else.
async fn told(inside: &Place) -> Result<Servers, Untold> {
    let otherwise = |why: String| Untold::Otherwise(why);
    let page = inside.ask(inside.get("/connection-test")).await.map_err(|fault| otherwise(fault.to_string()))?;
    let cookies = page.headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()?.split(';').next());
    let cookies = cookies.collect::<Vec<_>>().join("; ");
    let token = page.body.split_once("data-csrf=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(token, _)| token);
    let token =
        token.filter(|_| page.status == StatusCode::OK).ok_or_else(|| otherwise(format!("its page for tests is not there ({})", page.status)))?;

    let mut request = inside.request("POST", "/connection-test/servers", &format!("csrf={token}"));
    let form = (header::CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned());
    for (name, value) in [form, (header::COOKIE, cookies), (header::ORIGIN, inside.origin())] {
        request.headers_mut().extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    }
    let answer = inside.ask(request).await.map_err(|fault| otherwise(fault.to_string()))?;
    match answer.status {
        StatusCode::OK => serde_json::from_str(&answer.body).map_err(|_| otherwise("the answer cannot be understood".to_owned())),
        StatusCode::TOO_MANY_REQUESTS => Err(Untold::TooOften),
        status => Err(otherwise(format!("it answers with {status}"))),
    }
}

/// How datagrams fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passage {
    arrived: u8,
    round_trip: Duration,
}

async fn try_one(address: &Address, logins: Option<(Login, Login)>, is_judged: bool, own: &Own) -> Vec<Finding> {
    let mut found = Findings::of("relay");
    match (logins, address.is_turn) {
        (Some((near, far)), true) => match pass(address, near, far).await {
            Ok((passage, client)) => {
                judge(address, passage, &mut found);
                vouched(address, &client, is_judged, &mut found);
            }
            Err(trouble) => say(address, &trouble, is_near(address, own).await, &mut found),
        },
        _ => match stun(address).await {
            Ok(seen) => found.ok(name(address), format!("STUN over {} at {address} answers (it sees {seen}).", over(address.way))),
            Err(trouble) => say(address, &trouble, is_near(address, own).await, &mut found),
        },
    }
    found.into_vec()
}

async fn stun(address: &Address) -> Result<IpAddr, Trouble> {
    Ok(Client::connect(address, None).await?.binding().await?.ip())
}

/// Two relays, and from one to the other what a second of a voice has.
async fn pass(address: &Address, near: Login, far: Login) -> Result<(Passage, Client), Trouble> {
    let (mut one, mut other) = (Client::connect(address, Some(near)).await?, Client::connect(address, Some(far)).await?);
    let (from, to) = (one.allocate().await?, other.allocate().await?);
    one.open_channel(to).await?;
    other.open_channel(from).await?;
    let passage = send(&mut one, &mut other).await?;
    // They end by themselves if this is lost.
    let _ = (one.release().await, other.release().await);
    Ok((passage, one))
}

async fn send(one: &mut Client, other: &mut Client) -> Result<Passage, Trouble> {
    let began = Instant::now();
    let mut first = Duration::ZERO;
    let sending = async {
        for number in 0..DATAGRAMS {
            let mut payload = [0; BYTES];
            payload[0] = number;
            one.send(&payload).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok::<_, Trouble>(())
    };
    let receiving = async {
        let mut arrived = BTreeSet::new();
        while arrived.len() < usize::from(DATAGRAMS) {
            match timeout(LATE, other.receive()).await {
                Ok(payload) => {
                    arrived.extend(payload?.first().copied());
                    if first.is_zero() {
                        first = began.elapsed();
                    }
                }
                Err(_) => break,
            }
        }
        Ok::<_, Trouble>(arrived.len())
    };
    let (sent, arrived) = tokio::join!(sending, receiving);
    sent?;
    Ok(Passage { arrived: u8::try_from(arrived?).unwrap_or(DATAGRAMS), round_trip: first })
}

fn judge(address: &Address, passage: Passage, found: &mut Findings) {
    let (over, Passage { arrived, round_trip }) = (over(address.way), passage);
    let says = format!(
        "Through the relay over {over} at {address}, {arrived} of {DATAGRAMS} datagrams came through (the first in {} ms).",
        round_trip.as_millis().max(1)
    );
    let lost = DATAGRAMS.saturating_sub(arrived);
    if lost == 0 {
        found.ok(name(address), says);
    } else if u16::from(lost) * 100 < u16::from(DATAGRAMS) * u16::from(TOO_MUCH_LOSS) {
        found.warning(name(address), says, "If that stays so, look at the load of this machine and at net.core.rmem_max.");
    } else {
        let advice = "Let the firewall pass UDP on the relay's ports (--relay-ports), also from this machine to its own public address.";
        found.problem(name(address), says, advice);
    }
}

/// Browsers do not go on where the certificate is not good.
fn vouched(address: &Address, client: &Client, is_judged: bool, found: &mut Findings) {
    let Some(Err(error)) = client.shown.as_ref().filter(|_| is_judged).map(|shown| &shown.verdict) else { return };
    let says = format!("Browsers do not use the relay over TLS at {address}: of its certificate, {}.", objection(error));
    found.problem("relay_tls_certificate", says, "See what is said of the certificate.");
}

fn say(address: &Address, trouble: &Trouble, is_near: bool, found: &mut Findings) {
    let what = if address.is_turn { "The relay" } else { "STUN" };
    let says = format!("{what} over {} at {address} cannot be used: {trouble}.", over(address.way));
    match trouble {
        Trouble::Way(Fault::Name(_)) => found.skipped(name(address), says, "See what is said of the public address, and look again."),
        Trouble::Way(fault) if fault.is_absence() && !is_near => {
            let advice = "Some routers do not lead back inside. Try /connection-test from another network; if it fails there too, pass the port on to this machine and open it in the firewall.";
            found.warning(name(address), says, advice);
        }
        Trouble::Refused(_, 486 | 508) => found.warning(name(address), says, "The relay has no more room for tests; look again in some minutes."),
        _ => {
            let protocol = if address.way == Way::Udp { "UDP" } else { "TCP" };
            found.problem(
                name(address),
                says,
                format!("Open port {} for {protocol} in the firewall of this machine, and look into the server's log.", address.port),
            );
        }
    }
}

async fn is_near(address: &Address, own: &Own) -> bool {
    look_up(&address.host, address.port).await.is_ok_and(|found| found.iter().any(|address| own.has(address.ip())))
}

fn name(address: &Address) -> &'static str {
    match (address.is_turn, address.way) {
        (false, _) => "stun",
        (true, Way::Udp) => "relay_udp",
        (true, Way::Tcp) => "relay_tcp",
        (true, Way::Tls) => "relay_tls",
    }
}

fn over(way: Way) -> &'static str {
    match way {
        Way::Udp => "UDP",
        Way::Tcp => "TCP",
        Way::Tls => "TLS",
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    fn judged(arrived: u8) -> Status {
        let mut found = Findings::of("relay");
        let address = Address::read("turn:192.0.2.7:443?transport=udp").expect("an address");
        judge(&address, Passage { arrived, round_trip: Duration::from_millis(3) }, &mut found);
        found.into_vec().remove(0).status
    }

    #[test]
    fn a_little_loss_is_told_and_much_is_a_problem() {
        assert_eq!([50, 49, 46, 45, 0].map(judged), [Status::Ok, Status::Warning, Status::Warning, Status::Problem, Status::Problem]);
    }

    #[test]
    fn nobody_there_is_a_problem_only_where_we_are() {
        let told = |trouble: &Trouble, is_near| {
            let mut found = Findings::of("relay");
            say(&Address::read("turns:meet.example.org:443").expect("an address"), trouble, is_near, &mut found);
            found.into_vec().remove(0).status
        };
        let silent = Trouble::Way(Fault::Silent);
        assert_eq!((told(&silent, true), told(&silent, false)), (Status::Problem, Status::Warning));
        assert_eq!(told(&Trouble::Way(Fault::Name("meet.example.org".to_owned())), false), Status::Skipped, "told of the public address");
        assert_eq!(told(&Trouble::Refused("Allocate", 401), false), Status::Problem);
        assert_eq!(told(&Trouble::Refused("Allocate", 486), true), Status::Warning);
    }

    #[test]
    fn what_is_not_offered_is_told() {
        let told = |urls: &[&str], config: &Config| {
            let near: Vec<_> = urls.iter().map(|url| (Address::read(url).expect("an address"), None)).collect();
            what_is_missing(config, &near).into_iter().map(|finding| finding.check).collect::<Vec<_>>()
        };
        let behind = Config { public_url: Some("https://meet.example.org".to_owned()), ..Config::default() };
        let (udp, tcp, tls) = ("turn:a:1?transport=udp", "turn:a:1?transport=tcp", "turns:a:1?transport=tcp");
        assert_eq!(told(&[udp], &behind), ["only_udp"]);
        assert_eq!(told(&[udp, tcp], &behind), ["no_tls"]);
        assert_eq!(told(&[udp, tcp], &Config::default()), [""; 0]);
        assert_eq!(told(&[udp, tcp, tls], &behind), [""; 0]);
        assert_eq!(told(&["stun:a:1"], &Config { relay: Relay::Off, ..Config::default() }), ["relay"]);
    }
}
