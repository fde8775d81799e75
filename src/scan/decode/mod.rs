//! Text that stands in another form: base64, hex, escapes, entities, UTF-16, strings in pieces.
//!
//! Takes bytes; gives [`Layer`]s: a stretch of the text round each disguise with the disguise taken off,
//! and a map back to where every byte came from. The scanner searches a layer as it searches the text,
//! so the variable's name, the quotes and the companion beside a disguised key still count.
//!
//! Cheap where there is nothing: each form is looked for by what it can't do without (a run of its
//! alphabet, a backslash before a long token), and only what could hide a credential is decoded.

mod blocks;
mod escapes;
mod joins;
mod layer;
mod runs;
mod utf16;

pub(super) use layer::{Layer, is_edge_token, uncut};
pub(super) use utf16::whole as whole_utf16;

use std::ops::Range;

use crate::finding::Disguise;
use layer::windows;

/// Part of a text that stands for other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Substitution {
    /// Where it stands.
    range: Range<usize>,
    /// What it stands for.
    replacement: Vec<u8>,
    /// How the one lies on the other.
    fit: Fit,
}

/// How the bytes of a decoding lie on those of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Byte on byte.
    Verbatim,
    /// Each on two.
    Pairs,
    /// The whole on the whole.
    Whole,
}

impl Substitution {
    /// Returns the decoding of a whole place.
    fn of(place: &Range<usize>, replacement: impl Into<Vec<u8>>) -> Self {
        Self { range: place.clone(), replacement: replacement.into(), fit: Fit::Whole }
    }
}

/// One form of disguise found in a text, and where.
#[derive(Clone, Debug)]
pub(super) struct Disguised {
    disguise: Disguise,
    /// Each place that could hide a credential, in the order of the text.
    places: Vec<Range<usize>>,
}

/// Stands between two texts that are looked at together: each ends there as it would at its end, and no anchor,
/// token or escape goes over it.
pub(super) const BREAK: u8 = 1;

/// What has so many bytes is looked at by several threads.
const LARGE: usize = 2 << 20;

/// Finds what is disguised in a text. `changed` holds the stretches that an outer disguise produced: what
/// touches none of them was there to see before. `None` means that all is new.
pub(super) fn find(bytes: &[u8], changed: Option<&[Range<usize>]>) -> Vec<Disguised> {
    let escapes = || escapes::find(bytes);
    let [joins, base64, hex, utf16] = [joins::find, runs::find_base64, runs::find_hex, utf16::find]
        .map(|find| move || find(bytes));
    let (escapes, (joins, base64), (hex, utf16)) = match bytes.len() < LARGE {
        true => (escapes(), (joins(), base64()), (hex(), utf16())),
        // So that a single large file keeps more than one thread busy.
        false => {
            let ((escapes, joined), others) = rayon::join(
                || rayon::join(escapes, || rayon::join(joins, base64)),
                || rayon::join(hex, utf16),
            );
            (escapes, joined, others)
        }
    };
    let others = [
        (Disguise::SplitString, joins),
        (Disguise::Base64, base64),
        (Disguise::Hex, hex),
        (Disguise::Utf16, utf16),
    ];
    let disguised = escapes.into_iter().chain(others).map(|(disguise, mut places)| {
        places.retain(|place| changed.is_none_or(|changed| touches(changed, place)));
        Disguised { disguise, places }
    });
    disguised.filter(|disguised| !disguised.places.is_empty()).collect()
}

/// Finds what is disguised in some stretches of a text. A stretch grows to the ends of the tokens it cuts.
pub(super) fn find_within(bytes: &[u8], stretches: &[Range<usize>]) -> Vec<Disguised> {
    let mut whole = ordered(stretches.iter().map(|stretch| layer::uncut(bytes, stretch)));
    whole.dedup_by(|next, kept| {
        let touches = next.start == kept.end;
        kept.end = if touches { next.end } else { kept.end };
        touches
    });
    let found = whole.into_iter().flat_map(|range| {
        let found = find(&bytes[range.clone()], None);
        let at =
            move |place: &Range<usize>| Some(place.start + range.start..place.end + range.start);
        found.into_iter().map(move |found| found.moved(at))
    });
    let all: Vec<_> = found.collect();
    union(Vec::new(), &all)
}

/// Returns the places of both, by form and in order; those that overlap are one.
pub(super) fn union(mut some: Vec<Disguised>, others: &[Disguised]) -> Vec<Disguised> {
    for other in others {
        match some.iter_mut().find(|one| one.disguise == other.disguise) {
            Some(one) => one.places.extend(other.places.iter().cloned()),
            None => some.push(other.clone()),
        }
    }
    for one in &mut some {
        one.places = ordered(one.places.drain(..));
    }
    some.retain(|one| !one.places.is_empty());
    some
}

