//! Repositories with something missing or broken: a gap says so, and the rest is read.

use std::fs;
use std::path::PathBuf;

use stanch::source::{Error, Gap, History, Kind, Source, read_blob};

use crate::repo::{Repo, blob_id, read, read_with_threads};

fn history(repo: &Repo) -> History {
    History::new(repo.path())
}

/// Overwrites a file that git made read-only.
fn overwrite(path: &PathBuf, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn only_pack(repo: &Repo) -> PathBuf {
    repo.git(["repack", "-a", "-d", "--quiet"]);
    repo.git(["prune-packed"]);
    let files = fs::read_dir(repo.path().join(".git/objects/pack")).unwrap();
    let mut packs = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pack"));
    packs.next().unwrap()
}

#[test]
fn a_shallow_clone_is_a_gap_and_what_it_has_is_read() {
    let repo = Repo::new();
    repo.commit_file("a", "old");
    repo.commit_file("a", "new");
    let found = read(&history(&Repo::clone_of(&repo, &["--depth=1"])));
    assert_eq!(found.paths(), ["a"]);
    found.places("new");
    found.assert_gap("the history before 1 commits");
    assert_eq!(found.coverage.gaps.len(), 1);
    assert!(found.coverage.gaps[0].remedy.contains("--unshallow"));
}

#[test]
fn a_partial_clone_is_one_gap_and_what_it_has_is_read() {
    let repo = Repo::new();
    repo.git(["config", "uploadpack.allowFilter", "true"]);
    repo.commit_file("a", "left at the remote");
    repo.commit_file("a", "left there too");
    repo.commit_file("a", "fetched");
    let clone = Repo::clone_of(&repo, &["--filter=blob:none"]);
    let check = || {
        let found = read(&history(&clone));
        found.places("fetched");
        found.assert_gap("and 1 more objects");
        assert_eq!(found.coverage.gaps.len(), 1, "{:#?}", found.coverage.gaps);
        assert!(found.coverage.gaps[0].why.contains("partial clone"));
    };
    check();
    // Some versions of git say it in the format of the repository too, which libgit2 refuses.
    clone.git(["config", "core.repositoryFormatVersion", "1"]);
    clone.git(["config", "extensions.partialClone", "origin"]);
    check();
    clone.git(["config", "extensions.unheardOf", "true"]);
    let outcome = history(&clone).walk(&|_| {});
    assert!(matches!(outcome, Err(Error::Git { .. })));
}

#[test]
fn a_missing_blob_tree_or_commit_is_a_gap_and_the_rest_is_read() {
    let repo = Repo::new();
    let first = repo.commit_file("a", "behind the missing commit");
    let second = repo.commit_file("b", "in the missing commit");
    repo.write("dir/c", "in the missing tree");
    let third = repo.commit_file("d", "the missing blob");
    repo.commit_file("e", "still here");
    let oid = |name: String| repo.git(["rev-parse", &name]);
    let tree = oid(format!("{third}:dir"));
    let blob = oid(format!("{third}:d"));
    // The logs would lead round the missing commit.
    fs::remove_dir_all(repo.path().join(".git/logs")).unwrap();
    for gone in [&second, &tree, &blob] {
        fs::remove_file(repo.loose_object(gone)).unwrap();
    }

    let found = read(&history(&repo));
    found.places("still here");
    found.places("in the missing commit");
    found.assert_gap(&format!("object {second}"));
    found.assert_gap(&format!("tree {tree} (dir/)"));
    found.assert_gap(&format!("blob {blob} (d)"));
    assert_eq!(found.coverage.gaps.len(), 3);
    assert!(found.coverage.gaps.iter().all(|gap| gap.remedy.contains("git fsck")));
    let messages = found.blobs.iter().filter(|(bytes, _)| bytes == b"write a\n");
    assert_eq!(messages.count(), 0, "{first} can't be reached");
}

#[test]
fn an_object_that_was_changed_on_disk_is_a_gap() {
    let repo = Repo::new();
    repo.commit_file("a", "kept");
    repo.commit_file("b", "cut off");
    repo.commit_file("c", "replaced by another");
    let oid = |name: &str| repo.git(["rev-parse", &format!("HEAD:{name}")]);
    let (cut, replaced) = (oid("b"), oid("c"));
    let path = repo.loose_object(&cut);
    let whole = fs::read(&path).unwrap();
    let other = fs::read(repo.loose_object(&oid("a"))).unwrap();
    overwrite(&repo.loose_object(&replaced), &other);

    for length in 0..whole.len() {
        overwrite(&path, &whole[..length]);
        let found = read(&history(&repo));
        found.places("kept");
        found.assert_gap(&format!("blob {cut} (b)"));
        found.assert_gap(&format!("blob {replaced} (c)"));
        assert_eq!(found.coverage.gaps.len(), 2);
    }
}

#[test]
fn a_pack_cut_off_anywhere_is_named_and_never_a_crash() {
    let repo = Repo::new();
    for round in 0..8 {
        repo.commit_file("a", &format!("{round}").repeat(200));
    }
    let pack = only_pack(&repo);
    let whole = fs::read(&pack).unwrap();
    for cut in (0..whole.len()).step_by(whole.len() / 12) {
        overwrite(&pack, &whole[..cut]);
        let found = read(&history(&repo));
        found.assert_gap(pack.file_name().unwrap().to_str().unwrap());
    }
    overwrite(&pack, &whole);
    read(&history(&repo)).assert_whole();
}

#[test]
fn a_pack_changed_in_its_middle_is_a_gap_and_the_rest_is_read() {
    let repo = Repo::new();
    // Content that doesn't compress to nothing, and shares nothing, so that each is an object of its own.
    for round in 0..20_u32 {
        let words = (0..200).map(|word: u32| (word + 7919 * round).wrapping_mul(2_654_435_761));
        let text: Vec<_> = words.map(|word| format!("{word:08x}")).collect();
        repo.write(&format!("file{round}"), &text.join(" "));
    }
    repo.commit("all of them");
    let pack = only_pack(&repo);
    let whole = fs::read(&pack).unwrap();
    let total = read(&history(&repo)).coverage.blobs;
    for position in (20..whole.len() - 20).step_by(whole.len() / 12) {
        let mut changed = whole.clone();
        changed[position] ^= 0xff;
        overwrite(&pack, &changed);
        let found = read(&history(&repo));
        assert!(!found.coverage.gaps.is_empty(), "byte {position}");
        assert!(found.coverage.blobs < total);
    }
}

#[test]
fn in_a_damaged_chain_of_differences_nothing_wrong_is_read_and_nothing_is_passed_over() {
    let repo = Repo::new();
    let mut lines: Vec<String> = (0..150_u64).map(|line| format!("{}\n", line * line)).collect();
    for round in 0..25 {
        lines[6 * round] = format!("changed in round {round}\n");
        repo.commit_file("a", &lines.concat());
    }
    repo.git(["repack", "-adfq", "--depth=50"]);
    let pack = only_pack(&repo);
    let whole = fs::read(&pack).unwrap();
    let total = read(&history(&repo)).coverage.blobs;
    for position in (12..whole.len() - 20).step_by(whole.len() / 60) {
        let mut changed = whole.clone();
        changed[position] ^= 0x15;
        overwrite(&pack, &changed);
        let found = read(&history(&repo));
        for (bytes, places) in found.blobs.iter().filter(|(_, places)| places[0].kind == Kind::Blob)
        {
            let id = blob_id(bytes);
            assert_eq!(places[0].blob, Some(id), "byte {position}");
        }
        // What a commit or tree that can't be read would lead to is not listed one by one. A few bytes
        // (how hard the compression tried) may change without harm.
        let is_blob = |gap: &&Gap| gap.what.starts_with("blob ");
        let missed = found.coverage.gaps.iter().filter(is_blob).count() as u64;
        let is_all = missed == found.coverage.gaps.len() as u64;
        assert!(!is_all || found.coverage.blobs + missed == total, "byte {position}");
    }
}

#[test]
fn objects_of_an_alternate_are_read() {
    let repo = Repo::new();
    let commit = repo.commit_file("a", "in the other repository");
    repo.git(["repack", "-adq"]);
    let borrower = Repo::new();
    let objects = repo.path().join(".git/objects");
    borrower.write(".git/objects/info/alternates", &format!("{}\n", objects.display()));
    borrower.git(["update-ref", "refs/heads/theirs", &commit]);
    borrower.commit_file("b", "in its own");
    let found = read(&history(&borrower));
    found.places("in the other repository");
    found.places("in its own");
    found.assert_whole();
}

#[test]
fn a_folder_of_loose_objects_that_cannot_be_read_is_a_gap() {
    let repo = Repo::new();
    repo.commit_file("a", "kept");
    repo.git(["gc", "--quiet", "--prune=now"]);
    read(&history(&repo).all_objects(true)).assert_whole();
    let folder = repo.path().join(".git/objects/ab");
    fs::write(&folder, "no folder").unwrap();
    let found = read(&history(&repo).all_objects(true));
    found.places("kept");
    found.assert_gap("ab");
    assert_eq!(found.coverage.gaps.len(), 1);
    fs::remove_file(&folder).unwrap();
    fs::write(repo.path().join(".git/objects/zz"), "not git's").unwrap();
    read(&history(&repo).all_objects(true)).assert_whole();
}

#[test]
fn a_reference_that_makes_no_sense_is_a_gap() {
    let repo = Repo::new();
    let commit = repo.commit_file("a", "content");
    repo.write(".git/refs/heads/empty", "");
    repo.write(".git/refs/heads/short", &commit[..20]);
    repo.write(".git/refs/heads/long", &format!("{commit}0"));
    repo.write(".git/refs/heads/nowhere", &"1".repeat(40));
    repo.write(".git/refs/heads/main.lock", "being written");
    repo.write(".git/refs/heads/symbolic", "ref: refs/heads/main\n");
    let found = read(&history(&repo));
    found.places("content");
    found.assert_gap("refs/heads/empty");
    found.assert_gap("refs/heads/short");
    found.assert_gap("refs/heads/long");
    found.assert_gap("refs/heads/nowhere");
    assert_eq!(found.coverage.gaps.len(), 4);
}

#[test]
fn an_object_over_the_limit_is_a_gap_that_names_the_option() {
    let repo = Repo::new();
    repo.commit_file("small", "small");
    repo.commit_file("large", &"0123456789".repeat(100));
    for packed in [false, true] {
        if packed {
            only_pack(&repo);
        }
        let found = read(&history(&repo).max_bytes(999));
        found.places("small");
        found.assert_gap("(large)");
        assert!(found.coverage.gaps[0].remedy.contains("--max-size"));
        read(&history(&repo).max_bytes(1000)).assert_whole();
    }
}

#[test]
fn the_gaps_are_the_same_with_any_number_of_threads() {
    let repo = Repo::new();
    for round in 0..10 {
        repo.commit_file(&format!("file{round}"), &format!("content {round}"));
    }
    for round in [0, 2, 4, 6, 8] {
        let oid = repo.git(["rev-parse", &format!("HEAD:file{round}")]);
        fs::remove_file(repo.loose_object(&oid)).unwrap();
    }
    let one = read_with_threads(1, &history(&repo));
    assert_eq!(one.coverage.gaps.len(), 5);
    assert_eq!(read_with_threads(8, &history(&repo)), one);
    let place = &one.places("content 1")[0];
    assert_eq!(read_blob(repo.path(), place).unwrap(), b"content 1");
}
