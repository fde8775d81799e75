//! The sources, on repositories that the real `git` makes.
#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod cache;
mod complete;
mod damage;
mod equality;
mod history;
mod lfs;
mod partial;
#[cfg(unix)]
mod pipes;
mod provenance;
mod range;
mod repo;
mod reread;
mod staged;
mod storage;
mod submodules;
mod worktree;

#[path = "../world/mod.rs"]
mod world;

/// Runs all other tests again, with repositories whose ids are SHA-256.
#[test]
fn ids_may_be_longer() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--skip", "ids_may_be_longer", "--test-threads", "2"]);
    let output = again.env(repo::HASH, "sha256").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
