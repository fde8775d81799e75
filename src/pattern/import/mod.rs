//! Rule files of gitleaks and betterleaks, as provider files.
//!
//! Takes the text of a rule file; gives a provider file in our format, what its allowlists say, and a
//! list of everything that can't be said in our format, each with the reason. The format is the one that
//! the README of either project documents.

mod anchors;
mod file;
mod rule;
mod translate;

use std::collections::BTreeMap;

use file::{Allowlist, File};

pub use translate::translate_value;

/// The provider that imported patterns belong to.
pub const PROVIDER: &str = "imported";

/// What came of a rule file.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// A provider file with every rule that could be expressed; empty where none could.
    pub provider_file: String,
    /// How many patterns it has.
    pub patterns: usize,
    /// What its allowlists say.
    pub allowances: Vec<Allowance>,
    /// What could not be expressed, or only nearly.
    pub left_out: Vec<LeftOut>,
    /// Whether the file builds upon the scanner's own rules.
    pub extends_default: bool,
}

/// One condition under which a finding is allowed: all of its fields hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// The pattern it is about, or every one.
    pub pattern: Option<String>,
    /// A regex, in Go's syntax, that the path matches.
    pub path: Option<String>,
    /// A regex of our dialect that the secret matches.
    pub value: Option<String>,
    /// Why.
    pub reason: String,
}

/// Something of a rule file that is not, or not wholly, in what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which rule or table.
    pub what: String,
    /// Why, and what is the difference.
    pub why: String,
}

impl LeftOut {
    /// Returns a note that `what` is not expressed, or differs.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

/// Reads a rule file. `name` is what reasons call it.
///
/// # Errors
/// Where the text isn't a rule file at all.
pub fn import(name: &str, text: &str) -> Result<Imported, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
    let mut imported = Imported::default();
    imported.extend(&file);
    for (field, _) in file.other.iter().filter(|(field, _)| !is_harmless(field)) {
        imported.left_out.push(LeftOut::new(format!("`{field}`"), "it has no counterpart here"));
    }
    let by_id: BTreeMap<&str, &file::Rule> =
        file.rules.iter().filter_map(|rule| Some((rule.id.as_deref()?, rule))).collect();
    let mut patterns = String::new();
    for (number, rule) in file.rules.iter().enumerate() {
        let what = match &rule.id {
            Some(id) => format!("rule {id}"),
            None => format!("rule {}", number + 1),
        };
        match rule::convert(rule, &by_id) {
            Ok(Some(converted)) => {
                let notes = converted.notes.into_iter();
                imported.left_out.extend(notes.map(|why| LeftOut::new(what.clone(), why)));
                patterns.push_str(&converted.text);
                imported.patterns += 1;
                for list in rule.allowlist.iter().chain(&rule.allowlists) {
                    imported.allow(name, &what, list, std::slice::from_ref(&converted.id));
                }
            }
            Ok(None) => {}
            Err(why) => imported.left_out.push(LeftOut::new(what, why)),
        }
    }
    for list in file.allowlist.iter().chain(&file.allowlists) {
        let targets: Vec<String> =
            list.target_rules.iter().map(|id| rule::pattern_id(id)).collect();
        imported.allow(name, "the global allowlist", list, &targets);
    }
    if imported.patterns > 0 {
        imported.provider_file = format!("{}{patterns}", header(name));
    }
    Ok(imported)
}

fn is_harmless(field: &str) -> bool {
    matches!(field, "title" | "description" | "minVersion")
}

fn header(name: &str) -> String {
    let comment: String = name.chars().filter(|c| !c.is_control()).collect();
    format!(
        "# Imported from {comment}. Give each pattern a provider, a sentence that says what its holder\n\
         # can do, examples and counterexamples; then `stanch patterns test` proves them.\n\
         [provider]\nid      = \"{PROVIDER}\"\nname    = \"Imported\"\nclass   = \"{PROVIDER}\"\n\
         console = \"the console of whoever issued it\"\n"
    )
}

