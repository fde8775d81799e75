//! `stanch contain`: the plan, and carrying it out.

mod act;
mod again;
mod approve;
mod asked;
mod connect;
mod deliver;
mod policy;

pub(super) use act::{Responder, open_incident};
pub(super) use policy::holder;

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use serde_json::Value;

use super::locate::{Located, locate};
use super::store::StoreArgs;
use super::{ExitCode, Failure, Global, environment};
use crate::contain::{Delivery, Facts, Fresh, Plan, Policy, Request, Subject, differences, plan};
use crate::incident::{Clock, Event, PlanRecord, Store};
use crate::provider::{Evidence, Observation};
use crate::report;
use crate::secret::{Fingerprint, FingerprintPrefix};

/// Stop a leaked credential at its provider, and keep the record
///
/// Without a flag it shows the plan and changes nothing. --apply carries out exactly the plan that was
/// shown last: where the world has changed since, it says what changed and does nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch contain 3fa9c2e1                    show the plan
  stanch contain 3fa9c2e1 --apply            carry it out, open the incident, prove the key dead
  stanch contain 3fa9c2e1 --deliver-to 'vault-put app/key'
                                             also make a replacement and hand it to that program
  stanch contain 3fa9c2e1 --deliver-to aws-secretsmanager:app/key --apply
  stanch contain 3fa9c2e1 --visibility private --consumer billing --deliver-to 'vault-put app/key'
                                             let a named consumer move first, with a deadline
  stanch contain 3fa9c2e1 --resume           go on where a run was interrupted
  stanch contain 3fa9c2e1 --undo rotate --reason 'consumer not ready'
  stanch contain 3fa9c2e1 --approve HASH     agree to a plan somebody else began
  stanch contain 3fa9c2e1 --delete           days later: the plan to delete the stopped key
  stanch contain --halt 'wrong account'      change nothing from here any more
  stanch contain 3fa9c2e1 leaked-repo/       where the leak is, if it isn't here

