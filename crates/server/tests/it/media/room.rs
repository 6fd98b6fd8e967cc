//! Media through the server without the rest of it: the plane at loopback addresses, and a hall whose owner is the test.

use std::net::SocketAddr;

use axum::Router;
use fireside::config::Config;
use fireside::http::{House, Limits, Listeners, serve};
use fireside::media::Media;
use fireside::media::forwarding::{Hall, TOLD, Told};
use fireside_sfu::{Event, Look, PeerId, Source, Track};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::caller::Caller;
use crate::ws::client::PATIENCE;

fn config(threads: usize) -> Config {
    Config { public_ips: vec![[127, 0, 0, 1].into()], media_threads: threads, ..Config::default() }
}

/// The plane alone, at loopback addresses.
pub(crate) async fn open(threads: usize) -> Media {
    Media::open(&config(threads), &[7; 32], SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("sockets")
}

pub(crate) fn at(media: &Media) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], media.addresses().udp_port()))
}

pub(crate) struct Room {
    pub(crate) hall: Hall,
    told: mpsc::Receiver<Told>,
}

impl Room {
    pub(crate) fn open(media: &Media) -> Self {
        let (tell, told) = mpsc::channel(TOLD);
        Self { hall: media.hall(tell), told }
    }

    pub(crate) async fn told(&mut self) -> Told {
        timeout(PATIENCE, self.told.recv()).await.expect("something is told").unwrap_or(Told::Ended)
    }

    /// The next thing that is told and is looked for.
    pub(crate) async fn find<T>(&mut self, find: impl Fn(Event) -> Option<T>) -> T {
        loop {
            match self.told().await {
                Told::Event(event) => {
                    if let Some(found) = find(event) {
                        return found;
                    }
                }
                Told::Ended => panic!("the hall has ended"),
            }
        }
    }

    /// Waits for the end of the hall.
    pub(crate) async fn ended(&mut self) {
        while self.told().await != Told::Ended {}
    }

    pub(crate) async fn answer(&mut self, caller: &mut Caller, peer: PeerId) {
        let sdp = self.find(|event| match event {
            Event::Answer { peer: whose, sdp } if whose == peer => Some(sdp),
            Event::Closed { peer: whose, why } if whose == peer => panic!("{why}"),
            _ => None,
        });
        caller.answer(&sdp.await);
    }

    pub(crate) async fn admit(&mut self, caller: &mut Caller) -> PeerId {
        let peer = self.hall.admit(caller.offer.clone(), Source::ALL.to_vec(), false);
        self.answer(caller, peer).await;
        peer
    }

    pub(crate) fn look(&self, viewer: PeerId, at: PeerId) {
        let track = Track { peer: at, source: Source::Camera };
        self.hall.view(viewer, vec![Look { track, height: 360, is_pinned: false }]);
    }
}

/// The plane behind the door for TCP, as it is in a server: whoever else comes is answered by HTTP.
pub(crate) async fn open_with_door() -> (Media, SocketAddr) {
    let config = config(2);
    let main = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let tcp = main.local_addr().expect("an address");
    let media = Media::open(&config, &[7; 32], tcp).await.expect("sockets");
    let house = House { router: Router::new(), media: media.clone(), tls: None, config: config.into(), limits: Limits::default() };
    tokio::spawn(serve(Listeners { main, plain: None }, house, std::future::pending()));
    (media, tcp)
}
