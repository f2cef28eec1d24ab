//! From longitude and latitude to the local frame, with the checks that keep nonsense out.

use geojson::Position;

use super::{stage::REACH_M, terrain::Terrain};
use crate::frame::LocalFrame;

/// Vertices nearer than this are one, m.
const SAME_M: f64 = 1.0e-3;
/// Vertices of one line or ring; more are thinned.
const MAX_VERTICES: usize = 50_000;
/// How far a thinned outline may run beside the given one, m.
const THIN_M: f64 = 0.02;

/// Puts positions on the ground of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) frame: &'a LocalFrame,
    pub(super) terrain: &'a Terrain,
}

/// A line or ring in the local frame, and whether vertices were left out.
pub(super) struct Path {
    pub(super) points: Vec<[f64; 3]>,
    pub(super) thinned: bool,
}

impl Ground<'_> {
    /// One position. Heights of zero mean "on the ground": many writers add them.
    pub(super) fn point(&self, position: &Position) -> Result<[f64; 3], String> {
        let values = position.as_slice();
        let [lon, lat, ..] = *values else {
            return Err("a position has fewer than two numbers".into());
        };
        if !(lon.is_finite() && lat.is_finite()) {
            return Err("a coordinate is not a number".into());
        }
        if !((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat)) {
            return Err(format!("{lon}, {lat} is no longitude and latitude in degrees"));
        }
        let ground_m = self.frame.wgs84()[2];
        let given = values.get(2).copied().filter(|height| height.is_finite() && *height != 0.0);
        let mut local = self.frame.to_local(lon, lat, given.unwrap_or(ground_m));
        if given.is_none()
            && let Some(height) = self.terrain.height(local[0], local[1])
        {
            local[2] = height;
        }
        let distance_m = (local[0] * local[0] + local[1] * local[1]).sqrt();
        if distance_m > REACH_M || local[2].abs() > REACH_M {
            return Err(format!(
                "lies {:.0} km from the origin; at most {:.0} km are drawn",
                distance_m / 1000.0,
                REACH_M / 1000.0
            ));
        }
        Ok(local)
    }

    /// A line without repeated vertices.
    pub(super) fn line(&self, positions: &[Position]) -> Result<Path, String> {
        let mut points: Vec<[f64; 3]> = Vec::with_capacity(positions.len());
        for position in positions {
            let point = self.point(position)?;
            if points.last().is_none_or(|last| distance(*last, point) > SAME_M) {
                points.push(point);
            }
        }
        if points.len() <= MAX_VERTICES {
            return Ok(Path { points, thinned: false });
        }
        let points = thin(&points);
        if points.len() > MAX_VERTICES {
            return Err(format!(
                "has {} vertices after thinning; at most {MAX_VERTICES} are drawn",
                points.len()
            ));
        }
        Ok(Path { points, thinned: true })
    }

    /// A ring without its closing vertex; nothing when fewer than three vertices are left.
    pub(super) fn ring(&self, positions: &[Position]) -> Result<Option<Path>, String> {
        let mut path = self.line(positions)?;
        if let [first, .., last] = path.points.as_slice()
            && distance(*first, *last) <= SAME_M
        {
            path.points.pop();
        }
        Ok((path.points.len() >= 3).then_some(path))
    }
}

/// Distance seen from above, m.
pub(super) fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Leaves out vertices that the line passes within [`THIN_M`] anyway. One pass that keeps
/// the sleeve of directions allowed so far (Zhao and Saalfeld), so that a million vertices
/// cost a million steps.
fn thin(points: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let mut kept = points[..1].to_vec();
    let mut sleeve: Option<Sleeve> = None;
    for pair in points.windows(2) {
        let (before, point) = (pair[0], pair[1]);
        let anchor = kept[kept.len() - 1];
        if let Some(sleeve) = &mut sleeve
            && sleeve.takes(anchor, point)
        {
            continue;
        }
        if sleeve.is_some() {
            kept.push(before);
        }
        sleeve = Some(Sleeve::towards(kept[kept.len() - 1], point));
    }
    kept.extend(points.last());
    kept
}

/// The directions in which a line from an anchor passes all vertices since.
struct Sleeve {
    /// Direction of the first vertex, radians; the others are relative to it.
    first: f64,
    low: f64,
    high: f64,
    furthest: f64,
}

impl Sleeve {
    fn towards(anchor: [f64; 3], point: [f64; 3]) -> Self {
        let span = distance(anchor, point);
        let half = (THIN_M / span.max(THIN_M)).asin();
        let first = (point[1] - anchor[1]).atan2(point[0] - anchor[0]);
        Self { first, low: -half, high: half, furthest: span }
    }

    /// Whether a straight line may go on to this vertex; narrows the sleeve if so.
    fn takes(&mut self, anchor: [f64; 3], point: [f64; 3]) -> bool {
        let span = distance(anchor, point);
        // A turn back is no straight line, however thin.
        if span < self.furthest - THIN_M {
            return false;
        }
        let turn = (point[1] - anchor[1]).atan2(point[0] - anchor[0]) - self.first;
        let turn = turn - std::f64::consts::TAU * (turn / std::f64::consts::TAU).round();
        if turn < self.low || turn > self.high {
            return false;
        }
        let half = (THIN_M / span.max(THIN_M)).asin();
        self.low = self.low.max(turn - half);
        self.high = self.high.min(turn + half);
        self.furthest = self.furthest.max(span);
        true
    }
}
