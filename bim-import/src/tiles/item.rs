//! What a tile is made of: an entity with all its meshes, or a piece of one that is too
//! large for a tile.

use glam::DVec3;
use twin_model::{BoundingBox, EntityId, EntityKind};

use super::{
    clean,
    edges::{self, Segment},
};
use crate::mesh::{ElementMesh, MaterialClass};

/// Triangles above which an element is cut, and which a tile should not exceed.
pub(super) const TILE_TRIANGLES: usize = 60_000;
/// Extent above which 16-bit positions would be coarser than 5 mm: 65,535 steps of at
/// most 10 mm, less a margin for what sticks out of a cell.
pub(super) const TILE_EXTENT_M: f64 = 600.0;

/// One thing in a tile.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) entity: EntityId,
    pub(super) storey: Option<EntityId>,
    pub(super) kind: EntityKind,
    pub(super) meshes: Vec<ElementMesh>,
    pub(super) bounds: BoundingBox,
    pub(super) triangles: usize,
    /// Edges found before the element was cut; absent for whole elements, whose edges
    /// are found when their tile is written.
    pub(super) edges: Option<Vec<Segment>>,
}

impl Item {
    /// The same, whole, in another place.
    pub(super) fn moved(&self, by: DVec3) -> Self {
        let moved = |point: [f64; 3]| (DVec3::from(point) + by).to_array();
        let mesh = |mesh: &ElementMesh| ElementMesh { origin: moved(mesh.origin), ..mesh.clone() };
        Self {
            entity: self.entity.clone(),
            storey: self.storey.clone(),
            meshes: self.meshes.iter().map(mesh).collect(),
            bounds: BoundingBox { min: moved(self.bounds.min), max: moved(self.bounds.max) },
            edges: None,
            ..*self
        }
    }

    /// Its crease and boundary edges: those of solids and glass, then those of spaces.
    pub(super) fn segments(&self) -> Vec<Segment> {
        match &self.edges {
            Some(edges) => edges.clone(),
            None => find_edges(self.kind, &self.meshes),
        }
    }
}

/// Edges per class, so that a pane does not outline its frame.
pub(super) fn find_edges(kind: EntityKind, meshes: &[ElementMesh]) -> Vec<Segment> {
    let classes =
        [MaterialClass::Opaque, MaterialClass::Glass, MaterialClass::Space, MaterialClass::Ground];
    let mut segments = Vec::new();
    for class in classes {
        // Roads and lawns are areas of colour; only a building's footprint is outlined.
        if class == MaterialClass::Ground && kind != EntityKind::Building {
            continue;
        }
        let meshes = meshes.iter().filter(|mesh| mesh.class == class);
        edges::find(meshes, class == MaterialClass::Space, &mut segments);
    }
    segments
}

/// An entity with its meshes; nothing when nothing of it can be drawn.
pub(super) fn whole(entity: EntityId, kind: EntityKind, meshes: Vec<ElementMesh>) -> Option<Item> {
    let bounds = meshes.iter().filter_map(clean::bounds).reduce(|a, b| a.union(&b))?;
    let triangles = meshes.iter().map(|mesh| mesh.indices.len() / 3).sum();
    let storey = meshes.iter().find_map(|mesh| mesh.storey.clone());
    Some(Item { entity, storey, kind, meshes, bounds, triangles, edges: None })
}
