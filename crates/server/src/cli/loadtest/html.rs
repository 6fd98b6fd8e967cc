//! The report: one page that needs nothing from elsewhere.

use askama::Template;
use fireside_bot::crowd::{Of, Report, Sample, Spread, Trouble};

use super::plot::{Line, Plot};
use super::show;

/// A number with what it is.
struct Figure {
    value: String,
    name: &'static str,
    detail: String,
    /// Worth a second look.
    is_bad: bool,
}

struct Chart {
    title: &'static str,
    help: &'static str,
    legend: Vec<(&'static str, &'static str)>,
    svg: String,
}

struct Row {
    name: String,
    frozen: String,
    freezes: u64,
    lost: String,
    delays: [String; 3],
}

#[derive(Template)]
#[template(path = "loadtest.html")]
struct Page<'a> {
    server: &'a str,
    what: String,
    verdict: &'static str,
    is_clean: bool,
    figures: Vec<Figure>,
    charts: Vec<Chart>,
    trouble: &'a [Trouble],
    odd: Vec<(u64, &'static str)>,
    worst: Vec<Row>,
    is_cut_short: bool,
}

/// The page about a test at `server`.
pub(super) fn page(report: &Report, server: &str) -> askama::Result<String> {
    let totals = &report.totals;
    let odd = [
        (totals.discontinuities, "times the numbers of packets, pictures or times did not go on as a decoder expects"),
        (totals.unreadable, "packets could not be understood"),
        (totals.strays, "pictures were of somebody else than was announced"),
        (totals.starved, "places had, at the end, waited for more than two seconds for the picture that was due"),
    ];
    let is_clean = report.is_clean();
    Page {
        server,
        what: what(report),
        verdict: if is_clean { "Everyone saw and heard what they should." } else { "Not everything was as it should be." },
        is_clean,
        figures: figures(report),
        charts: charts(&report.samples),
        trouble: &report.trouble,
        odd: odd.into_iter().filter(|(count, _)| *count > 0).collect(),
        worst: report.worst.iter().filter(|of| of.totals.frozen_ms > 0 || of.totals.lost > 0).map(row).collect(),
        is_cut_short: report.is_cut_short,
    }
    .render()
}

fn what(report: &Report) -> String {
    let rooms = if report.rooms == 1 { "One room".to_owned() } else { format!("{} rooms", report.rooms) };
    let viewers = if report.subscribers == 0 { String::new() } else { format!(" and {} who look on", report.subscribers) };
    let each = if report.rooms == 1 { "with" } else { "with each" };
    format!("{rooms} {each} {} who send{viewers}, profile {}, measured for {:.0} s", report.publishers, report.profile.name(), report.measured_s)
}

fn figures(report: &Report) -> Vec<Figure> {
    let totals = &report.totals;
    let seconds = report.measured_s.max(f64::EPSILON);
    let people = report.rooms * (report.publishers + report.subscribers);
    let of = |spread: &Spread| spread.p99_ms.map_or_else(|| "not known".to_owned(), |ms| format!("{ms:.1} ms"));
    let figure = |name, value, detail, is_bad| Figure { value, name, detail, is_bad };
    let packets = (totals.video_packets + totals.audio_packets) as f64 / seconds;
    vec![
        figure(
            "came in",
            report.joined.to_string(),
            if report.joined > people { format!("{people} at a time") } else { format!("of {people}") },
            report.joined < people,
        ),
        figure(
            "frozen",
            format!("{:.2} %", report.frozen() * 100.0),
            format!("{} freezes", show::thousands(totals.freezes as f64)),
            report.frozen() >= 0.01,
        ),
        figure("delay, 99 of 100", of(&report.delay), halves(&report.delay), report.delay.p99_ms.is_some_and(|ms| ms > 150.0)),
        figure(
            "lost for good",
            format!("{:.2} %", report.lost() * 100.0),
            format!("and {} packets of sound", show::thousands(totals.sound_lost as f64)),
            report.lost() >= 0.01,
        ),
        figure(
            "first sight, 99 of 100",
            of(&report.first_frame),
            halves(&report.first_frame),
            report.first_frame.p99_ms.is_some_and(|ms| ms > 2_000.0),
        ),
        figure("arriving", show::rate(8.0 * totals.bytes as f64 / seconds), format!("{} packets a second", show::thousands(packets)), false),
    ]
}

