//! Makes every wanted object of a pack once, each from the one it is a difference from.
//!
//! Trees of differences are walked depth first. The heaviest child comes last, and its parent's bytes
//! are dropped before it is walked: so, however long the chains are, no more versions are in memory than
//! the logarithm of their number. Trees are shared out among the threads, and so are the branches of a
//! large one while a thread is idle. Where no tree is left to begin, a large version is looked at by one
//! thread while another makes the next one, so that a single chain keeps two busy.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use git2::ObjectType;
use rayon::Scope;
use rayon::prelude::*;

use super::entry::Stored;
use super::inflate::Inflater;
use super::{Broken, Node, Pack, delta, prefetch};
use crate::source::Copied;

/// A branch with so many wanted objects may be given to another thread.
const MIN_BRANCH: u32 = 64;
/// How many buffers a thread keeps to use again. A new one costs a page fault for each of its pages, which
/// is more than filling it.
const MAX_SPARE: usize = 8;
/// How large they may be together. One is kept whatever its size: a chain of large versions needs it for each.
const MAX_SPARE_BYTES: usize = 4 << 20;
/// A buffer so large may hold any version; one that is larger, no version of less than half its size.
const SMALL_BYTES: usize = 1 << 16;
/// So many children of a version are asked for while it is made.
const MAX_APPROACHED: usize = 8;
/// A version with so many bytes is shown while the next one is made, where a thread is idle.
const MIN_SHARED_BYTES: usize = 1 << 16;

/// Looks at every wanted object of a walk.
pub(in crate::source) trait Visit: Sync {
    /// What is kept of an object while others are made from it.
    type Memory: Send + Sync;

    /// Looks at an object. `base` is what was kept of the one it is made from and what they share; none
    /// where it is stored whole, or its base was not wanted.
    fn visit(
        &self,
        node: Node,
        bytes: &[u8],
        base: Option<(&Self::Memory, &[Copied])>,
    ) -> Self::Memory;

    /// Is told that an object will be shown soon.
    fn expect(&self, _node: Node) {}
}

/// Makes every wanted object of that kind and of at most `max_bytes`, and shows each to `visit`.
///
/// What can't be made is passed over, with everything that is made from it.
pub(in crate::source) fn walk<V: Visit>(
    pack: &Pack,
    kind: ObjectType,
    max_bytes: u64,
    wanted: &[Node],
    visit: &V,
) {
    if wanted.is_empty() {
        return;
    }
    let (mut roots, weights) = weigh(pack, wanted);
    let weight = |node: &Node| std::cmp::Reverse(weights[*node as usize]);
    roots.par_sort_by_key(weight);
    let mut is_wanted = vec![false; weights.len()];
    wanted.iter().for_each(|node| is_wanted[*node as usize] = true);
    let walk = Walk {
        pack,
        kind,
        max_bytes,
        is_wanted,
        weights,
        visit,
        unwalked: AtomicUsize::new(roots.len()),
        branches: AtomicUsize::new(0),
        max_branches: 2 * rayon::current_num_threads(),
        idle: Mutex::default(),
    };
    rayon::scope(|scope| {
        roots.par_iter().enumerate().with_max_len(1).for_each(|(index, root)| {
            roots.get(index + 1).into_iter().for_each(|next| walk.expect(*next));
            walk.tree(*root, scope);
        });
    });
}

/// Returns the roots below which something is wanted, and how much is wanted below each object.
fn weigh(pack: &Pack, wanted: &[Node]) -> (Vec<Node>, Vec<u32>) {
    let forest = pack.forest();
    let mut weights = vec![0_u32; forest.len()];
    wanted.iter().for_each(|node| weights[*node as usize] = 1);
    let mut roots = Vec::new();
    for &node in forest.roots_first().iter().rev() {
        let weight = weights[node as usize];
        match forest.base(node) {
            Some(base) => weights[base as usize] += weight,
            None if weight > 0 => roots.push(node),
            None => {}
        }
    }
    (roots, weights)
}

struct Walk<'a, V> {
    pack: &'a Pack,
    kind: ObjectType,
    max_bytes: u64,
    is_wanted: Vec<bool>,
    weights: Vec<u32>,
    visit: &'a V,
    /// How many trees no thread has begun to walk.
    unwalked: AtomicUsize,
    /// How many branches wait for another thread. Each keeps the bytes it grows from in memory.
    branches: AtomicUsize,
    max_branches: usize,
    idle: Mutex<Vec<Tools>>,
}

