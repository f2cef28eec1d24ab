//! Crease and boundary edges: what gives a calm, evenly lit model its form.
//!
//! Tessellators cut faces by booleans and do not share vertices, so vertices are welded
//! by place first, and an edge that meets several shorter ones (a T-junction) is split
//! at their ends before its neighbours are compared.

use rustc_hash::FxHashMap;

use crate::{
    mesh::ElementMesh,
    vector::{cross, dot, length, sub},
};

/// Faces that meet at less than this are one surface: cosine of 30°, and a hair, so that
/// a twelve-sided column stays smooth.
const CREASE_COS: f64 = 0.864;
/// Vertices nearer than this are one vertex, m.
const WELD_M: f64 = 2.0e-4;
/// Keeps numbers that files like (multiples of 0.1 mm) away from the borders of weld cells.
const WELD_SHIFT: f64 = 0.185;
/// A triangle lower than this is a sliver that a boolean left; its normal means nothing.
const SLIVER_M: f64 = 3.0e-4;
/// A vertex this near to an edge lies on it, m.
const ON_EDGE_M: f64 = 5.0e-4;
/// Comparisons spent on the T-junctions of one element before the rest is drawn as is.
const MAX_COMPARISONS: usize = 20_000_000;
/// Above so many triangles an element is dense: it keeps at most one edge per two
/// triangles, the longest, lest it turn into a black blot.
const DENSE_TRIANGLES: usize = 5_000;

/// One line to draw, local frame, m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) ends: [[f64; 3]; 2],
    /// Whether it outlines the volume of a space rather than a thing.
    pub(super) space: bool,
}

/// One side of one face: the edge's ends, lower id first, the face, and whether the face
/// passes it from the lower to the higher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Side {
    ends: (u32, u32),
    face: u32,
    rising: bool,
}

/// Appends the edges of some meshes to draw, in an order that depends on the meshes alone.
pub(super) fn find<'a>(
    meshes: impl Iterator<Item = &'a ElementMesh>,
    space: bool,
    out: &mut Vec<Segment>,
) {
    let mut weld = Weld::default();
    let mut normals = Vec::new();
    let mut sides = Vec::new();
    let mut count = 0;
    for mesh in meshes {
        count += mesh.indices.len() / 3;
        add_mesh(mesh, &mut weld, &mut normals, &mut sides);
    }
    sides.sort_unstable();
    split_at_junctions(&weld.points, &mut sides);
    let mut found: Vec<(u32, u32)> = sides
        .chunk_by(|a, b| a.ends == b.ends)
        .filter(|faces| is_visible(faces, &normals))
        .map(|faces| faces[0].ends)
        .collect();
    let place = |(a, b): (u32, u32)| [weld.points[a as usize], weld.points[b as usize]];
    if count > DENSE_TRIANGLES && found.len() > count / 2 {
        let square = |ends| {
            let [a, b] = place(ends);
            dot(sub(a, b), sub(a, b))
        };
        found.sort_unstable_by(|a, b| square(*b).total_cmp(&square(*a)).then(a.cmp(b)));
        found.truncate(count / 2);
        found.sort_unstable();
    }
    out.extend(found.into_iter().map(|ends| Segment { ends: place(ends), space }));
}

#[derive(Default)]
struct Weld {
    ids: FxHashMap<[i64; 3], u32>,
    points: Vec<[f64; 3]>,
}

impl Weld {
    fn id(&mut self, point: [f64; 3]) -> u32 {
        let key = point.map(|x| (x / WELD_M + WELD_SHIFT).round() as i64);
        let next = self.points.len() as u32;
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.points.push(point);
        }
        id
    }
}

fn add_mesh(
    mesh: &ElementMesh,
    weld: &mut Weld,
    normals: &mut Vec<[f64; 3]>,
    sides: &mut Vec<Side>,
) {
    // Cleaned meshes may keep vertices that no triangle uses any more, broken ones among
    // them; they are welded to some point, and stay unused.
    let places: Vec<[f64; 3]> = mesh
        .positions
        .iter()
        .map(|p| [0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(p[axis])))
        .collect();
    let ids: Vec<u32> = places.iter().map(|place| weld.id(*place)).collect();
    for corners in mesh.indices.chunks_exact(3) {
        let corners = [corners[0] as usize, corners[1] as usize, corners[2] as usize];
        let Some(normal) = normal_of(corners.map(|corner| places[corner])) else { continue };
        let face = normals.len() as u32;
        normals.push(normal);
        let [a, b, c] = corners.map(|corner| ids[corner]);
        for (from, to) in [(a, b), (b, c), (c, a)] {
            if from != to {
                let ends = (from.min(to), from.max(to));
                sides.push(Side { ends, face, rising: from < to });
            }
        }
    }
}

