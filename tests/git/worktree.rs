//! Files on disk.

use std::fs;
use std::path::{Path, PathBuf};

use stanch::source::{Error, Source, Worktree};

use crate::repo::{Read, Repo, read, read_and, read_with_threads};

fn worktree(path: impl AsRef<Path>) -> Worktree {
    Worktree::new(vec![path.as_ref().to_owned()])
}

/// Returns the paths relative to the root of the repository.
fn paths<'a>(repo: &Repo, found: &'a Read) -> Vec<&'a str> {
    let root = format!("{}/", repo.path().display()).replace('\\', "/");
    let paths = found.paths().into_iter();
    paths.map(|path| path.strip_prefix(&root).unwrap()).collect()
}

#[test]
fn what_git_ignores_is_counted_unless_it_is_tracked_or_named_like_credentials() {
    let repo = Repo::new();
    repo.write(".gitignore", "*.log\nbuild/\n.env\n*.PEM\n");
    repo.write("forced.log", "tracked though ignored");
    repo.write("build/forced/too", "tracked though ignored");
    repo.git(["add", "--force", "forced.log", "build"]);
    repo.commit("first");
    repo.write("untracked", "");
    repo.write(".hidden/file", "");
    repo.write("debug.log", "");
    repo.write("build/out.o", "");
    repo.write("build/keys/server.PEM", "");
    repo.write("keys/server.PEM", "");
    repo.write(".env", "");

    let found = read(&worktree(repo.path()));
    let expected = [
        ".env",
        ".gitignore",
        ".hidden/file",
        "build/forced/too",
        "forced.log",
        "keys/server.PEM",
        "untracked",
    ];
    assert_eq!(paths(&repo, &found), expected);
    assert_eq!(found.coverage.left_out_ignored, 3, "what an ignored folder holds is not ours");
    found.assert_whole();

    repo.write("sub/kept.log", "tracked though ignored");
    repo.write("sub/other.log", "");
    repo.git(["add", "--force", "sub/kept.log"]);
    let below = read(&worktree(repo.path().join("sub")));
    assert_eq!(paths(&repo, &below), ["sub/kept.log"]);
    let outright = read(&worktree(repo.path().join("build")));
    assert_eq!(paths(&repo, &outright).len(), 3);
}

#[test]
fn the_exclude_file_counts_and_other_programs_ignore_files_do_not() {
    let repo = Repo::new();
    repo.write(".git/info/exclude", "excluded\n");
    repo.write(".ignore", "a\n");
    repo.write("a", "");
    repo.write("excluded", "");
    let found = read(&worktree(repo.path()));
    assert_eq!(paths(&repo, &found), [".ignore", "a"]);
}

#[test]
fn a_repository_within_keeps_its_own_tracked_files() {
    let repo = Repo::new();
    repo.write("inner/.gitignore", "*.log\n");
    repo.write("inner/forced.log", "");
    repo.write("inner/other.log", "");
    repo.git(["init", "--quiet", "inner"]);
    repo.git(["-C", "inner", "add", "--force", "forced.log"]);
    let found = read(&worktree(repo.path()));
    assert_eq!(paths(&repo, &found), ["inner/.gitignore", "inner/forced.log"]);
    assert_eq!(found.coverage.left_out_ignored, 1);
}

#[test]
fn outside_a_repository_nothing_is_ignored() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(folder.path().join(".gitignore"), "*").unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    let found = read(&worktree(folder.path()));
    assert_eq!(found.coverage.blobs, 2);
}

#[test]
fn a_file_named_outright_is_scanned_and_nothing_is_scanned_twice() {
    let repo = Repo::new();
    repo.write(".gitignore", "ignored\n");
    let ignored = repo.write("ignored", "");
    let found = read(&worktree(&ignored));
    assert_eq!(paths(&repo, &found), ["ignored"]);

    let twice = vec![repo.path().to_owned(), ignored, repo.path().join(".")];
    let found = read(&Worktree::new(twice));
    assert_eq!(paths(&repo, &found), [".gitignore", "ignored"]);
    assert_eq!(found.coverage.left_out_ignored, 0);
}