impl Imported {
    fn extend(&mut self, file: &File) {
        let Some(extend) = &file.extend else { return };
        self.extends_default = extend.use_default.unwrap_or(false);
        if let Some(path) = &extend.path {
            let why = "a file that another one names is not read; import it by itself";
            self.left_out.push(LeftOut::new(format!("the file {path} it extends"), why));
        }
        if !extend.disabled_rules.is_empty() {
            let what = format!("disabledRules {}", extend.disabled_rules.join(", "));
            let why = "they are another scanner's names; allow our pattern in stanch.toml instead";
            self.left_out.push(LeftOut::new(what, why));
        }
    }

    /// Adds what an allowlist says of these patterns, or of all where none is named.
    fn allow(&mut self, name: &str, what: &str, list: &Allowlist, patterns: &[String]) {
        let reason = list.description.clone().unwrap_or_else(|| format!("imported from {name}"));
        let is_and = list
            .condition
            .as_deref()
            .is_some_and(|word| word.eq_ignore_ascii_case("and") || word == "&&");
        let (values, notes) = values(list);
        let mut left_out: Vec<String> = notes;
        if !list.commits.is_empty() {
            left_out.push("commits can't be allowed; allow what they hold".to_owned());
        }
        // What can't be expressed in a conjunction would make it allow more.
        let conditions: Vec<(Option<String>, Option<String>)> = match is_and {
            true if !left_out.is_empty() => Vec::new(),
            true => combinations(&list.paths, &values),
            false => {
                let paths = list.paths.iter().map(|path| (Some(path.clone()), None));
                paths.chain(values.iter().map(|value| (None, Some(value.clone())))).collect()
            }
        };
        let each: Vec<Option<String>> = match patterns.is_empty() {
            true => vec![None],
            false => patterns.iter().cloned().map(Some).collect(),
        };
        for pattern in each {
            for (path, value) in &conditions {
                let (path, value) = (path.clone(), value.clone());
                let (pattern, reason) = (pattern.clone(), reason.clone());
                self.allowances.push(Allowance { pattern, path, value, reason });
            }
        }
        let left_out = left_out.into_iter();
        self.left_out.extend(left_out.map(|why| LeftOut::new(format!("{what}, allowlist"), why)));
    }
}

/// Returns the regexes over the secret that an allowlist has, and what it has that is none.
fn values(list: &Allowlist) -> (Vec<String>, Vec<String>) {
    let (mut values, mut notes) = (Vec::new(), Vec::new());
    match list.regex_target.as_deref() {
        None | Some("secret") => {
            for regex in &list.regexes {
                match translate_value(regex) {
                    Ok(value) => values.push(value),
                    Err(why) => notes.push(format!("a regex isn't one of ours: {why}")),
                }
            }
        }
        Some(target) if !list.regexes.is_empty() => notes
            .push(format!("its regexes look at the whole {target}; ours look at the secret alone")),
        Some(_) => {}
    }
    if !list.stopwords.is_empty() {
        let words: Vec<String> =
            list.stopwords.iter().map(|word| regex_syntax::escape(word)).collect();
        values.push(format!("(?i)(?:{})", words.join("|")));
    }
    (values, notes)
}

/// Returns every pair of a path and a value; one kind alone where the other has none.
fn combinations(paths: &[String], values: &[String]) -> Vec<(Option<String>, Option<String>)> {
    let optional = |list: &[String]| -> Vec<Option<String>> {
        match list.is_empty() {
            true => vec![None],
            false => list.iter().cloned().map(Some).collect(),
        }
    };
    let (paths, values) = (optional(paths), optional(values));
    let pairs = paths.iter().flat_map(|path| values.iter().map(|v| (path.clone(), v.clone())));
    pairs.filter(|(path, value)| path.is_some() || value.is_some()).collect()
}

/// Returns text as a TOML string.
pub fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}
