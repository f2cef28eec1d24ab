//! The entity graph as a depth-first tour: every subtree is one interval of it, so that
//! "is this below that" is two comparisons, and an interest in many subtrees a short
//! sorted list.

use twin_model::Scene;

/// Depth-first order of a scene.
#[derive(Debug, Default)]
pub struct Tour {
    enter: Vec<u32>,
    exit: Vec<u32>,
}

impl Tour {
    /// Walks the scene, parents before children.
    pub fn new(scene: &Scene) -> Self {
        let mut tour = Self { enter: vec![0; scene.len()], exit: vec![0; scene.len()] };
        let mut clock = 0;
        // Each step is an entity to enter, or (true) one to leave.
        let mut open: Vec<(u32, bool)> =
            scene.roots().iter().rev().map(|&root| (root, false)).collect();
        while let Some((index, leave)) = open.pop() {
            if leave {
                tour.exit[index as usize] = clock;
                continue;
            }
            tour.enter[index as usize] = clock;
            clock += 1;
            open.push((index, true));
            open.extend(scene.children(index).iter().rev().map(|&child| (child, false)));
        }
        tour
    }

    /// Place of an entity in the tour.
    pub fn place(&self, index: u32) -> u32 {
        self.enter[index as usize]
    }

    /// Places of an entity and everything below it.
    pub fn subtree(&self, index: u32) -> std::ops::Range<u32> {
        self.enter[index as usize]..self.exit[index as usize]
    }

    /// The union of some subtrees.
    pub fn intervals(&self, roots: impl IntoIterator<Item = u32>) -> Intervals {
        let mut ranges: Vec<_> = roots.into_iter().map(|root| self.subtree(root)).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<std::ops::Range<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Intervals(merged)
    }
}

/// A set of places: sorted, disjoint, non-adjacent intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Intervals(Vec<std::ops::Range<u32>>);

impl Intervals {
    /// Whether a place is in the set.
    pub fn contains(&self, place: u32) -> bool {
        let after = self.0.partition_point(|range| range.start <= place);
        after > 0 && place < self.0[after - 1].end
    }

    /// What is in this set and not in another.
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for range in &self.0 {
            let mut start = range.start;
            let touching = other.0.iter().skip_while(|taken| taken.end <= range.start);
            for taken in touching.take_while(|taken| taken.start < range.end) {
                if start < taken.start {
                    left.push(start..taken.start);
                }
                start = taken.end;
            }
            if start < range.end {
                left.push(start..range.end);
            }
        }
        Self(left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twin_model::{Entity, EntityKind};

    use super::*;

    fn scene(parents: &[Option<usize>]) -> Scene {
        let entity = |(i, parent): (usize, &Option<usize>)| Entity {
            id: format!("e{i}").as_str().into(),
            parent: parent.map(|parent| format!("e{parent}").as_str().into()),
            kind: EntityKind::Element,
            ifc_class: None,
            global_id: None,
            name: String::new(),
            storey: None,
            bbox: None,
            properties: Default::default(),
            tags: vec![],
            source: 0,
        };
        Scene::new(parents.iter().enumerate().map(entity).collect()).unwrap()
    }

    proptest! {
        #[test]
        fn agrees_with_the_subtrees_of_the_scene(
            parents in prop::collection::vec(any::<Option<prop::sample::Index>>(), 1..40),
            picked in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let parents: Vec<_> = parents
                .iter()
                .enumerate()
                .map(|(i, pick)| pick.filter(|_| i > 0).map(|pick| pick.index(i)))
                .collect();
            let scene = scene(&parents);
            let tour = Tour::new(&scene);
            let roots: Vec<u32> =
                picked.iter().map(|pick| pick.index(parents.len()) as u32).collect();
            let set = tour.intervals(roots.clone());
            let expected: std::collections::HashSet<u32> =
                roots.iter().flat_map(|&root| scene.subtree(root)).collect();
            for index in 0..parents.len() as u32 {
                prop_assert_eq!(set.contains(tour.place(index)), expected.contains(&index));
            }
            let (some, others) = roots.split_at(roots.len() / 2);
            let [some, others] = [some, others].map(|roots| tour.intervals(roots.to_vec()));
            let rest = some.without(&others);
            for place in 0..parents.len() as u32 {
                let expected = some.contains(place) && !others.contains(place);
                prop_assert_eq!(rest.contains(place), expected);
            }
        }
    }
}
