//! Repeats: an incident that resembles an earlier one, and the follow-up that was not done in between.

use super::{Cause, Repeat, Summary};

/// Returns the earlier incidents that this one repeats, the latest first, each with the reason. Drills
/// repeat nothing, and nor does what turned out to be no incident.
pub fn repeats(incident: &Summary, others: &[Summary]) -> Vec<Repeat> {
    if incident.drill || incident.is_no_incident() {
        return Vec::new();
    }
    let earlier = |other: &&Summary| {
        let before = (other.alerted_at, &other.id) < (incident.alerted_at, &incident.id);
        other.id != incident.id && before && !other.drill && !other.is_no_incident()
    };
    let mut found: Vec<_> = (others.iter().filter(earlier))
        .filter_map(|other| Some((other.alerted_at, repeat(incident, other)?)))
        .collect();
    found.sort_by(|(one, first), (other, second)| {
        other.cmp(one).then(second.prior.cmp(&first.prior))
    });
    found.into_iter().map(|(_, repeat)| repeat).collect()
}

fn repeat(incident: &Summary, other: &Summary) -> Option<Repeat> {
    let likeness = likeness(incident, other)?;
    let undone: Vec<_> = (other.followups.iter())
        .filter(|followup| followup.done_at.is_none_or(|done| done > incident.alerted_at))
        .map(|followup| format!("\"{}\" of {}", followup.title, followup.owner))
        .collect();
    let reason = match undone.is_empty() {
        true => likeness,
        false => format!("{likeness}; not done by then: {}", undone.join(", ")),
    };
    Some(Repeat { prior: other.id.clone(), reason })
}

fn likeness(incident: &Summary, other: &Summary) -> Option<String> {
    if incident.fingerprint == other.fingerprint {
        return Some("the same key leaked again".to_owned());
    }
    // Not knowing the cause of two incidents makes them no pair.
    let known = |cause: &Cause| !matches!(cause, Cause::Unknown | Cause::Other);
    if let (Some(cause), Some(owner)) = (incident.cause.filter(known), &incident.owner)
        && other.cause == Some(cause)
        && other.owner.as_ref() == Some(owner)
    {
        return Some(format!(
            "the same root cause ({}) and the same owner ({owner})",
            cause.words()
        ));
    }
    let provider = &incident.provider;
    let is_there = |gap: &&String| other.gaps.contains(gap) && other.provider == *provider;
    let gap = incident.gaps.iter().find(is_there)?;
    Some(format!("the same gap in the runbook: `{gap}` at {provider} could not be done"))
}
