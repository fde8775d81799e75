//! `stanch patterns`: what can be found, and whether provider files keep their word.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstyle::Style;

use super::{ExitCode, Failure, Global, import};
use crate::pattern::{Pattern, PatternSet};
use crate::scan::{Cost, Costs, Scanner, prove};
use crate::source::{Source, Worktree};

const BOLD: Style = Style::new().bold();

#[derive(Debug, clap::Subcommand)]
#[command(about = "Show, test and import the patterns that are searched for")]
pub(super) enum Command {
    /// List every pattern: id, severity, class, description
    List,
    /// Show one pattern: what it matches, and with which checks
    Show {
        /// Its id
        id: String,
    },
    /// Hold provider files to what patterns/README.md promises
    ///
    /// Fills the examples with random text, runs the scanner, and asks that exactly the gap be found.
    Test {
        /// A folder of provider files [default: all the program knows]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// Show instead which patterns take the most time on the files here
        ///
        /// `--cost` alone reads the current folder. One processor works; what is read from disk does not
        /// count.
        #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true, default_missing_value = ".")]
        cost: Option<PathBuf>,
    },
    Import(import::Args),
}

pub(super) fn run(
    command: &Command,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    match command {
        Command::List => list(global, out),
        Command::Show { id } => show(id, global, out),
        Command::Test { folder, cost } => test(folder.as_deref(), cost.as_ref(), global, out),
        Command::Import(args) => import::run(args, global, out),
    }
}

fn list(global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let set = global.pattern_set()?;
    let width = set.patterns().iter().map(|pattern| pattern.id.len()).max().unwrap_or(0);
    for pattern in set.patterns() {
        let (id, severity) = (&pattern.id, pattern.severity.to_string());
        let class = &pattern.provider.class;
        writeln!(out, "{id:width$}  {severity:8}  {class:14}  {}", pattern.description)?;
    }
    Ok(ExitCode::Clean)
}

fn show(id: &str, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let set = global.pattern_set()?;
    let pattern = set.get(id).ok_or_else(|| no_such_pattern(id, &set))?;
    writeln!(out, "{BOLD}{id}{BOLD:#}\n  {}", pattern.description)?;
    for (name, value) in facts(pattern) {
        writeln!(out, "  {name:<12} {value}")?;
    }
    Ok(ExitCode::Clean)
}

/// Returns the patterns whose names hold the words of a wrong one, as a hint.
fn no_such_pattern(id: &str, set: &PatternSet) -> Failure {
    let failure = Failure::new(format!("there is no pattern {id}"));
    let is_near = |pattern: &&std::sync::Arc<Pattern>| {
        pattern.id.contains(id) || id.split('-').next() == Some(pattern.provider.id.as_str())
    };
    let near: Vec<&str> =
        set.patterns().iter().filter(is_near).take(5).map(|pattern| pattern.id.as_str()).collect();
    match near.is_empty() {
        true => failure.hint("`stanch patterns list` shows them all"),
        false => failure.hint(format!("did you mean {}?", near.join(", "))),
    }
}

fn facts(pattern: &Pattern) -> Vec<(&'static str, String)> {
    let provider = &pattern.provider;
    let listed = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
    let part = |part: &crate::pattern::Part| {
        let need = if part.required { "required" } else { "optional" };
        let distance = part.within_lines;
        Some((
            "part",
            format!("{} ({need}, within {distance} lines) {}", part.name, part.regex.as_str()),
        ))
    };
    let mut facts: Vec<Option<(&'static str, String)>> = vec![
        Some(("provider", format!("{} ({})", provider.name, provider.class))),
        Some(("console", provider.console.clone())),
        provider.driver.as_ref().map(|driver| ("contained by", driver.clone())),
        Some(("severity", pattern.severity.to_string())),
        Some(("confidence", pattern.confidence.to_string())),
        Some(("regex", pattern.regex.as_str().to_owned())),
        listed(&pattern.anchors).map(|anchors| ("anchors", anchors)),
        Some(("secret", pattern.secret.clone())),
        listed(&pattern.public).map(|public| ("public", public)),
        pattern.check.map(|check| ("check", format!("{check:?}"))),
        pattern.min_entropy.map(|least| ("entropy", format!("at least {least} bits a byte"))),
        pattern.human.then(|| ("human", "a person may have chosen it".to_owned())),
        listed(&pattern.overlaps).map(|losers| ("wins over", losers)),
        Some(("file", pattern.file.clone())),
    ];
    facts.extend(pattern.parts.iter().map(part));
    facts.extend(pattern.examples.iter().map(|text| Some(("found in", text.clone()))));
    facts.extend(pattern.counterexamples.iter().map(|text| Some(("not found in", text.clone()))));
    facts.into_iter().flatten().collect()
}

