//! The task that owns one meeting: feeds it what happened and has its effects carried out, one input at a time.
//!
//! A fault in a meeting (a panic) ends that meeting alone; its people are told to come back and keep their ids.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fireside_meeting::{ConnectionId, Effect, Input, Meeting, ResumeClaim};
use fireside_protocol::{ByeCode, DeniedCode, ParticipantId, Role, RoomCode, RoomInfo, UnixMillis};
use fireside_store::Room;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use uuid::Uuid;

use super::admission::has_room_for_newcomer;
use super::forwarding::Usher;
use super::keeper::Keeper;
use super::relay::Rounds;
use super::rules::as_meeting;
use super::travel::Counted;
use super::{Envelope, Joining, Login, Meetings, Preparing, now, until};
use crate::media::CameBy;
use crate::metrics::METRICS;
use crate::ws::outbox::{CloseCode, Outbox};
use crate::ws::words;

/// One meeting and all that it needs.
pub(super) struct Host {
    pub(super) meetings: Meetings,
    pub(super) code: RoomCode,
    pub(super) room: Uuid,
    /// In the resume tokens that this meeting gives out.
    pub(super) run: u64,
    pub(super) members: HashMap<ConnectionId, Member>,
    pub(super) keeper: Keeper,
    /// Media that goes through the server.
    pub(super) usher: Usher,
    /// What the carrying-out of effects led to, to be handled next.
    pub(super) consequences: VecDeque<Input>,
    meeting: Meeting,
    inbox: mpsc::Receiver<Envelope>,
    people: Arc<AtomicUsize>,
    counted: Counted,
    alarm: Alarm,
    rounds: Rounds,
}

/// A connection that is in the meeting, or asks to be.
pub(super) struct Member {
    pub(super) outbox: Arc<Outbox>,
    pub(super) login: Option<Login>,
    pub(super) role: Role,
    pub(super) came_by: CameBy,
    /// Who they are, once they are welcome.
    pub(super) participant: Option<ParticipantId>,
}

/// Whether the meeting goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    GoesOn,
    /// Nobody is here or may come back.
    Over,
    /// Everyone was told to come back to a server that is started again.
    Drained,
    /// It cannot go on.
    Faulty,
}

/// Sleeps until the moment that the meeting asked for, without being set anew for every message.
struct Alarm {
    set_for: Option<UnixMillis>,
    sleep: Pin<Box<Sleep>>,
}

impl Host {
    pub(super) fn new(
        meetings: Meetings,
        room: &Room,
        code: RoomCode,
        run: u64,
        recovering_until: Option<UnixMillis>,
        inbox: mpsc::Receiver<Envelope>,
        people: Arc<AtomicUsize>,
    ) -> Self {
        let info = RoomInfo { code: code.clone(), title: room.title.clone() };
        let rules = meetings.shared.rules;
        let meeting = Meeting::new(info, now(), recovering_until)
            .for_people(rules.people)
            .mesh_people(rules.mesh_people)
            .route(rules.route)
            .room_route(as_meeting(room.route))
            .relay_only(meetings.shared.media.relay_only());
        let counted = Counted::new(meeting.topology().0);
        Self {
            keeper: Keeper::new(meetings.shared.store.clone(), room.id),
            meeting,
            usher: Usher::new(meetings.shared.media.clone()),
            rounds: Rounds::new(meetings.shared.pace),
            alarm: Alarm { set_for: None, sleep: Box::pin(tokio::time::sleep_until(Instant::now())) },
            room: room.id,
            members: HashMap::new(),
            consequences: VecDeque::new(),
            meetings,
            code,
            run,
            inbox,
            people,
            counted,
        }
    }

    pub(super) async fn run(mut self) {
        self.note_use();
        let mut course = Course::GoesOn;
        loop {
            let envelope = self.next().await;
            let turned = self.turn(envelope);
            // Once drained it stays so, whatever the database still answers.
            course = if course == Course::Drained && turned != Course::Faulty { Course::Drained } else { turned };
            match course {
                Course::GoesOn => continue,
                Course::Over if !self.meetings.end(&self.code, &self.inbox) => continue,
                Course::Drained if !self.keeper.is_done() => continue,
                Course::Over => {}
                Course::Drained => self.meetings.end_by_drain(&self.code),
                Course::Faulty => self.meetings.end_by_fault(&self.code),
            }
            break;
        }
        self.dismiss();
        while !self.keeper.is_done() {
            self.keeper.next().await;
        }
    }

