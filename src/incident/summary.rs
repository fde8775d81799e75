//! What lists and scorecards need of an incident: small, and made of the incident alone, so that a store
//! may keep it beside the events and make it anew at any time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Cause, Clocks, Figures, FollowUp, Incident, IncidentId, Level, Need, Repeat, Role, State,
    StepState, Verdict,
};
use crate::secret::Fingerprint;

/// An incident in few words. Whatever changes its form raises [`Summary::FORM`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The incident.
    pub id: IncidentId,
    /// What happened, in a line.
    pub title: String,
    /// The name for people who must not know more.
    pub codename: Option<String>,
    /// A rehearsal.
    pub drill: bool,
    /// What was reached.
    pub state: State,
    /// The last judgement on the alert.
    pub verdict: Option<Verdict>,
    /// How bad it is.
    pub level: Option<Level>,
    /// The first alert.
    pub alerted_at: Timestamp,
    /// The figures made of the times.
    pub figures: Figures,
    /// The clocks.
    pub sla: Option<Clocks>,
    /// Whether the resolution clock stands still.
    pub is_clock_paused: bool,
    /// The provider.
    pub provider: String,
    /// The provider's class.
    pub class: String,
    /// The repository or place.
    pub root: String,
    /// The kind of root cause.
    pub cause: Option<Cause>,
    /// Whose the key is, as far as is known.
    pub owner: Option<String>,
    /// The leaked credential.
    pub fingerprint: Fingerprint,
    /// The steps of the runbook that could not be done.
    pub gaps: Vec<String>,
    /// The earlier incidents of the same kind.
    pub repeats: Vec<Repeat>,
    /// What is left to do after it, and what was done of that.
    pub followups: Vec<FollowUp>,
    /// What is to be done first.
    pub urgent: Option<Need>,
}

impl Summary {
    /// The form of this struct, for whoever keeps summaries.
    pub const FORM: u32 = 1;

    /// Returns the summary of an incident.
    pub fn of(incident: &Incident) -> Self {
        let failed = |state| matches!(state, StepState::Failed | StepState::Refused);
        let gaps = incident.steps.iter().filter(|step| failed(step.state));
        let needs = incident.needs().into_iter();
        Self {
            id: incident.id.clone(),
            title: incident.title.clone(),
            codename: incident.codename.clone(),
            drill: incident.drill,
            state: incident.state,
            verdict: incident.verdict.as_ref().map(|judgement| judgement.verdict),
            level: incident.severity.as_ref().map(|severity| severity.level),
            alerted_at: incident.times.alerted_at,
            figures: incident.figures.clone(),
            sla: incident.sla.clone(),
            is_clock_paused: incident.is_clock_paused(),
            provider: incident.credential.provider.clone(),
            class: incident.credential.class.clone(),
            root: incident.exposure.root.clone(),
            cause: incident.cause.as_ref().map(|cause| cause.category),
            owner: owner(incident).map(str::to_owned),
            fingerprint: incident.credential.fingerprint,
            gaps: gaps.map(|step| step.id.clone()).collect(),
            repeats: incident.repeats.clone(),
            followups: incident.followups.clone(),
            urgent: needs.min_by_key(|need| need.due.unwrap_or(Timestamp::MAX)),
        }
    }

    /// Tells whether it turned out to be no incident.
    pub fn is_no_incident(&self) -> bool {
        self.verdict.is_some_and(Verdict::is_no_incident)
    }

    /// Tells whether it belongs in a scorecard: no drill, and really an incident.
    pub fn counts(&self) -> bool {
        !self.drill && self.verdict == Some(Verdict::TruePositive)
    }
}

/// Returns whose the key is: the first affected system's owner, or whoever owns the follow-ups.
fn owner(incident: &Incident) -> Option<&str> {
    let of_system = incident.affected.iter().find_map(|system| system.owner.as_deref());
    of_system.or_else(|| incident.roles.get(&Role::FollowUpOwner).map(String::as_str))
}
