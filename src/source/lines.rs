//! Which lines of a text are not in an earlier version of it.
//!
//! Lines that stand equally often in both are paired in their order, the longest rising run of the pairs
//! is kept, and what lies between is compared again. What is not paired is new: where this finds fewer
//! pairs than there could be, more is scanned and nothing is missed.

use std::collections::HashMap;
use std::ops::Range;

/// How often what lies between pairs is compared again. Real texts need a few times.
const MAX_ROUNDS: usize = 32;
/// How much of a file is looked at to tell whether it is text.
const HEAD_OF_TEXT: usize = 8000;

/// Returns where the new lines of a text are, in bytes, those next to each other joined: the lines that
/// are in none of the earlier versions at that place.
pub(super) fn new_lines(new: &[u8], earlier: &[&[u8]]) -> Vec<Range<usize>> {
    let mut numbers = HashMap::new();
    let lines = lines(new);
    let numbered = number(new, &lines, &mut numbers);
    let mut is_new = vec![true; lines.len()];
    for old in earlier {
        let old = number(old, &self::lines(old), &mut numbers);
        for line in kept(&old, &numbered) {
            is_new[line] = false;
        }
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    for (line, _) in lines.into_iter().zip(is_new).filter(|(_, is_new)| *is_new) {
        match found.last_mut() {
            Some(last) if last.end == line.start => last.end = line.end,
            _ => found.push(line),
        }
    }
    found
}

/// Returns whether something is no text, as git tells it: there is a zero in its first bytes.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(HEAD_OF_TEXT)].contains(&0)
}

/// Returns how many lines of a text are in an earlier version, and how many it has.
pub(super) fn shared(new: &[u8], old: &[u8]) -> (usize, usize) {
    let mut numbers = HashMap::new();
    let new = number(new, &lines(new), &mut numbers);
    let old = number(old, &lines(old), &mut numbers);
    (kept(&old, &new).len(), new.len())
}

/// Returns where each line is, with the newline at its end.
fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text).map(|at| at + 1).chain([text.len()]);
    let lines = ends.map(|end| std::mem::replace(&mut start, end)..end);
    lines.filter(|line| !line.is_empty()).collect()
}

/// Returns a number for each line, the same for the same text. A newline that is missing at the end of the
/// file makes no difference.
fn number<'a>(
    text: &'a [u8],
    lines: &[Range<usize>],
    numbers: &mut HashMap<&'a [u8], usize>,
) -> Vec<usize> {
    let line = |line: &Range<usize>| {
        let line = &text[line.clone()];
        let next = numbers.len();
        *numbers.entry(line.strip_suffix(b"\n").unwrap_or(line)).or_insert(next)
    };
    lines.iter().map(line).collect()
}

/// Two stretches that lie between the same pairs.
struct Gap {
    old: Range<usize>,
    new: Range<usize>,
    round: usize,
}

/// Returns the lines of `new` that are paired with a line of `old`.
fn kept(old: &[usize], new: &[usize]) -> Vec<usize> {
    let mut kept = Vec::new();
    let mut waiting = vec![Gap { old: 0..old.len(), new: 0..new.len(), round: 0 }];
    while let Some(mut gap) = waiting.pop() {
        trim(old, new, &mut gap, &mut kept);
        if gap.old.is_empty() || gap.new.is_empty() {
            continue;
        }
        let pairs = match gap.round {
            MAX_ROUNDS.. => Vec::new(),
            _ => longest_rising(pairs(old, new, &gap)),
        };
        if pairs.is_empty() {
            kept.extend(in_order(old, new, &gap));
            continue;
        }
        let (mut old_start, mut new_start) = (gap.old.start, gap.new.start);
        let round = gap.round + 1;
        for (in_old, in_new) in pairs {
            kept.push(in_new);
            waiting.push(Gap { old: old_start..in_old, new: new_start..in_new, round });
            (old_start, new_start) = (in_old + 1, in_new + 1);
        }
        waiting.push(Gap { old: old_start..gap.old.end, new: new_start..gap.new.end, round });
    }
    kept
}

