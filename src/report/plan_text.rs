//! A plan for people: what would be done, in order, to what, with whose permission, and the way back.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::contain::{Action, Plan, Step};
use crate::finding::plain;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const YELLOW: Style = AnsiColor::Yellow.on_default();

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
    writeln!(out, "  acting as  {} at {}\n", plain(&plan.responder.name), plain(place))?;
    for (number, step) in plan.steps.iter().enumerate() {
        write_step(number + 1, step, out)?;
    }
    for left in &plan.left_for_a_person {
        writeln!(out, "{YELLOW}left for a person{YELLOW:#}: {}", plain(left))?;
    }
    writeln!(out, "{DIM}plan hash {}{DIM:#}", plan.hash())
}

fn last_use(plan: &Plan) -> String {
    match &plan.last_use {
        Some(last_use) => format!("{:.0}, {}", last_use.at, plain(&last_use.what)),
        None => "never, as far as the provider tells".to_owned(),
    }
}

fn write_step(number: usize, step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let phase = format!("{:?}", step.phase).to_lowercase();
    writeln!(out, "{BOLD}{number}. {}{BOLD:#}: {}", step.id, plain(&step.does))?;
    let undo = match &step.undo {
        Some(undo) => &undo.words,
        None if step.action == Action::ProveDead => "nothing to take back: it only asks",
        None => "none: this can't be taken back",
    };
    let permissions = match step.permissions.is_empty() {
        true => "none".to_owned(),
        false => step.permissions.join(", "),
    };
    let rows = [
        ("phase", phase),
        ("calls", step.calls.join(", ")),
        ("target", step.target.clone()),
        ("hits also", step.shared.clone()),
        ("undo", undo.to_owned()),
        ("permissions", permissions),
        ("approval", format!("class {:?}", step.approval)),
        ("takes", format!("about {} s", step.expected_seconds)),
    ];
    for (name, value) in rows {
        writeln!(out, "   {DIM}{name:12}{DIM:#}{}", plain(&value))?;
    }
    writeln!(out)
}