fn test(
    folder: Option<&Path>,
    cost: Option<&PathBuf>,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let set = match folder {
        Some(folder) => PatternSet::with_folder(folder)?,
        None => global.pattern_set()?,
    };
    if let Some(path) = cost {
        return show_costs(set, path, out);
    }
    let embedded: BTreeSet<String> = match folder {
        Some(_) => PatternSet::embedded()?.patterns().iter().map(|p| p.file.clone()).collect(),
        None => BTreeSet::new(),
    };
    let is_asked = |pattern: &Pattern| !embedded.contains(&pattern.file);
    let count = set.patterns().iter().filter(|pattern| is_asked(pattern)).count();
    if count == 0 {
        return Err(Failure::new("there is no pattern to test")
            .hint("a provider file is DIR/<class>/<provider>.toml; see patterns/README.md"));
    }
    let wrong = prove(&Scanner::new(set), is_asked, &mut rand::rng());
    for why in &wrong {
        writeln!(out, "{why}")?;
    }
    if !wrong.is_empty() {
        let what = format!("{} of what {count} patterns promise doesn't hold", wrong.len());
        return Err(Failure::new(what).hint("patterns/README.md says what each must keep"));
    }
    match count {
        1 => writeln!(out, "1 pattern keeps its promises")?,
        count => writeln!(out, "{count} patterns keep their promises")?,
    }
    Ok(ExitCode::Clean)
}

/// So many patterns are shown, the slowest.
const COSTS_SHOWN: usize = 20;

fn show_costs(set: PatternSet, path: &Path, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let scanner = Scanner::new(set);
    let started = Instant::now();
    let costs = Mutex::new(Costs::new(&scanner));
    let coverage = Worktree::new(vec![path.to_owned()]).walk(&|blob| {
        // One at a time: two would share what is measured.
        let mut costs = costs.lock().unwrap_or_else(PoisonError::into_inner);
        costs.add(&scanner, blob.bytes, &|| started.elapsed());
    })?;
    let Costs { bytes, prefilter, mut patterns } =
        costs.into_inner().unwrap_or_else(PoisonError::into_inner);
    patterns.sort_by(|a, b| (b.time, &a.pattern.id).cmp(&(a.time, &b.pattern.id)));
    let in_patterns: Duration = patterns.iter().map(|cost| cost.time).sum();
    let all = (prefilter + in_patterns).as_secs_f64().max(f64::MIN_POSITIVE);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    writeln!(
        out,
        "{} files, {:.1} MB: the prefilter took {:.1} ms, {} patterns {:.1} ms",
        coverage.blobs,
        bytes as f64 / 1e6,
        millis(prefilter),
        patterns.len(),
        millis(in_patterns),
    )?;
    writeln!(out, "{BOLD}  share        ms   anchors   matches  pattern{BOLD:#}")?;
    for Cost { pattern, anchors, matches, time } in patterns.iter().take(COSTS_SHOWN) {
        let (share, id) = (100.0 * time.as_secs_f64() / all, &pattern.id);
        writeln!(out, "{share:6.1}% {:9.2} {anchors:9} {matches:9}  {id}", millis(*time))?;
    }
    Ok(ExitCode::Clean)
}
