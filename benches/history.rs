//! What the whole history of a repository costs to scan, provenance included, as a multiple of making all
//! of its blobs and trees and doing nothing with them.
//!
//! `cargo bench --no-default-features --bench history -- PATH`, where PATH is a repository, bare or not, and
//! this one where there is none. Put it on a memory disk: the disk is no part of the question.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stanch::pattern::PatternSet;
use stanch::scan::{Scanner, scan};
use stanch::source::{History, make_all};

const RUNS: usize = 5;

fn main() -> io::Result<()> {
    // Cargo adds `--bench`.
    let given = std::env::args_os().skip(1).find(|argument| argument != "--bench");
    let path = PathBuf::from(given.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()));
    let set = PatternSet::embedded().map_err(io::Error::other)?;
    let scanner = Scanner::new(set);
    let (mut floors, mut scans) = (Vec::new(), Vec::new());
    let mut first_peak = None;
    // In turn, so that whatever else the machine does slows both.
    for _ in 0..RUNS {
        floors.push(Cost::of(|| make_all(&path).map(drop)).map_err(io::Error::other)?);
        let (cost, anonymous) =
            with_peak(|| Cost::of(|| scan(&scanner, &[&History::new(&path)], &|_| {}).map(drop)));
        scans.push(cost.map_err(io::Error::other)?);
        // Later ones hold what the first ones gave back to the allocator and it kept.
        first_peak.get_or_insert(anonymous);
    }
    let made = make_all(&path).map_err(io::Error::other)?;
    let mut out = io::stdout();
    writeln!(out, "{}, median of {RUNS}", path.display())?;
    writeln!(
        out,
        "{} blobs and trees of {} MB in packs of {} MB",
        made.objects,
        made.bytes / 1_000_000,
        made.packed_bytes / 1_000_000
    )?;
    let [floor, full] = [floors, scans].map(Cost::median);
    for (name, cost) in [("make all", &floor), ("scan", &full)] {
        writeln!(
            out,
            "{:8.2} s  {:8.2} s of processor  {name}",
            cost.wall.as_secs_f64(),
            cost.processor.as_secs_f64()
        )?;
    }
    let ratio =
        |part: fn(&Cost) -> Duration| part(&full).as_secs_f64() / part(&floor).as_secs_f64();
    writeln!(
        out,
        "{:8.2} x  {:8.2} x  of processor",
        ratio(|cost| cost.wall),
        ratio(|cost| cost.processor)
    )?;
    let peak = first_peak.unwrap_or_default() / 1000;
    writeln!(out, "{peak:8} MB resident at most in the first scan, mapped files left out")
}

/// What something took.
struct Cost {
    wall: Duration,
    /// All threads together; nothing where the system does not tell.
    processor: Duration,
}

impl Cost {
    fn of<E>(work: impl FnOnce() -> Result<(), E>) -> Result<Self, E> {
        let (started, before) = (Instant::now(), processor_time());
        work()?;
        Ok(Self { wall: started.elapsed(), processor: processor_time().saturating_sub(before) })
    }

    /// Returns the median of each part.
    fn median(costs: Vec<Self>) -> Self {
        let median = |part: fn(&Self) -> Duration| {
            let mut parts: Vec<_> = costs.iter().map(part).collect();
            parts.sort();
            parts[parts.len() / 2]
        };
        Self { wall: median(|cost| cost.wall), processor: median(|cost| cost.processor) }
    }
}

/// Returns the time that all threads of this process took so far, as Linux tells it.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, which may hold anything, ends with the last parenthesis.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Does some work, and returns the most kilobytes that were resident meanwhile and are of no file.
fn with_peak<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let (is_done, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous_kilobytes(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let outcome = work();
        is_done.store(true, Ordering::Relaxed);
        outcome
    });
    (outcome, peak.into_inner())
}

fn anonymous_kilobytes() -> u64 {
    let status = fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
