//! Which object of a pack is a difference from which.

use git2::ObjectType;
use rayon::prelude::*;

use super::Node;
use super::entry::{Entry, Stored};
use super::index::Index;
use super::lists::Lists;
use super::prefetch::prefetch;

/// No object: the base of one that is stored whole, or whose base is not in this pack.
const NONE: Node = Node::MAX;
/// A head is no longer than this: ten bytes of a size, and an id.
const MAX_HEAD_BYTES: usize = 48;
/// So many heads are read while the memory of one comes.
const AHEAD: usize = 16;

/// The objects of a pack in the order in which they stand there, and the trees that they form.
#[derive(Debug)]
pub(super) struct Forest {
    /// Each of them, and one more where the last one ends.
    objects: Vec<Object>,
    /// The object of each number in the index.
    nodes: Vec<Node>,
    /// What is a difference from the first one, then from the second, and so on.
    children: Vec<Node>,
    roots_first: Vec<Node>,
    /// Of what kind each is; none where its head, or that of one it is made from, makes no sense.
    kinds: Vec<Option<ObjectType>>,
}

/// What is asked of an object when it is made, side by side: it lies anywhere in memory, and must be waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// Where it begins.
    offset: usize,
    /// The checksum of its bytes.
    checksum: u32,
    /// Its number in the index.
    number: u32,
    /// What it is a difference from.
    base: Node,
    /// Where what is a difference from it begins among all children.
    first_child: u32,
}

impl Forest {
    /// Reads the head of every object.
    pub(super) fn of(index: &Index, pack: &[u8]) -> Self {
        index.prepare();
        // One that the index can't place stands at the end, where there is nothing to read.
        let end = pack.len().saturating_sub(index.id_bytes());
        let place = |number: usize| {
            let offset = index.offset(number).and_then(|offset| usize::try_from(offset).ok());
            let (offset, checksum) = (offset.unwrap_or(end), index.crc32(number));
            Object { offset, checksum, number: number as u32, base: NONE, first_child: 0 }
        };
        let mut objects: Vec<_> = (0..index.len()).into_par_iter().map(place).collect();
        objects.par_sort_unstable_by_key(|object| (object.offset, object.number));
        let mut nodes = vec![0; objects.len()];
        for (object, node) in objects.iter().zip(0..) {
            nodes[object.number as usize] = node;
        }
        let head = |node: usize| {
            let next = objects.get(node + AHEAD).and_then(|next| pack.get(next.offset));
            next.into_iter().for_each(prefetch);
            head_of(objects[node].offset, index, pack, &objects, &nodes)
        };
        let heads = (0..objects.len()).into_par_iter().map(head);
        let (bases, mut kinds): (Vec<Node>, Vec<_>) = heads.unzip();
        let with_base = || bases.iter().copied().zip(0..).filter(|(base, _)| *base != NONE);
        let children = Lists::of(bases.len(), with_base);
        let roots_first = roots_first(&bases, &children);
        for &node in &roots_first {
            if bases[node as usize] != NONE {
                kinds[node as usize] = kinds[bases[node as usize] as usize];
            }
        }
        objects.push(Object { offset: end, checksum: 0, number: 0, base: NONE, first_child: 0 });
        let (starts, children) = children.into_parts();
        for ((object, start), base) in
            objects.iter_mut().zip(starts).zip(bases.into_iter().chain([NONE]))
        {
            (object.first_child, object.base) = (start, base);
        }
        Self { objects, nodes, children, roots_first, kinds }
    }

    /// Returns how many objects there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the object of that number in the index.
    pub(super) fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    /// Returns its number in the index.
    pub(super) fn number(&self, node: Node) -> usize {
        self.object(node).number as usize
    }

    /// Returns the checksum of its bytes, as the index knows it.
    pub(super) fn checksum(&self, node: Node) -> u32 {
        self.object(node).checksum
    }

    /// Returns of what kind each object is; none where its head, or that of one it is made from, makes no
    /// sense.
    pub(super) fn kinds(&self) -> &[Option<ObjectType>] {
        &self.kinds
    }

    /// Returns where it stands in the pack.
    pub(super) fn range(&self, node: Node) -> std::ops::Range<usize> {
        self.object(node).offset..self.object(node + 1).offset
    }

    /// Returns the object it is a difference from, if that is in this pack.
    pub(super) fn base(&self, node: Node) -> Option<Node> {
        Some(self.object(node).base).filter(|base| *base != NONE)
    }

    /// Returns the objects that are differences from it.
    pub(super) fn children(&self, node: Node) -> &[Node] {
        let [start, end] = [node, node + 1].map(|node| self.object(node).first_child as usize);
        &self.children[start..end]
    }

    /// Returns every object that can be reached from one that is not a difference, each base before
    /// what is made of it.
    pub(super) fn roots_first(&self) -> &[Node] {
        &self.roots_first
    }

    /// Says that the children of an object will be asked for soon.
    pub(super) fn expect_children(&self, node: Node) {
        let first = self.object(node).first_child as usize;
        self.children.get(first).into_iter().for_each(prefetch);
    }

    /// Returns all that is asked of an object when it is made.
    pub(super) fn object(&self, node: Node) -> &Object {
        &self.objects[node as usize]
    }
}

fn roots_first(bases: &[Node], children: &Lists) -> Vec<Node> {
    let is_root = |node: &Node| bases[*node as usize] == NONE;
    let mut order = Vec::with_capacity(bases.len());
    order.extend((0..bases.len() as Node).filter(is_root));
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        order.extend(children.get(node));
        next += 1;
    }
    order
}

/// Returns what the object at an offset is a difference from, or of what kind it is. A head that makes no
/// sense says neither; that shows again when the object is read.
fn head_of(
    offset: usize,
    index: &Index,
    pack: &[u8],
    objects: &[Object],
    nodes: &[Node],
) -> (Node, Option<ObjectType>) {
    let head = pack.get(offset..).unwrap_or_default();
    let entry = Entry::parse(&head[..head.len().min(MAX_HEAD_BYTES)], index.id_bytes());
    let base = match entry.map(|entry| entry.stored) {
        Some(Stored::OffsetDelta(distance)) => usize::try_from(distance)
            .ok()
            .and_then(|distance| offset.checked_sub(distance))
            .filter(|base| *base < offset)
            .and_then(|base| objects.binary_search_by_key(&base, |object| object.offset).ok())
            .map(|base| base as Node),
        Some(Stored::RefDelta(oid)) => index.find(oid.as_bytes()).map(|number| nodes[number]),
        Some(Stored::Whole(kind)) => return (NONE, Some(kind)),
        None => None,
    };
    (base.unwrap_or(NONE), None)
}
