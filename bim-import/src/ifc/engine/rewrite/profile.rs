//! Outlines of profiles that the engine does not know, or knows without their fillets.

use std::f64::consts::{FRAC_PI_2, TAU};

use ifc_lite_core::DecodedEntity;

use super::{Kind, Writer, curve, numbers, positive};

/// Corners of an ellipse. More, and the engine takes the outline for a curve drawn too
/// finely and thins it.
const ELLIPSE_CORNERS: u32 = 32;
/// Chords of a quarter of a circle.
const FILLET_CHORDS: u32 = 4;

/// Outline of a profile given by measures.
pub(super) fn outline(
    writer: &Writer<'_>,
    record: &DecodedEntity,
    kind: Kind,
) -> Option<Vec<[f64; 2]>> {
    let at = |slot| positive(record, slot);
    let corners = match kind {
        Kind::Ellipse => {
            let (a, b) = (at(3)?, at(4)?);
            let corner = |i| {
                let (sin, cos) = (TAU * f64::from(i) / f64::from(ELLIPSE_CORNERS)).sin_cos();
                [a * cos, b * sin]
            };
            (0..ELLIPSE_CORNERS).map(corner).collect()
        }
        Kind::Trapezium => {
            let (bottom, top, height, offset) = (at(3)?, at(4)?, at(5)?, record.get_float(6)?);
            let (left, y) = (-bottom / 2.0, height / 2.0);
            vec![[left, -y], [-left, -y], [left + offset + top, y], [left + offset, y]]
        }
        Kind::CShape => c_shape(at(3)?, at(4)?, at(5)?, at(6)?, at(7).unwrap_or_default()),
        Kind::ZShape => {
            let (y, x, web, flange) = (at(3)? / 2.0, at(4)?, at(5)? / 2.0, at(6)?);
            let (fillet, edge) = (at(7).unwrap_or_default(), at(8).unwrap_or_default());
            round(&[
                ([-web, -y], 0.0),
                ([x, -y], 0.0),
                ([x, flange - y], edge),
                ([web, flange - y], fillet),
                ([web, y], 0.0),
                ([-x, y], 0.0),
                ([-x, y - flange], edge),
                ([-web, y - flange], fillet),
            ])
        }
        Kind::UShape => u_shape(writer, record)?,
        Kind::LShape => l_shape(writer, record)?,
        _ => return None,
    };
    placed(writer, record, corners)
}

fn c_shape(depth: f64, width: f64, wall: f64, girth: f64, inner: f64) -> Vec<[f64; 2]> {
    let (x, y) = (width / 2.0, depth / 2.0);
    let outer = if inner > 0.0 { inner + wall } else { 0.0 };
    round(&[
        ([-x, -y], outer),
        ([x, -y], outer),
        ([x, girth - y], 0.0),
        ([x - wall, girth - y], 0.0),
        ([x - wall, wall - y], inner),
        ([wall - x, wall - y], inner),
        ([wall - x, y - wall], inner),
        ([x - wall, y - wall], inner),
        ([x - wall, y - girth], 0.0),
        ([x, y - girth], 0.0),
        ([x, y], outer),
        ([-x, y], outer),
    ])
}

/// How steep the inner side of a flange is, where it is: the engine draws level ones.
fn slope(writer: &Writer<'_>, record: &DecodedEntity, slot: usize) -> Option<f64> {
    let slope = (record.get_float(slot)? * writer.radian).tan();
    (slope.is_finite() && slope.abs() > 1e-6).then_some(slope)
}

/// A channel whose flanges get thinner outwards; they are as thick as said in the middle.
fn u_shape(writer: &Writer<'_>, record: &DecodedEntity) -> Option<Vec<[f64; 2]>> {
    let at = |slot| positive(record, slot);
    let slope = slope(writer, record, 9)?;
    let (y, x, web, flange) = (at(3)? / 2.0, at(4)? / 2.0, at(5)?, at(6)?);
    let (fillet, edge) = (at(7).unwrap_or_default(), at(8).unwrap_or_default());
    let (root, tip) = (flange + (x - web) * slope, flange - x * slope);
    if tip <= 0.0 || root >= y {
        return None;
    }
    Some(round(&[
        ([-x, -y], 0.0),
        ([x, -y], 0.0),
        ([x, tip - y], edge),
        ([web - x, root - y], fillet),
        ([web - x, y - root], fillet),
        ([x, y - tip], edge),
        ([x, y], 0.0),
        ([-x, y], 0.0),
    ]))
}

