//! Fewer triangles for the same shape: edges are collapsed where that moves no surface by
//! more than so much, the least visible first (after Garland and Heckbert's quadrics, with
//! corners that only ever move onto each other).

use std::{cmp::Reverse, collections::BinaryHeap};

use rustc_hash::FxHashMap;

use super::fine::{Mesh, normal};
use crate::vector::{dot, length, sub};

/// How much a face may turn when one of its corners moves: cosine.
const MAX_TURN: f64 = 0.3;

/// Sum of squared distances from planes, each counted as much as its face is large.
#[derive(Clone, Copy, Default)]
struct Quadric {
    /// Upper triangle of the symmetric 4 × 4 matrix.
    m: [f64; 10],
    weight: f64,
}

impl Quadric {
    fn plane(n: [f64; 3], through: [f64; 3], weight: f64) -> Self {
        let p = [n[0], n[1], n[2], -dot(n, through)];
        let mut m = [0.0; 10];
        let mut at = 0;
        for row in 0..4 {
            for column in row..4 {
                m[at] = p[row] * p[column] * weight;
                at += 1;
            }
        }
        Self { m, weight }
    }

    fn add(&mut self, other: &Self) {
        for (sum, value) in self.m.iter_mut().zip(other.m) {
            *sum += value;
        }
        self.weight += other.weight;
    }

    /// Mean squared distance of a point, m².
    fn at(&self, [x, y, z]: [f64; 3]) -> f64 {
        let m = &self.m;
        let sum = m[0] * x * x
            + m[4] * y * y
            + m[7] * z * z
            + m[9]
            + 2.0 * (m[1] * x * y + m[2] * x * z + m[3] * x + m[5] * y * z + m[6] * y + m[8] * z);
        if self.weight > 0.0 { (sum / self.weight).max(0.0) } else { 0.0 }
    }
}

/// A collapse that may be done: cost (as ordered bits), what moves, onto what, and how
/// often both had changed when it was found.
type Candidate = Reverse<(u64, u32, u32, u32)>;

struct Surface {
    mesh: Mesh,
    quadrics: Vec<Quadric>,
    faces: Vec<Vec<u32>>,
    alive: Vec<bool>,
    changed: Vec<u32>,
    limit: f64,
    heap: BinaryHeap<Candidate>,
}

/// Collapses what can be within `limit`, m.
pub(super) fn collapse(mesh: Mesh, limit: f64) -> Mesh {
    let mut surface = Surface::new(mesh, limit);
    while let Some(Reverse((_, from, to, stamp))) = surface.heap.pop() {
        let current = surface.changed[from as usize] + surface.changed[to as usize];
        if stamp == current && surface.may(from, to) {
            surface.collapse(from, to);
        }
    }
    surface.rest()
}

impl Surface {
    fn new(mesh: Mesh, limit: f64) -> Self {
        let count = mesh.points.len();
        let mut surface = Self {
            quadrics: vec![Quadric::default(); count],
            faces: vec![Vec::new(); count],
            alive: vec![true; mesh.triangles.len()],
            changed: vec![0; count],
            mesh,
            limit: limit * limit,
            heap: BinaryHeap::new(),
        };
        let mut edges: FxHashMap<(u32, u32), (u32, usize)> = FxHashMap::default();
        for (face, triangle) in surface.mesh.triangles.iter().enumerate() {
            let points = triangle.map(|corner| surface.mesh.points[corner as usize]);
            let n = normal(points);
            let area = length(n);
            for (place, corner) in triangle.iter().enumerate() {
                surface.faces[*corner as usize].push(face as u32);
                if area > 0.0 {
                    let unit = n.map(|value| value / area);
                    let plane = Quadric::plane(unit, points[0], area);
                    surface.quadrics[*corner as usize].add(&plane);
                }
                let next = triangle[(place + 1) % 3];
                let edge = ((*corner).min(next), (*corner).max(next));
                edges.entry(edge).or_insert((0, face)).0 += 1;
            }
        }
        // In the order of the points: the same file gives the same bytes.
        let mut edges: Vec<_> = edges.into_iter().collect();
        edges.sort_unstable();
        for ((a, b), (uses, face)) in &edges {
            if *uses != 2 {
                surface.hold(*a, *b, *face);
            }
        }
        for ((a, b), _) in edges {
            surface.offer(a, b);
            surface.offer(b, a);
        }
        surface
    }

