//! The walking graph: which spaces a door, stair or lift joins. Where the file says so
//! (space boundaries), that counts; else it is read off the geometry.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value as Json;
use twin_model::{
    BoundingBox, Entity, EntityId, EntityKind,
    walk::{Via, WalkGraph, WalkLink, WalkSpace},
};

use crate::imported::{Boundary, Floor};

/// How far a space may be from the door, stair or lift that leads into it: half a thick
/// wall.
const REACH_M: f64 = 0.35;
/// How far from a lift's cabin its lobby may be.
const LOBBY_M: f64 = 2.0;
/// An unfilled opening lower than this is a hatch or a window.
const PASSAGE_HEIGHT_M: f64 = 1.8;
/// Names of the quantity that holds a space's floor area, the best first.
const AREA_NAMES: &[&str] = &["NetFloorArea", "GrossFloorArea", "NetArea", "Area", "GSA BIM Area"];

/// What the graph is made from.
pub(crate) struct Plan<'a> {
    pub(crate) entities: &'a [Entity],
    pub(crate) floors: &'a HashMap<EntityId, Floor>,
    pub(crate) boundaries: &'a [Boundary],
    pub(crate) passages: &'a HashSet<EntityId>,
}

/// Floor area of a space as its quantities state it, m².
pub(crate) fn stated_area(entity: &Entity) -> Option<f64> {
    AREA_NAMES
        .iter()
        .find_map(|name| entity.properties.values().find_map(|set| set.get(*name)))
        .and_then(Json::as_f64)
        .filter(|area| *area > 0.0)
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

/// A space with its box and floor.
struct Place<'a> {
    entity: &'a Entity,
    bbox: BoundingBox,
    floor: Option<&'a Floor>,
}

impl<'a> Place<'a> {
    fn of(entity: &'a Entity, plan: &Plan<'a>) -> Option<Self> {
        let bbox = entity.bbox.filter(|_| entity.kind == EntityKind::Space)?;
        let floor = plan.floors.get(&entity.id).filter(|floor| !floor.triangles.is_empty());
        Some(Self { entity, bbox, floor })
    }

    /// How much of a box, seen from above, lies on the floor: by a grid of points, 0 to 1.
    fn cover(&self, bbox: &BoundingBox) -> f64 {
        const STEPS: u32 = 6;
        let at = |axis: usize, step: u32| {
            let part = (f64::from(step) + 0.5) / f64::from(STEPS);
            bbox.min[axis] + (bbox.max[axis] - bbox.min[axis]) * part
        };
        let points = (0..STEPS * STEPS).map(|n| [at(0, n / STEPS), at(1, n % STEPS)]);
        let inside = points.filter(|point| self.is_over(*point)).count();
        inside as f64 / f64::from(STEPS * STEPS)
    }

    /// Whether a point, seen from above, lies on the floor.
    fn is_over(&self, point: [f64; 2]) -> bool {
        let in_box = (0..2)
            .all(|axis| self.bbox.min[axis] <= point[axis] && point[axis] <= self.bbox.max[axis]);
        in_box
            && self.floor.is_none_or(|floor| {
                floor.triangles.iter().any(|triangle| is_inside(*triangle, point))
            })
    }

    fn into_walk_space(self) -> WalkSpace {
        let tidy = |value: f64| (value * 1e4).round() / 1e4;
        let measured = self.floor.map(|floor| measure(&floor.triangles));
        let [dx, dy, _] = self.bbox.size();
        let area = stated_area(self.entity).or(measured.map(|m| m.0)).unwrap_or(dx * dy);
        let middle = self.bbox.center();
        let center = measured.map_or([middle[0], middle[1]], |m| m.1);
        // The middle of an L may lie outside of it: then the nearest triangle's.
        let center = match self.floor {
            Some(floor) if !self.is_over(center) => nearest_middle(&floor.triangles, center),
            _ => center,
        };
        WalkSpace {
            entity: self.entity.id.clone(),
            area_m2: tidy(area),
            center: [tidy(center[0]), tidy(center[1]), tidy(self.bbox.min[2])],
        }
    }
}

fn cross(o: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
}

fn is_inside([a, b, c]: [[f64; 2]; 3], point: [f64; 2]) -> bool {
    let sides = [cross(a, b, point), cross(b, c, point), cross(c, a, point)];
    sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
}

fn middle([a, b, c]: [[f64; 2]; 3]) -> [f64; 2] {
    [0, 1].map(|axis| (a[axis] + b[axis] + c[axis]) / 3.0)
}

/// Area and centre of gravity.
fn measure(triangles: &[[[f64; 2]; 3]]) -> (f64, [f64; 2]) {
    let mut area = 0.0;
    let mut moment = [0.0; 2];
    for triangle in triangles {
        let size = cross(triangle[0], triangle[1], triangle[2]).abs() / 2.0;
        area += size;
        let at = middle(*triangle);
        moment = [0, 1].map(|axis| moment[axis] + at[axis] * size);
    }
    (area, moment.map(|value| value / area.max(1e-12)))
}

fn nearest_middle(triangles: &[[[f64; 2]; 3]], to: [f64; 2]) -> [f64; 2] {
    let distance = |point: &[f64; 2]| (point[0] - to[0]).hypot(point[1] - to[1]);
    let middles = triangles.iter().map(|triangle| middle(*triangle));
    middles.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(to)
}

/// Spaces by the squares of the plan they touch, so that a door asks only its own.
struct Grid {
    squares: HashMap<(i64, i64), Vec<usize>>,
}

const SQUARE_M: f64 = 10.0;
/// A space over more squares than this is put in by its middle only; none is that large
/// but a broken one.
const MAX_SQUARES: i64 = 10_000;

impl Grid {
    fn over(spaces: &[Place<'_>]) -> Self {
        let mut squares: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
        for (position, space) in spaces.iter().enumerate() {
            for square in squares_of(&space.bbox) {
                squares.entry(square).or_default().push(position);
            }
        }
        Self { squares }
    }

    /// Spaces whose box touches this one, grown by `margin_m`, in file order.
    fn near(&self, spaces: &[Place<'_>], bbox: &BoundingBox, margin_m: f64) -> Vec<usize> {
        let grown = grow(bbox, margin_m);
        let found = squares_of(&grown).into_iter().filter_map(|square| self.squares.get(&square));
        let mut found: Vec<usize> = found
            .flatten()
            .copied()
            .filter(|&space| spaces[space].bbox.touches(bbox, margin_m))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn squares_of(bbox: &BoundingBox) -> Vec<(i64, i64)> {
    let range = |axis: usize| {
        let low = (bbox.min[axis] / SQUARE_M).floor() as i64;
        let high = (bbox.max[axis] / SQUARE_M).floor() as i64;
        (low, high)
    };
    let ((x0, x1), (y0, y1)) = (range(0), range(1));
    if (x1 - x0 + 1).saturating_mul(y1 - y0 + 1) > MAX_SQUARES {
        return vec![((x0 + x1) / 2, (y0 + y1) / 2)];
    }
    (x0..=x1).flat_map(|x| (y0..=y1).map(move |y| (x, y))).collect()
}

fn grow(bbox: &BoundingBox, by: f64) -> BoundingBox {
    BoundingBox { min: bbox.min.map(|value| value - by), max: bbox.max.map(|value| value + by) }
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
