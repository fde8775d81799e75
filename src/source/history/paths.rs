//! Paths by number: a history has few names and many paths made of them.

use super::names::Names;
use super::number::NumberMap;

/// The number of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PathId(u32);

/// Every path met so far.
pub(super) struct Paths {
    /// The folder each path lies in, and the number of its name.
    nodes: Vec<(PathId, u32)>,
    numbers: NumberMap<(PathId, u32), PathId>,
}

impl Paths {
    /// The root of the tree.
    pub(super) const ROOT: PathId = PathId(0);

    /// Returns the root alone.
    pub(super) fn new() -> Self {
        Self { nodes: vec![(Self::ROOT, 0)], numbers: NumberMap::default() }
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the number of the path of that name in that folder.
    pub(super) fn child(&mut self, folder: PathId, name: u32) -> PathId {
        *self.numbers.entry((folder, name)).or_insert_with(|| {
            self.nodes.push((folder, name));
            PathId(self.nodes.len() as u32 - 1)
        })
    }

    /// Returns the path from the root, or none for the root itself.
    pub(super) fn path(&self, path: PathId, names: &Names) -> Option<String> {
        let mut parts = Vec::new();
        let mut step = path;
        while step != Self::ROOT {
            let (folder, name) = self.nodes[step.0 as usize];
            parts.push(names.name(name));
            step = folder;
        }
        parts.reverse();
        (!parts.is_empty()).then(|| parts.join("/"))
    }
}
