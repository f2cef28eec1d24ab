//! Rigid motion: from a source's own coordinates into the scene's local frame, or from
//! where one thing stands to where another of the same shape does.

use serde::{Deserialize, Serialize};

use crate::{
    frame::LocalFrame,
    vector::{cross, dot, length, scale, sub},
};

/// `moved = rotation · point + translation`, metres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Placement {
    rotation: [[f64; 3]; 3],
    translation: [f64; 3],
}

/// Rotations that differ by less are the same: over ten kilometres they are ten nanometres
/// apart.
const SAME_ROTATION: f64 = 1e-12;

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

    /// Into the axes of something that stands at `location`: z along `axis`, x as near to
    /// `ref_direction` as that allows. Nothing where these do not tell.
    pub(crate) fn of_axes(
        location: [f64; 3],
        axis: [f64; 3],
        ref_direction: [f64; 3],
    ) -> Option<Self> {
        /// Below this a direction has none.
        const SHORT: f64 = 1e-9;
        let unit = |v: [f64; 3]| {
            let long = length(v);
            (long > SHORT && long.is_finite()).then(|| scale(v, 1.0 / long))
        };
        let (z, wanted) = (unit(axis)?, unit(ref_direction)?);
        let x = unit(sub(wanted, scale(z, dot(wanted, z))))?;
        let y = cross(z, x);
        let rotation = [0, 1, 2].map(|row| [x[row], y[row], z[row]]);
        let sound = location.iter().all(|metres| metres.is_finite());
        sound.then_some(Self { rotation, translation: location })
    }

    /// First the other motion, then this one.
    pub(crate) fn after(&self, first: &Self) -> Self {
        let rotation = if first.is_shift() {
            self.rotation
        } else if self.is_shift() {
            first.rotation
        } else {
            multiply(self.rotation, first.rotation)
        };
        Self { rotation, translation: self.point(first.translation) }
    }

    /// The way back.
    pub(crate) fn inverse(&self) -> Self {
        let r = &self.rotation;
        let rotation = [0, 1, 2].map(|row| [r[0][row], r[1][row], r[2][row]]);
        let back = apply(rotation, self.translation);
        Self { rotation, translation: back.map(|metres| -metres) }
    }

    /// The motion that takes what stands at `from` to `self`; a mere shift where both are
    /// turned alike.
    pub(crate) fn seen_from(&self, from: &Self) -> Self {
        let moved = self.after(&from.inverse());
        let off = (0..9).map(|n| {
            let (row, column) = (n / 3, n % 3);
            (moved.rotation[row][column] - Self::IDENTITY.rotation[row][column]).abs()
        });
        if off.fold(0.0, f64::max) > SAME_ROTATION {
            return moved;
        }
        let translation = sub(self.translation, from.translation);
        Self { rotation: Self::IDENTITY.rotation, translation }
    }

    /// Whether nothing is turned by it.
    pub(crate) fn is_shift(&self) -> bool {
        self.rotation == Self::IDENTITY.rotation
    }

    pub(crate) fn new(rotation: [[f64; 3]; 3], translation: [f64; 3]) -> Self {
        Self { rotation, translation }
    }

    /// Row by row.
    pub(crate) fn rotation(&self) -> [[f64; 3]; 3] {
        self.rotation
    }

    /// Where the origin comes to stand, m.
    pub(crate) fn translation(&self) -> [f64; 3] {
        self.translation
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
        if self.is_shift() {
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
