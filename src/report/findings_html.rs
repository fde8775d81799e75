//! Findings as one HTML file: it reads well without a network, in light and dark, and can be filtered.
//!
//! Every text is escaped by the template; the page forbids itself every address by a policy of its own.

use std::collections::BTreeSet;
use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html as template};

use super::Times;
use super::findings_provenance::{exposure, reach};
use super::findings_words::{
    console, count, left_out, main_location, next_step, place_name, plural,
};
use crate::finding::{Finding, Location, Provenance, plain};
use crate::pattern::Severity;
use crate::policy::{Review, Suppression};

const STYLE: &str = include_str!("findings_html.css");
const SCRIPT: &str = include_str!("findings_html.js");
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'";

/// Writes the page.
///
/// # Errors
/// Where the writer fails.
pub fn html(review: &Review, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    let page = template! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { "stanch: " (count(review)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(review, times))
                main {
                    (attention(review))
                    @if review.findings.is_empty() && review.suppressed.is_empty() {
                        p.empty { "Nothing was found." }
                    } @else {
                        (filters(review))
                        (table(review, times))
                    }
                }
                footer { "Made by stanch " (env!("CARGO_PKG_VERSION")) ". No secret is in this file." }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    writeln!(out, "{}", page.into_string())
}

fn header(review: &Review, times: &Times) -> Markup {
    let coverage = &review.coverage;
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
    let of = |severity| review.findings.iter().filter(|found| found.severity == severity).count();
    let ended = times.ended.strftime("%Y-%m-%d %H:%M UTC");
    template! {
        header {
            h1 { (count(review)) }
            p.when {
                "Scanned " (coverage.blobs) " " (plural(coverage.blobs as usize, "blob")) ", "
                (format!("{:.1}", coverage.bytes as f64 / 1e6)) " MB, on "
                time datetime=(times.ended) { (ended) } "."
                @if coverage.left_out_ignored > 0 {
                    " " (coverage.left_out_ignored) " files that git ignores were left out."
                }
                @if let Some(submodules) = &coverage.left_out_submodules {
                    " " (plain(&left_out(submodules))) ": " (submodules.remedy) "."
                }
            }
            ul.tiles {
                @for severity in severities {
                    li class=(format!("tile {severity}")) { strong { (of(severity)) } " " (severity) }
                }
                li.tile { strong { (review.suppressed.len()) } " suppressed" }
            }
        }
    }
}

/// What a reader must know before the list: gaps, then what the lists want.
fn attention(review: &Review) -> Markup {
    let (gaps, notices) = (&review.coverage.gaps, &review.notices);
    template! {
        @if !gaps.is_empty() {
            section.attention {
                h2 { "This scan is partial" }
                ul {
                    @for gap in gaps {
                        li { b { (plain(&gap.what)) } ": " (plain(&gap.why)) ". " (plain(&gap.remedy)) "." }
                    }
                }
            }
        }
        @if !notices.is_empty() {
            details.attention {
                summary { "What is suppressed wants a look (" (notices.len()) ")" }
                ul {
                    @for notice in notices {
                        li { b { (plain(&notice.what)) } ": " (plain(&notice.why)) }
                    }
                }
            }
        }
    }
}

fn filters(review: &Review) -> Markup {
    let suppressed = review.suppressed.iter().map(|suppressed| &suppressed.finding);
    let all = || review.findings.iter().chain(suppressed.clone());
    let classes: BTreeSet<&str> =
        all().map(|finding| finding.pattern.provider.class.as_str()).collect();
    let severities: BTreeSet<Severity> = all().map(|finding| finding.severity).collect();
    template! {
        form #filters hidden {
            label { "Path or name "
                input type="search" name="text" placeholder="src/, aws, 3fa9c2e1" autocomplete="off";
            }
            label { "Severity "
                select name="severity" {
                    option value="" { "any" }
                    @for severity in severities.iter().rev() { option { (severity) } }
                }
            }
            label { "Class "
                select name="class" {
                    option value="" { "any" }
                    @for class in &classes { option { (class) } }
                }
            }
            label { "Place "
                select name="place" {
                    option value="" { "any" }
                    option value="present" { "in files" }
                    option value="history" { "in history only" }
                }
            }
            @if !review.suppressed.is_empty() {
                label { input type="checkbox" name="suppressed"; " show suppressed" }
            }
            output #shown {}
        }
    }
}