    /// Keeps an edge of the surface where it is: a plane along it, across its face.
    fn hold(&mut self, a: u32, b: u32, face: usize) {
        let [p, q] = [a, b].map(|corner| self.mesh.points[corner as usize]);
        let face = normal(self.mesh.triangles[face].map(|c| self.mesh.points[c as usize]));
        let edge = sub(q, p);
        let across = [
            edge[1] * face[2] - edge[2] * face[1],
            edge[2] * face[0] - edge[0] * face[2],
            edge[0] * face[1] - edge[1] * face[0],
        ];
        let long = length(across);
        if long > 0.0 {
            let unit = across.map(|value| value / long);
            let plane = Quadric::plane(unit, p, dot(edge, edge) * 4.0);
            self.quadrics[a as usize].add(&plane);
            self.quadrics[b as usize].add(&plane);
        }
    }

    fn offer(&mut self, from: u32, to: u32) {
        let mut quadric = self.quadrics[from as usize];
        quadric.add(&self.quadrics[to as usize]);
        let cost = quadric.at(self.mesh.points[to as usize]);
        if cost <= self.limit {
            let stamp = self.changed[from as usize] + self.changed[to as usize];
            self.heap.push(Reverse((cost.to_bits(), from, to, stamp)));
        }
    }

    fn around(&self, corner: u32) -> Vec<u32> {
        let faces = self.faces[corner as usize].iter();
        let alive = faces.filter(|face| self.alive[**face as usize]);
        let mut all: Vec<u32> = alive
            .flat_map(|face| self.mesh.triangles[*face as usize])
            .filter(|other| *other != corner)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the surface stays one surface, and no face of it turns over.
    fn may(&self, from: u32, to: u32) -> bool {
        let (mine, theirs) = (self.around(from), self.around(to));
        if mine.binary_search(&to).is_err() {
            return false;
        }
        let common = mine.iter().filter(|other| theirs.binary_search(other).is_ok()).count();
        let mut shared = 0;
        let target = self.mesh.points[to as usize];
        for face in &self.faces[from as usize] {
            let triangle = self.mesh.triangles[*face as usize];
            if !self.alive[*face as usize] {
                continue;
            }
            if triangle.contains(&to) {
                shared += 1;
                continue;
            }
            let at = |corner: u32| self.mesh.points[corner as usize];
            let before = normal(triangle.map(at));
            let after = normal(triangle.map(|c| if c == from { target } else { at(c) }));
            let (a, b) = (length(before), length(after));
            if dot(before, after) <= MAX_TURN * a * b {
                return false;
            }
        }
        common == shared && shared > 0 && shared <= 2
    }

    fn collapse(&mut self, from: u32, to: u32) {
        let quadric = self.quadrics[from as usize];
        self.quadrics[to as usize].add(&quadric);
        for face in std::mem::take(&mut self.faces[from as usize]) {
            let triangle = &mut self.mesh.triangles[face as usize];
            if !self.alive[face as usize] {
                continue;
            }
            if triangle.contains(&to) {
                self.alive[face as usize] = false;
                continue;
            }
            for corner in triangle {
                if *corner == from {
                    *corner = to;
                }
            }
            self.faces[to as usize].push(face);
        }
        let mut faces = std::mem::take(&mut self.faces[to as usize]);
        faces.retain(|face| self.alive[*face as usize]);
        self.faces[to as usize] = faces;
        self.changed[from as usize] += 1;
        self.changed[to as usize] += 1;
        for other in self.around(to) {
            self.offer(to, other);
            self.offer(other, to);
        }
    }

    fn rest(self) -> Mesh {
        let triangles = self.mesh.triangles.into_iter().zip(self.alive);
        let triangles = triangles.filter_map(|(triangle, alive)| alive.then_some(triangle));
        Mesh { points: self.mesh.points, triangles: triangles.collect() }
    }
}
