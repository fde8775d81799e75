//! What a key has done, from a group of CloudWatch Logs that a trail writes to.
//!
//! A query is started, asked about until it has ended, and its rows are whole events of CloudTrail. A
//! checkpoint names the query, so whoever takes the search up goes on with it. Where a query has as many
//! rows as it may, the next one begins at the last row's moment.

use aws_sdk_cloudwatchlogs::types::{QueryStatus, ResultField};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::{self, Asked};
use super::permissions::{QUERY_RESULTS, START_QUERY};
use super::queries::{MOST_ROWS, logs_insights};
use super::told::used;
use super::watch::Watch;
use super::{AwsIam, trail_logs, unsupported};
use crate::provider::{Error, Page, Search, SearchBy, Use};

/// The id of this log.
pub(super) const LOG: &str = "cloudwatch-logs";

/// Where a search goes on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// From when on the query was started.
    since: Timestamp,
    /// The query.
    query: String,
    /// How often it was asked about.
    asked: u32,
}

impl AwsIam {
    /// A piece is the start of a query, a question that was answered with "not yet", or all its rows.
    pub(super) async fn insights_piece(
        &self,
        search: &Search,
        from: Option<&str>,
    ) -> Result<Page, Error> {
        let Some(text) = from else { return self.started(search, search.since).await };
        let checkpoint: Checkpoint = serde_json::from_str(text)
            .map_err(|_| unsupported("go on from a checkpoint it did not write"))?;
        if trail_logs::wait(checkpoint.asked).await.is_none() {
            let why = format!("the query {} did not end in ten minutes", checkpoint.query);
            return Ok(Page { uses: Vec::new(), next: None, gaps: vec![why] });
        }
        let watch = Watch::default();
        let request = self.logs_client()?.get_query_results().query_id(&checkpoint.query);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let asked = Asked::about(QUERY_RESULTS, &checkpoint.query);
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        match answer.status {
            Some(QueryStatus::Complete) => {
                let rows = answer.results.unwrap_or_default();
                self.rows(search, &checkpoint, &rows).await
            }
            Some(QueryStatus::Running | QueryStatus::Scheduled) => {
                let next = Checkpoint { asked: checkpoint.asked + 1, ..checkpoint };
                Ok(Page { uses: Vec::new(), next: written(&next), gaps: Vec::new() })
            }
            other => {
                let how = other.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
                let why = format!("the query {} ended as {how}", checkpoint.query);
                Ok(Page { uses: Vec::new(), next: None, gaps: vec![why] })
            }
        }
    }

    async fn started(&self, search: &Search, since: Timestamp) -> Result<Page, Error> {
        self.responder_for(None, None).await?;
        let group = self.trail_logs.log_group.as_deref().unwrap_or_default();
        let watch = Watch::default();
        let request = self.logs_client()?.start_query().log_group_name(group);
        let from_then_on = Search { since, ..search.clone() };
        let request = request
            .query_string(logs_insights(&from_then_on)?)
            .start_time(since.as_second())
            .end_time(search.until.as_second().saturating_add(1));
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let asked = Asked::about(START_QUERY, group);
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        let query = answer.query_id.unwrap_or_default();
        let next = written(&Checkpoint { since, query, asked: 0 });
        Ok(Page { uses: Vec::new(), next, gaps: Vec::new() })
    }

    async fn rows(
        &self,
        search: &Search,
        checkpoint: &Checkpoint,
        rows: &[Vec<ResultField>],
    ) -> Result<Page, Error> {
        let told: Vec<Value> = rows.iter().filter_map(|row| message(row)).collect();
        let mut gaps = Vec::new();
        if told.len() < rows.len() {
            let lost = rows.len() - told.len();
            gaps.push(format!("{lost} rows are no events of CloudTrail"));
        }
        let uses = told.iter().filter_map(|told| mine(search, told)).collect::<Vec<_>>();
        let next = match rows.len() >= MOST_ROWS {
            false => None,
            true => match uses.last().map(|last| last.at).filter(|at| *at > checkpoint.since) {
                Some(at) => self.started(search, at).await?.next,
                None => {
                    gaps.push(format!("only the first {MOST_ROWS} rows could be had"));
                    None
                }
            },
        };
        Ok(Page { uses, next, gaps })
    }

    fn logs_client(&self) -> Result<&aws_sdk_cloudwatchlogs::Client, Error> {
        let client = self.clients.insights.as_ref();
        client.ok_or_else(|| unsupported("search CloudWatch Logs, of which no group is configured"))
    }
}

fn written(checkpoint: &Checkpoint) -> Option<String> {
    serde_json::to_string(checkpoint).ok()
}

/// Returns the event a row holds.
fn message(row: &[ResultField]) -> Option<Value> {
    let field = row.iter().find(|field| field.field.as_deref() == Some("@message"))?;
    serde_json::from_str(field.value.as_deref()?).ok()
}

/// Returns a row as a use, where it is one that was searched for.
pub(super) fn mine(search: &Search, told: &Value) -> Option<Use> {
    let used = used(told, "")?;
    let owner = told.pointer("/userIdentity/userName").and_then(Value::as_str);
    let is_meant = match &search.by {
        SearchBy::Key(id) => used.key.as_ref() == Some(id),
        SearchBy::Owner(name) => owner == Some(name),
    };
    (is_meant && search.since <= used.at && used.at <= search.until).then_some(used)
}
