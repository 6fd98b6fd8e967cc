//! Asks a STUN server for our public address (RFC 8489, Binding), from the sockets of the one port and before the relay begins.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use fireside_turn::message::{Class, Message, TransactionId, attribute, method, xor_address};
use fireside_turn::write::Writer;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::auth::keys;

/// An answer takes a tenth of this over any continent; a lost one is asked for again.
const TRY_FOR: Duration = Duration::from_millis(500);
const TRIES: usize = 3;
/// Longer than any answer.
const LONGEST: usize = 1_500;

/// What `server` (host and port) says our addresses are, one of each family of `sockets` at most. Nothing if it does not answer.
pub(super) async fn public_addresses(server: &str, sockets: &[UdpSocket]) -> Vec<IpAddr> {
    let all_tries = TRY_FOR * u32::try_from(TRIES).unwrap_or(1);
    let servers: Vec<SocketAddr> = match timeout(all_tries, tokio::net::lookup_host(server)).await {
        Ok(Ok(servers)) => servers.collect(),
        Ok(Err(_)) | Err(_) => return Vec::new(),
    };
    let asked = sockets.iter().filter_map(|socket| {
        let is_v4 = socket.local_addr().ok()?.is_ipv4();
        let server = *servers.iter().find(|server| server.is_ipv4() == is_v4)?;
        Some(public_address(socket, server))
    });
    join_all(asked).await.into_iter().filter_map(|answer| answer.ok().flatten()).collect()
}

async fn public_address(socket: &UdpSocket, server: SocketAddr) -> io::Result<Option<IpAddr>> {
    let socket = tokio::net::UdpSocket::from_std(socket.try_clone()?)?;
    let transaction = TransactionId(keys::random());
    let question = Writer::new(Class::Request, method::BINDING, transaction).finish();
    for _ in 0..TRIES {
        socket.send_to(&question, server).await?;
        if let Ok(Ok(address)) = timeout(TRY_FOR, answer(&socket, server, transaction)).await {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

/// Waits for the answer; whatever else comes here before we begin is passed over.
async fn answer(socket: &tokio::net::UdpSocket, server: SocketAddr, transaction: TransactionId) -> io::Result<IpAddr> {
    let mut bytes = [0; LONGEST];
    loop {
        let (length, from) = socket.recv_from(&mut bytes).await?;
        let datagram = bytes.get(..length).unwrap_or_default();
        if from == server
            && let Some(address) = mapped(datagram, transaction)
        {
            return Ok(address);
        }
    }
}

fn mapped(datagram: &[u8], transaction: TransactionId) -> Option<IpAddr> {
    let message = Message::parse(datagram).ok()?;
    let is_answer = message.class == Class::Success && message.method == method::BINDING && message.transaction == transaction;
    let address = xor_address(message.find(attribute::XOR_MAPPED_ADDRESS).filter(|_| is_answer)?, transaction)?.ip();
    (!address.is_unspecified() && !address.is_multicast()).then_some(address)
}
