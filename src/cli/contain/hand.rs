//! One key: what is looked at and decided before anything is done, and the doing.

use std::io::Write;

use serde_json::Value;

use super::act::{Responder, reserve};
use super::{Args, Format, asked, baseline, connect, deliver};
use crate::cli::locate::Located;
use crate::cli::{ExitCode, Failure, Global, environment};
use crate::contain::{
    Delivery, Facts, Fresh, Guard, Holder, Mode, Plan, Request, Subject, differences,
    hangs_on_rights, plan,
};
use crate::incident::{Clock, Event, IncidentId, PlanRecord, Store};
use crate::provider::{Evidence, Observation, Provider};
use crate::report;
use crate::secret::Fingerprint;

/// What all keys of a run share.
pub(super) struct Shared<'a> {
    pub(super) args: &'a Args,
    pub(super) store: &'a dyn Store,
    pub(super) actor: String,
    pub(super) guard: &'a Guard,
    pub(super) holder: &'a dyn Holder,
    pub(super) global: &'a Global,
    /// Whether there are several keys, and each line has to say which it is about.
    pub(super) is_one_of_several: bool,
}

/// A key with what acts on it.
pub(super) struct Hand<'a> {
    shared: &'a Shared<'a>,
    located: &'a Located,
    provider: Box<dyn Provider>,
    /// The id of the incident, open or not yet.
    reserved: IncidentId,
    delivery: Option<Box<dyn Delivery>>,
}

/// What is left to do once the key was looked at.
pub(super) enum Next {
    Resume,
    Undo { step: String, reason: String },
    Apply { plan: Box<Plan>, fresh: Box<Fresh>, evidence: Option<Evidence> },
    Show { plan: Box<Plan>, evidence: Option<Evidence> },
}

impl<'a> Hand<'a> {
    /// Looks at the key and decides; nothing is changed.
    pub(super) async fn begin(
        shared: &'a Shared<'a>,
        located: &'a Located,
        asked: Option<&deliver::Asked>,
    ) -> Result<(Self, Next), Failure> {
        let (args, store) = (shared.args, shared.store);
        let fingerprint = &located.finding.fingerprint;
        let shown = if args.apply { shown_plan(args, store, fingerprint)? } else { None };
        let endpoint = match args.resume || args.undo.is_some() {
            true => approved_endpoint(store, fingerprint)?,
            false => shown.as_ref().and_then(|plan| plan.endpoint.clone()),
        };
        let reserved = reserve(store, fingerprint)?;
        let acts = args.apply || args.auto || args.resume || args.undo.is_some();
        let occasion = match acts {
            true => connect::Occasion::of(&reserved, endpoint),
            false => connect::Occasion::of_plan(&located.finding),
        };
        let issuer = &located.finding.pattern.provider;
        let provider = connect::connect(issuer, &args.aws, occasion.clone()).await?;
        let delivery = match asked {
            Some(asked) => Some(asked.prepare(&args.aws, &occasion).await?),
            None => None,
        };
        let hand = Self { shared, located, provider, reserved, delivery };
        let next = hand.decide(shown).await?;
        Ok((hand, next))
    }

    async fn decide(&self, shown: Option<Plan>) -> Result<Next, Failure> {
        let args = self.shared.args;
        if args.resume {
            return Ok(Next::Resume);
        }
        if let (Some(step), Some(reason)) = (&args.undo, &args.reason) {
            return Ok(Next::Undo { step: step.clone(), reason: reason.clone() });
        }
        let responder = self.responder();
        if args.apply {
            responder.check_finished()?;
            let shown = shown.ok_or_else(|| nothing_shown(&self.located.finding.fingerprint))?;
            if args.asked.wants_baseline() {
                baseline::check(&shown)?;
            }
            let fresh = responder.look(&shown).await?;
            let request = self.request(&fresh.observation, Some(&shown), None)?;
            let now = self.plan_now(&fresh.observation, &request)?;
            compare(&shown, &now)?;
            return Ok(Next::Apply { plan: Box::new(now), fresh: Box::new(fresh), evidence: None });
        }
        if args.auto {
            return self.decide_alone().await;
        }
        let observation = self.provider.observe(&self.located.finding.credential).await?;
        let evidence = asked::evidence(&*self.provider, &observation).await;
        let request = self.request(&observation, None, evidence.as_ref())?;
        let request = self.with_baseline(request, &observation).await?;
        Ok(Next::Show { plan: Box::new(self.plan_now(&observation, &request)?), evidence })
    }

