//! What git writes to a hook about the references of a push, a line each.

use super::Failure;
use crate::source::{Known, Push};

/// What git tells a hook about a push: what each reference shall be, and its name and what it was.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Updates {
    pub(super) tips: Vec<String>,
    pub(super) before: Vec<(String, String)>,
}

impl Updates {
    /// Reads what `pre-push` gets: local name, local id, remote name, remote id.
    pub(super) fn of_pre_push(input: &str) -> Result<Self, Failure> {
        Self::parse(input, 4, |words| (words[1], words[2], words[3]))
    }

    /// Reads what `pre-receive` gets: old id, new id, name.
    pub(super) fn of_pre_receive(input: &str) -> Result<Self, Failure> {
        Self::parse(input, 3, |words| (words[1], words[2], words[0]))
    }

    fn parse(
        input: &str,
        length: usize,
        parts: impl for<'a> Fn(&[&'a str]) -> (&'a str, &'a str, &'a str),
    ) -> Result<Self, Failure> {
        let mut updates = Self::default();
        for line in input.lines().filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            let is_id =
                |id: &str| id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            let (tip, name, before) = match words.len() == length {
                true => parts(&words),
                false => ("", "", ""),
            };
            if !is_id(tip) || !is_id(before) {
                return Err(Failure::new("standard input is not what git tells a hook")
                    .hint("git runs it; by hand, `stanch scan --range A..B` does the same"));
            }
            // Zeros stand for a reference that is deleted: nothing is added.
            if tip.bytes().any(|digit| digit != b'0') {
                updates.tips.push(tip.to_owned());
            }
            updates.before.push((name.to_owned(), before.to_owned()));
        }
        Ok(updates)
    }

    /// Returns the push, to whoever has these references of the repository.
    pub(super) fn push(self, known_references: Known) -> Push {
        Push { tips: self.tips, known: self.before, known_references }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deleted_adds_nothing_and_what_is_no_update_is_refused() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let input =
            format!("refs/heads/x {a} refs/heads/y {b}\n(delete) {zero} refs/heads/z {b}\n");
        let updates = Updates::of_pre_push(&input).unwrap();
        let named = |name: &str, id: &str| (name.to_owned(), id.to_owned());
        let before = vec![named("refs/heads/y", &b), named("refs/heads/z", &b)];
        assert_eq!(updates, Updates { tips: vec![a.clone()], before });
        let updates = Updates::of_pre_receive(&format!("{zero} {a} refs/tags/v1\n")).unwrap();
        let before = vec![named("refs/tags/v1", &zero)];
        assert_eq!(updates, Updates { tips: vec![a.clone()], before });
        for wrong in ["x", "a b c", &format!("{a} main refs/heads/x")] {
            assert!(Updates::of_pre_receive(wrong).is_err(), "{wrong}");
        }
    }
}
