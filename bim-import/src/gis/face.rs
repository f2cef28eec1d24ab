//! Flat faces in space: outline and holes become triangles.

use super::area::AREA_TOLERANCE;
use crate::vector::{length, newell, turn};

/// Corners of one face; triangulating takes a time that may grow with their square.
const MAX_CORNERS: usize = 20_000;
/// Corners nearer than this are one, m.
const SAME_M: f64 = 1.0e-4;
/// Faces of less than this have no area worth a triangle, m².
const MIN_AREA_M2: f64 = 1.0e-6;

/// A triangulated face.
#[derive(Debug)]
pub(super) struct Face {
    pub(super) points: Vec<[f64; 3]>,
    /// Indices into `points`, counter-clockwise seen against `normal`.
    pub(super) triangles: Vec<[usize; 3]>,
    /// Unit vector out of the side from which the outline runs counter-clockwise.
    pub(super) normal: [f64; 3],
    /// Whether the outline crosses itself or its holes, so that its inside is a guess.
    pub(super) broken: bool,
}

/// Why a face gives no triangles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Fewer than three corners, or all in one line.
    NoArea,
    /// More corners than are triangulated.
    TooLarge,
    /// The triangulation failed.
    Failed,
}

impl Fault {
    /// The same in words.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NoArea => "without area",
            Self::TooLarge => "with more than 20,000 corners",
            Self::Failed => "that cannot be triangulated",
        }
    }
}

/// Triangulates an outline with holes. The rings need not be closed, nor quite flat.
pub(super) fn triangulate(rings: &[Vec<[f64; 3]>]) -> Result<Face, Fault> {
    let mut points = Vec::new();
    let mut starts = Vec::new();
    for (n, ring) in rings.iter().enumerate() {
        let ring = tidy(ring);
        match ring.len() {
            0..=2 if n == 0 => return Err(Fault::NoArea),
            0..=2 => {}
            _ => {
                starts.push(points.len());
                points.extend(ring);
            }
        }
    }
    if starts.is_empty() {
        return Err(Fault::NoArea);
    }
    if points.len() > MAX_CORNERS {
        return Err(Fault::TooLarge);
    }
    let outline = &points[..starts.get(1).copied().unwrap_or(points.len())];
    let (normal, area) = normal_of(outline).ok_or(Fault::NoArea)?;
    if points.len() == 3 {
        return Ok(Face { points, triangles: vec![[0, 1, 2]], normal, broken: false });
    }
    let flat = flatten(&points, normal);
    let indices = earcutr::earcut(&flat, &starts[1..], 2).map_err(|_| Fault::Failed)?;
    let at = |i: usize| [flat[2 * i], flat[2 * i + 1]];
    let mut drawn = 0.0;
    let mut triangles = Vec::with_capacity(indices.len() / 3);
    for corner in indices.chunks_exact(3) {
        let [a, b, c] = [corner[0], corner[1], corner[2]];
        let double = turn(at(a), at(b), at(c));
        if double == 0.0 {
            continue;
        }
        drawn += double.abs() / 2.0;
        triangles.push(if double > 0.0 { [a, b, c] } else { [a, c, b] });
    }
    if triangles.is_empty() {
        return Err(Fault::NoArea);
    }
    let end = |n: usize| starts.get(n + 1).copied().unwrap_or(points.len());
    let holes: f64 = (1..starts.len()).map(|n| ring_area(&flat[2 * starts[n]..2 * end(n)])).sum();
    let broken = (drawn - (area - holes)).abs() > AREA_TOLERANCE * area.max(0.01);
    Ok(Face { points, triangles, normal, broken })
}

/// Without repeated corners and without the closing one.
fn tidy(ring: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let near = |a: &[f64; 3], b: &[f64; 3]| (0..3).all(|i| (a[i] - b[i]).abs() < SAME_M);
    let mut kept: Vec<[f64; 3]> = Vec::with_capacity(ring.len());
    for point in ring {
        if kept.last().is_none_or(|last| !near(last, point)) {
            kept.push(*point);
        }
    }
    while kept.len() > 1 && near(&kept[0], &kept[kept.len() - 1]) {
        kept.pop();
    }
    kept
}

