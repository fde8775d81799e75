//! The tables on the server, and how they come about.

use postgres::{Client, GenericClient};

use super::link::Failed;

/// The version of the tables this program writes: how many of [`STEPS`] there are.
pub(super) const VERSION: u32 = STEPS.len() as u32;

/// The way from nothing to the present tables. A step that was released is never changed; what is new is
/// a step of its own.
const STEPS: [&str; 1] = [FIRST];

const FIRST: &str = "
CREATE TABLE stanch.events (
    incident TEXT   NOT NULL,
    seq      BIGINT NOT NULL CHECK (seq >= 0),
    at       TEXT   NOT NULL,
    actor    TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    event    TEXT   NOT NULL,
    prev     TEXT   NOT NULL,
    hash     TEXT   NOT NULL,
    PRIMARY KEY (incident, seq)
);
CREATE INDEX events_by_kind ON stanch.events (kind, incident);

CREATE TABLE stanch.plans (
    number      BIGINT GENERATED ALWAYS AS IDENTITY,
    plan_hash   TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    plan        TEXT NOT NULL,
    shown_at    TEXT NOT NULL
);
CREATE INDEX plans_by_fingerprint ON stanch.plans (fingerprint);

CREATE TABLE stanch.checkpoints (
    number   BIGINT GENERATED ALWAYS AS IDENTITY,
    incident TEXT   NOT NULL,
    seq      BIGINT NOT NULL CHECK (seq >= 0),
    note     TEXT   NOT NULL
);
CREATE INDEX checkpoints_by_incident ON stanch.checkpoints (incident, seq);

CREATE FUNCTION stanch.never() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'what was recorded is never changed or deleted'; END $$;

CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON stanch.events
FOR EACH STATEMENT EXECUTE FUNCTION stanch.never();
CREATE TRIGGER checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON stanch.checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION stanch.never();
";

/// Held while tables are made: two programs may begin at once.
const LOCK: i64 = 0x7374_616e_6368;

/// Brings the tables up to date. Those of a newer program are left as they are: they can be read.
pub(super) fn migrate(client: &mut Client) -> Result<(), Failed> {
    // A commit is on the server's disk when it returns, whatever the server's default is.
    client.batch_execute("SET synchronous_commit = on; SET lock_timeout = '10s'")?;
    if version(client)?.is_some_and(|version| version >= VERSION) {
        return Ok(());
    }
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
    transaction.batch_execute(
        "CREATE SCHEMA IF NOT EXISTS stanch;
         CREATE TABLE IF NOT EXISTS stanch.schema_version (version INTEGER NOT NULL)",
    )?;
    let there = version(&mut transaction)?.unwrap_or_default();
    for step in STEPS.iter().skip(there as usize) {
        transaction.batch_execute(step)?;
    }
    transaction.batch_execute("DELETE FROM stanch.schema_version")?;
    let now = i32::try_from(VERSION.max(there)).unwrap_or(i32::MAX);
    transaction.execute("INSERT INTO stanch.schema_version VALUES ($1)", &[&now])?;
    transaction.commit()?;
    Ok(())
}

/// Returns the version of the tables where it is newer than this program.
pub(super) fn newer(client: &mut impl GenericClient) -> Result<Option<u32>, Failed> {
    Ok(version(client)?.filter(|version| *version > VERSION))
}

/// Returns the version of the tables, `None` where there are none.
fn version(client: &mut impl GenericClient) -> Result<Option<u32>, Failed> {
    let there = "SELECT to_regclass('stanch.schema_version') IS NOT NULL";
    if !client.query_one(there, &[])?.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = client.query_opt("SELECT version FROM stanch.schema_version", &[])?;
    Ok(row.and_then(|row| u32::try_from(row.get::<_, i32>(0)).ok()))
}
