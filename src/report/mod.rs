//! Reports: findings, plans and incidents, written for people and for machines.
//!
//! Takes what `scan`, `contain` and `incident` made and a writer; prints nothing itself and reads no
//! clock. Every text that came from a scanned repository (a path, an author) is disarmed before it
//! reaches a terminal.

mod findings_json;
mod findings_sarif;
mod findings_text;
#[cfg(feature = "contain")]
pub mod incident_json;
#[cfg(feature = "contain")]
pub mod incident_markdown;
#[cfg(feature = "contain")]
pub mod incident_text;
#[cfg(feature = "contain")]
mod plan_text;

pub use findings_json::{json, jsonl};
pub use findings_sarif::sarif;
pub use findings_text::text;
#[cfg(feature = "contain")]
pub use plan_text::plan;
