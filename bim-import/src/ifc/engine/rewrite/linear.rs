//! Places along an alignment. The engine samples the whole alignment again for each thing
//! that stands beside it; here each alignment is sampled once, and every linear placement
//! becomes a local one.

use ifc_lite_core::DecodedEntity;
use ifc_lite_geometry::AlignmentCurve;
use rustc_hash::FxHashMap;

use super::{Writer, curve, numbers, reference, rows_text, solid};
use crate::vector::{add, cross, dot, length, scale, sub, unit};

/// Pieces in which the length along an alignment is measured.
const PIECES: usize = 8_192;

/// The alignments of a file, sampled; nothing for those that cannot be.
#[derive(Default)]
pub(super) struct Alignments {
    sampled: FxHashMap<u32, Option<Basis>>,
}

/// A curve to measure along.
enum Basis {
    /// A gradient curve, with the length along it at each of [`PIECES`] stations.
    Gradient { curve: Box<AlignmentCurve>, reach: Vec<f64> },
    /// Any other: points, and the length along it at each.
    Chain { points: Vec<[f64; 3]>, reach: Vec<f64> },
}

impl Basis {
    fn sample(writer: &mut Writer<'_>, id: u32) -> Option<Self> {
        let record = writer.get(id)?;
        if record.ifc_type.as_str() == "IFCGRADIENTCURVE" {
            let curve = AlignmentCurve::parse(&record, &mut writer.decoder).ok()??;
            let step = curve.horizontal_length() / PIECES as f64;
            let mut reach = vec![0.0];
            let mut total = 0.0;
            for piece in 0..PIECES {
                // Along a slope the curve is longer than its plan.
                let tangent = curve.evaluate((piece as f64 + 0.5) * step).tangent;
                total += step / tangent.x.hypot(tangent.y).max(1e-6);
                reach.push(total);
            }
            return Some(Self::Gradient { curve: Box::new(curve), reach });
        }
        let points = curve::points(writer, id, 0)?;
        let mut reach = vec![0.0];
        let mut total = 0.0;
        for pair in points.windows(2) {
            total += length(sub(pair[1], pair[0]));
            reach.push(total);
        }
        (points.len() > 1 && total.is_finite()).then_some(Self::Chain { points, reach })
    }

    /// Point and direction at a length along the curve; at its ends beyond them.
    fn at(&self, distance: f64) -> ([f64; 3], [f64; 3]) {
        let reach = match self {
            Self::Gradient { reach, .. } | Self::Chain { reach, .. } => reach,
        };
        let last = reach.len() - 1;
        let piece = reach.partition_point(|length| *length < distance).clamp(1, last) - 1;
        let span = reach[piece + 1] - reach[piece];
        let share =
            if span > 0.0 { ((distance - reach[piece]) / span).clamp(0.0, 1.0) } else { 0.0 };
        match self {
            Self::Gradient { curve, .. } => {
                let station = (piece as f64 + share) * curve.horizontal_length() / PIECES as f64;
                let frame = curve.evaluate(station);
                let (p, t) = (frame.origin, frame.tangent);
                ([p.x, p.y, p.z], [t.x, t.y, t.z])
            }
            Self::Chain { points, .. } => {
                let (a, b) = (points[piece], points[piece + 1]);
                (add(a, scale(sub(b, a), share)), unit(sub(b, a)))
            }
        }
    }
}

/// Writes a local placement in place of a linear one.
pub(super) fn write(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    // The exporter's own result, where there is one, counts; the engine reads it as it is.
    if record.get_ref(2).is_some() {
        return None;
    }
    let relative = writer.follow(record, 1)?;
    if relative.ifc_type.as_str() != "IFCAXIS2PLACEMENTLINEAR" {
        return None;
    }
    let location = writer.follow(&relative, 0)?;
    let distance = location.get(0)?.as_float().filter(|value| value.is_finite())?;
    let offset = |slot| match location.get(slot) {
        None => Some(0.0),
        Some(value) if value.is_null() => Some(0.0),
        Some(value) => value.as_float().filter(|value| value.is_finite()),
    };
    let (lateral, vertical, ahead) = (offset(1)?, offset(2)?, offset(3)?);
    let basis = location.get_ref(4)?;
    if !writer.alignments.sampled.contains_key(&basis) {
        let sampled = Basis::sample(writer, basis);
        writer.alignments.sampled.insert(basis, sampled);
    }
    let (origin, tangent) = writer.alignments.sampled.get(&basis)?.as_ref()?.at(distance);
    let axes = curve_axes(tangent);
    let offsets = [ahead, lateral, vertical];
    let place = axes.iter().zip(offsets).fold(origin, |at, (axis, by)| add(at, scale(*axis, by)));
    let (x, z) = turned(writer, &relative, axes)?;
    let text =
        |values: [f64; 3]| rows_text(&[values]).map(|text| text[1..text.len() - 1].to_owned());
    let point = writer.add(&format!("IFCCARTESIANPOINT({})", text(place)?))?;
    let z = writer.add(&format!("IFCDIRECTION({})", text(z)?))?;
    let x = writer.add(&format!("IFCDIRECTION({})", text(x)?))?;
    let axis = writer.add(&format!("IFCAXIS2PLACEMENT3D(#{point},#{z},#{x})"))?;
    let parent = reference(record.get_ref(0));
    writer.put(record.id, &format!("IFCLOCALPLACEMENT({parent},#{axis})"));
    Some(())
}

/// Along the curve, to its left, up.
fn curve_axes(tangent: [f64; 3]) -> [[f64; 3]; 3] {
    if tangent[0].hypot(tangent[1]) <= 1e-9 {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    let x = unit(tangent);
    let y = unit(cross([0.0, 0.0, 1.0], x));
    [x, y, cross(x, y)]
}

/// The x and z axes of a placement, whose own are given along the curve.
fn turned(
    writer: &Writer<'_>,
    relative: &DecodedEntity,
    axes: [[f64; 3]; 3],
) -> Option<([f64; 3], [f64; 3])> {
    let direction = |slot: usize, default: [f64; 3]| match relative.get_ref(slot) {
        None => Some(default),
        Some(id) => {
            let values = numbers(writer.get(id)?.get(0)?)?;
            let [a, b, c] =
                [*values.first()?, *values.get(1)?, values.get(2).copied().unwrap_or(0.0)];
            Some(add(scale(axes[0], a), add(scale(axes[1], b), scale(axes[2], c))))
        }
    };
    let z = unit(direction(1, axes[2])?);
    let wish = direction(2, axes[0])?;
    let [x, _] = solid::across(z, if dot(wish, wish) > 0.0 { wish } else { axes[0] });
    Some((x, z))
}
