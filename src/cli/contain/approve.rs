//! Agreeing to a plan that somebody else begins: an event of the incident, bound to the plan's hash.

use std::io::Write;

use crate::cli::{ExitCode, Failure, environment};
use crate::contain::Plan;
use crate::incident::{Event, Store};
use crate::report;
use crate::secret::FingerprintPrefix;

/// Shows the plan and records that somebody agrees to it.
pub(super) fn run(
    finding: &FingerprintPrefix,
    hash: &str,
    by: Option<&str>,
    store: &dyn Store,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let none = || {
        Failure::new(format!("{} knows no plan for {finding} with that hash", store.place()))
            .hint("whoever plans says the hash; both need the same store (--store)")
    };
    let record = store.plan(hash)?.filter(|plan| finding.matches(&plan.fingerprint));
    let record = record.ok_or_else(none)?;
    let plan: Plan = serde_json::from_value(record.plan).map_err(|error| {
        Failure::new(format!("the plan can't be read: {error}"))
            .hint("it was shown by another version; let it be planned anew")
    })?;
    if plan.hash() != hash {
        return Err(Failure::new("the plan was changed in the store since it was shown")
            .hint("nothing was approved; let it be planned anew"));
    }
    report::plan(&plan, out)?;
    let incident = store.incident_for(&plan.fingerprint)?.ok_or_else(|| {
        Failure::new("no incident of this finding is open, so there is nothing to agree to yet")
            .hint("whoever contains it begins with --apply or --auto; what needs you is left until then")
    })?;
    let me = environment::user();
    let by = by.unwrap_or(&me).to_owned();
    let event =
        Event::ApprovalGiven { plan_hash: hash.to_owned(), by: by.clone(), confirmed: None };
    let next = store.events(&incident)?.last().map_or(0, |last| last.seq + 1);
    store.append(&incident, next, &me, environment::now(), &event)?;
    writeln!(out, "{by} agrees; go on with `stanch contain {finding} --resume`")?;
    Ok(ExitCode::Clean)
}
