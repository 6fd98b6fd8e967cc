//! The way in: as a newcomer, as somebody who lost the connection, or as somebody of an earlier run of the server.
//!
//! Whether somebody may enter the room at all was decided before; here is decided as whom they enter.

use fireside_protocol::limits::{CHAT_CHARS, NAME_CHARS, PING_INTERVAL_MS, RESUME_WINDOW_MS};
use fireside_protocol::{
    ByeCode, ChatPage, DeniedCode, ErrorCode, Join, Limits, MessageId, ParticipantId, Resumed, ServerMessage, UnixMillis, Welcome,
};
use rand::Rng;

use crate::departure::{say_bye, send_off};
use crate::effect::{CloseReason, ConnectionId, Effect, Entrant, Recipient, ResumeClaim};
use crate::identity::millis_of;
use crate::meeting::{Meeting, Phase, refuse};
use crate::name;
use crate::participant::{Condition, Participant, Reach};
use crate::path::Path;
use crate::resume::{Frame, ReplayLog};
use crate::roster::Audience;
use crate::topology::{Course, Heading};
use crate::words;

/// By how much a clock may be set back between two runs of the server without messages changing their order.
const CLOCK_STEP_MS: u32 = 60_000;

/// Somebody who wants in.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: ConnectionId,
    pub(crate) entrant: Entrant,
    pub(crate) join: Join,
    pub(crate) claim: Option<ResumeClaim>,
    pub(crate) chat: ChatPage,
}

impl Arrival {
    /// The name to be shown by: the one given, or else the account's.
    fn name(&self) -> Result<String, DeniedCode> {
        let given = self.join.name.as_ref().or(self.entrant.account_name.as_ref()).ok_or(DeniedCode::InvalidName)?;
        name::clean(given).map_err(|name::InvalidName| DeniedCode::InvalidName)
    }

    /// The newest chat message that the client has.
    fn chat_after(&self) -> Option<MessageId> {
        self.join.resume.as_ref().and_then(|resume| resume.chat_after)
    }
}

impl Meeting {
    pub(crate) fn join(&mut self, now: UnixMillis, rng: &mut impl Rng, arrival: Arrival, effects: &mut Vec<Effect>) {
        let connection = arrival.connection;
        if self.roster.on(connection).is_some() {
            return refuse(connection, ErrorCode::AlreadyJoined, "join", effects);
        }
        self.learn_ids(now, &arrival);
        if let Err(code) = self.let_in(now, rng, arrival, effects) {
            let message = ServerMessage::Denied { code, message: words::denied(code).to_owned() };
            effects.push(Effect::to_one(connection, message));
            effects.push(Effect::Close { connection, reason: CloseReason::Denied });
        }
    }

    /// Messages of an earlier run of the server, whose clock may have been ahead, sort before those of this run. Where the
    /// database has nothing newer than the client, the client's word is taken, but not for a far future.
    fn learn_ids(&mut self, now: UnixMillis, arrival: &Arrival) {
        let newest = arrival.chat.messages.last().map(|message| message.id);
        let claimed = arrival.chat_after().filter(|id| millis_of(id.0) <= now.plus_millis(CLOCK_STEP_MS));
        for id in [newest, claimed].into_iter().flatten() {
            self.ids.observe(id.0);
        }
    }

    fn let_in(&mut self, now: UnixMillis, rng: &mut impl Rng, arrival: Arrival, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        match self.phase {
            Phase::Open => {}
            Phase::Draining => return Err(DeniedCode::Draining),
            Phase::Deleted => return Err(DeniedCode::RoomNotFound),
        }
        match (&arrival.join.resume, arrival.claim) {
            (None, _) => self.newcomer(now, rng, arrival, effects),
            (Some(_), None) => Err(DeniedCode::ResumeRefused),
            (Some(_), Some(claim)) if self.roster.contains(claim.participant) => self.comes_back(now, arrival, claim, effects),
            (Some(_), Some(claim)) if claim.from_earlier_run => self.returns_after_restart(now, arrival, claim.participant, effects),
            (Some(_), Some(_)) => Err(DeniedCode::ResumeRefused),
        }
    }

    fn newcomer(&mut self, now: UnixMillis, rng: &mut impl Rng, arrival: Arrival, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        let name = arrival.name()?;
        if !self.course.fits_newcomer(now, self.roster.len()) {
            return Err(DeniedCode::RoomFull);
        }
        // They are to find what is decided by their coming.
        self.steer(now, 1, effects);
        let id = self.ids.participant(now, rng);
        self.enter(now, id, now, name, arrival, Resumed::Fresh, effects);
        Ok(())
    }

