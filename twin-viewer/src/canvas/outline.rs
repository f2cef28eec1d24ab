//! The lines drawn around what is selected.

use std::collections::HashMap;

use glam::DVec3;

use super::{
    render::Outline,
    state::State,
    stream::{Loaded, Stream},
    tiles::content::Part,
};

/// Most lines of one outline: enough for a façade, too few to stall a frame.
const MAX_LINES: usize = 20_000;
/// An edge between faces that turn less than this is no edge; cosine of 30°.
const CREASE_COS: f64 = 0.866;

/// The outline of the selected entity, in every tile it stands in.
pub(super) fn of_selected(stream: &Stream, state: &State) -> Option<Outline> {
    let entity = state.selected()?;
    let mut lines: Vec<[DVec3; 2]> = Vec::new();
    for slot in state.slots_of(entity) {
        if let Some((_, loaded)) = stream.tile_of_slot(slot) {
            edges(loaded, slot - loaded.base, &mut lines);
        }
    }
    let origin = lines.first()?[0];
    let vertices = lines.iter().flat_map(|line| quad(line.map(|end| (end - origin).as_vec3())));
    Some(Outline { origin, vertices: vertices.collect(), width_px: 0.0 })
}

fn quad([a, b]: [glam::Vec3; 2]) -> [[f32; 8]; 6] {
    let corner = |side: f32, end: f32| [a.x, a.y, a.z, side, b.x, b.y, b.z, end];
    let [p, q, r, s] = [corner(-1.0, 0.0), corner(1.0, 0.0), corner(-1.0, 1.0), corner(1.0, 1.0)];
    [p, q, r, r, q, s]
}

fn edges(loaded: &Loaded, feature: usize, lines: &mut Vec<[DVec3; 2]>) {
    let content = &loaded.content;
    let before = lines.len();
    for part in content.parts.iter().filter(|part| part.class.is_lines()) {
        for line in 0..part.index_count / 2 {
            let ends = [0, 1].map(|end| part.index(&content.bin, line * 2 + end) as usize);
            if part.feature(&content.bin, ends[0]) == feature && lines.len() < MAX_LINES {
                lines.push(ends.map(|vertex| part.point(&content.bin, vertex)));
            }
        }
    }
    if lines.len() > before {
        return;
    }
    // What the importer made no edges for, such as the volume of a space.
    for part in content.parts.iter().filter(|part| !part.class.is_lines()) {
        creases(part, &content.bin, feature, lines);
    }
}

/// Edges of one face, or between two that turn.
fn creases(part: &Part, bin: &[u8], feature: usize, lines: &mut Vec<[DVec3; 2]>) {
    type Corner = [u32; 3];
    let key = |vertex: usize| part.position(bin, vertex).map(f32::to_bits);
    let mut faces: HashMap<(Corner, Corner), ([DVec3; 2], DVec3, bool)> = HashMap::new();
    for triangle in 0..part.index_count / 3 {
        let corners = [0, 1, 2].map(|at| part.index(bin, triangle * 3 + at) as usize);
        if part.feature(bin, corners[0]) != feature || faces.len() > MAX_LINES * 3 {
            continue;
        }
        let points = corners.map(|vertex| part.point(bin, vertex));
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
    }
    let kept = faces.into_values().filter(|(_, _, crease)| *crease).map(|(ends, ..)| ends);
    lines.extend(kept.take(MAX_LINES.saturating_sub(lines.len())));
}
