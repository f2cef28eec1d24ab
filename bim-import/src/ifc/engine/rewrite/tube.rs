//! Pipes and bars along a line with corners. The engine pinches them at each corner, and
//! does not know the polygonal kind at all; here each corner gets its mitre, or its bend.

use std::f64::consts::TAU;

use ifc_lite_core::DecodedEntity;

use super::{Writer, curve, positive};
use crate::vector::{add, cross, dot, length, scale, sub, unit};

/// Longest path drawn as it is; a longer one is thinned to this, and said so.
const MAX_STATIONS: usize = 4_000;
/// Sides of a pipe, and of one too thin for anyone to see its corners.
const SIDES: (u32, u32) = (24, 12);
/// Up to this radius a pipe counts as thin, m.
const THIN_M: f64 = 0.02;
/// Chords of a bend by 90°.
const BEND_CHORDS: f64 = 6.0;

/// Writes a mesh in place of the solid, if its path is a chain of straight pieces.
pub(super) fn write(writer: &mut Writer<'_>, record: &DecodedEntity) -> Option<()> {
    let path_id = record.get_ref(0)?;
    let path = writer.get(path_id)?;
    let polygonal = record.ifc_type.as_str() == "IFCSWEPTDISKSOLIDPOLYGONAL";
    if !polygonal && !is_chain(&path) {
        return None;
    }
    let radius = positive(record, 1)?;
    let mut stations = curve::points(writer, path_id, 0)?;
    if let Some(remark) = thin(&mut stations) {
        writer.out.remarks.insert(record.id, remark);
    }
    trim(&mut stations, record.get_float(3), record.get_float(4));
    stations.dedup_by(|a, b| curve::near(*a, *b));
    if let Some(bend) = positive(record, 5).filter(|_| polygonal) {
        stations = bent(&stations, bend);
    }
    if stations.len() < 2 {
        return None;
    }
    let sides = if radius * writer.metre <= THIN_M { SIDES.1 } else { SIDES.0 };
    let inner = positive(record, 2).filter(|inner| *inner < radius);
    let (points, triangles) = sweep(&stations, radius, inner, sides);
    writer.mesh(record.id, &points, &triangles, true)
}

/// Whether a path consists of straight pieces only.
fn is_chain(path: &DecodedEntity) -> bool {
    match path.ifc_type.as_str() {
        "IFCPOLYLINE" => true,
        "IFCINDEXEDPOLYCURVE" => path.get_list(1).is_none_or(|segments| {
            !segments.iter().any(|segment| format!("{segment:?}").contains("IFCARCINDEX"))
        }),
        _ => false,
    }
}

fn thin(stations: &mut Vec<[f64; 3]>) -> Option<String> {
    let count = stations.len();
    if count <= MAX_STATIONS {
        return None;
    }
    let last = count - 1;
    *stations = (0..MAX_STATIONS).map(|step| stations[step * last / (MAX_STATIONS - 1)]).collect();
    Some(format!("its path of {count} points was thinned to {MAX_STATIONS}"))
}

/// Cuts the path at its parameters: on a polyline, the numbers of its points.
fn trim(stations: &mut Vec<[f64; 3]>, start: Option<f64>, end: Option<f64>) {
    let last = stations.len().saturating_sub(1) as f64;
    let (start, end) = (start.unwrap_or(0.0), end.unwrap_or(last));
    if !(start >= 0.0 && start < end && end <= last) || (start == 0.0 && end == last) {
        return;
    }
    let at = |parameter: f64| {
        let piece = (parameter.floor() as usize).min(stations.len() - 2);
        let share = parameter - piece as f64;
        let (a, b) = (stations[piece], stations[piece + 1]);
        [0, 1, 2].map(|axis| a[axis] + share * (b[axis] - a[axis]))
    };
    let mut cut = vec![at(start)];
    let inner = (start.floor() as usize + 1)..(end.ceil() as usize);
    cut.extend(stations[inner].iter().copied());
    cut.push(at(end));
    *stations = cut;
}

/// Replaces each corner by an arc.
fn bent(stations: &[[f64; 3]], radius: f64) -> Vec<[f64; 3]> {
    let mut path = vec![stations[0]];
    for corner in stations.windows(3) {
        let [a, b, c] = [corner[0], corner[1], corner[2]];
        let (back, ahead) = (unit(sub(a, b)), unit(sub(c, b)));
        let turn = std::f64::consts::PI - dot(back, ahead).clamp(-1.0, 1.0).acos();
        let reach = radius * (turn / 2.0).tan();
        let room = length(sub(a, b)).min(length(sub(c, b))) * 0.5;
        if turn < 0.02 || !reach.is_finite() || reach <= 0.0 {
            path.push(b);
            continue;
        }
        // Where a bend does not fit between two corners it is as wide as it can be.
        let radius = radius * (room / reach).min(1.0);
        let reach = reach.min(room);
        let begin = add(b, scale(back, reach));
        let middle = unit(add(back, ahead));
        let center = add(b, scale(middle, reach.hypot(radius)));
        let (u, along) = (unit(sub(begin, center)), scale(back, -1.0));
        let chords = (turn / (TAU / 4.0) * BEND_CHORDS).ceil().max(2.0);
        for step in 0..=chords as u32 {
            let (sin, cos) = (turn * f64::from(step) / chords).sin_cos();
            path.push(add(center, add(scale(u, radius * cos), scale(along, radius * sin))));
        }
    }
    path.extend(stations.last().filter(|_| stations.len() > 1));
    path.dedup_by(|a, b| curve::near(*a, *b));
    path
}

