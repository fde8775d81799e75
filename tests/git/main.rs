//! The sources, on repositories that the real `git` makes.
#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod cache;
mod complete;
mod damage;
mod equality;
mod history;
mod partial;
mod provenance;
mod range;
mod repo;
mod reread;
mod staged;
mod storage;
mod worktree;

#[path = "../world/mod.rs"]
mod world;
