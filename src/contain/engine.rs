//! The engine: carries out an approved plan, step by step, and takes up one that was interrupted.

use serde_json::Value;

use super::Error;
use super::change::Ending;
use super::delivery::Delivery;
use super::history::Finish;
use super::look::{Patience, Trouble, trouble};
use super::plan::{Action, Approval, Plan, Step, Subject};
use super::record::Record;
use super::rotate::Replacement;
use super::summary::{Settled, StepResult, Summary};
use crate::incident::{Clock, Event, IncidentId, Journal, Outcome};
use crate::provider::{self, KeyState, Observation, Provider};
use crate::secret::Credential;

/// What a containment is carried out with. It needs a tokio runtime with its timer enabled.
pub struct Engine<'a> {
    /// Where the record is kept.
    pub journal: &'a dyn Journal,
    /// Who issued the leaked key.
    pub provider: &'a dyn Provider,
    /// Tells the time of the record.
    pub clock: &'a dyn Clock,
    /// The incident.
    pub incident: IncidentId,
    /// On whose behalf, for the record.
    pub actor: String,
    /// The leaked credential, in full.
    pub credential: &'a Credential,
    /// Where a replacement goes.
    pub delivery: Option<&'a dyn Delivery>,
    /// How long to wait for the provider.
    pub patience: Patience,
}

