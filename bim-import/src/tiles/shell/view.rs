//! What of a building is seen from outside: its triangles drawn from above and from its four
//! corners, each of which shows two sides, each pixel keeping the number of the nearest one.

use twin_model::BoundingBox;

use crate::{
    raster::Covered,
    vector::{cross, dot, sub},
};

/// Pixels along each side of a view.
const SIDE: usize = 256;
/// How far down the views from the sides look, degrees: into courtyards, onto terraces.
const ELEVATION_DEG: f64 = 25.0;
/// How often a view may be painted over: far more than stands behind each other in a tower,
/// and an end to a hundred thousand surfaces in one place.
const MAX_LAYERS: usize = 2_000;
/// No triangle.
const NOTHING: u32 = u32::MAX;

/// The five views.
pub(super) struct Views(Vec<View>);

/// The views in which something may be seen.
pub(super) struct Sight(Vec<bool>);

impl Sight {
    pub(super) fn is_none(&self) -> bool {
        !self.0.contains(&true)
    }
}

struct View {
    right: [f64; 3],
    up: [f64; 3],
    /// Towards the eye.
    back: [f64; 3],
    low: [f64; 2],
    scale: f64,
    depth: Vec<f32>,
    number: Vec<u32>,
    /// Pixels that may still be painted.
    room: usize,
}

impl Views {
    /// Views of all that lies in a box.
    pub(super) fn of(bounds: &BoundingBox) -> Self {
        let (sin, cos) = ELEVATION_DEG.to_radians().sin_cos();
        let side = |n: u32| {
            let (x, y) = (45.0 + f64::from(n) * 90.0).to_radians().sin_cos();
            ([y, -x, 0.0], [x * cos, y * cos, sin])
        };
        let above = ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]);
        let directions = (0..4).map(side).chain([above]);
        Self(directions.map(|(right, back)| View::new(bounds, right, back)).collect())
    }

    /// In which views something within a box may be seen, by what is drawn so far.
    pub(super) fn sight(&self, bounds: &BoundingBox) -> Sight {
        Sight(self.0.iter().map(|view| !view.hides(bounds)).collect())
    }

    /// Draws a triangle under a number; one of a solid only where it looks at the eye.
    pub(super) fn draw(
        &mut self,
        corners: &[[f64; 3]; 3],
        number: u32,
        of_solid: bool,
        sight: &Sight,
    ) {
        let [a, b, c] = *corners;
        let normal = cross(sub(b, a), sub(c, a));
        for (view, _) in self.0.iter_mut().zip(&sight.0).filter(|(_, open)| **open) {
            if !of_solid || dot(normal, view.back) > 0.0 {
                view.draw(corners, number);
            }
        }
    }

    /// In how many pixels each of the first `count` numbers is seen.
    pub(super) fn seen(&self, count: usize) -> Vec<u16> {
        let mut seen = vec![0_u16; count];
        for number in self.0.iter().flat_map(|view| &view.number) {
            if let Some(seen) = seen.get_mut(*number as usize) {
                *seen = seen.saturating_add(1);
            }
        }
        seen
    }
}

impl View {
    fn new(bounds: &BoundingBox, right: [f64; 3], back: [f64; 3]) -> Self {
        let up = cross(back, right);
        let (center, size) = (bounds.center(), bounds.size());
        let reach = |axis: [f64; 3]| (0..3).map(|n| size[n] * axis[n].abs()).sum::<f64>() / 2.0;
        let half = reach(right).max(reach(up)).max(1.0e-3);
        Self {
            low: [dot(center, right) - half, dot(center, up) - half],
            scale: SIDE as f64 / (2.0 * half),
            right,
            up,
            back,
            depth: vec![f32::NEG_INFINITY; SIDE * SIDE],
            number: vec![NOTHING; SIDE * SIDE],
            room: SIDE * SIDE * MAX_LAYERS,
        }
    }

