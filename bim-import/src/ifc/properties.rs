//! Property sets and quantities as JSON, every measure in SI units.

use std::{collections::BTreeMap, rc::Rc};

use hashbrown::HashMap;
use serde_json::{Value as Json, json};

use super::{
    engine::records::{IfcClass, Record, Records, Value},
    units::{self, Unit, Units},
};
use crate::sets;

/// Properties by name.
pub(super) type Set = BTreeMap<String, Json>;

/// Deepest nesting of complex properties; deeper ones are cyclic.
const MAX_DEPTH: u32 = 8;
/// Properties of one set, those in complex ones among them: such that hold each other can
/// name more than there is time for.
const MAX_PROPERTIES: u32 = 100_000;

/// Reads the sets of one file; each is read once and shared by its objects.
pub(super) struct Properties {
    units: Units,
    sets: HashMap<u32, Option<Rc<Named>>>,
}

/// A set, and what reading it cost.
struct Named {
    name: String,
    set: Set,
    cost: u64,
}

impl Properties {
    /// A reader with the project's units.
    pub(super) fn new(units: Units) -> Self {
        Self { units, sets: HashMap::new() }
    }

    /// What a length in the project's unit is in metres.
    pub(super) fn metres(&self) -> f64 {
        self.units.metres()
    }

    /// Adds the sets with these instance names; the first to give a value keeps it.
    pub(super) fn collect(
        &mut self,
        records: &mut Records<'_>,
        definitions: &[u32],
        into: &mut BTreeMap<String, Set>,
    ) {
        for &id in definitions {
            let Some(found) = self.set(records, id) else { continue };
            // A copy is as large as what was read, and everything may refer to one set.
            if !records.spend(found.cost) {
                return;
            }
            let set = into.entry(found.name.clone()).or_default();
            for (name, value) in &found.set {
                set.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    fn set(&mut self, records: &mut Records<'_>, id: u32) -> Option<Rc<Named>> {
        if let Some(known) = self.sets.get(&id) {
            return known.clone();
        }
        let before = records.spent();
        let read = records.get(id).and_then(|record| self.read_set(records, &record));
        let cost = records.spent() - before;
        let read = read.map(|(name, set)| {
            let name = sets::of_file(&name);
            Rc::new(Named { name, set, cost })
        });
        self.sets.insert(id, read.clone());
        read
    }

    fn read_set(&self, records: &mut Records<'_>, record: &Record) -> Option<(String, Set)> {
        let class = record.ifc_type.as_str();
        let slot = match class {
            "IFCPROPERTYSET" => 4,
            "IFCELEMENTQUANTITY" => 5,
            _ => return self.predefined_set(records, record),
        };
        let name = record.get_string(2).filter(|name| !name.is_empty());
        let fallback = if slot == 4 { "Properties" } else { "Quantities" };
        let mut set = Set::new();
        let mut room = MAX_PROPERTIES;
        for id in record.get_refs(slot).unwrap_or_default() {
            let property = records.get(id).and_then(|p| self.property(records, &p, 0, &mut room));
            if let Some((name, value)) = property {
                set.entry(name).or_insert(value);
            }
        }
        (!set.is_empty()).then(|| (name.unwrap_or(fallback).to_owned(), set))
    }

    /// Sets whose properties are attributes: the lining and panels of doors and windows.
    fn predefined_set(&self, records: &mut Records<'_>, record: &Record) -> Option<(String, Set)> {
        let class = IfcClass::from_keyword(record.ifc_type.as_str());
        let known = ["IfcDoorLining", "IfcDoorPanel", "IfcWindowLining", "IfcWindowPanel"];
        if !known.iter().any(|start| class.name().starts_with(start)) {
            return None;
        }
        // Those that are not ratios of the whole.
        let is_length = |name: &str| {
            ["Depth", "Thickness"].iter().any(|end| name.ends_with(end))
                || matches!(name, "LiningOffset" | "ThresholdOffset" | "CasingOffset")
        };
        let metres = self.metres();
        let mut set = Set::new();
        for (slot, name) in records.attribute_names(&class).iter().enumerate().skip(4) {
            let Some(value) = record.get(slot) else { continue };
            let value = match value.as_float() {
                Some(length) if is_length(name) => number(length * metres).unwrap_or(Json::Null),
                _ => plain(value),
            };
            if !value.is_null() {
                set.insert((*name).to_owned(), value);
            }
        }
        (!set.is_empty()).then(|| (class.name().to_owned(), set))
    }

    fn property(
        &self,
        records: &Records<'_>,
        record: &Record,
        depth: u32,
        room: &mut u32,
    ) -> Option<(String, Json)> {
        *room = room.checked_sub(1)?;
        let name = record.get_string(0)?.to_owned();
        let value = match record.ifc_type.as_str() {
            "IFCPROPERTYSINGLEVALUE" | "IFCPROPERTYLISTVALUE" => {
                self.measure(records, record.get(2)?, record.get_ref(3))
            }
            "IFCPROPERTYENUMERATEDVALUE" => {
                let unit = records.follow(record, 3).and_then(|list| list.get_ref(2));
                self.measure(records, record.get(2)?, unit)
            }
            "IFCPROPERTYBOUNDEDVALUE" => {
                let bound = |slot| {
                    record.get(slot).map(|value| self.measure(records, value, record.get_ref(4)))
                };
                without_nulls(json!({
                    "upper": bound(2), "lower": bound(3), "set_point": bound(5)
                }))
            }
            "IFCPROPERTYTABLEVALUE" => {
                let column = |slot, unit| {
                    let unit = record.get_ref(unit);
                    record.get(slot).map(|value| self.measure(records, value, unit))
                };
                json!({ "defining": column(2, 5), "defined": column(3, 6) })
            }
            "IFCPROPERTYREFERENCEVALUE" => referred(&records.follow(record, 3)?),
            "IFCCOMPLEXPROPERTY" | "IFCPHYSICALCOMPLEXQUANTITY" if depth < MAX_DEPTH => {
                let slot = if record.ifc_type.as_str() == "IFCCOMPLEXPROPERTY" { 3 } else { 2 };
                let parts = record.get_refs(slot).unwrap_or_default();
                let inner = parts
                    .into_iter()
                    .filter_map(|id| self.property(records, &records.get(id)?, depth + 1, room));
                Json::Object(inner.collect())
            }
            class => self.quantity(records, record, class)?,
        };
        (!value.is_null()).then_some((name, value))
    }

    fn quantity(&self, records: &Records<'_>, record: &Record, class: &str) -> Option<Json> {
        let kind = match class {
            "IFCQUANTITYLENGTH" => "LENGTHUNIT",
            "IFCQUANTITYAREA" => "AREAUNIT",
            "IFCQUANTITYVOLUME" => "VOLUMEUNIT",
            "IFCQUANTITYWEIGHT" => "MASSUNIT",
            "IFCQUANTITYTIME" => "TIMEUNIT",
            "IFCQUANTITYCOUNT" | "IFCQUANTITYNUMBER" => "",
            _ => return None,
        };
        let value = record.get(3)?.as_float()?;
        let own = record.get_ref(2).and_then(|unit| units::named(records, unit));
        number(own.unwrap_or_else(|| self.units.of_kind(kind)).si(value))
    }

    /// A value as JSON, measures in SI units.
    fn measure(&self, records: &Records<'_>, value: &Value, unit: Option<u32>) -> Json {
        match value {
            Value::Typed { name, value } => {
                let Some(declared) = self.units.of_measure(name) else { return plain(value) };
                let unit = unit.and_then(|unit| units::named(records, unit)).unwrap_or(declared);
                si(value, unit)
            }
            Value::List(items) => {
                items.iter().map(|item| self.measure(records, item, unit)).collect()
            }
            other => plain(other),
        }
    }
}

/// A number, or several, in SI units.
fn si(value: &Value, unit: Unit) -> Json {
    match value {
        Value::List(items) => items.iter().map(|item| si(item, unit)).collect(),
        other => match other.as_float() {
            Some(value) => number(unit.si(value)).unwrap_or(Json::Null),
            None => plain(other),
        },
    }
}

/// Bounds that are not stated are not written.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(fields) => {
            Json::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
        }
        other => other,
    }
}

