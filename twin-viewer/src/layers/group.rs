//! Which points make one colour, and what is coloured by it.

use std::collections::HashMap;

use twin_model::{EntityId, EntityKind};

use super::{Fold, Layer};
use crate::store::{EntityIx, Point, PointIx, Store};

/// Points that make one value, and what it colours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) members: Vec<PointIx>,
    /// Storeys coloured wholly.
    pub(crate) storeys: Vec<EntityId>,
    /// Entities coloured one by one.
    pub(crate) entities: Vec<EntityId>,
}

/// One value of a group, and whether all of it is recent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Folded {
    pub(crate) value: f64,
    pub(crate) is_live: bool,
}

impl Group {
    /// The group's value from its points; `None` where none has a usable one.
    pub(crate) fn fold(&self, store: &Store, fold: Fold) -> Option<Folded> {
        let (mut sum, mut max, mut count, mut is_live) = (0.0, f64::MIN, 0u32, true);
        for point in self.members.iter().map(|&ix| store.points.at(ix)) {
            is_live &= point.is_live();
            if let Some(number) = point.number() {
                sum += number;
                max = f64::max(max, number);
                count += 1;
            }
        }
        let value = match fold {
            Fold::Sum => sum,
            Fold::Mean => sum / f64::from(count.max(1)),
            Fold::Max => max,
        };
        (count > 0).then_some(Folded { value, is_live })
    }
}

/// What a point's value stands for.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// An entity of the index.
    Scene(EntityIx),
    /// An entity the index does not hold.
    Id(EntityId),
}

/// Sorts the layer's points into groups; also gives each point its group.
pub(crate) fn groups(store: &Store, layer: Layer) -> (Vec<Group>, HashMap<PointIx, u32>) {
    let (mut groups, mut by_key, mut of_point) = (Vec::new(), HashMap::new(), HashMap::new());
    let Some(metric) = layer.metric() else { return (groups, of_point) };
    for (ix, point) in (0..).zip(store.points.all()) {
        if *point.metric != *metric {
            continue;
        }
        let key = target(store, layer, point);
        let group = *by_key.entry(key.clone()).or_insert_with(|| {
            groups.push(empty(store, &key));
            groups.len() as u32 - 1
        });
        let members = &mut groups[group as usize];
        members.members.push(ix);
        // A device shows the value it belongs to, also where its storey is coloured.
        if !members.entities.contains(&point.entity) && members.storeys.is_empty() {
            members.entities.push(point.entity.clone());
        }
        of_point.insert(ix, group);
    }
    (groups, of_point)
}

fn target(store: &Store, layer: Layer, point: &Point) -> Key {
    let Some(at) = point.at else { return Key::Id(point.entity.clone()) };
    let scene = &store.scene;
    let kind = scene.at(at).kind;
    if layer.level() != EntityKind::Space && kind != EntityKind::Meter && !is_place(kind) {
        return Key::Scene(at); // behind a meter: adding it to its storey would count it twice
    }
    let found = scene.enclosing(at, layer.level());
    Key::Scene(found.or_else(|| scene.storey(at)).unwrap_or(at))
}

fn is_place(kind: EntityKind) -> bool {
    matches!(kind, EntityKind::Building | EntityKind::Storey | EntityKind::Space)
}

fn empty(store: &Store, key: &Key) -> Group {
    let mut group = Group::default();
    let scene = &store.scene;
    match key {
        Key::Id(id) => group.entities.push(id.clone()),
        Key::Scene(at) => match scene.at(*at).kind {
            EntityKind::Storey => group.storeys.push(scene.at(*at).id.clone()),
            EntityKind::Building => {
                let storeys = scene.storeys_of(*at);
                group.storeys.extend(storeys.iter().map(|&storey| scene.at(storey).id.clone()));
                group.entities.push(scene.at(*at).id.clone());
            }
            _ => group.entities.push(scene.at(*at).id.clone()),
        },
    }
    group
}
