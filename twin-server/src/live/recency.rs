//! Points in the order they last changed: a doubly linked list in two arrays. "What
//! changed since" is a walk from the newest, as long as the answer is and no longer.

const NONE: u32 = u32::MAX;

/// The order. Points are numbered densely from 0.
#[derive(Debug)]
pub(super) struct Recency {
    older: Vec<u32>,
    newer: Vec<u32>,
    newest: u32,
}

impl Default for Recency {
    fn default() -> Self {
        Self { older: Vec::new(), newer: Vec::new(), newest: NONE }
    }
}

impl Recency {
    /// Adds the next point, as the newest.
    pub(super) fn push(&mut self) {
        let point = self.older.len() as u32;
        self.older.push(NONE);
        self.newer.push(NONE);
        self.link(point);
    }

    /// Makes a point the newest.
    pub(super) fn touch(&mut self, point: u32) {
        if self.newest == point {
            return;
        }
        let (older, newer) = (self.older[point as usize], self.newer[point as usize]);
        // Not the newest, so there is a newer one.
        self.older[newer as usize] = older;
        if older != NONE {
            self.newer[older as usize] = newer;
        }
        self.link(point);
    }

    fn link(&mut self, point: u32) {
        self.older[point as usize] = self.newest;
        self.newer[point as usize] = NONE;
        if self.newest != NONE {
            self.newer[self.newest as usize] = point;
        }
        self.newest = point;
    }

    /// Every point, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = u32> + '_ {
        let present = |point: u32| (point != NONE).then_some(point);
        std::iter::successors(present(self.newest), move |&at| present(self.older[at as usize]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_list_that_moves_to_front(
            points in 1..20u32,
            touched in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let mut recency = Recency::default();
            let mut list = Vec::new();
            for point in 0..points {
                recency.push();
                list.insert(0, point);
            }
            for pick in touched {
                let point = pick.index(points as usize) as u32;
                recency.touch(point);
                list.retain(|&other| other != point);
                list.insert(0, point);
                prop_assert_eq!(recency.newest_first().collect::<Vec<_>>(), list.clone());
            }
        }
    }
}