    /// Decides where nobody looks at a plan first. What the key may do is read beside the stopping of it,
    /// and beforehand only where it decides what comes first.
    async fn decide_alone(&self) -> Result<Next, Failure> {
        let responder = self.responder();
        responder.check_finished()?;
        let fresh = responder.look_first().await?;
        let observation = &fresh.observation;
        let mut request = self.request(observation, None, None)?;
        let mut evidence = None;
        if hangs_on_rights(&request) {
            evidence = asked::evidence(&*self.provider, observation).await;
            request = self.request(observation, None, evidence.as_ref())?;
        }
        let mut request = self.with_baseline(request, observation).await?;
        let mut plan = self.plan_now(observation, &request)?;
        if plan.mode.mode == Mode::RotateFirst
            && let Some(error) = fresh.undeliverable()
        {
            // Nobody is there who could mend it, and the key must not live on for that.
            Failure::new(error.to_string()).warn("the key is stopped without a replacement");
            request.delivery = None;
            plan = self.plan_now(observation, &request)?;
        }
        let plan = Box::new(plan);
        remember(self.shared.store, &plan)?;
        Ok(Next::Apply { plan, fresh: Box::new(fresh), evidence })
    }

    /// Returns the request with the networks the key was used from before it leaked, where they are to be
    /// let through.
    async fn with_baseline(
        &self,
        request: Request,
        observation: &Observation,
    ) -> Result<Request, Failure> {
        let asked = &self.shared.args.asked;
        match asked.wants_baseline() {
            true => baseline::onto(request, asked, &self.responder(), observation).await,
            false => Ok(request),
        }
    }

    /// Does what was decided.
    pub(super) async fn go_on(&self, next: Next, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let responder = self.responder();
        match next {
            Next::Resume => responder.resume(out).await,
            Next::Undo { step, reason } => {
                responder.undo(&step, self.shared.args.revive, &reason, out).await
            }
            Next::Apply { plan, fresh, evidence } => {
                responder.apply(&plan, *fresh, evidence.as_ref(), out).await
            }
            Next::Show { plan, evidence } => self.show(&plan, evidence.as_ref(), out),
        }
    }

    fn responder(&self) -> Responder<'_> {
        let shared = self.shared;
        let label = self.located.finding.fingerprint.short();
        Responder {
            store: shared.store,
            provider: &*self.provider,
            clock: &environment::SystemClock,
            approver: (!shared.args.auto).then(|| shared.actor.clone()),
            actor: shared.actor.clone(),
            confirmed: shared.args.confirm.clone(),
            located: self.located,
            delivery: self.delivery.as_deref(),
            visibility: shared.args.asked.visibility(),
            guard: shared.guard,
            holder: shared.holder,
            reserved: self.reserved.clone(),
            drill: false,
            global: shared.global,
            label: shared.is_one_of_several.then_some(label),
        }
    }

    /// Returns what is asked for: on the grounds of the plan that was shown, where one was.
    fn request(
        &self,
        observation: &Observation,
        shown: Option<&Plan>,
        evidence: Option<&Evidence>,
    ) -> Result<Request, Failure> {
        let (args, policy) = (self.shared.args, self.shared.guard.policy());
        let known = asked::Known {
            located: self.located,
            observation,
            policy,
            delivery: self.delivery.as_deref().map(Delivery::describe),
            delivery_calls: self.delivery.as_deref().map(Delivery::calls).unwrap_or_default(),
            reason: args.reason.as_deref(),
        };
        let mut request = match shown {
            Some(shown) => args.asked.as_shown(shown, &known),
            None => args.asked.anew(&known, evidence),
        };
        if args.delete || request.deletion.is_some() {
            request.deletion = Some(asked::deletion(self.shared.store, self.located, policy)?);
        }
        Ok(request)
    }

    fn plan_now(&self, observation: &Observation, request: &Request) -> Result<Plan, Failure> {
        let finding = &self.located.finding;
        let subject = Subject::of(&finding.credential)?;
        let facts = Facts::of(&*self.provider).at_console(&finding.pattern.provider.console);
        Ok(plan(&subject, observation, &facts, request))
    }

    fn show(
        &self,
        plan: &Plan,
        evidence: Option<&Evidence>,
        out: &mut dyn Write,
    ) -> Result<ExitCode, Failure> {
        let args = self.shared.args;
        let value = remember(self.shared.store, plan)?;
        match args.format {
            Format::Text => {
                report::plan(plan, out)?;
                if let Some(evidence) = evidence {
                    writeln!(out, "{}", report::rights(&evidence.sentence))?;
                }
                let again = args.deliver_to.as_ref().map_or("", |_| " with the same --deliver-to");
                let finding = plan.fingerprint.short();
                writeln!(
                    out,
                    "nothing was changed; carry it out with `stanch contain {finding} --apply`{again}"
                )?;
            }
            Format::Json => {
                let json = serde_json::json!({ "plan_hash": plan.hash(), "plan": value, "evidence": evidence });
                serde_json::to_writer_pretty(&mut *out, &json).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
            Format::Cacao => report::plan_cacao::write(out, plan)?,
        }
        Ok(ExitCode::Clean)
    }
}

