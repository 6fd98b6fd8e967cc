//! A client of STUN and TURN over UDP, TCP and TLS: as much of one as a look needs.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, Message, TransactionId, attribute, method, xor_address};
use fireside_turn::stream::{LONGEST_FRAME, Reader};
use fireside_turn::write::Writer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::web::{Fault, Pipe, Place, Shown, WITHIN, look_up};
use crate::auth::keys;

/// A question over UDP is asked again after so long: what is lost once is no reason to worry.
const AGAIN: Duration = Duration::from_millis(500);
/// The first number that clients bind.
const CHANNEL: u16 = 0x4000;

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Udp,
    Tcp,
    Tls,
}

/// The address of a server in the form that browsers are told (RFC 7064, RFC 7065).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) is_turn: bool,
    pub(super) way: Way,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    pub(super) fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = place.rsplit_once(':')?;
        let way = match (scheme, query) {
            ("turns", _) => Way::Tls,
            ("turn" | "stun", "transport=tcp") => Way::Tcp,
            ("turn" | "stun", _) => Way::Udp,
            _ => return None,
        };
        Some(Self { is_turn: scheme != "stun", way, host: host.trim_matches(['[', ']']).to_owned(), port: port.parse().ok()? })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

/// Why it did not go as it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Way(#[from] Fault),
    #[error("the connection broke off ({0})")]
    Broken(String),
    #[error("{0} was refused with {1}")]
    Refused(&'static str, u16),
    #[error("{0} was answered with something else")]
    Strange(&'static str),
}

/// A user name and a password.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
}

enum Line {
    Udp(UdpSocket),
    Stream(Box<dyn Pipe>, Reader),
}

/// One that speaks with one server.
pub(super) struct Client {
    line: Line,
    /// The certificate that was shown, over TLS.
    pub(super) shown: Option<Shown>,
    login: Option<Login>,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    /// What came while an answer was waited for.
    waiting: VecDeque<Vec<u8>>,
}

/// What `server` says our address is, over UDP.
pub(super) async fn binding(server: SocketAddr) -> Result<SocketAddr, Trouble> {
    Client::udp(server, None).await?.binding().await
}

