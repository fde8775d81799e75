//! Parts found to their matches: which secret belongs to which key id.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::candidate::{Candidate, Groups, contains, matches_in};
use super::{lines, overlap};
use crate::pattern::{Part, Pattern};

/// A part is looked for no further away than this, however few lines that is.
pub(super) const MAX_PART_DISTANCE_BYTES: usize = 4096;

/// Completes matches, sorted by place, with the parts near them; a match that lacks a required one is
/// dropped.
pub(super) fn with_parts(
    pattern: &Arc<Pattern>,
    bytes: &[u8],
    mut found: Vec<Groups>,
) -> Vec<Candidate> {
    for part in &pattern.parts {
        let parts = assign(part, bytes, &found);
        let completed = found.into_iter().zip(parts).filter_map(|(mut groups, assigned)| {
            match assigned {
                Some(named) => groups.named.extend(named),
                None if part.required => return None,
                None => {}
            }
            Some(groups)
        });
        found = completed.collect();
    }
    let candidate = |groups: Groups| {
        let span = groups.named.get(&pattern.secret)?.clone();
        Some(Candidate { pattern: Arc::clone(pattern), span, parts: groups.named })
    };
    found.into_iter().filter_map(candidate).collect()
}

/// Returns for each match the groups of its part, if one is near.
fn assign(
    part: &Part,
    bytes: &[u8],
    found: &[Groups],
) -> Vec<Option<BTreeMap<String, Range<usize>>>> {
    let reach: Vec<Range<usize>> = found
        .iter()
        .map(|groups| {
            lines::around(bytes, &groups.whole, part.within_lines, MAX_PART_DISTANCE_BYTES)
        })
        .collect();
    let mut assigned = Vec::with_capacity(found.len());
    while assigned.len() < found.len() {
        // Matches whose surroundings touch share what is found there, within a cell: a list longer than
        // a window is paired as in the whole.
        let first = assigned.len();
        let mut window = reach[first].clone();
        let mut last = first + 1;
        let cell = found[first].cell();
        let is_near = |last: usize, window: &Range<usize>| {
            reach.get(last).is_some_and(|next| next.start < window.end)
                && found[last].cell() == cell
        };
        while is_near(last, &window) {
            window.end = window.end.max(reach[last].end);
            last += 1;
        }
        let cluster = &found[first..last];
        let spots: Vec<Groups> = matches_in(&part.regex, bytes, window)
            .filter(|spot| spot.named.get(&part.name).is_some_and(|span| is_free(cluster, span)))
            .collect();
        let chosen = pair(&part.name, cluster, &reach[first..last], &spots);
        assigned.extend(chosen.into_iter().map(|at| at.map(|at| spots[at].named.clone())));
    }
    assigned
}

/// Tells whether no match has the bytes already. Matches are sorted and hardly overlap, so that the ones
/// round a place are few.
fn is_free(cluster: &[Groups], span: &Range<usize>) -> bool {
    let behind = cluster.partition_point(|groups| groups.whole.start < span.end);
    let near = cluster[..behind].iter().rev().take_while(|groups| groups.whole.end > span.start);
    !near.into_iter().any(|groups| groups.named.values().any(|own| overlap(own, span)))
}

/// Returns for each match the index of its spot.
///
/// As many spots as matches, each within reach of the match of its rank, are pairs in order: `id, secret,
/// id, secret`, the other way round, or a list of one and then of the other. Else each match takes the
/// nearest that no match before it took, and shares one where all are taken: a host with two keys.
fn pair(
    name: &str,
    cluster: &[Groups],
    reach: &[Range<usize>],
    spots: &[Groups],
) -> Vec<Option<usize>> {
    let spans: Vec<&Range<usize>> = spots.iter().map(|spot| &spot.named[name]).collect();
    let is_in_reach = |(reach, span): (&Range<usize>, &&Range<usize>)| contains(reach, span);
    if spans.len() == cluster.len() && reach.iter().zip(&spans).all(is_in_reach) {
        return (0..spans.len()).map(Some).collect();
    }
    let mut is_taken = vec![false; spans.len()];
    let mut chosen = Vec::with_capacity(cluster.len());
    for (groups, reach) in cluster.iter().zip(reach) {
        let first = spans.partition_point(|span| span.start < reach.start);
        let last = spans.partition_point(|span| span.start < reach.end);
        let distance = |&at: &usize| {
            let gap = spans[at].start.saturating_sub(groups.whole.end)
                + groups.whole.start.saturating_sub(spans[at].end);
            (is_taken[at], gap)
        };
        let in_reach = (first..last).filter(|&at| contains(reach, spans[at]));
        let nearest = in_reach.min_by_key(distance);
        if let Some(at) = nearest {
            is_taken[at] = true;
        }
        chosen.push(nearest);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use crate::pattern::PatternSet;
    use crate::scan::Scanner;

    /// Returns the pairs found in a text of `i1`, `s1` and the like, in order.
    fn pairs(text: &str) -> Vec<(String, String)> {
        let file = r#"
            [provider]
            id = "acme"
            name = "Acme"
            class = "cloud"
            console = "https://acme.example"
            [[pattern]]
            id = "acme-pair"
            description = "Acme pair: its holder can test."
            regex = '\b(?<id>ident[0-9])\b'
            anchors = ["ident"]
            secret = "secret"
            public = ["id"]
            severity = "low"
            human = true
            examples = ["«id»"]
            counterexamples = []
            [[pattern.part]]
            name = "secret"
            regex = '\b(?<secret>s[0-9]cret)\b'
            within_lines = 4
            required = true
        "#;
        let scanner = Scanner::new(PatternSet::from_files([("acme.toml", file)]).unwrap());
        let found = scanner.scan_bytes(text.as_bytes());
        let mut pairs: Vec<(String, String)> = found
            .iter()
            .map(|found| {
                let part = |name: &str| text[found.parts[name].clone()].to_owned();
                (part("id"), part("secret"))
            })
            .collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn lists_of_pairs_are_paired_in_order() {
        let wanted = [("ident1", "s1cret"), ("ident2", "s2cret")];
        let wanted = wanted.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
        for text in [
            "ident1 s1cret ident2 s2cret",
            "s1cret ident1 s2cret ident2",
            "ident1 ident2 s1cret s2cret",
            "s1cret s2cret ident1 ident2",
            "id,secret\nident1,s1cret\nident2,s2cret\n",
            "secret,id\ns1cret,ident1\ns2cret,ident2\n",
            "[a]\nident1\ns1cret\n[b]\nident2\ns2cret\n",
        ] {
            assert_eq!(pairs(text), wanted, "{text}");
        }
    }

    #[test]
    fn one_secret_too_many_or_too_few_goes_to_the_nearest() {
        let pair = |id: &str, secret: &str| (id.to_owned(), secret.to_owned());
        assert_eq!(pairs("s3cret aside; ident1 s1cret"), [pair("ident1", "s1cret")]);
        let shared = [pair("ident1", "s1cret"), pair("ident2", "s1cret")];
        assert_eq!(pairs("ident1 s1cret ident2"), shared);
        assert_eq!(pairs("ident1\n\n\n\n\n\ns1cret"), []);
    }
}
