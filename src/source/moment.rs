//! An instant as git writes it down: with the clock on the wall of whoever wrote.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// A second and an offset from UTC, shown as in RFC 3339. Ordered by the instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    timestamp: Timestamp,
    offset: Offset,
}

impl Moment {
    /// Returns the instant.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Reads `1700000000 +0100`. An offset no clock can have is none; `None` where the second makes no
    /// sense, or would be shown with a year of more than four digits.
    pub(super) fn of_git(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let timestamp = Timestamp::from_second(words.next()?.parse().ok()?).ok()?;
        let offset = words.next().and_then(offset_of_git).unwrap_or(Offset::UTC);
        let year = offset.to_datetime(timestamp).year();
        (0..=9999).contains(&year).then_some(Self { timestamp, offset })
    }
}

/// Reads `+0130` as an hour and a half ahead of UTC.
fn offset_of_git(text: &str) -> Option<Offset> {
    let digits: i32 = text.get(1..).filter(|rest| rest.len() == 4)?.parse().ok()?;
    let (hours, minutes) = (digits / 100, digits % 100);
    let is_clock = (0..24).contains(&hours) && minutes < 60;
    let seconds = hours * 3600 + minutes * 60;
    match text.as_bytes()[0] {
        b'+' if is_clock => Offset::from_seconds(seconds).ok(),
        b'-' if is_clock => Offset::from_seconds(-seconds).ok(),
        _ => None,
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp.display_with_offset(self.offset).fmt(f)
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |moment: &Self| (moment.timestamp, moment.offset);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let timestamp = text.parse().map_err(serde::de::Error::custom)?;
        let pieces = Pieces::parse(&text).map_err(serde::de::Error::custom)?;
        Ok(Self { timestamp, offset: pieces.to_numeric_offset().unwrap_or(Offset::UTC) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Moment::of_git(text).map(|moment| moment.to_string())
    }

    #[test]
    fn a_date_keeps_its_own_offset_and_reads_back() {
        let cases = [
            ("0 +0000", "1970-01-01T00:00:00+00:00"),
            ("1709164799 +0000", "2024-02-28T23:59:59+00:00"),
            ("1709164800 -0130", "2024-02-28T22:30:00-01:30"),
            ("951782400 +0545", "2000-02-29T05:45:00+05:45"),
            ("-1 +0000", "1969-12-31T23:59:59+00:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text).as_deref(), Some(expected));
            let moment = Moment::of_git(text).unwrap();
            let json = serde_json::to_string(&moment).unwrap();
            assert_eq!(serde_json::from_str::<Moment>(&json).unwrap(), moment);
        }
    }

    #[test]
    fn what_is_broken_is_left_out() {
        let utc = Some("1970-01-01T00:00:00+00:00".to_owned());
        for text in ["0 +9999", "0 +518000", "0"] {
            assert_eq!(shown(text), utc);
        }
        for text in ["", "99999999999999 +0000", "9223372036854775807 +0100", "x +0000"] {
            assert_eq!(shown(text), None);
        }
    }

    #[test]
    fn moments_sort_by_the_instant_and_not_by_the_clock_on_the_wall() {
        let (early, late) = (Moment::of_git("100 +0900"), Moment::of_git("200 -0900"));
        assert!(early < late && shown("100 +0900") > shown("200 -0900"));
    }
}
