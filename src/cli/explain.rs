//! `stanch scan --explain`: why a line has a finding, or why it has none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::Style;

use super::{ExitCode, Failure};
use crate::finding::plain;
use crate::scan::{Outcome, Scanner, Trace};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes what became of each pattern on a line of a file, or in the whole file.
pub(super) fn run(
    place: &str,
    scanner: &Scanner,
    max_bytes: u64,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let (path, line) = parse(place);
    let bytes = read(&path, max_bytes)?;
    let traces = scanner.explain(&bytes, line);
    let is_match = |trace: &&Trace| trace.outcome != Outcome::NoMatch;
    // Anchors alone are worth a line only where one line was asked for.
    let shown: Vec<&Trace> = match line {
        Some(_) => traces.iter().collect(),
        None => traces.iter().filter(is_match).collect(),
    };
    let width = shown.iter().map(|trace| trace.pattern.id.len()).max().unwrap_or(0);
    let path = plain(&path.display().to_string());
    for Trace { pattern, line, outcome } in &shown {
        // What is proved may hold a word of a token: the sender's, not ours.
        let outcome = plain(&outcome.to_string());
        writeln!(out, "{DIM}{path}:{line}{DIM:#}  {BOLD}{:width$}{BOLD:#}  {outcome}", pattern.id)?;
    }
    let anchors = traces.len() - shown.len();
    if traces.is_empty() {
        writeln!(out, "no pattern has an anchor there")?;
    } else if anchors > 0 {
        writeln!(
            out,
            "{anchors} more places have an anchor and no match; name a line to see them"
        )?;
    }
    Ok(ExitCode::Clean)
}

/// Reads `PATH:LINE`, or `PATH` alone; a file whose name ends like that is taken whole.
fn parse(place: &str) -> (PathBuf, Option<usize>) {
    let whole = || (PathBuf::from(place), None);
    if Path::new(place).exists() {
        return whole();
    }
    let split = place.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
    split.map_or_else(whole, |(path, line)| (PathBuf::from(path), Some(line)))
}

fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        let path = plain(&path.display().to_string());
        Failure::new(format!("cannot read {path}: {why}"))
            .hint("--explain takes a file, or a file and a line: prod.env:12")
    };
    let size = fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > max_bytes {
        return Err(failed(&format_args!("it has {size} bytes; --max-size allows {max_bytes}")));
    }
    fs::read(path).map_err(|error| failed(&error))
}
