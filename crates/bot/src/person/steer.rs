//! Where media goes: what is sent on which way, what is in view, what the slots carry, and the handover from one way to the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fireside_protocol::{ClientMessage, DroppedCode, Offer, Participant, Source, Tile, Topology, TrackRef};
use tokio::sync::mpsc;

use super::attend::{Attend, News};
use super::socket::{Lost, Socket};
use super::{Manner, Way, locked, sender};
use crate::media::source::Picture;
use crate::media::{Broken, Connection, Sending, Settings, Transport};
use crate::watch::{Carried, Kind};

/// After so long the old way is no longer needed, whatever the new one lacks.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// The m-lines of microphone, camera and screen, in every connection.
const MICROPHONE: usize = 0;
const CAMERA: usize = 1;
const SCREEN: usize = 2;

/// How media travels, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) topology: Topology,
    change: u32,
    is_changing: bool,
    since: Instant,
    has_settled: bool,
}

impl Plan {
    pub(super) fn new(topology: Topology, change: u32, is_changing: bool) -> Self {
        Self { topology, change, is_changing, since: Instant::now(), has_settled: false }
    }

    /// A word about an older change, or about the beginning of one that is over.
    fn is_past(&self, change: u32, is_changing: bool) -> bool {
        change < self.change || (change == self.change && is_changing && !self.is_changing)
    }
}

/// The sizes of somebody's camera.
pub(super) fn layers(manner: &Manner) -> usize {
    manner.camera.as_ref().map_or(1, |camera| camera.layers.len())
}

/// A new peer connection, whose news are told by `tell`.
pub(super) fn connection(manner: &Manner, socket: &Socket, tell: &mpsc::Sender<News>, way: Way, number: u32) -> Result<Arc<Connection>, Broken> {
    let settings = Settings {
        // A stream leads to the server alone.
        transport: if way == Way::Server { manner.transport } else { Transport::Udp },
        from: manner.from,
        server: socket.peer.ip(),
        weather: manner.weather,
        seed: u64::from(number),
        patience: 3 * manner.frame_time,
    };
    let tell = tell.clone();
    // Its owner has fallen behind by hundreds if this is full; then a tick finds out.
    let told = move |told| _ = tell.try_send(News { way, number, told });
    Connection::begin(settings, told).map(Arc::new)
}

impl Attend {
    /// Media goes through the server, or is about to.
    pub(super) fn is_served(&self) -> bool {
        self.plan.topology == Topology::Server
    }

    /// Begins a new peer connection that sends what is to be sent; `None` if there is none to be had.
    pub(super) async fn begin(&self, way: Way, number: u32) -> Option<Arc<Connection>> {
        let connection = connection(&self.manner, &self.socket, &self.tell, way, number).ok()?;
        locked(&self.presence).begin(way, connection.clone());
        connection.send(self.sending(way)).await;
        Some(connection)
    }

    /// How media travels from now on.
    pub(super) async fn changed(&mut self, topology: Topology, change: u32, is_changing: bool) -> Result<(), Lost> {
        if self.plan.is_past(change, is_changing) {
            return Ok(());
        }
        self.plan = Plan::new(topology, change, is_changing);
        match topology {
            Topology::Server => {
                if !self.route.is_begun {
                    self.offer_to_server().await?;
                }
                if !is_changing {
                    self.end_pairs();
                }
            }
            Topology::Mesh => {
                let others: Vec<_> = self.others().map(|person| person.id).collect();
                for other in others {
                    let is_there = self.pairs.get(&other).is_some_and(super::pairs::Pair::is_begun);
                    if !is_there && self.offers_to(other) {
                        self.offer_to(other).await?;
                    }
                }
                if !is_changing {
                    self.end_route();
                }
            }
        }
        Ok(())
    }

