//! `stanch drill`: a rehearsed leak, from the commit to the closed incident, with no account anywhere.
//!
//! Everything is real but the provider: a git repository, the scanner, the engine, the record. The
//! incident is marked as a drill and never counts in a scorecard.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anstyle::Style;

use super::contain::{Responder, open_incident};
use super::environment::{self, SystemClock};
use super::locate::Located;
use super::store::StoreArgs;
use super::{ExitCode, Failure, Global};
use crate::contain::{
    Delivery, Facts, Grounds, Guard, MemoryDelivery, Plan, Policy, Proof, Request, Settled,
    Subject, plan,
};
use crate::finding::Finding;
use crate::incident::{Clock, Event, Incident, IncidentId, Journal, Phase, Store, Visibility};
use crate::policy::Review;
use crate::provider::simulated::Simulated;
use crate::provider::{Known, Liveness, Provider};
use crate::report::{self, Times, incident_text};
use crate::scan::{Scanner, scan};
use crate::secret::{Credential, Secret};
use crate::source::History;

/// How long before the drill the leak is dated, so that the figures have something to show.
const LEAKED_BEFORE_SECONDS: i64 = 3 * 60 * 60;
const BOLD: Style = Style::new().bold();

/// Rehearse a leak from commit to closed incident, against a simulated provider
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Makes a temporary git repository, commits a freshly made key of a simulated provider and deletes it
again, scans the history, contains the key, and walks the incident through its phases. No network, no
account. The incident is kept, marked as a drill; it never counts in a scorecard.")]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(args: &Args, global: &Global, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let store = args.store.open()?;
    let provider = Simulated::new(Arc::new(|| SystemClock.now()));
    let leaked = provider.issue("billing-service")?;
    provider.administers("billing-service", Known::No)?;
    // Somebody works with it, and a session outlives its key.
    provider.begin_session(&leaked)?;
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::new(format!("cannot make a temporary folder: {error}")))?;

    heading(out, "A key is committed and, a commit later, deleted")?;
    let commit = plant(folder.path(), &leaked)?;
    writeln!(out, "commit {commit} of three hours ago holds it; the next one removes the file")?;

    heading(out, "The history is scanned")?;
    let finding = find(folder.path(), global, out)?;
    let located = Located { finding, root: folder.path().to_owned() };
    let delivery = MemoryDelivery::new();
    let actor = environment::user();
    let (guard, holder) = (Guard::new(Policy::default()), super::contain::holder(&actor)?);
    let responder = Responder {
        store: &*store,
        provider: &provider,
        clock: &SystemClock,
        approver: Some(actor.clone()),
        actor,
        confirmed: Vec::new(),
        guard: &guard,
        holder: &holder,
        located: &located,
        delivery: Some(&delivery),
        visibility: Visibility::Internal,
        reserved: IncidentId::generate(),
        drill: true,
        global,
        label: None,
    };
    super::contain::runtime()?.block_on(rehearse(&responder, &provider, &delivery, out))
}

fn heading(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    out.flush()?;
    Ok(writeln!(out, "\n{BOLD}== {text}{BOLD:#}")?)
}

/// Commits the key, then deletes it; returns the short id of the commit that holds it.
fn plant(folder: &Path, leaked: &Credential) -> Result<String, Failure> {
    let text = Simulated::text_of(leaked)
        .ok_or_else(|| Failure::new("the simulated provider made a key without its parts"))?;
    let git =
        |error: git2::Error| Failure::new(format!("cannot make the drill's repository: {error}"));
    let repository = git2::Repository::init(folder).map_err(git)?;
    let before = SystemClock.now().as_second() - LEAKED_BEFORE_SECONDS;
    let with_key = commit(&repository, Some(&text), before, None).map_err(git)?;
    commit(&repository, None, before + 600, Some(with_key)).map_err(git)?;
    Ok(with_key.to_string()[..12].to_owned())
}

fn commit(
    repository: &git2::Repository,
    secret: Option<&Secret>,
    seconds: i64,
    parent: Option<git2::Oid>,
) -> Result<git2::Oid, git2::Error> {
    let mut tree = repository.treebuilder(None)?;
    tree.insert("README.md", repository.blob(b"# billing\n")?, 0o100_644)?;
    if let Some(secret) = secret {
        let line = [b"BILLING_KEY=", secret.expose(), b"\n"].concat();
        tree.insert("prod.env", repository.blob(&line)?, 0o100_644)?;
    }
    let tree = repository.find_tree(tree.write()?)?;
    let who = git2::Signature::new("Drill", "drill@example.com", &git2::Time::new(seconds, 0))?;
    let parent = parent.map(|parent| repository.find_commit(parent)).transpose()?;
    let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
    let message =
        if secret.is_some() { "Add the deployment" } else { "Remove the environment file" };
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents)
}

