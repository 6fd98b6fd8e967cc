//! What the server says, and what a client makes of it.

use std::collections::BTreeSet;

use fireside_meeting::ConnectionId;
use fireside_protocol::{
    ByeCode, ChatMessage, ClientMessage, DeniedCode, ErrorCode, Participant, ParticipantId, Resumed, ServerFrame, ServerMessage, SignalBody, Welcome,
};
use rand::rngs::StdRng;

use super::{Act, CHAT_AGAIN_MS, Client, Course, Identity, Link, RECOVERY_GRACE_MS};
use crate::net::Millis;

impl Client {
    /// A frame arrived. Of connections that it let go of it hears nothing.
    pub fn hear(&mut self, connection: ConnectionId, frame: &ServerFrame, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        if self.connection() != Some(connection) {
            return;
        }
        match (&frame.message, self.link) {
            (ServerMessage::Welcome(welcome), Link::Opening { .. }) => self.welcomed(connection, welcome, now, acts),
            (ServerMessage::Denied { code, .. }, Link::Opening { tries, .. }) => self.denied(*code, tries, now, rng, acts),
            (ServerMessage::Bye { code, .. }, _) => self.dismissed(*code, now, rng, acts),
            (message, Link::Joined { .. }) if self.is_next(frame.seq) => self.told(message, now, rng, acts),
            (message, Link::Opening { .. }) => panic!("before the welcome: {message:?}"),
            _ => {}
        }
        self.tend(now, rng, acts);
    }

    fn is_next(&mut self, seq: Option<u32>) -> bool {
        let (Some(seq), Some(identity)) = (seq, &mut self.identity) else { return true };
        if seq <= identity.seq {
            return false;
        }
        assert_eq!(seq, identity.seq + 1, "a frame was left out");
        identity.seq = seq;
        true
    }

    fn welcomed(&mut self, connection: ConnectionId, welcome: &Welcome, now: Millis, acts: &mut Vec<Act>) {
        self.link = Link::Joined { connection };
        let seq = match (welcome.resumed, &self.identity) {
            (Resumed::Fresh, None) => welcome.seq,
            (Resumed::Replayed, Some(identity)) if identity.me == welcome.you && identity.seq == welcome.seq => identity.seq,
            (Resumed::Snapshot, Some(identity)) if identity.me == welcome.you => welcome.seq,
            (how, before) => panic!("{how:?} for one who was {before:?}"),
        };
        self.identity = Some(Identity { me: welcome.you, token: welcome.resume_token.clone(), seq });
        self.title.clone_from(&welcome.room.title);
        match welcome.resumed {
            Resumed::Fresh => self.welcomes.fresh += 1,
            Resumed::Replayed => self.welcomes.replayed += 1,
            Resumed::Snapshot => self.welcomes.snapshot += 1,
        }
        if welcome.resumed != Resumed::Replayed {
            self.take_over(welcome, now);
        }
        let others: Vec<ParticipantId> = self.people.keys().copied().filter(|id| *id != welcome.you).collect();
        let &Welcome { topology, change, changing, run, .. } = welcome;
        self.welcomed_to(Course { topology, change, changing }, run, now);
        let outgoing = match welcome.resumed {
            _ if !self.needs_mesh() => Vec::new(),
            Resumed::Snapshot => self.pairs.rebuild(&others),
            Resumed::Fresh | Resumed::Replayed => self.pairs.repeat(),
        };
        self.signal_all(outgoing, acts);
        self.say_what_changed(acts);
        self.repeat_chat(acts);
    }

    /// What the person did between `join` and `welcome`.
    fn say_what_changed(&self, acts: &mut Vec<Act>) {
        let (name, media, hand) = &self.said;
        if *name != self.name {
            self.say(ClientMessage::Rename { name: self.name.clone() }, acts);
        }
        if *media != self.media {
            self.say(ClientMessage::Media { media: self.media }, acts);
        }
        if *hand != self.hand {
            self.say(ClientMessage::Hand { raised: self.hand }, acts);
        }
    }

    /// The state as it is now. After a restart of the server people may be missing from it for a while.
    fn take_over(&mut self, welcome: &Welcome, now: Millis) {
        let missing: BTreeSet<ParticipantId> =
            self.people.keys().copied().filter(|id| welcome.participants.iter().all(|participant| participant.id != *id)).collect();
        self.unsure = None;
        match welcome.recovering_ms {
            Some(recovering_ms) if !missing.is_empty() => self.unsure = Some((now + Millis::from(recovering_ms) + RECOVERY_GRACE_MS, missing)),
            _ => missing.into_iter().for_each(|id| self.remove(id)),
        }
        for participant in &welcome.participants {
            self.people.insert(participant.id, participant.clone());
        }
        self.left.clear();
        if welcome.chat.more {
            self.chat.clear();
        }
        for message in &welcome.chat.messages {
            self.learn(message);
        }
    }

    fn denied(&mut self, code: DeniedCode, tries: u32, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        self.hang_up(acts);
        match code {
            DeniedCode::ResumeRefused => {
                assert!(self.identity.is_some(), "nothing was to be resumed");
                self.become_nobody();
                self.link = Link::Waiting { until: now, tries: 0 };
            }
            DeniedCode::Draining | DeniedCode::Unavailable | DeniedCode::RateLimited => self.retry(now, tries, rng),
            DeniedCode::RoomFull | DeniedCode::ServerFull | DeniedCode::RoomNotFound | DeniedCode::InvalidName => self.link = Link::Off,
        }
    }

