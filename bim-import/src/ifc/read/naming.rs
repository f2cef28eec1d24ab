//! Ids for the objects of a file: GlobalIds, and what takes their place where a file gives
//! none or gives one to several.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use twin_model::EntityId;

use super::super::{
    contents::Contents,
    engine::records::{Record, Records},
    scan::{Inventory, Object},
};
use crate::ids;

/// Containers without GlobalId that are looked at above an object without one.
const MAX_ABOVE: usize = 64;

/// What an object is called.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) id: EntityId,
    /// The first of those with its GlobalId, where it is not the one that keeps it.
    pub(super) first: Option<usize>,
}

/// An id for every object, unique in the file.
///
/// It depends on nothing but the object and what holds it: not on the other objects, their
/// order, or the numbers of records. Only what cannot be told apart at all is counted.
pub(super) fn names(
    records: &mut Records<'_>,
    inventory: &Inventory,
    file_name: &str,
) -> Vec<Name> {
    let objects = &inventory.objects;
    let global_ids: Vec<Option<EntityId>> = objects
        .iter()
        .map(|object| {
            let record = records.get(object.id)?;
            record.get_string(0).filter(|id| ids::is_global_id(id)).map(EntityId::from)
        })
        .collect();
    let mut uses: HashMap<&EntityId, u32> = HashMap::with_capacity(objects.len());
    global_ids.iter().flatten().for_each(|id| *uses.entry(id).or_default() += 1);
    // Those that need more than their GlobalId, by it.
    let mut shared: BTreeMap<Option<&EntityId>, Vec<usize>> = BTreeMap::new();
    for (place, id) in global_ids.iter().enumerate() {
        if id.as_ref().is_none_or(|id| uses[id] > 1) {
            shared.entry(id.as_ref()).or_default().push(place);
        }
    }
    let own =
        |id: &Option<EntityId>| Name { id: id.clone().unwrap_or_else(|| "".into()), first: None };
    let mut names: Vec<Name> = global_ids.iter().map(own).collect();
    if shared.is_empty() {
        return names;
    }
    let mut taken = ids::Taken::default();
    uses.iter().filter(|(_, uses)| **uses == 1).for_each(|(id, _)| taken.reserve(id));
    let mut traits = Traits::new(records, objects, inventory, &global_ids);
    for (global_id, places) in shared {
        // What holds others keeps its GlobalId before what stands in it.
        let mut marks: Vec<(bool, [u8; 16], usize)> = places
            .into_iter()
            .map(|place| (!is_place(&objects[place]), traits.of(place, 0), place))
            .collect();
        marks.sort_unstable();
        let first = marks[0].2;
        let mut alike = 0u32;
        let mut before = None;
        for (_, mark, place) in marks {
            alike = if before == Some(mark) { alike + 1 } else { 1 };
            before = Some(mark);
            let wanted = match global_id {
                Some(id) => id.clone(),
                None => ids::derived(file_name, &format!("{}/{alike}", ids::hex(&mark))),
            };
            let id = taken.take(wanted.as_str());
            let first = (global_id.is_some() && id != wanted).then_some(first);
            names[place] = Name { id, first };
        }
    }
    names
}

/// Whether it is a project, site, building, storey or space.
fn is_place(object: &Object) -> bool {
    object.class.is_a("IfcSpatialStructureElement") || object.class.name() == "IfcProject"
}

/// What tells objects apart that have no GlobalId of their own.
struct Traits<'a, 'b> {
    records: &'a mut Records<'b>,
    objects: &'a [Object],
    inventory: &'a Inventory,
    global_ids: &'a [Option<EntityId>],
    places: HashMap<u32, usize>,
    contents: Contents,
    known: HashMap<usize, [u8; 16]>,
}

impl<'a, 'b> Traits<'a, 'b> {
    fn new(
        records: &'a mut Records<'b>,
        objects: &'a [Object],
        inventory: &'a Inventory,
        global_ids: &'a [Option<EntityId>],
    ) -> Self {
        let places = objects.iter().enumerate().map(|(at, object)| (object.id, at)).collect();
        let (contents, known) = (Contents::default(), HashMap::new());
        Self { records, objects, inventory, global_ids, places, contents, known }
    }

    /// A hash of class, name, tag, container, placement in it, and shape.
    fn of(&mut self, place: usize, above: usize) -> [u8; 16] {
        if let Some(known) = self.known.get(&place) {
            return *known;
        }
        let object = &self.objects[place];
        let record = self.records.get(object.id);
        let is_product = object.class.is_a("IfcProduct");
        let tag = self.records.slot(&object.class, "Tag");
        let mut hash = Sha256::new();
        let text = |slot: Option<usize>| -> &str {
            record.as_ref().zip(slot).and_then(|(r, slot)| r.get_string(slot)).unwrap_or_default()
        };
        for part in [object.class.name(), text(Some(2)), text(tag)] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(self.container(object.id, place, above));
        for slot in [5, 6] {
            let reference = |record: &Record| record.get_ref(slot);
            let part = record.as_ref().filter(|_| is_product).and_then(reference);
            hash.update(part.map_or([0; 16], |part| self.contents.of(self.records, part)));
        }
        let mark = ids::short(&hash.finalize());
        self.known.insert(place, mark);
        mark
    }

    /// What the container of an object is known by.
    fn container(&mut self, id: u32, own: usize, above: usize) -> [u8; 16] {
        let container = self.inventory.parent(id).and_then(|id| self.places.get(&id)).copied();
        let Some(container) = container.filter(|&container| container != own) else {
            return [0; 16];
        };
        match &self.global_ids[container] {
            Some(global_id) => ids::short(&Sha256::digest(global_id.as_str().as_bytes())),
            None if above < MAX_ABOVE => self.of(container, above + 1),
            None => [0; 16],
        }
    }
}
