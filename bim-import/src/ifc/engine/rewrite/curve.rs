//! Points along curves: the engine's own sampling where it has one, B-splines here.

use ifc_lite_core::{AttributeValue, DecodedEntity, IfcSchema};
use ifc_lite_geometry::{ProfileProcessor, TessellationQuality};

use super::{super::rows::rows, Writer, numbers};

/// Deepest nesting of curves followed.
const MAX_DEPTH: u32 = 8;
/// Points of one curve; segments that are curves of segments could have more than any
/// memory holds.
const MAX_POINTS: usize = 4_000_000;
/// Highest degree of a spline evaluated here: beyond it control points are drawn.
pub(super) const MAX_DEGREE: usize = 25;
/// Fewest and most points along a spline. A closed outline of more than 31 would be
/// thinned again by the engine, and less evenly.
const SPLINE_POINTS: (usize, usize) = (16, 31);

/// Points along a curve, in the file's unit.
pub(super) fn points(writer: &mut Writer<'_>, id: u32, depth: u32) -> Option<Vec<[f64; 3]>> {
    let curve = writer.get(id)?;
    if depth > MAX_DEPTH {
        return None;
    }
    match curve.ifc_type.as_str() {
        "IFCBSPLINECURVEWITHKNOTS" | "IFCRATIONALBSPLINECURVEWITHKNOTS" => spline(writer, &curve),
        "IFCCOMPOSITECURVE" if has_spline(writer, &curve) => {
            let mut all: Vec<[f64; 3]> = Vec::new();
            for segment in curve.get_refs(0)? {
                let segment = writer.get(segment)?;
                let mut part = points(writer, segment.get_ref(2)?, depth + 1)?;
                if segment.get(1).and_then(AttributeValue::as_enum) == Some("F") {
                    part.reverse();
                }
                if all.last().is_some_and(|last| part.first().is_some_and(|p| near(*last, *p))) {
                    all.pop();
                }
                all.append(&mut part);
                if all.len() > MAX_POINTS {
                    return None;
                }
            }
            Some(all)
        }
        "IFCINDEXEDPOLYCURVE" if curve.get(1).is_none_or(AttributeValue::is_null) => {
            let &(start, end) = writer.index.get(&curve.get_ref(0)?)?;
            if !writer.budget.spend((end - start) as u64) {
                return None;
            }
            Some(rows(writer.bytes.get(start..end)?).collect())
        }
        _ => {
            let sampled = ProfileProcessor::new(IfcSchema::new()).get_curve_points(
                &curve,
                &mut writer.decoder,
                TessellationQuality::Medium,
            );
            Some(sampled.ok()?.into_iter().map(|point| [point.x, point.y, point.z]).collect())
        }
    }
}

/// Whether the engine would refuse the curve because of a spline in it.
pub(super) fn has_spline(writer: &Writer<'_>, curve: &DecodedEntity) -> bool {
    match curve.ifc_type.as_str() {
        "IFCBSPLINECURVEWITHKNOTS" | "IFCRATIONALBSPLINECURVEWITHKNOTS" => true,
        "IFCCOMPOSITECURVE" => {
            let segments = curve.get_refs(0).unwrap_or_default();
            segments.into_iter().take(1_000).any(|segment| {
                let parent = writer.get(segment).and_then(|segment| writer.follow(&segment, 2));
                parent.is_some_and(|parent| parent.ifc_type.as_str().contains("BSPLINE"))
            })
        }
        _ => false,
    }
}

pub(super) fn near(a: [f64; 3], b: [f64; 3]) -> bool {
    (0..3).all(|axis| (a[axis] - b[axis]).abs() < 1e-9)
}

/// A `IfcCartesianPoint` of two or three coordinates.
pub(super) fn point(writer: &Writer<'_>, id: u32) -> Option<[f64; 3]> {
    let values = numbers(writer.get(id)?.get(0)?)?;
    Some([*values.first()?, *values.get(1)?, values.get(2).copied().unwrap_or_default()])
}

/// A `IfcDirection` in space, as long as it is written.
pub(super) fn direction(writer: &Writer<'_>, id: u32) -> Option<[f64; 3]> {
    let values = numbers(writer.get(id)?.get(0)?)?;
    Some([*values.first()?, *values.get(1)?, *values.get(2)?])
}

