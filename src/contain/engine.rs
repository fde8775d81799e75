//! The engine: carries out an approved plan, step by step, and takes up one that was interrupted.

use serde_json::Value;

use super::Error;
use super::action::{Action, Approval};
use super::delivery::Delivery;
use super::facts::Subject;
use super::fresh::Fresh;
use super::guard::Guard;
use super::history::BY_POLICY;
use super::lease::Holder;
use super::look::Patience;
use super::mode::Mode;
use super::plan::Plan;
use super::record::Record;
use super::run::Run;
use super::summary::Summary;
use crate::incident::{Clock, Event, IncidentId, Journal};
use crate::provider::{KeyState, Observation, Provider};
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
    /// Whose word the plan has: a person who saw it, or nobody's but the policy's.
    pub approver: Option<String>,
    /// The targets that the approver typed out.
    pub confirmed: Vec<String>,
    /// The leaked credential, in full.
    pub credential: &'a Credential,
    /// Where a replacement goes.
    pub delivery: Option<&'a dyn Delivery>,
    /// How long to wait for the provider.
    pub patience: Patience,
    /// Stands before every change.
    pub guard: &'a Guard,
    /// This process, for the lease.
    pub holder: &'a dyn Holder,
}

impl Engine<'_> {
    /// Carries out a plan that was approved: the caller has compared its hash with what was shown.
    ///
    /// # Errors
    /// Only where nothing was done, or the record can't be written any more (what was intended last is
    /// then settled by [`Engine::resume`]). A step that failed is in the [`Summary`].
    pub async fn apply(&self, plan: &Plan) -> Result<Summary, Error> {
        self.record_for(plan)?;
        let fresh = self.look(plan).await?;
        self.apply_to(plan, fresh).await
    }

    /// Carries out a plan that was made for what was seen just now.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub async fn apply_to(&self, plan: &Plan, fresh: Fresh) -> Result<Summary, Error> {
        let mut record = self.record_for(plan)?;
        is_still_it(plan, &fresh.observation)?;
        if fresh.observation.key.state == KeyState::Absent && plan.is_mutation() {
            let gone = format!("key {} isn't there any more", plan.key_id);
            return Err(Error::Changed(vec![gone]));
        }
        let mut fresh = fresh;
        if plan.mode.mode == Mode::RotateFirst && plan.step(Action::CheckDelivery).is_some() {
            // Now nothing is done yet: later the key would be stopped without a replacement.
            let trial = match fresh.trial.take() {
                Some(trial) => trial,
                None => self.try_delivery().await,
            };
            fresh.trial = Some(Ok(trial?));
        }
        record.claim()?;
        let by = self.approver.clone().unwrap_or_else(|| BY_POLICY.to_owned());
        record.append(&Event::PlanApproved {
            plan_hash: plan.hash(),
            plan: as_value(plan)?,
            by,
        })?;
        self.confirm(plan, &mut record)?;
        Run::new(self, plan.clone(), record, fresh).carry_out().await
    }

    /// Returns the record, if a plan may be begun in it now.
    fn record_for(&self, plan: &Plan) -> Result<Record<'_>, Error> {
        self.check(plan)?;
        self.check_delivery(plan)?;
        let record = Record::read(self)?;
        record.check_lease()?;
        match record.history.unfinished() {
            Some(hash) => Err(Error::Unfinished { plan_hash: hash.to_owned() }),
            None => Ok(record),
        }
    }

    /// Writes down what the approver typed out. What is no target of this plan is another key's.
    fn confirm(&self, plan: &Plan, record: &mut Record<'_>) -> Result<(), Error> {
        let Some(by) = &self.approver else { return Ok(()) };
        let is_of_it = |target: &&String| plan.steps.iter().any(|step| step.target == **target);
        for target in self.confirmed.iter().filter(is_of_it) {
            record.append(&Event::ApprovalGiven {
                plan_hash: plan.hash(),
                by: by.clone(),
                confirmed: Some(target.clone()),
            })?;
        }
        Ok(())
    }

    /// Returns the hash of the plan that was approved in this incident and not finished, if there is one.
    ///
    /// # Errors
    /// [`Error::Held`] where another process is at it now; and where the record can't be read.
    pub fn unfinished(&self) -> Result<Option<String>, Error> {
        let record = Record::read(self)?;
        record.check_lease()?;
        Ok(record.history.unfinished().map(str::to_owned))
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
        record.check_lease()?;
        if record.history.is_undone() {
            return Err(Error::Nothing("the last plan was taken back; plan again".to_owned()));
        }
        let none = || Error::Nothing("no plan was approved in this incident".to_owned());
        let (plan, _) = record.history.plan.clone().ok_or_else(none)?;
        self.check(&plan)?;
        self.check_delivery(&plan)?;
        // Claims the incident before anything is looked at: another process that is still at work
        // can't append after this, and stops.
        record.claim()?;
        record
            .append(&Event::Noted { text: format!("{} takes up the approved plan", self.actor) })?;
        self.confirm(&plan, &mut record)?;
        let observation = match self.look_over(&plan).await {
            Ok(observation) => observation,
            Err(error) => {
                record.release()?;
                return Err(error);
            }
        };
        let mut run = Run::new(self, plan, record, Fresh::of(observation));
        run.is_resumed = true;
        run.carry_out().await
    }

    /// Checks that the plan was made for this credential and this provider, and may be automated, and
    /// that nobody said stop.
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
        if let Some(why) = self.guard.policy().forbids(plan) {
            return Err(Error::Forbidden(why));
        }
        if let Some(why) = self.guard.halted().filter(|_| plan.is_mutation()) {
            return Err(Error::Forbidden(why));
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
        is_still_it(plan, &observed)?;
        Ok(observed)
    }
}

/// Checks that what was seen is the key the plan is about, and whose it was.
fn is_still_it(plan: &Plan, observed: &Observation) -> Result<(), Error> {
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
    if changed.is_empty() { Ok(()) } else { Err(Error::Changed(changed)) }
}

/// Returns a value as the record keeps it.
pub(super) fn as_value(value: &impl serde::Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| Error::Damaged(error.to_string()))
}
