//! Scan: from blobs to findings. The funnel, each stage cheaper a byte than the next one:
//! [`prefilter`](self) over every byte, one pattern's regex in a window round an anchor, its parts near
//! by, its offline check, then the sieve that knows placeholders from keys.
//!
//! Takes [`Blob`]s; gives a [`Report`]. It knows no provider and no network: nothing a scan does can
//! reach either.

mod barren;
mod candidate;
mod container;
mod cost;
mod decode;
mod excerpt;
mod explain;
mod likeness;
mod limits;
mod lines;
mod mark;
mod memory;
mod merge;
mod novelty;
mod pairing;
mod precedence;
mod prefilter;
mod proof;
mod provenance;
mod reach;
mod search;
mod set;
mod sieve;
mod traces;
#[cfg(test)]
mod versions;

pub use container::holds_files;
pub use cost::{Cost, Costs};
pub use explain::{Outcome, Trace};
pub use limits::Limits;
pub use proof::prove;
pub use sieve::Rejection;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use crate::finding::{Disguise, Finding, Location, Mark, Span};
use crate::pattern::{Confidence, Pattern, PatternSet, Severity};
use crate::secret::{Credential, Fingerprint, redact};
use crate::source::{self, Blob, Coverage, Gap, Kind, Moment, Place, Source};

use barren::Barren;
use candidate::Candidate;
use precedence::Kept;
use prefilter::Prefilter;
use reach::Reach;
use traces::Traces;

/// A pattern set made ready to search with. One serves any number of threads.
#[derive(Debug)]
pub struct Scanner {
    patterns: PatternSet,
    prefilter: Prefilter,
    reach: Reach,
    barren: Barren,
    limits: Limits,
}

/// A credential found in one blob.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The pattern that found it.
    pub pattern: Arc<Pattern>,
    /// The credential.
    pub credential: Credential,
    /// The secret as it may be shown.
    pub redacted: String,
    /// Where its secret stands, in bytes: the whole of its disguise, if it has one.
    pub span: Range<usize>,
    /// The same with lines and columns.
    pub position: Span,
    /// Where each part stands, by group, in bytes; the secret's own group among them.
    pub parts: BTreeMap<String, Range<usize>>,
    /// How it is disguised, the outermost form first.
    pub disguises: Vec<Disguise>,
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
        let reach = Reach::new(prefilter.anchors());
        Self { patterns, prefilter, reach, barren: Barren::default(), limits: Limits::default() }
    }

    /// Sets how far disguises and archives are followed.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the patterns it searches with.
    pub fn patterns(&self) -> &PatternSet {
        &self.patterns
    }

    /// Returns the credentials in some bytes, disguised ones too, in the order of the text.
    pub fn scan_bytes(&self, bytes: &[u8]) -> Vec<Detection> {
        search::search(self, &Blob::new(bytes, &[])).detections
    }

    /// Returns the credentials that stand in some bytes as they are.
    fn scan_plain(&self, bytes: &[u8]) -> Plain {
        self.detect(bytes, &Traces::of_whole(&self.patterns, &self.prefilter, bytes))
    }

    /// From what was matched to what is a credential.
    fn detect(&self, bytes: &[u8], traces: &Traces) -> Plain {
        if traces.is_empty() {
            return Plain::default();
        }
        let candidates = candidate::complete(&self.patterns, bytes, traces.matches());
        // What the sieve drops is masked in excerpts all the same: it may be a secret after all.
        let masks = candidates.iter().flat_map(Candidate::secret_spans).collect();
        let sifted = candidates.into_iter().filter_map(|candidate| {
            let evidence = sieve::sift(&candidate, bytes).ok()?;
            Some(Kept { candidate, evidence })
        });
        let kept: Vec<Kept> = sifted.collect();
        let winners = precedence::winners(&kept);
        let kept = kept.into_iter().zip(winners).filter(|(_, winner)| winner.is_none());
        Plain { detections: kept.map(|(kept, _)| detection(kept, bytes)).collect(), masks }
    }
}

