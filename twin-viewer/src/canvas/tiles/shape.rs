//! The triangles and lines of one feature, wherever it stands in its tile: what a selection
//! is outlined by, and where an entity can be seen.

use std::collections::HashMap;

use glam::DVec3;

use super::content::{Content, Part};

/// An edge between faces that turn less than this is no edge; cosine of 30°.
const CREASE_COS: f64 = 0.866;

/// Visits the corners of every triangle of a feature, local frame, m.
pub fn triangles(content: &Content, feature: usize, mut visit: impl FnMut([DVec3; 3])) {
    for part in content.parts.iter().filter(|part| !part.class.is_lines()) {
        each::<3>(part, &content.bin, feature, |_, corners| visit(corners));
    }
}

/// The lines around a feature, local frame, m; at most so many.
pub fn outline(content: &Content, feature: usize, limit: usize) -> Vec<[DVec3; 2]> {
    let mut lines = Vec::new();
    for part in content.parts.iter().filter(|part| part.class.is_lines()) {
        each::<2>(part, &content.bin, feature, |_, ends| {
            if lines.len() < limit {
                lines.push(ends);
            }
        });
    }
    if lines.is_empty() {
        // What the importer made no edges for, such as the volume of a space.
        for part in content.parts.iter().filter(|part| !part.class.is_lines()) {
            creases(part, &content.bin, feature, limit, &mut lines);
        }
    }
    lines
}

/// Visits a feature's primitives of `N` corners: their vertices, and where those are.
fn each<const N: usize>(
    part: &Part,
    bin: &[u8],
    feature: usize,
    mut visit: impl FnMut([usize; N], [DVec3; N]),
) {
    let is_shared = part.copy(bin, 0).is_some();
    for copy in 0..part.copies() {
        if is_shared && part.feature(bin, copy, 0) != feature {
            continue;
        }
        let placed = part.placed(bin, copy);
        for first in (0..part.index_count / N * N).step_by(N) {
            let corners = std::array::from_fn(|at| part.index(bin, first + at) as usize);
            if part.feature(bin, copy, corners[0]) == feature {
                visit(corners, corners.map(|vertex| part.point(bin, &placed, vertex)));
            }
        }
    }
}

/// Edges of one face, or between two that turn.
fn creases(part: &Part, bin: &[u8], feature: usize, limit: usize, lines: &mut Vec<[DVec3; 2]>) {
    type Corner = [u32; 3];
    let key = |vertex: usize| part.position(bin, vertex).map(f32::to_bits);
    let mut faces: HashMap<(Corner, Corner), ([DVec3; 2], DVec3, bool)> = HashMap::new();
    each::<3>(part, bin, feature, |corners, points| {
        if faces.len() > limit * 3 {
            return;
        }
        let normal = (points[1] - points[0]).cross(points[2] - points[0]).normalize_or_zero();
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let (a, b) = (key(corners[from]), key(corners[to]));
            let edge = if a < b { (a, b) } else { (b, a) };
            faces
                .entry(edge)
                .and_modify(|(_, other, crease)| {
                    *crease = other.dot(normal).abs() < CREASE_COS;
                })
                .or_insert(([points[from], points[to]], normal, true));
        }
    });
    let kept = faces.into_values().filter(|(_, _, crease)| *crease).map(|(ends, ..)| ends);
    lines.extend(kept.take(limit.saturating_sub(lines.len())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tiles::sample::heap;

    #[test]
    fn a_copy_is_outlined_where_it_stands() {
        let content = heap(6);
        for feature in 0..36 {
            let lines = outline(&content, feature, 1_000);
            assert_eq!(lines.len(), 12);
            let mut corners = Vec::new();
            triangles(&content, feature, |triangle| corners.extend(triangle));
            assert_eq!(corners.len(), 36);
            for end in lines.as_flattened() {
                let nearest = corners.iter().map(|corner| (corner - end).length());
                assert!(nearest.fold(f64::INFINITY, f64::min) < 1e-9);
            }
            // An edge is as long as the box is large, wherever it is turned.
            let size = 60_000.0 / 65_535.0 * 3.0;
            assert!(lines.iter().all(|[a, b]| ((b - a).length() - size).abs() < 1e-5));
        }
        assert_eq!(outline(&content, 3, 5).len(), 5);
    }

    #[test]
    fn what_has_no_lines_is_outlined_by_its_creases() {
        let mut content = heap(3);
        content.parts.retain(|part| !part.class.is_lines());
        let lines = outline(&content, 4, 1_000);
        assert_eq!(lines.len(), 12);
        // The floor is one triangle.
        assert_eq!(outline(&content, 9, 1_000).len(), 3);
    }
}