#[test]
fn a_path_is_shown_as_given_without_dots() {
    // Tests run in the root of the package.
    let found = read(&worktree("./src/../src/source/."));
    assert!(found.paths().contains(&"src/../src/source/stdin.rs"));
    let found = read(&Worktree::new(vec![PathBuf::from("."), "src/lib.rs".into()]));
    let same = found.paths().into_iter().filter(|path| path.ends_with("src/lib.rs"));
    assert_eq!(same.collect::<Vec<_>>(), ["src/lib.rs"]);
}

#[test]
fn a_path_that_does_not_exist_is_an_error_that_names_it() {
    let outcome = worktree("no/such/path").walk(&|_| {});
    assert!(matches!(&outcome, Err(Error::Read { path, .. }) if path.ends_with("no/such/path")));
    assert!(outcome.unwrap_err().to_string().contains("path"));
}

#[test]
fn a_file_over_the_limit_is_a_gap_and_one_at_the_limit_is_not() {
    let repo = Repo::new();
    repo.write("at", "1234");
    repo.write("over", "12345");
    let found = read(&worktree(repo.path()).max_bytes(4));
    assert_eq!(paths(&repo, &found), ["at"]);
    found.assert_gap("over");
    assert!(found.coverage.gaps[0].remedy.contains("--max-size"));
}

#[test]
fn a_file_that_vanishes_under_way_is_a_gap() {
    let repo = Repo::new();
    let files = [repo.write("a", ""), repo.write("b", "")];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let found = pool.unwrap().install(|| {
        read_and(&worktree(repo.path()), |blob| {
            // Whichever is read first removes the other.
            let path = blob.places[0].path.as_deref().unwrap();
            let other = files.iter().find(|file| !path.ends_with(file.to_str().unwrap()));
            fs::remove_file(other.unwrap()).unwrap();
        })
    });
    assert_eq!(found.coverage.blobs, 1);
    assert_eq!(found.coverage.gaps.len(), 1);
    assert!(!found.coverage.gaps[0].remedy.is_empty());
}

#[cfg(unix)]
#[test]
fn pipes_sockets_and_links_within_a_folder_are_passed_over() {
    let repo = Repo::new();
    repo.write("target/file", "once");
    let at = |name: &str| repo.path().join(name);
    std::os::unix::fs::symlink(at("target"), at("link")).unwrap();
    std::os::unix::fs::symlink(at("target/file"), at("filelink")).unwrap();
    std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let status = std::process::Command::new("mkfifo").arg(at("pipe")).status();
    assert!(status.expect("this test needs mkfifo").success());

    let found = read(&worktree(repo.path()));
    assert_eq!(paths(&repo, &found), ["target/file"]);
    found.assert_whole();
    assert_eq!(paths(&repo, &read(&worktree(at("link")))), ["link/file"]);
    assert_eq!(paths(&repo, &read(&worktree(at("filelink")))), ["filelink"]);
    let writer = std::thread::spawn({
        let pipe = at("pipe");
        move || fs::write(pipe, "through it")
    });
    let named = read(&worktree(at("pipe")));
    assert_eq!(paths(&repo, &named), ["pipe"]);
    named.places("through it");
    writer.join().unwrap().unwrap();
    read(&worktree(at("socket"))).assert_gap("socket");
}

#[test]
fn an_index_that_cannot_be_read_is_a_gap_where_it_matters() {
    let repo = Repo::new();
    repo.write(".gitignore", "ignored\n");
    repo.commit("first");
    repo.write(".git/index", "garbage");
    read(&worktree(repo.path())).assert_whole();
    repo.write("ignored", "");
    read(&worktree(repo.path())).assert_gap("index");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let repo = Repo::new();
    repo.write(".gitignore", "*0\n");
    for number in 0..300 {
        let path = format!("dir{}/sub{}/file{number}", number % 7, number % 3);
        repo.write(&path, &format!("{}", number % 50));
    }
    repo.git(["add", "--force", "dir1"]);
    let one = read_with_threads(1, &worktree(repo.path()));
    assert!(one.coverage.left_out_ignored > 0);
    for threads in [2, 8] {
        assert_eq!(read_with_threads(threads, &worktree(repo.path())), one);
    }
}
