//! Examples with gaps, and the random text that fills them.
//!
//! `TOKEN=«key»` has one gap. Filling it draws from the pattern's own group of that name, so an example
//! proves the pattern without a secret, real-looking or not, being stored.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::Rng;
use rand::distr::Distribution;
use regex_syntax::hir::{Hir, HirKind};

use super::{Pattern, regex};

/// An example with its gaps filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The whole text.
    pub text: String,
    /// What was filled in, in the order of the text.
    pub gaps: Vec<Gap>,
}

/// A filled gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The group it is for.
    pub group: String,
    /// Where it stands in the text, in bytes.
    pub span: Range<usize>,
}

/// Why an example can't be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// A gap names no group of the pattern.
    #[error("the example's gap «{gap}» is no group of the pattern; its groups are {groups}")]
    NoSuchGroup {
        /// What the gap names.
        gap: String,
        /// What it could name.
        groups: String,
    },
    /// A gap isn't closed.
    #[error("the example {example:?} opens a gap with « and doesn't close it with »")]
    OpenGap {
        /// The example.
        example: String,
    },
    /// The group matches more than plain text: an edge, an anchor.
    #[error("group {group}: can't draw text from it: {why}")]
    NotDrawable {
        /// The group.
        group: String,
        /// Why.
        why: String,
    },
}

/// A stretch of an example.
enum Piece<'a> {
    Text(&'a str),
    Gap(&'a str),
}

/// Tells whether every gap of an example names one of these groups.
pub(super) fn check_gaps(example: &str, groups: &[String]) -> Result<(), SampleError> {
    for piece in pieces(example)? {
        if let Piece::Gap(gap) = piece
            && !groups.iter().any(|group| group == gap)
        {
            return Err(SampleError::NoSuchGroup {
                gap: gap.to_owned(),
                groups: groups.join(", "),
            });
        }
    }
    Ok(())
}

impl Pattern {
    /// Fills the gaps of an example of this pattern with random text. Gaps of one name get one text.
    ///
    /// # Errors
    /// Where a gap names no group, or nothing can be drawn from it.
    pub fn fill(&self, example: &str, rng: &mut dyn Rng) -> Result<Example, SampleError> {
        let mut samples: BTreeMap<&str, String> = BTreeMap::new();
        let mut filled = Example { text: String::new(), gaps: Vec::new() };
        for piece in pieces(example)? {
            let gap = match piece {
                Piece::Text(text) => {
                    filled.text.push_str(text);
                    continue;
                }
                Piece::Gap(gap) => gap,
            };
            let sample = match samples.get(gap) {
                Some(sample) => sample.clone(),
                None => self.sample(gap, rng)?,
            };
            let start = filled.text.len();
            filled.text.push_str(&sample);
            filled.gaps.push(Gap { group: gap.to_owned(), span: start..filled.text.len() });
            samples.insert(gap, sample);
        }
        Ok(filled)
    }

    /// Draws a random text from the group of that name; the pattern's check completes it.
    ///
    /// # Errors
    /// Where there is no such group, or nothing can be drawn from it.
    pub fn sample(&self, group: &str, rng: &mut dyn Rng) -> Result<String, SampleError> {
        let hir = self.group(group)?;
        let drawable = |why: String| SampleError::NotDrawable { group: group.to_owned(), why };
        let drawer =
            rand_regex::Regex::with_hir(hir, 64).map_err(|error| drawable(error.to_string()))?;
        let bytes: Vec<u8> = drawer.sample(rng);
        let text = String::from_utf8(bytes).map_err(|error| drawable(error.to_string()))?;
        match self.check {
            Some(check) if self.checked_group() == group => Ok(check.complete(&text, rng)),
            _ => Ok(text),
        }
    }

    fn group(&self, name: &str) -> Result<Hir, SampleError> {
        let regexes = std::iter::once(&self.regex).chain(self.parts.iter().map(|part| &part.regex));
        let hirs = regexes.filter_map(|regex| regex::parse(regex.as_str()).ok());
        hirs.into_iter().find_map(|hir| find_group(&hir, name)).ok_or_else(|| {
            let groups = self.groups().join(", ");
            SampleError::NoSuchGroup { gap: name.to_owned(), groups }
        })
    }
}

/// Returns the group of that name.
pub(super) fn find_group(hir: &Hir, name: &str) -> Option<Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some(name) => {
            Some((*capture.sub).clone())
        }
        HirKind::Capture(capture) => find_group(&capture.sub, name),
        HirKind::Repetition(repetition) => find_group(&repetition.sub, name),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|part| find_group(part, name))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

fn pieces(example: &str) -> Result<Vec<Piece<'_>>, SampleError> {
    let mut pieces = Vec::new();
    let mut rest = example;
    while let Some((text, after)) = rest.split_once('«') {
        let (gap, after) = after
            .split_once('»')
            .ok_or_else(|| SampleError::OpenGap { example: example.to_owned() })?;
        pieces.extend([Piece::Text(text), Piece::Gap(gap)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}
