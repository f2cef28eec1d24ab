//! Merges the meshes of one tile and one material class into one vertex list.

use rustc_hash::FxHashMap;

use super::{
    edges::Segment,
    item::Item,
    quantize::{self, Grid},
};
use crate::{
    mesh::{ElementMesh, MaterialClass},
    vector::{cross, sub},
};

/// A merged primitive, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// Grid places.
    pub(super) positions: Vec<[u16; 3]>,
    /// Quantised normals; empty for lines.
    pub(super) normals: Vec<[i8; 3]>,
    /// Linear colours; empty for lines.
    pub(super) colors: Vec<[u16; 4]>,
    /// Rows of the property table.
    pub(super) features: Vec<u16>,
    /// Three a triangle, two a line.
    pub(super) indices: Vec<u32>,
    /// Triangles or lines finer than the grid, left out.
    pub(super) collapsed: u64,
    /// How many different rows occur.
    pub(super) feature_count: usize,
}

impl Merged {
    /// Whether it is lines, and not triangles.
    pub(super) fn is_lines(&self) -> bool {
        self.normals.is_empty()
    }

    /// About the bytes that it takes in a file.
    pub(super) fn bytes(&self) -> usize {
        let vertex = if self.is_lines() { 12 } else { 24 };
        self.positions.len() * vertex + self.indices.len() * 2
    }
}

/// All triangles of a class, of items with their rows of the property table.
pub(super) fn surface(items: &[(&Item, u16)], class: MaterialClass, grid: &Grid) -> Merged {
    let mut merged = Merged::default();
    let mut known = FxHashMap::default();
    for (item, row) in items {
        // Vertices are never shared between features.
        known.clear();
        for mesh in item.meshes.iter().filter(|mesh| mesh.class == class) {
            add_mesh(mesh, *row, grid, &mut known, &mut merged);
        }
    }
    merged.feature_count = count_runs(&merged.features);
    merged
}

/// How many different values sorted ones hold.
fn count_runs(rows: &[u16]) -> usize {
    rows.chunk_by(|a, b| a == b).count()
}

type VertexKey = ([u16; 3], [i8; 3], [u16; 4]);

fn add_mesh(
    mesh: &ElementMesh,
    row: u16,
    grid: &Grid,
    known: &mut FxHashMap<VertexKey, u32>,
    merged: &mut Merged,
) {
    let color = quantize::linear(mesh.rgba);
    let places: Vec<[u16; 3]> = mesh
        .positions
        .iter()
        .map(|p| grid.place([0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(p[axis]))))
        .collect();
    let normals: Vec<Option<[i8; 3]>> =
        mesh.normals.iter().map(|n| quantize::normal(n.map(f64::from))).collect();
    for corners in mesh.indices.chunks_exact(3) {
        let corners = [corners[0] as usize, corners[1] as usize, corners[2] as usize];
        if is_flat(corners.map(|corner| places[corner])) {
            merged.collapsed += 1;
            continue;
        }
        for corner in corners {
            let normal = normals[corner].unwrap_or_else(|| face_normal(mesh, corners));
            let vertex = (places[corner], normal, color);
            let next = merged.positions.len() as u32;
            let index = *known.entry(vertex).or_insert(next);
            if index == next {
                merged.positions.push(vertex.0);
                merged.normals.push(vertex.1);
                merged.colors.push(vertex.2);
                merged.features.push(row);
            }
            merged.indices.push(index);
        }
    }
}

/// Whether a triangle has no area on the grid.
fn is_flat([a, b, c]: [[u16; 3]; 3]) -> bool {
    let way = |to: [u16; 3]| [0, 1, 2].map(|i| i64::from(to[i]) - i64::from(a[i]));
    let (u, v) = (way(b), way(c));
    u[1] * v[2] == u[2] * v[1] && u[2] * v[0] == u[0] * v[2] && u[0] * v[1] == u[1] * v[0]
}

fn face_normal(mesh: &ElementMesh, corners: [usize; 3]) -> [i8; 3] {
    let [a, b, c] = corners.map(|corner| mesh.positions[corner].map(f64::from));
    // Cleaned triangles have an area; up is for the case that rounding took it.
    quantize::normal(cross(sub(b, a), sub(c, a))).unwrap_or([0, 127, 0])
}

/// All lines of things, or all of spaces.
pub(super) fn lines(edges: &[(Vec<Segment>, u16)], space: bool, grid: &Grid) -> Merged {
    let mut merged = Merged::default();
    let mut known: FxHashMap<[u16; 3], u32> = FxHashMap::default();
    let mut row_before = None;
    for (segments, row) in edges {
        if row_before.replace(*row) != Some(*row) {
            known.clear();
        }
        for segment in segments.iter().filter(|segment| segment.space == space) {
            let ends = segment.ends.map(|end| grid.place(end));
            if ends[0] == ends[1] {
                merged.collapsed += 1;
                continue;
            }
            for end in ends {
                let next = merged.positions.len() as u32;
                let index = *known.entry(end).or_insert(next);
                if index == next {
                    merged.positions.push(end);
                    merged.features.push(*row);
                }
                merged.indices.push(index);
            }
        }
    }
    merged.feature_count = count_runs(&merged.features);
    merged
}
