//! Flat pieces are cut along the triangles of the ground and laid on them, so that they
//! neither float nor sink between two heights.

use super::{super::shape::Shape, Relief};

/// Cells that one thing may be cut along; a sea over a fine grid stays flat instead.
const MAX_CELLS: usize = 400_000;

/// Replaces the part of a shape that lies over the relief by pieces that follow it.
pub(super) fn drape(relief: &Relief, shape: &mut Shape, lift: f64) -> bool {
    let triangles = shape.take_triangles();
    let spans = |t: &[[f64; 3]; 3]| {
        let low = [0, 1].map(|axis| t.iter().map(|p| p[axis]).fold(f64::INFINITY, f64::min));
        let high = [0, 1].map(|axis| t.iter().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max));
        relief.cells(low, high)
    };
    let cells: usize = triangles
        .iter()
        .filter_map(spans)
        .map(|[c0, c1, r0, r1]| (c1 - c0 + 1) * (r1 - r0 + 1))
        .sum();
    if cells > MAX_CELLS {
        triangles.into_iter().for_each(|triangle| shape.up(triangle));
        return false;
    }
    for triangle in triangles {
        let Some([c0, c1, r0, r1]) = spans(&triangle) else {
            shape.up(triangle);
            continue;
        };
        let turn = |t: &[[f64; 3]; 3]| {
            (t[1][0] - t[0][0]) * (t[2][1] - t[0][1]) - (t[1][1] - t[0][1]) * (t[2][0] - t[0][0])
        };
        let total = turn(&triangle).abs();
        let mut laid = 0.0;
        let mut pieces = Vec::new();
        for row in r0..=r1 {
            for column in c0..=c1 {
                if relief.is_whole(column, row) {
                    cut(relief, &triangle, column, row, &mut pieces);
                }
            }
        }
        for piece in &mut pieces {
            laid += turn(piece).abs();
            for point in piece {
                if let Some(height) = relief.height(point[0], point[1]) {
                    point[2] = height + lift;
                }
            }
        }
        // At the rim of the ground the rest would be lost: the whole stays as it is.
        if laid < total * 0.999 {
            shape.up(triangle);
        } else {
            pieces.into_iter().for_each(|piece| shape.up(piece));
        }
    }
    true
}

/// The parts of a triangle over the two triangles of a cell.
fn cut(
    relief: &Relief,
    triangle: &[[f64; 3]; 3],
    column: usize,
    row: usize,
    pieces: &mut Vec<[[f64; 3]; 3]>,
) {
    let [x, y] = relief.corner(column, row);
    let [x2, y2] = relief.corner(column + 1, row + 1);
    // Each side as a function that is positive inside.
    let box_sides: [[f64; 3]; 4] =
        [[1.0, 0.0, -x], [-1.0, 0.0, x2], [0.0, 1.0, -y], [0.0, -1.0, y2]];
    let mut within = triangle.to_vec();
    for side in box_sides {
        within = keep(&within, side);
    }
    // The diagonal from south-west to north-east; cells are square.
    for sign in [1.0, -1.0] {
        let half = keep(&within, [sign, -sign, sign * (y - x)]);
        for i in 2..half.len() {
            pieces.push([half[0], half[i - 1], half[i]]);
        }
    }
}

/// The part of a convex polygon where `a x + b y + c` is not negative.
fn keep(polygon: &[[f64; 3]], [a, b, c]: [f64; 3]) -> Vec<[f64; 3]> {
    let side = |p: &[f64; 3]| a * p[0] + b * p[1] + c;
    let mut kept = Vec::with_capacity(polygon.len() + 1);
    for (i, p) in polygon.iter().enumerate() {
        let q = &polygon[(i + 1) % polygon.len()];
        let (at_p, at_q) = (side(p), side(q));
        if at_p >= 0.0 {
            kept.push(*p);
        }
        if (at_p > 0.0 && at_q < 0.0) || (at_p < 0.0 && at_q > 0.0) {
            let t = at_p / (at_p - at_q);
            kept.push([0, 1, 2].map(|axis| p[axis] + (q[axis] - p[axis]) * t));
        }
    }
    kept
}
