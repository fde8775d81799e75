//! The scorecard: what the incidents of a quarter come to, beside the quarter before and the targets.
//!
//! An incident belongs to the quarter (UTC) of its first alert. Drills, tests, canaries, duplicates and
//! false positives are counted apart and are in no figure. What the figures mean is said by
//! [`super::DEFINITIONS`], and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{DEFINITIONS, Summary, Targets, Verdict};

/// How many quarters a trend has.
const TREND: usize = 8;
/// Fewer incidents than this make a mean that says little.
const FEW: usize = 5;

/// A quarter of a year, such as `2026-Q4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: i16,
    /// From 1.
    number: i8,
}

/// What one figure comes to over several incidents, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// The name, as in [`super::DEFINITIONS`].
    pub name: &'static str,
    /// How many incidents have it.
    pub n: usize,
    /// The mean.
    pub mean: Option<i64>,
    /// The median.
    pub median: Option<i64>,
    /// Nine of ten stay below.
    pub p90: Option<i64>,
    /// What the mean is to stay below.
    pub target: Option<i64>,
    /// How many were left out because they end before they begin.
    pub doubtful: usize,
    /// What should be known before it is believed.
    pub note: Option<String>,
}

/// What a quarter comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Period {
    /// Which.
    pub quarter: Quarter,
    /// How many incidents there were.
    pub incidents: usize,
    /// The figures.
    pub measures: Vec<Measure>,
    /// How many repeat an earlier one.
    pub repeats: usize,
    /// How many had a clock for the response, and how many of these were late.
    pub response: Breaches,
    /// The same for the resolution.
    pub resolution: Breaches,
    /// How many alerts were false.
    pub false_positives: usize,
    /// What is in no figure.
    pub left_out: LeftOut,
}

/// How often a clock was late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Breaches {
    /// How many had the clock.
    pub clocks: usize,
    /// How many were late.
    pub late: usize,
}

/// What is in no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Rehearsals.
    pub drills: usize,
    /// Keys made for tests, and planted baits.
    pub tests_and_canaries: usize,
    /// False positives.
    pub false_positives: usize,
    /// Recorded in another incident.
    pub duplicates: usize,
    /// Dead before anyone could use them.
    pub near_misses: usize,
    /// Not judged, or undecidable.
    pub undecided: usize,
}

/// The incidents of a quarter that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they have in common: `severity`, `class`, `repository`, `root cause`.
    pub by: &'static str,
    /// Its value.
    pub name: String,
    /// How many there are.
    pub incidents: usize,
    /// The figures.
    pub measures: Vec<Measure>,
}

/// What is left to do, of all quarters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FollowUps {
    /// Not done.
    pub open: usize,
    /// Not done, and due.
    pub overdue: usize,
}

/// What the figures mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// The figure.
    pub name: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
}

/// The scorecard of a quarter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scorecard {
    /// When it was made.
    pub made_at: Timestamp,
    /// The quarter.
    pub now: Period,
    /// The quarter before.
    pub before: Period,
    /// The last quarters up to this one, the oldest first.
    pub trend: Vec<Period>,
    /// The quarter by severity, class, repository and root cause.
    pub groups: Vec<Group>,
    /// What is left to do.
    pub followups: FollowUps,
    /// What the figures mean.
    pub definitions: Vec<Definition>,
}

impl Quarter {
    /// Returns the quarter of an instant, in UTC.
    pub fn of(at: Timestamp) -> Self {
        let date = at.to_zoned(TimeZone::UTC).date();
        Self { year: date.year(), number: (date.month() - 1) / 3 + 1 }
    }

    /// Returns the quarter before.
    pub fn before(self) -> Self {
        match self.number {
            1 => Self { year: self.year.saturating_sub(1), number: 4 },
            number => Self { number: number - 1, ..self },
        }
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.year, self.number)
    }
}

impl FromStr for Quarter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || format!("a quarter is like 2026-Q4, not `{text}`");
        let (year, number) = text.split_once("-Q").ok_or_else(refused)?;
        let year = year.parse().map_err(|_| refused())?;
        let number = number.parse().ok().filter(|n| (1..=4).contains(n)).ok_or_else(refused)?;
        Ok(Self { year, number })
    }
}

