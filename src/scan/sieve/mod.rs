//! The last stage: what matched and is no credential all the same.
//!
//! Each reason has a name that `scan --explain` shows. What judges the characters of a secret alone
//! loses a random key less than once in a million (the arithmetic stands at each rule); what judges
//! its surroundings reads what a person wrote there.

mod context;
mod placeholder;
mod published;

use std::fmt;

use super::candidate::Candidate;
use super::likeness;
use crate::pattern::{Confidence, Pattern, Severity, Verdict};

/// Why a match was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The pattern's offline check disproved it.
    CheckFailed,
    /// It is what it claims to be and opens nothing; the words say why.
    Harmless(String),
    /// A sample key that its issuer publishes.
    PublishedSample,
    /// Its characters are less random than a key's: too few of them, too often.
    LowEntropy,
    /// It reads like words or names, where a key would be random.
    Words,
    /// It contains a word that stands for a key in documentation: `example`, `your-`.
    PlaceholderWord,
    /// It is a word people put where a password will stand: `password`, `changeme`.
    StandIn,
    /// One character, a counting sequence or one block, repeated.
    Repetition,
    /// It is filled in later: `${VAR}`, `{{ value }}`, `<token>`, `%s`.
    Template,
    /// It is code that reads the value elsewhere: `process.env.KEY`, `load_key(`.
    Code,
    /// The label before it says that it is a hash: `sha256:`, `integrity`, `checksum`.
    Digest,
    /// A UUID, and the keys of the pattern are none.
    Uuid,
    /// The host is reserved for documentation (RFC 2606): `example.com`, `.invalid`.
    ReservedHost,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CheckFailed => "the offline check disproves it",
            Self::Harmless(why) => return write!(f, "it opens nothing: {why}"),
            Self::PublishedSample => "a sample that its issuer publishes",
            Self::LowEntropy => "few characters, too often, for a key",
            Self::Words => "reads like words, where a key is random",
            Self::PlaceholderWord => "contains a placeholder's word",
            Self::StandIn => "a word that stands in for a password",
            Self::Repetition => "a repetition or a sequence",
            Self::Template => "a template that is filled in later",
            Self::Code => "code that reads the value elsewhere",
            Self::Digest => "its label says that it is a hash",
            Self::Uuid => "a UUID, which no key of the pattern is",
            Self::ReservedHost => "the host is reserved for documentation",
        })
    }
}

/// What speaks for or against a match that survived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// What the pattern's check proved, if it has one.
    pub(super) proof: Option<String>,
    /// The host is this machine itself: only who is on it already gains by the password.
    pub(super) is_loopback: bool,
    /// A word people put where a password will stand, with digits behind it: `admin123`.
    pub(super) is_weak: bool,
}

impl Evidence {
    /// Returns how sure it is: a proof settles it, a weak password may be a sample after all.
    pub(super) fn confidence(&self, pattern: &Pattern) -> Confidence {
        match (&self.proof, self.is_weak) {
            (Some(_), _) => Confidence::High,
            (None, true) => Confidence::Low,
            (None, false) => pattern.confidence,
        }
    }

    /// Returns what its holder could do.
    pub(super) fn severity(&self, pattern: &Pattern) -> Severity {
        if self.is_loopback { Severity::Low } else { pattern.severity }
    }
}

/// Returns what is known of a match, or why it is no credential.
pub(super) fn sift(candidate: &Candidate, bytes: &[u8]) -> Result<Evidence, Rejection> {
    let pattern = &candidate.pattern;
    let secret = &bytes[candidate.span.clone()];
    let body = &secret[pattern.prefix.min(secret.len())..];
    if let Some(rejection) = placeholder_in(pattern, secret, body) {
        return Err(rejection);
    }
    let proof = proof(candidate, bytes)?;
    // The proof of a part, as of a key id, tells nothing about the secret.
    let is_proved = proof.is_some() && pattern.checked_group() == pattern.secret;
    if !is_proved {
        judge_characters(pattern, secret, body)?;
        judge_surroundings(candidate, bytes)?;
    }
    let host = candidate.parts.get("host").map(|span| &bytes[span.clone()]);
    if pattern.is_generic() && host.is_some_and(context::is_reserved_host) {
        return Err(Rejection::ReservedHost);
    }
    Ok(Evidence {
        proof,
        is_loopback: pattern.is_generic() && host.is_some_and(context::is_loopback),
        is_weak: pattern.human && placeholder::is_weak(body),
    })
}

fn placeholder_in(pattern: &Pattern, secret: &[u8], body: &[u8]) -> Option<Rejection> {
    let is = |is_so: bool, rejection| is_so.then_some(rejection);
    is(placeholder::is_template(secret), Rejection::Template)
        .or_else(|| is(placeholder::is_stand_in(body), Rejection::StandIn))
        .or_else(|| is(placeholder::has_placeholder_word(body), Rejection::PlaceholderWord))
        // A person's password may well be `blue-sample-horse`.
        .or_else(|| {
            let has_word = !pattern.human && placeholder::has_delimited_word(body);
            is(has_word, Rejection::PlaceholderWord)
        })
        .or_else(|| is(placeholder::is_repetition(body), Rejection::Repetition))
        .or_else(|| is(published::is_sample(secret), Rejection::PublishedSample))
}

fn proof(candidate: &Candidate, bytes: &[u8]) -> Result<Option<String>, Rejection> {
    let Some(check) = candidate.pattern.check else {
        return Ok(None);
    };
    let checked = candidate.parts.get(candidate.pattern.checked_group());
    match check.judge(&bytes[checked.unwrap_or(&candidate.span).clone()]) {
        Verdict::Proved(proof) => Ok(Some(proof)),
        Verdict::Unprovable => Ok(None),
        Verdict::Disproved => Err(Rejection::CheckFailed),
        Verdict::Harmless(why) => Err(Rejection::Harmless(why)),
    }
}

/// Longer secrets are structured (PEM, JSON in base64): they may well repeat themselves.
const MAX_UNSTRUCTURED: usize = 160;

fn judge_characters(pattern: &Pattern, secret: &[u8], body: &[u8]) -> Result<(), Rejection> {
    if pattern.min_entropy.is_some_and(|least| entropy(body) < least) {
        return Err(Rejection::LowEntropy);
    }
    if !pattern.uuid && placeholder::is_uuid(secret) {
        return Err(Rejection::Uuid);
    }
    // Lines and armour have words of their own.
    let is_structured = body.len() > MAX_UNSTRUCTURED || body.iter().any(u8::is_ascii_whitespace);
    if pattern.human || is_structured {
        return Ok(());
    }
    if likeness::is_monotonous(body, pattern.signs()) {
        return Err(Rejection::LowEntropy);
    }
    if likeness::is_words(body, pattern.signs()) {
        return Err(Rejection::Words);
    }
    Ok(())
}

/// A key with a prefix of its own is one whatever stands round it.
fn judge_surroundings(candidate: &Candidate, bytes: &[u8]) -> Result<(), Rejection> {
    if candidate.pattern.prefix > 0 {
        return Ok(());
    }
    if context::is_code(bytes, &candidate.span) {
        return Err(Rejection::Code);
    }
    if context::is_labelled_as_digest(bytes, &candidate.span) {
        return Err(Rejection::Digest);
    }
    Ok(())
}

/// Returns the Shannon entropy in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let total = bytes.len() as f64;
    let term = |&count: &u32| {
        let share = f64::from(count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(term).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_in_bits_a_byte() {
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abcd"), 2.0);
    }
}
