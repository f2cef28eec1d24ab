//! Cuts an element that is too large for one tile: wide ground along a grid of planes,
//! dense meshes by place. Pieces keep the entity, so that they are picked as one.

use std::collections::BTreeMap;

use twin_model::BoundingBox;

use super::{
    clean,
    edges::Segment,
    item::{Item, TILE_EXTENT_M, TILE_TRIANGLES, whole},
};
use crate::mesh::ElementMesh;

/// Cells of the cutting grid, m: a piece fits a tile however its triangles lie in it.
const CELL_M: f64 = TILE_EXTENT_M / 2.0;
/// Cells along one axis before cells grow instead: bounds the pieces of a mesh whose
/// coordinates make no sense.
const MAX_CELLS: f64 = 64.0;

/// Fragments that cutting along the grid may make of one element. What would make more is
/// broken (many triangles, each kilometres long) and keeps its triangles whole.
const MAX_FRAGMENTS: f64 = 2.0e6;

/// Cuts an item and appends its pieces.
pub(super) fn cut(item: Item, segments: Vec<Segment>, out: &mut Vec<Item>) {
    let Item { entity, kind, meshes, bounds, .. } = item;
    let mut cells: BTreeMap<[i64; 3], Vec<ElementMesh>> = BTreeMap::new();
    let cell_m = [0, 1, 2].map(|axis| (bounds.size()[axis] / MAX_CELLS).max(CELL_M));
    let wide = bounds.size().iter().any(|extent| *extent > TILE_EXTENT_M)
        && fragments(&meshes, cell_m) <= MAX_FRAGMENTS;
    for mesh in meshes {
        if wide {
            slice(mesh, &bounds, cell_m, &mut cells);
        } else {
            cells.entry([0; 3]).or_default().push(mesh);
        }
    }
    let mut pieces = Vec::new();
    for meshes in cells.into_values() {
        if let Some(piece) = whole(entity.clone(), kind, meshes) {
            halve(piece, &mut pieces);
        }
    }
    share_edges(segments, &mut pieces, wide.then_some((&bounds, cell_m)));
    out.append(&mut pieces);
}

/// At most how many parts the grid cuts some meshes into.
fn fragments(meshes: &[ElementMesh], cell_m: [f64; 3]) -> f64 {
    let cells = |corners: [[f64; 3]; 3]| -> f64 {
        let span = |axis: usize| {
            let [a, b, c] = corners.map(|corner| corner[axis]);
            ((a.max(b).max(c) - a.min(b).min(c)) / cell_m[axis]).ceil() + 1.0
        };
        (0..3).map(span).product()
    };
    meshes.iter().flat_map(clean::triangles).map(cells).sum()
}

/// Halves a piece at the middle of its longest side until every part fits a tile.
fn halve(piece: Item, out: &mut Vec<Item>) {
    if piece.triangles <= TILE_TRIANGLES {
        out.push(piece);
        return;
    }
    let Item { entity, kind, meshes, .. } = piece;
    let mut centers: Vec<(f64, usize, usize)> = Vec::new();
    let bounds = meshes.iter().filter_map(clean::bounds).reduce(|a, b| a.union(&b));
    let size = bounds.map_or([0.0; 3], |b| b.size());
    let axis = if size[0] >= size[1] && size[0] >= size[2] {
        0
    } else if size[1] >= size[2] {
        1
    } else {
        2
    };
    for (m, mesh) in meshes.iter().enumerate() {
        for (t, corners) in clean::triangles(mesh).enumerate() {
            centers.push((corners.iter().map(|p| p[axis]).sum(), m, t));
        }
    }
    centers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let middle = centers.len() / 2;
    let (low, high) = centers.split_at_mut(middle);
    for half in [low, high] {
        half.sort_unstable_by_key(|(_, m, t)| (*m, *t));
        let parts = half
            .chunk_by(|a, b| a.1 == b.1)
            .map(|chosen| pick(&meshes[chosen[0].1], chosen.iter().map(|(_, _, t)| *t)))
            .collect();
        if let Some(part) = whole(entity.clone(), kind, parts) {
            halve(part, out);
        }
    }
}