impl Serialize for Quarter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Scorecard {
    /// Returns the scorecard of a quarter.
    pub fn of(all: &[Summary], quarter: Quarter, targets: &Targets, now: Timestamp) -> Self {
        let repeated = repeated(all);
        let period = |quarter| {
            let of_quarter: Vec<&Summary> =
                all.iter().filter(|summary| Quarter::of(summary.alerted_at) == quarter).collect();
            Period::of(quarter, &of_quarter, &repeated, targets, now)
        };
        let mut quarters: Vec<Quarter> =
            std::iter::successors(Some(quarter), |quarter| Some(quarter.before()))
                .take(TREND)
                .collect();
        quarters.reverse();
        let trend: Vec<Period> = quarters.into_iter().map(period).collect();
        let counted = all.iter().filter(|summary| summary.counts());
        let counted: Vec<&Summary> =
            counted.filter(|summary| Quarter::of(summary.alerted_at) == quarter).collect();
        Self {
            made_at: now,
            now: period(quarter),
            before: period(quarter.before()),
            trend,
            groups: groups(&counted, targets),
            followups: FollowUps::of(all, now),
            definitions: DEFINITIONS.map(|(name, meaning)| Definition { name, meaning }).into(),
        }
    }
}

/// Returns the incidents that repeat an earlier one, by link or by key.
fn repeated(all: &[Summary]) -> BTreeSet<&str> {
    let mut by_key: BTreeMap<_, Vec<&Summary>> = BTreeMap::new();
    for summary in all.iter().filter(|summary| summary.counts()) {
        by_key.entry(summary.fingerprint).or_default().push(summary);
    }
    let mut repeated = BTreeSet::new();
    for mut same in by_key.into_values() {
        same.sort_by_key(|summary| (summary.alerted_at, &summary.id));
        repeated.extend(same.iter().skip(1).map(|summary| summary.id.as_str()));
        let linked = same.iter().filter(|summary| !summary.repeats.is_empty());
        repeated.extend(linked.map(|summary| summary.id.as_str()));
    }
    repeated
}

impl Period {
    fn of(
        quarter: Quarter,
        all: &[&Summary],
        repeated: &BTreeSet<&str>,
        targets: &Targets,
        now: Timestamp,
    ) -> Self {
        let counted: Vec<&Summary> = all.iter().copied().filter(|s| s.counts()).collect();
        let clocks = || counted.iter().filter_map(|summary| summary.sla.as_ref());
        let breaches = |late: usize| Breaches { clocks: clocks().count(), late };
        let left_out = LeftOut::of(all);
        Self {
            quarter,
            incidents: counted.len(),
            measures: measures(&counted, targets),
            repeats: counted.iter().filter(|s| repeated.contains(s.id.as_str())).count(),
            response: breaches(clocks().filter(|sla| sla.response.is_breached(now)).count()),
            resolution: breaches(clocks().filter(|sla| sla.resolution.is_breached(now)).count()),
            false_positives: left_out.false_positives,
            left_out,
        }
    }

    /// Returns a figure by its name.
    pub fn measure(&self, name: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.name == name)
    }
}

impl LeftOut {
    fn of(all: &[&Summary]) -> Self {
        let mut left_out = Self::default();
        for summary in all {
            let count = match summary.verdict {
                _ if summary.drill => &mut left_out.drills,
                Some(Verdict::TruePositive) => continue,
                Some(Verdict::TestKey | Verdict::Canary) => &mut left_out.tests_and_canaries,
                Some(Verdict::FalsePositive) => &mut left_out.false_positives,
                Some(Verdict::Duplicate) => &mut left_out.duplicates,
                Some(Verdict::NearMiss) => &mut left_out.near_misses,
                Some(Verdict::InsufficientData) | None => &mut left_out.undecided,
            };
            *count += 1;
        }
        left_out
    }
}

impl FollowUps {
    fn of(all: &[Summary], now: Timestamp) -> Self {
        let followups = all.iter().filter(|s| !s.drill).flat_map(|s| &s.followups);
        let open = followups.filter(|followup| followup.done_at.is_none());
        open.fold(Self::default(), |sum, followup| Self {
            open: sum.open + 1,
            overdue: sum.overdue + usize::from(followup.due < now),
        })
    }
}

