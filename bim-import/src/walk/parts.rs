//! Parts of storeys that no space covers: the corridor nobody modelled. A part becomes a
//! place when a door or stair leads into it.

use hashbrown::HashMap;
use twin_model::{BoundingBox, Entity, EntityId, EntityKind, walk::WalkSpace};

use super::{
    barriers::{Barriers, FloorPlan, Ground},
    footing::is_barrier,
    place::{Grid, Place, tidy},
};

/// What lies on a side of a door that has no space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// The open air.
    Outdoors,
    /// A part of the storey: number of its node.
    Part(usize),
    /// The plan does not tell.
    Unknown,
}

/// The parts found so far, and the plans they were found in.
pub(super) struct Parts<'a> {
    pub(super) nodes: Vec<WalkSpace>,
    extents: HashMap<&'a EntityId, BoundingBox>,
    plans: HashMap<(&'a EntityId, i64), Option<FloorPlan>>,
    known: HashMap<(&'a EntityId, i64, u16), usize>,
    whole: HashMap<&'a EntityId, usize>,
    count: HashMap<&'a EntityId, u32>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(entities: &'a [Entity]) -> Self {
        let mut extents: HashMap<&EntityId, BoundingBox> = HashMap::new();
        for entity in entities {
            let counts = entity.kind == EntityKind::Space
                || entity.ifc_class.as_deref().is_some_and(is_barrier);
            if let (Some(storey), Some(bbox), true) = (&entity.storey, entity.bbox, counts) {
                extents
                    .entry(storey)
                    .and_modify(|known| *known = known.union(&bbox))
                    .or_insert(bbox);
            }
        }
        Self {
            nodes: Vec::new(),
            extents,
            plans: HashMap::new(),
            known: HashMap::new(),
            whole: HashMap::new(),
            count: HashMap::new(),
        }
    }

    /// What lies at the first of some points that is not inside a wall, on the floor at
    /// this height.
    pub(super) fn beyond(
        &mut self,
        storey: &'a EntityId,
        points: &[[f64; 2]],
        z: f64,
        barriers: &Barriers,
        (grid, spaces): (&Grid, &[Place<'_>]),
    ) -> Beyond {
        let Some(extent) = self.extents.get(storey) else { return Beyond::Unknown };
        // Steps within a storey are one floor; half a storey is another.
        let level = (z / 1.2).round() as i64;
        let plan = self.plans.entry((storey, level)).or_insert_with(|| {
            let mut plan = barriers.plan(extent, z)?;
            for space in grid.near(spaces, extent, 0.0) {
                let place = &spaces[space];
                if place.bbox.min[2] < z + 1.0 && place.bbox.max[2] > z + 0.5 {
                    plan.mark_space(&place.bbox, |point| place.is_over(point));
                }
            }
            plan.fill_outdoors();
            Some(plan)
        });
        let Some(plan) = plan else { return Beyond::Unknown };
        let grounds = points.iter().map(|point| plan.ground(*point));
        let first = grounds.into_iter().find(|ground| *ground != Ground::Wall);
        let part = match first {
            Some(Ground::Outdoors) => return Beyond::Outdoors,
            Some(Ground::Part(part)) => part,
            Some(Ground::Space | Ground::Wall) | None => return Beyond::Unknown,
        };
        let key = (storey, level, part);
        if let Some(&node) = self.known.get(&key) {
            return Beyond::Part(node);
        }
        let (area, center) = plan.measure(part);
        let number = self.count.entry(storey).or_default();
        *number += 1;
        let id = EntityId::new(format!("{storey}#{number}"));
        let node = self.push(storey, WalkSpace::new(id, tidy(area), center.map(tidy)));
        self.known.insert(key, node);
        Beyond::Part(node)
    }

    /// A storey as one place, where its parts cannot be told apart.
    pub(super) fn whole(&mut self, storey: &'a EntityId, at: [f64; 3]) -> usize {
        if let Some(&node) = self.whole.get(storey) {
            return node;
        }
        let extent = self.extents.get(storey);
        let area = extent.map_or(0.0, |extent| extent.size()[0] * extent.size()[1]);
        let center = extent.map_or(at, |extent| [extent.center()[0], extent.center()[1], at[2]]);
        let node = self.push(storey, WalkSpace::new(storey.clone(), tidy(area), center.map(tidy)));
        self.whole.insert(storey, node);
        node
    }

    fn push(&mut self, storey: &EntityId, mut node: WalkSpace) -> usize {
        node.part_of = Some(storey.clone());
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}
