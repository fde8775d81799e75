//! Is a text a machine's random choice, or something with a pattern: words, or a few characters over
//! and over?
//!
//! Both questions are a bet. A model that expects words (learned from source text by
//! `patterns/likeness/make.py`) or few characters gives a text a probability; a fair draw from the
//! smallest alphabet that holds the text gives it another. Where the model's is 2^21 times higher, the
//! text is no random key. A random key is lost by that with a probability below 2^-21 for each model:
//! the expected ratio under the fair draw is the sum of the model's probabilities, at most one, so by
//! Markov's inequality it reaches 2^21 at most once in 2^21 keys. Two models lose one key in a million
//! at the most, whatever they were taught; in truth far fewer, for a random key makes a bad word.

use crate::pattern::Signs;

/// How many bits a model must save over a fair draw.
const LIMIT_BITS: f64 = 21.0;

/// The costs `make.py` wrote, in sixteenths of a bit, rounded up.
const TABLE: &[u8; TABLE_BYTES] = include_bytes!("../../patterns/likeness/table.bin");
const TABLE_BYTES: usize = SYMBOLS * SYMBOLS * SYMBOLS + 2 * KINDS * KINDS;
const UNITS_A_BIT: f64 = 16.0;

/// Letters in any case, digits, `_`, `-`, anything else, and the edge before the first.
const SYMBOLS: usize = 40;
const OTHER: usize = 38;
const EDGE: usize = 39;
/// How many printable characters share the symbol `OTHER`, in bits: log2(31), rounded up.
const OTHER_BITS: f64 = 5.0;
/// Kinds of characters a letter's case depends on: none, small, capital, digit, other.
const KINDS: usize = 5;

/// Tells whether a text reads like words, names or paths of source text.
pub(super) fn is_words(text: &[u8], signs: Signs) -> bool {
    fair_bits(text, signs) - text_bits(text) >= LIMIT_BITS
}

/// Tells whether a text uses few characters too often.
pub(super) fn is_monotonous(text: &[u8], signs: Signs) -> bool {
    fair_bits(text, signs) - adaptive_bits(text) >= LIMIT_BITS
}

/// Returns the cost of a text for the model of source text.
fn text_bits(text: &[u8]) -> f64 {
    let mut before = (EDGE, EDGE);
    let mut kinds = (0, 0);
    let mut units = 0_u64;
    let mut others = 0_u32;
    for &byte in text {
        let (now, kind) = (symbol(byte), kind(byte));
        units += u64::from(TABLE[(before.0 * SYMBOLS + before.1) * SYMBOLS + now]);
        if byte.is_ascii_alphabetic() {
            let cases = SYMBOLS.pow(3) + if byte.is_ascii_uppercase() { 0 } else { KINDS * KINDS };
            units += u64::from(TABLE[cases + kinds.0 * KINDS + kinds.1]);
        }
        others += u32::from(now == OTHER);
        before = (before.1, now);
        kinds = (kinds.1, kind);
    }
    units as f64 / UNITS_A_BIT + f64::from(others) * OTHER_BITS
}

fn symbol(byte: u8) -> usize {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => usize::from(letter - b'a'),
        digit @ b'0'..=b'9' => 26 + usize::from(digit - b'0'),
        b'_' => 36,
        b'-' => 37,
        _ => OTHER,
    }
}

fn kind(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 4,
    }
}

/// Which characters an alphabet holds, and how many they are.
type Alphabet = (fn(u8) -> bool, usize);