    /// Somebody whom an earlier run of the server knew: they bring with them who they are.
    fn returns_after_restart(&mut self, now: UnixMillis, arrival: Arrival, id: ParticipantId, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        self.recovery.as_ref().filter(|recovery| recovery.admits(id, now)).ok_or(DeniedCode::ResumeRefused)?;
        let name = arrival.name()?;
        if !self.course.fits_returner(self.roster.len()) {
            return Err(DeniedCode::RoomFull);
        }
        self.recall(now, arrival.join.resume.as_ref().and_then(|resume| resume.topology), effects);
        self.steer(now, 1, effects);
        self.recovery.iter_mut().for_each(|recovery| recovery.note_return(id));
        self.ids.observe(id.0);
        let joined_at = millis_of(id.0).min(now);
        self.started_at = self.started_at.min(joined_at);
        self.enter(now, id, joined_at, name, arrival, Resumed::Snapshot, effects);
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "what two ways in have in common, called from just above")]
    fn enter(
        &mut self,
        now: UnixMillis,
        id: ParticipantId,
        joined_at: UnixMillis,
        name: String,
        arrival: Arrival,
        how: Resumed,
        effects: &mut Vec<Effect>,
    ) {
        let after = arrival.chat_after();
        let Arrival { connection, entrant, join, claim: _, chat } = arrival;
        let participant = Participant {
            id,
            account: entrant.account,
            session: entrant.session,
            name,
            role: entrant.role,
            media: join.media,
            hand_raised_at: join.hand.then_some(now),
            joined_at,
            reach: Reach::Present { connection },
            log: ReplayLog::default(),
            condition: Condition::default(),
            path: Path::default(),
        };
        let announced = participant.on_wire();
        self.roster.insert(participant);
        let chat = self.conversation.complete(chat, after);
        self.welcome(now, id, connection, Account::Whole { how, seq: 0, chat }, effects);
        self.roster.deliver(Audience::Except(id), ServerMessage::Joined { participant: announced }, effects);
        self.connect(now, id, connection, join.prepared, join.offer, effects);
    }

    /// Somebody whom the meeting still knows, whether it has noticed that their old connection is lost or not.
    fn comes_back(&mut self, now: UnixMillis, arrival: Arrival, claim: ResumeClaim, effects: &mut Vec<Effect>) -> Result<(), DeniedCode> {
        let id = claim.participant;
        let name = arrival.name();
        let after = arrival.chat_after();
        let Arrival { connection, entrant, join, claim: _, chat } = arrival;
        let participant = self.roster.get_mut(id).filter(|known| known.account == entrant.account).ok_or(DeniedCode::ResumeRefused)?;
        if participant.connection().is_some_and(|current| current > connection) {
            // An attempt that its client gave up for a later one, and that came through all the same.
            send_off(connection, ByeCode::Replaced, effects);
            return Ok(());
        }
        say_bye(participant, ByeCode::Replaced, effects);

        let before = participant.on_wire();
        participant.reach = Reach::Present { connection };
        participant.role = entrant.role;
        participant.session = entrant.session;
        participant.media = join.media;
        participant.set_hand(join.hand, now);
        if let (Some(_), Ok(name)) = (&join.name, name) {
            participant.name = name;
        }
        let changed = participant.on_wire() != before;
        let (prepared, offer) = (join.prepared, join.offer);

        // Numbers of an earlier run of the server mean nothing in this one.
        let seen = join.resume.filter(|_| !claim.from_earlier_run).map(|resume| resume.seq);
        let missed = seen.and_then(|seq| participant.log.after(seq).map(|frames| Account::Missed { seq, frames }));
        let seq = participant.log.last();
        let replayed = missed.is_some();
        let account = missed.unwrap_or_else(|| Account::Whole { how: Resumed::Snapshot, seq, chat: self.conversation.complete(chat, after) });
        self.welcome(now, id, connection, account, effects);
        if changed {
            // One who was sent no list of participants hears here how the server sees them.
            self.roster.announce(id, if replayed { Audience::Everyone } else { Audience::Except(id) }, effects);
            self.permit(id, effects);
        }
        self.connect(now, id, connection, prepared, offer, effects);
        Ok(())
    }

    fn welcome(&self, now: UnixMillis, you: ParticipantId, connection: ConnectionId, account: Account, effects: &mut Vec<Effect>) {
        let (resumed, seq, participants, chat, missed) = match account {
            Account::Whole { how, seq, chat } => (how, seq, self.roster.on_wire(), chat, Vec::new()),
            Account::Missed { seq, frames } => (Resumed::Replayed, seq, Vec::new(), ChatPage::default(), frames),
        };
        let Heading { topology, change, is_changing, reason } = self.course.heading();
        let welcome = Welcome {
            you,
            resume_token: String::new(),
            seq,
            resumed,
            recovering_ms: self.recovery.as_ref().and_then(|recovery| recovery.remaining(now)),
            room: self.room.clone(),
            topology,
            change,
            changing: is_changing,
            reason,
            participants,
            chat,
            ice_servers: Vec::new(),
            relay_only: self.relay_only,
            run: 0,
            started_at: self.started_at,
            now,
            limits: limits(&self.course),
        };
        effects.push(Effect::to_one(connection, ServerMessage::Welcome(Box::new(welcome))));
        for Frame { seq, message } in missed {
            effects.push(Effect::Send { message, to: vec![Recipient { connection, seq: Some(seq) }] });
        }
    }
}

/// What somebody who comes in is told about the meeting.
enum Account {
    /// All of it, as it is now.
    Whole { how: Resumed, seq: u32, chat: ChatPage },
    /// What they missed.
    Missed { seq: u32, frames: Vec<Frame> },
}

/// Counts of this size always fit; the fallback is never taken.
fn limits(course: &Course) -> Limits {
    let count = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    Limits {
        chat_chars: count(CHAT_CHARS),
        name_chars: count(NAME_CHARS),
        people: count(course.capacity()),
        mesh_people: count(course.most_in_mesh()),
        ping_interval_ms: PING_INTERVAL_MS,
        resume_window_ms: RESUME_WINDOW_MS,
    }
}

#[cfg(test)]
mod tests;
