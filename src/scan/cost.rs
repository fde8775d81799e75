//! What each pattern costs: the time from its anchors to its matches, on a text of the user's.
//!
//! Slower than a scan, since it asks for the time at every anchor: nothing here is on a scan's way.

use std::sync::Arc;
use std::time::Duration;

use super::Scanner;
use super::candidate::search_round;
use super::prefilter::Room;
use crate::pattern::Pattern;

/// What a pattern has cost so far.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The pattern.
    pub pattern: Arc<Pattern>,
    /// At how many places one of its anchors stood.
    pub anchors: u64,
    /// Round how many of them it matched, before parts, checks and the sieve.
    pub matches: u64,
    /// How long its regex was searched for.
    pub time: Duration,
}

/// What a text has cost, stage by stage.
#[derive(Clone, Debug)]
pub struct Costs {
    /// How many bytes there were.
    pub bytes: u64,
    /// How long the prefilter took to find every anchor.
    pub prefilter: Duration,
    /// Each pattern, in the order of the set.
    pub patterns: Vec<Cost>,
}

impl Costs {
    /// Returns the costs of no text at all.
    pub fn new(scanner: &Scanner) -> Self {
        let patterns = scanner.patterns.patterns().iter();
        let nothing = |pattern: &Arc<Pattern>| Cost {
            pattern: Arc::clone(pattern),
            anchors: 0,
            matches: 0,
            time: Duration::ZERO,
        };
        Self { bytes: 0, prefilter: Duration::ZERO, patterns: patterns.map(nothing).collect() }
    }

    /// Adds what a text costs. `now` is a clock that only rises.
    pub fn add(&mut self, scanner: &Scanner, bytes: &[u8], now: &dyn Fn() -> Duration) {
        let start = now();
        let mut hits = Vec::new();
        scanner
            .prefilter
            .each_hit(bytes, 0..bytes.len(), &mut Room::default(), |hit| hits.push(hit));
        self.bytes += bytes.len() as u64;
        self.prefilter += now().saturating_sub(start);
        for hit in hits {
            for &index in scanner.prefilter.owners(hit.anchor) {
                let cost = &mut self.patterns[index];
                let start = now();
                let found = search_round(&cost.pattern, bytes, hit.range());
                cost.time += now().saturating_sub(start);
                cost.anchors += 1;
                cost.matches += u64::from(!found.is_empty());
            }
        }
    }
}

impl Scanner {
    /// Returns at how many places of a text an anchor stands: the first stage of a scan alone.
    pub fn count_anchors(&self, bytes: &[u8]) -> u64 {
        let mut count = 0;
        self.prefilter.each_hit(bytes, 0..bytes.len(), &mut Room::default(), |_| count += 1);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::PatternSet;

    #[test]
    fn time_goes_to_the_pattern_whose_anchor_stands_there() {
        let scanner = Scanner::new(PatternSet::embedded().unwrap());
        let pattern = scanner.patterns().get("github-personal-token").unwrap();
        let text = pattern.fill(&pattern.examples[0], &mut rand::rng()).unwrap().text;
        // Each look at the clock takes a second.
        let clock = std::cell::Cell::new(0);
        let now = || Duration::from_secs(clock.replace(clock.get() + 1));
        let mut costs = Costs::new(&scanner);
        costs.add(&scanner, format!("{text} and ghp_ alone").as_bytes(), &now);
        let own = costs.patterns.iter().find(|cost| cost.pattern.id == pattern.id).unwrap();
        assert_eq!((own.anchors, own.matches, own.time), (2, 1, Duration::from_secs(2)));
        assert_eq!(costs.prefilter, Duration::from_secs(1));
        let others = costs.patterns.iter().filter(|cost| cost.anchors == 0);
        assert!(others.clone().count() > 100 && others.clone().all(|cost| cost.time.is_zero()));
    }
}
