//! What a hunt found, for people: the conclusion first, then what was read, then what is to be removed.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::plan_text::wrapped;
use crate::contain::{Hunted, Left, Removal};
use crate::finding::plain;
use crate::incident::{Conclusion, Coverage};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

/// Where the values of a block begin.
const INDENT: usize = 13;
/// More addresses and calls than this are only counted: the record holds all.
const MOST: usize = 10;

/// Writes what a hunt found.
///
/// # Errors
/// Where the writer fails.
pub fn hunt(
    hunted: &Hunted,
    key: &str,
    owner: Option<&str>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let review = &hunted.review;
    let owner = owner.unwrap_or("nobody known");
    writeln!(out, "{BOLD}What key {} of {} was used for{BOLD:#}", plain(key), plain(owner))?;
    let style = match review.conclusion {
        Conclusion::NoUse | Conclusion::LegitOnly => GREEN,
        Conclusion::Misuse => RED,
        Conclusion::Unknown => YELLOW,
    };
    let words = review.conclusion.words();
    writeln!(out, "  conclusion {style}{words}{style:#}")?;
    fact("why", &review.reason, out)?;
    fact("read", &format!("from {:.0} to {:.0}", review.since, review.until), out)?;
    fact("leaked", &format!("{:.0}, at the earliest", review.leaked_at), out)?;
    let uses = match (review.first_use, review.last_use) {
        (Some(first), Some(last)) => format!(
            "{} since the leak, from {first:.0} to {last:.0}; {} from addresses not seen before",
            review.uses_after_leak, review.after_leak_unknown_source
        ),
        _ => "none since the leak in what could be read".to_owned(),
    };
    fact("uses", &uses, out)?;
    if hunted.ours > 0 {
        let words =
            format!("{} of stanch's own are left out: it asked who the key is", hunted.ours);
        fact("questions", &words, out)?;
    }
    addresses(hunted, out)?;
    sources(hunted, out)?;
    plan(&hunted.plan, out)?;
    secrets(hunted, out)
}

fn fact(name: &str, value: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {name:10} {}", wrapped(&plain(value), INDENT))
}

fn uses(count: u64) -> String {
    if count == 1 { "1 use".to_owned() } else { format!("{count} uses") }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn addresses(hunted: &Hunted, out: &mut dyn Write) -> io::Result<()> {
    let (known, strange): (Vec<_>, Vec<_>) =
        hunted.after.iter().partition(|address| address.is_known);
    for address in strange.iter().take(MOST) {
        let times = address.times;
        let name = plain(&address.address);
        writeln!(
            out,
            "  {RED}not seen{RED:#}   {name}: {}, {:.0} to {:.0}",
            uses(times.count),
            times.first,
            times.last
        )?;
    }
    if strange.len() > MOST {
        fact("", &format!("and {} further such addresses", strange.len() - MOST), out)?;
    }
    if !known.is_empty() {
        let names = known.iter().take(MOST).map(|address| address.address.as_str());
        fact("known", &names.collect::<Vec<_>>().join(", "), out)?;
    }
    let mut calls: Vec<_> = hunted.calls.iter().collect();
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let calls = calls.iter().take(MOST).map(|(call, count)| format!("{call} ({count})"));
    let calls: Vec<String> = calls.collect();
    match calls.is_empty() {
        true => Ok(()),
        false => fact("calls", &calls.join(", "), out),
    }
}

fn sources(hunted: &Hunted, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{BOLD}What was read{BOLD:#}")?;
    for source in &hunted.review.sources {
        let style = match source.coverage {
            Coverage::Full => GREEN,
            Coverage::Partial => YELLOW,
            Coverage::None | Coverage::Unknown => RED,
        };
        let words = source.coverage.words();
        let count = match source.query.is_empty() {
            true => String::new(),
            false => format!(", {}", uses(source.count)),
        };
        let name = wrapped(&plain(&source.name), INDENT + 1);
        writeln!(out, "  {style}{words:12}{style:#} {name}{count}")?;
        for gap in &source.gaps {
            writeln!(out, "{:15}{DIM}{}{DIM:#}", "", wrapped(&plain(gap), INDENT + 2))?;
        }
    }
    Ok(())
}

fn plan(plan: &[Removal], out: &mut dyn Write) -> io::Result<()> {
    let (to_do, usual): (Vec<_>, Vec<_>) = plan.iter().partition(|item| item.is_suspicious);
    writeln!(out, "\n{BOLD}What it left behind{BOLD:#}")?;
    if to_do.is_empty() {
        writeln!(out, "  nothing that could be seen")?;
    }
    for (number, item) in (1..).zip(to_do) {
        let kind = match item.left {
            Left::Persistence => "stays",
            Left::Session => "works on",
            Left::Hiding => "hidden",
        };
        writeln!(out, "{BOLD}{number}.{BOLD:#} {}", wrapped(&plain(&item.what), 3))?;
        let from = item.from.as_deref().unwrap_or("an address the log doesn't say");
        let often = match item.count {
            1 => String::new(),
            count => format!(", {count} times until {:.0}", item.last),
        };
        let done = format!(
            "{kind}; {} at {:.0}{often}, in {}, from {from}",
            item.call, item.at, item.place
        );
        fact("done", &done, out)?;
        // Whole, so that it can be copied.
        writeln!(out, "  {:10} {}", "remove", plain(&item.how))?;
        let back = if item.reversible { "can be taken back" } else { "can't be taken back" };
        fact("class", &format!("{:?}, {back}", item.approval), out)?;
        fact("hits also", &item.hits, out)?;
    }
    if !usual.is_empty() {
        let words = format!(
            "{} sessions were begun from addresses seen before the leak; the record lists them",
            usual.len()
        );
        writeln!(out, "  {DIM}{}{DIM:#}", wrapped(&words, 2))?;
    }
    Ok(())
}

fn secrets(hunted: &Hunted, out: &mut dyn Write) -> io::Result<()> {
    let (leaked, usual): (Vec<_>, Vec<_>) =
        hunted.secrets.iter().partition(|secret| secret.is_suspicious);
    if !leaked.is_empty() {
        writeln!(out, "\n{BOLD}Secrets it read, which are leaked, too{BOLD:#}")?;
    }
    for secret in leaked {
        let from = secret.from.as_deref().unwrap_or("an address the log doesn't say");
        let words = format!(
            "{} in {}: {} from {:.0} to {:.0}, first from {from}",
            secret.what,
            secret.place,
            times(secret.count),
            secret.first,
            secret.last
        );
        writeln!(out, "  {}", wrapped(&plain(&words), 4))?;
    }
    if !usual.is_empty() {
        let words =
            format!("{} secrets were read from addresses seen before the leak", usual.len());
        writeln!(out, "  {DIM}{words}{DIM:#}")?;
    }
    writeln!(out)
}