/// Returns ranges in order; those that overlap are one.
pub(super) fn ordered(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut ordered: Vec<_> = ranges.collect();
    ordered.sort_unstable_by_key(|range| (range.start, range.end));
    ordered.dedup_by(|next, kept| {
        let is_one = next.start < kept.end;
        kept.end = if is_one { kept.end.max(next.end) } else { kept.end };
        is_one
    });
    ordered
}

/// Tells whether a range overlaps one of these, or lies directly beside it. They are in order.
fn touches(ordered: &[Range<usize>], range: &Range<usize>) -> bool {
    let first = ordered.partition_point(|other| other.end < range.start);
    ordered.get(first).is_some_and(|other| other.start <= range.end)
}

impl Disguised {
    /// Returns the form.
    pub(super) fn disguise(&self) -> Disguise {
        self.disguise
    }

    /// Returns its places, in order.
    pub(super) fn places(&self) -> &[Range<usize>] {
        &self.places
    }

    /// Returns it with each place moved to where it stands elsewhere.
    pub(super) fn moved<I>(&self, to: impl Fn(&Range<usize>) -> I) -> Self
    where
        I: IntoIterator<Item = Range<usize>>,
    {
        Self { disguise: self.disguise, places: self.places.iter().flat_map(to).collect() }
    }

    /// Returns it with those of its places only.
    pub(super) fn only(&self, is_kept: impl Fn(&Range<usize>) -> bool) -> Self {
        let kept = self.places.iter().filter(|place| is_kept(place));
        Self { disguise: self.disguise, places: kept.cloned().collect() }
    }

    /// Leaves out the places that overlap one of these spans, which are in order and apart: what is a token by
    /// itself is not decoded. Escapes are not left out, since a token may be part of what they are in.
    pub(super) fn without(&self, claimed: &[Range<usize>]) -> Self {
        let is_claimed = |place: &Range<usize>| {
            let first = claimed.partition_point(|span| span.end <= place.start);
            claimed.get(first).is_some_and(|span| span.start < place.end)
        };
        self.only(|place| !self.disguise.is_encoding() || !is_claimed(place))
    }

    /// Returns the text round the places with the disguise taken off, one layer for places near each other.
    pub(super) fn layers<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Layer> + 'a {
        windows(bytes, &self.places).map(move |(window, places)| {
            let substitutions = match self.disguise {
                Disguise::Base64 => places.iter().filter_map(|p| runs::base64(bytes, p)).collect(),
                Disguise::Hex => places.iter().filter_map(|p| runs::hex(bytes, p)).collect(),
                Disguise::Utf16 => places.iter().map(|p| utf16::narrow(bytes, p)).collect(),
                Disguise::SplitString => joins::substitutions(bytes, &window),
                form => escapes::substitutions(bytes, &window, form),
            };
            Layer::new(bytes, window, substitutions)
        })
    }
}

/// Characters that tokens are made of, the signs of base64 and of names among them.
#[inline(always)]
const fn is_token(byte: u8) -> bool {
    // Without branches, for where it is asked of many bytes at once.
    let is_sign =
        (byte == b'_') | (byte == b'-') | (byte == b'+') | (byte == b'/') | (byte == b'=');
    (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 26) | is_sign
}

/// A run at least so long may be a credential.
const MIN_TOKEN: usize = 16;
/// How far a run is followed to judge it.
const MAX_JUDGED: usize = 48;

/// A run of token characters seen through its escapes, as far as it was followed.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    length: usize,
    digits: usize,
    escapes: usize,
    /// How many bytes it is written with.
    bytes: usize,
}

impl Run {
    /// Counts the characters from `at` onwards; `step` says how long the escape at an offset is, if one
    /// for a visible character stands there.
    fn onwards(bytes: &[u8], from: usize, step: impl Fn(usize) -> Option<usize>) -> Self {
        let (mut run, mut at) = (Self::default(), from);
        while run.length < MAX_JUDGED && at < bytes.len() {
            if is_token(bytes[at]) {
                run.digits += usize::from(bytes[at].is_ascii_digit());
                at += 1;
            } else if let Some(length) = step(at) {
                run.escapes += 1;
                at += length;
            } else {
                break;
            }
            run.length += 1;
        }
        run.bytes = at - from;
        run
    }

    /// Counts the token characters before `at`.
    fn before(bytes: &[u8], at: usize) -> Self {
        let run = bytes[..at].iter().rev().take(MAX_JUDGED).take_while(|byte| is_token(**byte));
        run.fold(Self::default(), |run, byte| Self {
            length: run.length + 1,
            digits: run.digits + usize::from(byte.is_ascii_digit()),
            ..run
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            length: self.length + other.length,
            digits: self.digits + other.digits,
            escapes: self.escapes + other.escapes,
            bytes: self.bytes + other.bytes,
        }
    }

    /// Tells whether it could be a credential: long, and more than the words of a name.
    fn is_suspicious(self) -> bool {
        self.length >= MIN_TOKEN && (self.digits > 0 || self.escapes >= 3)
    }
}
