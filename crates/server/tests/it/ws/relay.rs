//! What a call has to do with the relay: credentials that work, are renewed, and are good for nothing once their holder is gone.

use std::time::{Duration, Instant};

use fireside::boot;
use fireside::config::{Config, Relay};
use fireside::meetings::Pace;
use fireside_protocol::{ClientMessage, IceServer, ParticipantId, Resumed, ServerMessage, SignalBody, Welcome};
use fireside_turn::Credentials;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::client::{Client, Member, PATIENCE, Room, now, offer};
use super::resume::{come_back, lose};
use super::session::{log_out, post};
use crate::media::client::{CHANNEL, Data, Turn, mint, on_loopback, peer, receive, relay_on_loopback, subject};
use crate::server::Server;

/// So long after somebody is gone nothing more is relayed for them.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Longer than a datagram takes on this machine; when none came, the relay is asked.
const A_MOMENT: Duration = Duration::from_millis(50);

/// Media that goes through the relay for one participant.
struct Flow {
    turn: Turn,
    peer: UdpSocket,
}

impl Flow {
    async fn open(server: &Server, credentials: Credentials) -> Self {
        let (mut turn, peer) = (Turn::udp(server.address, credentials).await, peer().await);
        turn.relayed().await;
        assert!(turn.bind(CHANNEL, peer.local_addr().expect("an address")).await.is_success());
        Self { turn, peer }
    }

    async fn goes_on(&mut self) {
        self.turn.send_on(CHANNEL, b"there").await;
        let (there, relayed) = receive(&self.peer).await;
        self.peer.send_to(b"and back", relayed).await.expect("sent");
        assert_eq!((there, self.turn.data().await), (b"there".to_vec(), Data::Channel(CHANNEL, b"and back".to_vec())));
    }

    /// Nothing passes later than a second after `begun`, and the credentials are good for nothing.
    async fn has_ended(mut self, server: &Server, begun: Instant) {
        while begun.elapsed() < PATIENCE {
            self.turn.send_on(CHANNEL, b"still there?").await;
            if timeout(A_MOMENT, self.peer.recv_from(&mut [0; 64])).await.is_ok() {
                assert!(begun.elapsed() < AT_ONCE, "still relayed after {:?}", begun.elapsed());
            } else if self.turn.refresh(600).await.code() == Some(401) {
                let mut anew = Turn::udp(server.address, self.turn.credentials.clone()).await;
                assert_eq!(anew.allocate().await.code(), Some(401), "no other allocation either");
                return;
            }
        }
        panic!("the allocation lives on");
    }
}

/// What a browser shows the relay.
pub(crate) fn credentials(servers: &[IceServer]) -> Credentials {
    let server = servers.iter().find(|server| server.credential.is_some()).unwrap_or_else(|| panic!("no relay in {servers:?}"));
    Credentials { username: server.username.clone().expect("a user name"), password: server.credential.clone().expect("a password") }
}

/// When credentials end, in seconds of Unix time.
fn expiry(credentials: &Credentials) -> i64 {
    credentials.username.split_once(':').and_then(|(expiry, _)| expiry.parse().ok()).expect("an expiry")
}

async fn fresh(client: &mut Client) -> Vec<IceServer> {
    let heard = client.hear_of(|message| if let ServerMessage::IceServers { ice_servers } = message { Some(ice_servers.clone()) } else { None });
    heard.await
}

