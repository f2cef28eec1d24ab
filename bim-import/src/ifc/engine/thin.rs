//! A bound on the triangles of one element: what is drawn finer than anyone can see, or
//! than a viewer can hold, is thinned.

use ifc_lite_geometry::{Mesh, SimplifyOptions, calculate_normals, simplify_mesh};

use super::geometry::{Part, Tessellated};

/// Most triangles of one element.
const MAX_TRIANGLES: usize = 1_000_000;

/// Thins an element that has too many triangles, and says so.
pub(super) fn bound(element: &mut Tessellated) {
    bound_to(element, MAX_TRIANGLES);
}

fn bound_to(element: &mut Tessellated, most: usize) {
    let count = |parts: &[Part]| parts.iter().map(|part| part.indices.len() / 3).sum::<usize>();
    let before = count(&element.parts);
    if before <= most {
        return;
    }
    let ratio = most as f32 / before as f32;
    for part in &mut element.parts {
        thin(part, ratio);
    }
    element
        .complaints
        .push(format!("its {before} triangles were thinned to {}", count(&element.parts)));
}

fn thin(part: &mut Part, ratio: f32) {
    let mesh = Mesh {
        positions: std::mem::take(&mut part.positions),
        indices: std::mem::take(&mut part.indices),
        ..Mesh::default()
    };
    let options = SimplifyOptions {
        target_ratio: Some(ratio),
        drop_cavities: false,
        boxify: false,
        min_triangles: 32,
        weld_eps: 1e-6,
    };
    let (mut thinned, _) = simplify_mesh(&mesh, &options);
    calculate_normals(&mut thinned);
    part.positions = thinned.positions;
    part.normals = thinned.normals;
    part.indices = thinned.indices;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fine_mesh_becomes_a_coarse_one_of_the_same_size() {
        let side = 100u32;
        let mut part = Part {
            origin: [0.0; 3],
            positions: Vec::new(),
            normals: Vec::new(),
            indices: Vec::new(),
            color: [1.0; 4],
        };
        for (x, y) in (0..=side).flat_map(|x| (0..=side).map(move |y| (x, y))) {
            part.positions.extend([x as f32 * 0.1, y as f32 * 0.1, 0.0]);
        }
        for (x, y) in (0..side).flat_map(|x| (0..side).map(move |y| (x, y))) {
            let a = x * (side + 1) + y;
            let b = a + side + 1;
            part.indices.extend([a, b, b + 1, a, b + 1, a + 1]);
        }
        let mut element = Tessellated { parts: vec![part], complaints: Vec::new() };
        bound_to(&mut element, 100_000);
        assert!(element.complaints.is_empty());
        bound_to(&mut element, 2_000);
        let part = &element.parts[0];
        assert!((200..=3_000).contains(&(part.indices.len() / 3)), "{}", part.indices.len() / 3);
        assert_eq!(part.normals.len(), part.positions.len());
        let reach = part.positions.iter().copied().fold(0.0, f32::max);
        assert!(reach > 9.0, "{reach}");
        assert!(element.complaints[0].starts_with("its 20000 triangles were thinned to"));
    }
}
