//! Which doors are exits, how far it is to them, and why some spaces have none.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap},
};

use hashbrown::{HashMap, HashSet};
use twin_model::{
    Entity, EntityId,
    walk::{Via, WalkLink},
};

use super::{Builder, Link, Walk, place::tidy};
use crate::{
    sets,
    vector::{length, sub},
};

/// A door that leads outdoors so far above the ground leads to a balcony, m.
const BALCONY_M: f64 = 2.2;
/// Length of a stair's or ramp's way for each metre of height.
const SLOPE: f64 = 2.0;

/// A door with outdoors on one side.
pub(super) struct Candidate<'a> {
    pub(super) entity: &'a Entity,
    pub(super) building: Option<&'a EntityId>,
    pub(super) from: usize,
    pub(super) at: [f64; 3],
    pub(super) width_m: Option<f64>,
    pub(super) derived: bool,
}

/// Spaces that cannot be left, for one reason.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Unreached {
    /// Why, for a person.
    pub reason: String,
    /// Which, by id.
    pub spaces: Vec<String>,
}

impl<'a> Builder<'a> {
    pub(super) fn finish(mut self) -> Walk {
        let ground = self.ground();
        let candidates = std::mem::take(&mut self.exits);
        let (exits, balconies): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|exit| {
            ground.get(&exit.building).is_none_or(|ground| exit.at[2] <= ground + BALCONY_M)
        });
        self.walk.balcony_doors = balconies.iter().map(|exit| exit.entity.id.clone()).collect();
        let safe = |link: &&Link<'_>| link.via != Via::Lift;
        let distances = self.distances(&exits, safe);
        let with_lifts = self.distances(&exits, |_| true);
        let mut walk = std::mem::take(&mut self.walk);
        walk.graph.spaces = self.spaces.iter().map(|space| space.walk_space(self.plan)).collect();
        walk.graph.spaces.extend(self.parts.nodes.iter().cloned());
        for (place, distance) in walk.graph.spaces.iter_mut().zip(&distances) {
            place.exit_distance_m = distance.is_finite().then(|| tidy(*distance));
        }
        let count = self.spaces.len();
        let only_by_lift = (0..count)
            .filter(|&place| distances[place].is_infinite() && with_lifts[place].is_finite());
        walk.by_lift_only = only_by_lift.map(|place| self.id_of(place)).collect();
        walk.unreached = self.why(&with_lifts, &exits, !walk.balcony_doors.is_empty());
        walk.graph.links = self.links.iter().map(|link| self.walk_link(link)).collect();
        walk.graph.links.extend(exits.iter().map(|exit| self.walk_exit(exit)));
        walk
    }

    /// Height of the ground at each building: of its lowest outer door, or of those on the
    /// storey that is called zero, where that is higher.
    fn ground(&self) -> HashMap<Option<&'a EntityId>, f64> {
        let mut ground: HashMap<Option<&'a EntityId>, f64> = HashMap::new();
        for exit in &self.exits {
            let z = ground.entry(exit.building).or_insert(exit.at[2]);
            *z = z.min(exit.at[2]);
        }
        for exit in &self.exits {
            let storey = exit.entity.storey.as_ref().and_then(|storey| self.by_id.get(storey));
            let elevation = storey
                .and_then(|storey| sets::attribute(&storey.properties, "Elevation")?.as_f64());
            if elevation.is_some_and(|elevation| elevation.abs() < 1.5)
                && let Some(z) = ground.get_mut(&exit.building)
            {
                *z = z.max(exit.at[2]);
            }
        }
        ground
    }

    /// Length of the shortest way from the middle of each place to an exit, m.
    fn distances(&self, exits: &[Candidate<'_>], usable: impl Fn(&&Link<'_>) -> bool) -> Vec<f64> {
        let places = self.spaces.len() + self.parts.nodes.len();
        let mut neighbours: Vec<Vec<(usize, f64)>> = vec![Vec::new(); places];
        for link in self.links.iter().filter(usable) {
            let length = self.length(link);
            neighbours[link.from].push((link.to, length));
            neighbours[link.to].push((link.from, length));
        }
        let mut distances = vec![f64::INFINITY; places];
        let starts =
            exits.iter().map(|exit| Reached(distance(self.center(exit.from), exit.at), exit.from));
        let mut open: BinaryHeap<Reached> = starts.collect();
        while let Some(Reached(distance, place)) = open.pop() {
            if distance < distances[place] {
                distances[place] = distance;
                for &(next, length) in &neighbours[place] {
                    if distance + length < distances[next] {
                        open.push(Reached(distance + length, next));
                    }
                }
            }
        }
        distances
    }

    fn length(&self, link: &Link<'_>) -> f64 {
        let (from, to) = (self.center(link.from), self.center(link.to));
        if self.same.get(link.from) == Some(&link.to) {
            return 0.0;
        }
        let flat = |place: [f64; 3]| (place[0] - link.at[0]).hypot(place[1] - link.at[1]);
        let height = (from[2] - to[2]).abs();
        match link.via {
            Via::Door | Via::Opening => distance(from, link.at) + distance(link.at, to),
            Via::Lift => flat(from) + height + flat(to),
            Via::Stair | Via::Ramp | Via::Escalator => flat(from) + SLOPE * height + flat(to),
        }
    }

    fn walk_link(&self, link: &Link<'_>) -> WalkLink {
        let to = Some(self.id_of(link.to));
        let declared = self.by_id.get(link.entity).map(|entity| self.plan.declared(entity));
        let declared = declared.unwrap_or_default();
        WalkLink {
            width_m: link.width_m,
            length_m: Some(tidy(self.length(link))),
            at: Some(link.at.map(tidy)),
            fire_rating: declared.fire_rating.as_deref().map(str::to_owned),
            swing: declared.swing.as_deref().map(str::to_owned),
            derived: link.derived,
            ..WalkLink::new(link.entity.clone(), link.via, self.id_of(link.from), to)
        }
    }

    fn walk_exit(&self, exit: &Candidate<'_>) -> WalkLink {
        let declared = self.plan.declared(exit.entity);
        WalkLink {
            width_m: exit.width_m,
            length_m: Some(tidy(distance(self.center(exit.from), exit.at))),
            at: Some(exit.at.map(tidy)),
            fire_rating: declared.fire_rating.as_deref().map(str::to_owned),
            swing: declared.swing.as_deref().map(str::to_owned),
            derived: exit.derived,
            ..WalkLink::new(exit.entity.id.clone(), Via::Door, self.id_of(exit.from), None)
        }
    }

    /// Spaces that no way leads out of, by cause.
    fn why(
        &self,
        distances: &[f64],
        exits: &[Candidate<'_>],
        has_balconies: bool,
    ) -> Vec<Unreached> {
        let mut joined: HashSet<usize> = HashSet::new();
        for link in &self.links {
            joined.extend([link.from, link.to]);
        }
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let lost = (0..distances.len()).filter(|&place| distances[place].is_infinite());
        for place in lost {
            let is_drawn = self.spaces.get(place).is_none_or(super::Place::is_drawn);
            let reason = if !is_drawn && !joined.contains(&place) {
                "it has no geometry, and no door names it"
            } else if self.links.is_empty() && exits.is_empty() {
                "its source has no door, stair, lift or open side that joins spaces"
            } else if place < self.spaces.len() && self.holds_others(place) {
                "it lies over other spaces, which are used instead"
            } else if !joined.contains(&place) && !has_balconies {
                "no door, stair, lift or open side leads to it"
            } else if !joined.contains(&place) {
                "nothing leads to it but, if anything, a door to a balcony or roof"
            } else if exits.is_empty() && has_balconies {
                "the only doors that lead outdoors are above the ground"
            } else if exits.is_empty() {
                "no door of the model leads outdoors"
            } else {
                "it is joined with other spaces, but none of them with an exit"
            };
            reasons.entry(reason).or_default().push(self.id_of(place).to_string());
        }
        let unreached =
            |(reason, spaces): (&str, Vec<String>)| Unreached { reason: reason.into(), spaces };
        reasons.into_iter().map(unreached).collect()
    }

    fn holds_others(&self, place: usize) -> bool {
        let outer = &self.spaces[place];
        let near = self.grid.near(&self.spaces, &outer.bbox, 0.0);
        near.into_iter().any(|other| {
            let inner = &self.spaces[other];
            let [x, y, z] = inner.center;
            self.same[other] != self.same[place]
                && inner.area_m2 < 0.8 * outer.area_m2
                && (z - outer.z()).abs() < 1.0
                && outer.is_over([x, y])
        })
    }
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    length(sub(a, b))
}

/// A place with its distance, the nearest first out of a heap.
struct Reached(f64, usize);

impl PartialEq for Reached {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Reached {}

impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}
