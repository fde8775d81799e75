//! The objects of a repository, read by id from any thread.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use git2::{ErrorCode, ObjectFormat, ObjectType, Odb, Oid};

use super::ids::id_bytes;
use super::loose::{kind_of_loose, loose_objects, object_folders, read_loose};
use super::parse::{Commit, EntryKind, entries};
use super::{Error, Repository, obstacles};
use crate::source::Gap;
use crate::source::pack::Pack;
use crate::source::tally::too_large;

/// Reads objects up to a size.
///
/// libgit2 locks an object database while it inflates, so every thread that reads takes a handle of
/// its own from a pool and brings it back before anyone else's code runs.
pub(in crate::source) struct Objects {
    directories: Vec<String>,
    max_bytes: u64,
    format: ObjectFormat,
    folders: Vec<PathBuf>,
    /// The packs of its own object folder and of its alternates.
    packs: Vec<Pack>,
    loose: Loose,
    /// What of the loose objects can't be listed.
    gaps: Vec<Gap>,
    handles: Mutex<Vec<Odb<'static>>>,
}

/// How loose objects are found.
enum Loose {
    /// All of them are listed, for whoever reads many.
    Listed(HashMap<Oid, PathBuf>),
    /// Each is looked for when it is asked for, in these folders.
    Asked(Vec<PathBuf>),
}

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) enum Unreadable {
    /// It is not in the repository.
    Absent,
    /// It has that many bytes, too many.
    TooLarge { size: u64, max: u64 },
    /// Something is there, but not the object.
    Broken(String),
}

impl Objects {
    /// Returns the objects of a repository, those of its alternates among them.
    pub(in crate::source) fn open(repository: &Repository, max_bytes: u64) -> Result<Self, Error> {
        let objects = Self::open_lazily(repository, &[], max_bytes)?;
        let (listed, gaps) = loose_objects(&objects.folders);
        Ok(Self { loose: Loose::Listed(listed), gaps, ..objects })
    }

    /// Returns the same for whoever reads few: nothing is listed beforehand. `further` are folders in which
    /// objects lie beside the repository's own.
    pub(in crate::source) fn open_lazily(
        repository: &Repository,
        further: &[PathBuf],
        max_bytes: u64,
    ) -> Result<Self, Error> {
        let failed = |why: String| Error::Git { path: repository.path().to_owned(), why };
        let text = |folder: &PathBuf| {
            let text = folder.to_str().map(str::to_owned);
            text.ok_or_else(|| failed("its path is not UTF-8".to_owned()))
        };
        let own: Vec<_> =
            std::iter::once(repository.objects_dir()).chain(further.iter().cloned()).collect();
        let mut folders = Vec::new();
        own.iter().for_each(|folder| folders.extend(object_folders(folder)));
        if let Some(path) = obstacles::in_objects(&folders) {
            return Err(Error::NotRegular { path });
        }
        let objects = Self {
            directories: own.iter().map(text).collect::<Result<_, _>>()?,
            max_bytes,
            packs: Pack::open_all(&folders, repository.id_bytes()),
            format: repository.format(),
            loose: Loose::Asked(folders.clone()),
            gaps: Vec::new(),
            folders,
            handles: Mutex::default(),
        };
        let handle = objects.open_handle();
        objects.bring_back(handle.map_err(|error| failed(error.message().to_owned()))?);
        Ok(objects)
    }

    /// Returns how many bytes their ids have.
    pub(in crate::source) fn id_bytes(&self) -> usize {
        id_bytes(self.format)
    }

    /// Reads how the objects of each pack are made of each other.
    pub(in crate::source) fn prepare(&self) {
        self.packs().iter().for_each(|pack| _ = pack.kinds());
    }

    /// Returns the packs that the objects lie in, as far as they can be opened.
    pub(in crate::source) fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// Returns whether an object is known to be here, without reading it.
    pub(in crate::source) fn has(&self, oid: Oid) -> bool {
        self.loose.find(oid).is_some() || self.packs.iter().any(|pack| pack.has(oid))
    }

    /// Returns the object folders: its own, then those of its alternates.
    pub(in crate::source) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Returns a gap for each folder of loose objects that could not be listed.
    pub(in crate::source) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Returns the ids of the loose objects, sorted.
    pub(in crate::source) fn loose_ids(&self) -> Vec<Oid> {
        let mut ids: Vec<Oid> = self.loose.listed().map(|(oid, _)| *oid).collect();
        ids.sort_unstable();
        ids
    }

    /// Returns every object, reachable or not, and of what kind its head says it is; none where the head
    /// is damaged.
    pub(in crate::source) fn all(&self) -> Vec<(Oid, Option<ObjectType>)> {
        let mut all = Vec::new();
        for pack in &self.packs {
            let kinds = pack.kinds().iter().zip(0..);
            all.extend(kinds.map(|(kind, node)| (pack.oid(node), *kind)));
        }
        let loose = self.loose.listed().map(|(oid, path)| (*oid, kind_of_loose(path).ok()));
        all.extend(loose);
        all.sort_unstable_by_key(|(oid, _)| *oid);
        all.dedup_by_key(|(oid, _)| *oid);
        all
    }

    /// Tells whether an object is there.
    pub(in crate::source) fn contains(&self, oid: Oid) -> bool {
        let Ok(handle) = self.take() else { return false };
        let is_there = handle.exists(oid);
        self.bring_back(handle);
        is_there
    }

