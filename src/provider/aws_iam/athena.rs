//! What a key has done, from a table of Athena over a trail's bucket.
//!
//! A query is started, asked about until it has ended, and its rows are read page by page. A checkpoint
//! names the query and the page, so whoever takes the search up goes on there.

use std::collections::BTreeMap;

use aws_sdk_athena::types::{QueryExecutionState, ResultConfiguration, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::failure::{self, Asked};
use super::insights::mine;
use super::permissions::{ATHENA_ASK, ATHENA_RESULTS, ATHENA_START};
use super::queries::{self, COLUMNS};
use super::watch::Watch;
use super::{AwsIam, trail_logs, unsupported};
use crate::provider::{Error, Page, Search};

/// The id of this log.
pub(super) const LOG: &str = "athena";
/// The most rows Athena gives at once.
const PAGE_ROWS: i32 = 1000;

/// Where a search goes on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// The query.
    query: String,
    /// How often it was asked whether it has ended.
    asked: u32,
    /// Whether it has.
    ended: bool,
    /// The page that comes next; none for the first.
    token: Option<String>,
}

impl AwsIam {
    /// A piece is the start of a query, a question whether it has ended, or a page of its rows.
    pub(super) async fn athena_piece(
        &self,
        search: &Search,
        from: Option<&str>,
    ) -> Result<Page, Error> {
        let Some(text) = from else { return self.athena_started(search).await };
        let checkpoint: Checkpoint = serde_json::from_str(text)
            .map_err(|_| unsupported("go on from a checkpoint it did not write"))?;
        match checkpoint.ended {
            true => self.athena_page(search, checkpoint).await,
            false => self.athena_asked(checkpoint).await,
        }
    }

    async fn athena_started(&self, search: &Search) -> Result<Page, Error> {
        self.responder_for(None, None).await?;
        let logs = &self.trail_logs;
        let table = logs.athena_table.as_deref().unwrap_or_default();
        let output = logs
            .athena_output
            .as_ref()
            .map(|place| ResultConfiguration::builder().output_location(place).build());
        let watch = Watch::default();
        let request = self.athena_client()?.start_query_execution();
        let request = request
            .query_string(queries::athena(search, table)?)
            .set_work_group(logs.athena_workgroup.clone())
            .set_result_configuration(output);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let asked = Asked::about(ATHENA_START, table);
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        let query = answer.query_execution_id.unwrap_or_default();
        Ok(going_on(&Checkpoint { query, asked: 0, ended: false, token: None }))
    }

    async fn athena_asked(&self, checkpoint: Checkpoint) -> Result<Page, Error> {
        let query = &checkpoint.query;
        if trail_logs::wait(checkpoint.asked).await.is_none() {
            return Ok(given_up(format!("the query {query} did not end in ten minutes")));
        }
        let watch = Watch::default();
        let request = self.athena_client()?.get_query_execution().query_execution_id(query);
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let asked = Asked::about(ATHENA_ASK, query);
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        let status = answer.query_execution.and_then(|query| query.status);
        let why = status.as_ref().and_then(|status| status.state_change_reason.clone());
        Ok(match status.and_then(|status| status.state) {
            Some(QueryExecutionState::Succeeded) => {
                going_on(&Checkpoint { ended: true, ..checkpoint })
            }
            Some(QueryExecutionState::Queued | QueryExecutionState::Running) => {
                going_on(&Checkpoint { asked: checkpoint.asked + 1, ..checkpoint })
            }
            other => {
                let how = other.map_or_else(|| "nothing".to_owned(), |state| state.to_string());
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                given_up(format!("the query {query} ended as {how}{why}"))
            }
        })
    }

    async fn athena_page(&self, search: &Search, checkpoint: Checkpoint) -> Result<Page, Error> {
        let query = &checkpoint.query;
        let watch = Watch::default();
        let request = self.athena_client()?.get_query_results().query_execution_id(query);
        let request = request.max_results(PAGE_ROWS).set_next_token(checkpoint.token.clone());
        let answer = request.customize().interceptor(watch.clone()).send().await;
        let asked = Asked::about(ATHENA_RESULTS, query);
        let answer = answer.map_err(|error| failure::of(asked, &error, &watch))?;
        let rows = answer.result_set.and_then(|set| set.rows).unwrap_or_default();
        let uses = rows.iter().filter_map(|row| mine(search, &told(row))).collect();
        let next = answer.next_token.map(|token| Checkpoint { token: Some(token), ..checkpoint });
        let next = next.and_then(|next| serde_json::to_string(&next).ok());
        Ok(Page { uses, next, gaps: Vec::new() })
    }

    fn athena_client(&self) -> Result<&aws_sdk_athena::Client, Error> {
        let client = self.clients.athena.as_ref();
        client.ok_or_else(|| unsupported("search Athena, of which no table is configured"))
    }
}

fn going_on(checkpoint: &Checkpoint) -> Page {
    let next = serde_json::to_string(checkpoint).ok();
    Page { uses: Vec::new(), next, gaps: Vec::new() }
}

fn given_up(why: String) -> Page {
    Page { uses: Vec::new(), next: None, gaps: vec![why] }
}

/// Returns a row as CloudTrail wrote it. The first row of all repeats the names of the columns: as an
/// event it has no time, so it is none.
fn told(row: &Row) -> Value {
    let values = row.data().iter().map(|datum| datum.var_char_value.as_deref().unwrap_or(""));
    let row: BTreeMap<&str, &str> = COLUMNS.into_iter().zip(values).collect();
    let text = |name: &str| row.get(name).copied().unwrap_or_default();
    let value = |name: &str| serde_json::from_str(text(name)).unwrap_or(Value::Null);
    json!({
        "eventID": text("eventid"),
        "eventTime": text("eventtime"),
        "eventSource": text("eventsource"),
        "eventName": text("eventname"),
        "awsRegion": text("awsregion"),
        "sourceIPAddress": text("sourceipaddress"),
        "userAgent": text("useragent"),
        "errorCode": text("errorcode"),
        "userIdentity": {
            "accessKeyId": text("useridentity.accesskeyid"),
            "userName": text("useridentity.username"),
        },
        "requestParameters": value("requestparameters"),
        "responseElements": value("responseelements"),
    })
}
