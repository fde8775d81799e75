//! Characters written as escapes: percent-encoding, backslashes, HTML entities.

use std::ops::Range;

use super::{Run, Substitution, blocks};
use crate::finding::Disguise;

/// The longest escape there is, the space between two lines of a JSON list included.
const MAX_ESCAPE: usize = 64;

/// One character written as several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Escape {
    /// How many bytes it is written with.
    length: usize,
    /// What it stands for, and how many bytes that are.
    value: [u8; 4],
    size: usize,
}

impl Escape {
    fn byte(length: usize, byte: u8) -> Self {
        Self { length, value: [byte, 0, 0, 0], size: 1 }
    }

    fn character(length: usize, code: u32) -> Option<Self> {
        let mut value = [0; 4];
        let size = char::from_u32(code)?.encode_utf8(&mut value).len();
        Some(Self { length, value, size })
    }

    /// Tells whether it stands for a character that may be in the middle of a credential.
    fn is_visible(&self) -> bool {
        let [byte, ..] = self.value;
        self.size == 1 && byte.is_ascii_graphic() && !b"\"'`<>{}()[],;\\".contains(&byte)
    }
}

type Parse = fn(&[u8]) -> Option<Escape>;

/// Returns where escapes could hide a credential, by form.
pub(super) fn find(bytes: &[u8]) -> [(Disguise, Vec<Range<usize>>); 3] {
    let (mut percent, mut backslash, mut entity) = (Vec::new(), Vec::new(), Vec::new());
    blocks::each(bytes, may_escape, |at| {
        let (parse, found) = match bytes[at] {
            b'%' => (parse_percent as Parse, &mut percent),
            b'\\' => (parse_backslash as Parse, &mut backslash),
            _ => (parse_entity as Parse, &mut entity),
        };
        let is_past = found.last().is_none_or(|last: &Range<usize>| last.end <= at);
        if is_past && let Some(place) = suspicious(bytes, at, parse) {
            found.push(place);
        }
    });
    [
        (Disguise::PercentEncoding, percent),
        (Disguise::Escapes, backslash),
        (Disguise::HtmlEntities, entity),
    ]
}

/// Tells whether an escape may begin here. No branches: it is asked of every byte.
#[inline(always)]
fn may_escape([sign, next]: &[u8; 2]) -> bool {
    let is_letter = (next | 0x20).wrapping_sub(b'a') < 26;
    let is_digit = next.wrapping_sub(b'0') < 10;
    let is_entity = (*sign == b'&') & (is_letter | (*next == b'#'));
    (*sign == b'\\') | is_entity | (*sign == b'%') & (is_letter | is_digit)
}

/// Returns the escape at an offset and the run behind it, if it may be in a credential or beside one.
fn suspicious(bytes: &[u8], at: usize, parse: Parse) -> Option<Range<usize>> {
    let escape = parse(near(bytes, at))?;
    let [value, ..] = escape.value;
    if escape.size != 1 || !value.is_ascii() {
        return None;
    }
    let step = |at: usize| {
        let escape = parse(near(bytes, at))?;
        escape.is_visible().then_some(escape.length)
    };
    let after = at + escape.length;
    let behind = Run::onwards(bytes, after, step);
    let before = Run::before(bytes, at);
    let is_suspicious = match escape.is_visible() {
        true => {
            before.and(behind).and(Run { length: 1, escapes: 1, ..Run::default() }).is_suspicious()
        }
        false => before.is_suspicious() || behind.is_suspicious(),
    };
    is_suspicious.then(|| at..after + behind.bytes)
}

fn near(bytes: &[u8], at: usize) -> &[u8] {
    &bytes[at..bytes.len().min(at + MAX_ESCAPE)]
}

/// Returns every escape of that form in a window.
pub(super) fn substitutions(
    bytes: &[u8],
    window: &Range<usize>,
    form: Disguise,
) -> Vec<Substitution> {
    let (sign, parse) = match form {
        Disguise::PercentEncoding => (b'%', parse_percent as Parse),
        Disguise::HtmlEntities => (b'&', parse_entity as Parse),
        _ => (b'\\', parse_backslash as Parse),
    };
    let mut found: Vec<Substitution> = Vec::new();
    for at in memchr::memchr_iter(sign, &bytes[window.clone()]) {
        let at = window.start + at;
        let is_past = found.last().is_none_or(|last| last.range.end <= at);
        if is_past && let Some(escape) = parse(near(bytes, at)) {
            let value = &escape.value[..escape.size];
            found.push(Substitution::of(&(at..at + escape.length), value));
        }
    }
    found
}

/// `%2F`.
fn parse_percent(text: &[u8]) -> Option<Escape> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    Some(Escape::byte(3, u8::try_from(hex_number(digits)?).ok()?))
}

