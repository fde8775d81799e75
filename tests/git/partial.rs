//! What can't be read makes a scan partial: the report says so, and how to mend it, and so does the exit
//! code.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::world::{World, planted};

const TOKEN: &str = "github-personal-token";

fn repository() -> World {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("first", "the first file\n");
    world.commit("first");
    world.write("second.env", planted(TOKEN).0);
    world.commit("second");
    world
}

fn clone_of(world: &World, options: &[&str]) -> World {
    let clone = World::new();
    let url = format!("file://{}", world.path("").display());
    let mut arguments = vec!["clone", "--quiet"];
    arguments.extend(options);
    arguments.extend([&url, "."]);
    clone.git(&arguments);
    clone
}

fn loose(world: &World, name: &str) -> PathBuf {
    let id = world.git(&["rev-parse", name]);
    world.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))
}

fn pack(world: &World) -> PathBuf {
    world.git(&["repack", "-adq"]);
    let files = fs::read_dir(world.path(".git/objects/pack")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "pack")).unwrap()
}

/// Asserts that a scan with these arguments is partial for one reason, which names `what` and a `remedy`.
fn assert_partial(world: &World, arguments: &[&str], what: &str, remedy: &str) {
    let run = |format| {
        let all = ["scan", "--history", "--format", format];
        world.stanch(&[&all[..], arguments].concat())
    };
    let json = run("json");
    assert_eq!(json.code, 3, "{what}: {}", json.all());
    let report: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["status"], "partial");
    let gaps = report["coverage"]["gaps"].as_array().unwrap();
    let names = |gap: &&Value, field: &str, part: &str| gap[field].as_str().unwrap().contains(part);
    let gap = gaps.iter().find(|gap| names(gap, "what", what) && names(gap, "remedy", remedy));
    assert!(gap.is_some(), "{what}: {gaps:#?}");
    let text = run("text");
    assert_eq!(text.code, 3);
    assert!(text.out.contains(what) && text.out.contains(remedy), "{what}: {}", text.out);
}

#[test]
fn a_shallow_clone_is_partial() {
    let clone = clone_of(&repository(), &["--depth=1"]);
    assert_partial(&clone, &[], "the history before 1 commits", "git fetch --unshallow");
}

#[test]
fn a_partial_clone_is_partial() {
    let world = repository();
    world.git(&["rm", "--quiet", "first"]);
    world.commit("remove the first");
    world.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = clone_of(&world, &["--filter=blob:none"]);
    assert_partial(&clone, &[], "(first)", "git fetch --refetch --no-filter");
}

#[test]
fn a_missing_object_is_partial() {
    let world = repository();
    fs::remove_file(loose(&world, "HEAD:first")).unwrap();
    assert_partial(&world, &[], "(first)", "git fsck --full");
}

#[test]
fn an_object_that_cannot_be_read_is_partial() {
    let world = repository();
    let path = loose(&world, "HEAD:first");
    fs::remove_file(&path).unwrap();
    // Not even the superuser reads a folder as a file.
    fs::create_dir(&path).unwrap();
    assert_partial(&world, &[], "(first)", "git fsck --full");
}

#[test]
fn a_damaged_pack_is_partial() {
    let world = repository();
    let pack = pack(&world);
    let bytes = fs::read(&pack).unwrap();
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, &bytes[..bytes.len() - 40]).unwrap();
    assert_partial(&world, &[], pack.file_name().unwrap().to_str().unwrap(), "git fsck --full");
}

#[test]
fn a_pack_without_its_index_is_partial() {
    let world = repository();
    let pack = pack(&world);
    fs::remove_file(pack.with_extension("idx")).unwrap();
    assert_partial(&world, &[], pack.file_name().unwrap().to_str().unwrap(), "git fsck --full");
}

#[test]
fn a_broken_reference_is_partial() {
    let world = repository();
    world.write(".git/refs/heads/broken", "not an id\n");
    assert_partial(&world, &[], "refs/heads/broken", "git update-ref");
}

#[test]
fn an_object_that_is_too_large_is_partial() {
    let world = repository();
    world.write("large", "0123456789".repeat(5000));
    world.commit("large");
    fs::remove_file(world.path("large")).unwrap();
    world.commit("not any more");
    assert_partial(&world, &["--max-size", "30K"], "(large)", "--max-size");
}

#[test]
fn an_alternate_that_is_not_there_is_partial() {
    let world = repository();
    world.write(".git/objects/info/alternates", "/nowhere/objects\n");
    assert_partial(&world, &[], "/nowhere/objects", "objects/info/alternates");
}

#[test]
fn a_damaged_submodule_is_partial_and_named_by_its_path() {
    let world = repository();
    let inner = repository();
    let url = format!("file://{}", inner.path("").display());
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "ext/lib"];
    world.git(&add);
    world.commit("use it");
    world.write(".git/modules/ext/lib/refs/heads/broken", "not an id\n");
    assert_partial(&world, &[], "ext/lib/: refs/heads/broken", "git update-ref");
}

#[test]
fn a_repository_of_longer_ids_is_scanned_as_any_other() {
    let world = World::new();
    world.git(&["init", "--quiet", "--object-format=sha256"]);
    world.write("prod.env", planted(TOKEN).0);
    world.commit("first");
    let run = world.stanch(&["scan", "--history", "-f", "jsonl"]);
    assert_eq!(run.code, 1, "{}", run.all());
    assert_eq!(run.findings()[0]["commit"].as_str().map(str::len), Some(64));
}
