//! The timeline: each event as one line for people.

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, Outcome, Phase, Recorded, Role, Verdict};

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The number of the event.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who recorded it.
    pub actor: String,
    /// What happened, in words. It holds what people and providers wrote as they wrote it; whoever
    /// shows it makes it safe to show.
    pub text: String,
}

impl From<&Recorded> for Line {
    fn from(recorded: &Recorded) -> Self {
        Self {
            seq: recorded.seq,
            at: recorded.at,
            actor: recorded.actor.clone(),
            text: describe(&recorded.event),
        }
    }
}

/// Returns what happened, in words.
pub fn describe(event: &Event) -> String {
    match event {
        Event::Opened { title, drill, .. } if *drill => format!("opened, as a drill: {title}"),
        Event::Opened { title, .. } => format!("opened: {title}"),
        Event::Judged { verdict, reason } => format!("judged {}: {reason}", verdict.words()),
        Event::Classified { level, rule, reason, .. } => format!("{level} by {rule}: {reason}"),
        Event::Acknowledged { by } => format!("{by} took it"),
        Event::Assigned { role, person } => format!("{person} is {}", role.words()),
        Event::PhaseEntered { phase, reason } => {
            format!("phase {} begins: {reason}", phase.words())
        }
        Event::Observed { .. } => "looked at the provider".to_owned(),
        Event::PlanApproved { plan_hash, by, .. } => format!("{by} approved plan {plan_hash}"),
        Event::LeakDated { leaked_at, reason } => format!(
            "the leak is dated {} to {} ({}): {reason}",
            leaked_at.lower, leaked_at.upper, leaked_at.source
        ),
        Event::Closed { root_cause, .. } => format!("closed; root cause: {root_cause}"),
        Event::Noted { text } => format!("note: {text}"),
        work => describe_work(work),
    }
}

/// Returns what was done, in words: the events that `describe` leaves over.
fn describe_work(event: &Event) -> String {
    match event {
        Event::StepIntended { step, call, target, .. } => {
            format!("{step}: about to call {call} on {target}")
        }
        Event::StepFinished { step, outcome, detail, .. } => {
            format!("{step}: {}: {detail}", outcome.words())
        }
        Event::EvidenceCollected { name, sha256, .. } => format!("kept {name} (sha256 {sha256})"),
        Event::Contained { effective_at, verified_at } => {
            format!("contained, in effect since {effective_at}, proved at {verified_at}")
        }
        Event::Eradicated { reason } => format!("eradicated: {reason}"),
        Event::Recovered { reason } => format!("recovered: {reason}"),
        other => other.kind().to_owned(),
    }
}

impl Verdict {
    /// Returns the verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::TruePositive => "a true positive",
            Self::FalsePositive => "a false positive",
            Self::TestKey => "a test key",
            Self::Duplicate => "a duplicate",
            Self::NearMiss => "a near miss",
            Self::Canary => "a planted bait",
            Self::InsufficientData => "undecidable",
        }
    }

    /// Tells whether there is no incident, so that the clocks stop.
    pub fn is_no_incident(self) -> bool {
        matches!(self, Self::FalsePositive | Self::TestKey | Self::Duplicate | Self::Canary)
    }
}

impl Phase {
    /// Returns the phase in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Identification => "identification",
            Self::Containment => "containment",
            Self::Eradication => "eradication",
            Self::Recovery => "recovery",
            Self::LessonsLearned => "lessons learned",
        }
    }
}

impl Role {
    /// Returns the role in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::TechnicalLead => "technical lead",
            Self::Communications => "communications",
            Self::Scribe => "scribe",
            Self::Approver => "approver",
            Self::FollowUpOwner => "owner of the follow-ups",
        }
    }
}

impl Outcome {
    /// Returns the outcome in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "outcome unknown",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}
