//! Many people at once, for a while: they come one after the other, are looked at every second, and leave.

mod plan;
mod report;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

pub use self::plan::{LONGEST, MOST_PEOPLE, NoProfile, OneSize, Plan, Profile, WARM_UP, Wrong, household};
pub use self::report::{Of, Report, SCHEMA, Sample, Spread, Trouble, own_cpu};
use crate::person::{Ended, Look, NotIn, Person};
use crate::watch::{Histogram, Seen};

/// How often the crowd is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many come in at the same time at most.
const AT_THE_DOOR: usize = 50;
/// Those of whom the report tells.
const WORST: usize = 10;

/// Who came in, and where to.
type Came = (Seat, Result<(String, Person), NotIn>);

/// Somebody's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Seat {
    room: usize,
    seat: usize,
    number: usize,
}

struct Member {
    seat: Seat,
    name: String,
    person: Person,
    /// At the beginning of what is measured, or when they came in it.
    before: Seen,
    /// At the last look.
    last: Seen,
}

/// What is going on now.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The last second.
    pub sample: &'a Sample,
    /// Bots that are there, of how many.
    pub joined: usize,
    /// Those that went wrong.
    pub troubles: usize,
    /// How much of the whole is over, 0 to 1.
    pub part: f64,
}

/// Carries out a plan; `shown` is called every second. Ends early when `stop` does.
///
/// # Errors
/// If the plan is not within bounds.
pub async fn run(plan: Plan, stop: impl Future<Output = ()>, mut shown: impl FnMut(Progress<'_>)) -> Result<Report, Wrong> {
    plan.check()?;
    let mut crowd = Crowd::new(plan);
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    let mut door = tokio::time::interval(crowd.plan.join_every.max(Duration::from_millis(1)));
    door.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => {
                crowd.is_cut_short = true;
                break;
            }
            _ = door.tick(), if crowd.has_more() => crowd.let_next_in(),
            Some(came) = crowd.coming.join_next() => {
                if let Ok((seat, came)) = came {
                    crowd.came(seat, came);
                }
            }
            _ = tick.tick() => {
                let sample = crowd.look();
                let progress = Progress { sample: &sample, joined: crowd.joined, troubles: crowd.troubles.values().sum(), part: crowd.part() };
                shown(progress);
                crowd.samples.push(sample);
                if crowd.is_over() {
                    break;
                }
            }
        }
    }
    Ok(crowd.report())
}

struct Crowd {
    plan: Arc<Plan>,
    begun: Instant,
    looked: Instant,
    cpu: Option<Duration>,
    /// Places that nobody has taken yet.
    free: VecDeque<Seat>,
    /// Of the next one who comes beyond the plan.
    next_number: usize,
    coming: JoinSet<Came>,
    members: HashMap<Seat, Member>,
    /// Since when it is measured, and the CPU time until then.
    measured: Option<(Instant, Option<Duration>)>,
    all_there: Option<Instant>,
    churned: Instant,
    joined: usize,
    troubles: BTreeMap<String, usize>,
    samples: Vec<Sample>,
    /// What those who have left saw while it was measured.
    past: Seen,
    welcome: Histogram,
    media: Histogram,
    worst: Vec<Of>,
    is_cut_short: bool,
}

impl Crowd {
    fn new(plan: Plan) -> Self {
        let now = Instant::now();
        let (rooms, room_of) = (plan.rooms.len(), plan.room_of());
        // Every room gets its first one before any gets its second.
        let seats = (0..room_of).flat_map(|seat| (0..rooms).map(move |room| (seat, room)));
        let free = seats.enumerate().map(|(number, (seat, room))| Seat { room, seat, number }).collect();
        Self {
            plan: Arc::new(plan),
            begun: now,
            looked: now,
            cpu: own_cpu(),
            free,
            next_number: rooms * room_of,
            coming: JoinSet::new(),
            members: HashMap::new(),
            measured: None,
            all_there: None,
            churned: now,
            joined: 0,
            troubles: BTreeMap::new(),
            samples: Vec::new(),
            past: Seen::default(),
            welcome: Histogram::default(),
            media: Histogram::default(),
            worst: Vec::new(),
            is_cut_short: false,
        }
    }

    fn has_more(&self) -> bool {
        !self.free.is_empty() && self.coming.len() < AT_THE_DOOR
    }

    fn let_next_in(&mut self) {
        let Some(seat) = self.free.pop_front() else { return };
        let Some(link) = self.plan.rooms.get(seat.room).cloned() else { return };
        let manner = self.plan.manner(seat.seat, seat.number);
        self.coming.spawn(async move {
            let name = manner.name.clone();
            (seat, Person::join(&link, manner).await.map(|person| (name, person)))
        });
    }

    fn came(&mut self, seat: Seat, came: Result<(String, Person), NotIn>) {
        match came {
            Ok((name, person)) => {
                self.joined += 1;
                self.members.insert(seat, Member { seat, name, person, before: Seen::default(), last: Seen::default() });
            }
            Err(not_in) => *self.troubles.entry(not_in.to_string()).or_default() += 1,
        }
    }

