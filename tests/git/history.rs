//! What the history of a whole repository gives.

use std::collections::{BTreeMap, BTreeSet};

use stanch::source::{Error, History, Kind, Place, Source, open_repository};

use crate::repo::{Repo, read, read_with_threads};

fn history(repo: &Repo) -> History {
    History::new(repo.path())
}

#[test]
fn a_deleted_file_is_found_with_the_commit_that_brought_it() {
    let repo = Repo::new();
    repo.commit_file("kept", "kept");
    let commit = repo.commit_file("conf/app.toml", "deleted later");
    std::fs::remove_dir_all(repo.path().join("conf")).unwrap();
    repo.commit("remove it");

    let found = read(&history(&repo));
    let blob = repo.git(["rev-parse", &format!("{commit}:conf/app.toml")]);
    let expected = Place {
        kind: Kind::Blob,
        path: Some("conf/app.toml".to_owned()),
        commit: Some(commit),
        blob: Some(blob),
        author: Some("Ada <ada@mail.example>".to_owned()),
        date: Some(serde_json::from_str("\"2023-11-14T23:45:20+01:30\"").unwrap()),
    };
    assert_eq!(found.places("deleted later"), [expected]);
    found.assert_whole();
}

#[test]
fn every_kind_of_reference_is_followed() {
    let repo = Repo::new();
    repo.commit_file("a", "on main");
    repo.git(["switch", "--quiet", "--create", "side"]);
    repo.commit_file("b", "on a branch");
    repo.git(["switch", "--quiet", "--detach", "main"]);
    repo.commit_file("c", "on a detached head");
    repo.git(["notes", "add", "-m", "in a note"]);
    for content in ["in an old stash", "in the last stash"] {
        repo.write("c", content);
        repo.git(["stash", "--quiet"]);
    }
    let blob = repo.write("loose", "in a tag of a blob");
    let blob = repo.git(["hash-object", "-w", blob.to_str().unwrap()]);
    std::fs::remove_file(repo.path().join("loose")).unwrap();
    repo.git(["tag", "light", &blob]);
    repo.git(["update-ref", "refs/weird/tree", "main^{tree}"]);
    repo.git(["worktree", "add", "--quiet", "--detach", "linked", "main"]);
    repo.write("linked/d", "on a linked worktree's head");
    repo.git(["-C", "linked", "add", "d"]);
    repo.git(["-C", "linked", "commit", "--quiet", "-m", "detached too"]);

    let expected = [
        "on main",
        "on a branch",
        "on a detached head",
        "in a note\n",
        "in an old stash",
        "in the last stash",
        "in a tag of a blob",
        "on a linked worktree's head",
    ];
    repo.git(["pack-refs", "--no-all"]);
    for from in [repo.path().to_owned(), repo.path().join("linked")] {
        let found = read(&History::new(from));
        expected.iter().for_each(|content| _ = found.places(content));
        found.assert_whole();
    }
    repo.git(["pack-refs", "--all"]);
    repo.git(["gc", "--quiet"]);
    let packed = read(&history(&repo));
    expected.iter().for_each(|content| _ = packed.places(content));
}

#[test]
fn content_that_only_a_merge_has_is_found_in_the_merge() {
    let repo = Repo::new();
    repo.commit_file("a", "base");
    repo.git(["switch", "--quiet", "--create", "side"]);
    repo.commit_file("a", "theirs");
    repo.git(["switch", "--quiet", "main"]);
    repo.commit_file("a", "ours");
    repo.git(["merge", "--quiet", "--no-commit", "-s", "ours", "side"]);
    let merge = repo.commit_file("a", "resolved by hand");

    let found = read(&history(&repo));
    let places = found.places("resolved by hand");
    assert_eq!(places[0].commit, Some(merge));
    found.assert_whole();
}

