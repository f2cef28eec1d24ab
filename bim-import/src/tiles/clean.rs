//! Takes out of a mesh what cannot be drawn, before anything else looks at it.

use twin_model::BoundingBox;

use crate::{
    mesh::ElementMesh,
    vector::{cross, length, sub},
};

/// Farther than this from the local frame's origin is a broken coordinate, not a place:
/// no campus is 2,000 km wide.
const REACH_M: f64 = 2.0e6;
/// Twice the area below which a triangle has no usable normal, m².
const MIN_DOUBLE_AREA_M2: f64 = 1.0e-10;

/// Drops unusable triangles, completes missing normals and returns how many were dropped.
pub(crate) fn clean(mesh: &mut ElementMesh) -> u64 {
    let stray = mesh.indices.len() % 3;
    let whole = mesh.indices.len() / 3;
    let mut kept = Vec::with_capacity(whole * 3);
    for corners in mesh.indices.chunks_exact(3) {
        let corners = [corners[0], corners[1], corners[2]];
        if is_usable(mesh, corners) {
            kept.extend(corners);
        }
    }
    let dropped = whole - kept.len() / 3 + usize::from(stray > 0);
    mesh.indices = kept;
    // A zero normal means "take the face's": see `primitive`.
    mesh.normals.resize(mesh.positions.len(), [0.0; 3]);
    dropped as u64
}

fn is_usable(mesh: &ElementMesh, corners: [u32; 3]) -> bool {
    let points = corners.map(|corner| point(mesh, corner));
    let [Some(a), Some(b), Some(c)] = points else { return false };
    let reachable = [a, b, c].iter().flatten().all(|x| x.is_finite() && x.abs() < REACH_M);
    reachable && length(cross(sub(b, a), sub(c, a))) > MIN_DOUBLE_AREA_M2
}

/// A vertex in the local frame, m; nothing where the index points at no vertex.
fn point(mesh: &ElementMesh, index: u32) -> Option<[f64; 3]> {
    let position = mesh.positions.get(index as usize)?;
    Some([0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(position[axis])))
}

/// The corners of every triangle of a cleaned mesh, local frame, m.
pub(super) fn triangles(mesh: &ElementMesh) -> impl Iterator<Item = [[f64; 3]; 3]> + '_ {
    mesh.indices.chunks_exact(3).map(|corners| {
        [0, 1, 2].map(|i| {
            let position = mesh.positions[corners[i] as usize];
            [0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(position[axis]))
        })
    })
}

/// The box around the used vertices of a cleaned mesh.
pub(crate) fn bounds(mesh: &ElementMesh) -> Option<BoundingBox> {
    BoundingBox::around(triangles(mesh).flatten())
}
