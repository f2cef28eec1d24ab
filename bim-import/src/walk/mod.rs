//! The walking graph: which spaces a door, stair or lift joins. Where the file says so
//! (space boundaries), that counts; else it is read off the geometry.

mod annotate;
mod barriers;
pub(crate) mod declared;
mod doors;
mod exits;
pub(crate) mod footing;
mod open;
mod parts;
mod place;
mod shafts;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use twin_model::{
    BoundingBox, Entity, EntityId, EntityKind,
    walk::{Via, WalkGraph},
};

pub(crate) use self::{annotate::annotate, exits::Unreached};
use self::{
    barriers::Barriers,
    declared::Declared,
    exits::Candidate,
    footing::{Footing, Rectangle},
    parts::Parts,
    place::{Grid, Place, tidy},
};
use crate::{
    imported::{Boundary, Floor},
    store::Aside,
};

/// What the graph is made from.
pub(crate) struct Plan<'a> {
    pub(crate) entities: &'a [Entity],
    pub(crate) floors: &'a HashMap<EntityId, Floor>,
    pub(crate) boundaries: &'a [Boundary],
    pub(crate) passages: &'a HashSet<EntityId>,
    /// Opening by the door that fills it.
    pub(crate) fillings: &'a HashMap<EntityId, EntityId>,
    pub(crate) footing: Footing,
    /// Properties that are not with their entities.
    pub(crate) aside: &'a Aside,
}

impl<'a> Plan<'a> {
    /// What the file declares of an element.
    fn declared(&self, entity: &Entity) -> Cow<'a, Declared> {
        let aside = self.aside.declared(&entity.id).map(Cow::Borrowed);
        aside.unwrap_or_else(|| Cow::Owned(Declared::of(&entity.properties)))
    }
}

/// The graph, and what to say of it.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) graph: WalkGraph,
    /// Spaces from which no exit can be reached, by cause.
    pub(crate) unreached: Vec<Unreached>,
    /// Spaces from which only a lift leads to an exit.
    pub(crate) by_lift_only: Vec<EntityId>,
    /// Doors that lead outdoors above the ground: to a balcony or a roof.
    pub(crate) balcony_doors: Vec<EntityId>,
    /// Doors that join nothing, with the reason.
    pub(crate) idle_doors: Vec<(EntityId, &'static str)>,
    /// Doors that are said to be inside, and behind which is outdoors.
    pub(crate) disputed_exits: Vec<EntityId>,
    /// Spaces that are another one drawn again, with that one.
    pub(crate) twins: Vec<(EntityId, EntityId)>,
    /// Whether there were more walls than could be looked at.
    pub(crate) is_partial: bool,
}

/// Builds the graph.
pub(crate) fn build(mut plan: Plan<'_>) -> Walk {
    let is_partial = plan.footing.is_full();
    let (barriers, base) = plan.footing.take_barriers();
    let spaces: Vec<Place<'_>> = plan.entities.iter().filter_map(|e| Place::of(e, &plan)).collect();
    let grid = Grid::over(&spaces);
    let mut builder = Builder {
        same: twins(&spaces, &grid),
        stated: Stated::of(&plan, &spaces),
        by_id: plan.entities.iter().map(|entity| (&entity.id, entity)).collect(),
        parts: Parts::new(plan.entities),
        barriers: Barriers::new(barriers, base),
        links: Vec::new(),
        passed: HashMap::new(),
        exits: Vec::new(),
        walk: Walk { is_partial, ..Walk::default() },
        spaces,
        grid,
        plan: &plan,
    };
    builder.passages();
    builder.shafts();
    builder.open_sides();
    builder.finish()
}

/// The graph under construction. Places are numbered: spaces first, then parts of storeys.
struct Builder<'a> {
    plan: &'a Plan<'a>,
    spaces: Vec<Place<'a>>,
    grid: Grid,
    /// The one that stands for those that are one place drawn several times.
    same: Vec<usize>,
    stated: Stated<'a>,
    by_id: HashMap<&'a EntityId, &'a Entity>,
    barriers: Barriers,
    parts: Parts<'a>,
    links: Vec<Link<'a>>,
    /// Where doors and openings join two spaces.
    passed: HashMap<(usize, usize), Vec<[f64; 2]>>,
    exits: Vec<Candidate<'a>>,
    walk: Walk,
}

/// A way between numbered places.
struct Link<'a> {
    entity: &'a EntityId,
    via: Via,
    from: usize,
    to: usize,
    at: [f64; 3],
    width_m: Option<f64>,
    derived: bool,
}

/// What the file's space boundaries say.
struct Stated<'a> {
    /// Spaces by the element that bounds them, in file order.
    spaces: HashMap<&'a EntityId, Vec<usize>>,
    /// Elements with outdoors behind them.
    external: HashSet<&'a EntityId>,
}

