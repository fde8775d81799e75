//! The clocks: until when somebody must respond, and until when it must be resolved.
//!
//! Both start with the first machine alert: time that passed before anybody looked is time the key
//! was exposed. The response clock stops when somebody acknowledges, the resolution clock at recovery;
//! both stop when the alert turns out to be no incident. This file tells no time: `now` is given.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ClockRules, Level};

/// A running clock is *due* when less than this part of its time is left.
const LAST_PART: i64 = 4;

/// One clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// When it started.
    pub started_at: Timestamp,
    /// Until when it had to stop.
    pub due_at: Timestamp,
    /// When it stopped; `None` while it runs.
    pub stopped_at: Option<Timestamp>,
    /// Since when it stands still, where it does: for then it runs up to no due instant.
    pub paused_at: Option<Timestamp>,
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
    /// It runs, with so many seconds left, which are the last quarter of its time.
    Due(i64),
    /// It runs and should have stopped so many seconds ago.
    Overdue(i64),
    /// It stands still, with so many seconds left (below none, where it was late already).
    Paused(i64),
}

impl Deadline {
    fn new(started_at: Timestamp, due_at: Timestamp, stopped_at: Option<Timestamp>) -> Self {
        let breached = stopped_at.map(|stopped| stopped > due_at);
        Self { started_at, due_at, stopped_at, paused_at: None, breached }
    }

    /// Moves the due instant by the time the clock stood still.
    fn with_pauses(mut self, pauses: &[Pause]) -> Self {
        for pause in pauses {
            let end = pause.resumed_at.or(self.stopped_at);
            let Some(end) = end else {
                self.paused_at = Some(pause.paused_at);
                continue;
            };
            let still = end.duration_since(pause.paused_at).max(SignedDuration::ZERO);
            self.due_at = self.due_at.saturating_add(still).unwrap_or(self.due_at);
        }
        self.breached = self.stopped_at.map(|stopped| stopped > self.due_at);
        self
    }

    /// Returns how it stands at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let from = |start: Timestamp, end: Timestamp| end.duration_since(start).as_secs();
        match (self.stopped_at, self.paused_at) {
            (Some(at), _) if at > self.due_at => Standing::Missed(from(self.due_at, at)),
            (Some(at), _) => Standing::Met(from(self.started_at, at)),
            (None, Some(paused_at)) => Standing::Paused(from(paused_at, self.due_at)),
            (None, None) if now > self.due_at => Standing::Overdue(from(self.due_at, now)),
            (None, None) => {
                let (left, whole) = (from(now, self.due_at), from(self.started_at, self.due_at));
                match left < whole / LAST_PART {
                    true => Standing::Due(left),
                    false => Standing::Running(left),
                }
            }
        }
    }

    /// Tells whether it is or was late at `now`.
    pub fn is_breached(&self, now: Timestamp) -> bool {
        matches!(self.standing(now), Standing::Missed(_) | Standing::Overdue(_))
    }
}

/// A stretch in which the resolution clock stood still, because somebody else had to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub paused_at: Timestamp,
    /// Until when; `None` while it lasts.
    pub resumed_at: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// The two clocks of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// Until somebody takes it. It never stands still.
    pub response: Deadline,
    /// Until consumers work again, safely.
    pub resolution: Deadline,
}

/// What the clocks of an incident are made of, beside its level.
#[derive(Clone, Copy, Debug)]
pub struct Hands<'a> {
    /// When both start.
    pub started_at: Timestamp,
    /// When somebody took it.
    pub responded_at: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// When the resolution clock stood still.
    pub pauses: &'a [Pause],
}

impl Clocks {
    /// Returns the clocks of a level, `None` where it has none.
    pub fn of(level: Level, rules: &ClockRules, hands: Hands<'_>) -> Option<Self> {
        let limits = rules.levels.get(&level)?;
        let due = |limit: super::Limit| limit.after(hands.started_at, &rules.business);
        let clock = |limit, stopped| Some(Deadline::new(hands.started_at, due(limit)?, stopped));
        Some(Self {
            response: clock(limits.response, hands.responded_at)?,
            resolution: clock(limits.resolution, hands.resolved_at)?.with_pauses(hands.pauses),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hands(start: Timestamp) -> Hands<'static> {
        Hands { started_at: start, responded_at: None, resolved_at: None, pauses: &[] }
    }

    fn clocks(level: Level, hands: Hands<'_>) -> Option<Clocks> {
        Clocks::of(level, &ClockRules::default(), hands)
    }

    fn due(level: Level, start: &str) -> (Timestamp, Timestamp) {
        let clocks = clocks(level, hands(at(start))).unwrap();
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
        assert_eq!(clocks(Level::Sev4, hands(at(start))), None);
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
        let clocks = |responded_at| {
            clocks(Level::Sev1, Hands { responded_at, ..hands(start) }).unwrap().response
        };
        let due = at("2026-11-18T10:15:00Z");
        let late = at("2026-11-18T10:15:01Z");
        assert_eq!(clocks(None).standing(start), Standing::Running(900));
        assert_eq!(clocks(None).standing(due), Standing::Due(0));
        assert_eq!(clocks(None).standing(late), Standing::Overdue(1));
        assert_eq!(clocks(Some(due)).standing(late), Standing::Met(900));
        assert_eq!(clocks(Some(late)).standing(late), Standing::Missed(1));
        assert_eq!(clocks(Some(due)).breached, Some(false));
        assert_eq!(clocks(Some(late)).breached, Some(true));
        assert!(clocks(None).is_breached(late) && !clocks(None).is_breached(due));
    }

    #[test]
    fn a_clock_that_stands_still_is_due_later_by_that_time() {
        let start = at("2026-11-18T10:00:00Z");
        let mut pauses = [Pause {
            paused_at: at("2026-11-18T10:30:00Z"),
            resumed_at: None,
            reason: "the provider has to answer".into(),
        }];
        let resolution = |pauses: &[Pause], resolved_at| {
            clocks(Level::Sev1, Hands { resolved_at, pauses, ..hands(start) }).unwrap().resolution
        };
        let late = at("2026-11-18T12:00:00Z");
        assert_eq!(resolution(&pauses, None).standing(late), Standing::Paused(1_800));
        pauses[0].resumed_at = Some(at("2026-11-18T11:30:00Z"));
        assert_eq!(resolution(&pauses, None).due_at, late);
        assert_eq!(resolution(&pauses, Some(late)).standing(late), Standing::Met(7_200));
        assert_eq!(resolution(&pauses, Some(late)).breached, Some(false));
    }

    #[test]
    fn the_end_of_the_calendar_is_no_crash() {
        assert_eq!(clocks(Level::Sev3, hands(Timestamp::MAX)), None);
    }
}
