//! Points, rectangles, poses and small meshes, in metres.

mod mesh;

use std::ops::{Add, Mul, Sub};

pub(crate) use mesh::Mesh;

/// A point or vector in plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct P2 {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// Shorthand for [`P2`].
pub(crate) const fn p2(x: f64, y: f64) -> P2 {
    P2 { x, y }
}

impl Add for P2 {
    type Output = P2;
    fn add(self, other: P2) -> P2 {
        p2(self.x + other.x, self.y + other.y)
    }
}
impl Sub for P2 {
    type Output = P2;
    fn sub(self, other: P2) -> P2 {
        p2(self.x - other.x, self.y - other.y)
    }
}
impl Mul<f64> for P2 {
    type Output = P2;
    fn mul(self, factor: f64) -> P2 {
        p2(self.x * factor, self.y * factor)
    }
}

impl P2 {
    pub(crate) fn length(self) -> f64 {
        self.x.hypot(self.y)
    }
    pub(crate) fn unit(self) -> P2 {
        self * (1.0 / self.length().max(1e-9))
    }
    /// Turned a quarter to the left.
    pub(crate) fn left(self) -> P2 {
        p2(-self.y, self.x)
    }
    pub(crate) fn angle(self) -> f64 {
        self.y.atan2(self.x)
    }
    pub(crate) fn turned(self, angle: f64) -> P2 {
        let (sin, cos) = angle.sin_cos();
        p2(self.x * cos - self.y * sin, self.x * sin + self.y * cos)
    }
}

/// Where something stands: origin and a turn about the vertical, radians counter-clockwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) z: f64,
    pub(crate) angle: f64,
}

impl Pose {
    pub(crate) const fn at(x: f64, y: f64, z: f64) -> Pose {
        Pose { x, y, z, angle: 0.0 }
    }
    pub(crate) fn on(p: P2, z: f64) -> Pose {
        Pose::at(p.x, p.y, z)
    }
    pub(crate) fn turned(self, angle: f64) -> Pose {
        Pose { angle: self.angle + angle, ..self }
    }
}

/// An axis-parallel rectangle in plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x0: f64,
    pub(crate) y0: f64,
    pub(crate) x1: f64,
    pub(crate) y1: f64,
}

/// Shorthand for a [`Rect`] between two corners.
pub(crate) const fn rect(x0: f64, y0: f64, x1: f64, y1: f64) -> Rect {
    Rect { x0, y0, x1, y1 }
}

impl Rect {
    /// A rectangle of a size about the origin.
    pub(crate) fn centred(width: f64, depth: f64) -> Rect {
        rect(-width / 2.0, -depth / 2.0, width / 2.0, depth / 2.0)
    }
    pub(crate) fn width(self) -> f64 {
        self.x1 - self.x0
    }
    pub(crate) fn depth(self) -> f64 {
        self.y1 - self.y0
    }
    pub(crate) fn area(self) -> f64 {
        self.width() * self.depth()
    }
    pub(crate) fn centre(self) -> P2 {
        p2(f64::midpoint(self.x0, self.x1), f64::midpoint(self.y0, self.y1))
    }
    pub(crate) fn grown(self, by: f64) -> Rect {
        rect(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)
    }
    /// Corners, counter-clockwise from the lower left.
    pub(crate) fn corners(self) -> [P2; 4] {
        [p2(self.x0, self.y0), p2(self.x1, self.y0), p2(self.x1, self.y1), p2(self.x0, self.y1)]
    }
    /// The four sides as (start, end), outside on the right hand of the way.
    pub(crate) fn sides(self) -> [(P2, P2); 4] {
        let c = self.corners();
        [(c[0], c[1]), (c[1], c[2]), (c[2], c[3]), (c[3], c[0])]
    }
    /// The segment two rectangles touch along, if longer than 5 cm.
    pub(crate) fn shared_edge(self, other: Rect) -> Option<(P2, P2)> {
        const NEAR: f64 = 1e-6;
        let (x0, x1) = (self.x0.max(other.x0), self.x1.min(other.x1));
        let (y0, y1) = (self.y0.max(other.y0), self.y1.min(other.y1));
        if (x1 - x0).abs() < NEAR && y1 - y0 > 0.05 {
            Some((p2(x0, y0), p2(x0, y1)))
        } else if (y1 - y0).abs() < NEAR && x1 - x0 > 0.05 {
            Some((p2(x0, y0), p2(x1, y0)))
        } else {
            None
        }
    }
}

/// A regular polygon, counter-clockwise.
pub(crate) fn circle(centre: P2, radius: f64, sides: usize) -> Vec<P2> {
    ellipse(centre, radius, radius, sides)
}

