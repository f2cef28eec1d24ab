//! What is said of an object: attributes, property sets, type, material, groups.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{
    super::{
        engine::records::{IfcClass, Record},
        properties::{Set, plain},
        scan,
    },
    Reader,
};

/// Materials and layers that are looked at for one name: lists of lists of lists can name
/// more than there is time for.
const MAX_MATERIALS: u32 = 1_000;

impl Reader<'_> {
    /// The attributes people look for, by their names in the schema.
    pub(super) fn attributes(&mut self, object: &scan::Object, record: &Record) -> Set {
        const NAMES: &[&str] = &[
            "LongName",
            "Description",
            "ObjectType",
            "PredefinedType",
            "Tag",
            "Elevation",
            "OverallHeight",
            "OverallWidth",
            "OperationType",
        ];
        let metres = self.properties.metres();
        let mut set = Set::new();
        for name in NAMES {
            let Some(slot) = self.records.slot(&object.class, name) else { continue };
            let Some(value) = record.get(slot) else { continue };
            let value = match (*name, value.as_float()) {
                ("Elevation" | "OverallHeight" | "OverallWidth", Some(length)) => {
                    json!((length * metres * 1e9).round() / 1e9)
                }
                _ => plain(value),
            };
            let blank = value.is_null() || value.as_str().is_some_and(str::is_empty);
            if !blank {
                set.insert((*name).to_owned(), value);
            }
        }
        self.type_attributes(object.id, &mut set);
        self.association_attributes(object.id, &mut set);
        set
    }

    fn type_attributes(&mut self, id: u32, set: &mut Set) {
        let Some(type_object) = self.inventory.types.get(&id) else { return };
        let Some(record) = self.records.get(*type_object) else { return };
        if let Some(name) = record.get_string(2).filter(|name| !name.is_empty()) {
            set.insert("TypeName".into(), json!(name));
        }
        let class = IfcClass::from_keyword(record.ifc_type.as_str());
        let slot = self.records.slot(&class, "PredefinedType");
        let predefined = slot.and_then(|slot| record.get(slot)?.as_enum());
        let undecided = |set: &Set| {
            let own = set.get("PredefinedType").and_then(Json::as_str);
            own.is_none_or(|own| own == "NOTDEFINED")
        };
        if let Some(predefined) = predefined.filter(|_| undecided(set)) {
            set.insert("PredefinedType".into(), json!(predefined));
        }
        // How a door or window moves stands with the type before IFC4, and may do so after.
        let slot = self.records.slot(&class, "OperationType");
        if let Some(operation) = slot.and_then(|slot| record.get(slot)?.as_enum()) {
            set.entry("OperationType".into()).or_insert_with(|| json!(operation));
        }
        // An IFC2x3 device says what it is in the type's ElementType.
        if let Some(text) = record.get_string(8).filter(|text| !text.is_empty()) {
            set.entry("ObjectType".into()).or_insert_with(|| json!(text));
        }
    }

    /// The class that its type says it is, where that is more special: in IFC2x3 a lamp is
    /// an IfcFlowTerminal whose type is an IfcLightFixtureType.
    pub(super) fn special_class(&self, object: &scan::Object) -> Option<IfcClass> {
        let record = self.records.get(*self.inventory.types.get(&object.id)?)?;
        let class = IfcClass::from_keyword(record.ifc_type.as_str().strip_suffix("TYPE")?);
        (class != object.class && class.is_a(object.class.name())).then_some(class)
    }

    fn association_attributes(&self, id: u32, set: &mut Set) {
        let material = self
            .inventory
            .materials
            .get(&id)
            .or_else(|| self.inventory.materials.get(self.inventory.types.get(&id)?));
        let mut room = MAX_MATERIALS;
        if let Some(name) = material.and_then(|material| self.material(*material, 0, &mut room)) {
            set.insert("Material".into(), json!(name));
        }
        let groups = self.inventory.groups.get(&id).into_iter().flatten();
        let names: Vec<Json> = groups
            .filter_map(|group| self.records.get(*group)?.get_string(2).map(|name| json!(name)))
            .collect();
        if !names.is_empty() {
            set.insert("Groups".into(), Json::Array(names));
        }
    }

    /// The name of a material, or those of its layers.
    fn material(&self, id: u32, depth: u32, room: &mut u32) -> Option<String> {
        *room = room.checked_sub(1)?;
        let record = self.records.get(id)?;
        let mut inner = |slots: &[usize]| {
            let ids = slots.iter().flat_map(|&slot| {
                record
                    .get_refs(slot)
                    .or_else(|| Some(vec![record.get_ref(slot)?]))
                    .unwrap_or_default()
            });
            let mut names: Vec<String> =
                ids.filter_map(|id| self.material(id, depth + 1, room)).collect();
            names.dedup();
            (!names.is_empty()).then(|| names.join(", "))
        };
        if depth > 4 {
            return None;
        }
        match record.ifc_type.as_str() {
            "IFCMATERIAL" => record.get_string(0).map(str::to_owned),
            "IFCMATERIALLAYERSETUSAGE"
            | "IFCMATERIALPROFILESETUSAGE"
            | "IFCMATERIALLAYERSET"
            | "IFCMATERIALLIST"
            | "IFCMATERIALLAYER" => inner(&[0]),
            "IFCMATERIALPROFILESET"
            | "IFCMATERIALCONSTITUENTSET"
            | "IFCMATERIALPROFILE"
            | "IFCMATERIALCONSTITUENT" => inner(&[2]),
            _ => None,
        }
    }

    /// Its own sets, and its type's where it does not say otherwise.
    pub(super) fn property_sets(&mut self, id: u32) -> BTreeMap<String, Set> {
        let mut sets = BTreeMap::new();
        if let Some(own) = self.inventory.definitions.get(&id) {
            self.properties.collect(&mut self.records, own, &mut sets);
        }
        let type_object = self.inventory.types.get(&id).and_then(|id| self.records.get(*id));
        if let Some(inherited) = type_object.and_then(|record| record.get_refs(5)) {
            self.properties.collect(&mut self.records, &inherited, &mut sets);
        }
        sets
    }
}
