//! What cannot be seen from outside a running server: a fault of the worker, and streams that are looked after.

use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, Message, TransactionId, attribute, method};
use fireside_turn::write::Writer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::UdpSocket;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

async fn open() -> Media {
    let config = Config { public_ips: vec![[127, 0, 0, 1].into()], ..Config::default() };
    Media::open(&config, &[7; 32], SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("sockets")
}

async fn socket(media: &Media) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.connect(("127.0.0.1", media.addresses().udp_port())).await.expect("an address");
    socket
}

#[test]
fn the_database_is_where_its_address_says() {
    let named = |host: &str| DatabaseHost::Named(host.to_owned());
    for (url, host) in [
        ("sqlite:///srv/fireside.db", DatabaseHost::None),
        ("postgres://fireside:secret@db.example.org/fireside", named("db.example.org")),
        ("postgresql://203.0.113.5:5432/fireside", named("203.0.113.5")),
        ("postgres://fireside:a\"b^c@db.example.org:5432/fireside?sslmode=require", named("db.example.org")),
        ("postgres://fireside@[2001:db8::5]:5432/fireside", named("2001:db8::5")),
        ("postgres://fireside@other/fireside?host=db.example.org", named("db.example.org")),
        ("postgres://fireside@%2Frun%2Fpostgresql/fireside", DatabaseHost::None),
        ("postgres://fireside@localhost/fireside?host=/run/postgresql", DatabaseHost::None),
        ("postgres:///fireside", DatabaseHost::Unknown),
    ] {
        assert_eq!(database_host(url), host, "{url}");
    }
}

#[tokio::test]
async fn nobody_is_relayed_to_the_database_nor_to_what_the_operator_denies() {
    let net = |text: &str| text.parse::<IpNet>().expect("a network");
    let config = Config {
        database: Some("postgres://fireside:secret@93.184.216.34:5432/fireside".to_owned()),
        relay_allow: vec![net("10.0.0.0/8")],
        relay_deny: vec![net("10.1.0.0/16")],
        ..Config::default()
    };
    let peers = Peers { allow: config.relay_allow.clone(), deny: denied(&config).await };
    let found = Found { interfaces: vec![[10, 0, 0, 1].into()], public: vec![[93, 184, 216, 35].into()], ..Found::default() };
    let policy = reach(&found, &[], &peers).policy;
    for (peer, is_allowed) in [
        ("93.184.216.34", false),
        ("::ffff:93.184.216.34", false),
        ("93.184.216.35", false),
        ("93.184.216.36", true),
        ("10.0.0.1", false),
        ("10.0.0.2", true),
        ("10.1.0.1", false),
    ] {
        assert_eq!(policy.allows(peer.parse().expect("an address")), is_allowed, "{peer}");
    }
}

fn ada() -> Subject {
    Subject::new("room", "ada").expect("names")
}

/// Asks until there is an answer; the class of the answer, its error code, and its nonce.
async fn ask(socket: &UdpSocket, question: &[u8]) -> (Class, Option<u16>, Vec<u8>) {
    let asking = async {
        loop {
            socket.send(question).await.expect("sent");
            let mut bytes = [0; 1_500];
            let Ok(Ok(length)) = timeout(Duration::from_secs(1), socket.recv(&mut bytes)).await else { continue };
            let message = Message::parse(&bytes[..length]).expect("a message");
            let code = message.find(attribute::ERROR_CODE).map(|value| u16::from(value[2]) * 100 + u16::from(value[3]));
            return (message.class, code, message.find(attribute::NONCE).unwrap_or_default().to_vec());
        }
    };
    timeout(PATIENCE, asking).await.expect("an answer")
}

fn request(method: u16) -> Writer {
    Writer::new(Class::Request, method, TransactionId(keys::random()))
}

fn signed(media: &Media, writer: Writer, nonce: &[u8]) -> Vec<u8> {
    let relay = media.ice_servers(&ada(), &CameBy::default()).pop().expect("a relay");
    let (username, password) = (relay.username.expect("a name"), relay.credential.expect("a password"));
    let proof = Proof::long_term(username.as_bytes(), b"fireside", password.as_bytes(), PasswordAlgorithm::Md5, Integrity::Sha1);
    let writer = writer.with(attribute::USERNAME, username.as_bytes()).with(attribute::REALM, b"fireside").with(attribute::NONCE, nonce);
    writer.with_integrity(&proof).finish()
}

fn allocate() -> Writer {
    request(method::ALLOCATE).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
}

#[tokio::test]
async fn after_a_fault_it_begins_anew_and_forgets_no_revocation() {
    let media = open().await;
    let (ours, others) = (socket(&media).await, socket(&media).await);
    let (_, code, nonce) = ask(&ours, &allocate().finish()).await;
    assert_eq!(code, Some(401));
    assert_eq!(ask(&ours, &signed(&media, allocate(), &nonce)).await.0, Class::Success);

    media.shared.desk.order(Order::Fault);
    assert_eq!(ask(&ours, &request(method::BINDING).finish()).await.0, Class::Success, "it answers again");
    // What came in before the order is answered as before.
    let gone = async { while ask(&ours, &signed(&media, request(method::REFRESH), &nonce)).await.1 != Some(437) {} };
    timeout(PATIENCE, gone).await.expect("the allocation is gone");
    assert_eq!(ask(&ours, &signed(&media, allocate(), &nonce)).await.0, Class::Success, "and can be had again");

    media.revoke(Revoked::Participant(ada()));
    media.shared.desk.order(Order::Fault);
    let (_, _, nonce) = ask(&others, &allocate().finish()).await;
    assert_eq!(ask(&others, &signed(&media, allocate(), &nonce)).await.1, Some(401));
    media.readmit(Revoked::Participant(ada()));
    media.shared.desk.order(Order::Fault);
    assert_eq!(ask(&others, &signed(&media, allocate(), &nonce)).await.0, Class::Success);
    media.close().await;
}

