//! Tessellated geometry between the readers (IFC, GIS) and the tile writer.

use twin_model::EntityId;

use crate::vector::{add, cross, dot, sub};

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

/// Area vectors of a closed surface cancel out, but for this share of its area.
const OPEN_SHARE: f64 = 1.0e-4;

impl ElementMesh {
    /// Whether it bounds a solid with triangles that look outwards: then what looks away
    /// from the eye is hidden by the rest of it, and need not be drawn.
    pub(crate) fn is_solid(&self) -> bool {
        let Some(base) = self.positions.first() else { return false };
        let (mut sum, mut area, mut volume) = ([0.0; 3], 0.0, 0.0);
        for corners in self.indices.chunks_exact(3) {
            let local = |n: usize| {
                let position = self.positions.get(corners[n] as usize)?;
                Some([0, 1, 2].map(|axis| f64::from(position[axis] - base[axis])))
            };
            let (Some(a), Some(b), Some(c)) = (local(0), local(1), local(2)) else { return false };
            let vector = cross(sub(b, a), sub(c, a));
            sum = add(sum, vector);
            area += vector.iter().map(|part| part.abs()).sum::<f64>();
            volume += dot(a, vector);
        }
        // Not a number is neither.
        sum.iter().all(|part| part.abs() < OPEN_SHARE * area) && volume > 0.0
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
