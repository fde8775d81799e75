//! `stanch hook install`, `uninstall` and `status`.

use std::io::Write;
use std::path::Path;

use super::place::{Hooks, State};
use super::{ExitCode, Failure, Hook, Install};

pub(super) fn install(args: &Install, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let hooks = Hooks::of(&args.repository.path)?;
    for hook in wanted(args, hooks.is_bare) {
        let done = hooks.put(hook)?;
        let done = if hooks.is_certain { done } else { "written, but git may look elsewhere" };
        writeln!(out, "{}: {done} ({})", hook.name(), hooks.shown(hook))?;
    }
    write_note(&hooks, out)
}

fn wanted(args: &Install, is_bare: bool) -> Vec<Hook> {
    let asked = |hook: &Hook| match hook {
        Hook::Commit => args.pre_commit,
        Hook::Push => args.pre_push,
        Hook::Receive => args.pre_receive,
    };
    let asked: Vec<Hook> = Hook::ALL.into_iter().filter(asked).collect();
    match (asked.is_empty(), is_bare) {
        (false, _) => asked,
        // Nobody commits there.
        (true, true) => vec![Hook::Receive],
        (true, false) => vec![Hook::Commit, Hook::Push],
    }
}

pub(super) fn uninstall(path: &Path, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let hooks = Hooks::of(path)?;
    let mut is_any = false;
    for hook in Hook::ALL {
        if let Some(done) = hooks.take(hook)? {
            writeln!(out, "{}: {done} ({})", hook.name(), hooks.shown(hook))?;
            is_any = true;
        }
    }
    if !is_any {
        writeln!(out, "no hook of stanch is installed")?;
    }
    Ok(ExitCode::Clean)
}

pub(super) fn status(path: &Path, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let hooks = Hooks::of(path)?;
    for hook in Hook::ALL {
        let state = match hooks.state(hook)? {
            State::None => "not installed",
            State::Ours(_) | State::Others { has_ours: true, .. } if !hooks.is_certain => {
                "is there, but git may look elsewhere"
            }
            State::Ours(_) | State::Others { has_ours: true, .. } => "installed",
            State::Others { .. } => "not installed; another hook is there",
        };
        writeln!(out, "{}: {state} ({})", hook.name(), hooks.shown(hook))?;
    }
    write_note(&hooks, out)
}

fn write_note(hooks: &Hooks, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if let Some(note) = hooks.note() {
        writeln!(out, "{note}")?;
    }
    Ok(ExitCode::Clean)
}
