//! The containment engine: what it does, what it refuses, and what it does when it is lied to, left
//! without an answer, or killed.
#![cfg(feature = "contain")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

#[path = "engine/approvals.rs"]
mod approvals;
#[cfg(feature = "aws")]
#[path = "engine/aws.rs"]
mod aws;
#[path = "engine/crash.rs"]
mod crash;
#[path = "engine/delivery.rs"]
mod delivery;
#[path = "engine/faults.rs"]
mod faults;
#[path = "engine/happy.rs"]
mod happy;
#[path = "engine/hostile.rs"]
mod hostile;
#[path = "engine/hunt.rs"]
mod hunt;
#[path = "engine/many.rs"]
mod many;
#[path = "engine/measures.rs"]
mod measures;
#[path = "engine/modes.rs"]
mod modes;
#[cfg(feature = "aws")]
mod moto;
#[path = "engine/places.rs"]
mod places;
#[path = "engine/plans.rs"]
mod plans;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "aws", feature = "postgres"))]
mod python;
#[path = "engine/rounds.rs"]
mod rounds;
#[path = "engine/undo.rs"]
mod undo;
#[path = "engine/world.rs"]
mod world;