    /// Reads an object that should be of that kind.
    pub(in crate::source) fn read(
        &self,
        oid: Oid,
        expected: ObjectType,
    ) -> Result<Vec<u8>, Unreadable> {
        let (kind, bytes) = self.read_any(oid)?;
        if kind == expected {
            Ok(bytes)
        } else {
            Err(Unreadable::Broken(format!("it is a {kind} where a {expected} should be")))
        }
    }

    /// Returns the tree of a commit, or none where that can't be read.
    pub(in crate::source) fn tree_of(&self, commit: Oid) -> Option<Oid> {
        let bytes = self.read(commit, ObjectType::Commit).ok()?;
        Some(Commit::parse(&bytes)?.tree)
    }

    /// Returns what a tree lists, with its name, as far as it can be read.
    pub(in crate::source) fn listing(&self, tree: Oid) -> Vec<(Vec<u8>, EntryKind, Oid)> {
        let bytes = self.read(tree, ObjectType::Tree).unwrap_or_default();
        let entries = entries(&bytes, self.id_bytes()).map_while(Result::ok);
        entries.map(|entry| (entry.name.to_owned(), entry.kind, entry.oid())).collect()
    }

    /// Reads an object of whatever kind.
    pub(in crate::source) fn read_any(
        &self,
        oid: Oid,
    ) -> Result<(ObjectType, Vec<u8>), Unreadable> {
        if let Some(path) = self.loose.find(oid) {
            match read_loose(&path, oid, self.max_bytes) {
                // git packed it since it was listed: libgit2 looks for new packs.
                Err(Unreadable::Absent) => {}
                outcome => return outcome,
            }
        }
        if !self.packs.iter().all(|pack| pack.has_sound_heads(oid)) {
            return Err(Unreadable::Broken("its head in the pack makes no sense".to_owned()));
        }
        let handle = self.take().map_err(|error| Unreadable::of(&error))?;
        let outcome = self.read_with(&handle, oid);
        self.bring_back(handle);
        outcome
    }

    fn read_with(&self, odb: &Odb<'_>, oid: Oid) -> Result<(ObjectType, Vec<u8>), Unreadable> {
        let read = || -> Result<_, git2::Error> {
            // The size stands in front of the content, so a huge object never reaches memory.
            let size = odb.read_header(oid)?.0 as u64;
            if size > self.max_bytes {
                return Ok(Err(size));
            }
            let object = odb.read(oid)?;
            Ok(Ok((object.kind(), object.data().to_owned())))
        };
        match read() {
            Ok(Ok(object)) => Ok(object),
            Ok(Err(size)) => Err(Unreadable::TooLarge { size, max: self.max_bytes }),
            Err(error) => Err(Unreadable::of(&error)),
        }
    }

    fn open_handle(&self) -> Result<Odb<'static>, git2::Error> {
        let odb = Odb::new_ext(self.format)?;
        for directory in &self.directories {
            odb.add_disk_alternate(directory)?;
        }
        Ok(odb)
    }

    fn take(&self) -> Result<Odb<'static>, git2::Error> {
        let idle = self.lock().pop();
        idle.map_or_else(|| self.open_handle(), Ok)
    }

    fn bring_back(&self, handle: Odb<'static>) {
        self.lock().push(handle);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Odb<'static>>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loose {
    /// Returns those that are listed.
    fn listed(&self) -> impl Iterator<Item = (&Oid, &PathBuf)> {
        let listed = match self {
            Self::Listed(paths) => Some(paths.iter()),
            Self::Asked(_) => None,
        };
        listed.into_iter().flatten()
    }

    fn find(&self, oid: Oid) -> Option<Cow<'_, Path>> {
        match self {
            Self::Listed(paths) => paths.get(&oid).map(|path| Cow::Borrowed(&**path)),
            Self::Asked(folders) => {
                let name = oid.to_string();
                let (fan_out, rest) = name.split_at(2);
                let mut paths = folders.iter().map(|folder| folder.join(fan_out).join(rest));
                // Whatever it is: libgit2 would open it, and wait for who writes to a pipe.
                paths.find(|path| path.exists()).map(Cow::Owned)
            }
        }
    }
}

impl Unreadable {
    fn of(error: &git2::Error) -> Self {
        match error.code() {
            ErrorCode::NotFound => Self::Absent,
            _ => Self::Broken(error.message().to_owned()),
        }
    }

    /// Returns why, in words.
    pub(in crate::source) fn why(&self) -> String {
        match self {
            Self::Absent => "it is not in the repository".to_owned(),
            Self::TooLarge { size, .. } => format!("it is too large: {size} bytes"),
            Self::Broken(why) => why.clone(),
        }
    }

    /// Returns the gap that it leaves.
    pub(in crate::source) fn gap(self, what: String) -> Gap {
        match self {
            Self::TooLarge { size, max } => too_large(what, size, max),
            Self::Absent => Gap {
                what,
                why: self.why(),
                remedy: "run `git fsck --full`, and fetch the object from another clone".to_owned(),
            },
            Self::Broken(why) => Gap {
                what,
                why: format!("it is damaged: {why}"),
                remedy: "run `git fsck --full`, and restore the object from another clone"
                    .to_owned(),
            },
        }
    }
}
