//! However git stores its objects, the same is read.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use stanch::source::{Blob, History, Kind, Source};

use crate::repo::{Repo, blob_id, read, read_and};

/// Versions of a few files, each much like the last one: they are stored as differences.
fn repository() -> Repo {
    let repo = Repo::new();
    let mut lines: Vec<String> = (0..200_u64).map(|line| format!("{}\n", line * line)).collect();
    for round in 0..12 {
        lines[9 * round] = format!("changed in round {round}\n");
        repo.write(&format!("dir/file{}", round % 3), &lines.concat());
        repo.commit(&format!("round {round}"));
    }
    repo
}

type Content = BTreeSet<(Vec<u8>, Vec<Option<String>>)>;

/// Returns everything that is read, and the paths of each.
fn content(source: &impl Source) -> Content {
    let found = read(source);
    found.assert_whole();
    let paths = |places: &[stanch::source::Place]| places.iter().map(|p| p.path.clone()).collect();
    found.blobs.iter().map(|(bytes, places)| (bytes.clone(), paths(places))).collect()
}

fn of(repo: &Repo) -> Content {
    content(&History::new(repo.path()))
}

fn packs(repo: &Repo, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(repo.path().join(".git/objects/pack")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Returns how many objects are stored as differences.
fn differences(repo: &Repo) -> usize {
    let listing = repo.git(["verify-pack", "-v", packs(repo, "idx")[0].to_str().unwrap()]);
    listing.lines().filter(|line| line.split_whitespace().count() == 7).count()
}

#[test]
fn loose_objects_and_differences_by_distance_or_by_id() {
    let repo = repository();
    let expected = of(&repo);
    assert!(expected.len() > 20);
    for by_distance in ["true", "false"] {
        let option = format!("repack.useDeltaBaseOffset={by_distance}");
        repo.git(["-c", &option, "repack", "-adfq", "--depth=50"]);
        assert!(differences(&repo) > 8, "{option}");
        assert_eq!(of(&repo), expected, "{option}");
    }
}

#[test]
fn while_a_large_version_of_a_chain_is_looked_at_an_idle_thread_may_make_the_next() {
    const VERSIONS: usize = 12;
    let mut lines: Vec<String> = (0..20_000_u64).map(|line| format!("{}\n", line * line)).collect();
    let mut stream = Vec::new();
    for version in 0..VERSIONS {
        lines[100 * version] = format!("changed in version {version}\n");
        let text = lines.concat();
        let head = format!("commit refs/heads/main\ncommitter A <a> {version} +0000\ndata 0\n");
        let file = format!("M 644 inline file\ndata {}\n{text}\n", text.len());
        stream.extend([head, file].concat().bytes());
    }
    let repo = Repo::new();
    repo.fast_import(&stream);
    assert!(differences(&repo) >= VERSIONS - 1);
    let ahead = AtomicUsize::new(0);
    let history = History::new(repo.path());
    // The only thread there is can do what another one would have taken.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        read_and(&history, |blob| {
            let did = rayon::yield_local().filter(|_| blob.places[0].kind == Kind::Blob);
            ahead.fetch_add(usize::from(did == Some(rayon::Yield::Executed)), Ordering::Relaxed);
        })
    })
    .assert_whole();
    assert_eq!(ahead.into_inner(), VERSIONS - 1);
}

#[test]
fn several_packs_and_loose_objects_beside_them() {
    let repo = repository();
    let half = repo.git(["rev-list", "--objects", "HEAD~6"]);
    let ids: Vec<&str> = half.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let pack = repo.path().join(".git/objects/pack/pack");
    repo.feed(&["pack-objects", "-q", pack.to_str().unwrap()], ids.join("\n").as_bytes());
    repo.git(["prune-packed"]);
    let expected = of(&repo);
    assert_eq!(packs(&repo, "pack").len(), 1);
    repo.git(["repack", "-dq"]);
    assert_eq!(packs(&repo, "pack").len(), 2);
    assert_eq!(of(&repo), expected);
    repo.git(["repack", "-adq"]);
    assert_eq!(of(&repo), expected);
}

