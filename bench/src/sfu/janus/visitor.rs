//! Somebody in a room of Janus, with one peer connection to send and one to receive all others: as its own pages do it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use fireside_bot::media::{Connection, Line, Sending, Settings, Told, Transport};
use fireside_bot::person::Manner;
use fireside_bot::watch::{Carried, Kind, Seen};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::signal::Signal;
use crate::sfu::task::JanusAt;

const WITHIN: Duration = Duration::from_secs(20);

/// Whom others can receive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feed {
    id: u64,
    /// The number that its packets say they are from.
    sender: u32,
    room: usize,
}

/// Them.
#[derive(Debug)]
pub(super) struct Visitor {
    signal: Signal,
    media: IpAddr,
    room: usize,
    number: u32,
    manner: Manner,
    sends: Option<Connection>,
    receives: Option<Connection>,
}

/// Somebody for whom all is arranged; gone when this is dropped.
#[derive(Debug)]
pub(super) struct Settled {
    stay: tokio::task::JoinHandle<()>,
    sends: Option<Connection>,
    receives: Option<Connection>,
}

impl Visitor {
    /// Comes to a room, which are numbered from 1.
    pub(super) async fn come(at: JanusAt, room: usize, number: u32, manner: Manner) -> anyhow::Result<Self> {
        Ok(Self { signal: Signal::begin(at.address).await?, media: at.media, room, number, manner, sends: None, receives: None })
    }

    /// Sends what they have, if anything.
    pub(super) async fn publish(&mut self) -> anyhow::Result<Option<Feed>> {
        let Some(camera) = self.manner.camera.clone() else { return Ok(None) };
        let handle = self.signal.attach().await?;
        let join = json!({ "request": "join", "ptype": "publisher", "room": self.room, "display": self.manner.name });
        let joined = self.signal.message(handle, join, None).await?;
        let id = joined.data.get("id").and_then(serde_json::Value::as_u64).context("Janus names no feed")?;
        let (connection, up) = self.connection()?;
        let line = |kind| Line { receives: false, ..Line::both(kind) };
        let offer = connection.offer(vec![line(Kind::Audio), line(Kind::Video)]).await?;
        let voice = self.manner.voice.map(|voice| (0, voice));
        connection.send(Sending { sender: self.number, pictures: vec![(1, 1, camera)], voice }).await;
        let published = self.signal.message(handle, json!({ "request": "publish" }), Some(("offer", offer))).await?;
        connection.answered(published.sdp.context("Janus answers nothing")?).await?;
        is_up(up).await?;
        self.sends = Some(connection);
        Ok(Some(Feed { id, sender: self.number, room: self.room }))
    }

    /// Receives all others of their room.
    pub(super) async fn subscribe(&mut self, feeds: &[Feed]) -> anyhow::Result<()> {
        let others: Vec<Feed> = feeds.iter().filter(|feed| feed.room == self.room && feed.sender != self.number).copied().collect();
        if others.is_empty() {
            return Ok(());
        }
        let handle = self.signal.attach().await?;
        let streams: Vec<_> = others.iter().map(|feed| json!({ "feed": feed.id })).collect();
        let join = json!({ "request": "join", "ptype": "subscriber", "room": self.room, "streams": streams });
        let attached = self.signal.message(handle, join, None).await?;
        let (connection, up) = self.connection()?;
        let answer = connection.accept(attached.sdp.context("Janus offers nothing")?).await?;
        // Its lines are in the order in which they were asked for, sound and picture of each.
        for (index, feed) in others.iter().enumerate() {
            connection.watch().carry(Instant::now(), Kind::Video, index, Some(Carried { sender: feed.sender, is_due: true }));
        }
        self.signal.message(handle, json!({ "request": "start" }), Some(("answer", answer))).await?;
        is_up(up).await?;
        self.receives = Some(connection);
        Ok(())
    }

    pub(super) fn settle(self) -> Settled {
        Settled { stay: tokio::spawn(self.signal.stay()), sends: self.sends, receives: self.receives }
    }

    /// A peer connection, and who is told of it.
    fn connection(&self) -> anyhow::Result<(Connection, mpsc::Receiver<Told>)> {
        let settings = Settings {
            transport: Transport::Udp,
            from: Some(self.media),
            server: self.media,
            weather: self.manner.weather,
            seed: self.number.into(),
            patience: 3 * self.manner.frame_time,
        };
        let (tell, told) = mpsc::channel(4);
        // Nobody listens any more once it is up.
        let connection = Connection::begin(settings, move |told| _ = tell.try_send(told))?;
        Ok((connection, told))
    }
}

impl Settled {
    pub(super) fn look(&self, now: Instant) -> Seen {
        self.receives.as_ref().map(|connection| connection.watch().look(now)).unwrap_or_default()
    }

    /// Their peer connections.
    pub(super) fn connections(&self) -> usize {
        self.sends.iter().chain(&self.receives).count()
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.stay.abort();
    }
}

async fn is_up(mut told: mpsc::Receiver<Told>) -> anyhow::Result<()> {
    match timeout(WITHIN, told.recv()).await.context("no connection with Janus comes about")? {
        Some(Told::Connected) => Ok(()),
        Some(Told::Closed) | None => bail!("a connection with Janus has ended"),
    }
}
