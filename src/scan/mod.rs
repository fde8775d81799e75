//! Scan: from blobs to findings. The funnel, each stage cheaper a byte than the next one:
//! [`prefilter`](self) over every byte, one pattern's regex in a window round an anchor, its parts near
//! by, its offline check, then the sieve that knows placeholders from keys.
//!
//! Takes [`Blob`]s; gives a [`Report`]. It knows no provider and no network: nothing a scan does can
//! reach either.

mod candidate;
mod excerpt;
mod explain;
mod likeness;
mod lines;
mod mark;
mod pairing;
mod precedence;
mod prefilter;
mod proof;
mod sieve;
mod traces;

pub use explain::{Outcome, Trace};
pub use proof::prove;
pub use sieve::Rejection;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::finding::{Finding, Location, Mark};
use crate::pattern::{Confidence, Pattern, PatternSet, Severity};
use crate::secret::{Credential, Fingerprint, redact};
use crate::source::{self, Blob, Coverage, Moment, Source};

use candidate::Candidate;
use precedence::Kept;
use prefilter::Prefilter;
use traces::Traces;

/// A pattern set made ready to search with. One serves any number of threads.
#[derive(Debug)]
pub struct Scanner {
    patterns: PatternSet,
    prefilter: Prefilter,
}

/// A credential found in one blob.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The pattern that found it.
    pub pattern: Arc<Pattern>,
    /// The credential.
    pub credential: Credential,
    /// Where its secret stands, in bytes.
    pub span: Range<usize>,
    /// Where each part stands, by group, in bytes; the secret's own group among them.
    pub parts: BTreeMap<String, Range<usize>>,
    /// What was proved offline.
    pub proofs: Vec<String>,
    /// How sure it is, with the proof counted in.
    pub confidence: Confidence,
    /// What its holder could do, with the place it opens counted in.
    pub severity: Severity,
    /// The line round it, redacted.
    pub excerpt: String,
    /// The mark on its line by which its author says that it is known.
    pub mark: Option<Mark>,
}

/// One blob was scanned.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// How many bytes it has.
    pub bytes: usize,
    /// How many credentials stand in it.
    pub detections: usize,
}

/// What a scan found, and what it read.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The findings, most severe first, then by first place.
    pub findings: Vec<Finding>,
    /// What was read, and what could not be.
    pub coverage: Coverage,
}

impl Scanner {
    /// Makes a pattern set ready.
    pub fn new(patterns: PatternSet) -> Self {
        let prefilter = Prefilter::new(patterns.patterns());
        Self { patterns, prefilter }
    }

    /// Returns the patterns it searches with.
    pub fn patterns(&self) -> &PatternSet {
        &self.patterns
    }

    /// Returns the credentials in some bytes, in the order of the text.
    pub fn scan_bytes(&self, bytes: &[u8]) -> Vec<Detection> {
        self.detect(bytes, &Traces::of_whole(&self.patterns, &self.prefilter, bytes))
    }

    /// Returns the credentials in a blob. Of one that is a difference from another only what is new is
    /// searched, where something is remembered of the other.
    fn scan_blob(&self, blob: &Blob<'_>) -> Vec<Detection> {
        let Some(lineage) = blob.lineage else { return self.scan_bytes(blob.bytes) };
        let (set, prefilter, bytes) = (&self.patterns, &self.prefilter, blob.bytes);
        let known = |(memory, copies): (&'_ source::Memory, _)| {
            let base = memory.downcast_ref::<Traces>()?;
            Some(Traces::inherited(set, prefilter, bytes, base, copies))
        };
        let traces = lineage.base.and_then(known);
        let traces = traces.unwrap_or_else(|| Traces::of_whole(set, prefilter, bytes));
        let detections = self.detect(bytes, &traces);
        lineage.remember(Box::new(traces));
        detections
    }