#[test]
fn a_multi_pack_index() {
    let repo = repository();
    let expected = of(&repo);
    repo.git(["repack", "-dq"]);
    repo.commit_file("later", "later");
    repo.git(["repack", "-dq"]);
    let before = of(&repo);
    assert_eq!(before.len(), expected.len() + 2);
    repo.git(["multi-pack-index", "write"]);
    assert!(repo.path().join(".git/objects/pack/multi-pack-index").exists());
    assert_eq!(of(&repo), before);
    repo.git(["repack", "-adq", "--write-midx", "--write-bitmap-index"]);
    assert_eq!(of(&repo), before);
}

#[test]
fn indexes_of_every_version_and_with_large_offsets() {
    let repo = repository();
    repo.git(["repack", "-adfq"]);
    let expected = of(&repo);
    let (pack, index) = (&packs(&repo, "pack")[0], &packs(&repo, "idx")[0]);
    // The second makes nearly every offset one of those beyond two gigabytes.
    for version in ["1", "2,0x40"] {
        fs::remove_file(index).unwrap();
        let option = format!("--index-version={version}");
        repo.git(["index-pack", &option, "-o", index.to_str().unwrap(), pack.to_str().unwrap()]);
        assert_eq!(of(&repo), expected, "{option}");
        assert_eq!(content(&History::new(repo.path()).whole_blobs(true)), expected, "{option}");
    }
    assert!(large_offsets(&fs::read(index).unwrap()).len() > 8 * 20);
}

/// Returns where the table of large offsets stands in an index of version 2.
fn large_offsets(index: &[u8]) -> Range<usize> {
    const HEAD: usize = 8 + 256 * 4;
    let id_bytes = blob_id(b"").len() / 2;
    let count = u32::from_be_bytes(index[HEAD - 4..HEAD].try_into().unwrap()) as usize;
    HEAD + count * (id_bytes + 4 + 4)..index.len() - 2 * id_bytes
}

#[test]
fn a_damaged_table_of_large_offsets_is_a_gap_and_nothing_wrong_is_read() {
    let repo = repository();
    repo.git(["repack", "-adfq"]);
    let expected = of(&repo);
    let (pack, index) = (&packs(&repo, "pack")[0], &packs(&repo, "idx")[0]);
    fs::remove_file(index).unwrap();
    let arguments = ["index-pack", "--index-version=2,0x40", "-o"];
    repo.git([&arguments[..], &[index.to_str().unwrap(), pack.to_str().unwrap()]].concat());
    let whole = fs::read(index).unwrap();
    let table = large_offsets(&whole);
    let (first, last) = (table.start, table.end - 8);
    // One behind the end, one that is negative to whoever reads it so, one in the middle of an object, and the
    // same one twice.
    type Change = fn(&mut [u8]);
    let changes: [Change; 5] = [
        |table| table[3] = 1,
        |table| table[..8].fill(0xff),
        |table| table[7] ^= 1,
        |table| table.copy_within(8..16, 0),
        // None of them is left.
        |table| table.fill(0),
    ];
    for (number, change) in changes.iter().enumerate() {
        for at in [first, last - 8] {
            let mut damaged = whole.clone();
            change(&mut damaged[at..table.end]);
            assert_partial(&repo, index, &damaged, &expected, &format!("change {number} at {at}"));
        }
    }
    // The table is cut off, and what points behind it points nowhere.
    for left in [0, 8, table.len() - 8] {
        let damaged = [&whole[..first + left], &whole[table.end..]].concat();
        assert_partial(&repo, index, &damaged, &expected, &format!("{left} bytes left"));
    }
    overwrite(index, &whole);
    assert_eq!(of(&repo), expected);
}

