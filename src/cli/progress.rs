//! Progress of a long scan, on a terminal only, and the line that closes it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{
    DecimalBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use super::Global;
use crate::scan::Tick;
use crate::source::Coverage;

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(120);

/// A line that counts what was scanned. It is silent where standard error is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    is_shown: bool,
    counts: Arc<Counts>,
    started: Instant,
}

#[derive(Default)]
struct Counts {
    blobs: AtomicU64,
    detections: AtomicU64,
}

impl Progress {
    pub(super) fn new(global: &Global) -> Self {
        let target = match global.quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let counts = Arc::new(Counts::default());
        let shown = Arc::clone(&counts);
        let so_far = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let rate = DecimalBytes(state.per_sec() as u64);
            let blobs = HumanCount(shown.blobs.load(Ordering::Relaxed));
            let found = HumanCount(shown.detections.load(Ordering::Relaxed));
            let read = DecimalBytes(state.pos());
            let _ = write!(out, "{blobs} blobs, {read} at {rate}/s, {found} found so far");
        };
        let style = ProgressStyle::with_template("{spinner} scanning: {so_far}, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style.with_key("so_far", so_far));
        let is_shown = !bar.is_hidden();
        if is_shown {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, is_shown, counts, started: Instant::now() }
    }

    /// Counts one blob. All threads count together, so where nobody sees it that would be a wait for nothing.
    pub(super) fn count(&self, tick: Tick) {
        if !self.is_shown {
            return;
        }
        self.bar.inc(tick.bytes as u64);
        self.counts.blobs.fetch_add(1, Ordering::Relaxed);
        self.counts.detections.fetch_add(tick.detections as u64, Ordering::Relaxed);
    }

    /// Ends it, and says what was scanned, how fast, and what was left out.
    pub(super) fn close(self, global: &Global, coverage: &Coverage) {
        let elapsed = self.started.elapsed();
        self.bar.finish_and_clear();
        if !global.quiet {
            // Where the error output is gone, the report still has what matters.
            let _ = writeln!(io::stderr(), "{}", closing_line(coverage, elapsed));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn closing_line(coverage: &Coverage, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let rate = DecimalBytes((coverage.bytes as f64 / seconds.max(1e-6)) as u64);
    let (blobs, bytes) = (HumanCount(coverage.blobs), DecimalBytes(coverage.bytes));
    let mut line = format!("scanned {blobs} blobs, {bytes}, in {seconds:.2} s ({rate}/s)");
    if coverage.left_out_ignored > 0 {
        let count = HumanCount(coverage.left_out_ignored);
        let files = if coverage.left_out_ignored == 1 { "file" } else { "files" };
        line.push_str(&format!("; left out {count} {files} that git ignores"));
    }
    match coverage.gaps.len() {
        0 => {}
        1 => line.push_str("; 1 thing could not be read: the report says what and why"),
        count => {
            line.push_str(&format!(
                "; {count} things could not be read: the report says which and why"
            ));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Gap;

    #[test]
    fn says_what_how_fast_and_what_was_left_out() {
        let gap = |what: &str| Gap { what: what.into(), why: "w".into(), remedy: "r".into() };
        let mut coverage =
            Coverage { blobs: 1200, bytes: 3_000_000, left_out_ignored: 7, ..Coverage::default() };
        coverage.gaps = vec![gap("a"), gap("b")];
        assert_eq!(
            closing_line(&coverage, Duration::from_secs(2)),
            "scanned 1,200 blobs, 3.00 MB, in 2.00 s (1.50 MB/s); left out 7 files that git ignores; \
             2 things could not be read: the report says which and why"
        );
    }
}