    /// Joins anew: whether what was not acknowledged was kept is for the person to find out.
    fn become_nobody(&mut self) {
        self.identity = None;
        self.people.clear();
        self.unsure = None;
        self.pending.clear();
        self.chat.clear();
        self.pairs.clear();
        self.forget_ways();
        self.left.clear();
    }

    fn dismissed(&mut self, code: ByeCode, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        self.hang_up(acts);
        match code {
            ByeCode::Restarting | ByeCode::TooSlow | ByeCode::Idle => self.retry(now, 1, rng),
            // This page is the only one with its token, and it uses one connection at a time.
            ByeCode::Replaced => panic!("the newest connection was replaced by an older one"),
            ByeCode::Misbehaving | ByeCode::SignedOut | ByeCode::RoomDeleted | ByeCode::Left => {
                self.ended = Some(code);
                self.link = Link::Off;
            }
        }
    }

    fn told(&mut self, message: &ServerMessage, now: Millis, rng: &mut StdRng, acts: &mut Vec<Act>) {
        match message {
            ServerMessage::Joined { participant } => self.joined(participant),
            ServerMessage::Updated { participant } => self.updated(participant),
            ServerMessage::Left { participant, .. } => {
                assert_ne!(Some(*participant), self.me(), "told of one's own leaving");
                assert!(self.people.contains_key(participant), "left, but was never here");
                self.remove(*participant);
                self.left.insert(*participant);
            }
            ServerMessage::Signal { from, connection, body } => self.signalled(*from, *connection, body, acts),
            ServerMessage::Chat { message } => {
                assert!(!self.chat.contains_key(&message.id), "a message came twice: {message:?}");
                assert_ne!(Some(message.from), self.me(), "one's own message is acknowledged, not sent");
                self.learn(message);
            }
            ServerMessage::ChatAck { id, message } => {
                self.pending.retain(|(pending, _)| pending != id);
                self.acknowledged.push(message.clone());
                self.learn(message);
            }
            ServerMessage::Error { code, about, .. } => self.refused(*code, about.as_deref(), now),
            ServerMessage::Room { room } => self.title.clone_from(&room.title),
            &ServerMessage::Topology { topology, change, changing, .. } => self.head(Course { topology, change, changing }, now),
            ServerMessage::Answer { connection, .. } => self.answered(*connection, now, rng),
            ServerMessage::Dropped { connection, code } => self.dropped(*connection, *code, now),
            ServerMessage::Slots { connection, slots } => self.slots(*connection, slots),
            ServerMessage::History { .. } | ServerMessage::IceServers { .. } | ServerMessage::Pong => {}
            ServerMessage::Prepared { .. } | ServerMessage::Speaking { .. } | ServerMessage::Wanted { .. } | ServerMessage::Held { .. } => {}
            ServerMessage::Welcome(_) | ServerMessage::Denied { .. } | ServerMessage::Bye { .. } => panic!("not here: {message:?}"),
        }
    }

    fn joined(&mut self, participant: &Participant) {
        assert!(!self.left.contains(&participant.id), "{} left and came back as the same", participant.id);
        if let Some((_, unsure)) = &mut self.unsure {
            unsure.remove(&participant.id);
        }
        self.people.insert(participant.id, participant.clone());
    }

    fn updated(&mut self, participant: &Participant) {
        assert!(!self.left.contains(&participant.id), "{} did something after leaving", participant.id);
        assert!(self.people.contains_key(&participant.id), "an update about a stranger");
        self.people.insert(participant.id, participant.clone());
    }

    fn signalled(&mut self, from: ParticipantId, number: u32, body: &SignalBody, acts: &mut Vec<Act>) {
        assert!(self.people.contains_key(&from), "a signal from a stranger");
        let (SignalBody::Offer { sdp } | SignalBody::Answer { sdp }) = body else { return };
        assert!(self.heard_signals.insert((from, sdp.clone())), "a signal came twice: {sdp}");
        let Some(me) = self.me() else { return };
        if let Some(meant_for) = sdp.strip_prefix("offer ").and_then(|rest| rest.split(' ').next()) {
            assert_eq!(meant_for, me.to_string(), "a signal for somebody else");
        }
        let answer = self.pairs.hear(me, from, number, body);
        self.signal_all(answer, acts);
    }

    fn refused(&mut self, code: ErrorCode, about: Option<&str>, now: Millis) {
        match code {
            // What was acknowledged is kept, whatever is said of its repetition.
            ErrorCode::ChatNotSaved => {
                if self.pending.iter().any(|(id, _)| about == Some(id.0.to_string().as_str())) {
                    self.chat_again_at = Some(now + CHAT_AGAIN_MS);
                }
            }
            // They have just left.
            ErrorCode::UnknownParticipant => {}
            ErrorCode::RateLimited if about == Some("offer") => self.offer_refused(now),
            _ => panic!("{code:?} about {about:?}"),
        }
    }

    /// A message that is new belongs to the end: the order is the same for all.
    fn learn(&mut self, message: &ChatMessage) {
        if !self.chat.contains_key(&message.id) {
            assert!(self.chat.keys().next_back().is_none_or(|newest| *newest < message.id), "out of order: {message:?}");
            self.chat.insert(message.id, message.clone());
        }
    }

    pub(super) fn remove(&mut self, id: ParticipantId) {
        self.people.remove(&id);
        self.pairs.forget(id);
        if let Some((_, unsure)) = &mut self.unsure {
            unsure.remove(&id);
        }
    }
}
