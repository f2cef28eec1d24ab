//! Small standing things: trees and markers, few triangles each, since there are many.

use std::f64::consts::TAU;

use super::shape::Shape;

/// Sides of a trunk, and of a crown.
const TRUNK_SIDES: usize = 5;
const CROWN_SIDES: usize = 7;

/// Adds a tree's trunk and crown. `seed` varies size and turn a little, the same for the
/// same seed: a row of equal trees looks like a drawing error.
pub(super) fn tree(
    at: [f64; 3],
    height: f64,
    crown_width: f64,
    seed: u64,
    trunk: &mut Shape,
    crown: &mut Shape,
) {
    let vary = |shift: u32| ((seed >> shift) & 0xff) as f64 / 255.0 - 0.5;
    let height = height * (1.0 + 0.3 * vary(0));
    let radius = crown_width / 2.0 * (1.0 + 0.3 * vary(8));
    let turn = TAU * vary(16);
    let trunk_radius = (height * 0.022).max(0.06);
    let rings = [(0.0, trunk_radius * 1.3), (height * 0.45, trunk_radius)];
    turned(at, &rings, TRUNK_SIDES, turn, None, trunk);
    let rings = [
        (height * 0.28, 0.0),
        (height * 0.42, radius * 0.85),
        (height * 0.66, radius),
        (height * 0.88, radius * 0.62),
        (height, 0.0),
    ];
    turned(at, &rings, CROWN_SIDES, turn, Some(height * 0.6), crown);
}

/// Adds a marker: a slim post with a diamond on top, seen from any side.
pub(super) fn marker(at: [f64; 3], shape: &mut Shape) {
    turned(at, &[(0.0, 0.06), (2.6, 0.06)], 6, 0.0, None, shape);
    turned(at, &[(2.5, 0.0), (2.95, 0.4), (3.4, 0.0)], 4, TAU / 8.0, None, shape);
}

/// Adds rings of (height, radius), joined by facets; a radius of zero is a tip. With
/// `round_at`, normals point away from that height on the axis, which makes a few facets
/// look round; without, they are those of the facets.
fn turned(
    at: [f64; 3],
    rings: &[(f64, f64)],
    sides: usize,
    turn: f64,
    round_at: Option<f64>,
    shape: &mut Shape,
) {
    let place = |(up, radius): (f64, f64), side: usize| {
        let angle = turn + TAU * (side % sides) as f64 / sides as f64;
        [at[0] + radius * angle.cos(), at[1] + radius * angle.sin(), at[2] + up]
    };
    for pair in rings.windows(2) {
        for side in 0..sides {
            let corners = [
                place(pair[0], side),
                place(pair[0], side + 1),
                place(pair[1], side + 1),
                place(pair[1], side),
            ];
            if pair[0].1 > 0.0 {
                facet([corners[0], corners[1], corners[2]], at, round_at, shape);
            }
            if pair[1].1 > 0.0 {
                facet([corners[0], corners[2], corners[3]], at, round_at, shape);
            }
        }
    }
}

fn facet(corners: [[f64; 3]; 3], at: [f64; 3], round_at: Option<f64>, shape: &mut Shape) {
    let [a, b, c] = corners;
    let u = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    let v = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
    let flat = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    let normal = |p: [f64; 3]| match round_at {
        Some(up) => [p[0] - at[0], p[1] - at[1], p[2] - at[2] - up],
        None => flat,
    };
    let ids = corners.map(|corner| shape.vertex(corner, normal(corner)));
    shape.triangle(ids);
}
