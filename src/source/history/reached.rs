//! What the references reach: of each commit whether a branch or tag does, and if not, which other reference.
//!
//! Nothing of it depends on what was found, so it is worked out while it is looked up where that stands.

use git2::Oid;

use super::commits::Commits;
use super::graph::{Graph, is_branch, is_tag};
use super::number::{NumberMap, NumberSet};
use super::numbers::{Number, Numbers};
use crate::source::repository::Tip;

/// The index of a reference that is neither branch nor tag: a note, a stash, a pull request.
pub(super) type Other = u32;

/// What is known of the commits.
pub(super) struct Reached<'a> {
    pub(super) graph: Graph<'a>,
    pub(super) head: Option<u32>,
    /// The tips of branches.
    pub(super) branches: Vec<u32>,
    /// Everything that a branch or tag names, or a tag that is named so.
    pub(super) named: NumberSet<Number>,
    /// By commit: whether a branch or tag reaches it.
    pub(super) by_name: Vec<bool>,
    /// The names of the other references, sorted.
    others: Vec<&'a str>,
    /// What they name, or a tag that is named so, and the first of them that does.
    pub(super) named_by_other: NumberMap<Number, Other>,
    /// By commit that no branch or tag reaches: the first of them that does.
    pub(super) by_other: Vec<Option<Other>>,
    /// By commit: whether it is in the log of `HEAD`.
    pub(super) by_head: Vec<bool>,
}

impl<'a> Reached<'a> {
    /// Works it out from the references, and from the commit that is checked out.
    pub(super) fn of(
        commits: &'a Commits,
        numbers: &Numbers<'_>,
        tips: &'a [Tip],
        head: Option<Oid>,
    ) -> Self {
        let graph = Graph::of(commits);
        let number = |oid: Oid| numbers.number(oid.as_bytes());
        let of = |is_one: &dyn Fn(&Tip) -> bool| -> Vec<u32> {
            let tips = tips.iter().filter(|tip| is_one(tip));
            tips.filter_map(|tip| graph.commit(number(tip.oid))).collect()
        };
        let (branches, tags) = (of(&is_branch), of(&is_tag));
        let head = head.and_then(|head| graph.commit(number(head)));
        let by_name = graph.reached_from(branches.iter().chain(&tags).copied());
        let by_head = graph.reached_from(head.into_iter());
        let named = tips.iter().filter(|tip| is_branch(tip) || is_tag(tip));
        let named = named.flat_map(|tip| graph.named(number(tip.oid))).collect();
        let others = others(tips);
        let named_by_other = named_by(&others, numbers, &graph);
        let by_other = by_other(commits, &named_by_other, &by_name);
        let others = others.into_iter().map(|tip| &*tip.name).collect();
        Self { head, branches, named, by_name, others, named_by_other, by_other, by_head, graph }
    }

    /// Returns the name of a reference.
    pub(super) fn name(&self, other: Option<Other>) -> Option<String> {
        other.map(|other| self.others[other as usize].to_owned())
    }

    /// Returns the first of the other references that names an object which no branch or tag does.
    pub(super) fn name_of(&self, object: Number) -> Option<String> {
        let other = self.named_by_other.get(&object).copied();
        self.name(other.filter(|_| !self.named.contains(&object)))
    }

    /// Returns the commits that only other references reach, those of the first of them first.
    pub(super) fn by_first_other(&self) -> Vec<u32> {
        let commits = (0..).zip(&self.by_other).filter(|(_, other)| other.is_some());
        let mut commits: Vec<u32> = commits.map(|(commit, _)| commit).collect();
        commits.sort_by_key(|commit| self.by_other[*commit as usize]);
        commits
    }
}

/// Returns the references that are neither branch nor tag, in order of name.
fn others(tips: &[Tip]) -> Vec<&Tip> {
    // An older stash is in a log, and has no name that a reference may have.
    let is_other = |tip: &&Tip| {
        let is_reference = !tip.may_be_gone && !tip.name.contains(' ');
        is_reference && !is_branch(tip) && !is_tag(tip)
    };
    let mut others: Vec<&Tip> = tips.iter().filter(is_other).collect();
    others.sort_by_key(|tip| &tip.name);
    others
}

/// Returns what these references name, and the first of them that does.
fn named_by(others: &[&Tip], numbers: &Numbers<'_>, graph: &Graph<'_>) -> NumberMap<Number, Other> {
    let mut named = NumberMap::default();
    for (other, tip) in (0..).zip(others) {
        for number in graph.named(numbers.number(tip.oid.as_bytes())) {
            named.entry(number).or_insert(other);
        }
    }
    named
}

/// Returns of each commit that no branch or tag reaches the first of the others that does.
fn by_other(
    commits: &Commits,
    named: &NumberMap<Number, Other>,
    by_name: &[bool],
) -> Vec<Option<Other>> {
    let starts = named.iter().filter_map(|(number, other)| Some((*other, commits.index(*number)?)));
    let mut starts: Vec<(Other, u32)> = starts.collect();
    starts.sort_unstable();
    let mut by_other = vec![None; by_name.len()];
    for (other, start) in starts {
        let mut waiting = vec![start];
        while let Some(commit) = waiting.pop() {
            let known = &mut by_other[commit as usize];
            if !by_name[commit as usize] && known.is_none() {
                *known = Some(other);
                waiting.extend(commits.parents(commit));
            }
        }
    }
    by_other
}
