//! Rigid motion from a source's own coordinates into the scene's local frame.

use crate::frame::LocalFrame;

/// `local = rotation · point + translation`, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placement {
    rotation: [[f64; 3]; 3],
    translation: [f64; 3],
}

impl Placement {
    /// Leaves everything where it is.
    pub(crate) const IDENTITY: Self = Self {
        rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        translation: [0.0; 3],
    };

    /// Puts `anchor` (source coordinates, m) at a place on earth, the source's x axis
    /// turned by `heading_rad` counter-clockwise from true east.
    pub(crate) fn on_earth(
        frame: &LocalFrame,
        anchor: [f64; 3],
        wgs84: [f64; 3],
        heading_rad: f64,
    ) -> Self {
        let there = LocalFrame::from_wgs84(wgs84[0], wgs84[1], wgs84[2]);
        let tilt = frame.rotation_from(&there);
        let (sin, cos) = heading_rad.sin_cos();
        let turn = [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]];
        let rotation = multiply(tilt, turn);
        let place = frame.to_local(wgs84[0], wgs84[1], wgs84[2]);
        let moved = apply(rotation, anchor);
        Self { rotation, translation: [0, 1, 2].map(|axis| place[axis] - moved[axis]) }
    }

    /// The same, moved on in the frame.
    pub(crate) fn moved(mut self, by: [f64; 3]) -> Self {
        for (value, by) in self.translation.iter_mut().zip(by) {
            *value += by;
        }
        self
    }

    /// A point of the source in the frame.
    pub(crate) fn point(&self, point: [f64; 3]) -> [f64; 3] {
        let turned = apply(self.rotation, point);
        [0, 1, 2].map(|axis| turned[axis] + self.translation[axis])
    }

    /// A direction, or an offset from a point that was moved already.
    pub(crate) fn direction(&self, direction: [f32; 3]) -> [f32; 3] {
        if *self == Self::IDENTITY {
            return direction;
        }
        apply(self.rotation, direction.map(f64::from)).map(|value| value as f32)
    }
}

fn apply(rotation: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    rotation.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

fn multiply(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let column = |j: usize| apply(a, [b[0][j], b[1][j], b[2][j]]);
    let columns = [column(0), column(1), column(2)];
    [0, 1, 2].map(|i| [columns[0][i], columns[1][i], columns[2][i]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_source_lands_where_the_map_says() {
        let frame = LocalFrame::from_wgs84(114.05, 22.54, 0.0);
        let turned = Placement::on_earth(
            &frame,
            [100.0, 0.0, 0.0],
            [114.05, 22.54, 5.0],
            std::f64::consts::FRAC_PI_2,
        );
        let near = |got: [f64; 3], want: [f64; 3]| {
            assert!((0..3).all(|i| (got[i] - want[i]).abs() < 1e-6), "{got:?} is not {want:?}");
        };
        near(turned.point([100.0, 0.0, 0.0]), [0.0, 0.0, 5.0]);
        near(turned.point([110.0, 0.0, 0.0]), [0.0, 10.0, 5.0]);
        near(turned.direction([0.0, 1.0, 0.0]).map(f64::from), [-1.0, 0.0, 0.0]);
    }
}