/// What a thread works with.
struct Tools {
    inflater: Inflater,
    delta: Vec<u8>,
    copies: Vec<Copied>,
    spare: Vec<Vec<u8>>,
}

/// An object made from another one, and what they share.
struct Made {
    bytes: Vec<u8>,
    copies: Vec<Copied>,
}

/// An object that others are made from.
struct Version<M> {
    bytes: Vec<u8>,
    memory: Option<M>,
}

/// A version, and those of its children that are still to be walked: the heaviest first, taken from
/// the end.
struct Fork<M> {
    version: Arc<Version<M>>,
    children: Vec<Node>,
    /// The next child, where it was made while the version was shown.
    ahead: Option<Result<Made, Broken>>,
}

impl<'a, V: Visit> Walk<'a, V> {
    /// Walks the tree of a root.
    fn tree<'s>(&'s self, root: Node, scope: &Scope<'s>) {
        self.unwalked.fetch_sub(1, Ordering::Relaxed);
        self.with_tools(|tools| {
            self.approach_children(root);
            let Ok(bytes) = self.whole(root, tools) else { return };
            let fork = self.fork(root, Made { bytes, copies: Vec::new() }, None, tools);
            self.grow(fork, scope, tools);
        });
    }

    /// Walks everything that is made from a version.
    fn grow<'s>(&'s self, fork: Option<Fork<V::Memory>>, scope: &Scope<'s>, tools: &mut Tools) {
        let mut stack: Vec<_> = fork.into_iter().collect();
        while let Some(mut fork) = stack.pop() {
            let Some(child) = fork.children.pop() else { continue };
            let (base, ahead) = (Arc::clone(&fork.version), fork.ahead.take());
            if fork.children.is_empty() {
                drop(fork);
            } else {
                fork.children.last().into_iter().for_each(|next| self.expect(*next));
                stack.push(fork);
                if self.is_for_another(child) {
                    scope.spawn(move |scope| {
                        self.branches.fetch_sub(1, Ordering::Relaxed);
                        self.with_tools(|tools| {
                            let fork = self.child(child, base, ahead, tools);
                            self.grow(fork, scope, tools);
                        });
                    });
                    continue;
                }
            }
            stack.extend(self.child(child, base, ahead, tools));
        }
    }

    /// Makes a child of a version unless that is done, shows it, and returns it where others are made from it.
    fn child(
        &self,
        node: Node,
        base: Arc<Version<V::Memory>>,
        ahead: Option<Result<Made, Broken>>,
        tools: &mut Tools,
    ) -> Option<Fork<V::Memory>> {
        self.approach_children(node);
        let made = ahead.unwrap_or_else(|| self.difference(node, &base.bytes, tools));
        // The version itself is not needed any more: its buffer is, for the next one.
        match Arc::try_unwrap(base) {
            Ok(Version { bytes, memory }) => {
                tools.give_back(bytes);
                self.fork(node, made.ok()?, memory.as_ref(), tools)
            }
            Err(base) => self.fork(node, made.ok()?, base.memory.as_ref(), tools),
        }
    }

    /// Shows a version, given what was kept of its base, and returns it where others are made from it.
    fn fork(
        &self,
        node: Node,
        made: Made,
        base: Option<&V::Memory>,
        tools: &mut Tools,
    ) -> Option<Fork<V::Memory>> {
        let weight = |node: &Node| self.weights[*node as usize];
        let children = self.pack.forest().children(node).iter().copied();
        let mut children: Vec<Node> = children.filter(|child| weight(child) > 0).collect();
        children.sort_by_key(|child| std::cmp::Reverse(weight(child)));
        children.last().into_iter().for_each(|next| self.expect(*next));
        let Made { bytes, copies } = made;
        let show = || {
            let known = base.map(|memory| (memory, &*copies));
            self.is_wanted(node).then(|| self.visit.visit(node, &bytes, known))
        };
        let (memory, ahead) = match children.last().filter(|_| self.is_shared(&bytes)) {
            Some(next) => rayon::join(show, || Some(self.difference(*next, &bytes, tools))),
            None => (show(), None),
        };
        tools.copies = copies;
        if children.is_empty() {
            tools.give_back(bytes);
            return None;
        }
        Some(Fork { version: Arc::new(Version { bytes, memory }), children, ahead })
    }

    /// Returns whether another thread may help with a version: it is large, and there is no tree for that
    /// thread to walk.
    fn is_shared(&self, bytes: &[u8]) -> bool {
        bytes.len() >= MIN_SHARED_BYTES && self.unwalked.load(Ordering::Relaxed) == 0
    }

    /// Says that it will be said soon that children of an object will be made soon: where they lie, and what is
    /// wanted below them, must be waited for, too.
    fn approach_children(&self, node: Node) {
        for child in self.pack.forest().children(node).iter().take(MAX_APPROACHED) {
            self.pack.approach_node(*child);
            prefetch(&self.weights[*child as usize]);
        }
    }

    /// Says that an object will be made soon: what is needed for that must be waited for.
    fn expect(&self, node: Node) {
        self.pack.expect(node);
        self.visit.expect(node);
    }

    fn is_wanted(&self, node: Node) -> bool {
        self.is_wanted[node as usize]
    }

    /// Returns whether another thread may walk a branch, and counts it if so.
    fn is_for_another(&self, node: Node) -> bool {
        let more = |waiting| (waiting < self.max_branches).then_some(waiting + 1);
        let order = Ordering::Relaxed;
        self.weights[node as usize] >= MIN_BRANCH
            && self.branches.fetch_update(order, order, more).is_ok()
    }

    fn whole(&self, node: Node, tools: &mut Tools) -> Result<Vec<u8>, Broken> {
        let (entry, data) = self.pack.entry(node)?;
        if entry.stored != Stored::Whole(self.kind) {
            return Err(Broken("it is of another kind"));
        }
        let mut bytes = self.buffer(entry.size, tools)?;
        tools.inflater.inflate(data, entry.size, &mut bytes)?;
        Ok(bytes)
    }

    /// Makes an object from its base.
    fn difference(&self, node: Node, base: &[u8], tools: &mut Tools) -> Result<Made, Broken> {
        let (entry, data) = self.pack.entry(node)?;
        let mut room = mem::take(&mut tools.delta);
        let delta = tools.inflater.inflate_over(data, entry.size, &mut room)?;
        let size = delta::sizes(delta).map_or(0, |(_, size, _)| size);
        let mut made =
            Made { bytes: self.buffer(size, tools)?, copies: mem::take(&mut tools.copies) };
        let apply = if self.is_shared(base) { delta::apply_together } else { delta::apply };
        apply(base, delta, &mut made.bytes, &mut made.copies)?;
        tools.delta = room;
        Ok(made)
    }

    /// Returns a buffer for so many bytes.
    fn buffer(&self, size: u64, tools: &mut Tools) -> Result<Vec<u8>, Broken> {
        match usize::try_from(size) {
            Ok(length) if size <= self.max_bytes => Ok(tools.buffer(length)),
            _ => Err(Broken("it is too large")),
        }
    }

    fn with_tools(&self, work: impl FnOnce(&mut Tools)) {
        let lock = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tools = lock().pop().unwrap_or_else(Tools::new);
        work(&mut tools);
        lock().push(tools);
    }
}

impl Tools {
    fn new() -> Self {
        let (delta, copies, spare) = (Vec::new(), Vec::new(), Vec::new());
        Self { inflater: Inflater::new(), delta, copies, spare }
    }

    /// Returns the buffer that was given back last of those that hold so many bytes and not many more.
    fn buffer(&mut self, size: usize) -> Vec<u8> {
        let fitting = size..=SMALL_BYTES.max(size.saturating_mul(2));
        let last = self.spare.iter().rposition(|spare| fitting.contains(&spare.capacity()));
        // The next version is mostly a little larger or smaller.
        last.map_or_else(|| Vec::with_capacity(size + size / 4), |index| self.spare.remove(index))
    }

    fn give_back(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
        let bytes = |spare: &[Vec<u8>]| spare.iter().map(Vec::capacity).sum::<usize>();
        while self.spare.len() > MAX_SPARE
            || self.spare.len() > 1 && bytes(&self.spare) > MAX_SPARE_BYTES
        {
            self.spare.remove(0);
        }
    }
}