fn measures(counted: &[&Summary], targets: &Targets) -> Vec<Measure> {
    (0..DEFINITIONS.len()).map(|at| measure(counted, at, targets)).collect()
}

fn measure(counted: &[&Summary], at: usize, targets: &Targets) -> Measure {
    let name = DEFINITIONS[at].0;
    let figures: Vec<_> = counted.iter().filter_map(|s| s.figures.named()[at].1).collect();
    let sound = figures.iter().filter(|figure| figure.doubt.is_none());
    let mut values: Vec<i64> = sound.map(|figure| figure.seconds).collect();
    values.sort_unstable();
    let (n, doubtful) = (values.len(), figures.len() - values.len());
    let open = counted.len() - figures.len();
    let mut notes = Vec::new();
    if doubtful > 0 {
        notes.push(format!("{doubtful} left out: they end before they begin"));
    }
    if open > 0 {
        notes.push(format!("{open} have no end yet"));
    }
    if (1..FEW).contains(&n) {
        notes.push("few incidents: look at each, not at the mean".to_owned());
    }
    Measure {
        name,
        n,
        mean: mean(&values),
        median: median(&values),
        p90: nearest_rank(&values, 90),
        target: targets.seconds(name),
        doubtful,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    }
}

fn mean(values: &[i64]) -> Option<i64> {
    let sum: i128 = values.iter().map(|value| i128::from(*value)).sum();
    let count = i128::try_from(values.len()).ok().filter(|count| *count > 0)?;
    i64::try_from(sum / count).ok()
}

fn median(sorted: &[i64]) -> Option<i64> {
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted.get(middle).copied(),
        _ => mean(&[*sorted.get(middle.checked_sub(1)?)?, *sorted.get(middle)?]),
    }
}

/// Returns the smallest value that so many in a hundred don't exceed.
fn nearest_rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn groups(counted: &[&Summary], targets: &Targets) -> Vec<Group> {
    let unknown = || "not known".to_owned();
    type Name = fn(&Summary) -> Option<String>;
    let kinds: [(&'static str, Name); 4] = [
        ("severity", |s| s.level.map(|level| level.to_string())),
        ("class", |s| Some(s.class.clone())),
        ("repository", |s| Some(s.root.clone())),
        ("root cause", |s| s.cause.map(|cause| cause.words().to_owned())),
    ];
    let mut groups = Vec::new();
    for (by, name) in kinds {
        let mut of_name: BTreeMap<String, Vec<&Summary>> = BTreeMap::new();
        for summary in counted {
            of_name.entry(name(summary).unwrap_or_else(unknown)).or_default().push(summary);
        }
        let mut found: Vec<Group> = (of_name.into_iter())
            .map(|(name, of)| Group {
                by,
                name,
                incidents: of.len(),
                measures: measures(&of, targets),
            })
            .collect();
        // The most first, but levels in their order.
        if by != "severity" {
            found.sort_by_key(|group| std::cmp::Reverse(group.incidents));
        }
        groups.extend(found);
    }
    groups
}

impl Measure {
    /// Tells whether the mean stays below the target, where there are both.
    pub fn meets_target(&self) -> Option<bool> {
        Some(self.mean? <= self.target?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_follow_each_other_and_read_back() {
        let quarter = Quarter::of("2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(quarter.to_string(), "2026-Q1");
        assert_eq!(quarter.before().to_string(), "2025-Q4");
        assert_eq!("2026-Q1".parse(), Ok(quarter));
        for wrong in ["", "2026", "2026-Q5", "2026-Q0", "Q1-2026"] {
            assert!(wrong.parse::<Quarter>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn means_medians_and_ranks_are_right() {
        let ten: Vec<i64> = (1..=10).collect();
        assert_eq!((mean(&ten), median(&ten), nearest_rank(&ten, 90)), (Some(5), Some(5), Some(9)));
        assert_eq!((median(&[1, 2, 9]), nearest_rank(&[1, 2, 9], 90)), (Some(2), Some(9)));
        assert_eq!((mean(&[]), median(&[]), nearest_rank(&[], 90)), (None, None, None));
        assert_eq!(mean(&[i64::MAX, i64::MAX]), Some(i64::MAX));
    }
}