    async fn next(&mut self) -> Envelope {
        self.alarm.set(self.meeting.next_wake());
        tokio::select! {
            // All senders are gone only after the registry dropped the meeting, which this task does itself.
            Some(envelope) = self.inbox.recv() => envelope,
            answer = self.keeper.next() => Envelope::Input(answer),
            told = self.usher.next() => Envelope::Told(told),
            round = self.rounds.next() => Envelope::Round(round),
            () = self.alarm.sleep.as_mut(), if self.alarm.set_for.is_some() => {
                self.alarm.set_for = None;
                Envelope::Input(Input::Tick)
            }
        }
    }

    fn turn(&mut self, envelope: Envelope) -> Course {
        match envelope {
            Envelope::Prepare(preparing) => self.prepare(preparing),
            Envelope::Unprepare(connection) => {
                self.usher.unprepare(connection);
                self.handle(Input::Tick)
            }
            Envelope::Join(joining) => self.join(*joining),
            Envelope::Input(input) => {
                if let Input::Disconnected { connection } = input {
                    self.members.remove(&connection);
                }
                let drained = matches!(input, Input::Drain);
                match self.handle(input) {
                    Course::Faulty => Course::Faulty,
                    _ if drained => Course::Drained,
                    course => course,
                }
            }
            Envelope::Told(told) => {
                self.usher.hear(told, &mut self.consequences);
                self.settle()
            }
            Envelope::Round(round) => self.round(round),
            #[cfg(test)]
            Envelope::Fault => self.guarded(|_| panic!("a fault for the test")).map_or(Course::Faulty, |()| Course::GoesOn),
        }
    }

    /// Prepares somebody's way, if it would be of use. (The tick: whether the meeting is over is to be said again.)
    fn prepare(&mut self, preparing: Preparing) -> Course {
        let Some(topology) = self.guarded(|meeting| meeting.topology_for_newcomer()) else { return Course::Faulty };
        self.usher.prepare(preparing, topology);
        self.handle(Input::Tick)
    }

    fn join(&mut self, joining: Joining) -> Course {
        let Joining { connection, outbox, login, entrant, join, claims, chat, came_by } = joining;
        if outbox.is_closing() {
            // Signed out between the door and here.
            self.usher.unprepare(connection);
            return self.handle(Input::Tick);
        }
        if join.resume.is_none() {
            let room = self.usher.room();
            let Some(has_room) = self.guarded(|meeting| has_room_for_newcomer(room, meeting)) else { return Course::Faulty };
            if !has_room {
                METRICS.denied.increment(1);
                outbox.close_with(&words::denied(DeniedCode::ServerFull), CloseCode::Denied);
                self.usher.unprepare(connection);
                return self.handle(Input::Tick);
            }
        }
        self.members.insert(connection, Member { outbox, login, role: entrant.role, came_by, participant: None });
        // What somebody may do here can have changed since the token was given out; then they come anew.
        let claims = claims.filter(|claims| claims.role == entrant.role);
        let claim = claims.map(|claims| ResumeClaim { participant: claims.participant, from_earlier_run: claims.run != self.run });
        let course = self.handle(Input::Join { connection, entrant, join, claim, chat });
        // What was prepared and was not entered is of no use.
        self.usher.unprepare(connection);
        course
    }

    /// Has the meeting handle an input and all that follows from it.
    fn handle(&mut self, input: Input) -> Course {
        self.consequences.push_back(input);
        self.settle()
    }

    /// Has it handle what the carrying-out of effects led to, until nothing follows any more.
    pub(super) fn settle(&mut self) -> Course {
        let mut over = false;
        while let Some(input) = self.consequences.pop_front() {
            let Some(effects) = self.guarded(|meeting| meeting.handle(now(), &mut rand::rng(), input)) else { return Course::Faulty };
            over = effects.contains(&Effect::Ended);
            self.carry_out(effects);
        }
        self.count_people();
        self.counted.update(self.meeting.topology().0);
        if over { Course::Over } else { Course::GoesOn }
    }

