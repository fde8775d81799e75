//! Carrying out a plan: open the incident, let the engine work, say where things stand.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::locate::Located;
use crate::cli::narrator::Narrator;
use crate::cli::{ExitCode, Failure, Global};
use crate::contain::{
    Delivery, Engine, Error, Fresh, Guard, Holder, Leak, Patience, Plan, Settled, Summary, What,
};
use crate::finding::plain;
use crate::incident::{
    Clock, Event, Incident, IncidentId, Journal, Opening, Outcome, Store, Visibility,
};
use crate::provider::{Evidence, Observation, Provider};
use crate::secret::Fingerprint;

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();

/// Whoever contains a leak, with everything it takes.
pub(crate) struct Responder<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) provider: &'a dyn Provider,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) actor: String,
    /// Whose word the plan has; nobody's but the policy's where it isn't a person's.
    pub(crate) approver: Option<String>,
    pub(crate) confirmed: Vec<String>,
    pub(crate) located: &'a Located,
    pub(crate) delivery: Option<&'a dyn Delivery>,
    pub(crate) visibility: Visibility,
    pub(crate) guard: &'a Guard,
    pub(crate) holder: &'a dyn Holder,
    /// The id of the incident, open or not yet, after which the provider's sessions are named.
    pub(crate) reserved: IncidentId,
    pub(crate) drill: bool,
    pub(crate) global: &'a Global,
    /// What the lines told of this key begin with, where several are contained at once.
    pub(crate) label: Option<String>,
}

