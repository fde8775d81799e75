//! Times as people type them at night.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::Failure;

/// Returns the instant that was meant: `2026-11-18T09:00Z`, `2026-11-18 09:00` (in that time zone),
/// `2026-11-18` (its beginning), `20 min ago`, `in 3 d`, `now`.
pub(super) fn instant(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failure> {
    parse(text.trim(), now, zone).ok_or_else(|| refused(text))
}

/// Returns until when something is due: of a day, its end.
pub(super) fn due(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let day = text.trim().parse::<Date>().ok().filter(|_| text.trim().len() <= 10);
    let end = day.and_then(|day| day.tomorrow().ok()?.to_zoned(zone.clone()).ok());
    match end {
        Some(end) => Ok(end.timestamp()),
        None => instant(text, now, zone),
    }
}

fn refused(text: &str) -> Failure {
    // Anything else than a time may be a secret pasted by mistake.
    let shown = match text.chars().all(|c| c.is_ascii_digit() || "-:TZ+. ".contains(c)) {
        true => format!("`{text}`"),
        false => "what was given".to_owned(),
    };
    Failure::new(format!("{shown} is no time"))
        .hint("a time is like 2026-11-18T09:00Z, '2026-11-18 09:00', '20 min ago', 'in 3 d' or now")
}

fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if text == "now" {
        return Some(now);
    }
    if let Some(amount) = text.strip_suffix(" ago") {
        return now.checked_sub(stretch(amount)?).ok();
    }
    if let Some(amount) = text.strip_prefix("in ") {
        return now.checked_add(stretch(amount)?).ok();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let local = text.parse::<DateTime>().ok()?;
    local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

fn stretch(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let number: i64 = text[..at].parse().ok()?;
    let seconds = match text[at..].trim() {
        "s" | "second" | "seconds" => 1,
        "min" | "m" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_type_them() {
        let now: Timestamp = "2026-11-18T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, expected) in [
            ("now", "2026-11-18T12:00:00Z"),
            ("20 min ago", "2026-11-18T11:40:00Z"),
            ("3d ago", "2026-11-15T12:00:00Z"),
            ("in 2 weeks", "2026-12-02T12:00:00Z"),
            ("2026-11-18T09:00Z", "2026-11-18T09:00:00Z"),
            ("2026-11-18T09:00:00+02:00", "2026-11-18T07:00:00Z"),
            ("2026-11-18 09:00", "2026-11-18T08:00:00Z"),
            ("2026-11-18", "2026-11-17T23:00:00Z"),
        ] {
            let at = instant(text, now, &zone).unwrap();
            assert_eq!(at.to_string(), expected, "{text}");
        }
        let end = due("2026-11-18", now, &zone).unwrap();
        assert_eq!(end.to_string(), "2026-11-18T23:00:00Z");
        for wrong in ["", "soon", "9", "99999999999999999999 d ago", "in -1 d", "5 x ago"] {
            assert!(instant(wrong, now, &zone).is_err(), "{wrong}");
        }
    }
}