/// Returns the plan that was shown last for a finding, or the one with the hash that was given.
pub(super) fn shown_plan(
    args: &Args,
    store: &dyn Store,
    fingerprint: &Fingerprint,
) -> Result<Option<Plan>, Failure> {
    let record = match &args.plan {
        Some(hash) => store.plan(hash)?,
        None => store.last_plan_for(fingerprint)?,
    };
    let Some(record) = record else { return Ok(None) };
    let plan: Plan = serde_json::from_value(record.plan).map_err(|error| {
        Failure::new(format!("the plan shown before can't be read: {error}")).hint(
            "it was shown by another version; run `contain` without --apply to see the plan anew",
        )
    })?;
    if plan.hash() != record.plan_hash {
        return Err(Failure::new("the plan shown before was changed in the store since")
            .hint("nothing was done; run `contain` without --apply to see the plan anew"));
    }
    Ok(Some(plan))
}

/// Returns where the plan goes that was approved last in the open incident of a credential.
fn approved_endpoint(
    store: &dyn Store,
    fingerprint: &Fingerprint,
) -> Result<Option<String>, Failure> {
    let Some(incident) = store.incident_for(fingerprint)? else { return Ok(None) };
    let events = store.events(&incident)?;
    let approved = events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::PlanApproved { plan, .. } => Some(plan),
        _ => None,
    });
    Ok(approved.and_then(|plan| plan["endpoint"].as_str()).map(str::to_owned))
}

fn nothing_shown(fingerprint: &Fingerprint) -> Failure {
    Failure::new("no plan was shown for this finding yet")
        .hint(format!("look at it first: `stanch contain {}`", fingerprint.short()))
}

/// Refuses a plan that isn't the one that was shown.
fn compare(shown: &Plan, now: &Plan) -> Result<(), Failure> {
    if shown.hash() == now.hash() {
        return Ok(());
    }
    let finding = now.fingerprint.short();
    let changes = differences(shown, now).join("; ");
    Err(Failure::new(format!("the plan is not the one that was shown: {changes}")).hint(format!(
        "nothing was done; look at the new plan with `stanch contain {finding}`, with the same flags as for --apply"
    )))
}

/// Keeps a plan, so that it can be approved by its hash.
fn remember(store: &dyn Store, plan: &Plan) -> Result<Value, Failure> {
    let value = serde_json::to_value(plan).map_err(std::io::Error::from)?;
    store.remember_plan(&PlanRecord {
        plan_hash: plan.hash(),
        fingerprint: plan.fingerprint,
        plan: value.clone(),
        shown_at: environment::SystemClock.now(),
    })?;
    Ok(value)
}
