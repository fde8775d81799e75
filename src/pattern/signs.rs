//! The signs of a secret: which ones a regex writes out, and which ones it draws.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Where a secret's signs, what is neither letter nor digit, come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Some are drawn from a class: `[A-Za-z0-9_-]`.
    pub drawn: bool,
    /// Some stand written out, behind the prefix: the dashes between two groups.
    pub written: bool,
}

impl Signs {
    /// Reads them from a group's regex, the first `prefix` bytes aside.
    pub(super) fn of(group: &Hir, prefix: usize) -> Self {
        let mut signs = Self::default();
        let pieces = match group.kind() {
            HirKind::Concat(pieces) => pieces.as_slice(),
            _ => std::slice::from_ref(group),
        };
        match pieces.split_first() {
            Some((first, rest)) if matches!(first.kind(), HirKind::Literal(_)) => {
                if let HirKind::Literal(literal) = first.kind() {
                    let behind = literal.0.get(prefix..).unwrap_or_default();
                    signs.written = behind.iter().any(is_sign);
                }
                rest.iter().for_each(|piece| signs.read(piece));
            }
            _ => pieces.iter().for_each(|piece| signs.read(piece)),
        }
        signs
    }

    fn read(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(literal) => self.written |= literal.0.iter().any(is_sign),
            HirKind::Class(class) => self.drawn |= has_sign(class),
            HirKind::Repetition(repetition) => self.read(&repetition.sub),
            HirKind::Capture(capture) => self.read(&capture.sub),
            HirKind::Concat(pieces) | HirKind::Alternation(pieces) => {
                pieces.iter().for_each(|piece| self.read(piece));
            }
            HirKind::Empty | HirKind::Look(_) => {}
        }
    }
}

fn is_sign(byte: &u8) -> bool {
    !byte.is_ascii_alphanumeric()
}

fn has_sign(class: &Class) -> bool {
    let holds = |byte: u8| match class {
        Class::Unicode(class) => {
            class.ranges().iter().any(|r| (r.start()..=r.end()).contains(&char::from(byte)))
        }
        Class::Bytes(class) => class.ranges().iter().any(|r| (r.start()..=r.end()).contains(&byte)),
    };
    (b'!'..=b'~').filter(is_sign).any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(regex: &str, prefix: usize) -> (bool, bool) {
        let signs = Signs::of(&super::super::regex::parse(regex).unwrap(), prefix);
        (signs.drawn, signs.written)
    }

    #[test]
    fn written_and_drawn_are_told_apart() {
        assert_eq!(signs("glpat-[A-Za-z0-9_-]{20}", 6), (true, false));
        assert_eq!(signs("xoxb-[0-9]{12}-[A-Za-z0-9]{24}", 5), (false, true));
        assert_eq!(signs("[0-9a-f]{32}", 0), (false, false));
        assert_eq!(signs("(?:[A-Za-z0-9_-]{20}|[0-9a-f]{64}-[0-9]{9})", 0), (true, true));
    }
}
