//! Small closed meshes: prisms, lofts, bars, ribbons, lumps.

use super::{P2, circle, p2, rect};

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

pub(super) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
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
