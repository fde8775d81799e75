//! The second stage: one pattern's regex in a window round one of its anchors, and the parts near by.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input};

use super::lines;
use super::pairing::{self, MAX_PART_DISTANCE_BYTES};
use crate::pattern::{LazyRegex, Part, Pattern, PatternSet};
use crate::secret::{self, Credential, Secret};
use crate::source::CELL_BYTES;

/// A place where a pattern matched.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) pattern: Arc<Pattern>,
    /// Where the secret stands.
    pub(super) span: Range<usize>,
    /// Where every captured group stands.
    pub(super) parts: BTreeMap<String, Range<usize>>,
}

impl Candidate {
    /// Returns where its secret parts stand.
    pub(super) fn secret_spans(&self) -> impl Iterator<Item = Range<usize>> {
        let is_secret = |(name, _): &(&String, _)| !self.pattern.is_public(name);
        let spans = self.parts.iter().filter(is_secret).map(|(_, span)| span.clone());
        spans.chain([self.span.clone()])
    }

    /// Returns the credential it captured.
    pub(super) fn credential(&self, bytes: &[u8]) -> Credential {
        let part = |(name, span): (&String, &Range<usize>)| {
            let bytes = &bytes[span.clone()];
            let part = match self.pattern.is_public(name) {
                true => secret::Part::Public(String::from_utf8_lossy(bytes).into_owned()),
                false => secret::Part::Secret(Secret::new(bytes)),
            };
            (name.clone(), part)
        };
        Credential {
            pattern: self.pattern.id.clone(),
            provider: self.pattern.provider.id.clone(),
            parts: self.parts.iter().map(part).collect(),
        }
    }
}

/// Returns every candidate of these matches, each with the index of its pattern, in the order of the
/// text.
pub(super) fn complete<'a>(
    set: &PatternSet,
    bytes: &[u8],
    matches: impl Iterator<Item = (usize, &'a Groups)>,
) -> Vec<Candidate> {
    let mut by_pattern: BTreeMap<usize, Vec<Groups>> = BTreeMap::new();
    matches.for_each(|(pattern, groups)| {
        by_pattern.entry(pattern).or_default().push(groups.clone());
    });
    let mut candidates: Vec<Candidate> = Vec::new();
    for (index, mut found) in by_pattern {
        found.sort_by_key(|groups| (groups.whole.start, groups.whole.end));
        // What one match has captured is no part of the next. Only within a cell: a chain of matches
        // must not reach from one window into another.
        found.dedup_by(|next, last| {
            next.cell() == last.cell() && next.captured().start < last.captured().end
        });
        candidates.extend(pairing::with_parts(&set.patterns()[index], bytes, found));
    }
    candidates.sort_by(|a, b| (a.span.start, &a.pattern.id).cmp(&(b.span.start, &b.pattern.id)));
    candidates
}

/// Returns the matches of a pattern that contain one of its anchors, whatever its parts.
pub(super) fn matches_round(pattern: &Pattern, bytes: &[u8], anchor: &Range<usize>) -> Vec<Groups> {
    search_round(pattern, bytes, anchor.clone())
}

/// Where a regex matched, and its named groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) whole: Range<usize>,
    pub(super) named: BTreeMap<String, Range<usize>>,
}

impl Groups {
    /// Returns the same groups in a text where what stood at `from` stands at `to`.
    pub(super) fn moved(&self, from: usize, to: usize) -> Self {
        let moved = |range: &Range<usize>| range.start + to - from..range.end + to - from;
        let named = self.named.iter().map(|(name, range)| (name.clone(), moved(range)));
        Self { whole: moved(&self.whole), named: named.collect() }
    }

    /// Returns the number of the cell it begins in.
    pub(super) fn cell(&self) -> usize {
        self.whole.start / CELL_BYTES
    }

    /// Returns the stretch from the first captured byte to the last.
    fn captured(&self) -> Range<usize> {
        let start = self.named.values().map(|group| group.start).min();
        let end = self.named.values().map(|group| group.end).max();
        start.unwrap_or(self.whole.start)..end.unwrap_or(self.whole.end)
    }
}

/// Returns the name of the first required part that is nowhere near a match.
pub(super) fn missing_part<'a>(
    pattern: &'a Pattern,
    bytes: &[u8],
    found: &Groups,
) -> Option<&'a str> {
    let is_missing = |part: &&Part| {
        let near = lines::around(bytes, &found.whole, part.within_lines, MAX_PART_DISTANCE_BYTES);
        part.required && matches_in(&part.regex, bytes, near).next().is_none()
    };
    pattern.parts.iter().find(is_missing).map(|part| part.name.as_str())
}

pub(super) fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Returns how far from an anchor of that length, either way, a match that contains it may reach.
pub(super) fn reach(pattern: &Pattern, anchor_length: usize) -> usize {
    pattern.regex.max_bytes().saturating_sub(anchor_length)
}

/// Returns the matches of the pattern that contain the anchor, where it is the one they can't do without: a
/// match that has the same word elsewhere, too, is found round the other.
///
/// They depend on nothing but the bytes within `reach` of the anchor, one more byte on either side, and
/// whether the text begins or ends there: so the work is bounded whatever the text, and what was found
/// in one blob stands in every other that has the same bytes there.
pub(super) fn search_round(pattern: &Pattern, bytes: &[u8], anchor: Range<usize>) -> Vec<Groups> {
    let reach = reach(pattern, anchor.len());
    let window = anchor.start.saturating_sub(reach)..(anchor.end + reach).min(bytes.len());
    let Some(openings) = pattern.openings(&bytes[anchor.clone()]) else {
        if !pattern.may_hold(&bytes[..window.end], anchor.end) {
            return Vec::new();
        }
        let matches = matches_in(&pattern.regex, bytes, window);
        let mut matches = matches.take_while(|groups| groups.whole.start <= anchor.start);
        return matches.find(|groups| contains(&groups.whole, &anchor)).into_iter().collect();
    };
    let starts = openings.iter().filter_map(|opening| opening.start(bytes, anchor.start));
    let is_possible = |start: &usize| window.contains(start) && pattern.may_begin(bytes, *start);
    let matches = starts.filter(is_possible).filter_map(|start| {
        let input = Input::new(bytes).span(start..window.end).anchored(Anchored::Yes);
        match_of(&pattern.regex, &input)
    });
    matches.collect()
}

/// Returns the matches of a regex in a window, whose edges look beyond it.
pub(super) fn matches_in<'a>(
    regex: &'a LazyRegex,
    bytes: &'a [u8],
    window: Range<usize>,
) -> impl Iterator<Item = Groups> + 'a {
    let mut start = window.start;
    std::iter::from_fn(move || {
        let groups = match_of(regex, &Input::new(bytes).span(start.min(window.end)..window.end))?;
        start = groups.whole.end.max(start + 1);
        Some(groups)
    })
}

fn match_of(regex: &LazyRegex, input: &Input<'_>) -> Option<Groups> {
    let compiled = regex.get();
    // Most searches find nothing, and learn it without the room for groups.
    compiled.search_half(input)?;
    let mut captures = compiled.create_captures();
    compiled.search_captures(input, &mut captures);
    let whole = captures.get_match()?.range();
    Some(Groups { named: named_groups(regex, &captures), whole })
}

fn named_groups(regex: &LazyRegex, captures: &Captures) -> BTreeMap<String, Range<usize>> {
    let group = |name: &str| Some((name.to_owned(), captures.get_group_by_name(name)?.range()));
    regex.groups().filter_map(group).collect()
}
