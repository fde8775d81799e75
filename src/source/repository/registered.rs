//! The submodules that a repository names, whether their own repositories are here or not.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use git2::{ObjectType, Oid};

use super::settings::settings;
use super::{Commit, EntryKind, Index, Objects, Repository, entries, head};
use crate::source::{DEFAULT_MAX_BYTES, regular};

/// Mode of an index entry that names a commit of another repository.
const GITLINK: u32 = 0o160_000;
/// Where git keeps what submodules are called and where they come from.
const FILE: &str = ".gitmodules";

/// Returns the submodules of a repository: of each the path, and the name that git keeps its repository by.
pub(super) fn registered(repository: &Repository) -> BTreeMap<String, String> {
    let staged = staged(repository);
    // Without an index, as in a bare repository, what is checked out elsewhere counts.
    let committed = staged.is_none().then(|| committed(repository)).flatten().unwrap_or_default();
    let at_hand = repository.workdir().map(|folder| regular::read_text(&folder.join(FILE)));
    let text = at_hand.and_then(Result::ok).unwrap_or(committed.settings);
    let paths = staged.unwrap_or(committed.paths).into_iter();
    let mut registered: BTreeMap<_, _> = paths.map(|path| (path.clone(), path)).collect();
    let settings = settings(&text).into_iter();
    let paths = settings.filter(|setting| setting.section == "submodule" && setting.key == "path");
    registered.extend(paths.map(|setting| (setting.value, setting.name)));
    registered
}

/// Returns the paths of the submodules in the index; none where there is no index that can be read.
pub(super) fn staged(repository: &Repository) -> Option<BTreeSet<String>> {
    let path = repository.path().join("index");
    let index = path.exists().then(|| Index::read(&path, repository.id_bytes()).ok()).flatten()?;
    let links = index.entries.iter().filter(|entry| entry.mode == GITLINK);
    let path = |entry| String::from_utf8_lossy(index.path(entry)).into_owned();
    Some(links.map(path).collect())
}

/// What the commit that is checked out says of submodules.
#[derive(Default)]
struct Committed {
    paths: BTreeSet<String>,
    /// What stands in [`FILE`].
    settings: String,
}

/// Looks through the folders of the commit that is checked out; none where it can't be read. Of a folder that
/// stands in several places, the first counts: trees within trees have paths without number.
fn committed(repository: &Repository) -> Option<Committed> {
    let objects = Objects::open_lazily(repository, &[], DEFAULT_MAX_BYTES).ok()?;
    let commit = objects.read(head(repository)?, ObjectType::Commit).ok()?;
    let mut found = Committed::default();
    let mut waiting = vec![(Commit::parse(&commit)?.tree, String::new())];
    let mut known: HashSet<Oid> = waiting.iter().map(|(tree, _)| *tree).collect();
    while let Some((tree, prefix)) = waiting.pop() {
        let tree = objects.read(tree, ObjectType::Tree).unwrap_or_default();
        for entry in entries(&tree, objects.id_bytes()).flatten() {
            let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name));
            match entry.kind {
                EntryKind::Submodule => _ = found.paths.insert(path),
                EntryKind::Tree if known.insert(entry.oid()) => {
                    waiting.push((entry.oid(), format!("{path}/")));
                }
                EntryKind::Blob if path == FILE => {
                    let bytes = objects.read(entry.oid(), ObjectType::Blob).unwrap_or_default();
                    found.settings = String::from_utf8_lossy(&bytes).into_owned();
                }
                EntryKind::Tree | EntryKind::Blob => {}
            }
        }
    }
    Some(found)
}
