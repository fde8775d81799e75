//! How the commits of a history hang together: what each leads to, and what a reference reaches.

use std::collections::HashMap;

use super::commits::Commits;
use super::number::NumberMap;
use super::numbers::Number;
use crate::source::repository::Tip;

/// Commits by their index, parents before children.
pub(super) struct Graph<'a> {
    commits: &'a Commits,
    /// What annotated tags name.
    targets: NumberMap<Number, Number>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(commits: &'a Commits) -> Self {
        let targets = commits.tags.iter().map(|tag| (tag.number, tag.target)).collect();
        Self { commits, targets }
    }

    /// Returns an object and, if it is a tag, all that it names, in however many steps.
    pub(super) fn named(&self, object: Number) -> impl Iterator<Item = Number> {
        let steps = std::iter::successors(Some(object), |tag| self.targets.get(tag).copied());
        // A tag can't name itself, but a damaged one may say so.
        steps.take(self.targets.len() + 1)
    }

    /// Returns the commit that an object is, or that a tag names.
    pub(super) fn commit(&self, object: Number) -> Option<u32> {
        self.named(object).last().and_then(|object| self.commits.index(object))
    }

    /// Returns of each commit whether one of these is it or comes after it.
    pub(super) fn reached_from(&self, starts: impl Iterator<Item = u32>) -> Vec<bool> {
        let mut is_reached = vec![false; self.commits.commits.len()];
        let mut waiting: Vec<u32> = starts.collect();
        while let Some(commit) = waiting.pop() {
            if !std::mem::replace(&mut is_reached[commit as usize], true) {
                waiting.extend(self.commits.parents(commit));
            }
        }
        is_reached
    }

    /// Returns the first commit made on each of these, those that `is_preferred` before others.
    pub(super) fn first_children(
        &self,
        commits: &[u32],
        is_preferred: &[bool],
    ) -> HashMap<u32, u32> {
        let mut children: HashMap<u32, Option<u32>> =
            commits.iter().map(|commit| (*commit, None)).collect();
        for child in 0..self.commits.commits.len() as u32 {
            for parent in self.commits.parents(child) {
                let Some(first) = children.get_mut(&parent) else { continue };
                let is_better =
                    |known: u32| is_preferred[child as usize] && !is_preferred[known as usize];
                if first.is_none_or(is_better) {
                    *first = Some(child);
                }
            }
        }
        children.into_iter().filter_map(|(commit, child)| Some((commit, child?))).collect()
    }
}

/// Returns whether a reference is a branch, here or at a remote, or what is checked out.
pub(super) fn is_branch(tip: &Tip) -> bool {
    let is_head = tip.name == "HEAD" || tip.name.ends_with("/HEAD");
    let is_named = ["refs/heads/", "refs/remotes/"].iter().any(|part| tip.name.starts_with(part));
    !tip.may_be_gone && (is_head || is_named)
}

/// Returns whether a reference is a tag.
pub(super) fn is_tag(tip: &Tip) -> bool {
    tip.name.starts_with("refs/tags/")
}
