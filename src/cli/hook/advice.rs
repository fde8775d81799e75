//! What whoever was stopped must do.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::Hook;
use crate::finding::Finding;
use crate::policy::Review;
use crate::source::{CommitRange, Kind};

const BOLD: Style = Style::new().bold();
/// How many commits are named.
const COMMITS_SHOWN: usize = 5;

/// Writes why git was stopped, and what to do now.
pub(super) fn write(
    hook: Hook,
    range: Option<&CommitRange>,
    review: &Review,
    out: &mut dyn Write,
) -> io::Result<()> {
    let red = AnsiColor::Red.on_default().bold();
    let stopped = match hook {
        Hook::Commit => "stanch stopped this commit",
        Hook::Push => "stanch stopped this push: nothing was sent",
        Hook::Receive => "stanch refused this push: nothing was taken in",
    };
    writeln!(out, "\n{red}{stopped}{red:#}")?;
    if review.findings.is_empty() {
        return writeln!(
            out,
            "Not everything could be scanned: see above. Once you have looked at it yourself, \
             `--allow-partial` in the hook lets it through."
        );
    }
    match hook {
        Hook::Commit => writeln!(
            out,
            "  1. Take the credential out of the file and stage it again; let the program read it from \
             its environment or a secret store.\n  2. Where it was anywhere else already (another branch, \
             a chat, a log), {BOLD}rotate it{BOLD:#}."
        )?,
        Hook::Push | Hook::Receive => {
            let known = match hook {
                Hook::Push => {
                    "It stands in commits on your machine: where anyone else could read them"
                }
                _ => "It left your machine with this push, so take it as leaked",
            };
            writeln!(
                out,
                "  1. {BOLD}Rotate it{BOLD:#}: {known}, make a new key at the provider and disable this \
                 one. Rewriting commits takes back nothing that was read.\n  2. Then take it out of {}.",
                commits(range, &review.findings)
            )?;
        }
    }
    write_false_alarm(&review.findings[0], out)
}

/// Says which commits are to be rewritten.
fn commits(range: Option<&CommitRange>, findings: &[Finding]) -> String {
    // The oldest first, and each once.
    let mut found: BTreeMap<_, &str> = BTreeMap::new();
    let mut is_tag = false;
    for place in findings.iter().flat_map(|finding| &finding.locations).map(|at| &at.place) {
        is_tag |= place.kind == Kind::TagMessage;
        if let (Some(commit), Kind::Blob | Kind::CommitMessage) = (&place.commit, place.kind) {
            found.insert((place.date, commit), commit);
        }
    }
    let found: Vec<&str> = found.into_values().collect();
    let more = match found.len().saturating_sub(COMMITS_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let tag = if is_tag { "; make the tag anew with another message" } else { "" };
    match found.first() {
        None => format!("what you push{tag}"),
        Some(first) => {
            let shown: Vec<&str> = found.iter().take(COMMITS_SHOWN).map(|it| short(it)).collect();
            let shown = shown.join(", ");
            // Before a root there is no commit to begin at.
            let has_root = range.is_some_and(|range| range.has_root(&found).unwrap_or(false));
            let from = if has_root { "--root".to_owned() } else { format!("{}~", short(first)) };
            format!("every commit that has it ({shown}{more}): `git rebase -i {from}`{tag}")
        }
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// Says how a false alarm is let through.
fn write_false_alarm(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "Is it none? Write `stanch:allow` and the reason behind it on its line, or add to stanch.toml at \
         the root:\n  [[allow]]\n  fingerprint = \"{}\"\n  reason = \"…\"",
        finding.fingerprint.short()
    )
}
