//! Detail finer than anyone sees: a window handle of ten thousand triangles costs every
//! viewer more than the house around it. Edges are collapsed as long as no surface moves
//! by more than a millimetre, and box, volume and surface stay what they are.

use rustc_hash::FxHashMap;

use super::{
    collapse::collapse,
    geometry::{Part, Tessellated},
};
use crate::vector::{add, dot, length, sub};

/// Between so many triangles and so many an element is looked at.
const MANY: (usize, usize) = (1_500, 300_000);
/// Up to this size, m: the detail of larger things is seen from near.
const SMALL_M: f64 = 4.0;
/// By what share of its size surfaces may move, and by how much at most, m.
const MOVED: (f64, f64) = (1.0 / 4_000.0, 0.001);
/// What may change: corners of the box, m; shares of volume and surface; and of the
/// triangles what may be left for it to be worth it.
const KEPT: (f64, f64, f64, f64) = (0.002, 0.005, 0.01, 0.6);
/// Faces that meet at less than about 37° are shaded as one.
const SMOOTH: f64 = 0.8;

/// Thins a small element of many triangles, and says by how much.
pub(super) fn thin(element: &mut Tessellated) {
    let before: usize = element.parts.iter().map(|part| part.indices.len() / 3).sum();
    if before < MANY.0 || before > MANY.1 {
        return;
    }
    let whole = element.parts.iter().map(Measures::of).fold(Measures::default(), Measures::with);
    let size = whole.diagonal();
    if !(size > 0.0 && size <= SMALL_M) {
        return;
    }
    let limit = (size * MOVED.0).min(MOVED.1);
    let thinned: Vec<Mesh> =
        element.parts.iter().map(|part| collapse(Mesh::of(part), limit)).collect();
    let after: usize = thinned.iter().map(|mesh| mesh.triangles.len()).sum();
    let parts = element.parts.iter().zip(&thinned);
    let worth_it = after > 0 && after as f64 <= KEPT.3 * before as f64;
    if !worth_it || !parts.clone().all(|(part, mesh)| is_like(part, mesh, whole.area)) {
        return;
    }
    element.parts = parts.map(|(part, mesh)| mesh.part(part)).collect();
    element.parts.retain(|part| !part.indices.is_empty());
    element.complaints.push(format!(
        "its {before} triangles were thinned to {after}, surfaces moved by {:.1} mm at most on average",
        limit * 1e3
    ));
}

fn is_like(part: &Part, mesh: &Mesh, whole_area: f64) -> bool {
    let (a, b) = (Measures::of(part), Measures::of_mesh(mesh, part.origin));
    // A part so small that all of it vanishes may do so.
    if b.area == 0.0 {
        return a.area < 1e-4 * whole_area;
    }
    let corners = (0..3).all(|axis| {
        (a.min[axis] - b.min[axis]).abs() <= KEPT.0 && (a.max[axis] - b.max[axis]).abs() <= KEPT.0
    });
    corners
        && (a.volume - b.volume).abs() <= KEPT.1 * a.volume.abs()
        && (a.area - b.area).abs() <= KEPT.2 * a.area
}

struct Measures {
    min: [f64; 3],
    max: [f64; 3],
    volume: f64,
    area: f64,
}

impl Default for Measures {
    fn default() -> Self {
        let (min, max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        Self { min, max, volume: 0.0, area: 0.0 }
    }
}

impl Measures {
    fn of(part: &Part) -> Self {
        Self::of_mesh(&Mesh::of(part), part.origin)
    }

    fn of_mesh(mesh: &Mesh, origin: [f64; 3]) -> Self {
        let mut sum = Self::default();
        let base = mesh.points.first().copied().unwrap_or_default();
        for triangle in &mesh.triangles {
            let points = triangle.map(|corner| mesh.points[corner as usize]);
            for point in points {
                for axis in 0..3 {
                    sum.min[axis] = sum.min[axis].min(point[axis] + origin[axis]);
                    sum.max[axis] = sum.max[axis].max(point[axis] + origin[axis]);
                }
            }
            let n = normal(points);
            sum.area += length(n) / 2.0;
            sum.volume += dot(sub(points[0], base), n) / 6.0;
        }
        sum
    }

    fn with(self, other: Self) -> Self {
        Self {
            min: [0, 1, 2].map(|axis| self.min[axis].min(other.min[axis])),
            max: [0, 1, 2].map(|axis| self.max[axis].max(other.max[axis])),
            volume: self.volume + other.volume,
            area: self.area + other.area,
        }
    }

