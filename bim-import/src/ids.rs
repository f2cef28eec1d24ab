//! Ids: made for what has no GlobalId, shared or told apart where several sources use one.

pub(crate) mod kept;

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::{HashMap, HashSet};
use sha2::{Digest, Sha256};
use twin_model::{Entity, EntityId};

use crate::{
    federation::Federation,
    imported::{Imported, Note, Severity},
    sets::RELATIONS,
};

/// Letters of an id that is made here, the `x` among them.
const MADE_LETTERS: usize = 22;

/// `x` and 21 letters from the file's name and the thing's path in it: the same again
/// when the file is imported again, wherever it lies.
pub fn derived(file_name: &str, path: &str) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(file_name.as_bytes());
    hash.update([0]);
    hash.update(path.as_bytes());
    EntityId::new(format!("x{}", &base64url(&hash.finalize())[..21]))
}

/// Whether an entity's id was made here. Ids that files give stand beside them: as GlobalId
/// or among the tags.
pub(crate) fn is_made(id: &str, global_id: Option<&str>, tags: &[String]) -> bool {
    let letters = id.split('~').next().unwrap_or_default();
    letters.len() == MADE_LETTERS
        && letters.starts_with('x')
        && global_id.is_none()
        && tags.iter().all(|tag| tag != id)
}

/// Whether a text can be a GlobalId: letters of those, and of the ids that programs write in
/// their place. Others, such as paths, never become ids.
pub(crate) fn is_global_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_$-{}".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// What an id was before it was numbered here: of `id~2`, `id`.
pub(crate) fn unnumbered(id: &str) -> Option<&str> {
    let (id, number) = id.rsplit_once('~')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(id)
}

/// A thing by class and name, for the report.
pub(crate) fn described(class: &str, name: &str) -> String {
    let name = name.replace(char::is_control, " ");
    if name.is_empty() { format!("{class} without name") } else { format!("{class} {name:?}") }
}

/// As much of a hash as tells things of one file apart.
pub(crate) fn short(hash: &[u8]) -> [u8; 16] {
    hash.first_chunk().copied().unwrap_or_default()
}

/// The name under which an id that is taken already is used again: `id~2`, `id~3`, …
pub(crate) fn unused(id: &str, is_taken: impl Fn(&str) -> bool) -> EntityId {
    if !is_taken(id) {
        return EntityId::from(id);
    }
    let numbered = (2u32..).map(|n| format!("{id}~{n}")).find(|candidate| !is_taken(candidate));
    EntityId::new(numbered.unwrap_or_default())
}

/// The ids of one file: whatever is wanted twice is numbered. Unlike [`unused`], it does
/// not count from two again each time, so a file of one id only takes no longer.
#[derive(Default)]
pub(crate) struct Taken {
    ids: HashSet<EntityId>,
    /// The last number that was given, by what was wanted.
    last: HashMap<EntityId, u32>,
}

impl Taken {
    /// Takes an id that is nobody else's.
    pub(crate) fn reserve(&mut self, id: &EntityId) {
        self.ids.insert(id.clone());
    }

    /// An id like the wanted one that nothing else has, now taken.
    pub(crate) fn take(&mut self, wanted: &str) -> EntityId {
        let wanted = EntityId::from(wanted);
        let mut id = wanted.clone();
        while self.ids.contains(&id) {
            let last = self.last.entry(wanted.clone()).or_insert(1);
            *last += 1;
            id = EntityId::new(format!("{wanted}~{last}"));
        }
        self.ids.insert(id.clone());
        id
    }
}

