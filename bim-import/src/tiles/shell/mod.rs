//! A building from afar: what is seen of it from outside, in few triangles. Each belongs to
//! a storey, or to the building where it stands in none, so that a click on it and a colour
//! for it mean something.

mod cluster;
mod view;

use std::collections::BTreeMap;

use twin_model::{BoundingBox, EntityId, EntityKind};

use self::{
    cluster::{Clustered, Face},
    view::Views,
};
use super::{clean, quantize, slot::Slot};
use crate::{
    mesh::{ElementMesh, MaterialClass},
    store::MeshStore,
    vector::{cross, length, scale, sub},
};

/// Triangles a shell may have, and as many more for each storey.
const TRIANGLES: usize = 500;
const TRIANGLES_A_STOREY: usize = 60;
/// The shell that a group of buildings shows has a fourth of them.
const GROUP_PART: usize = 4;
/// Things smaller than this part of their building are not looked for.
const SMALLEST_PART: f64 = 1.0 / 160.0;
/// Pixels an element has to have in all views together.
const MIN_PIXELS: u32 = 6;
/// A shell is never taken for truer than this, m: what it has no part of, and what somebody
/// looks for from afar, is as large as a door.
const DOOR_M: f64 = 2.5;
/// What glass looks like from afar: its colour over the dark behind it.
const PANE: f64 = 0.45;

/// A shell, and the coarser one for the tile of a group.
pub(super) struct Shell {
    pub(super) fine: Vec<Slot>,
    pub(super) coarse: Vec<Slot>,
    /// The farthest that anything seen is beside its place, or a door's size, m.
    pub(super) fine_error_m: f64,
    pub(super) coarse_error_m: f64,
}

/// Makes the shell of a building; nothing where nothing is seen of it.
pub(super) fn of(building: &EntityId, slots: &[&Slot], store: &MeshStore) -> Option<Shell> {
    let bounds = slots.iter().map(|slot| slot.bounds).reduce(|a, b| a.union(&b))?;
    let least = length(bounds.size()) * SMALLEST_PART;
    let large: Vec<&Slot> = slots.iter().copied().filter(|slot| slot.size() >= least).collect();
    let mut owners = Owners::default();
    let mut faces = seen(&large, &bounds, store, &mut owners);
    let turned = turn(&faces);
    let center = bounds.center();
    faces.iter_mut().for_each(|face| {
        face.corners = face.corners.map(|corner| turned.along(sub(corner, center)));
    });
    blend(&mut faces);
    let wanted = TRIANGLES + TRIANGLES_A_STOREY * owners.0.len();
    let fine = cluster::reduce(&faces, wanted);
    let coarse = cluster::reduce(&faces, wanted / GROUP_PART);
    let slots = |clustered: &Clustered| {
        let mut pieces: BTreeMap<(u32, [u8; 4]), Vec<[f32; 3]>> = BTreeMap::new();
        for face in &clustered.faces {
            let piece = pieces.entry((face.owner, face.rgba)).or_default();
            piece.extend(face.corners.map(|corner| turned.back(corner).map(|x| x as f32)));
        }
        owners.slots(building, center, pieces, store)
    };
    let shell = Shell {
        fine: slots(&fine),
        coarse: slots(&coarse),
        fine_error_m: fine.moved_m.max(DOOR_M),
        coarse_error_m: coarse.moved_m.max(2.0 * DOOR_M),
    };
    (!shell.fine.is_empty() && !shell.coarse.is_empty()).then_some(shell)
}

/// The storeys that a shell's triangles stand in, by number; none for those of no storey.
#[derive(Default)]
struct Owners(Vec<Option<EntityId>>);

impl Owners {
    fn number(&mut self, storey: Option<&EntityId>) -> u32 {
        let found = self.0.iter().position(|owner| owner.as_ref() == storey);
        found.unwrap_or_else(|| {
            self.0.push(storey.cloned());
            self.0.len() - 1
        }) as u32
    }