/// What stands in some bytes as it is, without positions and excerpts.
#[derive(Clone, Default)]
struct Plain {
    detections: Vec<Detection>,
    /// What an excerpt must mask.
    masks: Vec<Range<usize>>,
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

fn detection(kept: Kept, bytes: &[u8]) -> Detection {
    let Kept { candidate, evidence } = kept;
    let pattern = candidate.pattern.clone();
    Detection {
        credential: candidate.credential(bytes),
        redacted: redacted(&pattern, &bytes[candidate.span.clone()]),
        position: Span::default(),
        disguises: Vec::new(),
        excerpt: String::new(),
        mark: None,
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
    let gaps: Mutex<Vec<Gap>> = Mutex::default();
    let visit = |blob: Blob<'_>| {
        if let Some(is_clean) = blob.trial {
            let has_nothing = has_nothing(scanner, &blob);
            is_clean.store(has_nothing, Ordering::Relaxed);
            if has_nothing && !blob.is_put_off() {
                progress(Tick { bytes: blob.own().len(), detections: 0 });
            }
            return;
        }
        let mut detections = 0;
        let new_gaps = search::search_blob(scanner, &blob, &mut |within, detection| {
            detections += 1;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            record(&mut found, detection, within, &blob);
        });
        if blob.is_put_off() {
            return;
        }
        if detections > 0 || !new_gaps.is_empty() {
            blob.note();
        }
        if !new_gaps.is_empty() {
            gaps.lock().unwrap_or_else(PoisonError::into_inner).extend(new_gaps);
        }
        progress(Tick { bytes: blob.own().len(), detections });
    };
    let mut coverage = Coverage::default();
    for source in sources {
        coverage.merge(source.walk(&visit)?);
    }
    let gaps = gaps.into_inner().unwrap_or_else(PoisonError::into_inner);
    coverage.merge(Coverage { gaps, ..Coverage::default() });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut found = found;
    found.values_mut().for_each(|finding| place(finding, &coverage.places));
    coverage.places.clear();
    let mut findings = ordered(found);
    for finding in &mut findings {
        finding.provenance = provenance::of(scanner, finding, &coverage.stays);
    }
    coverage.stays.clear();
    Ok(Report { findings, coverage })
}

/// Tells whether there is nothing in a blob to report.
fn has_nothing(scanner: &Scanner, blob: &Blob<'_>) -> bool {
    let mut detections = 0;
    let gaps = search::search_blob(scanner, blob, &mut |_, _| detections += 1);
    detections == 0 && gaps.is_empty()
}

fn record(
    found: &mut BTreeMap<Fingerprint, Finding>,
    detection: Detection,
    within: Option<&str>,
    blob: &Blob<'_>,
) {
    let fingerprint = detection.credential.fingerprint();
    let finding = found.entry(fingerprint).or_insert_with(|| Finding {
        severity: detection.severity,
        redacted: detection.redacted.clone(),
        pattern: detection.pattern,
        credential: detection.credential.clone(),
        fingerprint,
        confidence: detection.confidence,
        proofs: detection.proofs.clone(),
        locations: Vec::new(),
        provenance: None,
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
        within: within.map(str::to_owned),
        span: detection.position,
        disguises: detection.disguises.clone(),
        excerpt: detection.excerpt.clone(),
        mark: detection.mark.clone(),
    }));
}

/// Puts a finding at every place of the blobs that were handed out without them.
fn place(finding: &mut Finding, places: &BTreeMap<String, Vec<Place>>) {
    let is_without =
        |place: &Place| place.kind == Kind::Blob && place.path.is_none() && place.commit.is_none();
    let locations = std::mem::take(&mut finding.locations).into_iter();
    let placed = locations.flat_map(|location| {
        let object = location.place.blob.as_ref().filter(|_| is_without(&location.place));
        match object.and_then(|object| places.get(object)) {
            Some(places) => {
                let at = |place: &Place| Location { place: place.clone(), ..location.clone() };
                places.iter().map(at).collect()
            }
            None => vec![location],
        }
    });
    finding.locations = placed.collect();
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
