//! Reports: findings, plans and incidents, written for people and for machines.
//!
//! Takes what `policy`, `contain` and `incident` made and a writer; prints nothing itself and reads no
//! clock. Every text that came from a scanned repository (a path, an author) is disarmed before it
//! reaches a terminal, a workflow log, a page or a spreadsheet.

mod findings_csv;
mod findings_github;
mod findings_gitlab;
mod findings_html;
mod findings_json;
mod findings_junit;
mod findings_provenance;
mod findings_sarif;
mod findings_text;
mod findings_words;
#[cfg(feature = "contain")]
mod hunt_text;
#[cfg(feature = "contain")]
pub mod incident_cacao;
#[cfg(feature = "contain")]
pub mod incident_html;
#[cfg(feature = "contain")]
pub mod incident_json;
#[cfg(feature = "contain")]
pub mod incident_list;
#[cfg(feature = "contain")]
pub mod incident_markdown;
#[cfg(feature = "contain")]
pub mod incident_next;
#[cfg(feature = "contain")]
pub mod incident_ocsf;
#[cfg(feature = "contain")]
pub mod incident_postmortem;
#[cfg(feature = "contain")]
pub mod incident_severity;
#[cfg(feature = "contain")]
pub mod incident_text;
#[cfg(feature = "contain")]
pub mod incident_veris;
mod markdown;
#[cfg(feature = "contain")]
pub mod plan_cacao;
#[cfg(feature = "contain")]
mod plan_text;
#[cfg(feature = "contain")]
pub mod scorecard;

pub use findings_csv::csv;
pub use findings_github::{github, github_summary};
pub use findings_gitlab::gitlab;
pub use findings_html::html;
pub use findings_json::{json, jsonl};
pub use findings_junit::junit;
pub use findings_sarif::sarif;
pub use findings_text::text;
#[cfg(feature = "contain")]
pub use hunt_text::hunt;
#[cfg(feature = "contain")]
pub use plan_text::{plan, rights};

use jiff::Timestamp;

/// When a scan ran, for the formats that say so.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When it began.
    pub started: Timestamp,
    /// When it was done.
    pub ended: Timestamp,
}
