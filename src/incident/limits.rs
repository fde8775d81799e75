//! How long each level of severity may take, and when business hours are: data, stored with the
//! incident, so that a later change of the configuration moves no clock of the past.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Level;

/// Beyond so many days no business hour is looked for: a calendar without one must not search for ever.
const MAX_DAYS: usize = 4_000;

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many minutes by the clock on the wall.
    Minutes(u32),
    /// So many minutes of business hours.
    BusinessMinutes(u32),
    /// Until business closes on the first business day after the day of the alert.
    NextBusinessDay,
}

/// The limits of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Until somebody takes it.
    pub response: Limit,
    /// Until consumers work again, safely.
    pub resolution: Limit,
}

/// When people are at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BusinessHours {
    /// The time zone by its IANA name, such as `Europe/Berlin`.
    pub time_zone: String,
    /// The days, as `mon` to `sun`.
    pub days: BTreeSet<Day>,
    /// When work begins, as `09:00`.
    pub from: Time,
    /// When it ends; midnight is the end of the day.
    pub to: Time,
    /// Days on which nobody works.
    pub holidays: BTreeSet<Date>,
}

/// A day of the week, Monday first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// The limits of every level, and the hours they count in. A level that isn't there has no clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClockRules {
    /// When people are at work.
    pub business: BusinessHours,
    /// The limits by level.
    pub levels: BTreeMap<Level, Limits>,
}

impl Default for BusinessHours {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            days: [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri].into(),
            from: Time::midnight(),
            to: Time::midnight(),
            holidays: BTreeSet::new(),
        }
    }
}

impl Default for ClockRules {
    fn default() -> Self {
        let limits = |response, resolution| Limits { response, resolution };
        let levels = [
            (Level::Sev1, limits(Limit::Minutes(15), Limit::Minutes(60))),
            (Level::Sev2, limits(Limit::Minutes(30), Limit::Minutes(240))),
            (Level::Sev3, limits(Limit::Minutes(240), Limit::NextBusinessDay)),
        ];
        Self { business: BusinessHours::default(), levels: levels.into() }
    }
}

impl ClockRules {
    /// Returns what is wrong with the rules, where something is.
    pub fn fault(&self) -> Option<String> {
        let business = &self.business;
        if TimeZone::get(&business.time_zone).is_err() {
            return Some(format!("the time zone {} is not known", business.time_zone));
        }
        if business.days.is_empty() {
            return Some("there is no business day".to_owned());
        }
        let ends = business.to == Time::midnight() || business.from < business.to;
        (!ends).then(|| "business hours end before they begin".to_owned())
    }
}

impl Limit {
    /// Returns when the time is up, `None` beyond the end of the calendar.
    pub(super) fn after(self, start: Timestamp, business: &BusinessHours) -> Option<Timestamp> {
        match self {
            Self::Minutes(n) => start.checked_add(SignedDuration::from_mins(n.into())).ok(),
            Self::BusinessMinutes(n) => business.add(start, SignedDuration::from_mins(n.into())),
            Self::NextBusinessDay => business.next_day_end(start),
        }
    }
}

