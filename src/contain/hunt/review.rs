//! What follows from all searches: where the uses came from, and whether somebody misused the key.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Question;
use super::found::{Found, Times};
use super::removal::{self, Removal, SecretRead};
use crate::incident::{Conclusion, Coverage, Searched, UsageReview};
use crate::provider::{Log, Search, SearchBy, Use};

/// What a hunt found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hunted {
    /// What was read, and what follows.
    pub review: UsageReview,
    /// Where uses came from before the leak.
    pub before: BTreeMap<String, Times>,
    /// Where they came from since.
    pub after: Vec<Address>,
    /// How often each call was made since.
    pub calls: BTreeMap<String, u64>,
    /// How many questions of this program's own the logs hold, which count as no use.
    pub ours: u64,
    /// The eradication plan: what was made, begun and hidden since, with the way to undo it.
    pub plan: Vec<Removal>,
    /// The secrets that were read since.
    pub secrets: Vec<SecretRead>,
}

/// An address from which the key was used since the leak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address, as the log says it.
    pub address: String,
    /// Whether it was seen before the leak, or is the operator's.
    pub is_known: bool,
    /// How often and when.
    pub times: Times,
}

/// A search with what it showed.
pub(super) struct Read {
    pub(super) log: Log,
    pub(super) search: Search,
    pub(super) found: Found,
}

/// Which addresses are known.
pub(super) struct KnownAddresses<'a> {
    before: BTreeSet<&'a str>,
    networks: &'a [String],
}

impl<'a> KnownAddresses<'a> {
    fn of(question: &'a Question, before: &'a BTreeMap<String, Times>) -> Self {
        let before = before.keys().map(String::as_str).collect();
        Self { before, networks: &question.networks }
    }

    /// Tells whether anything is known at all.
    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.networks.is_empty()
    }

    /// Tells whether an address is known. What isn't one is the provider itself calling on somebody's
    /// behalf, who is in the log with an own line.
    pub(super) fn holds(&self, address: Option<&str>) -> bool {
        let Some(address) = address else { return false };
        let Ok(ip) = address.parse::<IpAddr>() else { return is_the_provider(address) };
        self.before.contains(address) || self.networks.iter().any(|network| is_in(ip, network))
    }
}

/// Tells whether a source is a service of the provider's, such as `cloudformation.amazonaws.com`.
fn is_the_provider(source: &str) -> bool {
    source.ends_with(".amazonaws.com") || source == "AWS Internal"
}

/// Tells whether an address is in a network such as `192.0.2.0/24`.
fn is_in(ip: IpAddr, network: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, ""));
    let (Ok(base), bits) = (base.parse::<IpAddr>(), bits.parse::<u32>().ok()) else { return false };
    let first = |value: u128, width: u32, bits: u32| {
        let bits = bits.min(width);
        if bits == 0 { 0 } else { value >> (width - bits) }
    };
    match (ip, base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) => {
            let bits = bits.unwrap_or(32);
            let [ip, base] = [ip, base].map(|address| u128::from(address.to_bits()));
            first(ip, 32, bits) == first(base, 32, bits)
        }
        (IpAddr::V6(ip), IpAddr::V6(base)) => {
            let bits = bits.unwrap_or(128);
            first(ip.to_bits(), 128, bits) == first(base.to_bits(), 128, bits)
        }
        _ => false,
    }
}

impl Hunted {
    /// Draws the conclusions.
    pub(super) fn of(
        question: &Question,
        until: Timestamp,
        read: Vec<Read>,
        not_followed: usize,
    ) -> Self {
        let before = most(&read, |found| &found.before);
        let after = most(&read, |found| &found.after);
        let known = KnownAddresses::of(question, &before);
        let notable = notable(&read);
        let plan = removal::plan(question, &notable, &known);
        let secrets = removal::secrets(&notable, &known);
        let addresses = after.iter().map(|(address, times)| Address {
            address: address.clone(),
            is_known: known.holds(Some(address)),
            times: *times,
        });
        let addresses: Vec<Address> = addresses.collect();
        let mut sources = sources(question, until, &read);
        sources.extend(not_searched(question, not_followed));
        let count = |strange: bool| {
            let counted = addresses.iter().filter(|address| !strange || !address.is_known);
            counted.map(|address| address.times.count).sum::<u64>()
        };
        let (uses, strange) = (count(false), count(true));
        let (conclusion, reason) = conclude(uses, strange, &known, &sources);
        let review = UsageReview {
            since: question.since(),
            until,
            leaked_at: question.leaked_at,
            first_use: after.values().map(|times| times.first).min(),
            last_use: after.values().map(|times| times.last).max(),
            uses_after_leak: uses,
            after_leak_unknown_source: strange,
            sources,
            conclusion,
            reason,
        };
        let calls = calls(&read);
        let ours = read.iter().map(|read| read.found.ours).max().unwrap_or_default();
        Self { review, calls, ours, plan, secrets, after: addresses, before }
    }

