//! What is new in some commits.

use stanch::source::{CommitRange, Error, Kind, Known, Push, Source, Staged};

use crate::repo::{Read, Repo, read};
use crate::staged::{counted, lines};
use crate::world::World;

fn range(repo: &Repo, range: &str) -> Read {
    read(&CommitRange::new(repo.path(), range))
}

impl Read {
    /// Returns what was read, as text, sorted.
    fn texts(&self) -> Vec<&str> {
        self.blobs.iter().map(|(bytes, _)| std::str::from_utf8(bytes).unwrap()).collect()
    }
}

/// Says that the other side has these.
pub(crate) fn known(ids: impl IntoIterator<Item = String>) -> Vec<(String, String)> {
    ids.into_iter().map(|id| ("refs/heads/some".to_owned(), id)).collect()
}

fn fails(source: &CommitRange) -> Error {
    source.walk(&|_| {}).unwrap_err()
}

#[test]
fn what_is_new_in_the_commits_is_read_with_the_commit_that_brought_it() {
    let repo = Repo::new();
    repo.write("kept", "kept");
    let first = repo.commit_file("a", "one");
    let second = repo.commit_file("a", "two");
    repo.commit_file("a", "three");
    repo.commit("empty, with a message");
    repo.git(["tag", "--annotate", "v1", "-m", "the tag's message"]);
    repo.git(["tag", "--annotate", "v0", "-m", "an old tag", &first]);

    let found = range(&repo, &format!("{first}..HEAD"));
    let messages = ["empty, with a message\n", "the tag's message\n", "three", "two"];
    let rest = ["write a\n", "write a\n"];
    assert_eq!(found.texts(), [&messages[..], &rest[..]].concat());
    let place = &found.places("two")[0];
    assert_eq!((place.kind, place.path.as_deref()), (Kind::Blob, Some("a")));
    assert_eq!(place.commit.as_deref(), Some(&*second));
    assert_eq!(place.author.as_deref(), Some("Ada <ada@mail.example>"));
    assert_eq!(found.places("the tag's message\n")[0].kind, Kind::TagMessage);
    found.assert_whole();

    // A packed repository gives the same.
    repo.git(["gc", "--quiet"]);
    assert_eq!(range(&repo, &format!("{first}..")), found);
}

#[test]
fn one_end_alone_is_everything_it_reaches_and_so_is_a_beginning_of_zeros() {
    let repo = Repo::new();
    let first = repo.commit_file("a", "one");
    repo.commit_file("b", "two");
    repo.git(["switch", "--quiet", "--orphan", "other"]);
    repo.commit_file("c", "elsewhere");
    for words in ["main", "refs/heads/main", &format!("{}..main", "0".repeat(40))] {
        let found = range(&repo, words);
        assert_eq!(found.texts(), ["one", "two", "write a\n", "write b\n"], "{words}");
    }
    assert_eq!(range(&repo, &first).paths(), ["a"]);
    assert_eq!(range(&repo, "main..main").blobs, []);
    assert_eq!(range(&repo, &format!("main..{}", "0".repeat(40))).blobs, []);
    assert_eq!(range(&repo, "main..other").texts(), ["elsewhere", "write c\n"]);
}

#[test]
fn of_a_merge_only_what_its_resolution_brings_is_new() {
    let repo = Repo::new();
    repo.commit_file("a", "base\n");
    repo.git(["switch", "--quiet", "--create", "side"]);
    repo.commit_file("theirs", "theirs\n");
    let ours = {
        repo.git(["switch", "--quiet", "main"]);
        repo.commit_file("ours", "ours\n")
    };
    repo.git(["merge", "--quiet", "--no-commit", "side"]);
    repo.write("resolution", "only in the merge\n");
    let merge = repo.commit("merge it");

    let found = range(&repo, &format!("{ours}..{merge}"));
    assert_eq!(found.texts(), ["merge it\n", "only in the merge\n", "theirs\n", "write theirs\n"]);
    let place = &found.places("only in the merge\n")[0];
    assert_eq!(place.commit.as_deref(), Some(&*merge));
    // Without the commits that are merged, the merge alone.
    repo.git(["branch", "both", &ours]);
    let alone = read(&CommitRange::pushed(
        repo.path(),
        Push {
            tips: vec![merge],
            known: known([ours, repo.git(["rev-parse", "side"])]),
            known_references: Known::Remote("none".to_owned()),
        },
    ));
    assert_eq!(alone.texts(), ["merge it\n", "only in the merge\n"]);
}

