//! The plans that were shown: so that what is applied is what somebody read.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failure::{Failed, error};
use crate::incident::{Error, PlanRecord, chain};
use crate::secret::Fingerprint;

/// A row, before it is believed.
type Stored = (String, String, String, String);

/// Remembers a plan that is being shown.
pub(super) fn remember(
    path: &Path,
    connection: &Connection,
    plan: &PlanRecord,
) -> Result<(), Error> {
    // Always nine digits after the point, so that the texts sort as the instants do.
    let shown_at = format!("{:.9}", plan.shown_at);
    let fingerprint = plan.fingerprint.to_string();
    let text = chain::canonical(&plan.plan)?;
    let kept = connection.execute(
        "INSERT INTO plans (plan_hash, fingerprint, plan, shown_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (plan_hash) DO UPDATE SET shown_at = excluded.shown_at",
        params![plan.plan_hash, fingerprint, text, shown_at],
    );
    kept.failed("write", path).map(|_| ())
}

/// Returns the plan with that hash.
pub(super) fn with_hash(
    path: &Path,
    connection: &Connection,
    plan_hash: &str,
) -> Result<Option<PlanRecord>, Error> {
    one(path, connection, "plan_hash = ?1", plan_hash)
}

/// Returns the plan for a credential that was shown last.
pub(super) fn last_for(
    path: &Path,
    connection: &Connection,
    fingerprint: &Fingerprint,
) -> Result<Option<PlanRecord>, Error> {
    let newest = "fingerprint = ?1 ORDER BY shown_at DESC, rowid DESC LIMIT 1";
    one(path, connection, newest, &fingerprint.to_string())
}

fn one(
    path: &Path,
    connection: &Connection,
    which: &str,
    value: &str,
) -> Result<Option<PlanRecord>, Error> {
    let sql = format!("SELECT plan_hash, fingerprint, plan, shown_at FROM plans WHERE {which}");
    let stored = |row: &Row<'_>| -> rusqlite::Result<Stored> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    };
    let found = connection.query_row(&sql, [value], stored).optional();
    let Some(stored) = found.failed("read", path)? else {
        return Ok(None);
    };
    let unreadable = "a plan in it can't be read; show the plan again";
    believe(stored).map(Some).ok_or_else(|| error("read", path, unreadable))
}

fn believe((plan_hash, fingerprint, plan, shown_at): Stored) -> Option<PlanRecord> {
    Some(PlanRecord {
        plan_hash,
        fingerprint: fingerprint.parse().ok()?,
        plan: serde_json::from_str(&plan).ok()?,
        shown_at: shown_at.parse().ok()?,
    })
}