/// A triangle's unit normal; nothing for a sliver.
fn normal_of([a, b, c]: [[f64; 3]; 3]) -> Option<[f64; 3]> {
    let normal = cross(sub(b, a), sub(c, a));
    let double_area = length(normal);
    let longest = [sub(b, a), sub(c, b), sub(a, c)].map(length).into_iter().fold(0.0, f64::max);
    (double_area > SLIVER_M * longest).then(|| normal.map(|x| x / double_area))
}

/// Whether faces meet at an edge in a way that a person sees as a line.
fn is_visible(faces: &[Side], normals: &[[f64; 3]]) -> bool {
    let cos = |a: &Side, b: &Side| dot(normals[a.face as usize], normals[b.face as usize]);
    match faces {
        [] => false,
        [_] => true,
        // Neighbours pass an edge in opposite directions; where they do not, one is
        // inside out.
        [a, b] if a.rising == b.rising => -cos(a, b) < CREASE_COS,
        [a, b] => cos(a, b) < CREASE_COS,
        [first, rest @ ..] => rest.iter().any(|side| cos(first, side).abs() < CREASE_COS),
    }
}

/// Splits edges with one face at the vertices that lie on them, so that the parts meet
/// those of other faces. `sides` is sorted, before and after.
fn split_at_junctions(points: &[[f64; 3]], sides: &mut Vec<Side>) {
    let open: Vec<Side> = sides
        .chunk_by(|a, b| a.ends == b.ends)
        .filter(|faces| faces.len() == 1)
        .map(|faces| faces[0])
        .collect();
    let mut vertices: Vec<u32> = open.iter().flat_map(|s| [s.ends.0, s.ends.1]).collect();
    vertices.sort_unstable();
    vertices.dedup();
    let axis = widest_axis(points, &vertices);
    let along = |id: u32| points[id as usize][axis];
    vertices.sort_by(|a, b| along(*a).total_cmp(&along(*b)));
    let mut comparisons = 0;
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for side in open {
        if comparisons > MAX_COMPARISONS {
            break;
        }
        let (a, b) = (along(side.ends.0), along(side.ends.1));
        let first = vertices.partition_point(|id| along(*id) < a.min(b) - ON_EDGE_M);
        let last = vertices.partition_point(|id| along(*id) <= a.max(b) + ON_EDGE_M);
        comparisons += last - first;
        let stops = stops_on(side.ends, &vertices[first..last], points);
        if stops.len() > 2 {
            whole.push(side);
            parts.extend(stops.windows(2).map(|pair| Side {
                ends: (pair[0].min(pair[1]), pair[0].max(pair[1])),
                // Stops run from the lower end to the higher.
                rising: side.rising == (pair[0] < pair[1]),
                ..side
            }));
        }
    }
    if !parts.is_empty() {
        sides.retain(|side| whole.binary_search(side).is_err());
        sides.append(&mut parts);
        sides.sort_unstable();
    }
}

fn widest_axis(points: &[[f64; 3]], vertices: &[u32]) -> usize {
    let extent = |axis: usize| {
        let (low, high) = vertices
            .iter()
            .map(|id| points[*id as usize][axis])
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        high - low
    };
    (0..3).fold(0, |best, axis| if extent(axis) > extent(best) { axis } else { best })
}

