//! `stanch patterns`: what can be found, and whether provider files keep their word.

use std::io::Write;

use super::{ExitCode, Failure, Global};

#[derive(Debug, clap::Subcommand)]
#[command(about = "Show the patterns that are searched for")]
pub(super) enum Command {
    /// List every pattern: id, severity, class, description
    List,
}

pub(super) fn run(
    command: &Command,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    match command {
        Command::List => list(global, out),
    }
}

fn list(global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let set = global.pattern_set()?;
    let width = set.patterns().iter().map(|pattern| pattern.id.len()).max().unwrap_or(0);
    for pattern in set.patterns() {
        let (id, severity) = (&pattern.id, pattern.severity.to_string());
        let class = &pattern.provider.class;
        writeln!(out, "{id:width$}  {severity:8}  {class:12}  {}", pattern.description)?;
    }
    Ok(ExitCode::Clean)
}
