//! From the TOML form to patterns: every rule a provider file is held to when it is read.

use std::sync::Arc;

use regex_syntax::hir::{Hir, HirKind};

use super::file::{File, Part as FilePart, Pattern as FilePattern};
use super::regex::{self, LazyRegex};
use super::sample::{check_gaps, find_group};
use super::{Part, Pattern, Provider, Signs};

/// No match may be longer: a window round an anchor is never wider, so no text is slow to scan.
pub(super) const MAX_MATCH_BYTES: usize = 32 * 1024;
/// A shorter anchor would be hit everywhere.
const MIN_ANCHOR_BYTES: usize = 3;

/// Returns the patterns of one file, or what is wrong with it.
///
/// `is_trusted` spares the compilation of every regex: the tests compile those of the embedded files.
pub(super) fn load(name: &str, text: &str, is_trusted: bool) -> Result<Vec<Pattern>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
    let provider = Arc::new(Provider {
        id: file.provider.id,
        name: file.provider.name,
        class: file.provider.class,
        console: file.provider.console,
        driver: file.provider.driver,
    });
    let named = |pattern: FilePattern| {
        let id = pattern.id.clone();
        load_pattern(name, &provider, pattern)
            .and_then(|pattern| if is_trusted { Ok(pattern) } else { compiled(pattern) })
            .map_err(|why| format!("{id}: {why}"))
    };
    file.pattern.into_iter().map(named).collect()
}

fn load_pattern(file: &str, provider: &Arc<Provider>, p: FilePattern) -> Result<Pattern, String> {
    check_id(&p.id, &provider.id)?;
    check_anchors(&p.anchors)?;
    let hir = parse(&p.regex)?;
    let max_bytes = longest_match(&hir, p.max_bytes)?;
    let parts = p.part.into_iter().map(load_part).collect::<Result<Vec<_>, _>>()?;
    let mut groups = groups_of(&hir);
    groups.extend(parts.iter().flat_map(|(_, groups)| groups.iter().cloned()));
    for group in p.public.iter().chain([&p.secret]) {
        if !groups.contains(group) {
            return Err(format!("no regex has a group named `{group}`"));
        }
    }
    let of_part = |(part, _): &(Part, _)| find_group(&parse(part.regex.as_str()).ok()?, &p.secret);
    let secret_group = find_group(&hir, &p.secret).or_else(|| parts.iter().find_map(of_part));
    let signs = secret_group.map(|group| Signs::of(&group, p.prefix)).unwrap_or_default();
    let mut examples = p.examples.iter().chain(&p.counterexamples);
    examples.try_for_each(|example| check_gaps(example, &groups)).map_err(|e| e.to_string())?;
    Ok(Pattern {
        id: p.id,
        provider: Arc::clone(provider),
        description: p.description,
        regex: LazyRegex::new(p.regex),
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
        signs,
        max_bytes,
        overlaps: p.overlaps,
        parts: parts.into_iter().map(|(part, _)| part).collect(),
        examples: p.examples,
        counterexamples: p.counterexamples,
        file: file.to_owned(),
    })
}

/// Returns the part and the names of its regex's groups.
fn load_part(part: FilePart) -> Result<(Part, Vec<String>), String> {
    let hir = parse(&part.regex)?;
    let groups = groups_of(&hir);
    if !groups.contains(&part.name) {
        return Err(format!("the regex of part `{0}` has no group named `{0}`", part.name));
    }
    let part = Part {
        max_bytes: longest_match(&hir, part.max_bytes)?,
        name: part.name,
        regex: LazyRegex::new(part.regex),
        within_lines: part.within_lines,
        required: part.required,
    };
    Ok((part, groups))
}

/// Compiles the regexes now, to learn now whether one is too large.
fn compiled(pattern: Pattern) -> Result<Pattern, String> {
    let parts = pattern.parts.iter().map(|part| &part.regex);
    for regex in std::iter::once(&pattern.regex).chain(parts) {
        regex::compile(regex.as_str()).map_err(|error| format!("regex: {error}"))?;
    }
    Ok(pattern)
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

fn parse(regex: &str) -> Result<Hir, String> {
    regex::parse(regex).map_err(|error| format!("regex: {error}"))
}

fn longest_match(hir: &Hir, declared: Option<usize>) -> Result<usize, String> {
    let longest = declared
        .or(hir.properties().maximum_len())
        .ok_or("regex: a match has no bounded length; bound every repetition or give max_bytes")?;
    match longest <= MAX_MATCH_BYTES {
        true => Ok(longest),
        false => Err(format!("a match may be {longest} bytes long; at most {MAX_MATCH_BYTES}")),
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
