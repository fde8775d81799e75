//! The store in a file: SQLite, one transaction an event, on stable storage when a call returns.
//!
//! Why a database and not a file of lines: two people may respond at once, and a half-written line
//! must not be possible. Events can't be updated or deleted through SQL (triggers refuse), and what is
//! read back is checked against its hashes before anything is believed.
//!
//! This is the only part of the room that knows `rusqlite`; another store keeps the same [`Journal`].

mod failure;
mod file;
mod lookup;
mod plans;
mod schema;
mod summaries;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params, types::ValueRef};

use super::chain::{self, GENESIS, Raw};
use super::journal::same;
use super::{
    Error, Event, IncidentId, Journal, Opening, PlanRecord, Reading, Recorded, SignedHead, Store,
    Summaries,
};
use crate::secret::Fingerprint;
use failure::{Failed, error};

/// Incidents in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    /// Where the file is; named in every error.
    path: PathBuf,
    /// The version of the tables where a newer program made them: then this is a copy, for reading.
    newer: Option<u32>,
    /// Where the copy is; it is removed with this.
    _copy: Option<tempfile::TempDir>,
    /// The one connection. Threads take turns; other processes wait on the file's lock.
    connection: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens the store in that file, and makes it where there is none. A file or folder made here is
    /// readable by its owner only.
    ///
    /// # Errors
    /// [`Error::Store`] where the file can't be opened or isn't an incident store; then it is left as it
    /// is. One that a newer program made can be read and not written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        if let Some(version) = file::prepare(&path)? {
            return Self::read_only(path, version);
        }
        match schema::connect(&path) {
            Ok(connection) => {
                Ok(Self { path, newer: None, _copy: None, connection: Mutex::new(connection) })
            }
            // The newer version may still stand in the log beside the file.
            Err(schema::Refused::Newer(version)) => Self::read_only(path, version),
            Err(schema::Refused::For(error)) => Err(error),
        }
    }

    /// Opens a copy, so that nothing of a newer program's store is changed.
    fn read_only(path: PathBuf, version: u32) -> Result<Self, Error> {
        let folder = tempfile::tempdir().failed("open", &path)?;
        let copy = file::copy(&path, folder.path())?;
        let connection = Mutex::new(schema::connect_to_copy(&path, &copy)?);
        Ok(Self { path, newer: Some(version), _copy: Some(folder), connection })
    }

    /// Returns what has to be said of a store that a newer program made.
    pub fn caution(&self) -> Option<String> {
        self.newer.map(|version| newer_words(version, schema::VERSION))
    }

    /// Refuses to write where this is only a copy.
    fn refuse_newer(&self) -> Result<(), Error> {
        match self.newer {
            None => Ok(()),
            Some(version) => Err(error("write", &self.path, newer_words(version, schema::VERSION))),
        }
    }

    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked left a transaction that is rolled back: nothing is half done.
        let guard = self.connection.lock();
        guard.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for SqliteStore {
    fn append(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Recorded, Error> {
        self.refuse_newer()?;
        let mut connection = self.lock();
        let transaction = begin(&self.path, &mut connection)?;
        let place = (incident, expected_seq);
        let recorded = append(&self.path, &transaction, place, actor, at, event)?;
        transaction.commit().failed("write", &self.path)?;
        Ok(recorded)
    }

    fn events(&self, incident: &IncidentId) -> Result<Vec<Recorded>, Error> {
        events(&self.path, &self.lock(), incident)
    }
}

impl Store for SqliteStore {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn list(&self) -> Result<Vec<IncidentId>, Error> {
        lookup::list(&self.path, &self.lock())
    }

    fn read(&self, incident: &IncidentId) -> Result<Reading, Error> {
        read(&self.path, &self.lock(), incident)
    }

    fn open_incident(
        &self,
        incident: &IncidentId,
        actor: &str,
        at: Timestamp,
        event: &Event,
    ) -> Result<Opening, Error> {
        self.refuse_newer()?;
        let mut connection = self.lock();
        let transaction = begin(&self.path, &mut connection)?;
        if let Event::Opened { credential, .. } = event
            && let Some(open) =
                lookup::open_incident(&self.path, &transaction, &credential.fingerprint)?
        {
            return Ok(Opening::AlreadyOpen(open));
        }
        let recorded = append(&self.path, &transaction, (incident, 0), actor, at, event)?;
        transaction.commit().failed("write", &self.path)?;
        Ok(Opening::Opened(Box::new(recorded)))
    }

    fn append_all(
        &self,
        incident: &IncidentId,
        expected_seq: u64,
        actor: &str,
        at: Timestamp,
        events: &[Event],
    ) -> Result<Vec<Recorded>, Error> {
        self.refuse_newer()?;
        let mut connection = self.lock();
        let transaction = begin(&self.path, &mut connection)?;
        let append = |(seq, event): (u64, &Event)| {
            append(&self.path, &transaction, (incident, seq), actor, at, event)
        };
        let recorded = (expected_seq..).zip(events).map(append).collect::<Result<_, _>>()?;
        transaction.commit().failed("write", &self.path)?;
        Ok(recorded)
    }

    fn import(&self, incident: &IncidentId, events: &[Recorded]) -> Result<(), Error> {
        self.refuse_newer()?;
        let mut connection = self.lock();
        let transaction = begin(&self.path, &mut connection)?;
        for event in events {
            let Recorded { seq, at, actor, event: what, .. } = event;
            let place = (incident, *seq);
            same(incident, &append(&self.path, &transaction, place, actor, *at, what)?, event)?;
        }
        transaction.commit().failed("write", &self.path)
    }

    fn incident_for(&self, fingerprint: &Fingerprint) -> Result<Option<IncidentId>, Error> {
        lookup::open_incident(&self.path, &self.lock(), fingerprint)
    }

    fn remember_plan(&self, plan: &PlanRecord) -> Result<(), Error> {
        self.refuse_newer()?;
        plans::remember(&self.path, &self.lock(), plan)
    }

    fn plan(&self, plan_hash: &str) -> Result<Option<PlanRecord>, Error> {
        plans::with_hash(&self.path, &self.lock(), plan_hash)
    }

    fn last_plan_for(&self, fingerprint: &Fingerprint) -> Result<Option<PlanRecord>, Error> {
        plans::last_for(&self.path, &self.lock(), fingerprint)
    }

    fn summaries(&self) -> Result<Summaries, Error> {
        summaries::all(&self.path, &mut self.lock(), self.newer.is_none())
    }

    fn keep_checkpoint(&self, signed: &SignedHead) -> Result<(), Error> {
        self.refuse_newer()?;
        let seq = i64::try_from(signed.head.seq)
            .map_err(|error| Error::Unrecordable(error.to_string()))?;
        let kept = self.lock().execute(
            "INSERT INTO checkpoints (incident, seq, note) VALUES (?1, ?2, ?3)",
            params![signed.incident.as_str(), seq, signed.to_string()],
        );
        kept.failed("write", &self.path).map(|_| ())
    }

    fn checkpoints(&self, incident: &IncidentId) -> Result<Vec<String>, Error> {
        let sql = "SELECT note FROM checkpoints WHERE incident = ?1 ORDER BY seq, rowid";
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql).failed("read", &self.path)?;
        let note = |row: &Row<'_>| row.get_ref(0).map(as_written);
        let rows = statement.query_map([incident.as_str()], note).failed("read", &self.path)?;
        rows.collect::<Result<_, _>>().failed("read", &self.path)
    }
}