    /// Lets the meeting work; `None`: it panicked, and its state is not to be trusted any more.
    pub(super) fn guarded<T>(&mut self, work: impl FnOnce(&mut Meeting) -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut self.meeting)));
        if done.is_err() {
            tracing::error!(room = %self.room, "a meeting ended by a fault; its people are told to come back");
        }
        done.ok()
    }

    /// Whoever is still here, or was about to come in, is told to come back.
    fn dismiss(&mut self) {
        self.inbox.close();
        while let Ok(envelope) = self.inbox.try_recv() {
            if let Envelope::Join(joining) = envelope {
                joining.outbox.close_with(&words::bye(ByeCode::Restarting), CloseCode::Bye);
            }
        }
        self.usher.dismiss();
        for (_, member) in self.members.drain() {
            member.outbox.close_with(&words::bye(ByeCode::Restarting), CloseCode::Bye);
        }
        self.set_people(0);
    }

    fn count_people(&self) {
        self.set_people(self.meeting.people());
    }

    fn set_people(&self, people: usize) {
        let before = self.people.swap(people, Ordering::Relaxed);
        if before != people {
            // A gauge of f64: exact for more people than there are.
            #[allow(clippy::cast_precision_loss, reason = "people in one meeting are few")]
            METRICS.participants.increment(people as f64 - before as f64);
        }
    }

    /// Notes in the database that the room is in use; the meeting does not wait for it.
    fn note_use(&self) {
        let (store, room) = (self.meetings.shared.store.clone(), self.room);
        tokio::spawn(async move {
            if let Err(error) = store.touch_room(room, now().0).await {
                tracing::warn!(%error, "when a room was used could not be noted");
            }
        });
    }
}

