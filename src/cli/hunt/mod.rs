//! `stanch hunt`: what a leaked key was used for, and what is left of it.

mod asked;
mod children;
mod progress;
mod queries;

use std::io::Write;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::contain::{AwsArgs, Occasion, PolicyArgs, connect, holder, runtime};
use super::environment::{self, SystemClock};
use super::narrator::Narrator;
use super::store::StoreArgs;
use super::{ExitCode, Failure, Global};
use crate::contain::{Error, Hunt, Hunted, Question};
use crate::incident::{Conclusion, Coverage, Incident, Store};
use crate::report;

use asked::Asked;

/// Find out what a leaked key was used for and what it left behind
///
/// Reads the provider's log by key and by its owner, in every region and at the pace the provider allows,
/// and changes nothing there. What is read is kept in the incident as it is read: a hunt that was killed
/// is taken up by running the same command again. It needs nothing but the incident, also where the leak
/// itself is gone. What could not be seen is unknown, never "not accessed".
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch hunt 3fa9c2e1                       read the log since the leak, and a week before it
  stanch hunt --incident 9f31ab02            the same, by the incident's id
  stanch hunt 3fa9c2e1 --since 2026-11-18    the key may have been in other hands since then
  stanch hunt 3fa9c2e1 --open-children       open an incident for each secret the hunt found was read
  stanch hunt 3fa9c2e1 --queries             only print the questions for CloudWatch Logs and Athena
  stanch hunt 3fa9c2e1 --format json

An account's own log holds more than CloudTrail's event history, which lacks reads and writes of S3 objects
and what is older than 90 days. Where [aws] of the policy file names it, it is searched, too:
  [aws]
  log-group = \"cloudtrail\"                   # a group of CloudWatch Logs a trail writes to
  athena-table = \"logs.cloudtrail\"           # a table over the trail's bucket
  athena-output = \"s3://answers/stanch/\"
  data-events = true                         # the trail writes data events of all the keys can reach

Exit codes: 0 nothing was found and everything was seen, 1 something was found that a person has to deal
with, 2 could not, 3 nothing was found in what could be seen, and not everything could.")]
pub(super) struct Args {
    /// The first characters of the finding's fingerprint
    // Parsed by ourselves: clap would repeat what was typed, and that may be a secret.
    #[arg(required_unless_present = "incident")]
    finding: Option<String>,
    /// The incident's id, or its beginning or end
    #[arg(long, short, value_name = "ID", conflicts_with = "finding")]
    incident: Option<String>,
    /// Since when the key may have been in other hands [default: the time of the leak in the record]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// How many days before that are read, too: where it was used from then, it is used from rightly
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(..=90))]
    days_before: u32,
    /// Open an incident for each secret that the last hunt found was read, and read no log again
    #[arg(long, conflicts_with_all = ["queries", "since"])]
    open_children: bool,
    /// Only print the same questions for logs that are searched elsewhere; ask nobody
    #[arg(long)]
    queries: bool,
    /// How to write what was found
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    aws: AwsArgs,
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

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let store = args.store.open()?;
    let asked = Asked::read(args, &*store)?;
    if args.open_children {
        return children::open(args, &asked.incident, &*store, out);
    }
    let (policy, configuration) = args.policy.read_with_text()?;
    let mut question = asked.question(args, policy.networks)?;
    if args.queries {
        return queries::print(args, &question, &configuration, out);
    }
    let actor = environment::user();
    let holder = holder(&actor)?;
    let hunted = runtime()?.block_on(async {
        let issuer = asked.issuer(global)?;
        let endpoint = asked.endpoint.clone();
        let occasion = Occasion { configuration, ..Occasion::of(&asked.incident.id, endpoint) };
        let provider = connect(&issuer, &args.aws, occasion).await?;
        question.owner = asked::owner(&*provider, &asked).await?;
        let progress = progress::Progress::new(global);
        // Where no line moves, each piece that was read is told.
        let narrator = Narrator { journal: &*store, global, label: None };
        let hunt = Hunt {
            journal: if progress.is_hidden() { &narrator } else { &*store },
            provider: &*provider,
            clock: &SystemClock,
            incident: asked.incident.id.clone(),
            actor,
            holder: &holder,
        };
        let hunted = hunt.run(&question, &|tick| progress.tell(tick)).await;
        hunted.map_err(stopped)
    })?;
    tell(args, &asked.incident, &question, &hunted, &*store, out)
}

/// Returns the failure for a hunt that stopped: what was read is kept.
fn stopped(error: Error) -> Failure {
    Failure::from(error).further_hint("what was read is kept: the same command goes on there")
}

fn tell(
    args: &Args,
    incident: &Incident,
    question: &Question,
    hunted: &Hunted,
    store: &dyn Store,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let head = store.verify(&incident.id, None)?;
    match args.format {
        Format::Text => {
            report::hunt(hunted, &question.key_id, question.owner.as_deref(), out)?;
            writeln!(out, "incident  {}", incident.id)?;
            writeln!(
                out,
                "head      {head}   (keep it elsewhere: `incident verify --against` compares)"
            )?;
            for next in next_steps(incident, hunted) {
                writeln!(out, "next      {next}")?;
            }
        }
        Format::Json => write_json(
            &json!({
                "schema": "stanch-hunt/v1",
                "incident": incident.id,
                "key_id": question.key_id,
                "owner": question.owner,
                "hunt": hunted,
                "head": head.to_string(),
            }),
            out,
        )?,
    }
    let is_unread = |coverage| matches!(coverage, Coverage::None | Coverage::Unknown);
    if hunted.needs_a_person() {
        return Ok(ExitCode::Found);
    }
    let sources = &hunted.review.sources;
    if sources.iter().all(|source| is_unread(source.coverage)) {
        let gap = sources.iter().flat_map(|source| &source.gaps).next().cloned();
        return Err(Failure::new(format!("no log could be read: {}", gap.unwrap_or_default()))
            .hint("what the key did is unknown; `stanch ready --aws-policy observer` prints what a responder needs"));
    }
    Ok(match hunted.review.conclusion {
        Conclusion::Unknown => ExitCode::Unsettled,
        _ => ExitCode::Clean,
    })
}

fn next_steps(incident: &Incident, hunted: &Hunted) -> Vec<String> {
    let id = incident.id.short();
    let mut next = Vec::new();
    if hunted.secrets.iter().any(|secret| secret.is_suspicious) {
        next.push(format!(
            "stanch hunt --incident {id} --open-children   (an incident for each secret)"
        ));
    }
    if hunted.review.conclusion == Conclusion::Misuse {
        next.push(format!("stanch incident severity --incident {id} --misused yes"));
    }
    next.push(format!("stanch incident show {id}"));
    next
}

fn write_json(value: &Value, out: &mut dyn Write) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    Ok(writeln!(out)?)
}
