//! Which few bytes of each anchor the vector test looks for, and in which bucket.
//!
//! A *window* is four neighbouring bytes of an anchor. The vector test can't tell one window from
//! another: it asks, for each of the four bytes, whether its low and its high half occur there in any
//! window of a bucket. So the windows are chosen that source text has least of, and windows that are
//! alike share a bucket. A bad choice costs time, never a hit.
//!
//! This file needs nothing but `std`: `build.rs` includes it, and makes the choice for the embedded
//! patterns once.

/// How many bytes a window has. A shorter anchor is one window, and its last byte may be any.
pub(super) const WIDTH: usize = 4;
/// How many buckets there are: three bytes of them, a bit each.
pub(super) const BUCKETS: usize = 24;
/// A window begins no further into its anchor than this.
pub(super) const MAX_OFFSET: usize = 24;
/// How many windows of an anchor are weighed against each other, the rarest ones.
const WEIGHED: usize = 4;

/// What was chosen for one anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Where in the anchor the window begins.
    pub(super) offset: usize,
    /// The bucket it is in.
    pub(super) bucket: usize,
}

/// The halves of bytes that occur at one place of a bucket's windows: a bit for each value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Halves {
    /// The lower four bits.
    pub(super) low: u16,
    /// The upper four bits.
    pub(super) high: u16,
}

/// What occurs at each place of a bucket's windows.
pub(super) type Bucket = [Halves; WIDTH];

/// Chooses a window and a bucket for every anchor, given in lower case. `known` are earlier choices:
/// they stay as they are. Each round after the first weighs every new choice again.
pub(super) fn choose(
    anchors: &[&[u8]],
    known: &dyn Fn(&[u8]) -> Option<Choice>,
    rounds: usize,
) -> Vec<Choice> {
    let mut choices: Vec<Option<Choice>> = anchors.iter().map(|anchor| known(anchor)).collect();
    let mut open: Vec<usize> = (0..anchors.len()).filter(|&i| choices[i].is_none()).collect();
    // The anchors that are hardest to tell from source text first: the others go round them.
    let rarest = |anchor: &[u8]| rarest_windows(anchor)[0].1;
    open.sort_by(|&a, &b| rarest(anchors[b]).total_cmp(&rarest(anchors[a])));
    let mut now = buckets(anchors, &choices);
    for _ in 0..rounds {
        for &index in &open {
            if let Some(old) = choices[index].take() {
                now[old.bucket] = buckets(anchors, &choices)[old.bucket];
            }
            let choice = cheapest(anchors[index], &now);
            add(&mut now[choice.bucket], anchors[index], choice.offset);
            choices[index] = Some(choice);
        }
    }
    choices.into_iter().flatten().collect()
}

/// Returns what the buckets hold.
pub(super) fn buckets(anchors: &[&[u8]], choices: &[Option<Choice>]) -> [Bucket; BUCKETS] {
    let mut buckets = [Bucket::default(); BUCKETS];
    for (anchor, choice) in anchors.iter().zip(choices) {
        if let Some(choice) = choice {
            add(&mut buckets[choice.bucket], anchor, choice.offset);
        }
    }
    buckets
}

/// Returns the choice that lets the least text pass that passed no test before.
fn cheapest(anchor: &[u8], buckets: &[Bucket; BUCKETS]) -> Choice {
    let mut best = (f64::MAX, Choice { offset: 0, bucket: 0 });
    for (bucket, now) in buckets.iter().enumerate() {
        let before = share(now);
        for &(offset, alone) in &rarest_windows(anchor) {
            let mut with = *now;
            add(&mut with, anchor, offset);
            // What passes for this window alone is looked at closely, whatever the bucket.
            let cost = share(&with) - before + alone / 2.0;
            if cost < best.0 {
                best = (cost, Choice { offset, bucket });
            }
        }
    }
    best.1
}

/// Returns where the rarest windows of an anchor begin, and how much of source text is like each.
fn rarest_windows(anchor: &[u8]) -> Vec<(usize, f64)> {
    let last = anchor.len().saturating_sub(WIDTH).min(MAX_OFFSET);
    let alone = |offset| {
        let mut bucket = Bucket::default();
        add(&mut bucket, anchor, offset);
        (offset, share(&bucket))
    };
    let mut windows: Vec<(usize, f64)> = (0..=last).map(alone).collect();
    windows.sort_by(|a, b| a.1.total_cmp(&b.1));
    windows.truncate(WEIGHED);
    windows
}

fn add(bucket: &mut Bucket, anchor: &[u8], offset: usize) {
    for (place, halves) in bucket.iter_mut().enumerate() {
        match anchor.get(offset + place) {
            Some(byte) => {
                for byte in [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()] {
                    halves.low |= 1 << (byte & 15);
                    halves.high |= 1 << (byte >> 4);
                }
            }
            None => *halves = Halves { low: u16::MAX, high: u16::MAX },
        }
    }
}

/// Returns which share of source text passes the test of a bucket, as if bytes were independent.
fn share(bucket: &Bucket) -> f64 {
    let at_place = |halves: &Halves| -> f64 {
        let in_row = |row: usize| -> u32 {
            let low = (0..16).filter(|low| halves.low >> low & 1 == 1);
            low.map(|low| u32::from(SHARES[row * 16 + low])).sum()
        };
        let rows = (0..16).filter(|row| halves.high >> row & 1 == 1);
        f64::from(rows.map(in_row).sum::<u32>()) / 65536.0
    };
    bucket.iter().map(at_place).product()
}

/// How many of 65,536 bytes of source text (Rust, C, Tcl and Markdown, 160 MB) have each value.
#[rustfmt::skip]
const SHARES: [u16; 256] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 60, 1821, 1, 1, 7, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    13799, 109, 357, 213, 24, 9, 139, 118, 781, 781, 335, 40, 848, 244, 476, 846,
    418, 324, 318, 247, 149, 106, 140, 73, 135, 75, 1243, 479, 143, 465, 280, 23,
    4, 386, 136, 328, 279, 527, 227, 109, 97, 416, 10, 60, 298, 183, 306, 332,
    283, 36, 391, 477, 502, 165, 105, 77, 52, 58, 19, 172, 31, 171, 5, 1553,
    162, 2016, 652, 1294, 1063, 3911, 887, 540, 688, 2066, 34, 217, 1363, 794, 2152, 1896,
    1162, 109, 2261, 2129, 3141, 1355, 274, 293, 285, 426, 114, 241, 49, 240, 1, 1,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
];
