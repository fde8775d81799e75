//! Several keys in one command: their plans one after the other, and all carried out at the same time.
//!
//! Each key keeps an incident of its own: a record is of one credential, with its severity, its clocks and
//! its plan, and so one key that can't be contained keeps no other's incident open. Each plan keeps its own
//! hash: it is what somebody approves, and what `--apply` compares.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::Style;
use futures_util::future::join_all;

use super::hand::{Hand, Shared, shown_plan};
use super::{Args, Format, again, connect, policy, runtime};
use crate::cli::locate::{Everything, Located, everything, locate};
use crate::cli::{ExitCode, Failure, Global, environment};
use crate::contain::{Policy, at_once};
use crate::finding::{Finding, plain};
use crate::secret::FingerprintPrefix;

const BOLD: Style = Style::new().bold();

/// The findings that are named, none where all are meant, and where to look for them.
pub(super) struct Named {
    pub(super) findings: Vec<FingerprintPrefix>,
    pub(super) paths: Vec<PathBuf>,
}

impl Named {
    /// Tells findings from paths. As with git's revisions and paths, what is there is a path.
    pub(super) fn read(args: &Args) -> Result<Self, Failure> {
        let first = args.finding.as_deref();
        let mut findings = Vec::new();
        let mut paths: Vec<PathBuf> = Vec::new();
        if args.all {
            paths.extend(first.map(PathBuf::from));
        } else {
            findings.push(first.unwrap_or_default().parse()?);
            findings.extend(args.more.iter().map_while(|word| finding(word)));
        }
        let further = findings.len().saturating_sub(1);
        paths.extend(args.more.iter().skip(further).cloned());
        if paths.is_empty() {
            paths.push(PathBuf::from("."));
        }
        Ok(Self { findings, paths })
    }
}

fn finding(word: &Path) -> Option<FingerprintPrefix> {
    word.to_str().filter(|_| !word.exists())?.parse().ok()
}

/// A key by its short name, or why it isn't one.
struct Key {
    name: String,
    located: Result<Located, Failure>,
}

/// How it ended for a key, and what is to be said.
struct Ended {
    name: String,
    text: Vec<u8>,
    result: Result<ExitCode, Failure>,
}

/// Plans or contains several keys; the worst that happened to one decides how the program ends.
pub(super) fn run(
    args: &Args,
    named: &Named,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    refuse_what_is_for_one(args)?;
    let (keys, left_out) = match args.all {
        true => all(named, global, out)?,
        false => (each(named, global)?, ExitCode::Clean),
    };
    let roots = keys.iter().filter_map(|key| key.located.as_ref().ok()).map(|key| &key.root);
    let mut rules = args.policy.read(None)?;
    for root in roots {
        rules = args.policy.read(Some(root))?;
    }
    Ok(left_out.max(work(args, keys, rules, global, out)?))
}

/// One place can't take several replacements, and one hash is of one plan.
fn refuse_what_is_for_one(args: &Args) -> Result<(), Failure> {
    let flags = [
        ("--deliver-to", args.deliver_to.is_some()),
        ("--plan", args.plan.is_some()),
        ("--approve", args.approve.is_some()),
        ("--format cacao", matches!(args.format, Format::Cacao)),
    ];
    match flags.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(Failure::new(format!("{flag} is for one key at a time"))
            .hint("nothing was done; name one finding")),
        None => Ok(()),
    }
}

/// Finds the keys that were named, each once.
fn each(named: &Named, global: &Global) -> Result<Vec<Key>, Failure> {
    let located = locate(&named.findings, &named.paths, global)?;
    let mut keys: Vec<Key> = Vec::new();
    for (prefix, located) in named.findings.iter().zip(located) {
        let name = match &located {
            Ok(located) => located.finding.fingerprint.short(),
            Err(_) => prefix.to_string(),
        };
        if keys.iter().all(|key| key.name != name) {
            keys.push(Key { name, located });
        }
    }
    Ok(keys)
}

