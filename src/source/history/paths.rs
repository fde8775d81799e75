//! Paths by number: a history has few names and many paths made of them.

use std::collections::HashMap;

/// The number of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PathId(u32);

/// Every path met so far.
pub(super) struct Paths {
    /// The folder each path lies in, and the number of its name.
    nodes: Vec<(PathId, u32)>,
    numbers: HashMap<(PathId, u32), PathId>,
    names: Vec<Box<[u8]>>,
    name_numbers: HashMap<Box<[u8]>, u32>,
}

impl Paths {
    /// The root of the tree.
    pub(super) const ROOT: PathId = PathId(0);

    /// Returns the root alone.
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![(Self::ROOT, 0)],
            numbers: HashMap::new(),
            names: vec![Box::default()],
            name_numbers: HashMap::new(),
        }
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the number of that name in that folder.
    pub(super) fn child(&mut self, folder: PathId, name: &[u8]) -> PathId {
        let name = self.name(name);
        *self.numbers.entry((folder, name)).or_insert_with(|| {
            self.nodes.push((folder, name));
            PathId(self.nodes.len() as u32 - 1)
        })
    }

    /// Returns the path from the root, or none for the root itself.
    pub(super) fn path(&self, path: PathId) -> Option<String> {
        let mut names = Vec::new();
        let mut step = path;
        while step != Self::ROOT {
            let (folder, name) = self.nodes[step.0 as usize];
            names.push(String::from_utf8_lossy(&self.names[name as usize]));
            step = folder;
        }
        names.reverse();
        (!names.is_empty()).then(|| names.join("/"))
    }

    fn name(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.name_numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.into());
        self.name_numbers.insert(name.into(), number);
        number
    }
}