    fn slots(
        &self,
        building: &EntityId,
        origin: [f64; 3],
        pieces: BTreeMap<(u32, [u8; 4]), Vec<[f32; 3]>>,
        store: &MeshStore,
    ) -> Vec<Slot> {
        let mut by_owner: BTreeMap<u32, Vec<ElementMesh>> = BTreeMap::new();
        for ((owner, rgba), positions) in pieces {
            let storey = self.0[owner as usize].clone();
            let mut mesh = ElementMesh {
                entity: storey.clone().unwrap_or_else(|| building.clone()),
                storey,
                class: MaterialClass::Opaque,
                origin,
                normals: Vec::new(),
                indices: (0..positions.len() as u32).collect(),
                positions,
                rgba,
            };
            clean::clean(&mut mesh);
            by_owner.entry(owner).or_default().push(mesh);
        }
        let slot = |meshes: Vec<ElementMesh>| {
            let is_storey = meshes.first()?.storey.is_some();
            let kind = if is_storey { EntityKind::Storey } else { EntityKind::Building };
            Slot::without_edges(kind, &meshes, store)
        };
        by_owner.into_values().filter_map(slot).collect()
    }
}

/// The triangles that are seen from outside.
fn seen(
    slots: &[&Slot],
    bounds: &BoundingBox,
    store: &MeshStore,
    owners: &mut Owners,
) -> Vec<Face> {
    let mut views = Views::of(bounds);
    let mut count = 0;
    // The large ones first: they hide most of the others, which then need not be read.
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_by(|a, b| slots[*b].size().total_cmp(&slots[*a].size()).then(a.cmp(b)));
    // The numbers of each thing's triangles; none of what is hidden.
    let mut numbers = vec![0..0; slots.len()];
    for at in order {
        let sight = views.sight(&slots[at].bounds);
        if sight.is_none() {
            continue;
        }
        let first = count as usize;
        each_mesh(slots[at], store, |mesh| {
            let is_solid = mesh.is_solid();
            for corners in clean::triangles(mesh) {
                views.draw(&corners, count, is_solid, &sight);
                count += 1;
            }
        });
        numbers[at] = first..count as usize;
    }
    let pixels = views.seen(count as usize);
    drop(views);
    let mut faces = Vec::new();
    for (slot, numbers) in slots.iter().zip(numbers) {
        let own = &pixels[numbers];
        // Most of what is in a building is not seen, and not read again.
        if own.iter().map(|pixels| u32::from(*pixels)).sum::<u32>() < MIN_PIXELS {
            continue;
        }
        let owner = owners.number(slot.storey());
        let mut own = own.iter();
        each_mesh(slot, store, |mesh| {
            for (corners, &pixels) in clean::triangles(mesh).zip(&mut own) {
                if pixels > 0 {
                    faces.push(Face { corners, owner, rgba: opaque(mesh), pixels });
                }
            }
        });
    }
    faces
}

/// Visits what can be seen, always in the same order.
fn each_mesh(slot: &Slot, store: &MeshStore, visit: impl FnMut(&ElementMesh)) {
    let meshes = slot.load(store).meshes;
    meshes.iter().filter(|mesh| mesh.class != MaterialClass::Space).for_each(visit);
}

/// The colour that a face of a mesh has where nothing is seen behind it.
fn opaque(mesh: &ElementMesh) -> [u8; 4] {
    let [r, g, b, _] = mesh.rgba;
    if mesh.class != MaterialClass::Glass {
        return [r, g, b, 255];
    }
    let dark = |channel: u8| (f64::from(channel) * PANE) as u8;
    [dark(r), dark(g), dark(b), 255]
}

