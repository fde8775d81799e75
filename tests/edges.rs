//! The edges of the repository: README, action and hooks say what the program does.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clap::CommandFactory;
use stanch::cli::{Cli, ExitCode};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

/// Asks the real parser whether a command line is one.
fn assert_parses(line: &str) {
    let words = line.split_whitespace();
    if let Err(error) = Cli::command().try_get_matches_from(words) {
        panic!("`{line}`: {error}");
    }
}

#[test]
fn the_table_of_exit_codes_is_the_code_s() {
    let rows = ExitCode::ALL.map(|code| format!("| {} | {} |\n", code.number(), code.meaning()));
    assert!(
        read("README.md").contains(&rows.concat()),
        "README's table should be:\n{}",
        rows.concat()
    );
}

/// The scanner alone has no `contain`; the README is about the whole.
#[test]
#[cfg(feature = "contain")]
fn every_command_of_the_readme_parses() {
    let readme = read("README.md");
    let blocks = readme.split("```").skip(1).step_by(2);
    let commands: Vec<&str> = blocks
        .flat_map(str::lines)
        .filter(|line| line.starts_with("stanch "))
        .map(|line| line.split('#').next().unwrap())
        .collect();
    assert!(commands.len() >= 6, "{commands:?}");
    commands.into_iter().for_each(assert_parses);
}

#[test]
fn the_readme_s_two_commands_come_first() {
    let readme = read("README.md");
    let mut blocks = readme.split("```").skip(1).step_by(2);
    assert_eq!(blocks.next(), Some("\ncargo run --release -- drill\n"));
    assert_eq!(blocks.next(), Some("\ncargo test\n"));
}

#[test]
fn the_hooks_run_a_command_there_is() {
    let hooks = read(".pre-commit-hooks.yaml");
    let entries: Vec<&str> =
        hooks.lines().filter_map(|line| line.trim().strip_prefix("entry: ")).collect();
    assert_eq!(entries.len(), 2);
    entries.into_iter().for_each(assert_parses);
}

#[test]
fn the_action_passes_inputs_by_the_environment_to_flags_there_are() {
    let action = read("action.yml");
    for flag in action.split_whitespace().filter(|word| word.starts_with("arguments+=(--")) {
        let flag = flag.trim_start_matches("arguments+=(").trim_end_matches(");");
        let value = match flag {
            "--history" => "",
            "--format" => " text",
            _ => " 1",
        };
        assert_parses(&format!("stanch scan {flag}{value}"));
    }
    // `NAME: ${{ … }}` and nothing else: what is pasted into a script can run commands.
    for line in action.lines().filter(|line| line.contains("${{")) {
        let value = line.split_once(": ").map(|(_, value)| value);
        let is_whole = value.is_some_and(|v| v.starts_with("${{ ") && v.ends_with(" }}"));
        assert!(is_whole && !line.contains("run:"), "{line}");
    }
}

/// README and action name the formats that the program has, all of them, in its order.
#[test]
fn the_formats_are_the_program_s() {
    let command = Cli::command();
    let scan = command.find_subcommand("scan").unwrap();
    let format = scan.get_arguments().find(|argument| argument.get_id() == "format").unwrap();
    let formats = format.get_possible_values();
    let formats: Vec<&str> = formats.iter().map(|value| value.get_name()).collect();
    assert!(read("action.yml").contains(&format!("({})", formats.join(", "))), "action.yml");
    let readme = read("README.md");
    let (_, list) = readme.split_once("Formats are ").expect("README lists the formats");
    let (list, _) = list.split_once(". ").unwrap();
    let named: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, formats);
}

/// The allowlist shown is one.
#[test]
fn the_readme_s_allowlist_is_read() {
    let readme = read("README.md");
    let (_, toml) = readme.split_once("```toml\n").unwrap();
    let (toml, _) = toml.split_once("```").unwrap();
    stanch::policy::Allowlist::parse("README.md", Path::new("/"), toml).unwrap();
}

#[test]
fn every_command_has_a_help_text() {
    fn check(command: &clap::Command) {
        assert!(command.get_about().is_some(), "`{}` has no help", command.get_name());
        command.get_subcommands().for_each(check);
    }
    Cli::command().get_subcommands().for_each(check);
}

/// As with `stanch patterns list | head -1`: whoever closes a pipe has read enough.
#[test]
fn a_closed_pipe_is_no_reason_to_complain() {
    for arguments in [&["patterns", "list"][..], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = Command::new(env!("CARGO_BIN_EXE_stanch"))
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(Child::wait_with_output)
            .unwrap();
        assert_eq!(run.status.code(), Some(2), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&run.stderr), "", "{arguments:?}");
    }
}
