//! `stanch patterns import`: what other scanners' files say, in our formats.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use super::{ExitCode, Failure, Global};
use crate::finding::{Finding, Location, plain};
use crate::pattern::PatternSet;
use crate::pattern::import::{self, Imported, LeftOut};
use crate::policy::{Allowlist, allowlist_text};
use crate::scan::{Scanner, scan};
use crate::secret::Part;
use crate::source::{History, Source, Worktree};

/// Turn the rules, ignore list or baseline of another scanner into ours
///
/// Takes rule files of gitleaks and betterleaks, .gitleaksignore and .betterleaksignore, and
/// .secrets.baseline of detect-secrets. A list of findings is looked up by scanning the folder it is in.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  stanch patterns import .gitleaks.toml --output patterns >> stanch.toml
  stanch patterns import .gitleaksignore >> stanch.toml
  stanch scan --rules .gitleaks.toml             without converting

What can't be expressed is listed on standard error, each with its reason.")]
pub(super) struct Args {
    /// The file of the other scanner
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the provider file to this folder; what belongs in stanch.toml goes to standard output
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let text = read(&args.file)?;
    let name = args.file.display().to_string();
    let (provider_file, allowlist, left_out) = match kind(&text) {
        Kind::Rules => {
            let imported = rules(&name, &text)?;
            let (allowlist, unsaid) = allowlist_text(&imported.allowances);
            (imported.provider_file, allowlist, [imported.left_out, unsaid].concat())
        }
        Kind::Ignored(lines) => {
            let has_commit = lines.iter().any(|line| line.commit.is_some());
            let findings = findings_near(&args.file, has_commit, global)?;
            let (allowlist, left_out) = of_ignored(&name, &lines, &findings);
            (String::new(), allowlist, left_out)
        }
        Kind::DetectSecrets(baseline) => {
            let findings = findings_near(&args.file, false, global)?;
            let (allowlist, left_out) = of_baseline(&name, &baseline, &findings);
            (String::new(), allowlist, left_out)
        }
    };
    list(&left_out);
    match &args.output {
        Some(folder) => write_to(folder, &provider_file)?,
        None => out.write_all(provider_file.as_bytes())?,
    }
    if args.output.is_none() && !provider_file.is_empty() && !allowlist.is_empty() {
        writeln!(out, "\n# What follows belongs in stanch.toml.")?;
    }
    out.write_all(allowlist.as_bytes())?;
    Ok(ExitCode::Clean)
}

/// Returns the patterns of a rule file, and its allowlist, ready to scan with.
pub(super) fn load_rules(
    file: &Path,
    root: &Path,
) -> Result<(PatternSet, Option<Allowlist>), Failure> {
    let name = file.display().to_string();
    let imported = rules(&name, &read(file)?)?;
    let (allowlist, unsaid) = allowlist_text(&imported.allowances);
    list(&[imported.left_out, unsaid].concat());
    let own = match imported.provider_file.is_empty() {
        true => Vec::new(),
        false => vec![(name.clone(), imported.provider_file)],
    };
    let set = match imported.extends_default {
        true => PatternSet::with_files(&own)?,
        false => {
            PatternSet::from_files(own.iter().map(|(name, text)| (name.as_str(), text.as_str())))?
        }
    };
    if set.patterns().is_empty() {
        return Err(Failure::new(format!("{name}: no rule of it can be searched for"))
            .hint("the list above says why; `[extend] useDefault = true` adds our own patterns"));
    }
    let allowlist = match allowlist.is_empty() {
        true => None,
        false => Some(Allowlist::parse(&name, root, &allowlist)?),
    };
    Ok((set, allowlist))
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))
}

fn rules(name: &str, text: &str) -> Result<Imported, Failure> {
    import::import(name, text).map_err(|why| {
        Failure::new(format!("{name}: {why}"))
            .hint("a rule file is TOML with [[rules]], as gitleaks and betterleaks read it")
    })
}

/// Lists what could not be expressed, on standard error: the output is the converted file.
fn list(left_out: &[LeftOut]) {
    let mut errors = anstream::stderr();
    for LeftOut { what, why } in left_out {
        let _ = writeln!(errors, "not expressed: {}: {}", plain(what), plain(why));
    }
}

fn write_to(folder: &Path, provider_file: &str) -> Result<(), Failure> {
    if provider_file.is_empty() {
        return Ok(());
    }
    let folder = folder.join(import::PROVIDER);
    let path = folder.join(format!("{}.toml", import::PROVIDER));
    if path.exists() {
        return Err(Failure::new(format!("{} is there already", path.display()))
            .hint("move it away, or name another folder"));
    }
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, provider_file));
    written.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

/// What a file of another scanner is.
enum Kind {
    Rules,
    Ignored(Vec<Ignored>),
    DetectSecrets(serde_json::Value),
}

/// A line of an ignore list: `commit:file:rule:line`, or without the commit.
struct Ignored {
    text: String,
    commit: Option<String>,
    path: String,
    line: usize,
}

