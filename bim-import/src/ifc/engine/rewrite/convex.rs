//! Convex solids cut out of a convex one, face by face: a beam less its notches and ends.
//! Where a result is not watertight, there is none; the engine's exact arithmetic does
//! those.

use super::weld::{self, Mesh};
use crate::vector::{add, cross, dot, length, newell, scale, sub};

type Point = [f64; 3];

/// Faces of a result above which it is left to the engine.
const MAX_FACES: usize = 500;

/// Where `normal · point == offset`; what lies beyond is outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    normal: Point,
    offset: f64,
}

impl Plane {
    /// The plane through a point.
    pub(super) fn through(point: Point, normal: Point) -> Option<Self> {
        let long = length(normal);
        let normal = scale(normal, 1.0 / long);
        (long > 1e-12).then(|| Self { normal, offset: dot(normal, point) })
    }

    /// Height over the plane.
    fn over(&self, point: Point) -> f64 {
        dot(self.normal, point) - self.offset
    }
}

/// A flat face, counter-clockwise seen from outside.
#[derive(Clone, Debug)]
struct Face {
    corners: Vec<Point>,
    normal: Point,
}

/// What lies behind all of its planes.
#[derive(Clone, Debug)]
pub(super) struct Convex {
    planes: Vec<Plane>,
    faces: Vec<Face>,
}

impl Convex {
    /// A flat convex outline, moved along `way`.
    pub(super) fn prism(outline: &[Point], way: Point) -> Option<Self> {
        let mut base: Vec<Point> = outline.to_vec();
        let up = newell(&base);
        if length(up) < 1e-18 || dot(up, way).abs() < 1e-12 * length(up) {
            return None;
        }
        if dot(up, way) < 0.0 {
            base.reverse();
        }
        let top: Vec<Point> = base.iter().map(|point| add(*point, way)).collect();
        let count = base.len();
        let mut faces: Vec<Vec<Point>> = (0..count)
            .map(|n| (n, (n + 1) % count))
            .map(|(n, next)| vec![base[n], base[next], top[next], top[n]])
            .collect();
        faces.push(base.into_iter().rev().collect());
        faces.push(top);
        let faces: Vec<Face> = faces.into_iter().map(Face::new).collect::<Option<_>>()?;
        let planes = faces.iter().map(|face| Plane::through(face.corners[0], face.normal));
        Some(Self { planes: planes.collect::<Option<_>>()?, faces })
    }

    /// Everything behind a plane; it has no faces until it is cut from something.
    pub(super) fn half_space(plane: Plane) -> Self {
        Self { planes: vec![plane], faces: Vec::new() }
    }

    /// Whether it has no end, as a half space has none.
    pub(super) fn is_endless(&self) -> bool {
        self.faces.is_empty()
    }

    /// Whether a box around it reaches one around `other`.
    pub(super) fn may_touch(&self, other: &Self, near: f64) -> bool {
        let reach = |solid: &Self, axis: usize| {
            solid.corners().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), corner| {
                (low.min(corner[axis]), high.max(corner[axis]))
            })
        };
        self.is_endless()
            || (0..3).all(|axis| {
                let (own, theirs) = (reach(self, axis), reach(other, axis));
                own.0 < theirs.1 - near && theirs.0 < own.1 - near
            })
    }

    fn corners(&self) -> impl Iterator<Item = Point> + '_ {
        self.faces.iter().flat_map(|face| face.corners.iter().copied())
    }

    /// Its faces; of a half space as much of its plane as reaches around `other`.
    fn faces_around(&self, other: &Self) -> Vec<Face> {
        let [plane] = self.planes[..] else { return self.faces.clone() };
        let Some(first) = other.corners().next() else { return Vec::new() };
        let reach = other.corners().map(|point| length(sub(point, first))).fold(0.0, f64::max);
        let middle = sub(first, scale(plane.normal, plane.over(first)));
        let wish = if plane.normal[0].abs() < 0.6 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
        let u = cross(plane.normal, wish);
        let u = scale(u, 2.0 * reach / length(u));
        let v = cross(plane.normal, u);
        let corners = [add(u, v), sub(v, u), scale(add(u, v), -1.0), sub(u, v)];
        let corners = corners.map(|way| add(middle, way)).to_vec();
        vec![Face { corners, normal: plane.normal }]
    }
}

impl Face {
    fn new(corners: Vec<Point>) -> Option<Self> {
        let normal = newell(&corners);
        let long = length(normal);
        (long > 0.0).then(|| Self { normal: scale(normal, 1.0 / long), corners })
    }

    fn with(&self, corners: Vec<Point>) -> Self {
        Self { corners, normal: self.normal }
    }

