//! Many short lists of numbers, kept behind each other.

/// A list for each number below some count.
#[derive(Debug, Default)]
pub(in crate::source) struct Lists {
    /// Where each begins in `items`, and where the last one ends.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Sorts pairs of a list and what belongs into it, by counting: so they are asked for twice.
    pub(in crate::source) fn of<P: Iterator<Item = (u32, u32)>>(
        count: usize,
        pairs: impl Fn() -> P,
    ) -> Self {
        let mut starts = vec![0_u32; count + 1];
        pairs().for_each(|(list, _)| starts[list as usize + 1] += 1);
        for list in 0..count {
            starts[list + 1] += starts[list];
        }
        let mut next = starts.clone();
        let mut items = vec![0; starts[count] as usize];
        for (list, item) in pairs() {
            let place = &mut next[list as usize];
            items[*place as usize] = item;
            *place += 1;
        }
        Self { starts, items }
    }

    /// Returns one of them.
    pub(in crate::source) fn get(&self, list: u32) -> &[u32] {
        let list = list as usize;
        &self.items[self.starts[list] as usize..self.starts[list + 1] as usize]
    }

    /// Returns where each begins, and the last one ends, in all of them behind each other.
    pub(in crate::source) fn into_parts(self) -> (Vec<u32>, Vec<u32>) {
        (self.starts, self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_stands_together_in_the_order_it_came_in() {
        let lists = Lists::of(6, || [(0, 1), (4, 2), (0, 3), (1, 5)].into_iter());
        let all: Vec<_> = (0..6).map(|list| lists.get(list)).collect();
        assert_eq!(all, [&[1, 3][..], &[5], &[], &[], &[2], &[]]);
    }
}
