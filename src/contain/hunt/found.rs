//! What the pieces of a search showed, summed up: small enough for the record, however often a key was
//! used.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Question;
use crate::provider::{self, Meaning, Page, Search, SearchBy, Use};

/// More addresses than this are one.
const MOST_ADDRESSES: usize = 1_000;
/// The addresses beyond.
const OTHERS: &str = "others";
/// Where the log doesn't say.
const NOT_SAID: &str = "not said";
/// More uses than this that made, read or hid something aren't listed.
const MOST_NOTABLE: usize = 2_000;

/// The sum of the pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Found {
    /// How many uses there were in all.
    pub uses: u64,
    /// How many questions of this program's own there were, which count as no use.
    pub ours: u64,
    /// The addresses before the leak.
    pub before: BTreeMap<String, Times>,
    /// Those since.
    pub after: BTreeMap<String, Times>,
    /// How often each call was made since.
    pub calls: BTreeMap<String, u64>,
    /// The uses since that made, read, began or hid something.
    pub notable: Vec<Use>,
    /// What could not be read.
    pub gaps: BTreeSet<String>,
    /// Whether nothing could be read at all.
    pub unread: bool,
}

/// How often, and from when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// How often.
    pub count: u64,
    /// The first time.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
}

impl Times {
    fn once(at: Timestamp) -> Self {
        Self { count: 1, first: at, last: at }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a piece. A search by owner shows the leaked key's own uses again: those are left out.
    pub(super) fn take(&mut self, page: &Page, question: &Question, search: &Search) {
        self.gaps.extend(page.gaps.iter().cloned());
        for used in &page.uses {
            let is_known = used.key.as_ref() == Some(&question.key_id);
            if is_known && matches!(search.by, SearchBy::Owner(_)) {
                continue;
            }
            match used.is_ours {
                true => self.ours += 1,
                false => self.count(used, question.leaked_at),
            }
        }
    }

    fn count(&mut self, used: &Use, leaked_at: Timestamp) {
        self.uses += 1;
        let address = used.from.clone().unwrap_or_else(|| NOT_SAID.to_owned());
        let is_after = used.at >= leaked_at;
        let addresses = if is_after { &mut self.after } else { &mut self.before };
        add(addresses, address, Times::once(used.at));
        if is_after {
            *self.calls.entry(used.call.clone()).or_default() += 1;
            if used.meaning != Meaning::Other {
                self.note(used.clone());
            }
        }
    }

    fn note(&mut self, used: Use) {
        match self.notable.len() < MOST_NOTABLE {
            true => self.notable.push(used),
            false => {
                self.gaps.insert(format!(
                    "more than {MOST_NOTABLE} uses made, read or hid something: the others are not listed"
                ));
            }
        }
    }

    /// Says that the rest could not be read.
    pub(super) fn cut_off(&mut self, error: &provider::Error, nothing_yet: bool) {
        self.gaps.insert(error.to_string());
        self.unread = nothing_yet && self.uses == 0;
    }

    /// Adds what a later piece showed.
    pub(super) fn merge(&mut self, other: Self) {
        self.uses += other.uses;
        self.ours += other.ours;
        other.before.into_iter().for_each(|(from, times)| add(&mut self.before, from, times));
        other.after.into_iter().for_each(|(from, times)| add(&mut self.after, from, times));
        for (call, count) in other.calls {
            *self.calls.entry(call).or_default() += count;
        }
        other.notable.into_iter().for_each(|used| self.note(used));
        self.gaps.extend(other.gaps);
        self.unread |= other.unread;
    }
}

fn add(addresses: &mut BTreeMap<String, Times>, address: String, times: Times) {
    let is_one_more = addresses.len() >= MOST_ADDRESSES && !addresses.contains_key(&address);
    let address = if is_one_more { OTHERS.to_owned() } else { address };
    addresses.entry(address).and_modify(|known| known.add(times)).or_insert(times);
}
