//! Writes 3D Tiles 1.1: `tileset.json` and quantised GLBs whose vertices carry feature
//! ids and whose property tables name the entities. `docs/tiles.md` describes the format.
//!
//! Geometry is merged per tile and material class, so that a viewer draws a tile in a
//! handful of calls and recolours elements through a texture indexed by feature id.
//! The same input gives the same bytes.

mod buffers;
mod clean;
mod clip;
mod edges;
mod glb;
mod item;
mod metadata;
mod primitive;
mod quantize;
#[cfg(test)]
mod tests;
mod tileset;
mod tree;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use thiserror::Error;
use twin_model::{BoundingBox, EntityId, EntityKind};

use crate::mesh::ElementMesh;

/// What was written, and what of the input is not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TilesSummary {
    /// GLB files.
    pub tiles: u64,
    /// Entities with geometry in at least one tile.
    pub features: u64,
    /// Triangles drawn.
    pub triangles: u64,
    /// Line segments of crease and boundary edges.
    pub edges: u64,
    /// Bytes of all GLBs.
    pub bytes: u64,
    /// Triangles dropped as unusable: NaN or far out of range, pointing at missing
    /// vertices, or without area.
    pub dropped_triangles: u64,
    /// Of which entities they were, sorted, with their number.
    pub dropped: Vec<(EntityId, u64)>,
    /// Triangles finer than the quantisation grid, left out.
    pub collapsed_triangles: u64,
    /// Entities that had meshes and of which nothing is drawn, sorted.
    pub undrawn: Vec<EntityId>,
    /// Largest distance between a vertex and its quantised place along one axis, m.
    pub max_error_m: f64,
    /// Box around everything drawn, local frame, m.
    pub bbox: Option<BoundingBox>,
}

/// The tiles could not be written.
#[derive(Debug, Error)]
pub enum TilesError {
    /// A folder or file could not be made.
    #[error("cannot write {path}: {source}")]
    Write {
        /// What was being written.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A part of the output is larger than its format can say.
    #[error("{what} exceeds what {limit} can hold")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The format's limit.
        limit: &'static str,
    },
    /// The JSON part of a tile could not be encoded.
    #[error("cannot encode {path}: {source}")]
    Encode {
        /// What was being encoded.
        path: PathBuf,
        /// Why it failed.
        source: serde_json::Error,
    },
}

/// Writes `tileset.json` and its GLBs into `dir`, which is made when missing. Files of an
/// older tileset that are not overwritten stay: write into an empty folder.
///
/// Meshes are in the scene's local frame (x east, y north, z up, m); `root_transform`
/// takes that frame to earth-centred metres, column-major, and is absent for models
/// without georeference. Entities missing in `kinds` are written as `element`.
///
/// # Errors
/// When a file cannot be written or a tile exceeds the 4 GiB that a GLB can hold.
/// Broken triangles are no error: they are left out and counted.
pub fn write(
    dir: &Path,
    meshes: Vec<ElementMesh>,
    kinds: &HashMap<EntityId, EntityKind>,
    root_transform: Option<[f64; 16]>,
) -> Result<TilesSummary, TilesError> {
    fs::create_dir_all(dir)
        .map_err(|source| TilesError::Write { path: dir.to_path_buf(), source })?;
    let mut summary = TilesSummary::default();
    let items = item::gather(meshes, kinds, &mut summary);
    let root = tree::build(items);
    let mut drawn = std::collections::HashSet::new();
    let root = tree::write_contents(root, dir, &mut summary, &mut drawn)?;
    summary.undrawn.retain(|entity| !drawn.contains(entity));
    summary.undrawn.sort_unstable();
    summary.undrawn.dedup();
    summary.features = drawn.len() as u64;
    summary.bbox = root.bounds;
    tileset::write(&dir.join("tileset.json"), &root, root_transform)?;
    Ok(summary)
}

/// Writes one file whole.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TilesError> {
    fs::write(path, bytes).map_err(|source| TilesError::Write { path: path.to_path_buf(), source })
}
