//! Lines of a width: roads, paths, streams.

use super::{ground::distance, shape::Shape};

/// Longest mitre, in half widths; sharper turns are filled with a fan instead.
const MITRE_LIMIT: f64 = 2.0;
/// Facets of a rounded end.
const CAP_FACETS: usize = 6;

/// Adds a line widened to `width` metres, `up` metres above its vertices, with mitred
/// joins and, where wanted, rounded ends, so that lines that meet at one vertex leave no
/// notch.
pub(super) fn lay(line: &[[f64; 3]], width: f64, up: f64, round: bool, shape: &mut Shape) {
    let closed = line.len() > 3 && distance(line[0], line[line.len() - 1]) < 1.0e-3;
    let line = if closed { &line[..line.len() - 1] } else { line };
    if line.len() < 2 {
        return;
    }
    let half = width / 2.0;
    let count = line.len();
    let segments = if closed { count } else { count - 1 };
    let points: Vec<[f64; 3]> = line.iter().map(|p| [p[0], p[1], p[2] + up]).collect();
    let way = |i: usize| direction(points[i % count], points[(i + 1) % count]);
    let join = |i: usize| -> Option<[f64; 2]> {
        let inner = closed || (i > 0 && i < count - 1);
        inner.then(|| mitre(way((i + count - 1) % count), way(i), half)).flatten()
    };
    for i in 0..segments {
        let (a, b) = (points[i], points[(i + 1) % count]);
        let square = side(way(i), half);
        let at_a = join(i).unwrap_or(square);
        let at_b = join((i + 1) % count).unwrap_or(square);
        let corners = [
            offset(a, at_a, 1.0),
            offset(a, at_a, -1.0),
            offset(b, at_b, -1.0),
            offset(b, at_b, 1.0),
        ];
        shape.up([corners[0], corners[1], corners[2]]);
        shape.up([corners[0], corners[2], corners[3]]);
    }
    for (i, point) in points.iter().enumerate() {
        let end = !closed && (i == 0 || i == count - 1);
        if (end && round) || (!end && join(i).is_none()) {
            disc(*point, half, shape);
        }
    }
}

/// Adds an upright band along a line: height and thickness in m. It stands a little in the
/// ground, so that no gap shows where that is uneven.
pub(super) fn wall(line: &[[f64; 3]], [height, width]: [f64; 2], shape: &mut Shape) {
    const FOOT_M: f64 = 0.2;
    let closed = line.len() > 3 && distance(line[0], line[line.len() - 1]) < 1.0e-3;
    let points = if closed { &line[..line.len() - 1] } else { line };
    let count = points.len();
    if count < 2 {
        return;
    }
    let half = width / 2.0;
    let segments = if closed { count } else { count - 1 };
    let way = |i: usize| direction(points[i % count], points[(i + 1) % count]);
    let join = |i: usize, square: [f64; 2]| {
        let inner = closed || (i > 0 && i < count - 1);
        let met = inner.then(|| mitre(way((i + count - 1) % count), way(i), half)).flatten();
        met.unwrap_or(square)
    };
    for i in 0..segments {
        let next = (i + 1) % count;
        let square = side(way(i), half);
        let (at_a, at_b) = (join(i, square), join(next, square));
        let [al, ar] = [1.0, -1.0].map(|sign| offset(points[i], at_a, sign));
        let [bl, br] = [1.0, -1.0].map(|sign| offset(points[next], at_b, sign));
        shape.wall(ar, br, -FOOT_M, height);
        shape.wall(bl, al, -FOOT_M, height);
        let top = |p: [f64; 3]| [p[0], p[1], p[2] + height];
        shape.up([top(ar), top(br), top(bl)]);
        shape.up([top(ar), top(bl), top(al)]);
        if !closed && i == 0 {
            shape.wall(al, ar, -FOOT_M, height);
        }
        if !closed && next == count - 1 {
            shape.wall(br, bl, -FOOT_M, height);
        }
    }
}

/// Unit vector from one point to another, seen from above.
fn direction(a: [f64; 3], b: [f64; 3]) -> [f64; 2] {
    let span = distance(a, b);
    if span > 0.0 { [(b[0] - a[0]) / span, (b[1] - a[1]) / span] } else { [1.0, 0.0] }
}

/// Half the width, to the left of a direction.
fn side([x, y]: [f64; 2], half: f64) -> [f64; 2] {
    [-y * half, x * half]
}

