//! Surfaces that stand for themselves in a representation. The engine knows most of them
//! as the surface of a face only.

use std::f64::consts::TAU;

use ifc_lite_core::{AttributeValue, DecodedEntity};

use super::{
    Writer, curve, numbers, positive,
    solid::{frame, place},
};
use crate::vector::{add, cross, dot, scale, sub, turn, unit};

/// How far a chord may run beside the circle, m.
const CHORD_M: f64 = 0.001;
/// Fewest and most chords of a circle.
const CHORDS: (f64, f64) = (24.0, 96.0);

/// Part of a plane within curves: `IfcCurveBoundedPlane`.
pub(super) fn bounded_plane(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let plane = writer.follow(record, 0)?;
    if plane.ifc_type.as_str() != "IFCPLANE" {
        return None;
    }
    let frame = frame(writer, plane.get_ref(0))?;
    let mut rings = Vec::new();
    for id in [record.get_ref(1)?].into_iter().chain(record.get_refs(2).unwrap_or_default()) {
        let mut ring = curve::points(writer, id, 0)?;
        ring.dedup_by(|a, b| curve::near(*a, *b));
        if ring.len() > 1 && curve::near(ring[0], ring[ring.len() - 1]) {
            ring.pop();
        }
        rings.push(ring.into_iter().map(|[x, y, _]| [x, y]).collect());
    }
    let triangles = triangulate(&rings)?;
    let points: Vec<[f64; 3]> =
        rings.iter().flatten().map(|[x, y]| place(&frame, [*x, *y, 0.0])).collect();
    writer.mesh(record.id, &points, &triangles, false)
}

/// Triangles of an outline with holes, counter-clockwise; they count the rings' points in
/// their order.
pub(super) fn triangulate(rings: &[Vec<[f64; 2]>]) -> Option<Vec<[usize; 3]>> {
    let points: Vec<[f64; 2]> = rings.concat();
    let starts: Vec<usize> = rings
        .iter()
        .scan(0, |end, ring| {
            *end += ring.len();
            Some(*end)
        })
        .take(rings.len().saturating_sub(1))
        .collect();
    let indices = earcutr::earcut(points.as_flattened(), &starts, 2).ok()?;
    let triangles = indices.chunks_exact(3).map(|t| {
        let [a, b, c] = [t[0], t[1], t[2]];
        if turn(points[a], points[b], points[c]) < 0.0 { [a, c, b] } else { [a, b, c] }
    });
    let triangles: Vec<[usize; 3]> = triangles.collect();
    (!triangles.is_empty()).then_some(triangles)
}

/// A point of a surface by its shares of both parameters.
type At = Box<dyn Fn(f64, f64) -> [f64; 3]>;

/// A plane or cylinder between two values of each parameter:
/// `IfcRectangularTrimmedSurface`.
pub(super) fn rectangle(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let basis = writer.follow(record, 0)?;
    let frame = frame(writer, basis.get_ref(0))?;
    let [u1, v1, u2, v2] = [1, 2, 3, 4].map(|slot| record.get_float(slot));
    let (u, v) = ([u1?, u2?], [v1?, v2?]);
    let along = |[from, to]: [f64; 2], share: f64| from + (to - from) * share;
    let senses = [5, 6].map(|slot| record.get(slot).and_then(AttributeValue::as_enum) != Some("F"));
    let (columns, point): (usize, At) = match basis.ifc_type.as_str() {
        "IFCPLANE" => (1, Box::new(move |s, t| [along(u, s), along(v, t), 0.0])),
        "IFCCYLINDRICALSURFACE" => {
            let radius = positive(&basis, 1)?;
            let mut angles = u.map(|angle| angle * writer.radian);
            // A circle has no end: the second angle lies ahead of the first, in the
            // sense of the trim.
            if senses[0] && angles[1] <= angles[0] {
                angles[1] += TAU;
            } else if !senses[0] && angles[1] >= angles[0] {
                angles[1] -= TAU;
            }
            let share = ((angles[1] - angles[0]).abs() / TAU).min(1.0);
            let columns = (chords(radius * writer.metre) * share).ceil().max(1.0) as usize;
            let point = move |s: f64, t: f64| {
                let (sin, cos) = along(angles, s).sin_cos();
                [radius * cos, radius * sin, along(v, t)]
            };
            (columns, Box::new(point))
        }
        _ => return None,
    };
    let mut rows = Vec::with_capacity(columns + 1);
    for column in 0..=columns {
        let s = column as f64 / columns as f64;
        rows.push([0.0, 1.0].map(|t| place(&frame, point(s, t))).to_vec());
    }
    let (points, triangles) = grid(&rows, senses[0] != senses[1]);
    writer.mesh(record.id, &points, &triangles, false)
}