#[tokio::test]
async fn everyone_is_welcomed_with_credentials_of_their_own_that_the_relay_takes() {
    let server = relay_on_loopback().await;
    let room = Room::open(&server).await;
    let (_ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let (_ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let stored = room.store.room_by_code(room.code.as_str()).await.expect("a database").expect("the room");
    for welcome in [&to_ann, &to_ben] {
        assert!(!welcome.relay_only);
        let credentials = credentials(&welcome.ice_servers);
        assert_eq!(credentials.username, format!("{}:{}/{}", expiry(&credentials), stored.id, welcome.you));
        let left = expiry(&credentials) - welcome.now.0 / 1000;
        assert!((590..=600).contains(&left), "{left} s");
        Flow::open(&server, credentials).await.goes_on().await;
    }
    assert_ne!(credentials(&to_ann.ice_servers).password, credentials(&to_ben.ice_servers).password);
    assert_eq!(to_ann.run, to_ben.run);
}

#[tokio::test]
async fn addresses_of_the_relay_hold_no_secret_and_come_in_their_order() {
    let server = relay_on_loopback().await;
    let room = Room::open(&server).await;
    let (_ann, welcome) = Client::joined(&server, &room.code, "Ann").await;
    let port = server.address.port();
    let urls: Vec<_> = welcome.ice_servers.iter().flat_map(|server| server.urls.clone()).collect();
    assert_eq!(urls.first(), Some(&format!("stun:127.0.0.1:{port}")));
    let (udp, tcp): (Vec<_>, Vec<_>) = urls[1..].iter().partition(|url| url.ends_with("?transport=udp"));
    assert!(!udp.is_empty() && tcp.iter().all(|url| url.ends_with("?transport=tcp")));
    assert_eq!(urls[1..], [udp, tcp].concat().into_iter().cloned().collect::<Vec<_>>());
    let Credentials { username, password } = credentials(&welcome.ice_servers);
    for url in urls {
        let telling = [room.code.as_str(), &username, &password, &welcome.you.to_string(), &welcome.resume_token];
        assert!(!telling.iter().any(|secret| url.contains(*secret)), "{url}");
    }
}

#[tokio::test]
async fn fresh_credentials_come_unasked_and_what_was_begun_with_the_old_ones_goes_on() {
    let meetings = Pace { vouch_every: Duration::from_millis(200), rounds_to_renewal: 2 };
    let server = Server::start_with_at(on_loopback, boot::Pace { meetings, ..boot::Pace::default() }).await;
    let room = Room::open(&server).await;
    let (mut ann, welcome) = Client::joined(&server, &room.code, "Ann").await;
    let first = credentials(&welcome.ice_servers);
    let mut flow = Flow::open(&server, first.clone()).await;
    let seq = ann.seq;
    let later = loop {
        let servers = fresh(&mut ann).await;
        assert_eq!(servers.len(), welcome.ice_servers.len());
        let later = credentials(&servers);
        if expiry(&later) > expiry(&first) {
            break later;
        }
    };
    assert_eq!(ann.seq, seq, "they are not numbered");
    flow.goes_on().await;
    Flow::open(&server, later).await.goes_on().await;
    assert!(flow.turn.refresh(600).await.is_success());
}

/// As long as somebody is in the call, what they have goes on beyond the end of the credentials that it was made with: a browser has no way
/// to show its new ones for it.
#[tokio::test]
async fn an_allocation_outlives_its_credentials_while_its_holder_is_in_the_call_connected_or_not() {
    let meetings = Pace { vouch_every: Duration::from_millis(100), rounds_to_renewal: 1000 };
    let server = Server::start_with_at(on_loopback, boot::Pace { meetings, ..boot::Pace::default() }).await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let stored = room.store.room_by_code(room.code.as_str()).await.expect("a database").expect("the room");
    let bens = fireside_turn::Subject::new(&stored.id.to_string(), &to_ben.you.to_string()).expect("names");
    let short = mint(&server, &bens, 3).await;
    let stranger = mint(&server, &subject("stranger"), 3).await;
    let mut flow = Flow::open(&server, short.clone()).await;
    let mut unknown = Flow::open(&server, stranger).await;
    lose(ben, &mut ann, &to_ben).await;
    // Both refresh as browsers do, before it ends.
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    while now() / 1000 <= expiry(&short) {
        looks.tick().await;
        assert!(flow.turn.refresh(600).await.is_success());
        unknown.turn.refresh(600).await;
    }
    flow.goes_on().await;
    assert_eq!(Turn::udp(server.address, short).await.allocate().await.code(), Some(401), "but nothing new with them");
    assert_eq!(unknown.turn.refresh(600).await.code(), Some(401), "nobody vouches for a stranger");
}

#[tokio::test]
async fn kick_means_kicked() {
    let server = relay_on_loopback().await;
    let room = Room::open(&server).await;
    let (mut olga, to_olga) = Client::joined_as(&server, &room.code, &room.owner).await;
    let mut olgas = Flow::open(&server, credentials(&to_olga.ice_servers)).await;

    // By their own word.
    let (mut ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    let flow = Flow::open(&server, credentials(&to_ann.ice_servers)).await;
    ann.say(&ClientMessage::Leave).await;
    ann.until_closed().await;
    flow.has_ended(&server, Instant::now()).await;

    // Signed out, connected or away.
    for is_away in [false, true] {
        let mia = Member::new(&room.store, if is_away { "mia" } else { "zoe" }).await;
        let (as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
        let mut flow = Flow::open(&server, credentials(&to_mia.ice_servers)).await;
        let as_mia = if is_away {
            lose(as_mia, &mut olga, &to_mia).await;
            None
        } else {
            Some(as_mia)
        };
        flow.goes_on().await;
        log_out(&server, &mia).await;
        flow.has_ended(&server, Instant::now()).await;
        drop(as_mia);
    }
    olgas.goes_on().await;

    // The room is deleted.
    post(&server, &room.owner, &format!("/rooms/{}/delete", room.code), &[]).await;
    olga.until_closed().await;
    olgas.has_ended(&server, Instant::now()).await;
}

#[tokio::test]
async fn whoever_does_not_come_back_in_time_loses_the_relay_and_whoever_does_keeps_it() {
    let server = relay_on_loopback().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let (cleo, to_cleo) = Client::joined(&server, &room.code, "Cleo").await;
    let mut bens = Flow::open(&server, credentials(&to_ben.ice_servers)).await;
    let mut cleos = Flow::open(&server, credentials(&to_cleo.ice_servers)).await;
    lose(ben, &mut ann, &to_ben).await;
    lose(cleo, &mut ann, &to_cleo).await;
    bens.goes_on().await;
    cleos.goes_on().await;
    let (_cleo, back) = come_back(&server, &room, None, &to_cleo, 0).await.expect("back");
    Flow::open(&server, credentials(&back.ice_servers)).await.goes_on().await;
    let mut asked = tokio::time::interval(Duration::from_secs(5));
    let is_of = |message: &ServerMessage, id| matches!(message, ServerMessage::Left { participant, .. } if *participant == id);
    loop {
        // Waits longer than `hear` has patience for.
        asked.tick().await;
        if ann.is_alive().await.iter().any(|message| is_of(message, to_ben.you)) {
            break;
        }
    }
    bens.has_ended(&server, Instant::now()).await;
    cleos.goes_on().await;
}

#[tokio::test]
async fn cred_cross_room() {
    let server = relay_on_loopback().await;
    let (room, other) = (Room::open(&server).await, Room::another(&server).await);
    let (mut here, to_here) = Client::joined(&server, &room.code, "Ann").await;
    let (_there, to_there) = Client::joined(&server, &other.code, "Ann").await;
    let (first, second) = (credentials(&to_here.ice_servers), credentials(&to_there.ice_servers));
    // The name of one with the password of the other; one's own name in the other room.
    let room_of = |credentials: &Credentials| credentials.username.split([':', '/']).nth(1).expect("a room").to_owned();
    let moved = first.username.replace(&room_of(&first), &room_of(&second));
    for username in [second.username.clone(), moved] {
        let mut turn = Turn::udp(server.address, Credentials { username, password: first.password.clone() }).await;
        assert_eq!(turn.allocate().await.code(), Some(401));
    }
    // What was made in one room is not had by the holder of the other's credentials.
    let mut flow = Flow::open(&server, first.clone()).await;
    flow.turn.credentials = second.clone();
    assert_eq!(flow.turn.refresh(0).await.code(), Some(441));
    flow.turn.credentials = first;
    flow.goes_on().await;
    // Leaving one room takes nothing away in the other.
    let mut elsewhere = Flow::open(&server, second).await;
    here.say(&ClientMessage::Leave).await;
    here.until_closed().await;
    flow.has_ended(&server, Instant::now()).await;
    elsewhere.goes_on().await;
}

#[tokio::test]
async fn after_a_restart_people_come_back_to_a_new_run_with_credentials_that_work() {
    let mut server = relay_on_loopback().await;
    let room = Room::open(&server).await;
    let (_ann, to_ann) = Client::joined(&server, &room.code, "Ann").await;
    Flow::open(&server, credentials(&to_ann.ice_servers)).await.goes_on().await;
    server.restart_with(on_loopback).await;
    let (_ann, back) = come_back(&server, &room, None, &to_ann, 0).await.expect("back");
    assert_eq!((back.you, back.resumed), (to_ann.you, Resumed::Snapshot));
    assert_ne!(back.run, to_ann.run, "what was relayed is gone, and the client can tell");
    Flow::open(&server, credentials(&back.ice_servers)).await.goes_on().await;
}

#[tokio::test]
async fn without_a_relay_there_is_nothing_to_renew() {
    let meetings = Pace { vouch_every: Duration::from_millis(20), rounds_to_renewal: 1 };
    let off = |config: &mut Config| config.relay = Relay::Off;
    let server = Server::start_with_at(off, boot::Pace { meetings, ..boot::Pace::default() }).await;
    let room = Room::open(&server).await;
    let (mut ann, welcome) = Client::joined(&server, &room.code, "Ann").await;
    assert!(welcome.ice_servers.iter().all(|server| server.credential.is_none()), "{:?}", welcome.ice_servers);
    let mut rounds = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..20 {
        rounds.tick().await;
        assert_eq!(ann.is_alive().await, []);
    }
}

const HOST: &str = "candidate:1 1 udp 2113937151 192.0.2.7 51472 typ host generation 0";
const RELAYED: &str = "candidate:2 1 udp 41885439 127.0.0.1 50123 typ relay raddr 192.0.2.7 rport 51472 generation 0";

fn candidate(to: ParticipantId, text: &str) -> ClientMessage {
    let body = SignalBody::Candidate { candidate: text.to_owned(), sdp_mid: Some("0".to_owned()), sdp_m_line_index: None, username_fragment: None };
    ClientMessage::Signal { to, connection: 1, body }
}

/// What Ben hears when Ann says a description and its candidates.
async fn what_is_heard(server: &Server) -> (Welcome, Vec<String>) {
    let room = Room::open(server).await;
    let (mut ann, welcome) = Client::joined(server, &room.code, "Ann").await;
    let (mut ben, to_ben) = Client::joined(server, &room.code, "Ben").await;
    ann.say(&offer(to_ben.you, &format!("v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\nc=IN IP4 192.0.2.7\r\na={HOST}\r\na={RELAYED}\r\n"))).await;
    for text in [HOST, RELAYED, ""] {
        ann.say(&candidate(to_ben.you, text)).await;
    }
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last: &String| !last.is_empty()) {
        let text = ben.hear_of(|message| match message {
            ServerMessage::Signal { body: SignalBody::Offer { sdp }, .. } => Some(sdp.clone()),
            ServerMessage::Signal { body: SignalBody::Candidate { candidate, .. }, .. } => Some(candidate.clone()),
            _ => None,
        });
        heard.push(text.await);
    }
    (welcome, heard)
}

#[tokio::test]
async fn where_the_relay_is_forced_nobody_hears_anybodys_address() {
    let always = |config: &mut Config| {
        on_loopback(config);
        config.relay = Relay::Always;
    };
    let server = Server::start_with(always).await;
    let (welcome, heard) = what_is_heard(&server).await;
    assert!(welcome.relay_only);
    let hidden = "candidate:2 1 udp 41885439 127.0.0.1 50123 typ relay raddr 0.0.0.0 rport 9 generation 0";
    let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\nc=IN IP4 0.0.0.0\r\na={hidden}\r\n");
    assert_eq!(heard, [sdp.as_str(), hidden, ""]);
    Flow::open(&server, credentials(&welcome.ice_servers)).await.goes_on().await;
}

#[tokio::test]
async fn otherwise_signals_are_handed_on_as_they_are() {
    let server = relay_on_loopback().await;
    let (welcome, heard) = what_is_heard(&server).await;
    assert!(!welcome.relay_only);
    assert_eq!(heard[1..], [HOST, RELAYED, ""]);
    assert!(heard[0].contains(HOST) && heard[0].contains("c=IN IP4 192.0.2.7"));
}
