//! `stanch incident`: the record.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::environment::SystemClock;
use super::store::StoreArgs;
use super::{ExitCode, Failure};
use crate::incident::{Clock, Head, Incident, IncidentId, SqliteStore};
use crate::report::{incident_json, incident_markdown, incident_text};

#[derive(Debug, clap::Subcommand)]
#[command(about = "Read the record of incidents")]
pub(super) enum Command {
    /// List the incidents, newest last
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show an incident: where it stands, what was done, the timeline
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Check that the record is what was written
    ///
    /// A changed, dropped or reordered event is noticed. Cutting off the end is noticed with --against
    /// and a head that was printed earlier.
    Verify {
        #[command(flatten)]
        which: Which,
        /// A head printed earlier, as NUMBER:HASH
        #[arg(long, value_name = "HEAD")]
        against: Option<Head>,
    },
    /// Write an incident for others: JSON that can be checked again, or Markdown for a review
    Export {
        #[command(flatten)]
        which: Which,
        /// How to write it
        #[arg(long, short, value_enum)]
        format: Format,
        /// Write to this file instead of standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The incident's id, or its beginning or end [default: the newest]
    incident: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// One JSON object with every event and its hash
    Json,
    /// A document with timeline, figures and room for lessons
    Markdown,
}

pub(super) fn run(command: &Command, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    match command {
        Command::List { store } => list(&store.open()?, out),
        Command::Show { which } => show(which, out),
        Command::Verify { which, against } => verify(which, against.as_ref(), out),
        Command::Export { which, format, output } => export(which, *format, output.as_ref(), out),
    }
}

impl Which {
    fn open(&self) -> Result<(SqliteStore, IncidentId), Failure> {
        let store = self.store.open()?;
        let incident = match &self.incident {
            Some(typed) => store.find(typed)?,
            None => store.list()?.pop().ok_or_else(|| {
                Failure::new(format!("there are no incidents in {}", store.path().display()))
                    .hint("`stanch contain FINDING --apply` opens one; --store names another store")
            })?,
        };
        Ok((store, incident))
    }
}

fn list(store: &SqliteStore, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let mut incidents = Vec::new();
    let mut broken = Vec::new();
    for id in store.list()? {
        let reading = store.read(&id)?;
        match Incident::of(&id, &reading.intact) {
            Ok(incident) => incidents.push(incident),
            Err(error) => broken.push(format!("{id}: {error}")),
        }
        broken.extend(reading.broken.map(|at| format!("{id}: {at}")));
    }
    incident_text::write_list(out, &incidents, SystemClock.now())?;
    match broken.is_empty() {
        true => Ok(ExitCode::Clean),
        false => Err(Failure::new(format!("damaged records: {}", broken.join("; ")))
            .hint("restore the store from a backup; `incident verify` says what is wrong")),
    }
}

fn show(which: &Which, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let (store, id) = which.open()?;
    let reading = store.read(&id)?;
    // A damaged record is shown as far as it is sound: at 2 AM something is better than nothing.
    if let Some(last) = reading.intact.last() {
        let incident = Incident::of(&id, &reading.intact)?;
        incident_text::write(out, &incident, &last.head(), SystemClock.now())?;
    }
    match reading.broken {
        None => Ok(ExitCode::Clean),
        Some(at) => Err(at.of(&id).into()),
    }
}

fn verify(which: &Which, against: Option<&Head>, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let (store, id) = which.open()?;
    let head = store.verify(&id, against)?;
    writeln!(out, "the hash chain of {id} holds: {} events", head.seq + 1)?;
    writeln!(out, "head      {head}")?;
    if against.is_none() {
        writeln!(
            out,
            "whether events were cut off at the end shows only against a head kept elsewhere (--against)"
        )?;
    }
    Ok(ExitCode::Clean)
}

fn export(
    which: &Which,
    format: Format,
    output: Option<&PathBuf>,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let (store, id) = which.open()?;
    let head = store.verify(&id, None)?;
    let events = store.read(&id)?.intact;
    let incident = Incident::of(&id, &events)?;
    let mut text = Vec::new();
    match format {
        Format::Json => incident_json::write(&mut text, &incident, &events)?,
        Format::Markdown => incident_markdown::write(&mut text, &incident, &head)?,
    }
    match output {
        None => out.write_all(&text)?,
        Some(path) => fs::write(path, text)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?,
    }
    Ok(ExitCode::Clean)
}
