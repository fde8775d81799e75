//! Findings for GitHub Actions: annotations on the lines, and a summary of the job.
//!
//! The form of a command: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use std::io::{self, Write};

use super::findings_words::{count, main_location, next_step, place_name, suppressed};
use super::markdown::escape;
use crate::finding::{Finding, plain};
use crate::pattern::Severity;
use crate::policy::Review;
use crate::source::Kind;

/// The summary of a step may have 1 MiB; a longer list is cut and says so.
const ROWS_SHOWN: usize = 500;

/// Writes one annotation a finding, one for each gap, and a closing line.
///
/// # Errors
/// Where the writer fails.
pub fn github(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    for finding in &review.findings {
        annotation(finding, out)?;
    }
    for gap in &review.coverage.gaps {
        let text = format!("{}: {}. {}", gap.what, gap.why, gap.remedy);
        writeln!(out, "::warning title=stanch: partial scan::{}", data(&text))?;
    }
    for notice in &review.notices {
        let text = format!("{}: {}", notice.what, notice.why);
        writeln!(out, "::notice title=stanch: suppression::{}", data(&text))?;
    }
    let suppressed = suppressed(review).map(|words| format!(" ({words})")).unwrap_or_default();
    writeln!(out, "{}{suppressed}", count(review))
}

fn annotation(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let command = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "notice",
    };
    let title = property(&format!("{} {}", finding.pattern.id, finding.fingerprint.short()));
    let mut text = format!("{} ({})", finding.pattern.description, finding.redacted);
    let mut at = String::new();
    if let Some(location) = main_location(finding) {
        let (place, span) = (&location.place, &location.span);
        // What stands within an archive has no line in the archive.
        let path = place.path.as_ref().filter(|_| location.within.is_none());
        if let (Some(path), Kind::File | Kind::Staged) = (path, place.kind) {
            let file = property(path);
            at = format!(
                "file={file},line={},endLine={},col={},",
                span.line, span.end_line, span.column
            );
        } else {
            // What only the history holds has no line to stand on.
            text.push_str(&format!(" In {}:{}", place_name(location), span.line));
            let commit = place.commit.as_deref().map(|commit| format!(", commit {commit}"));
            text.push_str(&commit.unwrap_or_default());
            text.push('.');
        }
    }
    text.push_str(&format!("\nNext: {}", next_step(finding)));
    writeln!(out, "::{command} {at}title={title}::{}", data(&text))
}

/// Returns the text of a command: its lines stay in it.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(plain).collect();
    lines.join("\n").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Returns the value of a property, which ends at a comma or a colon.
fn property(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    escaped.replace(':', "%3A").replace(',', "%2C")
}

/// Writes the summary of a job, as Markdown.
///
/// # Errors
/// Where the writer fails.
pub fn github_summary(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    let suppressed = suppressed(review).map(|words| format!(" ({words})")).unwrap_or_default();
    writeln!(out, "## stanch: {}\n", count(review))?;
    let coverage = &review.coverage;
    let megabytes = coverage.bytes as f64 / 1e6;
    writeln!(out, "Scanned {} blobs, {megabytes:.1} MB{suppressed}.\n", coverage.blobs)?;
    if !review.findings.is_empty() {
        writeln!(out, "| severity | what | where | next |\n|---|---|---|---|")?;
    }
    for finding in review.findings.iter().take(ROWS_SHOWN) {
        summary_row(finding, out)?;
    }
    let more = review.findings.len().saturating_sub(ROWS_SHOWN);
    if more > 0 {
        writeln!(out, "\nand {more} more; a report in another format lists all")?;
    }
    if !coverage.gaps.is_empty() {
        writeln!(out, "\n### This scan is partial\n")?;
    }
    for gap in coverage.gaps.iter().take(ROWS_SHOWN) {
        let (what, why, remedy) = (escape(&gap.what), escape(&gap.why), escape(&gap.remedy));
        writeln!(out, "* {what}: {why}. {remedy}")?;
    }
    if !review.notices.is_empty() {
        writeln!(out, "\n### What is suppressed wants a look\n")?;
    }
    for notice in review.notices.iter().take(ROWS_SHOWN) {
        writeln!(out, "* {}: {}", escape(&notice.what), escape(&notice.why))?;
    }
    writeln!(out)
}

fn summary_row(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let place = match main_location(finding) {
        Some(location) => {
            let commit = location.place.commit.as_deref().and_then(|commit| commit.get(..12));
            let commit = commit.map(|commit| format!(" in {commit}")).unwrap_or_default();
            format!("{}:{}{commit}", place_name(location), location.span.line)
        }
        None => String::new(),
    };
    let more = finding.locations.len().saturating_sub(1);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    writeln!(
        out,
        "| {} | {} {}: {} | {}{more} | {} |",
        finding.severity,
        escape(&finding.pattern.id),
        finding.fingerprint.short(),
        escape(&finding.pattern.description),
        escape(&place),
        escape(&next_step(finding))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_command() {
        assert_eq!(data("100%\nb"), "100%25%0Ab");
        assert_eq!(data("a\r\u{1b}b"), "a??b");
        assert_eq!(property("a,b:c%\r\n"), "a%2Cb%3Ac%25%0D%0A");
    }
}
