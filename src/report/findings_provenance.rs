//! The provenance of a finding, in words and for machines.

use jiff::Timestamp;
use serde::Serialize;

use super::findings_words::plural;
use crate::finding::{Change, Finding, Provenance, plain};
use crate::source::Moment;

/// Provenance as machines read it, with how long the credential was exposed.
#[derive(Serialize)]
pub(super) struct JsonProvenance<'a> {
    #[serde(flatten)]
    provenance: &'a Provenance,
    exposure: JsonExposure,
}

#[derive(Serialize)]
struct JsonExposure {
    /// The committer's date of the first commit.
    since: Option<Moment>,
    /// That of the commit that took it away; none where it still stands, and counts until now.
    until: Option<Moment>,
    days: Option<i64>,
}

/// Returns what machines read of a finding's provenance, if it has one.
pub(super) fn json_provenance(finding: &Finding, now: Timestamp) -> Option<JsonProvenance<'_>> {
    let provenance = finding.provenance.as_ref()?;
    let (since, until) = (provenance.since(), provenance.until());
    let exposure = JsonExposure { since, until, days: days(provenance, now) };
    Some(JsonProvenance { provenance, exposure })
}

/// Returns for how many whole days a credential was exposed.
pub(super) fn days(provenance: &Provenance, now: Timestamp) -> Option<i64> {
    Some(provenance.exposure(now)?.as_hours() / 24)
}

/// Returns how long a credential was exposed, and until when that counts; none where no commit holds it.
pub(super) fn exposure(provenance: &Provenance, now: Timestamp) -> Option<String> {
    let length = match days(provenance, now) {
        Some(0) => "for less than a day".to_owned(),
        Some(days) => format!("for {days} {}", plural(days as usize, "day")),
        None => "for an unknown time".to_owned(),
    };
    provenance.first.as_ref()?;
    Some(match &provenance.removed {
        Some(removed) => {
            format!("exposed {length}, until {} took it away", commit_of_day(removed))
        }
        None => format!("exposed {length}, until now"),
    })
}

/// Returns where a credential can still be reached.
pub(super) fn reach(provenance: &Provenance) -> String {
    match (provenance.is_in_head, provenance.is_reachable, &provenance.reached_by) {
        (true, ..) => "HEAD still shows it".to_owned(),
        (false, true, _) => "HEAD no longer shows it, a branch or tag still reaches it".to_owned(),
        (false, false, Some(name)) => {
            format!("no branch or tag reaches it, but {} does", plain(name))
        }
        (false, false, None) => {
            "no branch or tag reaches it any more, the repository still has it".to_owned()
        }
    }
}

/// Returns a commit by its short id and day.
pub(super) fn commit_of_day(change: &Change) -> String {
    let id = change.commit.get(..12).unwrap_or(&change.commit);
    let day = change.committed.map(|moment| moment.to_string());
    match day.as_deref().and_then(|day| day.get(..10)) {
        Some(day) => format!("commit {id} of {day}"),
        None => format!("commit {id}"),
    }
}
