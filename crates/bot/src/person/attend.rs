//! The task of somebody in a meeting: what the server says, what their connections tell, what is wished of them, one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fireside_protocol::{
    ClientMessage, DroppedCode, Join, LeftReason, MediaState, Offer, Participant, ParticipantId, ServerMessage, Tile, Topology, Welcome,
};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::link::RoomLink;
use super::pairs::Pair;
use super::route::Route;
use super::socket::{Lost, Socket};
use super::steer::{self, Plan};
use super::{Ended, Manner, NotIn, Presence, Way, Wish, locked};
use crate::media::Told;

/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(200);
const PING: Duration = Duration::from_secs(10);
/// What connections tell and nobody has heard yet.
const NEWS: usize = 256;

/// What a connection tells.
pub(super) struct News {
    pub(super) way: Way,
    pub(super) number: u32,
    pub(super) told: Told,
}

pub(super) struct Attend {
    pub(super) manner: Manner,
    pub(super) socket: Socket,
    welcome: Welcome,
    pub(super) people: Vec<Participant>,
    pub(super) media: MediaState,
    pub(super) plan: Plan,
    pub(super) route: Route,
    pub(super) pairs: HashMap<ParticipantId, Pair>,
    pub(super) presence: Arc<Mutex<Presence>>,
    wishes: mpsc::Receiver<Wish>,
    news: mpsc::Receiver<News>,
    pub(super) tell: mpsc::Sender<News>,
    pub(super) tiles: Vec<Tile>,
    pub(super) page: usize,
    paged: Instant,
    pinged: Instant,
    begun: Instant,
}

impl Attend {
    /// Goes in.
    pub(super) async fn enter(link: &RoomLink, manner: Manner, wishes: mpsc::Receiver<Wish>, presence: Arc<Mutex<Presence>>) -> Result<Self, NotIn> {
        let begun = Instant::now();
        let mut socket = Socket::connect(link, manner.from, manner.tls.clone()).await?;
        let (tell, news) = mpsc::channel(NEWS);
        let mut route = Route::default();
        let lines = route.begin(steer::layers(&manner));
        let connection = steer::connection(&manner, &socket, &tell, Way::Server, route.connection)?;
        let sdp = connection.offer(lines).await?;
        locked(&presence).begin(Way::Server, connection);
        let media = MediaState { microphone: manner.voice.is_some(), camera: manner.camera.is_some(), screen: manner.screen.is_some() };
        let offer = Some(Offer { connection: route.connection, sdp });
        socket.say(&ClientMessage::Join(Join { name: Some(manner.name.clone()), media, offer, ..Join::default() })).await?;
        let welcome = welcome(&mut socket).await?;
        let plan = Plan::new(welcome.topology, welcome.change, welcome.changing);
        let people = welcome.participants.clone();
        let now = Instant::now();
        let attend = Self {
            manner,
            socket,
            welcome,
            people,
            media,
            plan,
            route,
            pairs: HashMap::new(),
            presence,
            wishes,
            news,
            tell,
            tiles: Vec::new(),
            page: 0,
            paged: now,
            pinged: now,
            begun,
        };
        attend.show();
        locked(&attend.presence).look.welcome_in = Some(begun.elapsed());
        attend.send().await;
        Ok(attend)
    }

    pub(super) fn id(&self) -> ParticipantId {
        self.welcome.you
    }

    /// Stays until the end.
    pub(super) async fn run(mut self) {
        let ended = self.stay().await.unwrap_or_else(|lost| Ended::Lost(lost.to_string()));
        let mut presence = locked(&self.presence);
        for way in presence.ways.keys().copied().collect::<Vec<_>>() {
            presence.end(way);
        }
        presence.look.ended = Some(ended);
        (presence.look.is_served, presence.look.pairs) = (false, 0);
    }

