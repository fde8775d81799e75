//! Progress of a long scan, on a terminal only.

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Global;

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(120);

/// A line that counts what was scanned. It is silent where standard error is no terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(global: &Global) -> Self {
        let target = match global.quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let with_rate = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            let rate = HumanBytes(state.per_sec() as u64);
            let _ = write!(out, "{} at {rate}/s", HumanBytes(state.pos()));
        };
        let style = ProgressStyle::with_template("{spinner} scanning {read}, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style.with_key("read", with_rate));
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    /// Counts one blob of so many bytes.
    pub(super) fn count(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
