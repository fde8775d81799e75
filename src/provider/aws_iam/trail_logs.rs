//! Where an operator keeps CloudTrail's events longer than AWS's own history does, and perhaps with data
//! events: a group of CloudWatch Logs, a table of Athena.

use std::time::Duration;

use serde::Deserialize;

use super::activity::{self, MINUTES_BEHIND};
use super::{AwsIam, athena, insights, queries, unsupported};
use crate::provider::{Error, Log, Page, Query, Search};

/// The table that AWS's own guide makes over a trail's bucket.
const USUAL_TABLE: &str = "cloudtrail_logs";

/// The shortest and the longest wait between two questions whether a query has ended.
const WAITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// After so many questions, ten minutes, a query is given up.
const MOST_ASKED: u32 = 124;

/// The `[aws]` part of the operator's `stanch.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TrailLogs {
    /// The group of CloudWatch Logs that a trail writes to.
    pub log_group: Option<String>,
    /// The table of Athena over a trail's bucket, with its database: `logs.cloudtrail`.
    pub athena_table: Option<String>,
    /// Where Athena writes its answers: `s3://bucket/path/`; the work group may say it, too.
    pub athena_output: Option<String>,
    /// The work group of Athena; otherwise the one AWS calls `primary`.
    pub athena_workgroup: Option<String>,
    /// The region of both; otherwise the one that is called.
    pub log_region: Option<String>,
    /// Whether the trail writes data events of everything the keys can reach. Where it doesn't, what was
    /// read and written stays unknown.
    pub data_events: bool,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    aws: TrailLogs,
}

impl TrailLogs {
    /// Reads the `[aws]` part of a configuration's text.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let logs = toml::from_str::<File>(text)
            .map(|file| file.aws)
            .map_err(|error| error.message().to_owned())?;
        if let Some(table) = &logs.athena_table
            && !queries::is_table(table)
        {
            return Err(format!("`{table}` is no table's name, such as logs.cloudtrail"));
        }
        let is_place = |place: &String| place.starts_with("s3://");
        if logs.athena_output.as_ref().is_some_and(|place| !is_place(place)) {
            return Err("athena-output is like s3://bucket/path/".to_owned());
        }
        if logs.athena_table.is_none()
            && (logs.athena_output.is_some() || logs.athena_workgroup.is_some())
        {
            return Err("athena-table is missing".to_owned());
        }
        if logs.data_events && logs.log_group.is_none() && logs.athena_table.is_none() {
            return Err("data-events is said of no log: name log-group or athena-table".to_owned());
        }
        Ok(logs)
    }

    fn log(&self, id: &str, name: String) -> Log {
        Log {
            id: id.to_owned(),
            name,
            lacks: (!self.data_events).then(activity::lacks_without_data_events),
            minutes_behind: MINUTES_BEHIND,
        }
    }
}

impl AwsIam {
    /// Returns the logs that can be searched, AWS's own first.
    pub(super) fn searchable(&self) -> Vec<Log> {
        let logs = &self.trail_logs;
        let group = logs
            .log_group
            .as_ref()
            .map(|group| logs.log(insights::LOG, format!("the group {group} of CloudWatch Logs")));
        let table = logs
            .athena_table
            .as_ref()
            .map(|table| logs.log(athena::LOG, format!("the table {table} of Athena")));
        [Some(activity::event_history()), group, table].into_iter().flatten().collect()
    }

    /// Reads a piece of one of them.
    pub(super) async fn uses(&self, search: &Search, from: Option<&str>) -> Result<Page, Error> {
        match search.log.as_str() {
            activity::EVENT_HISTORY => self.history(search, from).await,
            insights::LOG => self.insights_piece(search, from).await,
            athena::LOG => self.athena_piece(search, from).await,
            other => Err(unsupported(format!("search the log `{other}`"))),
        }
    }

    /// Writes the same question out for logs that somebody else may search.
    pub(super) fn written_out(&self, search: &Search) -> Result<Vec<Query>, Error> {
        self.trail_logs.queries(search)
    }
}

impl TrailLogs {
    /// Writes a question out for logs that somebody else may search, without asking anything.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a key or owner whose name has other letters than AWS gives out: it
    /// would change the query.
    pub fn queries(&self, search: &Search) -> Result<Vec<Query>, Error> {
        let group = self.log_group.as_deref().unwrap_or("a group a trail writes to");
        let table = self.athena_table.as_deref().unwrap_or(USUAL_TABLE);
        Ok(vec![
            Query {
                place: format!("CloudWatch Logs Insights, {group}"),
                text: queries::logs_insights(search)?,
            },
            Query { place: "Athena".to_owned(), text: queries::athena(search, table)? },
        ])
    }
}

/// Waits until a query may be asked about again; `None` where it was asked about often enough.
pub(super) async fn wait(asked: u32) -> Option<()> {
    let (shortest, longest) = WAITS;
    if asked >= MOST_ASKED {
        return None;
    }
    tokio::time::sleep((shortest * 2_u32.saturating_pow(asked.min(8))).min(longest)).await;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_the_readme_is_one() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme.split_once("```toml\n[aws]").expect("README shows one");
        let (part, _) = rest.split_once("```").expect("it ends");
        let logs = TrailLogs::parse(&format!("[aws]{part}")).expect("it is one");
        assert!(logs.data_events && logs.log_group.is_some() && logs.athena_table.is_some());
    }

    #[test]
    fn the_part_about_aws_is_read_and_its_faults_are_named() {
        let text = "[containment]\n[aws]\nlog-group = \"trail\"\nathena-table = \"logs.trail\"\n\
                    athena-output = \"s3://answers/\"\ndata-events = true\n";
        let logs = TrailLogs::parse(text).expect("it is one");
        assert_eq!(logs.log_group.as_deref(), Some("trail"));
        assert!(logs.data_events);
        assert_eq!(TrailLogs::parse("[containment]\n"), Ok(TrailLogs::default()));
        for (text, word) in [
            ("[aws]\nloggroup = \"x\"", "loggroup"),
            ("[aws]\nathena-table = \"x; DROP TABLE y\"", "no table's name"),
            ("[aws]\nathena-table = \"x\"\nathena-output = \"/tmp\"", "s3://"),
            ("[aws]\nathena-output = \"s3://x/\"", "athena-table is missing"),
            ("[aws]\ndata-events = true", "of no log"),
        ] {
            assert!(TrailLogs::parse(text).expect_err(text).contains(word), "{text}");
        }
    }
}
