//! Which samples of a picture a triangle covers, and how near it is there.

use std::ops::Range;

/// What lies between two corners.
#[derive(Clone, Copy)]
enum Side {
    /// Samples lie within up to a column, which is at `at` in row 0 and moves by `each`.
    Right { at: f32, each: f32 },
    /// Samples lie within from a column on.
    Left { at: f32, each: f32 },
    /// A level side: rows lie within where they are off it in this direction.
    Level { y: f32, towards: f32 },
}

impl Side {
    /// `turn` is the sign of the triangle's turn.
    fn of(p: [f32; 3], q: [f32; 3], turn: f32) -> Self {
        let (run, rise) = (q[0] - p[0], q[1] - p[1]);
        if rise == 0.0 {
            return Self::Level { y: p[1], towards: run * turn };
        }
        let each = run / rise;
        // From the middle of the row, and to the middle of a column.
        let at = p[0] - 0.5 + (0.5 - p[1]) * each;
        if rise * turn > 0.0 { Self::Right { at, each } } else { Self::Left { at, each } }
    }
}

/// A triangle in sample coordinates, with the nearness to the eye of each corner, and the
/// samples whose middles it may hold.
pub(crate) struct Covered {
    corners: [[f32; 3]; 3],
    /// Twice its area, with the sign of its turn.
    double: f32,
    sides: [Side; 3],
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Covered {
    /// What a triangle covers of a picture so many samples wide and high; nothing when it
    /// lies between the samples or outside.
    pub(crate) fn of(corners: [[f32; 3]; 3], size: [usize; 2]) -> Option<Self> {
        let [a, b, c] = corners;
        let double = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        // Most triangles of a large scene are smaller than a sample; not a number is neither.
        if !(double.abs() > 1e-6 && double.is_finite()) {
            return None;
        }
        let range = |axis: usize| {
            let low = a[axis].min(b[axis]).min(c[axis]) - 0.5;
            let high = a[axis].max(b[axis]).max(c[axis]) - 0.5;
            // Casting holds what is beyond the picture at its ends.
            (up(low).max(0) as usize)
                ..(down(high).saturating_add(1).max(0) as usize).min(size[axis])
        };
        let (columns, rows) = (range(0), range(1));
        if columns.is_empty() || rows.is_empty() {
            return None;
        }
        let turn = double.signum();
        let sides = [Side::of(a, b, turn), Side::of(b, c, turn), Side::of(c, a, turn)];
        Some(Self { corners, double, sides, columns, rows })
    }

    /// The rows it may cover something of.
    pub(crate) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// How much nearer it gets with each column and each row.
    pub(crate) fn slope(&self) -> [f32; 2] {
        let [a, b, c] = self.corners;
        let weigh = |p: f32, q: f32, r: f32| (a[2] * p + b[2] * q + c[2] * r) / self.double;
        [weigh(b[1] - c[1], c[1] - a[1], a[1] - b[1]), weigh(c[0] - b[0], a[0] - c[0], b[0] - a[0])]
    }

    /// How near the nearest of its corners is.
    pub(crate) fn nearest(&self) -> f32 {
        let [a, b, c] = self.corners;
        a[2].max(b[2]).max(c[2])
    }

    /// How near it is at the middle of a sample.
    pub(crate) fn nearness(&self, slope: &[f32; 2], column: usize, row: usize) -> f32 {
        let a = self.corners[0];
        a[2] + (column as f32 + 0.5 - a[0]) * slope[0] + (row as f32 + 0.5 - a[1]) * slope[1]
    }

    /// Whether its corners turn clockwise as they are seen, with rows that count downwards.
    pub(crate) fn is_clockwise(&self) -> bool {
        self.double > 0.0
    }

    /// The columns of a row whose middles lie within.
    pub(crate) fn span(&self, row: usize) -> Range<usize> {
        let row = row as f32;
        let end = self.columns.end;
        let (mut from, mut to) = (self.columns.start as i32, end as i32);
        for side in &self.sides {
            match *side {
                Side::Right { at, each } => to = to.min(down(at + row * each).saturating_add(1)),
                Side::Left { at, each } => from = from.max(up(at + row * each)),
                Side::Level { y, towards } if (row + 0.5 - y) * towards < 0.0 => return 0..0,
                Side::Level { .. } => {}
            }
        }
        let from = (from as usize).min(end);
        from..(to.max(0) as usize).clamp(from, end)
    }
}

// Rounding as the standard library does is a call for each number where a processor may
// be older than SSE 4.1.

/// The whole number below, or the same.
fn down(value: f32) -> i32 {
    let whole = value as i32;
    whole.saturating_sub(i32::from(whole as f32 > value))
}

/// The whole number above, or the same.
fn up(value: f32) -> i32 {
    let whole = value as i32;
    whole.saturating_add(i32::from((whole as f32) < value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_hold_the_samples_whose_middles_lie_within() {
        let inside = |[a, b, c]: [[f32; 3]; 3], x: f32, y: f32| {
            let side =
                |p: [f32; 3], q: [f32; 3]| (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
            let sides = [side(a, b), side(b, c), side(c, a)];
            sides.iter().all(|side| *side > 0.0) || sides.iter().all(|side| *side < 0.0)
        };
        let triangles = [
            [[1.2, 0.7, 1.0], [9.1, 2.3, 2.0], [3.3, 8.8, 5.0]],
            [[3.3, 8.8, 5.0], [9.1, 2.3, 2.0], [1.2, 0.7, 1.0]],
            [[-40.0, -3.0, 0.0], [80.0, 4.1, 1.0], [5.0, 90.0, 2.0]],
            [[2.0, 3.0, 0.0], [7.9, 3.0, 1.0], [4.4, 7.2, 2.0]],
        ];
        for corners in triangles {
            let covered = Covered::of(corners, [10, 10]).unwrap();
            let mut found = vec![false; 100];
            for y in covered.rows() {
                covered.span(y).for_each(|x| found[y * 10 + x] = true);
            }
            for (place, found) in found.into_iter().enumerate() {
                let (x, y) = ((place % 10) as f32 + 0.5, (place / 10) as f32 + 0.5);
                assert_eq!(found, inside(corners, x, y), "{corners:?} {x} {y}");
            }
            let slope = covered.slope();
            let middle = [0, 1, 2].map(|n| corners.iter().map(|c| c[n]).sum::<f32>() / 3.0);
            let at = |value: f32| value.floor().clamp(0.0, 9.0) as usize;
            let (x, y) = (at(middle[0]), at(middle[1]));
            let beside = [x as f32 + 0.5 - middle[0], y as f32 + 0.5 - middle[1]];
            let expected = middle[2] + beside[0] * slope[0] + beside[1] * slope[1];
            assert!((covered.nearness(&slope, x, y) - expected).abs() < 1e-3);
        }
    }

    #[test]
    fn numbers_are_rounded_as_usual() {
        for value in [-2.5_f32, -2.0, -0.1, 0.0, 0.1, 7.0, 7.9, -1e30, 1e30] {
            assert_eq!(down(value), value.floor() as i32);
            assert_eq!(up(value), value.ceil() as i32);
        }
    }

    #[test]
    fn slivers_and_what_is_no_number_cover_nothing() {
        let flat = [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 2.0, 0.0]];
        let broken = [[0.0, f32::NAN, 0.0], [9.0, 1.0, 0.0], [2.0, 9.0, 0.0]];
        let between = [[1.6, 1.6, 0.0], [2.4, 1.6, 0.0], [2.0, 2.4, 0.0]];
        let beside = [[11.0, 1.0, 0.0], [19.0, 1.0, 0.0], [12.0, 9.0, 0.0]];
        for corners in [flat, broken, between, beside] {
            assert!(Covered::of(corners, [10, 10]).is_none(), "{corners:?}");
        }
    }
}
