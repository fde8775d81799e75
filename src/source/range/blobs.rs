//! The blobs that are new in the commits of a range, with the paths at which they are new.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use git2::{ObjectType, Oid};

use super::Gaps;
use super::commits::Commits;
use crate::source::repository::{EntryKind, Objects, Unreadable, entries};
use crate::source::{Gap, pack};

/// How many paths a range may have that are all walked. Trees within trees make paths without number.
const MAX_PATHS: usize = 2_000_000;
/// How many listings of folders are kept, so that the next commit finds them.
const MAX_KEPT: usize = 4096;

/// For fewer commits it costs more to learn how a pack hangs together than it saves.
const MANY_COMMITS: usize = 500;
/// A larger tree is left to libgit2.
const MAX_TREE_BYTES: u64 = 64 << 20;

/// One blob.
pub(super) struct Found {
    pub(super) oid: Oid,
    /// Every path at which it is new, and the first commit that has it there; neither where nothing but
    /// an end of the range names it.
    pub(super) places: Vec<(Option<String>, Option<usize>)>,
    /// What stood there before, for each commit in which it is new.
    pub(super) earlier: Vec<Earlier>,
}

/// What stood where a blob is new.
#[derive(PartialEq, Eq)]
pub(super) enum Earlier {
    /// Another: in each of the commit's parents that had a file of that name, or in none where there is no
    /// commit.
    There(Vec<Oid>),
    /// In none of the parents of that commit anything, at that one of the blob's places. The file may have had
    /// another name.
    Nothing { place: usize, commit: usize },
}

/// Returns every blob that is new in the commits, in the order in which they were met.
pub(super) fn new_blobs(objects: &Objects, commits: &Commits, gaps: &Gaps) -> Vec<Found> {
    let mut walk = Walk::new(objects, gaps);
    if commits.commits.len() >= MANY_COMMITS {
        walk.packs = Some(pack::Reader::new(objects.packs(), MAX_TREE_BYTES));
    }
    let trees: HashMap<Oid, Oid> =
        commits.commits.iter().map(|commit| (commit.oid, commit.tree)).collect();
    for (index, commit) in commits.commits.iter().enumerate() {
        let parents = commit.parents.iter();
        let parents =
            parents.filter_map(|oid| trees.get(oid).copied().or_else(|| objects.tree_of(*oid)));
        let parents = parents.collect();
        walk.compare(Vec::new(), commit.tree, parents, Some(index));
    }
    for (oid, kind) in &commits.roots {
        match kind {
            ObjectType::Tree => walk.compare(Vec::new(), *oid, Vec::new(), None),
            _ => walk.blob(None, *oid, None, Vec::new()),
        }
    }
    let before = commits.before.iter().filter_map(|oid| objects.tree_of(*oid)).collect();
    let known = walk.all_blobs(before);
    walk.found.retain(|found| !known.contains(&found.oid));
    walk.found
}

/// What a folder has, by name.
type Listing = Rc<Vec<(Vec<u8>, EntryKind, Oid)>>;

struct Walk<'a> {
    objects: &'a Objects,
    /// Reads what is in packs, where much is to be read.
    packs: Option<pack::Reader<'a>>,
    gaps: &'a Gaps,
    listings: HashMap<Oid, Listing>,
    found: Vec<Found>,
    /// Which of them a blob is.
    numbers: HashMap<Oid, usize>,
    met_trees: HashSet<Oid>,
    paths: usize,
}

impl<'a> Walk<'a> {
    fn new(objects: &'a Objects, gaps: &'a Gaps) -> Self {
        Self {
            objects,
            packs: None,
            gaps,
            listings: HashMap::new(),
            found: Vec::new(),
            numbers: HashMap::new(),
            met_trees: HashSet::new(),
            paths: 0,
        }
    }

    /// Finds what a tree has and none of the others has at that path, without recursion: how deep they
    /// are is whatever someone committed.
    fn compare(&mut self, path: Vec<u8>, tree: Oid, others: Vec<Oid>, commit: Option<usize>) {
        let mut waiting = vec![(path, tree, others)];
        while let Some((path, tree, others)) = waiting.pop() {
            let is_met = !self.met_trees.insert(tree);
            if others.contains(&tree) || (is_met && self.is_over_paths()) {
                continue;
            }
            let others: Vec<Listing> = others.into_iter().map(|tree| self.earlier(tree)).collect();
            let mut others: Vec<Cursor> = others.into_iter().map(Cursor::new).collect();
            for (name, kind, oid) in self.listing(tree, &path).iter() {
                let is_there =
                    others.iter_mut().any(|other| other.find(name) == Some((*kind, *oid)));
                if *kind == EntryKind::Submodule || is_there {
                    continue;
                }
                let slash = if path.is_empty() { &b""[..] } else { b"/" };
                let path = [&path, slash, name].concat();
                self.paths += 1;
                if *kind == EntryKind::Tree {
                    let here = others.iter_mut().filter_map(|other| other.find(name));
                    let trees = here.filter(|(kind, _)| *kind == EntryKind::Tree);
                    waiting.push((path, *oid, trees.map(|(_, oid)| oid).collect()));
                } else {
                    let here = others.iter_mut().filter_map(|other| other.find(name));
                    let blobs = here.filter(|(kind, _)| *kind == EntryKind::Blob);
                    let earlier = blobs.map(|(_, oid)| oid).collect();
                    let path = String::from_utf8_lossy(&path).into_owned();
                    self.blob(Some(path), *oid, commit, earlier);
                }
            }
        }
    }

