//! A plan for people: what would be done, in order, to what, with whose permission, and the way back. It
//! fits into 80 columns, as far as names do.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::contain::{Plan, Step};
use crate::finding::plain;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const YELLOW: Style = AnsiColor::Yellow.on_default();

const WIDTH: usize = 80;
/// Where the values of a step begin.
const INDENT: usize = 15;

/// Writes a plan.
///
/// # Errors
/// Where the writer fails.
pub fn plan(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let owner = if plan.owner.is_empty() { "nobody known" } else { &plan.owner };
    let (key, owner) = (plain(&plan.key_id), plain(owner));
    writeln!(
        out,
        "{BOLD}Plan for key {key} of {owner}{BOLD:#} (account {})",
        plain(&plan.account)
    )?;
    writeln!(out, "  state      {}", plan.key_state)?;
    writeln!(out, "  last used  {}", last_use(plan))?;
    for sibling in &plan.siblings {
        writeln!(out, "  other key  {} ({})", plain(&sibling.id), sibling.state)?;
    }
    let place = plan.endpoint.as_deref().unwrap_or("the provider's public endpoint");
    writeln!(out, "  acting as  {}", plain(&plan.responder.name))?;
    writeln!(out, "  at         {}", plain(place))?;
    let mode = &plan.mode;
    let words = format!("{} ({}): {}", mode.mode.name(), mode.rule, mode.reason);
    writeln!(out, "  mode       {}\n", wrapped(&plain(&words), 13))?;
    overview(&plan.steps, out)?;
    for (number, step) in plan.steps.iter().enumerate() {
        write_step(number + 1, step, out)?;
    }
    for left in &plan.left_for_a_person {
        writeln!(out, "{YELLOW}left for a person{YELLOW:#}: {}", wrapped(&plain(left), 4))?;
    }
    writeln!(out, "{DIM}plan hash {}{DIM:#}", plan.hash())
}

fn last_use(plan: &Plan) -> String {
    match &plan.last_use {
        Some(last_use) => format!("{:.0}, {}", last_use.at, plain(&last_use.what)),
        None => "never, as far as the provider tells".to_owned(),
    }
}

/// Writes the steps as a table: one line each.
fn overview(steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let longest = steps.iter().map(|step| plain(&step.id).chars().count()).max();
    let width = longest.unwrap_or(0).clamp(4, 32);
    writeln!(out, "{DIM}  #  {:width$}  class  undo  at most  target{DIM:#}", "step")?;
    for (number, step) in steps.iter().enumerate() {
        let (id, target) = (plain(&step.id), plain(&step.target));
        let undo = match (&step.undo, step.reversible) {
            (Some(_), _) => "yes",
            (None, true) => "-",
            (None, false) => "NO",
        };
        let class = format!("{:?}", step.approval);
        let seconds = match step.expected_seconds {
            seconds if seconds >= 120 => format!("{} min", seconds / 60),
            seconds => format!("{seconds} s"),
        };
        let room = WIDTH.saturating_sub(5 + width + 26).max(12);
        let target = shortened(&target, room);
        writeln!(
            out,
            "{:3}  {id:width$}  {class:5}  {undo:4}  {seconds:>7}  {target}",
            number + 1
        )?;
    }
    writeln!(out)
}

fn shortened(text: &str, room: usize) -> String {
    match text.char_indices().nth(room) {
        Some(_) => text.chars().take(room - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

fn write_step(number: usize, step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let phase = format!("{:?}", step.phase).to_lowercase();
    let does = wrapped(&format!("{}: {}", plain(&step.id), plain(&step.does)), 3);
    writeln!(out, "{BOLD}{number}.{BOLD:#} {does}")?;
    let undo = match &step.undo {
        Some(undo) => &undo.words,
        None if step.reversible => "nothing to take back: it only looks",
        None => "none: this can't be taken back",
    };
    let permissions = match step.permissions.is_empty() {
        true => "none".to_owned(),
        false => step.permissions.join(", "),
    };
    let calls = match step.calls.is_empty() {
        true => "none".to_owned(),
        false => step.calls.join(", "),
    };
    let rows = [
        ("phase", phase),
        ("calls", calls),
        ("target", step.target.clone()),
        ("hits also", step.shared.clone()),
        ("undo", undo.to_owned()),
        ("permissions", permissions),
        ("approval", format!("class {:?}", step.approval)),
        ("takes", format!("about {} s", step.expected_seconds)),
    ];
    for (name, value) in rows {
        let value = wrapped(&plain(&value), INDENT);
        writeln!(out, "   {DIM}{name:12}{DIM:#}{value}")?;
    }
    writeln!(out)
}

/// Returns what a key can do, in lines as wide as a plan's.
pub fn rights(sentence: &str) -> String {
    wrapped(&format!("what it can do: {}", plain(sentence)), 0)
}

/// Breaks a text between words so that lines after the first stand at that column and none is too long.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_between_words() {
        let text = "word ".repeat(40);
        let lines = wrapped(text.trim(), INDENT);
        assert!(lines.lines().skip(1).all(|line| line.starts_with(&" ".repeat(INDENT))));
        assert!(lines.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(lines.split_whitespace().count(), 40);
        assert_eq!(wrapped("one", 3), "one");
    }
}
