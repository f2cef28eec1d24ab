//! Writes 3D Tiles 1.1: `tileset.json` and quantised GLBs whose vertices carry feature
//! ids and whose property tables name the entities. `docs/tiles.md` describes the format.
//!
//! Geometry is merged per tile and material class, so that a viewer draws a tile in a
//! handful of calls and recolours elements through a texture indexed by feature id; a few
//! shapes that stand in many places of a tile are written once.
//! The same input gives the same bytes.

mod buffers;
mod buildings;
mod clean;
mod clip;
mod contents;
mod document;
mod edges;
mod glb;
mod homes;
#[cfg(test)]
mod instance_tests;
mod instances;
mod item;
mod metadata;
mod primitive;
mod quantize;
mod shell;
mod slot;
#[cfg(test)]
mod test_reader;
#[cfg(test)]
mod tests;
mod tileset;
mod tree;

use std::{
    fs,
    path::{Path, PathBuf},
};

use hashbrown::{HashMap, HashSet};
use sha2::{Digest, Sha256};
use thiserror::Error;
use twin_model::{BoundingBox, EntityId, EntityKind};

pub(crate) use clean::{REACH_M, Surface, bounds, clean};
pub(crate) use homes::Homes;

use crate::{
    mesh::ElementMesh,
    store::{MeshStore, Store, StoredMesh},
};

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
    /// Meshes that are written once in a file and drawn in several places of it.
    pub shapes: u64,
    /// Entities that are drawn so.
    pub copies: u64,
    /// Of the GLB files, those that show buildings from afar.
    pub shells: u64,
    /// Triangles of those, which are not in `triangles`.
    pub shell_triangles: u64,
    /// Bytes of those, which are in `bytes`.
    pub shell_bytes: u64,
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
    /// Changes with every byte of the tileset and its GLBs.
    pub sha256: [u8; 32],
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
    make_dir(dir)?;
    let failed = |source| TilesError::Write { path: dir.to_path_buf(), source };
    let mut store = MeshStore::local(Store::create(dir).map_err(failed)?);
    let meshes = meshes.into_iter().map(|mesh| store.stow(mesh)).collect();
    let watch = Watch { tell: &|_, _| {}, see: &|_| {} };
    write_stored(dir, meshes, &store, kinds, &Homes::default(), root_transform, watch)
}

/// Is told how many of the things to draw are written, and how many there are.
pub(crate) type Tell<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Who looks on while tiles are written: from several threads, in no order.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    pub(crate) tell: Tell<'a>,
    /// Is shown everything once, some of it at a time, so that it need not be read again.
    pub(crate) see: &'a (dyn Fn(&[&ElementMesh]) + Sync),
}

/// The same for meshes that lie in a store.
///
/// # Errors
/// As [`write()`], and when the store has lost something.
pub(crate) fn write_stored(
    dir: &Path,
    meshes: Vec<StoredMesh>,
    store: &MeshStore,
    kinds: &HashMap<EntityId, EntityKind>,
    homes: &Homes,
    root_transform: Option<[f64; 16]>,
    watch: Watch<'_>,
) -> Result<TilesSummary, TilesError> {
    make_dir(dir)?;
    let mut summary = TilesSummary::default();
    let mut hash = Sha256::new();
    let tree = buildings::build(slot::gather(meshes, store, kinds, &mut summary), homes, store);
    let mut drawn = HashSet::new();
    let root = contents::write(tree, dir, store, watch, &mut summary, &mut drawn, &mut hash)?;
    if let Some(source) = store.store().failure() {
        return Err(TilesError::Write { path: dir.to_path_buf(), source });
    }
    summary.undrawn.retain(|entity| !drawn.contains(entity));
    summary.undrawn.sort_unstable();
    summary.undrawn.dedup();
    summary.features = drawn.len() as u64;
    summary.bbox = root.bounds;
    tileset::write(&dir.join("tileset.json"), &root, root_transform, &mut hash)?;
    summary.sha256 = hash.finalize().into();
    Ok(summary)
}

fn make_dir(dir: &Path) -> Result<(), TilesError> {
    fs::create_dir_all(dir).map_err(|source| TilesError::Write { path: dir.to_path_buf(), source })
}

/// Writes one file whole.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TilesError> {
    fs::write(path, bytes).map_err(|source| TilesError::Write { path: path.to_path_buf(), source })
}
