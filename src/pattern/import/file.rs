//! The TOML form of a rule file. Fields nobody here knows are kept by name, to be listed.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    pub(super) extend: Option<Extend>,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    pub(super) allowlist: Option<Allowlist>,
    #[serde(default)]
    pub(super) allowlists: Vec<Allowlist>,
    #[serde(flatten)]
    pub(super) other: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extend {
    pub(super) use_default: Option<bool>,
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) disabled_rules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) id: Option<String>,
    pub(super) description: Option<String>,
    pub(super) regex: Option<String>,
    pub(super) path: Option<String>,
    pub(super) secret_group: Option<usize>,
    pub(super) entropy: Option<f64>,
    #[serde(default)]
    pub(super) keywords: Vec<String>,
    pub(super) allowlist: Option<Allowlist>,
    #[serde(default)]
    pub(super) allowlists: Vec<Allowlist>,
    #[serde(default)]
    pub(super) required: Vec<Required>,
    #[serde(default)]
    pub(super) skip_report: bool,
    #[serde(flatten)]
    pub(super) other: BTreeMap<String, toml::Value>,
}

/// Another rule that must match near by.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Required {
    pub(super) id: String,
    pub(super) within_lines: Option<usize>,
    pub(super) within_columns: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Allowlist {
    pub(super) description: Option<String>,
    pub(super) condition: Option<String>,
    #[serde(default)]
    pub(super) commits: Vec<String>,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    pub(super) regex_target: Option<String>,
    #[serde(default)]
    pub(super) regexes: Vec<String>,
    #[serde(default)]
    pub(super) stopwords: Vec<String>,
    #[serde(default)]
    pub(super) target_rules: Vec<String>,
}
