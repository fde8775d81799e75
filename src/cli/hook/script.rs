//! The text of hooks: a script of our own, or some lines in one that husky keeps.

use super::Hook;
use super::kept::FOLDER;

/// A script with this line is ours.
const OURS: &str = "# Made by `stanch hook install`; `stanch hook uninstall` removes it.";
/// Where an earlier version looked for the hook that was there before.
const FORMER_KEPT: &str = "$0.before-stanch";
/// How the line begins that names the program.
const PROGRAM: &str = "stanch=";
/// Round our lines in another's script.
const BEGIN: &str = "# >>> stanch: `stanch hook uninstall` removes these lines";
const END: &str = "# <<< stanch";
/// What husky's scripts say, which are committed, to whoever has not installed the program.
const MISSING: &str = "stanch is not installed on this machine, or not on the PATH: nothing was scanned for \
credentials. To install it: cargo install --path . in a clone of its repository.";
/// What husky's scripts began with up to its eighth version.
const HUSKY_HEAD: &str = "#!/usr/bin/env sh\n. \"$(dirname -- \"$0\")/_/husky.sh\"\n\n";

/// Returns a hook that calls the one that was there before, if there is one, and then the program.
pub(super) fn own(hook: Hook, program: &str) -> String {
    written(hook, program, &format!("$(dirname -- \"$0\")/{FOLDER}/{}", hook.name()))
}

/// Returns a hook that calls the one before it by this name.
fn written(hook: Hook, program: &str, kept_as: &str) -> String {
    let name = hook.name();
    let program = program.replace('\'', r"'\''");
    let (input, calls) = match hook.reads_input() {
        // Both read what git writes.
        true => (
            "input=$(cat)\ngive() { [ -z \"$input\" ] || printf '%s\\n' \"$input\"; }\n",
            ("give | \"$kept\" \"$@\"", format!("give | \"$stanch\" hook {name} -- \"$@\"")),
        ),
        false => ("", ("\"$kept\" \"$@\"", format!("\"$stanch\" hook {name}"))),
    };
    let (kept, ours) = calls;
    format!(
        "#!/bin/sh\n{OURS}\n{PROGRAM}'{program}'\n[ -x \"$stanch\" ] || stanch=stanch\n\
         kept=\"{kept_as}\"\n{input}if [ -x \"$kept\" ]; then {kept} || exit $?; fi\n{ours}\n"
    )
}

/// Tells whether a script is one of ours.
pub(super) fn is_own(text: &str) -> bool {
    text.lines().any(|line| line == OURS)
}

/// Tells whether a script of ours is as it was made, whatever program it names.
pub(super) fn is_as_made(text: &str, hook: Hook) -> bool {
    is_the_same(text, &own(hook, "")) || is_former(text, hook)
}

/// Tells whether a script of ours is as an earlier version made it, whatever program it names.
pub(super) fn is_former(text: &str, hook: Hook) -> bool {
    is_the_same(text, &written(hook, "", FORMER_KEPT))
}

/// Tells whether two scripts are the same but for the program they name.
fn is_the_same(a: &str, b: &str) -> bool {
    let others = |line: &&str| !line.starts_with(PROGRAM);
    a.lines().filter(others).eq(b.lines().filter(others))
}

/// Returns a script of ours with the program that the new one names.
pub(super) fn with_program_of(text: &str, new: &str) -> String {
    let program = new.lines().find(|line| line.starts_with(PROGRAM)).unwrap_or_default();
    let line = |line: &str| match line.starts_with(PROGRAM) {
        true => format!("{program}\n"),
        false => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// Returns a script of husky's with our lines in it, before everything it does.
pub(super) fn with_lines(text: &str, hook: Hook) -> String {
    let is_head = |line: &&str| line.is_empty() || line.starts_with('#') || line.starts_with(". ");
    let head: usize =
        text.split_inclusive('\n').take_while(|line| is_head(&line.trim_end())).map(str::len).sum();
    let (head, rest) = text.split_at(head);
    let newline = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    format!("{head}{newline}{}{rest}", lines(hook))
}

/// Returns our lines. They are committed with the code, so they let through those who lack the program.
fn lines(hook: Hook) -> String {
    lines_with(hook, |call| {
        format!(
            "if command -v stanch >/dev/null 2>&1; then\n  {call}\nelse\n  echo '{MISSING}' >&2\nfi"
        )
    })
}

fn lines_with(hook: Hook, guarded: impl Fn(String) -> String) -> String {
    let name = hook.name();
    let calls = match hook.reads_input() {
        // What comes after us reads the same.
        true => {
            let give = "{ [ -z \"$stanch_input\" ] || printf '%s\\n' \"$stanch_input\"; }";
            let call = guarded(format!("{give} | stanch hook {name} -- \"$@\" || exit $?"));
            format!("stanch_input=$(cat)\n{call}\nexec <<STANCH_INPUT\n$stanch_input\nSTANCH_INPUT")
        }
        false => guarded(format!("stanch hook {name} || exit $?")),
    };
    format!("{BEGIN}\n{calls}\n{END}\n")
}

/// Returns a script with our lines of today where an earlier version's are in it, which stopped those who
/// lack the program.
pub(super) fn with_new_lines(text: &str, hook: Hook) -> Option<String> {
    let former = lines_with(hook, |call| call);
    text.contains(&former).then(|| text.replace(&former, &lines(hook)))
}

/// Returns a script without our lines, or none where they are not in it.
pub(super) fn without_lines(text: &str) -> Option<String> {
    let start = text.find(BEGIN)?;
    let end = start + text[start..].find(END)? + END.len();
    let rest = &text[end..];
    Some([&text[..start], rest.strip_prefix('\n').unwrap_or(rest)].concat())
}

/// Returns what a new script of husky's begins with.
pub(super) fn husky_head(is_old: bool) -> &'static str {
    if is_old { HUSKY_HEAD } else { "" }
}

/// Tells whether a script of husky's does nothing.
pub(super) fn is_idle(text: &str) -> bool {
    text.trim().is_empty() || text.trim() == HUSKY_HEAD.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_lines_go_in_before_what_is_done_and_out_without_a_trace() {
        let scripts = ["", "npm test\n", "#!/bin/sh\n# checks\nnpm test", HUSKY_HEAD];
        for text in scripts {
            for hook in Hook::ALL {
                let with = with_lines(text, hook);
                assert!(with.contains(&format!("stanch hook {}", hook.name())));
                assert!(with.find("stanch").unwrap() < with.find("npm").unwrap_or(usize::MAX));
                assert_eq!(without_lines(&with).as_deref(), Some(text));
            }
            assert_eq!(without_lines(text), None);
        }
    }

    #[test]
    fn a_script_of_ours_takes_another_program_and_keeps_what_was_changed() {
        let changed = own(Hook::Push, "/old").replace("hook pre-push", "hook pre-push -v");
        let new = with_program_of(&changed, &own(Hook::Push, "/it's new"));
        assert!(new.contains(r"stanch='/it'\''s new'") && new.contains("pre-push -v"));
        assert!(is_own(&new) && !is_as_made(&new, Hook::Push));
        assert!(is_as_made(&own(Hook::Push, "/other"), Hook::Push));
        assert!(!is_own("#!/bin/sh\nstanch hook pre-commit\n"));
    }
}
