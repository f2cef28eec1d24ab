//! Joins flat faces into one watertight mesh: faces of one plane that meet become one, so
//! that it has no more triangles than its shape needs.

use rustc_hash::{FxHashMap, FxHashSet};

use super::convex::Effort;
use crate::vector::{self, add, cross, dot, holds, length, newell, scale, sub};

type Point = [f64; 3];

/// Triangles by the corners they join.
#[derive(Debug, PartialEq)]
pub(super) struct Mesh {
    pub(super) points: Vec<Point>,
    pub(super) triangles: Vec<[usize; 3]>,
}

/// The mesh of convex faces, counter-clockwise seen from outside. Corners nearer than
/// `near` are one. Nothing where a side of a face has no other on its other side.
pub(super) fn mesh(faces: &[Vec<Point>], near: f64, effort: &mut Effort) -> Option<Mesh> {
    let mut welded = Welded::of(faces, near);
    let sides: usize = welded.faces.iter().map(Vec::len).sum();
    effort.spend(sides * welded.points.len())?;
    welded.join(near * 2.0);
    if welded.faces.is_empty() || !is_closed(welded.faces.iter().map(Vec::as_slice)) {
        return None;
    }
    let triangles = welded.merged(near).unwrap_or_else(|| welded.fans());
    Some(Mesh { points: welded.points, triangles })
}

/// Whether every side of every face has one the other way round.
fn is_closed<'a>(faces: impl Iterator<Item = &'a [usize]>) -> bool {
    let mut sides: FxHashMap<(usize, usize), i32> = FxHashMap::default();
    for (from, to) in faces.flat_map(sides_of) {
        *sides.entry((from.min(to), from.max(to))).or_default() += if from < to { 1 } else { -1 };
    }
    sides.values().all(|balance| *balance == 0)
}

/// Faces that share their corners.
struct Welded {
    points: Vec<Point>,
    faces: Vec<Vec<usize>>,
}

impl Welded {
    fn of(faces: &[Vec<Point>], near: f64) -> Self {
        let mut welded = Self { points: Vec::new(), faces: Vec::new() };
        let mut cells: FxHashMap<[i64; 3], Vec<usize>> = FxHashMap::default();
        for face in faces {
            let mut ids: Vec<usize> = Vec::with_capacity(face.len());
            for &corner in face {
                let id = welded.weld(corner, near * 2.0, near * 4.0, &mut cells);
                if ids.last() != Some(&id) && ids.first() != Some(&id) {
                    ids.push(id);
                }
            }
            if ids.len() > 2 {
                welded.faces.push(ids);
            }
        }
        welded
    }

    fn weld(
        &mut self,
        point: Point,
        near: f64,
        size: f64,
        cells: &mut FxHashMap<[i64; 3], Vec<usize>>,
    ) -> usize {
        let low = point.map(|x| ((x - near) / size).floor() as i64);
        let high = point.map(|x| ((x + near) / size).floor() as i64);
        for x in low[0]..=high[0] {
            for y in low[1]..=high[1] {
                for z in low[2]..=high[2] {
                    let known = cells.get(&[x, y, z]).into_iter().flatten();
                    let close = |id: &&usize| length(sub(self.points[**id], point)) < near;
                    if let Some(&id) = known.into_iter().find(close) {
                        return id;
                    }
                }
            }
        }
        let cell = point.map(|x| (x / size).floor() as i64);
        cells.entry(cell).or_default().push(self.points.len());
        self.points.push(point);
        self.points.len() - 1
    }

