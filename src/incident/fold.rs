//! The fold: an incident is the sum of its events, and nothing else.
//!
//! A pure function: the same events give the same incident, on any machine, at any time. Events that
//! don't fit (an end without a beginning, a date that can't be) change what they can and are listed
//! as oddities; they never stop the fold, for a record that can't be read helps nobody.

mod apply;
mod surroundings;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::surroundings::{Affected, Checkpoint, FollowUp, Repeat, RootCause, Workflow};
use super::{
    ClockRules, Clocks, CredentialRef, Error, Event, Exposure, Figures, Hands, IncidentId, Inputs,
    Level, Line, Link, Pause, Phase, Recorded, Role, Step, Times, Tlp, UsageReview, Verdict,
};

/// An incident as its events tell it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What happened, in a line.
    pub title: String,
    /// A rehearsal: it never counts in a scorecard.
    pub drill: bool,
    /// What was reached.
    pub state: State,
    /// What is being worked on: as somebody said, or further where more was reached.
    pub phase: Phase,
    /// How often work went back to an earlier phase after something had been reached.
    pub reopened: u32,
    /// The last judgement on the alert.
    pub verdict: Option<Judgement>,
    /// The last classification.
    pub severity: Option<Severity>,
    /// The clocks of that severity (service-level agreement); `None` where it has none or is not known yet.
    pub sla: Option<Clocks>,
    /// Who took it first.
    pub acknowledged_by: Option<String>,
    /// Who answers for what.
    pub roles: BTreeMap<Role, String>,
    /// Who stands in.
    pub deputies: BTreeMap<Role, String>,
    /// The name for people who must not know more.
    pub codename: Option<String>,
    /// Who may see the record.
    pub tlp: Option<Tlp>,
    /// The rules the clocks follow.
    pub clock_rules: ClockRules,
    /// Where they are from; `None` for the built-in ones.
    pub clock_rules_from: Option<String>,
    /// When the resolution clock stood still.
    pub clock_pauses: Vec<Pause>,
    /// The systems that trust the key.
    pub affected: Vec<Affected>,
    /// What vendors were asked.
    pub checkpoints: Vec<Checkpoint>,
    /// The workflows that were stopped.
    pub workflows: Vec<Workflow>,
    /// What is left to do after it.
    pub followups: Vec<FollowUp>,
    /// Why it could happen, with its kind.
    pub cause: Option<RootCause>,
    /// The earlier incidents of the same kind.
    pub repeats: Vec<Repeat>,
    /// What the key was used for, as the last review tells.
    pub usage: Option<UsageReview>,
    /// The incidents that hang together with this one.
    pub links: Vec<Link>,
    /// The leaked credential.
    pub credential: CredentialRef,
    /// Where it stands.
    pub exposure: Exposure,
    /// When what happened.
    pub times: Times,
    /// The figures made of the times.
    pub figures: Figures,
    /// The plan that was approved last.
    pub plan: Option<PlanInForce>,
    /// The steps: those that were touched, and those still planned, in the order they became known.
    pub steps: Vec<Step>,
    /// What was kept as proof.
    pub evidence: Vec<Evidence>,
    /// Notes.
    pub notes: Vec<Note>,
    /// The root cause, as soon as it was found.
    pub root_cause: Option<String>,
    /// What was learned, once closed.
    pub lessons: Option<String>,
    /// Every event as a line.
    pub timeline: Vec<Line>,
    /// What in the events doesn't fit together.
    pub oddities: Vec<Oddity>,
}

/// What an incident has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// An alert, not judged yet.
    Open,
    /// Judged, not contained.
    Triaged,
    /// The key can do no more harm.
    Contained,
    /// The cause is gone.
    Eradicated,
    /// Consumers work on the replacement.
    Recovered,
    /// Reviewed.
    Closed,
    /// No incident.
    Cancelled,
}

