//! The lines drawn around what is selected.

use glam::DVec3;

use super::{render::Outline, state::State, stream::Stream, tiles::shape};

/// Most lines of one outline: enough for a façade, too few to stall a frame.
const MAX_LINES: usize = 20_000;

/// The outline of the selected entity, in every tile it stands in.
pub(super) fn of_selected(stream: &Stream, state: &State) -> Option<Outline> {
    let entity = state.selected()?;
    let mut lines: Vec<[DVec3; 2]> = Vec::new();
    for slot in state.slots_of(entity) {
        if let Some((_, loaded)) = stream.tile_of_slot(slot) {
            let room = MAX_LINES - lines.len();
            lines.extend(shape::outline(&loaded.content, slot - loaded.base, room));
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