/// Gives all faces of a storey that look along one axis the colour that they have together
/// as they are seen: walls and windows far away are one grey, and not now this, now that.
fn blend(faces: &mut [Face]) {
    let mut sums: BTreeMap<(u32, usize), [f64; 4]> = BTreeMap::new();
    for face in faces.iter() {
        let sum = sums.entry((face.owner, looks_along(&face.corners))).or_default();
        let [r, g, b, _] = quantize::linear(face.rgba).map(f64::from);
        for (sum, part) in sum.iter_mut().zip([r, g, b, 1.0]) {
            *sum += part * f64::from(face.pixels);
        }
    }
    for face in faces {
        if let Some([r, g, b, weight]) = sums.get(&(face.owner, looks_along(&face.corners))) {
            let [r, g, b] = [r, g, b].map(|sum| quantize::srgb(sum / weight));
            face.rgba = [r, g, b, 255];
        }
    }
}

/// The axis that a face's normal is nearest to; what lies aslant is roof.
fn looks_along([a, b, c]: &[[f64; 3]; 3]) -> usize {
    let normal = cross(sub(*b, *a), sub(*c, *a));
    let [x, y, z] = normal.map(f64::abs);
    match () {
        () if z > 0.35 * length(normal) => 2,
        () if x >= y => 0,
        () => 1,
    }
}

/// A turn about the vertical.
struct Turn {
    sin: f64,
    cos: f64,
}

impl Turn {
    fn along(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        [x * self.cos + y * self.sin, y * self.cos - x * self.sin, z]
    }

    fn back(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        [x * self.cos - y * self.sin, y * self.cos + x * self.sin, z]
    }
}

/// Along which horizontal axes a building stands: those that most of its walls follow.
fn turn(faces: &[Face]) -> Turn {
    let mut sum = [0.0; 2];
    for Face { corners: [a, b, c], .. } in faces {
        // The normal, as long as the face is large.
        let [x, y, _] = scale(cross(sub(*b, *a), sub(*c, *a)), 0.5);
        // Four times the angle: the four sides of a house say the same.
        let (sin, cos) = (4.0 * y.atan2(x)).sin_cos();
        let weight = x.hypot(y);
        sum = [sum[0] + cos * weight, sum[1] + sin * weight];
    }
    let (sin, cos) = (sum[1].atan2(sum[0]) / 4.0).sin_cos();
    Turn { sin, cos }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_of_a_turned_house_are_found() {
        let angle = 0.3_f64;
        let wall = |turn: f64, wide: f64| {
            let (sin, cos) = (angle + turn).sin_cos();
            let at = |along: f64, z: f64| [cos * along * wide, sin * along * wide, z];
            let corners = [at(0.0, 0.0), at(1.0, 0.0), at(1.0, 3.0)];
            Face { corners, owner: 0, rgba: [0; 4], pixels: 1 }
        };
        let quarter = std::f64::consts::FRAC_PI_2;
        let turned = turn(&[wall(0.0, 9.0), wall(quarter, 5.0), wall(0.7, 0.1)]);
        let [x, y, _] = turned.along([angle.cos(), angle.sin(), 0.0]);
        assert!(x.abs().max(y.abs()) > 0.999, "{x} {y}");
        let back = turned.back(turned.along([1.0, 2.0, 3.0]));
        assert!(length(sub(back, [1.0, 2.0, 3.0])) < 1e-9);
    }

    #[test]
    fn a_wall_with_windows_is_one_colour_from_afar_and_its_roof_another() {
        let face = |z: f64, rgba: [u8; 4], pixels: u16| {
            let corners = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0 - z, z]];
            Face { corners, owner: 0, rgba, pixels }
        };
        let (white, black, red) = ([255; 4], [0, 0, 0, 255], [200, 0, 0, 255]);
        let mut faces = [face(1.0, white, 300), face(1.0, black, 100), face(0.0, red, 7)];
        blend(&mut faces);
        // Three quarters of the light of white.
        assert_eq!(faces.map(|face| face.rgba), [[225, 225, 225, 255], [225, 225, 225, 255], red]);
    }
}
