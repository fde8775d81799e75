//! What the next commit would add.

use std::ops::Range;
use std::sync::Mutex;

use stanch::source::{Error, Kind, Source, Staged};

use crate::repo::{Repo, read};
use crate::world::World;

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
    assert_eq!(found.paths(), ["a", "b/c"]);
    found.assert_whole();
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

    let found = read(&staged(&repo).whole_files(true));
    assert_eq!(found.paths(), ["dir/copy", "new"]);
    found.assert_whole();
    // Under its new name a file has no line that is new.
    assert_eq!(read(&staged(&repo)).paths(), ["dir/copy"]);
}

#[test]
fn in_a_bare_repository_nothing_can_be_staged() {
    let world = World::new();
    world.git(&["init", "--quiet", "--bare", "bare.git"]);
    let run = world.stanch(&["scan", "--staged", "bare.git"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("no index") && run.err.contains("--range"), "{}", run.err);
    // Where there is a worktree, an index that was not made yet holds nothing.
    world.git(&["init", "--quiet", "new"]);
    assert_eq!(world.stanch(&["scan", "--staged", "new"]).code, 0);
}

/// Returns the text in which a credential counts, of each file that is handed out.
pub(crate) fn counted(source: &(impl Source + ?Sized)) -> Vec<(String, Option<String>)> {
    let found = Mutex::new(Vec::new());
    let coverage = source.walk(&|blob| {
        let text = |stretches: &[Range<usize>]| {
            let stretches = stretches.iter().map(|stretch| &blob.bytes[stretch.clone()]);
            stretches.map(String::from_utf8_lossy).collect::<String>()
        };
        let Some(path) = blob.places[0].path.clone() else { return };
        let counted = blob.counted.and_then(|counted| counted.stretches());
        found.lock().unwrap().push((path, counted.map(text)));
    });
    assert_eq!(coverage.unwrap().gaps, []);
    let mut found = found.into_inner().unwrap();
    found.sort();
    found
}

pub(crate) fn lines(path: &str, text: &str) -> (String, Option<String>) {
    (path.to_owned(), Some(text.to_owned()))
}

#[test]
fn of_a_changed_file_only_the_new_lines_count() {
    let repo = Repo::new();
    repo.write("same", "one\n");
    repo.commit_file("a", "one\ntwo\nthree\nfour\n");
    repo.write("a", "one\n2\nthree\nfour\nfive\n");
    repo.write("fewer", "");
    repo.git(["add", "."]);
    repo.write("a", "this is not staged\n");
    assert_eq!(counted(&staged(&repo)), [lines("a", "2\nfive\n"), ("fewer".to_owned(), None)]);
    assert_eq!(counted(&staged(&repo).whole_files(true))[0], ("a".to_owned(), None));

    repo.write("a", "one\nthree\nfour\n");
    repo.git(["add", "a"]);
    assert_eq!(counted(&staged(&repo)), [("fewer".to_owned(), None)]);
}

#[test]
fn a_file_with_a_zero_in_it_counts_whole() {
    let repo = Repo::new();
    repo.commit_file("a", "one\n\0\n");
    repo.write("a", "one\n\0\ntwo\n");
    repo.git(["add", "."]);
    assert_eq!(counted(&staged(&repo)), [("a".to_owned(), None)]);
}

#[test]
fn a_file_that_was_renamed_and_changed_counts_where_it_was_changed() {
    let repo = Repo::new();
    repo.write("old/deep/a", "one\ntwo\nthree\n");
    repo.write("old/deep/b", "four\nfive\n");
    repo.commit_file("gone", "six\n");
    repo.git(["mv", "old", "new"]);
    repo.git(["rm", "--quiet", "gone"]);
    repo.write("new/deep/a", "one\n2\nthree\n");
    repo.write("new/other", "entirely different\nand with two lines\n");
    repo.git(["add", "--all"]);
    assert_eq!(
        counted(&staged(&repo)),
        [lines("new/deep/a", "2\n"), ("new/other".to_owned(), None)]
    );
}

#[test]
fn of_a_merge_only_what_its_resolution_adds_counts() {
    let repo = Repo::new();
    repo.commit_file("a", "base\n");
    repo.git(["switch", "--quiet", "--create", "side"]);
    repo.write("theirs", "only theirs\n");
    repo.commit_file("a", "theirs\n");
    repo.git(["switch", "--quiet", "main"]);
    repo.commit_file("a", "ours\n");
    repo.git_fails(["merge", "--quiet", "side"]);
    assert_eq!(counted(&staged(&repo)), []);
    repo.write("a", "ours\nresolved\ntheirs\n");
    repo.git(["add", "a"]);
    assert_eq!(counted(&staged(&repo)), [lines("a", "resolved\n")]);
}

#[test]
fn every_version_of_the_index_is_read_and_folders_that_git_knows_unchanged_are_passed_over() {
    let repo = Repo::new();
    for file in 0..40 {
        repo.write(&format!("folder{}/inner/file{file}", file % 7), "same\n");
    }
    repo.commit("many");
    for version in ["2", "3", "4"] {
        repo.git(["reset", "--quiet", "--hard"]);
        repo.git(["update-index", "--index-version", version]);
        repo.write("folder3/inner/file3", "same\nnew\n");
        repo.write("folder3/later", "announced");
        repo.write("zz", "also new\n");
        repo.git(["add", "zz", "folder3/inner"]);
        repo.git(["add", "--intent-to-add", "folder3/later"]);
        let expected = [lines("folder3/inner/file3", "new\n"), ("zz".to_owned(), None)];
        assert_eq!(counted(&staged(&repo)), expected, "version {version}");
        // Without what git notes of folders the same comes out.
        repo.git(["update-index", "--force-write-index"]);
        repo.git(["-c", "core.untrackedCache=false", "read-tree", &repo.git(["write-tree"])]);
        repo.git(["add", "zz", "folder3/inner"]);
        assert_eq!(counted(&staged(&repo)), expected, "version {version}");
    }
}

#[test]
fn a_tree_that_git_noted_is_new_all_the_same_where_the_last_commit_has_another() {
    let repo = Repo::new();
    repo.commit_file("folder/a", "one\n");
    repo.write("folder/a", "one\ntwo\n");
    repo.git(["add", "folder"]);
    repo.git(["write-tree"]);
    assert_eq!(counted(&staged(&repo)), [lines("folder/a", "two\n")]);
}

#[test]
fn a_sparse_index_is_read_as_far_as_it_goes() {
    let repo = Repo::new();
    repo.write("in/a", "one\n");
    repo.write("out/deep/b", "one\n");
    let first = repo.commit("both");
    repo.write("out/deep/b", "one\ntwo\n");
    repo.commit("second");
    repo.git(["sparse-checkout", "init", "--cone", "--sparse-index"]);
    repo.git(["sparse-checkout", "set", "in"]);
    repo.write("in/a", "one\nnew\n");
    repo.git(["add", "in/a"]);
    assert_eq!(counted(&staged(&repo)), [lines("in/a", "new\n")]);
    // The folder that is left out is not as in the commit that is checked out.
    repo.git(["reset", "--quiet", "--soft", &first]);
    assert_eq!(counted(&staged(&repo)), [lines("in/a", "new\n"), lines("out/deep/b", "two\n")]);
}

#[test]
fn an_index_that_cannot_be_read_is_an_error_that_says_what_to_do() {
    let repo = Repo::new();
    repo.commit_file("a", "one\n");
    repo.git(["update-index", "--split-index"]);
    repo.write("b", "one\n");
    repo.git(["add", "b"]);
    let error = staged(&repo).walk(&|_| {}).unwrap_err();
    assert!(error.remedy().unwrap().contains("--no-split-index"), "{error}");
    repo.git(["update-index", "--no-split-index"]);
    assert_eq!(counted(&staged(&repo)), [("b".to_owned(), None)]);
    std::fs::write(repo.path().join(".git/index"), "no index at all, but long enough").unwrap();
    assert!(matches!(staged(&repo).walk(&|_| {}), Err(Error::Index { .. })));
}

#[test]
fn the_other_side_of_a_conflict_is_staged() {
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
    // What is in the last commit is not new, nor what both sides came from.
    assert_eq!(found.places("theirs")[0].path.as_deref(), Some("a"));
    assert_eq!(found.coverage.blobs, 1);
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
