//! A mesh while it is put together from flat facets.

use twin_model::{BoundingBox, EntityId};

use crate::mesh::{ElementMesh, MaterialClass};

/// Facets in the local frame, m.
#[derive(Debug, Default)]
pub(super) struct Shape {
    positions: Vec<[f64; 3]>,
    normals: Vec<[f32; 3]>,
    indices: Vec<u32>,
}

impl Shape {
    /// Adds a vertex and returns its index.
    pub(super) fn vertex(&mut self, position: [f64; 3], normal: [f64; 3]) -> u32 {
        let length = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
        let normal = if length > 0.0 { normal.map(|x| (x / length) as f32) } else { [0.0; 3] };
        self.positions.push(position);
        self.normals.push(normal);
        (self.positions.len() - 1) as u32
    }

    /// Adds a triangle, counter-clockwise seen from outside.
    pub(super) fn triangle(&mut self, corners: [u32; 3]) {
        self.indices.extend(corners);
    }

    /// Adds a flat triangle that looks up, whichever way round it is given.
    pub(super) fn up(&mut self, corners: [[f64; 3]; 3]) {
        let [a, b, c] = corners;
        let turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        let ids = corners.map(|corner| self.vertex(corner, [0.0, 0.0, 1.0]));
        self.triangle(if turn >= 0.0 { ids } else { [ids[0], ids[2], ids[1]] });
    }

    /// Takes all triangles out; nothing is left.
    pub(super) fn take_triangles(&mut self) -> Vec<[[f64; 3]; 3]> {
        let Self { positions, indices, .. } = std::mem::take(self);
        let corner = |i: u32| positions[i as usize];
        indices.chunks_exact(3).map(|t| [corner(t[0]), corner(t[1]), corner(t[2])]).collect()
    }

    /// Adds everything of another shape.
    pub(super) fn append(&mut self, other: Self) {
        let first = self.positions.len() as u32;
        self.positions.extend(other.positions);
        self.normals.extend(other.normals);
        self.indices.extend(other.indices.into_iter().map(|index| index + first));
    }

    /// Adds an upright wall over the way from `a` to `b`, seen from its right-hand side.
    pub(super) fn wall(&mut self, a: [f64; 3], b: [f64; 3], bottom: f64, top: f64) {
        let normal = [b[1] - a[1], a[0] - b[0], 0.0];
        let ids = [(a, bottom), (b, bottom), (b, top), (a, top)]
            .map(|(p, up)| self.vertex([p[0], p[1], p[2] + up], normal));
        self.triangle([ids[0], ids[1], ids[2]]);
        self.triangle([ids[0], ids[2], ids[3]]);
    }

    /// The finished mesh and its box; nothing when it holds no triangle.
    pub(super) fn finish(
        self,
        entity: &EntityId,
        class: MaterialClass,
        [r, g, b]: [u8; 3],
    ) -> Option<(ElementMesh, BoundingBox)> {
        if self.indices.is_empty() {
            return None;
        }
        let bbox = BoundingBox::around(self.positions.iter().copied())?;
        // Single precision holds millimetres only near its zero.
        let origin = bbox.center().map(f64::round);
        let positions = self
            .positions
            .iter()
            .map(|p| [0, 1, 2].map(|axis| (p[axis] - origin[axis]) as f32))
            .collect();
        let mesh = ElementMesh {
            entity: entity.clone(),
            storey: None,
            class,
            origin,
            positions,
            normals: self.normals,
            indices: self.indices,
            rgba: [r, g, b, 255],
        };
        Some((mesh, bbox))
    }
}
