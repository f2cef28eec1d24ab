//! The walking graph: which spaces a door, stair or lift joins. Where the file says so
//! (space boundaries), that counts; else it is read off the geometry.

mod place;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as Json;
use twin_model::{
    BoundingBox, Entity, EntityId, EntityKind,
    walk::{Via, WalkGraph, WalkLink},
};

use self::place::{Grid, Place, grow};
use crate::imported::{Boundary, Floor};

/// How far a space may be from the door, stair or lift that leads into it: half a thick
/// wall.
const REACH_M: f64 = 0.35;
/// How far from a lift's cabin its lobby may be.
const LOBBY_M: f64 = 2.0;
/// An unfilled opening lower than this is a hatch or a window.
const PASSAGE_HEIGHT_M: f64 = 1.8;
/// What the graph is made from.
pub(crate) struct Plan<'a> {
    pub(crate) entities: &'a [Entity],
    pub(crate) floors: &'a HashMap<EntityId, Floor>,
    pub(crate) boundaries: &'a [Boundary],
    pub(crate) passages: &'a HashSet<EntityId>,
}

/// Builds the graph.
pub(crate) fn build(plan: &Plan<'_>) -> WalkGraph {
    let spaces: Vec<Place<'_>> = plan.entities.iter().filter_map(|e| Place::of(e, plan)).collect();
    let grid = Grid::over(&spaces);
    let mut stated: HashMap<&EntityId, Vec<usize>> = HashMap::new();
    let positions: HashMap<&EntityId, usize> =
        spaces.iter().enumerate().map(|(position, place)| (&place.entity.id, position)).collect();
    for boundary in plan.boundaries {
        if let Some(&space) = positions.get(&boundary.space) {
            stated.entry(&boundary.element).or_default().push(space);
        }
    }
    let shafts = shaft_boxes(plan.entities);
    let buildings = Buildings::of(plan.entities);
    let mut links = Vec::new();
    for entity in plan.entities {
        let stated = stated.get(&entity.id).map(Vec::as_slice);
        match entity.kind {
            EntityKind::Door => links.extend(door(entity, stated, &spaces, &grid)),
            EntityKind::Stair | EntityKind::Ramp | EntityKind::Lift => {
                if let Some(bbox) = shafts.get(&entity.id) {
                    let found = shaft(entity, bbox, &spaces, &grid);
                    let found = if found.is_empty() && entity.kind == EntityKind::Lift {
                        cabin(entity, bbox, &spaces, &grid, &buildings)
                    } else {
                        found
                    };
                    links.extend(found);
                }
            }
            _ if plan.passages.contains(&entity.id) => {
                links.extend(passage(entity, &spaces, &grid));
            }
            _ => {}
        }
    }
    let spaces = spaces.into_iter().map(Place::into_walk_space).collect();
    WalkGraph { spaces, links }
}

