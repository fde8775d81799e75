//! Findings for machines: JSON, and JSON Lines with one object a finding.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Times;
use super::findings_provenance::{JsonProvenance, json_provenance};
use crate::finding::{Disguise, Finding, Location};
use crate::pattern::{Confidence, Severity};
use crate::policy::{Notice, Review, Suppressed, Suppression};
use crate::secret::Fingerprint;
use crate::source::{Coverage, Kind, Moment};

#[derive(Serialize)]
struct JsonReport<'a> {
    schema: &'static str,
    status: &'static str,
    findings: Vec<JsonFinding<'a>>,
    suppressed: Vec<JsonSuppressed<'a>>,
    notices: &'a [Notice],
    coverage: &'a Coverage,
}

#[derive(Serialize)]
struct JsonSuppressed<'a> {
    #[serde(flatten)]
    finding: JsonFinding<'a>,
    suppression: &'a Suppression,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    pattern: &'a str,
    provider: &'a str,
    class: &'a str,
    severity: Severity,
    confidence: Confidence,
    fingerprint: Fingerprint,
    redacted: &'a str,
    public: BTreeMap<&'a str, &'a str>,
    description: &'a str,
    proofs: &'a [String],
    path: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    commit: Option<&'a str>,
    provenance: Option<JsonProvenance<'a>>,
    locations: Vec<JsonLocation<'a>>,
}

#[derive(Serialize)]
struct JsonLocation<'a> {
    path: Option<String>,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    commit: Option<&'a str>,
    blob: Option<&'a str>,
    author: Option<&'a str>,
    date: Option<Moment>,
    source: Kind,
    disguises: &'a [Disguise],
    excerpt: &'a str,
}

/// Writes one JSON object: the findings, those that are suppressed and why, what was read, and whether
/// that was everything.
///
/// # Errors
/// Where the writer fails.
pub fn json(review: &Review, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    let json = JsonReport {
        schema: "stanch-findings/v1",
        status: if review.coverage.gaps.is_empty() { "complete" } else { "partial" },
        findings: review.findings.iter().map(|finding| json_finding(finding, times)).collect(),
        suppressed: review.suppressed.iter().map(|one| json_suppressed(one, times)).collect(),
        notices: &review.notices,
        coverage: &review.coverage,
    };
    serde_json::to_writer_pretty(&mut *out, &json)?;
    writeln!(out)
}

/// Writes one JSON object a line and finding that counts.
///
/// # Errors
/// Where the writer fails.
pub fn jsonl(review: &Review, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    for finding in &review.findings {
        serde_json::to_writer(&mut *out, &json_finding(finding, times))?;
        writeln!(out)?;
    }
    Ok(())
}

fn json_suppressed<'a>(suppressed: &'a Suppressed, times: &Times) -> JsonSuppressed<'a> {
    JsonSuppressed {
        finding: json_finding(&suppressed.finding, times),
        suppression: &suppressed.suppression,
    }
}

fn json_finding<'a>(finding: &'a Finding, times: &Times) -> JsonFinding<'a> {
    let (pattern, first) = (&*finding.pattern, finding.locations.first());
    JsonFinding {
        pattern: &pattern.id,
        provider: &pattern.provider.id,
        class: &pattern.provider.class,
        severity: finding.severity,
        confidence: finding.confidence,
        fingerprint: finding.fingerprint,
        redacted: &finding.redacted,
        public: finding.credential.public_parts().collect(),
        description: &pattern.description,
        proofs: &finding.proofs,
        path: first.and_then(Location::path),
        line: first.map(|location| location.span.line),
        column: first.map(|location| location.span.column),
        commit: first.and_then(|location| location.place.commit.as_deref()),
        provenance: json_provenance(finding, times.ended),
        locations: finding.locations.iter().map(json_location).collect(),
    }
}

fn json_location(location: &Location) -> JsonLocation<'_> {
    let (place, span) = (&location.place, &location.span);
    JsonLocation {
        path: location.path(),
        line: span.line,
        column: span.column,
        end_line: span.end_line,
        end_column: span.end_column,
        commit: place.commit.as_deref(),
        blob: place.blob.as_deref(),
        author: place.author.as_deref(),
        date: place.date,
        source: place.kind,
        disguises: &location.disguises,
        excerpt: &location.excerpt,
    }
}
