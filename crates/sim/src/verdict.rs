//! What must hold once everything has calmed down. What must hold at every moment is watched by the clients and the server
//! themselves.

use std::collections::{BTreeMap, BTreeSet};

use fireside_protocol::{MessageId, ParticipantId, Topology};

use crate::clients::Client;
use crate::world::World;

impl World {
    /// # Panics
    /// When two clients differ on who is here, what was said, or how they are connected; or when anything was lost or doubled.
    pub fn assert_all_is_well(&self) {
        for (who, client) in self.clients.iter().enumerate() {
            assert_eq!(client.is_joined(), client.is_active(), "client {who} is still on its way: {client:?}");
            assert!(!client.is_joined() || client.pending() == 0, "client {who} waits for an acknowledgement");
        }
        self.assert_people();
        self.assert_ways();
        self.assert_conversation();
    }

    fn joined(&self) -> BTreeMap<ParticipantId, &Client> {
        let joined = self.clients.iter().filter(|client| client.is_joined());
        joined.filter_map(|client| client.me().map(|me| (me, client))).collect()
    }

    /// Everyone knows of the same people, as those show themselves, and nobody else is here.
    fn assert_people(&self) {
        let joined = self.joined();
        assert_eq!(self.server.people(), joined.len(), "the server counts others than those who are here");
        for (me, client) in &joined {
            assert!(client.people().keys().eq(joined.keys()), "{me} knows {:?}, here are {:?}", client.people().keys(), joined.keys());
            assert_eq!(client.title(), self.server.title());
            for (id, person) in client.people() {
                let (name, media, hand) = joined[id].shown();
                assert_eq!(person.name, name, "the name of {id} as {me} knows it");
                assert_eq!(person.hand_raised_at.is_some(), hand, "the hand of {id} as {me} knows it");
                assert!(person.connected, "{me} takes {id} for away");
                // One's own media is one's own word; it is not told back.
                assert!(id == me || person.media == media, "the media of {id} as {me} knows it");
            }
        }
    }

    /// Everyone was told the same of how media travels, and it does so, over that way alone.
    fn assert_ways(&self) {
        let joined = self.joined();
        let courses: Vec<_> = joined.values().filter_map(|client| client.course()).collect();
        let Some(course) = courses.first() else { return };
        assert!(courses.iter().all(|other| other == course) && courses.len() == joined.len(), "told differently: {courses:?}");
        assert!(!course.changing, "a change is still under way: {course:?}");
        match course.topology {
            Topology::Mesh => self.assert_pairs(&joined),
            Topology::Server => self.assert_on_server(&joined),
        }
    }

    /// Each pair is connected, over the same one of its successive connections, and nothing goes through the server.
    fn assert_pairs(&self, joined: &BTreeMap<ParticipantId, &Client>) {
        assert!(self.server.sfu().is_none_or(crate::sfu::Sfu::is_empty), "somebody is still connected with the server");
        for (me, client) in joined {
            for (other, peer) in joined.iter().filter(|(other, _)| *other != me) {
                let ours = client.pairs().connected(*other);
                assert!(ours.is_some(), "{me} is not connected to {other}: {:?}", client.pairs());
                assert_eq!(ours, peer.pairs().connected(*me), "{me} and {other} mean different connections");
            }
        }
    }

    /// Everyone sees everyone, and no pair is left.
    fn assert_on_server(&self, joined: &BTreeMap<ParticipantId, &Client>) {
        assert_eq!(self.server.sfu().map(crate::sfu::Sfu::len), Some(joined.len()), "connected with the server are those who are here");
        for (me, client) in joined {
            assert_eq!(self.server.sfu().and_then(|sfu| sfu.path(*me)), client.on_server());
            for other in joined.keys().filter(|other| *other != me) {
                assert!(client.sees(*other), "{me} does not see {other}: {client:?}");
                assert_eq!(client.pairs().connected(*other), None, "a pair is left");
            }
        }
    }

    /// What was acknowledged is kept, once; and everyone has the conversation as it is kept.
    fn assert_conversation(&self) {
        let kept: Vec<_> = self.server.database.messages().collect();
        assert!(kept.is_sorted_by_key(|message| message.id), "kept out of order");
        let texts: BTreeSet<&str> = kept.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(texts.len(), kept.len(), "a message was kept twice");
        let ids: BTreeSet<MessageId> = kept.iter().map(|message| message.id).collect();
        for client in &self.clients {
            for acknowledged in client.acknowledged() {
                assert!(ids.contains(&acknowledged.id), "acknowledged and lost: {acknowledged:?}");
            }
        }
        for client in self.joined().values() {
            let known = client.conversation();
            let from = kept.len().saturating_sub(known.len());
            assert!(from == 0 || known.len() >= 100, "{} of {} messages are known", known.len(), kept.len());
            assert_eq!(known, kept[from..], "what was said, as {:?} knows it", client.me());
        }
    }
}
