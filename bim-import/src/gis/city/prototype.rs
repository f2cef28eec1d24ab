//! Things drawn once and placed often.

use std::collections::BTreeMap;

use super::Surface;

/// Where a prototype is placed.
pub(super) struct Place {
    /// Turns and scales the prototype; rows of a matrix for points from the left.
    pub(super) matrix: [f64; 16],
    /// What its zero becomes.
    pub(super) at: [f64; 3],
}

impl Place {
    fn point(&self, p: [f64; 3]) -> [f64; 3] {
        let m = &self.matrix;
        let row =
            |r: usize| m[4 * r] * p[0] + m[4 * r + 1] * p[1] + m[4 * r + 2] * p[2] + m[4 * r + 3];
        [0, 1, 2].map(|axis| self.at[axis] + row(axis))
    }

    /// Gives surfaces vertices of their own at the place. Those they have are among
    /// `points`, else among the `vertices` themselves; only what is used is copied, since
    /// a catalogue of trees is long.
    pub(super) fn put(
        &self,
        surfaces: &mut [Surface],
        points: Option<&[[f64; 3]]>,
        vertices: &mut Vec<[f64; 3]>,
    ) {
        let mut moved: BTreeMap<u32, u32> = BTreeMap::new();
        for index in surfaces.iter_mut().flat_map(|surface| &mut surface.rings).flatten() {
            *index = *moved.entry(*index).or_insert_with(|| {
                let n = *index as usize;
                let point = points.map_or_else(|| vertices[n], |points| points[n]);
                vertices.push(self.point(point));
                (vertices.len() - 1) as u32
            });
        }
    }
}