    /// From what was matched to what is a credential.
    fn detect(&self, bytes: &[u8], traces: &Traces) -> Vec<Detection> {
        if traces.is_empty() {
            return Vec::new();
        }
        let candidates = candidate::complete(&self.patterns, bytes, traces.matches());
        if candidates.is_empty() {
            return Vec::new();
        }
        // What the sieve drops is masked in excerpts all the same: it may be a secret after all.
        let masks: Vec<_> = candidates.iter().flat_map(Candidate::secret_spans).collect();
        let sifted = candidates.into_iter().filter_map(|candidate| {
            let evidence = sieve::sift(&candidate, bytes).ok()?;
            Some(Kept { candidate, evidence })
        });
        let kept: Vec<Kept> = sifted.collect();
        let winners = precedence::winners(&kept);
        kept.into_iter()
            .zip(winners)
            .filter(|(_, winner)| winner.is_none())
            .map(|(kept, _)| detection(kept, bytes, &masks))
            .collect()
    }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

fn detection(kept: Kept, bytes: &[u8], masks: &[Range<usize>]) -> Detection {
    let Kept { candidate, evidence } = kept;
    let pattern = candidate.pattern.clone();
    let shown = redacted(&pattern, &bytes[candidate.span.clone()]);
    Detection {
        credential: candidate.credential(bytes),
        excerpt: excerpt::excerpt(bytes, &candidate.span, &shown, masks),
        mark: mark::near(bytes, &candidate.span, masks),
        span: candidate.span,
        parts: candidate.parts,
        confidence: evidence.confidence(&pattern),
        severity: evidence.severity(&pattern),
        proofs: evidence.proof.into_iter().collect(),
        pattern,
    }
}

/// Returns the secret as it may be shown. What is public by itself, a lone key id, is shown whole.
fn redacted(pattern: &Pattern, secret: &[u8]) -> String {
    match pattern.is_public(&pattern.secret) && secret.iter().all(u8::is_ascii_graphic) {
        true => String::from_utf8_lossy(secret).into_owned(),
        false => redact(secret, pattern.prefix),
    }
}

/// Scans everything the sources hand out. `progress` is told of each blob when it is done.
///
/// The report is the same whatever the number of threads.
///
/// # Errors
/// Where a source can't be read at all. What can't be read in part is in the report's coverage.
pub fn scan(
    scanner: &Scanner,
    sources: &[&dyn Source],
    progress: &(dyn Fn(Tick) + Sync),
) -> Result<Report, source::Error> {
    let found: Mutex<BTreeMap<Fingerprint, Finding>> = Mutex::default();
    let visit = |blob: Blob<'_>| {
        let detections = scanner.scan_blob(&blob);
        let tick = Tick { bytes: blob.bytes.len(), detections: detections.len() };
        if !detections.is_empty() {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            for detection in detections {
                record(&mut found, detection, &blob);
            }
        }
        progress(tick);
    };
    let mut coverage = Coverage::default();
    for source in sources {
        coverage.merge(source.walk(&visit)?);
    }
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Report { findings: ordered(found), coverage })
}

fn record(found: &mut BTreeMap<Fingerprint, Finding>, detection: Detection, blob: &Blob<'_>) {
    let span = lines::span(blob.bytes, &detection.span);
    let secret = &blob.bytes[detection.span];
    let fingerprint = detection.credential.fingerprint();
    let finding = found.entry(fingerprint).or_insert_with(|| Finding {
        severity: detection.severity,
        redacted: redacted(&detection.pattern, secret),
        pattern: detection.pattern,
        credential: detection.credential.clone(),
        fingerprint,
        confidence: detection.confidence,
        proofs: detection.proofs.clone(),
        locations: Vec::new(),
    });
    // One secret beside two key ids: whatever the order of the threads, the same of them is taken.
    if detection.credential.public_parts().lt(finding.credential.public_parts()) {
        finding.credential = detection.credential;
        finding.proofs = detection.proofs;
    }
    // The same secret may stand where it opens more.
    finding.severity = finding.severity.max(detection.severity);
    finding.confidence = finding.confidence.max(detection.confidence);
    finding.locations.extend(blob.places.iter().map(|place| Location {
        place: place.clone(),
        span,
        excerpt: detection.excerpt.clone(),
        mark: detection.mark.clone(),
    }));
}

/// Returns what places are sorted by: those in commits by their date, then those without one.
fn oldest_first(location: &Location) -> (bool, Option<Moment>) {
    (location.place.date.is_none(), location.place.date)
}

fn ordered(found: BTreeMap<Fingerprint, Finding>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = found.into_values().collect();
    for finding in &mut findings {
        finding
            .locations
            .sort_by(|a, b| oldest_first(a).cmp(&oldest_first(b)).then_with(|| a.cmp(b)));
        finding.locations.dedup();
    }
    findings.sort_by(|a, b| {
        let first = |finding: &Finding| finding.locations.first().cloned();
        b.severity
            .cmp(&a.severity)
            .then_with(|| first(a).cmp(&first(b)))
            .then_with(|| a.fingerprint.cmp(&b.fingerprint))
    });
    findings
}