    /// What of it is outside and what inside of a plane; a face in the plane is neither.
    fn split(&self, plane: &Plane, near: f64) -> (Option<Self>, Option<Self>) {
        let heights: Vec<f64> = self.corners.iter().map(|corner| plane.over(*corner)).collect();
        let above = heights.iter().any(|height| *height > near);
        let below = heights.iter().any(|height| *height < -near);
        match (above, below) {
            (false, false) => (None, None),
            (true, false) => (Some(self.clone()), None),
            (false, true) => (None, Some(self.clone())),
            (true, true) => {
                let (mut outside, mut inside) = (Vec::new(), Vec::new());
                for (n, &corner) in self.corners.iter().enumerate() {
                    let (next, here) = ((n + 1) % self.corners.len(), heights[n]);
                    if here >= -near {
                        outside.push(corner);
                    }
                    if here <= near {
                        inside.push(corner);
                    }
                    let there = heights[next];
                    if (here > near && there < -near) || (here < -near && there > near) {
                        let share = here / (here - there);
                        let way = sub(self.corners[next], corner);
                        let crossing = add(corner, scale(way, share));
                        outside.push(crossing);
                        inside.push(crossing);
                    }
                }
                let whole = |corners: Vec<Point>| (corners.len() > 2).then(|| self.with(corners));
                (whole(outside), whole(inside))
            }
        }
    }
}

/// A face that lies in a side of a solid: whether it goes with what is cut away.
#[derive(Clone, Copy, PartialEq)]
enum Flush {
    /// Only where both look the same way.
    IfAlike,
    Always,
    /// Only where they look at each other.
    IfOpposed,
}

/// Comparisons that may still be made.
pub(super) struct Effort(pub(super) usize);

impl Effort {
    /// Takes some; nothing when fewer are left.
    pub(super) fn spend(&mut self, comparisons: usize) -> Option<()> {
        self.0 = self.0.checked_sub(comparisons)?;
        Some(())
    }
}

/// The parts of a face outside a solid.
fn outside(face: Face, solid: &Convex, flush: Flush, near: f64, out: &mut Vec<Face>) {
    let mut pieces = Vec::new();
    let mut rest = face.clone();
    for plane in &solid.planes {
        let (beyond, within) = rest.split(plane, near);
        if beyond.is_none() && within.is_none() {
            let alike = dot(rest.normal, plane.normal) > 0.0;
            let goes = match flush {
                Flush::Always => true,
                Flush::IfAlike => alike,
                Flush::IfOpposed => !alike,
            };
            if goes {
                continue;
            }
            return out.push(face);
        }
        let Some(within) = within else {
            // Nothing of it is inside: it stays in one piece.
            return out.push(face);
        };
        pieces.extend(beyond);
        rest = within;
    }
    out.append(&mut pieces);
}

/// The part of a face inside a solid; what lies in its surface is not.
fn inside(mut face: Face, solid: &Convex, near: f64) -> Option<Face> {
    for plane in &solid.planes {
        face = face.split(plane, near).1?;
    }
    Some(face)
}