/// Spaces from which no exit can be reached, by id.
pub(crate) fn unreachable(graph: &WalkGraph) -> Vec<EntityId> {
    let mut neighbours: HashMap<&EntityId, Vec<&EntityId>> = HashMap::new();
    let mut open: Vec<&EntityId> = Vec::new();
    for link in &graph.links {
        match &link.to {
            Some(to) => {
                neighbours.entry(&link.from).or_default().push(to);
                neighbours.entry(to).or_default().push(&link.from);
            }
            None => open.push(&link.from),
        }
    }
    let mut reached: HashSet<&EntityId> = open.iter().copied().collect();
    while let Some(space) = open.pop() {
        for &next in neighbours.get(space).into_iter().flatten() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    let spaces = graph.spaces.iter().map(|space| &space.entity);
    spaces.filter(|space| !reached.contains(space)).cloned().collect()
}

/// What a door joins.
fn door(
    entity: &Entity,
    stated: Option<&[usize]>,
    spaces: &[Place<'_>],
    grid: &Grid,
) -> Option<WalkLink> {
    let derived = || entity.bbox.map(|bbox| sides(&bbox, spaces, grid)).unwrap_or_default();
    let (ends, is_derived) = match stated {
        Some(stated) if stated.len() >= 2 => (stated.to_vec(), false),
        // The file names one side; geometry may know the other.
        Some(&[one]) => {
            let other = derived().into_iter().find(|space| *space != one);
            match other {
                Some(other) => (vec![one, other], true),
                None => (vec![one], false),
            }
        }
        _ => (derived(), true),
    };
    let from = *ends.first()?;
    let to = ends.get(1);
    // A door inside the building whose other side is no space leads nowhere, not outdoors.
    if to.is_none() && is_external(entity) == Some(false) {
        return None;
    }
    Some(WalkLink {
        entity: entity.id.clone(),
        via: Via::Door,
        from: spaces[from].entity.id.clone(),
        to: to.map(|to| spaces[*to].entity.id.clone()),
        width_m: width(entity),
        derived: is_derived,
    })
}

fn is_external(entity: &Entity) -> Option<bool> {
    entity.properties.values().find_map(|set| set.get("IsExternal")).and_then(Json::as_bool)
}

fn width(entity: &Entity) -> Option<f64> {
    let stated = entity.properties.get("Attributes")?.get("OverallWidth")?.as_f64();
    stated.filter(|width| *width > 0.0)
}

/// The spaces on the two sides of a door's or opening's box.
fn sides(bbox: &BoundingBox, spaces: &[Place<'_>], grid: &Grid) -> Vec<usize> {
    let near = grid.near(spaces, bbox, REACH_M);
    let near: Vec<usize> =
        near.into_iter().filter(|&space| shares_height(bbox, &spaces[space].bbox)).collect();
    let size = bbox.size();
    let thin = usize::from(size[1] < size[0]);
    let center = bbox.center();
    let side = |sign: f64| {
        [0.15, 0.3, 0.5, 0.8].into_iter().find_map(|reach| {
            let mut point = [center[0], center[1]];
            point[thin] += sign * (size[thin] / 2.0 + reach);
            near.iter().copied().find(|&space| spaces[space].is_over(point))
        })
    };
    let mut ends: Vec<usize> = [side(-1.0), side(1.0)].into_iter().flatten().collect();
    ends.dedup();
    if ends.len() < 2 {
        // Doors at an angle have boxes that show no side: take what the box covers most.
        let grown = grow(bbox, REACH_M);
        let mut covered: Vec<(f64, usize)> =
            near.iter().map(|&space| (spaces[space].cover(&grown), space)).collect();
        covered.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (cover, space) in covered {
            if ends.len() < 2 && cover > 0.05 && !ends.contains(&space) {
                ends.push(space);
            }
        }
    }
    ends
}

/// Whether two boxes overlap in height by more than a threshold's worth.
fn shares_height(a: &BoundingBox, b: &BoundingBox) -> bool {
    a.max[2].min(b.max[2]) - a.min[2].max(b.min[2]) > 0.5
}

/// An opening without door.
fn passage(entity: &Entity, spaces: &[Place<'_>], grid: &Grid) -> Option<WalkLink> {
    let bbox = entity.bbox.filter(|bbox| bbox.size()[2] >= PASSAGE_HEIGHT_M)?;
    let ends = sides(&bbox, spaces, grid);
    let [from, to] = ends[..] else { return None };
    // One steps through it, not over a parapet.
    let sill = bbox.min[2] - spaces[from].bbox.min[2];
    (sill < 0.3).then(|| WalkLink {
        entity: entity.id.clone(),
        via: Via::Door,
        from: spaces[from].entity.id.clone(),
        to: Some(spaces[to].entity.id.clone()),
        width_m: None,
        derived: true,
    })
}

/// Boxes of stairs, ramps and lifts with all their parts, by the outermost one.
fn shaft_boxes(entities: &[Entity]) -> HashMap<EntityId, BoundingBox> {
    let by_id: HashMap<&EntityId, &Entity> = entities.iter().map(|e| (&e.id, e)).collect();
    let vertical = |kind| matches!(kind, EntityKind::Stair | EntityKind::Ramp | EntityKind::Lift);
    let mut boxes: HashMap<EntityId, BoundingBox> = HashMap::new();
    for entity in entities {
        let Some(bbox) = entity.bbox else { continue };
        let mut whole = vertical(entity.kind).then_some(entity);
        let mut above = entity.parent.as_ref();
        // Flights, landings and railings count towards the stair that holds them.
        for _ in 0..8 {
            let Some(parent) = above.and_then(|parent| by_id.get(parent)) else { break };
            if vertical(parent.kind) {
                whole = Some(parent);
            }
            above = parent.parent.as_ref();
        }
        if let Some(whole) = whole {
            boxes
                .entry(whole.id.clone())
                .and_modify(|known| *known = known.union(&bbox))
                .or_insert(bbox);
        }
    }
    boxes
}

/// The building each entity is in.
struct Buildings<'a> {
    by_id: HashMap<&'a EntityId, &'a Entity>,
}

impl<'a> Buildings<'a> {
    fn of(entities: &'a [Entity]) -> Self {
        Self { by_id: entities.iter().map(|entity| (&entity.id, entity)).collect() }
    }

    fn building(&self, entity: &'a Entity) -> Option<&'a EntityId> {
        let mut at = entity;
        // Deeper than any spatial tree.
        for _ in 0..64 {
            if at.kind == EntityKind::Building {
                return Some(&at.id);
            }
            at = self.by_id.get(at.parent.as_ref()?)?;
        }
        None
    }
}

/// A lift drawn as its cabin on one storey: it serves every storey of its building that
/// has a space above or below the cabin.
fn cabin<'a>(
    entity: &'a Entity,
    bbox: &BoundingBox,
    spaces: &[Place<'a>],
    grid: &Grid,
    buildings: &Buildings<'a>,
) -> Vec<WalkLink> {
    let Some(own) = buildings.building(entity) else { return Vec::new() };
    let inside = |place: &&Place<'a>| buildings.building(place.entity) == Some(own);
    let heights = spaces.iter().filter(inside).map(|place| (place.bbox.min[2], place.bbox.max[2]));
    let mut tower = *bbox;
    for (low, high) in heights {
        tower.min[2] = tower.min[2].min(low);
        tower.max[2] = tower.max[2].max(high);
    }
    let mut best: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    for space in grid.near(spaces, &tower, LOBBY_M) {
        let place = &spaces[space];
        if !inside(&place) {
            continue;
        }
        // What lies under the cabin counts before the lobby in front of it.
        let cover = place.cover(&grow(bbox, REACH_M)) * 10.0 + place.cover(&grow(bbox, LOBBY_M));
        let found = best.entry(level(place)).or_insert((0.0, space));
        if cover > found.0 {
            *found = (cover, space);
        }
    }
    join(entity, spaces, best)
}

/// A stair, ramp or lift joins the best space of each storey it reaches with the next.
fn shaft(entity: &Entity, bbox: &BoundingBox, spaces: &[Place<'_>], grid: &Grid) -> Vec<WalkLink> {
    let mut by_level: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    for space in grid.near(spaces, bbox, REACH_M) {
        let place = &spaces[space];
        let level = place.bbox.min[2];
        // A space whose floor is above the shaft's top or whose ceiling is below its foot
        // is only touched.
        if level > bbox.max[2] + REACH_M || place.bbox.max[2] < bbox.min[2] + 0.5 {
            continue;
        }
        let cover = place.cover(&grow(bbox, REACH_M));
        let best = by_level.entry(self::level(place)).or_insert((0.0, space));
        if cover > best.0 {
            *best = (cover, space);
        }
    }
    join(entity, spaces, by_level)
}

/// Number of the level a space is on: storeys are farther apart than two metres.
fn level(place: &Place<'_>) -> i64 {
    (place.bbox.min[2] / 2.0).round() as i64
}

/// Links the best space of each level with that of the next.
fn join(
    entity: &Entity,
    spaces: &[Place<'_>],
    by_level: BTreeMap<i64, (f64, usize)>,
) -> Vec<WalkLink> {
    let levels: Vec<usize> =
        by_level.into_values().filter(|(cover, _)| *cover > 0.0).map(|(_, space)| space).collect();
    let via = match entity.kind {
        EntityKind::Stair => Via::Stair,
        EntityKind::Ramp => Via::Ramp,
        _ => Via::Lift,
    };
    let link = |pair: &[usize]| WalkLink {
        entity: entity.id.clone(),
        via,
        from: spaces[pair[0]].entity.id.clone(),
        to: Some(spaces[pair[1]].entity.id.clone()),
        width_m: None,
        derived: true,
    };
    levels.windows(2).map(link).collect()
}
