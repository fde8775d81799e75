//! The forms a credential hides in.

use std::fmt;

use serde::Serialize;

/// How text stands for other text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disguise {
    /// Base64 of either alphabet (RFC 4648), wrapped or not.
    Base64,
    /// Two hexadecimal digits a byte.
    Hex,
    /// `%2F`, as in URLs (RFC 3986).
    PercentEncoding,
    /// `\n`, `\"`, `\x2f`, `\u002f`, `\057`, as in string literals and JSON.
    Escapes,
    /// `&sol;`, `&#47;`, `&#x2f;`.
    HtmlEntities,
    /// Two bytes a character.
    #[serde(rename = "utf-16")]
    Utf16,
    /// A string in several pieces: `"AK" + "IA"`, adjacent literals, a line that goes on.
    SplitString,
}

impl fmt::Display for Disguise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::PercentEncoding => "percent-encoding",
            Self::Escapes => "escapes",
            Self::HtmlEntities => "html-entities",
            Self::Utf16 => "utf-16",
            Self::SplitString => "split-string",
        })
    }
}

impl Disguise {
    /// Tells whether all of the text is written in it, so that none of it can be read; escapes and pieces
    /// only interrupt a text.
    pub fn is_encoding(self) -> bool {
        matches!(self, Self::Base64 | Self::Hex | Self::Utf16)
    }

    /// Returns the forms in words, the outermost first: `escapes, base64`.
    pub fn list(disguises: &[Self]) -> String {
        disguises.iter().map(Self::to_string).collect::<Vec<_>>().join(", ")
    }
}
