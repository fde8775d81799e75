//! Files of git LFS: what a pointer stands for is scanned wherever the pointer is.

use std::path::Path;

use stanch::source::{CommitRange, History, Kind, Known, Push, Source, Staged, read_blob};

use crate::range::known;
use crate::repo::{Repo, read};
use crate::staged::counted;
use crate::world::{World, planted};

/// Returns an id, and the pointer to the file of that id.
fn pointer(digit: char) -> (String, String) {
    let id = digit.to_string().repeat(64);
    let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize 9\n");
    (id, text)
}

/// Puts a file into a store.
fn store(folder: &Path, id: &str, content: &str) {
    let folder = folder.join("objects").join(&id[..2]).join(&id[2..4]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(id), content).unwrap();
}

#[test]
fn what_is_staged_and_what_a_range_brings_is_resolved() {
    let repo = Repo::new();
    let lfs = repo.path().join(".git/lfs");
    let first = repo.commit_file("a", "a\n");
    let ((one, pointer_one), (two, pointer_two)) = (pointer('1'), pointer('2'));
    store(&lfs, &one, "old line\n");
    store(&lfs, &two, "old line\nnew line\n");
    repo.write("large.txt", &pointer_one);
    repo.git(["add", "."]);
    let range = || CommitRange::new(repo.path(), format!("{first}.."));
    let behind = |source: &dyn Source, path: &str| -> Vec<Option<String>> {
        let found = counted(source).into_iter().filter(|(at, _)| at == path);
        found.map(|(_, counted)| counted).collect()
    };
    let staged = Staged::new(repo.path());
    assert_eq!(behind(&staged, "large.txt"), [None, None]);
    let found = read(&staged);
    assert_eq!(found.places("old line\n")[0].kind, Kind::Lfs);
    assert_eq!(read_blob(repo.path(), &found.places("old line\n")[0]).unwrap(), b"old line\n");
    repo.commit("add it");
    assert_eq!(read(&range()).places("old line\n")[0].kind, Kind::Lfs);

    // Of a file that was changed the new lines count.
    let second = repo.git(["rev-parse", "HEAD"]);
    repo.write("large.txt", &pointer_two);
    repo.git(["add", "."]);
    assert!(behind(&staged, "large.txt").contains(&Some("new line\n".to_owned())));
    repo.commit("change it");
    let later = CommitRange::new(repo.path(), format!("{second}.."));
    assert!(behind(&later, "large.txt").contains(&Some("new line\n".to_owned())));
    read(&later.whole_files(true)).places("old line\nnew line\n");
    // A server that is pushed to gets these files another way.
    let tip = repo.git(["rev-parse", "HEAD"]);
    repo.git(["update-ref", "-d", "refs/heads/main"]);
    std::fs::remove_dir_all(repo.path().join(".git/logs")).unwrap();
    let kinds = |known_references| -> Vec<Kind> {
        let push =
            Push { tips: vec![tip.clone()], known: known([first.clone()]), known_references };
        let blobs = read(&CommitRange::pushed(repo.path(), push)).blobs;
        let mut kinds: Vec<_> = blobs.iter().map(|(_, places)| places[0].kind).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    let sent = kinds(Known::Remote("origin".to_owned()));
    assert_eq!(sent, [Kind::Blob, Kind::Lfs, Kind::CommitMessage]);
    assert_eq!(kinds(Known::All), [Kind::Blob, Kind::CommitMessage]);
}

#[test]
fn what_is_not_in_the_store_is_a_gap_there_too() {
    let repo = Repo::new();
    repo.write("large.txt", &pointer('3').1);
    repo.git(["add", "."]);
    read(&Staged::new(repo.path())).assert_gap("large.txt");
    repo.commit("add it");
    let found = read(&CommitRange::new(repo.path(), "HEAD"));
    found.assert_gap("large.txt");
    assert!(found.coverage.gaps[0].remedy.contains("git lfs fetch --all"));
}

#[test]
fn the_store_may_be_elsewhere_in_the_git_folder_and_not_outside() {
    let repo = Repo::new();
    let (id, text) = pointer('4');
    repo.write("large.txt", &text);
    repo.git(["add", "."]);
    let git = repo.path().join(".git");
    store(&git.join("big/files"), &id, "behind it\n");
    repo.git(["config", "lfs.storage", "big/files"]);
    let found = read(&Staged::new(repo.path()));
    found.places("behind it\n");
    found.assert_whole();

    let outside = tempfile::TempDir::new().unwrap();
    store(outside.path(), &id, "behind it\n");
    let outside = outside.path().to_str().unwrap();
    repo.commit("add it");
    for storage in [outside, "../big/files", "big/../big/files"] {
        repo.git(["config", "lfs.storage", storage]);
        let found = read(&History::new(repo.path()));
        found.assert_gap("large.txt");
        let gap = &found.coverage.gaps[0];
        assert!(gap.why.contains("lfs.storage") && gap.remedy.contains(storage), "{gap:?}");
        assert!(found.blobs.iter().all(|(_, places)| places[0].kind != Kind::Lfs), "{storage}");
    }
}

#[test]
fn the_program_finds_a_token_behind_a_pointer_before_it_is_committed_or_pushed() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    let ((id, text), (token, _)) = (pointer('5'), planted("github-personal-token"));
    store(&world.path(".git/lfs"), &id, &token);
    world.write("large.txt", text);
    world.git(&["add", "."]);
    for arguments in [&["scan", "--staged"][..], &["hook", "pre-commit"]] {
        let run = world.stanch(arguments);
        assert_eq!(run.code, 1, "{arguments:?} {run:?}");
        assert!(run.all().contains("large.txt (LFS)"), "{run:?}");
    }
    world.commit("add it");
    let run = world.stanch(&["scan", "--range", "HEAD"]);
    assert_eq!(run.code, 1, "{run:?}");
}
