//! What is placed into the tree of tiles: where an item's meshes lie in the store, and as
//! much of it as decides its place. The geometry itself is read when its tile is written.

use hashbrown::HashMap;
use twin_model::{BoundingBox, EntityId, EntityKind};

use super::{
    TilesSummary, clip,
    edges::Segment,
    item::{Item, TILE_EXTENT_M, TILE_TRIANGLES, find_edges},
};
use crate::{
    mesh::ElementMesh,
    store::{MeshStore, Span, StoredMesh},
    vector::length,
};

/// One thing to place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) entity: EntityId,
    pub(super) kind: EntityKind,
    pub(super) bounds: BoundingBox,
    pub(super) triangles: usize,
    meshes: Vec<StoredMesh>,
    /// Edges found before the element was cut; absent for whole elements.
    edges: Option<Span>,
}

impl Slot {
    /// A slot for meshes of one entity; nothing when nothing of them can be drawn.
    fn new(kind: EntityKind, meshes: Vec<StoredMesh>) -> Option<Self> {
        let bounds = meshes.iter().filter_map(|mesh| mesh.bounds).reduce(|a, b| a.union(&b))?;
        Some(Self {
            entity: meshes.first()?.entity.clone(),
            kind,
            bounds,
            triangles: meshes.iter().map(|mesh| mesh.triangles).sum(),
            meshes,
            edges: None,
        })
    }

    /// A slot for meshes that were made here, without edges of their own.
    pub(super) fn without_edges(
        kind: EntityKind,
        meshes: &[ElementMesh],
        store: &MeshStore,
    ) -> Option<Self> {
        let meshes = meshes.iter().map(|mesh| store.keep(mesh));
        let meshes = meshes.filter(|mesh| mesh.triangles > 0).collect();
        Some(Self { edges: Some(store.store().push(&[])), ..Self::new(kind, meshes)? })
    }

    /// The storey it stands in.
    pub(super) fn storey(&self) -> Option<&EntityId> {
        self.meshes.iter().find_map(|mesh| mesh.storey.as_ref())
    }

    /// How much it matters from afar: its diagonal, m.
    pub(super) fn size(&self) -> f64 {
        length(self.bounds.size())
    }

    /// Reads its geometry.
    pub(super) fn load(&self, store: &MeshStore) -> Item {
        Item {
            entity: self.entity.clone(),
            storey: self.storey().cloned(),
            kind: self.kind,
            meshes: self.meshes.iter().map(|mesh| store.load(mesh)).collect(),
            bounds: self.bounds,
            triangles: self.triangles,
            edges: self.edges.map(|span| read_edges(&store.store().read(span))),
        }
    }

    /// Puts a piece that was cut back into the store.
    fn keep(piece: &Item, store: &MeshStore) -> Option<Self> {
        let meshes = piece.meshes.iter().map(|mesh| store.keep(mesh)).collect();
        let edges = piece.edges.as_ref().map(|edges| store.store().push(&write_edges(edges)));
        // Edges may reach a little beyond the triangles.
        Some(Self { bounds: piece.bounds, edges, ..Self::new(piece.kind, meshes)? })
    }
}

/// Six coordinates and a flag a segment.
const SEGMENT_BYTES: usize = 6 * 8 + 1;

fn write_edges(edges: &[Segment]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(edges.len() * SEGMENT_BYTES);
    for edge in edges {
        edge.ends.as_flattened().iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        bytes.push(edge.space.into());
    }
    bytes
}

fn read_edges(bytes: &[u8]) -> Vec<Segment> {
    let segment = |bytes: &[u8]| {
        let number = |n: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[n * 8..n * 8 + 8]);
            f64::from_le_bytes(eight)
        };
        let end = |n: usize| [number(n), number(n + 1), number(n + 2)];
        Segment { ends: [end(0), end(3)], space: bytes[SEGMENT_BYTES - 1] != 0 }
    };
    bytes.chunks_exact(SEGMENT_BYTES).map(segment).collect()
}

/// Groups meshes by entity in the order of ids, and cuts what is too large for one tile.
pub(super) fn gather(
    mut meshes: Vec<StoredMesh>,
    store: &MeshStore,
    kinds: &HashMap<EntityId, EntityKind>,
    summary: &mut TilesSummary,
) -> Vec<Slot> {
    // Readers tessellate in parallel: the order of meshes is theirs, the bytes are ours.
    meshes.sort_by(|a, b| {
        a.entity.cmp(&b.entity).then_with(|| {
            let order = |mesh: &StoredMesh| (mesh.class, mesh.rgba, mesh.triangles, mesh.content);
            order(a).cmp(&order(b))
        })
    });
    let mut slots = Vec::with_capacity(meshes.len());
    let mut meshes = meshes.into_iter();
    while let Some(first) = meshes.as_slice().first() {
        let entity = first.entity.clone();
        let count = meshes.as_slice().iter().take_while(|mesh| mesh.entity == entity).count();
        // A list of just that length: there are as many of them as there are elements.
        let mut own: Vec<StoredMesh> = meshes.by_ref().take(count).collect();
        let dropped: u64 = own.iter().map(|mesh| mesh.dropped).sum();
        if dropped > 0 {
            summary.dropped_triangles += dropped;
            summary.dropped.push((entity.clone(), dropped));
        }
        own.retain(|mesh| mesh.triangles > 0);
        // Whatever is drawn is taken off this list again when its tile is written.
        summary.undrawn.push(entity.clone());
        let kind = kinds.get(&entity).copied().unwrap_or(EntityKind::Element);
        let Some(slot) = Slot::new(kind, own) else { continue };
        let wide = slot.bounds.size().iter().any(|extent| *extent > TILE_EXTENT_M);
        if wide || slot.triangles > TILE_TRIANGLES {
            cut(&slot, store, &mut slots);
        } else {
            slots.push(slot);
        }
    }
    slots
}

fn cut(slot: &Slot, store: &MeshStore, slots: &mut Vec<Slot>) {
    let item = slot.load(store);
    let segments = find_edges(item.kind, &item.meshes);
    let mut pieces = Vec::new();
    clip::cut(item, segments, &mut pieces);
    slots.extend(pieces.iter().filter_map(|piece| Slot::keep(piece, store)));
}
