//! Takes TCP connections in and has spoken on each what its first bytes ask for: TLS, and within it or without it TURN or HTTP; or media.
//!
//! Whoever opens connections and says little holds them for seconds, not for ever, and no address can hold them all; when there
//! are as many as the process can hold, those who come wait in the kernel, and those who are here notice nothing. What it refuses
//! to know: routes, certificates, and what TURN and media say.

pub mod descriptors;
mod door;
pub mod listen;
mod opening;
mod redirect;
mod seats;
mod wire;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tower::Service;

use crate::config::Config;
use crate::media::Media;
use crate::tls::{Accepted, Tls};
use door::{Door, Ends};
use opening::Spoken;
use redirect::Redirect;
use seats::{Seated, Seats};
use wire::Wire;

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, those included that have become WebSockets or carry TURN or media.
    pub connections: usize,
    /// And from one address (of IPv6: one /64) that is no trusted proxy's.
    pub from_one_address: usize,
    /// From the beginning of a connection until the first request's headers are there, the handshake of TLS included; and from the
    /// end of an answer until those of the next.
    pub headers_within: Duration,
    /// How long a connection is used for one request after the other. What it was upgraded to lasts as long as it likes.
    pub life: Duration,
    /// How long after that the last answer may take to be read.
    pub last_answer_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let connections = descriptors::connections();
        Self {
            connections,
            // A whole school may come from one; somebody else is to be let in all the same.
            from_one_address: connections / 4 * 3,
            // A browser sends them in one packet; on the worst of mobile networks in a few seconds.
            headers_within: Duration::from_secs(10),
            // Nothing that we answer is large: who is still at it reads slowly on purpose, or is a proxy that soon comes again.
            life: Duration::from_secs(5 * 60),
            last_answer_within: Duration::from_secs(60),
        }
    }
}

/// That a request came by our own TLS, with a certificate that somebody else vouches for. It is among the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Vouched;

/// Who answers what comes in.
#[derive(Debug)]
pub struct House {
    /// HTTP.
    pub router: Router,
    /// TURN, and media.
    pub media: Media,
    /// TLS, if it is ours to speak. Then plain HTTP is only told the way.
    pub tls: Option<Tls>,
    /// The settings.
    pub config: Arc<Config>,
    /// What connections may take.
    pub limits: Limits,
}

/// Where connections are taken in.
#[derive(Debug)]
pub struct Listeners {
    /// For everything.
    pub main: TcpListener,
    /// For those who come by plain HTTP to hear the way; only beside TLS.
    pub plain: Option<TcpListener>,
}

/// Serves whoever connects until `stopped`, then lets what was begun end. Returns when every connection is closed or upgraded.
pub async fn serve(listeners: Listeners, house: House, stopped: impl Future<Output = ()>) {
    let seats = Seats::new(house.limits.connections, house.limits.from_one_address, &house.config.trusted_proxies);
    let port = listeners.main.local_addr().map_or(house.config.listen.port(), |address| address.port());
    let house = Arc::new(house);
    let stopping = watch::Sender::new(false);
    let main = take_in(Door::new(listeners.main, seats.clone()), |stream, ends| house.clone().attend(stream, ends, stopping.subscribe()));
    let plain = async {
        let Some(listener) = listeners.plain else { return std::future::pending().await };
        take_in(Door::new(listener, seats), |stream, ends| house.clone().show_the_way(stream, ends, port, stopping.subscribe())).await;
    };
    // Nobody is to wait in the kernel for a server that has gone: with these two, the doors are closed.
    tokio::select! {
        () = main => {}
        () = plain => {}
        () = stopped => {}
    }
    stopping.send_replace(true);
    stopping.closed().await;
}

async fn take_in<F: Future<Output = ()> + Send + 'static>(mut door: Door, attend: impl Fn(Seated, Ends) -> F) {
    loop {
        let (stream, ends) = door.next().await;
        tokio::spawn(attend(stream, ends));
    }
}

/// What is to be done on a connection, now that it is known what is spoken on it.
enum Begun {
    Pages(Wire, Option<Vouched>),
    Way(Wire),
    Turn(Wire),
    Media(Wire),
    /// An ACME server has seen what it wanted to see.
    Nothing,
}