/// A curve turned round an axis: `IfcSurfaceOfRevolution`.
pub(super) fn revolution(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let profile = writer.follow(record, 0)?;
    let frame = frame(writer, record.get_ref(1))?;
    let axis = axis(writer, record.get_ref(2)?)?;
    let line = curve::points(writer, profile.get_ref(2)?, 0)?;
    let radius = line.iter().map(|p| axis.radius([p[0], p[1], 0.0])).fold(0.0, f64::max);
    let steps = chords(radius * writer.metre) as usize;
    let row = |step: usize| -> Vec<[f64; 3]> {
        let angle = TAU * (step % steps) as f64 / steps as f64;
        line.iter().map(|[x, y, _]| place(&frame, axis.turned([*x, *y, 0.0], angle))).collect()
    };
    let rows: Vec<Vec<[f64; 3]>> = (0..=steps).map(row).collect();
    let (points, triangles) = grid(&rows, false);
    writer.mesh(record.id, &points, &triangles, false)
}

/// How many chords a circle of this radius takes, m.
pub(super) fn chords(radius_m: f64) -> f64 {
    let half = (1.0 - (CHORD_M / radius_m.max(CHORD_M)).min(1.0)).acos();
    (TAU / 2.0 / half).ceil().clamp(CHORDS.0, CHORDS.1)
}

/// An axis to turn round.
pub(super) struct Axis {
    origin: [f64; 3],
    along: [f64; 3],
}

/// An `IfcAxis1Placement`.
pub(super) fn axis(writer: &Writer<'_>, id: u32) -> Option<Axis> {
    let record = writer.get(id)?;
    let origin = curve::point(writer, record.get_ref(0)?)?;
    let along = match record.get_ref(1) {
        Some(direction) => {
            let values = numbers(writer.get(direction)?.get(0)?)?;
            [*values.first()?, *values.get(1)?, values.get(2).copied().unwrap_or_default()]
        }
        None => [0.0, 0.0, 1.0],
    };
    Some(Axis { origin, along: unit(along) })
}

impl Axis {
    pub(super) fn radius(&self, point: [f64; 3]) -> f64 {
        let from = sub(point, self.origin);
        let across = sub(from, scale(self.along, dot(from, self.along)));
        dot(across, across).sqrt()
    }

    /// A point turned by an angle, counter-clockwise seen against the axis.
    pub(super) fn turned(&self, point: [f64; 3], angle: f64) -> [f64; 3] {
        let from = sub(point, self.origin);
        let up = scale(self.along, dot(from, self.along));
        let out = sub(from, up);
        let (sin, cos) = angle.sin_cos();
        let moved = add(scale(out, cos), scale(cross(self.along, out), sin));
        add(self.origin, add(up, moved))
    }
}

/// Rows of points as a mesh of two triangles a cell.
pub(super) fn grid(rows: &[Vec<[f64; 3]>], flipped: bool) -> (Vec<[f64; 3]>, Vec<[usize; 3]>) {
    let width = rows.first().map_or(0, Vec::len);
    let points = rows.concat();
    let mut triangles = Vec::new();
    for row in 1..rows.len() {
        for column in 1..width {
            let [a, b] = [(row - 1) * width + column - 1, (row - 1) * width + column];
            let [d, c] = [row * width + column - 1, row * width + column];
            for [p, q, r] in [[a, d, c], [a, c, b]] {
                // A tip is one point many times.
                let same = |i: usize, j: usize| curve::near(points[i], points[j]);
                if !(same(p, q) || same(q, r) || same(r, p)) {
                    triangles.push(if flipped { [p, r, q] } else { [p, q, r] });
                }
            }
        }
    }
    (points, triangles)
}
