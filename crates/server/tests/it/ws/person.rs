//! A participant with media: a WebSocket and a WebRTC engine that meets the server's.

use fireside_meeting::Route;
use fireside_protocol::{
    ClientMessage, DroppedCode, Join, MediaState, Offer, ParticipantId, ServerMessage, Source, Tile, Topology, TrackRef, Welcome,
};

use super::client::{Client, Room};
use crate::media::caller::{Caller, Line};
use crate::media::client::on_loopback;
use crate::server::Server;

/// In the meeting, and connected with the server for media.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) welcome: Welcome,
    pub(crate) caller: Caller,
}

/// A server at which media goes through it from the first person on.
pub(crate) async fn forwarding_server() -> Server {
    Server::start_with(|config| {
        on_loopback(config);
        config.route = Route::Server;
    })
    .await
}

/// An engine that sends once it is connected.
pub(crate) async fn caller(server: &Server) -> Caller {
    Caller::start(Line::udp(server.address).await, true)
}

/// What it offers.
pub(crate) fn offer_of(caller: &Caller, connection: u32) -> Offer {
    Offer { connection, sdp: caller.offer.clone() }
}

/// Coming in with everything on.
pub(crate) fn with_media(name: &str) -> Join {
    Join { name: Some(name.to_owned()), media: MediaState { microphone: true, camera: true, screen: false }, ..Join::default() }
}

impl Person {
    /// Comes in with an offer, and is answered.
    pub(crate) async fn joined(server: &Server, room: &Room, name: &str) -> Self {
        let (mut client, mut caller) = (Client::open(server, &room.code).await, caller(server).await);
        client.say(&ClientMessage::Join(Join { offer: Some(offer_of(&caller, 1)), ..with_media(name) })).await;
        let welcome = client.welcome().await;
        caller.answer(&client.answer(1).await);
        Self { client, welcome, caller }
    }

    pub(crate) fn id(&self) -> ParticipantId {
        self.welcome.you
    }

    /// Shows somebody's camera.
    pub(crate) async fn look_at(&mut self, other: ParticipantId) {
        let tile = Tile { participant: other, source: Source::Camera, height: 360, pinned: false };
        self.client.say(&ClientMessage::View { tiles: vec![tile] }).await;
    }

    /// Waits until a place carries this.
    pub(crate) async fn receives(&mut self, participant: ParticipantId, source: Source) {
        let wanted = Some(TrackRef { participant, source });
        self.client
            .hear_of(|message| match message {
                ServerMessage::Slots { slots, .. } => slots.iter().any(|slot| slot.track == wanted).then_some(()),
                _ => None,
            })
            .await;
    }

    /// Waits until both sound and picture come, from now on.
    pub(crate) async fn hears_and_sees(&mut self, what: &str) {
        let (sound, picture) = (self.caller.seen.borrow().sound, self.caller.seen.borrow().picture);
        self.caller.until(what, |seen| seen.sound > sound + 10 && seen.picture > picture + 10).await;
    }
}

impl Client {
    /// The answer to the offer of this connection.
    pub(crate) async fn answer(&mut self, wanted: u32) -> String {
        self.hear_of(|message| match message {
            ServerMessage::Answer { connection, sdp } if *connection == wanted => Some(sdp.clone()),
            ServerMessage::Dropped { connection, code } if *connection == wanted => panic!("dropped: {code:?}"),
            _ => None,
        })
        .await
    }

    /// Why the connection came to nothing.
    pub(crate) async fn dropped(&mut self, wanted: u32) -> DroppedCode {
        self.hear_of(|message| match message {
            ServerMessage::Dropped { connection, code } if *connection == wanted => Some(*code),
            _ => None,
        })
        .await
    }

    pub(crate) async fn prepare(&mut self, caller: &Caller, connection: u32) -> Topology {
        self.say(&ClientMessage::Prepare { offer: offer_of(caller, connection) }).await;
        self.prepared().await
    }

    pub(crate) async fn prepared(&mut self) -> Topology {
        self.hear_of(|message| if let ServerMessage::Prepared { topology } = message { Some(*topology) } else { None }).await
    }

    /// The next word on how media travels, and whether that is a change under way.
    pub(crate) async fn topology(&mut self) -> (Topology, u32, bool) {
        self.hear_of(|message| match message {
            ServerMessage::Topology { topology, change, changing, .. } => Some((*topology, *change, *changing)),
            _ => None,
        })
        .await
    }
}
