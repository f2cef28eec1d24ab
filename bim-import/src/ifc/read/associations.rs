//! What is associated with an object: its material with layers, and its classes in the
//! classifications people use.

use std::{collections::BTreeMap, rc::Rc};

use serde_json::{Map, Value as Json, json};

use super::{
    super::{
        engine::records::{IfcClass, Record, Value},
        properties::Set,
    },
    Reader,
};
use crate::sets;

/// Deepest nesting of material sets and of classes in classes; deeper ones are cyclic.
const MAX_DEPTH: u32 = 16;

impl Reader<'_> {
    /// The sets `Material`, `Classification` and `Type`.
    pub(super) fn associations(&mut self, id: u32) -> BTreeMap<String, Set> {
        let mut found = BTreeMap::new();
        let type_id = self.inventory.types.get(&id).copied();
        let material = self.inventory.materials.get(&id);
        let material = material.or_else(|| self.inventory.materials.get(&type_id?)).copied();
        if let Some(material) = material.map(|material| self.material_set(material))
            && !material.is_empty()
        {
            found.insert(sets::MATERIAL.into(), (*material).clone());
        }
        let classes = [Some(id), type_id].into_iter().flatten();
        let classes: Vec<u32> = classes
            .filter_map(|id| self.inventory.classifications.get(&id))
            .flatten()
            .copied()
            .collect();
        let mut set = Set::new();
        for class in classes {
            if let Some(class) = self.class(class) {
                add(&mut set, &class.0, &class.1);
            }
        }
        if !set.is_empty() {
            found.insert(sets::CLASSIFICATION.into(), set);
        }
        if let Some(record) = type_id.and_then(|id| self.records.get(id)) {
            found.insert(sets::TYPE.into(), type_set(&record));
        }
        found
    }

    fn material_set(&mut self, id: u32) -> Rc<Set> {
        if let Some(known) = self.materials.get(&id) {
            return Rc::clone(known);
        }
        let mut set = Set::new();
        self.describe_material(id, 0, &mut set);
        let set = Rc::new(set);
        self.materials.insert(id, Rc::clone(&set));
        set
    }

    /// Layers with thickness, profiles, constituents with fraction, or a plain list.
    fn describe_material(&self, id: u32, depth: u32, set: &mut Set) {
        let Some(record) = self.records.get(id) else { return };
        match record.ifc_type.as_str() {
            "IFCMATERIAL" => {
                for (name, slot) in [("name", 0), ("description", 1), ("category", 2)] {
                    if let Some(text) = record.get_string(slot).filter(|text| !text.is_empty()) {
                        set.insert(name.into(), json!(text));
                    }
                }
            }
            "IFCMATERIALLAYERSETUSAGE"
            | "IFCMATERIALPROFILESETUSAGE"
            | "IFCMATERIALPROFILESETUSAGETAPERING" => {
                if let Some(inner) = record.get_ref(0).filter(|_| depth < MAX_DEPTH) {
                    self.describe_material(inner, depth + 1, set);
                }
            }
            "IFCMATERIALLAYERSET" => self.layers(&record, set),
            "IFCMATERIALPROFILESET" => {
                let profile = |part: &Record| {
                    let profile = self.records.follow(part, 3);
                    let name = profile.as_ref().and_then(|profile| profile.get_string(1));
                    json!({ "material": self.material_name(part, 2), "profile": name })
                };
                set.insert("profiles".into(), self.list(&record, 2, profile));
            }
            "IFCMATERIALCONSTITUENTSET" => {
                let constituent = |part: &Record| {
                    let fraction = part.get(3).and_then(Value::as_float);
                    without_nulls([
                        ("name", json!(part.get_string(0))),
                        ("material", json!(self.material_name(part, 2))),
                        ("fraction", json!(fraction)),
                    ])
                };
                set.insert("constituents".into(), self.list(&record, 2, constituent));
            }
            "IFCMATERIALLIST" => {
                let names = self.list(&record, 0, |part| json!(part.get_string(0)));
                set.insert("materials".into(), names);
            }
            _ => {}
        }
    }

    fn layers(&self, record: &Record, set: &mut Set) {
        let metres = self.properties.metres();
        let thickness = |layer: &Record| Some(tidy(layer.get(1)?.as_float()? * metres));
        let layer = |layer: &Record| {
            let name = layer.get_string(3).filter(|name| !name.is_empty());
            without_nulls([
                ("material", json!(self.material_name(layer, 0))),
                ("thickness_m", json!(thickness(layer))),
                ("name", json!(name)),
            ])
        };
        let layers = self.list(record, 0, layer);
        let thicknesses = layers.as_array().into_iter().flatten();
        let total: f64 = thicknesses.filter_map(|layer| layer["thickness_m"].as_f64()).sum();
        set.insert("thickness_m".into(), json!(tidy(total)));
        set.insert("layers".into(), layers);
        if let Some(name) = record.get_string(1).filter(|name| !name.is_empty()) {
            set.insert("name".into(), json!(name));
        }
    }

    /// Each record that an attribute lists, described.
    fn list(&self, record: &Record, slot: usize, describe: impl Fn(&Record) -> Json) -> Json {
        let ids = record.get_refs(slot).unwrap_or_default();
        ids.into_iter().filter_map(|id| Some(describe(&self.records.get(id)?))).collect()
    }

    fn material_name(&self, part: &Record, slot: usize) -> Option<String> {
        Some(self.records.follow(part, slot)?.get_string(0)?.to_owned())
    }

    /// The name of a classification, and the class in it.
    fn class(&mut self, id: u32) -> Option<Rc<(String, Json)>> {
        if let Some(known) = self.classes.get(&id) {
            return known.clone();
        }
        let class = self.read_class(id).map(Rc::new);
        self.classes.insert(id, class.clone());
        class
    }

    fn read_class(&self, id: u32) -> Option<(String, Json)> {
        let record = self.records.get(id)?;
        let text = |record: &Record, slot: usize| {
            record.get_string(slot).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let mut above = record.clone();
        // A class in a class in a classification.
        for _ in 0..MAX_DEPTH {
            if above.ifc_type.as_str() != "IFCCLASSIFICATIONREFERENCE" {
                break;
            }
            match self.records.follow(&above, 3) {
                Some(next) => above = next,
                None => break,
            }
        }
        let system = (above.ifc_type.as_str() == "IFCCLASSIFICATION")
            .then(|| text(&above, 3).or_else(|| text(&above, 0)));
        let system = system.flatten().unwrap_or_else(|| "Classification".into());
        if record.ifc_type.as_str() != "IFCCLASSIFICATIONREFERENCE" {
            return Some((system, json!(true)));
        }
        let mut fields = Map::new();
        for (name, slot) in [("code", 1), ("name", 2), ("location", 0)] {
            if let Some(text) = text(&record, slot) {
                fields.insert(name.into(), json!(text));
            }
        }
        (!fields.is_empty()).then_some((system, Json::Object(fields)))
    }
}

/// What an object's type is.
fn type_set(record: &Record) -> Set {
    let mut set = Set::new();
    let class = IfcClass::from_keyword(record.ifc_type.as_str());
    set.insert("class".into(), json!(class.name()));
    for (name, slot) in [("global_id", 0), ("name", 2), ("description", 3), ("tag", 7)] {
        if let Some(text) = record.get_string(slot).filter(|text| !text.is_empty()) {
            set.insert(name.into(), json!(text));
        }
    }
    set
}

/// Adds a value under a name; several make a list.
fn add(set: &mut Set, name: &str, value: &Json) {
    match set.get_mut(name) {
        None => {
            set.insert(name.to_owned(), value.clone());
        }
        Some(Json::Array(list)) => {
            if !list.contains(value) {
                list.push(value.clone());
            }
        }
        Some(first) if first != value => *first = json!([first.clone(), value]),
        Some(_) => {}
    }
}

/// Fields that have a value.
fn without_nulls<const N: usize>(fields: [(&str, Json); N]) -> Json {
    let stated = fields.into_iter().filter(|(_, value)| !value.is_null());
    Json::Object(stated.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn tidy(metres: f64) -> f64 {
    (metres * 1e9).round() / 1e9
}
