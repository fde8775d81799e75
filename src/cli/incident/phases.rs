//! Commands about phases and time: enter, end, correct a date, stop a clock, close, open again.

use std::io::Write;

use clap::ValueEnum;

use super::arguments::{MOMENTS, PHASES, SOURCES, word};
use super::case::{CaseArgs, Desk, change};
use super::moment::instant;
use super::people::said;
use crate::cli::{ExitCode, Failure, Global};
use crate::finding::plain;
use crate::incident::{Event, Incident, Interval, Moment, Need, Phase, State, Verdict};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PhaseArgs {
    /// The phase
    #[arg(value_parser = word::<Phase>(PHASES))]
    phase: Phase,
    /// Say that it is done
    #[arg(long)]
    done: bool,
    /// Why now; with --done, what was done and how that was seen
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// With containment --done: when the last blocking change took effect [default: now]
    #[arg(long, value_name = "TIME", requires = "done")]
    effective_at: Option<String>,
    /// With --done: although something is missing, which the record then says
    #[arg(long, requires = "done")]
    anyway: bool,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn phase(
    args: &PhaseArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, desk| {
        refuse_over(incident)?;
        let reason = said(&args.reason)?;
        match args.done {
            false => Ok(vec![Event::PhaseEntered { phase: args.phase, reason }]),
            true => end(args, incident, desk, reason),
        }
    })
}

fn end(
    args: &PhaseArgs,
    incident: &Incident,
    desk: &Desk,
    reason: String,
) -> Result<Vec<Event>, Failure> {
    if args.phase == Phase::LessonsLearned {
        return Err(Failure::new("lessons learned end with the incident")
            .hint("`stanch incident close --lessons '…'`"));
    }
    let reason = despite(incident.lacks(args.phase), args.anyway, reason)?;
    let mut events = Vec::new();
    if incident.phase < args.phase {
        events.push(Event::PhaseEntered { phase: args.phase, reason: reason.clone() });
    }
    events.extend(match args.phase {
        Phase::Containment => {
            let at = args.effective_at.as_deref();
            let at = at.map(|text| instant(text, desk.now, &desk.zone)).transpose()?;
            let effective_at = at.unwrap_or(desk.now);
            if effective_at > desk.now {
                return Err(Failure::new("a change can't have taken effect in the future")
                    .hint("say when it did, such as --effective-at '5 min ago'"));
            }
            let contained = Event::Contained { effective_at, verified_at: desk.now };
            vec![Event::Noted { text: format!("containment: {reason}") }, contained]
        }
        Phase::Eradication => vec![Event::Eradicated { reason }],
        Phase::Recovery => vec![Event::Recovered { reason }],
        // Identification is done once nothing is missing: there is nothing more to say.
        _ => vec![Event::Noted { text: format!("identification: {reason}") }],
    });
    Ok(events)
}

/// Refuses where something is missing, or says what it was.
fn despite(missing: Vec<Need>, anyway: bool, reason: String) -> Result<String, Failure> {
    if missing.is_empty() {
        return Ok(reason);
    }
    let names: Vec<_> = missing.iter().map(|need| need.what.clone()).collect();
    let names = names.join("; ");
    match anyway {
        true => Ok(format!("{reason} (missing then: {names})")),
        false => Err(Failure::new(format!("this is still missing: {}", plain(&names))).hint(
            "`stanch incident show` has the commands; --anyway goes on and records what is missing",
        )),
    }
}

fn refuse_over(incident: &Incident) -> Result<(), Failure> {
    match incident.state.is_over() {
        false => Ok(()),
        true => Err(Failure::new(format!("the incident is {}", incident.state.word()))
            .hint("`stanch incident reopen --reason '…'` opens it again")),
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DateArgs {
    /// What happened
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(MOMENTS))]
    moment: String,
    /// When, such as 2026-11-18T09:00Z or '2 h ago'; of a leak, not before this
    time: String,
    /// Of a leak: not after this [default: the same]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of a leak: how that is known
    #[arg(long, value_name = "SOURCE", value_parser = clap::builder::PossibleValuesParser::new(SOURCES))]
    source: Option<String>,
    /// Why this is the better statement
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn date(
    args: &DateArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, desk| {
        let at = instant(&args.time, desk.now, &desk.zone)?;
        let reason = said(&args.reason)?;
        if at > desk.now {
            return Err(Failure::new("what happened can't lie in the future"));
        }
        if args.moment == "leaked" {
            return Ok(vec![Event::LeakDated { leaked_at: leak(args, incident, desk)?, reason }]);
        }
        let moment = serde_json::from_value::<Moment>(args.moment.clone().into());
        let moment = moment.map_err(std::io::Error::from)?;
        if !is_reached(incident, moment) {
            return Err(Failure::new(format!("{} is not there to be dated", args.moment)).hint(
                "first say that it happened: `incident ack`, `incident verdict`, `incident phase PHASE --done`",
            ));
        }
        Ok(vec![Event::MomentDated { moment, at, reason }])
    })
}

