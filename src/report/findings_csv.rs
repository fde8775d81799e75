//! Findings as CSV, one row a place, for spreadsheets and spreadsheet-like tools.

use std::io::{self, Write};

use csv::Writer;

use crate::finding::{Change, Finding, Provenance, plain};
use crate::policy::{Review, Suppression};
use crate::source::Moment;

const COLUMNS: [&str; 25] = [
    "state",
    "severity",
    "confidence",
    "class",
    "provider",
    "pattern",
    "fingerprint",
    "redacted",
    "path",
    "line",
    "column",
    "commit",
    "author",
    "date",
    "source",
    "description",
    "suppressed by",
    "reason",
    "first commit",
    "last commit",
    "removed by",
    "exposed since",
    "exposed until",
    "in HEAD",
    "reachable",
];

/// Writes a header, then one row for each place of each finding, the suppressed ones last.
///
/// # Errors
/// Where the writer fails.
pub fn csv(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    for finding in &review.findings {
        rows(finding, None, &mut writer)?;
    }
    for suppressed in &review.suppressed {
        rows(&suppressed.finding, Some(&suppressed.suppression), &mut writer)?;
    }
    writer.flush()
}

fn rows(
    finding: &Finding,
    suppression: Option<&Suppression>,
    writer: &mut Writer<&mut dyn Write>,
) -> io::Result<()> {
    let pattern = &finding.pattern;
    for location in &finding.locations {
        let (place, span) = (&location.place, &location.span);
        let life = finding.provenance.as_ref();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let record: [String; COLUMNS.len()] = [
            if suppression.is_some() { "suppressed" } else { "found" }.to_owned(),
            finding.severity.to_string(),
            finding.confidence.to_string(),
            pattern.provider.class.clone(),
            pattern.provider.id.clone(),
            pattern.id.clone(),
            finding.fingerprint.to_string(),
            finding.redacted.clone(),
            location.path().unwrap_or_default(),
            span.line.to_string(),
            span.column.to_string(),
            text(&place.commit),
            text(&place.author),
            date(place.date),
            serde_json::to_value(place.kind)?.as_str().unwrap_or_default().to_owned(),
            pattern.description.clone(),
            suppression.map(|suppression| suppression.by.clone()).unwrap_or_default(),
            suppression.map(|suppression| suppression.reason.clone()).unwrap_or_default(),
            commit(life.and_then(|life| life.first.as_ref())),
            commit(life.and_then(|life| life.last.as_ref())),
            commit(life.and_then(|life| life.removed.as_ref())),
            date(life.and_then(Provenance::since)),
            date(life.and_then(Provenance::until)),
            yes_or_no(life.map(|life| life.is_in_head)),
            yes_or_no(life.map(|life| life.is_reachable)),
        ];
        writer.write_record(record.map(|cell| cell_text(&cell)))?;
    }
    Ok(())
}

fn commit(change: Option<&Change>) -> String {
    change.map(|change| change.commit.clone()).unwrap_or_default()
}

fn date(date: Option<Moment>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

fn yes_or_no(is: Option<bool>) -> String {
    is.map(|is| if is { "yes" } else { "no" }.to_owned()).unwrap_or_default()
}

/// Returns text that a spreadsheet shows and doesn't calculate: a path may begin like a formula.
fn cell_text(text: &str) -> String {
    let text = plain(text);
    match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::cell_text;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell_text("=1+1"), "'=1+1");
        assert_eq!(cell_text("@a\tb"), "'@a?b");
        assert_eq!(cell_text("a=b"), "a=b");
    }
}
