//! Pipes, sockets and devices where files should be: no scan waits for who writes to them, and what could not
//! be read is said.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::{Run, World, planted};

/// A scan of these few files takes no second.
const LIMIT: Duration = Duration::from_secs(30);

/// Returns a repository with a key in a file, in a commit and in a stash.
fn repository() -> World {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("keys.env", planted("github-personal-token").0);
    world.commit("first");
    world.write("other.env", planted("github-personal-token").0);
    world.git(&["add", "--all"]);
    world.git(&["stash", "--quiet"]);
    world
}

/// Puts a pipe in the place of whatever is there.
fn pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match path.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => drop(fs::remove_file(path)),
    }
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.expect("this test needs mkfifo").success());
}

/// Runs the program, and fails where it doesn't come to an end.
fn stanch_within_the_limit(world: &World, what: &str, arguments: &[&str]) -> Run {
    let outputs = [world.home().join("out"), world.home().join("err")];
    let mut child = world
        .command(env!("CARGO_BIN_EXE_stanch"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(File::create(&outputs[0]).unwrap())
        .stderr(File::create(&outputs[1]).unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(20)),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{what}: stanch {arguments:?} does not come to an end");
            }
        }
    };
    let [out, err] = outputs.map(|output| fs::read_to_string(output).unwrap());
    Run { code: status.code().unwrap_or(-1), out, err }
}

const HISTORY: [&str; 6] = ["scan", ".", "--history", "--no-cache", "--format", "json"];

/// Asserts that a scan says of a file of the git folder that it can't be read, and goes on.
fn assert_gap(world: &World, name: &str, arguments: &[&str]) {
    let run = stanch_within_the_limit(world, name, arguments);
    assert_eq!(run.code, 3, "{name}: {}", run.all());
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["status"], "partial", "{name}");
    let gaps = report["coverage"]["gaps"].as_array().unwrap();
    let is_named = |gap: &&Value| gap["what"].as_str().unwrap().contains(name);
    let gap = gaps.iter().find(is_named);
    let gap = gap.unwrap_or_else(|| panic!("{name} is not among {gaps:#?}"));
    let text = |field: &str| gap[field].as_str().unwrap().to_owned();
    assert!(text("why").contains("not a regular file"), "{gap:#?}");
    assert!(!text("remedy").is_empty());
    let of_worktree = |found: &&Value| found["path"].as_str().unwrap().ends_with("keys.env");
    assert_eq!(report["findings"].as_array().unwrap().iter().filter(of_worktree).count(), 1);
}

/// Asserts that a scan fails, and says which file of the git folder is none.
fn assert_failure(world: &World, name: &str, arguments: &[&str]) {
    let run = stanch_within_the_limit(world, name, arguments);
    assert_eq!(run.code, 2, "{name}: {}", run.all());
    assert!(run.err.contains(name), "{name}: {}", run.err);
    assert!(run.err.contains("not a regular file"), "{name}: {}", run.err);
}

#[test]
fn a_pipe_among_the_references_holds_up_no_scan_of_a_range() {
    for name in ["packed-refs", "refs/heads/x", "refs/tags/main", "refs/heads/main"] {
        let world = repository();
        let first = world.git(&["rev-parse", "HEAD"]);
        pipe(&world.path(".git").join(name));
        // What has a full name is found, and of what a pipe stands for nothing is known.
        for (start, code) in [(&*first, 0), ("x", 2)] {
            let range = format!("{start}..{first}");
            let run = stanch_within_the_limit(&world, name, &["scan", ".", "--range", &range]);
            assert_eq!(run.code, code, "{name}, {range}: {}", run.all());
        }
        stanch_within_the_limit(&world, name, &["scan", ".", "--since", "main"]);
        stanch_within_the_limit(&world, name, &["scan", ".", "--range", "HEAD~1..HEAD"]);
    }
}

#[test]
fn a_pipe_among_the_files_of_a_git_folder_is_a_gap() {
    let names = [
        "FETCH_HEAD",
        "ORIG_HEAD",
        "MERGE_HEAD",
        "description",
        "hooks",
        "hooks/pre-commit",
        "index",
        "info/attributes",
        "logs",
        "logs/HEAD",
        "logs/refs/stash",
        "logs/x",
        "packed-refs",
        "refs/heads/x",
        "refs/stash",
        "worktrees/x/HEAD",
    ];
    for name in names {
        let world = repository();
        pipe(&world.path(".git").join(name));
        assert_gap(&world, name, &HISTORY);
    }
}

#[test]
fn a_pipe_among_the_objects_is_a_gap() {
    for name in ["info/alternates", "pack/multi-pack-index", "pack/x.idx", "pack/x.pack"] {
        let world = repository();
        pipe(&world.path(".git/objects").join(name));
        if name == "pack/x.pack" {
            world.write(".git/objects/pack/x.idx", "");
        }
        assert_gap(&world, name, &HISTORY);
    }
    let world = repository();
    world.git(&["gc", "--quiet"]);
    let packs = fs::read_dir(world.path(".git/objects/pack")).unwrap();
    let mut paths = packs.map(|entry| entry.unwrap().path());
    let index = paths.find(|path| path.extension().is_some_and(|found| found == "idx")).unwrap();
    pipe(&index);
    assert_gap(&world, index.file_name().unwrap().to_str().unwrap(), &HISTORY);
}

