//! The search of a blob: the text as it stands, then every layer below its disguises.

use std::collections::BTreeSet;
use std::ops::Range;

use super::container::{self, Obstacle};
use super::decode::{self, Disguised, Layer};
use super::excerpt::Masks;
use super::lines::Lines;
use super::memory::{Inherited, Memory};
use super::merge::{Merge, relocate};
use super::novelty::Novelty;
use super::traces::Traces;
use super::{Detection, Limits, Plain, Scanner, excerpt, mark, overlap};
use crate::finding::Disguise;
use crate::source::{Blob, Counted, Gap, Lineage, Place};

/// So many decoded bytes are searched whatever the size of the blob.
const FREE_DECODED_BYTES: usize = 1024 * 1024;

/// What a search came to.
#[derive(Debug, Default)]
pub(super) struct Searched {
    /// What was found, in the order of the text.
    pub(super) detections: Vec<Detection>,
    /// The limits that stopped it.
    pub(super) stops: BTreeSet<Stop>,
}

/// A limit that stopped a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// There are more disguises over one another.
    Depth,
    /// There is more to decode.
    Size,
}

/// Searches a blob and every file within it; each detection is handed over with the path within. Returns what
/// could not be searched.
pub(super) fn search_blob(
    scanner: &Scanner,
    blob: &Blob<'_>,
    found: &mut dyn FnMut(Option<&str>, Detection),
) -> Vec<Gap> {
    let place = blob.places.first();
    let path = place.and_then(|place| place.path.as_deref());
    // What files within it are called depends on what it is called itself.
    if scanner.limits.archives > 0 && container::holds_files(blob.bytes) && blob.put_off() {
        return Vec::new();
    }
    let whole = blob;
    let mut stopped = Vec::new();
    let mut visit = |within: Option<&str>, blob: &Blob<'_>| {
        let mut searched = search(scanner, blob);
        // What was not searched is to be told by its name.
        if !searched.stops.is_empty() && whole.put_off() {
            return;
        }
        // What stands beside a window's own bytes is found with the window that has it.
        searched.detections.retain(|detection| blob.own().contains(&detection.span.start));
        let counts = |detection: &Detection| touches(detection, blob.counted);
        let detections = searched.detections.into_iter().filter(counts);
        detections.for_each(|detection| found(within, detection));
        stopped.extend(searched.stops.iter().map(|stop| stop.obstacle(within, scanner.limits)));
    };
    let obstacles = match blob.window {
        Some(window) => {
            visit(None, blob);
            container::too_large(blob.bytes, window).into_iter().collect()
        }
        None => container::each_content(blob.bytes, path, scanner.limits, &mut |within, bytes| {
            let is_whole = within.is_none() && bytes.len() == blob.bytes.len();
            let lineage = blob.lineage.filter(|_| is_whole);
            // What is within another thing has no lines of its own that could be new.
            let counted = blob.counted.filter(|_| is_whole);
            visit(within, &Blob { lineage, counted, ..Blob::new(bytes, blob.places) });
        }),
    };
    let gap = |obstacle: Obstacle| Gap {
        what: what(place, obstacle.within.as_deref()),
        why: obstacle.why,
        remedy: obstacle.remedy.to_owned(),
    };
    obstacles.into_iter().chain(stopped).map(gap).collect()
}

/// Tells whether any part of a credential stands where it counts.
fn touches(detection: &Detection, counted: Option<&dyn Counted>) -> bool {
    let Some(counted) = counted.and_then(Counted::stretches) else { return true };
    let mut spans = detection.parts.values().chain([&detection.span]);
    spans.any(|span| {
        let first = counted.partition_point(|stretch| stretch.end <= span.start);
        counted.get(first).is_some_and(|stretch| overlap(stretch, span))
    })
}

