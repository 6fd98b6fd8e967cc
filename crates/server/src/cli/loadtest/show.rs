//! What is seen while it goes on: on a terminal a bar and a table that stay where they are, elsewhere a line every few seconds. And what
//! is said at the end.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context;
use fireside_bot::crowd::{Plan, Progress, Report, Sample, Spread};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Where there is no terminal, one of so many seconds is told.
const LINE_EVERY: usize = 5;
const PARTS: u64 = 1_000;

pub(super) struct Show {
    live: Option<Live>,
    seconds: usize,
    people: usize,
}

struct Live {
    bar: ProgressBar,
    rows: Vec<ProgressBar>,
    all: MultiProgress,
}

impl Show {
    pub(super) fn begin(plan: &Plan) -> Self {
        let live = std::io::stderr().is_terminal().then(Live::new);
        Self { live, seconds: 0, people: plan.people() }
    }

    pub(super) fn update(&mut self, progress: &Progress<'_>) {
        self.seconds += 1;
        let rows = rows(progress, self.people);
        if let Some(live) = &self.live {
            live.bar.set_position((progress.part * PARTS as f64) as u64);
            live.bar.set_message(if progress.sample.is_measured { "measuring" } else { "coming in" });
            live.rows.iter().zip(rows).for_each(|(row, (name, value))| row.set_message(format!("{name:<12} {value}")));
        } else if self.seconds.is_multiple_of(LINE_EVERY) {
            let values: Vec<_> = rows.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
            eprintln!("{:>3.0} %  {}", progress.part * 100.0, values.join("  "));
        }
    }

    pub(super) fn end(self) {
        if let Some(live) = self.live {
            live.bar.finish_and_clear();
            live.rows.iter().for_each(ProgressBar::finish_and_clear);
            drop(live.all);
        }
    }
}

impl Live {
    fn new() -> Self {
        let all = MultiProgress::new();
        let style = |template: &str| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = all.add(ProgressBar::new(PARTS).with_style(style("{bar:40} {percent:>3} %  {elapsed_precise}  {msg}")));
        let rows = (0..6).map(|_| all.add(ProgressBar::new_spinner().with_style(style("  {msg}")))).collect();
        Self { bar, rows, all }
    }
}

fn rows(progress: &Progress<'_>, people: usize) -> [(&'static str, String); 6] {
    let sample = progress.sample;
    let troubles = if progress.troubles == 0 { String::new() } else { format!(", {} gone or not let in", progress.troubles) };
    let ways = if sample.pairs > 0 { format!(", {} pairs peer to peer", sample.pairs) } else { String::new() };
    [
        ("people", format!("{} of {people}, {} by the server{ways}{troubles}", sample.people, sample.served)),
        ("arriving", format!("{} packets/s, {}", thousands(sample.packets_per_second()), rate(sample.bits_per_second()))),
        ("pictures", pictures(sample)),
        ("delay", spread(&sample.delay)),
        ("lost", format!("{} packets of pictures, {} of sound", sample.totals.lost, sample.totals.sound_lost)),
        ("bots' CPU", format!("{:.2} cores", sample.own_cpu)),
    ]
}

fn pictures(sample: &Sample) -> String {
    let rate = sample.frames_per_second().map_or_else(|| "none due".to_owned(), |rate| format!("{rate:.1} a second each"));
    let waiting = if sample.totals.starved > 0 { format!(", {} not there yet", sample.totals.starved) } else { String::new() };
    format!("{rate}, {} freezes{waiting}", sample.totals.freezes)
}

/// `1.2 / 3.4 / 9.9 ms`: what half, 95 and 99 of 100 did not exceed.
pub(super) fn spread(spread: &Spread) -> String {
    match (spread.p50_ms, spread.p95_ms, spread.p99_ms) {
        (Some(half), Some(most), Some(nearly_all)) => format!("{half:.1} / {most:.1} / {nearly_all:.1} ms (p50 / p95 / p99)"),
        _ => "not known".to_owned(),
    }
}

/// Bits a second, for people.
pub(super) fn rate(bits: f64) -> String {
    if bits >= 1e6 { format!("{:.1} Mbit/s", bits / 1e6) } else { format!("{:.0} kbit/s", bits / 1e3) }
}

fn rooms(count: usize) -> String {
    if count == 1 { "one room".to_owned() } else { format!("{count} rooms") }
}

/// `12,345`.
pub(super) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let first = digits.len() % 3;
    let groups = digits.as_bytes().get(first..).unwrap_or_default().chunks(3).map(String::from_utf8_lossy);
    let head = digits.get(..first).filter(|head| !head.is_empty()).map(Into::into);
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// The result, on standard output.
pub(super) fn summary(report: &Report) -> anyhow::Result<()> {
    let totals = &report.totals;
    let (seconds, people) = (report.measured_s.max(f64::EPSILON), report.rooms * (report.publishers + report.subscribers));
    let mut lines = vec![
        format!("{} of {people} bots in {}, measured for {:.0} s", report.joined, rooms(report.rooms), report.measured_s),
        format!(
            "  arrived     {} packets/s, {}, {} pictures",
            thousands((totals.video_packets + totals.audio_packets) as f64 / seconds),
            rate(8.0 * totals.bytes as f64 / seconds),
            thousands(totals.frames as f64)
        ),
        format!("  delay       {}", spread(&report.delay)),
        format!("  let in      {}", spread(&report.welcome)),
        format!("  media up    {}", spread(&report.media)),
        format!("  first sight {}", spread(&report.first_frame)),
        format!("  frozen      {:.2} % of the time, {} freezes", report.frozen() * 100.0, totals.freezes),
        format!("  lost        {:.2} % of pictures' packets, {} packets of sound", report.lost() * 100.0, totals.sound_lost),
        format!("  bots' CPU   {:.2} cores", report.own_cpu_s / seconds),
    ];
    let odd = [
        (totals.discontinuities, "times numbers did not go on"),
        (totals.unreadable, "packets not understood"),
        (totals.strays, "pictures of somebody else"),
        (totals.starved, "places without the picture that is due"),
    ];
    lines.extend(odd.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("  odd         {count} {what}")));
    lines.extend(report.oddity.iter().map(|oddity| format!("  odd         first: {oddity}")));
    lines.extend(report.trouble.iter().map(|trouble| format!("  trouble     {} times: {}", trouble.count, trouble.what)));
    if report.is_cut_short {
        lines.push("  (ended before its time)".to_owned());
    }
    writeln!(std::io::stdout(), "{}", lines.join("\n")).context("standard output cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!([0.0, 12.4, 999.0, 1_000.0, 1_234_567.0].map(thousands), ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!([999_000.0, 12_340_000.0].map(rate), ["999 kbit/s", "12.3 Mbit/s"]);
    }
}
