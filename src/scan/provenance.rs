//! From the stays of objects to the provenance of a credential, which may have stood in many of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use super::{Scanner, excerpt, search};
use crate::finding::{Change, Finding, Provenance};
use crate::source::{Event, Kind, Moment, Record, Stay, Stays};

/// So much of a first line is shown.
const MAX_SUBJECT_BYTES: usize = 200;

/// Returns the provenance of a finding; none where it is in no history.
pub(super) fn of(scanner: &Scanner, finding: &Finding, stays: &Stays) -> Option<Provenance> {
    let places = finding.locations.iter().map(|location| &location.place);
    let objects = places.filter_map(|place| match place.kind {
        Kind::Blob | Kind::Lfs => place.blob.as_ref(),
        Kind::CommitMessage | Kind::TagMessage => place.commit.as_ref(),
        Kind::File | Kind::GitFile | Kind::Stdin | Kind::Staged => None,
    });
    let objects: HashSet<&String> = objects.collect();
    let mut by_repository: BTreeMap<&str, Vec<&Stay>> = BTreeMap::new();
    for stay in objects.into_iter().filter_map(|object| stays.get(object)).flatten() {
        by_repository.entry(&stay.repository).or_default().push(stay);
    }
    // In one repository the order of the commits counts, between several only their dates.
    let lives: Vec<Life<'_>> = by_repository.values().map(|stays| Life::of(stays)).collect();
    let first = lives.iter().filter_map(|life| life.first).min_by_key(|event| dated(event));
    let last = lives.iter().filter_map(|life| life.last).max_by_key(|event| dated(event));
    let removed = lives.iter().map(|life| life.removed).collect::<Option<Vec<_>>>();
    let removed = removed.and_then(|removed| removed.into_iter().max_by_key(|event| dated(event)));
    let change = |event: &Event| change(scanner, &event.record);
    let is_reachable = by_repository.values().flatten().any(|stay| stay.is_reached);
    let others = by_repository.values().flatten().filter_map(|stay| stay.reached_by.as_ref());
    let reached_by = others.min().filter(|_| !is_reachable).cloned();
    (!lives.is_empty()).then(|| Provenance {
        first: first.map(change),
        last: last.map(change),
        removed: removed.map(change),
        paths: paths(finding),
        is_reachable,
        reached_by,
        is_in_head: by_repository.values().flatten().any(|stay| stay.is_in_head),
    })
}

/// The life of a credential in one repository.
struct Life<'a> {
    first: Option<&'a Event>,
    last: Option<&'a Event>,
    removed: Option<&'a Event>,
}

impl<'a> Life<'a> {
    fn of(stays: &[&'a Stay]) -> Self {
        let order = |event: &&Event| event.order;
        let first = stays.iter().filter_map(|stay| stay.first.as_ref()).min_by_key(order);
        // Of two that end with the same commit, the one that still stands somewhere else counts.
        let key = |stay: &&&Stay| {
            (stay.last.as_ref().map(|last| last.order), Reverse(stay.removed.is_some()))
        };
        let longest = stays.iter().max_by_key(key);
        let stands = stays.iter().any(|stay| stay.last.is_some() && stay.removed.is_none());
        let removed = longest.and_then(|stay| stay.removed.as_ref()).filter(|_| !stands);
        Self { first, last: longest.and_then(|stay| stay.last.as_ref()), removed }
    }
}

fn dated(event: &Event) -> Option<Moment> {
    event.record.committed
}

/// Returns every path in the history, in the order of the places.
fn paths(finding: &Finding) -> Vec<String> {
    let mut known = HashSet::new();
    let locations = finding.locations.iter();
    let in_history =
        locations.filter(|location| matches!(location.place.kind, Kind::Blob | Kind::Lfs));
    let paths = in_history.filter_map(|location| location.path());
    paths.filter(|path| known.insert(path.clone())).collect()
}

fn change(scanner: &Scanner, record: &Record) -> Change {
    let Record { id, author, authored, committer, committed, message } = record.clone();
    Change {
        commit: id,
        author,
        authored,
        committer,
        committed,
        subject: subject(scanner, &message.0),
    }
}

/// Returns the first line of a message. A secret in it may be known by the lines below it, so the whole
/// message is searched.
fn subject(scanner: &Scanner, message: &[u8]) -> String {
    let start = message.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let length = message[start..].iter().position(|byte| *byte == b'\n');
    let end = length.map_or(message.len(), |length| start + length);
    let mut masks = search::masks(scanner, message);
    if end - start > MAX_SUBJECT_BYTES {
        masks.push(start + MAX_SUBJECT_BYTES..end);
    }
    excerpt::shown(message, start..end, &masks).trim().to_owned()
}
