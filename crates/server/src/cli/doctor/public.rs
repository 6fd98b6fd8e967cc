//! The server as it is reached by the address that people use.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::finding::{Finding, Findings};
use super::house::House;
use super::web::{Answer, Fault, Place, objection};
use crate::config::{Config, Tls};

const GROUP: &str = "public address";

/// Whether an address is one of this machine's: what is not may lie behind a router that does not lead back inside.
pub(super) struct Own(Vec<IpAddr>);

impl Own {
    pub(super) fn look() -> Self {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        Self(interfaces.iter().map(if_addrs::Interface::ip).collect())
    }

    pub(super) fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || self.0.contains(&address)
    }
}

pub(super) async fn check(config: &Config, house: Option<&House>, own: &Own) -> Vec<Finding> {
    let mut found = Findings::of(GROUP);
    let Some(place) = config.public_url.as_deref().and_then(Place::of) else {
        found.skipped("name", "There is no public address.", "To be reached by others, set --domain, or --public-url.");
        return found.into_vec();
    };
    let Some(house) = house else {
        found.skipped("http", "There is no server to be reached.", "Mend what is said of the ports, and look again.");
        return found.into_vec();
    };
    let is_own = match name(config, &place, own, &mut found).await {
        Some(is_own) => is_own,
        None => return found.into_vec(),
    };
    let mut plain = Findings::of(GROUP);
    tokio::join!(site(config, house, &place, is_own, &mut found), async {
        if config.http_listen.is_some() && place.tls {
            redirect(&place, is_own, &mut plain).await;
        }
    });
    found.extend(plain);
    found.into_vec()
}

async fn site(config: &Config, house: &House, place: &Place, is_own: bool, found: &mut Findings) {
    let answer = match place.ask(place.get("/healthz")).await {
        Ok(answer) => answer,
        Err(fault) => return unreachable(place, &fault, is_own, found),
    };
    shown(config, house, &answer, found);
    if healthy(place, &answer, found) {
        websocket(place, found).await;
        metrics(config, place, found).await;
    }
}

/// Where the name leads; whether that is here.
async fn name(config: &Config, place: &Place, own: &Own, found: &mut Findings) -> Option<bool> {
    let addresses = match place.addresses().await {
        Ok(addresses) => addresses,
        Err(fault) => {
            let advice = format!("Give {} an A record (and AAAA, for IPv6) with this machine's public address, or correct the setting.", place.host);
            found.problem("name", format!("Nobody finds this server: {fault}."), advice);
            return None;
        }
    };
    let ips: Vec<_> = addresses.iter().map(|address| address.ip().to_canonical()).collect();
    let written = ips.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    let strange: Vec<_> = ips.iter().filter(|ip| !own.has(**ip) && !config.public_ips.contains(ip)).map(IpAddr::to_string).collect();
    if strange.is_empty() {
        found.ok("name", format!("{} leads to this machine ({written}).", place.host));
    } else if config.tls == Tls::Off {
        found.ok("name", format!("{} leads to {written}, where the reverse proxy should be.", place.host));
    } else {
        let says = format!("{} leads to {}, which no interface of this machine has.", place.host, strange.join(", "));
        let advice =
            "Fine if a router or cloud passes the ports on to here: then say --public-ip with that address. Otherwise correct the DNS record.";
        found.warning("name", says, advice);
    }
    Some(ips.iter().any(|ip| own.has(*ip)))
}

fn healthy(place: &Place, answer: &Answer, found: &mut Findings) -> bool {
    let is_healthy = answer.status == StatusCode::OK && answer.body == "ok\n";
    if is_healthy {
        found.ok("http", format!("{} answers.", place.origin()));
    } else {
        let says =
            format!("{} is answered by something that is not Fireside, or by a proxy that does not reach it ({}).", place.origin(), answer.status);
        found.problem("http", says, "Let the reverse proxy pass everything on to where Fireside listens, or stop what else answers there.");
    }
    is_healthy
}

fn unreachable(place: &Place, fault: &Fault, is_own: bool, found: &mut Findings) {
    let says = format!("{} cannot be opened from this machine: {fault}.", place.origin());
    if fault.is_absence() && !is_own {
        let advice = "Some routers do not lead back inside. Open it from another network; if it fails there too, pass the port on to this machine and open it in the firewall.";
        found.warning("http", says, advice);
    } else {
        found.problem("http", says, "Look whether the port is the one that Fireside (or its reverse proxy) listens on, and into its log.");
    }
}

