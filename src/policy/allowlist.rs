//! `stanch.toml`: findings that are known and accepted, each with a reason.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use regex_automata::meta::Regex;
use serde::Deserialize;
use toml::Spanned;

use super::review::{Notice, NoticeKind, Suppression, SuppressionKind};
use super::whereabouts::{Whereabouts, resolved};
use crate::finding::{Finding, plain};
use crate::secret::{FingerprintPrefix, Part};
use crate::source::Place;

/// An allowlist may not make a scan slow: no regex over a secret may grow larger than this, compiled.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// The entries of one `stanch.toml`, and the folder they speak for.
#[derive(Debug)]
pub struct Allowlist {
    name: String,
    root: PathBuf,
    entries: Vec<Entry>,
}

/// One `[[allow]]`: a finding that meets every condition it has is suppressed.
#[derive(Debug)]
pub struct Entry {
    line: usize,
    fingerprint: Option<FingerprintPrefix>,
    path: Option<GlobMatcher>,
    pattern: Option<String>,
    value: Option<Regex>,
    reason: String,
    owner: Option<String>,
    expires: Option<Date>,
}

/// Why an allowlist can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct AllowlistError {
    /// Which file.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    allow: Vec<Spanned<FileEntry>>,
    /// Who responds and how fast: read by whoever keeps the record.
    #[serde(default, rename = "incident")]
    _incident: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    fingerprint: Option<String>,
    path: Option<String>,
    pattern: Option<String>,
    value: Option<String>,
    reason: String,
    owner: Option<String>,
    expires: Option<toml::Value>,
}

impl Allowlist {
    /// Reads the text of a `stanch.toml`. Its globs are relative to `root`, an absolute folder, and it
    /// speaks for nothing outside it.
    ///
    /// # Errors
    /// Where the text isn't TOML, or has a field or value that can't be.
    pub fn parse(name: &str, root: &Path, text: &str) -> Result<Self, AllowlistError> {
        let wrong = |why: String| AllowlistError { file: name.to_owned(), why };
        let file: File = toml::from_str(text).map_err(|error| wrong(why(&error, text)))?;
        let entry = |entry: Spanned<FileEntry>| {
            let line = 1 + text[..entry.span().start].matches('\n').count();
            Entry::new(line, entry.into_inner())
                .map_err(|why| wrong(format!("the entry at line {line}: {why}")))
        };
        let entries = file.allow.into_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), root: resolved(root), entries })
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Tells whether an entry speaks of a finding at a place, expired or not.
    pub(super) fn applies(
        &self,
        entry: &Entry,
        finding: &Finding,
        place: &Place,
        whereabouts: &Whereabouts,
    ) -> bool {
        let path = whereabouts.absolute(place);
        let below = path.as_ref().and_then(|path| path.strip_prefix(&self.root).ok());
        // A message and a stream have no path: entries without a glob speak of them too.
        let is_in_scope = path.is_none() || below.is_some();
        let has_path = |glob: &GlobMatcher| below.is_some_and(|path| glob.is_match(path));
        is_in_scope
            && entry.path.as_ref().is_none_or(has_path)
            && entry.pattern.as_ref().is_none_or(|pattern| *pattern == finding.pattern.id)
            && entry.fingerprint.as_ref().is_none_or(|print| print.matches(&finding.fingerprint))
            && entry.value.as_ref().is_none_or(|value| has_value(finding, value))
    }

    pub(super) fn suppression(&self, entry: &Entry) -> Suppression {
        Suppression {
            kind: SuppressionKind::Allowlist,
            by: self.label(entry),
            reason: plain(&entry.reason),
            owner: entry.owner.as_deref().map(plain),
        }
    }

    pub(super) fn expired(&self, entry: &Entry) -> Notice {
        let day = entry.expires.map(|day| day.to_string()).unwrap_or_default();
        let why = format!("expired on {day}: remove it, or decide anew");
        Notice { kind: NoticeKind::Expired, what: self.label(entry), why: with_owner(why, entry) }
    }

    pub(super) fn unused(&self, entry: &Entry) -> Notice {
        let why = "nothing that was scanned matches it: remove it, or correct it".to_owned();
        Notice { kind: NoticeKind::Unused, what: self.label(entry), why: with_owner(why, entry) }
    }

    fn label(&self, entry: &Entry) -> String {
        format!("{}:{}", plain(&self.name), entry.line)
    }
}

/// Returns what is wrong with the TOML, without the line and the value: either may quote a secret.
fn why(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = 1 + before.matches('\n').count();
    let unquoted = error.message().split('"').step_by(2).collect::<Vec<_>>().join("…");
    format!("line {line}: {unquoted}")
}

fn with_owner(why: String, entry: &Entry) -> String {
    match &entry.owner {
        Some(owner) => format!("{why} (owner: {})", plain(owner)),
        None => why,
    }
}