    /// Whether all that lies in a box is behind what is drawn.
    fn hides(&self, bounds: &BoundingBox) -> bool {
        let (center, size) = (bounds.center(), bounds.size());
        let along = |axis: [f64; 3]| {
            let reach = (0..3).map(|n| size[n] * axis[n].abs()).sum::<f64>() / 2.0;
            (dot(center, axis) - reach, dot(center, axis) + reach)
        };
        let pixels = |(low, high): (f64, f64), from: f64| {
            let (low, high) = ((low - from) * self.scale, (high - from) * self.scale);
            (low.max(0.0) as usize).min(SIDE)..(high.max(0.0) as usize + 1).min(SIDE)
        };
        let columns = pixels(along(self.right), self.low[0]);
        let nearest = along(self.back).1 as f32;
        pixels(along(self.up), self.low[1]).all(|y| {
            let row = &self.depth[y * SIDE..][..SIDE];
            row[columns.clone()].iter().all(|depth| *depth > nearest)
        })
    }

    fn draw(&mut self, corners: &[[f64; 3]; 3], number: u32) {
        let [a, b, c] = corners.map(|corner| {
            let x = (dot(corner, self.right) - self.low[0]) * self.scale;
            let y = (dot(corner, self.up) - self.low[1]) * self.scale;
            [x as f32, y as f32, dot(corner, self.back) as f32]
        });
        let Some(covered) = Covered::of([a, b, c], [SIDE; 2]) else { return };
        let slope = covered.slope();
        for y in covered.rows() {
            let span = covered.span(y);
            let Some(room) = self.room.checked_sub(span.len()) else { return };
            self.room = room;
            for x in span {
                let depth = covered.nearness(&slope, x, y);
                let at = y * SIDE + x;
                if depth > self.depth[at] {
                    (self.depth[at], self.number[at]) = (depth, number);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of four metres that lies at a height.
    fn flat(z: f64) -> [[[f64; 3]; 3]; 2] {
        let corner = |x: f64, y: f64| [x, y, z];
        let [a, b, c, d] = [corner(0.0, 0.0), corner(4.0, 0.0), corner(4.0, 4.0), corner(0.0, 4.0)];
        [[a, b, c], [a, c, d]]
    }

    #[test]
    fn a_roof_hides_what_is_right_under_it() {
        let bounds = BoundingBox { min: [0.0; 3], max: [4.0, 4.0, 4.0] };
        let mut views = Views::of(&bounds);
        // From the sides one sees below the upper one, but not between two close ones.
        for (number, z) in [(0, 4.0), (1, 3.999), (2, 0.0)] {
            let sight = views.sight(&BoundingBox { min: [0.0, 0.0, z], max: [4.0, 4.0, z] });
            flat(z).iter().for_each(|triangle| views.draw(triangle, number, false, &sight));
        }
        let inside = BoundingBox { min: [1.0, 1.0, 3.5], max: [3.0, 3.0, 3.9] };
        let below = BoundingBox { min: [1.0, 1.0, -9.0], max: [3.0, 3.0, -8.0] };
        assert_eq!(views.sight(&inside).0.iter().filter(|open| **open).count(), 4, "not above");
        assert!(views.sight(&below).0[4..] == [false], "under both");
        assert!(!views.sight(&bounds).is_none());
        let seen = views.seen(3);
        assert!(seen[0] > 10_000 && seen[1] < 100 && seen[2] > 1_000, "{seen:?}");
    }

    #[test]
    fn what_is_no_triangle_is_not_seen() {
        let bounds = BoundingBox { min: [0.0; 3], max: [4.0; 3] };
        let mut views = Views::of(&bounds);
        let sight = views.sight(&bounds);
        views.draw(&[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]], 0, false, &sight);
        views.draw(&[[f64::NAN, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 4.0, 0.0]], 0, false, &sight);
        assert_eq!(views.seen(1), [0]);
    }
}