/// The certificate that people see, which may be that of a proxy.
fn shown(config: &Config, house: &House, answer: &Answer, found: &mut Findings) {
    let Some(shown) = &answer.shown else { return };
    match &shown.verdict {
        _ if config.tls != Tls::Off && !house.shows_certificate() => {
            found.skipped(
                "certificate",
                "The server that was started for this look has no certificate of yours to show.",
                "Start Fireside and look again.",
            );
        }
        Ok(()) => found.ok("certificate", "Browsers take the certificate that is shown there."),
        Err(error) if config.tls == Tls::SelfSigned => {
            let says = format!("Browsers ask people whether to go on: of the certificate, {}.", objection(error));
            found.warning("certificate", says, "Fine in a network where people know it. Otherwise use --domain, or --tls-cert and --tls-key.");
        }
        Err(error) => {
            let says = format!("Browsers refuse the certificate that is shown there: {}.", objection(error));
            found.problem("certificate", says, "See what is said of the certificate; if a reverse proxy shows it, renew it there.");
        }
    }
}

/// A page of ours may open a WebSocket, and a page of others may not.
async fn websocket(place: &Place, found: &mut Findings) {
    let status = async |origin: &str| {
        let mut request = place.get("/ws/aaaa-aaaa-aaaa");
        upgrade(request.headers_mut(), origin);
        place.ask(request).await.map(|answer| answer.status)
    };
    match status(&place.origin()).await {
        Ok(StatusCode::SWITCHING_PROTOCOLS) => found.ok("websocket", "WebSockets can be opened there."),
        Ok(StatusCode::FORBIDDEN) => {
            let says = "WebSockets are refused: the server takes the pages there for somebody else's.";
            found.problem("websocket", says, "Let the reverse proxy pass `Host` on as it comes, and give the same address in --public-url.");
        }
        Ok(status) => {
            let says = format!("No WebSocket can be opened there ({status}): calls cannot begin.");
            found.problem("websocket", says, "Let the reverse proxy pass on `Upgrade` and `Connection`, with HTTP/1.1.");
        }
        Err(fault) => found.problem("websocket", format!("No WebSocket can be opened there: {fault}."), "Look into the reverse proxy's log."),
    }
    match status("https://elsewhere.example").await {
        Ok(StatusCode::FORBIDDEN) => found.ok("origin", "Pages of other sites cannot open one."),
        Ok(status) if status != StatusCode::SWITCHING_PROTOCOLS => {
            found.skipped("origin", format!("Whether pages of other sites are refused cannot be told ({status})."), "Mend the above and look again.");
        }
        Ok(_) => {
            let says = "A page of another site may open a WebSocket: something on the way changes `Origin`.";
            found.problem("origin", says, "Let the reverse proxy pass `Origin` on as it comes.");
        }
        Err(_) => {}
    }
}

fn upgrade(headers: &mut HeaderMap, origin: &str) {
    let fixed = [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
        (header::SEC_WEBSOCKET_KEY, "ZmlyZXNpZGUtZG9jdG9yIQ=="),
        (header::SEC_WEBSOCKET_PROTOCOL, "fireside.v1"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ORIGIN, origin);
    }
}

/// Behind a proxy on this machine that does not say for whom it asks, `/metrics` would be everybody's.
async fn metrics(config: &Config, place: &Place, found: &mut Findings) {
    if config.tls != Tls::Off || !place.tls {
        return;
    }
    match place.ask(place.get("/metrics")).await {
        Ok(answer) if answer.status == StatusCode::OK => {
            let says = "Through the reverse proxy, anybody may read /metrics: the proxy does not say that it asks for somebody else.";
            found.problem("metrics", says, "Let the proxy set `X-Forwarded-For`, or refuse /metrics there.");
        }
        Ok(_) => found.ok("metrics", "/metrics is not shown to everybody."),
        Err(_) => {}
    }
}

async fn redirect(place: &Place, is_own: bool, found: &mut Findings) {
    let plain = Place { port: 80, tls: false, authority: place.host.clone(), ..place.clone() };
    match plain.ask(plain.get("/")).await {
        Ok(answer) if leads_to_https(&answer) => found.ok("redirect", "Who comes by plain HTTP is sent on to HTTPS."),
        Ok(answer) => {
            let says = format!("Who comes by plain HTTP is not sent on to HTTPS ({}).", answer.status);
            found.warning("redirect", says, "Let port 80 of the public address lead to this server's --http-listen.");
        }
        Err(fault) => {
            let says = format!("Port 80 of the public address is not answered: {fault}.");
            let advice =
                if is_own { "Open it in the firewall, or use --http-listen off." } else { "Pass it on to this machine, or use --http-listen off." };
            found.warning("redirect", says, advice);
        }
    }
}

fn leads_to_https(answer: &Answer) -> bool {
    let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    answer.status.is_redirection() && location.is_some_and(|location| location.starts_with("https://"))
}
