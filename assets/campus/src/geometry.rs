//! Points, rectangles, poses and small meshes, in metres.

use std::ops::{Add, Mul, Sub};

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

/// A triangle mesh under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mesh {
    pub(crate) points: Vec<[f64; 3]>,
    pub(crate) faces: Vec<[u32; 3]>,
    /// True where some part is a sheet without thickness.
    pub(crate) open: bool,
}

impl Mesh {
    pub(crate) fn new() -> Mesh {
        Mesh::default()
    }

    /// A box between two corners.
    pub(crate) fn cuboid(mut self, low: [f64; 3], high: [f64; 3]) -> Mesh {
        let plan = rect(low[0], low[1], high[0], high[1]).corners();
        self.push_prism(&plan, low[2], high[2]);
        self
    }

    /// An upright prism over a convex outline, counter-clockwise.
    pub(crate) fn prism(mut self, outline: &[P2], z0: f64, z1: f64) -> Mesh {
        self.push_prism(outline, z0, z1);
        self
    }

    pub(crate) fn push_prism(&mut self, outline: &[P2], z0: f64, z1: f64) {
        self.push_loft(outline, z0, outline, z1);
    }

    /// An upright cylinder (or cone, or frustum) with `sides` sides.
    pub(crate) fn cone(
        mut self,
        centre: P2,
        radius: (f64, f64),
        z: (f64, f64),
        sides: usize,
    ) -> Mesh {
        self.push_loft(
            &circle(centre, radius.0, sides),
            z.0,
            &circle(centre, radius.1, sides),
            z.1,
        );
        self
    }

    /// An upright cylinder.
    pub(crate) fn cylinder(self, centre: P2, radius: f64, z: (f64, f64), sides: usize) -> Mesh {
        self.cone(centre, (radius, radius), z, sides)
    }

    /// Joins two convex outlines of equally many points at two heights, with both caps.
    pub(crate) fn push_loft(&mut self, low: &[P2], z0: f64, high: &[P2], z1: f64) {
        let (base, count) = (self.points.len() as u32, low.len() as u32);
        self.points.extend(low.iter().map(|p| [p.x, p.y, z0]));
        self.points.extend(high.iter().map(|p| [p.x, p.y, z1]));
        for i in 0..count {
            let j = (i + 1) % count;
            self.faces.push([base + i, base + j, base + count + j]);
            self.faces.push([base + i, base + count + j, base + count + i]);
        }
        for i in 1..count - 1 {
            self.faces.push([base, base + i + 1, base + i]);
            self.faces.push([base + count, base + count + i, base + count + i + 1]);
        }
    }

    /// A horizontal round bar from `a` to `b`, with a square-ish section of `sides` sides.
    pub(crate) fn bar(mut self, a: [f64; 3], b: [f64; 3], radius: f64, sides: usize) -> Mesh {
        let way = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
        let length = (way[0] * way[0] + way[1] * way[1] + way[2] * way[2]).sqrt().max(1e-9);
        let w = way.map(|v| v / length);
        let help = if w[2].abs() > 0.9 { [1.0, 0.0, 0.0] } else { [0.0, 0.0, 1.0] };
        let u = unit3(cross(help, w));
        let v = cross(w, u);
        let base = self.points.len() as u32;
        for end in [a, b] {
            for i in 0..sides {
                let (sin, cos) =
                    (std::f64::consts::TAU * (i as f64 + 0.5) / sides as f64).sin_cos();
                self.points.push([0, 1, 2].map(|k| end[k] + radius * (u[k] * cos + v[k] * sin)));
            }
        }
        let count = sides as u32;
        for i in 0..count {
            let j = (i + 1) % count;
            self.faces.push([base + i, base + j, base + count + j]);
            self.faces.push([base + i, base + count + j, base + count + i]);
        }
        for i in 1..count - 1 {
            self.faces.push([base, base + i + 1, base + i]);
            self.faces.push([base + count, base + count + i, base + count + i + 1]);
        }
        self
    }

    /// A flat-bottomed band of constant section along a line in plan: kerbs, ribbons, fences.
    pub(crate) fn ribbon(
        mut self,
        line: &[P2],
        offsets: (f64, f64),
        z: (f64, f64),
        closed: bool,
    ) -> Mesh {
        let count = line.len();
        let base = self.points.len() as u32;
        for index in 0..count {
            let normal = miter(line, index, closed);
            for (offset, height) in
                [(offsets.0, z.0), (offsets.1, z.0), (offsets.1, z.1), (offsets.0, z.1)]
            {
                let p = line[index] + normal * offset;
                self.points.push([p.x, p.y, height]);
            }
        }
        let segments = if closed { count } else { count - 1 };
        for s in 0..segments {
            let (i, j) = (base + 4 * s as u32, base + 4 * ((s + 1) % count) as u32);
            for k in 0..4 {
                let l = (k + 1) % 4;
                self.faces.push([i + k, j + k, j + l]);
                self.faces.push([i + k, j + l, i + l]);
            }
        }
        if !closed {
            let e = base + 4 * (count as u32 - 1);
            self.faces.extend([[base, base + 1, base + 2], [base, base + 2, base + 3]]);
            self.faces.extend([[e, e + 2, e + 1], [e, e + 3, e + 2]]);
        }
        self.turn_outward_if_needed(offsets);
        self
    }