    /// Tells whether something was found that a person has to deal with.
    pub fn needs_a_person(&self) -> bool {
        self.review.conclusion == Conclusion::Misuse
            || self.plan.iter().any(|removal| removal.is_suspicious)
            || self.secrets.iter().any(|secret| secret.is_suspicious)
    }
}

/// Returns the keys that were given out since the leak to whoever called from an address not known.
pub(super) fn given(question: &Question, read: &[Read]) -> Vec<String> {
    let before = most(read, |found| &found.before);
    let known = KnownAddresses::of(question, &before);
    let strange = notable(read).into_iter().filter(|used| !known.holds(used.from.as_deref()));
    strange.filter_map(|used| used.gave.clone()).collect()
}

/// Returns the addresses of all searches. Where several logs hold the same uses, the one that holds the
/// most counts; the uses by key and by owner are different ones.
fn most(
    read: &[Read],
    which: impl Fn(&Found) -> &BTreeMap<String, Times>,
) -> BTreeMap<String, Times> {
    let mut all: BTreeMap<String, Times> = BTreeMap::new();
    for by in searched_by(read) {
        let same = read.iter().filter(|read| read.search.by == *by);
        let mut of_all_logs: BTreeMap<String, Times> = BTreeMap::new();
        for (address, times) in same.flat_map(|read| which(&read.found)) {
            let known = of_all_logs.entry(address.clone()).or_insert(*times);
            known.count = known.count.max(times.count);
            known.first = known.first.min(times.first);
            known.last = known.last.max(times.last);
        }
        for (address, times) in of_all_logs {
            all.entry(address).and_modify(|known| known.add(times)).or_insert(times);
        }
    }
    all
}

/// Returns by what the logs were searched, each once.
fn searched_by(read: &[Read]) -> Vec<&SearchBy> {
    let mut all: Vec<&SearchBy> = Vec::new();
    for by in read.iter().map(|read| &read.search.by) {
        if !all.contains(&by) {
            all.push(by);
        }
    }
    all
}

fn calls(read: &[Read]) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for by in searched_by(read) {
        let same = read.iter().filter(|read| read.search.by == *by);
        let mut of_all_logs: BTreeMap<&String, u64> = BTreeMap::new();
        for (call, count) in same.flat_map(|read| &read.found.calls) {
            let known = of_all_logs.entry(call).or_default();
            *known = (*known).max(*count);
        }
        for (call, count) in of_all_logs {
            *all.entry(call.clone()).or_default() += count;
        }
    }
    all
}

/// Returns each use once that made, read, began or hid something, in the order of time.
fn notable(read: &[Read]) -> Vec<&Use> {
    let mut known = BTreeSet::new();
    let all = read.iter().flat_map(|read| &read.found.notable);
    let mut once: Vec<&Use> = all.filter(|used| known.insert(used.id.as_str())).collect();
    once.sort_by_key(|used| used.at);
    once
}

/// Returns what was searched, what of it was read, and what no search could show.
fn sources(question: &Question, until: Timestamp, read: &[Read]) -> Vec<Searched> {
    let mut sources: Vec<Searched> = Vec::new();
    for Read { log, search, found } in read {
        let mut gaps: Vec<String> = found.gaps.iter().cloned().collect();
        gaps.extend(behind(question, until, log));
        let coverage = match (found.unread, gaps.is_empty()) {
            (true, _) => Coverage::None,
            (false, true) => Coverage::Full,
            (false, false) => Coverage::Partial,
        };
        let (by, what) = match &search.by {
            SearchBy::Key(id) if *id == question.key_id => {
                ("by key".to_owned(), format!("key {id}"))
            }
            SearchBy::Key(id) => (format!("by {id}, which it was given"), format!("key {id}")),
            SearchBy::Owner(name) => ("by owner".to_owned(), format!("owner {name}")),
        };
        sources.push(Searched {
            name: format!("{}, {by}", log.name),
            coverage,
            query: format!("{what} from {:.0} to {:.0}", search.since, search.until),
            count: found.uses,
            gaps,
        });
    }
    let lacks = read.iter().map(|read| (read.log.lacks.as_deref(), read.found.unread));
    let holds_all = lacks.clone().any(|(lacks, unread)| lacks.is_none() && !unread);
    if let Some(lacking) = lacks.filter_map(|(lacks, _)| lacks).next().filter(|_| !holds_all) {
        sources.push(Searched {
            name: lacking.to_owned(),
            coverage: Coverage::Unknown,
            query: String::new(),
            count: 0,
            gaps: vec!["in no log that could be searched".to_owned()],
        });
    }
    sources
}

/// Returns what was not even searched for.
fn not_searched(question: &Question, not_followed: usize) -> Vec<Searched> {
    let unknown = |name: &str, why: String| Searched {
        name: name.to_owned(),
        coverage: Coverage::Unknown,
        query: String::new(),
        count: 0,
        gaps: vec![why],
    };
    let why = match question.owner.as_deref() {
        None | Some("") => Some("nobody knows whose key it is".to_owned()),
        Some(owner) if super::is_role(owner) => {
            Some(format!("a log can't be searched by role: {owner}"))
        }
        Some(_) => None,
    };
    let owner = why.map(|why| unknown("what else its owner did", why));
    let keys = (not_followed > 0).then(|| {
        let why = format!("{not_followed} further keys were given out than were followed");
        unknown("what was done with keys it was given", why)
    });
    owner.into_iter().chain(keys).collect()
}

