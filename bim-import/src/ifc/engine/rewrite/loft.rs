//! Solids between outlines: `IfcRevolvedAreaSolidTapered` and `IfcSectionedSpine`. The
//! outlines have to have as many corners as each other.

use std::f64::consts::TAU;

use ifc_lite_core::{DecodedEntity, IfcSchema};
use ifc_lite_geometry::{ProfileProcessor, TessellationQuality};

use super::{
    Kind, Writer, curve, profile,
    solid::{frame, place},
    surface::{axis, chords, triangulate},
};
use crate::vector::{area, cross, dot, sub};

/// Sections of a spine.
const MAX_SECTIONS: usize = 2_000;

/// An outline and its holes.
type Rings = Vec<Vec<[f64; 2]>>;

/// A profile turned round an axis, and becoming another one on the way.
pub(super) fn tapered(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let first = rings(writer, record.get_ref(0)?)?;
    let last = rings(writer, record.get_ref(4)?)?;
    if !are_alike(&first, &last) {
        return None;
    }
    let frame = frame(writer, record.get_ref(1))?;
    let axis = axis(writer, record.get_ref(2)?)?;
    let angle = record.get_float(3)? * writer.radian;
    if !(angle.is_finite() && angle != 0.0 && angle.abs() <= TAU + 1e-9) {
        return None;
    }
    let flat = |[x, y]: &[f64; 2]| [*x, *y, 0.0];
    let all = || first.iter().chain(&last).flatten();
    let reach = all().map(|point| axis.radius(flat(point))).fold(0.0, f64::max);
    let steps = (chords(reach * writer.metre) * angle.abs() / TAU).ceil().max(1.0) as usize;
    let sections: Vec<Vec<[f64; 3]>> = (0..=steps)
        .map(|step| {
            let share = step as f64 / steps as f64;
            let pairs = first.iter().flatten().zip(last.iter().flatten());
            let between = |(a, b): (&[f64; 2], &[f64; 2])| {
                let [x, y] = [0, 1].map(|axis| a[axis] + (b[axis] - a[axis]) * share);
                place(&frame, axis.turned([x, y, 0.0], angle * share))
            };
            pairs.map(between).collect()
        })
        .collect();
    solid(writer, record.id, &first, &last, &sections)
}

/// Cross sections joined in their order.
pub(super) fn spine(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let (profiles, places) = (record.get_refs(1)?, record.get_refs(2)?);
    if profiles.len() != places.len() || !(2..=MAX_SECTIONS).contains(&profiles.len()) {
        return None;
    }
    let outlines: Vec<Rings> =
        profiles.into_iter().map(|profile| rings(writer, profile)).collect::<Option<_>>()?;
    if !outlines.windows(2).all(|pair| are_alike(&pair[0], &pair[1])) {
        return None;
    }
    let mut sections = Vec::with_capacity(outlines.len());
    for (outline, position) in outlines.iter().zip(places) {
        let frame = frame(writer, Some(position))?;
        let at = |[x, y]: &[f64; 2]| place(&frame, [*x, *y, 0.0]);
        sections.push(outline.iter().flatten().map(at).collect::<Vec<_>>());
    }
    let bends = record
        .get_ref(0)
        .and_then(|spine| curve::points(writer, spine, 0))
        .is_some_and(|points| points.len() > sections.len());
    if bends {
        let text =
            "its cross sections are joined straight, whatever way its spine takes between them";
        writer.out.remarks.insert(record.id, text.to_owned());
    }
    solid(writer, record.id, &outlines[0], &outlines[outlines.len() - 1], &sections)
}

fn are_alike(a: &Rings, b: &Rings) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.len() == b.len())
}

/// The outline of a profile and its holes, none of them closed.
fn rings(writer: &mut Writer<'_>, id: u32) -> Option<Rings> {
    let record = writer.get(id)?;
    let ours = match super::kind(record.ifc_type.as_str()) {
        Some(kind @ (Kind::Ellipse | Kind::Trapezium | Kind::CShape | Kind::ZShape)) => {
            profile::outline(writer, &record, kind)
        }
        Some(kind @ (Kind::UShape | Kind::LShape)) => profile::outline(writer, &record, kind),
        Some(Kind::CenterLine) => profile::ribbon(writer, &record),
        Some(Kind::ClosedProfile) => profile::splined(writer, &record),
        _ => None,
    };
    let rings = match ours {
        Some(outline) => vec![outline],
        None => {
            let processor = ProfileProcessor::new(IfcSchema::new());
            let quality = TessellationQuality::Medium;
            let profile = processor.process(&record, &mut writer.decoder, quality).ok()?;
            let outlines = [&profile.outer].into_iter().chain(&profile.holes);
            outlines.map(|ring| ring.iter().map(|point| [point.x, point.y]).collect()).collect()
        }
    };
    let open = |mut ring: Vec<[f64; 2]>| {
        if ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        ring
    };
    let rings: Rings = rings.into_iter().map(open).collect();
    rings.iter().all(|ring| ring.len() > 2).then_some(rings)
}

/// Writes the mesh between sections, closed at both ends.
fn solid(
    writer: &mut Writer<'_>,
    id: u32,
    first: &Rings,
    last: &Rings,
    sections: &[Vec<[f64; 3]>],
) -> Option<()> {
    let width = sections[0].len();
    let mut triangles: Vec<[usize; 3]> =
        triangulate(first)?.into_iter().map(|[a, b, c]| [a, c, b]).collect();
    let end = (sections.len() - 1) * width;
    triangles.extend(triangulate(last)?.into_iter().map(|corners| corners.map(|i| i + end)));
    for section in 1..sections.len() {
        let mut start = 0;
        for (n, ring) in first.iter().enumerate() {
            let count = ring.len();
            // Walls look out of outlines that run counter-clockwise, and into holes.
            let forward = (area(ring) > 0.0) == (n == 0);
            for i in 0..count {
                let (i, j) = (start + i, start + (i + 1) % count);
                let (i, j) = if forward { (i, j) } else { (j, i) };
                let (low, high) = ((section - 1) * width, section * width);
                triangles.push([low + i, low + j, high + j]);
                triangles.push([low + i, high + j, high + i]);
            }
            start += count;
        }
    }
    let points = sections.concat();
    let volume = |[a, b, c]: &[usize; 3]| {
        let [a, b, c] = [a, b, c].map(|&i| sub(points[i], points[0]));
        dot(a, cross(b, c))
    };
    if triangles.iter().map(volume).sum::<f64>() < 0.0 {
        triangles.iter_mut().for_each(|corners| corners.swap(1, 2));
    }
    writer.mesh(id, &points, &triangles, true)
}