#[test]
fn messages_of_commits_and_annotated_tags_are_read() {
    let repo = Repo::new();
    let commit = repo.commit("subject\n\nbody of a commit");
    repo.git(["tag", "--annotate", "v1", "-m", "text of a tag"]);
    repo.git(["tag", "--annotate", "v1-again", "-m", "tag of a tag", "v1"]);
    repo.git(["tag", "--delete", "v1"]);

    let found = read(&history(&repo));
    let place = &found.places("subject\n\nbody of a commit\n")[0];
    assert_eq!((place.kind, &place.commit), (Kind::CommitMessage, &Some(commit)));
    assert_eq!(place.author.as_deref(), Some("Ada <ada@mail.example>"));
    let tag = &found.places("text of a tag\n")[0];
    let oid = repo.git(["rev-parse", "v1-again^{tag}"]);
    let inner = repo.git(["rev-parse", &format!("{oid}^{{commit}}")]);
    assert_eq!(tag.kind, Kind::TagMessage);
    assert_ne!(tag.commit, Some(inner));
    assert_eq!(tag.author.as_deref(), Some("Carl <carl@mail.example>"));
    assert_eq!(found.places("tag of a tag\n")[0].commit, Some(oid));
    found.assert_whole();
}

#[test]
fn a_renamed_file_and_a_moved_folder_have_both_paths_the_older_first() {
    let repo = Repo::new();
    let first = repo.commit_file("z/deep/file", "moved about");
    repo.git(["mv", "z", "a"]);
    let second = repo.commit("move the folder");
    repo.git(["mv", "a/deep/file", "a/deep/name"]);
    let third = repo.commit("rename the file");

    let found = read(&history(&repo));
    let places = found.places("moved about");
    let places: Vec<_> =
        (places.iter()).map(|place| (place.path.as_deref(), place.commit.clone())).collect();
    let expected = [
        (Some("z/deep/file"), Some(first)),
        (Some("a/deep/file"), Some(second)),
        (Some("a/deep/name"), Some(third)),
    ];
    assert_eq!(places, expected);
}

#[test]
fn of_two_branches_with_the_same_file_the_older_commit_is_the_first() {
    let repo = Repo::new();
    repo.commit("root");
    repo.git(["switch", "--quiet", "--create", "side"]);
    let older_on_side = repo.commit_file("a", "first on the side");
    repo.git(["switch", "--quiet", "main"]);
    repo.commit_file("a", "first on the side");
    let older_on_main = repo.commit_file("b", "first on main");
    repo.git(["switch", "--quiet", "side"]);
    repo.commit_file("b", "first on main");

    let found = read(&history(&repo));
    let first = |content| found.places(content)[0].commit.clone();
    assert_eq!(first("first on the side"), Some(older_on_side));
    assert_eq!(first("first on main"), Some(older_on_main));
}

#[test]
fn a_submodule_is_another_repository_and_no_gap() {
    let repo = Repo::new();
    let commit = repo.commit_file("a", "mine");
    let entry = format!("160000,{commit},lib");
    repo.git(["update-index", "--add", "--cacheinfo", &entry]);
    repo.git(["commit", "--quiet", "-m", "add a submodule"]);
    let found = read(&history(&repo));
    assert_eq!(found.paths(), ["a"]);
    found.assert_whole();
}

#[test]
fn bare_repositories_and_folders_within_a_worktree_open() {
    let repo = Repo::new();
    repo.commit_file("src/a", "content");
    let bare = Repo::clone_of(&repo, &["--bare"]);
    read(&history(&bare)).places("content");
    read(&History::new(repo.path().join("src"))).places("content");
    assert_eq!(open_repository(bare.path()).unwrap().workdir(), None);
}

#[test]
fn an_empty_repository_is_whole_and_a_plain_folder_is_none() {
    read(&history(&Repo::new())).assert_whole();

    let plain = tempfile::TempDir::new().unwrap();
    let outcome = History::new(plain.path()).walk(&|_| {});
    assert!(matches!(outcome, Err(Error::NotARepository { .. })));
    let outcome = History::new(plain.path().join("missing")).walk(&|_| {});
    assert!(matches!(outcome, Err(Error::Read { .. })));
}