/// Begins a transaction that holds the write lock from its first moment, so that what it reads can't
/// change before it writes.
fn begin<'a>(
    path: &Path,
    connection: &'a mut Connection,
) -> Result<rusqlite::Transaction<'a>, Error> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).failed("write", path)
}

fn append(
    path: &Path,
    connection: &Connection,
    (incident, expected_seq): (&IncidentId, u64),
    actor: &str,
    at: Timestamp,
    event: &Event,
) -> Result<Recorded, Error> {
    let sql = format!("{SELECT} ORDER BY seq DESC LIMIT 1");
    let last = connection.query_row(&sql, [incident.as_str()], raw).optional();
    let prev = previous(incident, expected_seq, last.failed("read", path)?)?;
    let place = (expected_seq, prev.as_deref().unwrap_or(GENESIS));
    let (raw, recorded) = chain::seal(incident, place, actor, at, event)?;
    connection
        .execute(
            "INSERT INTO events (incident, seq, at, actor, kind, event, prev, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                incident.as_str(),
                raw.seq,
                raw.at,
                raw.actor,
                raw.kind,
                raw.event,
                raw.prev,
                raw.hash
            ],
        )
        .failed("write", path)?;
    Ok(recorded)
}

/// Returns the hash the event with that number has to follow, `None` for the first. The last event is
/// checked by itself: enough to build the next one on it. The whole chain is checked by whoever reads it.
pub(super) fn previous(
    incident: &IncidentId,
    expected_seq: u64,
    last: Option<Raw>,
) -> Result<Option<String>, Error> {
    let last = last.map(|raw| {
        let seq = u64::try_from(raw.seq).unwrap_or_default();
        chain::read_one(incident, seq, raw).map_err(|broken| broken.of(incident))
    });
    let last = last.transpose()?;
    let next = last.as_ref().map_or(0, |last| last.seq + 1);
    if expected_seq < next {
        return Err(Error::Conflict { incident: incident.clone(), seq: expected_seq });
    }
    match last {
        _ if expected_seq > next && next > 0 => Err(Error::Broken {
            incident: incident.clone(),
            seq: next,
            why: format!("events up to {} are known and it is missing", expected_seq - 1),
        }),
        _ if expected_seq > next => Err(Error::NoSuchIncident(incident.to_string())),
        last => Ok(last.map(|last| last.hash)),
    }
}