    /// Says that the old way is no longer needed, once.
    pub(super) async fn settle(&mut self, now: Instant) -> Result<(), Lost> {
        if !self.plan.is_changing || self.plan.has_settled || !self.is_over(now) {
            return Ok(());
        }
        self.plan.has_settled = true;
        self.socket.say(&ClientMessage::Settled { change: self.plan.change }).await
    }

    fn is_over(&self, now: Instant) -> bool {
        let ways = &locked(&self.presence).ways;
        let is_complete = |way: Way| ways.get(&way).is_some_and(|connection| connection.watch().is_complete());
        if self.is_served() {
            let Some(up) = self.route.up else { return false };
            let is_carried = |tile: &Tile| {
                let track = TrackRef { participant: tile.participant, source: tile.source };
                self.route.held.contains(&track) || self.route.slots.values().any(|carried| *carried == track)
            };
            return (self.tiles.iter().all(is_carried) && is_complete(Way::Server)) || now > up + SETTLED_AFTER;
        }
        let mut others = self.others().filter(|person| person.connected);
        others.all(|person| self.pairs.get(&person.id).is_some_and(super::pairs::Pair::is_up) && is_complete(Way::Peer(person.id)))
            || now > self.plan.since + SETTLED_AFTER
    }

    /// A new connection with the server.
    pub(super) async fn offer_to_server(&mut self) -> Result<(), Lost> {
        let lines = self.route.begin(layers(&self.manner));
        let number = self.route.connection;
        let Some(connection) = self.begin(Way::Server, number).await else { return Ok(()) };
        let Ok(sdp) = connection.offer(lines).await else { return Ok(()) };
        self.socket.say(&ClientMessage::Offer { offer: Offer { connection: number, sdp } }).await
    }

    /// More slots, when more is to be shown.
    pub(super) async fn grow(&mut self) -> Result<(), Lost> {
        let Some(lines) = self.route.grow(self.tiles.len()) else { return Ok(()) };
        let Some(connection) = locked(&self.presence).ways.get(&Way::Server).cloned() else { return Ok(()) };
        let Ok(sdp) = connection.offer(lines).await else { return Ok(()) };
        let offer = Offer { connection: self.route.connection, sdp };
        self.socket.say(&ClientMessage::Offer { offer }).await
    }

    pub(super) async fn answered(&mut self, sdp: String) {
        self.route.is_offering = false;
        let Some(connection) = locked(&self.presence).ways.get(&Way::Server).cloned() else { return };
        if connection.answered(sdp).await.is_err() {
            self.dropped(DroppedCode::Broken);
        }
    }

    pub(super) fn dropped(&mut self, code: DroppedCode) {
        self.route.dropped(Instant::now(), code);
        let mut presence = locked(&self.presence);
        presence.end(Way::Server);
        presence.look.drops += u32::from(code != DroppedCode::NotNeeded);
    }

    pub(super) async fn wanted(&mut self, source: Source, layers: Vec<bool>) {
        let line = match source {
            Source::Camera => CAMERA,
            Source::Screen => SCREEN,
            Source::Microphone | Source::ScreenAudio => return,
        };
        let connection = locked(&self.presence).ways.get(&Way::Server).cloned();
        if let Some(connection) = connection {
            connection.wanted(line, layers).await;
        }
    }

    /// Tells every connection what is to be sent.
    pub(super) async fn send(&self) {
        let ways: Vec<_> = locked(&self.presence).ways.iter().map(|(way, connection)| (*way, connection.clone())).collect();
        for (way, connection) in ways {
            connection.send(self.sending(way)).await;
        }
    }

    fn sending(&self, way: Way) -> Sending {
        let camera = self.manner.camera.as_ref().filter(|_| self.media.camera);
        let camera = camera.map(|camera| if way == Way::Server { camera.clone() } else { one_size(camera, self.people.len()) });
        let screen = self.manner.screen.clone().filter(|_| self.media.screen);
        let pictures = [camera.map(|camera| (CAMERA, 1, camera)), screen.map(|screen| (SCREEN, 2, screen))];
        let voice = self.manner.voice.filter(|_| self.media.microphone).map(|voice| (MICROPHONE, voice));
        Sending { sender: sender(self.id()), pictures: pictures.into_iter().flatten().collect(), voice }
    }