/// What a property refers to: its first text, a material's or a person's name.
fn referred(record: &Record) -> Json {
    let text = (0..8).find_map(|slot| record.get_string(slot).filter(|text| !text.is_empty()));
    let class = IfcClass::from_keyword(record.ifc_type.as_str());
    json!(text.unwrap_or(class.name()))
}

fn number(value: f64) -> Option<Json> {
    // Twelve significant digits: what a conversion leaves behind the twelfth is noise.
    let tidy: f64 = format!("{value:.11e}").parse().ok()?;
    serde_json::Number::from_f64(tidy).map(Json::Number)
}

/// A value without unit as JSON.
pub(super) fn plain(value: &Value) -> Json {
    match value {
        Value::String(text) | Value::Binary(text) => Json::String(text.clone()),
        Value::Integer(integer) => json!(integer),
        Value::Float(float) => {
            serde_json::Number::from_f64(*float).map_or(Json::Null, Json::Number)
        }
        Value::Enum(name) => match name.as_str() {
            "T" => Json::Bool(true),
            "F" => Json::Bool(false),
            "U" => Json::Null,
            other => Json::String(other.to_owned()),
        },
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Typed { value, .. } => plain(value),
        Value::EntityRef(_) | Value::Null | Value::Derived => Json::Null,
    }
}