/// A mesh of some triangles of another.
fn pick(mesh: &ElementMesh, triangles: impl Iterator<Item = usize>) -> ElementMesh {
    let mut part = empty_like(mesh);
    let mut moved: rustc_hash::FxHashMap<u32, u32> = rustc_hash::FxHashMap::default();
    for triangle in triangles {
        for corner in &mesh.indices[triangle * 3..triangle * 3 + 3] {
            let next = part.positions.len() as u32;
            let index = *moved.entry(*corner).or_insert(next);
            if index == next {
                part.positions.push(mesh.positions[*corner as usize]);
                part.normals.push(mesh.normals[*corner as usize]);
            }
            part.indices.push(index);
        }
    }
    part
}

fn empty_like(mesh: &ElementMesh) -> ElementMesh {
    ElementMesh {
        entity: mesh.entity.clone(),
        storey: mesh.storey.clone(),
        class: mesh.class,
        origin: mesh.origin,
        positions: Vec::new(),
        normals: Vec::new(),
        indices: Vec::new(),
        rgba: mesh.rgba,
    }
}

/// A corner while it is being cut: place relative to the mesh's origin, and normal.
type Corner = ([f64; 3], [f64; 3]);

/// Cuts the triangles of a mesh along the planes of the grid.
fn slice(
    mesh: ElementMesh,
    bounds: &BoundingBox,
    cell_m: [f64; 3],
    cells: &mut BTreeMap<[i64; 3], Vec<ElementMesh>>,
) {
    let mut parts: BTreeMap<[i64; 3], ElementMesh> = BTreeMap::new();
    let start = [0, 1, 2].map(|axis| bounds.min[axis] - mesh.origin[axis]);
    for corners in mesh.indices.chunks_exact(3) {
        let polygon: Vec<Corner> = corners
            .iter()
            .map(|i| {
                (
                    mesh.positions[*i as usize].map(f64::from),
                    mesh.normals[*i as usize].map(f64::from),
                )
            })
            .collect();
        let mut pieces = vec![([0_i64; 3], polygon)];
        for axis in 0..3 {
            pieces = pieces
                .into_iter()
                .flat_map(|(cell, polygon)| {
                    slabs(&polygon, axis, start[axis], cell_m[axis]).into_iter().map(
                        move |(slab, polygon)| {
                            let mut cell = cell;
                            cell[axis] = slab;
                            (cell, polygon)
                        },
                    )
                })
                .collect();
        }
        for (cell, polygon) in pieces {
            append_fan(parts.entry(cell).or_insert_with(|| empty_like(&mesh)), &polygon);
        }
    }
    for (cell, mut part) in parts {
        // Cutting through a corner leaves triangles without area.
        clean::clean(&mut part);
        if !part.indices.is_empty() {
            cells.entry(cell).or_default().push(part);
        }
    }
}

/// The parts of a convex polygon in each slab it reaches along an axis.
fn slabs(polygon: &[Corner], axis: usize, start: f64, width: f64) -> Vec<(i64, Vec<Corner>)> {
    let slab = |x: f64| ((x - start) / width).floor() as i64;
    let (low, high) = polygon
        .iter()
        .map(|(p, _)| p[axis])
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let (first, last) = (slab(low), slab(high));
    if first == last {
        return vec![(first, polygon.to_vec())];
    }
    (first..=last)
        .filter_map(|n| {
            let from = start + n as f64 * width;
            let part = half_space(polygon, axis, from, 1.0);
            let part = half_space(&part, axis, from + width, -1.0);
            (part.len() >= 3).then_some((n, part))
        })
        .collect()
}

/// The part of a convex polygon on one side of a plane across an axis.
fn half_space(polygon: &[Corner], axis: usize, at: f64, sign: f64) -> Vec<Corner> {
    let inside = |corner: &Corner| (corner.0[axis] - at) * sign >= 0.0;
    let mut out = Vec::with_capacity(polygon.len() + 1);
    for (i, a) in polygon.iter().enumerate() {
        let b = &polygon[(i + 1) % polygon.len()];
        if inside(a) {
            out.push(*a);
        }
        if inside(a) != inside(b) {
            out.push(between(a, b, axis, at));
        }
    }
    out
}

