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
    let issuer = &located.finding.pattern.provider;
    let provider = connect::connect(issuer, &args.aws, occasion(args, located)).await?;
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

/// Returns what it is asked for: the open incident, where a record can be read.
fn occasion(args: &Args, located: &Located) -> connect::Occasion {
    let store = args.store.open().ok();
    let open = store.and_then(|store| store.incident_for(&located.finding.fingerprint).ok()?);
    match open {
        Some(incident) => connect::Occasion::of(&incident, None),
        None => connect::Occasion::of_plan(&located.finding),
    }
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
        reserved: incident.clone(),
        drill: false,
        global,
        label: None,
    };
    responder.engine(&*store, &incident).keep(again)?;
    writeln!(out, "kept in incident {incident}")?;
    Ok(())
}
