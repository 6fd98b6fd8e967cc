//! The task of one peer connection: what comes, what is due, what is ordered, one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::engine::{self, Engine, Happened};
use super::path::{self, Path};
use super::source::{Beat, Encoder, Outgoing, Picture, SOUND, Speech};
use super::weather::{Fate, Front};
use super::{Broken, Order, Sending, Settings, Told};
use crate::stamp::Clock;
use crate::watch::{Arrival, Watch};

/// How often it is looked whether a whole picture must be asked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

struct Camera {
    line: usize,
    picture: Picture,
    encoders: Vec<Encoder>,
    beat: Beat,
}

struct Microphone {
    line: usize,
    speech: Speech,
    beat: Beat,
}

pub(super) struct Task<F> {
    engine: Engine,
    path: Path,
    front: Front,
    clock: Clock,
    orders: mpsc::Receiver<Order>,
    watch: Arc<Mutex<Watch>>,
    told: F,
    cameras: Vec<Camera>,
    microphone: Option<Microphone>,
    /// What is switched off. Its numbers go on when it is switched on again: no stream has one of them twice (RFC 3711, 3.2.1).
    resting: (Vec<Camera>, Option<Microphone>),
    /// By m-line.
    wanted: HashMap<usize, Vec<bool>>,
    look: Beat,
    slots: usize,
}

