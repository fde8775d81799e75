//! Submodules whose repositories are not here: nothing of them is scanned, and nobody passes over them in
//! silence.

use serde_json::Value;

use crate::world::{Run, World, planted};

/// Returns a repository with one in its history that is cloned, and others that are not: `one` is known to
/// `.gitmodules`, `two` only to the commit, `sub/three` only to `.gitmodules`.
fn repository() -> World {
    let world = World::new();
    world.write("lib/keys.env", planted("github-personal-token").0);
    world.git(&["init", "--quiet", "lib"]);
    world.git(&["-C", "lib", "add", "--all"]);
    world.git(&["-C", "lib", "commit", "--quiet", "-m", "first"]);
    world.git(&["init", "--quiet", "top"]);
    let url = format!("file://{}", world.path("lib").display());
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "cloned"];
    world.git(&[&["-C", "top"], &add[..]].concat());
    let id = world.git(&["-C", "lib", "rev-parse", "HEAD"]);
    for path in ["dir/one", "two"] {
        let entry = format!("160000,{id},{path}");
        world.git(&["-C", "top", "update-index", "--add", "--cacheinfo", &entry]);
    }
    for (name, path) in [("called one", "dir/one"), ("three", "sub/three")] {
        let key = format!("submodule.{name}.path");
        world.git(&["-C", "top", "config", "--file", ".gitmodules", &key, path]);
    }
    world.git(&["-C", "top", "add", ".gitmodules"]);
    world.git(&["-C", "top", "commit", "--quiet", "-m", "first"]);
    world
}

fn left_out(run: &Run) -> Value {
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["status"], "complete");
    let left_out = &report["coverage"]["left_out_submodules"];
    if !left_out.is_null() {
        let remedy = left_out["remedy"].as_str().unwrap();
        assert!(remedy.contains("git submodule update --init"), "{remedy}");
    }
    left_out["paths"].clone()
}

const HISTORY: [&str; 5] = ["scan", "top", "--history", "--format", "json"];

#[test]
fn those_that_are_not_cloned_are_told_once_and_make_no_scan_partial() {
    let world = repository();
    let first = world.stanch(&HISTORY);
    assert_eq!(first.code, 1, "{}", first.all());
    assert_eq!(left_out(&first), serde_json::json!(["dir/one", "sub/three", "two"]));
    // From what is remembered, the same is told.
    assert_eq!(world.stanch(&HISTORY).out, first.out);

    let text = world.stanch(&["scan", "top", "top", "--history"]).out;
    let told =
        "3 submodules are not cloned, and are in no part of this scan: dir/one, sub/three, two";
    assert_eq!(text.matches(told).count(), 1, "{text}");
    assert_eq!(text.matches("git submodule update --init").count(), 1, "{text}");
    let files_alone = world.stanch(&["scan", "top", "--format", "json"]);
    assert_eq!(left_out(&files_alone), Value::Null);
}

#[test]
fn those_that_are_here_are_not_told_wherever_git_keeps_them() {
    let world = repository();
    world.git(&["-C", "top", "rm", "--quiet", "--cached", "two", "dir/one"]);
    world.git(&["-C", "top", "config", "--file", ".gitmodules", "--unset", "submodule.three.path"]);
    world.git(&[
        "-C",
        "top",
        "config",
        "--file",
        ".gitmodules",
        "--unset",
        "submodule.called one.path",
    ]);
    assert_eq!(left_out(&world.stanch(&HISTORY)), Value::Null);
    // Its files are gone, and the git folder still has its repository.
    world.git(&["-C", "top", "submodule", "--quiet", "deinit", "--force", "--all"]);
    let run = world.stanch(&HISTORY);
    assert_eq!((left_out(&run), run.code), (Value::Null, 1));
    std::fs::remove_dir_all(world.path("top/.git/modules")).unwrap();
    assert_eq!(left_out(&world.stanch(&HISTORY)), serde_json::json!(["cloned"]));
}

#[test]
fn in_a_bare_repository_and_before_a_checkout_the_commit_tells() {
    let world = repository();
    let url = format!("file://{}", world.path("top").display());
    let expected = serde_json::json!(["cloned", "dir/one", "sub/three", "two"]);
    for option in ["--bare", "--no-checkout"] {
        world.git(&["clone", "--quiet", option, &url, option.trim_matches('-')]);
        let arguments = ["scan", option.trim_matches('-'), "--history", "--format", "json"];
        let run = world.stanch(&arguments);
        assert_eq!((left_out(&run), run.code), (expected.clone(), 0), "{option}: {}", run.all());
    }
}
