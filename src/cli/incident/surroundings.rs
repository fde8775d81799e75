//! Commands about what an incident touches: systems, vendors, workflows, causes, follow-ups.

use std::io::Write;

use super::arguments::{CAUSES, word};
use super::case::{CaseArgs, change};
use super::moment::due;
use super::people::said;
use crate::cli::{ExitCode, Failure, Global};
use crate::incident::{Cause, Event, Incident};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AffectedArgs {
    /// The system
    system: String,
    /// Whose it is
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// How it trusts the key
    #[arg(long, value_name = "TEXT")]
    trusts: Option<String>,
    /// It was seen to work, safely, without the leaked key
    #[arg(long)]
    validated: bool,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn affected(
    args: &AffectedArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |_, _| {
        Ok(vec![Event::Affected {
            name: said(&args.system)?,
            owner: args.owner.as_deref().map(said).transpose()?,
            trusts: args.trusts.as_deref().map(said).transpose()?,
            validated: args.validated,
        }])
    })
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CheckpointArgs {
    /// Who is asked
    #[arg(required_unless_present = "answer", requires = "question")]
    vendor: Option<String>,
    /// What
    #[arg(requires = "due")]
    question: Option<String>,
    /// Until when an answer is needed, such as 'in 4 h'
    #[arg(long, value_name = "TIME")]
    due: Option<String>,
    /// The vendor's number for it
    #[arg(long, value_name = "NUMBER")]
    case_number: Option<String>,
    /// Write down the answer to the question with this number
    #[arg(long, value_name = "N", conflicts_with_all = ["vendor", "due"], requires = "text")]
    answer: Option<u32>,
    /// The answer
    #[arg(long, value_name = "TEXT", requires = "answer")]
    text: Option<String>,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn checkpoint(
    args: &CheckpointArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, desk| {
        if let (Some(number), Some(answer)) = (args.answer, &args.text) {
            check_number(number, incident.checkpoints.len(), "question")?;
            return Ok(vec![Event::CheckpointAnswered { number, answer: said(answer)? }]);
        }
        let until = args.due.as_deref().unwrap_or_default();
        Ok(vec![Event::CheckpointAsked {
            vendor: said(args.vendor.as_deref().unwrap_or_default())?,
            question: said(args.question.as_deref().unwrap_or_default())?,
            case: args.case_number.as_deref().map(said).transpose()?,
            due: due(until, desk.now, &desk.zone)?,
        }])
    })
}

/// Refuses the number of something that isn't there.
fn check_number(number: u32, there: usize, what: &str) -> Result<(), Failure> {
    let is_there = (1..=there).contains(&(number as usize));
    match is_there {
        true => Ok(()),
        false => Err(Failure::new(format!("there is no {what} {number}"))
            .hint("`stanch incident show` numbers them")),
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WorkflowArgs {
    /// The workflow
    workflow: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn pause(
    args: &WorkflowArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, _| {
        if is_paused(incident, &args.workflow) {
            return Err(Failure::new("that workflow is paused already"));
        }
        let (workflow, reason) = (said(&args.workflow)?, said(&args.reason)?);
        Ok(vec![Event::WorkflowPaused { workflow, reason }])
    })
}

pub(super) fn resume(
    args: &WorkflowArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, _| {
        if !is_paused(incident, &args.workflow) {
            return Err(Failure::new("that workflow is not paused")
                .hint("`stanch incident show` names those that are"));
        }
        let (workflow, reason) = (said(&args.workflow)?, said(&args.reason)?);
        Ok(vec![Event::WorkflowResumed { workflow, reason }])
    })
}

fn is_paused(incident: &Incident, name: &str) -> bool {
    let stands = |workflow: &crate::incident::Workflow| workflow.resumed_at.is_none();
    incident.workflows.iter().any(|workflow| workflow.name == name.trim() && stands(workflow))
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FollowUpArgs {
    /// What is left to do
    #[arg(required_unless_present = "done", requires = "owner", requires = "due")]
    title: Option<String>,
    /// Who does it
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Until when, such as 2026-12-31 or 'in 14 d'
    #[arg(long, value_name = "TIME")]
    due: Option<String>,
    /// Say that the follow-up with this number was done
    #[arg(long, value_name = "N", conflicts_with_all = ["title", "owner", "due"], requires = "result")]
    done: Option<u32>,
    /// What was done
    #[arg(long, value_name = "TEXT", requires = "done")]
    result: Option<String>,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn followup(
    args: &FollowUpArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, desk| {
        if let (Some(number), Some(result)) = (args.done, &args.result) {
            check_number(number, incident.followups.len(), "follow-up")?;
            return Ok(vec![Event::FollowUpDone { number, result: said(result)? }]);
        }
        let until = args.due.as_deref().unwrap_or_default();
        Ok(vec![Event::FollowUpAdded {
            title: said(args.title.as_deref().unwrap_or_default())?,
            owner: said(args.owner.as_deref().unwrap_or_default())?,
            due: due(until, desk.now, &desk.zone)?,
        }])
    })
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RootCauseArgs {
    /// The kind of cause
    #[arg(value_parser = word::<Cause>(CAUSES))]
    category: Cause,
    /// The cause in a line: what happened, not who did it
    #[arg(long, value_name = "TEXT")]
    description: String,
    /// What was or will be changed so that it can't happen again
    #[arg(long, value_name = "TEXT")]
    fix: Option<String>,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn root_cause(
    args: &RootCauseArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |_, _| {
        Ok(vec![Event::RootCauseFound {
            category: args.category,
            description: said(&args.description)?,
            fix: args.fix.as_deref().map(said).transpose()?,
        }])
    })
}
