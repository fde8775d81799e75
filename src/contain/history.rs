//! What the events of an incident say about its last approved plan. The engine keeps no other state, so
//! that a run taken up after a crash knows as much as the one that crashed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::Error;
use super::lease::Lease;
use super::plan::Plan;
use crate::incident::{Classification, Event, Inputs, Outcome};
use crate::provider::Known;

/// The step under which an orphan, or an undelivered key, is deleted.
pub(super) const DISCARD: &str = "rotate.discard";

/// What is kept as seen of a step: whether it was needed.
pub(super) const NEEDED: &str = "needed";

/// What the steps begin with under which others are taken back.
const UNDO: &str = "undo.";

/// Returns the step under which a step is taken back.
pub(super) fn undo_of(step: &str) -> String {
    format!("{UNDO}{step}")
}

/// Who a plan is approved by where nobody but the policy approved it.
pub(super) const BY_POLICY: &str = "the policy";

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
    /// When it was approved.
    pub(super) approved_at: Option<Timestamp>,
    approved_by: String,
    /// The approvals of every plan: who, and what they typed out.
    approvals: BTreeMap<String, Vec<(String, Option<String>)>>,
    /// How bad the incident was last said to be.
    pub(super) severity: Option<Classification>,
    /// Who works on the incident, as far as the record tells.
    pub(super) lease: Option<Lease>,
    /// What was in the place of each restriction before it was first set, whatever plan it was in.
    replaced: BTreeMap<String, Value>,
    /// The containment was written down.
    pub(super) contained: bool,
    /// Keys that were made here and deleted again.
    pub(super) discarded: BTreeSet<String>,
}

impl History {
    /// Takes the next event.
    pub(super) fn take(&mut self, event: &Event, at: Timestamp) -> Result<(), Error> {
        match event {
            Event::PlanApproved { plan_hash, plan, by } => {
                *self = Self {
                    plan: Some(approved(plan, plan_hash)?),
                    approved_at: Some(at),
                    approved_by: by.clone(),
                    approvals: std::mem::take(&mut self.approvals),
                    severity: self.severity.take(),
                    lease: self.lease.take(),
                    replaced: std::mem::take(&mut self.replaced),
                    ..Self::default()
                };
            }
            Event::ApprovalGiven { plan_hash, by, confirmed } => {
                let approvals = self.approvals.entry(plan_hash.clone()).or_default();
                approvals.push((by.clone(), confirmed.clone()));
            }
            Event::LeaseTaken { holder, until } => self.lease = Some(Lease::of(holder, *until)),
            Event::LeaseReleased { holder } => {
                self.lease = self.lease.take().filter(|lease| lease.holder != *holder);
            }
            Event::StepIntended { step, target, before, .. } => {
                if step.starts_with(UNDO) {
                    // Who takes a plan back has to be asked again before it is carried out again.
                    self.approvals.clear();
                }
                if let Some(restriction) = before.get("restriction") {
                    let place = self.replaced.entry(restriction.to_string());
                    place.or_insert_with(|| before["replaced"].clone());
                }
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
            Event::Classified { level, rule, inputs, reason } => {
                self.severity = Some(Classification {
                    level: *level,
                    rule: rule.clone(),
                    inputs: inputs.clone(),
                    reason: reason.clone(),
                });
            }
            Event::Contained { .. } => self.contained = true,
            _ => {}
        }
        Ok(())
    }

    /// Returns the people who approved the plan in force, and the targets they typed out.
    pub(super) fn word(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let approvals = self.plan.as_ref().and_then(|(_, hash)| self.approvals.get(hash));
        let given = approvals.map_or(&[][..], Vec::as_slice);
        let begun = Some(&self.approved_by).filter(|by| *by != BY_POLICY && !by.is_empty());
        let people = given.iter().map(|(by, _)| by).chain(begun).cloned().collect();
        (people, given.iter().filter_map(|(_, confirmed)| confirmed.clone()).collect())
    }

    /// Returns how bad it is once it is known what the key may do, where that was not known and nobody has
    /// decided otherwise.
    pub(super) fn severity_with(&self, administers: Known) -> Option<Classification> {
        let before = self.severity.as_ref()?;
        let administers = match administers {
            Known::Yes => Some(true),
            Known::No => Some(false),
            Known::Unknown => None,
        };
        let is_news = administers.is_some() && before.inputs.administers.is_none();
        let inputs = Inputs { administers, ..before.inputs.clone() };
        (is_news && !before.is_override()).then(|| Classification::of(inputs))
    }

    /// Returns what was in the place of a restriction before it was first set.
    pub(super) fn replaced_by(&self, restriction: &Value) -> Option<&Value> {
        self.replaced.get(&restriction.to_string())
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

    /// Tells whether a step was left out because the evidence showed that nothing is won by it.
    pub(super) fn was_spared(&self, step: &str) -> bool {
        self.finish(step).is_some_and(|finish| finish.seen[NEEDED] == false)
    }

    /// Tells whether a step was intended and how it ended is not written down.
    pub(super) fn is_pending(&self, step: &str) -> bool {
        self.trace(step).is_some_and(|trace| trace.finish.is_none())
    }

    /// Tells whether somebody began to take the plan back; it is not taken up after that.
    pub(super) fn is_undone(&self) -> bool {
        self.traces.keys().any(|step| step.starts_with(UNDO))
    }

    /// Returns the hash of a plan that was begun and whose end is not known.
    pub(super) fn unfinished(&self) -> Option<&str> {
        let (plan, hash) = self.plan.as_ref()?;
        let is_open = |step: &str| matches!(self.outcome(step), None | Some(Outcome::Unknown));
        let open = plan.steps.iter().any(|step| is_open(&step.id)) || self.is_pending(DISCARD);
        (open && !self.is_undone()).then_some(hash.as_str())
    }
}

/// Tells whether an event is of somebody who contains the key, or ends the incident: not a note, a role, an
/// approval.
pub(super) fn acts_on_the_key(event: &Event) -> bool {
    matches!(
        event,
        Event::PlanApproved { .. }
            | Event::LeaseTaken { .. }
            | Event::LeaseReleased { .. }
            | Event::StepIntended { .. }
            | Event::StepFinished { .. }
            | Event::Contained { .. }
            | Event::Closed { .. }
    )
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