impl Alarm {
    fn set(&mut self, wake: Option<UnixMillis>) {
        if self.set_for == wake {
            return;
        }
        self.set_for = wake;
        if let Some(wake) = wake {
            self.sleep.as_mut().reset(Instant::now() + until(wake, now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use fireside_meeting::{Entrant, Route};
    use fireside_protocol::{ChatPage, ClientMessage, DroppedCode, Join, Offer, Resume, Resumed, ServerMessage, Welcome};
    use fireside_store::{NewAccount, NewRoom, Store};

    use super::*;
    use std::net::SocketAddr;

    use crate::config::Config;
    use crate::media::Media;
    use crate::media::forwarding::Told;
    use crate::meetings::{Place, Rules};
    use crate::ws::outbox::Next;

    #[tokio::test]
    async fn a_fault_ends_one_meeting_and_its_people_come_back_as_who_they_were() {
        let (store, meetings) = open(Route::Auto).await;
        let (faulty, other) = (room(&store, "0000-0000-0001").await, room(&store, "0000-0000-0002").await);
        let ann = Guest::join(&meetings, &faulty, named()).await;
        let ben = Guest::join(&meetings, &other, named()).await;

        ann.place.inbox.send(Envelope::Fault).await.expect("a host");
        let ServerMessage::Bye { code: ByeCode::Restarting, .. } = next(&ann.outbox).await else { panic!("no good-bye") };
        assert_eq!(meetings.people_in(&faulty.code).await, 0);

        let resume = Resume { token: ann.welcome.resume_token.clone(), seq: 0, chat_after: None, topology: None };
        let again = Guest::join(&meetings, &faulty, Join { resume: Some(resume), ..named() }).await;
        assert_eq!((again.welcome.you, again.welcome.resumed), (ann.welcome.you, Resumed::Snapshot));
        assert!(again.welcome.recovering_ms.is_some());
        assert_eq!(meetings.people_in(&other.code).await, 1, "the other meeting goes on");
        assert!(!ben.outbox.is_closing());
    }

    #[tokio::test]
    async fn a_hall_that_ends_is_said_to_all_who_were_in_it_and_another_is_opened() {
        let (store, meetings) = open(Route::Server).await;
        let room = room(&store, "0000-0000-0001").await;
        let ann = Guest::join(&meetings, &room, Join { offer: Some(offer(1)), ..named() }).await;
        answered(&ann.outbox, 1).await;
        let outbox = Arc::new(Outbox::default());
        let waiting = meetings.connect(outbox.clone()).expect("a seat");
        let preparing = Preparing { connection: waiting.connection, outbox: outbox.clone(), offer: offer(1) };
        let _preparation = meetings.prepare(&ann.welcome.room.code, preparing).expect("a meeting");
        answered(&outbox, 1).await;

        ann.place.inbox.send(Envelope::Told(Told::Ended)).await.expect("a host");
        for outbox in [&ann.outbox, &outbox] {
            assert_eq!(next(outbox).await, ServerMessage::Dropped { connection: 1, code: DroppedCode::Broken });
        }
        let again = Input::Message { connection: ann._seat.connection, message: ClientMessage::Offer { offer: offer(2) } };
        assert!(ann.place.say(again).await);
        answered(&ann.outbox, 2).await;
    }

    async fn open(route: Route) -> (Store, Meetings) {
        let store = Store::open("sqlite::memory:").await.expect("a database");
        let config = Config { route, ..Config::default() };
        let media = Media::open(&config, &[0; 32], SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("media");
        let meetings = Meetings::open(store.clone(), media, Rules::of(&config)).await.expect("meetings");
        (store, meetings)
    }

    fn named() -> Join {
        Join { name: Some("Ann".to_owned()), ..Join::default() }
    }

    /// As a browser makes them, for a voice.
    fn offer(connection: u32) -> Offer {
        let mut rtc = str0m::Rtc::builder().build(std::time::Instant::now());
        let mut api = rtc.sdp_api();
        api.add_media(str0m::media::MediaKind::Audio, str0m::media::Direction::SendRecv, None, None, None);
        let (offer, _) = api.apply().expect("an offer");
        Offer { connection, sdp: offer.to_sdp_string() }
    }

    /// Waits for the answer.
    async fn answered(outbox: &Outbox, wanted: u32) {
        while !matches!(next(outbox).await, ServerMessage::Answer { connection, .. } if connection == wanted) {}
    }

    struct Guest {
        outbox: Arc<Outbox>,
        place: Place,
        welcome: Welcome,
        _seat: super::super::Seat,
    }

    impl Guest {
        async fn join(meetings: &Meetings, room: &Room, join: Join) -> Self {
            let outbox = Arc::new(Outbox::default());
            let seat = meetings.connect(outbox.clone()).expect("a seat");
            let claims = join.resume.as_ref().and_then(|resume| meetings.claims(&resume.token, room, None));
            let joining = Joining {
                connection: seat.connection,
                outbox: outbox.clone(),
                login: None,
                entrant: Entrant { account: None, session: None, role: Role::Guest, account_name: None },
                join,
                claims,
                chat: ChatPage::default(),
                came_by: CameBy::default(),
            };
            let code = room.code.parse().expect("a code");
            let place = meetings.join(room, &code, joining, meetings.withdrawals()).expect("a place");
            let ServerMessage::Welcome(welcome) = next(&outbox).await else { panic!("not let in") };
            Self { outbox, place, welcome: *welcome, _seat: seat }
        }
    }

    async fn next(outbox: &Outbox) -> ServerMessage {
        let waiting = std::future::poll_fn(|cx: &mut Context<'_>| outbox.poll_next(cx)).await;
        let Next::Write(waiting) = waiting else { panic!("closed") };
        serde_json::from_str(&waiting.into_text()).expect("a message")
    }

    async fn room(store: &Store, code: &str) -> Room {
        let (username, email) = (format!("owner{code}"), format!("{code}@example.org"));
        let new = NewAccount { username, email, display_name: "Owner".to_owned(), password_hash: "!".to_owned(), is_admin: false };
        let owner = store.create_account(new, 0).await.expect("an account").id;
        let new = NewRoom { code: code.to_owned(), owner, title: "Planning".to_owned(), guests_allowed: true };
        store.create_room(new, 0).await.expect("a database").expect("a free code")
    }
}