fn table(review: &Review, times: &Times) -> Markup {
    template! {
        table #findings {
            thead { tr { th { "Severity" } th { "What" } th { "Where" } th { "Next" } } }
            tbody {
                @for finding in &review.findings { (row(finding, None, times)) }
                @for suppressed in &review.suppressed {
                    (row(&suppressed.finding, Some(&suppressed.suppression), times))
                }
            }
        }
    }
}

fn row(finding: &Finding, suppression: Option<&Suppression>, times: &Times) -> Markup {
    let pattern = &finding.pattern;
    let main = main_location(finding);
    let is_main = |location: &&Location| main.is_some_and(|main| main == *location);
    let others: Vec<_> = finding.locations.iter().filter(|other| !is_main(other)).collect();
    let place = if finding.is_history_only() { "history" } else { "present" };
    template! {
        tr data-severity=(finding.severity) data-class=(pattern.provider.class) data-place=(place)
            data-suppressed[suppression.is_some()] {
            td { span class=(format!("badge {}", finding.severity)) { (finding.severity) } }
            td {
                b { (pattern.id) } " " code { (finding.fingerprint.short()) }
                p { (pattern.description) }
                @for (name, value) in finding.credential.public_parts() {
                    p.fact { (name) ": " code { (plain(value)) } }
                }
                @for proof in &finding.proofs { p.fact { "proved offline: " (plain(proof)) } }
                @if let Some(suppression) = suppression {
                    p.fact { "suppressed " (suppression.kind.words()) ", " (suppression.by) ": "
                        (suppression.reason)
                        @if let Some(owner) = &suppression.owner { " (owner: " (owner) ")" }
                    }
                }
            }
            td {
                @if let Some(main) = main { (location(main)) }
                @if !others.is_empty() {
                    details {
                        summary { (others.len()) " more " (plural(others.len(), "place")) }
                        @for other in others { (location(other)) }
                    }
                }
                @if let Some(provenance) = &finding.provenance { (life(provenance, times)) }
            }
            td.next { (next(finding)) }
        }
    }
}

/// Returns the next step: a command to copy, or a link to the provider's console.
fn next(finding: &Finding) -> Markup {
    template! {
        @if finding.pattern.provider.driver.is_some() {
            code { (next_step(finding)) }
        } @else if let Some(console) = console(finding) {
            "revoke it at " a href=(console) rel="noreferrer noopener" { (console) }
        } @else {
            (next_step(finding))
        }
    }
}

/// Returns what became of a credential in a history.
fn life(provenance: &Provenance, times: &Times) -> Markup {
    template! {
        p.fact {
            @if let Some(exposure) = exposure(provenance, times.ended) { (exposure) "; " }
            (reach(provenance))
        }
        @if let Some(first) = &provenance.first {
            p.fact {
                "brought in by “" (first.subject) "”"
                @if let Some(committer) = &first.committer { ", committed by " (plain(committer)) }
            }
        }
    }
}

fn location(location: &Location) -> Markup {
    let (place, span) = (&location.place, &location.span);
    template! {
        div.place {
            span.path { (plain(&place_name(location))) ":" (span.line) ":" (span.column) }
            pre { (location.excerpt) }
            @if let Some(commit) = &place.commit {
                p.fact {
                    "since commit " code { (commit.get(..12).unwrap_or(commit)) }
                    @if let Some(date) = place.date { " of " (date) }
                    @if let Some(author) = &place.author { ", by " (plain(author)) }
                }
            }
        }
    }
}
