//! Takes out of a mesh what cannot be drawn, before anything else looks at it.

use twin_model::BoundingBox;

use crate::{
    mesh::ElementMesh,
    vector::{cross, length, sub},
};

/// Farther than this from the local frame's origin is a broken coordinate, not a place:
/// no campus is 2,000 km wide.
pub(crate) const REACH_M: f64 = 2.0e6;
/// Twice the area below which a triangle has no usable normal, m².
const MIN_DOUBLE_AREA_M2: f64 = 1.0e-10;

/// What cleaning a mesh found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cleaned {
    /// Unusable triangles, taken out.
    pub(crate) dropped: u64,
    /// Those of them that are sound, and lie or reach too far from the origin.
    pub(crate) too_far: u64,
    /// The surface that is left.
    pub(crate) surface: Surface,
    /// Box around it; absent when nothing is left.
    pub(crate) bounds: Option<BoundingBox>,
}

/// How large a surface is and where its middle lies: sums of its triangles', so that they
/// can be summed again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Surface {
    /// m².
    pub(crate) area: f64,
    /// Sum of each triangle's middle times its area, local frame, m³.
    pub(crate) moment: [f64; 3],
}

impl Surface {
    fn add(&mut self, [a, b, c]: [[f64; 3]; 3], area: f64) {
        self.area += area;
        for axis in 0..3 {
            self.moment[axis] += area * (a[axis] + b[axis] + c[axis]) / 3.0;
        }
    }
}

/// Drops unusable triangles, completes missing normals and measures what is left.
pub(crate) fn clean(mesh: &mut ElementMesh) -> Cleaned {
    let stray = mesh.indices.len() % 3;
    let whole = mesh.indices.len() / 3;
    let mut cleaned = Cleaned::default();
    let mut kept = Vec::with_capacity(whole * 3);
    for corners in mesh.indices.chunks_exact(3) {
        let corners = [corners[0], corners[1], corners[2]];
        let Some(points) = points(mesh, corners) else { continue };
        let reaches = points.iter().map(|point| length(*point)).fold(0.0, f64::max);
        if reaches >= REACH_M {
            cleaned.too_far += u64::from(reaches.is_finite());
            continue;
        }
        let Some(area) = area(points) else { continue };
        cleaned.surface.add(points, area);
        cleaned.bounds = points.iter().fold(cleaned.bounds, |bounds, point| {
            let point = BoundingBox { min: *point, max: *point };
            Some(bounds.map_or(point, |bounds| bounds.union(&point)))
        });
        kept.extend(corners);
    }
    cleaned.dropped = (whole - kept.len() / 3 + usize::from(stray > 0)) as u64;
    mesh.indices = kept;
    // A zero normal means "take the face's": see `primitive`.
    mesh.normals.resize(mesh.positions.len(), [0.0; 3]);
    cleaned
}

/// The corners of a triangle; nothing where one is no place.
fn points(mesh: &ElementMesh, corners: [u32; 3]) -> Option<[[f64; 3]; 3]> {
    let [a, b, c] = corners.map(|corner| point(mesh, corner));
    let points = [a?, b?, c?];
    (!points.iter().flatten().any(|x| x.is_nan())).then_some(points)
}

/// The area of a triangle, m²; nothing where it has no usable normal.
fn area([a, b, c]: [[f64; 3]; 3]) -> Option<f64> {
    let double_area = length(cross(sub(b, a), sub(c, a)));
    (double_area > MIN_DOUBLE_AREA_M2).then_some(double_area / 2.0)
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
