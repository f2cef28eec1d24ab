//! Stairs, ramps, escalators and lifts: what they join, level by level.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use twin_model::{BoundingBox, Entity, EntityId, EntityKind, walk::Via};

use super::{
    Builder, Link,
    declared::Declared,
    parts::Beyond,
    place::{Place, grow},
};

/// How far a space may be from the stair or lift that leads into it, m.
const REACH_M: f64 = 0.35;
/// How far a landing may be from the foot or head of a stair, m.
const LANDING_M: f64 = 1.5;
/// How far from a lift's cabin its lobby may be, m.
const LOBBY_M: f64 = 2.0;

/// By level: how well the best place there fits, and which it is.
type Levels = BTreeMap<i64, (f64, usize)>;

impl<'a> Builder<'a> {
    pub(super) fn shafts(&mut self) {
        let boxes = shaft_boxes(self.plan.entities);
        let floors = storey_floors(self.plan.entities);
        for entity in self.plan.entities {
            let Some(bbox) = boxes.get(&entity.id) else { continue };
            let mut levels = self.levels(bbox, REACH_M);
            if levels.len() < 2 && entity.kind == EntityKind::Lift {
                levels = self.cabin(entity, bbox);
            }
            if entity.kind != EntityKind::Lift {
                self.add_landings(entity, bbox, &floors, &mut levels);
            }
            self.join_levels(entity, bbox, levels);
        }
    }

    /// The best space of each level that a shaft reaches.
    fn levels(&self, bbox: &BoundingBox, reach: f64) -> Levels {
        let mut levels = Levels::new();
        for space in self.grid.near(&self.spaces, bbox, reach) {
            let place = &self.spaces[space];
            // A space whose floor is above the shaft's top or whose ceiling is below its
            // foot is only touched.
            if place.z() > bbox.max[2] + REACH_M || place.bbox.max[2] < bbox.min[2] + 0.5 {
                continue;
            }
            let cover = place.cover(&grow(bbox, reach));
            if cover > 0.0 {
                let best = levels.entry(level(place.z())).or_insert((0.0, self.same[space]));
                if cover > best.0 {
                    *best = (cover, self.same[space]);
                }
            }
        }
        levels
    }

