//! Property sets and quantities as JSON, lengths, areas and volumes in metres.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use serde_json::{Value as Json, json};

use super::engine::records::{ProjectUnits, Record, Records, Value};

/// Properties by name.
pub(super) type Set = BTreeMap<String, Json>;

/// Deepest nesting of complex properties; deeper ones are cyclic.
const MAX_DEPTH: u32 = 8;

/// Reads the sets of one file; each is read once and shared by its objects.
pub(super) struct Properties {
    units: ProjectUnits,
    sets: HashMap<u32, Option<Rc<(String, Set)>>>,
}

impl Properties {
    /// A reader with the project's units.
    pub(super) fn new(units: ProjectUnits) -> Self {
        Self { units, sets: HashMap::new() }
    }

    /// What a length in the project's unit is in metres.
    pub(super) fn metres(&self) -> f64 {
        self.units.resolved_for_unit_type("LENGTHUNIT").map_or(1.0, |unit| unit.si_scale)
    }

    /// Adds the sets with these instance names; the first to give a value keeps it.
    pub(super) fn collect(
        &mut self,
        records: &Records<'_>,
        definitions: &[u32],
        into: &mut BTreeMap<String, Set>,
    ) {
        for &id in definitions {
            let Some(found) = self.set(records, id) else { continue };
            let set = into.entry(found.0.clone()).or_default();
            for (name, value) in &found.1 {
                set.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    fn set(&mut self, records: &Records<'_>, id: u32) -> Option<Rc<(String, Set)>> {
        if let Some(known) = self.sets.get(&id) {
            return known.clone();
        }
        let read = records.get(id).and_then(|record| self.read_set(records, &record));
        let read = read.map(Rc::new);
        self.sets.insert(id, read.clone());
        read
    }

    fn read_set(&self, records: &Records<'_>, record: &Record) -> Option<(String, Set)> {
        let class = record.ifc_type.as_str();
        let slot = match class {
            "IFCPROPERTYSET" => 4,
            "IFCELEMENTQUANTITY" => 5,
            _ => return None,
        };
        let name = record.get_string(2).filter(|name| !name.is_empty());
        let fallback = if slot == 4 { "Properties" } else { "Quantities" };
        let mut set = Set::new();
        for id in record.get_refs(slot).unwrap_or_default() {
            if let Some((name, value)) = records.get(id).and_then(|p| self.property(records, &p, 0))
            {
                set.entry(name).or_insert(value);
            }
        }
        (!set.is_empty()).then(|| (name.unwrap_or(fallback).to_owned(), set))
    }

    fn property(
        &self,
        records: &Records<'_>,
        record: &Record,
        depth: u32,
    ) -> Option<(String, Json)> {
        let name = record.get_string(0)?.to_owned();
        let value = match record.ifc_type.as_str() {
            "IFCPROPERTYSINGLEVALUE" => self.measure(records, record.get(2)?, record.get_ref(3)),
            "IFCPROPERTYENUMERATEDVALUE" | "IFCPROPERTYLISTVALUE" => {
                self.measure(records, record.get(2)?, record.get_ref(3))
            }
            "IFCPROPERTYBOUNDEDVALUE" => {
                let bound = |slot| {
                    record.get(slot).map(|value| self.measure(records, value, record.get_ref(4)))
                };
                json!({ "upper": bound(2), "lower": bound(3), "set_point": bound(5) })
            }
            "IFCPROPERTYTABLEVALUE" => {
                let column =
                    |slot| record.get(slot).map(|value| self.measure(records, value, None));
                json!({ "defining": column(2), "defined": column(3) })
            }
            "IFCCOMPLEXPROPERTY" | "IFCPHYSICALCOMPLEXQUANTITY" if depth < MAX_DEPTH => {
                let slot = if record.ifc_type.as_str() == "IFCCOMPLEXPROPERTY" { 3 } else { 2 };
                let parts = record.get_refs(slot).unwrap_or_default();
                let inner = parts
                    .into_iter()
                    .filter_map(|id| self.property(records, &records.get(id)?, depth + 1));
                Json::Object(inner.collect())
            }
            class => self.quantity(records, record, class)?,
        };
        (!value.is_null()).then_some((name, value))
    }

    fn quantity(&self, records: &Records<'_>, record: &Record, class: &str) -> Option<Json> {
        let unit_type = match class {
            "IFCQUANTITYLENGTH" => "LENGTHUNIT",
            "IFCQUANTITYAREA" => "AREAUNIT",
            "IFCQUANTITYVOLUME" => "VOLUMEUNIT",
            "IFCQUANTITYWEIGHT" => "MASSUNIT",
            "IFCQUANTITYTIME" => "TIMEUNIT",
            "IFCQUANTITYCOUNT" | "IFCQUANTITYNUMBER" => "",
            _ => return None,
        };
        let value = record.get(3)?.as_float()?;
        number(value * self.scale(records, unit_type, record.get_ref(2)))
    }

    /// A value as JSON, with lengths, areas and volumes in SI units.
    fn measure(&self, records: &Records<'_>, value: &Value, unit: Option<u32>) -> Json {
        match value {
            Value::Typed { name, value } => {
                let unit_type = match &**name {
                    "IFCLENGTHMEASURE"
                    | "IFCPOSITIVELENGTHMEASURE"
                    | "IFCNONNEGATIVELENGTHMEASURE" => "LENGTHUNIT",
                    "IFCAREAMEASURE" => "AREAUNIT",
                    "IFCVOLUMEMEASURE" => "VOLUMEUNIT",
                    _ => return self.measure(records, value, None),
                };
                let scale = self.scale(records, unit_type, unit);
                value.as_float().and_then(|value| number(value * scale)).unwrap_or(Json::Null)
            }
            Value::List(items) => {
                items.iter().map(|item| self.measure(records, item, unit)).collect()
            }
            other => plain(other),
        }
    }

    fn scale(&self, records: &Records<'_>, unit_type: &str, unit: Option<u32>) -> f64 {
        if let Some(scale) = unit.and_then(|unit| own_unit(records, unit)) {
            return scale;
        }
        let declared = self.units.resolved_for_unit_type(unit_type).map(|unit| unit.si_scale);
        declared.unwrap_or_else(|| match unit_type {
            // Not declared by itself, an area is in the square of the length's unit.
            "AREAUNIT" => self.metres().powi(2),
            "VOLUMEUNIT" => self.metres().powi(3),
            _ => 1.0,
        })
    }
}

/// A unit named on the property itself: SI units with their prefix, and conversions.
fn own_unit(records: &Records<'_>, unit: u32) -> Option<f64> {
    super::engine::records::unit_scale(records, unit)
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
