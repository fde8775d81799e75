//! The commits of a range, and the tags on them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::rc::Rc;

use git2::{ObjectType, Oid};

use super::Gaps;
use super::ends::Ends;
use crate::source::repository::{self, Objects, Signature, Tag, Unreadable, entries, tips};
use crate::source::{Moment, Place, Repository, pack};

/// What a range reaches but trees and blobs.
#[derive(Default)]
pub(super) struct Commits {
    /// The commits, parents before children, and among those that could come next the oldest first.
    pub(super) commits: Vec<Commit>,
    /// The commits right before them.
    pub(super) before: Vec<Oid>,
    /// The annotated tags.
    pub(super) tags: Vec<Tagged>,
    /// Trees and blobs that are ends of the range themselves.
    pub(super) roots: Vec<(Oid, ObjectType)>,
    /// Whether both sides reach some commit.
    pub(super) are_related: bool,
}

/// A commit, without its message.
pub(super) struct Commit {
    pub(super) oid: Oid,
    pub(super) tree: Oid,
    pub(super) parents: Vec<Oid>,
    pub(super) written: Written,
}

/// An annotated tag, without its message.
pub(super) struct Tagged {
    pub(super) oid: Oid,
    pub(super) written: Written,
}

/// Who wrote a commit or tag, and when.
#[derive(Default)]
pub(super) struct Written {
    author: Option<String>,
    date: Option<Moment>,
}

impl Written {
    /// Returns what is said by the lines of who wrote it first and who put it in.
    pub(super) fn of(author: Option<Signature>, committer: Option<&Signature>) -> Self {
        let date = committer.and_then(|committer| committer.when);
        Self { author: author.map(|author| author.who), date }
    }

    /// Says at a place that it was there first.
    pub(super) fn stamp(&self, place: &mut Place, oid: Oid) {
        place.commit = Some(oid.to_string());
        place.author = self.author.clone();
        place.date = self.date;
    }

    /// Returns seconds since 1970; 0 where that can't be read.
    fn seconds(&self) -> i64 {
        self.date.map_or(0, |date| date.timestamp().as_second())
    }
}

impl Commits {
    /// Finds the commits of a range.
    pub(super) fn collect(
        objects: &Objects,
        repository: &Repository,
        ends: &Ends,
        gaps: &Gaps,
    ) -> Self {
        let shallow = repository.shallow_commits();
        let mut walk = Walk { objects, gaps, shallow, ..Walk::new(objects, gaps) };
        if ends.since.is_some() {
            walk.packs = Some(pack::Reader::new(objects.packs(), MAX_COMMIT_BYTES));
        }
        let mut tags = Vec::new();
        for tip in &ends.tips {
            walk.end(*tip, WANTED, &mut tags);
        }
        for hidden in &ends.hidden {
            walk.end(*hidden, HIDDEN, &mut Vec::new());
        }
        walk.run(ends);
        let roots = std::mem::take(&mut walk.roots);
        let found = Self { roots, are_related: walk.are_related, ..walk.finish(ends) };
        if ends.takes_tags {
            found.tags_on(&tips_of_tags(repository), objects, &mut tags);
        }
        tags.sort_by_key(|tag| tag.oid);
        tags.dedup_by_key(|tag| tag.oid);
        Self { tags, ..found }
    }

    /// Finds the tags that were put on the commits.
    fn tags_on(&self, tips: &[Oid], objects: &Objects, tags: &mut Vec<Tagged>) {
        let commits: HashSet<Oid> = self.commits.iter().map(|commit| commit.oid).collect();
        for tip in tips.iter().filter(|_| !commits.is_empty()) {
            let mut chain = Vec::new();
            let target = peel(objects, *tip, &mut chain);
            if target.is_ok_and(|(oid, ..)| commits.contains(&oid)) {
                tags.append(&mut chain);
            }
        }
    }
}

fn tips_of_tags(repository: &Repository) -> Vec<Oid> {
    let (tips, _) = tips(repository);
    let is_tag = |name: &str| name.starts_with("refs/tags/");
    tips.into_iter().filter(|tip| is_tag(&tip.name)).map(|tip| tip.oid).collect()
}

/// Follows tags to what they are on, and notes them.
fn peel(
    objects: &Objects,
    oid: Oid,
    chain: &mut Vec<Tagged>,
) -> Result<(Oid, ObjectType, Vec<u8>), Unreadable> {
    let mut next = oid;
    let mut met = HashSet::new();
    loop {
        let (kind, bytes) = objects.read_any(next)?;
        if kind != ObjectType::Tag || !met.insert(next) {
            return Ok((next, kind, bytes));
        }
        let garbled = || Unreadable::Broken("its header is no tag's".to_owned());
        let tag = Tag::parse(&bytes).ok_or_else(garbled)?;
        let written = Written::of(tag.tagger.clone(), tag.tagger.as_ref());
        chain.push(Tagged { oid: next, written });
        next = tag.target;
    }
}

