//! Findings for people: where, what it is, what its holder could do, and the next command to type.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::Times;
use super::findings_provenance::{exposure, reach};
use super::findings_words::{count, left_out, log_line, next_step, place_name, plural, suppressed};
use crate::finding::{Disguise, Finding, Location, plain};
use crate::pattern::Severity;
use crate::policy::Review;
use crate::source::Coverage;

/// How many places of one finding are listed; the machine formats list all.
const PLACES_SHOWN: usize = 3;
/// How many notices are listed.
const NOTICES_SHOWN: usize = 10;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes the findings that count, what was left out, and how many are suppressed.
///
/// # Errors
/// Where the writer fails.
pub fn text(review: &Review, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    for finding in &review.findings {
        write_finding(finding, times, out)?;
    }
    write_gaps(&review.coverage, out)?;
    write_left_out(&review.coverage, out)?;
    write_notices(review, out)?;
    write_summary(review, out)
}

fn write_finding(finding: &Finding, times: &Times, out: &mut dyn Write) -> io::Result<()> {
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
    write_provenance(finding, times, out)?;
    match &finding.pattern.provider.driver {
        Some(_) => writeln!(out, "  next: {BOLD}{}{BOLD:#}\n", next_step(finding)),
        None => writeln!(out, "  next: {}\n", next_step(finding)),
    }
}

fn write_provenance(finding: &Finding, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    let Some(provenance) = &finding.provenance else { return Ok(()) };
    let exposure = exposure(provenance, times.ended).map(|words| format!("{words}; "));
    let (exposure, reach) = (exposure.unwrap_or_default(), reach(provenance));
    writeln!(out, "  {DIM}{exposure}{reach}{DIM:#}")?;
    let Some(first) = &provenance.first else { return Ok(()) };
    let by = first.committer.as_deref().unwrap_or("unknown");
    let subject = log_line(&first.subject);
    writeln!(out, "  {DIM}brought in by \"{subject}\", committed by {}{DIM:#}", plain(by))
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
    let name = log_line(&place_name(location));
    let disguise = match &location.disguises[..] {
        [] => String::new(),
        disguises => format!(" ({})", Disguise::list(disguises)),
    };
    let (line, column, excerpt) = (span.line, span.column, log_line(&location.excerpt));
    writeln!(out, "  {name}:{line}:{column}{disguise}  {DIM}{excerpt}{DIM:#}")?;
    let Some(commit) = &place.commit else { return Ok(()) };
    let who = place.author.as_deref().unwrap_or("unknown");
    let when = place.date.map_or_else(|| "unknown date".to_owned(), |date| date.to_string());
    let commit = commit.get(..12).unwrap_or(commit);
    writeln!(out, "    {DIM}since commit {commit} of {}, by {}{DIM:#}", when, plain(who))
}

fn write_gaps(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    if coverage.gaps.is_empty() {
        return Ok(());
    }
    let style = AnsiColor::Yellow.on_default().bold();
    writeln!(out, "{style}this scan is partial{style:#}")?;
    for gap in &coverage.gaps {
        writeln!(out, "  {}: {}", log_line(&gap.what), plain(&gap.why))?;
        writeln!(out, "    {DIM}{}{DIM:#}", plain(&gap.remedy))?;
    }
    writeln!(out)
}

fn write_left_out(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let Some(submodules) = &coverage.left_out_submodules else { return Ok(()) };
    writeln!(out, "{}", plain(&left_out(submodules)))?;
    writeln!(out, "  {DIM}{}{DIM:#}\n", submodules.remedy)
}

fn write_notices(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    if review.notices.is_empty() {
        return Ok(());
    }
    let style = AnsiColor::Yellow.on_default().bold();
    writeln!(out, "{style}what is suppressed wants a look{style:#}")?;
    for notice in review.notices.iter().take(NOTICES_SHOWN) {
        writeln!(out, "  {}: {}", log_line(&notice.what), plain(&notice.why))?;
    }
    let more = review.notices.len().saturating_sub(NOTICES_SHOWN);
    if more > 0 {
        writeln!(out, "  {DIM}and {more} more; --format json lists all{DIM:#}")?;
    }
    writeln!(out)
}

fn write_summary(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    let coverage = &review.coverage;
    let megabytes = coverage.bytes as f64 / 1e6;
    let suppressed = suppressed(review).map(|words| format!(" ({words})")).unwrap_or_default();
    let blobs = plural(coverage.blobs as usize, "blob");
    writeln!(
        out,
        "{BOLD}{}{BOLD:#}{suppressed}; scanned {} {blobs}, {megabytes:.1} MB",
        count(review),
        coverage.blobs
    )
}