/// Merges what an earlier source shares, and renames what it merely uses too.
pub(crate) fn make_unique(imported: &mut Imported, federation: &Federation, notes: &mut Vec<Note>) {
    let mut renamed = federation.merge(imported, notes);
    imported.entities.retain(|entity| !renamed.contains_key(&entity.id));
    // What an earlier source draws is drawn once.
    imported.meshes.retain(|mesh| !renamed.contains_key(&mesh.entity));
    imported.stored.retain(|mesh| !renamed.contains_key(&mesh.entity));
    imported.aside.forget(&renamed);
    imported.floors.retain(|space, _| !renamed.contains_key(space));
    let is_taken = |id: &str| federation.known.contains_key(id);
    for entity in &imported.entities {
        if let Some(other) = federation.known.get(&entity.id) {
            let id = unused(entity.id.as_str(), is_taken);
            let reason = format!(
                "its id is used by an earlier source; it is kept as {id}: there it is {}",
                described(&other.class, &other.name)
            );
            notes.push(Note::element(Severity::Info, entity.id.as_str(), class(entity), reason));
            renamed.insert(entity.id.clone(), id);
        }
    }
    rename_all(imported, &Arc::new(renamed));
}

/// One text for all that are the same: classes repeat, and scenes have many elements.
pub(crate) fn one_text(known: &mut HashSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(known) = known.get(text) {
        return Arc::clone(known);
    }
    let text = Arc::<str>::from(text);
    known.insert(Arc::clone(&text));
    text
}

/// IFC class, or kind where there is none.
pub(crate) fn class(entity: &Entity) -> &str {
    entity.ifc_class.as_deref().unwrap_or(entity.kind.as_str())
}

fn rename_all(imported: &mut Imported, renamed: &Arc<HashMap<EntityId, EntityId>>) {
    if renamed.is_empty() {
        return;
    }
    let rename = |id: &mut EntityId| {
        if let Some(new) = renamed.get(id) {
            *id = new.clone();
        }
    };
    for entity in &mut imported.entities {
        rename(&mut entity.id);
        entity.parent.iter_mut().for_each(rename);
        entity.storey.iter_mut().for_each(rename);
        if let Some(relations) = entity.properties.get_mut(RELATIONS) {
            rename_relations(relations, renamed);
        }
    }
    for mesh in &mut imported.meshes {
        rename(&mut mesh.entity);
        mesh.storey.iter_mut().for_each(rename);
    }
    imported.aside.rename(renamed);
    for mesh in &mut imported.stored {
        rename(&mut mesh.entity);
        mesh.storey.iter_mut().for_each(rename);
    }
    for boundary in &mut imported.boundaries {
        rename(&mut boundary.space);
        rename(&mut boundary.element);
    }
    imported.footing.rename(rename);
    imported.fillings = imported
        .fillings
        .drain()
        .map(|(mut filling, mut opening)| {
            rename(&mut filling);
            rename(&mut opening);
            (filling, opening)
        })
        .collect();
    imported.passages.iter_mut().for_each(rename);
    for measured in &mut imported.measured {
        // A GlobalId stays one, whatever the entity is called in the scene.
        let made = Some(&mut measured.global_id).filter(|id| is_made(id, None, &[]));
        if let Some(id) = made
            && let Some(new) = renamed.get(id.as_str())
        {
            *id = new.to_string();
        }
    }
    imported.floors = imported
        .floors
        .drain()
        .map(|(mut id, floor)| {
            rename(&mut id);
            (id, floor)
        })
        .collect();
}

/// Gives the entities that another one's relations name their new ids.
pub(crate) fn rename_relations(
    relations: &mut BTreeMap<String, serde_json::Value>,
    renamed: &HashMap<EntityId, EntityId>,
) {
    for id in relations.values_mut().filter_map(serde_json::Value::as_array_mut).flatten() {
        if let Some(new) = id.as_str().and_then(|id| renamed.get(id)) {
            *id = new.as_str().into();
        }
    }
}

