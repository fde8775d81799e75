//! The command line: arguments in, an exit code out.
//!
//! This is the only room that prints, reads the environment, tells the time of day, or decides how the
//! process ends.

mod accepted;
mod baseline;
#[cfg(feature = "contain")]
mod contain;
#[cfg(feature = "contain")]
mod drill;
mod environment;
mod exit_code;
mod explain;
mod failure;
mod hook;
#[cfg(feature = "contain")]
mod hunt;
mod import;
#[cfg(feature = "contain")]
mod incident;
#[cfg(feature = "contain")]
mod locate;
mod man;
#[cfg(feature = "contain")]
mod narrator;
mod output;
mod patterns;
mod progress;
#[cfg(feature = "contain")]
mod ready;
#[cfg(feature = "contain")]
mod remembered;
mod scan;
#[cfg(feature = "contain")]
mod scorecard;
mod selection;
#[cfg(feature = "contain")]
mod signing;
#[cfg(feature = "contain")]
mod sinks;
#[cfg(feature = "contain")]
mod store;

pub use exit_code::ExitCode;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::pattern::PatternSet;
use failure::Failure;

/// Finds leaked credentials and stops the bleeding.
///
/// Scans files, staged changes and whole git histories; on a hit it carries out the containment at the
/// provider and keeps the incident record.
#[derive(Debug, Parser)]
#[command(name = "stanch", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// Say more on standard error about what is being done
    #[arg(long, short, global = true)]
    verbose: bool,
    /// Show no progress and no closing line
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Read further provider files from this folder
    #[arg(long, global = true, value_name = "DIR")]
    patterns: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(scan::Args),
    #[command(subcommand)]
    Hook(hook::Command),
    #[cfg(feature = "contain")]
    Contain(Box<contain::Args>),
    #[cfg(feature = "contain")]
    Hunt(Box<hunt::Args>),
    #[cfg(feature = "contain")]
    #[command(subcommand)]
    Incident(incident::Command),
    #[cfg(feature = "contain")]
    Scorecard(scorecard::Args),
    #[cfg(feature = "contain")]
    Drill(drill::Args),
    #[cfg(feature = "contain")]
    Ready(ready::Args),
    #[command(subcommand)]
    Baseline(baseline::Command),
    #[command(subcommand)]
    Patterns(patterns::Command),
    Man(man::Args),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Runs the program on these arguments (the first is its name) and returns how it ends.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut errors = anstream::stderr();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(help_or_usage) => {
            let is_usage = help_or_usage.use_stderr();
            let _ = help_or_usage.print();
            return if is_usage { ExitCode::Failed } else { ExitCode::Clean };
        }
    };
    let mut out = anstream::stdout();
    match dispatch(&cli, &mut out).and_then(|code| Ok(out.flush().map(|()| code)?)) {
        Ok(code) => code,
        Err(failure) => failure.report(&mut errors),
    }
}

fn dispatch(cli: &Cli, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    match &cli.command {
        Command::Scan(args) => scan::run(args, &cli.global, out),
        Command::Hook(command) => hook::run(command, &cli.global, out),
        #[cfg(feature = "contain")]
        Command::Contain(args) => contain::run(args, &cli.global, out),
        #[cfg(feature = "contain")]
        Command::Hunt(args) => hunt::run(args, &cli.global, out),
        #[cfg(feature = "contain")]
        Command::Incident(command) => incident::run(command, &cli.global, out),
        #[cfg(feature = "contain")]
        Command::Scorecard(args) => scorecard::run(args, out),
        #[cfg(feature = "contain")]
        Command::Drill(args) => drill::run(args, &cli.global, out),
        #[cfg(feature = "contain")]
        Command::Ready(args) => ready::run(args, out),
        Command::Baseline(command) => baseline::run(command, &cli.global, out),
        Command::Patterns(command) => patterns::run(command, &cli.global, out),
        Command::Man(args) => man::run(args, out),
        Command::Completions { shell } => {
            // It panics where it can't write, so it writes to memory.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "stanch", &mut script);
            out.write_all(&script)?;
            Ok(ExitCode::Clean)
        }
    }
}

impl Global {
    fn pattern_set(&self) -> Result<PatternSet, Failure> {
        Ok(match &self.patterns {
            Some(folder) => PatternSet::with_folder(folder)?,
            None => PatternSet::embedded()?,
        })
    }

    /// Writes a line about what is being done, where the person asked for it.
    fn say(&self, line: std::fmt::Arguments<'_>) {
        if self.verbose {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}