#[test]
fn a_pull_request_begins_where_it_left_the_branch_it_goes_to() {
    let repo = Repo::new();
    repo.commit_file("a", "base\n");
    repo.git(["switch", "--quiet", "--create", "pull"]);
    repo.commit_file("new", "of the pull request\n");
    repo.git(["switch", "--quiet", "main"]);
    repo.commit_file("later", "of main\n");
    for words in ["main...pull", "main..pull"] {
        let texts = ["of the pull request\n", "write new\n"];
        assert_eq!(range(&repo, words).texts(), texts, "{words}");
    }
    assert_eq!(range(&repo, "pull...").texts(), ["of main\n", "write later\n"]);

    repo.git(["switch", "--quiet", "--orphan", "unrelated"]);
    repo.commit_file("b", "another root\n");
    let error = fails(&CommitRange::new(repo.path(), "main...unrelated"));
    assert!(matches!(&error, Error::Unrelated { is_shallow: false, .. }), "{error}");
    assert!(error.remedy().unwrap().contains("main..unrelated"));
    let found = range(&repo, "main..unrelated");
    assert_eq!(found.texts(), ["another root\n", "write b\n"]);
}

#[test]
fn what_stood_before_the_range_is_not_new_under_another_name() {
    let repo = Repo::new();
    repo.write("folder/deep/a", "old\n");
    let first = repo.commit_file("b", "gone and back\n");
    repo.git(["mv", "folder", "elsewhere"]);
    repo.commit_file("new", "new\n");
    repo.git(["mv", "new", "renamed"]);
    repo.git(["rm", "--quiet", "b"]);
    repo.commit("rename");
    repo.commit_file("b", "gone and back\n");

    let found = range(&repo, &format!("{first}.."));
    assert_eq!(found.paths(), ["new", "renamed"]);
    assert_eq!(found.places("new\n").len(), 2);
    // What was taken out before the range and comes back in it is new again.
    repo.git(["rm", "--quiet", "b"]);
    let without = repo.commit("remove it again");
    repo.commit_file("b", "gone and back\n");
    assert_eq!(range(&repo, &format!("{without}..")).paths(), ["b"]);
}

#[test]
fn the_range_ends_at_its_beginning_whatever_the_clocks_say() {
    let repo = Repo::new();
    repo.commit_file("a", "one\n");
    let at = |when: &str, content: &str| {
        repo.write("a", content);
        repo.git(["add", "a"]);
        repo.git_at(when, ["commit", "--quiet", "-m", content]);
        repo.git(["rev-parse", "HEAD"])
    };
    let old = at("1600000000 +0000", "long before\n");
    let young = at("1900000000 +0000", "long after\n");
    at("1600000001 +0000", "before again\n");
    let found = range(&repo, &format!("{young}.."));
    assert_eq!(found.texts(), ["before again\n", "before again\n"]);
    assert_eq!(range(&repo, &format!("{old}..")).blobs.len(), 4);

    // The one end was made on the other's last commits, and its clock says before all of them.
    repo.git(["switch", "--quiet", "--orphan", "slow"]);
    let root = at("1600000100 +0000", "root\n");
    let last = at("1600000200 +0000", "last\n");
    let slow = at("1600000050 +0000", "by a slow clock\n");
    assert_eq!(range(&repo, &format!("{slow}..{last}")).blobs, []);
    assert_eq!(range(&repo, &format!("{root}..{slow}")).blobs.len(), 4);
}

