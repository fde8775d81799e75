//! Commands about people and judgement: who takes it, who has which role, is it real, how bad is it.

use std::io::Write;

use super::arguments::{InputArgs, LEVELS, ROLES, TLP, VERDICTS, nothing_known, word};
use super::case::{self, CaseArgs, Desk, change, from_settings};
use crate::cli::{ExitCode, Failure, Global};
use crate::incident::{
    Classification, Event, Incident, Inputs, Level, Role, Tlp, Verdict, is_one_too_many,
};
use crate::report::incident_severity;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AckArgs {
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn ack(
    args: &AckArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, desk| {
        if let Some(by) = &incident.acknowledged_by {
            return Err(Failure::new(format!("{} took it already", crate::finding::plain(by)))
                .hint("give roles with `stanch incident assign ROLE NAME`"));
        }
        let taken = Event::Acknowledged { by: desk.actor.clone() };
        Ok(std::iter::once(taken).chain(from_settings(incident, desk)).collect())
    })
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct NoteArgs {
    /// The line, without secrets
    text: String,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn note(
    args: &NoteArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |_, _| Ok(vec![Event::Noted { text: said(&args.text)? }]))
}

/// Returns words that say something.
pub(super) fn said(text: &str) -> Result<String, Failure> {
    match text.trim() {
        "" | "…" => Err(Failure::new("there is nothing in these words")
            .hint("say it in a line; it is kept for ever")),
        text => Ok(text.to_owned()),
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AssignArgs {
    /// The role
    #[arg(value_parser = word::<Role>(ROLES))]
    role: Role,
    /// The person
    person: String,
    /// Who stands in
    #[arg(long, value_name = "PERSON")]
    deputy: Option<String>,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn assign(
    args: &AssignArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, _| {
        let (role, person) = (args.role, said(&args.person)?);
        refuse_both(incident, role, &person)?;
        let deputy = args.deputy.as_deref().map(said).transpose()?;
        let mut events = vec![Event::Assigned { role, person }];
        events.extend(deputy.map(|person| Event::DeputyNamed { role, person }));
        Ok(events)
    })
}

/// Refuses a second role that can't be had beside the first.
fn refuse_both(incident: &Incident, role: Role, person: &str) -> Result<(), Failure> {
    let level = incident.severity.as_ref().map(|severity| severity.level);
    let clashes = |(other, holder): &(&Role, &String)| {
        holder.as_str() == person && **other != role && is_one_too_many(level, role, **other)
    };
    let Some((other, _)) = incident.roles.iter().find(clashes) else {
        return Ok(());
    };
    let level = level.map_or("an incident nobody has classified".to_owned(), |l| l.to_string());
    Err(Failure::new(format!(
        "{person} is {} already and can't be {} too at {level}",
        other.words(),
        role.words()
    ))
    .hint("whoever leads has no time to speak to everyone else: name another person"))
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerdictArgs {
    /// The judgement
    #[arg(value_parser = word::<Verdict>(VERDICTS))]
    verdict: Verdict,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn verdict(
    args: &VerdictArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, _| {
        let mut events = vec![Event::Judged { verdict: args.verdict, reason: said(&args.reason)? }];
        // A key without power is no SEV1, whatever was assumed before anybody knew.
        let harmless = matches!(args.verdict, Verdict::TestKey | Verdict::Canary);
        if let Some(severity) = incident.severity.as_ref().filter(|s| s.inputs.harmless != harmless)
        {
            let inputs = Inputs { harmless, ..severity.inputs.clone() };
            events.push(Classification::of(inputs).into());
        }
        Ok(events)
    })
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SeverityArgs {
    #[command(flatten)]
    inputs: InputArgs,
    /// Decide on this level instead of the rule's
    #[arg(long, value_name = "LEVEL", requires = "reason", value_parser = word::<Level>(LEVELS))]
    set: Option<Level>,
    /// Why the level is decided by a person
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn severity(
    args: &SeverityArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    if !args.inputs.says_something() && args.set.is_none() {
        return show_severity(args, out);
    }
    change(&args.case, global, out, |incident, desk| {
        let before = incident.severity.as_ref().map(|severity| severity.inputs.clone());
        let before = before.unwrap_or_else(|| nothing_known(incident.exposure.visibility));
        let ruled = Classification::of(args.inputs.onto(before));
        let (Some(level), Some(reason)) = (args.set, &args.reason) else {
            return Ok(vec![ruled.into()]);
        };
        let by = who_decides(desk, level > ruled.level)?;
        Ok(vec![ruled.overridden(level, by, &said(reason)?).into()])
    })
}

/// Returns who decides on a level. Lowering one takes a name that was given, not an account's.
fn who_decides(desk: &Desk, lowers: bool) -> Result<&str, Failure> {
    if lowers && !desk.is_named {
        return Err(Failure::new("a lower level than the rule's takes a name")
            .hint("say who decides with --as NAME; the reason is kept with it"));
    }
    Ok(&desk.actor)
}

fn show_severity(args: &SeverityArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let incident = case::look(&args.case)?;
    incident_severity::write(out, &incident)?;
    Ok(ExitCode::Clean)
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true, args = ["codename", "tlp"])]
pub(in crate::cli) struct MarkArgs {
    /// The name for people who must not know more
    #[arg(long, value_name = "NAME")]
    codename: Option<String>,
    /// Who may see the record, by the Traffic Light Protocol
    #[arg(long, value_name = "COLOUR", value_parser = word::<Tlp>(TLP))]
    tlp: Option<Tlp>,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn mark(
    args: &MarkArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |_, _| {
        let codename = args.codename.as_deref().map(said).transpose()?;
        Ok(vec![Event::Marked { codename, tlp: args.tlp }])
    })
}
