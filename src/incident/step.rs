//! The steps of a containment, as far as the events tell: planned, intended, ended how.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Outcome;

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It is in the approved plan and nothing was done.
    Planned,
    /// It was about to be done and nothing more is known: it may have been done.
    Intended,
    /// The provider shows what was wanted.
    Succeeded,
    /// It was not done.
    Failed,
    /// Whether it was done can't be told yet.
    Unknown,
    /// The responder may not, or the policy forbids it.
    Refused,
    /// Not needed, or left to a person.
    Skipped,
}

impl StepState {
    /// Returns the state as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Intended => "intended",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}

impl From<Outcome> for StepState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::Failed => Self::Failed,
            Outcome::Unknown => Self::Unknown,
            Outcome::Refused => Self::Refused,
            Outcome::Skipped => Self::Skipped,
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its id in the plan.
    pub id: String,
    /// The plan it belongs to; `None` where only its end was recorded and no plan was in force.
    pub plan_hash: Option<String>,
    /// The call, as far as known.
    pub call: String,
    /// What it acts on, as far as known.
    pub target: String,
    /// How far it is.
    pub state: StepState,
    /// A later plan was approved, so this step is history.
    pub superseded: bool,
    /// How often it was about to be done.
    pub attempts: u32,
    /// When it was last about to be done.
    pub intended_at: Option<Timestamp>,
    /// When its end was recorded.
    pub finished_at: Option<Timestamp>,
    /// When it took effect, by the provider's clock where it tells the time.
    pub effective_at: Option<Timestamp>,
    /// What was seen at the end, in words.
    pub detail: String,
    /// The state before, as kept for looking or undoing.
    pub before: Value,
    /// What was seen at the end, in full.
    pub seen: Value,
}

impl Step {
    /// Tells whether the world may have changed without the record knowing: look before acting. A later
    /// plan began with a look, which settles an unknown outcome, but not an intention nobody followed up.
    pub fn is_unsettled(&self) -> bool {
        match self.state {
            StepState::Intended => true,
            StepState::Unknown => !self.superseded,
            _ => false,
        }
    }

    /// Returns a step of which nothing but its name is known.
    pub(super) fn planned(id: &str, plan_hash: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            plan_hash: plan_hash.map(str::to_owned),
            call: String::new(),
            target: String::new(),
            state: StepState::Planned,
            superseded: false,
            attempts: 0,
            intended_at: None,
            finished_at: None,
            effective_at: None,
            detail: String::new(),
            before: Value::Null,
            seen: Value::Null,
        }
    }

    /// Returns the steps an approved plan names, in its order: the objects of its `steps` that have a
    /// text `id`. A plan is `contain`'s; here it is only looked at, so nothing is required of it.
    pub(super) fn all_planned(plan_hash: &str, plan: &Value) -> Vec<Self> {
        let steps = plan.get("steps").and_then(Value::as_array);
        let steps = steps.map_or(&[][..], Vec::as_slice).iter();
        let read = |step: &Value| {
            let mut planned = Self::planned(step.get("id")?.as_str()?, Some(plan_hash));
            planned.call = words(step.get("call").or_else(|| step.get("calls")));
            planned.target = words(step.get("target"));
            Some(planned)
        };
        steps.filter_map(read).collect()
    }
}

/// Returns the text, the texts, or the names of the objects in a value.
fn words(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| words(Some(item))).collect();
            items.join(", ")
        }
        Some(Value::Object(fields)) => words(fields.get("name").or_else(|| fields.get("id"))),
        _ => String::new(),
    }
}