/// Where the way between two corners crosses a plane; the same from either side, so that
/// neighbours stay closed.
fn between(a: &Corner, b: &Corner, axis: usize, at: f64) -> Corner {
    let (a, b) = if a.0[axis] <= b.0[axis] { (a, b) } else { (b, a) };
    let t = (at - a.0[axis]) / (b.0[axis] - a.0[axis]);
    let mix = |x: [f64; 3], y: [f64; 3]| [0, 1, 2].map(|i| x[i] + (y[i] - x[i]) * t);
    let mut place = mix(a.0, b.0);
    place[axis] = at;
    (place, mix(a.1, b.1))
}

fn append_fan(mesh: &mut ElementMesh, polygon: &[Corner]) {
    let first = mesh.positions.len() as u32;
    for (place, normal) in polygon {
        mesh.positions.push(place.map(|x| x as f32));
        mesh.normals.push(normal.map(|x| x as f32));
    }
    for i in 1..polygon.len() as u32 - 1 {
        mesh.indices.extend([first, first + i, first + i + 1]);
    }
}

/// Gives every edge, cut at the grid where there is one, to a piece that holds it.
fn share_edges(
    segments: Vec<Segment>,
    pieces: &mut [Item],
    grid: Option<(&BoundingBox, [f64; 3])>,
) {
    // Where each piece begins along x: a million edges ask a column of pieces each, not all.
    let mut homes: Vec<(BoundingBox, usize)> =
        pieces.iter().enumerate().map(|(n, piece)| (piece.bounds, n)).collect();
    homes.sort_by(|a, b| a.0.min[0].total_cmp(&b.0.min[0]).then(a.1.cmp(&b.1)));
    for piece in pieces.iter_mut() {
        piece.edges = Some(Vec::new());
    }
    for segment in segments {
        for part in cut_segment(segment, grid) {
            let [a, b] = part.ends;
            let middle = [0, 1, 2].map(|axis| (a[axis] + b[axis]) / 2.0);
            let Some(home) = home_of(middle, &homes) else { continue };
            let home = &mut pieces[home];
            home.bounds = home.bounds.union(&BoundingBox {
                min: [0, 1, 2].map(|i| a[i].min(b[i])),
                max: [0, 1, 2].map(|i| a[i].max(b[i])),
            });
            home.edges.get_or_insert_default().push(part);
        }
    }
}

/// The piece that holds a point, or the nearest; `homes` is sorted by where they begin.
fn home_of(point: [f64; 3], homes: &[(BoundingBox, usize)]) -> Option<usize> {
    let outside = |bounds: &BoundingBox| -> f64 {
        let beyond =
            |axis: usize| (bounds.min[axis] - point[axis]).max(point[axis] - bounds.max[axis]);
        (0..3).map(|axis| beyond(axis).max(0.0)).sum()
    };
    let begun = homes.partition_point(|(bounds, _)| bounds.min[0] <= point[0]);
    let holds = homes[..begun].iter().rev().find(|(bounds, _)| outside(bounds) == 0.0);
    // A cut moves a corner by a rounding error, so that now and then no piece holds it.
    let nearest = || homes.iter().min_by(|a, b| outside(&a.0).total_cmp(&outside(&b.0)));
    holds.or_else(nearest).map(|(_, piece)| *piece)
}

fn cut_segment(segment: Segment, grid: Option<(&BoundingBox, [f64; 3])>) -> Vec<Segment> {
    let Some((bounds, cell_m)) = grid else { return vec![segment] };
    let [a, b] = segment.ends;
    let mut cuts = vec![0.0, 1.0];
    for axis in 0..3 {
        let (low, high) = (a[axis].min(b[axis]), a[axis].max(b[axis]));
        let first = ((low - bounds.min[axis]) / cell_m[axis]).floor() as i64 + 1;
        let last = ((high - bounds.min[axis]) / cell_m[axis]).ceil() as i64;
        for n in first..last {
            let at = bounds.min[axis] + n as f64 * cell_m[axis];
            cuts.push((at - a[axis]) / (b[axis] - a[axis]));
        }
    }
    cuts.retain(|t| (0.0..=1.0).contains(t));
    cuts.sort_by(f64::total_cmp);
    let at = |t: f64| [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t);
    cuts.windows(2)
        .filter(|pair| pair[1] > pair[0])
        .map(|pair| Segment { ends: [at(pair[0]), at(pair[1])], space: segment.space })
        .collect()
}
