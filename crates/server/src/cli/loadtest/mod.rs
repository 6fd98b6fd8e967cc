//! `fireside loadtest`: bots fill rooms, and it is told what came of it.
//!
//! It asks a lot of a server, so it goes only where it is welcome: to this machine itself; elsewhere to rooms of an account that the one
//! who tests has there. Before a crowd comes, one knocks: who does not speak our protocol hears no more than that. And it is bounded, in
//! people and in time.

mod html;
mod plot;
mod show;
mod site;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use fireside_bot::crowd::{self, Plan, Profile, Report, WARM_UP};
use fireside_bot::media::{Transport, Weather};
use tokio::signal;

use self::show::Show;
use self::target::Target;

/// Fill rooms with bots and tell how the server carries them.
///
/// On this machine, or in rooms of an account of yours (--user): `fireside loadtest http://localhost:8000 --rooms 2 --publishers 5`. Bots
/// send real pictures and sound and look closely at what arrives; they cost this machine about as much as the server.
#[derive(Debug, Args)]
pub(super) struct Loadtest {
    /// A server's address, in which rooms are made for the test, or the links of rooms to use as they are.
    #[arg(value_name = "URL", required = true)]
    urls: Vec<String>,
    /// Make so many rooms.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rooms: u16,
    /// In each room so many send.
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    publishers: u16,
    /// And so many look on.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    subscribers: u16,
    /// How long it is measured, once all have come: 90, 60s, 5m, up to an hour.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// What they send: meeting, webinar, screens, grid or voices.
    #[arg(long, value_name = "NAME", default_value = "meeting")]
    profile: Profile,
    /// One comes after the other in this time.
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = duration)]
    join_every: Duration,
    /// So often somebody leaves and somebody else comes.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    churn: Option<Duration>,
    /// Media by TCP.
    #[arg(long)]
    tcp: bool,
    /// Of what comes to each bot, so many of a hundred packets get lost.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=90))]
    loss: u8,
    /// Each bot's line lets so much through, in kbit/s.
    #[arg(long, value_name = "KBIT", value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    limit: Option<u32>,
    /// An account there. Its password is asked for, or read from standard input.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Believe this certificate authority, too (PEM).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Write the result here, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a report with plots here.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Loadtest {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the threads cannot be started")?;
        runtime.block_on(self.test())
    }

    async fn test(self) -> anyhow::Result<()> {
        // Before anything is made, and anybody asked.
        self.plan(Vec::new(), None, true).check_for(self.people())?;
        let tls = site::trust(self.ca.as_deref())?;
        let mut target = Target::prepare(&self.urls, self.rooms.into(), self.user.as_deref(), tls.clone()).await?;
        let tested = self.test_at(&target, tls).await;
        // Whatever came of it.
        target.clean_up().await;
        let report = tested?;
        self.write(&report, &target)?;
        show::summary(&report)?;
        if report.joined == 0 {
            bail!("nobody came in");
        }
        Ok(())
    }

    async fn test_at(&self, target: &Target, tls: target::Trust) -> anyhow::Result<Report> {
        target.knock(tls.clone()).await?;
        let plan = self.plan(target.rooms.clone(), Some(tls), target.is_here);
        let mut show = Show::begin(&plan);
        let stop = async {
            // Where there is no such signal it ends by itself.
            if signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let report = crowd::run(plan, stop, |progress| show.update(&progress)).await;
        show.end();
        Ok(report?)
    }

    fn people(&self) -> usize {
        let rooms = if self.urls.iter().all(|url| target::is_room(url)) { self.urls.len() } else { self.rooms.into() };
        rooms * (usize::from(self.publishers) + usize::from(self.subscribers))
    }

    fn plan(&self, rooms: Vec<fireside_bot::person::RoomLink>, tls: Option<target::Trust>, is_local: bool) -> Plan {
        Plan {
            rooms,
            publishers: self.publishers.into(),
            subscribers: self.subscribers.into(),
            profile: self.profile,
            one_size: None,
            warm_up: WARM_UP,
            duration: self.duration,
            join_every: self.join_every,
            churn: self.churn,
            transport: if self.tcp { Transport::Tcp } else { Transport::Udp },
            weather: Weather { rate: self.limit.map(|kbit| u64::from(kbit) * 1_000), loss: f64::from(self.loss) / 100.0 },
            is_local,
            tls,
        }
    }

    fn write(&self, report: &Report, target: &Target) -> anyhow::Result<()> {
        if let Some(path) = &self.json {
            let json = serde_json::to_string_pretty(report).context("the result")?;
            std::fs::write(path, json).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        if let Some(path) = &self.html {
            let page = html::page(report, &target.name()).context("the report")?;
            std::fs::write(path, page).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(())
    }
}

/// 90, 60s, 500ms, 5m, 1h.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "a number with ms, s, m or h behind it".to_owned())?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("a number with ms, s, m or h behind it".to_owned()),
    };
    Ok(Duration::from_millis(number.saturating_mul(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, millis) in [("90", 90_000), ("60s", 60_000), ("250ms", 250), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "5d", "-1", "1.5s", "1 s", "99999999999999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
