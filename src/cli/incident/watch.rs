//! `stanch incident watch`: the first screen of an incident, drawn anew as it changes and time passes.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use super::read::Which;
use crate::cli::environment::{self, SystemClock};
use crate::cli::{ExitCode, Failure};
use crate::incident::{Clock, Incident, Store};
use crate::report::incident_text;

/// Goes to the first line and clears what is behind each that is written.
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WatchArgs {
    #[command(flatten)]
    which: Which,
    /// Look again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Draw it so many times and end [default: until it is interrupted or the incident is over]
    #[arg(long, value_name = "N")]
    times: Option<u64>,
}

pub(super) fn watch(args: &WatchArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let is_terminal = std::io::stdout().is_terminal();
    if !is_terminal && args.times.is_none() {
        return Err(Failure::new("there is no terminal to draw on")
            .hint("`stanch incident show` writes it once; --times N draws it so often"));
    }
    let (store, id) = args.which.open()?;
    let mut drawn = 0;
    loop {
        let over = draw(&*store, &id, is_terminal, out)?;
        drawn += 1;
        if over || args.times.is_some_and(|times| drawn >= times) {
            return Ok(ExitCode::Clean);
        }
        std::thread::sleep(Duration::from_secs(args.every));
    }
}

/// Draws the incident as far as the terminal is high; tells whether nothing is left to wait for.
fn draw(
    store: &dyn Store,
    id: &crate::incident::IncidentId,
    is_terminal: bool,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let events = store.events(id)?;
    let incident = Incident::of(id, &events)?;
    let Some(last) = events.last() else { return Ok(true) };
    let (width, height) = environment::screen();
    let mut lines = incident_text::page(&incident, &last.head(), SystemClock.now(), width);
    let mut screen = Vec::new();
    if is_terminal {
        // The last line is the newest event: what happens is seen as it happens.
        lines.truncate(height.saturating_sub(2));
        let newest = incident.timeline.last().map(|line| crate::finding::plain(&line.text));
        let newest: String = newest.unwrap_or_default().chars().take(width).collect();
        write!(screen, "{HOME}")?;
        lines.iter().try_for_each(|line| writeln!(screen, "{line}{CLEAR_LINE}"))?;
        write!(screen, "{newest}{CLEAR_LINE}{CLEAR_BELOW}")?;
    } else {
        lines.iter().try_for_each(|line| writeln!(screen, "{line}"))?;
    }
    out.write_all(&screen)?;
    out.flush()?;
    Ok(incident.state.is_over())
}
