//! Joins a file's meaning with its geometry: meshes in the scene's frame, boxes, and a
//! line for everything that is not drawn as written.

use hashbrown::{HashMap, HashSet};
use twin_model::{BoundingBox, Entity, EntityId, EntityKind};

use super::read::{Representation, Semantics};
use crate::{
    audit::Gauge,
    imported::{Floor, Imported, Note, Severity},
    mesh::{ElementMesh, MaterialClass},
    placement::Placement,
    store::MeshStore,
    worker::{
        Part, Shape,
        watchdog::{Cause, Fate, Geometry},
    },
};

/// Puts the geometry to the entities, and the meshes into the store as they are made.
pub(crate) fn join(
    semantics: Semantics,
    mut geometry: Geometry,
    placement: &Placement,
    measure: bool,
    meshes: &mut MeshStore,
) -> Imported {
    let Semantics {
        mut entities,
        instances,
        representations,
        boundaries,
        fillings,
        hosts,
        notes,
        ..
    } = semantics;
    let mut imported = Imported { notes, boundaries, ..Imported::default() };
    for ((entity, instance), representation) in
        entities.iter_mut().zip(&instances).zip(&representations)
    {
        let shape = geometry.take(*instance);
        let fate = geometry.fates.get(instance).copied();
        let mut gauge = measure.then(Gauge::default);
        let drawn = shape.map(|(shape, moved)| {
            draw(entity, shape, &placement.after(&moved), gauge.as_mut(), &mut imported)
        });
        imported.measured.extend(gauge.and_then(|gauge| {
            let id = entity.global_id.clone().unwrap_or_else(|| entity.id.to_string());
            gauge.read(id, entity.ifc_class.clone().unwrap_or_default())
        }));
        let outcome = Outcome {
            representation: *representation,
            fate,
            drawn,
            incomplete: geometry.incomplete,
            has_openings: hosts.contains(instance),
        };
        report(entity, outcome, &mut imported.notes);
        imported.stow(meshes);
    }
    imported.passages = unfilled(&entities, &fillings.values().collect());
    imported.fillings = fillings;
    imported.entities = entities;
    imported
}

/// What drawing an element came to.
struct Drawn {
    complaints: Vec<String>,
    broken: usize,
    parts: usize,
}

fn draw(
    entity: &mut Entity,
    shape: Shape,
    placement: &Placement,
    mut gauge: Option<&mut Gauge>,
    imported: &mut Imported,
) -> Drawn {
    let mut drawn = Drawn { complaints: shape.complaints, broken: 0, parts: 0 };
    for part in shape.parts {
        let Some(mesh) = mesh(entity, &part, placement) else {
            drawn.broken += 1;
            continue;
        };
        drawn.parts += 1;
        if let Some(gauge) = gauge.as_deref_mut() {
            gauge.add(&mesh);
        }
        let origin = mesh.origin;
        let bbox = BoundingBox::around(
            mesh.positions
                .iter()
                .map(|position| [0, 1, 2].map(|axis| origin[axis] + f64::from(position[axis]))),
        );
        let bbox = bbox.map(tidy);
        entity.bbox = match (entity.bbox, bbox) {
            (Some(known), Some(more)) => Some(known.union(&more)),
            (known, more) => known.or(more),
        };
        imported.footing.add(entity, &mesh);
        if entity.kind == EntityKind::Space {
            add_floor(imported.floors.entry(entity.id.clone()).or_default(), &mesh);
        }
        if !is_void(entity) {
            imported.meshes.push(mesh);
        }
    }
    drawn
}

/// To a tenth of a millimetre: what is behind it is noise, and long to write.
fn tidy(bbox: BoundingBox) -> BoundingBox {
    let tidy = |corner: [f64; 3]| corner.map(|value| (value * 1e4).round() / 1e4);
    BoundingBox { min: tidy(bbox.min), max: tidy(bbox.max) }
}

/// Cut out of something, or only imagined: it has a box and is not drawn.
fn is_void(entity: &Entity) -> bool {
    matches!(
        entity.ifc_class.as_deref(),
        Some(
            "IfcOpeningElement"
                | "IfcOpeningStandardCase"
                | "IfcVoidingFeature"
                | "IfcVirtualElement"
        )
    )
}

fn mesh(entity: &Entity, part: &Part, placement: &Placement) -> Option<ElementMesh> {
    let vertices = part.positions.len() / 3;
    let sound = vertices > 0
        && part.origin.iter().all(|value| value.is_finite())
        && part.positions.iter().all(|value| value.is_finite())
        && part.indices.iter().all(|index| (*index as usize) < vertices);
    if !sound || part.indices.len() < 3 {
        return None;
    }
    let triple = |values: &[f32]| -> Vec<[f32; 3]> {
        values.chunks_exact(3).map(|v| placement.direction([v[0], v[1], v[2]])).collect()
    };
    let positions = triple(&part.positions);
    let normals = if part.normals.len() == part.positions.len() {
        triple(&part.normals)
    } else {
        smooth_normals(&positions, &part.indices)
    };
    let rgba = part.color.map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8);
    Some(ElementMesh {
        entity: entity.id.clone(),
        storey: entity.storey.clone(),
        class: material_class(entity.kind, rgba[3]),
        origin: placement.point(part.origin),
        positions,
        normals,
        indices: part.indices.clone(),
        rgba,
    })
}