/// Lower-case hex of a hash.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |chunk: &[u8]| {
        let number = chunk.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        (0..=chunk.len())
            .map(|place| char::from(LETTERS[(number >> (18 - 6 * place) & 63) as usize]))
            .collect::<Vec<_>>()
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use twin_model::{Entity, EntityKind};

    use super::*;

    #[test]
    fn derived_ids_repeat_and_differ() {
        let id = derived("a.geojson", "7/0");
        assert_eq!(id, derived("a.geojson", "7/0"));
        assert_ne!(id, derived("a.geojson", "7/1"));
        assert_ne!(id, derived("b.geojson", "7/0"));
        assert_eq!(id.as_str().len(), 22);
        assert_eq!(base64url(b"\x14\xfb\x9c\x03\xd9\x7e"), "FPucA9l-");
        assert!(is_global_id("2O2Fr$t4X7Zf8NOew3FL_D") && is_global_id("{9-a}"));
        assert!(!["", "../../etc/passwd", "a b", "a~2", "é"].into_iter().any(is_global_id));
        assert_eq!(unused("a", |id| ["a", "a~2"].contains(&id)).as_str(), "a~3");
    }

    fn entity(id: &str, parent: Option<&str>, kind: EntityKind) -> Entity {
        Entity {
            id: id.into(),
            parent: parent.map(EntityId::from),
            kind,
            ifc_class: None,
            global_id: Some(id.to_owned()),
            name: String::new(),
            storey: None,
            bbox: None,
            properties: Default::default(),
            tags: Vec::new(),
            source: 0,
        }
    }

    #[test]
    fn federated_files_share_their_site_and_other_ids_are_told_apart() {
        let mut taken = Federation::default();
        let mut notes = Vec::new();
        let file = || Imported {
            entities: vec![
                entity("site", None, EntityKind::Site),
                entity("wall", Some("site"), EntityKind::Element),
            ],
            ..Imported::default()
        };
        let (mut first, mut second) = (file(), file());
        make_unique(&mut first, &taken, &mut notes);
        assert!(notes.is_empty());
        taken.add(&first);
        make_unique(&mut second, &taken, &mut notes);
        taken.add(&second);
        let ids: Vec<&str> = second.entities.iter().map(|entity| entity.id.as_str()).collect();
        assert_eq!(ids, ["wall~2"]);
        assert_eq!(second.entities[0].parent, Some("site".into()));
        assert_eq!(notes.len(), 2, "the merged site and the renamed wall are both reported");

        // The same id for another kind of thing is a clash, not the same thing.
        let mut third = Imported {
            entities: vec![entity("site", None, EntityKind::Building)],
            ..Imported::default()
        };
        make_unique(&mut third, &taken, &mut notes);
        assert_eq!(third.entities[0].id.as_str(), "site~2");
        let reason = &notes[2].reason;
        assert!(reason.ends_with("kept as site~2: there it is site without name"), "{reason}");
    }

    #[test]
    fn an_element_that_two_exports_hold_in_one_place_stands_once() {
        let element = |id: &str, class: &str, x_m: f64| Entity {
            ifc_class: Some(class.into()),
            bbox: Some(twin_model::BoundingBox { min: [x_m; 3], max: [x_m + 1.0; 3] }),
            name: "W".into(),
            ..entity(id, None, EntityKind::Element)
        };
        let file = |entities: Vec<Entity>| Imported { entities, ..Imported::default() };
        let mut taken = Federation::default();
        taken.add(&file(["a", "b", "c"].map(|id| element(id, "IfcWall", 0.0)).into()));
        let mut second = file(vec![
            element("a", "IfcWall", 0.04),
            element("b", "IfcWall", 0.2),
            element("c", "IfcSlab", 0.0),
            Entity { parent: Some("a".into()), ..element("d", "IfcDoor", 0.0) },
        ]);
        let mut notes = Vec::new();
        make_unique(&mut second, &taken, &mut notes);
        let ids: Vec<&str> = second.entities.iter().map(|entity| entity.id.as_str()).collect();
        assert_eq!(ids, ["b~2", "c~2", "d"]);
        assert_eq!(second.entities[2].parent, Some("a".into()));
        assert!(notes[0].reason.starts_with("it is a of an earlier source"), "{notes:?}");
        assert_eq!((notes.len(), notes[0].name.as_deref()), (3, Some("W")));
    }
}
