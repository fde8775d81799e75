//! The TOML form of a provider file. Unknown fields are errors: a misspelt one must not be ignored.

use serde::Deserialize;

use super::{Check, Confidence, Severity};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) provider: Provider,
    #[serde(default)]
    pub(super) pattern: Vec<Pattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) class: String,
    pub(super) console: String,
    pub(super) driver: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pattern {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) regex: String,
    pub(super) anchors: Vec<String>,
    #[serde(default = "key")]
    pub(super) secret: String,
    #[serde(default)]
    pub(super) public: Vec<String>,
    pub(super) severity: Severity,
    #[serde(default = "high")]
    pub(super) confidence: Confidence,
    #[serde(default)]
    pub(super) prefix: usize,
    pub(super) check: Option<Check>,
    pub(super) min_entropy: Option<f64>,
    #[serde(default)]
    pub(super) human: bool,
    #[serde(default)]
    pub(super) uuid: bool,
    pub(super) max_bytes: Option<usize>,
    #[serde(default)]
    pub(super) overlaps: Vec<String>,
    #[serde(default)]
    pub(super) part: Vec<Part>,
    pub(super) examples: Vec<String>,
    pub(super) counterexamples: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) regex: String,
    pub(super) within_lines: usize,
    pub(super) required: bool,
    pub(super) max_bytes: Option<usize>,
}

fn key() -> String {
    "key".to_owned()
}

fn high() -> Confidence {
    Confidence::High
}