/// Takes off what both have in common at the beginning and at the end.
fn trim(old: &[usize], new: &[usize], gap: &mut Gap, kept: &mut Vec<usize>) {
    let is_open = |gap: &Gap| !gap.old.is_empty() && !gap.new.is_empty();
    while is_open(gap) && old[gap.old.start] == new[gap.new.start] {
        kept.push(gap.new.start);
        gap.old.start += 1;
        gap.new.start += 1;
    }
    while is_open(gap) && old[gap.old.end - 1] == new[gap.new.end - 1] {
        gap.old.end -= 1;
        gap.new.end -= 1;
        kept.push(gap.new.end);
    }
}

/// Pairs the lines that stand equally often in both, the first with the first and so on; in the order of
/// the new text.
fn pairs(old: &[usize], new: &[usize], gap: &Gap) -> Vec<(usize, usize)> {
    let mut places: HashMap<usize, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for line in gap.new.clone() {
        places.entry(new[line]).or_default().1.push(line);
    }
    for line in gap.old.clone() {
        if let Some((in_old, _)) = places.get_mut(&old[line]) {
            in_old.push(line);
        }
    }
    let equal = places.into_values().filter(|(in_old, in_new)| in_old.len() == in_new.len());
    let mut pairs: Vec<_> =
        equal.flat_map(|(in_old, in_new)| in_old.into_iter().zip(in_new)).collect();
    pairs.sort_unstable_by_key(|(_, in_new)| *in_new);
    pairs
}

/// Returns the longest run of pairs that rises in the old text, too.
fn longest_rising(pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    // Of each length the run that ends lowest, and for each pair the one before it in its run.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; pairs.len()];
    for (index, (in_old, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].0 < *in_old);
        before[index] = length.checked_sub(1).map(|length| ends[length]);
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut step = ends.last().copied();
    while let Some(index) = step {
        run.push(pairs[index]);
        step = before[index];
    }
    run.reverse();
    run
}

/// Pairs each line with the next one like it, as they come.
fn in_order(old: &[usize], new: &[usize], gap: &Gap) -> Vec<usize> {
    let mut places: HashMap<usize, Vec<usize>> = HashMap::new();
    gap.old.clone().for_each(|line| places.entry(old[line]).or_default().push(line));
    let mut next = gap.old.start;
    let mut kept = Vec::new();
    for line in gap.new.clone() {
        let Some(places) = places.get(&new[line]) else { continue };
        if let Some(&place) = places.get(places.partition_point(|place| *place < next)) {
            next = place + 1;
            kept.push(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn new<'a>(old: &str, text: &'a str) -> Vec<&'a str> {
        let found = new_lines(text.as_bytes(), &[old.as_bytes()]);
        found.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn tells_what_was_added_changed_and_moved() {
        assert_eq!(new("a\nb\nc\n", "a\nb\nc\n"), Vec::<&str>::new());
        assert_eq!(new("a\nb\nc\n", "a\nx\nb\ny\nz\nc\n"), ["x\n", "y\nz\n"]);
        assert_eq!(new("a\nb\nc\n", "a\nB\nc\n"), ["B\n"]);
        assert_eq!(new("a\nb\nc\n", "b\nc\na\n"), ["a\n"]);
        assert_eq!(new("a", "a\nb"), ["b"]);
        assert_eq!(new("{\na\n}\n{\nb\n}\n", "{\na\n}\n{\nnew\n}\n{\nb\n}\n"), ["new\n}\n{\n"]);
        assert_eq!(new("", "a\n"), ["a\n"]);
    }

    #[test]
    fn what_any_earlier_version_has_is_not_new() {
        let found = new_lines(b"ours\ntheirs\nresolved\n", &[b"ours\n", b"theirs\n"]);
        assert_eq!((found.len(), &found[0]), (1, &(12..21)));
    }

    proptest! {
        #[test]
        fn what_is_not_new_is_a_common_subsequence(
            old in vec(0..6_usize, 0..60), new in vec(0..6_usize, 0..60),
        ) {
            let mut kept = kept(&old, &new);
            kept.sort_unstable();
            let mut rest = old.iter();
            for line in &kept {
                prop_assert!(rest.any(|number| *number == new[*line]));
            }
            prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn only_what_was_inserted_is_new(
            old in vec(0..1000_usize, 0..60), at in any::<prop::sample::Index>(),
        ) {
            let at = at.index(old.len() + 1);
            let mut new = old.clone();
            new.insert(at, 5000);
            let kept = kept(&old, &new);
            prop_assert_eq!(kept.len(), old.len());
            prop_assert!(!kept.contains(&at));
        }
    }
}
