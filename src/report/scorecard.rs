//! The scorecard, for people and for machines: a table, JSON, CSV, OpenMetrics, Markdown and a page.

mod html;
mod plot;

pub use html::html;

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::incident_text::span;
use super::markdown::escape;
use crate::finding::plain;
use crate::incident::{Breaches, Measure, Period, Scorecard};

/// Names the form of the JSON.
pub const SCHEMA: &str = "stanch-scorecard/v1";

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();

/// Writes it as a table for a terminal.
///
/// # Errors
/// Those of `out`.
pub fn table(out: &mut dyn Write, card: &Scorecard) -> io::Result<()> {
    let (now, before) = (&card.now, &card.before);
    writeln!(out, "{BOLD}Scorecard {}{BOLD:#}  (beside {})\n", now.quarter, before.quarter)?;
    writeln!(
        out,
        "{DIM}        n  mean          median        p90           before        target{DIM:#}"
    )?;
    for measure in &now.measures {
        let then = before.measure(measure.name).and_then(|measure| measure.mean);
        let (mark, end) = match measure.meets_target() {
            Some(true) => (GREEN, " met"),
            Some(false) => (RED, " MISSED"),
            None => (Style::new(), ""),
        };
        let target = measure.target.map_or_else(|| "-".to_owned(), span);
        writeln!(
            out,
            "{:4} {:>4}  {mark}{:13}{mark:#} {:13} {:13} {:13} {target}{mark}{end}{mark:#}",
            measure.name,
            measure.n,
            or_dash(measure.mean),
            or_dash(measure.median),
            or_dash(measure.p90),
            or_dash(then),
        )?;
        if let Some(note) = &measure.note {
            writeln!(out, "           {DIM}{note}{DIM:#}")?;
        }
    }
    writeln!(out)?;
    for (name, value, then) in counts(card) {
        writeln!(out, "{name:28} {value:>6}   {DIM}before{DIM:#} {then}")?;
    }
    writeln!(
        out,
        "{:28} {:>6}   of them overdue {}",
        "open follow-ups", card.followups.open, card.followups.overdue
    )?;
    writeln!(out, "\n{DIM}left out: {}{DIM:#}", left_out(now))?;
    let groups = card.groups.iter();
    for group in groups {
        let [_, mttc, mttr, _] = &group.measures[..] else { continue };
        writeln!(
            out,
            "{:11} {:32} {:>4}  MTTC {:13} MTTR {}",
            group.by,
            plain(&group.name),
            group.incidents,
            or_dash(mttc.mean),
            or_dash(mttr.mean),
        )?;
    }
    writeln!(out)?;
    for definition in &card.definitions {
        writeln!(out, "{DIM}{} is the {}{DIM:#}", definition.name, definition.meaning)?;
    }
    Ok(())
}

fn or_dash(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), span)
}

/// Returns the plain counts: the name, the value, the value of the quarter before.
fn counts(card: &Scorecard) -> [(&'static str, String, String); 5] {
    let of = |period: &Period| {
        let late = |breaches: &Breaches| format!("{}/{}", breaches.late, breaches.clocks);
        [
            period.incidents.to_string(),
            period.false_positives.to_string(),
            period.repeats.to_string(),
            late(&period.response),
            late(&period.resolution),
        ]
    };
    let names = [
        "incidents",
        "false positives",
        "repeats",
        "late responses, of clocks",
        "late resolutions, of clocks",
    ];
    let (now, before) = (of(&card.now), of(&card.before));
    std::array::from_fn(|at| (names[at], now[at].clone(), before[at].clone()))
}

/// Returns what is in no figure, in words.
fn left_out(period: &Period) -> String {
    let out = &period.left_out;
    let kinds = [
        ("drills", out.drills),
        ("tests and canaries", out.tests_and_canaries),
        ("false positives", out.false_positives),
        ("duplicates", out.duplicates),
        ("near misses", out.near_misses),
        ("not judged", out.undecided),
    ];
    let there = kinds.iter().filter(|(_, count)| *count > 0);
    let words: Vec<_> = there.map(|(name, count)| format!("{count} {name}")).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

#[derive(Serialize)]
struct Export<'a> {
    schema: &'static str,
    #[serde(flatten)]
    card: &'a Scorecard,
}

/// Writes it as one JSON object.
///
/// # Errors
/// Those of `out`.
pub fn json(out: &mut dyn Write, card: &Scorecard) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Export { schema: SCHEMA, card })?;
    writeln!(out)
}

/// Writes one line a figure, quarter and group.
///
/// # Errors
/// Those of `out`.
pub fn csv(out: &mut dyn Write, card: &Scorecard) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let head = [
        "quarter", "by", "group", "figure", "n", "mean_s", "median_s", "p90_s", "target_s", "note",
    ];
    writer.write_record(head)?;
    let mut row = |place: [&str; 3], measure: &Measure| {
        let number = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
        writer.write_record([
            place[0],
            place[1],
            &cell(place[2]),
            measure.name,
            &measure.n.to_string(),
            &number(measure.mean),
            &number(measure.median),
            &number(measure.p90),
            &number(measure.target),
            measure.note.as_deref().unwrap_or_default(),
        ])
    };
    for period in &card.trend {
        let quarter = period.quarter.to_string();
        period.measures.iter().try_for_each(|measure| row([&quarter, "all", ""], measure))?;
    }
    let quarter = card.now.quarter.to_string();
    for group in &card.groups {
        let place = [quarter.as_str(), group.by, &group.name];
        group.measures.iter().try_for_each(|measure| row(place, measure))?;
    }
    writer.flush()
}