fn kind(text: &str) -> Kind {
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(text)
        && json["results"].is_object()
    {
        return Kind::DetectSecrets(json);
    }
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let ignored: Option<Vec<Ignored>> = lines.map(ignored).collect();
    match ignored {
        Some(ignored) if !ignored.is_empty() => Kind::Ignored(ignored),
        _ => Kind::Rules,
    }
}

fn ignored(text: &str) -> Option<Ignored> {
    let (rest, line) = text.rsplit_once(':')?;
    let (rest, _rule) = rest.rsplit_once(':')?;
    let line = line.parse().ok()?;
    let is_commit = |word: &str| word.len() >= 7 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let (commit, path) = match rest.split_once(':') {
        Some((commit, path)) if is_commit(commit) => (Some(commit.to_owned()), path),
        _ => (None, rest),
    };
    Some(Ignored { text: text.to_owned(), commit, path: path.to_owned(), line })
}

/// Scans the folder that a list is in.
fn findings_near(file: &Path, history: bool, global: &Global) -> Result<Vec<Finding>, Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    global.say(format_args!("scanning {} for what the list names", folder.display()));
    let scanner = Scanner::new(global.pattern_set()?);
    let worktree = Worktree::new(vec![folder.to_owned()]);
    let past = History::new(folder);
    let sources: Vec<&dyn Source> = if history { vec![&worktree, &past] } else { vec![&worktree] };
    let mut findings = scan(&scanner, &sources, &|_| {})?.findings;
    // Lists name paths as seen from their own folder.
    for location in findings.iter_mut().flat_map(|finding| &mut finding.locations) {
        if let (Some(path), crate::source::Kind::File) = (&location.place.path, location.place.kind)
        {
            let own = Path::new(path)
                .strip_prefix(folder)
                .map(|path| path.to_string_lossy().replace('\\', "/"));
            location.place.path = Some(own.unwrap_or_else(|_| path.clone()));
        }
    }
    Ok(findings)
}

fn entry(finding: &Finding, reason: &str) -> String {
    let reason = import::quoted(reason);
    format!("[[allow]]\nfingerprint = \"{}\"\nreason      = {reason}\n\n", finding.fingerprint)
}

const NOT_FOUND: &str = "a scan finds nothing there: it is no finding of ours, or it has moved";

fn of_ignored(name: &str, lines: &[Ignored], findings: &[Finding]) -> (String, Vec<LeftOut>) {
    let (mut entries, mut left_out) = (BTreeMap::new(), Vec::new());
    for line in lines {
        let is_there = |location: &Location| {
            let place = &location.place;
            let is_commit = match (&line.commit, &place.commit) {
                (Some(named), Some(commit)) => commit.starts_with(named.as_str()),
                (Some(_), None) => false,
                (None, _) => true,
            };
            is_commit
                && place.path.as_deref() == Some(&line.path)
                && location.span.line == line.line
        };
        let found: Vec<_> =
            findings.iter().filter(|finding| finding.locations.iter().any(is_there)).collect();
        for finding in &found {
            let reason = format!("{name}: {}", line.text);
            entries.entry(finding.fingerprint).or_insert_with(|| entry(finding, &reason));
        }
        if found.is_empty() {
            left_out.push(LeftOut::new(&line.text, NOT_FOUND));
        }
    }
    (entries.into_values().collect(), left_out)
}

fn of_baseline(
    name: &str,
    baseline: &serde_json::Value,
    findings: &[Finding],
) -> (String, Vec<LeftOut>) {
    let (mut entries, mut left_out) = (BTreeMap::new(), Vec::new());
    let files = baseline["results"].as_object().into_iter().flatten();
    for (path, known) in files.flat_map(|(path, list)| {
        list.as_array().into_iter().flatten().map(move |known| (path.replace('\\', "/"), known))
    }) {
        let (kind, line) = (known["type"].as_str().unwrap_or("secret"), &known["line_number"]);
        let hash = known["hashed_secret"].as_str().unwrap_or_default();
        let is_line = |location: &Location| {
            location.place.path.as_deref() == Some(&path)
                && line.as_u64() == Some(location.span.line as u64)
        };
        let is_it = |finding: &&Finding| {
            sha1_of_parts(finding).iter().any(|own| own == hash)
                || finding.locations.iter().any(is_line)
        };
        let found: Vec<_> = findings.iter().filter(is_it).collect();
        for finding in &found {
            let audit = match known["is_secret"].as_bool() {
                Some(false) => "audited as no secret",
                Some(true) => "audited as a known secret",
                None => "known",
            };
            let reason = format!("{name}: {audit} ({kind})");
            entries.entry(finding.fingerprint).or_insert_with(|| entry(finding, &reason));
        }
        if found.is_empty() {
            left_out.push(LeftOut::new(format!("{path}:{line} ({kind})"), NOT_FOUND));
        }
    }
    (entries.into_values().collect(), left_out)
}

/// Returns the SHA-1 of each secret part, by which detect-secrets knows a secret.
fn sha1_of_parts(finding: &Finding) -> Vec<String> {
    let digest = |part: &Part| match part {
        Part::Secret(secret) => {
            let digest = Sha1::digest(secret.expose());
            Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        Part::Public(_) => None,
    };
    finding.credential.parts.values().filter_map(digest).collect()
}
