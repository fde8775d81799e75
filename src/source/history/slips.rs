//! Numbers for objects, given out at once and looked up many at a time.
//!
//! To look up a number is to wait for memory, unless many are looked up together. So an object is called by the
//! number of a slip until all is listed, and the slips then say which object it is.

use super::listing::MAX_OBJECTS;
use super::numbers::{Number, Numbers};

/// So many are looked up at once.
const AT_ONCE: usize = 1 << 17;

/// The slips of one thread.
#[derive(Default)]
pub(super) struct Slips {
    /// The numbers of the objects on the first ones.
    numbers: Vec<Number>,
    /// The ids on those that are still to be looked up.
    ids: Vec<u8>,
    id_bytes: usize,
}

impl Slips {
    /// Returns the number of a slip for that id, made by one of so many threads; none where there are no more.
    pub(super) fn of(
        &mut self,
        numbers: &Numbers<'_>,
        thread: usize,
        threads: usize,
        id: &[u8],
    ) -> Option<u32> {
        self.id_bytes = id.len();
        if self.ids.len() >= AT_ONCE * id.len() {
            self.look_up(numbers);
        }
        let slip = self.numbers.len() + self.ids.len() / id.len();
        self.ids.extend_from_slice(id);
        let slip = u32::try_from(slip << bits(threads) | thread).ok();
        slip.filter(|slip| *slip < MAX_OBJECTS)
    }

    /// Returns the numbers of the objects on all slips.
    pub(super) fn finish(mut self, numbers: &Numbers<'_>) -> Vec<Number> {
        self.look_up(numbers);
        self.numbers
    }

    fn look_up(&mut self, numbers: &Numbers<'_>) {
        if !self.ids.is_empty() {
            let ids: Vec<&[u8]> = self.ids.chunks_exact(self.id_bytes).collect();
            numbers.number_all(&ids, &mut self.numbers);
            self.ids.clear();
        }
    }
}

/// Returns the number of the object on a slip, given those of all threads.
pub(super) fn number(slips: &[Vec<Number>], slip: u32) -> Number {
    let bits = bits(slips.len());
    slips[slip as usize & ((1 << bits) - 1)][(slip >> bits) as usize]
}

/// Returns how many bits say which of so many threads it is.
fn bits(threads: usize) -> u32 {
    threads.next_power_of_two().ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_leads_to_its_object_however_many_there_are_and_whoever_made_it() {
        let numbers = Numbers::of(&[]);
        let id = |of: usize| {
            let mut id = [7; 20];
            id[..8].copy_from_slice(&((of % 1000) << 50).to_be_bytes());
            id
        };
        let threads = 3;
        let mut desks: Vec<Slips> = (0..threads).map(|_| Slips::default()).collect();
        let slips: Vec<u32> = (0..2 * AT_ONCE)
            .map(|of| desks[of % threads].of(&numbers, of % threads, threads, &id(of)).unwrap())
            .collect();
        let desks: Vec<_> = desks.into_iter().map(|desk| desk.finish(&numbers)).collect();
        for (of, slip) in slips.into_iter().enumerate() {
            assert_eq!(numbers.oid(number(&desks, slip)).as_bytes(), id(of), "{of}");
        }
    }
}
