//! Polygons: flat areas, and buildings drawn up from them.

use super::shape::Shape;
use crate::vector::area;

/// A polygon in the local frame: the outline, then its holes; none closed.
pub(super) type Rings = Vec<Vec<[f64; 3]>>;

/// How far the area of the triangles may differ from that of the outline before the
/// outline is called broken.
pub(super) const AREA_TOLERANCE: f64 = 0.01;

/// A triangulated polygon.
pub(super) struct Flat {
    triangles: Vec<[[f64; 3]; 3]>,
    /// Whether the outline crosses itself or its holes: what is drawn is a guess.
    pub(super) broken: bool,
}

/// Triangulates a polygon as seen from above.
pub(super) fn flat(rings: &Rings) -> Result<Flat, String> {
    let points: Vec<[f64; 3]> = rings.concat();
    let coordinates: Vec<f64> = points.iter().flat_map(|p| [p[0], p[1]]).collect();
    let holes: Vec<usize> = rings
        .iter()
        .scan(0, |start, ring| {
            *start += ring.len();
            Some(*start)
        })
        .take(rings.len().saturating_sub(1))
        .collect();
    let indices = earcutr::earcut(&coordinates, &holes, 2)
        .map_err(|error| format!("cannot be triangulated: {error:?}"))?;
    let triangles: Vec<[[f64; 3]; 3]> = indices
        .chunks_exact(3)
        .map(|corners| [points[corners[0]], points[corners[1]], points[corners[2]]])
        .collect();
    if triangles.is_empty() {
        return Err("has no area".into());
    }
    let outline =
        area(&rings[0]).abs() - rings[1..].iter().map(|ring| area(ring).abs()).sum::<f64>();
    let drawn: f64 = triangles.iter().map(|corners| area(corners).abs()).sum();
    let broken = (drawn - outline).abs() > AREA_TOLERANCE * outline.abs().max(0.01);
    Ok(Flat { triangles, broken })
}

/// Adds a flat polygon, `up` metres above its vertices.
pub(super) fn lay(flat: &Flat, up: f64, shape: &mut Shape) {
    for corners in &flat.triangles {
        shape.up(corners.map(|p| [p[0], p[1], p[2] + up]));
    }
}

/// Adds the solid over a polygon, from `bottom` to `top` above the ground, level on top.
pub(super) fn extrude(flat: &Flat, rings: &Rings, bottom: f64, top: f64, shape: &mut Shape) {
    // Ground heights may differ around a building; its roof is level.
    let ground = rings[0].iter().map(|p| p[2]).fold(f64::INFINITY, f64::min);
    for corners in &flat.triangles {
        shape.up(corners.map(|p| [p[0], p[1], ground + top]));
        if bottom > 0.0 {
            let ids = corners.map(|p| [p[0], p[1], ground + bottom]);
            down(ids, shape);
        }
    }
    for (n, ring) in rings.iter().enumerate() {
        // Walls are seen from the right of their way: outlines run counter-clockwise,
        // holes clockwise.
        let forward = (area(ring) > 0.0) == (n == 0);
        for (i, a) in ring.iter().enumerate() {
            let b = ring[(i + 1) % ring.len()];
            let (a, b) = if forward { (*a, b) } else { (b, *a) };
            let level = |p: [f64; 3]| [p[0], p[1], ground];
            shape.wall(level(a), level(b), bottom, top);
        }
    }
}

fn down(corners: [[f64; 3]; 3], shape: &mut Shape) {
    let clockwise = area(&corners) <= 0.0;
    let ids = corners.map(|corner| shape.vertex(corner, [0.0, 0.0, -1.0]));
    shape.triangle(if clockwise { ids } else { [ids[0], ids[2], ids[1]] });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(size: f64, at: f64) -> Vec<[f64; 3]> {
        [[0.0, 0.0], [size, 0.0], [size, size], [0.0, size]]
            .map(|[x, y]| [x + at, y + at, 0.0])
            .to_vec()
    }

    #[test]
    fn holes_stay_open() {
        let rings = vec![square(10.0, 0.0), square(4.0, 3.0)];
        let flat = flat(&rings).unwrap();
        let area: f64 = flat.triangles.iter().map(|t| area(t).abs()).sum();
        assert!((area - 84.0).abs() < 1e-9, "{area}");
        assert!(!flat.broken);
    }

    #[test]
    fn a_bow_tie_is_called_broken() {
        let mut ring = square(10.0, 0.0);
        ring.swap(1, 2);
        assert!(
            flat(&vec![ring]).is_err_and(|reason| reason.contains("area")) || {
                let mut ring = square(10.0, 0.0);
                ring.swap(1, 2);
                flat(&vec![ring]).unwrap().broken
            }
        );
    }

    #[test]
    fn an_extruded_ring_is_closed_and_looks_outwards() {
        for turned in [false, true] {
            let mut rings = vec![square(10.0, 0.0), square(4.0, 3.0)];
            if turned {
                rings.iter_mut().for_each(|ring| ring.reverse());
            }
            let flat = flat(&rings).unwrap();
            let mut shape = Shape::default();
            extrude(&flat, &rings, 1.0, 6.0, &mut shape);
            let (mesh, bbox) =
                shape.finish(&"b".into(), crate::mesh::MaterialClass::Opaque, [0; 3]).unwrap();
            assert_eq!(bbox.size(), [10.0, 10.0, 5.0]);
            // The divergence theorem: a closed, outward mesh encloses its volume.
            let volume: f64 = mesh
                .indices
                .chunks(3)
                .map(|t| {
                    let [a, b, c] =
                        [t[0], t[1], t[2]].map(|i| mesh.positions[i as usize].map(f64::from));
                    (a[0] * (b[1] * c[2] - b[2] * c[1])
                        + a[1] * (b[2] * c[0] - b[0] * c[2])
                        + a[2] * (b[0] * c[1] - b[1] * c[0]))
                        / 6.0
                })
                .sum();
            assert!((volume - 84.0 * 5.0).abs() < 1e-3, "{volume}");
        }
    }
}
