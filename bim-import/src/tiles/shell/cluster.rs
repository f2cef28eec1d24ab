//! Fewer triangles for the same form: vertices close to each other become one.
//!
//! Space is cut into slabs along each axis of the building. All vertices of a slab get
//! the same coordinate, the mean of theirs by the area around them: so a façade with
//! reveals, frames and panes comes out as one plane, and what met before still meets.

use rustc_hash::FxHashMap;

use crate::vector::{cross, length, sub};

/// Thinnest slab, m.
const FINEST_M: f64 = 0.4;
/// Slabs grow by this until the triangles are few enough.
const GROWTH: f64 = 1.3;
/// Tries of it: the last slabs are wider than any building that gets a shell.
const MAX_TRIES: i32 = 32;
/// Slabs stay thinner than this upwards as long as they can, so that storeys stay apart, m.
const STOREY_M: f64 = 3.0;
/// A triangle smaller than this has no face, m².
const MIN_DOUBLE_AREA_M2: f64 = 1.0e-4;

/// A triangle along the axes of its building.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Face {
    pub(super) corners: [[f64; 3]; 3],
    /// What it is part of.
    pub(super) owner: u32,
    pub(super) rgba: [u8; 4],
    /// In how many pixels of the views it is seen.
    pub(super) pixels: u16,
}

/// Faces after clustering.
pub(super) struct Clustered {
    pub(super) faces: Vec<Face>,
    /// The farthest that a vertex has moved, m.
    pub(super) moved_m: f64,
}

/// At most `wanted` faces, if slabs as wide as the whole can give them.
pub(super) fn reduce(faces: &[Face], wanted: usize) -> Clustered {
    let with = |tries: i32| {
        let across = FINEST_M * GROWTH.powi(tries);
        cluster(faces, [across, across, upwards(across)])
    };
    // Wider slabs leave fewer faces: the finest that are few enough are found by halving.
    let (mut low, mut high) = (0, MAX_TRIES);
    let mut best = None;
    while low < high {
        let middle = (low + high) / 2;
        let clustered = with(middle);
        if clustered.faces.len() <= wanted {
            high = middle;
            best = Some(clustered);
        } else {
            low = middle + 1;
        }
    }
    best.unwrap_or_else(|| with(MAX_TRIES))
}

fn upwards(across: f64) -> f64 {
    across.min(STOREY_M.max(across / 4.0))
}

/// One axis cut into slabs.
struct Slabs {
    low: f64,
    width: f64,
    /// By slab: what its vertices weigh, and the sum of their weighted coordinates.
    sums: Vec<[f64; 2]>,
}

impl Slabs {
    fn new(faces: &[Face], axis: usize, width: f64, weights: &[f64]) -> Self {
        let all = || faces.iter().flat_map(|face| face.corners.iter().map(|it| it[axis]));
        let low = all().fold(f64::INFINITY, f64::min);
        let high = all().fold(f64::NEG_INFINITY, f64::max);
        let mut slabs = Self { low, width, sums: Vec::new() };
        // Buildings of shells are smaller than a tile's extent: some thousand slabs at most.
        slabs.sums.resize(if low < high { slabs.slab(high) + 1 } else { 1 }, [0.0; 2]);
        for (face, weight) in faces.iter().zip(weights) {
            for corner in &face.corners {
                let slab = slabs.slab(corner[axis]);
                slabs.sums[slab][0] += weight;
                slabs.sums[slab][1] += weight * corner[axis];
            }
        }
        slabs
    }

    /// The lowest coordinates lie in the middle of the first slab: outer faces, which
    /// matter most, are not torn in two.
    fn slab(&self, x: f64) -> usize {
        ((x - self.low) / self.width + 0.5) as usize
    }

    fn place(&self, slab: usize) -> f64 {
        let [weight, sum] = self.sums[slab];
        sum / weight
    }
}

