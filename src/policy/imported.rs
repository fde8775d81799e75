//! Allowlists of other scanners, as entries of a `stanch.toml`.

use crate::pattern::import::{Allowance, LeftOut, quoted};

/// Returns the text of a `stanch.toml` with these allowances, and those it can't say.
pub fn allowlist_text(allowances: &[Allowance]) -> (String, Vec<LeftOut>) {
    let (mut text, mut left_out) = (String::new(), Vec::new());
    for allowance in allowances {
        let globs = match &allowance.path {
            None => vec![None],
            Some(regex) => match globs_of(regex) {
                Some(globs) => globs.into_iter().map(Some).collect(),
                None => {
                    let why = "paths are globs here, and this regex is more than one can say";
                    left_out.push(LeftOut::new(format!("allowed path {regex}"), why));
                    continue;
                }
            },
        };
        for glob in globs {
            let fields = [
                ("path", &glob),
                ("pattern", &allowance.pattern),
                ("value", &allowance.value),
                ("reason", &Some(allowance.reason.clone())),
            ];
            text.push_str("[[allow]]\n");
            for (name, value) in fields {
                if let Some(value) = value {
                    text.push_str(&format!("{name:<7} = {}\n", quoted(value)));
                }
            }
            text.push('\n');
        }
    }
    (text, left_out)
}

/// Returns globs that match the paths a simple regex matches, or `None` where it isn't simple: literals,
/// `.*`, `^`, `$`, and groups of literal alternatives.
fn globs_of(regex: &str) -> Option<Vec<String>> {
    let (regex, from_start) = match regex.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (regex, false),
    };
    let (regex, to_end) = match regex.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => (rest, true),
        _ => (regex, false),
    };
    // `(^|/)name` and `(.*?)name` begin where a name or anything does.
    let folder = ["(^|/)", "(?:^|/)", "(^|\\/)", "(?:^|\\/)"];
    let (regex, at_name) = match folder.iter().find_map(|open| regex.strip_prefix(open)) {
        Some(rest) => (rest, true),
        None => (regex, false),
    };
    let anything = [".*?", ".*", "(.*?)", "(.*)", "(?:.*)", "(?:.*?)"];
    let (regex, from_start) = match anything.iter().find_map(|open| regex.strip_prefix(open)) {
        Some(rest) => (rest, false),
        None => (regex, from_start),
    };
    let (regex, to_end) = match anything.iter().find_map(|close| regex.strip_suffix(close)) {
        Some(rest) => (rest, false),
        None => (regex, to_end),
    };
    let middle = glob_of_middle(regex)?;
    let starts = match (from_start, at_name) {
        (true, false) => vec![String::new()],
        (_, true) => vec!["**/".to_owned()],
        // Anywhere: within a name, or within the name of a folder.
        (false, false) => vec!["**/*".to_owned()],
    };
    let starts =
        if middle.starts_with('/') && !from_start { vec!["**".to_owned()] } else { starts };
    let ends: &[&str] = match (to_end, middle.ends_with('/')) {
        (true, _) => &[""],
        (false, true) => &["**"],
        (false, false) => &["*", "*/**"],
    };
    let join =
        |start: &String| ends.iter().map(|end| format!("{start}{middle}{end}")).collect::<Vec<_>>();
    Some(starts.iter().flat_map(join).collect())
}

/// Returns the literal part of a path's regex as a glob.
fn glob_of_middle(regex: &str) -> Option<String> {
    let mut glob = String::new();
    let mut depth = 0;
    let mut rest = regex;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '\\' => {
                let escaped = rest.chars().nth(1)?;
                // `\d` and the like are classes.
                if escaped.is_ascii_alphanumeric() || "*?[]{}!\\".contains(escaped) {
                    return None;
                }
                glob.push(escaped);
                taken += escaped.len_utf8();
            }
            '(' if depth == 0 => {
                depth = 1;
                glob.push('{');
                if rest.starts_with("(?:") {
                    taken = 3;
                }
            }
            ')' if depth == 1 => {
                depth = 0;
                glob.push('}');
                // A group that may be missing or repeated is more than a glob can say.
                if rest[1..].starts_with(['?', '*', '+', '{']) {
                    return None;
                }
            }
            '|' if depth == 1 => glob.push(','),
            // A bare dot is written for a dot; it matches one more character than that, once in a while.
            '.' if !rest[1..].starts_with(['*', '+', '?', '{']) => glob.push('.'),
            c if c.is_ascii_alphanumeric() || "-_/ @~=".contains(c) => {
                if rest[c.len_utf8()..].starts_with(['?', '*', '+', '{']) {
                    return None;
                }
                glob.push(c);
            }
            _ => return None,
        }
        rest = &rest[taken..];
    }
    (depth == 0 && !glob.is_empty()).then_some(glob)
}

#[cfg(test)]
mod tests {
    use super::*;
    use globset::GlobBuilder;

    fn matches(regex: &str, path: &str) -> bool {
        let globs = globs_of(regex).unwrap_or_else(|| panic!("{regex} has no glob"));
        globs.iter().any(|glob| {
            let glob = GlobBuilder::new(glob).literal_separator(true).build().unwrap();
            glob.compile_matcher().is_match(path)
        })
    }

    #[test]
    fn a_glob_matches_what_its_regex_matches() {
        let paths = [
            "go.sum",
            "sub/go.sum",
            "go.sum.bak",
            "vendor/a/b.go",
            "a/vendor/b",
            "avendor",
            "x.png",
            "a/b/x.png",
            "x.pngs",
            "src/x_test.go",
            "docs/readme.md",
            "deep/docs/a",
            "package-lock.json",
        ];
        for regex in [
            r"go\.sum",
            r"go\.sum$",
            r"^go\.sum$",
            r"^vendor/",
            "vendor/",
            r"(^|/)vendor/.*",
            r"(.*?)(png|jpg)$",
            r"\.png$",
            r".*_test\.go$",
            "docs",
            r"^docs/.*\.md$",
            r"package-lock\.json",
        ] {
            let Some(_) = globs_of(regex) else { continue };
            let compiled = regex_automata::meta::Regex::new(regex).unwrap();
            for path in paths {
                assert_eq!(matches(regex, path), compiled.is_match(path), "{regex} on {path}");
            }
        }
    }

    #[test]
    fn what_a_glob_can_t_say_is_none() {
        for regex in [r"\d+\.txt", "[a-z]/x", "a+b", "(a|b)?c", "a|b", "", r"a\*b"] {
            assert_eq!(globs_of(regex), None, "{regex}");
        }
    }
}