/// Returns what a person calls a blob, or a file within it.
fn what(place: Option<&Place>, within: Option<&str>) -> String {
    let name = place.and_then(|place| place.path.clone().or_else(|| place.commit.clone()));
    let name = name.unwrap_or_else(|| "standard input".to_owned());
    within.map_or(name.clone(), |within| format!("{name}!{within}"))
}

impl Stop {
    fn obstacle(self, within: Option<&str>, limits: Limits) -> Obstacle {
        let why = match self {
            Self::Depth => {
                format!("text in it is disguised more than {} times over", limits.disguises)
            }
            Self::Size => "text in it decodes to much more than it is itself".to_owned(),
        };
        let remedy = "decode it and scan the result: `stanch scan -` reads standard input";
        Obstacle { within: within.map(str::to_owned), why, remedy }
    }
}

/// Searches the bytes of a blob as they are, not the files within it.
pub(super) fn search(scanner: &Scanner, blob: &Blob<'_>) -> Searched {
    let bytes = blob.bytes;
    let wide = (scanner.limits.disguises > 0).then(|| decode::whole_utf16(bytes)).flatten();
    let text = wide.as_ref().map_or(bytes, |layer| &layer.text);
    let mut search = Search { scanner, decoded: 0, size: text.len(), stops: BTreeSet::new() };
    // What is remembered is of the bytes, not of their transcription.
    let lineage = blob.lineage.filter(|_| wide.is_none());
    let Plain { mut detections, masks } = search.blob(text, lineage);
    detections.sort_by_key(|detection| detection.span.start);
    let masks = Masks::new(masks);
    let mut lines = Lines::new(&Blob { bytes: text, ..*blob });
    for detection in &mut detections {
        let masks = masks.near(&detection.span);
        detection.position = lines.span(&detection.span);
        detection.excerpt = excerpt::excerpt(text, &detection.span, &detection.redacted, masks);
        detection.mark = mark::near(text, &detection.span, masks);
        if let Some(layer) = &wide {
            relocate(detection, layer, Disguise::Utf16);
            let before = blob.window.map_or(0, |window| window.offset);
            (detection.position.start, detection.position.end) =
                (before + detection.span.start, before + detection.span.end);
        }
    }
    detections.sort_by(|a, b| {
        let key = |d: &Detection| (d.span.start, d.span.end);
        key(a).cmp(&key(b)).then_with(|| a.pattern.id.cmp(&b.pattern.id))
    });
    Searched { detections, stops: search.stops }
}

/// Returns every stretch of some bytes that may be a secret.
pub(super) fn masks(scanner: &Scanner, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut search = Search { scanner, decoded: 0, size: bytes.len(), stops: BTreeSet::new() };
    let Plain { detections, masks } = search.blob(bytes, None);
    let parts = detections.into_iter().flat_map(|detection| {
        let is_secret = |name: &str| !detection.pattern.is_public(name);
        let parts = detection.parts.into_iter().filter(|(name, _)| is_secret(name));
        parts.map(|(_, span)| span).chain([detection.span]).collect::<Vec<_>>()
    });
    masks.into_iter().chain(parts).collect()
}

/// A search under way.
struct Search<'a> {
    scanner: &'a Scanner,
    /// How many bytes were decoded so far, and of how many they are.
    decoded: usize,
    size: usize,
    stops: BTreeSet<Stop>,
}

