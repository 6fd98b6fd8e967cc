//! What the server counts, and `/metrics` where Prometheus reads it.
//!
//! Only totals: no names, addresses, rooms or anything else that tells people apart.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics::{Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use subtle::ConstantTimeEq;

use crate::state::AppState;

/// The counters of this process. Looked up once: a relayed message must not pay for a search by name.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::install);

/// Every number that `/metrics` shows.
#[allow(missing_docs, reason = "the descriptions are in install, where Prometheus reads them too")]
pub struct Metrics {
    handle: Option<PrometheusHandle>,
    pub connections: Gauge,
    pub meetings: Gauge,
    pub participants: Gauge,
    pub frames_in: Counter,
    pub frames_out: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub refused: Counter,
    pub denied: Counter,
    pub too_slow: Counter,
    pub chat_kept: Counter,
    pub chat_failed: Counter,
    pub chat_seconds: Histogram,
    pub meeting_panics: Counter,
    pub travel: Travel,
    pub relay: Relay,
    pub forwarding: Forwarding,
    pub receiving: ThreadTime,
}

/// How media travels in meetings.
#[allow(missing_docs, reason = "the descriptions are in install, where Prometheus reads them too")]
pub struct Travel {
    pub mesh: Gauge,
    pub server: Gauge,
    pub prepared: Gauge,
    pub to_mesh: Changes,
    pub to_server: Changes,
}

/// Changes one way, by their reason.
#[allow(missing_docs, reason = "the names are the reasons of the protocol")]
pub struct Changes {
    pub size: Counter,
    pub unreachable: Counter,
    pub strained: Counter,
    pub setting: Counter,
    pub full: Counter,
}

impl Travel {
    fn install() -> Self {
        let meetings = |topology: &'static str| gauge!("fireside_meetings_by_topology", "topology" => topology);
        Self {
            mesh: meetings("mesh"),
            server: meetings("server"),
            prepared: gauge!("fireside_connections_prepared"),
            to_mesh: Changes::install("mesh"),
            to_server: Changes::install("server"),
        }
    }
}

impl Changes {
    fn install(to: &'static str) -> Self {
        let by = |reason: &'static str| counter!("fireside_topology_changes_total", "to" => to, "reason" => reason);
        Self { size: by("size"), unreachable: by("unreachable"), strained: by("strained"), setting: by("setting"), full: by("full") }
    }
}

/// Those of the relay.
#[allow(missing_docs, reason = "the descriptions are in install, where Prometheus reads them too")]
pub struct Relay {
    pub allocations: Gauge,
    pub streams: Gauge,
    pub allocated: Counter,
    pub challenges: Counter,
    pub withheld: Counter,
    pub refused: Counter,
    pub to_peers: Counter,
    pub bytes_to_peers: Counter,
    pub to_clients: Counter,
    pub bytes_to_clients: Counter,
    pub over_rate: Counter,
    pub not_permitted: Counter,
    pub lost: Counter,
    pub lost_on_streams: Counter,
    pub faults: Counter,
}

impl Relay {
    fn install() -> Self {
        Self {
            allocations: gauge!("fireside_relay_allocations"),
            streams: gauge!("fireside_relay_streams"),
            allocated: counter!("fireside_relay_allocations_total"),
            challenges: counter!("fireside_relay_challenges_total"),
            withheld: counter!("fireside_relay_answers_withheld_total"),
            refused: counter!("fireside_relay_requests_refused_total"),
            to_peers: counter!("fireside_relay_datagrams_total", "to" => "peers"),
            bytes_to_peers: counter!("fireside_relay_bytes_total", "to" => "peers"),
            to_clients: counter!("fireside_relay_datagrams_total", "to" => "clients"),
            bytes_to_clients: counter!("fireside_relay_bytes_total", "to" => "clients"),
            over_rate: counter!("fireside_relay_dropped_total", "why" => "rate"),
            not_permitted: counter!("fireside_relay_dropped_total", "why" => "not_permitted"),
            lost: counter!("fireside_relay_dropped_total", "why" => "not_sent"),
            lost_on_streams: counter!("fireside_relay_dropped_total", "why" => "slow_reader"),
            faults: counter!("fireside_relay_faults_total"),
        }
    }
}

