//! Summaries kept beside the events, so that a list of ten thousand incidents doesn't read a million
//! events. A summary counts only for the head it was made of; any other is made anew.

use std::path::Path;

use rusqlite::{Connection, params};

use super::failure::Failed;
use super::{as_written, read};
use crate::incident::{Error, IncidentId, Recorded, Summaries, Summary};

/// An incident whose summary is missing or old.
struct Stale {
    id: IncidentId,
    seq: i64,
    hash: String,
    /// Where among the summaries it belongs.
    at: usize,
}

/// Returns all summaries, and keeps those that had to be made, where it may.
pub(super) fn all(
    path: &Path,
    connection: &mut Connection,
    may_write: bool,
) -> Result<Summaries, Error> {
    let (mut kept, stale) = kept(path, connection)?;
    let mut summaries = Summaries::default();
    let mut made = Vec::new();
    for stale in &stale {
        let mut one = Summaries::default();
        let reading = read(path, connection, &stale.id);
        match reading {
            Ok(reading) => {
                one.broken.extend(cut_off(stale, reading.intact.last(), reading.broken.is_some()));
                one.add(&stale.id, reading);
            }
            Err(Error::NoSuchIncident(_)) => one.broken.extend(cut_off(stale, None, false)),
            Err(error) => return Err(error),
        }
        // A damaged record is summed up as far as it is sound, and looked at again every time.
        kept[stale.at] = one.all.pop();
        if let (Some(summary), true) = (&kept[stale.at], one.broken.is_empty()) {
            made.push((stale, summary.clone()));
        }
        summaries.broken.append(&mut one.broken);
    }
    // Without them the next list is slower and no less right: failing to keep one is no failure.
    if may_write && !made.is_empty() {
        let _ = keep(path, connection, &made);
    }
    summaries.all = kept.into_iter().flatten().collect();
    Ok(summaries)
}

/// Says that the end of a record is missing, where it is.
fn cut_off(stale: &Stale, last: Option<&Recorded>, is_broken: bool) -> Option<String> {
    let reaches = last.is_some_and(|last| last.hash == stale.hash);
    let (id, seq) = (&stale.id, stale.seq);
    (!reaches && !is_broken).then(|| format!("{id}: the end was cut off: event {seq} was there"))
}

type Kept = (Vec<Option<Summary>>, Vec<Stale>);

fn kept(path: &Path, connection: &Connection) -> Result<Kept, Error> {
    let sql = "SELECT heads.incident, heads.seq, heads.hash, summaries.summary
               FROM heads LEFT JOIN summaries
               ON summaries.incident = heads.incident AND summaries.hash = heads.hash
                  AND summaries.form = ?1
               ORDER BY heads.incident";
    let mut statement = connection.prepare_cached(sql).failed("read", path)?;
    let mut rows = statement.query([Summary::FORM]).failed("read", path)?;
    let (mut kept, mut stale) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next().failed("read", path)? {
        let id = IncidentId::from(row.get_ref(0).map(as_written).failed("read", path)?);
        let summary = row.get_ref(3).failed("read", path)?;
        let summary = summary.as_str().ok().and_then(|text| serde_json::from_str(text).ok());
        if summary.is_none() {
            let seq = row.get(1).failed("read", path)?;
            let hash = row.get_ref(2).map(as_written).failed("read", path)?;
            stale.push(Stale { id, seq, hash, at: kept.len() });
        }
        kept.push(summary);
    }
    Ok((kept, stale))
}

fn keep(path: &Path, connection: &mut Connection, made: &[(&Stale, Summary)]) -> Result<(), Error> {
    let transaction = connection.transaction().failed("write", path)?;
    for (stale, summary) in made {
        let text = serde_json::to_string(summary);
        let text = text.map_err(|error| Error::Unrecordable(error.to_string()))?;
        let sql = "INSERT OR REPLACE INTO summaries (incident, hash, form, summary)
                   VALUES (?1, ?2, ?3, ?4)";
        let values = params![stale.id.as_str(), stale.hash, Summary::FORM, text];
        transaction
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(values))
            .failed("write", path)?;
    }
    transaction.commit().failed("write", path)
}
