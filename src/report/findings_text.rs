//! Findings for people: where, what it is, what its holder could do, and the next command to type.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::finding::{Finding, Location, plain};
use crate::pattern::Severity;
use crate::scan::Report;
use crate::source::{Coverage, Kind, Place};

/// How many places of one finding are listed; the machine formats list all.
const PLACES_SHOWN: usize = 3;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes the findings and what was left out.
///
/// # Errors
/// Where the writer fails.
pub fn text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        write_finding(finding, out)?;
    }
    write_gaps(&report.coverage, out)?;
    write_summary(report, out)
}

fn write_finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let colour = severity_style(finding.severity);
    let (id, short) = (&finding.pattern.id, finding.fingerprint.short());
    writeln!(out, "{colour}{}{colour:#}  {BOLD}{id}{BOLD:#}  {short}", finding.severity)?;
    writeln!(out, "  {}", finding.pattern.description)?;
    for (name, value) in finding.credential.public_parts() {
        writeln!(out, "  {DIM}{name}: {}{DIM:#}", plain(value))?;
    }
    for proof in &finding.proofs {
        writeln!(out, "  {DIM}proved offline: {}{DIM:#}", plain(proof))?;
    }
    for location in finding.locations.iter().take(PLACES_SHOWN) {
        write_location(location, out)?;
    }
    let more = finding.locations.len().saturating_sub(PLACES_SHOWN);
    if more > 0 {
        writeln!(out, "  {DIM}and {more} more {}{DIM:#}", plural(more, "place"))?;
    }
    match &finding.pattern.provider.driver {
        Some(_) => writeln!(out, "  next: {BOLD}stanch contain {short}{BOLD:#}\n"),
        None => writeln!(out, "  next: revoke it at {}\n", finding.pattern.provider.console),
    }
}

fn severity_style(severity: Severity) -> Style {
    let colour = match severity {
        Severity::Critical | Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low => AnsiColor::Cyan,
    };
    colour.on_default().bold()
}

fn write_location(location: &Location, out: &mut dyn Write) -> io::Result<()> {
    let (place, span) = (&location.place, &location.span);
    let name = plain(&place_name(place));
    writeln!(out, "  {name}:{}:{}  {DIM}{}{DIM:#}", span.line, span.column, location.excerpt)?;
    let Some(commit) = &place.commit else { return Ok(()) };
    let who = place.author.as_deref().unwrap_or("unknown");
    let when = place.date.map_or_else(|| "unknown date".to_owned(), |date| date.to_string());
    let commit = commit.get(..12).unwrap_or(commit);
    writeln!(out, "    {DIM}since commit {commit} of {}, by {}{DIM:#}", when, plain(who))
}

/// Returns what a person calls a place: its path, or the message it stands in.
fn place_name(place: &Place) -> String {
    match (place.kind, &place.path) {
        (Kind::Staged, Some(path)) => format!("{path} (staged)"),
        (_, Some(path)) => path.clone(),
        (Kind::CommitMessage, None) => "commit message".to_owned(),
        (Kind::TagMessage, None) => "tag message".to_owned(),
        (_, None) => "standard input".to_owned(),
    }
}

fn write_gaps(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    if coverage.gaps.is_empty() {
        return Ok(());
    }
    let style = AnsiColor::Yellow.on_default().bold();
    writeln!(out, "{style}this scan is partial{style:#}")?;
    for gap in &coverage.gaps {
        writeln!(out, "  {}: {}", plain(&gap.what), plain(&gap.why))?;
        writeln!(out, "    {DIM}{}{DIM:#}", plain(&gap.remedy))?;
    }
    writeln!(out)
}

fn write_summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (found, coverage) = (report.findings.len(), &report.coverage);
    let places: usize = report.findings.iter().map(|finding| finding.locations.len()).sum();
    let what = match found {
        0 => "no credentials found".to_owned(),
        _ => format!(
            "{found} {} in {places} {}",
            plural(found, "credential"),
            plural(places, "place")
        ),
    };
    let megabytes = coverage.bytes as f64 / 1e6;
    writeln!(out, "{BOLD}{what}{BOLD:#}; scanned {} blobs, {megabytes:.1} MB", coverage.blobs)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