/// Those of media through the server.
#[allow(missing_docs, reason = "the descriptions are in install, where Prometheus reads them too")]
pub struct Forwarding {
    pub halls: Gauge,
    pub peers: Gauge,
    pub streams: Gauge,
    pub received: Counter,
    pub packets: Counter,
    pub forwarded: Counter,
    pub sent: Counter,
    pub bytes_sent: Counter,
    pub sends: Counter,
    pub left_out: Counter,
    pub strange: Counter,
    pub excessive: Counter,
    pub overrun: Counter,
    pub lost: Counter,
    pub lost_on_streams: Counter,
    pub faults: Counter,
}

impl Forwarding {
    fn install() -> Self {
        let dropped = |why: &'static str| counter!("fireside_forwarding_dropped_total", "why" => why);
        Self {
            halls: gauge!("fireside_forwarding_rooms"),
            peers: gauge!("fireside_forwarding_peers"),
            streams: gauge!("fireside_forwarding_streams"),
            received: counter!("fireside_forwarding_datagrams_total"),
            packets: counter!("fireside_forwarding_packets_received_total"),
            forwarded: counter!("fireside_forwarding_packets_forwarded_total"),
            sent: counter!("fireside_forwarding_datagrams_sent_total"),
            bytes_sent: counter!("fireside_forwarding_bytes_sent_total"),
            sends: counter!("fireside_forwarding_sends_total"),
            left_out: dropped("slow_viewer"),
            strange: dropped("strange"),
            excessive: dropped("excessive"),
            overrun: dropped("overrun"),
            lost: dropped("not_sent"),
            lost_on_streams: dropped("slow_reader"),
            faults: counter!("fireside_forwarding_faults_total"),
        }
    }
}

/// Those of one thread of media: as many as there are threads, with their numbers, and `receive` for the one that receives.
#[derive(Debug)]
#[allow(missing_docs, reason = "the descriptions are in describe, where Prometheus reads them too")]
pub struct Thread {
    pub time: ThreadTime,
    pub strain: Gauge,
    pub cost: Gauge,
    pub free: Gauge,
    pub delay_half: Gauge,
    pub delay_most: Gauge,
}

impl Thread {
    /// Those of a thread that forwards. Looked up once.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let (thread, delay) = (
            name.to_owned(),
            |quantile: &'static str| gauge!("fireside_forwarding_delay_seconds", "thread" => name.to_owned(), "quantile" => quantile),
        );
        Self {
            time: ThreadTime::new(name),
            strain: gauge!("fireside_forwarding_strain", "thread" => thread.clone()),
            cost: gauge!("fireside_forwarding_cpu_seconds_per_million", "thread" => thread.clone()),
            free: gauge!("fireside_forwarding_free_packets_per_second", "thread" => thread),
            delay_half: delay("0.5"),
            delay_most: delay("0.99"),
        }
    }
}

/// How a thread of media spends its time.
#[derive(Debug)]
pub struct ThreadTime {
    busy: Gauge,
    cpu: Counter,
}

impl ThreadTime {
    fn new(name: &str) -> Self {
        Self {
            busy: gauge!("fireside_media_busy_ratio", "thread" => name.to_owned()),
            cpu: counter!("fireside_media_cpu_microseconds_total", "thread" => name.to_owned()),
        }
    }

