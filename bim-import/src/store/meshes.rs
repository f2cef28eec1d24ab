//! Meshes in the store, cleaned, with what a tile tree needs to know of them in memory.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use twin_model::{BoundingBox, EntityId};

use super::{Span, Store};
use crate::{
    mesh::{ElementMesh, MaterialClass},
    packed,
    tiles::{self, Surface},
};

/// Coordinates beyond this are a map's, m.
const FAR_M: f64 = 100_000.0;

/// A mesh that lies in a [`MeshStore`].
#[derive(Clone, Debug)]
pub(crate) struct StoredMesh {
    pub(crate) entity: EntityId,
    pub(crate) storey: Option<EntityId>,
    pub(crate) class: MaterialClass,
    pub(crate) rgba: [u8; 4],
    /// Box around its usable triangles; absent when it has none.
    pub(crate) bounds: Option<BoundingBox>,
    /// Usable triangles.
    pub(crate) triangles: usize,
    /// Unusable ones, left out.
    pub(crate) dropped: u64,
    /// The surface of all usable ones; nothing for pieces of a mesh that was cut.
    pub(crate) surface: Surface,
    /// Whether nothing is left of it, since it lies or reaches too far from the origin.
    pub(crate) is_too_far: bool,
    /// A hash of its geometry: a fixed order for meshes that are alike otherwise.
    pub(crate) content: u64,
    span: Span,
}

/// What of a mesh lies on disk, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    origin: [f64; 3],
    #[serde(serialize_with = "packed::f32s::serialize")]
    positions: &'a [f32],
    #[serde(serialize_with = "packed::f32s::serialize")]
    normals: &'a [f32],
    #[serde(serialize_with = "packed::u32s::serialize")]
    indices: &'a [u32],
}

/// The same, as it is read.
#[derive(Deserialize)]
struct Record {
    origin: [f64; 3],
    #[serde(with = "packed::f32s")]
    positions: Vec<f32>,
    #[serde(with = "packed::f32s")]
    normals: Vec<f32>,
    #[serde(with = "packed::u32s")]
    indices: Vec<u32>,
}

/// Where a scene's meshes lie, and the place that they count from.
#[derive(Clone, Debug)]
pub(crate) struct MeshStore {
    store: Store,
    shift: Option<[f64; 3]>,
}

impl MeshStore {
    /// For meshes in a local frame, which are kept as they are.
    pub(crate) fn local(store: Store) -> Self {
        Self { store, shift: Some([0.0; 3]) }
    }

    /// For meshes in coordinates of a source, which may be a map's: too large for the
    /// vertices of tiles. They are counted from a round place near the first mesh.
    pub(crate) fn near_first(store: Store) -> Self {
        Self { store, shift: None }
    }

    /// The bytes below.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What has to be added to stored coordinates, m.
    pub(crate) fn shift(&self) -> [f64; 3] {
        self.shift.unwrap_or_default()
    }

    /// Moves, cleans and stores a mesh.
    pub(crate) fn stow(&mut self, mut mesh: ElementMesh) -> StoredMesh {
        let round = |value: f64| {
            if value.abs() > FAR_M { (value / 1_000.0).round() * 1_000.0 } else { 0.0 }
        };
        let shift = *self.shift.get_or_insert_with(|| mesh.origin.map(round));
        mesh.origin = [0, 1, 2].map(|axis| mesh.origin[axis] - shift[axis]);
        let cleaned = tiles::clean(&mut mesh);
        let stored = self.push(&mesh, cleaned.bounds);
        StoredMesh {
            dropped: cleaned.dropped,
            surface: cleaned.surface,
            is_too_far: stored.triangles == 0 && cleaned.too_far > 0,
            ..stored
        }
    }

    /// Stores a piece of a clean mesh.
    pub(crate) fn keep(&self, mesh: &ElementMesh) -> StoredMesh {
        self.push(mesh, tiles::bounds(mesh))
    }

    fn push(&self, mesh: &ElementMesh, bounds: Option<BoundingBox>) -> StoredMesh {
        let record = Written {
            origin: mesh.origin,
            positions: mesh.positions.as_flattened(),
            normals: mesh.normals.as_flattened(),
            indices: &mesh.indices,
        };
        let size = 24 * mesh.positions.len() + 4 * mesh.indices.len() + 64;
        // Writing numbers into a growing list cannot fail.
        let bytes = postcard::to_extend(&record, Vec::with_capacity(size)).unwrap_or_default();
        let mut hasher = FxHasher::default();
        hasher.write(&bytes);
        StoredMesh {
            entity: mesh.entity.clone(),
            storey: mesh.storey.clone(),
            class: mesh.class,
            rgba: mesh.rgba,
            bounds,
            triangles: mesh.indices.len() / 3,
            dropped: 0,
            surface: Surface::default(),
            is_too_far: false,
            content: hasher.finish(),
            span: self.store.push(&bytes),
        }
    }

    /// Reads a mesh back; one without triangles where the store has failed.
    pub(crate) fn load(&self, stored: &StoredMesh) -> ElementMesh {
        let bytes = self.store.read(stored.span);
        let record = postcard::from_bytes::<Record>(&bytes).ok();
        let triples = |numbers: Vec<f32>| numbers.as_chunks::<3>().0.to_vec();
        let (origin, positions, normals, indices) = match record {
            Some(Record { origin, positions, normals, indices }) => {
                (origin, triples(positions), triples(normals), indices)
            }
            None => Default::default(),
        };
        ElementMesh {
            entity: stored.entity.clone(),
            storey: stored.storey.clone(),
            class: stored.class,
            origin,
            positions,
            normals,
            indices,
            rgba: stored.rgba,
        }
    }
}
