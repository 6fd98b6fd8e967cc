//! This machine's clock: certificates, credentials of the relay and log-ins depend on it.

use std::time::{Duration, Instant};

use axum::http::header;
use time::format_description::FormatItem;
use time::macros::{datetime, format_description};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::finding::{Finding, Findings};
use super::web::{Answer, Fault};

/// This was written after it.
const EARLIEST: OffsetDateTime = datetime!(2026-11-01 0:00 UTC);
/// The two clocks of a machine whose time is being kept right differ by less than a thousandth.
const JUMP: time::Duration = time::Duration::milliseconds(500);
/// Answers count whole seconds and take their time.
const LITTLE: u64 = 3;
/// Credentials of the relay last ten minutes; log-ins by codes of six digits, one day, half a minute.
const MUCH: u64 = 30;
/// RFC 9110, 5.6.7.
const HTTP_DATE: &[FormatItem<'_>] = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// What the clocks said when the look began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    time: OffsetDateTime,
    instant: Instant,
}

impl Began {
    pub(super) fn now() -> Self {
        Self { time: OffsetDateTime::now_utc(), instant: Instant::now() }
    }
}

pub(super) fn check(began: Began, directory: Option<&Result<Answer, Fault>>) -> Vec<Finding> {
    let mut found = Findings::of("clock");
    let now = OffsetDateTime::now_utc();
    judge(now, now - began.time, began.instant.elapsed(), &mut found);
    let theirs = directory.and_then(|answer| answer.as_ref().ok()).and_then(|answer| {
        let date = answer.headers.get(header::DATE)?.to_str().ok()?;
        PrimitiveDateTime::parse(date, HTTP_DATE).ok().map(PrimitiveDateTime::assume_utc)
    });
    match (directory, theirs) {
        (_, Some(theirs)) => compare(now, theirs, &mut found),
        (None, None) => {
            let advice = "Use --online to compare it with the certificate authority's.";
            found.skipped("right", "Whether the clock is right was not asked.", advice);
        }
        (Some(_), None) => {
            let advice = "Let this machine open connections to the internet.";
            found.skipped("right", "Whether the clock is right could not be asked.", advice);
        }
    }
    found.into_vec()
}

fn judge(now: OffsetDateTime, passed: time::Duration, in_truth: Duration, found: &mut Findings) {
    let jump = passed - time::Duration::try_from(in_truth).unwrap_or_default();
    if now < EARLIEST {
        found.problem(
            "plausible",
            format!("The clock says {}, which is past.", now.date()),
            "Set it, and let it be kept right: timedatectl set-ntp true.",
        );
    } else if jump.abs() > JUMP {
        let says = format!("The clock was set by {jump} while we looked.");
        found.warning("plausible", says, "Look again; if that goes on, two programs set the clock, or a virtual machine is often halted.");
    } else {
        found.ok("plausible", format!("The clock says {} and goes evenly.", now.date()));
    }
}

fn compare(ours: OffsetDateTime, theirs: OffsetDateTime, found: &mut Findings) {
    let seconds = (ours - theirs).whole_seconds().unsigned_abs();
    let advice = "Let it be kept right: timedatectl set-ntp true.";
    if seconds > MUCH {
        found.problem("right", format!("The clock is wrong by {seconds} seconds."), advice);
    } else if seconds > LITTLE {
        found.warning("right", format!("The clock is wrong by {seconds} seconds."), advice);
    } else {
        found.ok("right", "The clock is right.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    fn one(judge: impl FnOnce(&mut Findings)) -> Status {
        let mut found = Findings::of("clock");
        judge(&mut found);
        found.into_vec().remove(0).status
    }

    #[test]
    fn it_is_judged_by_itself_and_by_others() {
        let (now, second) = (datetime!(2027-01-02 3:04:05 UTC), time::Duration::SECOND);
        assert_eq!(one(|found| judge(now, second, Duration::from_secs(1), found)), Status::Ok);
        assert_eq!(one(|found| judge(now, second * 5, Duration::from_secs(1), found)), Status::Warning);
        assert_eq!(one(|found| judge(now, -second, Duration::from_secs(1), found)), Status::Warning);
        assert_eq!(one(|found| judge(datetime!(1970-01-01 0:00 UTC), second, Duration::from_secs(1), found)), Status::Problem);
        assert_eq!(one(|found| compare(now, now - second, found)), Status::Ok);
        assert_eq!(one(|found| compare(now, now + second * 10, found)), Status::Warning);
        assert_eq!(one(|found| compare(now, now - second * 100, found)), Status::Problem);
    }

    #[test]
    fn a_date_of_http_is_read() {
        let date = PrimitiveDateTime::parse("Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE).expect("a date");
        assert_eq!(date.assume_utc(), datetime!(1994-11-06 8:49:37 UTC));
    }
}
