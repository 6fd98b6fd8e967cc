//! A meeting's hall in the forwarding plane: carries out what the meeting wants of it, and says what is heard there.
//!
//! The plane tells peers by numbers, the meeting its participants and their successive connections with the server (paths): here each
//! is known by the other. Those who prepare their connection before they join wait here too (`waiting`). What it refuses to know: why
//! media goes through the server, and packets.

mod names;
mod views;
mod waiting;

use std::collections::{HashMap, VecDeque};

use fireside_meeting::{ConnectionId, Forwarded, Forwarding, Input};
use fireside_protocol::{DroppedCode, MediaState, ParticipantId, Tile, TrackRef};
use fireside_sfu::{Event, PeerId, Track};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::media::Media;
use crate::media::forwarding::{Hall, Room, TOLD, Told};
use views::Views;
use waiting::{Waiting, Word};

/// Shows people to their places in a hall, which is opened when the first of them comes.
pub(super) struct Usher {
    media: Media,
    open: Option<Open>,
    views: Views,
}

/// A hall, and who is who in it.
struct Open {
    hall: Hall,
    told: mpsc::Receiver<Told>,
    paths: HashMap<ParticipantId, Path>,
    waiting: HashMap<ConnectionId, Waiting>,
    owners: HashMap<PeerId, Owner>,
    /// Nobody was in it at the last round.
    was_empty: bool,
}

/// A participant's connection with the server.
#[derive(Clone, Copy)]
struct Path {
    peer: PeerId,
    /// As the client counts them.
    number: u32,
}

/// Whose a peer is.
#[derive(Clone, Copy)]
enum Owner {
    Inside(ParticipantId),
    Waiting(ConnectionId),
}

impl Usher {
    pub(super) fn new(media: Media) -> Self {
        Self { media, open: None, views: Views::default() }
    }

    /// Does what the meeting wants. What came of it at once is put into `inputs`.
    pub(super) fn carry_out(&mut self, wanted: Forwarding, inputs: &mut VecDeque<Input>) {
        match wanted {
            Forwarding::Admit { participant, path, offer, media } => self.admit(participant, path, offer, media),
            Forwarding::Enter { participant, connection, path, media } => inputs.extend(self.enter(participant, connection, path, media)),
            Forwarding::Renegotiate { participant, path, offer } => self.renegotiate(participant, path, offer),
            Forwarding::View { participant, tiles } => self.view(participant, tiles),
            Forwarding::Media { participant, media } => self.permit(participant, media),
            Forwarding::Remove { participant } => self.remove(participant),
        }
    }

    /// What is told next; never comes while there is no hall. Meanwhile views are told the plane.
    pub(super) async fn next(&mut self) -> Told {
        loop {
            let Some(open) = &mut self.open else { return std::future::pending().await };
            let due = self.views.due();
            tokio::select! {
                // A plane that says nothing any more has ended.
                told = open.told.recv() => return told.unwrap_or(Told::Ended),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.views.ripe(Instant::now()).iter().for_each(|(viewer, tiles)| open.look(*viewer, tiles));
                }
            }
        }
    }

    /// Puts what was told into the meeting's words, which are put into `inputs`.
    pub(super) fn hear(&mut self, told: Told, inputs: &mut VecDeque<Input>) {
        match told {
            Told::Event(event) => inputs.extend(self.open.as_mut().and_then(|open| open.hear(event))),
            Told::Ended => self.ended(inputs),
        }
    }

    /// How many more people could be shown to places.
    pub(super) fn room(&self) -> Room {
        self.media.room_to_forward(self.open.as_ref().map(|open| &open.hall))
    }

    /// To be called now and then: a hall in which nobody has been since the last time is given up.
    pub(super) fn look_around(&mut self) {
        self.views.sweep(Instant::now());
        self.open.take_if(|open| {
            let is_empty = open.owners.is_empty();
            std::mem::replace(&mut open.was_empty, is_empty) && is_empty
        });
    }

    fn admit(&mut self, participant: ParticipantId, number: u32, offer: String, media: MediaState) {
        let open = self.opened();
        open.remove(participant);
        let peer = open.hall.admit(offer, names::may_send(media), false);
        open.take_in(participant, Path { peer, number });
    }

    /// An offer for a connection that has ended is answered by the word of its end, which is on its way.
    fn renegotiate(&mut self, participant: ParticipantId, number: u32, offer: String) {
        let Some((open, path)) = self.path(participant) else { return };
        if path.number == number {
            open.hall.renegotiate(path.peer, offer);
        }
    }

    fn view(&mut self, participant: ParticipantId, tiles: Vec<Tile>) {
        if let Some(tiles) = self.views.take(Instant::now(), participant, tiles)
            && let Some(open) = &self.open
        {
            open.look(participant, &tiles);
        }
    }

    fn permit(&mut self, participant: ParticipantId, media: MediaState) {
        if let Some((open, path)) = self.path(participant) {
            open.hall.permit(path.peer, names::may_send(media));
        }
    }

    fn remove(&mut self, participant: ParticipantId) {
        self.views.forget(participant);
        if let Some(open) = &mut self.open {
            open.remove(participant);
        }
    }

    /// Everybody in it has to begin anew, in another.
    fn ended(&mut self, inputs: &mut VecDeque<Input>) {
        let Some(open) = self.open.take() else { return };
        tracing::warn!(people = open.paths.len(), "the media of a meeting has to begin anew");
        open.waiting.values().for_each(|waiting| waiting.say(Word::Dropped(DroppedCode::Broken)));
        let broken = |(participant, path): (_, Path)| forwarded(participant, path, Forwarded::Closed { code: DroppedCode::Broken });
        inputs.extend(open.paths.into_iter().map(broken));
    }

    fn path(&self, participant: ParticipantId) -> Option<(&Open, Path)> {
        let open = self.open.as_ref()?;
        open.paths.get(&participant).map(|path| (open, *path))
    }

    fn opened(&mut self) -> &mut Open {
        let media = &self.media;
        self.open.get_or_insert_with(|| {
            let (tell, told) = mpsc::channel(TOLD);
            let (paths, waiting, owners) = (HashMap::new(), HashMap::new(), HashMap::new());
            Open { hall: media.hall(tell), told, paths, waiting, owners, was_empty: false }
        })
    }
}

