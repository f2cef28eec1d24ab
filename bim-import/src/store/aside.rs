//! Property sets in the store: they are most of what an entity weighs, and between reading it
//! and writing it nothing asks for them but the walking graph, for a few numbers.

use std::{collections::BTreeMap, io, sync::Arc};

use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use twin_model::{Entity, EntityId, EntityKind};

use super::{Span, Store};
use crate::{ids, sets::RELATIONS, walk::declared::Declared};

/// Properties put aside, by entity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aside {
    spans: FxHashMap<EntityId, Placed>,
}

/// Where properties lie, and the new names of what their relations name.
#[derive(Clone, Debug)]
struct Placed {
    span: Span,
    renamed: Option<Arc<HashMap<EntityId, EntityId>>>,
    /// Of what one passes or stands in.
    declared: Option<Box<Declared>>,
}

/// An entity without properties, and those it has.
#[derive(Serialize)]
struct Line<'a, P: ?Sized> {
    #[serde(flatten)]
    entity: &'a Entity,
    properties: &'a P,
}

impl Aside {
    /// With room for those of some sources.
    pub(crate) fn with_room<'a>(sources: impl Iterator<Item = &'a Self>) -> Self {
        let count = sources.map(|source| source.spans.len()).sum();
        Self { spans: FxHashMap::with_capacity_and_hasher(count, FxBuildHasher) }
    }

    /// Moves the properties of an entity into the store, if nobody will ask for them.
    pub(crate) fn put(&mut self, entity: &mut Entity, store: &Store) {
        if entity.properties.is_empty() || is_asked(entity) {
            return;
        }
        if let Ok(text) = serde_json::to_vec(&entity.properties) {
            let properties = std::mem::take(&mut entity.properties);
            let declared = is_walked(entity).then(|| Box::new(Declared::of(&properties)));
            let placed = Placed { span: store.push(&text), renamed: None, declared };
            self.spans.insert(entity.id.clone(), placed);
        }
    }

    /// What was declared of an entity whose properties were put aside, if it is one that
    /// people pass or stand in.
    pub(crate) fn declared(&self, entity: &EntityId) -> Option<&Declared> {
        self.spans.get(entity)?.declared.as_deref()
    }

    /// Lets go of those of some entities: what stands for them has its own.
    pub(crate) fn forget(&mut self, entities: &HashMap<EntityId, EntityId>) {
        self.spans.retain(|id, _| !entities.contains_key(id));
    }

    /// Follows entities to their new ids.
    pub(crate) fn rename(&mut self, renamed: &Arc<HashMap<EntityId, EntityId>>) {
        // Those of one source were renamed together before, if they were.
        let before = self.spans.values().find_map(|placed| placed.renamed.as_ref());
        let all = before.map_or_else(|| Arc::clone(renamed), |before| chained(before, renamed));
        let spans = std::mem::take(&mut self.spans).into_iter();
        let moved = spans.map(|(id, placed)| {
            let id = renamed.get(&id).cloned().unwrap_or(id);
            (id, Placed { renamed: Some(Arc::clone(&all)), ..placed })
        });
        self.spans = moved.collect();
    }

    /// Adds those of another source.
    pub(crate) fn extend(&mut self, other: Self) {
        self.spans.extend(other.spans);
    }

    /// Writes an entity with all its properties as JSON.
    pub(crate) fn write(
        &self,
        entity: &Entity,
        store: &Store,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let Some(placed) = self.spans.get(&entity.id) else {
            return Ok(serde_json::to_writer(out, entity)?);
        };
        let text = store.read(placed.span);
        if placed.renamed.is_none() && entity.properties.is_empty() {
            let properties = serde_json::from_slice::<&RawValue>(&text)?;
            return Ok(serde_json::to_writer(out, &Line { entity, properties })?);
        }
        // Sets stay the text they are, but for those that something is new in.
        let mut sets: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(&text)?;
        if let (Some(renamed), Some(relations)) = (&placed.renamed, sets.get_mut(RELATIONS)) {
            let mut set = serde_json::from_str(relations.get())?;
            ids::rename_relations(&mut set, renamed);
            *relations = to_raw_value(&set)?;
        }
        for (name, found) in &entity.properties {
            let set = match sets.get(name) {
                Some(known) => {
                    let mut set: BTreeMap<String, Value> = serde_json::from_str(known.get())?;
                    set.extend(found.clone());
                    to_raw_value(&set)?
                }
                None => to_raw_value(found)?,
            };
            sets.insert(name.clone(), set);
        }
        let bare = Entity { properties: BTreeMap::new(), ..entity.clone() };
        Ok(serde_json::to_writer(out, &Line { entity: &bare, properties: &sets })?)
    }
}