impl Engine<'_> {
    /// Carries out a plan that was approved: the caller has compared its hash with what was shown.
    ///
    /// # Errors
    /// Only where nothing was done, or the record can't be written any more (what was intended last is
    /// then settled by [`Engine::resume`]). A step that failed is in the [`Summary`].
    pub async fn apply(&self, plan: &Plan) -> Result<Summary, Error> {
        self.check(plan)?;
        self.check_delivery(plan)?;
        let mut record = Record::read(self)?;
        if let Some(hash) = record.history.unfinished() {
            return Err(Error::Unfinished { plan_hash: hash.to_owned() });
        }
        let observed = self.look_over(plan).await?;
        if observed.key.state == KeyState::Absent && plan.is_mutation() {
            let gone = format!("key {} isn't there any more", plan.key_id);
            return Err(Error::Changed(vec![gone]));
        }
        record.append(&Event::PlanApproved {
            plan_hash: plan.hash(),
            plan: as_value(plan)?,
            by: self.actor.clone(),
        })?;
        Run::new(self, plan.clone(), record, observed).carry_out().await
    }

    /// Returns the hash of the plan that was approved in this incident and not finished, if there is one.
    ///
    /// # Errors
    /// Where the record can't be read.
    pub fn unfinished(&self) -> Result<Option<String>, Error> {
        Ok(Record::read(self)?.history.unfinished().map(str::to_owned))
    }

    /// Takes up the last approved plan where it was interrupted. Steps that were intended and not
    /// finished are settled by looking; steps that failed are tried again; what is done stays done.
    ///
    /// A replacement whose delivery was not confirmed is deleted and made anew, for its secret is gone;
    /// consumers that took it up unnoticed get the new one by the delivery that follows.
    ///
    /// # Errors
    /// As [`Engine::apply`]; [`Error::Nothing`] where no plan was approved or it was taken back.
    pub async fn resume(&self) -> Result<Summary, Error> {
        let mut record = Record::read(self)?;
        if record.history.is_undone() {
            return Err(Error::Nothing("the last plan was taken back; plan again".to_owned()));
        }
        let none = || Error::Nothing("no plan was approved in this incident".to_owned());
        let (plan, _) = record.history.plan.clone().ok_or_else(none)?;
        self.check(&plan)?;
        self.check_delivery(&plan)?;
        // Claims the incident before anything is looked at: another process that is still at work
        // can't append after this, and stops.
        record
            .append(&Event::Noted { text: format!("{} takes up the approved plan", self.actor) })?;
        let observed = self.look_over(&plan).await?;
        let mut run = Run::new(self, plan, record, observed);
        run.is_resumed = true;
        run.carry_out().await
    }

    /// Checks that the plan was made for this credential and this provider, and may be automated.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), Error> {
        Subject::of(self.credential)?;
        let mut changed = Vec::new();
        if self.credential.fingerprint() != plan.fingerprint {
            changed.push("it was made for another credential".to_owned());
        }
        if self.provider.id() != plan.provider {
            changed.push(format!("it was made for the provider {}", plan.provider));
        }
        if self.provider.endpoint() != plan.endpoint.as_deref() {
            changed.push("it was made for another endpoint".to_owned());
        }
        if !changed.is_empty() {
            return Err(Error::Changed(changed));
        }
        match plan.steps.iter().find(|step| step.approval == Approval::D) {
            Some(step) => Err(Error::NeverAutomated(step.id.clone())),
            None => Ok(()),
        }
    }

    fn check_delivery(&self, plan: &Plan) -> Result<(), Error> {
        let Some(step) = plan.step(Action::Deliver) else {
            return Ok(());
        };
        match self.delivery.map(Delivery::describe) {
            Some(target) if target == step.target => Ok(()),
            Some(other) => Err(Error::Changed(vec![format!(
                "it delivers to {} and not to {other}",
                step.target
            )])),
            None => Err(Error::Changed(vec![format!(
                "it delivers to {} and no delivery was given",
                step.target
            )])),
        }
    }

    /// Looks whether the key is still whose it was, and that the responder isn't the key.
    pub(super) async fn look_over(&self, plan: &Plan) -> Result<Observation, Error> {
        let observed = self.observe().await?;
        let key = &observed.key;
        let fields = [
            ("key", &plan.key_id, &key.id),
            ("owner", &plan.owner, &key.owner),
            ("account", &plan.account, &key.account),
        ];
        // Of a key that isn't there, a provider can't say whose it was.
        let known = if key.state == KeyState::Absent { 1 } else { 3 };
        let other = fields[..known].iter().filter(|(_, was, is)| was != is);
        let changed: Vec<_> =
            other.map(|(what, was, is)| format!("the {what} was {was} and is now {is}")).collect();
        if changed.is_empty() { Ok(observed) } else { Err(Error::Changed(changed)) }
    }

    async fn observe(&self) -> Result<Observation, provider::Error> {
        let mut nth = 0;
        loop {
            let look = self.provider.observe(self.credential);
            match self.patience.call("observing the key", look).await {
                Err(error)
                    if matches!(trouble(&error), Trouble::NotYet | Trouble::MaybeDone)
                        && nth + 1 < self.patience.attempts =>
                {
                    self.patience.pause(nth).await;
                    nth += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// Returns a value as the record keeps it.
pub(super) fn as_value(value: &impl serde::Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| Error::Damaged(error.to_string()))
}

/// One plan being carried out by one process.
pub(super) struct Run<'a> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) plan: Plan,
    pub(super) plan_hash: String,
    pub(super) record: Record<'a>,
    /// What was seen when this process began.
    pub(super) observed: Observation,
    /// An earlier process may have made any call of a step that isn't finished.
    pub(super) is_resumed: bool,
    /// The new key between its making and its delivery: its secret is here and nowhere else.
    pub(super) replacement: Option<Replacement>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        engine: &'a Engine<'a>,
        plan: Plan,
        record: Record<'a>,
        observed: Observation,
    ) -> Self {
        Self {
            engine,
            plan_hash: plan.hash(),
            plan,
            record,
            observed,
            is_resumed: false,
            replacement: None,
        }
    }

    async fn carry_out(mut self) -> Result<Summary, Error> {
        for step in self.plan.steps.clone() {
            if self.is_due(&step) {
                match self.missing(&step) {
                    Some(missing) => self.skip(&step, &missing)?,
                    None => self.take(&step).await?,
                }
            }
            if step.action == Action::ProveDead {
                self.conclude()?;
            }
        }
        Ok(self.summary())
    }

    /// Tells whether there is something to do. A new key that was made and not delivered is made anew,
    /// unless its secret is still at hand.
    fn is_due(&self, step: &Step) -> bool {
        let history = &self.record.history;
        let deliver = Action::Deliver.id();
        let is_lost = step.action == Action::Rotate
            && self.plan.step(Action::Deliver).is_some()
            && !history.has_succeeded(deliver)
            && self.replacement.is_none();
        is_lost || !history.has_succeeded(&step.id)
    }

    /// Returns the first step this one needs that did not succeed. Asking with the old key is itself a
    /// look, so it goes ahead where it isn't known whether the key was stopped.
    fn missing(&self, step: &Step) -> Option<String> {
        let is_enough = |needed: &&String| match self.record.history.outcome(needed) {
            Some(Outcome::Succeeded) => true,
            Some(Outcome::Unknown) => step.action == Action::ProveDead,
            _ => false,
        };
        step.requires.iter().find(|needed| !is_enough(needed)).cloned()
    }

    fn skip(&mut self, step: &Step, missing: &str) -> Result<(), Error> {
        if self.record.history.outcome(&step.id) == Some(Outcome::Skipped) {
            return Ok(());
        }
        let why = format!("not begun: step {missing} did not succeed");
        self.record.finish(&step.id, Ending::new(Outcome::Skipped, why))
    }

    async fn take(&mut self, step: &Step) -> Result<(), Error> {
        match step.action {
            Action::Disable => self.disable(step).await,
            Action::ProveDead => self.prove_dead(step).await,
            Action::DeleteInactive => self.delete_inactive(step).await,
            Action::Rotate => self.rotate(step).await,
            Action::Deliver => self.deliver(step).await,
        }
    }

    /// Writes down what is about to be done, unless an earlier process has and was interrupted.
    pub(super) fn intend(
        &mut self,
        step: &str,
        call: String,
        target: &str,
        before: Value,
    ) -> Result<(), Error> {
        if self.record.history.is_pending(step) {
            return Ok(());
        }
        self.record.append(&Event::StepIntended {
            step: step.to_owned(),
            plan_hash: self.plan_hash.clone(),
            call,
            target: target.to_owned(),
            before,
        })
    }

    fn summary(&self) -> Summary {
        let history = &self.record.history;
        let steps: Vec<_> =
            self.plan.steps.iter().map(|step| result(step, history.finish(&step.id))).collect();
        let proved_dead = history.has_succeeded(Action::ProveDead.id());
        let open = steps.iter().zip(&self.plan.steps);
        let open = open.filter(|(result, _)| result.outcome != Outcome::Succeeded);
        let mut left = self.plan.left_for_a_person.clone();
        left.extend(open.map(|(result, step)| format!("{}: {}", step.does, result.detail)));
        left.extend(self.undelivered());
        Summary {
            settled: Settled::of(&steps, proved_dead),
            proved_dead,
            steps,
            left_for_a_person: left,
        }
    }
}

fn result(step: &Step, finish: Option<&Finish>) -> StepResult {
    StepResult {
        step: step.id.clone(),
        outcome: finish.map_or(Outcome::Unknown, |finish| finish.outcome),
        detail: finish.map_or_else(|| "not begun".to_owned(), |finish| finish.detail.clone()),
    }
}
