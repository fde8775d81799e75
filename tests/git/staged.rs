//! What the next commit would add.

use stanch::source::{Kind, Staged};

use crate::repo::{Repo, read};

fn staged(repo: &Repo) -> Staged {
    Staged::new(repo.path())
}

#[test]
fn the_staged_content_counts_and_not_the_worktrees() {
    let repo = Repo::new();
    repo.commit_file("a", "committed");
    repo.commit_file("same", "unchanged");
    repo.write("a", "staged");
    repo.git(["add", "a"]);
    repo.write("a", "only in the worktree");

    let found = read(&staged(&repo));
    assert_eq!(found.paths(), ["a"]);
    let place = &found.places("staged")[0];
    assert_eq!(place.kind, Kind::Staged);
    assert_eq!(place.blob, Some(repo.git(["rev-parse", ":a"])));
    found.assert_whole();
}

#[test]
fn before_the_first_commit_everything_is_staged() {
    let repo = Repo::new();
    repo.write("a", "first");
    repo.write("b/c", "first");
    repo.write("untracked", "not this");
    repo.git(["add", "a", "b"]);
    let found = read(&staged(&repo));
    assert_eq!(found.places("first").len(), 2);
    assert_eq!(found.paths(), ["a", "b/c"]);
}

#[test]
fn renamed_copied_and_newly_linked_files_are_staged_and_the_rest_is_not() {
    let repo = Repo::new();
    repo.write("old", "renamed");
    repo.write("dir/original", "copied");
    repo.commit_file("mode", "mode only");
    repo.git(["mv", "old", "new"]);
    repo.write("dir/copy", "copied");
    repo.git(["add", "dir"]);
    repo.git(["update-index", "--chmod=+x", "mode"]);
    repo.write("later", "only announced");
    repo.git(["add", "--intent-to-add", "later"]);

    let found = read(&staged(&repo));
    assert_eq!(found.paths(), ["dir/copy", "new"]);
    found.assert_whole();
}

#[test]
fn all_sides_of_a_conflict_are_staged() {
    let repo = Repo::new();
    repo.commit_file("a", "base");
    repo.git(["switch", "--quiet", "--create", "side"]);
    repo.commit_file("a", "theirs");
    repo.git(["switch", "--quiet", "main"]);
    repo.commit_file("a", "ours");
    let tree = |side: &str| repo.git(["rev-parse", &format!("{side}^{{tree}}")]);
    let (base, ours, theirs) = (tree("main~"), tree("main"), tree("side"));
    repo.git(["read-tree", "-m", &base, &ours, &theirs]);

    let found = read(&staged(&repo));
    for content in ["base", "ours", "theirs"] {
        assert_eq!(found.places(content)[0].path.as_deref(), Some("a"));
    }
}

#[test]
fn a_linked_worktree_has_an_index_of_its_own() {
    let repo = Repo::new();
    repo.commit_file("a", "committed");
    repo.git(["worktree", "add", "--quiet", "linked"]);
    repo.write("linked/b", "staged there");
    repo.git(["-C", "linked", "add", "b"]);
    let found = read(&Staged::new(repo.path().join("linked")));
    assert_eq!(found.paths(), ["b"]);
    assert_eq!(read(&staged(&repo)).coverage.blobs, 0);
}

#[test]
fn another_index_can_be_named_as_git_names_one_to_a_hook() {
    let repo = Repo::new();
    repo.commit_file("a", "committed");
    let other = repo.path().join(".git/other-index");
    std::fs::copy(repo.path().join(".git/index"), &other).unwrap();
    repo.write("a", "staged");
    repo.git(["add", "a"]);
    assert_eq!(read(&staged(&repo).index(&other)).coverage.blobs, 0);
    assert_eq!(read(&staged(&repo)).coverage.blobs, 1);
}

#[test]
fn a_staged_blob_that_is_missing_or_too_large_is_a_gap() {
    let repo = Repo::new();
    repo.write("gone", "gone");
    repo.write("large", "rather large");
    repo.write("here", "here");
    repo.git(["add", "."]);
    let oid = repo.git(["rev-parse", ":gone"]);
    std::fs::remove_file(repo.loose_object(&oid)).unwrap();

    let found = read(&staged(&repo).max_bytes(5));
    assert_eq!(found.paths(), ["here"]);
    found.assert_gap(&oid);
    found.assert_gap("(large)");
}

#[test]
fn where_the_last_commit_cannot_be_read_everything_is_staged() {
    let repo = Repo::new();
    let commit = repo.commit_file("a", "committed");
    std::fs::remove_file(repo.loose_object(&commit)).unwrap();
    assert_eq!(read(&staged(&repo)).paths(), ["a"]);
}
