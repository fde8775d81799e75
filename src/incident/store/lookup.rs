//! Finding incidents: all of them, by what a person types, or by the leaked credential.

use std::path::Path;

use rusqlite::Connection;

use super::failure::Failed;
use super::{SqliteStore, events};
use crate::incident::{Error, Event, Incident, IncidentId};
use crate::secret::Fingerprint;

/// What every id begins with, and nobody has to type.
const MARK: &str = "INC-";

impl SqliteStore {
    /// Returns the ids of all incidents, the oldest first.
    ///
    /// # Errors
    /// [`Error::Store`] where they could not be read.
    pub fn list(&self) -> Result<Vec<IncidentId>, Error> {
        ids(self.path(), &self.lock(), "SELECT DISTINCT incident FROM events ORDER BY incident", "")
    }

    /// Returns the one incident whose id begins or ends with what was typed, in letters of any case and
    /// with or without `INC-`. (Ids of the same minute begin alike; their ends differ.)
    ///
    /// # Errors
    /// [`Error::NoSuchIncident`] for none, [`Error::Ambiguous`] for several.
    pub fn find(&self, typed: &str) -> Result<IncidentId, Error> {
        let mut matching = self.list()?;
        matching.retain(|id| answers_to(id, typed));
        match matching.len() {
            1 => Ok(matching.remove(0)),
            0 => Err(Error::NoSuchIncident(echo(typed))),
            _ => Err(Error::Ambiguous {
                typed: echo(typed),
                candidates: matching.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Returns the open incident of a credential, the latest if there are several.
    ///
    /// # Errors
    /// [`Error::Broken`] where the record of a possible one is damaged, [`Error::Store`] where reading
    /// failed.
    pub fn incident_for(&self, fingerprint: &Fingerprint) -> Result<Option<IncidentId>, Error> {
        open_incident(self.path(), &self.lock(), fingerprint)
    }
}

/// As [`SqliteStore::incident_for`], within somebody's transaction.
pub(super) fn open_incident(
    path: &Path,
    connection: &Connection,
    fingerprint: &Fingerprint,
) -> Result<Option<IncidentId>, Error> {
    let candidates = ids(
        path,
        connection,
        "SELECT DISTINCT incident FROM events
         WHERE kind = 'opened' AND instr(event, ?1) > 0 ORDER BY incident DESC",
        &fingerprint.to_string(),
    )?;
    for id in candidates {
        let events = events(path, connection, &id)?;
        let is_of_it = |event: &Event| matches!(event, Event::Opened { credential, .. } if credential.fingerprint == *fingerprint);
        if !events.iter().any(|recorded| is_of_it(&recorded.event)) {
            continue;
        }
        if !Incident::of(&id, &events)?.state.is_over() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn ids(
    path: &Path,
    connection: &Connection,
    sql: &str,
    parameter: &str,
) -> Result<Vec<IncidentId>, Error> {
    let mut statement = connection.prepare_cached(sql).failed("read", path)?;
    let parameters: &[&dyn rusqlite::ToSql] = match statement.parameter_count() {
        0 => &[],
        _ => &[&parameter],
    };
    let rows = statement
        .query_map(parameters, |row| row.get_ref(0).map(super::as_written).map(IncidentId::from));
    let rows = rows.failed("read", path)?;
    rows.collect::<Result<_, _>>().failed("read", path)
}

fn answers_to(id: &IncidentId, typed: &str) -> bool {
    let (id, typed) = (id.as_str().to_lowercase(), typed.to_lowercase());
    let mark = MARK.to_lowercase();
    let bare = id.strip_prefix(&mark).unwrap_or(&id);
    let typed = typed.strip_prefix(&mark).unwrap_or(&typed);
    !typed.is_empty() && (bare.starts_with(typed) || bare.ends_with(typed))
}

/// Returns what was typed where it looks like an id. Anything else may be a secret pasted by mistake.
fn echo(typed: &str) -> String {
    let bare = typed.strip_prefix(MARK).unwrap_or(typed);
    let like_an_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    if !bare.is_empty() && typed.len() <= 40 && bare.chars().all(like_an_id) {
        typed.to_owned()
    } else {
        format!("named by {} characters like these", typed.chars().count())
    }
}