/// A polygon on an ellipse, counter-clockwise.
pub(crate) fn ellipse(centre: P2, rx: f64, ry: f64, sides: usize) -> Vec<P2> {
    (0..sides)
        .map(|i| {
            let angle = std::f64::consts::TAU * i as f64 / sides as f64;
            centre + p2(rx * angle.cos(), ry * angle.sin())
        })
        .collect()
}

/// A rectangle with rounded corners, counter-clockwise.
pub(crate) fn rounded(r: Rect, radius: f64, steps: usize) -> Vec<P2> {
    let inner = r.grown(-radius).corners();
    let mut out = Vec::new();
    for (corner, start) in inner.iter().zip([180.0_f64, 270.0, 0.0, 90.0]) {
        for i in 0..=steps {
            let angle = (start + 90.0 * i as f64 / steps as f64).to_radians();
            out.push(*corner + p2(radius * angle.cos(), radius * angle.sin()));
        }
    }
    out
}

/// A smooth curve (Catmull-Rom) through points, `steps` pieces between two of them.
pub(crate) fn smooth(points: &[P2], steps: usize, closed: bool) -> Vec<P2> {
    let count = points.len();
    let at = |i: isize| {
        let last = count as isize;
        points[if closed { i.rem_euclid(last) } else { i.clamp(0, last - 1) } as usize]
    };
    let pieces = if closed { count } else { count - 1 };
    let mut out = Vec::with_capacity(pieces * steps + 1);
    for i in 0..pieces as isize {
        let (a, b, c, d) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        for s in 0..steps {
            let t = s as f64 / steps as f64;
            let value = b * 2.0
                + (c - a) * t
                + (a * 2.0 - b * 5.0 + c * 4.0 - d) * (t * t)
                + (b * 3.0 - a - c * 3.0 + d) * (t * t * t);
            out.push(value * 0.5);
        }
    }
    if !closed {
        out.push(points[count - 1]);
    }
    out
}

/// Points every `step` metres along a line, with the direction there.
pub(crate) fn along(line: &[P2], step: f64, start: f64) -> Vec<(P2, P2)> {
    let mut out = Vec::new();
    let mut next = start;
    let mut walked = 0.0;
    for pair in line.windows(2) {
        let way = pair[1] - pair[0];
        let length = way.length();
        while next <= walked + length {
            out.push((pair[0] + way.unit() * (next - walked), way.unit()));
            next += step;
        }
        walked += length;
    }
    out
}

/// Whether a point lies inside a polygon.
pub(crate) fn inside(polygon: &[P2], p: P2) -> bool {
    let mut odd = false;
    let mut before = polygon.len() - 1;
    for index in 0..polygon.len() {
        let (a, b) = (polygon[index], polygon[before]);
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            odd = !odd;
        }
        before = index;
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::{mesh::cross, *};

    fn volume(mesh: &Mesh) -> f64 {
        let at = |i: u32| mesh.points[i as usize];
        mesh.faces
            .iter()
            .map(|&[a, b, c]| {
                let n = cross(at(b), at(c));
                let a = at(a);
                (a[0] * n[0] + a[1] * n[1] + a[2] * n[2]) / 6.0
            })
            .sum()
    }

    #[test]
    fn solids_face_outward() {
        #[track_caller]
        fn close(mesh: Mesh, expected: f64) {
            let found = volume(&mesh);
            assert!((found - expected).abs() < expected * 0.2, "{found} for {expected}");
        }
        close(Mesh::new().cuboid([0.0; 3], [1.0, 2.0, 3.0]), 6.0);
        close(Mesh::new().bar([0.0; 3], [0.0, 4.0, 0.0], 1.0, 16), 4.0 * std::f64::consts::PI);
        close(Mesh::new().frame((2.0, 2.0), 0.5, 0.5), 3.0);
        close(Mesh::new().lump([0.0; 3], [1.0; 3], 12, 0.0), 2.6);
        let line = [p2(0.0, 0.0), p2(10.0, 0.0), p2(10.0, 10.0)];
        close(Mesh::new().ribbon(&line, (-1.0, 1.0), (0.0, 0.5), false), 20.0);
        close(
            Mesh::new().ribbon(&Rect::centred(10.0, 10.0).corners(), (-1.0, 1.0), (0.0, 0.5), true),
            40.0,
        );
    }

    #[test]
    fn touching_rectangles_share_an_edge_and_apart_ones_do_not() {
        let a = rect(0.0, 0.0, 2.0, 2.0);
        assert_eq!(a.shared_edge(rect(2.0, 1.0, 3.0, 5.0)), Some((p2(2.0, 1.0), p2(2.0, 2.0))));
        assert_eq!(a.shared_edge(rect(2.0, 2.0, 3.0, 5.0)), None);
        assert_eq!(a.shared_edge(rect(3.0, 0.0, 4.0, 2.0)), None);
    }
}
