//! Media through a real server process: bots in a process of their own send and look, and the server's CPU time and memory are taken
//! from second to second.

mod scenario;
pub(crate) mod task;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use fireside_bot::crowd::{Report, Sample};
use serde::Serialize;

use self::scenario::Scenario;
use self::task::{Said, Second, Task};
use crate::process::Server;
use crate::rooms;

/// Media through the server.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which scenarios; all without any. See bench/README.md.
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,
    /// How long each is measured.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// Threads of the server that forward.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    media_threads: u8,
    /// Media by TCP.
    #[arg(long)]
    tcp: bool,
    /// The server's executable.
    #[arg(long, default_value = "target/release/fireside")]
    server: PathBuf,
    /// Write the results as JSON too.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What a scenario came to.
#[derive(Clone, Debug, Serialize)]
struct Result {
    scenario: &'static str,
    people: usize,
    /// Packets that arrived at bots, a second.
    packets_per_second: f64,
    /// The server's CPU time in cores.
    server_cores: f64,
    /// The server's CPU seconds for a million packets that arrived.
    cpu_s_per_million: f64,
    /// Resident memory for each person.
    kb_per_person: f64,
    /// Pictures in sight at a time that a core would carry, at this rate.
    tracks_per_core: f64,
    /// CPU time of the bots in cores.
    bot_cores: f64,
    report: Option<Report>,
    seconds: Vec<Second>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let scenarios = if options.scenarios.is_empty() { Scenario::ALL.to_vec() } else { options.scenarios.clone() };
    let mut results = Vec::new();
    for scenario in scenarios {
        let result = measure(scenario, options).await.with_context(|| scenario.name().to_owned())?;
        print(&result, results.is_empty());
        results.push(result);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&results)?)?;
    }
    Ok(())
}

async fn measure(scenario: Scenario, options: &Options) -> anyhow::Result<Result> {
    let folder = tempfile::tempdir()?;
    let mut task = scenario.task(options.seconds);
    let codes = rooms::prepare(folder.path(), scenario.rooms()).await?;
    let server = Server::start_sfu(&options.server, folder.path(), options.media_threads)?;
    task.rooms = codes.iter().map(|code| format!("http://{}/r/{code}", server.address())).collect();
    if options.tcp {
        task.transport = fireside_bot::media::Transport::Tcp;
    }
    let people = task.rooms.len() * (task.publishers + task.subscribers) + usize::from(!task.steps.is_empty());
    let before = server.resident()?;
    // What is read is waited for: this thread has nothing else to do.
    let taken = tokio::task::block_in_place(|| Taken::of(&task, &server))?;
    Ok(taken.result(scenario, people, before))
}

/// A look at the server each time the bots say something.
struct Taken {
    /// With the server's CPU time until then.
    samples: Vec<(Sample, Duration)>,
    seconds: Vec<Second>,
    resident: u64,
    report: Option<Report>,
}

impl Taken {
    fn of(task: &Task, server: &Server) -> anyhow::Result<Self> {
        let mut bots = Bots::start(task)?;
        let mut taken = Self { samples: Vec::new(), seconds: Vec::new(), resident: 0, report: None };
        while let Some(said) = bots.next()? {
            match said {
                Said::Sample(sample) => {
                    taken.samples.push((sample, server.cpu()?));
                    taken.resident = taken.resident.max(server.resident()?);
                }
                Said::Second(second) => taken.seconds.push(second),
                Said::Report(report) => taken.report = Some(*report),
            }
        }
        if taken.samples.len() < 2 {
            bail!("the bots said too little");
        }
        Ok(taken)
    }

    fn result(self, scenario: Scenario, people: usize, before: u64) -> Result {
        let is_measured = |sample: &Sample| sample.is_measured || !self.seconds.is_empty();
        let first = self.samples.iter().position(|(sample, _)| is_measured(sample)).unwrap_or(1).max(1);
        let from = self.samples.get(first - 1).map_or(Duration::ZERO, |(_, cpu)| *cpu);
        let measured = self.samples.get(first..).unwrap_or_default();
        let to = measured.last().map_or(from, |(_, cpu)| *cpu);
        let seconds: f64 = measured.iter().map(|(sample, _)| sample.length_s).sum();
        let packets: u64 = measured.iter().map(|(sample, _)| sample.totals.video_packets + sample.totals.audio_packets).sum();
        let due: u64 = measured.iter().map(|(sample, _)| sample.totals.due_ms).sum();
        let bots: f64 = measured.iter().map(|(sample, _)| sample.own_cpu * sample.length_s).sum();
        let (cpu, seconds) = (to.saturating_sub(from).as_secs_f64(), seconds.max(f64::EPSILON));
        Result {
            scenario: scenario.name(),
            people,
            packets_per_second: packets as f64 / seconds,
            server_cores: cpu / seconds,
            cpu_s_per_million: cpu * 1e6 / (packets as f64).max(1.0),
            kb_per_person: self.resident.saturating_sub(before) as f64 / 1024.0 / people.max(1) as f64,
            tracks_per_core: due as f64 / 1e3 / cpu.max(f64::EPSILON),
            bot_cores: bots / seconds,
            report: self.report,
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

fn print(result: &Result, is_first: bool) {
    if is_first {
        println!(
            "| scenario | people | packets/s | server: cores | CPU s per million | KB per person | tracks per core | delay p50 / p99 ms | frozen | lost | bots: cores |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|---|");
    }
    let Result { scenario, people, packets_per_second, server_cores, cpu_s_per_million, kb_per_person, tracks_per_core, bot_cores, report, seconds } =
        result;
    let ms = |ms: Option<f64>| ms.map_or_else(|| "?".to_owned(), |ms| format!("{ms:.1}"));
    let (delay, frozen, lost) = report.as_ref().map_or_else(Default::default, |report| {
        let delay = format!("{} / {}", ms(report.delay.p50_ms), ms(report.delay.p99_ms));
        (delay, format!("{:.2} %", report.frozen() * 100.0), format!("{:.2} %", report.lost() * 100.0))
    });
    println!(
        "| {scenario} | {people} | {packets_per_second:.0} | {server_cores:.2} | {cpu_s_per_million:.1} | {kb_per_person:.0} | {tracks_per_core:.0} | {delay} | {frozen} | {lost} | {bot_cores:.2} |"
    );
    for trouble in report.iter().flat_map(|report| &report.trouble) {
        println!("  {} times: {}", trouble.count, trouble.what);
    }
    if let Some(oddity) = report.as_ref().and_then(|report| report.oddity.as_ref()) {
        println!("  odd: {oddity}");
    }
    for Second { at_s, kbit, got_kbit, sizes, frames, freezes, sound_lost, p99_ms } in seconds {
        println!(
            "  {at_s:>4.0} s  line {kbit:>5} kbit/s  got {got_kbit:>5.0}  sizes {sizes:?}  {frames} pictures, {freezes} freezes, {sound_lost} of sound lost, p99 {} ms",
            ms(*p99_ms)
        );
    }
}