/// From names before the first renaming to those after the second.
fn chained(
    first: &HashMap<EntityId, EntityId>,
    second: &HashMap<EntityId, EntityId>,
) -> Arc<HashMap<EntityId, EntityId>> {
    let through = first.iter().map(|(old, new)| (old.clone(), second.get(new).unwrap_or(new)));
    let mut all = second.clone();
    all.extend(through.map(|(old, new)| (old, new.clone())));
    Arc::new(all)
}

/// Whether more is asked of an entity than the walking graph does: heights of storeys, long
/// names of projects, addresses of buildings.
fn is_asked(entity: &Entity) -> bool {
    use EntityKind::{Building, Project, Site, Storey};
    matches!(entity.kind, Project | Site | Building | Storey)
}

/// Whether the walking graph leads through it.
fn is_walked(entity: &Entity) -> bool {
    use EntityKind::{Door, Lift, Ramp, Space, Stair};
    matches!(entity.kind, Space | Door | Stair | Ramp | Lift)
        || entity.ifc_class.as_deref().is_some_and(|class| class.starts_with("IfcOpening"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_gets_its_properties_back_and_a_storey_keeps_them() {
        let store = Store::create(&std::env::temp_dir()).unwrap();
        let text = r#"{"id":"a","kind":"element","name":"W","properties":{"Pset":{"R":0.5,"T":"x"}},"tags":["t"],"source":3}"#;
        let whole: Entity = serde_json::from_str(text).unwrap();
        let mut wall = whole.clone();
        let mut aside = Aside::default();
        aside.put(&mut wall, &store);
        assert!(wall.properties.is_empty());
        wall.id = "a~2".into();
        aside.rename(&Arc::new([("a".into(), "a~2".into())].into()));
        let mut written = Vec::new();
        aside.write(&wall, &store, &mut written).unwrap();
        let back: Entity = serde_json::from_slice(&written).unwrap();
        assert_eq!(back, Entity { id: "a~2".into(), ..whole.clone() });

        wall.properties.insert("Walking".into(), [("Width".into(), 1.5.into())].into());
        written.clear();
        aside.write(&wall, &store, &mut written).unwrap();
        let back: Entity = serde_json::from_slice(&written).unwrap();
        assert_eq!(back.properties["Walking"]["Width"], 1.5);
        assert_eq!(back.properties["Pset"], whole.properties["Pset"]);

        let mut storey = Entity { kind: EntityKind::Storey, ..whole.clone() };
        aside.put(&mut storey, &store);
        assert_eq!(storey.properties, whole.properties);
        written.clear();
        aside.write(&storey, &store, &mut written).unwrap();
        assert_eq!(serde_json::from_slice::<Entity>(&written).unwrap(), storey);
    }

    #[test]
    fn what_a_door_declares_is_known_and_what_is_found_joins_its_own() {
        let store = Store::create(&std::env::temp_dir()).unwrap();
        let text = r#"{"id":"d","kind":"door","name":"D","properties":{"Relations":{"fills":["o"]},"Walking":{"a":1,"b":2},"X":{"ClearWidth":0.8}}}"#;
        let mut door: Entity = serde_json::from_str(text).unwrap();
        let mut aside = Aside::default();
        aside.put(&mut door, &store);
        assert_eq!(aside.declared(&door.id), Some(&Declared::of(&whole_of(text))));
        let renamed = [("d".into(), "d~2".into()), ("o".into(), "o~2".into())];
        aside.rename(&Arc::new(renamed.into()));
        door.id = "d~2".into();
        door.properties.insert("Walking".into(), [("b".into(), 3.into())].into());
        let mut written = Vec::new();
        aside.write(&door, &store, &mut written).unwrap();
        let back: Entity = serde_json::from_slice(&written).unwrap();
        let wanted =
            r#"{"Relations":{"fills":["o~2"]},"Walking":{"a":1,"b":3},"X":{"ClearWidth":0.8}}"#;
        assert_eq!(back.properties, serde_json::from_str(wanted).unwrap());
        assert_eq!(aside.declared(&back.id).unwrap().clone(), Declared::of(&whole_of(text)));
    }

    fn whole_of(text: &str) -> twin_model::changes::Properties {
        serde_json::from_str::<Entity>(text).unwrap().properties
    }
}
