//! Commands that only read: list, show, export.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::case;
use crate::cli::environment::{self, SystemClock};
use crate::cli::store::StoreArgs;
use crate::cli::{ExitCode, Failure, signing};
use crate::incident::{self, Clock, Incident, IncidentId, Recorded, SignedHead, Store, Summaries};
use crate::report::{incident_json, incident_list, incident_markdown, incident_text};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Also list what is over and has nothing left to do
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    #[command(flatten)]
    which: Which,
    /// Write lines of this width [default: the terminal's, or 80]
    #[arg(long, value_name = "COLUMNS")]
    width: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    which: Which,
    /// How to write it
    #[arg(long, short, value_enum)]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// The incident's id, or its beginning or end [default: the newest]
    incident: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One JSON object with every event and its hash
    Json,
    /// A document with timeline, figures and room for lessons
    Markdown,
    /// Every event, checkpoint and a signed statement: `incident verify --bundle` checks it alone
    Bundle,
    /// The present head, signed: to be kept where nobody can change it
    Checkpoint,
}

impl Which {
    pub(super) fn open(&self) -> Result<(Box<dyn Store>, IncidentId), Failure> {
        let store = self.store.open()?;
        let incident = match &self.incident {
            Some(typed) => store.find(typed)?,
            None => store.list()?.pop().ok_or_else(|| case::no_incident(&*store))?,
        };
        Ok((store, incident))
    }
}

pub(super) fn list(args: &ListArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let store = args.store.open()?;
    let summaries = store.summaries()?;
    incident_list::write(out, &summaries.all, SystemClock.now(), args.all)?;
    refuse_damaged(&summaries)
}

/// Says which records are damaged, after what is sound was shown.
pub(in crate::cli) fn refuse_damaged(summaries: &Summaries) -> Result<ExitCode, Failure> {
    match summaries.broken.is_empty() {
        true => Ok(ExitCode::Clean),
        false => Err(Failure::new(format!("damaged records: {}", summaries.broken.join("; ")))
            .hint("restore the store from a backup; `incident verify` says what is wrong")),
    }
}

pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let (store, id) = args.which.open()?;
    let reading = store.read(&id)?;
    // A damaged record is shown as far as it is sound: at 2 AM something is better than nothing.
    if let Some(last) = reading.intact.last() {
        let incident = Incident::of(&id, &reading.intact)?;
        let width = args.width.unwrap_or_else(environment::width);
        incident_text::write(out, &incident, &last.head(), SystemClock.now(), width)?;
    }
    match reading.broken {
        None => Ok(ExitCode::Clean),
        Some(at) => Err(at.of(&id).into()),
    }
}

pub(super) fn export(args: &ExportArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let (store, id) = args.which.open()?;
    let head = store.verify(&id, None)?;
    let events = store.read(&id)?.intact;
    let incident = Incident::of(&id, &events)?;
    let mut text = Vec::new();
    match args.format {
        Format::Json => incident_json::write(&mut text, &incident, &events)?,
        Format::Markdown => incident_markdown::write(&mut text, &incident, &head)?,
        Format::Checkpoint => {
            text = signing::signer()?.sign_head(&id, &head).to_string().into_bytes();
        }
        Format::Bundle => text = bundle(&*store, &id, &events)?.into_bytes(),
    }
    match &args.output {
        None => out.write_all(&text)?,
        Some(path) => fs::write(path, text)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?,
    }
    Ok(ExitCode::Clean)
}

fn bundle(store: &dyn Store, id: &IncidentId, events: &[Recorded]) -> Result<String, Failure> {
    let signer = signing::signer()?;
    let mut notes = Vec::new();
    for note in store.checkpoints(id)? {
        // A bundle has one key: checkpoints of others can't be checked with it.
        let note: Option<SignedHead> = note.parse().ok();
        notes.extend(note.filter(|note| note.key == signer.verifier().name()));
    }
    Ok(incident::bundle::write(id, events, &notes, &signer)?)
}
