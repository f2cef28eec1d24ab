//! Writes what the walking graph found to the entities it is about, as the set `Walking`:
//! so an inspector shows the two spaces of a door and the way out of a room.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use serde_json::{Value as Json, json};
use twin_model::{
    Entity, EntityId,
    walk::{Via, WalkLink},
};

use super::Walk;
use crate::sets;

/// Adds the set to every space, door, stair, ramp and lift.
pub(crate) fn annotate(entities: &mut [Entity], walk: &Walk) {
    let mut by_entity: HashMap<&EntityId, Vec<&WalkLink>> = HashMap::new();
    let mut by_place: HashMap<&EntityId, Vec<&WalkLink>> = HashMap::new();
    for link in &walk.graph.links {
        if link.via != Via::Opening {
            by_entity.entry(&link.entity).or_default().push(link);
        }
        for place in [Some(&link.from), link.to.as_ref()].into_iter().flatten() {
            by_place.entry(place).or_default().push(link);
        }
    }
    let spaces: HashMap<_, _> =
        walk.graph.spaces.iter().map(|space| (&space.entity, space)).collect();
    let balconies: HashSet<&EntityId> = walk.balcony_doors.iter().collect();
    let idle: HashMap<&EntityId, &str> =
        walk.idle_doors.iter().map(|(door, why)| (door, *why)).collect();
    let lost: HashMap<&str, &str> = walk
        .unreached
        .iter()
        .flat_map(|cause| cause.spaces.iter().map(|space| (space.as_str(), cause.reason.as_str())))
        .collect();
    for entity in entities {
        let mut set: BTreeMap<String, Json> = BTreeMap::new();
        let mut put = |name: &str, value: Json| {
            if !value.is_null() {
                set.insert(name.to_owned(), value);
            }
        };
        if let Some(links) = by_entity.get(&entity.id) {
            passed(links, &mut put);
        }
        if balconies.contains(&entity.id) {
            put("is_exit", json!(false));
            put("leads_to", json!("outdoors above the ground"));
        }
        if let Some(why) = idle.get(&entity.id) {
            put("joins_nothing", json!(why));
        }
        if let Some(space) = spaces.get(&entity.id).filter(|space| space.part_of.is_none()) {
            put("area_m2", json!(space.area_m2));
            put("occupants", json!(space.occupants));
            put(
                "area_per_person_m2",
                json!(space.occupants.map(|n| super::tidy(space.area_m2 / n))),
            );
            put("exit_distance_m", json!(space.exit_distance_m));
            put("no_exit_because", json!(lost.get(entity.id.as_str())));
            put("is_reached_by", json!(ways(by_place.get(&entity.id))));
        }
        if !set.is_empty() {
            entity.properties.entry(sets::WALKING.into()).or_default().extend(set);
        }
    }
}

/// What is said of a door, stair, ramp or lift.
fn passed(links: &[&WalkLink], put: &mut impl FnMut(&str, Json)) {
    let mut joins: Vec<&str> = Vec::new();
    for link in links {
        for end in [Some(&link.from), link.to.as_ref()].into_iter().flatten() {
            if !joins.contains(&end.as_str()) {
                joins.push(end.as_str());
            }
        }
    }
    put("joins", json!(joins));
    let first = links[0];
    if first.via == Via::Door {
        put("is_exit", json!(links.iter().any(|link| link.to.is_none())));
    }
    put("via", json!(first.via));
    put("clear_width_m", json!(first.width_m));
    put("fire_rating", json!(first.fire_rating));
    put("swing", json!(first.swing));
    let basis = if first.derived { "geometry" } else { "space boundaries" };
    put("found_by", json!(basis));
}

/// Doors, stairs and open sides of a space.
fn ways<'a>(links: Option<&Vec<&'a WalkLink>>) -> Vec<&'a str> {
    let mut ways: Vec<&'a str> = Vec::new();
    for link in links.into_iter().flatten() {
        if !ways.contains(&link.entity.as_str()) {
            ways.push(link.entity.as_str());
        }
    }
    ways
}
