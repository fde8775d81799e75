//! The same questions, for logs that are searched elsewhere.

use std::io::Write;

use super::{Args, ExitCode, Failure, Format, write_json};
use crate::contain::Question;
use crate::finding::plain;
use crate::provider::Query;

/// Prints them and asks nobody.
pub(super) fn print(
    args: &Args,
    question: &Question,
    configuration: &str,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let queries = written(question, configuration)?;
    match args.format {
        Format::Json => write_json(&serde_json::json!({ "queries": queries }), out)?,
        Format::Text => {
            for query in &queries {
                writeln!(out, "-- {}\n{}", plain(&query.place), query.text)?;
            }
        }
    }
    Ok(ExitCode::Clean)
}

#[cfg(feature = "aws")]
fn written(question: &Question, configuration: &str) -> Result<Vec<Query>, Failure> {
    let logs = crate::cli::contain::trail_logs(configuration)?;
    let mut queries = Vec::new();
    for search in question.searches("", crate::cli::environment::now()) {
        queries.extend(logs.queries(&search)?);
    }
    Ok(queries)
}

#[cfg(not(feature = "aws"))]
fn written(question: &Question, _: &str) -> Result<Vec<Query>, Failure> {
    let _ = question;
    Err(Failure::new("this build has no driver `aws-iam`").hint("build with the default features"))
}