    async fn stay(&mut self) -> Result<Ended, Lost> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = self.socket.hear() => {
                    if let Some(ended) = self.heard(message?).await? {
                        return Ok(ended);
                    }
                }
                Some(news) = self.news.recv() => self.hear_of(news),
                wish = self.wishes.recv() => match wish {
                    Some(wish) => self.grant(wish).await?,
                    None => {
                        self.socket.say(&ClientMessage::Leave).await?;
                        return Ok(Ended::Left);
                    }
                },
                _ = tick.tick() => self.look_after().await?,
            }
            self.show();
        }
    }

    async fn heard(&mut self, message: ServerMessage) -> Result<Option<Ended>, Lost> {
        match message {
            ServerMessage::Bye { code, .. } => return Ok(Some(Ended::Bye(code))),
            ServerMessage::Joined { participant } => self.joined(participant).await?,
            ServerMessage::Left { participant, reason } => self.left(participant, reason),
            ServerMessage::Updated { participant } => self.updated(participant),
            ServerMessage::Topology { topology, change, changing, .. } => self.changed(topology, change, changing).await?,
            ServerMessage::Signal { from, connection, body } => self.signalled(from, connection, body).await?,
            ServerMessage::Answer { connection, sdp } if self.route.is(connection) => self.answered(sdp).await,
            ServerMessage::Dropped { connection, code } if self.route.is(connection) => self.dropped(code),
            ServerMessage::Slots { connection, slots } if self.route.is(connection) => self.route.take(slots),
            ServerMessage::Held { tracks, .. } => self.route.held = tracks,
            ServerMessage::Wanted { source, layers } => self.wanted(source, layers).await,
            // An offer that is not taken leaves the connection as it was.
            ServerMessage::Error { about: Some(about), .. } if about == "offer" => self.route.is_offering = false,
            _ => return Ok(None),
        }
        self.carry();
        self.view().await?;
        Ok(None)
    }

    async fn joined(&mut self, participant: Participant) -> Result<(), Lost> {
        let id = participant.id;
        self.people.retain(|person| person.id != id);
        self.people.push(participant);
        if self.plan.topology == Topology::Mesh && self.offers_to(id) {
            self.offer_to(id).await?;
        }
        self.send().await;
        Ok(())
    }

    fn left(&mut self, id: ParticipantId, _: LeftReason) {
        self.people.retain(|person| person.id != id);
        self.pairs.remove(&id);
        locked(&self.presence).end(Way::Peer(id));
    }

    fn updated(&mut self, participant: Participant) {
        if let Some(known) = self.people.iter_mut().find(|person| person.id == participant.id) {
            *known = participant;
        }
    }

    /// What a connection tells, if it is still the one that there is.
    fn hear_of(&mut self, News { way, number, told }: News) {
        let now = Instant::now();
        match (way, told) {
            (Way::Server, Told::Connected) if self.route.is(number) => {
                self.route.is_up(now);
                locked(&self.presence).look.media_in.get_or_insert(self.begun.elapsed());
                // Whatever was said before was for another connection.
                self.tiles.clear();
            }
            (Way::Server, Told::Closed) if self.route.is(number) && self.route.is_begun => self.dropped(DroppedCode::Broken),
            (Way::Peer(other), Told::Connected) => {
                if let Some(pair) = self.pairs.get_mut(&other).filter(|pair| pair.is(number)) {
                    pair.came_up();
                    locked(&self.presence).look.media_in.get_or_insert(self.begun.elapsed());
                }
            }
            (Way::Peer(other), Told::Closed) => {
                if let Some(pair) = self.pairs.get_mut(&other).filter(|pair| pair.is(number)) {
                    pair.end();
                    locked(&self.presence).end(way);
                }
            }
            (Way::Server, _) => {}
        }
    }

    async fn grant(&mut self, wish: Wish) -> Result<(), Lost> {
        match wish {
            Wish::Say(message) => self.socket.say(&message).await,
            Wish::Media(media) => {
                self.media = media;
                self.send().await;
                self.socket.say(&ClientMessage::Media { media }).await
            }
            Wish::Weather(weather) => {
                self.manner.weather = weather;
                let connections: Vec<_> = locked(&self.presence).ways.values().cloned().collect();
                for connection in connections {
                    connection.weather(weather).await;
                }
                Ok(())
            }
        }
    }

    async fn look_after(&mut self) -> Result<(), Lost> {
        let now = Instant::now();
        if now >= self.pinged + PING {
            self.pinged = now;
            let seq = self.socket.seq;
            self.socket.say(&ClientMessage::Ping { seq }).await?;
        }
        if self.manner.turns_pages.is_some_and(|every| now >= self.paged + every) {
            (self.page, self.paged) = (self.page + 1, now);
        }
        if self.route.retry.is_some_and(|at| now >= at) && self.is_served() {
            self.offer_to_server().await?;
        }
        self.mend_pairs(now).await?;
        self.grow().await?;
        self.view().await?;
        self.settle(now).await
    }
}

async fn welcome(socket: &mut Socket) -> Result<Welcome, NotIn> {
    loop {
        match socket.hear().await? {
            ServerMessage::Welcome(welcome) => return Ok(*welcome),
            ServerMessage::Denied { code, message } => return Err(NotIn::Denied { code, message }),
            ServerMessage::Bye { .. } => return Err(Lost::Closed.into()),
            _ => {}
        }
    }
}
