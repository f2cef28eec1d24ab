//! Spaces as the graph needs them: what lies on their floor, how large it is, and which
//! are near.

use hashbrown::HashMap;
use twin_model::{BoundingBox, Entity, EntityKind, walk::WalkSpace};

use super::Plan;
use crate::{imported::Floor, vector::turn};

/// A space with its box and floor.
pub(super) struct Place<'a> {
    pub(super) entity: &'a Entity,
    /// Empty (its smallest corner beyond its largest) where the space has no geometry.
    pub(super) bbox: BoundingBox,
    pub(super) floor: Option<&'a Floor>,
    pub(super) area_m2: f64,
    pub(super) center: [f64; 3],
}

impl<'a> Place<'a> {
    pub(super) fn of(entity: &'a Entity, plan: &Plan<'a>) -> Option<Self> {
        if entity.kind != EntityKind::Space {
            return None;
        }
        let nothing = BoundingBox { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] };
        let bbox = entity.bbox.unwrap_or(nothing);
        let floor = plan.floors.get(&entity.id).filter(|floor| !floor.triangles.is_empty());
        let measured = floor.map(|floor| measure(&floor.triangles));
        let boxed = entity.bbox.map(|bbox| bbox.size()[0] * bbox.size()[1]);
        let area = plan.declared(entity).area_m2.or(measured.map(|m| m.0)).or(boxed);
        let middle = entity.bbox.map_or([0.0; 3], |bbox| bbox.center());
        let [x, y] = measured.map_or([middle[0], middle[1]], |m| m.1);
        let mut place = Self {
            entity,
            bbox,
            floor,
            area_m2: area.unwrap_or_default(),
            center: [x, y, if entity.bbox.is_some() { bbox.min[2] } else { 0.0 }],
        };
        // The middle of an L may lie outside of it: then the nearest triangle's.
        if let Some(floor) = floor.filter(|_| !place.is_over([x, y])) {
            let [x, y] = nearest_middle(&floor.triangles, [x, y]);
            place.center = [x, y, bbox.min[2]];
        }
        Some(place)
    }

    /// Whether it has geometry.
    pub(super) fn is_drawn(&self) -> bool {
        self.entity.bbox.is_some()
    }

    /// Height of its floor, m.
    pub(super) fn z(&self) -> f64 {
        self.bbox.min[2]
    }

    /// How much of a box, seen from above, lies on the floor: by a grid of points, 0 to 1.
    pub(super) fn cover(&self, bbox: &BoundingBox) -> f64 {
        let points = raster(bbox, 6);
        let inside = points.iter().filter(|point| self.is_over(**point)).count();
        inside as f64 / points.len() as f64
    }

    /// Whether a point, seen from above, lies on the floor.
    pub(super) fn is_over(&self, point: [f64; 2]) -> bool {
        let in_box = (0..2)
            .all(|axis| self.bbox.min[axis] <= point[axis] && point[axis] <= self.bbox.max[axis]);
        in_box
            && self.floor.is_none_or(|floor| {
                floor.triangles.iter().any(|triangle| is_inside(*triangle, point))
            })
    }

    /// Whether the two are one place drawn twice: a net and a gross area of one room.
    pub(super) fn is_twin(&self, other: &Self) -> bool {
        let (a, b) = (&self.bbox, &other.bbox);
        let shared = a.max[2].min(b.max[2]) - a.min[2].max(b.min[2]);
        if shared < 0.5 * a.size()[2].min(b.size()[2]) || (a.min[2] - b.min[2]).abs() > 1.0 {
            return false;
        }
        let area = |bbox: &BoundingBox| bbox.size()[0] * bbox.size()[1];
        let common = (0..2)
            .map(|axis| (a.max[axis].min(b.max[axis]) - a.min[axis].max(b.min[axis])).max(0.0));
        if common.product::<f64>() < 0.6 * area(a).max(area(b)) {
            return false;
        }
        let (mut both, mut either) = (0u32, 0u32);
        for point in raster(&a.union(b), 14) {
            let (a, b) = (self.is_over(point), other.is_over(point));
            both += u32::from(a && b);
            either += u32::from(a || b);
        }
        f64::from(both) > 0.6 * f64::from(either)
    }

    pub(super) fn walk_space(&self, plan: &Plan<'_>) -> WalkSpace {
        let mut space =
            WalkSpace::new(self.entity.id.clone(), tidy(self.area_m2), self.center.map(tidy));
        space.occupants = plan.declared(self.entity).occupants;
        space
    }
}