#[test]
fn since_takes_a_revision_or_an_instant() {
    let repo = Repo::new();
    let first = repo.commit_file("a", "one\n");
    repo.commit_file("a", "two\n");
    repo.git(["tag", "v1"]);
    repo.commit_file("a", "three\n");
    let since = |text: &str, instant: Option<&str>| {
        let instant = instant.map(|instant| instant.parse().unwrap());
        CommitRange::since(repo.path(), text, instant)
    };
    assert_eq!(read(&since("v1", None)).texts(), ["three\n", "write a\n"]);
    assert_eq!(read(&since(&first, None)).blobs.len(), 4);
    let date = repo.git(["log", "-1", "--format=%cI", "v1"]);
    assert_eq!(read(&since(&date, Some(&date))).blobs.len(), 4);
    let error = fails(&since("no such thing", None));
    assert!(matches!(error, Error::UnknownBeginning { is_shallow: false, .. }));
}

#[test]
fn a_date_that_is_not_understood_is_answered_with_those_that_are() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("a", "a\n");
    world.commit("first");
    let since = |text: &str| world.stanch(&["scan", "--since", text]);
    for wrong in ["yesterday", "2.weeks.ago", "2020/01/01"] {
        let run = since(wrong);
        assert_eq!(run.code, 2, "{run:?}");
        for form in ["2026-03-01T12:00", "\"2 weeks ago\"", "git tag"] {
            assert!(run.err.contains(form), "{form} in {}", run.err);
        }
    }
    for right in ["2026-03-01", "2026-03-01T12:00", "2 weeks ago", "1 day ago", "36 h ago"] {
        assert_eq!(since(right).code, 0, "{right}");
    }
}

#[test]
fn a_wrong_old_date_hides_no_newer_commit_from_since() {
    let repo = Repo::new();
    let at = |seconds: i64, path: &str| {
        repo.write(path, &format!("{path}\n"));
        repo.git(["add", "."]);
        repo.git_at(&format!("{seconds} +0000"), ["commit", "--quiet", "-m", path]);
    };
    let young = 1_800_000_000;
    at(young - 1000, "before");
    at(young + 1, "hidden");
    at(1_000_000_000, "slow clock");
    at(young + 2, "last");
    let since = |more: i64| {
        let instant = jiff::Timestamp::from_second(young + more).unwrap();
        read(&CommitRange::since(repo.path(), "no revision", Some(instant)))
    };
    let found = since(0);
    assert_eq!(found.texts(), ["hidden\n", "hidden\n", "last\n", "last\n"]);
    found.assert_whole();
    repo.git(["gc", "--quiet"]);
    assert_eq!(since(0), found);
    assert_eq!(since(2).texts(), ["last\n", "last\n"]);
    assert_eq!(since(3).blobs, []);
}

#[test]
fn a_shallow_clone_says_where_it_ends() {
    let origin = Repo::new();
    let first = origin.commit_file("a", "one\n");
    let second = origin.commit_file("a", "two\n");
    origin.commit_file("a", "three\n");
    origin.git(["branch", "side", &first]);
    let clone = Repo::clone_of(&origin, &["--depth=2"]);

    assert_eq!(range(&clone, &format!("{second}..")).texts(), ["three\n", "write a\n"]);
    range(&clone, &format!("{second}..")).assert_whole();
    let found = range(&clone, "HEAD");
    found.assert_gap(&second);
    assert!(found.coverage.gaps[0].remedy.contains("--unshallow"));

    let error = fails(&CommitRange::new(clone.path(), format!("{first}..")));
    assert!(matches!(error, Error::UnknownRevision { is_shallow: true, .. }));
    assert!(error.remedy().unwrap().contains("--unshallow"));
    clone.git(["fetch", "--quiet", "--depth=1", "origin", "side"]);
    let error = fails(&CommitRange::new(clone.path(), "FETCH_HEAD...HEAD"));
    assert!(matches!(error, Error::Unrelated { is_shallow: true, .. }));
}

#[test]
fn a_partial_clone_says_what_it_left_at_its_remote() {
    let origin = Repo::new();
    origin.git(["config", "uploadpack.allowFilter", "true"]);
    let first = origin.commit_file("a", "one\n");
    let second = origin.commit_file("a", "two\n");
    origin.commit_file("a", "three\n");
    let clone = Repo::clone_of(&origin, &["--filter=blob:none"]);
    let found = range(&clone, &format!("{first}..main"));
    assert_eq!(found.texts(), ["three\n", "write a\n", "write a\n"]);
    let blob = origin.git(["rev-parse", &format!("{second}:a")]);
    found.assert_gap(&blob);
    assert!(found.coverage.gaps[0].remedy.contains("--no-filter"));
}

