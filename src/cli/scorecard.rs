//! `stanch scorecard`: how fast, how often, how well, by quarter.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::environment::SystemClock;
use super::incident::{SettingsArgs, refuse_damaged};
use super::store::StoreArgs;
use super::{ExitCode, Failure};
use crate::incident::{Clock, Quarter, Scorecard};
use crate::report::scorecard;

/// Show how fast, how often and how well, by quarter and against the targets
///
/// Drills, tests, canaries and false positives are in no figure; they are counted apart. What each figure
/// means is printed with it. Targets stand in stanch.toml, under [incident.targets].
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The quarter [default: the present one]
    #[arg(long, value_name = "QUARTER")]
    quarter: Option<Quarter>,
    /// How to write it
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a terminal
    Table,
    /// One JSON object
    Json,
    /// One line a figure, quarter and group
    Csv,
    /// For the agents of Grafana, Datadog, CloudWatch
    Openmetrics,
    /// For a report
    Markdown,
    /// One page with plots
    Html,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let settings = args.settings.read()?.settings;
    let summaries = args.store.open()?.summaries()?;
    let now = SystemClock.now();
    let quarter = args.quarter.unwrap_or_else(|| Quarter::of(now));
    let card = Scorecard::of(&summaries.all, quarter, &settings.targets, now);
    let mut text = Vec::new();
    match args.format {
        Format::Table => scorecard::table(&mut text, &card)?,
        Format::Json => scorecard::json(&mut text, &card)?,
        Format::Csv => scorecard::csv(&mut text, &card)?,
        Format::Openmetrics => scorecard::openmetrics(&mut text, &card)?,
        Format::Markdown => scorecard::markdown(&mut text, &card)?,
        Format::Html => scorecard::html(&mut text, &card)?,
    }
    match &args.output {
        None => out.write_all(&text)?,
        Some(path) => fs::write(path, text)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?,
    }
    refuse_damaged(&summaries)
}