fn spline(writer: &Writer<'_>, curve: &DecodedEntity) -> Option<Vec<[f64; 3]>> {
    let degree = curve.get_float(0)? as usize;
    // Before anything is as large as a file says.
    if !(1..=MAX_DEGREE).contains(&degree) {
        return None;
    }
    let control: Vec<[f64; 3]> =
        curve.get_refs(1)?.into_iter().map(|id| point(writer, id)).collect::<Option<_>>()?;
    let weights = match curve.get(8) {
        Some(weights) if !weights.is_null() => numbers(weights)?,
        _ => vec![1.0; control.len()],
    };
    let knots = knots(curve, 5, 6)?;
    let sound = control.len() > degree
        && weights.len() == control.len()
        && weights.iter().all(|weight| *weight > 0.0)
        && knots.len() == control.len() + degree + 1
        && knots.is_sorted();
    if !sound {
        return None;
    }
    let (first, last) = (knots[degree], knots[control.len()]);
    let spans = control.len() - degree;
    let count = (spans * 8).clamp(SPLINE_POINTS.0, SPLINE_POINTS.1);
    let at = |step: usize| {
        let t = first + (last - first) * step as f64 / count as f64;
        de_boor(degree, &knots, &control, &weights, t)
    };
    Some((0..=count).map(at).collect())
}

/// Knots, each as often as its multiplicity says.
pub(super) fn knots(record: &DecodedEntity, times: usize, values: usize) -> Option<Vec<f64>> {
    let (times, values) = (numbers(record.get(times)?)?, numbers(record.get(values)?)?);
    let mut knots = Vec::new();
    for (time, value) in times.iter().zip(&values) {
        // A knot repeated more often than this is no spline.
        knots.extend(std::iter::repeat_n(*value, (*time as usize).min(MAX_DEGREE + 2)));
    }
    Some(knots)
}

/// The point of a rational B-spline at `t`.
fn de_boor(
    degree: usize,
    knots: &[f64],
    control: &[[f64; 3]],
    weights: &[f64],
    t: f64,
) -> [f64; 3] {
    let span = span(degree, knots, t);
    let near: Vec<[f64; 4]> = (span - degree..=span)
        .map(|i| {
            let (p, w) = (control[i], weights[i]);
            [p[0] * w, p[1] * w, p[2] * w, w]
        })
        .collect();
    let [x, y, z, w] = blend(degree, knots, span, &near, t);
    [x / w, y / w, z / w]
}

/// The number of the knot before `t`, of those that control points stand for.
pub(super) fn span(degree: usize, knots: &[f64], t: f64) -> usize {
    let last = knots.len() - degree - 2;
    let found = (degree..=last).rev().find(|&i| knots[i] <= t && knots[i] < knots[i + 1]);
    found.unwrap_or(degree)
}

/// De Boor's way from the control points of a span, multiplied by their weights, to the
/// point at `t`.
pub(super) fn blend(
    degree: usize,
    knots: &[f64],
    span: usize,
    near: &[[f64; 4]],
    t: f64,
) -> [f64; 4] {
    let mut d = near.to_vec();
    for r in 1..=degree {
        for j in (r..=degree).rev() {
            let (low, high) = (knots[span - degree + j], knots[span + 1 + j - r]);
            let share = if high > low { (t - low) / (high - low) } else { 0.0 };
            let before = d[j - 1];
            for (value, before) in d[j].iter_mut().zip(before) {
                *value = (1.0 - share) * before + share * *value;
            }
        }
    }
    d[degree]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rational_quadratic_is_a_circle() {
        let h = std::f64::consts::FRAC_1_SQRT_2;
        let (knots, control) =
            ([0.0, 0.0, 0.0, 1.0, 1.0, 1.0], [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]);
        let control = control.map(|[x, y]| [x, y, 0.0]);
        for step in 0..=10 {
            let [x, y, _] = de_boor(2, &knots, &control, &[1.0, h, 1.0], f64::from(step) / 10.0);
            assert!((x.hypot(y) - 1.0).abs() < 1e-12, "{x} {y}");
        }
    }
}