#[test]
fn in_a_partial_clone_a_revision_is_named_as_in_any_other() {
    let origin = Repo::new();
    origin.git(["config", "uploadpack.allowFilter", "true"]);
    origin.commit_file("a", "one\n");
    origin.git(["switch", "--quiet", "--create", "side"]);
    let side = origin.commit_file("b", "two\n");
    origin.git(["switch", "--quiet", "main"]);
    origin.commit_file("c", "three\n");
    origin.git(["merge", "--quiet", "--no-edit", "side"]);
    origin.git(["tag", "--annotate", "--message", "a tag", "v1"]);
    let clone = Repo::clone_of(&origin, &["--filter=blob:none"]);
    let short = &side[..8];
    for (words, commits) in [
        ("HEAD~1..HEAD", 2),
        ("HEAD^..v1", 2),
        ("v1^2..main", 2),
        ("HEAD~2..HEAD", 3),
        ("HEAD^2~1..origin/main^0", 3),
        (&format!("{short}..HEAD"), 2),
    ] {
        let listed = clone.git(["rev-list", "--count", words]);
        assert_eq!(listed, commits.to_string(), "{words}");
        let found = range(&clone, words);
        let kinds = found.blobs.iter().map(|(_, places)| places[0].kind);
        assert_eq!(kinds.filter(|kind| *kind == Kind::CommitMessage).count(), commits, "{words}");
    }
    for wrong in ["HEAD~9..HEAD", "HEAD^3..HEAD", "HEAD~x..HEAD", "12345678.."] {
        fails(&CommitRange::new(clone.path(), wrong));
    }
}

#[test]
fn damage_in_the_range_is_a_gap_and_damage_before_it_is_not() {
    let repo = Repo::new();
    let first = repo.commit_file("a", "one\n");
    let second = repo.commit_file("a", "two\n");
    repo.commit_file("b", "three\n");
    let blob = repo.git(["rev-parse", &format!("{second}:a")]);
    std::fs::remove_file(repo.loose_object(&blob)).unwrap();
    range(&repo, &format!("{first}..")).assert_gap(&blob);
    assert_eq!(range(&repo, &format!("{second}..")).texts(), ["three\n", "write b\n"]);
    range(&repo, &format!("{second}..")).assert_whole();
    std::fs::remove_file(repo.loose_object(&second)).unwrap();
    range(&repo, "HEAD").assert_gap(&second);
}

#[test]
fn tags_of_tags_trees_and_blobs_can_be_ends() {
    let repo = Repo::new();
    repo.commit_file("a/b", "in a tree\n");
    repo.git(["tag", "--annotate", "inner", "-m", "the inner one", "HEAD:a"]);
    repo.git(["tag", "--annotate", "outer", "-m", "the outer one", "inner"]);
    let found = range(&repo, "outer");
    assert_eq!(found.texts(), ["in a tree\n", "the inner one\n", "the outer one\n"]);
    assert_eq!(found.paths(), ["b"]);
    assert_eq!(range(&repo, "HEAD:a/b").texts(), ["in a tree\n"]);
}

#[test]
fn the_range_of_git_itself_has_the_same_blobs_and_commits() {
    let repo = Repo::new();
    for step in 0..12 {
        repo.write(&format!("f{}/{}", step % 3, step % 2), &format!("step {step}\n"));
        repo.commit_file("changing", &format!("of {step}\n"));
        if step % 4 == 3 {
            repo.git(["switch", "--quiet", "--create", &format!("b{step}"), "HEAD~2"]);
            repo.commit_file(&format!("side{step}"), &format!("side {step}\n"));
            repo.git(["switch", "--quiet", "main"]);
            repo.git(["merge", "--quiet", "--no-edit", &format!("b{step}")]);
        }
    }
    for words in ["HEAD~3..HEAD", "HEAD~1..HEAD", "b7..HEAD", "HEAD..b11", "b3..b11", "HEAD"] {
        let listed = repo.git(["rev-list", "--objects", "--filter=object:type=blob", words]);
        let listed = listed.lines().filter(|line| line.contains(' ')).count();
        let commits = repo.git(["rev-list", "--count", words]).parse::<usize>().unwrap();
        let found = range(&repo, words);
        let kinds = found.blobs.iter().map(|(_, places)| places[0].kind);
        assert_eq!(kinds.clone().filter(|kind| *kind == Kind::Blob).count(), listed, "{words}");
        assert_eq!(kinds.filter(|kind| *kind == Kind::CommitMessage).count(), commits, "{words}");
        found.assert_whole();
    }
}

