//! What the events of an incident say about its last approved plan. The engine keeps no other state, so
//! that a run taken up after a crash knows as much as the one that crashed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::Error;
use super::plan::{Action, Plan};
use crate::incident::{Event, Outcome};

/// The step under which an orphan, or an undelivered key, is deleted.
pub(super) const DISCARD: &str = "rotate.discard";

/// Returns the step under which a step is taken back.
pub(super) fn undo_of(action: Action) -> String {
    format!("undo.{}", action.id())
}

/// How a step ended, as it was written down.
#[derive(Clone, Debug)]
pub(super) struct Finish {
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    pub(super) effective_at: Option<Timestamp>,
    pub(super) seen: Value,
}

/// What is known of one step.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    /// The state before it was first tried, which is what an undo restores.
    pub(super) first_before: Option<Value>,
    /// The state before it was last tried.
    pub(super) before: Option<Value>,
    target: String,
    /// How the last try ended; `None` while it is intended and not finished.
    pub(super) finish: Option<Finish>,
}

/// What the events say since the last plan was approved.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The plan and its hash.
    pub(super) plan: Option<(Plan, String)>,
    traces: BTreeMap<String, Trace>,
    /// The containment was written down.
    pub(super) contained: bool,
    /// Keys that were made here and deleted again.
    pub(super) discarded: BTreeSet<String>,
}

impl History {
    /// Takes the next event.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), Error> {
        match event {
            Event::PlanApproved { plan_hash, plan, .. } => {
                *self = Self { plan: Some(approved(plan, plan_hash)?), ..Self::default() };
            }
            Event::StepIntended { step, target, before, .. } => {
                let trace = self.traces.entry(step.clone()).or_default();
                trace.first_before.get_or_insert_with(|| before.clone());
                trace.before = Some(before.clone());
                trace.target.clone_from(target);
                trace.finish = None;
            }
            Event::StepFinished { step, outcome, detail, effective_at, seen } => {
                let trace = self.traces.entry(step.clone()).or_default();
                if step == DISCARD && *outcome == Outcome::Succeeded {
                    self.discarded.insert(trace.target.clone());
                }
                trace.finish = Some(Finish {
                    outcome: *outcome,
                    detail: detail.clone(),
                    effective_at: *effective_at,
                    seen: seen.clone(),
                });
            }
            Event::Contained { .. } => self.contained = true,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn trace(&self, step: &str) -> Option<&Trace> {
        self.traces.get(step)
    }

    pub(super) fn finish(&self, step: &str) -> Option<&Finish> {
        self.trace(step)?.finish.as_ref()
    }

    pub(super) fn outcome(&self, step: &str) -> Option<Outcome> {
        self.finish(step).map(|finish| finish.outcome)
    }

    pub(super) fn has_succeeded(&self, step: &str) -> bool {
        self.outcome(step) == Some(Outcome::Succeeded)
    }

    /// Tells whether a step was intended and how it ended is not written down.
    pub(super) fn is_pending(&self, step: &str) -> bool {
        self.trace(step).is_some_and(|trace| trace.finish.is_none())
    }

    /// Tells whether somebody began to take the plan back; it is not taken up after that.
    pub(super) fn is_undone(&self) -> bool {
        self.traces.keys().any(|step| step.starts_with("undo."))
    }

    /// Returns the hash of a plan that was begun and whose end is not known.
    pub(super) fn unfinished(&self) -> Option<&str> {
        let (plan, hash) = self.plan.as_ref()?;
        let is_open = |step: &str| matches!(self.outcome(step), None | Some(Outcome::Unknown));
        let open = plan.steps.iter().any(|step| is_open(&step.id)) || self.is_pending(DISCARD);
        (open && !self.is_undone()).then_some(hash.as_str())
    }
}

fn approved(plan: &Value, hash: &str) -> Result<(Plan, String), Error> {
    let plan: Plan = serde_json::from_value(plan.clone())
        .map_err(|error| Error::Damaged(format!("the approved plan can't be read: {error}")))?;
    if plan.hash() == hash {
        Ok((plan, hash.to_owned()))
    } else {
        Err(Error::Damaged("the approved plan doesn't have the hash that was approved".to_owned()))
    }
}
