//! `stanch incident watch`: the first screen of an incident, drawn anew as it changes and time passes.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::read::Which;
use super::screen::{Asked, Screen};
use crate::cli::environment::{self, SystemClock};
use crate::cli::{ExitCode, Failure};
use crate::finding::plain;
use crate::incident::{Clock, Incident, IncidentId, Store};
use crate::report::incident_text;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WatchArgs {
    #[command(flatten)]
    which: Which,
    /// Look again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Write it so many times and end [default: follow it until q is pressed]
    #[arg(long, value_name = "N")]
    times: Option<u64>,
}

/// An incident as it is now.
struct Drawing {
    lines: Vec<String>,
    /// What happened last.
    newest: String,
    is_over: bool,
}

pub(super) fn watch(args: &WatchArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let every = Duration::from_secs(args.every);
    match args.times {
        Some(times) => write_times(args, times, every, out),
        None if std::io::stdout().is_terminal() => follow(args, every),
        None => Err(Failure::new("there is no terminal to draw on")
            .hint("`stanch incident show` writes it once; --times N writes it so often")),
    }
}

/// Follows it on a screen of its own, until whoever watches leaves.
fn follow(args: &WatchArgs, every: Duration) -> Result<ExitCode, Failure> {
    let (store, id) = args.which.open()?;
    let mut drawing = look(&*store, &id)?;
    let mut screen = Screen::enter()?;
    loop {
        let looked = Instant::now();
        loop {
            screen.draw(&drawing.lines, &drawing.newest)?;
            match screen.wait(every.saturating_sub(looked.elapsed()))? {
                Asked::Leave => return Ok(ExitCode::Clean),
                Asked::Elsewhere => drawing = look(&*store, &id)?,
                Asked::Nothing => break,
            }
        }
        drawing = look(&*store, &id)?;
    }
}

fn write_times(
    args: &WatchArgs,
    times: u64,
    every: Duration,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let (store, id) = args.which.open()?;
    for nth in 0..times {
        if nth > 0 {
            std::thread::sleep(every);
        }
        let drawing = look(&*store, &id)?;
        drawing.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        out.flush()?;
        if drawing.is_over {
            break;
        }
    }
    Ok(ExitCode::Clean)
}

fn look(store: &dyn Store, id: &IncidentId) -> Result<Drawing, Failure> {
    let events = store.events(id)?;
    let incident = Incident::of(id, &events)?;
    let (width, _) = environment::screen();
    let head = events.last().map(crate::incident::Recorded::head);
    let page = head.map(|head| incident_text::page(&incident, &head, SystemClock.now(), width));
    let newest = incident.timeline.last().map(|line| plain(&line.text).to_string());
    Ok(Drawing {
        lines: page.unwrap_or_default(),
        newest: newest.unwrap_or_default(),
        is_over: incident.state.is_over(),
    })
}
