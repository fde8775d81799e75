//! What of a history could not be read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::source::repository::{Repository, Unreadable, broken_packs};
use crate::source::tally::Tally;
use crate::source::{Coverage, Gap};

/// Collects the gaps of a history, and says once what would otherwise be said of every object.
pub(super) struct Gaps {
    pub(super) tally: Tally,
    /// Stands before the name of all that is in a submodule.
    prefix: String,
    /// Where the repository is a partial clone: the objects left at its remote.
    elsewhere: Option<Mutex<Vec<String>>>,
    is_shallow: bool,
    /// Whether something could not be read that may be mended with nothing else changed.
    is_unsettled: AtomicBool,
}

impl Gaps {
    pub(super) fn new(repository: &Repository, prefix: &str) -> Self {
        let shallow = repository.shallow_commits();
        let gaps = Self {
            tally: Tally::default(),
            prefix: prefix.to_owned(),
            elsewhere: repository.is_partial_clone().then(Default::default),
            is_shallow: !shallow.is_empty(),
            is_unsettled: AtomicBool::new(false),
        };
        if let Some(first) = shallow.iter().min() {
            gaps.add(Gap {
                what: format!("the history before {} commits, such as {first}", shallow.len()),
                why: "the repository is a shallow clone".to_owned(),
                remedy: "run `git fetch --unshallow`".to_owned(),
            });
        }
        broken_packs(repository).into_iter().for_each(|gap| gaps.note(gap));
        gaps
    }

    /// Returns whether all that is not read is what a shallow or partial clone leaves out: it can't come
    /// without a change that shows.
    pub(super) fn are_settled(&self) -> bool {
        !self.is_unsettled.load(Ordering::Relaxed)
    }

    /// Returns the names of the objects that a partial clone leaves out.
    pub(super) fn left_out(&self) -> Vec<String> {
        let names = self.elsewhere.as_ref().map(|names| {
            let names = names.lock().unwrap_or_else(PoisonError::into_inner);
            names.clone()
        });
        let mut names = names.unwrap_or_default();
        names.sort();
        names
    }

    /// Notes a gap that may be mended.
    pub(super) fn note(&self, gap: Gap) {
        self.is_unsettled.store(true, Ordering::Relaxed);
        self.add(gap);
    }

    fn add(&self, mut gap: Gap) {
        if !self.prefix.is_empty() {
            gap.what = format!("{}: {}", self.prefix, gap.what);
        }
        self.tally.gap(gap);
    }

    /// Notes an object that could not be read.
    pub(super) fn object(&self, what: String, why: Unreadable) {
        match (&self.elsewhere, why) {
            (Some(elsewhere), Unreadable::Absent) => {
                elsewhere.lock().unwrap_or_else(PoisonError::into_inner).push(what)
            }
            (None, why @ Unreadable::Absent) if self.is_shallow => {
                let mut gap = why.gap(what);
                gap.remedy = format!("run `git fetch --unshallow`; if it persists, {}", gap.remedy);
                self.note(gap);
            }
            (_, why) => self.note(why.gap(what)),
        }
    }

    pub(super) fn finish(mut self) -> Coverage {
        let elsewhere = self.elsewhere.take().unwrap_or_default().into_inner();
        let elsewhere = elsewhere.unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = elsewhere.iter().min() {
            let others = match elsewhere.len() {
                1 => String::new(),
                many => format!(" and {} more objects", many - 1),
            };
            self.note(Gap {
                what: format!("{first}{others}"),
                why: "the repository is a partial clone, which left them at its remote".to_owned(),
                remedy: "run `git fetch --refetch --no-filter`, or clone without `--filter`"
                    .to_owned(),
            });
        }
        self.tally.finish()
    }
}