/// An angle whose legs get thinner outwards; they are as thick as said in the middle.
fn l_shape(writer: &Writer<'_>, record: &DecodedEntity) -> Option<Vec<[f64; 2]>> {
    let at = |slot| positive(record, slot);
    let slope = slope(writer, record, 8)?;
    let (y, thick) = (at(3)? / 2.0, at(5)?);
    let x = at(4).map_or(y, |width| width / 2.0);
    let (fillet, edge) = (at(6).unwrap_or_default(), at(7).unwrap_or_default());
    // The inner sides: over the lower leg at `px`, beside the upright one at `py`.
    let over = |px: f64| thick - y - px * slope;
    let beside = |py: f64| thick - x - py * slope;
    // Where they meet: px = thick - x - slope * (thick - y - px * slope).
    let meet_x = (thick - x - slope * (thick - y)) / (1.0 - slope * slope);
    let meet = [meet_x, over(meet_x)];
    if over(x) <= -y || beside(y) <= -x || meet[0] >= x || meet[1] >= y {
        return None;
    }
    Some(round(&[
        ([-x, -y], 0.0),
        ([x, -y], 0.0),
        ([x, over(x)], edge),
        (meet, fillet),
        ([beside(y), y], edge),
        ([-x, y], 0.0),
    ]))
}

/// A polygon with some of its corners rounded by these radii.
pub(super) fn round(corners: &[([f64; 2], f64)]) -> Vec<[f64; 2]> {
    let count = corners.len();
    let mut outline = Vec::with_capacity(count * 2);
    for (place, &(corner, radius)) in corners.iter().enumerate() {
        let toward = |other: usize| {
            let (other, other_radius) = corners[other % count];
            let (dx, dy) = (other[0] - corner[0], other[1] - corner[1]);
            let length = dx.hypot(dy);
            // Two rounded corners share the side between them.
            ([dx / length, dy / length], length * radius / (radius + other_radius))
        };
        let ((back, room_back), (ahead, room_ahead)) =
            (toward(place + count - 1), toward(place + 1));
        // Half of the angle between the sides tells where the arc begins.
        let half = (back[0] * ahead[0] + back[1] * ahead[1]).clamp(-1.0, 1.0).acos() / 2.0;
        let reach = (radius / half.tan()).min(room_back).min(room_ahead);
        if reach.is_nan() || reach <= 0.0 {
            outline.push(corner);
            continue;
        }
        let radius = reach * half.tan();
        let arc = 2.0 * (FRAC_PI_2 - half);
        let middle = [0, 1].map(|axis| back[axis] + ahead[axis]);
        let away = radius / half.sin() / middle[0].hypot(middle[1]);
        let center = [0, 1].map(|axis| corner[axis] + middle[axis] * away);
        let from_center =
            |side: [f64; 2]| [0, 1].map(|axis| corner[axis] + side[axis] * reach - center[axis]);
        let (begin, end) = (from_center(back), from_center(ahead));
        for step in 0..=FILLET_CHORDS {
            let turned = arc * f64::from(step) / f64::from(FILLET_CHORDS);
            let shares = [arc - turned, turned].map(|angle| angle.sin() / arc.sin());
            outline.push(
                [0, 1].map(|axis| center[axis] + begin[axis] * shares[0] + end[axis] * shares[1]),
            );
        }
    }
    outline
}