/// Returns the parents of a commit, or none where it can't be read.
pub(super) fn parents(objects: &Objects, commit: Oid) -> Option<Vec<Oid>> {
    let bytes = objects.read(commit, ObjectType::Commit).ok()?;
    Some(repository::Commit::parse(&bytes)?.parents)
}

/// Reads a file at the root of the commit that something leads to.
pub(super) fn file_at(objects: &Objects, tip: Oid, name: &str) -> Option<Vec<u8>> {
    let (_, _, bytes) = peel(objects, tip, &mut Vec::new()).ok()?;
    let tree = objects.read(repository::Commit::parse(&bytes)?.tree, ObjectType::Tree).ok()?;
    let entry =
        entries(&tree, objects.id_bytes()).flatten().find(|entry| entry.name == name.as_bytes())?;
    objects.read(entry.oid(), ObjectType::Blob).ok()
}

/// Which side reaches a commit.
type Sides = u8;
const WANTED: Sides = 1;
const HIDDEN: Sides = 2;
/// A larger commit is left to libgit2.
const MAX_COMMIT_BYTES: u64 = 1 << 20;
/// By so much the clocks of those who commit may differ.
const CLOCKS_SECONDS: i64 = 24 * 60 * 60;

/// A walk from both sides down, the youngest commit first, until there is nothing left to tell.
///
/// It ends where everything that waits is hidden and a day older than all that is wanted. So a clock that was
/// wrong by more can at most put something into the range that is reached from before it. Where the range begins
/// with an instant the walk ends with the history: behind a commit that is older may be one that is not.
struct Walk<'a> {
    objects: &'a Objects,
    /// Reads what is in packs, where much is to be read.
    packs: Option<pack::Reader<'a>>,
    gaps: &'a Gaps,
    shallow: HashSet<Oid>,
    commits: HashMap<Oid, (Commit, Sides)>,
    waiting: BinaryHeap<(i64, Oid)>,
    /// What waits and only the wanted side reaches.
    open: BTreeSet<Oid>,
    oldest_wanted: i64,
    are_related: bool,
    roots: Vec<(Oid, ObjectType)>,
}

impl<'a> Walk<'a> {
    fn new(objects: &'a Objects, gaps: &'a Gaps) -> Self {
        Self {
            objects,
            packs: None,
            gaps,
            shallow: HashSet::new(),
            commits: HashMap::new(),
            waiting: BinaryHeap::new(),
            open: BTreeSet::new(),
            oldest_wanted: i64::MAX,
            are_related: false,
            roots: Vec::new(),
        }
    }

    /// Begins at an end of the range.
    fn end(&mut self, oid: Oid, side: Sides, tags: &mut Vec<Tagged>) {
        match peel(self.objects, oid, tags) {
            Ok((oid, ObjectType::Commit, _)) => self.reach(oid, side),
            Ok((oid, kind, _)) if side == WANTED => self.roots.push((oid, kind)),
            Err(why) if side == WANTED => self.gaps.object(format!("object {oid}"), why),
            Ok(_) | Err(_) => {}
        }
    }

    /// Notes that a side reaches a commit.
    fn reach(&mut self, oid: Oid, sides: Sides) {
        if !self.commits.contains_key(&oid) {
            match self.read(oid) {
                Ok(commit) => _ = self.commits.insert(oid, (commit, 0)),
                // What hides nothing only makes the range longer.
                Err(why) if sides & HIDDEN == 0 => {
                    return self.gaps.object(format!("commit {oid}"), why);
                }
                Err(_) => return,
            }
        }
        let Some((commit, reached)) = self.commits.get_mut(&oid) else { return };
        let together = *reached | sides;
        if together == *reached {
            return;
        }
        *reached = together;
        self.are_related |= together == WANTED | HIDDEN;
        match together == WANTED {
            true => {
                self.oldest_wanted = self.oldest_wanted.min(commit.written.seconds());
                self.open.insert(oid);
            }
            false => _ = self.open.remove(&oid),
        }
        self.waiting.push((commit.written.seconds(), oid));
    }

