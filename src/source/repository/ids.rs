//! Ids of objects, which are as long as the repository's hash makes them.

use git2::{ObjectFormat, Oid};

/// The lengths of an id in bytes: of a SHA-1, and of a SHA-256.
const LENGTHS: [(usize, ObjectFormat); 2] = [(20, ObjectFormat::Sha1), (32, ObjectFormat::Sha256)];

/// Returns how many bytes the ids of a format have.
pub(in crate::source) fn id_bytes(format: ObjectFormat) -> usize {
    match format {
        ObjectFormat::Sha1 => LENGTHS[0].0,
        ObjectFormat::Sha256 => LENGTHS[1].0,
    }
}

/// Reads an id in full, whichever hash it is of.
pub(in crate::source) fn parse_oid(text: &str) -> Option<Oid> {
    let (_, format) = LENGTHS.into_iter().find(|(length, _)| 2 * length == text.len())?;
    Oid::from_str_ext(text, format).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_full_or_not_at_all() {
        for (length, format) in LENGTHS {
            let text = "7f".repeat(length);
            let oid = parse_oid(&text).expect("it is an id");
            assert_eq!((oid.to_string(), oid.object_format()), (text.clone(), format));
            assert_eq!(oid.as_bytes().len(), id_bytes(format));
            assert!(
                parse_oid(&text[1..]).is_none() && parse_oid(&text.replace('f', "g")).is_none()
            );
        }
    }
}
