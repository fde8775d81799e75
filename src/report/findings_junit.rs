//! Findings as JUnit XML: a finding is a failed test, a suppressed one is skipped, a gap is an error.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::findings_words::{main_location, next_step, place_name};
use crate::finding::{Finding, plain};
use crate::policy::Review;

type Xml<'a> = Writer<&'a mut dyn Write>;

/// Writes one test suite.
///
/// # Errors
/// Where the writer fails.
pub fn junit(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    let mut writer: Xml<'_> = Writer::new_with_indent(&mut *out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let (failed, skipped, errors) =
        (review.findings.len(), review.suppressed.len(), review.coverage.gaps.len());
    // A suite without a test looks as if nothing had run.
    let is_clean = failed + skipped + errors == 0;
    let tests = failed + skipped + errors + usize::from(is_clean);
    let counts = [
        ("tests", tests.to_string()),
        ("failures", failed.to_string()),
        ("errors", errors.to_string()),
    ];
    let counts = || counts.iter().map(|(name, count)| (*name, count.as_str()));
    let suite = writer.create_element("testsuites").with_attribute(("name", "stanch"));
    suite.with_attributes(counts()).write_inner_content(|writer| {
        let suite = writer.create_element("testsuite").with_attribute(("name", "stanch"));
        let suite = suite.with_attributes(counts());
        suite
            .with_attribute(("skipped", skipped.to_string().as_str()))
            .write_inner_content(|writer| cases(review, is_clean, writer))?;
        Ok(())
    })?;
    writeln!(writer.get_mut())
}

fn cases(review: &Review, is_clean: bool, writer: &mut Xml<'_>) -> io::Result<()> {
    if is_clean {
        let case = writer.create_element("testcase").with_attribute(("classname", "stanch"));
        case.with_attribute(("name", "no credentials found")).write_empty()?;
    }
    for finding in &review.findings {
        let text = failure_text(finding);
        case(finding, writer, |writer| {
            let message = plain(&finding.pattern.description);
            let kind = finding.severity.to_string();
            let failure = writer.create_element("failure");
            let failure = failure.with_attribute(("message", message.as_str()));
            let failure = failure.with_attribute(("type", kind.as_str()));
            failure.write_text_content(BytesText::new(&text))?;
            Ok(())
        })?;
    }
    for suppressed in &review.suppressed {
        let suppression = &suppressed.suppression;
        let why = plain(&format!("{} ({})", suppression.reason, suppression.by));
        case(&suppressed.finding, writer, |writer| {
            let skipped = writer.create_element("skipped");
            skipped.with_attribute(("message", why.as_str())).write_empty()?;
            Ok(())
        })?;
    }
    for gap in &review.coverage.gaps {
        let name = plain(&gap.what);
        let why = plain(&format!("{}. {}", gap.why, gap.remedy));
        let case = writer.create_element("testcase").with_attribute(("classname", "not scanned"));
        case.with_attribute(("name", name.as_str())).write_inner_content(|writer| {
            let error = writer.create_element("error");
            error.with_attribute(("message", why.as_str())).write_empty()?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Writes one case, named by the place of its finding and its fingerprint, which keeps names apart.
fn case(
    finding: &Finding,
    writer: &mut Xml<'_>,
    inner: impl FnOnce(&mut Xml<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let short = finding.fingerprint.short();
    let (name, file) = match main_location(finding) {
        Some(location) => {
            let place = place_name(location);
            (plain(&format!("{place}:{} {short}", location.span.line)), plain(&place))
        }
        None => (short, String::new()),
    };
    let case = writer.create_element("testcase");
    let case = case.with_attribute(("classname", finding.pattern.id.as_str()));
    let case = case.with_attribute(("name", name.as_str()));
    case.with_attribute(("file", file.as_str())).write_inner_content(inner)?;
    Ok(())
}

fn failure_text(finding: &Finding) -> String {
    let mut text = format!("{}\n", finding.redacted);
    for location in &finding.locations {
        let (place, span) = (&location.place, &location.span);
        let commit = place.commit.as_deref().map(|commit| format!(" in commit {commit}"));
        let commit = commit.unwrap_or_default();
        text.push_str(&plain(&format!(
            "{}:{}:{}{commit}",
            place_name(location),
            span.line,
            span.column
        )));
        text.push('\n');
    }
    text.push_str(&format!("next: {}\n", next_step(finding)));
    text
}
