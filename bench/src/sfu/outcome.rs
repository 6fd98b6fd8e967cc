//! What a scenario comes to: the server is looked at each time the bots say something.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use fireside_bot::crowd::Sample;
use serde::Serialize;

use super::Options;
use super::scenario::Scenario;
use super::side::{Running, Side};
use super::task::{Said, Second, Task, Whole};

/// What a scenario came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) side: Side,
    pub(crate) scenario: Scenario,
    pub(crate) people: usize,
    /// Packets of media that arrived at bots, a second.
    pub(crate) packets_per_second: f64,
    /// The server's CPU time in cores.
    pub(crate) server_cores: f64,
    /// The server's CPU seconds for a million packets that arrived.
    pub(crate) cpu_s_per_million: f64,
    /// The server's memory before anybody came, and the most while they were there, in bytes.
    pub(crate) resident: (u64, u64),
    /// Pictures in sight at a time.
    pub(crate) tracks: f64,
    /// CPU time of the bots in cores.
    pub(crate) bot_cores: f64,
    /// How long packets were under way.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// Of the time in which pictures were due, the part in which none came.
    pub(crate) frozen: f64,
    /// Of all packets the part that never came.
    pub(crate) lost: f64,
    pub(crate) whole: Option<Whole>,
    pub(crate) seconds: Vec<Second>,
}

impl Outcome {
    /// Starts the server and the bots, and waits until they are done.
    pub(crate) async fn measure(side: Side, scenario: Scenario, options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut task = scenario.task(options.seconds, options.kbit);
        if options.tcp {
            task.transport = fireside_bot::media::Transport::Tcp;
        }
        let server = side.start(scenario, options, folder.path(), &mut task).await?;
        let people = scenario.rooms() * (task.publishers + task.subscribers) + usize::from(!task.steps.is_empty());
        let before = server.resident()?;
        // What is read is waited for: this thread has nothing else to do.
        let taken = tokio::task::block_in_place(|| Taken::of(&task, &server))?;
        Ok(taken.outcome(side, scenario, people, before))
    }

    /// Pictures in sight that a core would carry, at this rate.
    pub(crate) fn tracks_per_core(&self) -> f64 {
        self.tracks / self.server_cores.max(f64::EPSILON)
    }
}

#[derive(Default)]
struct Taken {
    /// With the server's CPU time until then.
    samples: Vec<(Sample, Duration)>,
    seconds: Vec<Second>,
    resident: u64,
    whole: Option<Whole>,
}

impl Taken {
    fn of(task: &Task, server: &Running) -> anyhow::Result<Self> {
        let mut bots = Bots::start(task)?;
        let mut taken = Self::default();
        while let Some(said) = bots.next()? {
            match said {
                Said::Sample(sample) => {
                    taken.samples.push((sample, server.cpu()?));
                    taken.resident = taken.resident.max(server.resident()?);
                }
                Said::Second(second) => taken.seconds.push(second),
                Said::Whole(whole) => taken.whole = Some(*whole),
            }
        }
        if taken.samples.iter().filter(|(sample, _)| sample.is_measured).count() < 2 {
            bail!("the bots said too little");
        }
        Ok(taken)
    }

    fn outcome(self, side: Side, scenario: Scenario, people: usize, before: u64) -> Outcome {
        let first = self.samples.iter().position(|(sample, _)| sample.is_measured).unwrap_or(1).max(1);
        let from = self.samples.get(first - 1).map_or(Duration::ZERO, |(_, cpu)| *cpu);
        let measured = self.samples.get(first..).unwrap_or_default();
        let cpu = measured.last().map_or(from, |(_, cpu)| *cpu).saturating_sub(from).as_secs_f64();
        let seconds = measured.iter().map(|(sample, _)| sample.length_s).sum::<f64>().max(f64::EPSILON);
        let sum = |field: fn(&Sample) -> u64| measured.iter().map(|(sample, _)| field(sample)).sum::<u64>() as f64;
        let packets = sum(|sample| sample.totals.video_packets + sample.totals.audio_packets).max(1.0);
        let due = sum(|sample| sample.totals.due_ms);
        let bots: f64 = measured.iter().map(|(sample, _)| sample.own_cpu * sample.length_s).sum();
        let delay = self.whole.as_ref().map(|whole| whole.delay).unwrap_or_default();
        Outcome {
            side,
            scenario,
            people,
            packets_per_second: packets / seconds,
            server_cores: cpu / seconds,
            cpu_s_per_million: cpu * 1e6 / packets,
            resident: (before, self.resident),
            tracks: due / 1e3 / seconds,
            bot_cores: bots / seconds,
            p50_ms: delay.p50_ms,
            p99_ms: delay.p99_ms,
            frozen: sum(|sample| sample.totals.frozen_ms) / due.max(1.0),
            lost: sum(|sample| sample.totals.lost + sample.totals.sound_lost) / packets,
            whole: self.whole,
            seconds: self.seconds,
        }
    }
}

/// The process of the bots; killed when dropped.
struct Bots {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Bots {
    fn start(task: &Task) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg("bots").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().context("no standard input")?;
        writeln!(input, "{}", serde_json::to_string(task)?)?;
        let output = child.stdout.take().context("no standard output")?;
        Ok(Self { child, lines: BufReader::new(output).lines() })
    }

    fn next(&mut self) -> anyhow::Result<Option<Said>> {
        let Some(line) = self.lines.next() else {
            let status = self.child.wait()?;
            anyhow::ensure!(status.success(), "the bots ended by a fault: {status}");
            return Ok(None);
        };
        Ok(Some(serde_json::from_str(&line?)?))
    }
}

impl Drop for Bots {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