/// Finds every key that can be contained from here, and says what is left for a person.
fn all(
    named: &Named,
    global: &Global,
    out: &mut dyn Write,
) -> Result<(Vec<Key>, ExitCode), Failure> {
    let Everything { located, accepted, gaps } = everything(&named.paths, global)?;
    let (ours, others): (Vec<_>, Vec<_>) =
        located.into_iter().partition(|located| connect::has_driver(&located.finding));
    let mut code = ExitCode::Clean;
    if accepted > 0 {
        global.say(format_args!("{accepted} findings are known and accepted, and left out"));
    }
    for line in by_hand(others.iter().map(|located| &located.finding)) {
        Failure::new(line).warn("left for a person");
        code = code.max(ExitCode::Failed);
    }
    for gap in &gaps {
        let what = format!("{}: {}", plain(&gap.what), plain(&gap.why));
        Failure::new(what).warn("keys may be missing, for this could not be read");
        code = code.max(ExitCode::Unsettled);
    }
    if ours.is_empty() {
        writeln!(out, "nothing was found that can be contained from here")?;
    }
    let key = |located: Located| {
        let name = located.finding.fingerprint.short();
        Key { name, located: Ok(located) }
    };
    Ok((ours.into_iter().map(key).collect(), code))
}

/// Returns a line for each provider whose keys somebody has to revoke.
fn by_hand<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    let mut names: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for finding in findings {
        let provider = &finding.pattern.provider;
        let of = names.entry((&provider.name, &provider.console)).or_default();
        of.push(finding.fingerprint.short());
    }
    let line = |((name, console), keys): ((&String, &String), Vec<String>)| {
        format!("{} of {name}, to be revoked at {console}", keys.join(", "))
    };
    names.into_iter().map(line).collect()
}

fn work(
    args: &Args,
    keys: Vec<Key>,
    rules: Policy,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let mut telling = Telling::default();
    if args.recheck {
        let task = async |key: Key| {
            let (Key { name, located }, mut text) = (key, Vec::new());
            let result = match located {
                Ok(located) => again::run(args, &located, &rules, global, &mut text).await,
                Err(failure) => Err(failure),
            };
            vec![Ended { name, text, result }]
        };
        runtime()?.block_on(at_once(keys.into_iter().map(task), |_, ended| {
            telling.tell(args, ended, out);
        }));
        return telling.close(args, out);
    }
    let store = args.store.open()?;
    let actor = environment::user();
    let (guard, holder) = (policy::guard(rules, &*store)?, policy::holder(&actor)?);
    let shared = Shared {
        args,
        store: &*store,
        actor,
        guard: &guard,
        holder: &holder,
        global,
        is_one_of_several: true,
    };
    let groups = by_owner(&shared, keys);
    let tasks = groups.into_iter().map(|group| contain(&shared, group));
    runtime()?.block_on(at_once(tasks, |_, ended| telling.tell(args, ended, out)));
    telling.close(args, out)
}