#[test]
fn a_long_range_in_a_pack_is_read_whole_too() {
    const COMMITS: usize = 1200;
    let repo = Repo::new();
    let mut stream = String::new();
    for number in 1..=COMMITS {
        let text: String = (0..40).map(|line| format!("line {} {line}\n", line * number)).collect();
        let length = text.len();
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter C <c@mail.example> {} +0000\ndata 2\nm\nM 644 inline a\ndata {length}\n{text}\n",
            1_700_000_000 + number
        ));
    }
    repo.fast_import(stream.as_bytes());
    repo.git(["repack", "-adfq", "--depth=50"]);
    let listed = repo.git(["rev-list", "main~1100..main"]);
    let found = range(&repo, "main~1100..main");
    found.assert_whole();
    let blobs = found.blobs.iter().filter(|(_, places)| places[0].kind == Kind::Blob);
    let mut commits: Vec<_> = blobs.map(|(_, places)| places[0].commit.as_deref()).collect();
    let mut expected: Vec<_> = listed.lines().map(Some).collect();
    commits.sort_unstable();
    expected.sort_unstable();
    assert_eq!(commits, expected);
    let last = (0..40).map(|line| format!("line {} {line}\n", line * COMMITS)).collect::<String>();
    assert_eq!(found.places(&last)[0].commit, Some(repo.git(["rev-parse", "main"])));
}

#[test]
fn of_a_changed_file_only_the_lines_count_that_a_commit_added_or_changed() {
    let repo = Repo::new();
    repo.write("binary", "old\n\0\n");
    let first = repo.commit_file("a", "one\ntwo\nthree\nfour\n");
    repo.write("binary", "old\n\0\nnew\n");
    repo.write("new", "five\n");
    repo.commit_file("a", "one\n2\nthree\nfour\n");
    repo.commit_file("a", "one\n2\nthree\nfour\nfive\n");
    let source = CommitRange::new(repo.path(), format!("{first}.."));
    let whole = |path: &str| (path.to_owned(), None);
    let expected = [lines("a", "2\n"), lines("a", "five\n"), whole("binary"), whole("new")];
    assert_eq!(counted(&source), expected);
    assert!(counted(&source.whole_files(true)).iter().all(|(_, counted)| counted.is_none()));

    // What was taken out and comes back is new again, and what a merge takes from either side is not.
    let before = repo.git(["rev-parse", "HEAD"]);
    repo.commit_file("a", "one\n2\nthree\n");
    repo.commit_file("a", "one\n2\nthree\nfive\n");
    repo.git(["switch", "--quiet", "--create", "side", &before]);
    repo.commit_file("a", "0\none\n2\nthree\nfour\nfive\n");
    repo.git(["switch", "--quiet", "main"]);
    repo.git(["merge", "--quiet", "--no-commit", "side"]);
    let merged = std::fs::read_to_string(repo.path().join("a")).unwrap();
    repo.write("a", &format!("{merged}resolved\n"));
    repo.commit("merge it");
    let source = CommitRange::new(repo.path(), format!("{before}.."));
    let expected = ["", "0\n", "five\n", "resolved\n"].map(|text| lines("a", text));
    let mut counted = counted(&source);
    counted.sort();
    assert_eq!(counted, expected);
}