impl BusinessHours {
    fn zone(&self) -> TimeZone {
        // A machine without that zone still shows the record; UTC is at most a day off.
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// Tells whether people are at work at an instant.
    pub fn holds(&self, at: Timestamp) -> bool {
        let date = at.to_zoned(self.zone()).date();
        let is_open = |(opens, closes): (Timestamp, Timestamp)| opens <= at && at < closes;
        self.is_business(date) && self.opening(date).is_some_and(is_open)
    }

    fn is_business(&self, date: Date) -> bool {
        self.days.contains(&Day::of(date.weekday())) && !self.holidays.contains(&date)
    }

    /// Returns when business opens and closes on a day.
    fn opening(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        let zone = self.zone();
        let last = if self.to == Time::midnight() { date.tomorrow().ok()? } else { date };
        let at = |date: Date, time| date.to_datetime(time).to_zoned(zone.clone()).ok();
        Some((at(date, self.from)?.timestamp(), at(last, self.to)?.timestamp()))
    }

    fn next_day_end(&self, start: Timestamp) -> Option<Timestamp> {
        let mut day = start.to_zoned(self.zone()).date();
        for _ in 0..MAX_DAYS {
            day = day.tomorrow().ok()?;
            if self.is_business(day) {
                return self.opening(day).map(|(_, closes)| closes);
            }
        }
        None
    }

    fn add(&self, start: Timestamp, wanted: SignedDuration) -> Option<Timestamp> {
        let mut left = wanted;
        let mut day = start.to_zoned(self.zone()).date();
        for _ in 0..MAX_DAYS {
            if self.is_business(day) {
                let (opens, closes) = self.opening(day)?;
                let from = opens.max(start);
                let there = closes.duration_since(from);
                if there >= left {
                    return from.checked_add(left).ok();
                }
                left -= there.max(SignedDuration::ZERO);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }
}

impl Day {
    fn of(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |n: u32| match n % 60 {
            0 if n > 0 => format!("{} h", n / 60),
            _ => format!("{n} min"),
        };
        match self {
            Self::Minutes(n) => f.write_str(&amount(*n)),
            Self::BusinessMinutes(n) => write!(f, "{} of business hours", amount(*n)),
            Self::NextBusinessDay => f.write_str("next business day"),
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    /// Reads `15 min`, `4 h`, `4 h of business hours`, `next business day`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || {
            format!(
                "a limit is like `15 min`, `4 h`, `4 h of business hours` or `next business day`, not `{text}`"
            )
        };
        if text == "next business day" {
            return Ok(Self::NextBusinessDay);
        }
        let amount = text.strip_suffix(" of business hours");
        let digits = amount.unwrap_or(text);
        let at = digits.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let number: u32 = digits[..at].parse().map_err(|_| refused())?;
        let minutes = match digits[at..].trim() {
            "min" | "m" => Some(number),
            "h" => number.checked_mul(60),
            "d" => number.checked_mul(24 * 60),
            _ => None,
        };
        let minutes = minutes.filter(|minutes| *minutes > 0).ok_or_else(refused)?;
        Ok(if amount.is_some() { Self::BusinessMinutes(minutes) } else { Self::Minutes(minutes) })
    }
}

impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn berlin() -> BusinessHours {
        BusinessHours {
            time_zone: "Europe/Berlin".to_owned(),
            from: time(9, 0, 0, 0),
            to: time(17, 0, 0, 0),
            holidays: [date(2026, 12, 25)].into(),
            ..BusinessHours::default()
        }
    }

    fn after(limit: &str, start: &str) -> String {
        let limit: Limit = limit.parse().unwrap();
        limit.after(start.parse().unwrap(), &berlin()).unwrap().to_string()
    }

    #[test]
    fn limits_read_back_as_they_are_shown() {
        for text in ["15 min", "1 h", "90 min", "4 h of business hours", "next business day"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        for wrong in ["", "h", "0 min", "4 weeks", "-1 h", "4294967295 h", "business"] {
            assert!(wrong.parse::<Limit>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn business_hours_are_those_of_the_place() {
        // Friday 16:00 in Berlin: an hour is left, three are of Monday.
        let due = after("4 h of business hours", "2026-11-20T15:00:00Z");
        assert_eq!(due, "2026-11-23T11:00:00Z");
        // At night nothing counts; in summer the place is two hours ahead.
        assert_eq!(after("1 h of business hours", "2026-07-01T00:00:00Z"), "2026-07-01T08:00:00Z");
        assert_eq!(after("1 h", "2026-07-01T00:00:00Z"), "2026-07-01T01:00:00Z");
    }

    #[test]
    fn an_instant_is_within_business_hours_or_not() {
        for (at, is_within) in [
            ("2026-11-20T07:59:59Z", false),
            ("2026-11-20T08:00:00Z", true),
            ("2026-11-20T16:00:00Z", false),
            ("2026-11-21T12:00:00Z", false),
            ("2026-12-25T12:00:00Z", false),
        ] {
            assert_eq!(berlin().holds(at.parse().unwrap()), is_within, "{at}");
        }
    }

    #[test]
    fn the_next_business_day_steps_over_holidays_and_weekends() {
        // Thursday the 24th; the 25th is a holiday, then comes a weekend.
        assert_eq!(after("next business day", "2026-12-24T10:00:00Z"), "2026-12-28T16:00:00Z");
    }

    #[test]
    fn a_calendar_without_a_business_day_gives_no_clock_and_is_a_fault() {
        let mut rules = ClockRules::default();
        assert_eq!(rules.fault(), None);
        rules.business.days.clear();
        let limit = Limit::NextBusinessDay;
        assert_eq!(limit.after(Timestamp::UNIX_EPOCH, &rules.business), None);
        assert!(rules.fault().unwrap().contains("business day"));
        rules.business = BusinessHours { time_zone: "Mars/Base".into(), ..berlin() };
        assert!(rules.fault().unwrap().contains("Mars/Base"));
        rules.business = BusinessHours { to: time(8, 0, 0, 0), ..berlin() };
        assert!(rules.fault().unwrap().contains("before they begin"));
    }
}
