//! Lines over time, as SVG that needs nothing but itself. What is in it is numbers and words of this file's callers.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 28.0;
/// More points than pixels tell nothing.
const POINTS: usize = 300;

/// A line.
pub(super) struct Line {
    /// What it is, for the legend.
    pub(super) name: &'static str,
    /// How it is drawn: a class of the page's style.
    pub(super) class: &'static str,
    /// A value for each sample; where there is none, the line is interrupted.
    pub(super) values: Vec<Option<f64>>,
}

/// A plot.
pub(super) struct Plot {
    /// What is seen, for those who do not see it.
    pub(super) title: &'static str,
    /// What values are in.
    pub(super) unit: &'static str,
    /// When each sample was taken, in seconds.
    pub(super) times: Vec<f64>,
    /// Until then people came in.
    pub(super) measured_from: Option<f64>,
    pub(super) lines: Vec<Line>,
    /// The axis goes at least up to here.
    pub(super) least_top: f64,
}

impl Plot {
    /// The SVG.
    pub(super) fn draw(&self) -> String {
        let end = self.times.last().copied().unwrap_or(1.0).max(1.0);
        let values = self.lines.iter().flat_map(|line| line.values.iter().flatten());
        let step = step(values.copied().fold(self.least_top, f64::max) / 4.0);
        let most = (values_top(&self.lines).max(self.least_top) / step).ceil().max(1.0) * step;
        let x = |time: f64| LEFT + time / end * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#, self.title);
        if let Some(from) = self.measured_from {
            let _ = write!(svg, r#"<rect class="before" x="{LEFT}" y="{TOP}" width="{:.1}" height="{:.1}"/>"#, x(from) - LEFT, HEIGHT - TOP - BOTTOM);
        }
        let mut value = 0.0;
        while value <= most + step / 2.0 {
            let at = y(value);
            let _ = write!(svg, r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/>"#, WIDTH - RIGHT);
            let _ = write!(svg, r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#, LEFT - 8.0, at + 4.0, short(value));
            value += step;
        }
        let seconds = step_of_time(end);
        let mut time = 0.0;
        while time <= end {
            let _ = write!(svg, r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#, x(time), HEIGHT - 8.0, clock(time));
            time += seconds;
        }
        for line in &self.lines {
            let _ = write!(svg, r#"<path class="{}" d="{}"/>"#, line.class, self.path(line, x, y));
        }
        svg.push_str(&self.tips(x));
        svg.push_str("</svg>");
        svg
    }

    fn path(&self, line: &Line, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut is_drawn = false;
        for (times, values) in self.times.chunks(self.chunk()).zip(line.values.chunks(self.chunk())) {
            // Peaks stay peaks.
            let value = values.iter().flatten().copied().reduce(f64::max);
            if let (Some(value), Some(time)) = (value, times.last()) {
                let _ = write!(path, "{}{:.1} {:.1}", if is_drawn { "L" } else { "M" }, x(*time), y(value));
            }
            is_drawn = value.is_some();
        }
        path
    }

    /// What is told where the pointer is.
    fn tips(&self, x: impl Fn(f64) -> f64) -> String {
        let mut tips = String::new();
        let mut from = LEFT;
        for (index, times) in self.times.chunks(self.chunk()).enumerate() {
            let Some(time) = times.last() else { continue };
            let to = x(*time);
            let _ = write!(
                tips,
                r#"<rect class="tip" x="{from:.1}" y="{TOP}" width="{:.1}" height="{:.1}"><title>"#,
                (to - from).max(0.5),
                HEIGHT - TOP - BOTTOM
            );
            let _ = write!(tips, "{}", clock(*time));
            for line in &self.lines {
                let values = line.values.chunks(self.chunk()).nth(index).unwrap_or_default();
                if let Some(value) = values.iter().flatten().copied().reduce(f64::max) {
                    let _ = write!(tips, "\n{}: {} {}", line.name, precise(value), self.unit);
                }
            }
            tips.push_str("</title></rect>");
            from = to;
        }
        tips
    }

    fn chunk(&self) -> usize {
        self.times.len().div_ceil(POINTS).max(1)
    }
}

fn values_top(lines: &[Line]) -> f64 {
    lines.iter().flat_map(|line| line.values.iter().flatten()).copied().fold(0.0, f64::max)
}

/// 1, 2 or 5 of a power of ten, at least this.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-3).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// What people divide time by.
fn step_of_time(end: f64) -> f64 {
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0].into_iter().find(|step| end / step <= 8.0).unwrap_or(900.0)
}

fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    if whole < 60 { format!("{whole} s") } else { format!("{}:{:02}", whole / 60, whole % 60) }
}

fn short(value: f64) -> String {
    if value >= 1e6 {
        format!("{}M", precise(value / 1e6))
    } else if value >= 1e4 {
        format!("{}k", precise(value / 1e3))
    } else {
        precise(value)
    }
}

fn precise(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        assert_eq!([0.0, 0.7, 1.1, 3.0, 7.0, 43.0].map(step), [0.001, 1.0, 2.0, 5.0, 10.0, 50.0]);
        assert_eq!([0.0, 0.25, 12.0, 12_000.0, 2_500_000.0].map(short), ["0", "0.25", "12", "12k", "2.5M"]);
        assert_eq!([5.0, 59.4, 61.0, 3_600.0].map(clock), ["5 s", "59 s", "1:01", "60:00"]);
    }

    #[test]
    fn a_line_is_interrupted_where_nothing_is_known_and_long_ones_keep_their_peaks() {
        let line = |values: Vec<Option<f64>>| Line { name: "delay", class: "a", values };
        let plot = |lines: Vec<Line>| {
            let times = (0..lines[0].values.len()).map(|at| at as f64).collect();
            Plot { title: "Delay", unit: "ms", times, measured_from: Some(1.0), lines, least_top: 1.0 }
        };
        let drawn = plot(vec![line(vec![Some(1.0), None, Some(2.0), Some(3.0)])]).draw();
        let path = drawn.split("<path").nth(1).expect("a path");
        assert_eq!(path.matches('M').count(), 2);
        let mut values = vec![Some(1.0); 3_600];
        values[1_777] = Some(90.0);
        let drawn = plot(vec![line(values)]).draw();
        assert!(drawn.contains("delay: 90 ms") && drawn.len() < 80_000);
        assert_eq!(plot(vec![line(Vec::new())]).draw().matches("<path").count(), 1, "nothing is drawn of nothing");
    }
}