    /// How busy it is, and what it has taken of a processor since that was said last.
    pub fn show(&self, busy: f64, cpu: Duration) {
        self.busy.set(busy);
        self.cpu.increment(u64::try_from(cpu.as_micros()).unwrap_or_default());
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    fn install() -> Self {
        // Within one bucket of ten the answer to "is chat slow?" is exact enough; 5 s is how long a writer waits for SQLite.
        let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
        let handle = PrometheusBuilder::new().set_buckets(&buckets).and_then(PrometheusBuilder::install_recorder);
        if let Err(error) = &handle {
            tracing::warn!(%error, "another recorder of metrics is installed, /metrics stays empty");
        }
        describe();
        Self {
            handle: handle.ok(),
            connections: gauge!("fireside_connections"),
            meetings: gauge!("fireside_meetings"),
            participants: gauge!("fireside_participants"),
            frames_in: counter!("fireside_frames_in_total"),
            frames_out: counter!("fireside_frames_out_total"),
            bytes_in: counter!("fireside_bytes_in_total"),
            bytes_out: counter!("fireside_bytes_out_total"),
            refused: counter!("fireside_messages_refused_total"),
            denied: counter!("fireside_joins_denied_total"),
            too_slow: counter!("fireside_connections_too_slow_total"),
            chat_kept: counter!("fireside_chat_kept_total"),
            chat_failed: counter!("fireside_chat_failed_total"),
            chat_seconds: histogram!("fireside_chat_commit_seconds"),
            meeting_panics: counter!("fireside_meeting_panics_total"),
            travel: Travel::install(),
            relay: Relay::install(),
            forwarding: Forwarding::install(),
            receiving: ThreadTime::new("receive"),
        }
    }
}

fn describe() {
    describe_gauge!("fireside_connections", "WebSocket connections that are open");
    describe_gauge!("fireside_meetings", "Meetings that are going on");
    describe_gauge!("fireside_meetings_by_topology", "Meetings that are going on, by how media travels in them");
    describe_gauge!("fireside_connections_prepared", "Connections for media of people who have not joined yet");
    describe_counter!("fireside_topology_changes_total", "Changes of how media travels in a meeting, by where to and why");
    describe_gauge!("fireside_participants", "People in meetings, those included who may come back in a moment");
    describe_counter!("fireside_frames_in_total", "WebSocket messages received");
    describe_counter!("fireside_frames_out_total", "WebSocket messages sent");
    describe_counter!("fireside_bytes_in_total", "Bytes of WebSocket messages received");
    describe_counter!("fireside_bytes_out_total", "Bytes of WebSocket messages sent");
    describe_counter!("fireside_messages_refused_total", "Messages that were malformed or over the budget");
    describe_counter!("fireside_joins_denied_total", "Joins that were denied at the door");
    describe_counter!("fireside_connections_too_slow_total", "Connections closed because the client read too slowly");
    describe_counter!("fireside_chat_kept_total", "Chat messages that were committed");
    describe_counter!("fireside_chat_failed_total", "Chat messages that could not be kept");
    describe_histogram!("fireside_chat_commit_seconds", "From a chat message's acceptance to its commit");
    describe_counter!("fireside_meeting_panics_total", "Meetings that ended by a fault of the server");
    describe_gauge!("fireside_relay_allocations", "Relayed addresses that clients have");
    describe_gauge!("fireside_relay_streams", "Clients of the relay over TCP and TLS");
    describe_counter!("fireside_relay_allocations_total", "Relayed addresses given to clients");
    describe_counter!("fireside_relay_challenges_total", "Requests to the relay that were asked for credentials");
    describe_counter!(
        "fireside_relay_answers_withheld_total",
        "Answers to unauthenticated requests that were not sent, lest they flood a third party"
    );
    describe_counter!("fireside_relay_requests_refused_total", "Authenticated requests to the relay that were refused");
    describe_counter!("fireside_relay_datagrams_total", "Datagrams relayed");
    describe_counter!("fireside_relay_bytes_total", "Payload bytes relayed");
    describe_counter!("fireside_relay_dropped_total", "Datagrams that were not relayed");
    describe_counter!("fireside_relay_faults_total", "Times the relay began anew by a fault of the server");
    describe_gauge!("fireside_forwarding_rooms", "Meetings whose media goes through the server");
    describe_gauge!("fireside_forwarding_peers", "Clients whose media goes through the server, those included who connect or wait");
    describe_gauge!("fireside_forwarding_streams", "Clients whose media comes by TCP");
    describe_counter!("fireside_forwarding_datagrams_total", "Datagrams of media, handshakes and connectivity checks that were received");
    describe_counter!("fireside_forwarding_packets_received_total", "Packets of sound and picture that were received");
    describe_counter!("fireside_forwarding_packets_forwarded_total", "Copies of them that were forwarded");
    describe_counter!("fireside_forwarding_datagrams_sent_total", "Datagrams sent to those whose media goes through the server");
    describe_counter!("fireside_forwarding_bytes_sent_total", "Bytes of those");
    describe_counter!("fireside_forwarding_sends_total", "Calls to the system by which they were sent: the fewer, the cheaper");
    describe_gauge!("fireside_media_busy_ratio", "The part of its time in which a thread of media is at work, over the last seconds");
    describe_counter!("fireside_media_cpu_microseconds_total", "What a thread of media has taken of a processor");
    describe_gauge!(
        "fireside_forwarding_strain",
        "What a thread leaves out for want of time: 0 nothing, 1 large pictures, 2 middle ones, 3 most, 4 all pictures"
    );
    describe_gauge!("fireside_forwarding_cpu_seconds_per_million", "What a million forwarded packets cost a thread that forwards");
    describe_gauge!("fireside_forwarding_free_packets_per_second", "How many more packets a second a thread could forward, at that cost");
    describe_gauge!("fireside_forwarding_delay_seconds", "From the reception of a datagram until what came of it was sent, in the last second");
    describe_counter!("fireside_forwarding_dropped_total", "Datagrams and packets of media that went nowhere");
    describe_counter!("fireside_forwarding_faults_total", "Times a thread that forwards began anew by a fault of the server");
}

/// The route that Prometheus reads.
pub fn routes() -> Router<AppState> {
    LazyLock::force(&METRICS);
    Router::new().route("/metrics", get(show))
}

/// `GET /metrics`: for this machine and for whoever has the token; for everyone else the page does not exist.
async fn show(State(state): State<AppState>, ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    let Some(handle) = METRICS.handle.as_ref().filter(|_| may_read(state.config.metrics_token.as_deref(), peer, &headers)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}

/// A peer on loopback may be a proxy that speaks for somebody far away; then it says so in a header.
fn may_read(token: Option<&str>, peer: SocketAddr, headers: &HeaderMap) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];
    if peer.ip().to_canonical().is_loopback() && !forwarded.iter().any(|name| headers.contains_key(*name)) {
        return true;
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match (token, given) {
        (Some(token), Some(given)) if !token.is_empty() => token.as_bytes().ct_eq(given).into(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn only_this_machine_and_the_token_may_read() {
        let near = SocketAddr::from(([127, 0, 0, 1], 5000));
        let near_mapped: SocketAddr = "[::ffff:127.0.0.1]:5000".parse().expect("an address");
        let far = SocketAddr::from(([192, 0, 2, 7], 5000));
        let bearer = headers(&[("authorization", "Bearer secret")]);
        assert!(may_read(None, near, &headers(&[])));
        assert!(may_read(None, near_mapped, &headers(&[])));
        assert!(!may_read(None, near, &headers(&[("x-forwarded-for", "192.0.2.7")])), "a proxy on this machine");
        assert!(!may_read(None, near, &headers(&[("forwarded", "for=192.0.2.7")])));
        assert!(!may_read(None, far, &headers(&[])));
        assert!(!may_read(None, far, &bearer), "no token is set");
        assert!(!may_read(Some(""), far, &headers(&[("authorization", "Bearer ")])), "an empty token is none");
        assert!(!may_read(Some("other"), far, &bearer));
        assert!(may_read(Some("secret"), far, &bearer));
    }
}