/// What half and most did not exceed.
fn halves(spread: &Spread) -> String {
    match (spread.p50_ms, spread.p95_ms) {
        (Some(half), Some(most)) => format!("half {half:.1} ms, 95 of 100 {most:.1} ms"),
        _ => String::new(),
    }
}

fn charts(samples: &[Sample]) -> Vec<Chart> {
    let times: Vec<f64> = samples.iter().map(|sample| sample.at_s).collect();
    let measured_from = samples.iter().find(|sample| sample.is_measured).map(|sample| sample.at_s - sample.length_s);
    let line = |name, class, value: &dyn Fn(&Sample) -> Option<f64>| Line { name, class, values: samples.iter().map(value).collect() };
    let chart = |title, help, unit, least_top, lines: Vec<Line>| {
        let legend = lines.iter().map(|line| (line.class, line.name)).collect();
        let svg = Plot { title, unit, times: times.clone(), measured_from, lines, least_top }.draw();
        Chart { title, help, legend, svg }
    };
    let each_second = |sample: &Sample, count: u64| Some(count as f64 / sample.length_s.max(f64::EPSILON));
    vec![
        chart(
            "Delay of packets",
            "From the sender's engine to the receiver's socket, in ms.",
            "ms",
            1.0,
            vec![
                line("99 of 100", "c", &|sample| sample.delay.p99_ms),
                line("95 of 100", "b", &|sample| sample.delay.p95_ms),
                line("half", "a", &|sample| sample.delay.p50_ms),
            ],
        ),
        chart("Pictures", "Shown a second, of each that is due.", "a second", 1.0, vec![line("pictures", "a", &Sample::frames_per_second)]),
        chart(
            "Trouble",
            "Freezes (over 200 ms without a picture) and packets lost for good, a second.",
            "a second",
            1.0,
            vec![
                line("freezes", "c", &|sample| each_second(sample, sample.totals.freezes)),
                line("packets of pictures", "a", &|sample| each_second(sample, sample.totals.lost)),
                line("packets of sound", "b", &|sample| each_second(sample, sample.totals.sound_lost)),
            ],
        ),
        chart(
            "Arriving",
            "Mbit/s at all bots together, without headers.",
            "Mbit/s",
            0.1,
            vec![line("Mbit/s", "a", &|sample| Some(sample.bits_per_second() / 1e6))],
        ),
        chart(
            "People",
            "Bots in their meetings, and by which way media comes to them.",
            "",
            1.0,
            vec![
                line("in", "b", &|sample| Some(sample.people as f64)),
                line("through the server", "a", &|sample| Some(sample.served as f64)),
                line("pairs peer to peer", "c", &|sample| Some(sample.pairs as f64)),
            ],
        ),
        chart(
            "Work of the bots",
            "CPU time of the bots' own process, in cores.",
            "cores",
            0.1,
            vec![line("cores", "a", &|sample| Some(sample.own_cpu))],
        ),
    ]
}

fn row(of: &Of) -> Row {
    let totals = &of.totals;
    Row {
        name: format!("{}, room {}", of.name, of.room + 1),
        frozen: format!("{:.1} s", totals.frozen_ms as f64 / 1_000.0),
        freezes: totals.freezes,
        lost: show::thousands(totals.lost as f64),
        delays: [of.delay.p50_ms, of.delay.p95_ms, of.delay.p99_ms].map(|ms| ms.map_or_else(String::new, |ms| format!("{ms:.1} ms"))),
    }
}
