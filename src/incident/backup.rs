//! Backups: every event and checkpoint of a store in one file, whatever the store is; and back, into a
//! store of any kind.
//!
//! JSON Lines: a header, the events as they are kept, the checkpoints, and an end with the number of lines
//! and the SHA-256 of all before, so that half a backup is never taken for one. Plans that were shown and
//! not approved are not in it.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chain::{self, Raw};
use super::signature::hex;
use super::{Error, IncidentId, Recorded, SignedHead, Store};

/// Names the form of a backup.
pub const SCHEMA: &str = "stanch-backup/v1";

/// One line of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Header {
        schema: String,
    },
    Event {
        incident: IncidentId,
        seq: i64,
        at: String,
        actor: String,
        kind: String,
        event: String,
        prev: String,
        hash: String,
    },
    Checkpoint {
        note: String,
    },
    End {
        lines: u64,
        sha256: String,
    },
}

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many incidents.
    pub incidents: usize,
    /// How many events; of a restore, how many were not there yet.
    pub events: usize,
}

/// Why a backup could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file could not be written or read.
    #[error("the backup can't be written or read: {0}")]
    File(#[from] std::io::Error),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] Error),
    /// The file isn't a whole backup, or not what was written.
    #[error("line {line} of the backup: {why}")]
    Line {
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The store has another record of an incident.
    #[error("{0} is in the store already, and its record is another one")]
    Differs(IncidentId),
}

/// Writes everything a store keeps. A damaged record stops it: a backup of it would look like a sound one.
///
/// # Errors
/// [`BackupError`].
pub fn write(out: &mut dyn Write, store: &dyn Store) -> Result<Counts, BackupError> {
    let mut out = Hashed { out, digest: Sha256::new(), lines: 0 };
    out.line(&Line::Header { schema: SCHEMA.to_owned() })?;
    let mut counts = Counts::default();
    for incident in store.list()? {
        let events = store.events(&incident)?;
        counts.incidents += 1;
        counts.events += events.len();
        for recorded in &events {
            let raw = chain::raw(recorded).map_err(|broken| broken.of(&incident))?;
            let Raw { seq, at, actor, kind, event, prev, hash } = raw;
            let incident = incident.clone();
            out.line(&Line::Event { incident, seq, at, actor, kind, event, prev, hash })?;
        }
        for note in store.checkpoints(&incident)? {
            out.line(&Line::Checkpoint { note })?;
        }
    }
    let sha256 = hex(&out.digest.clone().finalize());
    let lines = out.lines;
    out.line(&Line::End { lines, sha256 })?;
    Ok(counts)
}

/// Writes lines and remembers what they were.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    digest: Sha256,
    lines: u64,
}

impl Hashed<'_> {
    fn line(&mut self, line: &Line) -> Result<(), BackupError> {
        let text = chain::canonical(line)? + "\n";
        self.digest.update(text.as_bytes());
        self.lines += 1;
        Ok(self.out.write_all(text.as_bytes())?)
    }
}

/// One incident of a backup.
#[derive(Default)]
struct Case {
    rows: Vec<Raw>,
    notes: Vec<SignedHead>,
}

/// Puts a backup into a store. All of it is checked before anything is written; what the store has already
/// is left as it is. Interrupted, it is begun again and goes on.
///
/// # Errors
/// [`BackupError`].
pub fn restore(text: &mut dyn BufRead, store: &dyn Store) -> Result<Counts, BackupError> {
    let cases = read(text)?;
    let mut checked = Vec::new();
    for (id, case) in cases {
        let (events, broken) = chain::read(&id, case.rows);
        if let Some(broken) = broken {
            return Err(broken.of(&id).into());
        }
        checked.push((id, events, case.notes));
    }
    let mut counts = Counts { incidents: checked.len(), events: 0 };
    for (id, events, notes) in checked {
        counts.events += put_back(store, &id, &events)?;
        let there = store.checkpoints(&id)?;
        for note in notes.iter().filter(|note| !there.contains(&note.to_string())) {
            store.keep_checkpoint(note)?;
        }
    }
    Ok(counts)
}

/// Appends what a store lacks of a record; returns how much that was.
fn put_back(store: &dyn Store, id: &IncidentId, events: &[Recorded]) -> Result<usize, BackupError> {
    let there = match store.events(id) {
        Err(Error::NoSuchIncident(_)) => Vec::new(),
        there => there?,
    };
    let differs = there.iter().zip(events).any(|(one, other)| one.hash != other.hash);
    if differs {
        return Err(BackupError::Differs(id.clone()));
    }
    let missing = events.get(there.len()..).unwrap_or_default();
    store.import(id, missing)?;
    Ok(missing.len())
}

type Cases = std::collections::BTreeMap<IncidentId, Case>;

fn read(text: &mut dyn BufRead) -> Result<Cases, BackupError> {
    let (mut cases, mut digest, mut number) = (Cases::new(), Sha256::new(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        number += 1;
        let wrong = |why: &str| BackupError::Line { line: number, why: why.to_owned() };
        if text.read_line(&mut line)? == 0 {
            return Err(wrong("the end is missing: it is only a part"));
        }
        let read: Line =
            serde_json::from_str(&line).map_err(|_| wrong("it is none of a backup"))?;
        match read {
            Line::Header { schema } if number == 1 && schema == SCHEMA => {}
            Line::Header { .. } => return Err(wrong("it is of another form of backup")),
            _ if number == 1 => return Err(wrong("it doesn't begin a backup")),
            Line::Event { incident, seq, at, actor, kind, event, prev, hash } => {
                let raw = Raw { seq, at, actor, kind, event, prev, hash };
                cases.entry(incident).or_default().rows.push(raw);
            }
            Line::Checkpoint { note } => {
                let note: SignedHead = note.parse().map_err(|why: String| wrong(&why))?;
                cases.entry(note.incident.clone()).or_default().notes.push(note);
            }
            Line::End { lines, sha256 } => {
                let is_whole = lines + 1 == number && sha256 == hex(&digest.finalize());
                return if is_whole {
                    Ok(cases)
                } else {
                    Err(wrong("what stands before it was changed"))
                };
            }
        }
        digest.update(line.as_bytes());
    }
}