    /// Places where a stair reaches a storey but no space lies at it: the nearest space
    /// there, else the part of the storey it stands in.
    fn add_landings(
        &mut self,
        entity: &'a Entity,
        bbox: &BoundingBox,
        floors: &HashMap<&'a EntityId, f64>,
        levels: &mut Levels,
    ) {
        let building = self.building(entity);
        let mut reached: Vec<(&'a EntityId, f64)> = floors
            .iter()
            .filter(|(_, z)| (bbox.min[2] - 0.6..=bbox.max[2] + 0.4).contains(*z))
            .filter(|(storey, _)| {
                self.by_id.get(*storey).is_some_and(|s| self.building(s) == building)
            })
            .map(|(storey, z)| (*storey, *z))
            .collect();
        reached.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
        for (storey, z) in reached {
            if levels.keys().any(|known| (known - level(z)).abs() <= 1) {
                continue;
            }
            let at_level = BoundingBox {
                min: [bbox.min[0], bbox.min[1], z - 0.5],
                max: [bbox.max[0], bbox.max[1], z + 0.5],
            };
            let nearest = self.levels(&at_level, LANDING_M).remove(&level(z));
            let place = match nearest {
                Some(found) => found.1,
                None => self.landing(storey, bbox, z),
            };
            levels.insert(level(z), (1.0, place));
        }
    }

    fn landing(&mut self, storey: &'a EntityId, bbox: &BoundingBox, z: f64) -> usize {
        let [x, y, _] = bbox.center();
        let [dx, dy, _] = bbox.size().map(|size| size / 2.0 + 0.5);
        let points = [[x, y], [x + dx, y], [x - dx, y], [x, y + dy], [x, y - dy]];
        let found = points.iter().find_map(|point| match self.part_at(storey, &[*point], z) {
            Beyond::Part(node) => Some(node),
            _ => None,
        });
        self.spaces.len() + found.unwrap_or_else(|| self.parts.whole(storey, [x, y, z]))
    }

    /// A lift drawn as its cabin on one storey: it serves every storey of its building that
    /// has a space above or below the cabin.
    fn cabin(&self, entity: &'a Entity, bbox: &BoundingBox) -> Levels {
        let Some(own) = self.building(entity) else { return Levels::new() };
        let inside =
            |place: &&Place<'a>| self.building(place.entity) == Some(own) && place.is_drawn();
        let mut tower = *bbox;
        for place in self.spaces.iter().filter(inside) {
            tower.min[2] = tower.min[2].min(place.bbox.min[2]);
            tower.max[2] = tower.max[2].max(place.bbox.max[2]);
        }
        let mut best = Levels::new();
        for space in self.grid.near(&self.spaces, &tower, LOBBY_M) {
            let place = &self.spaces[space];
            if !inside(&place) {
                continue;
            }
            // What lies under the cabin counts before the lobby in front of it.
            let cover =
                place.cover(&grow(bbox, REACH_M)) * 10.0 + place.cover(&grow(bbox, LOBBY_M));
            if cover > 0.0 {
                let found = best.entry(level(place.z())).or_insert((0.0, space));
                if cover > found.0 {
                    *found = (cover, self.same[space]);
                }
            }
        }
        best
    }

    /// Links the place of each level with that of the next.
    fn join_levels(&mut self, entity: &'a Entity, bbox: &BoundingBox, levels: Levels) {
        let places: Vec<usize> = levels.into_values().map(|(_, place)| place).collect();
        let declared = self.plan.declared(entity);
        let via = via(entity.kind, &declared);
        let width_m = declared.flight_width_m;
        let [x, y, _] = bbox.center();
        for pair in places.windows(2) {
            let [from, to] = [pair[0], pair[1]];
            if from != to {
                let at = [x, y, self.center(from)[2]];
                self.links.push(Link {
                    entity: &entity.id,
                    via,
                    from,
                    to,
                    at,
                    width_m,
                    derived: true,
                });
            }
        }
    }
}

fn via(kind: EntityKind, declared: &Declared) -> Via {
    match kind {
        EntityKind::Stair => Via::Stair,
        EntityKind::Ramp => Via::Ramp,
        _ if declared.is_escalator => Via::Escalator,
        _ => Via::Lift,
    }
}

/// Number of the level a floor is on: storeys are farther apart than two metres.
fn level(z: f64) -> i64 {
    (z / 2.0).round() as i64
}

/// Height of the floor of each storey: of its spaces, else of its doors, else of its
/// walls, the one that occurs most.
fn storey_floors(entities: &[Entity]) -> HashMap<&EntityId, f64> {
    let mut heights: HashMap<&EntityId, BTreeMap<(u8, i64), usize>> = HashMap::new();
    for entity in entities {
        let (Some(storey), Some(bbox)) = (&entity.storey, entity.bbox) else { continue };
        let rank = match entity.kind {
            EntityKind::Space => 0,
            EntityKind::Door => 1,
            EntityKind::Element
                if entity.ifc_class.as_deref().is_some_and(|c| c.starts_with("IfcWall")) =>
            {
                2
            }
            _ => continue,
        };
        let z = (bbox.min[2] * 10.0).round() as i64;
        *heights.entry(storey).or_default().entry((rank, z)).or_default() += 1;
    }
    let floor = |heights: BTreeMap<(u8, i64), usize>| {
        let rank = heights.first_key_value().map(|((rank, _), _)| *rank)?;
        let best = heights.iter().filter(|((r, _), _)| *r == rank);
        // The most frequent, of equals the lowest.
        let best = best.max_by_key(|((_, z), count)| (**count, -z))?;
        Some(best.0.1 as f64 / 10.0)
    };
    heights.into_iter().filter_map(|(storey, heights)| Some((storey, floor(heights)?))).collect()
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
