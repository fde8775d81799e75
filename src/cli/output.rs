//! Where findings are written, and how: `--format sarif=out.sarif --format text`.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;

use super::Failure;
use crate::policy::Review;
use crate::report::{self, Times};

#[derive(Debug, clap::Args)]
pub(super) struct Outputs {
    /// How to write the findings, and the file to write them to; may be given several times
    #[arg(long, short, value_name = "FORMAT[=FILE]", default_value = "text", value_parser = Parser)]
    format: Vec<Output>,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The file that GitHub shows as the summary of a job; no path, so that the variable may be empty
    #[arg(long, value_name = "FILE", env = "GITHUB_STEP_SUMMARY", hide = true)]
    github_summary: Option<OsString>,
}

/// A format, and the file it goes to, if it isn't standard output.
#[derive(Clone, Debug)]
struct Output {
    format: Format,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// One JSON object a finding and line
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations and the summary of a GitHub job
    Github,
    /// GitLab's secret-detection report
    Gitlab,
    /// JUnit XML
    Junit,
    /// One row a place, for spreadsheets
    Csv,
    /// One page that needs no network
    Html,
}

/// Reads `FORMAT` or `FORMAT=FILE`.
#[derive(Clone)]
struct Parser;

impl TypedValueParser for Parser {
    type Value = Output;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Output, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(file)),
            None => (text.as_str(), None),
        };
        let wrong = |why: String| clap::Error::raw(ErrorKind::InvalidValue, why).with_cmd(command);
        if file == Some("") {
            return Err(wrong(format!("--format {name}= names no file\n")));
        }
        let format = Format::from_str(name, false).map_err(|_| {
            let known = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let known: Vec<_> = known.map(|value| value.get_name().to_owned()).collect();
            wrong(format!("there is no format {name:?}; there are {}\n", known.join(", ")))
        })?;
        Ok(Output { format, file: file.map(PathBuf::from) })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Format::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

impl Outputs {
    /// Returns the outputs, with `--output` given to the one that names no file.
    ///
    /// Called before a scan: whoever asks for the impossible learns it at once.
    fn resolved(&self) -> Result<Vec<Output>, Failure> {
        let mut outputs = self.format.clone();
        let mut free = outputs.iter_mut().filter(|output| output.file.is_none());
        let first = free.next();
        if free.next().is_some() {
            return Err(Failure::new("two formats can't both go to standard output")
                .hint("name a file for all but one: --format sarif=FILE --format text"));
        }
        match (first, &self.output) {
            (Some(free), Some(file)) => free.file = Some(file.clone()),
            (None, Some(_)) => {
                return Err(Failure::new("--output is for a format that names no file")
                    .hint("leave it out, or name the file only once"));
            }
            (_, None) => {}
        }
        Ok(outputs)
    }

    /// Fails where the outputs can't be as they are named.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.resolved().map(drop)
    }

    /// Writes a review in every format that was asked for.
    pub(super) fn write(
        &self,
        review: &Review,
        times: &Times,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        for Output { format, file } in self.resolved()? {
            match file {
                Some(path) => write_to_file(format, review, times, &path)?,
                None => write(format, review, times, out)?,
            }
            let summary = self.github_summary.as_ref().filter(|path| !path.is_empty());
            if let (Format::Github, Some(path)) = (format, summary) {
                append_summary(review, Path::new(path))?;
            }
        }
        Ok(())
    }
}

fn write_to_file(
    format: Format,
    review: &Review,
    times: &Times,
    path: &Path,
) -> Result<(), Failure> {
    let mut text = Vec::new();
    write(format, review, times, &mut text)?;
    let plain = anstream::adapter::strip_bytes(&text).into_vec();
    fs::write(path, plain).map_err(|error| unwritable(path, &error))
}

/// Adds to what earlier steps of the job wrote.
fn append_summary(review: &Review, path: &Path) -> Result<(), Failure> {
    let mut text = Vec::new();
    report::github_summary(review, &mut text)?;
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(&text)).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}

fn write(format: Format, review: &Review, times: &Times, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => report::text(review, times, out),
        Format::Json => report::json(review, times, out),
        Format::Jsonl => report::jsonl(review, times, out),
        Format::Sarif => report::sarif(review, times, out),
        Format::Github => report::github(review, out),
        Format::Gitlab => report::gitlab(review, times, out),
        Format::Junit => report::junit(review, out),
        Format::Csv => report::csv(review, out),
        Format::Html => report::html(review, times, out),
    }
}
