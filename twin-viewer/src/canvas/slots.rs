//! Hands out runs of slots in the state texture, first fit, and takes them back.

use std::ops::Range;

/// Runs are rounded up to this many slots, which keeps the list of gaps short.
const GRAIN: usize = 16;

/// The free runs below a high-water mark, in order and never touching.
#[derive(Debug, Default)]
pub struct Slots {
    gaps: Vec<Range<usize>>,
    end: usize,
}

impl Slots {
    /// A run of `count` slots, or `None` past `limit`.
    pub fn take(&mut self, count: usize, limit: usize) -> Option<usize> {
        let count = count.next_multiple_of(GRAIN);
        if let Some(at) = self.gaps.iter().position(|gap| gap.len() >= count) {
            let gap = &mut self.gaps[at];
            let start = gap.start;
            gap.start += count;
            if gap.start >= gap.end {
                self.gaps.remove(at);
            }
            return Some(start);
        }
        let start = self.end;
        if count > limit.checked_sub(start)? {
            return None;
        }
        self.end += count;
        Some(start)
    }

    /// Takes a run back, with the count it was asked for.
    pub fn give_back(&mut self, run: Range<usize>) {
        let mut run = run.start..run.start + run.len().next_multiple_of(GRAIN);
        let at = self.gaps.partition_point(|gap| gap.start < run.start);
        if self.gaps.get(at).is_some_and(|next| next.start == run.end) {
            run.end = self.gaps.remove(at).end;
        }
        if at > 0 && self.gaps[at - 1].end == run.start {
            run.start = self.gaps.remove(at - 1).start;
        }
        if run.end == self.end {
            self.end = run.start;
        } else {
            let at = self.gaps.partition_point(|gap| gap.start < run.start);
            self.gaps.insert(at, run);
        }
    }

    /// Slots in use or in gaps.
    pub fn capacity(&self) -> usize {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_and_merge() {
        let mut slots = Slots::default();
        let a = slots.take(100, 10_000).unwrap();
        let b = slots.take(50, 10_000).unwrap();
        let c = slots.take(16, 10_000).unwrap();
        assert!(a + 100 <= b && b + 50 <= c);
        slots.give_back(a..a + 100);
        assert_eq!(slots.take(90, 10_000), Some(a), "first fit");
        slots.give_back(a..a + 90);
        slots.give_back(b..b + 50);
        assert_eq!(slots.gaps.len(), 1, "neighbours merge");
        slots.give_back(c..c + 16);
        assert_eq!((slots.capacity(), slots.gaps.len()), (0, 0));
        assert_eq!(slots.take(100, 64), None);
    }
}
