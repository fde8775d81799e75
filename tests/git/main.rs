//! The sources, on repositories that the real `git` makes.
#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod damage;
mod equality;
mod history;
mod range;
mod repo;
mod reread;
mod staged;
mod worktree;