    /// Puts into every side the corners of other faces that lie on it.
    fn join(&mut self, near: f64) {
        let points = &self.points;
        for face in &mut self.faces {
            let mut whole = Vec::with_capacity(face.len());
            for (n, &from) in face.iter().enumerate() {
                let to = face[(n + 1) % face.len()];
                let way = sub(points[to], points[from]);
                let long = length(way);
                let mut on: Vec<(f64, usize)> = (0..points.len())
                    .filter(|id| *id != from && *id != to)
                    .filter_map(|id| {
                        let offset = sub(points[id], points[from]);
                        let along = dot(offset, way) / long;
                        let is_on = along > near
                            && along < long - near
                            && length(sub(offset, scale(way, along / long))) < near;
                        is_on.then_some((along, id))
                    })
                    .collect();
                on.sort_by(|a, b| a.0.total_cmp(&b.0));
                whole.push(from);
                whole.extend(on.into_iter().map(|(_, id)| id));
            }
            *face = whole;
        }
    }

    /// Triangles of what the faces of each plane cover together. Nothing where corners of
    /// holes lie in one line, so that a triangle's side would pass by one of them.
    fn merged(&self, near: f64) -> Option<Vec<[usize; 3]>> {
        let outlines = self.outlines(near)?;
        let corners: FxHashSet<usize> = outlines.iter().flat_map(|it| it.corners(self)).collect();
        let mut triangles = Vec::new();
        for outline in &outlines {
            outline.triangulate(self, &corners, near, &mut triangles)?;
        }
        is_closed(triangles.iter().map(<[usize; 3]>::as_slice)).then_some(triangles)
    }

    /// Triangles of each face by itself.
    fn fans(&mut self) -> Vec<[usize; 3]> {
        let mut triangles = Vec::new();
        for face in &self.faces {
            fan(face, &mut self.points, &mut triangles);
        }
        triangles
    }

    /// Faces of one plane together, without the sides between them.
    fn outlines(&self, near: f64) -> Option<Vec<Outline>> {
        let mut planes: Vec<Flat> = Vec::new();
        for face in &self.faces {
            let corners: Vec<Point> = face.iter().map(|id| self.points[*id]).collect();
            let normal = newell(&corners);
            let normal = scale(normal, 1.0 / length(normal));
            let offset = dot(normal, corners[0]);
            let is_same = |plane: &&mut Flat| {
                dot(plane.normal, normal) > 1.0 - 1e-9 && (plane.offset - offset).abs() < near
            };
            match planes.iter_mut().find(is_same) {
                Some(plane) => plane.sides.extend(sides_of(face)),
                None => planes.push(Flat { normal, offset, sides: sides_of(face).collect() }),
            }
        }
        planes.into_iter().map(|plane| Outline::of(plane.normal, &plane.sides)).collect()
    }
}

fn sides_of(face: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    face.iter().enumerate().map(|(n, &from)| (from, face[(n + 1) % face.len()]))
}

/// The sides of all faces in one plane.
struct Flat {
    normal: Point,
    offset: f64,
    sides: Vec<(usize, usize)>,
}

/// What bounds the faces of one plane.
struct Outline {
    normal: Point,
    /// Counter-clockwise around areas, clockwise around holes.
    loops: Vec<Vec<usize>>,
}

impl Outline {
    fn of(normal: Point, sides: &[(usize, usize)]) -> Option<Self> {
        let all: FxHashSet<(usize, usize)> = sides.iter().copied().collect();
        let outer = sides.iter().filter(|(from, to)| !all.contains(&(*to, *from)));
        let mut next: FxHashMap<usize, usize> = FxHashMap::default();
        let mut starts = Vec::new();
        for &(from, to) in outer {
            // Areas that touch in a corner: which side goes on there is not told.
            if next.insert(from, to).is_some() {
                return None;
            }
            starts.push(from);
        }
        let mut loops = Vec::new();
        for start in starts {
            let mut ring = Vec::new();
            let mut at = start;
            while let Some(to) = next.remove(&at) {
                ring.push(at);
                at = to;
            }
            if !ring.is_empty() {
                loops.push(ring);
            }
        }
        Some(Self { normal, loops })
    }

