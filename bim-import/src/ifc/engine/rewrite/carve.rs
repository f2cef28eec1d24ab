//! Chains of booleans that take extrusions and half spaces from a block, as timber and
//! steel are modelled: done here in closed form. The engine's exact arithmetic, which is
//! right for any two meshes, takes most of the time of such files.

use ifc_lite_core::{AttributeValue, DecodedEntity};
use rustc_hash::FxHashSet;

use super::{
    Kind, Writer,
    convex::{self, Convex, Effort, Plane},
    curve, positive, profile,
    solid::{frame, place},
};
use crate::vector::{self, add, scale, turn};

/// Corners nearer than this are one, m.
const NEAR_M: f64 = 1e-5;
/// Longest chain, and most solids cut away in one, done here.
const MAX_CUTTERS: usize = 64;
/// Comparisons spent on one file, about a second: this runs before elements have limits of
/// their own. What is left then is the engine's.
const MAX_EFFORT: usize = 200_000_000;
/// Most corners of an outline.
const MAX_CORNERS: usize = 64;

/// Writes every chain of differences that can be done as the mesh it comes to.
pub(super) fn chains(writer: &mut Writer<'_>, candidates: &[(u32, Kind)]) {
    let mut inner: FxHashSet<u32> = FxHashSet::default();
    for &(id, kind) in candidates.iter().filter(|(_, kind)| is_tree(*kind)) {
        let slots: &[usize] = if kind == Kind::Csg { &[0] } else { &[1, 2] };
        let Some(record) = writer.get(id) else { continue };
        inner.extend(slots.iter().filter_map(|&slot| record.get_ref(slot)));
    }
    let mut effort = Effort(MAX_EFFORT);
    for &(id, kind) in candidates {
        if kind == Kind::Boolean && !inner.contains(&id) {
            let _: Option<()> = chain(writer, id, &mut effort);
        }
    }
}

fn is_tree(kind: Kind) -> bool {
    matches!(kind, Kind::Boolean | Kind::Csg)
}

/// Leaves the chain to the engine where something in it is not for us.
fn chain(writer: &mut Writer<'_>, id: u32, effort: &mut Effort) -> Option<()> {
    let near = NEAR_M / writer.metre;
    let mut passed = Vec::new();
    let mut cutters = Vec::new();
    let mut at = writer.get(id)?;
    while is_difference(&at) {
        let (first, second) = (at.get_ref(1)?, at.get_ref(2)?);
        let second = writer.get(second)?;
        cutters.extend(solids(writer, &second, near)?);
        passed.push(first);
        // Operands may name each other in a ring.
        if cutters.len().max(passed.len()) > MAX_CUTTERS {
            return None;
        }
        at = writer.get(first)?;
    }
    let body = solids(writer, &at, near)?;
    let [body] = &body[..] else { return None };
    if body.is_endless() {
        return None;
    }
    // As the file has it: the innermost cut comes first.
    cutters.reverse();
    cutters.retain(|cutter| cutter.may_touch(body, near));
    let mesh = convex::carve(body, &cutters, near, effort)?;
    writer.mesh(id, &mesh.points, &mesh.triangles, true)?;
    writer.out.copies.push((id, passed));
    Some(())
}

fn is_difference(record: &DecodedEntity) -> bool {
    matches!(record.ifc_type.as_str(), "IFCBOOLEANRESULT" | "IFCBOOLEANCLIPPINGRESULT")
        && record.get(0).and_then(AttributeValue::as_enum) == Some("DIFFERENCE")
}

