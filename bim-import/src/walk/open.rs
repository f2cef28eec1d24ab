//! Open sides: spaces that touch with nothing between them, as a kitchen and a living
//! room do, or a corridor drawn in two pieces.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use twin_model::walk::Via;

use super::{Builder, Link};
use crate::imported::Floor;

/// Distance between the points looked at along a space's edge, m.
const STEP_M: f64 = 0.2;
/// How far apart two spaces may be to touch, m.
const GAP_M: [f64; 3] = [0.05, 0.2, 0.4];
/// How far to both sides of an edge nothing may stand, m: spaces may be drawn to the
/// middle of a wall.
const CLEAR_M: f64 = 0.35;
/// Narrower open sides are no way, m.
const MIN_WIDTH_M: f64 = 0.6;
/// Higher steps are a parapet or another floor, m.
const MAX_STEP_M: f64 = 0.5;

impl Builder<'_> {
    pub(super) fn open_sides(&mut self) {
        for (space, first) in self.same.clone().into_iter().enumerate() {
            if space != first {
                let twin = self.spaces[space].entity.id.clone();
                let first_id = self.spaces[first].entity.id.clone();
                self.walk.twins.push((twin, first_id));
                self.open_link(space, first, None, self.spaces[space].center);
            }
        }
        let stated = self.virtual_pairs();
        for &(from, to) in &stated {
            let at = self.spaces[from].center;
            self.open_link(from, to, None, at);
            if let Some(link) = self.links.last_mut() {
                link.derived = false;
            }
        }
        for space in 0..self.spaces.len() {
            if self.same[space] == space {
                for (other, (points, sum)) in self.touching(space) {
                    let width = points as f64 * STEP_M;
                    let is_stated = stated.binary_search(&(space, other)).is_ok();
                    if width >= MIN_WIDTH_M && !is_stated {
                        let middle = sum.map(|value: f64| value / points as f64);
                        let at = [middle[0], middle[1], self.spaces[space].z()];
                        self.open_link(space, other, Some(width), at);
                    }
                }
            }
        }
    }

    fn open_link(&mut self, from: usize, to: usize, width_m: Option<f64>, at: [f64; 3]) {
        let entity = &self.spaces[from].entity.id;
        let width_m = width_m.map(super::tidy);
        self.links.push(Link { entity, via: Via::Opening, from, to, at, width_m, derived: true });
    }

    /// Spaces that the file joins by a virtual element.
    fn virtual_pairs(&self) -> Vec<(usize, usize)> {
        let is_virtual = |id| {
            let class = self.by_id.get(id).and_then(|entity| entity.ifc_class.as_deref());
            class == Some("IfcVirtualElement")
        };
        let stated = self.stated.spaces.iter().filter(|(element, _)| is_virtual(**element));
        let mut pairs: Vec<(usize, usize)> = stated
            .filter_map(|(_, spaces)| match spaces[..] {
                [a, b] if (self.spaces[a].z() - self.spaces[b].z()).abs() <= MAX_STEP_M => {
                    Some((a.min(b), a.max(b)))
                }
                _ => None,
            })
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// Later spaces that a space is open to: at how many points, and the sum of these.
    fn touching(&self, space: usize) -> BTreeMap<usize, (usize, [f64; 2])> {
        let place = &self.spaces[space];
        let mut found: BTreeMap<usize, (usize, [f64; 2])> = BTreeMap::new();
        let Some(floor) = place.floor else { return found };
        let near = self.grid.near(&self.spaces, &place.bbox, GAP_M[2]);
        let near: Vec<usize> = near
            .into_iter()
            .filter(|&other| other > space && self.same[other] == other)
            .filter(|&other| (self.spaces[other].z() - place.z()).abs() <= MAX_STEP_M)
            .collect();
        if near.is_empty() {
            return found;
        }
        for [a, b] in rim(floor) {
            let length = (b[0] - a[0]).hypot(b[1] - a[1]);
            let along = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
            let steps = (length / STEP_M).floor().min(10_000.0) as u32;
            for step in 0..steps {
                let reach = (f64::from(step) + 0.5) * length / f64::from(steps);
                let point = [a[0] + along[0] * reach, a[1] + along[1] * reach];
                if let Some(other) = self.open_at(space, &near, point, along) {
                    let entry = found.entry(other).or_default();
                    *entry = (entry.0 + 1, [entry.1[0] + point[0], entry.1[1] + point[1]]);
                }
            }
        }
        found
    }

    /// The space on the other side of a point of the edge, if nothing is between.
    fn open_at(
        &self,
        space: usize,
        near: &[usize],
        point: [f64; 2],
        along: [f64; 2],
    ) -> Option<usize> {
        let place = &self.spaces[space];
        let beside =
            |distance: f64| [point[0] + along[1] * distance, point[1] - along[0] * distance];
        // Outwards is where the space is not.
        let sign = match [beside(0.02), beside(-0.02)].map(|point| place.is_over(point)) {
            [false, true] => 1.0,
            [true, false] => -1.0,
            _ => return None,
        };
        let (other, gap) = GAP_M.iter().find_map(|&gap| {
            let outside = beside(sign * gap);
            let other = near.iter().copied().find(|&other| self.spaces[other].is_over(outside))?;
            Some((other, gap))
        })?;
        let (inside, outside) = (beside(-sign * CLEAR_M), beside(sign * (gap + CLEAR_M)));
        (!self.barriers.are_between(inside, outside, place.z())).then_some(other)
    }
}

/// Edges that belong to one triangle of a floor only.
fn rim(floor: &Floor) -> Vec<[[f64; 2]; 2]> {
    let key = |point: [f64; 2]| point.map(|value| (value * 1e3).round() as i64);
    let mut edges: HashMap<[[i64; 2]; 2], usize> = HashMap::new();
    let sides = || floor.triangles.iter().flat_map(|[a, b, c]| [[*a, *b], [*b, *c], [*c, *a]]);
    let name = |[a, b]: [[f64; 2]; 2]| {
        let (a, b) = (key(a), key(b));
        if a < b { [a, b] } else { [b, a] }
    };
    for side in sides() {
        *edges.entry(name(side)).or_default() += 1;
    }
    sides().filter(|side| edges.get(&name(*side)) == Some(&1)).collect()
}