    /// Says what is in view, when that has changed.
    pub(super) async fn view(&mut self) -> Result<(), Lost> {
        let tiles = self.tiles_in_view();
        if self.route.up.is_none() || tiles == self.tiles {
            return Ok(());
        }
        self.tiles.clone_from(&tiles);
        self.socket.say(&ClientMessage::View { tiles }).await
    }

    /// Screens first, then people in the order in which they came, a page of them.
    fn tiles_in_view(&self) -> Vec<Tile> {
        let tracks = |source: Source| self.others().filter(move |person| shows(person, source)).map(move |person| (person.id, source));
        let all: Vec<_> = tracks(Source::Screen).chain(tracks(Source::Camera)).collect();
        let first = if all.len() > self.manner.tiles { self.page * self.manner.tiles % all.len() } else { 0 };
        let shown = all.iter().cycle().skip(first).take(all.len().min(self.manner.tiles));
        let height = self.manner.height.unwrap_or(match all.len().min(self.manner.tiles) {
            0..=1 => 720,
            2..=4 => 360,
            _ => 180,
        });
        shown.map(|(participant, source)| Tile { participant: *participant, source: *source, height, pinned: *source == Source::Screen }).collect()
    }

    /// Tells the watches what is to be seen where.
    pub(super) fn carry(&self) {
        let now = Instant::now();
        let presence = locked(&self.presence);
        for (way, connection) in &presence.ways {
            let mut watch = connection.watch();
            match way {
                Way::Server => {
                    for index in 0..self.route.video_slots {
                        let track = self.route.slots.get(&(Kind::Video, index));
                        let carried = track.map(|track| Carried { sender: sender(track.participant), is_due: self.is_due(track) });
                        watch.carry(now, Kind::Video, index, carried);
                    }
                }
                Way::Peer(other) => {
                    let person = self.people.iter().find(|person| person.id == *other);
                    for (index, source) in [Source::Camera, Source::Screen].into_iter().enumerate() {
                        let is_due = person.is_some_and(|person| shows(person, source));
                        watch.carry(now, Kind::Video, index, Some(Carried { sender: sender(*other), is_due }));
                    }
                }
            }
        }
    }

    fn is_due(&self, track: &TrackRef) -> bool {
        let person = self.others().find(|person| person.id == track.participant);
        person.is_some_and(|person| shows(person, track.source)) && !self.route.held.contains(track)
    }

    fn end_route(&mut self) {
        self.route.end();
        locked(&self.presence).end(Way::Server);
    }

    pub(super) fn others(&self) -> impl Iterator<Item = &Participant> {
        self.people.iter().filter(|person| person.id != self.id())
    }

    /// Lets it be seen from outside how things are.
    pub(super) fn show(&self) {
        let look = &mut locked(&self.presence).look;
        (look.topology, look.change, look.is_changing) = (Some(self.plan.topology), self.plan.change, self.plan.is_changing);
        look.is_served = self.route.up.is_some();
        look.pairs = self.pairs.values().filter(|pair| pair.is_up()).count();
        look.people = self.people.len();
    }
}

fn shows(person: &Participant, source: Source) -> bool {
    person.connected && if source == Source::Screen { person.media.screen } else { person.media.camera }
}

/// What is sent of a camera to each of the others directly: the more of them, the less.
fn one_size(camera: &Picture, people: usize) -> Picture {
    let (height, bitrate) = match people {
        0..=2 => (720, 1_500_000),
        3..=4 => (360, 500_000),
        _ => (180, 200_000),
    };
    Picture::single(camera.colour, height, bitrate, camera.fps)
}