/// The convex parts of an operand.
fn solids(writer: &mut Writer<'_>, record: &DecodedEntity, near: f64) -> Option<Vec<Convex>> {
    match record.ifc_type.as_str() {
        "IFCEXTRUDEDAREASOLID" => extrusion(writer, record, near),
        "IFCHALFSPACESOLID" => {
            let plane = writer.follow(record, 0).filter(|it| it.ifc_type.as_str() == "IFCPLANE")?;
            let [origin, _, _, z] = frame(writer, plane.get_ref(0))?;
            // The normal points away from the material where the flag says so.
            let agrees = record.get(1).and_then(AttributeValue::as_enum)? == "T";
            let plane = Plane::through(origin, if agrees { z } else { scale(z, -1.0) })?;
            Some(vec![Convex::half_space(plane)])
        }
        _ => None,
    }
}

fn extrusion(writer: &mut Writer<'_>, record: &DecodedEntity, near: f64) -> Option<Vec<Convex>> {
    let profile = writer.follow(record, 0)?;
    let outline = outline(writer, &profile, near)?;
    let frame = frame(writer, record.get_ref(1))?;
    let direction = curve::direction(writer, record.get_ref(2)?)?;
    let long = vector::length(direction);
    let depth = positive(record, 3).filter(|_| long > 1e-12)?;
    let [_, x, y, z] = frame;
    let [u, v, w] = scale(direction, depth / long);
    let way = add(scale(x, u), add(scale(y, v), scale(z, w)));
    let prism = |part: Vec<[f64; 2]>| {
        let base: Vec<[f64; 3]> =
            part.into_iter().map(|[x, y]| place(&frame, [x, y, 0.0])).collect();
        Convex::prism(&base, way)
    };
    parts(outline)?.into_iter().map(prism).collect()
}

/// Corners of a profile, none of them twice.
fn outline(writer: &mut Writer<'_>, record: &DecodedEntity, near: f64) -> Option<Vec<[f64; 2]>> {
    let mut corners = match record.ifc_type.as_str() {
        "IFCRECTANGLEPROFILEDEF" | "IFCROUNDEDRECTANGLEPROFILEDEF" => {
            let (x, y) = (positive(record, 3)? / 2.0, positive(record, 4)? / 2.0);
            let radius = positive(record, 5).unwrap_or_default();
            let corners = [[-x, -y], [x, -y], [x, y], [-x, y]].map(|corner| (corner, radius));
            profile::placed(writer, record, profile::round(&corners))?
        }
        "IFCARBITRARYCLOSEDPROFILEDEF" => {
            let id = record.get_ref(2)?;
            let line = writer.get(id)?;
            let flat = |[x, y, _]: [f64; 3]| [x, y];
            if line.ifc_type.as_str() == "IFCPOLYLINE" {
                let points = line.get_refs(0).filter(|points| points.len() <= MAX_CORNERS)?;
                let point = |id| curve::point(writer, id).map(flat);
                points.into_iter().map(point).collect::<Option<_>>()?
            } else {
                curve::points(writer, id, 0)?.into_iter().map(flat).collect()
            }
        }
        _ => return None,
    };
    if corners.len() > MAX_CORNERS {
        return None;
    }
    let apart = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) > 2.0 * near;
    corners.dedup_by(|a, b| !apart(*a, *b));
    while corners.len() > 1 && !apart(corners[0], corners[corners.len() - 1]) {
        corners.pop();
    }
    (corners.len() > 2).then_some(corners)
}

/// Convex outlines that make up one.
fn parts(outline: Vec<[f64; 2]>) -> Option<Vec<Vec<[f64; 2]>>> {
    let count = outline.len();
    let corner = |n: usize| outline[n % count];
    let area = vector::area(&outline);
    let flat = 2e-9 * area.abs();
    if area == 0.0 {
        return None;
    }
    if (0..count).all(|n| turn(corner(n), corner(n + 1), corner(n + 2)) * area.signum() >= -flat) {
        return Some(vec![outline]);
    }
    let triangles = earcutr::earcut(outline.as_flattened(), &[], 2).ok()?;
    if triangles.is_empty() {
        return None;
    }
    Some(triangles.chunks_exact(3).map(|t| t.iter().map(|&n| outline[n]).collect()).collect())
}
