//! Asking again whether a key is still dead, for people and for schedules.

use std::io::Write;

use super::{Args, connect, policy};
use crate::cli::locate::Located;
use crate::cli::{ExitCode, Failure, Global, environment};
use crate::contain::{Again, Guard, Life, Patience, Policy, ask_again};
use crate::finding::plain;

/// Asks, says what was answered, and keeps it where an incident is open.
pub(super) async fn run(
    args: &Args,
    located: &Located,
    rules: &Policy,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let provider = connect::connect(&located.finding, &args.aws, None).await?;
    let credential = &located.finding.credential;
    let again = ask_again(&*provider, credential, &Patience::default(), rules.proof).await?;
    let (word, code) = match again.life {
        Life::Dead => ("still dead", ExitCode::Clean),
        Life::Alive => ("IT LIVES", ExitCode::Found),
        Life::Unknown => ("not known", ExitCode::Unsettled),
    };
    let key = located.finding.fingerprint.short();
    writeln!(out, "{key}: {word}: {}", plain(&again.detail))?;
    if let Err(failure) = keep(args, located, &*provider, rules, &again, global, out) {
        failure.warn("the answer is not in any record");
    }
    if again.life == Life::Alive {
        writeln!(out, "stop it: `stanch contain {key}`")?;
    }
    Ok(code)
}

fn keep(
    args: &Args,
    located: &Located,
    provider: &dyn crate::provider::Provider,
    rules: &Policy,
    again: &Again,
    global: &Global,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let store = args.store.open()?;
    let Some(incident) = store.incident_for(&located.finding.fingerprint)? else {
        return Ok(());
    };
    let actor = environment::user();
    let (guard, holder) = (Guard::new(rules.clone()), policy::holder(&actor)?);
    let responder = super::Responder {
        store: &*store,
        provider,
        clock: &environment::SystemClock,
        approver: None,
        actor,
        confirmed: Vec::new(),
        located,
        delivery: None,
        visibility: args.asked.visibility(),
        guard: &guard,
        holder: &holder,
        drill: false,
        global,
        label: None,
    };
    responder.engine(&*store, &incident).keep(again)?;
    writeln!(out, "kept in incident {incident}")?;
    Ok(())
}
