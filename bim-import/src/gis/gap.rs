//! How a building stands to the terrain: it keeps its own height, and the report says how
//! far its ground floor is above or below the ground.

use hashbrown::HashMap;
use twin_model::{BoundingBox, Entity, EntityId, EntityKind};

use super::Terrain;
use crate::{
    imported::{Note, Severity},
    sets,
};

/// One line for every building of a source that stands over terrain.
pub(crate) fn notes(entities: &[Entity], terrain: &Terrain) -> Vec<Note> {
    let mut of_storey: HashMap<&EntityId, Vec<&Entity>> = HashMap::new();
    for entity in entities.iter().filter(|entity| entity.bbox.is_some()) {
        if let Some(storey) = &entity.storey {
            of_storey.entry(storey).or_default().push(entity);
        }
    }
    let storeys = entities.iter().filter(|entity| entity.kind == EntityKind::Storey);
    let mut ground: HashMap<&EntityId, (f64, &Entity)> = HashMap::new();
    for storey in storeys.filter(|storey| of_storey.contains_key(&storey.id)) {
        let Some(building) = &storey.parent else { continue };
        let elevation = sets::attribute(&storey.properties, "Elevation");
        // The ground storey is the one nearest to the building's own zero.
        let from_zero = elevation.and_then(serde_json::Value::as_f64).map_or(f64::MAX, f64::abs);
        let known = ground.entry(building).or_insert((from_zero, storey));
        if from_zero < known.0 {
            *known = (from_zero, storey);
        }
    }
    let mut notes: Vec<(EntityId, Note)> = ground
        .into_iter()
        .filter_map(|(building, (_, storey))| {
            let note = note(building, storey, &of_storey[&storey.id], terrain)?;
            Some((building.clone(), note))
        })
        .collect();
    notes.sort_by(|a, b| a.0.cmp(&b.0));
    notes.into_iter().map(|(_, note)| note).collect()
}

fn note(
    building: &EntityId,
    storey: &Entity,
    on_it: &[&Entity],
    terrain: &Terrain,
) -> Option<Note> {
    let boxes = on_it.iter().filter_map(|entity| entity.bbox);
    let around = boxes.reduce(|a, b| a.union(&b))?;
    let [x, y, _] = around.center();
    let ground = terrain.height(x, y)?;
    let floor = floor(on_it).unwrap_or(around.min[2]);
    let gap = floor - ground;
    let side = if gap < 0.0 { "below" } else { "above" };
    let name = if storey.name.is_empty() { "its ground storey" } else { &storey.name };
    let reason = format!("the floor of {name} lies {:.2} m {side} the terrain there", gap.abs());
    Some(Note::element(Severity::Info, building.as_str(), "IfcBuilding", reason))
}

/// Where doors and spaces of a storey stand: the median of their feet.
fn floor(on_it: &[&Entity]) -> Option<f64> {
    let stands = |entity: &&&Entity| matches!(entity.kind, EntityKind::Door | EntityKind::Space);
    let foot = |entity: &&Entity| entity.bbox.map(|BoundingBox { min, .. }| min[2]);
    let mut feet: Vec<f64> = on_it.iter().filter(stands).filter_map(foot).collect();
    let half = feet.len() / 2;
    if feet.is_empty() {
        return None;
    }
    Some(*feet.select_nth_unstable_by(half, f64::total_cmp).1)
}