    fn turn_outward_if_needed(&mut self, offsets: (f64, f64)) {
        // The section above runs clockwise against the way where offsets rise.
        if offsets.1 > offsets.0 {
            for face in &mut self.faces {
                face.swap(1, 2);
            }
        }
    }

    /// An upright rectangular frame in the x-z plane, its foot at zero: `bar` wide, `half_depth` either way.
    pub(crate) fn frame(mut self, size: (f64, f64), bar: f64, half_depth: f64) -> Mesh {
        let base = self.points.len() as u32;
        let (half, height) = (size.0 / 2.0, size.1);
        for y in [-half_depth, half_depth] {
            for inset in [0.0, bar] {
                for (x, z) in [
                    (-half + inset, inset),
                    (half - inset, inset),
                    (half - inset, height - inset),
                    (-half + inset, height - inset),
                ] {
                    self.points.push([x, y, z]);
                }
            }
        }
        let mut quad = |a: u32, b: u32, c: u32, d: u32| {
            self.faces.extend([[base + a, base + b, base + c], [base + a, base + c, base + d]]);
        };
        for i in 0..4 {
            let j = (i + 1) % 4;
            quad(i, j, 4 + j, 4 + i);
            quad(8 + j, 8 + i, 12 + i, 12 + j);
            quad(8 + i, 8 + j, j, i);
            quad(4 + i, 4 + j, 12 + j, 12 + i);
        }
        self
    }

    /// A rounded lump: a tree's crown, a bush. Two rings and two poles, unevenly scaled.
    pub(crate) fn lump(
        mut self,
        centre: [f64; 3],
        radius: [f64; 3],
        sides: usize,
        twist: f64,
    ) -> Mesh {
        let base = self.points.len() as u32;
        let rings = [(-0.5_f64, 0.8), (0.25, 0.97)];
        self.points.push([centre[0], centre[1], centre[2] - radius[2]]);
        for (ring, (height, width)) in rings.iter().enumerate() {
            for i in 0..sides {
                let angle =
                    std::f64::consts::TAU * (i as f64 + 0.5 * ring as f64) / sides as f64 + twist;
                let wobble = 1.0 + 0.1 * (3.0 * angle + 5.0 * twist).sin();
                self.points.push([
                    centre[0] + radius[0] * width * wobble * angle.cos(),
                    centre[1] + radius[1] * width * wobble * angle.sin(),
                    centre[2] + radius[2] * height,
                ]);
            }
        }
        self.points.push([centre[0], centre[1], centre[2] + radius[2]]);
        let count = sides as u32;
        let top = base + 1 + 2 * count;
        for i in 0..count {
            let j = (i + 1) % count;
            let (a, b, c, d) =
                (base + 1 + i, base + 1 + j, base + 1 + count + i, base + 1 + count + j);
            self.faces.extend([[base, b, a], [a, b, c], [b, d, c], [c, d, top]]);
        }
        self
    }

    /// Everything moved.
    pub(crate) fn moved(mut self, by: [f64; 3]) -> Mesh {
        for point in &mut self.points {
            for k in 0..3 {
                point[k] += by[k];
            }
        }
        self
    }

    /// This mesh and another as one.
    pub(crate) fn with(mut self, other: &Mesh) -> Mesh {
        let base = self.points.len() as u32;
        self.points.extend(&other.points);
        self.faces.extend(other.faces.iter().map(|f| f.map(|i| i + base)));
        self.open |= other.open;
        self
    }

    /// Everything turned about the vertical through the origin.
    pub(crate) fn rotated(mut self, angle: f64) -> Mesh {
        for point in &mut self.points {
            let p = p2(point[0], point[1]).turned(angle);
            (point[0], point[1]) = (p.x, p.y);
        }
        self
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit3(v: [f64; 3]) -> [f64; 3] {
    let length = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt().max(1e-9);
    v.map(|c| c / length)
}

/// The offset direction at one corner of a line, lengthened so that the band keeps its width.
fn miter(line: &[P2], index: usize, closed: bool) -> P2 {
    let count = line.len();
    let before = if index > 0 {
        Some(line[index - 1])
    } else if closed {
        Some(line[count - 1])
    } else {
        None
    };
    let after = if index + 1 < count {
        Some(line[index + 1])
    } else if closed {
        Some(line[0])
    } else {
        None
    };
    let here = line[index];
    match (before, after) {
        (Some(b), Some(a)) => {
            let (n1, n2) = ((here - b).unit().left(), (a - here).unit().left());
            let sum = n1 + n2;
            let half = sum.length() / 2.0;
            sum.unit() * (1.0 / half.max(0.5))
        }
        (Some(b), None) => (here - b).unit().left(),
        (None, Some(a)) => (a - here).unit().left(),
        (None, None) => p2(0.0, 1.0),
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
    use super::*;

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
