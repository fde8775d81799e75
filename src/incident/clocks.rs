//! The clocks: until when somebody must respond, and until when it must be resolved.
//!
//! Both start with the first machine alert: time that passed before anybody looked is time the key
//! was exposed. The response clock stops when somebody acknowledges, the resolution clock at recovery;
//! both stop when the alert turns out to be no incident. This file tells no time: `now` is given.

use jiff::{SignedDuration, Timestamp, civil::Date, civil::Weekday, tz::TimeZone};
use serde::Serialize;

use super::Level;

/// How long something may take.
enum Limit {
    Minutes(i64),
    Hours(i64),
    /// Until the end of the next business day (UTC, Monday to Friday; holidays are business days).
    NextBusinessDay,
}

/// Returns the limits of a level for response and resolution, `None` for the level without clocks.
fn limits(level: Level) -> Option<(Limit, Limit)> {
    match level {
        Level::Sev1 => Some((Limit::Minutes(15), Limit::Hours(1))),
        Level::Sev2 => Some((Limit::Minutes(30), Limit::Hours(4))),
        Level::Sev3 => Some((Limit::Hours(4), Limit::NextBusinessDay)),
        Level::Sev4 => None,
    }
}

impl Limit {
    /// Returns when the time is up, `None` beyond the end of the calendar.
    fn after(&self, start: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Minutes(n) => start.checked_add(SignedDuration::from_mins(*n)).ok(),
            Self::Hours(n) => start.checked_add(SignedDuration::from_hours(*n)).ok(),
            Self::NextBusinessDay => end_of_next_business_day(start),
        }
    }
}

/// Returns the midnight (UTC) that ends the first business day after the day of `start`.
fn end_of_next_business_day(start: Timestamp) -> Option<Timestamp> {
    let mut day: Date = start.to_zoned(TimeZone::UTC).date().tomorrow().ok()?;
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = day.tomorrow().ok()?;
    }
    let end = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(end.timestamp())
}

/// One clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// When it started.
    pub started_at: Timestamp,
    /// Until when it had to stop.
    pub due_at: Timestamp,
    /// When it stopped; `None` while it runs.
    pub stopped_at: Option<Timestamp>,
    /// Whether it stopped too late; `None` while it runs, for then it depends on the time of day:
    /// ask [`Deadline::standing`].
    pub breached: Option<bool>,
}

/// How a clock stands at some instant, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stopped in time, after so many seconds.
    Met(i64),
    /// It stopped too late, by so many seconds.
    Missed(i64),
    /// It runs, with so many seconds left.
    Running(i64),
    /// It runs and should have stopped so many seconds ago.
    Overdue(i64),
}

impl Deadline {
    fn new(started_at: Timestamp, due_at: Timestamp, stopped_at: Option<Timestamp>) -> Self {
        Self {
            started_at,
            due_at,
            stopped_at,
            breached: stopped_at.map(|stopped| stopped > due_at),
        }
    }

    /// Returns how it stands at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let from = |start: Timestamp, end: Timestamp| end.duration_since(start).as_secs();
        match self.stopped_at {
            Some(at) if at > self.due_at => Standing::Missed(from(self.due_at, at)),
            Some(at) => Standing::Met(from(self.started_at, at)),
            None if now > self.due_at => Standing::Overdue(from(self.due_at, now)),
            None => Standing::Running(from(now, self.due_at)),
        }
    }

    /// Tells whether it is or was late at `now`.
    pub fn is_breached(&self, now: Timestamp) -> bool {
        matches!(self.standing(now), Standing::Missed(_) | Standing::Overdue(_))
    }
}

/// The two clocks of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clocks {
    /// Until somebody takes it.
    pub response: Deadline,
    /// Until consumers work again, safely.
    pub resolution: Deadline,
}

impl Clocks {
    /// Returns the clocks of a level, `None` where it has none.
    pub fn of(
        level: Level,
        started_at: Timestamp,
        responded_at: Option<Timestamp>,
        resolved_at: Option<Timestamp>,
    ) -> Option<Self> {
        let (response, resolution) = limits(level)?;
        Some(Self {
            response: Deadline::new(started_at, response.after(started_at)?, responded_at),
            resolution: Deadline::new(started_at, resolution.after(started_at)?, resolved_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn due(level: Level, start: &str) -> (Timestamp, Timestamp) {
        let clocks = Clocks::of(level, at(start), None, None).unwrap();
        (clocks.response.due_at, clocks.resolution.due_at)
    }

    #[test]
    fn every_level_has_its_limits() {
        let start = "2026-11-18T10:00:00Z";
        let expected = |a, b| (at(a), at(b));
        assert_eq!(
            due(Level::Sev1, start),
            expected("2026-11-18T10:15:00Z", "2026-11-18T11:00:00Z")
        );
        assert_eq!(
            due(Level::Sev2, start),
            expected("2026-11-18T10:30:00Z", "2026-11-18T14:00:00Z")
        );
        assert_eq!(
            due(Level::Sev3, start),
            expected("2026-11-18T14:00:00Z", "2026-11-20T00:00:00Z")
        );
        assert_eq!(Clocks::of(Level::Sev4, at(start), None, None), None);
    }

    #[test]
    fn next_business_day_steps_over_the_weekend() {
        // 2026-11-20 is a Friday; Monday ends at the midnight before Tuesday the 24th.
        for day in ["20T23:59:59", "21T00:00:00", "22T12:00:00"] {
            let (_, resolution) = due(Level::Sev3, &format!("2026-11-{day}Z"));
            assert_eq!(resolution, at("2026-11-24T00:00:00Z"), "{day}");
        }
    }

    #[test]
    fn standing_changes_only_after_the_due_instant() {
        let start = at("2026-11-18T10:00:00Z");
        let clocks = |stop| Clocks::of(Level::Sev1, start, stop, None).unwrap().response;
        let due = at("2026-11-18T10:15:00Z");
        let late = at("2026-11-18T10:15:01Z");
        assert_eq!(clocks(None).standing(due), Standing::Running(0));
        assert_eq!(clocks(None).standing(late), Standing::Overdue(1));
        assert_eq!(clocks(Some(due)).standing(late), Standing::Met(900));
        assert_eq!(clocks(Some(late)).standing(late), Standing::Missed(1));
        assert_eq!(clocks(Some(due)).breached, Some(false));
        assert_eq!(clocks(Some(late)).breached, Some(true));
        assert!(clocks(None).is_breached(late) && !clocks(None).is_breached(due));
    }

    #[test]
    fn the_end_of_the_calendar_is_no_crash() {
        assert_eq!(Clocks::of(Level::Sev3, Timestamp::MAX, None, None), None);
    }
}
