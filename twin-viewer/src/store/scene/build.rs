//! Building the tree from the file: parents checked, extents, levels, order, spans.

use twin_model::{BoundingBox, EntityKind};

use super::{EntityIx, SceneIndex};

impl SceneIndex {
    pub(super) fn cut_loose_parents(&mut self) {
        let count = self.entries.len();
        // 0: not seen, 1: on the way up now, 2: known to reach a root.
        let mut state = vec![0u8; count];
        for start in 0..count {
            let (mut way, mut at) = (Vec::new(), start);
            while state[at] == 0 {
                state[at] = 1;
                way.push(at);
                match self.entries[at].parent.map(|parent| parent as usize) {
                    Some(parent) if parent < count && state[parent] != 1 => at = parent,
                    Some(_) => {
                        self.entries[at].parent = None;
                        self.repaired += 1;
                    }
                    None => {}
                }
            }
            for at in way {
                state[at] = 2;
            }
        }
    }

    /// Extents from the leaves up.
    pub(super) fn measure(&mut self) {
        for at in self.breadth_first().into_iter().rev() {
            let own = self.entries[at as usize].bbox;
            let below = self.children[at as usize].iter().map(|&child| self.extent[child as usize]);
            self.extent[at as usize] =
                below.chain([own]).flatten().reduce(|a, b| BoundingBox::union(&a, &b));
        }
    }

    /// How high each storey lies; 0 for everything else. A storey in which nothing is drawn
    /// (an open roof, a foundation) lies where its elevation says, or else next to the one
    /// that the file names before it.
    pub(super) fn level(&mut self) {
        self.level = vec![0.0; self.len()];
        for parent in 0..self.len() {
            let storeys = self.children[parent].iter().copied();
            let storeys: Vec<EntityIx> =
                storeys.filter(|&at| self.at(at).kind == EntityKind::Storey).collect();
            let drawn = |&at: &EntityIx| self.extent[at as usize].map(|bbox| bbox.min[2]);
            // Elevations count from a zero of their own: a storey that has both tells where it is.
            let zero = storeys.iter().find_map(|at| Some(drawn(at)? - self.at(*at).elevation_m?));
            let said = |&at: &EntityIx| Some(self.at(at).elevation_m? + zero.unwrap_or(0.0));
            let known = |at: &EntityIx| drawn(at).or_else(|| said(at));
            let mut levels = storeys.iter().filter_map(known);
            let (lowest_first, first) = match (levels.next(), levels.next_back()) {
                (Some(first), Some(last)) => (first <= last, first),
                (first, _) => (true, first.unwrap_or(0.0)),
            };
            // Less than any storey is high, and enough for several in a row to differ.
            let step = if lowest_first { 1e-3 } else { -1e-3 };
            let mut level = first - step;
            let found: Vec<f64> = storeys
                .iter()
                .map(|at| {
                    level = known(at).unwrap_or(level + step);
                    level
                })
                .collect();
            for (at, level) in storeys.into_iter().zip(found) {
                self.level[at as usize] = level;
            }
        }
    }

    pub(super) fn breadth_first(&self) -> Vec<EntityIx> {
        let mut order = self.roots.clone();
        let mut next = 0;
        while let Some(&at) = order.get(next) {
            order.extend(&self.children[at as usize]);
            next += 1;
        }
        order
    }

    pub(super) fn sort(&mut self) {
        let (mut children, mut roots) =
            (std::mem::take(&mut self.children), std::mem::take(&mut self.roots));
        for list in children.iter_mut().chain([&mut roots]) {
            list.sort_by(|&a, &b| self.order(a, b));
        }
        (self.children, self.roots) = (children, roots);
    }

    pub(super) fn walk(&mut self) {
        let mut next = 0;
        let mut open: Vec<(EntityIx, bool)> =
            self.roots.iter().rev().map(|&root| (root, false)).collect();
        while let Some((at, done)) = open.pop() {
            if done {
                self.span[at as usize].end = next;
                continue;
            }
            self.span[at as usize].start = next;
            next += 1;
            open.push((at, true));
            open.extend(self.children[at as usize].iter().rev().map(|&child| (child, false)));
        }
    }
}