#[test]
fn a_pipe_in_the_place_of_a_loose_object_is_a_gap() {
    let world = repository();
    let id = world.git(&["rev-parse", "HEAD:keys.env"]);
    let (fan_out, rest) = id.split_at(2);
    pipe(&world.path(".git/objects").join(fan_out).join(rest));
    assert_gap(&world, &id, &HISTORY);
    let all = [&HISTORY[..], &["--all-objects"]].concat();
    assert_gap(&world, &id, &all);

    let world = repository();
    world.write("staged.env", planted("github-personal-token").0);
    world.git(&["add", "staged.env"]);
    let id = world.git(&["rev-parse", ":staged.env"]);
    let (fan_out, rest) = id.split_at(2);
    pipe(&world.path(".git/objects").join(fan_out).join(rest));
    let run = stanch_within_the_limit(&world, &id, &["scan", "--staged"]);
    assert_eq!(run.code, 3, "{}", run.all());
    assert!(run.out.contains(&id) && run.out.contains("not a regular file"), "{}", run.out);
}

#[test]
fn a_pipe_in_the_place_of_a_file_of_lfs_is_a_gap() {
    let world = repository();
    let id = "ab".repeat(32);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize 5\n");
    world.write("large.bin", pointer);
    world.commit("with LFS");
    pipe(&world.path(".git/lfs/objects/ab/ab").join(&id));
    assert_gap(&world, &id, &HISTORY);
}

#[test]
fn sockets_and_devices_are_gaps_and_gits_own_socket_is_none() {
    let world = repository();
    let _socket = UnixListener::bind(world.path(".git/FETCH_HEAD")).unwrap();
    assert_gap(&world, "FETCH_HEAD", &HISTORY);

    let world = repository();
    symlink("/dev/zero", world.path(".git/packed-refs")).unwrap();
    assert_gap(&world, "packed-refs", &HISTORY);

    let world = repository();
    let _monitor = UnixListener::bind(world.path(".git/fsmonitor--daemon.ipc")).unwrap();
    let run = stanch_within_the_limit(&world, "fsmonitor", &HISTORY);
    assert_eq!(run.code, 1, "{}", run.all());
}

#[test]
fn a_pipe_without_which_nothing_of_a_repository_can_be_read_is_an_error_that_names_it() {
    let names = [
        ".git",
        ".git/HEAD",
        ".git/config",
        ".git/config.worktree",
        ".git/gitdir",
        ".git/info/grafts",
        ".git/shallow",
    ];
    for name in names {
        let world = repository();
        pipe(&world.path(name));
        assert_failure(&world, name, &HISTORY);
        assert_failure(&world, name, &["scan", "--staged"]);
        // The files beside it need none of it, but where git says which are ignored.
        let run = stanch_within_the_limit(&world, name, &["scan", "."]);
        assert_eq!(run.code, 1, "{name}: {}", run.all());
        world.write(".gitignore", "ignored\n");
        world.write("ignored", "");
        assert!([1, 3].contains(&stanch_within_the_limit(&world, name, &["scan", "."]).code));
    }
    let world = repository();
    world.git(&["config", "include.path", "../folder/more"]);
    world.write(
        "folder/more",
        "[includeIf \"gitdir:/\"]\n\tpath = pipe\n[include]\n\tpath = more\n",
    );
    pipe(&world.path("folder/pipe"));
    assert_failure(&world, "folder/pipe", &HISTORY);

    let world = repository();
    pipe(&world.path(".git/index"));
    assert_failure(&world, ".git/index", &["scan", "--staged"]);
}

#[test]
fn a_submodule_whose_git_folder_is_a_pipe_is_a_gap() {
    let world = repository();
    let id = world.git(&["rev-parse", "HEAD"]);
    world.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},sub")]);
    pipe(&world.path("sub/.git"));
    assert_gap(&world, "sub/", &HISTORY);
}

#[test]
fn pipes_in_a_folder_hold_up_no_scan_of_it() {
    let world = repository();
    pipe(&world.path("pipe"));
    pipe(&world.path("folder/.env"));
    let run = stanch_within_the_limit(&world, "pipe", &["scan", "."]);
    assert_eq!(run.code, 1, "{}", run.all());
}

#[test]
fn where_the_rules_of_git_are_a_pipe_all_is_scanned_and_a_gap_says_so() {
    for name in [".gitignore", "folder/.gitignore", ".git/info/exclude", ".git/commondir"] {
        let world = repository();
        world.write("folder/ignored", planted("github-personal-token").0);
        world.write("folder/.gitignore", "ignored\n");
        pipe(&world.path(name));
        let arguments = ["scan", ".", "--format", "json"];
        assert_gap(&world, name, &arguments);
        let run = stanch_within_the_limit(&world, name, &arguments);
        assert!(run.out.contains("folder/ignored"), "{name}: {}", run.out);
    }
    // Rules above the folder count as well.
    let world = repository();
    pipe(&world.path(".gitignore"));
    world.write("folder/keys.env", planted("github-personal-token").0);
    assert_gap(&world, ".gitignore", &["scan", "folder", "--format", "json"]);
}

#[test]
fn of_a_pipe_that_is_named_whatever_comes_out_is_scanned() {
    let world = World::new();
    let path = world.path("some.fifo");
    pipe(&path);
    let (text, _) = planted("github-personal-token");
    let writer = std::thread::spawn(move || fs::write(path, text));
    let run =
        stanch_within_the_limit(&world, "some.fifo", &["scan", "some.fifo", "--format", "jsonl"]);
    assert_eq!(run.code, 1, "{}", run.all());
    assert_eq!(run.findings()[0]["path"], "some.fifo");
    writer.join().unwrap().unwrap();
}
