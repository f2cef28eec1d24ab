//! What is placed into tiles: an entity with all its meshes, or a piece of one that is
//! too large for a tile.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use twin_model::{BoundingBox, EntityId, EntityKind};

use super::{
    TilesSummary, clean, clip,
    edges::{self, Segment},
};
use crate::mesh::{ElementMesh, MaterialClass};

/// Triangles above which an element is cut, and which a tile should not exceed.
pub(super) const TILE_TRIANGLES: usize = 60_000;
/// Extent above which 16-bit positions would be coarser than 5 mm: 65,535 steps of at
/// most 10 mm, less a margin for what sticks out of a cell.
pub(super) const TILE_EXTENT_M: f64 = 600.0;

/// One thing to place.
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
    /// How much it matters from afar: its diagonal, m.
    pub(super) fn size(&self) -> f64 {
        clean::length(self.bounds.size())
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
fn find_edges(kind: EntityKind, meshes: &[ElementMesh]) -> Vec<Segment> {
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

/// Cleans the meshes, groups them by entity in the order of ids, and cuts what is too
/// large for one tile.
pub(super) fn gather(
    meshes: Vec<ElementMesh>,
    kinds: &HashMap<EntityId, EntityKind>,
    summary: &mut TilesSummary,
) -> Vec<Item> {
    let mut by_entity: BTreeMap<EntityId, Vec<ElementMesh>> = BTreeMap::new();
    for mesh in meshes {
        by_entity.entry(mesh.entity.clone()).or_default().push(mesh);
    }
    let mut items = Vec::with_capacity(by_entity.len());
    for (entity, mut meshes) in by_entity {
        let dropped: u64 = meshes.iter_mut().map(clean::clean).sum();
        if dropped > 0 {
            summary.dropped_triangles += dropped;
            summary.dropped.push((entity.clone(), dropped));
        }
        meshes.retain(|mesh| !mesh.indices.is_empty());
        // Readers tessellate in parallel: the order of meshes is theirs, the bytes are ours.
        meshes.sort_by(same_order);
        // Whatever is drawn is taken off this list again when its tile is written.
        summary.undrawn.push(entity.clone());
        let kind = kinds.get(&entity).copied().unwrap_or(EntityKind::Element);
        let Some(item) = whole(entity, kind, meshes) else { continue };
        let wide = item.bounds.size().iter().any(|extent| *extent > TILE_EXTENT_M);
        if wide || item.triangles > TILE_TRIANGLES {
            let segments = find_edges(item.kind, &item.meshes);
            clip::cut(item, segments, &mut items);
        } else {
            items.push(item);
        }
    }
    items
}

/// An order of one entity's meshes by what they hold.
fn same_order(a: &ElementMesh, b: &ElementMesh) -> Ordering {
    let numbers = |a: &[f32; 3], b: &[f32; 3]| a.map(f32::to_bits).cmp(&b.map(f32::to_bits));
    (a.class, a.rgba, a.origin.map(f64::to_bits), a.indices.len())
        .cmp(&(b.class, b.rgba, b.origin.map(f64::to_bits), b.indices.len()))
        .then_with(|| {
            let pairs = a.positions.iter().zip(&b.positions);
            pairs.map(|(a, b)| numbers(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        })
        .then_with(|| a.indices.cmp(&b.indices))
}

/// An entity with its meshes; nothing when nothing of it can be drawn.
pub(super) fn whole(entity: EntityId, kind: EntityKind, meshes: Vec<ElementMesh>) -> Option<Item> {
    let bounds = meshes.iter().filter_map(clean::bounds).reduce(|a, b| a.union(&b))?;
    let triangles = meshes.iter().map(|mesh| mesh.indices.len() / 3).sum();
    let storey = meshes.iter().find_map(|mesh| mesh.storey.clone());
    Some(Item { entity, storey, kind, meshes, bounds, triangles, edges: None })
}
