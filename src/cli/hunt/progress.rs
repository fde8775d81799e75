//! How far a hunt is, on a terminal only.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Global;
use crate::contain::Progress as Tick;
use crate::finding::plain;

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(120);

/// A line that says which log is read and what it showed.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(global: &Global) -> Self {
        let target = match global.quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message("asking whose key it is");
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    /// Tells whether nobody sees it.
    pub(super) fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    pub(super) fn tell(&self, tick: Tick<'_>) {
        let at = tick.at.map(|at| format!(" up to {at:.0}")).unwrap_or_default();
        let uses = HumanCount(tick.uses);
        self.0.set_message(format!("reading {}{at}: {uses} uses", plain(tick.log)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
