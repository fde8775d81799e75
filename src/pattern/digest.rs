//! A digest of a pattern set: another one wherever something else could be found.

use sha2::{Digest, Sha256};

use super::set::{Pattern, PatternSet};

impl PatternSet {
    /// Returns a digest of everything that decides what its patterns find.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for pattern in self.patterns() {
            let text = described(pattern);
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        digest.finalize().into()
    }
}

fn described(pattern: &Pattern) -> String {
    let Pattern { id, provider, regex, anchors, secret, public, severity, confidence, .. } =
        pattern;
    let Pattern { prefix, check, min_entropy, human, uuid, overlaps, .. } = pattern;
    let parts = pattern
        .parts
        .iter()
        .map(|part| (&part.name, part.regex.identity(), part.within_lines, part.required));
    let parts: Vec<_> = parts.collect();
    let form = (id, provider, regex.identity(), anchors, secret, public, prefix);
    let judged = (severity, confidence, check, min_entropy, human, uuid, overlaps, parts);
    format!("{form:?} {judged:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[provider]
id = "acme"
name = "Acme"
class = "test"
console = "https://acme.example"

[[pattern]]
id = "acme-key"
description = "A key: it opens nothing."
regex = '\b(?<key>acme_[a-z0-9]{8})\b'
anchors = ["acme_"]
severity = "low"
examples = ['«key»']
counterexamples = ['acme_']
"#;

    #[test]
    fn it_changes_with_what_is_found_and_stays_whatever_was_used() {
        let set = |text: &str| PatternSet::from_files([("acme.toml", text)]).unwrap();
        let digest = set(FILE).digest();
        for (old, new) in [("{8}", "{9}"), ("\"low\"", "\"high\""), ("[\"acme_\"]", "[\"acme\"]")] {
            assert_ne!(set(&FILE.replacen(old, new, 1)).digest(), digest, "{new}");
        }
        let used = set(FILE);
        assert!(used.patterns()[0].regex.get().is_match(b"acme_abcd1234"));
        assert_eq!(used.digest(), digest);
    }
}
