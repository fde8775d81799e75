//! The objects of a repository for one walk: from its packs where that can be, else as libgit2 reads them.

use std::cell::RefCell;
use std::rc::Rc;

use git2::{ObjectType, Oid};

use crate::source::pack;
use crate::source::repository::{Objects, Unreadable};

/// Reads objects in one thread, each quickly after one it is made from.
pub(super) struct Store<'a> {
    objects: &'a Objects,
    max_bytes: u64,
    packs: RefCell<pack::Reader<'a>>,
}

impl<'a> Store<'a> {
    pub(super) fn new(objects: &'a Objects, max_bytes: u64) -> Self {
        Self {
            objects,
            max_bytes,
            packs: RefCell::new(pack::Reader::new(objects.packs(), max_bytes)),
        }
    }

    /// Returns how many bytes the ids of objects have.
    pub(super) fn id_bytes(&self) -> usize {
        self.objects.id_bytes()
    }

    /// Returns how large an object may be to be read.
    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Reads an object that should be of that kind.
    pub(super) fn read(&self, oid: Oid, expected: ObjectType) -> Result<Rc<Vec<u8>>, Unreadable> {
        match self.packs.borrow_mut().read(oid) {
            Some((kind, bytes)) if kind == expected => Ok(bytes),
            _ => self.objects.read(oid, expected).map(Rc::new),
        }
    }

    /// Reads an object of whatever kind.
    pub(super) fn read_any(&self, oid: Oid) -> Result<(ObjectType, Rc<Vec<u8>>), Unreadable> {
        if let Some(object) = self.packs.borrow_mut().read(oid) {
            return Ok(object);
        }
        let (kind, bytes) = self.objects.read_any(oid)?;
        Ok((kind, Rc::new(bytes)))
    }
}
