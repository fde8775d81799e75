//! Finding incidents: all of them, or by the leaked credential.

use std::path::Path;

use rusqlite::Connection;

use super::events;
use super::failure::Failed;
use crate::incident::{Error, Event, Incident, IncidentId};
use crate::secret::Fingerprint;

/// Returns the ids of all incidents, the oldest first.
pub(super) fn list(path: &Path, connection: &Connection) -> Result<Vec<IncidentId>, Error> {
    ids(path, connection, "SELECT incident FROM heads ORDER BY incident", "")
}

/// Returns the open incident of a credential, the latest if there are several.
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