/// Says that tables are of a newer program: they can be read and not written.
pub(super) fn newer_words(version: u32, known: u32) -> String {
    format!(
        "it has version {version} and this stanch knows versions up to {known}: it can be read here, and \
         written only by the newer stanch that made it"
    )
}

const SELECT: &str =
    "SELECT seq, at, actor, kind, event, prev, hash FROM events WHERE incident = ?1";

fn read(path: &Path, connection: &Connection, incident: &IncidentId) -> Result<Reading, Error> {
    let sql = format!("{SELECT} ORDER BY seq");
    let mut statement = connection.prepare_cached(&sql).failed("read", path)?;
    let rows = statement.query_map([incident.as_str()], raw).failed("read", path)?;
    let rows: Vec<Raw> = rows.collect::<Result<_, _>>().failed("read", path)?;
    if rows.is_empty() {
        return Err(Error::NoSuchIncident(incident.to_string()));
    }
    let (intact, broken) = chain::read(incident, rows);
    Ok(Reading { intact, broken })
}

fn events(
    path: &Path,
    connection: &Connection,
    incident: &IncidentId,
) -> Result<Vec<Recorded>, Error> {
    let reading = read(path, connection, incident)?;
    match reading.broken {
        Some(broken) => Err(broken.of(incident)),
        None => Ok(reading.intact),
    }
}

/// Reads a row as it lies there. A value of the wrong type becomes a text that no hash matches, so
/// that it shows as a broken event and not as a failure to read.
fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    let seq = match row.get_ref(0)? {
        ValueRef::Integer(seq) => seq,
        _ => -1,
    };
    let text = |column| row.get_ref(column).map(as_written);
    Ok(Raw {
        seq,
        at: text(1)?,
        actor: text(2)?,
        kind: text(3)?,
        event: text(4)?,
        prev: text(5)?,
        hash: text(6)?,
    })
}

fn as_written(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(store: &SqliteStore, seq: u64, text: &str) -> Result<Recorded, Error> {
        let event = Event::Noted { text: text.into() };
        let incident = IncidentId::from("INC-1".to_owned());
        store.append(&incident, seq, "ada", Timestamp::UNIX_EPOCH, &event)
    }

    #[test]
    fn a_full_disk_keeps_what_was_there_and_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        note(&store, 0, "kept").unwrap();
        let limit = "PRAGMA max_page_count = 1";
        (store.lock().query_row(limit, [], |_| Ok(()))).unwrap();
        let error = note(&store, 1, &"x".repeat(100_000)).unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert!(error.to_string().contains("store.db"), "{error}");
        let incident = IncidentId::from("INC-1".to_owned());
        assert_eq!(store.events(&incident).unwrap().len(), 1);
    }

    #[test]
    fn a_store_that_may_not_be_written_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        store.lock().execute_batch("PRAGMA query_only = ON").unwrap();
        let error = note(&store, 0, "x").unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
    }

    #[test]
    fn writes_reach_the_disk_before_append_returns() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        let ask = |name: &str| -> String {
            let value = store.lock().query_row(&format!("PRAGMA {name}"), [], |row| {
                row.get_ref(0).map(|value| match value {
                    ValueRef::Integer(n) => n.to_string(),
                    other => as_written(other),
                })
            });
            value.unwrap()
        };
        assert_eq!(ask("journal_mode"), "wal");
        assert_eq!(ask("synchronous"), "2");
        assert_eq!(ask("fullfsync"), "1");
    }
}