fn find(folder: &Path, global: &Global, out: &mut dyn Write) -> Result<Finding, Failure> {
    let scanner = Scanner::new(global.pattern_set()?);
    let started = environment::now();
    let found = scan(&scanner, &[&History::new(folder)], &|_| {})?;
    let review = Review::plain(found.findings, found.coverage);
    report::text(&review, &Times { started, ended: environment::now() }, out)?;
    let mut findings = review.findings.into_iter();
    findings.next().ok_or_else(|| Failure::new("the drill's key was not found"))
}

async fn rehearse(
    responder: &Responder<'_>,
    provider: &Simulated,
    delivery: &MemoryDelivery,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let credential = &responder.located.finding.credential;
    let observation = provider.observe(credential).await?;
    let evidence = provider.evidence(&observation).await?;
    // A rehearsal doesn't wait for what a real provider takes its time for.
    let request = Request {
        delivery: Some(delivery.describe()),
        proof: Proof { refusals: 3, window_seconds: 0 },
        end_sessions: Some(true),
        grounds: Grounds::of(
            &observation,
            Some(&evidence),
            responder.visibility,
            responder.leak(&observation, Some(&evidence)).severity().level,
            SystemClock.now(),
        ),
        ..Request::default()
    };
    let plan = plan(&Subject::of(credential)?, &observation, &Facts::of(provider), &request);
    heading(out, "The plan")?;
    report::plan(&plan, out)?;

    heading(out, "The incident is opened and the plan carried out")?;
    out.flush()?;
    let incident = open_incident(responder, &observation, Some(&evidence))?;
    contain(responder, &plan, &incident).await?;
    let replacement = delivery.delivered().pop();
    finish(responder, provider, &incident, replacement.as_ref()).await?;

    heading(out, "The record")?;
    show(responder.store, &incident, out)?;
    writeln!(out, "\nthis was a drill: it is kept as one and never counts in a scorecard")?;
    Ok(ExitCode::Clean)
}

async fn contain(
    responder: &Responder<'_>,
    plan: &Plan,
    incident: &IncidentId,
) -> Result<(), Failure> {
    let summary = responder.carry_out(plan, incident).await?;
    match summary.settled {
        Settled::Contained => Ok(()),
        other => Err(Failure::new(format!("the drill ended {other:?}: {summary:?}")).unsettled()),
    }
}

/// Walks the incident through the phases after containment.
async fn finish(
    responder: &Responder<'_>,
    provider: &Simulated,
    incident: &IncidentId,
    replacement: Option<&Credential>,
) -> Result<(), Failure> {
    let replacement = replacement.ok_or_else(|| Failure::new("no replacement was delivered"))?;
    let works = matches!(provider.probe(replacement).await?.liveness, Liveness::Accepted { .. });
    if !works {
        return Err(Failure::new("the replacement was delivered and doesn't work"));
    }
    let phase = |phase, reason: &str| Event::PhaseEntered { phase, reason: reason.to_owned() };
    let events = [
        phase(Phase::Eradication, "the old key is dead"),
        Event::Eradicated { reason: "the file is gone from every branch tip".to_owned() },
        phase(Phase::Recovery, "the cause is gone"),
        Event::Recovered { reason: "the replacement was accepted by the provider".to_owned() },
        phase(Phase::LessonsLearned, "consumers work on the replacement"),
        Event::Closed {
            root_cause: "an environment file was committed".to_owned(),
            lessons: "a pre-commit hook (`stanch scan --staged`) would have stopped it".to_owned(),
        },
    ];
    let narrator = responder.narrator();
    let first = narrator.events(incident)?.len() as u64;
    for (seq, event) in (first..).zip(events) {
        narrator.append(incident, seq, &responder.actor, SystemClock.now(), &event)?;
    }
    Ok(())
}

fn show(store: &dyn Store, id: &IncidentId, out: &mut dyn Write) -> Result<(), Failure> {
    let head = store.verify(id, None)?;
    let incident = Incident::of(id, &store.events(id)?)?;
    Ok(incident_text::write(out, &incident, &head, SystemClock.now(), environment::width())?)
}