/// Where the left sides of two segments meet, from their common vertex; nothing where the
/// turn is too sharp.
fn mitre(before: [f64; 2], after: [f64; 2], half: f64) -> Option<[f64; 2]> {
    let (a, b) = (side(before, 1.0), side(after, 1.0));
    let sum = [a[0] + b[0], a[1] + b[1]];
    let square = sum[0] * sum[0] + sum[1] * sum[1];
    // |sum| is twice the cosine of half the turn; the mitre is half / cosine long.
    (square > 4.0 / (MITRE_LIMIT * MITRE_LIMIT))
        .then(|| [sum[0] * 2.0 * half / square, sum[1] * 2.0 * half / square])
}

fn offset(p: [f64; 3], by: [f64; 2], sign: f64) -> [f64; 3] {
    [p[0] + by[0] * sign, p[1] + by[1] * sign, p[2]]
}

/// A disc around a vertex: it fills the gap at a sharp turn, whichever side it is on.
fn disc(center: [f64; 3], radius: f64, shape: &mut Shape) {
    let facets = CAP_FACETS * 2;
    let at = |i: usize| {
        let angle = std::f64::consts::TAU * i as f64 / facets as f64;
        [center[0] + angle.cos() * radius, center[1] + angle.sin() * radius, center[2]]
    };
    for i in 1..facets - 1 {
        shape.up([at(0), at(i), at(i + 1)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::{ElementMesh, MaterialClass};

    fn mesh(line: &[[f64; 3]], round: bool) -> ElementMesh {
        let mut shape = Shape::default();
        lay(line, 4.0, 0.0, round, &mut shape);
        shape.finish(&"r".into(), MaterialClass::Ground, [0; 3]).unwrap().0
    }

    fn area(mesh: &ElementMesh) -> f64 {
        let at = |i: u32| mesh.positions[i as usize].map(f64::from);
        mesh.indices.chunks(3).map(|t| crate::vector::area(&[at(t[0]), at(t[1]), at(t[2])])).sum()
    }

    #[test]
    fn a_right_angle_is_mitred_without_gap_or_overlap() {
        let line = [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [10.0, 10.0, 0.0]];
        let mesh = mesh(&line, false);
        // Two strips of 10 m, the inner corner shared and the outer one filled.
        assert!((area(&mesh) - 80.0).abs() < 1e-4, "{}", area(&mesh));
        let corner = mesh.positions.iter().any(|p| {
            (f64::from(p[0]) + mesh.origin[0] - 12.0).abs() < 1e-5
                && (f64::from(p[1]) + mesh.origin[1] + 2.0).abs() < 1e-5
        });
        assert!(corner, "the outer corner is sharp");
    }

    #[test]
    fn a_wall_is_a_closed_band_round_its_corner() {
        let mut shape = Shape::default();
        let line = [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [10.0, 10.0, 0.0]];
        wall(&line, [2.0, 0.5], &mut shape);
        let (mesh, bbox) = shape.finish(&"w".into(), MaterialClass::Opaque, [0; 3]).unwrap();
        assert_eq!((bbox.min[2], bbox.max[2]), (-0.2, 2.0));
        assert_eq!((bbox.min[0], bbox.max[0]), (0.0, 10.25));
        // Seen from above it covers its length times its thickness.
        let top: f64 = mesh
            .indices
            .chunks(3)
            .filter(|t| mesh.normals[t[0] as usize][2] > 0.5)
            .map(|t| {
                let at = |i: u32| mesh.positions[i as usize].map(f64::from);
                crate::vector::area(&[at(t[0]), at(t[1]), at(t[2])])
            })
            .sum();
        assert!((top - 10.0).abs() < 1e-3, "{top}");
    }

    #[test]
    fn a_hairpin_does_not_shoot_off() {
        let line = [[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 0.5, 0.0]];
        let mesh = mesh(&line, true);
        let furthest =
            mesh.positions.iter().map(|p| f64::from(p[0]) + mesh.origin[0]).fold(0.0, f64::max);
        assert!(furthest < 52.1, "{furthest}");
        assert!(area(&mesh) > 0.0);
    }

    #[test]
    fn a_roundabout_closes() {
        let ring: Vec<_> = (0..=24)
            .map(|i| {
                let angle = std::f64::consts::TAU * f64::from(i % 24) / 24.0;
                [angle.cos() * 20.0, angle.sin() * 20.0, 0.0]
            })
            .collect();
        let expected = std::f64::consts::PI * (22.0 * 22.0 - 18.0 * 18.0);
        assert!((area(&mesh(&ring, true)) / expected - 1.0).abs() < 0.02);
    }
}