impl House {
    /// Finds out what is spoken on a connection, and speaks it until it is closed or upgraded.
    async fn attend(self: Arc<Self>, stream: Seated, ends: Ends, mut stopping: watch::Receiver<bool>) {
        let deadline = Instant::now() + self.limits.headers_within;
        let begun = tokio::select! {
            begun = timeout_at(deadline, Box::pin(self.begin(stream))) => begun,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        // An error is the client's: it went away, was too slow, or does not speak TLS as we do.
        let Ok(Ok(begun)) = begun else { return };
        match begun {
            Begun::Pages(stream, vouched) => self.answer(stream, deadline, self.pages(ends, vouched), stopping).await,
            Begun::Way(stream) => self.answer(stream, deadline, self.way(Redirect::SamePort), stopping).await,
            Begun::Turn(stream) => {
                let tls = stream.is_tls();
                stream.keep_little();
                tokio::select! {
                    () = self.media.attend(stream, ends.client, ends.server, tls) => {}
                    _ = stopping.wait_for(|stopping| *stopping) => {}
                }
            }
            Begun::Media(stream) => {
                stream.keep_little();
                tokio::select! {
                    () = self.media.carry(stream, ends.client, ends.server) => {}
                    _ = stopping.wait_for(|stopping| *stopping) => {}
                }
            }
            Begun::Nothing => {}
        }
    }

    async fn begin(&self, stream: Seated) -> io::Result<Begun> {
        let (spoken, stream) = opening::look(stream).await?;
        let Some(tls) = &self.tls else {
            return Ok(match spoken {
                Spoken::Turn => Begun::Turn(Wire::Plain(stream)),
                Spoken::Media => Begun::Media(Wire::Plain(stream)),
                Spoken::Tls | Spoken::Http => Begun::Pages(Wire::Plain(stream), None),
            });
        };
        match spoken {
            Spoken::Turn => return Ok(Begun::Turn(Wire::Plain(stream))),
            Spoken::Media => return Ok(Begun::Media(Wire::Plain(stream))),
            Spoken::Http => return Ok(Begun::Way(Wire::Plain(stream))),
            Spoken::Tls => {}
        }
        let Some(Accepted { stream, vouched }) = tls.accept(stream).await? else { return Ok(Begun::Nothing) };
        let (spoken, stream) = opening::look(stream).await?;
        let stream = Wire::Tls(Box::new(stream));
        Ok(match spoken {
            // Media has a cipher of its own, and no client puts it into another.
            Spoken::Turn | Spoken::Media => Begun::Turn(stream),
            Spoken::Tls | Spoken::Http => Begun::Pages(stream, vouched.then_some(Vouched)),
        })
    }

    /// Tells one who came to the listener for plain HTTP where we are. `port`: that of TLS.
    async fn show_the_way(self: Arc<Self>, stream: Seated, _: Ends, port: u16, mut stopping: watch::Receiver<bool>) {
        let deadline = Instant::now() + self.limits.headers_within;
        let looked = tokio::select! {
            looked = timeout_at(deadline, opening::look(stream)) => looked,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        let Ok(Ok((Spoken::Http, stream))) = looked else { return };
        self.answer(Wire::Plain(stream), deadline, self.way(Redirect::To(port)), stopping).await;
    }

    fn pages(&self, ends: Ends, vouched: Option<Vouched>) -> impl Fn(Request<Incoming>) -> Answer + Send + 'static {
        let router = self.router.clone();
        move |mut request| {
            request.extensions_mut().insert(ConnectInfo(ends.client));
            if let Some(vouched) = vouched {
                request.extensions_mut().insert(vouched);
            }
            let answer = router.clone().call(request);
            Box::pin(answer)
        }
    }

    fn way(&self, redirect: Redirect) -> impl Fn(Request<Incoming>) -> Answer + Send + 'static {
        let (config, tls) = (self.config.clone(), self.tls.clone());
        move |request| {
            let answer = redirect.answer(&config, tls.as_ref(), &request);
            Box::pin(std::future::ready(Ok(answer)))
        }
    }

    /// Speaks HTTP until the connection is closed or upgraded. `deadline`: until then the first request's headers are there.
    async fn answer(
        &self,
        stream: Wire,
        deadline: Instant,
        answer: impl Fn(Request<Incoming>) -> Answer + Send + 'static,
        mut stopping: watch::Receiver<bool>,
    ) {
        let asked = Arc::new(Notify::new());
        let asks = asked.clone();
        let service = service_fn(move |request| {
            asks.notify_one();
            answer(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.limits.headers_within);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let late = async {
            if timeout_at(deadline, asked.notified()).await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            // An error is the client's: it went away, was too slow, or spoke something else than HTTP.
            _ = connection.as_mut() => return,
            () = late => return,
            () = sleep(self.limits.life) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(self.limits.last_answer_within, connection).await;
    }
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;
