//! Where connections come in: a listening socket, and who is let in there.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::seats::{Seated, Seats};

/// That there are no more connections to be had is said at most this often.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// How long to wait when the system gives out no more descriptors, to other programs neither: some will be closed by then.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// Where connections come in.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    seats: Seats,
    said_at: Option<Instant>,
}

/// The two ends of a connection; IPv4 addresses are written as such, also those that came by a socket of IPv6.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
}

impl Door {
    pub(super) fn new(listener: TcpListener, seats: Seats) -> Self {
        Self { listener, seats, said_at: None }
    }

    /// The next connection. Waits while there is no seat, or no descriptor, for it.
    pub(super) async fn next(&mut self) -> (Seated, Ends) {
        loop {
            if self.seats.are_taken() {
                self.say("as many connections are open as this process can hold; others wait");
            }
            let seat = self.seats.take().await;
            match self.accept().await {
                Ok((stream, ends)) => match self.seats.share(ends.client.ip()) {
                    Some(share) => return (Seated::new(stream, seat, share), ends),
                    None => self.say("one address has as many connections as one may have; further ones are closed"),
                },
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.say(&format!("no connection can be taken in: {error}; trying again"));
                    sleep(TRY_AGAIN).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, Ends)> {
        let (stream, client) = self.listener.accept().await?;
        // A candidate must not wait in the kernel for more to send with it.
        let _ = stream.set_nodelay(true);
        let server = stream.local_addr().map_err(|_| io::ErrorKind::ConnectionAborted)?;
        Ok((stream, Ends { client: canonical(client), server: canonical(server) }))
    }

    fn say(&mut self, what: &str) {
        if self.said_at.is_none_or(|said_at| said_at.elapsed() >= SAY_EVERY) {
            self.said_at = Some(Instant::now());
            tracing::warn!("{what}");
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// It came and went before it was taken in (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}