impl Client {
    /// Connects to one of the addresses of a server: over UDP the first that answers.
    pub(super) async fn connect(address: &Address, login: Option<Login>) -> Result<Self, Trouble> {
        if address.way != Way::Udp {
            let authority = address.to_string();
            let place = Place { host: address.host.clone(), port: address.port, tls: address.way == Way::Tls, authority, address: None, site: None };
            let (pipe, shown) = timeout(WITHIN, place.connect(&[])).await.map_err(|_| Fault::Silent)??;
            return Ok(Self::new(Line::Stream(pipe, Reader::new()), shown, login));
        }
        let mut trouble = Trouble::Way(Fault::Name(address.host.clone()));
        for server in look_up(&address.host, address.port).await? {
            match Self::answered(server, login.clone()).await {
                Ok(client) => return Ok(client),
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }

    async fn answered(server: SocketAddr, login: Option<Login>) -> Result<Self, Trouble> {
        let mut client = Self::udp(server, login).await?;
        client.binding().await?;
        Ok(client)
    }

    async fn udp(server: SocketAddr, login: Option<Login>) -> Result<Self, Trouble> {
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let unreachable = |error: std::io::Error| Trouble::Way(Fault::Refused(error.to_string()));
        let socket = UdpSocket::bind(any).await.map_err(unreachable)?;
        socket.connect(server).await.map_err(unreachable)?;
        Ok(Self::new(Line::Udp(socket), None, login))
    }

    fn new(line: Line, shown: Option<Shown>, login: Option<Login>) -> Self {
        Self { line, shown, login, realm: Vec::new(), nonce: Vec::new(), waiting: VecDeque::new() }
    }

    /// What the server says our address is.
    pub(super) async fn binding(&mut self) -> Result<SocketAddr, Trouble> {
        let answer = self.exchange(&Writer::new(Class::Request, method::BINDING, transaction()).finish()).await?;
        address(&answer, attribute::XOR_MAPPED_ADDRESS).ok_or(Trouble::Strange("Binding"))
    }

    /// Gets a relay; its address.
    pub(super) async fn allocate(&mut self) -> Result<SocketAddr, Trouble> {
        let ask = |writer: Writer| writer.with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        let challenge = self.exchange(&ask(Writer::new(Class::Request, method::ALLOCATE, transaction())).finish()).await?;
        self.realm = find(&challenge, attribute::REALM).ok_or(Trouble::Strange("Allocate"))?;
        self.nonce = find(&challenge, attribute::NONCE).ok_or(Trouble::Strange("Allocate"))?;
        let answer = self.ask("Allocate", method::ALLOCATE, ask).await?;
        address(&answer, attribute::XOR_RELAYED_ADDRESS).ok_or(Trouble::Strange("Allocate"))
    }

    /// Lets what comes from `peer` in, and opens a channel to it.
    pub(super) async fn open_channel(&mut self, peer: SocketAddr) -> Result<(), Trouble> {
        let [high, low] = CHANNEL.to_be_bytes();
        let ask = |writer: Writer| writer.with(attribute::CHANNEL_NUMBER, &[high, low, 0, 0]).with_address(attribute::XOR_PEER_ADDRESS, peer);
        self.ask("ChannelBind", method::CHANNEL_BIND, ask).await.map(|_| ())
    }

    /// Lets go of the relay.
    pub(super) async fn release(&mut self) -> Result<(), Trouble> {
        self.ask("Refresh", method::REFRESH, |writer| writer.with_u32(attribute::LIFETIME, 0)).await.map(|_| ())
    }

    /// Sends by the channel.
    pub(super) async fn send(&mut self, payload: &[u8]) -> Result<(), Trouble> {
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        let mut frame = [&CHANNEL.to_be_bytes()[..], &length.to_be_bytes(), payload].concat();
        if let Line::Stream(..) = self.line {
            frame.resize(frame.len().next_multiple_of(4), 0);
        }
        self.say(&frame).await
    }

    /// The payload that comes next by the channel.
    pub(super) async fn receive(&mut self) -> Result<Vec<u8>, Trouble> {
        loop {
            let message = self.next().await?;
            if message.get(..2) == Some(&CHANNEL.to_be_bytes()[..]) {
                return Ok(message.get(4..).unwrap_or_default().to_vec());
            }
        }
    }

    async fn ask(&mut self, what: &'static str, method: u16, build: impl Fn(Writer) -> Writer) -> Result<Vec<u8>, Trouble> {
        let request = self.sign(build(Writer::new(Class::Request, method, transaction())));
        let answer = self.exchange(&request).await?;
        match Message::parse(&answer).map(|message| message.class) {
            Ok(Class::Success) => Ok(answer),
            Ok(Class::Error) => Err(Trouble::Refused(what, code(&answer).unwrap_or_default())),
            _ => Err(Trouble::Strange(what)),
        }
    }

    fn sign(&self, writer: Writer) -> Vec<u8> {
        let Some(Login { username, password }) = &self.login else { return writer.finish() };
        let proof = Proof::long_term(username.as_bytes(), &self.realm, password.as_bytes(), PasswordAlgorithm::Md5, Integrity::Sha1);
        let writer = writer.with(attribute::USERNAME, username.as_bytes()).with(attribute::REALM, &self.realm);
        writer.with(attribute::NONCE, &self.nonce).with_integrity(&proof).finish()
    }

    /// Asks until it is answered.
    async fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, Trouble> {
        let asking = async {
            loop {
                self.say(message).await?;
                let again = if matches!(self.line, Line::Udp(_)) { AGAIN } else { WITHIN };
                if let Ok(answer) = timeout(again, self.answer_to(message)).await {
                    return answer;
                }
            }
        };
        timeout(WITHIN, asking).await.unwrap_or(Err(Trouble::Way(Fault::Silent)))
    }

    async fn answer_to(&mut self, question: &[u8]) -> Result<Vec<u8>, Trouble> {
        loop {
            let message = self.read().await?;
            if message.get(8..20) == question.get(8..20) {
                return Ok(message);
            }
            self.waiting.push_back(message);
        }
    }

    async fn next(&mut self) -> Result<Vec<u8>, Trouble> {
        match self.waiting.pop_front() {
            Some(message) => Ok(message),
            None => self.read().await,
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let said = match &mut self.line {
            Line::Udp(socket) => socket.send(bytes).await.map(|_| ()),
            Line::Stream(stream, _) => match stream.write_all(bytes).await {
                Ok(()) => stream.flush().await,
                Err(error) => Err(error),
            },
        };
        said.or_else(|error| self.unheard(&error))
    }

    /// Over UDP, nobody being there may pass: it is asked again.
    fn unheard(&self, error: &std::io::Error) -> Result<(), Trouble> {
        match &self.line {
            Line::Udp(_) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
            Line::Udp(_) => Err(Trouble::Way(Fault::Refused(error.to_string()))),
            Line::Stream(..) => Err(Trouble::Broken(error.to_string())),
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut bytes = vec![0; LONGEST_FRAME];
        loop {
            match &mut self.line {
                Line::Udp(socket) => match socket.recv(&mut bytes).await {
                    Ok(length) => {
                        bytes.truncate(length);
                        return Ok(bytes);
                    }
                    Err(error) => {
                        self.unheard(&error)?;
                        // The question is asked again soon; until then the system would say the same over and over.
                        tokio::time::sleep(AGAIN).await;
                    }
                },
                Line::Stream(stream, reader) => {
                    let length = stream.read(&mut bytes).await.map_err(|error| Trouble::Broken(error.to_string()))?;
                    if length == 0 {
                        return Err(Trouble::Broken("it was closed".to_owned()));
                    }
                    let mut messages = VecDeque::new();
                    let read = reader.read(bytes.get(..length).unwrap_or_default(), |message| messages.push_back(message.to_vec()));
                    read.map_err(|error| Trouble::Broken(error.to_string()))?;
                    if let Some(first) = messages.pop_front() {
                        self.waiting.extend(messages);
                        return Ok(first);
                    }
                }
            }
        }
    }
}

fn transaction() -> TransactionId {
    TransactionId(keys::random())
}

fn find(message: &[u8], kind: u16) -> Option<Vec<u8>> {
    Message::parse(message).ok()?.find(kind).map(<[u8]>::to_vec)
}

fn address(message: &[u8], kind: u16) -> Option<SocketAddr> {
    let message = Message::parse(message).ok().filter(|message| message.class == Class::Success)?;
    xor_address(message.find(kind)?, message.transaction)
}

fn code(message: &[u8]) -> Option<u16> {
    let value = find(message, attribute::ERROR_CODE)?;
    Some(u16::from(*value.get(2)?) * 100 + u16::from(*value.get(3)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        let read = |url| Address::read(url).map(|address| (address.is_turn, address.way, address.to_string()));
        assert_eq!(read("stun:192.0.2.7:3478"), Some((false, Way::Udp, "192.0.2.7:3478".to_owned())));
        assert_eq!(read("turn:[2001:db8::7]:443?transport=udp"), Some((true, Way::Udp, "[2001:db8::7]:443".to_owned())));
        assert_eq!(read("turn:meet.example.org:443?transport=tcp"), Some((true, Way::Tcp, "meet.example.org:443".to_owned())));
        assert_eq!(read("turns:meet.example.org:443?transport=tcp"), Some((true, Way::Tls, "meet.example.org:443".to_owned())));
        assert_eq!(read("http://meet.example.org:443"), None);
        assert_eq!(read("turn:meet.example.org"), None);
    }
}