/// Newell's normal and the area it stands for; nothing when there is none.
fn normal_of(ring: &[[f64; 3]]) -> Option<([f64; 3], f64)> {
    let sum = newell(ring);
    let long = length(sum);
    (long / 2.0 > MIN_AREA_M2).then(|| (sum.map(|x| x / long), long / 2.0))
}

/// Coordinates in the plane that the normal stands on.
fn flatten(points: &[[f64; 3]], n: [f64; 3]) -> Vec<f64> {
    // An axis that the normal is far from gives a first direction; the cross product the
    // second, so that counter-clockwise stays so.
    let axis = (0..3).fold(0, |least, i| if n[i].abs() < n[least].abs() { i } else { least });
    let mut u = [0.0; 3];
    u[axis] = 1.0;
    let along = n[axis];
    let mut u = [0, 1, 2].map(|i| u[i] - along * n[i]);
    let length = u.iter().map(|x| x * x).sum::<f64>().sqrt();
    u = u.map(|x| x / length);
    let v = [n[1] * u[2] - n[2] * u[1], n[2] * u[0] - n[0] * u[2], n[0] * u[1] - n[1] * u[0]];
    let origin = points[0];
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    points
        .iter()
        .flat_map(|p| {
            let p = [0, 1, 2].map(|i| p[i] - origin[i]);
            [dot(p, u), dot(p, v)]
        })
        .collect()
}

fn ring_area(flat: &[f64]) -> f64 {
    let count = flat.len() / 2;
    let at = |i: usize| [flat[2 * (i % count)], flat[2 * (i % count) + 1]];
    let double: f64 = (1..count).map(|i| turn(at(0), at(i), at(i + 1))).sum();
    (double / 2.0).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point of the plane through the origin that faces (1, 1, 1).
    fn tilted([x, y]: [f64; 2]) -> [f64; 3] {
        let (u, v) = ([0.5_f64.sqrt(), -(0.5_f64.sqrt()), 0.0], 1.0 / 6.0_f64.sqrt());
        [x * u[0] + y * v, x * u[1] + y * v, -2.0 * y * v]
    }

    fn square(size: f64, at: f64) -> Vec<[f64; 3]> {
        [[0.0, 0.0], [size, 0.0], [size, size], [0.0, size]]
            .map(|[x, y]| tilted([x + at, y + at]))
            .to_vec()
    }

    fn area(face: &Face) -> f64 {
        let sides = |t: &[usize; 3]| {
            let [a, b, c] = t.map(|i| face.points[i]);
            let (u, v) = ([0, 1, 2].map(|i| b[i] - a[i]), [0, 1, 2].map(|i| c[i] - a[i]));
            let n =
                [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
            n.iter().zip(face.normal).map(|(a, b)| a * b).sum::<f64>() / 2.0
        };
        face.triangles.iter().map(sides).sum()
    }

    #[test]
    fn a_tilted_face_keeps_its_hole_and_its_side() {
        for hole_turned in [false, true] {
            let mut hole = square(4.0, 3.0);
            if hole_turned {
                hole.reverse();
            }
            let mut closed = square(10.0, 0.0);
            closed.push(closed[0]);
            let face = triangulate(&[closed, hole]).unwrap();
            // Signed by the normal: all triangles look the way the outline does.
            assert!((area(&face).abs() - 84.0).abs() < 1e-9, "{}", area(&face));
            assert!(area(&face) > 0.0 && !face.broken);
        }
        let mut turned = square(10.0, 0.0);
        let before = triangulate(&[turned.clone()]).unwrap().normal;
        turned.reverse();
        let after = triangulate(&[turned]).unwrap().normal;
        assert!((0..3).all(|i| (before[i] + after[i]).abs() < 1e-9));
    }

    #[test]
    fn what_has_no_area_is_refused_and_what_crosses_itself_is_said() {
        let line = vec![[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]];
        assert_eq!(triangulate(&[line]).unwrap_err(), Fault::NoArea);
        assert_eq!(triangulate(&[]).map(|f| f.broken).unwrap_err(), Fault::NoArea);
        assert_eq!(triangulate(&[vec![[0.0; 3]; 5]]).unwrap_err(), Fault::NoArea);
        let skewed = [[0.0, 0.0], [10.0, 10.0], [10.0, 0.0], [0.0, 6.0]].map(tilted).to_vec();
        assert!(triangulate(&[skewed]).is_ok_and(|face| face.broken));
    }
}
