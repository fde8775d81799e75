//! Names of files and folders by number, given out from several threads at once.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

/// How many parts the names are kept in, so that threads seldom wait for each other.
const PARTS: usize = 16;

/// Every name met so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Whoever writes a repository chooses its names: they must not be able to choose where these are kept.
    hasher: RandomState,
    parts: [RwLock<Part>; PARTS],
}

/// Names, one behind the other.
#[derive(Debug, Default)]
struct Part {
    numbers: HashTable<u32>,
    text: Vec<u8>,
    /// Where each ends in the text.
    ends: Vec<usize>,
}

impl Names {
    /// Returns the number of a name.
    pub(super) fn number(&self, name: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(name);
        // The table goes by other bits of it.
        let part = (hash >> 32) as usize % PARTS;
        let lock = &self.parts[part];
        let known = lock.read().unwrap_or_else(PoisonError::into_inner).find(hash, name);
        let within = known.unwrap_or_else(|| {
            let mut names = lock.write().unwrap_or_else(PoisonError::into_inner);
            // Another thread may have come first.
            names.find(hash, name).unwrap_or_else(|| names.add(&self.hasher, hash, name))
        });
        within * PARTS as u32 + part as u32
    }

    /// Returns the name of a number, lossy where it isn't UTF-8.
    pub(super) fn name(&self, number: u32) -> String {
        let (within, part) = (number / PARTS as u32, number as usize % PARTS);
        let names = self.parts[part].read().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(names.name(within)).into_owned()
    }
}

impl Part {
    fn name(&self, number: u32) -> &[u8] {
        name(&self.text, &self.ends, number)
    }

    fn find(&self, hash: u64, name: &[u8]) -> Option<u32> {
        self.numbers.find(hash, |number| self.name(*number) == name).copied()
    }

    fn add(&mut self, hasher: &RandomState, hash: u64, new: &[u8]) -> u32 {
        let number = self.ends.len() as u32;
        self.text.extend_from_slice(new);
        self.ends.push(self.text.len());
        let (text, ends) = (&self.text, &self.ends);
        let hash_of = |number: &u32| hasher.hash_one(name(text, ends, *number));
        self.numbers.insert_unique(hash, number, hash_of);
        number
    }
}

fn name<'t>(text: &'t [u8], ends: &[usize], number: u32) -> &'t [u8] {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &text[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_number_and_each_number_its_name() {
        let names = Names::default();
        let all: Vec<String> = (0..5000).map(|number| format!("{number:x}").repeat(3)).collect();
        let numbers: Vec<u32> = all.iter().map(|name| names.number(name.as_bytes())).collect();
        for (name, number) in all.iter().zip(&numbers) {
            assert_eq!(names.number(name.as_bytes()), *number);
            assert_eq!(names.name(*number), *name);
        }
        let different: std::collections::HashSet<_> = numbers.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(names.name(names.number(b"")), "");
    }
}