/// Moves an outline to the position its profile names.
pub(super) fn placed(
    writer: &Writer<'_>,
    record: &DecodedEntity,
    corners: Vec<[f64; 2]>,
) -> Option<Vec<[f64; 2]>> {
    let Some(position) = record.get_ref(2) else { return Some(corners) };
    let position = writer.get(position)?;
    let [x, y, _] = curve::point(writer, position.get_ref(0)?)?;
    let direction = match position.get_ref(1) {
        Some(direction) => numbers(writer.get(direction)?.get(0)?)?,
        None => vec![1.0, 0.0],
    };
    let (dx, dy) = (*direction.first()?, *direction.get(1)?);
    let length = dx.hypot(dy);
    if length < 1e-12 {
        return None;
    }
    let (cos, sin) = (dx / length, dy / length);
    let place = |[u, v]: [f64; 2]| [x + cos * u - sin * v, y + sin * u + cos * v];
    Some(corners.into_iter().map(place).collect())
}

/// A line with a thickness: the outline half of it away on both sides, with mitres.
pub(super) fn ribbon(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<Vec<[f64; 2]>> {
    let half = positive(record, 3)? / 2.0;
    let line = curve::points(writer, record.get_ref(2)?, 0)?;
    let mut line: Vec<[f64; 2]> = line.into_iter().map(|[x, y, _]| [x, y]).collect();
    line.dedup_by(|a, b| (a[0] - b[0]).hypot(a[1] - b[1]) < 1e-9);
    if line.len() < 2 {
        return None;
    }
    let left: Vec<[f64; 2]> = offset(&line, half);
    let right: Vec<[f64; 2]> = offset(&line, -half);
    Some(right.into_iter().chain(left.into_iter().rev()).collect())
}

/// A line moved to its left by so much.
fn offset(line: &[[f64; 2]], by: f64) -> Vec<[f64; 2]> {
    let normal = |a: [f64; 2], b: [f64; 2]| {
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let length = dx.hypot(dy);
        [-dy / length, dx / length]
    };
    let last = line.len() - 1;
    let moved = |place: usize| {
        let before = normal(line[place.max(1) - 1], line[place.max(1)]);
        let after = normal(line[place.min(last - 1)], line[place.min(last - 1) + 1]);
        let dot = before[0] * after[0] + before[1] * after[1];
        // A line that turns back on itself would have an endless mitre.
        let stretch = 1.0 / (1.0 + dot).max(0.1);
        [0, 1].map(|axis| line[place][axis] + by * stretch * (before[axis] + after[axis]))
    };
    (0..line.len()).map(moved).collect()
}

/// The outline of a closed profile that a B-spline is part of.
pub(super) fn splined(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<Vec<[f64; 2]>> {
    let id = record.get_ref(2)?;
    let outer = writer.get(id)?;
    if !curve::has_spline(writer, &outer) {
        return None;
    }
    let mut outline: Vec<[f64; 2]> =
        curve::points(writer, id, 0)?.into_iter().map(|[x, y, _]| [x, y]).collect();
    let (first, last) = (*outline.first()?, *outline.last()?);
    if (first[0] - last[0]).hypot(first[1] - last[1]) < 1e-9 {
        outline.pop();
    }
    (outline.len() > 2).then_some(outline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(outline: &[[f64; 2]]) -> f64 {
        let next = outline.iter().cycle().skip(1);
        outline.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0
    }

    #[test]
    fn rounding_takes_from_outer_corners_and_gives_to_inner_ones() {
        let sharp = area(&c_shape(0.4, 0.2, 0.02, 0.05, 0.0));
        let rounded = area(&c_shape(0.4, 0.2, 0.02, 0.05, 0.02));
        // Web, two flanges, two lips.
        assert!((sharp - (0.4 * 0.02 + 2.0 * 0.18 * 0.02 + 2.0 * 0.03 * 0.02)).abs() < 1e-12);
        let quarter = 1.0 - std::f64::consts::FRAC_PI_4;
        let exact = sharp - 4.0 * quarter * (0.04f64.powi(2) - 0.02f64.powi(2));
        assert!((rounded / exact - 1.0).abs() < 0.01, "{rounded} {exact}");
    }

    #[test]
    fn a_bent_line_keeps_its_thickness_round_the_corner() {
        let line = [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0]];
        let (left, right) = (offset(&line, 0.05), offset(&line, -0.05));
        let outline: Vec<[f64; 2]> = right.into_iter().chain(left.into_iter().rev()).collect();
        assert!((area(&outline) - 0.3).abs() < 1e-12, "{}", area(&outline));
    }
}
