//! Findings as GitLab's secret-detection report, version 15:
//! <https://gitlab.com/gitlab-org/security-products/security-report-schemas>.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Times;
use super::findings_words::{next_step, place_name};
use crate::finding::{Finding, Location};
use crate::pattern::Severity;
use crate::policy::Review;
use crate::source::Kind;

const SCHEMA_VERSION: &str = "15.0.7";
/// What GitLab's own scanner writes where a finding is in no commit.
const NO_COMMIT: &str = "0000000";
/// GitLab refuses longer names.
const MAX_NAME: usize = 255;

/// Writes one vulnerability for each line that holds a finding that counts: the oldest commit stands for
/// all that have it there. GitLab has no word for a suppressed one, so those are left out; gaps and
/// notices are messages of the scan.
///
/// # Errors
/// Where the writer fails.
pub fn gitlab(review: &Review, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    let mut seen = BTreeSet::new();
    let mut places = Vec::new();
    for finding in &review.findings {
        // GitLab knows no git folder: it is named only for what stands nowhere else.
        let is_in_git = |location: &&Location| location.place.kind == Kind::GitFile;
        let is_only_there = finding.locations.iter().all(|location| is_in_git(&location));
        let shown = finding.locations.iter().filter(|l| is_only_there || !is_in_git(l));
        for location in shown {
            let (place, span) = (&location.place, &location.span);
            // A message has no path: there the commit tells places apart.
            let commit = if place.path.is_none() { &place.commit } else { &None };
            if seen.insert((finding.fingerprint, location.path(), commit, span.line)) {
                places.push(vulnerability(finding, location));
            }
        }
    }
    let program = json!({
        "id": "stanch",
        "name": "stanch",
        "version": env!("CARGO_PKG_VERSION"),
        "vendor": { "name": "stanch" },
    });
    let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let report = json!({
        "version": SCHEMA_VERSION,
        "scan": {
            "type": "secret_detection",
            "status": "success",
            "start_time": time(times.started),
            "end_time": time(times.ended),
            "analyzer": program,
            "scanner": program,
            "messages": messages(review),
        },
        "vulnerabilities": places,
        "remediations": [],
    });
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn messages(review: &Review) -> Vec<Value> {
    let gaps = review.coverage.gaps.iter().map(|gap| {
        let value = format!("not scanned: {}: {}. {}", gap.what, gap.why, gap.remedy);
        json!({ "level": "warn", "value": value })
    });
    let notices = review.notices.iter().map(
        |notice| json!({ "level": "info", "value": format!("{}: {}", notice.what, notice.why) }),
    );
    gaps.chain(notices).collect()
}

fn vulnerability(finding: &Finding, location: &Location) -> Value {
    let (pattern, place, span) = (&finding.pattern, &location.place, &location.span);
    let name = pattern.description.split(':').next().unwrap_or(&pattern.id);
    let mut commit = json!({ "sha": place.commit.as_deref().unwrap_or(NO_COMMIT) });
    if let Some(author) = &place.author {
        commit["author"] = json!(author);
    }
    if let Some(date) = place.date {
        commit["date"] = json!(date);
    }
    json!({
        "id": id(finding, location),
        "name": name.chars().take(MAX_NAME).collect::<String>(),
        "description": format!("{} ({})", pattern.description, finding.redacted),
        "severity": severity(finding.severity),
        "solution": next_step(finding),
        "location": {
            "file": location.path().unwrap_or_else(|| place_name(location)),
            "commit": commit,
            "start_line": span.line,
            "end_line": span.end_line,
        },
        "identifiers": [
            { "type": "stanch_pattern", "name": format!("stanch {}", pattern.id), "value": pattern.id },
            {
                "type": "stanch_fingerprint",
                "name": format!("fingerprint {}", finding.fingerprint.short()),
                "value": finding.fingerprint.to_string(),
            },
        ],
    })
}

/// Returns an id of the finding at this place, in the form of a UUID, the same in every run.
fn id(finding: &Finding, location: &Location) -> String {
    let (place, span) = (&location.place, &location.span);
    let text =
        format!("{} {:?} {:?} {}", finding.fingerprint, location.path(), place.commit, span.start);
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
    }
}
