//! Repeats: an incident that resembles an earlier one, and the follow-up that was not done in between.

use super::{Cause, Incident, IncidentId, Repeat, Role, StepState};

/// What of an incident tells whether another one repeats it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Traits<'a> {
    cause: Option<Cause>,
    owner: Option<&'a str>,
    gaps: Vec<(&'a str, &'a str)>,
}

impl<'a> Traits<'a> {
    fn of(incident: &'a Incident) -> Self {
        // Not knowing the cause of two incidents makes them no pair.
        let known = |cause: &Cause| !matches!(cause, Cause::Unknown | Cause::Other);
        let failed = |state| matches!(state, StepState::Failed | StepState::Refused);
        let steps = incident.steps.iter().filter(|step| failed(step.state));
        Self {
            cause: incident.cause.as_ref().map(|cause| cause.category).filter(known),
            owner: owner(incident),
            gaps: steps
                .map(|step| (incident.credential.provider.as_str(), step.id.as_str()))
                .collect(),
        }
    }
}

/// Returns whose the key is: the first affected system's owner, or whoever owns the follow-ups.
fn owner(incident: &Incident) -> Option<&str> {
    let of_system = incident.affected.iter().find_map(|system| system.owner.as_deref());
    of_system.or_else(|| incident.roles.get(&Role::FollowUpOwner).map(String::as_str))
}

/// Returns the earlier incidents that this one repeats, the latest first, each with the reason. Drills
/// repeat nothing, and nor does what turned out to be no incident.
pub fn repeats(incident: &Incident, others: &[Incident]) -> Vec<Repeat> {
    let is_no_incident = |other: &Incident| {
        other.verdict.as_ref().is_some_and(|judgement| judgement.verdict.is_no_incident())
    };
    if incident.drill || is_no_incident(incident) {
        return Vec::new();
    }
    let earlier = |other: &&Incident| {
        let before =
            (other.times.alerted_at, &other.id) < (incident.times.alerted_at, &incident.id);
        other.id != incident.id && before && !other.drill && !is_no_incident(other)
    };
    let mut found: Vec<_> = (others.iter().filter(earlier))
        .filter_map(|other| Some((other.times.alerted_at, repeat(incident, other)?)))
        .collect();
    found.sort_by(|(one, first), (other, second)| {
        other.cmp(one).then(second.prior.cmp(&first.prior))
    });
    found.into_iter().map(|(_, repeat)| repeat).collect()
}

fn repeat(incident: &Incident, other: &Incident) -> Option<Repeat> {
    let (mine, theirs) = (Traits::of(incident), Traits::of(other));
    let likeness = if incident.credential.fingerprint == other.credential.fingerprint {
        "the same key leaked again".to_owned()
    } else if let (Some(cause), Some(owner)) = (mine.cause, mine.owner)
        && theirs.cause == Some(cause)
        && theirs.owner == Some(owner)
    {
        format!("the same root cause ({}) and the same owner ({owner})", cause.words())
    } else if let Some((provider, step)) = mine.gaps.iter().find(|gap| theirs.gaps.contains(gap)) {
        format!("the same gap in the runbook: `{step}` at {provider} could not be done")
    } else {
        return None;
    };
    let undone: Vec<_> = (other.followups.iter())
        .filter(|followup| followup.done_at.is_none_or(|done| done > incident.times.alerted_at))
        .map(|followup| format!("\"{}\" of {}", followup.title, followup.owner))
        .collect();
    let reason = match undone.is_empty() {
        true => likeness,
        false => format!("{likeness}; not done by then: {}", undone.join(", ")),
    };
    Some(Repeat { prior: IncidentId::clone(&other.id), reason })
}
