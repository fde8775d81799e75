//! One rule as one pattern.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regex_syntax::hir::{Hir, HirKind};

use super::anchors::anchors;
use super::file::{Required, Rule};
use super::translate::translate;
use super::{PROVIDER, quoted};
use crate::pattern::load::MAX_MATCH_BYTES;
use crate::pattern::regex::{compile, parse};

/// The longest match of a regex that has no bound of its own.
const UNBOUNDED_BYTES: usize = 4096;

/// A rule in our format.
pub(super) struct Converted {
    pub(super) id: String,
    /// Its `[[pattern]]`.
    pub(super) text: String,
    /// In what it differs from the rule.
    pub(super) notes: Vec<String>,
}

/// Returns the id that a rule's pattern has.
pub(super) fn pattern_id(rule: &str) -> String {
    let kebab = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("{PROVIDER}-{}", rule.chars().map(kebab).collect::<String>())
}

/// Returns the pattern of a rule, none where the rule only serves others, or why it can't be one.
pub(super) fn convert(
    rule: &Rule,
    others: &BTreeMap<&str, &Rule>,
) -> Result<Option<Converted>, String> {
    let id = rule.id.as_deref().ok_or("it has no id")?;
    if rule.skip_report {
        return Ok(None);
    }
    let Some(regex) = &rule.regex else {
        return Err(match rule.path {
            Some(_) => "it finds files by their path alone; patterns look at content",
            None => "it has no regex: it changes a rule that isn't in this file",
        }
        .to_owned());
    };
    if rule.path.is_some() {
        return Err("it looks in some paths only; patterns look everywhere".to_owned());
    }
    for field in ["filter", "prefilter"] {
        if rule.other.contains_key(field) {
            return Err(format!("its `{field}` is a program; patterns have none"));
        }
    }
    let mut notes = Vec::new();
    let main = own_regex(regex, rule.secret_group, "key", &mut notes)?;
    let anchors = anchors(&main.hir)
        .ok_or("no text of three characters or more is in every match, and keywords elsewhere in a file don't count")?;
    note_keywords(&rule.keywords, &anchors, &mut notes);
    note_fields(rule, &mut notes);
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{name:<11} = {value}");
    };
    let description = rule.description.as_deref().unwrap_or(id);
    line("id", &quoted(&pattern_id(id)));
    line("description", &quoted(description));
    line("regex", &quoted(&main.text));
    line("anchors", &list(&anchors));
    line("severity", "\"high\"");
    line("confidence", "\"medium\"");
    if let Some(entropy) = rule.entropy.filter(|entropy| *entropy > 0.0) {
        line("min_entropy", &format!("{entropy:?}"));
    }
    if let Some(max_bytes) = main.max_bytes {
        line("max_bytes", &max_bytes.to_string());
    }
    line("examples", "[]");
    line("counterexamples", "[]");
    let mut text = format!("\n[[pattern]]\n{text}");
    for required in &rule.required {
        text.push_str(&part(required, others, &mut notes)?);
    }
    Ok(Some(Converted { id: pattern_id(id), text, notes }))
}

/// A regex of our dialect, and what is known of it.
struct OwnRegex {
    text: String,
    hir: Hir,
    /// The bound that must be written, where the regex has none.
    max_bytes: Option<usize>,
}

fn own_regex(
    go: &str,
    group: Option<usize>,
    name: &str,
    notes: &mut Vec<String>,
) -> Result<OwnRegex, String> {
    let translated = translate(go, group, name).map_err(|why| format!("regex: {why}"))?;
    let text = translated.text;
    compile(&text).map_err(|why| format!("regex: {why}"))?;
    let hir = parse(&text)?;
    if group.unwrap_or(0) == 0 && translated.captures > 1 && !always_has(&hir, name) {
        return Err("its secret may be any of several groups; patterns name one".to_owned());
    }
    let max_bytes = match hir.properties().maximum_len() {
        Some(longest) if longest <= MAX_MATCH_BYTES => None,
        Some(_) => Some(MAX_MATCH_BYTES),
        None => Some(UNBOUNDED_BYTES),
    };
    if let Some(max_bytes) = max_bytes {
        notes.push(format!(
            "a match is at most {max_bytes} bytes long; the rule sets no such bound"
        ));
    }
    Ok(OwnRegex { text, hir, max_bytes })
}

/// Tells whether the group of that name takes part in every match.
fn always_has(hir: &Hir, name: &str) -> bool {
    match hir.kind() {
        HirKind::Capture(capture) => {
            capture.name.as_deref() == Some(name) || always_has(&capture.sub, name)
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && always_has(&repetition.sub, name),
        HirKind::Concat(parts) => parts.iter().any(|part| always_has(part, name)),
        HirKind::Alternation(parts) => parts.iter().all(|part| always_has(part, name)),
        _ => false,
    }
}

/// Keywords only make another scanner faster where every match contains one; else they demand more.
fn note_keywords(keywords: &[String], anchors: &[String], notes: &mut Vec<String>) {
    let keywords: Vec<String> = keywords.iter().map(|word| word.to_ascii_lowercase()).collect();
    let has_keyword = |anchor: &String| keywords.iter().any(|word| anchor.contains(word.as_str()));
    if !keywords.is_empty() && !anchors.iter().all(has_keyword) {
        notes.push(format!(
            "found also where none of its keywords ({}) stands in the file",
            keywords.join(", ")
        ));
    }
}

fn note_fields(rule: &Rule, notes: &mut Vec<String>) {
    for field in rule.other.keys().filter(|field| *field != "tags") {
        notes.push(match field.as_str() {
            "tokenEfficiency" => {
                "tokenEfficiency is not asked for; the scanner's own sieve drops words".to_owned()
            }
            "validate" => "`validate` is left out: a scan opens no connection".to_owned(),
            other => format!("`{other}` has no counterpart here"),
        });
    }
}

/// Returns a rule that must match near by, as a part.
fn part(
    required: &Required,
    others: &BTreeMap<&str, &Rule>,
    notes: &mut Vec<String>,
) -> Result<String, String> {
    let id = &required.id;
    let other = others.get(id.as_str());
    let other = other.ok_or_else(|| format!("it needs rule {id}, which isn't in this file"))?;
    let regex =
        other.regex.as_ref().ok_or_else(|| format!("rule {id} that it needs has no regex"))?;
    let lines = required.within_lines.ok_or_else(|| {
        format!("rule {id} may match anywhere in the file; a part stands within so many lines")
    })?;
    if required.within_columns.is_some() {
        notes.push(format!("withinColumns of {id} is not asked for"));
    }
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name = format!("part_{}", id.chars().map(letter).collect::<String>());
    let own = own_regex(regex, other.secret_group, &name, notes)?;
    let max_bytes =
        own.max_bytes.map(|bytes| format!("max_bytes    = {bytes}\n")).unwrap_or_default();
    Ok(format!(
        "[[pattern.part]]\nname         = {}\nregex        = {}\nwithin_lines = {lines}\nrequired     = true\n{max_bytes}",
        quoted(&name),
        quoted(&own.text)
    ))
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}
