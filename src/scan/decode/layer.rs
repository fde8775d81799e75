//! A stretch of text with a disguise taken off, and the way back to where it stood.

use std::ops::Range;

use super::{Fit, Substitution, is_token, runs};

/// How much of the text on either side of a disguise is searched with it: names, quotes, companions.
const CONTEXT: usize = 1024;

/// A decoded stretch of text.
#[derive(Clone, Debug)]
pub(in crate::scan) struct Layer {
    /// The text.
    pub(in crate::scan) text: Vec<u8>,
    /// Where its pieces came from, in order and without gaps.
    pieces: Vec<Piece>,
}

/// A stretch of a layer and where it came from.
#[derive(Clone, Debug)]
struct Piece {
    decoded: Range<usize>,
    original: Range<usize>,
    fit: Fit,
}

impl Layer {
    /// Returns the window of a text with these parts of it replaced. They are in order.
    pub(super) fn new(
        bytes: &[u8],
        window: Range<usize>,
        substitutions: Vec<Substitution>,
    ) -> Self {
        let mut layer = Self { text: Vec::with_capacity(window.len()), pieces: Vec::new() };
        let mut at = window.start;
        for Substitution { range, replacement, fit } in substitutions {
            if range.start < at || range.end > window.end {
                continue;
            }
            layer.push(&bytes[at..range.start], at..range.start, Fit::Verbatim);
            at = range.end;
            layer.push(&replacement, range, fit);
        }
        layer.push(&bytes[at..window.end], at..window.end, Fit::Verbatim);
        layer
    }

    fn push(&mut self, text: &[u8], original: Range<usize>, fit: Fit) {
        if original.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.pieces.push(Piece { decoded: start..self.text.len(), original, fit });
    }

    /// Returns the stretches that the decoding produced; an empty one where it only took something out.
    pub(in crate::scan) fn changed(&self) -> Vec<Range<usize>> {
        let changed = self.pieces.iter().filter(|piece| piece.fit != Fit::Verbatim);
        changed.map(|piece| piece.decoded.clone()).collect()
    }

    /// Returns where a stretch of the layer stands in the text: a disguise counts whole.
    pub(in crate::scan) fn origin(&self, span: &Range<usize>) -> Range<usize> {
        let piece_of = |offset: usize| {
            let after = self.pieces.partition_point(|piece| piece.decoded.end <= offset);
            self.pieces.get(after).or(self.pieces.last())
        };
        let (Some(first), Some(last)) =
            (piece_of(span.start), piece_of(span.end.saturating_sub(1).max(span.start)))
        else {
            return 0..0;
        };
        let within = |piece: &Piece, offset: usize| offset.saturating_sub(piece.decoded.start);
        let start = match first.fit {
            Fit::Verbatim => first.original.start + within(first, span.start),
            Fit::Pairs => first.original.start + 2 * within(first, span.start),
            Fit::Whole => first.original.start,
        };
        let end = match last.fit {
            Fit::Verbatim => last.original.start + within(last, span.end),
            Fit::Pairs => last.original.start + 2 * within(last, span.end),
            Fit::Whole => last.original.end,
        };
        start..end.max(start)
    }
}

/// Returns the windows round some places, each with its places; windows that overlap are one. An edge never
/// cuts a token, so nothing looks shorter than it is.
pub(super) fn windows<'a>(
    bytes: &'a [u8],
    places: &'a [Range<usize>],
) -> impl Iterator<Item = (Range<usize>, &'a [Range<usize>])> + 'a {
    let mut rest = places;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let start = token_start(bytes, first.start.saturating_sub(CONTEXT));
        let mut end = window_end(bytes, first);
        let mut count = 1;
        while let Some(next) = rest.get(count)
            && next.start.saturating_sub(CONTEXT) <= end
        {
            // A token that is as long as the text is followed to its end once.
            if next.end.saturating_add(CONTEXT) > end {
                end = end.max(window_end(bytes, next));
            }
            count += 1;
        }
        let (own, after) = rest.split_at(count);
        rest = after;
        Some((start..end, own))
    })
}

/// Returns a stretch that grows to the ends of the tokens and of the wrapped base64 it cuts, and the byte behind:
/// it says whether the last line of base64 is one of many.
pub(in crate::scan) fn uncut(bytes: &[u8], stretch: &Range<usize>) -> Range<usize> {
    let after = bytes[stretch.end..].iter().take_while(|byte| is_edge_token(**byte)).count();
    let start = runs::wrapped_start(bytes, token_start(bytes, stretch.start));
    let end = runs::wrapped_end_round(bytes, stretch.end + after);
    start..if start < end { bytes.len().min(end + 1) } else { end }
}

fn window_end(bytes: &[u8], place: &Range<usize>) -> usize {
    let end = place.end.saturating_add(CONTEXT).min(bytes.len());
    end + bytes[end..].iter().take_while(|byte| is_edge_token(**byte)).count()
}

fn token_start(bytes: &[u8], start: usize) -> usize {
    start - bytes[..start].iter().rev().take_while(|byte| is_edge_token(**byte)).count()
}

/// What a window is not cut in: token characters, and the signs of escapes beside them.
pub(in crate::scan) fn is_edge_token(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'.' | b'%' | b'\\' | b'&' | b'#' | b';' | b':' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(text: &[u8], substitutions: &[(Range<usize>, &[u8])]) -> Layer {
        let substitution = |(range, replacement): &(Range<usize>, &[u8])| Substitution {
            range: range.clone(),
            replacement: replacement.to_vec(),
            fit: Fit::Whole,
        };
        Layer::new(text, 0..text.len(), substitutions.iter().map(substitution).collect())
    }

    #[test]
    fn spans_lead_back_to_where_they_stood() {
        let layer = layer(b"ab%3Dcd%3Def", &[(2..5, b"="), (7..10, b"=")]);
        assert_eq!(layer.text, b"ab=cd=ef");
        assert_eq!(layer.origin(&(0..2)), 0..2);
        assert_eq!(layer.origin(&(3..5)), 5..7);
        assert_eq!(layer.origin(&(4..7)), 6..11);
        assert_eq!(layer.origin(&(2..3)), 2..5);
        assert_eq!(layer.changed(), [2..3, 5..6]);
    }

    #[test]
    fn what_was_taken_out_leads_over_the_gap() {
        let layer = layer(b"ab\" + \"cd", &[(2..7, b"")]);
        assert_eq!(layer.text, b"abcd");
        assert_eq!(layer.origin(&(0..4)), 0..9);
        assert_eq!(layer.origin(&(2..4)), 7..9);
        assert_eq!(layer.changed().first(), Some(&(2..2)));
    }

    #[test]
    fn windows_join_and_do_not_cut_tokens() {
        let text = [b"x".repeat(3000), b" ".repeat(5000), b"y".repeat(100)].concat();
        let places = [2900..2910, 3050..3060, 8000..8010];
        let windows: Vec<_> = windows(&text, &places).map(|(w, p)| (w, p.len())).collect();
        assert_eq!(windows, [(0..4084, 2), (6976..8100, 1)]);
    }
}
