//! How a picture is looked at: from where, and in what light.

use twin_model::BoundingBox;

use crate::{
    mesh::ElementMesh,
    vector::{cross, dot, sub, unit},
};

/// Room around what is drawn, as a part of the picture.
const MARGIN: f64 = 0.05;

/// How far the view turns away from the side of a box that it looks at, and looks down: its
/// three visible sides get different light.
const TURN_DEG: f64 = 35.0;
const ELEVATION_DEG: f64 = 32.0;
/// A box this much longer from south to north than from west to east is looked at from the
/// east, where its longer side is; any other from the south.
const LONGER: f64 = 1.15;

/// The box around a mesh's vertices, m from its origin.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    low: [f32; 3],
    high: [f32; 3],
}

impl Bounds {
    /// The box around a mesh; vertices that are no numbers count for nothing.
    pub(super) fn of(mesh: &ElementMesh) -> Self {
        let empty = Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };
        mesh.positions.iter().fold(empty, |Self { low, high }, at| Self {
            low: [0, 1, 2].map(|axis| low[axis].min(at[axis])),
            high: [0, 1, 2].map(|axis| high[axis].max(at[axis])),
        })
    }

    /// How large it is, m: its longest side.
    pub(super) fn size(&self) -> f32 {
        (0..3).map(|axis| self.high[axis] - self.low[axis]).fold(0.0, f32::max)
    }

    pub(super) fn corners(&self) -> [[f32; 3]; 8] {
        std::array::from_fn(|n| {
            [0, 1, 2].map(|axis| if n >> axis & 1 == 0 { self.low[axis] } else { self.high[axis] })
        })
    }
}

/// From the local frame, m, to samples and depth.
pub(super) struct View {
    right: [f64; 3],
    up: [f64; 3],
    /// Towards the eye.
    back: [f64; 3],
    center: [f64; 3],
    /// Samples of a metre.
    pub(super) scale: f64,
    middle: [f64; 2],
}

impl View {
    pub(super) fn of(bounds: &BoundingBox, width: usize, height: usize) -> Self {
        let [east, north, _] = bounds.size();
        let turn = if north > LONGER * east { TURN_DEG - 90.0 } else { TURN_DEG };
        let (sin_a, cos_a) = turn.to_radians().sin_cos();
        let (sin_e, cos_e) = ELEVATION_DEG.to_radians().sin_cos();
        let right = [cos_a, -sin_a, 0.0];
        let back = [-sin_a * cos_e, -cos_a * cos_e, sin_e];
        let up = cross(back, right);
        let center = bounds.center();
        let reach = |axis: [f64; 3]| {
            let size = bounds.size();
            (0..3).map(|n| size[n] * axis[n].abs()).sum::<f64>().max(1e-3)
        };
        let fit = |pixels: usize, metres: f64| pixels as f64 * (1.0 - 2.0 * MARGIN) / metres;
        let scale = fit(width, reach(right)).min(fit(height, reach(up)));
        let middle = [width as f64 / 2.0, height as f64 / 2.0];
        Self { right, up, back, center, scale, middle }
    }

    /// The same for the points of one mesh, in single precision.
    pub(super) fn projection(&self, origin: [f64; 3]) -> Projection {
        let from = sub(origin, self.center);
        let axis = |axis: [f64; 3], scale: f64, middle: f64| {
            let [x, y, z] = axis.map(|part| (part * scale) as f32);
            [x, y, z, (middle + dot(from, axis) * scale) as f32]
        };
        Projection([
            axis(self.right, self.scale, self.middle[0]),
            axis(self.up, -self.scale, self.middle[1]),
            axis(self.back, 1.0, 0.0),
        ])
    }
}

/// To sample coordinates (y down) and nearness to the eye, m.
pub(super) struct Projection([[f32; 4]; 3]);

impl Projection {
    /// Brings everything nearer to the eye, m.
    pub(super) fn nearer(&mut self, metres: f64) {
        self.0[2][3] += metres as f32;
    }

    pub(super) fn place(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        self.0.map(|[a, b, c, d]| a * x + b * y + c * z + d)
    }
}

/// Three lamps that go with the camera, so that the sides of a building are told apart
/// whichever way it was modelled.
pub(super) struct Lamp {
    back: [f64; 3],
    from_left: [f64; 3],
}

impl Lamp {
    pub(super) fn of(view: &View) -> Self {
        let from_left =
            [view.back[0] - 0.8 * view.right[0], view.back[1] - 0.8 * view.right[1], 0.35];
        Self { back: view.back, from_left: unit(from_left) }
    }

    /// How much light a surface gets.
    pub(super) fn light(&self, [a, b, c]: [[f64; 3]; 3]) -> f64 {
        let normal = unit(cross(sub(b, a), sub(c, a)));
        // Surfaces are seen from both sides: thin walls are often modelled as one.
        let facing = if dot(normal, self.back) < 0.0 { -1.0 } else { 1.0 };
        let normal = normal.map(|part| part * facing);
        0.6 + 0.2 * dot(normal, self.from_left).max(0.0) + 0.3 * normal[2].max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roof_is_lighter_than_the_walls_below_it() {
        for max in [[40.0, 10.0, 9.0], [10.0, 40.0, 9.0]] {
            let view = View::of(&BoundingBox { min: [0.0; 3], max }, 640, 420);
            let lamp = Lamp::of(&view);
            // A square that faces a way, by two directions that lie in it.
            let light = |along: [f64; 3], up: [f64; 3]| lamp.light([[0.0; 3], along, up]);
            let (wall_up, roof_up) = ([0.0, 0.0, 1.0], 1.0);
            let sides = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];
            let seen = sides.into_iter().filter(|[x, y]| {
                let outward = [*y, -*x, 0.0];
                dot(outward, view.back) > 0.0
            });
            let walls: Vec<f64> = seen.clone().map(|[x, y]| light([x, y, 0.0], wall_up)).collect();
            let mut roofs: Vec<f64> =
                seen.map(|[x, y]| light([x, y, 0.0], [-y, x, roof_up])).collect();
            roofs.push(light([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]));
            let lightest = walls.iter().copied().fold(0.0, f64::max);
            assert_eq!(walls.len(), 2);
            assert!((walls[0] - walls[1]).abs() > 0.08, "{walls:?}");
            assert!(roofs.iter().all(|roof| *roof > lightest * 1.08), "{walls:?} {roofs:?}");
        }
    }

    #[test]
    fn the_longer_side_of_a_box_is_looked_at() {
        let back = |max: [f64; 3]| View::of(&BoundingBox { min: [0.0; 3], max }, 640, 420).back;
        let [x, y, _] = back([40.0, 10.0, 9.0]);
        assert!(y < x && x < 0.0, "from the south and a little from the west");
        let [x, y, _] = back([10.0, 40.0, 9.0]);
        assert!(y < 0.0 && x > -y, "from the east and a little from the south");
    }
}