/// `body` less all of `cutters`. Corners nearer than `near` are one. Nothing where nothing
/// is left, or where the result would have holes.
pub(super) fn carve(
    body: &Convex,
    cutters: &[Convex],
    near: f64,
    effort: &mut Effort,
) -> Option<Mesh> {
    let mut faces = body.faces.clone();
    for cutter in cutters {
        let mut left = Vec::with_capacity(faces.len());
        for face in faces {
            effort.spend(face.corners.len() * cutter.planes.len())?;
            outside(face, cutter, Flush::IfAlike, near, &mut left);
        }
        faces = left;
        if faces.len() > MAX_FACES {
            return None;
        }
    }
    for (number, cutter) in cutters.iter().enumerate() {
        let mut walls: Vec<Face> = cutter
            .faces_around(body)
            .into_iter()
            .filter_map(|face| inside(face, body, near))
            .collect();
        for (other, hole) in cutters.iter().enumerate().filter(|(other, _)| *other != number) {
            // Of two walls in one place that look the same way, the first stays.
            let flush = if other < number { Flush::Always } else { Flush::IfOpposed };
            let mut left = Vec::with_capacity(walls.len());
            for wall in walls {
                effort.spend(wall.corners.len() * hole.planes.len())?;
                outside(wall, hole, flush, near, &mut left);
            }
            walls = left;
        }
        faces.extend(walls.into_iter().map(|wall| Face {
            corners: wall.corners.into_iter().rev().collect(),
            normal: scale(wall.normal, -1.0),
        }));
        if faces.len() > MAX_FACES {
            return None;
        }
    }
    let faces: Vec<Vec<Point>> = faces.into_iter().map(|face| face.corners).collect();
    weld::mesh(&faces, near, effort)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: f64 = 1e-5;

    fn block(min: Point, max: Point) -> Convex {
        let [x, y, z] = sub(max, min);
        let way = |dx: f64, dy: f64| add(min, [dx, dy, 0.0]);
        let base = [way(0.0, 0.0), way(x, 0.0), way(x, y), way(0.0, y)];
        Convex::prism(&base, [0.0, 0.0, z]).unwrap()
    }

    fn volume(mesh: &Mesh) -> f64 {
        let corner = |id: usize| mesh.points[id];
        let six = |t: &[usize; 3]| dot(corner(t[0]), cross(corner(t[1]), corner(t[2])));
        mesh.triangles.iter().map(six).sum::<f64>() / 6.0
    }

    fn left(cutters: &[Convex]) -> f64 {
        volume(
            &carve(&block([0.0; 3], [4.0, 2.0, 1.0]), cutters, NEAR, &mut Effort(1_000_000))
                .unwrap(),
        )
    }

    #[test]
    fn notches_take_what_they_share_with_the_beam() {
        assert!((left(&[]) - 8.0).abs() < 1e-9);
        // Through a corner, flush with two sides; through the middle; out of one side.
        let corner = block([3.0, 1.0, -1.0], [4.0, 2.0, 3.0]);
        let hole = block([1.0, 0.5, -1.0], [2.0, 1.5, 2.0]);
        let pocket = block([0.25, 0.5, 0.5], [0.75, 1.5, 2.0]);
        assert!((left(std::slice::from_ref(&corner)) - 7.0).abs() < 1e-9);
        assert!((left(&[hole.clone(), corner.clone()]) - 6.0).abs() < 1e-9);
        assert!((left(&[hole, corner, pocket]) - 5.75).abs() < 1e-9);
    }

    #[test]
    fn notches_that_meet_or_overlap_count_once() {
        let a = block([1.0, 0.0, 0.0], [2.0, 2.0, 0.5]);
        let beside = block([2.0, 0.0, 0.0], [3.0, 2.0, 0.5]);
        let over = block([1.5, 0.0, 0.0], [2.5, 2.0, 0.5]);
        assert!((left(&[a.clone(), beside.clone()]) - 6.0).abs() < 1e-9);
        assert!((left(&[a.clone(), over.clone()]) - 6.5).abs() < 1e-9);
        assert!((left(&[a.clone(), a.clone(), beside, over]) - 6.0).abs() < 1e-9);
    }

    #[test]
    fn half_spaces_cut_ends_off() {
        let steep = Plane::through([3.0, 0.0, 0.0], [-1.0, 0.0, -1.0]).unwrap();
        // Of the last metre and the wedge before it: x + z > 3 goes.
        assert!((left(&[Convex::half_space(steep)]) - 5.0).abs() < 1e-9);
        let level = Plane::through([0.0, 0.0, 0.25], [0.0, 0.0, 1.0]).unwrap();
        assert!((left(&[Convex::half_space(level)]) - 6.0).abs() < 1e-9);
    }

    #[test]
    fn what_only_touches_or_is_elsewhere_takes_nothing() {
        let beside = block([4.0, 0.0, 0.0], [5.0, 2.0, 1.0]);
        let far = block([9.0, 9.0, 9.0], [10.0, 10.0, 10.0]);
        assert!((left(&[beside, far]) - 8.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_left_is_nothing() {
        let body = block([0.0; 3], [4.0, 2.0, 1.0]);
        let around = [block([-1.0; 3], [5.0; 3])];
        assert_eq!(carve(&body, &around, NEAR, &mut Effort(1_000_000)), None);
        let notch = [block([1.0, 1.0, 0.0], [2.0, 3.0, 1.0])];
        assert_eq!(carve(&body, &notch, NEAR, &mut Effort(50)), None, "no time");
    }

    #[test]
    fn turned_blocks_leave_a_closed_solid_of_the_right_size() {
        // A square hole, turned by any angle, through the whole height.
        for step in 0..40 {
            let angle = f64::from(step) * 0.17;
            let corner = |n: i32| {
                let (sin, cos) = (angle + f64::from(n) * std::f64::consts::FRAC_PI_2).sin_cos();
                [2.0 + 0.6 * cos, 1.0 + 0.6 * sin, -0.5]
            };
            let hole = Convex::prism(&[0, 1, 2, 3].map(corner), [0.0, 0.0, 2.0]).unwrap();
            assert!((left(&[hole]) - (8.0 - 0.72)).abs() < 1e-9, "{angle}");
        }
    }
}
