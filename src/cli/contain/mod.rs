//! `stanch contain`: the plan, and carrying it out.

mod act;
mod connect;
mod deliver;

pub(super) use act::{Responder, open_incident};

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::locate::locate;
use super::store::StoreArgs;
use super::{ExitCode, Failure, Global, environment};
use crate::contain::{Delivery, Facts, Plan, Request, Subject, differences, plan};
use crate::incident::{Clock, Event, PlanRecord, Store, Visibility};
use crate::provider::{Observation, Provider};
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
  stanch contain 3fa9c2e1 --resume           go on where a run was interrupted
  stanch contain 3fa9c2e1 --undo rotate --reason 'consumer not ready'
  stanch contain 3fa9c2e1 leaked-repo/       where the leak is, if it isn't here

Places for --deliver-to (#PART=NAME,... says which part of the key goes where):
  aws-secretsmanager:NAME|ARN[#id=KEY_ID,secret=KEY_SECRET]   fields of a JSON secret, staged
  aws-ssm:/app/#id=key-id,secret=key-secret                   one parameter a part
  vault:MOUNT/PATH[#...]            Vault or OpenBao, KV v2; VAULT_ADDR, VAULT_TOKEN
  github:OWNER/REPO[/ENVIRONMENT]#id=AWS_ACCESS_KEY_ID,secret=AWS_SECRET_ACCESS_KEY   GH_TOKEN
  kubernetes:NAMESPACE/NAME[?file=PATH][#...]   a manifest: `stanch contain ... | kubectl apply -f -`
  fd:NUMBER                         JSON on an open file descriptor

Exit codes: 0 contained (or the plan was shown), 2 could not, 3 something is unsettled.")]
pub(super) struct Args {
    /// The first characters of the finding's fingerprint
    // Parsed by ourselves: clap would repeat what was typed, and that may be a secret.
    finding: String,
    /// Where the leak is, or - for standard input
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Carry out the plan that was shown last
    #[arg(long, group = "action")]
    apply: bool,
    /// Carry out the plan with this hash instead of the one shown last
    #[arg(long, value_name = "HASH", requires = "apply")]
    plan: Option<String>,
    /// Go on where a run was interrupted
    #[arg(long, group = "action")]
    resume: bool,
    /// Take back the last plan, or one step of it
    #[arg(long, group = "action", value_name = "STEP", num_args = 0..=1, default_missing_value = "all", requires = "reason")]
    undo: Option<String>,
    /// With --undo: also start the leaked key again
    #[arg(long, requires = "undo")]
    revive: bool,
    /// With --undo: why, for the record
    #[arg(long, value_name = "TEXT", requires = "undo")]
    reason: Option<String>,
    /// Make a replacement and hand it to this program (as JSON on its standard input), or to this place
    #[arg(long, value_name = "COMMAND|PLACE")]
    deliver_to: Option<String>,
    /// Delete an inactive key of the same owner where it takes up the replacement's place
    #[arg(long, requires = "deliver_to")]
    replace_inactive: bool,
    /// Who can read the place of the leak; unknown counts as public
    #[arg(long, value_enum, default_value_t = Readers::Unknown)]
    visibility: Readers,
    /// How to write the plan
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    format: Format,
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
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Readers {
    /// Anyone
    Public,
    /// Everyone in the organisation
    Internal,
    /// A named few
    Private,
    /// Not known
    Unknown,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let finding: FingerprintPrefix = args.finding.parse()?;
    let located = locate(&finding, &args.paths, global)?;
    let store = args.store.open()?;
    let credential = &located.finding.credential;
    let asked = deliver::Asked::read(args.deliver_to.as_deref(), credential, global)?;
    let mut errors = anstream::stderr();
    let out = match asked.as_ref().is_some_and(deliver::Asked::takes_output) {
        true => &mut errors as &mut dyn Write,
        false => out,
    };
    runtime()?.block_on(async {
        let fingerprint = &located.finding.fingerprint;
        let shown = if args.apply { shown_plan(args, &*store, fingerprint)? } else { None };
        let endpoint = match args.resume || args.undo.is_some() {
            true => approved_endpoint(&*store, fingerprint)?,
            false => shown.as_ref().and_then(|plan| plan.endpoint.clone()),
        };
        let provider = connect::connect(&located.finding, &args.aws, endpoint).await?;
        let delivery = match &asked {
            Some(asked) => Some(asked.prepare(&args.aws).await?),
            None => None,
        };
        let responder = Responder {
            store: &*store,
            provider: &*provider,
            clock: &environment::SystemClock,
            actor: environment::user(),
            located: &located,
            delivery: delivery.as_deref(),
            visibility: args.visibility.into(),
            drill: false,
            global,
        };
        if args.resume {
            return responder.resume(out).await;
        }
        if let (Some(step), Some(reason)) = (&args.undo, &args.reason) {
            return responder.undo(step, args.revive, reason, out).await;
        }
        let observation = provider.observe(&located.finding.credential).await?;
        let now = plan_now(args, &located.finding, &*provider, &observation, responder.delivery)?;
        match args.apply {
            true => {
                responder.check_finished()?;
                compare(shown, &now)?;
                responder.apply(&now, &observation, out).await
            }
            false => show(args, &*store, &now, out),
        }
    })
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
    args: &Args,
    finding: &crate::finding::Finding,
    provider: &dyn Provider,
    observation: &Observation,
    delivery: Option<&dyn Delivery>,
) -> Result<Plan, Failure> {
    let subject = Subject::of(&finding.credential)?;
    let request = Request {
        delivery: delivery.map(Delivery::describe),
        replace_inactive: args.replace_inactive,
    };
    Ok(plan(&subject, observation, &Facts::of(provider), &request))
}

/// Refuses a plan that isn't the one that was shown.
fn compare(shown: Option<Plan>, now: &Plan) -> Result<(), Failure> {
    let finding = now.fingerprint.short();
    let Some(shown) = shown else {
        return Err(Failure::new("no plan was shown for this finding yet")
            .hint(format!("look at it first: `stanch contain {finding}`")));
    };
    if shown.hash() == now.hash() {
        return Ok(());
    }
    let changes = differences(&shown, now).join("; ");
    Err(Failure::new(format!("the plan is not the one that was shown: {changes}")).hint(format!(
        "nothing was done; look at the new plan with `stanch contain {finding}`, with the same flags as for --apply"
    )))
}

fn show(
    args: &Args,
    store: &dyn Store,
    plan: &Plan,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let value = serde_json::to_value(plan).map_err(std::io::Error::from)?;
    store.remember_plan(&PlanRecord {
        plan_hash: plan.hash(),
        fingerprint: plan.fingerprint,
        plan: value.clone(),
        shown_at: environment::SystemClock.now(),
    })?;
    match args.format {
        Format::Text => {
            report::plan(plan, out)?;
            let again = args.deliver_to.as_ref().map_or("", |_| " with the same --deliver-to");
            let finding = plan.fingerprint.short();
            writeln!(
                out,
                "nothing was changed; carry it out with `stanch contain {finding} --apply`{again}"
            )?;
        }
        Format::Json => {
            let json = serde_json::json!({ "plan_hash": plan.hash(), "plan": value });
            serde_json::to_writer_pretty(&mut *out, &json).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(ExitCode::Clean)
}

impl From<Readers> for Visibility {
    fn from(readers: Readers) -> Self {
        match readers {
            Readers::Public => Self::Public,
            Readers::Internal => Self::Internal,
            Readers::Private => Self::Private,
            Readers::Unknown => Self::Unknown,
        }
    }
}
