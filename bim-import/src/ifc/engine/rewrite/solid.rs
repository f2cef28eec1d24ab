//! Solids of construction that the engine lacks: cylinder, cone and pyramid.

use std::f64::consts::TAU;

use ifc_lite_core::DecodedEntity;

use super::{Kind, Writer, curve, positive, reference};
use crate::vector::{add, cross, dot, scale, sub, unit};

/// Sides of a cone.
const SIDES: usize = 36;

/// A cylinder is an extruded circle.
pub(super) fn cylinder(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let (height, radius) = (positive(record, 1)?, positive(record, 2)?);
    let circle = writer.add(&format!("IFCCIRCLEPROFILEDEF(.AREA.,$,$,{radius:?})"))?;
    let up = writer.add("IFCDIRECTION((0.,0.,1.))")?;
    let position = reference(record.get_ref(0));
    writer.put(record.id, &format!("IFCEXTRUDEDAREASOLID(#{circle},{position},#{up},{height:?})"));
    Some(())
}

/// A cone or a pyramid: a base and a tip.
pub(super) fn spire(writer: &mut Writer<'_>, record: &DecodedEntity, kind: Kind) -> Option<()> {
    let at = |slot| positive(record, slot);
    let (base, tip): (Vec<[f64; 3]>, [f64; 3]) = if kind == Kind::Cone {
        let (height, radius) = (at(1)?, at(2)?);
        let corner = |side: usize| {
            let (sin, cos) = (TAU * side as f64 / SIDES as f64).sin_cos();
            [radius * cos, radius * sin, 0.0]
        };
        ((0..SIDES).map(corner).collect(), [0.0, 0.0, height])
    } else {
        let (x, y, height) = (at(1)?, at(2)?, at(3)?);
        (vec![[0.0; 3], [x, 0.0, 0.0], [x, y, 0.0], [0.0, y, 0.0]], [x / 2.0, y / 2.0, height])
    };
    let frame = frame(writer, record.get_ref(0))?;
    let points: Vec<[f64; 3]> =
        base.iter().chain([&tip]).map(|point| place(&frame, *point)).collect();
    let n = base.len();
    let mut triangles: Vec<[usize; 3]> = (0..n).map(|side| [side, (side + 1) % n, n]).collect();
    triangles.extend((1..n - 1).map(|side| [0, side + 1, side]));
    writer.mesh(record.id, &points, &triangles, true)
}

/// Origin and axes of an `IfcAxis2Placement3D`.
pub(super) fn frame(writer: &Writer<'_>, placement: Option<u32>) -> Option<[[f64; 3]; 4]> {
    let Some(id) = placement else {
        return Some([[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    };
    let record = writer.get(id)?;
    let origin = curve::point(writer, record.get_ref(0)?)?;
    let direction = |slot: usize, default: [f64; 3]| match record.get_ref(slot) {
        None => Some(default),
        Some(id) => curve::direction(writer, id),
    };
    let z = unit(direction(1, [0.0, 0.0, 1.0])?);
    let [x, y] = across(z, direction(2, [1.0, 0.0, 0.0])?);
    Some([origin, x, y, z])
}

/// The two axes across `z`, the first as near to `wish` as can be.
pub(super) fn across(z: [f64; 3], wish: [f64; 3]) -> [[f64; 3]; 2] {
    let part = |wish: [f64; 3]| sub(wish, scale(z, dot(wish, z)));
    let lies_along = |wish: [f64; 3]| dot(part(wish), part(wish)) < 1e-18;
    let wish = [wish, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]].into_iter().find(|wish| !lies_along(*wish));
    let x = unit(part(wish.unwrap_or([0.0, 0.0, 1.0])));
    [x, cross(z, x)]
}

/// A point counted along a frame's axes, where the frame stands.
pub(super) fn place([origin, x, y, z]: &[[f64; 3]; 4], point: [f64; 3]) -> [f64; 3] {
    let moved = add(scale(*x, point[0]), add(scale(*y, point[1]), scale(*z, point[2])));
    add(*origin, moved)
}
