//! `stanch incident export`: the record for a review, an auditor, another program, people outside.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::read::Which;
use crate::cli::environment::SystemClock;
use crate::cli::{ExitCode, Failure, signing};
use crate::incident::{
    self, Clock, Head, Incident, IncidentId, Recorded, SignedHead, Store, for_outsiders,
};
use crate::report::{
    incident_cacao, incident_html, incident_json, incident_markdown, incident_ocsf,
    incident_postmortem, incident_veris,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    which: Which,
    /// How to write it
    #[arg(long, short, value_enum)]
    format: Format,
    /// Leave out the names of people, systems and places, and every word anybody typed
    #[arg(long)]
    outsiders: bool,
    /// With postmortem: this template instead of the built-in one
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object with every event and its hash
    Json,
    /// A document with timeline, figures and room for lessons
    Markdown,
    /// The review, from a template that can be edited
    Postmortem,
    /// One page with a drawn timeline
    Html,
    /// OCSF: an incident finding and the remediation activities, one a line
    Ocsf,
    /// CACAO 2.0: the runbook as a playbook
    Cacao,
    /// VERIS 1.4
    Veris,
    /// Every event, checkpoint and a signed statement: `incident verify --bundle` checks it alone
    Bundle,
    /// The present head, signed: to be kept where nobody can change it
    Checkpoint,
}

impl Format {
    /// Tells whether it can be written for people outside: the others hold the events themselves.
    fn is_for_outsiders(self) -> bool {
        matches!(self, Self::Markdown | Self::Postmortem | Self::Html | Self::Ocsf | Self::Veris)
    }
}

pub(super) fn export(args: &ExportArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if args.outsiders && !args.format.is_for_outsiders() {
        return Err(Failure::new("this format holds what is not for outsiders")
            .hint("markdown, postmortem, html, ocsf and veris can be written for them"));
    }
    if args.template.is_some() && args.format != Format::Postmortem {
        return Err(Failure::new("a template is for --format postmortem"));
    }
    let (store, id) = args.which.open()?;
    let head = store.verify(&id, None)?;
    let events = store.events(&id)?;
    let text = write(args, &*store, &id, &events, &head)?;
    match &args.output {
        None => out.write_all(&text)?,
        Some(path) => fs::write(path, text)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?,
    }
    Ok(ExitCode::Clean)
}

fn write(
    args: &ExportArgs,
    store: &dyn Store,
    id: &IncidentId,
    events: &[Recorded],
    head: &Head,
) -> Result<Vec<u8>, Failure> {
    let incident = match args.outsiders {
        true => for_outsiders(id, events)?,
        false => Incident::of(id, events)?,
    };
    let mut text = Vec::new();
    match args.format {
        Format::Json => incident_json::write(&mut text, &incident, events)?,
        Format::Markdown => incident_markdown::write(&mut text, &incident, head)?,
        Format::Postmortem => text = postmortem(args, &incident, head)?.into_bytes(),
        Format::Html => incident_html::write(&mut text, &incident, head, SystemClock.now())?,
        Format::Ocsf => incident_ocsf::write(&mut text, &incident)?,
        Format::Cacao => incident_cacao::write(&mut text, &incident)?,
        Format::Veris => incident_veris::write(&mut text, &incident)?,
        Format::Bundle => text = bundle(store, id, events)?.into_bytes(),
        Format::Checkpoint => {
            text = signing::signer()?.sign_head(id, head).to_string().into_bytes();
        }
    }
    Ok(text)
}

fn postmortem(args: &ExportArgs, incident: &Incident, head: &Head) -> Result<String, Failure> {
    let own =
        match &args.template {
            Some(path) => Some(fs::read_to_string(path).map_err(|error| {
                Failure::new(format!("cannot read {}: {error}", path.display()))
            })?),
            None => None,
        };
    let template = own.as_deref().unwrap_or(incident_postmortem::TEMPLATE);
    incident_postmortem::fill(template, incident, head).map_err(|name| {
        Failure::new(format!(
            "the template names a part that there isn't: {}",
            crate::finding::plain(&name)
        ))
        .hint(format!("the parts are {}", incident_postmortem::PARTS.join(", ")))
    })
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

/// Prints the template of the review, for editing.
pub(super) fn template(out: &mut dyn Write) -> Result<ExitCode, Failure> {
    out.write_all(incident_postmortem::TEMPLATE.as_bytes())?;
    Ok(ExitCode::Clean)
}
