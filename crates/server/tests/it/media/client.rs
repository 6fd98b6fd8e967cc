//! A TURN client over UDP, TCP or TLS, and what a test of the relay needs beside it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use fireside::auth::keys::Keys;
use fireside::config::Config;
use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, Message, TransactionId, attribute, method, xor_address};
use fireside_turn::stream::Reader;
use fireside_turn::write::Writer;
use fireside_turn::{Credentials, Secret, Subject};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Duration, timeout};

use crate::server::Server;
use crate::ws::client::{PATIENCE, database, now};

/// A question over UDP is asked again after so long.
const AGAIN: Duration = Duration::from_secs(1);
/// What is sure not to come is waited for so long. Too short a time can only let a test pass, never fail it.
pub(crate) const QUIET: Duration = Duration::from_millis(200);
pub(crate) const CHANNEL: u16 = 0x4000;

/// Relays at loopback addresses, with the rest of 127.0.0.0/8 for peers.
pub(crate) fn on_loopback(config: &mut Config) {
    config.public_ips = vec![[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
    config.relay_allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

pub(crate) async fn relay_on_loopback() -> Server {
    Server::start_with(on_loopback).await
}

/// Credentials made as the server makes them, for anybody and any time.
pub(crate) async fn mint(server: &Server, subject: &Subject, seconds: i64) -> Credentials {
    secret(server).await.mint(subject, u64::try_from(now() / 1000 + seconds).expect("after 1970"))
}

pub(crate) async fn secret(server: &Server) -> Secret {
    Secret::new(Keys::load(&database(server).await).await.expect("keys").relay()).expect("long enough")
}

pub(crate) fn subject(participant: &str) -> Subject {
    Subject::new("room", participant).expect("names")
}

/// A peer at another address of this machine.
pub(crate) async fn peer() -> UdpSocket {
    UdpSocket::bind("127.0.0.2:0").await.expect("a socket")
}

pub(crate) async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = vec![0; 65_536];
    let (length, from) = timeout(PATIENCE, socket.recv_from(&mut bytes)).await.expect("a datagram").expect("a socket");
    bytes.truncate(length);
    (bytes, from)
}

pub(crate) async fn is_quiet(socket: &UdpSocket) -> bool {
    timeout(QUIET, socket.recv_from(&mut [0; 2048])).await.is_err()
}

enum Pipe {
    Udp(UdpSocket),
    Tcp(Box<TcpStream>, Reader),
}

pub(crate) struct Turn {
    pipe: Pipe,
    pub(crate) local: SocketAddr,
    pub(crate) credentials: Credentials,
    pub(crate) nonce: Vec<u8>,
    /// What came while an answer was waited for.
    waiting: VecDeque<Vec<u8>>,
}

/// What comes of a peer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Channel(u16, Vec<u8>),
    Indication(SocketAddr, Vec<u8>),
}

impl Data {
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        match Message::parse(bytes) {
            Ok(message) if (message.class, message.method) == (Class::Indication, method::DATA) => {
                let from = message.find(attribute::XOR_PEER_ADDRESS).and_then(|value| xor_address(value, message.transaction));
                Some(Self::Indication(from.expect("an address"), message.find(attribute::DATA).expect("data").to_vec()))
            }
            Ok(_) => None,
            Err(_) => {
                let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                Some(Self::Channel(u16::from_be_bytes([bytes[0], bytes[1]]), bytes[4..4 + length].to_vec()))
            }
        }
    }
}

impl Turn {
    pub(crate) async fn udp(server: SocketAddr, credentials: Credentials) -> Self {
        Self::udp_from(server.ip(), server, credentials).await
    }

    pub(crate) async fn udp_from(ip: IpAddr, server: SocketAddr, credentials: Credentials) -> Self {
        let socket = UdpSocket::bind((ip, 0)).await.expect("a socket");
        socket.connect(server).await.expect("an address");
        let local = socket.local_addr().expect("an address");
        Self { pipe: Pipe::Udp(socket), local, credentials, nonce: Vec::new(), waiting: VecDeque::new() }
    }

