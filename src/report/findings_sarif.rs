//! Findings as SARIF 2.1.0, for code scanning.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::json;
use serde_sarif::sarif::{
    ArtifactLocation, Invocation, Location as SarifLocation, LogicalLocation, Message,
    MultiformatMessageString, Notification, PhysicalLocation, PropertyBag, Region,
    ReportingConfiguration, ReportingDescriptor, Result as SarifResult, ResultLevel, Run, Sarif,
    Suppression as SarifSuppression, Tool, ToolComponent,
};

use super::Times;
use super::findings_provenance::json_provenance;
use crate::finding::{Finding, Location};
use crate::pattern::{Pattern, Severity};
use crate::policy::{Review, Suppressed, SuppressionKind};
use crate::source::Kind;

/// The name under which the fingerprint stands in `partialFingerprints`.
const FINGERPRINT: &str = "stanchCredential/v1";
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes one SARIF log with one run. A suppressed finding stays in it and says so. A partial scan is an unsuccessful invocation with notifications.
///
/// # Errors
/// Where the writer fails.
pub fn sarif(review: &Review, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    let driver = ToolComponent::builder()
        .name("stanch")
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(rules(review))
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .results(results(review, times))
        .invocations(vec![invocation(review)])
        .column_kind(json!("unicodeCodePoints"))
        .build();
    let log = Sarif::builder().version(json!("2.1.0")).schema(SCHEMA).runs(vec![run]).build();
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rules(review: &Review) -> Vec<ReportingDescriptor> {
    let suppressed = review.suppressed.iter().map(|suppressed| &suppressed.finding);
    let found = review.findings.iter().chain(suppressed);
    let found = found.map(|finding| (&finding.pattern.id, &*finding.pattern));
    found.collect::<BTreeMap<_, _>>().into_values().map(rule).collect()
}

fn rule(pattern: &Pattern) -> ReportingDescriptor {
    let text = |text: &str| MultiformatMessageString::builder().text(text).build();
    let properties = BTreeMap::from([
        ("security-severity".to_owned(), json!(security_severity(pattern.severity))),
        ("tags".to_owned(), json!(["security", "secret", &pattern.provider.class])),
    ]);
    ReportingDescriptor::builder()
        .id(&pattern.id)
        .short_description(text(&pattern.description))
        .help(text(&format!(
            "Contain it with `stanch contain`, or at {}.",
            pattern.provider.console
        )))
        .default_configuration(
            ReportingConfiguration::builder().level(json!(level(pattern.severity))).build(),
        )
        .properties(PropertyBag::builder().additional_properties(properties).build())
        .build()
}

fn results(review: &Review, times: &Times) -> Vec<SarifResult> {
    let suppressed = |suppressed: &Suppressed| {
        let mut result = result(&suppressed.finding, times);
        result.suppressions = Some(vec![suppression(suppressed)]);
        result
    };
    let found = review.findings.iter().map(|finding| result(finding, times));
    found.chain(review.suppressed.iter().map(suppressed)).collect()
}

fn suppression(suppressed: &Suppressed) -> SarifSuppression {
    let suppression = &suppressed.suppression;
    let kind = match suppression.kind {
        SuppressionKind::Inline => "inSource",
        SuppressionKind::Allowlist | SuppressionKind::Baseline => "external",
    };
    SarifSuppression::builder()
        .kind(json!(kind))
        .justification(format!("{} ({})", suppression.reason, suppression.by))
        .build()
}

fn result(finding: &Finding, times: &Times) -> SarifResult {
    let message = format!("{} ({})", finding.pattern.description, finding.redacted);
    let fingerprint = (FINGERPRINT.to_owned(), finding.fingerprint.to_string());
    let mut locations = finding.locations.iter().map(location);
    let first: Vec<_> = locations.next().into_iter().collect();
    let provenance = json_provenance(finding, times.ended);
    let provenance = provenance.map(|provenance| ("provenance".to_owned(), json!(provenance)));
    let properties: BTreeMap<_, _> = provenance.into_iter().collect();
    SarifResult::builder()
        .properties(PropertyBag::builder().additional_properties(properties).build())
        .rule_id(&finding.pattern.id)
        .level(level(finding.severity))
        .message(Message::builder().text(message).build())
        .locations(first)
        .related_locations(locations.collect::<Vec<_>>())
        .partial_fingerprints(BTreeMap::from([fingerprint]))
        .build()
}

fn location(location: &Location) -> SarifLocation {
    let (place, span) = (&location.place, &location.span);
    let properties = [
        ("commit", place.commit.as_ref().map(|commit| json!(commit))),
        ("blob", place.blob.as_ref().map(|blob| json!(blob))),
        ("date", place.date.map(|date| json!(date))),
        ("disguises", Some(&location.disguises).filter(|d| !d.is_empty()).map(|d| json!(d))),
        ("within", location.within.as_ref().map(|within| json!(within))),
    ];
    let properties =
        properties.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let properties =
        PropertyBag::builder().additional_properties(properties.collect::<BTreeMap<_, _>>());
    let Some(path) = &place.path else {
        let name = match place.kind {
            Kind::CommitMessage | Kind::TagMessage => {
                format!("message of {}", place.commit.as_deref().unwrap_or("an unknown object"))
            }
            Kind::Blob | Kind::Lfs => {
                format!("blob {}", place.blob.as_deref().unwrap_or("without a path"))
            }
            _ => "standard input".to_owned(),
        };
        let logical = LogicalLocation::builder().fully_qualified_name(name).build();
        return SarifLocation::builder()
            .logical_locations(vec![logical])
            .properties(properties.build())
            .build();
    };
    // Lines are those of the file within an archive, which isn't the file that code scanning knows.
    if location.within.is_some() {
        let physical = PhysicalLocation::builder()
            .artifact_location(ArtifactLocation::builder().uri(relative_uri(path)).build())
            .build();
        let name = location.path().unwrap_or_default();
        let logical = LogicalLocation::builder().fully_qualified_name(name).build();
        return SarifLocation::builder()
            .physical_location(physical)
            .logical_locations(vec![logical])
            .properties(properties.build())
            .build();
    }
    let region = Region::builder()
        .start_line(span.line as i64)
        .start_column(span.column as i64)
        .end_line(span.end_line as i64)
        .end_column(span.end_column as i64)
        .build();
    let physical = PhysicalLocation::builder()
        .artifact_location(ArtifactLocation::builder().uri(relative_uri(path)).build())
        .region(region)
        .build();
    SarifLocation::builder().physical_location(physical).properties(properties.build()).build()
}

fn invocation(review: &Review) -> Invocation {
    let notification = |gap: &crate::source::Gap| {
        let text = format!("{}: {}. {}", gap.what, gap.why, gap.remedy);
        Notification::builder()
            .message(Message::builder().text(text).build())
            .level(json!("warning"))
            .build()
    };
    Invocation::builder()
        .execution_successful(review.coverage.gaps.is_empty())
        .tool_execution_notifications(
            review.coverage.gaps.iter().map(notification).collect::<Vec<_>>(),
        )
        .build()
}

fn level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Critical | Severity::High => ResultLevel::Error,
        Severity::Medium => ResultLevel::Warning,
        Severity::Low => ResultLevel::Note,
    }
}

/// Returns the number code scanning sorts by, in the middle of each band:
/// <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

/// Percent-encodes what RFC 3986 does not allow in a path, and the colon, which would read as a scheme.
fn relative_uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}
