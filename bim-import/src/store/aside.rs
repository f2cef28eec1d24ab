//! Property sets in the store: nothing between reading an entity and writing it asks for
//! those of walls, pipes and furniture, and they are most of what an entity weighs.

use std::{collections::BTreeMap, io, sync::Arc};

use hashbrown::HashMap;
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::value::RawValue;
use twin_model::{Entity, EntityId, EntityKind};

use super::{Span, Store};
use crate::ids;

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
}

/// An entity with the properties that were put aside.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    entity: &'a Entity,
    properties: &'a RawValue,
}

impl Aside {
    /// Moves the properties of an entity into the store, if nobody will ask for them.
    pub(crate) fn put(&mut self, entity: &mut Entity, store: &Store) {
        if entity.properties.is_empty() || is_asked(entity) {
            return;
        }
        if let Ok(text) = serde_json::to_vec(&entity.properties) {
            entity.properties.clear();
            let placed = Placed { span: store.push(&text), renamed: None };
            self.spans.insert(entity.id.clone(), placed);
        }
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
        if let Some(renamed) = &placed.renamed {
            let mut properties: BTreeMap<_, _> = serde_json::from_slice(&text)?;
            ids::rename_relations(&mut properties, renamed);
            // What was found since, as always.
            properties.extend(entity.properties.clone());
            let whole = Entity { properties, ..entity.clone() };
            return Ok(serde_json::to_writer(out, &whole)?);
        }
        if !entity.properties.is_empty() {
            // It has got more in the meantime.
            let mut whole = entity.clone();
            whole.properties.append(&mut serde_json::from_slice(&text)?);
            return Ok(serde_json::to_writer(out, &whole)?);
        }
        let properties = serde_json::from_slice::<&RawValue>(&text)?;
        Ok(serde_json::to_writer(out, &Line { entity, properties })?)
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

/// Whether the walking graph looks at what is stated of an entity: of places, of ways
/// from one to another, and of what is cut out of walls.
fn is_asked(entity: &Entity) -> bool {
    use EntityKind::{Building, Door, Lift, Project, Ramp, Site, Space, Stair, Storey, Zone};
    matches!(
        entity.kind,
        Project | Site | Building | Storey | Space | Zone | Door | Stair | Ramp | Lift
    ) || entity.ifc_class.as_deref().is_some_and(|class| class.starts_with("IfcOpening"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_gets_its_properties_back_and_a_door_keeps_them() {
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

        let mut door = Entity { kind: EntityKind::Door, ..whole.clone() };
        aside.put(&mut door, &store);
        assert_eq!(door.properties, whole.properties);
        written.clear();
        aside.write(&door, &store, &mut written).unwrap();
        assert_eq!(serde_json::from_slice::<Entity>(&written).unwrap(), door);
    }
}
