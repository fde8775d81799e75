//! The tables, how they came about, and how a connection is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::failure::{Failed, error};
use super::file::refuse_foreign;
use crate::incident::Error;

/// Marks the file as an incident store: the letters `stnc`.
pub(super) const APPLICATION_ID: u32 = 0x7374_6e63;

/// The version of the tables this program writes: how many of [`STEPS`] there are.
pub(super) const VERSION: u32 = STEPS.len() as u32;

/// How long to wait for another program's transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way from an empty file to the present tables. A step that was released is never changed; what
/// is new is a step of its own.
const STEPS: &[M<'_>] = &[M::up(FIRST), M::up(CHECKPOINTS), M::up(SUMMARIES)];

// `REPLACE` deletes without asking a trigger on deletion, so insertion over an event is refused as well.
const FIRST: &str = "
PRAGMA application_id = 0x73746e63;

CREATE TABLE events (
    incident TEXT    NOT NULL,
    seq      INTEGER NOT NULL CHECK (seq >= 0),
    at       TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    event    TEXT    NOT NULL,
    prev     TEXT    NOT NULL,
    hash     TEXT    NOT NULL,
    PRIMARY KEY (incident, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'an event of the past is never changed'); END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'an event of the past is never deleted'); END;

CREATE TRIGGER events_are_never_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE incident = NEW.incident AND seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'an event of the past is never replaced'); END;

CREATE INDEX events_by_kind ON events (kind, incident);

CREATE TABLE plans (
    plan_hash   TEXT PRIMARY KEY NOT NULL,
    fingerprint TEXT NOT NULL,
    plan        TEXT NOT NULL,
    shown_at    TEXT NOT NULL
) STRICT;

CREATE INDEX plans_by_fingerprint ON plans (fingerprint, shown_at);
";

const CHECKPOINTS: &str = "
CREATE TABLE checkpoints (
    incident TEXT    NOT NULL,
    seq      INTEGER NOT NULL CHECK (seq >= 0),
    note     TEXT    NOT NULL
) STRICT;

CREATE INDEX checkpoints_by_incident ON checkpoints (incident, seq);

CREATE TRIGGER checkpoints_are_never_changed BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'a checkpoint of the past is never changed'); END;

CREATE TRIGGER checkpoints_are_never_deleted BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'a checkpoint of the past is never deleted'); END;
";

/// What lists and scorecards are made from without reading every event. Nothing in it is believed beyond
/// that: `heads` says where each record ends, and a summary counts only for that very head.
const SUMMARIES: &str = "
CREATE TABLE heads (
    incident TEXT    PRIMARY KEY NOT NULL,
    seq      INTEGER NOT NULL,
    hash     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO heads
SELECT incident, seq, hash FROM events AS event
WHERE seq = (SELECT max(seq) FROM events WHERE incident = event.incident);

CREATE TRIGGER events_move_the_head AFTER INSERT ON events
BEGIN
    INSERT INTO heads (incident, seq, hash) VALUES (NEW.incident, NEW.seq, NEW.hash)
    ON CONFLICT (incident) DO UPDATE SET seq = excluded.seq, hash = excluded.hash;
END;

CREATE TABLE summaries (
    incident TEXT    PRIMARY KEY NOT NULL,
    hash     TEXT    NOT NULL,
    form     INTEGER NOT NULL,
    summary  TEXT    NOT NULL
) STRICT;
";

/// Why a store was not opened.
pub(super) enum Refused {
    /// A newer program made it: its version.
    Newer(u32),
    /// For another reason.
    For(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

/// Opens the file, checks whose it is, brings its tables up to date.
pub(super) fn connect(path: &Path) -> Result<Connection, Refused> {
    let mut connection = open(path)?;
    check(path, &connection)?;
    set_up(&connection).failed("open", path)?;
    migrate(path, &mut connection)?;
    Ok(connection)
}

/// Opens a copy of a store that a newer program made: for reading, so that nothing of it is changed.
pub(super) fn connect_to_copy(path: &Path, copy: &Path) -> Result<Connection, Error> {
    let connection = open(copy)?;
    connection.pragma_update(None, "query_only", true).failed("open", path)?;
    Ok(connection)
}

fn open(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).failed("open", path)?;
    connection.busy_timeout(PATIENCE).failed("open", path)?;
    harden(&connection).failed("open", path)?;
    Ok(connection)
}

/// Lets nothing that is written in the file run, and leaves the file alone should it be refused.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

/// Looks again at what the first bytes of the file told: a change may still be in the `-wal` file.
fn check(path: &Path, connection: &Connection) -> Result<(), Refused> {
    // One transaction, so that a store being made at this moment is seen whole or not at all.
    let transaction = connection.unchecked_transaction().failed("open", path)?;
    let application = pragma(&transaction, "application_id").failed("open", path)?;
    let version = pragma(&transaction, "user_version").failed("open", path)?;
    refuse_foreign(path, application, version)?;
    if version > VERSION {
        return Err(Refused::Newer(version));
    }
    let count = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = (transaction.query_row(count, [], |row| row.get(0))).failed("open", path)?;
    if version == 0 && tables > 0 {
        let why = "the file is a database of another program; name another one";
        return Err(error("open", path, why).into());
    }
    Ok(())
}

/// Returns a number of the header, bit for bit: SQLite counts these with a sign.
fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0).map(i32::cast_unsigned))
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    use_wal(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS `fsync` alone doesn't reach the disk; elsewhere this changes nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Switches to the write-ahead log, once in the life of the file. Two programs that do it at the same
/// moment don't wait for each other by themselves, so the one that was refused looks again.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let switched = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match switched {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tries < 100 => {
                tries += 1;
                std::thread::sleep(PATIENCE / 100);
            }
            other => return other.map(|_| ()),
        }
    }
}

/// Brings the tables up to date. Where two programs do it at once, the second finds them there: that
/// is no failure.
fn migrate(path: &Path, connection: &mut Connection) -> Result<(), Error> {
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    let steps = Migrations::from_slice(STEPS);
    let mut migrated = steps.to_latest(connection);
    if migrated.is_err() {
        migrated = steps.to_latest(connection);
    }
    match migrated {
        Ok(()) => Ok(()),
        Err(rusqlite_migration::Error::RusqliteError { err, .. }) => Err(err).failed("open", path),
        Err(other) => Err(error("open", path, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_hold_together_and_mark_the_file() {
        Migrations::from_slice(STEPS).validate().unwrap();
        assert!(FIRST.contains(&format!("{APPLICATION_ID:#x}")));
    }
}
