//! A run: one plan carried out by one process, from wherever the record says it stands.

use serde_json::Value;

use super::Error;
use super::action::Action;
use super::change::Ending;
use super::engine::Engine;
use super::fresh::{Fresh, Trial};
use super::guard::Word;
use super::history::Finish;
use super::plan::{Plan, Step};
use super::record::Record;
use super::rotate::Replacement;
use super::summary::{Settled, StepResult, Summary};
use crate::incident::{Event, Outcome};
use crate::provider::{Liveness, Observation};

/// One plan being carried out by one process.
pub(super) struct Run<'a> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) plan: Plan,
    pub(super) plan_hash: String,
    pub(super) record: Record<'a>,
    /// What was seen when this process began.
    pub(super) observed: Observation,
    /// What the provider said to the leaked key then.
    pub(super) answer: Option<Liveness>,
    /// Why nothing is to be changed, because what leaked is not the key's own; once it was asked.
    pub(super) is_anothers: Option<Option<String>>,
    /// What came of trying the delivery then.
    pub(super) trial: Option<Trial>,
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
        fresh: Fresh,
    ) -> Self {
        Self {
            engine,
            plan_hash: plan.hash(),
            plan,
            record,
            observed: fresh.observation,
            answer: fresh.answer,
            is_anothers: None,
            trial: fresh.trial,
            is_resumed: false,
            replacement: None,
        }
    }

    /// First the delivery is tried. What only looks goes on beside the steps that may go without it;
    /// everything else comes after, in the plan's order.
    pub(super) async fn carry_out(mut self) -> Result<Summary, Error> {
        let steps = self.plan.steps.clone();
        let trial = steps.iter().take_while(|step| step.action == Action::CheckDelivery).count();
        let (trial, steps) = steps.split_at(trial);
        for step in trial {
            self.advance(step).await?;
        }
        let asides = steps.iter().take_while(|step| step.action == Action::Evidence).count();
        let (asides, steps) = steps.split_at(asides);
        let free = steps.iter().take_while(|step| step.action.goes_without_evidence()).count();
        let (free, rest) = steps.split_at(free);
        self.beside(asides, free).await?;
        for step in rest {
            self.advance(step).await?;
        }
        self.record.release()?;
        Ok(self.summary())
    }

    /// Does a step if it is due, and draws the conclusion from a proof.
    pub(super) async fn advance(&mut self, step: &Step) -> Result<(), Error> {
        if self.is_due(step) {
            self.record.renew()?;
            match self.missing(step) {
                Some(missing) => self.skip(step, &missing)?,
                None => self.take(step).await?,
            }
        }
        match self.plan.proof_step() {
            Some(proof) if proof.id == step.id => self.conclude(),
            _ => Ok(()),
        }
    }

    /// Tells whether there is something to do. A new key that was made and not delivered is made anew,
    /// unless its secret is still at hand.
    pub(super) fn is_due(&self, step: &Step) -> bool {
        let history = &self.record.history;
        let deliver = Action::Deliver.id();
        let is_lost = step.action == Action::Rotate
            && self.plan.step(Action::Deliver).is_some()
            && !history.has_succeeded(deliver)
            && self.replacement.is_none();
        is_lost || !(history.has_succeeded(&step.id) || history.was_spared(&step.id))
    }

    /// Returns the first step this one needs that did not succeed. A step that only looks goes ahead
    /// where it isn't known whether the key was stopped: it may tell.
    fn missing(&self, step: &Step) -> Option<String> {
        let looks = matches!(step.action, Action::ProveDead | Action::Recheck);
        let is_enough = |needed: &&String| match self.record.history.outcome(needed) {
            Some(Outcome::Succeeded) => true,
            Some(Outcome::Unknown) => looks,
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
        if let Some(ending) = self.spares(step) {
            return self.record.finish(&step.id, ending);
        }
        if let Some(why) = self.refusal(step) {
            // What was begun and interrupted is looked at, whatever is allowed by now.
            let is_open = self.record.history.is_pending(&step.id);
            if !is_open {
                return self.record.finish(&step.id, Ending::new(Outcome::Refused, why));
            }
        }
        let is_mutation = step.action.is_mutation();
        if is_mutation && let Some(why) = self.is_anothers().await {
            return self.record.finish(&step.id, Ending::new(Outcome::Refused, why));
        }
        if is_mutation {
            self.engine.guard.spend();
        }
        match step.action {
            Action::Evidence => self.beside_nothing(step).await?,
            Action::CheckDelivery => self.check_delivery(step).await?,
            Action::Disable => self.disable(step).await?,
            Action::Narrow | Action::EndSessions => self.restrict(step).await?,
            Action::Recheck => self.recheck(step).await?,
            Action::ProveDead => self.prove_dead(step).await?,
            Action::DeleteInactive | Action::Delete => self.delete_inactive(step).await?,
            Action::Rotate => self.rotate(step).await?,
            Action::Deliver => self.deliver(step).await?,
            Action::Wait => self.wait(step).await?,
        }
        if is_mutation {
            self.engine.guard.ended(self.record.history.has_succeeded(&step.id));
        }
        Ok(())
    }

    /// Returns why a step may not be done, where it may not.
    fn refusal(&self, step: &Step) -> Option<String> {
        let (people, confirmed) = self.record.history.word();
        let word = Word { people: &people, confirmed: &confirmed };
        self.engine.guard.refuses(step, &word, self.engine.clock.now())
    }

    /// Tells whether a step was not done for want of somebody's approval.
    fn awaits_word(&self, step: &Step) -> bool {
        let (people, confirmed) = self.record.history.word();
        let word = Word { people: &people, confirmed: &confirmed };
        let now = self.engine.clock.now();
        self.record.history.outcome(&step.id) == Some(Outcome::Refused)
            && self.engine.guard.lacks_word(step, &word, now).is_some_and(|lacks| {
                let finish = self.record.history.finish(&step.id);
                finish.is_some_and(|finish| finish.detail == lacks)
            })
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
        let proved_dead =
            self.plan.proof_step().is_some_and(|step| history.has_succeeded(&step.id));
        let needed = steps.iter().zip(&self.plan.steps);
        let needed = needed.filter(|(_, step)| !history.was_spared(&step.id));
        let ends = needed.clone().map(|(end, step)| (step.action, end.outcome));
        let settled = Settled::of(&ends.collect::<Vec<_>>(), proved_dead);
        let open = needed.filter(|(result, _)| result.outcome != Outcome::Succeeded);
        let mut left = self.plan.left_for_a_person.clone();
        left.extend(open.map(|(result, step)| self.left(step, &result.detail)));
        left.extend(self.undelivered());
        if self.plan.steps.iter().any(|step| self.awaits_word(step)) {
            left.push(format!(
                "agree to the plan: `stanch contain {} --approve {}`, and then --resume{}",
                self.plan.fingerprint.short(),
                self.plan_hash,
                self.plan.step(Action::Deliver).map_or("", |_| " with the same --deliver-to")
            ));
        }
        Summary { settled, proved_dead, steps, left_for_a_person: left }
    }

    /// Returns what a person has to do about a step that was not done, with where and how.
    fn left(&self, step: &Step, why: &str) -> String {
        let words = format!("{}: {why}", step.does);
        let place = self.plan.console.as_ref().map(|place| format!("at {place}"));
        let command = step.by_hand.as_ref().map(|command| format!("by `{command}`"));
        match [command, place].into_iter().flatten().collect::<Vec<_>>().join(" or ") {
            how if how.is_empty() || !step.action.is_mutation() => words,
            how => format!("{words}. By hand: {how}"),
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
