//! Spaces as the graph needs them: what lies on their floor, how large it is, and which
//! are near.

use std::collections::HashMap;

use serde_json::Value as Json;
use twin_model::{BoundingBox, Entity, EntityKind, walk::WalkSpace};

use super::Plan;
use crate::imported::Floor;

/// Names of the quantity that holds a space's floor area, the best first.
const AREA_NAMES: &[&str] = &["NetFloorArea", "GrossFloorArea", "NetArea", "Area", "GSA BIM Area"];

/// Floor area of a space as its quantities state it, m².
fn stated_area(entity: &Entity) -> Option<f64> {
    AREA_NAMES
        .iter()
        .find_map(|name| entity.properties.values().find_map(|set| set.get(*name)))
        .and_then(Json::as_f64)
        .filter(|area| *area > 0.0)
}

/// A space with its box and floor.
pub(super) struct Place<'a> {
    pub(super) entity: &'a Entity,
    pub(super) bbox: BoundingBox,
    floor: Option<&'a Floor>,
}

impl<'a> Place<'a> {
    pub(super) fn of(entity: &'a Entity, plan: &Plan<'a>) -> Option<Self> {
        let bbox = entity.bbox.filter(|_| entity.kind == EntityKind::Space)?;
        let floor = plan.floors.get(&entity.id).filter(|floor| !floor.triangles.is_empty());
        Some(Self { entity, bbox, floor })
    }

    /// How much of a box, seen from above, lies on the floor: by a grid of points, 0 to 1.
    pub(super) fn cover(&self, bbox: &BoundingBox) -> f64 {
        const STEPS: u32 = 6;
        let at = |axis: usize, step: u32| {
            let part = (f64::from(step) + 0.5) / f64::from(STEPS);
            bbox.min[axis] + (bbox.max[axis] - bbox.min[axis]) * part
        };
        let points = (0..STEPS * STEPS).map(|n| [at(0, n / STEPS), at(1, n % STEPS)]);
        let inside = points.filter(|point| self.is_over(*point)).count();
        inside as f64 / f64::from(STEPS * STEPS)
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

    pub(super) fn into_walk_space(self) -> WalkSpace {
        let tidy = |value: f64| (value * 1e4).round() / 1e4;
        let measured = self.floor.map(|floor| measure(&floor.triangles));
        let [dx, dy, _] = self.bbox.size();
        let area = stated_area(self.entity).or(measured.map(|m| m.0)).unwrap_or(dx * dy);
        let middle = self.bbox.center();
        let center = measured.map_or([middle[0], middle[1]], |m| m.1);
        // The middle of an L may lie outside of it: then the nearest triangle's.
        let center = match self.floor {
            Some(floor) if !self.is_over(center) => nearest_middle(&floor.triangles, center),
            _ => center,
        };
        WalkSpace {
            entity: self.entity.id.clone(),
            area_m2: tidy(area),
            center: [tidy(center[0]), tidy(center[1]), tidy(self.bbox.min[2])],
        }
    }
}

fn cross(o: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
}

fn is_inside([a, b, c]: [[f64; 2]; 3], point: [f64; 2]) -> bool {
    let sides = [cross(a, b, point), cross(b, c, point), cross(c, a, point)];
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
        let size = cross(triangle[0], triangle[1], triangle[2]).abs() / 2.0;
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
        for (position, space) in spaces.iter().enumerate() {
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
    if (x1 - x0 + 1).saturating_mul(y1 - y0 + 1) > MAX_SQUARES {
        return vec![((x0 + x1) / 2, (y0 + y1) / 2)];
    }
    (x0..=x1).flat_map(|x| (y0..=y1).map(move |y| (x, y))).collect()
}

pub(super) fn grow(bbox: &BoundingBox, by: f64) -> BoundingBox {
    BoundingBox { min: bbox.min.map(|value| value - by), max: bbox.max.map(|value| value + by) }
}