    fn blob(&mut self, path: Option<String>, oid: Oid, commit: Option<usize>, earlier: Vec<Oid>) {
        let number = *self.numbers.entry(oid).or_insert(self.found.len());
        if number == self.found.len() {
            self.found.push(Found { oid, places: Vec::new(), earlier: Vec::new() });
        }
        let Found { places, earlier: known, .. } = &mut self.found[number];
        let place = places.iter().position(|(known, _)| *known == path).unwrap_or(places.len());
        if place == places.len() {
            places.push((path, commit));
        }
        let earlier = match commit.filter(|_| earlier.is_empty()) {
            Some(commit) => Earlier::Nothing { place, commit },
            None => Earlier::There(earlier),
        };
        // No commit has the same path twice.
        if matches!(earlier, Earlier::Nothing { .. }) || !known.contains(&earlier) {
            known.push(earlier);
        }
    }

    fn is_over_paths(&self) -> bool {
        if self.paths > MAX_PATHS {
            self.gaps.tally.gap(Gap {
                what: format!("paths beyond the first {MAX_PATHS}"),
                why: "folders are repeated within each other; every file was scanned, but not every path is listed".to_owned(),
                remedy: "look at the repository: this is rarely an accident".to_owned(),
            });
        }
        self.paths > MAX_PATHS
    }

    /// Returns what a folder of a commit of the range has, as far as it can be read.
    fn listing(&mut self, tree: Oid, path: &[u8]) -> Listing {
        let (listing, failure) = self.read(tree);
        if let Some(why) = failure {
            let path = String::from_utf8_lossy(path);
            let path = if path.is_empty() { path } else { format!(" ({path}/)").into() };
            self.gaps.object(format!("tree {tree}{path}"), why);
        }
        listing
    }

    /// Returns what a folder had before. What can't be read counts as not there: then more is scanned than
    /// need be.
    fn earlier(&mut self, tree: Oid) -> Listing {
        self.read(tree).0
    }

    fn read(&mut self, tree: Oid) -> (Listing, Option<Unreadable>) {
        if let Some(known) = self.listings.get(&tree) {
            return (Rc::clone(known), None);
        }
        let packed = self.packs.as_mut().and_then(|packs| packs.read(tree));
        let bytes = match packed {
            Some((ObjectType::Tree, bytes)) => Ok(bytes),
            _ => self.objects.read(tree, ObjectType::Tree).map(Rc::new),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(why) => return (Listing::default(), Some(why)),
        };
        let mut failure = None;
        let mut listing = Vec::new();
        for entry in entries(&bytes, self.objects.id_bytes()) {
            match entry {
                Ok(entry) => listing.push((entry.name.to_owned(), entry.kind, entry.oid())),
                Err(()) => {
                    let why = "an entry of it can't be read".to_owned();
                    failure = Some(Unreadable::Broken(why));
                }
            }
        }
        listing.sort_by(|a, b| a.0.cmp(&b.0));
        let listing = Rc::new(listing);
        if failure.is_none() {
            if self.listings.len() == MAX_KEPT {
                self.listings.clear();
            }
            self.listings.insert(tree, Rc::clone(&listing));
        }
        (listing, failure)
    }

    /// Returns every blob in these trees, unless there is nothing to compare them with.
    fn all_blobs(&mut self, trees: Vec<Oid>) -> HashSet<Oid> {
        let mut blobs = HashSet::new();
        let mut met: HashSet<Oid> = HashSet::new();
        let mut waiting = if self.found.is_empty() { Vec::new() } else { trees };
        while let Some(tree) = waiting.pop() {
            if !met.insert(tree) {
                continue;
            }
            for (_, kind, oid) in self.earlier(tree).iter() {
                match kind {
                    EntryKind::Tree => waiting.push(*oid),
                    EntryKind::Blob => _ = blobs.insert(*oid),
                    EntryKind::Submodule => {}
                }
            }
        }
        blobs
    }
}

/// Finds names in a folder, in rising order.
struct Cursor {
    listing: Listing,
    at: usize,
}

impl Cursor {
    fn new(listing: Listing) -> Self {
        Self { listing, at: 0 }
    }

    /// Returns what has that name, which comes not before the one asked for last.
    fn find(&mut self, name: &[u8]) -> Option<(EntryKind, Oid)> {
        while self.listing.get(self.at).is_some_and(|(other, ..)| other.as_slice() < name) {
            self.at += 1;
        }
        let (_, kind, oid) = self.listing.get(self.at).filter(|(other, ..)| other == name)?;
        Some((*kind, *oid))
    }
}
