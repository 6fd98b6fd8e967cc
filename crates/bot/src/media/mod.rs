//! A peer connection with all that belongs to it: sockets, engine, what is sent, what is received. It runs by itself, as a task; who owns
//! it carries the two descriptions to and fro. Knows nothing of meetings, and as little of any server's signalling.

mod engine;
mod path;
pub mod source;
mod task;
mod weather;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use self::engine::{Broken, Line};
use self::source::{Picture, Voice};
pub use self::weather::Weather;
use crate::watch::Watch;

/// Orders that wait for a connection; who gives them waits then.
const ORDERS: usize = 64;

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// One TCP connection to the server (never to other people).
    Tcp,
}

/// What a connection is made with.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How packets travel.
    pub transport: Transport,
    /// The address to send from; without one, all that there are.
    pub from: Option<IpAddr>,
    /// Where the other side, or whoever brings its descriptions, is.
    pub server: IpAddr,
    /// How bad the line in front of it is.
    pub weather: Weather,
    /// Makes the weather the same each time.
    pub seed: u64,
    /// So long without a picture is to be expected (200 ms at least).
    pub patience: Duration,
}

/// What is sent, and in which m-lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sending {
    /// The number that packets say they are from.
    pub sender: u32,
    /// Pictures: the m-line, what they are (1: a camera, 2: a screen), and how they look.
    pub pictures: Vec<(usize, u8, Picture)>,
    /// Sound: the m-line, and how it sounds.
    pub voice: Option<(usize, Voice)>,
}

/// What a connection tells its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is up.
    Connected,
    /// It has ended; nothing more comes.
    Closed,
}

enum Order {
    Offer(Vec<Line>, oneshot::Sender<Result<String, Broken>>),
    Answered(String, oneshot::Sender<Result<(), Broken>>),
    Accept(String, oneshot::Sender<Result<String, Broken>>),
    Candidate(String),
    Send(Sending),
    Wanted(usize, Vec<bool>),
    Weather(Weather),
}

/// A running peer connection; it ends when this is dropped.
#[derive(Debug)]
pub struct Connection {
    orders: mpsc::Sender<Order>,
    watch: Arc<Mutex<Watch>>,
}

impl Connection {
    /// Opens the sockets and begins. `told` is called from its task: with few things, and it must not wait.
    ///
    /// # Errors
    /// If there is no socket to be had.
    pub fn begin(settings: Settings, told: impl Fn(Told) + Send + Sync + 'static) -> Result<Self, Broken> {
        let (orders, given) = mpsc::channel(ORDERS);
        let watch = Arc::new(Mutex::new(Watch::new(settings.patience)));
        let task = task::Task::new(settings, given, watch.clone(), told)?;
        tokio::spawn(task.run());
        Ok(Self { orders, watch })
    }

    /// Offers these lines beside those that there are.
    ///
    /// # Errors
    /// If the engine does not take it, or has ended.
    pub async fn offer(&self, lines: Vec<Line>) -> Result<String, Broken> {
        self.ask(|reply| Order::Offer(lines, reply)).await
    }

    /// Takes the answer to the last offer.
    ///
    /// # Errors
    /// If the engine does not take it, or has ended.
    pub async fn answered(&self, sdp: String) -> Result<(), Broken> {
        self.ask(|reply| Order::Answered(sdp, reply)).await
    }

    /// Answers an offer.
    ///
    /// # Errors
    /// If the engine does not take it, or has ended.
    pub async fn accept(&self, sdp: String) -> Result<String, Broken> {
        self.ask(|reply| Order::Accept(sdp, reply)).await
    }

    /// Takes a candidate of the other side.
    pub async fn candidate(&self, candidate: String) {
        self.order(Order::Candidate(candidate)).await;
    }

    /// Sends this from now on (as soon as the connection is up), and nothing else.
    pub async fn send(&self, sending: Sending) {
        self.order(Order::Send(sending)).await;
    }

    /// Of the picture in this m-line these sizes are of use to anybody.
    pub async fn wanted(&self, line: usize, layers: Vec<bool>) {
        self.order(Order::Wanted(line, layers)).await;
    }

    /// The line is so from now on.
    pub async fn weather(&self, weather: Weather) {
        self.order(Order::Weather(weather)).await;
    }

    /// What has arrived, to be looked at.
    pub fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn order(&self, order: Order) {
        // One that has ended is told of by `told`.
        let _ = self.orders.send(order).await;
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<Result<T, Broken>>) -> Order) -> Result<T, Broken> {
        let (reply, answer) = oneshot::channel();
        self.order(order(reply)).await;
        answer.await.unwrap_or_else(|_| Err(Broken("the connection has ended".to_owned())))
    }
}
