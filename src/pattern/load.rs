//! From the TOML form to patterns: every rule a provider file is held to when it is read.

use std::sync::{Arc, OnceLock};

use regex_syntax::hir::{Hir, HirKind};

use super::file::{File, Part as FilePart, Pattern as FilePattern};
use super::regex::{self, LazyRegex};
use super::sample::check_gaps;
use super::{Part, Pattern, Provider};

/// No match may be longer: a window round an anchor is never wider, so no text is slow to scan.
pub(super) const MAX_MATCH_BYTES: usize = 32 * 1024;
/// A shorter anchor would be hit everywhere.
const MIN_ANCHOR_BYTES: usize = 3;

/// Returns the patterns of one provider file, or what is wrong with it.
pub(super) fn load(name: &str, text: &str) -> Result<Vec<Pattern>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
    let checked = |pattern: &FilePattern, provider: &Provider| {
        check(pattern, provider).map_err(|why| format!("{}: {why}", pattern.id))
    };
    patterns(name, file, checked)
}

/// Returns the patterns of an embedded provider file, given as JSON. Nothing in it is checked anew at
/// every start: the tests do that.
pub(super) fn load_trusted(name: &str, json: &str) -> Result<Vec<Pattern>, String> {
    let file: File = serde_json::from_str(json).map_err(|error| error.to_string())?;
    patterns(name, file, |_, _| Ok(()))
}

fn patterns(
    name: &str,
    file: File,
    check: impl Fn(&FilePattern, &Provider) -> Result<(), String>,
) -> Result<Vec<Pattern>, String> {
    let provider = Arc::new(Provider {
        id: file.provider.id,
        name: file.provider.name,
        class: file.provider.class,
        console: file.provider.console,
        driver: file.provider.driver,
    });
    let checked = |pattern| {
        check(&pattern, &provider)?;
        Ok(pattern_of(name, &provider, pattern))
    };
    file.pattern.into_iter().map(checked).collect()
}

fn pattern_of(file: &str, provider: &Arc<Provider>, p: FilePattern) -> Pattern {
    Pattern {
        id: p.id,
        provider: Arc::clone(provider),
        description: p.description,
        regex: LazyRegex::new(p.regex, p.max_bytes),
        anchors: p.anchors.iter().map(|anchor| anchor.to_ascii_lowercase()).collect(),
        secret: p.secret,
        public: p.public,
        severity: p.severity,
        confidence: p.confidence,
        prefix: p.prefix,
        check: p.check,
        min_entropy: p.min_entropy,
        human: p.human,
        uuid: p.uuid,
        signs: OnceLock::new(),
        overlaps: p.overlaps,
        parts: p.part.into_iter().map(part_of).collect(),
        examples: p.examples,
        counterexamples: p.counterexamples,
        file: file.to_owned(),
    }
}

fn part_of(part: FilePart) -> Part {
    Part {
        name: part.name,
        regex: LazyRegex::new(part.regex, part.max_bytes),
        within_lines: part.within_lines,
        required: part.required,
    }
}

/// Holds a pattern to every rule.
fn check(p: &FilePattern, provider: &Provider) -> Result<(), String> {
    check_id(&p.id, &provider.id)?;
    check_anchors(&p.anchors)?;
    let mut groups = check_regex(&p.regex, p.max_bytes)?;
    for part in &p.part {
        let own = check_regex(&part.regex, part.max_bytes)?;
        if !own.contains(&part.name) {
            return Err(format!("the regex of part `{0}` has no group named `{0}`", part.name));
        }
        groups.extend(own);
    }
    for group in p.public.iter().chain([&p.secret]) {
        if !groups.contains(group) {
            return Err(format!("no regex has a group named `{group}`"));
        }
    }
    let mut examples = p.examples.iter().chain(&p.counterexamples);
    examples.try_for_each(|example| check_gaps(example, &groups)).map_err(|e| e.to_string())
}

/// Returns the names of a regex's groups. It is compiled, to learn now whether it is too large.
fn check_regex(text: &str, max_bytes: Option<usize>) -> Result<Vec<String>, String> {
    let wrong = |error| format!("regex: {error}");
    let hir = regex::parse(text).map_err(wrong)?;
    let longest = max_bytes
        .or(hir.properties().maximum_len())
        .ok_or("regex: a match has no bounded length; bound every repetition or give max_bytes")?;
    if longest > MAX_MATCH_BYTES {
        return Err(format!("a match may be {longest} bytes long; at most {MAX_MATCH_BYTES}"));
    }
    regex::compile(text).map_err(wrong)?;
    Ok(groups_of(&hir))
}

fn check_id(id: &str, provider: &str) -> Result<(), String> {
    let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match id.chars().all(is_kebab) && id.starts_with(provider) {
        true => Ok(()),
        false => Err(format!("an id is kebab-case and begins with the provider's, `{provider}`")),
    }
}

fn check_anchors(anchors: &[String]) -> Result<(), String> {
    if anchors.is_empty() {
        return Err("anchors: at least one literal that every match contains".to_owned());
    }
    match anchors.iter().find(|anchor| anchor.len() < MIN_ANCHOR_BYTES || !anchor.is_ascii()) {
        Some(anchor) => Err(format!("anchor `{anchor}`: at least three characters, all ASCII")),
        None => Ok(()),
    }
}

/// Returns the names of the groups, in order.
fn groups_of(hir: &Hir) -> Vec<String> {
    match hir.kind() {
        HirKind::Capture(capture) => {
            let own = capture.name.iter().map(|name| name.to_string());
            own.chain(groups_of(&capture.sub)).collect()
        }
        HirKind::Repetition(repetition) => groups_of(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().flat_map(groups_of).collect()
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => Vec::new(),
    }
}