impl<F: Fn(Told) + Send + Sync + 'static> Task<F> {
    pub(super) fn new(settings: Settings, orders: mpsc::Receiver<Order>, watch: Arc<Mutex<Watch>>, told: F) -> Result<Self, Broken> {
        let now = Instant::now();
        let path = Path::open(settings.transport, settings.from, settings.server).map_err(|error| Broken(error.to_string()))?;
        Ok(Self {
            engine: Engine::new(now, settings.transport, path.addresses())?,
            path,
            front: Front::new(settings.weather, settings.seed),
            clock: Clock::start(),
            orders,
            watch,
            told,
            cameras: Vec::new(),
            microphone: None,
            resting: (Vec::new(), None),
            wanted: HashMap::new(),
            look: Beat::new(now + LOOK_EVERY, LOOK_EVERY),
            slots: 0,
        })
    }

    pub(super) async fn run(mut self) {
        let sleep = tokio::time::sleep_until(Instant::now().into());
        tokio::pin!(sleep);
        while !self.engine.is_closed() {
            let due = self.due();
            if sleep.deadline() != due.into() {
                sleep.as_mut().reset(due.into());
            }
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                ready = self.path.ready() => {
                    if ready.is_err() || self.receive().is_err() {
                        break;
                    }
                }
                () = &mut sleep => {}
            }
            self.advance();
        }
        (self.told)(Told::Closed);
    }

    fn due(&self) -> Instant {
        let mut due = self.engine.timeout().min(self.look.next);
        if let Some(held) = self.front.next() {
            due = due.min(held);
        }
        if self.engine.is_connected() {
            due = self.cameras.iter().fold(due, |due, camera| due.min(camera.beat.next));
            due = self.microphone.iter().fold(due, |due, microphone| due.min(microphone.beat.next));
        }
        due
    }

    async fn obey(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Offer(lines, reply) => {
                let offer = self.engine.offer(&lines);
                self.count_slots();
                let _ = reply.send(offer);
            }
            Order::Answered(sdp, reply) => {
                let answered = match self.path.connect(engine::passive_candidate(&sdp)).await {
                    Ok(()) => self.engine.answered(now, &sdp),
                    Err(error) => Err(Broken(error.to_string())),
                };
                let _ = reply.send(answered);
            }
            Order::Accept(sdp, reply) => {
                let answer = self.engine.accept(now, &sdp);
                self.count_slots();
                let _ = reply.send(answer);
            }
            Order::Candidate(candidate) => self.engine.candidate(now, &candidate),
            Order::Send(sending) => self.send(now, sending),
            Order::Wanted(line, layers) => drop(self.wanted.insert(line, layers)),
            Order::Weather(weather) => self.front.change(weather),
        }
    }

    fn count_slots(&mut self) {
        let new: Vec<_> = self.engine.kinds().skip(self.slots).collect();
        self.slots += new.len();
        let mut watch = locked(&self.watch);
        new.into_iter().for_each(|kind| watch.add_slot(kind));
    }

    fn send(&mut self, now: Instant, sending: Sending) {
        let sender = sending.sender;
        let (mut resting, silent) = std::mem::take(&mut self.resting);
        let mut before = std::mem::take(&mut self.cameras);
        for (line, source, picture) in sending.pictures {
            let earlier = of_line(&mut before, line);
            // One that goes on as it was does so at its own pace.
            if earlier.as_ref().is_some_and(|camera| camera.picture == picture) {
                self.cameras.extend(earlier);
                continue;
            }
            let earlier = earlier.or_else(|| of_line(&mut resting, line));
            let every = Duration::from_secs(1) / picture.fps.clamp(1, 120);
            // Not all senders at the same moment.
            let first = now + every.mul_f64(f64::from(sender % 97) / 97.0);
            let encoder = |layer: u8| {
                let encoder = Encoder::new(&picture, layer, sender, source)?;
                let earlier = earlier.as_ref().and_then(|camera| Some((camera.encoders.get(usize::from(layer))?, camera.beat.next)));
                Some(match earlier {
                    Some((earlier, next)) => encoder.after(earlier, first.saturating_duration_since(next)),
                    None => encoder,
                })
            };
            let encoders = (0..3).filter_map(encoder).collect();
            self.cameras.push(Camera { line, picture, encoders, beat: Beat::new(first, every) });
        }
        let mut earlier = self.microphone.take().or(silent);
        self.microphone = sending.voice.map(|(line, voice)| {
            let speech = Speech::new(voice, sender, 0);
            let first = now + SOUND.mul_f64(f64::from(sender % 89) / 89.0);
            let Some(earlier) = earlier.take().filter(|earlier| earlier.line == line) else {
                return Microphone { line, speech, beat: Beat::new(first, SOUND) };
            };
            let paused = now.saturating_duration_since(earlier.beat.next);
            let beat = if paused < SOUND { earlier.beat } else { Beat::new(earlier.beat.next + paused, SOUND) };
            Microphone { line, speech: speech.after(&earlier.speech, paused), beat }
        });
        resting.append(&mut before);
        self.resting = (resting, earlier);
    }

    fn receive(&mut self) -> std::io::Result<()> {
        loop {
            let Self { engine, path, front, watch, .. } = self;
            let now = Instant::now();
            let is_more = path.read(path::unix_time(), |from, arrived, bytes| {
                if front.fate(now, from, arrived, bytes) == Fate::Arrives {
                    engine.receive(now, from, bytes);
                    account(engine, watch, now, arrived);
                }
            })?;
            self.transmit()?;
            if !is_more {
                return Ok(());
            }
        }
    }

    /// All that is due by now.
    fn advance(&mut self) {
        let now = Instant::now();
        while let Some(held) = self.front.release(now) {
            self.engine.receive(now, held.from, &held.bytes);
            account(&mut self.engine, &self.watch, now, held.arrived + held.held);
        }
        let mut is_due = self.engine.timeout() <= now;
        if self.engine.is_connected() {
            is_due |= self.write(now);
        }
        if self.look.is_due(now) {
            let asks: Vec<_> = locked(&self.watch).asks(now).collect();
            is_due |= !asks.is_empty();
            asks.into_iter().for_each(|line| self.engine.ask(line));
        }
        if is_due {
            self.engine.advance(now);
        }
        while let Some(happened) = self.engine.happened() {
            self.happened(now, happened);
        }
        // A stream that has ended is found when it is read.
        let _ = self.transmit();
    }

    fn happened(&mut self, now: Instant, happened: Happened) {
        match happened {
            Happened::Connected => {
                self.cameras.iter_mut().for_each(|camera| camera.beat.next = camera.beat.next.max(now));
                self.microphone.iter_mut().for_each(|microphone| microphone.beat.next = microphone.beat.next.max(now));
                (self.told)(Told::Connected);
            }
            // The loop ends, and tells it.
            Happened::Closed => {}
            Happened::Refresh { line, layer } => {
                let camera = self.cameras.iter_mut().find(|camera| camera.line == line);
                if let Some(encoder) = camera.and_then(|camera| camera.encoders.get_mut(layer)) {
                    encoder.refresh();
                }
            }
        }
    }

    /// Writes what is due; true: there was something.
    fn write(&mut self, now: Instant) -> bool {
        let mut is_written = false;
        let time = self.clock.at(now);
        for camera in &mut self.cameras {
            if !camera.beat.is_due(now) {
                continue;
            }
            let wanted = self.wanted.get(&camera.line);
            for (layer, encoder) in camera.encoders.iter_mut().enumerate() {
                if wanted.is_some_and(|wanted| wanted.get(layer) == Some(&false)) {
                    encoder.skip();
                    continue;
                }
                let packets: Vec<Outgoing> = encoder.frame(time);
                self.engine.write_picture(now, camera.line, layer, packets);
                is_written = true;
            }
        }
        if let Some(microphone) = &mut self.microphone
            && microphone.beat.is_due(now)
            && let Some(sound) = microphone.speech.packet(time)
        {
            self.engine.write_sound(now, microphone.line, sound);
            is_written = true;
        }
        is_written
    }

    fn transmit(&mut self) -> std::io::Result<()> {
        while let Some(datagram) = self.engine.datagram() {
            self.path.send(datagram.to, &datagram.bytes);
        }
        self.path.flush()
    }
}

fn of_line(cameras: &mut Vec<Camera>, line: usize) -> Option<Camera> {
    let at = cameras.iter().position(|camera| camera.line == line)?;
    Some(cameras.swap_remove(at))
}

/// What has come of a datagram.
fn account(engine: &mut Engine, watch: &Mutex<Watch>, now: Instant, arrived: Duration) {
    let Some(first) = engine.incoming() else { return };
    let mut watch = locked(watch);
    let mut next = Some(first);
    while let Some(incoming) = next {
        let arrival = Arrival {
            now,
            arrived,
            sequence: incoming.sequence(),
            timestamp: incoming.timestamp(),
            marker: incoming.marker(),
            payload: incoming.payload(),
        };
        watch.packet(incoming.line, &arrival);
        next = engine.incoming();
    }
}

fn locked(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