/// Commits what is staged, and asserts that the same counts before that and after it.
fn commit_and_compare(repo: &Repo, expected: &[(String, Option<String>)]) {
    repo.git(["add", "--all"]);
    assert_eq!(counted(&Staged::new(repo.path())), expected);
    let tip = repo.commit("what was staged");
    let parents = repo.git(["rev-parse", "HEAD^@"]);
    let known = known(parents.lines().map(str::to_owned));
    let push = Push { tips: vec![tip], known, known_references: Known::Remote("none".to_owned()) };
    assert_eq!(counted(&CommitRange::pushed(repo.path(), push)), expected);
}

#[test]
fn a_file_that_was_renamed_and_changed_counts_where_it_was_changed() {
    let repo = Repo::new();
    repo.write("old/deep/a", "one\ntwo\nthree\n");
    repo.write("kept", "seven\neight\n");
    repo.write("gone", "six\n");
    let first = repo.commit_file("old/deep/b", "four\nfive\n");
    repo.git(["mv", "old", "new"]);
    repo.git(["rm", "--quiet", "gone"]);
    repo.write("new/deep/a", "one\n2\nthree\n");
    repo.write("copied", "seven\neight\nnine\n");
    repo.write("other", "entirely different\nand with two lines\n");
    let whole = |path: &str| (path.to_owned(), None);
    let moved = [whole("copied"), lines("new/deep/a", "2\n"), whole("other")];
    commit_and_compare(&repo, &moved);
    repo.git(["mv", "new/deep/a", "last"]);
    repo.write("last", "one\n2\nthree\nfour\n");
    commit_and_compare(&repo, &[lines("last", "four\n")]);

    let source = CommitRange::new(repo.path(), format!("{first}.."));
    let [copied, a, other] = moved;
    assert_eq!(counted(&source), [copied, lines("last", "four\n"), a, other]);
    assert!(counted(&source.whole_files(true)).iter().all(|(_, counted)| counted.is_none()));
    // What comes in elsewhere without having been anything else before counts whole.
    repo.git(["switch", "--quiet", "--create", "side", &first]);
    repo.commit_file("last", "one\n2\nthree\nfour\n");
    repo.git(["switch", "--quiet", "main"]);
    repo.git(["merge", "--quiet", "--strategy=ours", "--no-edit", "side"]);
    let source = CommitRange::new(repo.path(), format!("{first}.."));
    assert!(counted(&source).contains(&whole("last")));
}

#[test]
fn a_merge_that_renames_has_both_sides_of_the_file() {
    let repo = Repo::new();
    repo.commit_file("a", "one\ntwo\nthree\n");
    repo.git(["switch", "--quiet", "--create", "side"]);
    repo.commit_file("a", "one\ntwo\nthree\ntheirs\n");
    repo.git(["switch", "--quiet", "main"]);
    repo.commit_file("a", "ours\none\ntwo\nthree\n");
    repo.git(["merge", "--quiet", "--no-commit", "side"]);
    repo.git(["mv", "a", "b"]);
    repo.write("b", "ours\none\ntwo\nthree\ntheirs\nresolved\n");
    commit_and_compare(&repo, &[lines("b", "resolved\n")]);
}

#[test]
fn folders_repeated_within_each_other_without_a_file_hold_up_no_one() {
    let repo = Repo::new();
    let opened = git2::Repository::open(repo.path()).unwrap();
    let mut tree = opened.treebuilder(None).unwrap().write().unwrap();
    for _ in 0..50 {
        let mut folder = opened.treebuilder(None).unwrap();
        for name in ["a", "b"] {
            folder.insert(name, tree, 0o040_000).unwrap();
        }
        tree = folder.write().unwrap();
    }
    let first = repo.git(["commit-tree", &tree.to_string(), "-m", "folders"]);
    repo.git(["update-ref", "refs/heads/main", &first]);
    repo.write("new", "one\n");
    repo.git(["add", "new"]);
    let expected = [("new".to_owned(), None)];
    assert_eq!(counted(&Staged::new(repo.path())), expected);
    // git would compare them all before it commits.
    let tree = repo.git(["write-tree"]);
    let next = repo.git(["commit-tree", &tree, "-p", &first, "-m", "a file"]);
    assert_eq!(counted(&CommitRange::new(repo.path(), format!("{first}..{next}"))), expected);
}
