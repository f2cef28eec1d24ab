//! One tile's GLB: what of its items is merged, what is drawn as copies, and what became
//! of their triangles.

use std::path::Path;

use glam::DVec3;
use twin_model::{BoundingBox, EntityId};

use super::{
    TilesError, TilesSummary,
    document::{self, Layer, Stand},
    edges::Segment,
    instances::{self, Shape},
    item::Item,
    metadata::Row,
    primitive::{self, Merged},
    quantize::{self, Grid},
};
use crate::mesh::MaterialClass;

/// How far a reader's single-precision arithmetic may put a vertex beside its place, m.
const READER_ERROR_M: f64 = 1.0e-3;

/// An encoded tile.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// Box around what a reader sees, local frame, m.
    pub(super) bounds: BoundingBox,
    /// Entities of which at least one triangle is left.
    pub(super) drawn: Vec<EntityId>,
    size: u64,
    triangles: u64,
    edges: u64,
    shapes: u64,
    copies: u64,
    collapsed: u64,
    max_error_m: f64,
}

impl Content {
    /// Bytes of the GLB.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Counts the tile in the summary as one that is replaced by others.
    pub(super) fn add_shell_to(&self, summary: &mut TilesSummary) {
        summary.tiles += 1;
        summary.shells += 1;
        summary.shell_triangles += self.triangles;
        summary.shell_bytes += self.size;
        summary.bytes += self.size;
        summary.max_error_m = summary.max_error_m.max(self.max_error_m);
    }

    /// Counts the tile in the summary.
    pub(super) fn add_to(&self, summary: &mut TilesSummary) {
        summary.tiles += 1;
        summary.triangles += self.triangles;
        summary.edges += self.edges;
        summary.shapes += self.shapes;
        summary.copies += self.copies;
        summary.collapsed_triangles += self.collapsed;
        summary.bytes += self.size;
        summary.max_error_m = summary.max_error_m.max(self.max_error_m);
    }
}

/// Encodes items, sorted by entity; nothing when none of them has a triangle left.
pub(super) fn encode(items: Vec<Item>, path: &Path) -> Result<Option<Content>, TilesError> {
    let Some(bounds) = items.iter().map(|item| item.bounds).reduce(|a, b| a.union(&b)) else {
        return Ok(None);
    };
    let grid = Grid::over(&bounds);
    let (rows, row_of) = rows(&items);
    let shapes = shapes(&items, &row_of, &grid);
    let mut layers = merged(&items, &row_of, &shapes, &grid);
    let mut stands = Vec::with_capacity(shapes.len());
    let mut max_error_m = grid.step_m() / 2.0;
    for written in shapes {
        let stand = Some(stands.len());
        layers.extend(written.layers.into_iter().map(|layer| Layer { stand, ..layer }));
        stands.push(written.stand);
        max_error_m = max_error_m.max(written.error_m);
    }
    let mut content = Content {
        bytes: Vec::new(),
        bounds: grown(&bounds, max_error_m + READER_ERROR_M),
        drawn: Vec::new(),
        size: 0,
        triangles: 0,
        edges: 0,
        shapes: stands.len() as u64,
        copies: stands.iter().map(|stand| stand.rows.len() as u64).sum(),
        collapsed: 0,
        max_error_m,
    };
    let used = count(&layers, &stands, rows.len(), &mut content);
    content.collapsed =
        items.iter().map(|item| item.triangles as u64).sum::<u64>() - content.triangles;
    if content.triangles == 0 {
        return Ok(None);
    }
    content.drawn = rows
        .iter()
        .zip(used)
        .filter(|(_, used)| *used)
        .map(|(row, _)| EntityId::new(row.entity.as_str()))
        .collect();
    // The meshes are merged: free them before the file is put together.
    drop(items);
    content.bytes = document::write(layers, &stands, &rows, &grid, path)?;
    content.size = content.bytes.len() as u64;
    Ok(Some(content))
}

fn grown(bounds: &BoundingBox, by: f64) -> BoundingBox {
    BoundingBox { min: bounds.min.map(|x| x - by), max: bounds.max.map(|x| x + by) }
}

/// Counts what is drawn; which rows have a triangle.
fn count(layers: &[Layer], stands: &[Stand], rows: usize, content: &mut Content) -> Vec<bool> {
    let mut used = vec![false; rows];
    for Layer { merged, stand, .. } in layers {
        let rows = stand.map_or(&merged.features, |stand| &stands[stand].rows);
        let times = stand.map_or(1, |_| rows.len() as u64);
        if merged.is_lines() {
            content.edges += times * merged.indices.len() as u64 / 2;
        } else {
            content.triangles += times * (merged.indices.len() as u64 / 3);
            rows.iter().for_each(|row| used[usize::from(*row)] = true);
        }
    }
    used
}

