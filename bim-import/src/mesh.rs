//! Tessellated geometry between the readers (IFC, GIS) and the tile writer.

use twin_model::EntityId;

/// How a mesh is drawn; each class is one primitive, and one pipeline, per tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MaterialClass {
    /// Solid things; the name in the GLB is `opaque`.
    Opaque,
    /// Glass and everything else with authored transparency: `glass`.
    Glass,
    /// The volume of a space, drawn only when a layer needs it: `space`.
    Space,
    /// Ground, roads, green, water, footprints of the surroundings: `ground`.
    Ground,
}

/// One triangle mesh of one entity. An entity may have several, one per colour.
#[derive(Clone, Debug)]
pub struct ElementMesh {
    /// Whose geometry it is.
    pub entity: EntityId,
    /// The storey it stands in, if any: the viewer isolates by it.
    pub storey: Option<EntityId>,
    /// How it is drawn.
    pub class: MaterialClass,
    /// What `positions` count from, in the scene's local frame (x east, y north, z up), m.
    pub origin: [f64; 3],
    /// Vertices, m from `origin`.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals, one a vertex.
    pub normals: Vec<[f32; 3]>,
    /// Triangles, counter-clockwise seen from outside.
    pub indices: Vec<u32>,
    /// Authored colour, sRGB with straight alpha.
    pub rgba: [u8; 4],
}