/// To a tenth of a millimetre.
pub(super) fn tidy(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn raster(bbox: &BoundingBox, steps: u32) -> Vec<[f64; 2]> {
    let at = |axis: usize, step: u32| {
        let part = (f64::from(step) + 0.5) / f64::from(steps);
        bbox.min[axis] + (bbox.max[axis] - bbox.min[axis]) * part
    };
    (0..steps * steps).map(|n| [at(0, n / steps), at(1, n % steps)]).collect()
}

fn is_inside([a, b, c]: [[f64; 2]; 3], point: [f64; 2]) -> bool {
    let sides = [turn(a, b, point), turn(b, c, point), turn(c, a, point)];
    sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
}

fn middle([a, b, c]: [[f64; 2]; 3]) -> [f64; 2] {
    [0, 1].map(|axis| (a[axis] + b[axis] + c[axis]) / 3.0)
}

/// Area and centre of gravity.
fn measure(triangles: &[[[f64; 2]; 3]]) -> (f64, [f64; 2]) {
    let mut area = 0.0;
    let mut moment = [0.0; 2];
    for triangle in triangles {
        let size = turn(triangle[0], triangle[1], triangle[2]).abs() / 2.0;
        area += size;
        let at = middle(*triangle);
        moment = [0, 1].map(|axis| moment[axis] + at[axis] * size);
    }
    (area, moment.map(|value| value / area.max(1e-12)))
}

fn nearest_middle(triangles: &[[[f64; 2]; 3]], to: [f64; 2]) -> [f64; 2] {
    let distance = |point: &[f64; 2]| (point[0] - to[0]).hypot(point[1] - to[1]);
    let middles = triangles.iter().map(|triangle| middle(*triangle));
    middles.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(to)
}

/// Spaces by the squares of the plan they touch, so that a door asks only its own.
pub(super) struct Grid {
    squares: HashMap<(i64, i64), Vec<usize>>,
}

const SQUARE_M: f64 = 10.0;
/// A space over more squares than this is put in by its middle only; none is that large
/// but a broken one.
const MAX_SQUARES: i64 = 10_000;

impl Grid {
    pub(super) fn over(spaces: &[Place<'_>]) -> Self {
        let mut squares: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
        for (position, space) in spaces.iter().enumerate().filter(|(_, space)| space.is_drawn()) {
            for square in squares_of(&space.bbox) {
                squares.entry(square).or_default().push(position);
            }
        }
        Self { squares }
    }

    /// Spaces whose box touches this one, grown by `margin_m`, in file order.
    pub(super) fn near(
        &self,
        spaces: &[Place<'_>],
        bbox: &BoundingBox,
        margin_m: f64,
    ) -> Vec<usize> {
        let grown = grow(bbox, margin_m);
        let found = squares_of(&grown).into_iter().filter_map(|square| self.squares.get(&square));
        let mut found: Vec<usize> = found
            .flatten()
            .copied()
            .filter(|&space| spaces[space].bbox.touches(bbox, margin_m))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn squares_of(bbox: &BoundingBox) -> Vec<(i64, i64)> {
    let range = |axis: usize| {
        let low = (bbox.min[axis] / SQUARE_M).floor() as i64;
        let high = (bbox.max[axis] / SQUARE_M).floor() as i64;
        (low, high)
    };
    let ((x0, x1), (y0, y1)) = (range(0), range(1));
    let squares = x1
        .saturating_sub(x0)
        .saturating_add(1)
        .saturating_mul(y1.saturating_sub(y0).saturating_add(1));
    if squares > MAX_SQUARES {
        return vec![(x0 / 2 + x1 / 2, y0 / 2 + y1 / 2)];
    }
    (x0..=x1).flat_map(|x| (y0..=y1).map(move |y| (x, y))).collect()
}

pub(super) fn grow(bbox: &BoundingBox, by: f64) -> BoundingBox {
    BoundingBox { min: bbox.min.map(|value| value - by), max: bbox.max.map(|value| value + by) }
}
