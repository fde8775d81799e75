//! Policy: which findings are known and accepted, and why.
//!
//! Takes findings, an allowlist (`stanch.toml`), the marks on their lines and a baseline; gives a
//! [`Review`]: what counts, what is suppressed by whose word, and what in the lists is out of date. A
//! suppressed finding is never gone: reports say how many there are, and the machine formats keep them.
//!
//! It decides about reports and exit codes, and which findings `contain --all` means. Whoever can write to a
//! repository can write its `stanch.toml`, so nothing here changes what is scanned, what may be stopped, or
//! what a containment of a named finding does.

mod allowlist;
mod baseline;
mod digest;
mod imported;
mod review;
mod whereabouts;

pub use allowlist::{Allowlist, AllowlistError, Entry};
pub use baseline::{Baseline, BaselineError, Change};
pub use imported::allowlist_text;
pub use review::{Notice, NoticeKind, Review, Suppressed, Suppression, SuppressionKind};
pub use whereabouts::Whereabouts;

use std::collections::BTreeSet;

use crate::finding::{Finding, Location, Mark};

/// Everything that may suppress a finding.
#[derive(Debug, Default)]
pub struct Policy {
    /// The allowlists, each with the folder it speaks for.
    pub allowlists: Vec<Allowlist>,
    /// Whether marks on a finding's line count.
    pub ignores_marks: bool,
    /// The findings that were there before.
    pub baseline: Option<Baseline>,
    /// Whether the scan saw everything the lists speak of, so that what matched nothing is stale.
    pub judges_stale: bool,
}

impl Policy {
    /// Judges findings. `today` decides which entries are expired.
    pub fn judge(
        &self,
        findings: Vec<Finding>,
        whereabouts: &Whereabouts,
        today: jiff::civil::Date,
    ) -> Review {
        let known = self.baseline.as_ref().map(|baseline| baseline.look_up(&findings));
        let mut used = BTreeSet::new();
        let mut review = Review::default();
        for (index, finding) in findings.into_iter().enumerate() {
            let in_baseline = known.as_ref().and_then(|known| known.entry_of(index));
            let inline_or_listed = self.suppression(&finding, whereabouts, today, &mut used);
            review.notices.extend(self.incomplete_marks(&finding));
            match inline_or_listed.or_else(|| in_baseline.map(|_| self.baseline_suppression())) {
                Some(suppression) => review.suppressed.push(Suppressed { finding, suppression }),
                None => review.findings.push(finding),
            }
        }
        review.notices.extend(self.stale_entries(today, &used));
        if let (Some(baseline), Some(known), true) = (&self.baseline, &known, self.judges_stale) {
            review.notices.extend(baseline.stale(known));
        }
        review
    }

    /// Returns why a finding is suppressed: every one of its places must be. The entries that apply are
    /// noted as used, whether or not that is enough.
    fn suppression(
        &self,
        finding: &Finding,
        whereabouts: &Whereabouts,
        today: jiff::civil::Date,
        used: &mut BTreeSet<(usize, usize)>,
    ) -> Option<Suppression> {
        let mut reasons = Vec::new();
        for location in &finding.locations {
            let listed = self.listed(finding, location, whereabouts, today, used);
            reasons.push(self.marked(location).or(listed));
        }
        let reasons: Option<Vec<Suppression>> = reasons.into_iter().collect();
        reasons.and_then(|reasons| reasons.into_iter().next())
    }

    fn marked(&self, location: &Location) -> Option<Suppression> {
        let mark =
            location.mark.as_ref().filter(|mark| !self.ignores_marks && mark.is_complete())?;
        Some(Suppression {
            kind: SuppressionKind::Inline,
            by: mark.to_string(),
            reason: mark.reason.clone().unwrap_or_else(|| format!("marked with {mark}")),
            owner: None,
        })
    }

    fn listed(
        &self,
        finding: &Finding,
        location: &Location,
        whereabouts: &Whereabouts,
        today: jiff::civil::Date,
        used: &mut BTreeSet<(usize, usize)>,
    ) -> Option<Suppression> {
        let mut suppression = None;
        for (list, allowlist) in self.allowlists.iter().enumerate() {
            for (number, entry) in allowlist.entries().iter().enumerate() {
                if allowlist.applies(entry, finding, &location.place, whereabouts) {
                    used.insert((list, number));
                    let is_in_force = !entry.is_expired(today);
                    suppression =
                        suppression.or_else(|| is_in_force.then(|| allowlist.suppression(entry)));
                }
            }
        }
        suppression
    }

    fn baseline_suppression(&self) -> Suppression {
        let by = self.baseline.as_ref().map(|baseline| baseline.name().to_owned());
        Suppression {
            kind: SuppressionKind::Baseline,
            by: by.unwrap_or_default(),
            reason: "it was there before".to_owned(),
            owner: None,
        }
    }

    fn incomplete_marks(&self, finding: &Finding) -> Option<Notice> {
        let lacks_reason = |location: &&Location| {
            !self.ignores_marks && location.mark.as_ref().is_some_and(|mark| !mark.is_complete())
        };
        let location = finding.locations.iter().find(lacks_reason)?;
        let path = location.place.path.as_deref().unwrap_or("standard input");
        Some(Notice {
            kind: NoticeKind::MarkWithoutReason,
            what: format!("{path}:{}", location.span.line),
            why: format!("`{}` needs a reason behind it to count", Mark::OWN),
        })
    }

    fn stale_entries(
        &self,
        today: jiff::civil::Date,
        used: &BTreeSet<(usize, usize)>,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (list, allowlist) in self.allowlists.iter().enumerate() {
            for (number, entry) in allowlist.entries().iter().enumerate() {
                let is_used = used.contains(&(list, number));
                if entry.is_expired(today) {
                    notices.push(allowlist.expired(entry));
                } else if !is_used && self.judges_stale {
                    notices.push(allowlist.unused(entry));
                }
            }
        }
        notices
    }
}
