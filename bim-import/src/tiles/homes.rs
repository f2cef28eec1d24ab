//! Which building a thing belongs to: what its tile stands under.

use rustc_hash::FxHashMap;
use twin_model::{Entity, EntityId, EntityKind};

use super::slot::Slot;

/// Parents that are climbed at most; a file may have gone in circles.
const MAX_CLIMB: usize = 64;

/// Buildings by the storeys in them, and by what stands in no storey.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes(FxHashMap<EntityId, EntityId>);

impl Homes {
    /// From the entities of a scene.
    pub(crate) fn of(entities: &[Entity]) -> Self {
        let asked = |entity: &&Entity| entity.kind == EntityKind::Storey || entity.storey.is_none();
        let asked = || entities.iter().filter(asked);
        let up: FxHashMap<&EntityId, &Entity> =
            asked().map(|entity| (&entity.id, entity)).collect();
        let building = |entity: &Entity| {
            let parent = |entity: &&Entity| up.get(entity.parent.as_ref()?).copied();
            let mut above = std::iter::successors(up.get(entity.parent.as_ref()?).copied(), parent);
            above.by_ref().take(MAX_CLIMB).find(|above| above.kind == EntityKind::Building)
        };
        let found =
            asked().filter_map(|entity| Some((entity.id.clone(), building(entity)?.id.clone())));
        Self(found.collect())
    }

    /// The building a slot's entity stands in.
    pub(super) fn building(&self, slot: &Slot) -> Option<&EntityId> {
        let storey = slot.storey().and_then(|storey| self.0.get(storey));
        storey.or_else(|| self.0.get(&slot.entity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storey_knows_its_building_and_a_circle_ends() {
        let line = |id: &str, kind: &str, parent: &str| -> Entity {
            let text = format!(r#"{{"id":"{id}","kind":"{kind}","parent":"{parent}","source":0}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let homes = Homes::of(&[
            line("b", "building", "site"),
            line("s", "storey", "b"),
            line("lift", "lift", "b"),
            line("one", "site", "two"),
            line("two", "site", "one"),
            line("tree", "green", "one"),
        ]);
        let home = |id: &str| homes.0.get(id).map(EntityId::as_str);
        assert_eq!((home("s"), home("lift")), (Some("b"), Some("b")));
        assert_eq!((home("b"), home("tree")), (None, None));
    }
}