#[tokio::test]
async fn what_was_ordered_before_a_fault_is_done_after_it() {
    let media = open().await;
    let socket = socket(&media).await;
    let (_, _, nonce) = ask(&socket, &allocate().finish()).await;
    // At once, so that both are there when the worker looks.
    media.shared.desk.order(Order::Fault);
    media.revoke(Revoked::Participant(ada()));
    let revoked = async { while ask(&socket, &signed(&media, allocate(), &nonce)).await.1 != Some(401) {} };
    timeout(PATIENCE, revoked).await.expect("it is heard of without another order");
    media.close().await;
}

#[tokio::test]
async fn once_closed_it_is_silent_and_the_port_is_free() {
    let media = open().await;
    let port = media.addresses().udp_port();
    media.close().await;
    media.close().await;
    media.revoke(Revoked::Participant(ada()));
    let again = Media::open(&Config::default(), &[7; 32], SocketAddr::from(([127, 0, 0, 1], port))).await.expect("the same port");
    assert_eq!(ask(&socket(&again).await, &request(method::BINDING).finish()).await.0, Class::Success);
}

/// A stream that is attended to with little patience.
fn attended(media: &Media, port: u16) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    attended_within(media, port, Duration::from_millis(100), 65_536)
}

/// `room`: what may be on its way.
fn attended_within(media: &Media, port: u16, allocates_within: Duration, room: usize) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (near, far) = duplex(room);
    let tuple = FiveTuple { transport: Transport::Tcp, client: ([192, 0, 2, 1], port).into(), server: ([192, 0, 2, 2], 443).into() };
    let desk = Arc::clone(&media.shared.desk);
    let begun = Begun { tuple, framing: Framing::Turn, held: &[] };
    let task = tokio::spawn(async move { stream::attend(desk, far, begun, allocates_within).await });
    (near, task)
}

async fn exchange(stream: &mut DuplexStream, question: &[u8]) -> Option<Vec<u8>> {
    stream.write_all(question).await.ok()?;
    let mut bytes = vec![0; 1_500];
    let length = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("an answer").ok()?;
    bytes.truncate(length);
    (length > 0).then_some(bytes)
}

#[tokio::test]
async fn a_stream_without_an_allocation_is_closed_after_a_while_whatever_it_asks() {
    let media = open().await;
    let (mut idle, task) = attended(&media, 1);
    // Until it is closed, which it would never be if questions counted.
    let asking = async { while exchange(&mut idle, &request(method::BINDING).finish()).await.is_some() {} };
    timeout(PATIENCE, asking).await.expect("it is closed");
    timeout(PATIENCE, task).await.expect("it ends").expect("no fault");
}

#[tokio::test]
async fn a_stream_with_an_allocation_is_kept() {
    let media = open().await;
    let (mut stream, task) = attended(&media, 2);
    let challenge = exchange(&mut stream, &allocate().finish()).await.expect("an answer");
    let nonce = Message::parse(&challenge).expect("a message").find(attribute::NONCE).expect("a nonce").to_vec();
    let answer = exchange(&mut stream, &signed(&media, allocate(), &nonce)).await.expect("an answer");
    assert_eq!(Message::parse(&answer).expect("a message").class, Class::Success);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        assert!(exchange(&mut stream, &request(method::BINDING).finish()).await.is_some(), "five times it was looked at");
    }
    assert!(!task.is_finished());
    drop(stream);
    timeout(PATIENCE, task).await.expect("it ends").expect("no fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_never_pause_keep_nobody_waiting() {
    let media = open().await;
    let socket = socket(&media).await;
    let floods: Vec<_> = (10..26)
        .map(|port| {
            let (mut stream, _) = attended_within(&media, port, Duration::from_secs(600), 1 << 20);
            // To a channel that there is not: nothing is answered, and there is always more.
            tokio::spawn(async move { while stream.write_all(&[0x40, 0, 0, 0].repeat(16_384)).await.is_ok() {} })
        })
        .collect();
    for _ in 0..10 {
        assert_eq!(ask(&socket, &request(method::BINDING).finish()).await.0, Class::Success);
    }
    assert!(floods.iter().all(|flood| !flood.is_finished()), "and they go on");
    timeout(PATIENCE, media.close()).await.expect("an end");
    floods.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn who_reads_no_answers_and_has_not_said_who_it_is_is_hung_up_on() {
    let media = open().await;
    let (mut stream, task) = attended_within(&media, 3, Duration::from_secs(600), 4_096);
    let questions = request(method::BINDING).finish().repeat(2_000);
    // It may be hung up on before it has said all.
    let _ = timeout(PATIENCE, stream.write_all(&questions)).await.expect("it is listened to");
    timeout(PATIENCE, task).await.expect("it ends").expect("no fault");
}
