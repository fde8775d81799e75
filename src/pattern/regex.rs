//! The regex dialect of provider files: bytes, not Unicode, so that a match costs the same in any text.

use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_syntax::hir::Hir;

use super::opening::{Opening, openings};
use super::required::{RequiredByte, required_behind, required_byte};

/// A regex that is compiled when it is first needed: most scans need few of them.
#[derive(Debug)]
pub struct LazyRegex {
    text: String,
    declared_longest: Option<usize>,
    longest: OnceLock<usize>,
    openings: OnceLock<Option<Vec<Vec<Opening>>>>,
    required: OnceLock<Option<RequiredByte>>,
    required_behind: OnceLock<Option<RequiredByte>>,
    compiled: OnceLock<Regex>,
}

impl LazyRegex {
    /// Wraps the text of a regex, with the length of its longest match where its file gives one.
    pub(super) fn new(text: String, declared_longest: Option<usize>) -> Self {
        Self {
            text,
            declared_longest,
            longest: OnceLock::new(),
            openings: OnceLock::new(),
            required: OnceLock::new(),
            required_behind: OnceLock::new(),
            compiled: OnceLock::new(),
        }
    }

    /// Returns the length of its longest match, in bytes.
    pub fn max_bytes(&self) -> usize {
        let of_text = || parse(&self.text).ok()?.properties().maximum_len();
        *self.longest.get_or_init(|| {
            let longest = self.declared_longest.or_else(of_text);
            longest.expect("every regex is checked to have one: see `get`")
        })
    }

    /// Returns how the matches begin that hold the anchor of that index, or `None` where it may stand
    /// anywhere in them. The anchors are always those of its pattern.
    pub(super) fn openings(&self, anchors: &[String], anchor: usize) -> Option<&[Opening]> {
        let openings = || openings(&parse(&self.text).ok()?, anchors);
        let openings = self.openings.get_or_init(openings).as_ref()?;
        openings.get(anchor).map(Vec::as_slice)
    }

    /// Returns all that it is made of.
    pub(super) fn identity(&self) -> (&str, Option<usize>) {
        (&self.text, self.declared_longest)
    }

    /// Returns whether a match may begin at an offset, as far as the byte says that every match has.
    pub(super) fn may_begin(&self, anchors: &[String], bytes: &[u8], start: usize) -> bool {
        let required = || required_byte(&parse(&self.text).ok()?, anchors);
        self.required.get_or_init(required).is_none_or(|required| required.stands(bytes, start))
    }

    /// Returns whether a match may have its anchor end at an offset, as far as the byte says that every match
    /// has behind it.
    pub(super) fn may_hold(&self, anchors: &[String], bytes: &[u8], anchor_end: usize) -> bool {
        let required = || required_behind(&parse(&self.text).ok()?, anchors);
        let required = self.required_behind.get_or_init(required);
        required.is_none_or(|required| required.stands(bytes, anchor_end))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the compiled regex.
    pub fn get(&self) -> &Regex {
        let compiled = || compile(&self.text);
        self.compiled.get_or_init(|| {
            compiled()
                .expect("files from outside are compiled when read, embedded ones in the tests")
        })
    }

    /// Returns the names of its groups, in order.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let names = self.get().group_info().pattern_names(regex_automata::PatternID::ZERO);
        names.flatten()
    }
}

/// Parses a regex of the dialect.
pub(super) fn parse(text: &str) -> Result<Hir, String> {
    let parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    { parser }.parse(text).map_err(|error| error.to_string())
}

/// Compiles a regex of the dialect.
pub(super) fn compile(text: &str) -> Result<Regex, String> {
    let dialect = syntax::Config::new().unicode(false).utf8(false);
    let config = Regex::config().utf8_empty(false);
    Regex::builder().configure(config).syntax(dialect).build(text).map_err(|error| {
        error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string)
    })
}