/// Tells whether a regex matches the secret, or where none of its parts is secret, a public part.
fn has_value(finding: &Finding, value: &Regex) -> bool {
    let has = |part: &Part| match part {
        Part::Secret(secret) => value.is_match(secret.expose()),
        Part::Public(text) => value.is_match(text.as_bytes()),
    };
    let parts = &finding.credential.parts;
    match parts.get(&finding.pattern.secret) {
        Some(part) => has(part),
        None => parts.values().any(has),
    }
}

impl Entry {
    fn new(line: usize, file: FileEntry) -> Result<Self, String> {
        if file.reason.trim().is_empty() {
            return Err("reason: say why it is no leak".to_owned());
        }
        let conditions = [&file.fingerprint, &file.path, &file.pattern, &file.value];
        if conditions.iter().all(|condition| condition.is_none()) {
            let why = "it would allow everything; give it a fingerprint, path, pattern or value";
            return Err(why.to_owned());
        }
        let fingerprint = file.fingerprint.map(|text| text.parse()).transpose();
        Ok(Self {
            line,
            fingerprint: fingerprint.map_err(|error| format!("fingerprint: {error}"))?,
            path: file.path.as_deref().map(glob).transpose()?,
            pattern: file.pattern,
            value: file.value.as_deref().map(regex).transpose()?,
            reason: file.reason,
            owner: file.owner,
            expires: file.expires.map(date).transpose()?,
        })
    }

    /// Tells whether its last day is over.
    pub(super) fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|day| day < today)
    }
}

fn glob(text: &str) -> Result<GlobMatcher, String> {
    let text = text.strip_prefix("./").unwrap_or(text);
    let whole = if text.ends_with('/') { format!("{text}**") } else { text.to_owned() };
    let glob = GlobBuilder::new(&whole).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| format!("path: {error}"))
}

fn regex(text: &str) -> Result<Regex, String> {
    let config = Regex::config().nfa_size_limit(Some(MAX_REGEX_BYTES)).utf8_empty(false);
    let dialect = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
    // The regex may quote a secret, so the message doesn't quote the regex.
    let built = Regex::builder().configure(config).syntax(dialect).build(text);
    built.map_err(|error| match error.size_limit() {
        Some(_) => "value: the regex is too large".to_owned(),
        None => "value: it isn't a regex of Rust's `regex` syntax over bytes".to_owned(),
    })
}

/// Reads `2027-01-31`, quoted or not.
fn date(value: toml::Value) -> Result<Date, String> {
    let text = match value {
        toml::Value::String(text) => text,
        toml::Value::Datetime(date) => date.to_string(),
        _ => String::new(),
    };
    text.parse().map_err(|_| "expires: a date such as 2027-01-31".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Allowlist::parse("stanch.toml", Path::new("/r"), text).unwrap_err().to_string()
    }

    #[test]
    fn says_which_file_and_entry_is_wrong() {
        let unknown = why("[[allow]]\nreasn = 'x'\n");
        assert!(unknown.starts_with("stanch.toml: ") && unknown.contains("reasn"), "{unknown}");
        assert!(why("[[allow]]\npath = 'a'\n").contains("reason"));
        assert!(why("\n[[allow]]\nreason = 'x'\n").contains("line 2: it would allow everything"));
        assert!(why("[[allow]]\nreason = 'x'\npath = 'a[b'\n").contains("path: "));
        assert!(why("[[allow]]\nreason = 'x'\npath = 'a'\nexpires = 'soon'\n").contains("expires"));
        let regex = why("[[allow]]\nreason = 'x'\nvalue = 'hunter2('\n");
        assert!(regex.contains("value: ") && !regex.contains("hunter2"), "{regex}");
    }

    #[test]
    fn an_entry_holds_until_its_day_is_over() {
        let text = "[[allow]]\nreason = 'x'\npath = 'a'\nexpires = 2027-01-31\n";
        let list = Allowlist::parse("stanch.toml", Path::new("/r"), text).unwrap();
        let entry = &list.entries()[0];
        assert!(!entry.is_expired(Date::constant(2027, 1, 31)));
        assert!(entry.is_expired(Date::constant(2027, 2, 1)));
    }

    #[test]
    fn globs_keep_to_their_folder_unless_told_otherwise() {
        let matches = |pattern: &str, path: &str| glob(pattern).unwrap().is_match(path);
        assert!(matches("tests/*.txt", "tests/a.txt") && !matches("tests/*.txt", "tests/b/a.txt"));
        assert!(matches("tests/**", "tests/b/a.txt") && matches("tests/", "tests/b/a.txt"));
        assert!(matches("**/*.pem", "a.pem") && matches("./a.pem", "a.pem"));
    }
}