#[test]
fn nothing_that_the_repository_configures_is_run() {
    let repo = Repo::new();
    repo.write(".gitattributes", "* filter=evil diff=evil\n");
    repo.commit_file("a", "content");
    let trace = repo.path().join("trace");
    let evil = format!("touch '{}'", trace.display());
    let programs = ["filter.evil.smudge", "filter.evil.clean", "filter.evil.process"];
    let others = ["diff.evil.textconv", "diff.evil.command", "core.fsmonitor", "core.pager"];
    for name in programs.iter().chain(&others) {
        repo.git(["config", name, &evil]);
    }
    read(&history(&repo)).assert_whole();
    read(&stanch::source::Staged::new(repo.path())).assert_whole();
    read(&stanch::source::Worktree::new(vec![repo.path().to_owned()])).assert_whole();
    assert!(!trace.exists());
}

/// Makes a history of branches, merges, moves, copies and reverts.
fn tangled() -> Repo {
    let repo = Repo::new();
    repo.commit_file("a/one", "1");
    repo.git(["branch", "side"]);
    for round in 0..12 {
        repo.git(["switch", "--quiet", if round % 3 == 0 { "side" } else { "main" }]);
        repo.write(&format!("a/b{}/file", round % 4), &format!("{}", round % 5));
        repo.write(&format!("top{}", round % 2), &format!("{round}"));
        repo.commit(&format!("round {round}"));
        if round % 4 == 3 {
            repo.git(["mv", "a", &format!("moved{round}")]);
            repo.commit("move everything");
            repo.git(["revert", "--no-edit", "HEAD"]);
        }
        if round == 7 {
            repo.git(["switch", "--quiet", "main"]);
            repo.git(["merge", "--quiet", "-X", "ours", "-m", "merge", "side"]);
        }
    }
    repo
}

#[test]
fn the_blobs_paths_and_first_commits_are_those_that_git_lists() {
    let repo = tangled();
    let mut expected = Holders::new();
    for commit in repo.git(["rev-list", "--all"]).lines() {
        for line in repo.git(["ls-tree", "-r", commit]).lines() {
            let (entry, path) = line.split_once('\t').unwrap();
            let blob = entry.split(' ').nth(2).unwrap();
            let holders = expected.entry((blob.to_owned(), path.to_owned()));
            holders.or_default().insert(commit.to_owned());
        }
    }
    let packings: [&[&str]; 4] = [
        &[],
        &["repack", "-adfq", "--depth=50"],
        &["repack", "-adfq", "--depth=2", "--window=3"],
        &["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"],
    ];
    for packing in packings {
        if !packing.is_empty() {
            repo.git(packing);
        }
        assert_as_git_lists(&repo, &expected);
    }
}

/// For each blob and path the commits that hold it there.
type Holders = BTreeMap<(String, String), BTreeSet<String>>;

fn assert_as_git_lists(repo: &Repo, expected: &Holders) {
    let found = read(&history(repo));
    let places = found.blobs.iter().flat_map(|(_, places)| places);
    let places: Vec<_> = places.filter(|place| place.kind == Kind::Blob).collect();
    let key = |place: &Place| (place.blob.clone().unwrap(), place.path.clone().unwrap());
    let found_keys: BTreeSet<_> = places.iter().map(|place| key(place)).collect();
    assert_eq!(found_keys.len(), places.len(), "a place twice");
    assert_eq!(found_keys, expected.keys().cloned().collect());
    for place in places {
        let holders = &expected[&key(place)];
        let first = place.commit.as_ref().unwrap();
        assert!(holders.contains(first));
        let before = repo.git(["rev-list", first]);
        let earlier = before.lines().filter(|commit| *commit != first);
        assert_eq!(earlier.filter(|commit| holders.contains(*commit)).count(), 0);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let repo = tangled();
    repo.git(["gc", "--quiet"]);
    let one = read_with_threads(1, &history(&repo));
    assert!(one.coverage.blobs > 20);
    for threads in [2, 8] {
        assert_eq!(read_with_threads(threads, &history(&repo)), one);
    }
}