/// Puts the keys of one owner together where plans are applied: each plan shows the owner's other keys, and
/// all are compared with what was shown before the first of them is stopped.
fn by_owner(shared: &Shared<'_>, keys: Vec<Key>) -> Vec<Vec<Key>> {
    let owner = |key: &Key| {
        let located = key.located.as_ref().ok().filter(|_| shared.args.apply)?;
        let shown = shown_plan(shared.args, shared.store, &located.finding.fingerprint);
        let shown = shown.ok().flatten()?;
        Some((shown.provider, shown.account, shown.owner))
    };
    let mut groups: Vec<(_, Vec<Key>)> = Vec::new();
    for key in keys {
        let owner = owner(&key);
        match groups.iter_mut().find(|(other, _)| owner.is_some() && *other == owner) {
            Some((_, group)) => group.push(key),
            None => groups.push((owner, vec![key])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Looks at all keys of a group, and then does what was decided for each.
async fn contain(shared: &Shared<'_>, group: Vec<Key>) -> Vec<Ended> {
    let begun = group.iter().map(async |key| match &key.located {
        Ok(located) => Hand::begin(shared, located, None).await.map(Some),
        Err(_) => Ok(None),
    });
    let begun = join_all(begun).await;
    let done = group.iter().zip(begun).map(async |(key, begun)| {
        let mut text = Vec::new();
        let result = match begun {
            Ok(Some((hand, next))) => {
                text.extend(heading(shared.args, key));
                hand.go_on(next, &mut text).await
            }
            Ok(None) => Ok(ExitCode::Clean),
            Err(failure) => Err(failure),
        };
        (text, result)
    });
    let done = join_all(done).await;
    let ended = group.into_iter().zip(done);
    let ended = ended.map(|(Key { name, located }, (text, result))| {
        let result = located.and(result);
        Ended { name, text, result }
    });
    ended.collect()
}

fn heading(args: &Args, key: &Key) -> Vec<u8> {
    match &key.located {
        Ok(located) if !matches!(args.format, Format::Json) => {
            let kind = &located.finding.pattern.id;
            format!("{BOLD}== {}  {kind}{BOLD:#}\n", key.name).into_bytes()
        }
        _ => Vec::new(),
    }
}

/// What was told so far.
#[derive(Default)]
struct Telling {
    ends: Vec<(String, ExitCode)>,
    /// The plans, where they are told as one JSON object.
    plans: Vec<String>,
    /// Why nothing more could be written. What is being done is done all the same.
    unwritten: Option<std::io::Error>,
}

impl Telling {
    fn tell(&mut self, args: &Args, ended: Vec<Ended>, out: &mut dyn Write) {
        for Ended { name, text, result } in ended {
            if is_json(args) {
                self.plans.extend(String::from_utf8(text).ok().filter(|plan| !plan.is_empty()));
            } else if !text.is_empty() {
                self.write(out, |out| {
                    out.write_all(&text)?;
                    writeln!(out)?;
                    out.flush()
                });
            }
            let code = result
                .unwrap_or_else(|failure| failure.about(&name).report(&mut anstream::stderr()));
            self.ends.push((name, code));
        }
    }

    fn write(
        &mut self,
        out: &mut dyn Write,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) {
        if self.unwritten.is_none() {
            self.unwritten = write(out).err();
        }
    }

    /// Says how it ended for each, and returns the worst of it.
    fn close(mut self, args: &Args, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let worst = self.ends.iter().map(|(_, code)| *code).max().unwrap_or(ExitCode::Clean);
        let (ends, plans) = (std::mem::take(&mut self.ends), std::mem::take(&mut self.plans));
        if is_json(args) {
            self.write(out, |out| writeln!(out, "{{\"plans\": [\n{}]}}", plans.join(",")));
        } else {
            self.write(out, |out| closing_lines(args, &ends, out));
        }
        match self.unwritten {
            Some(error) => Err(error.into()),
            None => Ok(worst),
        }
    }
}

fn is_json(args: &Args) -> bool {
    is_to_be_shown(args) && matches!(args.format, Format::Json)
}

/// Tells whether nothing was asked for but the plans.
fn is_to_be_shown(args: &Args) -> bool {
    !(args.apply || args.auto || args.resume || args.recheck || args.undo.is_some())
}

fn closing_lines(
    args: &Args,
    ends: &[(String, ExitCode)],
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let well = match (is_to_be_shown(args), args.recheck, args.undo.is_some()) {
        (true, ..) => "planned",
        (_, true, _) => "dead",
        (.., true) => "taken back",
        _ => "contained",
    };
    for (name, code) in ends {
        let word = match code {
            ExitCode::Clean => well,
            ExitCode::Found => "ALIVE",
            ExitCode::Failed => "failed",
            ExitCode::Unsettled => "unsettled",
        };
        writeln!(out, "{BOLD}{word:10}{BOLD:#} {name}")?;
    }
    let planned = ends.iter().filter(|(_, code)| *code == ExitCode::Clean);
    let planned: Vec<_> = planned.map(|(name, _)| name.as_str()).collect();
    if is_to_be_shown(args) && !planned.is_empty() {
        let names = if args.all { "--all".to_owned() } else { planned.join(" ") };
        writeln!(out, "carry out all of them at once with `stanch contain {names} --apply`")?;
    }
    Ok(())
}