/// `\n`, `\"`, `\x2f`, `\u002f`, `\u{2f}`, `\U0000002f`, `\057`; and the end of a line in a JSON list of lines,
/// where the next string goes on.
fn parse_backslash(text: &[u8]) -> Option<Escape> {
    let hex = |digits: usize| hex_number(text.get(2..2 + digits)?);
    match text.strip_prefix(b"\\")?.first()? {
        b'n' => Some(Escape::byte(list_of_lines(text).unwrap_or(2), b'\n')),
        b'r' => Some(Escape::byte(2, b'\r')),
        b't' => Some(Escape::byte(2, b'\t')),
        sign @ (b'"' | b'\'' | b'`' | b'/' | b'\\' | b'=' | b':' | b'$' | b'&' | b'#' | b'!') => {
            Some(Escape::byte(2, *sign))
        }
        b'x' => Some(Escape::byte(4, u8::try_from(hex(2)?).ok()?)),
        b'u' if text.get(2) == Some(&b'{') => {
            let digits = text[3..].iter().position(|byte| *byte == b'}')?;
            Escape::character(digits + 4, hex_number(text.get(3..3 + digits)?)?)
        }
        b'u' => match hex(4)? {
            high @ 0xd800..0xdc00 => {
                let low = text.get(6..12)?.strip_prefix(b"\\u")?;
                let low = hex_number(low)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                Escape::character(12, 0x10000 + ((high - 0xd800) << 10) + low)
            }
            code => Escape::character(6, code),
        },
        b'U' => Escape::character(10, hex(8)?),
        b'0'..=b'3' => {
            let digits = text.get(1..4)?;
            let is_octal = digits.iter().all(|digit| matches!(digit, b'0'..=b'7'));
            is_octal.then(|| {
                Escape::byte(4, digits.iter().fold(0, |byte, digit| byte << 3 | digit & 7))
            })
        }
        _ => None,
    }
}

/// Returns how long `\n", "` is: one line of a list of lines ends, and the next begins.
fn list_of_lines(text: &[u8]) -> Option<usize> {
    let blanks = |at: usize| {
        text[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
    };
    let sign = |at: usize, sign: u8| (text.get(at) == Some(&sign)).then_some(at + 1);
    let comma = sign(2, b'"')?;
    let after = sign(comma + blanks(comma), b',')?;
    sign(after + blanks(after), b'"')
}

/// `&#47;`, `&#x2f;`, `&sol;`.
fn parse_entity(text: &[u8]) -> Option<Escape> {
    const LONGEST: usize = 12;
    let text = text.strip_prefix(b"&")?;
    let end = text.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let code = match &text[..end] {
        [b'#', b'x' | b'X', digits @ ..] => hex_number(digits)?,
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
        name => NAMES.iter().find(|(known, _)| known.as_bytes() == name)?.1.into(),
    };
    Escape::character(end + 2, code)
}

/// The named entities of the signs that stand in credentials and round them.
const NAMES: [(&str, char); 29] = [
    ("amp", '&'),
    ("apos", '\''),
    ("ast", '*'),
    ("colon", ':'),
    ("comma", ','),
    ("commat", '@'),
    ("dollar", '$'),
    ("equals", '='),
    ("excl", '!'),
    ("gt", '>'),
    ("lbrace", '{'),
    ("lowbar", '_'),
    ("lpar", '('),
    ("lt", '<'),
    ("nbsp", ' '),
    ("NewLine", '\n'),
    ("num", '#'),
    ("percnt", '%'),
    ("period", '.'),
    ("plus", '+'),
    ("quest", '?'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("rbrace", '}'),
    ("rpar", ')'),
    ("semi", ';'),
    ("sol", '/'),
    ("Tab", '\t'),
    ("UnderBar", '_'),
];

/// Returns the number that one to eight hexadecimal digits are.
fn hex_number(digits: &[u8]) -> Option<u32> {
    let is_number = matches!(digits.len(), 1..=8);
    let add = |number, digit: &u8| Some(number << 4 | u32::from(hex_value(*digit)?));
    digits.iter().try_fold(0, add).filter(|_| is_number)
}

/// Returns the value of a hexadecimal digit.
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, form: Disguise) -> String {
        let layer = super::super::Layer::new(
            text.as_bytes(),
            0..text.len(),
            substitutions(text.as_bytes(), &(0..text.len()), form),
        );
        String::from_utf8(layer.text).unwrap()
    }

    #[test]
    fn every_form_of_escape_is_read() {
        let cases = [
            ("a%2Fb%2fc%zz%", "a/b/c%zz%", Disguise::PercentEncoding),
            (r"\u002fA\x2f\/\u{2F}\U0000002f\057\q\u12", r"/A/////\q\u12", Disguise::Escapes),
            (r"\ud83d\ude00 \ud83dx \\n", r"😀 \ud83dx \n", Disguise::Escapes),
            ("\"a\\n\",\n  \"b\\n\"\n]", "\"a\nb\n\"\n]", Disguise::Escapes),
            ("&#47;&#x2F;&sol;&amp;&no;&#;&", "///&&no;&#;&", Disguise::HtmlEntities),
        ];
        for (text, expected, form) in cases {
            assert_eq!(decoded(text, form), expected);
        }
    }

    #[test]
    fn only_escapes_at_a_long_token_are_suspicious() {
        let places = |text: &str| find(text.as_bytes()).iter().map(|(_, f)| f.len()).sum::<usize>();
        assert_eq!(places(r"q8Zt1vK0\u002fmPx7Wc3R"), 1);
        assert_eq!(places(r#"key=\"q8Zt1vK0mPx7Wc3R\""#), 2);
        assert_eq!(places("https%3A%2F%2Fuser%3Apass%40host"), 1);
        assert_eq!(places("List&lt;String&gt; a \\n b 100%20 \\u00e9q8Zt1vK0mPx7Wc3R"), 0);
        assert_eq!(places("q8Zt1v%2FK0 & 12; a%2Fb\"ab\" cdefghij0"), 0);
        assert_eq!(places("first line\\nsecond_long_variable_name"), 0);
    }
}