impl<'a> Stated<'a> {
    fn of(plan: &Plan<'a>, places: &[Place<'a>]) -> Self {
        let positions: HashMap<&EntityId, usize> = places
            .iter()
            .enumerate()
            .map(|(position, place)| (&place.entity.id, position))
            .collect();
        let mut stated = Self { spaces: HashMap::new(), external: HashSet::new() };
        for boundary in plan.boundaries {
            if boundary.is_external {
                stated.external.insert(&boundary.element);
            }
            if let Some(&space) = positions.get(&boundary.space) {
                let spaces = stated.spaces.entry(&boundary.element).or_default();
                if !spaces.contains(&space) {
                    spaces.push(space);
                }
            }
        }
        stated
    }

    fn by(&self, element: &EntityId) -> &[usize] {
        self.spaces.get(element).map_or(&[], Vec::as_slice)
    }
}

/// For each space the one that stands for it: of those that are the same place the
/// smallest, which ends at the inner face of its walls.
fn twins(spaces: &[Place<'_>], grid: &Grid) -> Vec<usize> {
    let mut same: Vec<usize> = (0..spaces.len()).collect();
    let mut order: Vec<usize> = same.clone();
    order.retain(|&space| spaces[space].is_drawn());
    order.sort_by(|&a, &b| spaces[a].area_m2.total_cmp(&spaces[b].area_m2).then(a.cmp(&b)));
    let mut done = vec![false; spaces.len()];
    for position in order {
        let space = &spaces[position];
        let mut near = grid.near(spaces, &space.bbox, 0.0);
        near.retain(|&other| done[other] && same[other] == other);
        done[position] = true;
        if let Some(first) = near.into_iter().find(|&other| spaces[other].is_twin(space)) {
            same[position] = first;
        }
    }
    same
}

impl<'a> Builder<'a> {
    /// Doors and unfilled openings.
    fn passages(&mut self) {
        for entity in self.plan.entities.iter().filter(|e| e.kind == EntityKind::Door) {
            self.door(entity);
        }
        for entity in self.plan.entities.iter().filter(|e| self.plan.passages.contains(&e.id)) {
            self.passage(entity);
        }
    }

    fn rectangle(&self, entity: &Entity) -> Option<Rectangle> {
        let drawn = self.plan.footing.rectangle(&entity.id);
        drawn.or_else(|| Some(Rectangle::of_box(&entity.bbox?)))
    }

    /// The building something is in.
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

    fn id_of(&self, place: usize) -> EntityId {
        match self.spaces.get(place) {
            Some(space) => space.entity.id.clone(),
            None => self.parts.nodes[place - self.spaces.len()].entity.clone(),
        }
    }

    fn center(&self, place: usize) -> [f64; 3] {
        match self.spaces.get(place) {
            Some(space) => space.center,
            None => self.parts.nodes[place - self.spaces.len()].center,
        }
    }

    /// Spaces over which a point lies that share a height with something; the one whose
    /// floor is nearest, then the smallest.
    fn space_at(&self, near: &[usize], point: [f64; 2], z: [f64; 2]) -> Option<usize> {
        let rank = |space: usize| {
            let place = &self.spaces[space];
            let is_other_floor = (place.z() - z[0]).abs() > 0.6;
            (u8::from(is_other_floor), place.area_m2)
        };
        let over = near.iter().copied().filter(|&space| {
            let place = &self.spaces[space];
            self.same[space] == space
                && z[1].min(place.bbox.max[2]) - z[0].max(place.bbox.min[2]) > 0.5
                && place.is_over(point)
        });
        over.min_by(|a, b| {
            let (a, b) = (rank(*a), rank(*b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
    }

    /// The part of a storey without space at a point.
    fn part_at(&mut self, storey: &'a EntityId, points: &[[f64; 2]], z: f64) -> parts::Beyond {
        let grid = (&self.grid, self.spaces.as_slice());
        self.parts.beyond(storey, points, z, &self.barriers, grid)
    }
}

/// The box around something that is a rectangle in plan.
fn around(rectangle: &Rectangle, margin: f64) -> BoundingBox {
    let [long, short] = rectangle.half.map(|half| half + margin);
    let corners = [(long, short), (long, -short), (-long, short), (-long, -short)];
    let corners = corners.map(|(along, across)| rectangle.point(along, across));
    let edge = |pick: fn(f64, f64) -> f64, axis: usize| {
        corners.iter().map(|corner| corner[axis]).fold(corners[0][axis], pick)
    };
    BoundingBox {
        min: [edge(f64::min, 0), edge(f64::min, 1), rectangle.z[0]],
        max: [edge(f64::max, 0), edge(f64::max, 1), rectangle.z[1]],
    }
}