/// Alphabets issuers draw keys from, apart from signs, the smallest first.
const ALPHABETS: &[Alphabet] = &[
    (|c| c.is_ascii_digit(), 10),
    (|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'), 16),
    (|c| matches!(c, b'0'..=b'9' | b'A'..=b'F'), 16),
    (|c| c.is_ascii_hexdigit(), 22),
    (|c| matches!(c, b'2'..=b'7' | b'a'..=b'z'), 32),
    (|c| matches!(c, b'2'..=b'7' | b'A'..=b'Z'), 32),
    (|c| matches!(c, b'0'..=b'9' | b'a'..=b'z'), 36),
    (|c| matches!(c, b'0'..=b'9' | b'A'..=b'Z'), 36),
    (|c| c.is_ascii_alphanumeric(), 62),
];

/// An alphabet with signs has no fewer letters and digits than this.
const LEAST_BESIDE_SIGNS: usize = 36;

/// Returns how many characters the smallest alphabet has that holds the text. The true one is never
/// smaller, and a smaller one favours the fair draw: the bound stays.
fn alphabet(text: &[u8]) -> usize {
    let mut signs = [false; 256];
    let is_plain = |byte: &&u8| byte.is_ascii_alphanumeric();
    text.iter().filter(|byte| !is_plain(byte)).for_each(|&byte| signs[usize::from(byte)] = true);
    let signs = signs.iter().filter(|&&used| used).count();
    let least = if signs > 0 { LEAST_BESIDE_SIGNS } else { 0 };
    let holds = |&&(contains, size): &&Alphabet| {
        size >= least && text.iter().filter(is_plain).all(|&byte| contains(byte))
    };
    signs + ALPHABETS.iter().find(holds).map_or(62, |&(_, size)| size)
}

/// Returns the cost of a text for a fair draw. Signs that the regex writes out are no choice, and what
/// stands between them may be drawn from alphabets of its own; of two readings the cheaper one counts.
fn fair_bits(text: &[u8], signs: Signs) -> f64 {
    let drawn = |text: &[u8]| text.len() as f64 * (alphabet(text) as f64).log2();
    let groups = || text.split(|byte| !byte.is_ascii_alphanumeric()).map(drawn).sum::<f64>();
    match (signs.drawn, signs.written) {
        (_, false) => drawn(text),
        (false, true) => groups(),
        (true, true) => drawn(text).min(groups()),
    }
}

/// Returns the cost of a text for a model that learns from the text itself how often each character
/// comes, beginning with half of one each (Krichevsky and Trofimov).
fn adaptive_bits(text: &[u8]) -> f64 {
    let size = alphabet(text) as f64;
    let mut counts = [0_u32; 256];
    let costs = text.iter().enumerate().map(|(seen, &byte)| {
        let count = &mut counts[usize::from(byte)];
        let share = (f64::from(*count) + 0.5) / (seen as f64 + size / 2.0);
        *count += 1;
        -share.log2()
    });
    costs.sum()
}

#[cfg(test)]
mod tests {
    use rand::distr::{Distribution, slice::Choose};

    use super::*;

    const DRAWN: Signs = Signs { drawn: true, written: false };

    #[test]
    fn words_are_words() {
        for text in [
            "organization-settings-page",
            "getServiceAccountCredentials",
            "MAX_UNSTRUCTURED_LENGTH_BYTES",
            "this_is_not_really_a_key_of_ours",
            "src/provider/simulated/observe",
            "configurationservicenotavailable",
        ] {
            assert!(is_words(text.as_bytes(), DRAWN), "{text}");
        }
    }

    #[test]
    fn few_characters_are_monotonous() {
        for text in ["0000000000000001000000000000", "abababbbabaabbabababaabbabba"] {
            assert!(is_monotonous(text.as_bytes(), DRAWN), "{text}");
        }
    }

    /// Far more keys than this must be drawn before one is lost: see the top of the file.
    #[test]
    fn random_keys_are_neither() {
        let alphabets: [&[u8]; 5] = [
            b"0123456789abcdef",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            b"abcdefghijklmnopqrstuvwxyz0123456789",
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
        ];
        let mut rng = rand::rng();
        for alphabet in alphabets {
            let letters = Choose::new(alphabet).unwrap();
            for length in [16, 20, 32, 40, 64, 93] {
                for _ in 0..200 {
                    let key: Vec<u8> = (0..length).map(|_| *letters.sample(&mut rng)).collect();
                    assert!(!is_words(&key, DRAWN) && !is_monotonous(&key, DRAWN), "{key:?}");
                }
            }
        }
    }

    /// What follows two characters can't be likelier than certain, or the bound breaks. A cost stops at
    /// 255, so that the rarest characters together weigh up to 40 · 2^-15.9 too much.
    #[test]
    fn the_table_s_probabilities_add_up_to_one_at_most() {
        let share = |&cost: &u8| (-f64::from(cost) / UNITS_A_BIT).exp2();
        let (shares, cases) = TABLE.split_at(SYMBOLS.pow(3));
        for row in shares.chunks(SYMBOLS) {
            let sum: f64 = row[..EDGE].iter().map(share).sum();
            assert!(sum <= 1.001, "{sum}");
        }
        let (capital, small) = cases.split_at(KINDS * KINDS);
        for (capital, small) in capital.iter().zip(small) {
            assert!(share(capital) + share(small) <= 1.0);
        }
    }
}
