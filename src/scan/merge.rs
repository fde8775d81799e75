//! What stands in a text together with what its layers show: one credential is one detection, however it was
//! seen.

use std::collections::HashMap;
use std::ops::Range;

use super::decode::Layer;
use super::{Detection, Plain, overlap};
use crate::finding::Disguise;

/// Detections are looked up by the stretches of so many bytes they touch: a file may have a hundred thousand.
const CELL_BYTES: usize = 1024;

/// Detections in the making.
pub(super) struct Merge {
    /// `None` where another one took its place.
    detections: Vec<Option<Detection>>,
    /// So many of the first ones stand in the text as they are.
    plain: usize,
    masks: Vec<Range<usize>>,
    cells: HashMap<usize, Vec<usize>>,
}

impl Merge {
    /// Begins with what stands in the text as it is.
    pub(super) fn new(plain: Plain) -> Self {
        let Plain { detections, masks } = plain;
        let (count, cells) = (detections.len(), HashMap::new());
        let mut merge = Self { detections: Vec::new(), plain: count, masks, cells };
        detections.into_iter().for_each(|detection| merge.push(detection));
        merge
    }

    /// Adds what a layer held and the text itself did not show.
    pub(super) fn add(&mut self, inner: Plain, layer: &Layer, disguise: Disguise) {
        self.masks.extend(inner.masks.iter().map(|mask| layer.origin(mask)));
        for mut detection in inner.detections {
            relocate(&mut detection, layer, disguise);
            let near = self.near(&detection);
            let is_known =
                near.iter().filter_map(|index| self.detections[*index].as_ref()).any(|known| {
                    known.credential == detection.credential
                        && overlap(&known.span, &detection.span)
                });
            if is_known {
                continue;
            }
            let (mut less, mut is_claimed) = (Vec::new(), false);
            for index in near.into_iter().filter(|index| *index < self.plain) {
                let Some(shown) = &self.detections[index] else { continue };
                match yields(shown, &detection) {
                    true => less.push(index),
                    false => {
                        let mut claims = shown.parts.values();
                        is_claimed |= claims.any(|span| overlap(span, &detection.span));
                    }
                }
            }
            if !is_claimed {
                less.into_iter().for_each(|index| self.detections[index] = None);
                self.push(detection);
            }
        }
    }

    /// Returns what there is in the end.
    pub(super) fn finish(self) -> Plain {
        Plain { detections: self.detections.into_iter().flatten().collect(), masks: self.masks }
    }

    fn push(&mut self, detection: Detection) {
        let index = self.detections.len();
        for cell in cells(&detection) {
            self.cells.entry(cell).or_default().push(index);
        }
        self.detections.push(Some(detection));
    }

    /// Returns those that may overlap a detection or one of its parts, each once, in order.
    fn near(&self, detection: &Detection) -> Vec<usize> {
        let mut near: Vec<usize> =
            cells(detection).filter_map(|cell| self.cells.get(&cell)).flatten().copied().collect();
        near.sort_unstable();
        near.dedup();
        near
    }
}

/// Returns the cells that a detection and its parts touch.
fn cells(detection: &Detection) -> impl Iterator<Item = usize> + '_ {
    let spans = detection.parts.values().chain([&detection.span]);
    spans.flat_map(|span| span.start / CELL_BYTES..=span.end / CELL_BYTES)
}

/// Moves a detection from a layer to the text the layer is of.
pub(super) fn relocate(detection: &mut Detection, layer: &Layer, disguise: Disguise) {
    detection.span = layer.origin(&detection.span);
    detection.parts.values_mut().for_each(|span| *span = layer.origin(span));
    detection.disguises.insert(0, disguise);
}

/// Tells whether what stands in the text is only a part of what its decoding shows: a key cut short by an
/// escape, a key id whose companion was disguised, something generic that is an issuer's key below.
fn yields(shown: &Detection, decoded: &Detection) -> bool {
    let is_joined = decoded.disguises.first() == Some(&Disguise::SplitString);
    let is_cut_short = shown.pattern.id == decoded.pattern.id
        && !is_joined
        && decoded.span.start <= shown.span.start
        && shown.span.end <= decoded.span.end
        && decoded.span != shown.span;
    let is_less = decoded.pattern.overlaps.contains(&shown.pattern.id)
        && decoded.parts.values().any(|span| overlap(span, &shown.span));
    let is_generic = shown.pattern.is_generic()
        && !decoded.pattern.is_generic()
        && overlap(&shown.span, &decoded.span);
    is_cut_short || is_less || is_generic
}