Places for --deliver-to (#PART=NAME,... says which part of the key goes where):
  aws-secretsmanager:NAME|ARN[#id=KEY_ID,secret=KEY_SECRET]   fields of a JSON secret, staged
  aws-ssm:/app/#id=key-id,secret=key-secret                   one parameter a part
  vault:MOUNT/PATH[#...]            Vault or OpenBao, KV v2; VAULT_ADDR, VAULT_TOKEN
  github:OWNER/REPO[/ENVIRONMENT]#id=AWS_ACCESS_KEY_ID,secret=AWS_SECRET_ACCESS_KEY   GH_TOKEN
  kubernetes:NAMESPACE/NAME[?file=PATH][#...]   a manifest: `stanch contain ... | kubectl apply -f -`
  fd:NUMBER                         JSON on an open file descriptor

Is it still dead? --recheck asks again and ends with 1 if the key lives. It needs no store; in CI:
  on: { schedule: [ { cron: '17 6 * * *' } ] }
  steps: [ { run: 'stanch contain 3fa9c2e1 . --recheck' } ]

Who must agree: A (reversible, this key alone) you, or the policy's `automatic`; B (shared with others)
one person; C (irreversible) two people, or you with the target typed out (--confirm); D nobody but by hand.
Names are taken as given: the record says who said so, it doesn't prove who they are.

Exit codes: 0 contained (or the plan was shown), 1 with --recheck: the key lives, 2 could not, 3 something
is unsettled.")]
pub(super) struct Args {
    /// The first characters of the finding's fingerprint
    // Parsed by ourselves: clap would repeat what was typed, and that may be a secret.
    #[arg(required_unless_present_any = ["halt", "unhalt"])]
    finding: Option<String>,
    /// Where the leak is, or - for standard input
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Carry out the plan that was shown last
    #[arg(long, group = "action")]
    apply: bool,
    /// Carry out the plan with this hash instead of the one shown last
    #[arg(long, value_name = "HASH", requires = "apply")]
    plan: Option<String>,
    /// Plan and carry out at once, with nobody's word but the policy's; what it doesn't allow is left
    #[arg(long, group = "action")]
    auto: bool,
    /// Go on where a run was interrupted
    #[arg(long, group = "action")]
    resume: bool,
    /// Take back the last plan, or one step of it
    #[arg(long, group = "action", value_name = "STEP", num_args = 0..=1, default_missing_value = "all", requires = "reason")]
    undo: Option<String>,
    /// With --undo: also start the leaked key again
    #[arg(long, requires = "undo")]
    revive: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Agree to the plan with this hash, which somebody begins or has begun
    #[arg(long, group = "action", value_name = "HASH")]
    approve: Option<String>,
    /// With --approve: who agrees, if it isn't you
    #[arg(long, value_name = "NAME", requires = "approve")]
    by: Option<String>,
    /// The target of an irreversible step, typed out; may be given several times
    #[arg(long, value_name = "TARGET")]
    confirm: Vec<String>,
    /// Plan to delete the stopped key for good, after the policy's cool-off
    #[arg(long)]
    delete: bool,
    /// Ask with the leaked key whether it lives again
    #[arg(long, group = "action")]
    recheck: bool,
    /// Change nothing from this account of this machine any more, in runs at work, too
    #[arg(long, group = "action", value_name = "REASON", num_args = 0..=1, default_missing_value = "no reason was given")]
    halt: Option<String>,
    /// Let go of the halt
    #[arg(long, group = "action")]
    unhalt: bool,
    /// Make a replacement and hand it to this program (as JSON on its standard input), or to this place
    #[arg(long, value_name = "COMMAND|PLACE")]
    deliver_to: Option<String>,
    /// How to write the plan
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    asked: asked::AskedArgs,
    #[command(flatten)]
    policy: policy::PolicyArgs,
    #[command(flatten)]
    aws: connect::AwsArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// A CACAO 2.0 playbook
    Cacao,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if let Some(reason) = &args.halt {
        return policy::halt(reason, out).map(|()| ExitCode::Clean);
    }
    if args.unhalt {
        return policy::unhalt(out).map(|()| ExitCode::Clean);
    }
    let finding: FingerprintPrefix = args.finding.as_deref().unwrap_or_default().parse()?;
    if let Some(hash) = &args.approve {
        let store = args.store.open()?;
        return approve::run(&finding, hash, args.by.as_deref(), &*store, out);
    }
    let located = locate(&finding, &args.paths, global)?;
    let policy = args.policy.read(Some(&located.root))?;
    if args.recheck {
        return runtime()?.block_on(again::run(args, &located, &policy, global, out));
    }
    let store = args.store.open()?;
    let asked =
        deliver::Asked::read(args.deliver_to.as_deref(), &located.finding.credential, global)?;
    let mut errors = anstream::stderr();
    let out = match asked.as_ref().is_some_and(deliver::Asked::takes_output) {
        true => &mut errors as &mut dyn Write,
        false => out,
    };
    runtime()?.block_on(work(args, &located, asked, policy, &*store, global, out))
}

async fn work(
    args: &Args,
    located: &Located,
    asked: Option<deliver::Asked>,
    policy: Policy,
    store: &dyn Store,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let fingerprint = &located.finding.fingerprint;
    let shown = if args.apply { shown_plan(args, store, fingerprint)? } else { None };
    let endpoint = match args.resume || args.undo.is_some() {
        true => approved_endpoint(store, fingerprint)?,
        false => shown.as_ref().and_then(|plan| plan.endpoint.clone()),
    };
    let provider = connect::connect(&located.finding, &args.aws, endpoint).await?;
    let delivery = match &asked {
        Some(asked) => Some(asked.prepare(&args.aws).await?),
        None => None,
    };
    let actor = environment::user();
    let (guard, holder) = (policy::guard(policy, store)?, policy::holder(&actor)?);
    let responder = Responder {
        store,
        provider: &*provider,
        clock: &environment::SystemClock,
        approver: (!args.auto).then(|| actor.clone()),
        actor,
        confirmed: args.confirm.clone(),
        located,
        delivery: delivery.as_deref(),
        visibility: args.asked.visibility(),
        guard: &guard,
        holder: &holder,
        drill: false,
        global,
    };
    if args.resume {
        return responder.resume(out).await;
    }
    if let (Some(step), Some(reason)) = (&args.undo, &args.reason) {
        return responder.undo(step, args.revive, reason, out).await;
    }
    if args.apply {
        responder.check_finished()?;
        let shown = shown.ok_or_else(|| nothing_shown(fingerprint))?;
        let fresh = responder.look(&shown).await?;
        let request = request(args, &responder, &fresh.observation, Some(&shown), None)?;
        let now = plan_now(&responder, &fresh.observation, &request)?;
        compare(&shown, &now)?;
        return responder.apply(&now, fresh, None, out).await;
    }
    let observation = provider.observe(&located.finding.credential).await?;
    let evidence = asked::evidence(&*provider, &observation).await;
    let request = request(args, &responder, &observation, None, evidence.as_ref())?;
    let now = plan_now(&responder, &observation, &request)?;
    if args.auto {
        responder.check_finished()?;
        remember(store, &now)?;
        return responder.apply(&now, Fresh::of(observation), evidence.as_ref(), out).await;
    }
    show(args, store, &now, evidence.as_ref(), out)
}

/// Returns what is asked for: on the grounds of the plan that was shown, where one was.
fn request(
    args: &Args,
    responder: &Responder<'_>,
    observation: &Observation,
    shown: Option<&Plan>,
    evidence: Option<&Evidence>,
) -> Result<Request, Failure> {
    let known = asked::Known {
        located: responder.located,
        observation,
        policy: responder.guard.policy(),
        delivery: responder.delivery.map(Delivery::describe),
        reason: args.reason.as_deref(),
    };
    let mut request = match shown {
        Some(shown) => args.asked.as_shown(shown, &known),
        None => args.asked.anew(&known, evidence),
    };
    if args.delete || request.deletion.is_some() {
        let policy = responder.guard.policy();
        request.deletion = Some(asked::deletion(responder.store, responder.located, policy)?);
    }
    Ok(request)
}

/// Makes what waits for a provider's answers.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(format!("cannot start: {error}")))
}

/// Returns the plan that was shown last for a finding, or the one with the hash that was given.
fn shown_plan(
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

fn plan_now(
    responder: &Responder<'_>,
    observation: &Observation,
    request: &Request,
) -> Result<Plan, Failure> {
    let finding = &responder.located.finding;
    let subject = Subject::of(&finding.credential)?;
    let facts = Facts::of(responder.provider).at_console(&finding.pattern.provider.console);
    Ok(plan(&subject, observation, &facts, request))
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

fn show(
    args: &Args,
    store: &dyn Store,
    plan: &Plan,
    evidence: Option<&Evidence>,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let value = remember(store, plan)?;
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
