//! `stanch baseline`: note what is there, so that only what is new counts.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::accepted::{self, Accepted};
use super::selection::Selection;
use super::{ExitCode, Failure, Global};
use crate::finding::plain;
use crate::policy::Baseline;

#[derive(Debug, clap::Subcommand)]
#[command(about = "Note the findings that are there, so that only new ones count")]
pub(super) enum Command {
    Update(Update),
}

/// Scan, and write what counts to a baseline; what is gone is dropped from it
///
/// The file has one line a finding: its pattern and a keyed digest, never a secret. Random keys can't be
/// guessed from it; guessing a password costs much for each try, and a weak one is still weak.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch baseline update stanch.baseline . --history
  stanch scan . --history --baseline stanch.baseline

Exit codes: 0 written, 2 could not scan or write, 3 scanned in part: nothing was dropped.")]
pub(super) struct Update {
    /// The baseline; it is made where it doesn't exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    accepted: Accepted,
}

pub(super) fn run(
    command: &Command,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let Command::Update(args) = command;
    let mut baseline = match args.file.exists() {
        true => read(&args.file)?,
        false => Baseline::new(&args.file.display().to_string(), rand::random()),
    };
    let policy = args.accepted.policy(&args.selection, None)?;
    let report = args.selection.find(global, global.pattern_set()?)?;
    let review = accepted::judge(&policy, report, &args.selection);
    let is_partial = !review.coverage.gaps.is_empty();
    // What was not looked for can't be said to be gone.
    let keeps_others = is_partial || !args.selection.is_whole();
    let change = baseline.update(&review.findings, keeps_others);
    fs::write(&args.file, baseline.text())
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", args.file.display())))?;
    let (added, removed) = (change.added, change.removed);
    writeln!(out, "{}: {} known, {added} new, {removed} dropped", baseline.name(), baseline.len())?;
    for gap in &review.coverage.gaps {
        let (what, why) = (plain(&gap.what), plain(&gap.why));
        writeln!(out, "not scanned: {what}: {why}")?;
    }
    Ok(if is_partial { ExitCode::Unsettled } else { ExitCode::Clean })
}

/// Reads a baseline.
pub(super) fn read(file: &Path) -> Result<Baseline, Failure> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| {
        let failure = Failure::new(format!("cannot read the baseline {name}: {error}"));
        failure.hint(format!("`stanch baseline update {name}` makes it"))
    })?;
    Ok(Baseline::parse(&name, &text)?)
}
