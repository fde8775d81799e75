//! The record: what goes in comes out, what was changed is noticed, and its sum is right.
#![cfg(feature = "contain")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "incident/contract.rs"]
mod contract;
#[path = "incident/exports.rs"]
mod exports;
#[path = "incident/fold.rs"]
mod fold;
#[cfg(feature = "postgres")]
#[path = "postgres/mod.rs"]
mod postgres;
#[cfg(feature = "postgres")]
mod python;
#[path = "incident/report.rs"]
mod report;
#[cfg(feature = "postgres")]
#[path = "incident/server.rs"]
mod server;
#[path = "incident/signed.rs"]
mod signed;
#[path = "incident/sinks.rs"]
mod sinks;
#[path = "incident/store.rs"]
mod store;
#[path = "incident/story.rs"]
mod story;
#[path = "incident/tampering.rs"]
mod tampering;
#[path = "incident/walk.rs"]
mod walk;
#[path = "incident/watched.rs"]
mod watched;
#[path = "world/mod.rs"]
mod world;