/// Returns the interval of a leak: never upside down, never after the confirmed detection.
fn leak(args: &DateArgs, incident: &Incident, desk: &Desk) -> Result<Interval, Failure> {
    let lower = instant(&args.time, desk.now, &desk.zone)?;
    let until = args.until.as_deref().map(|text| instant(text, desk.now, &desk.zone));
    let upper = until.transpose()?.unwrap_or(lower);
    if upper < lower {
        return Err(Failure::new("the leak would end before it begins")
            .hint("the first time is the earliest, --until the latest"));
    }
    if incident.times.detected_at.is_some_and(|detected| lower > detected) {
        return Err(Failure::new("the leak would begin after it was confirmed")
            .hint("correct the other one first: `incident date detected TIME --reason '…'`"));
    }
    let source = args.source.clone().unwrap_or_else(|| "statement".to_owned());
    Ok(Interval { lower, upper, source })
}

fn is_reached(incident: &Incident, moment: Moment) -> bool {
    let times = &incident.times;
    match moment {
        Moment::Alerted => true,
        Moment::Detected => times.detected_at.is_some(),
        Moment::Acknowledged => times.acknowledged_at.is_some(),
        Moment::Contained => times.contained_at.is_some(),
        Moment::Eradicated => times.eradicated_at.is_some(),
        Moment::Recovered => times.recovered_at.is_some(),
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ClockArgs {
    /// What the resolution clock does
    #[arg(value_enum)]
    what: What,
    /// Why: who outside has to act
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    case: CaseArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// It stands still
    Pause,
    /// It runs again
    Resume,
}

pub(super) fn clock(
    args: &ClockArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, _| {
        refuse_over(incident)?;
        let reason = said(&args.reason)?;
        match (args.what, incident.is_clock_paused()) {
            (What::Pause, true) => Err(Failure::new("the clock stands still already")),
            (What::Resume, false) => Err(Failure::new("the clock runs already")),
            (What::Pause, false) => Ok(vec![Event::ClockPaused { reason }]),
            (What::Resume, true) => Ok(vec![Event::ClockResumed { reason }]),
        }
    })
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CloseArgs {
    /// What was learned
    #[arg(long, value_name = "TEXT")]
    lessons: String,
    /// Although something is missing, which the record then says
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn close(
    args: &CloseArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, _| {
        refuse_over(incident)?;
        let mut missing = incident.needs();
        missing.retain(|need| !need.ends_phase || need.phase != Phase::LessonsLearned);
        let lessons = despite(missing, args.anyway, said(&args.lessons)?)?;
        let root_cause = incident.root_cause.clone().unwrap_or_else(|| "not known".to_owned());
        Ok(vec![Event::Closed { root_cause, lessons }])
    })
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReopenArgs {
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Where to go on: what was reached from that phase on is taken back
    #[arg(long, default_value = "lessons-learned", value_parser = word::<Phase>(PHASES))]
    phase: Phase,
    #[command(flatten)]
    case: CaseArgs,
}

pub(super) fn reopen(
    args: &ReopenArgs,
    global: &Global,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    change(&args.case, global, out, |incident, _| {
        let reason = said(&args.reason)?;
        match incident.state {
            State::Closed => Ok(vec![Event::PhaseEntered { phase: args.phase, reason }]),
            // Why it was called off is in doubt now; what it is, somebody has to say anew.
            State::Cancelled => {
                let reason = format!("opened again: {reason}");
                Ok(vec![Event::Judged { verdict: Verdict::InsufficientData, reason }])
            }
            _ => Err(Failure::new("the incident is open")
                .hint("`stanch incident phase PHASE --reason '…'` goes back to a phase")),
        }
    })
}