/// Says where the newest uses may not be in the log yet. A key that was stopped long enough before has
/// none.
fn behind(question: &Question, until: Timestamp, log: &Log) -> Option<String> {
    let minutes = SignedDuration::from_mins(log.minutes_behind.into());
    let sure = until.checked_sub(minutes).unwrap_or(Timestamp::MIN);
    if log.minutes_behind == 0 || question.stopped_at.is_some_and(|stopped| stopped <= sure) {
        return None;
    }
    let from_then_on = question.stopped_at.unwrap_or(until);
    let again = from_then_on.checked_add(minutes).unwrap_or(Timestamp::MAX);
    Some(match question.stopped_at {
        Some(_) => {
            format!("uses since {sure:.0} may not be in it yet: hunt again after {again:.0}")
        }
        None => format!("uses since {sure:.0} may not be in it yet, and the key is not stopped"),
    })
}

fn conclude(
    uses: u64,
    strange: u64,
    known: &KnownAddresses<'_>,
    sources: &[Searched],
) -> (Conclusion, String) {
    let unseen = sources.iter().filter(|source| source.coverage != Coverage::Full);
    // Each log once, and of what is in none the name alone.
    let unseen = unseen.map(|source| {
        let name = source.name.split([',', ':']).next().unwrap_or_default();
        format!("{name} ({})", source.coverage.words())
    });
    let unseen: BTreeSet<String> = unseen.collect();
    let unseen: Vec<String> = unseen.into_iter().collect();
    let plural = |count: u64| if count == 1 { "1 use".to_owned() } else { format!("{count} uses") };
    let but = match unseen.is_empty() {
        true => String::new(),
        false => format!("; not all could be seen: {}", unseen.join("; ")),
    };
    if strange > 0 && !known.is_empty() {
        let words =
            format!("{} from addresses that were not seen before the leak", plural(strange));
        return (Conclusion::Misuse, words + &but);
    }
    if strange > 0 {
        let words = format!(
            "{} after the leak, and nothing before it tells whose addresses they came from",
            plural(strange)
        );
        return (Conclusion::Unknown, words + &but);
    }
    let seen = match uses {
        0 => "no use after the leak".to_owned(),
        uses => format!("{} after the leak, from known addresses alone", plural(uses)),
    };
    match (unseen.is_empty(), uses) {
        (false, _) => (Conclusion::Unknown, format!("{seen} could be seen{but}")),
        (true, 0) => (Conclusion::NoUse, seen),
        (true, _) => (Conclusion::LegitOnly, seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_its_network() {
        let is_in = |ip: &str, network: &str| is_in(ip.parse().unwrap(), network);
        assert!(is_in("192.0.2.7", "192.0.2.0/24"));
        assert!(!is_in("192.0.3.7", "192.0.2.0/24"));
        assert!(is_in("192.0.2.7", "192.0.2.7"));
        assert!(is_in("198.51.100.1", "0.0.0.0/0"));
        assert!(is_in("2001:db8::1", "2001:db8::/32"));
        assert!(!is_in("2001:db9::1", "2001:db8::/32"));
        assert!(!is_in("192.0.2.7", "::/0"));
        assert!(!is_in("192.0.2.7", "nowhere"));
    }

    #[test]
    fn what_could_not_be_seen_is_never_no_use() {
        let known = KnownAddresses { before: BTreeSet::from(["192.0.2.7"]), networks: &[] };
        let nothing_known = KnownAddresses { before: BTreeSet::new(), networks: &[] };
        let source = |coverage| Searched {
            name: "the log".to_owned(),
            coverage,
            query: String::new(),
            count: 0,
            gaps: Vec::new(),
        };
        let conclusion = |uses, strange, known: &KnownAddresses<'_>, coverage| {
            conclude(uses, strange, known, &[source(coverage)]).0
        };
        assert_eq!(conclusion(0, 0, &known, Coverage::Full), Conclusion::NoUse);
        assert_eq!(conclusion(3, 0, &known, Coverage::Full), Conclusion::LegitOnly);
        for coverage in [Coverage::Partial, Coverage::None, Coverage::Unknown] {
            assert_eq!(conclusion(0, 0, &known, coverage), Conclusion::Unknown);
            assert_eq!(conclusion(3, 0, &known, coverage), Conclusion::Unknown);
            assert_eq!(conclusion(3, 1, &known, coverage), Conclusion::Misuse);
        }
        assert_eq!(conclusion(1, 1, &nothing_known, Coverage::Full), Conclusion::Unknown);
    }

    #[test]
    fn the_provider_itself_is_nobody_s_address() {
        let known = KnownAddresses { before: BTreeSet::new(), networks: &[] };
        assert!(known.holds(Some("cloudformation.amazonaws.com")));
        assert!(!known.holds(Some("evil.example")));
        assert!(!known.holds(None));
    }
}
