//! The line round a finding, with everything secret taken out.

use std::ops::Range;

use super::{lines, overlap};
use crate::finding::plain_character;
use crate::secret::MASK;

/// How many bytes of the line stand before and after the secret.
const CONTEXT_BEFORE: usize = 60;
const CONTEXT_AFTER: usize = 20;
/// No name is longer. A run that is cut for its length is longer than that, so it is masked.
const LONGEST_NAME: usize = 160;
/// A run of token characters this long may be a secret nobody recognised: it is masked too.
const MAX_SHOWN_RUN: usize = 20;

/// Every stretch that may be a secret.
pub(super) struct Masks(Vec<Range<usize>>);

impl Masks {
    /// What is shown of a text stands no further from a secret than this.
    const REACH_BYTES: usize = 1024;

    /// Takes stretches in any order.
    pub(super) fn new(mut stretches: Vec<Range<usize>>) -> Self {
        stretches.sort_by_key(|stretch| stretch.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for stretch in stretches {
            match apart.last_mut() {
                Some(last) if stretch.start <= last.end => last.end = last.end.max(stretch.end),
                _ => apart.push(stretch),
            }
        }
        Self(apart)
    }

    /// Returns those that what is shown round a secret can touch.
    pub(super) fn near(&self, secret: &Range<usize>) -> &[Range<usize>] {
        let floor = secret.start.saturating_sub(Self::REACH_BYTES);
        let ceiling = secret.end.saturating_add(Self::REACH_BYTES);
        let first = self.0.partition_point(|mask| mask.end < floor);
        let length = self.0[first..].partition_point(|mask| mask.start <= ceiling);
        &self.0[first..first + length]
    }
}

/// Returns the line round a secret: `redacted` stands for the secret, a mask for every other one and for
/// every long run of token characters, `?` for what a terminal would act on.
pub(super) fn excerpt(
    bytes: &[u8],
    secret: &Range<usize>,
    redacted: &str,
    masks: &[Range<usize>],
) -> String {
    // Where the secret ends on a later line, what stands behind it is on that line.
    let line = lines::line_round(bytes, secret, CONTEXT_BEFORE + LONGEST_NAME);
    let start = line.start.max(secret.start.saturating_sub(CONTEXT_BEFORE));
    let end = line.end.min(secret.end + CONTEXT_AFTER);
    // A run that is cut in two would look short, so it is taken whole: it is masked then.
    let is_token = |at: &usize| is_token_character(char::from(bytes[*at]));
    let cut_before = (line.start..start).rev().take_while(is_token).count();
    let cut_after = (end..line.end).take_while(is_token).count();
    let (start, end) = (start - cut_before, end + cut_after);
    // The same secret may stand there once more, where no pattern matches.
    let copies = memchr::memmem::find_iter(&bytes[start..end], &bytes[secret.clone()]);
    let copies = copies.map(|at| start + at..start + at + secret.len());
    let masks: Vec<Range<usize>> = masks.iter().cloned().chain(copies).collect();
    let before = shown(bytes, start..secret.start, &masks);
    let after = shown(bytes, secret.end..end, &masks);
    format!("{}{redacted}{}", before.trim_start(), after.trim_end())
}

/// Returns a stretch as it may be shown: with masks, `?` for what a terminal would act on.
pub(super) fn shown(bytes: &[u8], range: Range<usize>, masks: &[Range<usize>]) -> String {
    let is_masked = |at: usize| masks.iter().any(|mask| overlap(mask, &(at..at + 1)));
    let stretch: Vec<u8> = range.map(|at| if is_masked(at) { 0 } else { bytes[at] }).collect();
    let text = String::from_utf8_lossy(&stretch);
    let mut plain = String::new();
    let mut run = String::new();
    for c in text.chars() {
        if is_token_character(c) {
            run.push(c);
            continue;
        }
        push_run(&mut plain, &mut run);
        match c {
            '\0' if plain.ends_with(MASK) => {}
            '\0' => plain.push_str(MASK),
            '\t' => plain.push(' '),
            c => plain.push(plain_character(c)),
        }
    }
    push_run(&mut plain, &mut run);
    plain
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/_-".contains(c)
}

fn push_run(plain: &mut String, run: &mut String) {
    let is_hidden = run.len() > MAX_SHOWN_RUN && !is_name(run);
    plain.push_str(if is_hidden { MASK } else { run });
    run.clear();
}

/// Tells whether a run reads like the name of a variable: no digits, all of one case, and
/// not endless.
fn is_name(run: &str) -> bool {
    let has = |is: fn(&char) -> bool| run.chars().any(|c| is(&c));
    let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    run.len() < LONGEST_NAME && !is_mixed && !has(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_every_secret_and_every_long_run() {
        let text = b"a=SECRETONE b=SECRETTWO c=0123456789012345678901234567890";
        let one = 2..11;
        let masks = [one.clone(), 14..23];
        assert_eq!(excerpt(text, &one, "S…", &masks), "a=S… b=… c=…");
    }

    #[test]
    fn masks_a_second_copy_of_the_secret() {
        let text = b"p w#d.one! p w#d.one! p w#d.one!";
        assert_eq!(excerpt(text, &(13..21), "…", &[]), "p … p … p …");
    }

    #[test]
    fn shows_the_name_of_the_variable() {
        let text = b"AWS_SECRET_ACCESS_KEY_OF_PRODUCTION=HIDDEN";
        let masked = excerpt(text, &(36..42), "S", &[]);
        assert_eq!(masked, "AWS_SECRET_ACCESS_KEY_OF_PRODUCTION=S");
    }

    #[test]
    fn masks_a_run_too_long_for_a_name_wherever_it_is_cut() {
        for length in 100..400 {
            let text = format!("{}=KEY {}", "A".repeat(length), "B".repeat(length));
            let masked = excerpt(text.as_bytes(), &(length + 1..length + 4), "S", &[]);
            let (name, run) = masked.split_once("=S ").unwrap();
            assert!([MASK, &text[..length]].contains(&name), "{masked}");
            assert!([MASK, &text[length + 5..]].contains(&run), "{masked}");
        }
    }

    #[test]
    fn disarms_control_and_bidi_characters() {
        let text = "x\u{1b}[31m\u{202e}=KEY".as_bytes();
        let start = text.len() - 3;
        assert_eq!(excerpt(text, &(start..text.len()), "…", &[]), "x?[31m?=…");
    }
}
