//! Undoing: a person's command, in reverse order, restoring what was there before. The leaked key is
//! started again only where that is said explicitly.

use serde_json::json;

use super::Error;
use super::action::Action;
use super::change::{Change, Ending};
use super::engine::Engine;
use super::fresh::Fresh;
use super::history::undo_of;
use super::plan::Step;
use super::record::Record;
use super::restrict::Turn;
use super::rotate::{Made, key_in};
use super::run::Run;
use crate::incident::{Event, Outcome, Phase};
use crate::provider::{Key, KeyState, Operation};

/// What to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Every step of the last approved plan.
    All,
    /// The step of that id.
    Step(String),
}

/// What came of an undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoSummary {
    /// The steps that are taken back, in the order that was done.
    pub undone: Vec<String>,
    /// The steps that were to be taken back and are not, or of which it isn't known.
    pub failed: Vec<String>,
    /// Whether of everything that was tried it is known whether it was done.
    pub settled: bool,
    /// What a person has to do, each with its reason.
    pub left_for_a_person: Vec<String>,
}

impl UndoSummary {
    fn not_taken_back(&mut self, step: &Step, why: &str) {
        self.failed.push(step.id.clone());
        self.left_for_a_person.push(format!("take back {}: {why}", step.id));
    }

    fn unsettled(&mut self, step: &Step, words: String) {
        self.settled = false;
        self.failed.push(step.id.clone());
        self.left_for_a_person.push(words);
    }
}

impl Engine<'_> {
    /// Takes back steps of the last approved plan, the last one first. `revive` allows the leaked key
    /// to be started again; `reason` goes into the record.
    ///
    /// # Errors
    /// [`Error::WouldRevive`] where exactly that step is asked for without `revive`, and as
    /// [`Engine::apply`]. With [`What::All`] and without `revive` the leaked key stays stopped.
    pub async fn undo(
        &self,
        what: &What,
        revive: bool,
        reason: &str,
    ) -> Result<UndoSummary, Error> {
        let mut record = Record::read(self)?;
        record.check_lease()?;
        let none = || Error::Nothing("no plan was approved in this incident".to_owned());
        let (plan, _) = record.history.plan.clone().ok_or_else(none)?;
        self.check(&plan)?;
        let steps = chosen(&plan.steps, what)?;
        let is_disable = |step: &&Step| step.action == Action::Disable;
        if *what != What::All && !revive && steps.iter().any(|step| is_disable(&step)) {
            return Err(Error::WouldRevive { key: plan.key_id });
        }
        record.claim()?;
        record.append(&Event::Noted {
            text: format!("{} takes back {}: {reason}", self.actor, ids(&steps).join(", ")),
        })?;
        let observation = match self.look_over(&plan).await {
            Ok(observation) => observation,
            Err(error) => {
                record.release()?;
                return Err(error);
            }
        };
        let mut run = Run::new(self, plan, record, Fresh::of(observation));
        let mut summary = UndoSummary {
            undone: Vec::new(),
            failed: Vec::new(),
            settled: true,
            left_for_a_person: Vec::new(),
        };
        for step in steps.iter().rev() {
            run.record.renew()?;
            match run.engine.guard.halted().filter(|_| step.action.is_mutation()) {
                Some(why) if run.was_begun(step) => summary.not_taken_back(step, &why),
                _ => run.take_back(step, revive, &mut summary).await?,
            }
        }
        run.record.release()?;
        Ok(summary)
    }
}

fn ids(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| step.id.clone()).collect()
}

fn chosen(steps: &[Step], what: &What) -> Result<Vec<Step>, Error> {
    let What::Step(id) = what else {
        return Ok(steps.to_vec());
    };
    match steps.iter().find(|step| step.id == *id) {
        Some(step) => Ok(vec![step.clone()]),
        None => Err(Error::NoSuchStep { step: id.clone(), known: ids(steps) }),
    }
}

