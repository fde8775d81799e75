//! Which object of a pack is a difference from which.

use git2::ObjectType;
use rayon::prelude::*;

use super::Node;
use super::entry::{Entry, Stored};
use super::index::Index;
use super::lists::Lists;

/// No object: the base of one that is stored whole, or whose base is not in this pack.
const NONE: Node = Node::MAX;
/// A head is no longer than this: ten bytes of a size, and an id.
const MAX_HEAD_BYTES: usize = 48;

/// The objects of a pack in the order in which they stand there, and the trees that they form.
#[derive(Debug)]
pub(super) struct Forest {
    /// Where each begins, and where the last one ends.
    offsets: Vec<usize>,
    /// The number in the index of each.
    numbers: Vec<u32>,
    /// The other way round.
    nodes: Vec<Node>,
    /// The checksum of the bytes of each.
    checksums: Vec<u32>,
    /// What each is a difference from.
    bases: Vec<Node>,
    /// What is a difference from each.
    children: Lists,
    roots_first: Vec<Node>,
    /// Of what kind each is; none where its head, or that of one it is made from, makes no sense.
    kinds: Vec<Option<ObjectType>>,
}

impl Forest {
    /// Reads the head of every object.
    pub(super) fn of(index: &Index, pack: &[u8]) -> Self {
        index.prepare();
        // One that the index can't place stands at the end, where there is nothing to read.
        let end = pack.len().saturating_sub(index.id_bytes());
        let place = |number: usize| {
            let offset = index.offset(number).and_then(|offset| usize::try_from(offset).ok());
            (offset.unwrap_or(end), number as u32, index.crc32(number))
        };
        let mut places: Vec<_> = (0..index.len()).into_par_iter().map(place).collect();
        places.par_sort_unstable();
        let mut nodes = vec![0; places.len()];
        for (node, (_, number, _)) in places.iter().enumerate() {
            nodes[*number as usize] = node as Node;
        }
        let numbers = places.iter().map(|(_, number, _)| *number).collect();
        let checksums = places.iter().map(|(_, _, checksum)| *checksum).collect();
        let mut offsets: Vec<usize> = places.into_iter().map(|(offset, _, _)| offset).collect();
        let head = |&offset: &usize| head_of(offset, index, pack, &offsets, &nodes);
        let heads = offsets.par_iter().map(head);
        let (bases, mut kinds): (Vec<Node>, Vec<_>) = heads.unzip();
        offsets.push(end);
        let with_base = || bases.iter().copied().zip(0..).filter(|(base, _)| *base != NONE);
        let children = Lists::of(bases.len(), with_base);
        let roots_first = roots_first(&bases, &children);
        for &node in &roots_first {
            if bases[node as usize] != NONE {
                kinds[node as usize] = kinds[bases[node as usize] as usize];
            }
        }
        Self { offsets, numbers, nodes, checksums, bases, children, roots_first, kinds }
    }

    /// Returns how many objects there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Returns the object of that number in the index.
    pub(super) fn node(&self, number: usize) -> Node {
        self.nodes[number]
    }

    /// Returns its number in the index.
    pub(super) fn number(&self, node: Node) -> usize {
        self.numbers[node as usize] as usize
    }

    /// Returns the checksum of its bytes, as the index knows it.
    pub(super) fn checksum(&self, node: Node) -> &u32 {
        &self.checksums[node as usize]
    }

    /// Returns of what kind each object is; none where its head, or that of one it is made from, makes no
    /// sense.
    pub(super) fn kinds(&self) -> &[Option<ObjectType>] {
        &self.kinds
    }

    /// Returns where it stands in the pack.
    pub(super) fn range(&self, node: Node) -> std::ops::Range<usize> {
        let node = node as usize;
        self.offsets[node]..self.offsets[node + 1]
    }

    /// Returns the object it is a difference from, if that is in this pack.
    pub(super) fn base(&self, node: Node) -> Option<Node> {
        Some(self.bases[node as usize]).filter(|base| *base != NONE)
    }

    /// Returns the objects that are differences from it.
    pub(super) fn children(&self, node: Node) -> &[Node] {
        self.children.get(node)
    }

    /// Returns every object that can be reached from one that is not a difference, each base before
    /// what is made of it.
    pub(super) fn roots_first(&self) -> &[Node] {
        &self.roots_first
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
    offsets: &[usize],
    nodes: &[Node],
) -> (Node, Option<ObjectType>) {
    let head = pack.get(offset..).unwrap_or_default();
    let entry = Entry::parse(&head[..head.len().min(MAX_HEAD_BYTES)], index.id_bytes());
    let base = match entry.map(|entry| entry.stored) {
        Some(Stored::OffsetDelta(distance)) => usize::try_from(distance)
            .ok()
            .and_then(|distance| offset.checked_sub(distance))
            .filter(|base| *base < offset)
            .and_then(|base| offsets.binary_search(&base).ok())
            .map(|base| base as Node),
        Some(Stored::RefDelta(oid)) => index.find(oid.as_bytes()).map(|number| nodes[number]),
        Some(Stored::Whole(kind)) => return (NONE, Some(kind)),
        None => None,
    };
    (base.unwrap_or(NONE), None)
}
