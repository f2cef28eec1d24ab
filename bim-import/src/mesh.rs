//! Tessellated geometry between the readers (IFC, GIS) and the tile writer.

use twin_model::EntityId;

use crate::vector::{add, cross, dot, length, sub};

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

/// What triangles enclose, summed up one by one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hull {
    /// Sum of the area vectors, m²: nothing where the surface is closed.
    vector: [f64; 3],
    /// m².
    pub(crate) area: f64,
    /// Signed, m³; means something only where the surface is closed.
    pub(crate) volume: f64,
}

impl Hull {
    /// Adds a triangle, m from a place near all of them, where `f64` is exact enough.
    pub(crate) fn add(&mut self, [a, b, c]: [[f64; 3]; 3]) {
        let twice = cross(sub(b, a), sub(c, a));
        self.vector = add(self.vector, twice.map(|part| part / 2.0));
        self.area += length(twice) / 2.0;
        self.volume += dot(a, twice) / 6.0;
    }

    /// Whether the area vectors cancel out, but for a share of the area. What is not a
    /// number is not closed.
    pub(crate) fn is_closed(&self, share: f64) -> bool {
        length(self.vector) <= share * self.area
    }
}

/// What is not closed to this share would show its inside where it is drawn without the
/// triangles that look away.
const OPEN_SHARE: f64 = 1.0e-4;

impl ElementMesh {
    /// Whether it bounds a solid with triangles that look outwards: then what looks away
    /// from the eye is hidden by the rest of it, and need not be drawn.
    pub(crate) fn is_solid(&self) -> bool {
        let Some(base) = self.positions.first() else { return false };
        let mut hull = Hull::default();
        for corners in self.indices.chunks_exact(3) {
            let local = |n: usize| {
                let position = self.positions.get(corners[n] as usize)?;
                Some([0, 1, 2].map(|axis| f64::from(position[axis] - base[axis])))
            };
            let (Some(a), Some(b), Some(c)) = (local(0), local(1), local(2)) else { return false };
            hull.add([a, b, c]);
        }
        hull.is_closed(OPEN_SHARE) && hull.volume > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tetrahedron() -> ElementMesh {
        ElementMesh {
            entity: "t".into(),
            storey: None,
            class: MaterialClass::Opaque,
            origin: [0.0; 3],
            positions: vec![[9.0, 9.0, 9.0], [10.0, 9.0, 9.0], [9.0, 10.0, 9.0], [9.0, 9.0, 10.0]],
            normals: Vec::new(),
            indices: vec![0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3],
            rgba: [0; 4],
        }
    }

    #[test]
    fn a_solid_is_closed_and_looks_outwards() {
        let solid = tetrahedron();
        assert!(solid.is_solid());
        let mut open = solid.clone();
        open.indices.truncate(9);
        let mut inverted = solid.clone();
        inverted.indices.reverse();
        let mut broken = solid.clone();
        broken.positions[3][2] = f32::NAN;
        let mut dangling = solid.clone();
        dangling.indices[0] = 7;
        let empty = ElementMesh { positions: Vec::new(), indices: Vec::new(), ..solid };
        for mesh in [open, inverted, broken, dangling, empty] {
            assert!(!mesh.is_solid(), "{mesh:?}");
        }
    }
}