    pub(crate) async fn tcp(server: SocketAddr, credentials: Credentials) -> Self {
        let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.expect("a socket");
        let stream = timeout(PATIENCE, socket.connect(server)).await.expect("a connection").expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let local = stream.local_addr().expect("an address");
        let pipe = Pipe::Tcp(Box::new(stream), Reader::new());
        Self { pipe, local, credentials, nonce: Vec::new(), waiting: VecDeque::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        match &mut self.pipe {
            Pipe::Udp(socket) => {
                socket.send(bytes).await.expect("sent");
            }
            Pipe::Tcp(stream, _) => timeout(PATIENCE, stream.write_all(bytes)).await.expect("sent").expect("sent"),
        }
    }

    /// The next message; `None` when the stream is closed.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(message) = self.waiting.pop_front() {
            return Some(message);
        }
        timeout(PATIENCE, self.read()).await.expect("a message")
    }

    async fn read(&mut self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 65_536];
        match &mut self.pipe {
            Pipe::Udp(socket) => {
                let length = socket.recv(&mut bytes).await.expect("a socket");
                bytes.truncate(length);
                Some(bytes)
            }
            Pipe::Tcp(stream, reader) => {
                let mut messages = Vec::new();
                while messages.is_empty() {
                    let length = stream.read(&mut bytes).await.unwrap_or(0);
                    if length == 0 {
                        return None;
                    }
                    reader.read(&bytes[..length], |message| messages.push(message.to_vec())).expect("messages");
                }
                self.waiting.extend(messages.drain(1..));
                messages.pop()
            }
        }
    }

    /// Whether nothing comes.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.is_quiet_for(QUIET).await
    }

    /// What comes meanwhile is kept.
    pub(crate) async fn is_quiet_for(&mut self, time: Duration) -> bool {
        if self.waiting.is_empty()
            && let Ok(Some(message)) = timeout(time, self.read()).await
        {
            self.waiting.push_front(message);
        }
        self.waiting.is_empty()
    }

    /// The next datagram of a peer.
    pub(crate) async fn data(&mut self) -> Data {
        let bytes = self.next().await.expect("the stream goes on");
        Data::of(&bytes).expect("data")
    }

    /// The next message, however long it takes; `None` when the stream is closed.
    pub(crate) async fn arrived(&mut self) -> Option<Vec<u8>> {
        match self.waiting.pop_front() {
            Some(message) => Some(message),
            None => self.read().await,
        }
    }

    pub(crate) fn sign(&self, writer: Writer) -> Vec<u8> {
        let Credentials { username, password } = &self.credentials;
        let proof = Proof::long_term(username.as_bytes(), b"fireside", password.as_bytes(), PasswordAlgorithm::Md5, Integrity::Sha1);
        let writer = writer.with(attribute::USERNAME, username.as_bytes()).with(attribute::REALM, b"fireside").with(attribute::NONCE, &self.nonce);
        writer.with_integrity(&proof).finish()
    }

    /// Sends a message as it is, and again over UDP when nothing comes, until it is answered; `None` when the stream is closed.
    pub(crate) async fn exchange(&mut self, message: &[u8]) -> Option<Answer> {
        let transaction = &message[8..20];
        let is_udp = matches!(self.pipe, Pipe::Udp(_));
        let asking = async {
            loop {
                self.send(message).await;
                let mut aside = Vec::new();
                let answer = loop {
                    let read = async {
                        match self.waiting.pop_front() {
                            Some(message) => Some(message),
                            None => self.read().await,
                        }
                    };
                    match timeout(if is_udp { AGAIN } else { PATIENCE }, read).await {
                        Ok(Some(bytes)) if bytes.get(8..20) == Some(transaction) => break Some(Some(Answer(bytes))),
                        Ok(Some(bytes)) => aside.push(bytes),
                        Ok(None) => break Some(None),
                        Err(_) => break None,
                    }
                };
                self.waiting.extend(aside);
                if let Some(answer) = answer {
                    return answer;
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("an answer")
    }

    /// Signs what `build` writes, with a nonce (fetched first if there is none).
    pub(crate) async fn ask(&mut self, method: u16, build: impl Fn(Writer) -> Writer) -> Answer {
        if self.nonce.is_empty() {
            let challenge = self.exchange(&Writer::new(Class::Request, method::ALLOCATE, transaction()).finish()).await.expect("an answer");
            assert_eq!(challenge.code(), Some(401));
            self.nonce = challenge.find(attribute::NONCE).expect("a nonce");
        }
        let request = self.sign(build(Writer::new(Class::Request, method, transaction())));
        self.exchange(&request).await.expect("an answer")
    }

    pub(crate) async fn binding(&mut self) -> SocketAddr {
        let answer = self.exchange(&Writer::new(Class::Request, method::BINDING, transaction()).finish()).await.expect("an answer");
        answer.address(attribute::XOR_MAPPED_ADDRESS).expect("an address")
    }

    pub(crate) async fn allocate(&mut self) -> Answer {
        self.allocate_with(|writer| writer).await
    }

    pub(crate) async fn allocate_with(&mut self, build: impl Fn(Writer) -> Writer) -> Answer {
        self.ask(method::ALLOCATE, |writer| build(writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]))).await
    }

    /// Allocates and returns the relayed address.
    pub(crate) async fn relayed(&mut self) -> SocketAddr {
        let answer = self.allocate().await;
        answer.address(attribute::XOR_RELAYED_ADDRESS).unwrap_or_else(|| panic!("no relay: {:?}", answer.code()))
    }

    pub(crate) async fn refresh(&mut self, seconds: u32) -> Answer {
        self.ask(method::REFRESH, |writer| writer.with_u32(attribute::LIFETIME, seconds)).await
    }

    pub(crate) async fn permit(&mut self, peer: SocketAddr) -> Answer {
        self.ask(method::CREATE_PERMISSION, |writer| writer.with_address(attribute::XOR_PEER_ADDRESS, peer)).await
    }

    pub(crate) async fn bind(&mut self, number: u16, peer: SocketAddr) -> Answer {
        let [high, low] = number.to_be_bytes();
        let build = |writer: Writer| writer.with(attribute::CHANNEL_NUMBER, &[high, low, 0, 0]).with_address(attribute::XOR_PEER_ADDRESS, peer);
        self.ask(method::CHANNEL_BIND, build).await
    }

    pub(crate) async fn send_to(&mut self, peer: SocketAddr, payload: &[u8]) {
        let writer = Writer::new(Class::Indication, method::SEND, transaction());
        self.send(&writer.with_address(attribute::XOR_PEER_ADDRESS, peer).with(attribute::DATA, payload).finish()).await;
    }

    pub(crate) async fn send_on(&mut self, channel: u16, payload: &[u8]) {
        let frame = self.frame(channel, payload);
        self.send(&frame).await;
    }

    /// ChannelData, padded where that is needed.
    pub(crate) fn frame(&self, channel: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).expect("a datagram");
        let mut frame = [&channel.to_be_bytes()[..], &length.to_be_bytes(), payload].concat();
        if let Pipe::Tcp(..) = self.pipe {
            frame.resize(frame.len().next_multiple_of(4), 0);
        }
        frame
    }
}

pub(crate) fn transaction() -> TransactionId {
    TransactionId(rand::random())
}

pub(crate) struct Answer(pub(crate) Vec<u8>);

impl Answer {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.0).expect("a well-formed answer")
    }

    pub(crate) fn is_success(&self) -> bool {
        self.message().class == Class::Success
    }

    pub(crate) fn code(&self) -> Option<u16> {
        self.find(attribute::ERROR_CODE).map(|value| u16::from(value[2]) * 100 + u16::from(value[3]))
    }

    pub(crate) fn find(&self, kind: u16) -> Option<Vec<u8>> {
        self.message().find(kind).map(<[u8]>::to_vec)
    }

    pub(crate) fn address(&self, kind: u16) -> Option<SocketAddr> {
        self.message().find(kind).and_then(|value| xor_address(value, self.message().transaction))
    }
}