impl Open {
    fn take_in(&mut self, participant: ParticipantId, path: Path) {
        self.owners.insert(path.peer, Owner::Inside(participant));
        self.paths.insert(participant, path);
    }

    fn remove(&mut self, participant: ParticipantId) {
        if let Some(path) = self.paths.remove(&participant) {
            self.owners.remove(&path.peer);
            self.hall.remove(path.peer);
        }
    }

    /// Tiles of people who have no connection with the server yet are left out: the meeting says it again when they have.
    fn look(&self, viewer: ParticipantId, tiles: &[Tile]) {
        let Some(path) = self.paths.get(&viewer) else { return };
        let looks = tiles.iter().filter_map(|tile| names::look(tile, self.paths.get(&tile.participant)?.peer));
        self.hall.view(path.peer, looks.collect());
    }

    /// What an event is to the meeting. Of a peer that was removed or replaced there is nothing more to be said.
    fn hear(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Answer { peer, sdp } => self.of(peer, Forwarded::Answer { sdp }),
            Event::Refused { peer, why: _ } => self.of(peer, Forwarded::Refused),
            Event::Connected { peer } => self.of(peer, Forwarded::Connected),
            Event::Reachable { peer, is_reachable } => self.of(peer, Forwarded::Reachable { is_reachable }),
            Event::Closed { peer, why } => {
                let code = names::dropped(&why);
                tracing::debug!(?code, "a connection that media goes through has ended");
                let closed = self.of(peer, Forwarded::Closed { code });
                match self.owners.remove(&peer)? {
                    Owner::Inside(participant) => drop(self.paths.remove(&participant)),
                    Owner::Waiting(connection) => drop(self.waiting.remove(&connection)),
                }
                closed
            }
            Event::Slot { peer, slot, track } => {
                let track = track.and_then(|track| self.track(track));
                self.of(peer, Forwarded::Slot(names::slot(slot, track)))
            }
            Event::Wanted { track, layers } => self.of(track.peer, Forwarded::Wanted { source: names::source(track.source), layers }),
            Event::Held { peer, tracks, is_strain } => {
                let tracks = tracks.into_iter().filter_map(|track| self.track(track)).collect();
                self.of(peer, Forwarded::Held { tracks, reason: names::held(is_strain) })
            }
            Event::Speaking { room: _, speaking, speaker } => {
                let participants = speaking.into_iter().filter_map(|peer| self.participant(peer)).collect();
                Some(Input::Speaking { participants, speaker: speaker.and_then(|peer| self.participant(peer)) })
            }
            Event::Estimate { .. } => None,
        }
    }

    /// Something of one peer: for the meeting, or for somebody who waits.
    fn of(&mut self, peer: PeerId, what: Forwarded) -> Option<Input> {
        match *self.owners.get(&peer)? {
            Owner::Inside(participant) => Some(forwarded(participant, *self.paths.get(&participant)?, what)),
            Owner::Waiting(connection) => {
                self.waiting.get_mut(&connection)?.hear(what);
                None
            }
        }
    }

    fn participant(&self, peer: PeerId) -> Option<ParticipantId> {
        match self.owners.get(&peer)? {
            Owner::Inside(participant) => Some(*participant),
            Owner::Waiting(_) => None,
        }
    }

    fn track(&self, track: Track) -> Option<TrackRef> {
        self.participant(track.peer).map(|participant| TrackRef { participant, source: names::source(track.source) })
    }
}

fn forwarded(participant: ParticipantId, path: Path, what: Forwarded) -> Input {
    Input::Forwarded { participant, path: path.number, what }
}
