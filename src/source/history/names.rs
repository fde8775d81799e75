//! Names of files and folders by number, given out from several threads at once.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// How many parts the names are kept in, so that threads seldom wait for each other.
const PARTS: usize = 16;

/// Every name met so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    parts: [RwLock<Part>; PARTS],
}

#[derive(Debug, Default)]
struct Part {
    numbers: HashMap<Box<[u8]>, u32>,
    names: Vec<Box<[u8]>>,
}

impl Names {
    /// Returns the number of a name.
    pub(super) fn number(&self, name: &[u8]) -> u32 {
        let part = part_of(name);
        let lock = &self.parts[part];
        let known = lock.read().unwrap_or_else(PoisonError::into_inner).numbers.get(name).copied();
        let within = known.unwrap_or_else(|| {
            let mut names = lock.write().unwrap_or_else(PoisonError::into_inner);
            let next = names.names.len() as u32;
            // Another thread may have come first.
            let within = *names.numbers.entry(name.into()).or_insert(next);
            if within == next {
                names.names.push(name.into());
            }
            within
        });
        within * PARTS as u32 + part as u32
    }

    /// Returns the name of a number, lossy where it isn't UTF-8.
    pub(super) fn name(&self, number: u32) -> String {
        let (within, part) = (number as usize / PARTS, number as usize % PARTS);
        let names = self.parts[part].read().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&names.names[within]).into_owned()
    }
}

fn part_of(name: &[u8]) -> usize {
    let mix = |sum: u32, byte: &u8| sum.wrapping_mul(31).wrapping_add(u32::from(*byte));
    (name.iter().fold(7, mix) >> 3) as usize % PARTS
}