impl Responder<'_> {
    /// Looks at the key just before a plan is carried out that was shown.
    pub(super) async fn look(&self, shown: &Plan) -> Result<Fresh, Failure> {
        // No incident is open yet: a look is none of its events.
        let nowhere = IncidentId::from(String::new());
        Ok(self.engine(self.store, &nowhere).look(shown).await?)
    }

    /// Looks at a key where nobody looks at a plan first.
    pub(super) async fn look_first(&self) -> Result<Fresh, Failure> {
        let nowhere = IncidentId::from(String::new());
        Ok(self.engine(self.store, &nowhere).look_first().await?)
    }

    /// Opens the incident, or goes on in the open one, and carries out the plan.
    pub(super) async fn apply(
        &self,
        plan: &Plan,
        fresh: Fresh,
        evidence: Option<&Evidence>,
        out: &mut dyn Write,
    ) -> Result<ExitCode, Failure> {
        let incident = open_incident(self, &fresh.observation, evidence)?;
        let narrator = self.narrator();
        let applied = self.engine(&narrator, &incident).apply_to(plan, fresh).await;
        let summary = applied.map_err(|error| self.stopped(error, &incident))?;
        self.tell(&summary, &incident, out)
    }

    /// Carries out a plan in an incident that is open.
    pub(crate) async fn carry_out(
        &self,
        plan: &Plan,
        incident: &IncidentId,
    ) -> Result<Summary, Failure> {
        let narrator = self.narrator();
        let applied = self.engine(&narrator, incident).apply(plan).await;
        applied.map_err(|error| self.stopped(error, incident))
    }

    /// Returns the failure for a run that stopped. Where a step of an earlier run, or of this one, may
    /// have been done and the record doesn't tell, that is said, whatever it was that stopped it.
    fn stopped(&self, error: Error, incident: &IncidentId) -> Failure {
        let is_of_the_question = matches!(
            error,
            Error::Nothing(_)
                | Error::WouldRevive { .. }
                | Error::NoSuchStep { .. }
                | Error::Held { .. }
        );
        let failure = Failure::from(error);
        if is_of_the_question {
            return failure;
        }
        let events = self.store.events(incident);
        match events.and_then(|events| Incident::of(incident, &events)) {
            Ok(incident) if incident.unsettled().next().is_none() => failure,
            _ => failure.unsettled().further_hint(
                "a step was begun and how it ended isn't recorded: `stanch incident show` names it",
            ),
        }
    }

    /// Refuses to go on where an earlier plan is under way: what it did may well be why the plan is
    /// another one now.
    pub(super) fn check_finished(&self) -> Result<(), Failure> {
        let Some(incident) = self.store.incident_for(&self.located.finding.fingerprint)? else {
            return Ok(());
        };
        match self.engine(self.store, &incident).unfinished()? {
            Some(plan_hash) => Err(Error::Unfinished { plan_hash }.into()),
            None => Ok(()),
        }
    }

    pub(super) async fn resume(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let (incident, narrator) = (self.open_one()?, self.narrator());
        let resumed = self.engine(&narrator, &incident).resume().await;
        let summary = resumed.map_err(|error| self.stopped(error, &incident))?;
        self.tell(&summary, &incident, out)
    }

    pub(super) async fn undo(
        &self,
        step: &str,
        revive: bool,
        reason: &str,
        out: &mut dyn Write,
    ) -> Result<ExitCode, Failure> {
        let (incident, narrator) = (self.open_one()?, self.narrator());
        let what = match step {
            "all" => What::All,
            step => What::Step(step.to_owned()),
        };
        let undone = self.engine(&narrator, &incident).undo(&what, revive, reason).await;
        let summary = undone.map_err(|error| self.stopped(error, &incident))?;
        match summary.undone.is_empty() {
            true => writeln!(out, "nothing was taken back")?,
            false => writeln!(out, "taken back: {}", summary.undone.join(", "))?,
        }
        left_for_a_person(&summary.left_for_a_person, out)?;
        self.closing_lines(&incident, out)?;
        Ok(match summary.settled {
            false => ExitCode::Unsettled,
            true if summary.failed.is_empty() => ExitCode::Clean,
            true => ExitCode::Failed,
        })
    }

    /// Returns the leak as it is known now.
    pub(crate) fn leak<'a>(
        &'a self,
        observation: &'a Observation,
        evidence: Option<&'a Evidence>,
    ) -> Leak<'a> {
        Leak {
            finding: &self.located.finding,
            root: self.located.root.display().to_string(),
            observation,
            evidence,
            visibility: self.visibility,
            drill: self.drill,
            actor: self.actor.clone(),
            now: self.clock.now(),
        }
    }

    pub(crate) fn narrator(&self) -> Narrator<'_> {
        let label = self.label.as_deref();
        Narrator { journal: self.store, global: self.global, label }
    }

    pub(super) fn engine<'a>(
        &'a self,
        journal: &'a dyn Journal,
        incident: &IncidentId,
    ) -> Engine<'a> {
        let patience = match self.drill {
            true => Patience::without_waiting(),
            false => Patience::default(),
        };
        Engine {
            journal,
            provider: self.provider,
            clock: self.clock,
            incident: incident.clone(),
            actor: self.actor.clone(),
            approver: self.approver.clone(),
            confirmed: self.confirmed.clone(),
            guard: self.guard,
            holder: self.holder,
            credential: &self.located.finding.credential,
            delivery: self.delivery,
            patience,
        }
    }

    /// Returns the open incident of the finding.
    fn open_one(&self) -> Result<IncidentId, Failure> {
        let finding = &self.located.finding;
        self.store.incident_for(&finding.fingerprint)?.ok_or_else(|| {
            let short = finding.fingerprint.short();
            Failure::new(format!("no incident of {short} is open in {}", self.store.place())).hint(
                format!("begin with `stanch contain {short}`, or name the store with --store"),
            )
        })
    }

    fn tell(
        &self,
        summary: &Summary,
        incident: &IncidentId,
        out: &mut dyn Write,
    ) -> Result<ExitCode, Failure> {
        for step in &summary.steps {
            let (style, word) = outcome(step.outcome);
            writeln!(
                out,
                "{style}{word:9}{style:#} {BOLD}{}{BOLD:#}: {}",
                step.step,
                plain(&step.detail)
            )?;
        }
        left_for_a_person(&summary.left_for_a_person, out)?;
        let (verdict, code) = match summary.settled {
            Settled::Contained => ("contained: the old key is proved dead", ExitCode::Clean),
            Settled::Partly if summary.proved_dead => {
                ("the old key is proved dead; some of the plan was not done", ExitCode::Failed)
            }
            Settled::Partly => ("contained in part only", ExitCode::Failed),
            Settled::Refused => ("nothing of the plan took effect", ExitCode::Failed),
            Settled::Unsettled => (
                "unsettled: go on with --resume, or look at the provider by hand",
                ExitCode::Unsettled,
            ),
        };
        writeln!(out, "\n{BOLD}{verdict}{BOLD:#}")?;
        self.closing_lines(incident, out)?;
        Ok(code)
    }

    fn closing_lines(&self, incident: &IncidentId, out: &mut dyn Write) -> Result<(), Failure> {
        let head = self.store.verify(incident, None)?;
        writeln!(out, "incident  {incident}")?;
        writeln!(
            out,
            "head      {head}   (keep it elsewhere: `incident verify --against` compares)"
        )?;
        let next = match self.provider.logs().is_empty() || self.drill {
            true => format!("stanch incident show {incident}"),
            false => {
                format!("stanch hunt --incident {}   (what the key was used for)", incident.short())
            }
        };
        writeln!(out, "next      {next}")?;
        Ok(())
    }
}