fn cluster(faces: &[Face], widths: [f64; 3]) -> Clustered {
    let weights: Vec<f64> =
        faces.iter().map(|face| double_area(&face.corners).max(1.0e-9)).collect();
    let slabs = [0, 1, 2].map(|axis| Slabs::new(faces, axis, widths[axis], &weights));
    let mut moved_m = 0.0_f64;
    // Of faces that fall together, the largest stays, of equal ones the first.
    let mut kept: FxHashMap<[[usize; 3]; 3], usize> = FxHashMap::default();
    for (number, face) in faces.iter().enumerate() {
        let mut key = slabs_of(&slabs, face);
        let places = key.map(|corner| place(&slabs, corner));
        for (before, after) in face.corners.iter().zip(places) {
            moved_m = moved_m.max(length(sub(after, *before)));
        }
        if double_area(&places) > MIN_DOUBLE_AREA_M2 {
            key.sort_unstable();
            let best = kept.entry(key).or_insert(number);
            if weights[number] > weights[*best] {
                *best = number;
            }
        }
    }
    let mut kept: Vec<usize> = kept.into_values().collect();
    kept.sort_unstable();
    let faces = kept.into_iter().map(|number| {
        let face = &faces[number];
        let corners = slabs_of(&slabs, face).map(|corner| place(&slabs, corner));
        Face { corners, ..face.clone() }
    });
    Clustered { faces: faces.collect(), moved_m }
}

fn slabs_of(slabs: &[Slabs; 3], face: &Face) -> [[usize; 3]; 3] {
    face.corners.map(|corner| [0, 1, 2].map(|axis| slabs[axis].slab(corner[axis])))
}

fn place(slabs: &[Slabs; 3], corner: [usize; 3]) -> [f64; 3] {
    [0, 1, 2].map(|axis| slabs[axis].place(corner[axis]))
}

pub(super) fn double_area([a, b, c]: &[[f64; 3]; 3]) -> f64 {
    length(cross(sub(*b, *a), sub(*c, *a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wall of panels, one metre each, every other set back by ten centimetres.
    fn facade(columns: u32, rows: u32) -> Vec<Face> {
        let mut faces = Vec::new();
        for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row)))
        {
            let y = f64::from(column % 2) * 0.1;
            let at = |x: u32, z: u32| [f64::from(column + x), y, f64::from(row + z)];
            let face = |corners| Face { corners, owner: row / 3, rgba: [9, 9, 9, 255], pixels: 1 };
            faces.push(face([at(0, 0), at(1, 0), at(1, 1)]));
            faces.push(face([at(0, 0), at(1, 1), at(0, 1)]));
        }
        faces
    }

    #[test]
    fn a_facade_becomes_one_plane_without_holes() {
        let faces = facade(40, 30);
        let before: f64 = faces.iter().map(|face| double_area(&face.corners)).sum();
        let Clustered { faces, moved_m } = reduce(&faces, 400);
        assert!(faces.len() <= 400 && faces.len() > 50, "{}", faces.len());
        let depths = faces.iter().flat_map(|face| face.corners.map(|corner| corner[1].to_bits()));
        assert_eq!(depths.collect::<std::collections::BTreeSet<_>>().len(), 1, "flat");
        let after: f64 = faces.iter().map(|face| double_area(&face.corners)).sum();
        // Neither holes nor overlaps: the border alone has moved.
        assert!((after / before - 1.0).abs() < 0.1, "{before} {after}");
        assert!(moved_m > 0.05 && moved_m < 4.0, "{moved_m}");
        let owners: std::collections::BTreeSet<u32> = faces.iter().map(|face| face.owner).collect();
        assert_eq!(owners.len(), 10, "every storey keeps a part");
    }

    #[test]
    fn few_faces_hardly_move() {
        let faces = facade(1, 1);
        let clustered = reduce(&faces, 100);
        assert_eq!(clustered.faces.len(), 2);
        assert!(clustered.moved_m < 1.0e-9);
        assert!(reduce(&[], 100).faces.is_empty());
    }
}