/// The property table, and each item's row in it: pieces of one entity share a row.
fn rows(items: &[Item]) -> (Vec<Row>, Vec<u16>) {
    let mut rows: Vec<Row> = Vec::new();
    let mut row_of = Vec::with_capacity(items.len());
    for item in items {
        if rows.last().is_none_or(|row| row.entity != item.entity.as_str()) {
            rows.push(Row {
                entity: item.entity.to_string(),
                storey: item.storey.as_ref().map(ToString::to_string).unwrap_or_default(),
                kind: item.kind.as_str(),
            });
        }
        row_of.push((rows.len() - 1) as u16);
    }
    (rows, row_of)
}

/// What is written in its place: everything that is no copy of a shape.
fn merged(items: &[Item], row_of: &[u16], shapes: &[Written], grid: &Grid) -> Vec<Layer> {
    let mut is_copy = vec![false; items.len()];
    let copies = shapes.iter().flat_map(|written| &written.shape.copies);
    copies.for_each(|copy| is_copy[copy.item] = true);
    let single = items.iter().zip(row_of.iter().copied()).zip(is_copy);
    let single: Vec<(&Item, u16)> =
        single.filter(|(_, is_copy)| !is_copy).map(|(item, _)| item).collect();
    layers(&single, grid)
}

/// A shape as it is written.
struct Written {
    shape: Shape,
    layers: Vec<Layer>,
    stand: Stand,
    /// The farthest that a vertex of a copy is beside its place along an axis, m.
    error_m: f64,
    /// Bytes that it makes the file smaller by.
    saved: usize,
}

/// The shapes that are worth being written once, those of the first items first.
fn shapes(items: &[Item], row_of: &[u16], tile: &Grid) -> Vec<Written> {
    let found = instances::find(items).into_iter();
    let mut shapes: Vec<Written> = found
        .filter(|shape| instances::most_saved(items, shape) >= instances::MIN_SAVED)
        .map(|shape| written(items, row_of, shape, tile))
        .filter(|written| written.saved >= instances::MIN_SAVED)
        .collect();
    // The sort is stable: among equals the first items win.
    shapes.sort_by_key(|written| std::cmp::Reverse(written.saved));
    shapes.truncate(instances::MAX_SHAPES);
    shapes.sort_by_key(|written| written.shape.copies[0].item);
    shapes
}

fn written(items: &[Item], row_of: &[u16], shape: Shape, tile: &Grid) -> Written {
    let first = &shape.copies[0];
    // Written around its own zero: a grid as small as the shape is finer than the tile's.
    let item = items[first.item].moved(-first.at);
    let grid = Grid::over(&item.bounds);
    let low = DVec3::from(grid.translation.map(f64::from));
    let zero = DVec3::from(tile.translation.map(f64::from));
    let scale = f64::from(grid.scale);
    let mut stand = Stand::default();
    for copy in &shape.copies {
        let turn = quantize::turn_to_gltf(copy.turn);
        let at = DVec3::from(quantize::to_gltf(copy.at.to_array()));
        stand.translations.push(((at + turn * low - zero) / scale).as_vec3());
        stand.rotations.push(turn.as_quat());
        stand.rows.push(row_of[copy.item]);
    }
    // Half a step along each axis, turned; what copies differ by; the rounding of places.
    let reach = f64::from(tile.scale) * f64::from(f32::EPSILON);
    let error_m = grid.step_m() / 2.0 * 3.0_f64.sqrt() + shape.off_m + reach;
    let layers = layers(&[(&item, 0)], &grid);
    let one: usize = layers.iter().map(|layer| layer.merged.bytes()).sum();
    let saved = instances::saved(one, shape.copies.len());
    Written { shape, layers, stand, error_m, saved }
}

fn layers(items: &[(&Item, u16)], grid: &Grid) -> Vec<Layer> {
    let surface = |class| primitive::surface(items, class, grid);
    let edges: Vec<(Vec<Segment>, u16)> =
        items.iter().map(|(item, row)| (item.segments(), *row)).collect();
    let layers: [(&str, Merged); 6] = [
        ("opaque", surface(MaterialClass::Opaque)),
        ("glass", surface(MaterialClass::Glass)),
        ("space", surface(MaterialClass::Space)),
        ("ground", surface(MaterialClass::Ground)),
        ("edge", primitive::lines(&edges, false, grid)),
        ("space_edge", primitive::lines(&edges, true, grid)),
    ];
    let scale = grid.scale;
    let layer = |(name, merged)| Layer { name, merged, scale, stand: None };
    layers.into_iter().filter(|(_, merged)| !merged.indices.is_empty()).map(layer).collect()
}