fn material_class(kind: EntityKind, alpha: u8) -> MaterialClass {
    match kind {
        EntityKind::Space | EntityKind::Zone => MaterialClass::Space,
        EntityKind::Site
        | EntityKind::Terrain
        | EntityKind::Road
        | EntityKind::Green
        | EntityKind::Water => MaterialClass::Ground,
        _ if alpha < 250 => MaterialClass::Glass,
        _ => MaterialClass::Opaque,
    }
}

fn smooth_normals(positions: &[[f32; 3]], indices: &[u32]) -> Vec<[f32; 3]> {
    let mut normals = vec![[0.0f32; 3]; positions.len()];
    for triangle in indices.chunks_exact(3) {
        let [a, b, c] = [0, 1, 2].map(|corner| positions[triangle[corner] as usize]);
        let [u, v] = [b, c].map(|p| [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
        let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        for &corner in triangle {
            for axis in 0..3 {
                normals[corner as usize][axis] += n[axis];
            }
        }
    }
    for normal in &mut normals {
        let length = normal.iter().map(|value| value * value).sum::<f32>().sqrt();
        *normal = if length > 0.0 { normal.map(|value| value / length) } else { [0.0, 0.0, 1.0] };
    }
    normals
}

/// Adds the triangles that face down: the floor, seen from below.
fn add_floor(floor: &mut Floor, mesh: &ElementMesh) {
    let mut lowest = f64::INFINITY;
    for triangle in mesh.indices.chunks_exact(3) {
        let corners = [0, 1, 2].map(|corner| {
            let position = mesh.positions[triangle[corner] as usize];
            [0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(position[axis]))
        });
        let [u, v] = [1, 2].map(|i| [0, 1, 2].map(|axis| corners[i][axis] - corners[0][axis]));
        let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let length = n.iter().map(|value| value * value).sum::<f64>().sqrt();
        if n[2] < -0.5 * length && length > 1e-9 {
            floor.triangles.push(corners.map(|corner| [corner[0], corner[1]]));
            lowest = corners.iter().map(|corner| corner[2]).fold(lowest, f64::min);
        }
    }
    if lowest.is_finite() {
        floor.z = if floor.z == 0.0 { lowest } else { floor.z.min(lowest) };
    }
}

/// Everything that decides what is said of an element.
struct Outcome {
    representation: Representation,
    fate: Option<Fate>,
    drawn: Option<Drawn>,
    incomplete: Option<&'static str>,
    has_openings: bool,
}

fn explain(fate: Fate) -> (Severity, String) {
    let cause = |cause| match cause {
        Cause::Hung => "tessellating it did not end in time",
        Cause::Crashed => "tessellating it ended the geometry worker",
        Cause::TooLarge => "tessellating it took more memory than one element may",
        Cause::OutOfTime => "the time for this file was up before its turn",
    };
    match fate {
        Fate::Uncut(why) => {
            let text = format!("drawn without its openings and cuts: {}", cause(why));
            (Severity::Approximated, text)
        }
        Fate::Boxed(why) => (Severity::Approximated, format!("drawn as a box: {}", cause(why))),
        Fate::Dropped(why) => (Severity::Dropped, cause(why).to_owned()),
    }
}

/// Says what is not drawn as written.
fn report(entity: &Entity, outcome: Outcome, notes: &mut Vec<Note>) {
    let Outcome { representation, fate, drawn, incomplete, has_openings } = outcome;
    let class = entity.ifc_class.clone().unwrap_or_default();
    let id = entity.global_id.clone().unwrap_or_else(|| entity.id.to_string());
    let mut say = |severity, reason: String| {
        notes.push(Note::element(severity, id.clone(), class.clone(), reason));
    };
    if let Some(fate) = fate {
        let (severity, reason) = explain(fate);
        return say(severity, reason);
    }
    let unseen = drawn.is_none();
    let (complaints, parts, broken) =
        drawn.map_or_else(Default::default, |drawn| (drawn.complaints, drawn.parts, drawn.broken));
    let because = || {
        if complaints.is_empty() { String::new() } else { format!(": {}", complaints.join("; ")) }
    };
    if parts > 0 {
        if broken > 0 {
            say(
                Severity::Approximated,
                format!("{broken} of its parts hold unusable numbers{}", because()),
            );
        } else if !complaints.is_empty() {
            say(Severity::Approximated, complaints.join("; "));
        }
        return;
    }
    match representation {
        Representation::None => {}
        Representation::LinesOnly => {
            say(Severity::Info, "it has only lines, no surface to draw".into());
        }
        Representation::Body if broken > 0 => {
            say(Severity::Dropped, format!("its geometry holds unusable numbers{}", because()));
        }
        Representation::Body if unseen => {
            let reason = incomplete.unwrap_or("the geometry engine does not know how to draw it");
            say(Severity::Dropped, reason.to_owned());
        }
        Representation::Body if has_openings && complaints.is_empty() => {
            say(Severity::Dropped, "its openings leave nothing of it".into());
        }
        Representation::Body => {
            say(Severity::Dropped, format!("nothing came of its geometry{}", because()));
        }
    }
}

fn unfilled(entities: &[Entity], filled: &HashSet<&EntityId>) -> Vec<EntityId> {
    let holds: HashMap<&EntityId, &Entity> =
        entities.iter().map(|entity| (&entity.id, entity)).collect();
    entities
        .iter()
        .filter(|entity| is_void(entity) && entity.bbox.is_some() && !filled.contains(&entity.id))
        .filter(|entity| {
            let host = entity.parent.as_ref().and_then(|parent| holds.get(parent));
            host.and_then(|host| host.ifc_class.as_deref())
                .is_some_and(|class| class.starts_with("IfcWall"))
        })
        .map(|entity| entity.id.clone())
        .collect()
}