impl State {
    /// Tells whether nothing is left to do.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled)
    }

    /// Returns the state as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Triaged => "triaged",
            Self::Contained => "contained",
            Self::Eradicated => "eradicated",
            Self::Recovered => "recovered",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A judgement on the alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The judgement.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Who recorded it.
    pub by: String,
}

/// A classification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Severity {
    /// The level.
    pub level: Level,
    /// Which rule gave it, with the version of the rules.
    pub rule: String,
    /// What the rule was given.
    pub inputs: Inputs,
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Who recorded it.
    pub by: String,
}

/// The plan that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanInForce {
    /// Its hash.
    pub hash: String,
    /// Who approved it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Something kept as proof. Its content is in the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The number of the event that holds it.
    pub seq: u64,
    /// When it was kept.
    pub at: Timestamp,
    /// What it is.
    pub name: String,
    /// SHA-256 of the canonical JSON of its content, as recorded.
    pub sha256: String,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The line.
    pub text: String,
}

/// Something in the events that doesn't fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// The number of the event.
    pub seq: u64,
    /// What doesn't fit, in words.
    pub what: String,
}

impl Incident {
    /// Returns the sum of the events.
    ///
    /// # Errors
    /// [`Error::NotOpened`] where no event opens the incident.
    pub fn of(id: &IncidentId, events: &[Recorded]) -> Result<Self, Error> {
        let opening = events.iter().find_map(|recorded| match &recorded.event {
            Event::Opened { .. } => Self::opened(id, recorded),
            _ => None,
        });
        let mut incident = opening.ok_or_else(|| Error::NotOpened(id.clone()))?;
        let mut previous_at = None;
        for recorded in events {
            if previous_at.is_some_and(|previous| recorded.at < previous) {
                let what = "recorded earlier than the event before it: a clock was set back";
                incident.odd(recorded, what);
            }
            previous_at = Some(recorded.at);
            incident.apply(recorded);
        }
        incident.sum_up();
        Ok(incident)
    }

    /// Returns the steps whose outcome has to be settled by looking.
    pub fn unsettled(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.is_unsettled())
    }

    /// Returns who leads: the commander.
    pub fn lead(&self) -> Option<&str> {
        self.roles.get(&Role::Commander).map(String::as_str)
    }

    /// Tells whether the resolution clock stands still.
    pub fn is_clock_paused(&self) -> bool {
        self.clock_pauses.last().is_some_and(|pause| pause.resumed_at.is_none())
    }

    /// Returns whoever has a role, or else who stands in.
    pub fn holder(&self, role: Role) -> Option<&str> {
        self.roles.get(&role).or_else(|| self.deputies.get(&role)).map(String::as_str)
    }

    /// Tells whether it belongs in a scorecard: no drill, and really an incident.
    pub fn counts(&self) -> bool {
        let verdict = self.verdict.as_ref().map(|judgement| judgement.verdict);
        !self.drill && verdict == Some(Verdict::TruePositive)
    }

    /// Derives what follows from the times.
    fn sum_up(&mut self) {
        let times = &self.times;
        self.state = if times.closed_at.is_some() {
            State::Closed
        } else if times.cancelled_at.is_some() {
            State::Cancelled
        } else if times.recovered_at.is_some() {
            State::Recovered
        } else if times.eradicated_at.is_some() {
            State::Eradicated
        } else if times.contained_at.is_some() {
            State::Contained
        } else if self.verdict.is_some() {
            State::Triaged
        } else {
            State::Open
        };
        self.figures = Figures::of(times);
        self.sla = self.severity.as_ref().and_then(|severity| {
            let hands = Hands {
                started_at: times.alerted_at,
                responded_at: times.acknowledged_at.or(times.cancelled_at),
                resolved_at: times.recovered_at.or(times.cancelled_at),
                pauses: &self.clock_pauses,
            };
            Clocks::of(severity.level, &self.clock_rules, hands)
        });
    }
}