    /// Everyone, as they are now; what has come since the last time.
    fn look(&mut self) -> Sample {
        let now = Instant::now();
        let cpu = own_cpu();
        let length = now.saturating_duration_since(self.looked).as_secs_f64();
        let used = cpu.zip(self.cpu).map_or(0.0, |(now, before)| now.saturating_sub(before).as_secs_f64());
        let mut sample = Sample {
            at_s: now.saturating_duration_since(self.begun).as_secs_f64(),
            length_s: length,
            is_measured: self.measured.is_some(),
            own_cpu: used / length.max(f64::EPSILON),
            ..Sample::default()
        };
        (self.looked, self.cpu) = (now, cpu);
        let mut delay = Histogram::default();
        let mut gone = Vec::new();
        for (seat, member) in &mut self.members {
            let Look { seen, is_served, pairs, ended, welcome_in, media_in, .. } = member.person.look();
            sample.people += usize::from(ended.is_none());
            sample.served += usize::from(is_served);
            sample.pairs += pairs;
            sample.totals = sample.totals.plus(&seen.totals.minus(&member.last.totals));
            delay.merge(&seen.delay.since(&member.last.delay));
            if member.last.totals.bytes == 0 && seen.totals.bytes > 0 {
                [(&mut self.welcome, welcome_in), (&mut self.media, media_in)]
                    .into_iter()
                    .for_each(|(all, one)| one.into_iter().for_each(|one| all.add(one)));
            }
            member.last = seen;
            if let Some(ended) = ended {
                gone.push((*seat, ended));
            }
        }
        sample.delay = Spread::of(&delay);
        // Each connection counts once, from both ends.
        sample.pairs /= 2;
        for (seat, ended) in gone {
            *self.troubles.entry(words(&ended)).or_default() += 1;
            self.part_with(seat);
        }
        self.go_on(now);
        sample
    }

    /// Begins to measure when all are there, and lets people come and go.
    fn go_on(&mut self, now: Instant) {
        if self.all_there.is_none() && self.free.is_empty() && self.coming.is_empty() {
            self.all_there = Some(now);
        }
        if self.measured.is_none() && self.all_there.is_some_and(|since| now >= since + self.plan.warm_up) {
            self.measured = Some((now, self.cpu));
            self.members.values_mut().for_each(|member| member.before = member.last.clone());
        }
        if let Some(every) = self.plan.churn.filter(|every| self.measured.is_some() && now >= self.churned + *every) {
            let turns = u32::try_from((now - self.churned).as_millis() / every.as_millis().max(1)).unwrap_or(1);
            self.churned = now;
            (0..turns).for_each(|_| self.churn());
        }
    }

    /// Whoever has been there longest makes room for somebody else.
    fn churn(&mut self) {
        let Some(seat) = self.members.keys().min_by_key(|seat| seat.number).copied() else { return };
        self.part_with(seat);
        self.free.push_back(Seat { number: self.next_number, ..seat });
        self.next_number += 1;
    }

    fn part_with(&mut self, seat: Seat) {
        let Some(member) = self.members.remove(&seat) else { return };
        if self.measured.is_some() {
            self.account(&member);
        }
    }

    fn account(&mut self, member: &Member) {
        let Member { seat, name, before, last, .. } = member;
        let seen = Seen {
            totals: last.totals.minus(&before.totals),
            delay: last.delay.since(&before.delay),
            first_frame: last.first_frame.clone(),
            oddity: last.oddity.clone(),
        };
        self.past.merge(&seen);
        self.worst.push(Of { name: name.clone(), room: seat.room, totals: seen.totals, delay: Spread::of(&seen.delay) });
        self.worst.sort_by_key(|of| std::cmp::Reverse((of.totals.frozen_ms, of.totals.lost)));
        self.worst.truncate(WORST);
    }

    fn part(&self) -> f64 {
        let people = self.plan.people().max(1) as f64;
        let joining = self.plan.join_every.as_secs_f64() * people + self.plan.warm_up.as_secs_f64();
        let whole = joining + self.plan.duration.as_secs_f64();
        let done = match self.measured {
            Some((since, _)) => joining + since.elapsed().as_secs_f64(),
            None => (joining * self.joined as f64 / people).min(joining * 0.99),
        };
        (done / whole).clamp(0.0, 1.0)
    }

    fn is_over(&self) -> bool {
        // By the last look, of which the report tells.
        let is_measured = self.measured.is_some_and(|(since, _)| self.looked.saturating_duration_since(since) >= self.plan.duration);
        // Nobody is there, and nobody will be.
        let is_in_vain = self.all_there.is_some() && self.members.is_empty() && self.plan.churn.is_none();
        is_measured || is_in_vain || self.begun.elapsed() > LONGEST
    }

    fn report(mut self) -> Report {
        let measured = self.measured.map_or(Duration::ZERO, |(since, _)| self.looked.saturating_duration_since(since));
        let own = self.measured.and_then(|(_, before)| Some(self.cpu?.saturating_sub(before?)));
        for seat in self.members.keys().copied().collect::<Vec<_>>() {
            self.part_with(seat);
        }
        Report {
            schema: SCHEMA,
            profile: self.plan.profile,
            rooms: self.plan.rooms.len(),
            publishers: self.plan.publishers,
            subscribers: self.plan.subscribers,
            measured_s: measured.as_secs_f64(),
            is_cut_short: self.is_cut_short,
            joined: self.joined,
            trouble: self.troubles.into_iter().map(|(what, count)| Trouble { what, count }).collect(),
            totals: self.past.totals,
            delay: Spread::of(&self.past.delay),
            welcome: Spread::of(&self.welcome),
            media: Spread::of(&self.media),
            first_frame: Spread::of(&self.past.first_frame),
            oddity: self.past.oddity,
            own_cpu_s: own.unwrap_or_default().as_secs_f64(),
            samples: self.samples,
            worst: self.worst,
        }
    }
}

fn words(ended: &Ended) -> String {
    match ended {
        Ended::Left => "it left".to_owned(),
        Ended::Bye(code) => format!("the server said goodbye ({code:?})"),
        Ended::Lost(why) => why.clone(),
    }
}
