//! The house: which module may use which. The order of the table is the order of the flow, and a module
//! uses only what stands above it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and those it may use.
const TABLE: &[(&str, &[&str])] = &[
    ("secret", &[]),
    ("pattern", &["secret"]),
    ("source", &[]),
    ("finding", &["secret", "pattern", "source"]),
    ("scan", &["secret", "pattern", "source", "finding"]),
    ("policy", &["secret", "pattern", "source", "finding"]),
    ("http", &["secret"]),
    ("provider", &["secret", "pattern", "http"]),
    ("incident", &["secret", "finding"]),
    ("sink", &["secret", "http", "incident"]),
    ("contain", &["secret", "finding", "http", "provider", "incident"]),
    ("report", &["secret", "pattern", "source", "finding", "policy", "incident", "contain"]),
    (
        "cli",
        &[
            "secret", "pattern", "source", "finding", "scan", "policy", "provider", "incident",
            "sink", "contain", "report",
        ],
    ),
];

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Returns every Rust file of a module, as path and text.
fn files_of(module: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![source_folder().join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    files
}

/// Returns the modules that a file names: `crate::a::B`, and each of `crate::{a::B, c}`.
fn uses(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let first_word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut modules = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => drop(modules.insert(first_word(rest))),
            Some(list) => modules.extend(top_level(list).iter().map(|item| first_word(item))),
        }
    }
    modules
}

/// Splits `a::{B, C}, d}` at the commas of its own level, up to its closing brace.
fn top_level(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().unwrap().push(c);
    }
    items
}

#[test]
fn each_module_uses_only_what_stands_above_it() {
    let mut wrong = Vec::new();
    for (module, allowed) in TABLE {
        for (path, text) in files_of(module) {
            let others = uses(&text).into_iter().filter(|used| used != module);
            let forbidden = others.filter(|used| !allowed.contains(&used.as_str()));
            wrong.extend(forbidden.map(|used| format!("{}: uses crate::{used}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_in_flow_order() {
    for (index, (module, allowed)) in TABLE.iter().enumerate() {
        let above: Vec<&str> = TABLE[..index].iter().map(|(name, _)| *name).collect();
        let below = allowed.iter().find(|used| !above.contains(used));
        assert_eq!(below, None, "{module} uses what stands below it");
    }
}

#[test]
fn the_table_names_every_module_there_is() {
    let folders = fs::read_dir(source_folder()).unwrap().map(|entry| entry.unwrap().path());
    let modules: BTreeSet<String> = folders
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let table: BTreeSet<String> = TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(modules, table);
}

#[test]
fn nothing_in_the_library_switches_a_lint_off_or_leaves_work_undone() {
    let marks = ["#[allow(", "#![allow(", concat!("TO", "DO"), concat!("FIX", "ME")];
    for (module, _) in TABLE {
        for (path, text) in files_of(module) {
            let mark = marks.iter().find(|mark| text.contains(**mark));
            assert_eq!(mark, None, "{}", path.display());
        }
    }
}

#[test]
fn uses_are_read_from_every_form() {
    let text =
        "use crate::{a::{B, C}, d};\nuse crate::e::F;\nlet x = crate::g::h();\n// crate::i\n";
    let found: Vec<String> = uses(text).into_iter().collect();
    assert_eq!(found, ["a", "d", "e", "g"]);
}