    fn read(&mut self, oid: Oid) -> Result<Commit, Unreadable> {
        let packed = self.packs.as_mut().and_then(|packs| packs.read(oid));
        let bytes = match packed {
            Some((ObjectType::Commit, bytes)) => bytes,
            _ => Rc::new(self.objects.read(oid, ObjectType::Commit)?),
        };
        let garbled = || Unreadable::Broken("its header is no commit's".to_owned());
        let mut commit = repository::Commit::parse(&bytes).ok_or_else(garbled)?;
        // The same parent twice is the same as once.
        let mut met = HashSet::new();
        commit.parents.retain(|parent| met.insert(*parent));
        let written = Written::of(commit.author, commit.committer.as_ref());
        Ok(Commit { oid, tree: commit.tree, parents: commit.parents, written })
    }

    fn run(&mut self, ends: &Ends) {
        while let Some(&(seconds, oid)) = self.waiting.peek() {
            let is_related = ends.related.is_none() || self.are_related;
            let is_old = seconds < self.oldest_wanted.saturating_sub(CLOCKS_SECONDS);
            if self.open.is_empty() && is_old && is_related {
                break;
            }
            self.waiting.pop();
            self.open.remove(&oid);
            let Some((commit, sides)) = self.commits.get_mut(&oid) else { continue };
            let sides = *sides;
            if self.shallow.contains(&oid) {
                // Its parents are known to be missing.
                commit.parents.clear();
            }
            for parent in commit.parents.clone() {
                self.reach(parent, sides);
            }
        }
    }

    fn finish(mut self, ends: &Ends) -> Commits {
        let is_wanted = |commit: &Commit, sides: Sides| {
            sides == WANTED && ends.since.is_none_or(|since| commit.written.seconds() >= since)
        };
        let all = std::mem::take(&mut self.commits).into_values();
        let (wanted, others): (Vec<_>, Vec<_>) =
            all.partition(|(commit, sides)| is_wanted(commit, *sides));
        let others: Vec<_> = others.into_iter().map(|(commit, _)| commit).collect();
        let commits: Vec<_> = wanted.into_iter().map(|(commit, _)| commit).collect();
        let cut_off = commits.iter().map(|commit| commit.oid);
        let mut cut_off: Vec<_> = cut_off.filter(|oid| self.shallow.contains(oid)).collect();
        cut_off.sort();
        cut_off.into_iter().for_each(|oid| self.gaps.shallow(oid));
        let earlier = earlier(&commits, &others);
        let parents = commits.iter().flat_map(|commit| &commit.parents);
        let before: BTreeSet<Oid> =
            parents.filter(|parent| earlier.contains(parent)).copied().collect();
        let (commits, before) = (oldest_first(commits), before.into_iter().collect());
        Commits { commits, before, ..Commits::default() }
    }
}

/// Returns those of the other commits that were not made on any of the wanted ones. One that was is not wanted
/// only because its clock was wrong, and what it has may be new in the range.
fn earlier(wanted: &[Commit], others: &[Commit]) -> HashSet<Oid> {
    let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
    for other in others {
        for parent in &other.parents {
            children.entry(*parent).or_default().push(other.oid);
        }
    }
    let mut waiting: Vec<Oid> = wanted.iter().map(|commit| commit.oid).collect();
    let mut earlier: HashSet<Oid> = others.iter().map(|commit| commit.oid).collect();
    while let Some(oid) = waiting.pop() {
        for child in children.remove(&oid).unwrap_or_default() {
            earlier.remove(&child);
            waiting.push(child);
        }
    }
    earlier
}

/// Puts parents before children and, as far as that allows, the older before the younger.
fn oldest_first(commits: Vec<Commit>) -> Vec<Commit> {
    let mut missing: HashMap<Oid, usize> = commits.iter().map(|commit| (commit.oid, 0)).collect();
    let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
    for commit in &commits {
        for parent in commit.parents.iter().filter(|parent| missing.contains_key(parent)) {
            children.entry(*parent).or_default().push(commit.oid);
        }
    }
    children.values().flatten().for_each(|child| {
        missing.entry(*child).and_modify(|count| *count += 1);
    });
    let mut commits: HashMap<Oid, Commit> =
        commits.into_iter().map(|commit| (commit.oid, commit)).collect();
    let key = |commits: &HashMap<Oid, Commit>, oid: Oid| {
        Reverse((commits.get(&oid).map_or(0, |commit| commit.written.seconds()), oid))
    };
    let first = missing.iter().filter(|(_, count)| **count == 0);
    let mut ready: BinaryHeap<_> = first.map(|(oid, _)| key(&commits, *oid)).collect();
    let mut ordered = Vec::with_capacity(commits.len());
    while let Some(Reverse((_, oid))) = ready.pop() {
        for child in children.remove(&oid).unwrap_or_default() {
            let Some(count) = missing.get_mut(&child) else { continue };
            *count -= 1;
            if *count == 0 {
                ready.push(key(&commits, child));
            }
        }
        ordered.extend(commits.remove(&oid));
    }
    ordered
}
