//! Incidents for machines: the whole record, so that it can be checked again elsewhere.

use std::io::{self, Write};

use serde::Serialize;

use crate::incident::{Head, Incident, Recorded};

/// Names the form of the export.
pub const SCHEMA: &str = "stanch-incident/v1";

#[derive(Serialize)]
struct Export<'a> {
    schema: &'static str,
    incident: &'a Incident,
    events: &'a [Recorded],
    head: Option<Head>,
}

/// Writes the incident, its events with their hashes, and the head of the chain as one JSON object.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, incident: &Incident, events: &[Recorded]) -> io::Result<()> {
    let export =
        Export { schema: SCHEMA, incident, events, head: events.last().map(Recorded::head) };
    serde_json::to_writer_pretty(&mut *out, &export)?;
    writeln!(out)
}