/// The vertices along an edge, its ends included, from the first end to the second.
fn stops_on((a, b): (u32, u32), near: &[u32], points: &[[f64; 3]]) -> Vec<u32> {
    let from = points[a as usize];
    let way = sub(points[b as usize], from);
    let span = length(way);
    let mut inner: Vec<(f64, u32)> = near
        .iter()
        .filter(|id| **id != a && **id != b)
        .filter_map(|id| {
            let offset = sub(points[*id as usize], from);
            let t = dot(offset, way) / span;
            let aside = length(cross(offset, way)) / span;
            (t > ON_EDGE_M && t < span - ON_EDGE_M && aside < ON_EDGE_M).then_some((t, *id))
        })
        .collect();
    inner.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut stops = vec![a];
    stops.extend(inner.into_iter().map(|(_, id)| id));
    stops.push(b);
    stops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges_of(triangles: &[[[f64; 3]; 3]]) -> Vec<Segment> {
        let mut out = Vec::new();
        find(std::iter::once(&mesh_of(triangles)), false, &mut out);
        out
    }

    fn mesh_of(triangles: &[[[f64; 3]; 3]]) -> ElementMesh {
        let positions = triangles.as_flattened();
        ElementMesh {
            entity: "e".into(),
            storey: None,
            class: crate::mesh::MaterialClass::Opaque,
            origin: [0.0; 3],
            positions: positions.iter().map(|p| p.map(|x| x as f32)).collect(),
            normals: vec![[0.0; 3]; positions.len()],
            indices: (0..positions.len() as u32).collect(),
            rgba: [0; 4],
        }
    }

    fn quad(a: [f64; 3], b: [f64; 3], c: [f64; 3], d: [f64; 3]) -> [[[f64; 3]; 3]; 2] {
        [[a, b, c], [a, c, d]]
    }

    pub(in super::super) fn cube() -> Vec<[[f64; 3]; 3]> {
        let p = |x: i32, y: i32, z: i32| [f64::from(x), f64::from(y), f64::from(z)];
        [
            quad(p(0, 0, 0), p(0, 1, 0), p(1, 1, 0), p(1, 0, 0)),
            quad(p(0, 0, 1), p(1, 0, 1), p(1, 1, 1), p(0, 1, 1)),
            quad(p(0, 0, 0), p(1, 0, 0), p(1, 0, 1), p(0, 0, 1)),
            quad(p(1, 0, 0), p(1, 1, 0), p(1, 1, 1), p(1, 0, 1)),
            quad(p(1, 1, 0), p(0, 1, 0), p(0, 1, 1), p(1, 1, 1)),
            quad(p(0, 1, 0), p(0, 0, 0), p(0, 0, 1), p(0, 1, 1)),
        ]
        .concat()
    }

    #[test]
    fn a_cube_has_twelve_edges_and_no_diagonal() {
        let edges = edges_of(&cube());
        assert_eq!(edges.len(), 12);
        assert!(edges.iter().all(|e| (length(sub(e.ends[0], e.ends[1])) - 1.0).abs() < 1e-9));
    }

    #[test]
    fn a_cube_with_one_face_inside_out_still_has_twelve() {
        let mut triangles = cube();
        triangles[0].swap(0, 1);
        triangles[1].swap(0, 1);
        assert_eq!(edges_of(&triangles).len(), 12);
    }

    #[test]
    fn a_flat_face_cut_unevenly_shows_only_its_outline() {
        // One long edge against two short ones: a T-junction at (1, 0.4).
        let triangles = [
            quad([0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]).to_vec(),
            quad([1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.4, 0.0], [1.0, 0.4, 0.0]).to_vec(),
            quad([1.0, 0.4, 0.0], [2.0, 0.4, 0.0], [2.0, 1.0, 0.0], [1.0, 1.0, 0.0]).to_vec(),
        ]
        .concat();
        let edges = edges_of(&triangles);
        let inner = |e: &Segment| e.ends.iter().all(|p| (p[0] - 1.0).abs() < 1e-9);
        assert!(!edges.iter().any(inner), "{edges:?}");
        let total: f64 = edges.iter().map(|e| length(sub(e.ends[0], e.ends[1]))).sum();
        assert!((total - 6.0).abs() < 1e-9, "{total}");
    }

    #[test]
    fn slivers_draw_nothing_of_their_own() {
        let mut triangles =
            quad([0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]).to_vec();
        triangles.push([[0.0, 0.0, 0.0], [0.5, 1e-6, 0.1], [1.0, 0.0, 0.2]]);
        let without = edges_of(&triangles[..2]).len();
        triangles[2] = [[0.0, 0.0, 0.0], [0.5, 0.5, 1.0e-5], [1.0, 1.0, 0.0]];
        assert_eq!(edges_of(&triangles).len(), without);
    }

    #[test]
    fn a_round_column_is_outlined_at_its_ends_only() {
        let ring = |i: usize, z: f64| {
            let angle = std::f64::consts::TAU * i as f64 / 16.0;
            [angle.cos(), angle.sin(), z]
        };
        let triangles: Vec<_> = (0..16)
            .flat_map(|i| quad(ring(i, 0.0), ring(i + 1, 0.0), ring(i + 1, 3.0), ring(i, 3.0)))
            .collect();
        let edges = edges_of(&triangles);
        assert_eq!(edges.len(), 32);
        assert!(edges.iter().all(|e| e.ends[0][2] == e.ends[1][2]));
    }
}
