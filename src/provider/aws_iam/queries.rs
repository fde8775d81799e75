//! Queries for where an account's log is kept longer or holds more: run where that is configured, and
//! written out to be run by whoever may.

use jiff::Timestamp;

use crate::provider::{Error, Search, SearchBy};

use super::unsupported;

/// How many rows one query of Logs Insights may have.
pub(super) const MOST_ROWS: usize = 10_000;

/// The columns of the query for Athena, in its order.
pub(super) const COLUMNS: [&str; 12] = [
    "eventid",
    "eventtime",
    "eventsource",
    "eventname",
    "awsregion",
    "sourceipaddress",
    "useragent",
    "errorcode",
    "useridentity.accesskeyid",
    "useridentity.username",
    "requestparameters",
    "responseelements",
];

/// Returns the query for CloudWatch Logs Insights, for a log group to which a trail writes.
///
/// # Errors
///
/// [`Error::Unsupported`] for a key or owner whose name has other letters than AWS gives out: it would
/// change the query.
pub fn logs_insights(search: &Search) -> Result<String, Error> {
    let (field, value) = match &search.by {
        SearchBy::Key(id) => ("userIdentity.accessKeyId", plain(id)?),
        SearchBy::Owner(name) => ("userIdentity.userName", plain(name)?),
    };
    let (since, until) = (search.since.as_millisecond(), search.until.as_millisecond());
    Ok(format!(
        "fields @timestamp, @message\n\
         | filter {field} = \"{value}\"\n\
         | filter @timestamp >= {since} and @timestamp <= {until}\n\
         | sort @timestamp asc\n\
         | limit {MOST_ROWS}\n"
    ))
}

/// Returns the query for Athena, for a table over a trail's bucket as AWS's own guide makes it. With data
/// events in the trail it shows reads of S3 objects, too.
///
/// # Errors
///
/// As [`logs_insights`]; also for a table whose name isn't one.
pub fn athena(search: &Search, table: &str) -> Result<String, Error> {
    if !is_table(table) {
        return Err(unsupported(format!("query `{table}`, which is no table's name")));
    }
    let (field, value) = match &search.by {
        SearchBy::Key(id) => ("useridentity.accesskeyid", plain(id)?),
        SearchBy::Owner(name) => ("useridentity.username", plain(name)?),
    };
    let (since, until) = (second(search.since), second(search.until));
    Ok(format!(
        "SELECT {}\n\
         FROM {table}\n\
         WHERE {field} = '{value}'\n\
         \x20 AND eventtime BETWEEN '{since}' AND '{until}'\n\
         ORDER BY eventtime;\n",
        COLUMNS.join(", ")
    ))
}

/// Tells whether a text is a table's name, perhaps with its database's.
pub(super) fn is_table(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    !text.is_empty() && text.chars().all(is_plain)
}

fn plain(value: &str) -> Result<&str, Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => Ok(value),
        false => Err(unsupported("search for a name with such letters")),
    }
}

/// CloudTrail writes whole seconds.
fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(by: SearchBy) -> Search {
        let at = |text: &str| text.parse().expect("a time");
        Search {
            log: String::new(),
            by,
            since: at("2026-11-20T00:00:00.5Z"),
            until: at("2026-11-22T10:00:00Z"),
        }
    }

    #[test]
    fn a_query_names_the_key_and_the_time() {
        let search = search(SearchBy::Key("AKIAEXAMPLE".to_owned()));
        let athena = athena(&search, "logs.cloudtrail").expect("it can be written");
        assert!(
            athena.contains("FROM logs.cloudtrail\nWHERE useridentity.accesskeyid = 'AKIAEXAMPLE'")
        );
        assert!(athena.contains("BETWEEN '2026-11-20T00:00:00Z' AND '2026-11-22T10:00:00Z'"));
        let insights = logs_insights(&search).expect("it can be written");
        assert!(insights.contains("| filter userIdentity.accessKeyId = \"AKIAEXAMPLE\"\n"));
    }

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        for name in ["x' OR '1'='1", "x\" or 1=1", "", "a\nb"] {
            let search = search(SearchBy::Owner(name.to_owned()));
            assert!(athena(&search, "t").is_err(), "{name:?}");
            assert!(logs_insights(&search).is_err(), "{name:?}");
        }
        let search = search(SearchBy::Owner("bot".to_owned()));
        assert!(athena(&search, "t; DROP TABLE x").is_err());
    }
}