    fn diagonal(&self) -> f64 {
        length(sub(self.max, self.min))
    }
}

/// Points and triangles of one part.
pub(super) struct Mesh {
    pub(super) points: Vec<[f64; 3]>,
    pub(super) triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// Corners are repeated for each face; here each place is one point.
    fn of(part: &Part) -> Self {
        let mut numbers: FxHashMap<[u32; 3], u32> = FxHashMap::default();
        let mut points = Vec::new();
        let places: Vec<u32> = part
            .positions
            .chunks_exact(3)
            .map(|p| {
                // Minus zero is zero.
                let key = [p[0] + 0.0, p[1] + 0.0, p[2] + 0.0].map(f32::to_bits);
                *numbers.entry(key).or_insert_with(|| {
                    points.push([f64::from(p[0]), f64::from(p[1]), f64::from(p[2])]);
                    points.len() as u32 - 1
                })
            })
            .collect();
        let corner = |index: &u32| places.get(*index as usize).copied();
        let triangles = part.indices.chunks_exact(3);
        let triangles =
            triangles.filter_map(|t| Some([corner(&t[0])?, corner(&t[1])?, corner(&t[2])?]));
        let triangles = triangles.filter(|[a, b, c]| a != b && b != c && c != a).collect();
        Self { points, triangles }
    }

    fn part(&self, like: &Part) -> Part {
        let faces: Vec<[f64; 3]> = self
            .triangles
            .iter()
            .map(|t| normal(t.map(|corner| self.points[corner as usize])))
            .collect();
        let mut around: Vec<Vec<u32>> = vec![Vec::new(); self.points.len()];
        for (face, triangle) in self.triangles.iter().enumerate() {
            triangle.iter().for_each(|corner| around[*corner as usize].push(face as u32));
        }
        let mut part = Part {
            origin: like.origin,
            positions: Vec::with_capacity(faces.len() * 9),
            normals: Vec::with_capacity(faces.len() * 9),
            indices: (0..faces.len() as u32 * 3).collect(),
            color: like.color,
        };
        for (triangle, own) in self.triangles.iter().zip(&faces) {
            for corner in triangle.map(|corner| corner as usize) {
                let near = around[corner].iter().map(|face| faces[*face as usize]);
                let alike = near.filter(|n| dot(*n, *own) > SMOOTH * length(*n) * length(*own));
                let sum = alike.fold([0.0; 3], add);
                let long = length(sum).max(1e-30);
                part.positions.extend(self.points[corner].map(|value| value as f32));
                part.normals.extend(sum.map(|value| (value / long) as f32));
            }
        }
        part
    }
}

/// Across a triangle, as long as twice its area.
pub(super) fn normal([a, b, c]: [[f64; 3]; 3]) -> [f64; 3] {
    let (u, v) = (sub(b, a), sub(c, a));
    [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use super::*;

    /// A ball of this radius, finely drawn, as the engine would: corners repeated.
    fn ball(radius: f64, rings: u32) -> Tessellated {
        let point = |ring: u32, step: u32| {
            let (polar, turn) =
                (PI * f64::from(ring) / f64::from(rings), TAU * f64::from(step) / f64::from(rings));
            let flat = radius * polar.sin();
            [flat * turn.cos(), flat * turn.sin(), radius * polar.cos()]
        };
        let mut part = Part {
            origin: [100.0, 0.0, 0.0],
            positions: Vec::new(),
            normals: Vec::new(),
            indices: Vec::new(),
            color: [1.0; 4],
        };
        for (ring, step) in (0..rings).flat_map(|ring| (0..rings).map(move |step| (ring, step))) {
            let next = (step + 1) % rings;
            let [a, b] = [point(ring, step), point(ring + 1, step)];
            let [c, d] = [point(ring + 1, next), point(ring, next)];
            for corner in [a, b, c, a, c, d] {
                part.indices.push(part.positions.len() as u32 / 3);
                part.positions.extend(corner.map(|value| value as f32));
                part.normals.extend(corner.map(|value| (value / radius) as f32));
            }
        }
        Tessellated { parts: vec![part], complaints: Vec::new() }
    }

    #[test]
    fn a_knob_of_many_triangles_becomes_lighter_and_stays_a_knob() {
        let mut knob = ball(0.3, 120);
        let before = Measures::of(&knob.parts[0]);
        thin(&mut knob);
        let part = &knob.parts[0];
        let after = Measures::of(part);
        let triangles = part.indices.len() / 3;
        assert!(triangles < 9_000, "{triangles}");
        assert!((after.volume / before.volume - 1.0).abs() < 0.005);
        assert!(knob.complaints[0].starts_with("its 28800 triangles were thinned to"));
        // It is still round: shaded across its faces, and looking outwards.
        let outward = part.positions.chunks_exact(3).zip(part.normals.chunks_exact(3));
        let outward = outward.map(|(p, n)| p[0] * n[0] + p[1] * n[1] + p[2] * n[2]);
        assert!(outward.into_iter().all(|along| along > 0.25));
    }

    #[test]
    fn what_is_large_or_plain_is_left_alone() {
        for mut element in [ball(3.0, 60), ball(0.3, 20)] {
            let before = element.parts[0].positions.clone();
            thin(&mut element);
            assert!(element.complaints.is_empty());
            assert_eq!(element.parts[0].positions, before);
        }
    }
}
