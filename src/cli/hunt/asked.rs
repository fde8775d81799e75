//! Which key is hunted for: from the incident alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::Args;
use crate::cli::{Failure, Global, environment};
use crate::contain::Question;
use crate::incident::{Event, Incident, IncidentId, Recorded, Store};
use crate::pattern::Provider as IssuedBy;
use crate::provider::{self, Provider};
use crate::secret::{Credential, FingerprintPrefix, Part};

/// The incident, and what its record says of the key.
pub(super) struct Asked {
    pub(super) incident: Incident,
    /// Whose key it is, as it was seen last.
    owner: Option<String>,
    /// Where the last plan that was approved went.
    pub(super) endpoint: Option<String>,
}

impl Asked {
    pub(super) fn read(args: &Args, store: &dyn Store) -> Result<Self, Failure> {
        let id = match (&args.incident, &args.finding) {
            (Some(typed), _) => store.find(typed)?,
            (None, finding) => of_finding(store, finding.as_deref().unwrap_or_default())?,
        };
        let events = store.events(&id)?;
        let text = |value: &serde_json::Value, pointer: &str| {
            let text = value.pointer(pointer).and_then(serde_json::Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let last = |of: &dyn Fn(&Event) -> Option<String>| {
            events.iter().rev().find_map(|recorded: &Recorded| of(&recorded.event))
        };
        let owner = last(&|event| match event {
            Event::Observed { observation } => text(observation, "/key/owner"),
            Event::PlanApproved { plan, .. } => text(plan, "/owner"),
            _ => None,
        });
        let endpoint = last(&|event| match event {
            Event::PlanApproved { plan, .. } => text(plan, "/endpoint"),
            _ => None,
        });
        Ok(Self { incident: Incident::of(&id, &events)?, owner, endpoint })
    }

    /// Returns what is asked of the logs.
    pub(super) fn question(&self, args: &Args, networks: Vec<String>) -> Result<Question, Failure> {
        let incident = &self.incident;
        let key_id = incident.credential.key_id.clone().ok_or_else(|| {
            Failure::new("the record doesn't name the key's id at its provider").hint(
                "open the incident with --key-id, or look at the provider's own log for what was done",
            )
        })?;
        let leaked_at = match &args.since {
            Some(text) => environment::instant(text).ok_or_else(|| {
                Failure::new("what --since was given is no time")
                    .hint("a time is like 2026-11-18, 2026-11-18T09:00Z or '2 weeks ago'")
            })?,
            None => incident.times.leaked_at.lower,
        };
        Ok(Question {
            key_id,
            finding: incident.credential.fingerprint,
            owner: self.owner.clone(),
            leaked_at,
            margin: SignedDuration::from_hours(24 * i64::from(args.days_before)),
            stopped_at: incident.times.contained_at,
            networks,
        })
    }

    /// Returns who issued the key, with the driver that can ask there.
    pub(super) fn issuer(&self, global: &Global) -> Result<Arc<IssuedBy>, Failure> {
        let credential = &self.incident.credential;
        let set = global.pattern_set()?;
        let mut issuers = set.patterns().iter().map(|pattern| &pattern.provider);
        let issuer = issuers.find(|issuer| issuer.id == credential.provider).cloned();
        issuer.ok_or_else(|| {
            Failure::new(format!("no provider file is about {}", credential.provider))
                .hint("look at the provider's own log for what was done with the key")
        })
    }
}

/// Returns the newest incident of a finding, open or over.
fn of_finding(store: &dyn Store, typed: &str) -> Result<IncidentId, Failure> {
    let prefix: FingerprintPrefix = typed.parse()?;
    let all = store.summaries()?.all;
    let mut of_it: Vec<_> =
        all.into_iter().filter(|summary| prefix.matches(&summary.fingerprint)).collect();
    let last = of_it.pop().ok_or_else(|| {
        Failure::new(format!("there is no incident of {prefix} in {}", store.place())).hint(
            "stop the key first: `stanch contain FINDING`; or `stanch incident open` and name it with --incident",
        )
    })?;
    match of_it.iter().find(|other| other.fingerprint != last.fingerprint) {
        None => Ok(last.id),
        Some(other) => Err(Failure::new(format!(
            "{prefix} may be any of {} and {}",
            last.fingerprint, other.fingerprint
        ))
        .hint("type more of the fingerprint")),
    }
}

/// Asks the provider whose key it is now, by its id alone: that also makes sure that it may be asked
/// about. What it can't tell stays as the record has it.
pub(super) async fn owner(
    provider: &dyn Provider,
    asked: &Asked,
) -> Result<Option<String>, Failure> {
    let id = asked.incident.credential.key_id.clone().unwrap_or_default();
    let parts = BTreeMap::from([("id".to_owned(), Part::Public(id))]);
    let known = &asked.incident.credential;
    let by_id =
        Credential { pattern: known.pattern.clone(), provider: known.provider.clone(), parts };
    use provider::Error as E;
    match provider.observe(&by_id).await {
        Ok(seen) if !seen.key.owner.is_empty() => Ok(Some(seen.key.owner)),
        Ok(_) | Err(E::NotFound { .. } | E::Unsupported { .. }) => Ok(asked.owner.clone()),
        Err(error @ E::Denied { .. }) => {
            Failure::from(error).warn("whose key it is could not be asked; the record says it");
            Ok(asked.owner.clone())
        }
        Err(error) => Err(error.into()),
    }
}
