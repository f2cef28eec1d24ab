//! From metres and sRGB to the small integers of a GLB.

use glam::DQuat;
use twin_model::BoundingBox;

/// The 16-bit grid of one tile, in glTF axes (x east, y up, z south). One step for all
/// axes, so that normals need no correction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Smallest corner, m.
    pub(super) translation: [f32; 3],
    /// Extent of the grid along every axis, m.
    pub(super) scale: f32,
}

impl Grid {
    /// The grid over a box in the local frame.
    pub(super) fn over(bounds: &BoundingBox) -> Self {
        let low = to_gltf(bounds.min);
        let high = to_gltf(bounds.max);
        let min = [0, 1, 2].map(|axis| low[axis].min(high[axis]));
        let max = [0, 1, 2].map(|axis| low[axis].max(high[axis]));
        // Readers place nodes in single precision: the grid starts on such a number,
        // not above the box, and reaches past its other end.
        let translation = min.map(below);
        let extent =
            (0..3).map(|axis| max[axis] - f64::from(translation[axis])).fold(1.0e-3, f64::max);
        Self { translation, scale: (extent * (1.0 + 1.0e-6)) as f32 }
    }

    /// Distance between neighbouring places, m.
    pub(super) fn step_m(&self) -> f64 {
        f64::from(self.scale) / 65_535.0
    }

    /// The nearest place to a point in the local frame.
    pub(super) fn place(&self, point: [f64; 3]) -> [u16; 3] {
        let point = to_gltf(point);
        [0, 1, 2].map(|axis| {
            let steps = (point[axis] - f64::from(self.translation[axis])) / self.step_m();
            steps.round().clamp(0.0, 65_535.0) as u16
        })
    }
}

/// The largest single-precision number not above `x`.
fn below(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) <= x { near } else { near.next_down() }
}

/// From the local frame (x east, y north, z up) to glTF axes (y up).
pub(super) fn to_gltf([x, y, z]: [f64; 3]) -> [f64; 3] {
    [x, z, -y]
}

/// The same turn, seen from glTF's axes.
pub(super) fn turn_to_gltf(turn: DQuat) -> DQuat {
    let [x, y, z] = to_gltf([turn.x, turn.y, turn.z]);
    DQuat::from_xyzw(x, y, z, turn.w)
}

/// A unit normal in glTF axes as signed bytes; nothing for one without a direction.
pub(super) fn normal(n: [f64; 3]) -> Option<[i8; 3]> {
    let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt();
    if !(length.is_finite() && length > 1.0e-6) {
        return None;
    }
    Some(to_gltf(n).map(|x| (x / length * 127.0).round() as i8))
}

/// sRGB with straight alpha as linear numbers of 16 bits, as glTF wants its vertex colours.
/// Linear bytes would not do: they know thirteen of the sixty darkest shades of sRGB.
pub(super) fn linear([r, g, b, a]: [u8; 4]) -> [u16; 4] {
    let channel = |c: u8| {
        let c = f64::from(c) / 255.0;
        let linear = if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        (linear * 65_535.0).round() as u16
    };
    [channel(r), channel(g), channel(b), u16::from(a) * 257]
}

/// A channel of sRGB from a linear one of 16 bits.
pub(super) fn srgb(linear: f64) -> u8 {
    let x = linear / 65_535.0;
    let srgb = if x <= 0.003_130_8 { x * 12.92 } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
    (srgb * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_is_finer_than_five_millimetres_at_the_largest_tile() {
        let bounds = BoundingBox { min: [4_000.1, -9_000.3, 7.0], max: [4_600.1, -8_500.0, 9.0] };
        let grid = Grid::over(&bounds);
        assert!(grid.step_m() / 2.0 < 0.005, "{}", grid.step_m());
        for corner in [bounds.min, bounds.max, [4_321.123, -8_765.432, 8.5]] {
            let placed = grid.place(corner);
            let wanted = to_gltf(corner);
            for axis in 0..3 {
                let got =
                    f64::from(grid.translation[axis]) + f64::from(placed[axis]) * grid.step_m();
                assert!((got - wanted[axis]).abs() <= grid.step_m() * 0.5001, "{corner:?}");
            }
        }
    }

    #[test]
    fn normals_and_colours_meet_their_definitions() {
        assert_eq!(normal([0.0, 0.0, 2.0]), Some([0, 127, 0]));
        assert_eq!(normal([0.0, 1.0, 0.0]), Some([0, 0, -127]));
        assert_eq!(normal([0.0; 3]), None);
        assert_eq!(normal([f64::NAN, 0.0, 1.0]), None);
        // Mid grey of sRGB is 21.6 % of the light.
        assert_eq!(linear([0, 128, 255, 77]), [0, 14_146, 65_535, 77 * 257]);
    }

    #[test]
    fn every_shade_of_srgb_comes_back_as_it_was() {
        for shade in 0..=255_u8 {
            assert_eq!(srgb(f64::from(linear([shade, 0, 0, 0])[0])), shade);
        }
    }
}