impl Search<'_> {
    /// Searches a blob, where it is new if something is remembered of its base.
    fn blob(&mut self, bytes: &[u8], lineage: Option<&Lineage<'_>>) -> Plain {
        let Scanner { patterns, prefilter, reach, barren, .. } = self.scanner;
        let base = lineage.and_then(|lineage| lineage.base);
        let base =
            base.and_then(|(memory, copies)| Some((memory.downcast_ref::<Memory>()?, copies)));
        let base = base.map(|(base, copies)| {
            let length = base.traces.length();
            (base, copies, Novelty::of((reach, prefilter, barren), bytes, length, copies))
        });
        let traces = match &base {
            Some((base, copies, Novelty { hits, .. })) => {
                Traces::inherited(patterns, prefilter, bytes, &base.traces, copies, hits)
            }
            None => Traces::of_whole(patterns, prefilter, bytes),
        };
        let plain = self.scanner.detect(bytes, &traces);
        let inherited = base.filter(|(base, ..)| !base.is_disguised);
        let inherited =
            inherited.map(|(base, copies, new)| base.inherit(bytes, copies, new.disguised));
        let (found, disguised) = match inherited {
            Some(Inherited { all, new }) if !self.has_disguised(bytes, &plain, &new) => {
                (plain, all)
            }
            _ => {
                let all = self.disguised(bytes, None);
                (self.below(bytes, plain, &all, 0), all)
            }
        };
        if let Some(lineage) = lineage {
            let is_disguised = !self.stops.is_empty()
                || found.detections.iter().any(|found| !found.disguises.is_empty());
            lineage.remember(Box::new(Memory { traces, disguised, is_disguised }));
        }
        found
    }

    /// Tells whether a credential stands in one of these disguises, or a limit stops the search.
    fn has_disguised(&self, bytes: &[u8], plain: &Plain, disguised: &[Disguised]) -> bool {
        if disguised.is_empty() {
            return false;
        }
        let mut trial = Search { stops: BTreeSet::new(), ..*self };
        let found = trial.below(bytes, plain.clone(), disguised, 0);
        !trial.stops.is_empty() || found.detections.iter().any(|found| !found.disguises.is_empty())
    }

    /// Returns what could be a disguise, where any is to be followed.
    fn disguised(&self, bytes: &[u8], changed: Option<&[Range<usize>]>) -> Vec<Disguised> {
        match self.scanner.limits.disguises {
            0 => Vec::new(),
            _ => decode::find(bytes, changed),
        }
    }

    /// Adds to what stands in a text as it is what stands below its disguises.
    fn below(
        &mut self,
        bytes: &[u8],
        found: Plain,
        disguised: &[Disguised],
        depth: usize,
    ) -> Plain {
        if disguised.is_empty() {
            return found;
        }
        // What an issuer's pattern claims is no disguise; what a generic one claims may be.
        let specific = found.detections.iter().filter(|known| !known.pattern.is_generic());
        let claimed = decode::ordered(specific.flat_map(|known| known.parts.values().cloned()));
        let mut merge = Merge::new(found);
        for disguised in disguised {
            let disguised = disguised.without(&claimed);
            for layer in disguised.layers(bytes) {
                let Some(inner) = self.layer(&layer, disguised.disguise(), depth) else {
                    return merge.finish();
                };
                merge.add(inner, &layer, disguised.disguise());
            }
        }
        merge.finish()
    }

    /// Searches a layer and what is below it, unless a limit says otherwise.
    fn layer(&mut self, layer: &Layer, disguise: Disguise, depth: usize) -> Option<Plain> {
        // One form of escape more is seen through. Below that they are no sign of anything.
        let is_encoding = disguise.is_encoding();
        if depth >= self.scanner.limits.disguises + usize::from(!is_encoding) {
            self.stops.extend(is_encoding.then_some(Stop::Depth));
            return Some(Plain::default());
        }
        if !self.may_decode(layer.text.len()) {
            self.stops.insert(Stop::Size);
            return None;
        }
        let inner = self.scanner.scan_plain(&layer.text);
        let deeper = self.disguised(&layer.text, Some(&layer.changed()));
        Some(self.below(&layer.text, inner, &deeper, depth + 1))
    }

    fn may_decode(&mut self, bytes: usize) -> bool {
        self.decoded = self.decoded.saturating_add(bytes);
        let ratio = self.scanner.limits.decoded_ratio;
        self.decoded <= self.size.saturating_mul(ratio).saturating_add(FREE_DECODED_BYTES)
    }
}
