//! What stands beside a feature's geometry: its id, name, tags and properties.

use std::collections::BTreeMap;

use geojson::{Feature, GeometryValue, Position, feature::Id};
use hashbrown::{HashMap, HashSet};
use serde_json::Value;
use sha2::{Digest, Sha256};
use twin_model::{Entity, EntityId, EntityKind};

use super::super::style;
use crate::ids;

/// Geometry collections inside each other that are followed.
pub(super) const MAX_DEPTH: usize = 8;

/// Hands out ids that are unique in the file.
pub(super) struct Ids {
    file_name: String,
    taken: HashSet<EntityId>,
    uses: HashMap<String, u32>,
}

impl Ids {
    pub(super) fn new(file_name: &str, site: &EntityId) -> Self {
        let taken = HashSet::from([site.clone()]);
        Self { file_name: file_name.to_owned(), taken, uses: HashMap::new() }
    }

    /// The id of a feature: its own where it has a name, else one made from the file and
    /// the feature's number, else from what it is: its place in the file changes with any
    /// edit. With it, its own id if that was taken.
    pub(super) fn of(&mut self, feature: &Feature) -> (EntityId, Option<String>) {
        let wanted = match &feature.id {
            Some(Id::String(name)) if is_usable(name) => name.clone(),
            Some(Id::String(name)) => self.derived(&format!("id/{name}")),
            // Numbers are unique in their file only.
            Some(Id::Number(number)) => self.derived(&format!("id/{number}")),
            None => return (self.made(feature), None),
        };
        if self.taken.insert(EntityId::from(wanted.as_str())) {
            return (wanted.as_str().into(), None);
        }
        let uses = self.uses.entry(wanted.clone()).or_insert(1);
        loop {
            *uses += 1;
            let numbered = EntityId::new(format!("{wanted}~{uses}"));
            if self.taken.insert(numbered.clone()) {
                return (numbered, Some(wanted));
            }
        }
    }

    /// From name, tags and geometry; only what is the same in all of them is counted.
    fn made(&mut self, feature: &Feature) -> EntityId {
        let mut hash = Sha256::new();
        for key in ["name", "tag", "ref"] {
            let value = feature.properties.as_ref().and_then(|set| style::text(set, key));
            hash.update(value.unwrap_or_default());
            hash.update([0]);
        }
        let geometry = feature.geometry.as_ref().map(|geometry| &geometry.value);
        hash.update(serde_json::to_vec(&geometry).unwrap_or_default());
        let mark = ids::hex(&ids::short(&hash.finalize()));
        let mut wanted = self.derived(&format!("features/{mark}/1"));
        if self.taken.contains(wanted.as_str()) {
            let uses = self.uses.entry(wanted).or_insert(1);
            *uses += 1;
            let nth = *uses;
            wanted = self.derived(&format!("features/{mark}/{nth}"));
        }
        let id = EntityId::from(wanted.as_str());
        self.taken.insert(id.clone());
        id
    }

    fn derived(&self, path: &str) -> String {
        ids::derived(&self.file_name, path).to_string()
    }
}

/// Whether a feature's own id can stand in addresses and topics as it is.
fn is_usable(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '$');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

/// The entity of a feature, without parent and box.
pub(super) fn entity(id: EntityId, kind: EntityKind, feature: &Feature, source: u32) -> Entity {
    let empty = style::Properties::new();
    let properties = feature.properties.as_ref().unwrap_or(&empty);
    let name = style::text(properties, "name").unwrap_or_default().to_owned();
    let mut tags = Vec::new();
    match &feature.id {
        Some(Id::String(text)) => tags.push(text.clone()),
        Some(Id::Number(number)) => tags.push(number.to_string()),
        None => {}
    }
    for tag in ["tag", "ref"].into_iter().filter_map(|key| style::text(properties, key)) {
        tags.push(tag.to_owned());
        tags.push(format!("{}:{tag}", kind.as_str()));
    }
    if !name.is_empty() {
        tags.push(format!("{}:{name}", kind.as_str()));
    }
    let mut seen = HashSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    let set: BTreeMap<String, Value> = properties
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut sets = BTreeMap::new();
    if !set.is_empty() {
        sets.insert("Properties".to_owned(), set);
    }
    Entity {
        id,
        parent: None,
        kind,
        ifc_class: None,
        global_id: None,
        name,
        storey: None,
        bbox: None,
        properties: sets,
        tags,
        source,
    }
}

/// Visits every position of a geometry.
pub(super) fn positions(geometry: &GeometryValue, depth: usize, visit: &mut impl FnMut(&Position)) {
    match geometry {
        GeometryValue::Point { coordinates } => visit(coordinates),
        GeometryValue::MultiPoint { coordinates } | GeometryValue::LineString { coordinates } => {
            coordinates.iter().for_each(visit);
        }
        GeometryValue::MultiLineString { coordinates } | GeometryValue::Polygon { coordinates } => {
            coordinates.iter().flatten().for_each(visit);
        }
        GeometryValue::MultiPolygon { coordinates } => {
            coordinates.iter().flatten().flatten().for_each(visit);
        }
        GeometryValue::GeometryCollection { geometries } if depth < MAX_DEPTH => {
            for geometry in geometries {
                positions(&geometry.value, depth + 1, visit);
            }
        }
        GeometryValue::GeometryCollection { .. } => {}
    }
}