/// Asserts that with such an index something is missed, and nothing is read that is not there.
fn assert_partial(repo: &Repo, index: &Path, damaged: &[u8], expected: &Content, what: &str) {
    overwrite(index, damaged);
    let contents: BTreeSet<&[u8]> = expected.iter().map(|(bytes, _)| &**bytes).collect();
    let history = History::new(repo.path());
    for history in [history.clone(), history.clone().all_objects(true), history.whole_blobs(true)] {
        let found = read(&history);
        assert!(!found.coverage.gaps.is_empty(), "{what}");
        let is_known = |(bytes, _): &(Vec<u8>, _)| contents.contains(&**bytes);
        assert!(found.blobs.iter().all(is_known), "{what}");
    }
}

/// Overwrites a file that git made read-only.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_nothing_reaches_in_a_pack_of_its_own() {
    let repo = repository();
    repo.git(["config", "core.logAllRefUpdates", "false"]);
    fs::remove_dir_all(repo.path().join(".git/logs")).unwrap();
    let blob = repo.write("dangling", "staged once");
    repo.git(["hash-object", "-w", blob.to_str().unwrap()]);
    let expected = of(&repo);
    let all = || content(&History::new(repo.path()).all_objects(true));
    let dangling = (b"staged once".to_vec(), vec![None]);
    assert!(all().contains(&dangling) && !expected.contains(&dangling));
    repo.git(["repack", "--cruft", "-dq"]);
    assert_eq!(packs(&repo, "mtimes").len(), 1);
    assert_eq!(of(&repo), expected);
    assert_eq!(all().difference(&expected).count(), 1);
}

#[test]
fn a_git_file_a_linked_worktree_and_a_bare_repository() {
    let repo = repository();
    let expected = of(&repo);
    let elsewhere = tempfile::TempDir::new().unwrap();
    let folder = elsewhere.path().join("kept here");
    repo.git(["init", "--quiet", "--separate-git-dir", folder.to_str().unwrap()]);
    assert!(repo.path().join(".git").is_file());
    assert_eq!(of(&repo), expected);
    assert_eq!(content(&History::new(&folder)), expected);
    repo.git(["worktree", "add", "--quiet", "--detach", "linked"]);
    assert_eq!(content(&History::new(repo.path().join("linked"))), expected);
    assert_eq!(of(&Repo::clone_of(&repo, &["--bare"])), expected);
}

/// Reads a history, and lets `meanwhile` happen after the first blob.
fn read_during(repo: &Repo, meanwhile: impl Fn() + Sync) -> Content {
    let is_first = AtomicBool::new(true);
    let found = read_and(&History::new(repo.path()), |_: Blob<'_>| {
        if is_first.swap(false, Ordering::SeqCst) {
            meanwhile();
        }
    });
    found.assert_whole();
    let paths = |places: &[stanch::source::Place]| places.iter().map(|p| p.path.clone()).collect();
    found.blobs.iter().map(|(bytes, places)| (bytes.clone(), paths(places))).collect()
}

#[test]
fn objects_that_git_packs_anew_while_they_are_read() {
    let repo = repository();
    let expected = of(&repo);
    let from_loose = read_during(&repo, || {
        repo.git(["repack", "-adq"]);
        repo.git(["prune-packed"]);
    });
    assert_eq!(from_loose, expected);
    let before = packs(&repo, "pack");
    let from_pack = read_during(&repo, || _ = repo.git(["repack", "-adfq", "--window=0"]));
    assert_eq!(from_pack, expected);
    assert_ne!(packs(&repo, "pack"), before, "the old pack is gone");
    let loosened = read_during(&repo, || {
        for pack in packs(&repo, "pack") {
            let bytes = fs::read(&pack).unwrap();
            fs::remove_file(&pack).unwrap();
            fs::remove_file(pack.with_extension("idx")).unwrap();
            repo.feed(&["unpack-objects", "-q"], &bytes);
        }
    });
    assert_eq!(loosened, expected);
}
