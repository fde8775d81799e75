//! Where a range begins and ends: from what a person or a forge calls it to commits.

use std::collections::HashSet;

use git2::{ErrorCode, Oid};
use jiff::Timestamp;

use super::commits::Commits;
use crate::source::repository::{Objects, Tip, parse_oid, tips};
use crate::source::{Error, Repository, regular};

/// What a push brings to a repository.
#[derive(Clone, Debug)]
pub struct Push {
    /// The ids of what its references shall point to.
    pub tips: Vec<String>,
    /// The references of the other side that are to be changed: the name of each, and the id of what it has.
    /// Ids that are not here are passed over.
    pub known: Vec<(String, String)>,
    /// What else it has.
    pub known_references: Known,
}

/// Which references of this repository the other side of a push has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// All: it is this repository.
    All,
    /// Those that stand for references of the repository at that address.
    Remote(String),
}

/// Where a range begins and ends.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// What it reaches is in the range,
    pub(super) tips: Vec<Oid>,
    /// unless this reaches it, too,
    pub(super) hidden: Vec<Oid>,
    /// or is older.
    pub(super) since: Option<i64>,
    /// Whether tags on the commits of the range are in it, whoever named it.
    pub(super) takes_tags: bool,
    /// The names of two sides that must have a commit in common.
    pub(super) related: Option<(String, String)>,
}

impl Ends {
    /// Reads `A..B`, `A...B` or `B`.
    pub(super) fn of_range(repository: &Repository, range: &str) -> Result<Self, Error> {
        let or_head = |name: &str| if name.is_empty() { "HEAD" } else { name }.to_owned();
        let (from, to, is_apart) = match (range.split_once("..."), range.split_once("..")) {
            (Some((from, to)), _) => (Some(or_head(from)), or_head(to), true),
            (None, Some((from, to))) => (Some(or_head(from)), or_head(to), false),
            (None, None) => (None, or_head(range), false),
        };
        let from = from.filter(|from| !is_zero(from));
        let hidden = from.iter().map(|from| resolve(repository, from)).collect::<Result<_, _>>()?;
        let tips = match is_zero(&to) {
            // What is deleted adds nothing.
            true => Vec::new(),
            false => vec![resolve(repository, &to)?],
        };
        let related = from.filter(|_| is_apart && !tips.is_empty()).map(|from| (from, to));
        Ok(Self { tips, hidden, since: None, takes_tags: true, related })
    }

    /// Reads what `--since` takes.
    pub(super) fn since(
        repository: &Repository,
        text: &str,
        instant: Option<Timestamp>,
    ) -> Result<Self, Error> {
        match (resolve(repository, text), instant) {
            (Ok(from), _) => {
                let (tips, hidden) = (vec![resolve(repository, "HEAD")?], vec![from]);
                Ok(Self { tips, hidden, takes_tags: true, ..Self::default() })
            }
            (Err(Error::UnknownRevision { .. }), Some(instant)) => {
                let tips = vec![resolve(repository, "HEAD")?];
                let since = Some(instant.as_second());
                Ok(Self { tips, since, takes_tags: true, ..Self::default() })
            }
            (Err(Error::UnknownRevision { name, why, is_shallow }), None) => {
                Err(Error::UnknownBeginning { name, why, is_shallow })
            }
            (Err(error), _) => Err(error),
        }
    }

    pub(super) fn of_push(repository: &Repository, objects: &Objects, push: &Push) -> Self {
        let parse = |id: &String| parse_oid(id).filter(|_| !is_zero(id));
        let told = push.known.iter().filter_map(|(_, id)| parse(id));
        let mut hidden: Vec<Oid> = told.filter(|oid| objects.contains(*oid)).collect();
        hidden.extend(known_references(repository, objects, push));
        Self { tips: push.tips.iter().filter_map(parse).collect(), hidden, ..Self::default() }
    }

    /// Returns the names of the two sides where they should have a commit in common and have none.
    pub(super) fn unrelated(&self, commits: &Commits) -> Option<(String, String)> {
        self.related.clone().filter(|_| !commits.are_related)
    }
}

/// Returns what the references lead to that the other side of a push has. One that can't be read is none of
/// them: then more is scanned than need be.
fn known_references(repository: &Repository, objects: &Objects, push: &Push) -> Vec<Oid> {
    let tips = tips(repository).0.into_iter();
    let Known::Remote(address) = &push.known_references else {
        return tips.map(|tip| tip.oid).collect();
    };
    // What is remembered of a reference counts for nothing once git has seen what it is now, or that there is
    // none. Where it is something that is not here, it was mostly made on what is remembered.
    let is_seen = |id: &str| is_zero(id) || parse_oid(id).is_some_and(|oid| objects.contains(oid));
    let seen: HashSet<&str> =
        push.known.iter().filter(|(_, id)| is_seen(id)).map(|(name, _)| name.as_str()).collect();
    let tracking = repository.tracking(address);
    let is_known = |tip: &Tip| {
        let names = tracking.of(&tip.name);
        !names.is_empty() && !names.iter().any(|name| seen.contains(name.as_str()))
    };
    tips.filter(is_known).map(|tip| tip.oid).collect()
}

/// Tells whether an id is the one that stands for nothing.
fn is_zero(id: &str) -> bool {
    id.len() >= 40 && id.bytes().all(|byte| byte == b'0')
}

/// Returns the object that git calls so.
fn resolve(repository: &Repository, name: &str) -> Result<Oid, Error> {
    let unknown = |why: &str| Error::UnknownRevision {
        name: name.to_owned(),
        why: why.to_owned(),
        is_shallow: !repository.shallow_commits().is_empty(),
    };
    let (tips, broken) = tips(repository);
    // Opened as if it were bare it may be anyone's. Where libgit2 doesn't open one even so, or would wait for a
    // pipe among its references, a name must be a full one.
    let opened = match broken.iter().any(regular::is_gap_of) {
        true => None,
        false => git2::Repository::open_bare(repository.path()).ok(),
    };
    let Some(opened) = opened else {
        let found = resolve_full(repository, &tips, name);
        return found.ok_or_else(|| unknown("there is none of that name"));
    };
    let found = opened.revparse_single(name);
    found.map(|object| object.id()).map_err(|error| match error.code() {
        ErrorCode::Ambiguous => unknown("it may be several"),
        ErrorCode::NotFound => unknown("there is none of that name"),
        _ => unknown(error.message()),
    })
}

/// Returns the object of a full id, or of a reference by its name or the end of it.
fn resolve_full(repository: &Repository, tips: &[Tip], name: &str) -> Option<Oid> {
    let of_name = |name: &str| tips.iter().find(|tip| tip.name == name).map(|tip| tip.oid);
    if name == "HEAD" || name == "@" {
        return crate::source::repository::merged(repository).first().copied();
    }
    let full = parse_oid(name);
    let folders = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
    full.or_else(|| folders.iter().find_map(|folder| of_name(&format!("{folder}{name}"))))
}