    /// Where its sides turn.
    fn corners<'a>(&'a self, welded: &'a Welded) -> impl Iterator<Item = usize> + 'a {
        self.loops.iter().flat_map(move |ring| {
            let count = ring.len();
            (0..count).filter_map(move |n| {
                let [a, b, c] = [n, n + 1, n + 2].map(|n| welded.points[ring[n % count]]);
                let (u, v) = (sub(b, a), sub(c, b));
                let turns = length(cross(u, v)) > 1e-6 * length(u) * length(v);
                turns.then(|| ring[(n + 1) % count])
            })
        })
    }

    /// Triangles between its corners; points along its sides that are nobody's corner go.
    fn triangulate(
        &self,
        welded: &Welded,
        corners: &FxHashSet<usize>,
        near: f64,
        triangles: &mut Vec<[usize; 3]>,
    ) -> Option<()> {
        let axis = (0..3).max_by(|a, b| self.normal[*a].abs().total_cmp(&self.normal[*b].abs()))?;
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let facing = self.normal[axis].signum();
        let flat = |id: usize| [facing * welded.points[id][u], welded.points[id][v]];
        let rings: Vec<Vec<usize>> = self
            .loops
            .iter()
            .map(|ring| ring.iter().copied().filter(|id| corners.contains(id)).collect())
            .collect();
        let seen = |ring: &[usize]| -> Vec<[f64; 2]> { ring.iter().map(|id| flat(*id)).collect() };
        let area = |ring: &[usize]| vector::area(&seen(ring));
        let (areas, holes): (Vec<_>, Vec<_>) = rings.iter().partition(|ring| area(ring) > 0.0);
        for outer in areas {
            let rim = seen(outer);
            let is_within =
                |hole: &&&Vec<usize>| hole.first().is_some_and(|id| holds(&rim, flat(*id)));
            let own: Vec<&Vec<usize>> = holes.iter().filter(is_within).copied().collect();
            let ids: Vec<usize> =
                outer.iter().chain(own.iter().copied().flatten()).copied().collect();
            let mut starts = Vec::with_capacity(own.len());
            own.iter().fold(outer.len(), |start, hole| {
                starts.push(start);
                start + hole.len()
            });
            let coordinates: Vec<f64> = ids.iter().flat_map(|id| flat(*id)).collect();
            let found = earcutr::earcut(&coordinates, &starts, 2).ok()?;
            let first = triangles.len();
            triangles.extend(found.chunks_exact(3).map(|t| [ids[t[0]], ids[t[1]], ids[t[2]]]));
            let mut covered = 0.0;
            for triangle in &mut triangles[first..] {
                let one = area(triangle);
                if one < 0.0 {
                    triangle.reverse();
                }
                covered += one.abs();
            }
            let wanted = area(outer) + own.iter().map(|hole| area(hole)).sum::<f64>();
            let long: f64 =
                sides_of(outer).map(|(a, b)| length(sub(welded.points[a], welded.points[b]))).sum();
            if (covered - wanted).abs() > near * long {
                return None;
            }
        }
        Some(())
    }
}

/// Triangles of a convex face. One with corners in the middle of its sides gets a point in
/// its own middle, so that none of them is flat.
fn fan(face: &[usize], points: &mut Vec<Point>, triangles: &mut Vec<[usize; 3]>) {
    let count = face.len();
    let corner = |n: usize| points[face[n % count]];
    let turns = |n: usize| {
        let (a, b) = (sub(corner(n + 1), corner(n)), sub(corner(n + 2), corner(n + 1)));
        length(cross(a, b)) > 1e-6 * length(a) * length(b)
    };
    if (0..count).all(turns) {
        triangles.extend((1..count - 1).map(|n| [face[0], face[n], face[n + 1]]));
        return;
    }
    let sum = face.iter().fold([0.0; 3], |sum, id| add(sum, points[*id]));
    points.push(scale(sum, 1.0 / count as f64));
    let middle = points.len() - 1;
    triangles.extend((0..count).map(|n| [face[n], face[(n + 1) % count], middle]));
}