impl Run<'_> {
    async fn take_back(
        &mut self,
        step: &Step,
        revive: bool,
        summary: &mut UndoSummary,
    ) -> Result<(), Error> {
        if !self.was_begun(step) {
            return Ok(());
        }
        match step.action {
            Action::Evidence
            | Action::CheckDelivery
            | Action::Recheck
            | Action::ProveDead
            | Action::Wait => Ok(()),
            Action::Narrow | Action::EndSessions => self.take_back_restriction(step, summary).await,
            Action::Deliver => {
                summary.left_for_a_person.push(format!(
                    "put back what the consumers behind {} used before",
                    step.target
                ));
                Ok(())
            }
            Action::DeleteInactive | Action::Delete => {
                summary.left_for_a_person.push(format!("key {} is deleted for good", step.target));
                Ok(())
            }
            Action::Rotate => self.take_back_rotation(step, summary).await,
            Action::Disable => self.take_back_disabling(step, revive, summary).await,
        }
    }

    /// Tells whether anything of a step may have been done.
    pub(super) fn was_begun(&self, step: &Step) -> bool {
        self.record.history.trace(&step.id).is_some_and(|trace| trace.before.is_some())
    }

    /// Lifts a restriction and restores what was in its place before it was first set.
    async fn take_back_restriction(
        &mut self,
        step: &Step,
        summary: &mut UndoSummary,
    ) -> Result<(), Error> {
        let Some(restriction) = self.restriction_of(step) else {
            return Ok(());
        };
        let trace = self.record.history.trace(&step.id);
        let first = trace.and_then(|trace| trace.first_before.clone()).unwrap_or_default();
        let replaced = first["replaced"].clone();
        let id = undo_of(&step.id);
        let call = self.calls_of(Operation::Lift);
        let before = json!({"lifted": first["restriction"], "replaced": replaced});
        self.intend(&id, call, &step.target, before)?;
        let ending = self.engine.turn(&restriction, Turn::Lift(&replaced), true).await;
        self.took_back(step, &id, ending, summary)
    }

    fn calls_of(&self, operation: Operation) -> String {
        let calls = self.engine.provider.calls(operation);
        calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    async fn take_back_rotation(
        &mut self,
        step: &Step,
        summary: &mut UndoSummary,
    ) -> Result<(), Error> {
        match self.former().await {
            Made::None => Ok(()),
            Made::One(key) => self.reverse(step, Change::Delete, &key, summary).await,
            Made::Several(ids) => {
                let words = format!("which of {} was made here can't be told", ids.join(", "));
                summary.unsettled(step, words);
                Ok(())
            }
            Made::Unseen(blind) => {
                let words = format!("whether a new key is there can't be seen: {blind}");
                summary.unsettled(step, words);
                Ok(())
            }
        }
    }

    async fn take_back_disabling(
        &mut self,
        step: &Step,
        revive: bool,
        summary: &mut UndoSummary,
    ) -> Result<(), Error> {
        let trace = self.record.history.trace(&step.id);
        let key = trace.and_then(|trace| key_in(&trace.first_before));
        let Some(key) = key.filter(|key| key.state == KeyState::Active) else {
            summary.left_for_a_person.push(format!(
                "key {} was not active before the plan, so it is not started",
                self.plan.key_id
            ));
            return Ok(());
        };
        if !revive {
            summary.left_for_a_person.push(format!("the leaked key {} stays stopped", key.id));
            return Ok(());
        }
        // Before the call, for after it the process may be gone: from here on the key counts as
        // contained no longer, whether or not its start can be seen.
        self.record.append(&Event::PhaseEntered {
            phase: Phase::Containment,
            reason: format!("the leaked key {} is being started again", key.id),
        })?;
        self.reverse(step, Change::Enable, &key, summary).await
    }

    async fn reverse(
        &mut self,
        step: &Step,
        change: Change,
        key: &Key,
        summary: &mut UndoSummary,
    ) -> Result<(), Error> {
        let id = undo_of(&step.id);
        self.intend(&id, self.calls_of(change.operation()), &key.id, json!({"key": key}))?;
        let ending = self.engine.bring_about(change, key, true).await;
        self.took_back(step, &id, ending, summary)
    }

    fn took_back(
        &mut self,
        step: &Step,
        id: &str,
        ending: Ending,
        summary: &mut UndoSummary,
    ) -> Result<(), Error> {
        match ending.outcome {
            Outcome::Succeeded => summary.undone.push(step.id.clone()),
            outcome => {
                summary.settled &= outcome != Outcome::Unknown;
                summary.not_taken_back(step, &ending.detail);
            }
        }
        self.record.finish(id, ending)
    }
}