type Mesh = (Vec<[f64; 3]>, Vec<[usize; 3]>);

/// A pipe along a path. Rings are as many-sided as asked and as large as the circle.
fn sweep(stations: &[[f64; 3]], radius: f64, inner: Option<f64>, sides: u32) -> Mesh {
    let n = sides as usize;
    // The polygon with the circle's area, so that what a pipe holds is right.
    let step = TAU / f64::from(sides);
    let equal_area = (step / step.sin()).sqrt();
    let (mut points, mut triangles) = (Vec::new(), Vec::new());
    let mut wall = |radius: f64, outward: bool| {
        let base = points.len();
        points.extend(rings(stations, radius * equal_area, sides));
        for ring in 0..stations.len() - 1 {
            for side in 0..n {
                let next = (side + 1) % n;
                let (a, b) = (base + ring * n + side, base + ring * n + next);
                let quad = [[a, b, b + n], [a, b + n, a + n]];
                triangles.extend(quad.map(|[x, y, z]| if outward { [x, y, z] } else { [x, z, y] }));
            }
        }
        base
    };
    let outer = wall(radius, true);
    let end = (stations.len() - 1) * n;
    match inner {
        Some(inner) => {
            let inner = wall(inner, false);
            for side in 0..n {
                let next = (side + 1) % n;
                triangles.push([outer + side, inner + next, outer + next]);
                triangles.push([outer + side, inner + side, inner + next]);
                triangles.push([outer + end + side, outer + end + next, inner + end + next]);
                triangles.push([outer + end + side, inner + end + next, inner + end + side]);
            }
        }
        None => {
            for side in 1..n - 1 {
                triangles.push([outer, outer + side + 1, outer + side]);
                triangles.push([outer + end, outer + end + side, outer + end + side + 1]);
            }
        }
    }
    (points, triangles)
}

/// One ring for each station: the first is a circle across the path, each next one the
/// ring before slid along the path into the plane that halves the corner.
fn rings(stations: &[[f64; 3]], radius: f64, sides: u32) -> Vec<[f64; 3]> {
    let last = stations.len() - 1;
    let along = |piece: usize| unit(sub(stations[piece + 1], stations[piece]));
    let first = along(0);
    let helper = if first[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    let u = unit(cross(helper, first));
    let v = cross(first, u);
    let corner = |side: u32| {
        let (sin, cos) = (TAU * f64::from(side) / f64::from(sides)).sin_cos();
        add(stations[0], add(scale(u, radius * cos), scale(v, radius * sin)))
    };
    let mut ring: Vec<[f64; 3]> = (0..sides).map(corner).collect();
    let mut all = ring.clone();
    for (station, &place) in stations.iter().enumerate().skip(1) {
        let direction = along(station - 1);
        let plane = if station == last { direction } else { add(direction, along(station)) };
        // Turning back by more than 120° would make a spike; it is cut across instead.
        let plane = if length(plane) < 1.0 { direction } else { unit(plane) };
        let fall = dot(direction, plane);
        for point in &mut ring {
            let way = dot(sub(place, *point), plane) / fall;
            *point = add(*point, scale(direction, way));
        }
        all.extend(&ring);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume((points, triangles): &Mesh) -> f64 {
        let six = triangles.iter().map(|[a, b, c]| dot(points[*a], cross(points[*b], points[*c])));
        six.sum::<f64>() / 6.0
    }

    const PATH: [[f64; 3]; 4] = [[0.0; 3], [2.0, 0.0, 0.0], [2.0, 1.0, 0.0], [2.0, 1.0, 1.0]];

    #[test]
    fn a_pipe_round_corners_holds_as_much_as_a_straight_one() {
        let exact = std::f64::consts::PI * 0.01 * 4.0;
        let solid = volume(&sweep(&PATH, 0.1, None, 24));
        assert!((solid / exact - 1.0).abs() < 1e-9, "{solid} {exact}");
        let hollow = volume(&sweep(&PATH, 0.1, Some(0.05), 24));
        assert!((hollow / (exact * 0.75) - 1.0).abs() < 1e-9, "{hollow}");
    }

    #[test]
    fn a_bend_is_as_wide_as_it_says_and_never_wider_than_there_is_room() {
        let path = bent(&PATH, 0.3);
        assert_eq!((path[0], *path.last().unwrap()), (PATH[0], PATH[3]));
        let center = [1.7, 0.3, 0.0];
        let arc = path[1..8].iter().map(|point| length(sub(*point, center)));
        assert!(arc.into_iter().all(|radius| (radius - 0.3).abs() < 1e-9), "{path:?}");
        assert!(
            bent(&PATH, 50.0).iter().flatten().all(|value| (-1e-9..=2.0 + 1e-9).contains(value))
        );
    }

    #[test]
    fn a_path_is_cut_at_its_parameters() {
        let mut path = PATH.to_vec();
        trim(&mut path, Some(0.5), Some(1.25));
        assert_eq!(path, [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.25, 0.0]]);
        trim(&mut path, Some(7.0), Some(9.0));
        assert_eq!(path.len(), 3);
    }
}