/// Returns text of others that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let text = plain(text);
    match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// Writes it as OpenMetrics text, which agents of Grafana, Datadog and CloudWatch read.
///
/// # Errors
/// Those of `out`.
pub fn openmetrics(out: &mut dyn Write, card: &Scorecard) -> io::Result<()> {
    let mut text = String::new();
    let quarter = card.now.quarter;
    for definition in &card.definitions {
        let name = definition.name.to_lowercase();
        let _ = writeln!(text, "# TYPE stanch_{name}_seconds gauge");
        let _ = writeln!(text, "# UNIT stanch_{name}_seconds seconds");
        let _ = writeln!(text, "# HELP stanch_{name}_seconds The {}.", definition.meaning);
        let all = card.now.measure(definition.name).map(|measure| ("all", "", measure));
        let of_group = card.groups.iter().flat_map(|group| {
            let own = group.measures.iter().find(|measure| measure.name == definition.name);
            own.map(|measure| (group.by, group.name.as_str(), measure))
        });
        for (by, group, measure) in all.into_iter().chain(of_group) {
            let labels = format!("quarter=\"{quarter}\",by=\"{by}\",group=\"{}\"", label(group));
            let values = [("mean", measure.mean), ("median", measure.median), ("p90", measure.p90)];
            for (statistic, value) in values {
                if let Some(value) = value {
                    let _ = writeln!(
                        text,
                        "stanch_{name}_seconds{{{labels},statistic=\"{statistic}\"}} {value}"
                    );
                }
            }
        }
    }
    let now = &card.now;
    let gauges = [
        (
            "incidents",
            "Incidents of the quarter, without drills, tests and false alarms.",
            now.incidents,
        ),
        ("false_positives", "Alerts of the quarter that were false.", now.false_positives),
        ("repeats", "Incidents of the quarter that repeat an earlier one.", now.repeats),
        ("late_responses", "Incidents of the quarter that nobody took in time.", now.response.late),
        (
            "late_resolutions",
            "Incidents of the quarter that were not resolved in time.",
            now.resolution.late,
        ),
        ("open_followups", "Follow-ups that are not done.", card.followups.open),
        ("overdue_followups", "Follow-ups that are not done and due.", card.followups.overdue),
    ];
    for (name, help, value) in gauges {
        let _ = writeln!(text, "# TYPE stanch_{name} gauge\n# HELP stanch_{name} {help}");
        let _ = writeln!(text, "stanch_{name}{{quarter=\"{quarter}\"}} {value}");
    }
    text.push_str("# EOF\n");
    out.write_all(text.as_bytes())
}

/// Returns text of others as the value of a label.
fn label(text: &str) -> String {
    plain(text).replace('\\', r"\\").replace('"', "\\\"")
}

/// Writes it as Markdown.
///
/// # Errors
/// Those of `out`.
pub fn markdown(out: &mut dyn Write, card: &Scorecard) -> io::Result<()> {
    let mut text = format!("# Scorecard {}\n\n", card.now.quarter);
    let _ = writeln!(
        text,
        "| figure | n | mean | median | p90 | {} | target | note |",
        card.before.quarter
    );
    let _ = writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---|");
    for measure in &card.now.measures {
        let then = card.before.measure(measure.name).and_then(|measure| measure.mean);
        let verdict = match measure.meets_target() {
            Some(true) => " (met)",
            Some(false) => " (**missed**)",
            None => "",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {}{verdict} | {} |",
            measure.name,
            measure.n,
            or_dash(measure.mean),
            or_dash(measure.median),
            or_dash(measure.p90),
            or_dash(then),
            or_dash(measure.target),
            measure.note.as_deref().unwrap_or_default(),
        );
    }
    let _ =
        writeln!(text, "\n| | {} | {} |\n|---|---:|---:|", card.now.quarter, card.before.quarter);
    for (name, value, then) in counts(card) {
        let _ = writeln!(text, "| {name} | {value} | {then} |");
    }
    let (open, overdue) = (card.followups.open, card.followups.overdue);
    let _ = writeln!(text, "\nOpen follow-ups: {open}, of them overdue: {overdue}.");
    let _ = writeln!(text, "\nLeft out: {}.", left_out(&card.now));
    let _ = writeln!(
        text,
        "\n| by | | incidents | MTTD | MTTC | MTTR | MTTA |\n|---|---|---:|---:|---:|---:|---:|"
    );
    for group in &card.groups {
        let _ = write!(text, "| {} | {} | {} |", group.by, escape(&group.name), group.incidents);
        for measure in &group.measures {
            let _ = write!(text, " {} |", or_dash(measure.mean));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "\n## What the figures mean\n");
    for definition in &card.definitions {
        let _ = writeln!(text, "* **{}**: {}.", definition.name, definition.meaning);
    }
    out.write_all(text.as_bytes())
}
