//! What came of a plan, for whoever started it: the record itself is in the journal.

use super::action::Action;
use crate::incident::Outcome;

/// Where a containment stands when the engine returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The old key is proved dead and every step of the plan is done.
    Contained,
    /// Something was done and something was not; each is known.
    Partly,
    /// Whether something was done can't be told yet: resume, or look by hand.
    Unsettled,
    /// Nothing of the plan took effect.
    Refused,
}

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    /// The step's id in the plan.
    pub step: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen, in words.
    pub detail: String,
}

/// What came of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where the containment stands.
    pub settled: Settled,
    /// Whether the old key is proved dead, whatever became of the other steps.
    pub proved_dead: bool,
    /// How each step ended, in the plan's order.
    pub steps: Vec<StepResult>,
    /// What a person has to do, each with its reason.
    pub left_for_a_person: Vec<String>,
}

impl Settled {
    /// Returns where a containment stands whose steps ended so. What was only read along the way doesn't
    /// count: a key is contained whether or not its rights could be read.
    pub(super) fn of(steps: &[(Action, Outcome)], proved_dead: bool) -> Self {
        let steps = || steps.iter().filter(|(action, _)| !action.is_aside());
        let any = |outcome| steps().any(|step| step.1 == outcome && step.0 != Action::Recheck);
        let all = steps().all(|step| step.1 == Outcome::Succeeded);
        match () {
            () if any(Outcome::Unknown) => Self::Unsettled,
            () if all && proved_dead => Self::Contained,
            () if any(Outcome::Succeeded) => Self::Partly,
            () => Self::Refused,
        }
    }
}