fn outcome(outcome: Outcome) -> (Style, &'static str) {
    match outcome {
        Outcome::Succeeded => (GREEN, "done"),
        Outcome::Failed => (RED, "failed"),
        Outcome::Unknown => (YELLOW, "unknown"),
        Outcome::Refused => (RED, "refused"),
        Outcome::Skipped => (YELLOW, "skipped"),
    }
}

fn left_for_a_person(left: &[String], out: &mut dyn Write) -> std::io::Result<()> {
    left.iter()
        .try_for_each(|left| writeln!(out, "{YELLOW}left for a person{YELLOW:#}: {}", plain(left)))
}

/// Returns the open incident of a credential, or an id for the one that will be opened.
pub(crate) fn reserve(store: &dyn Store, fingerprint: &Fingerprint) -> Result<IncidentId, Failure> {
    Ok(store.incident_for(fingerprint)?.unwrap_or_else(IncidentId::generate))
}

/// Opens the incident of a leak, or returns the one that is open already.
pub(crate) fn open_incident(
    responder: &Responder<'_>,
    observation: &Observation,
    evidence: Option<&Evidence>,
) -> Result<IncidentId, Failure> {
    let leak = responder.leak(observation, evidence);
    let incident = responder.reserved.clone();
    let mut events = leak.events().into_iter();
    let Some(opened) = events.next() else { return Ok(incident) };
    let (actor, narrator) = (&responder.actor, responder.narrator());
    let incident = match responder.store.open_incident(&incident, actor, leak.now, &opened)? {
        Opening::Opened(_) => {
            narrator.tell(leak.now, &opened);
            incident
        }
        Opening::AlreadyOpen(open) => open,
    };
    // Whoever opened it may have been killed before the rest was recorded: the beginning is always
    // the same events, so what is there already says how many are missing.
    let recorded = narrator.events(&incident)?.len() as u64;
    let mut next = recorded;
    for (seq, event) in (1..).zip(events).filter(|(seq, _)| *seq >= recorded) {
        narrator.append(&incident, seq, actor, responder.clock.now(), &event)?;
        next = seq + 1;
    }
    if incident != responder.reserved {
        // Somebody else opened it in between.
        let text = format!("what this run calls as a role, it calls as {}", responder.reserved);
        let noted = Event::Noted { text };
        narrator.append(&incident, next, actor, responder.clock.now(), &noted)?;
    }
    Ok(incident)
}
