//! One secret, one finding: where several patterns claim the same bytes, the most specific has them.

use std::cmp::Ordering;
use std::ops::Range;

use super::candidate::Candidate;
use super::overlap;
use super::sieve::Evidence;

/// A match that survived the sieve.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) candidate: Candidate,
    pub(super) evidence: Evidence,
}

/// Returns for each the index of the one it yields to, or `None` for those that are findings.
pub(super) fn winners(kept: &[Kept]) -> Vec<Option<usize>> {
    let mut claims: Vec<(Range<usize>, usize)> = Vec::new();
    for (index, one) in kept.iter().enumerate() {
        claims.extend(one.claimed().map(|span| (span, index)));
    }
    claims.sort_by_key(|(span, _)| span.start);
    let longest = claims.iter().map(|(span, _)| span.len()).max().unwrap_or(0);
    let winner_over = |(index, loser): (usize, &Kept)| {
        let span = &loser.candidate.span;
        let first = claims.partition_point(|(claim, _)| claim.start + longest < span.start);
        let near = claims[first..].iter().take_while(|(claim, _)| claim.start < span.end);
        let mut rivals = near.filter(|(claim, rival)| *rival != index && overlap(claim, span));
        rivals.find(|(_, rival)| loser.yields_to(&kept[*rival])).map(|&(_, rival)| rival)
    };
    kept.iter().enumerate().map(winner_over).collect()
}

impl Kept {
    /// Returns every stretch that belongs to it.
    fn claimed(&self) -> impl Iterator<Item = Range<usize>> {
        self.candidate.parts.values().cloned().chain([self.candidate.span.clone()])
    }

    /// Tells whether the other one has the bytes they share. The rules, the first that speaks decides:
    ///
    /// 1. what a pattern's `overlaps` says;
    /// 2. a secret that is another's mere part, as an access key's id, yields to the whole;
    /// 3. what stands within a larger, proved secret is chance;
    /// 4. a generic pattern yields to an issuer's;
    /// 5. proved before unproved, then the longer fixed prefix, the more parts, the longer secret.
    fn yields_to(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.candidate, &other.candidate);
        if theirs.pattern.overlaps.contains(&ours.pattern.id) {
            return true;
        }
        if ours.pattern.overlaps.contains(&theirs.pattern.id)
            || ours.pattern.id == theirs.pattern.id
        {
            return false;
        }
        if !overlap(&ours.span, &theirs.span) {
            return !self.claims(&theirs.span);
        }
        let order = self.is_around(other).cmp(&other.is_around(self));
        let is_specific = |candidate: &Candidate| !candidate.pattern.is_generic();
        order
            .then(is_specific(ours).cmp(&is_specific(theirs)))
            .then_with(|| self.rank().cmp(&other.rank()))
            .then_with(|| theirs.pattern.id.cmp(&ours.pattern.id))
            == Ordering::Less
    }

    fn claims(&self, span: &Range<usize>) -> bool {
        self.claimed().any(|claim| overlap(&claim, span))
    }

    /// Tells whether the other stands, unproved, within this proved and larger secret.
    fn is_around(&self, other: &Self) -> bool {
        let (outer, inner) = (&self.candidate.span, &other.candidate.span);
        let is_larger = outer.start <= inner.start && inner.end <= outer.end && outer != inner;
        is_larger && self.evidence.proof.is_some() && other.evidence.proof.is_none()
    }

    fn rank(&self) -> (bool, usize, usize, usize) {
        let Candidate { pattern, parts, span } = &self.candidate;
        (self.evidence.proof.is_some(), pattern.prefix, parts.len(), span.len())
    }
}
