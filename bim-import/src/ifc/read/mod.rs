//! From the records of a file to entities: the spatial tree with names, properties and
//! tags. Geometry joins them in [`super::shapes`].

mod associations;
mod attributes;
mod naming;
mod relations;
mod tree;

use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use serde_json::Value as Json;
use twin_model::{Entity, EntityId, EntityKind};

use self::{
    naming::Name,
    tree::{add_place_tags, ancestors},
};
use super::{
    classify::{self, Facts, Kinds},
    engine::records::{self, Record, Records},
    georef::{self, GeoReference},
    properties::{Properties, Set},
    scan::{self, Inventory},
    units::Units,
};
use crate::{
    ids,
    imported::{Boundary, Note, Severity},
    sets,
};

/// What a STEP file that is whole ends with.
pub(crate) const END_OF_FILE: &str = "END-ISO-10303-21";

/// A file's meaning, without its geometry.
pub(crate) struct Semantics {
    /// `IFC2X3`, `IFC4`, `IFC4X3_ADD2`.
    pub(crate) schema: String,
    /// What one of its length unit is in metres.
    pub(crate) metres: f64,
    /// In file order, parents among them.
    pub(crate) entities: Vec<Entity>,
    /// STEP instance name of each entity.
    pub(crate) instances: Vec<u32>,
    /// What each entity has by way of a representation.
    pub(crate) representations: Vec<Representation>,
    /// Doors, stairs and the spaces they bound.
    pub(crate) boundaries: Vec<Boundary>,
    /// Opening by the door or window that fills it.
    pub(crate) fillings: HashMap<EntityId, EntityId>,
    /// Where on earth it is.
    pub(crate) georeference: GeoReference,
    /// Origin of the placement of the site that has latitude and longitude, m.
    pub(crate) site_origin: [f64; 3],
    /// STEP instance names of what has openings.
    pub(crate) hosts: HashSet<u32>,
    /// Whether the file ends before its end.
    pub(crate) is_cut_off: bool,
    /// What could not be read as written.
    pub(crate) notes: Vec<Note>,
}

/// Whether a file wants something drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Representation {
    /// It has none.
    None,
    /// Only axes, footprints, annotations: nothing with a surface.
    LinesOnly,
    /// It has a body or a surface.
    Body,
}

/// Why a file cannot be read as IFC at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IfcError {
    /// Not a STEP file.
    #[error("is not an IFC file: it does not start with ISO-10303-21")]
    NotStep,
    /// A STEP file of something else.
    #[error("is a STEP file of schema {0:?}, not of IFC")]
    OtherSchema(String),
    /// Nothing in it.
    #[error("holds no IFC project and no element; it may be cut off")]
    Empty,
}

/// Reads a file's meaning.
///
/// Every entity is shown to `put_aside` as it is made, which may take its properties: all
/// of a large file's at once are more than its geometry.
pub(crate) fn read(
    bytes: &[u8],
    file_name: &str,
    source: u32,
    put_aside: &mut dyn FnMut(&mut Entity),
) -> Result<Semantics, IfcError> {
    let schema = check(bytes)?;
    let (mut records, inventory) = scan::scan(bytes);
    if inventory.objects.is_empty() {
        return Err(IfcError::Empty);
    }
    let units = Units::of_project(&records, inventory.project);
    let undeclared = (!units.say_length()).then(|| {
        let text = "it declares no length unit and was taken as metres";
        Note::source(Severity::Approximated, text)
    });
    let mut reader = Reader {
        properties: Properties::new(units),
        materials: HashMap::new(),
        classes: HashMap::new(),
        names: naming::names(&mut records, &inventory, file_name),
        records,
        inventory,
        source,
        notes: undeclared.into_iter().collect(),
        kinds: Kinds::default(),
    };
    let is_cut_off = reader.note_cut_off(bytes);
    let semantics = reader.all(schema, put_aside);
    Ok(Semantics { is_cut_off, ..semantics })
}

fn check(bytes: &[u8]) -> Result<String, IfcError> {
    let head = &bytes[..bytes.len().min(4_096)];
    if !String::from_utf8_lossy(head).contains("ISO-10303-21") {
        return Err(IfcError::NotStep);
    }
    let schema = records::schema_name(bytes);
    if !schema.is_empty() && !schema.starts_with("IFC") {
        return Err(IfcError::OtherSchema(schema));
    }
    Ok(if schema.is_empty() { "IFC".into() } else { schema })
}

struct Reader<'a> {
    records: Records<'a>,
    inventory: Inventory,
    properties: Properties,
    /// Materials and classifications as read, shared by those that have them.
    materials: HashMap<u32, Rc<Set>>,
    classes: HashMap<u32, Option<Rc<(String, Json)>>>,
    names: Vec<Name>,
    source: u32,
    notes: Vec<Note>,
    kinds: Kinds,
}

impl Reader<'_> {
    fn all(mut self, schema: String, put_aside: &mut dyn FnMut(&mut Entity)) -> Semantics {
        let objects = std::mem::take(&mut self.inventory.objects);
        let places: HashMap<u32, usize> =
            objects.iter().enumerate().map(|(place, object)| (object.id, place)).collect();
        let mut related = self.related(&objects, &places);
        let mut entities = Vec::with_capacity(objects.len());
        let mut representations = Vec::with_capacity(objects.len());
        for (place, object) in objects.iter().enumerate() {
            let record = self.records.get(object.id);
            let mut entity = self.entity(place, &objects, record.as_ref());
            let relations = related.take(place, &self.names);
            if !relations.is_empty() {
                entity.properties.entry(sets::RELATIONS.into()).or_default().extend(relations);
            }
            put_aside(&mut entity);
            entities.push(entity);
            representations.push(self.representation(object, record.as_ref()));
        }
        let parents = self.parents(&objects, &places);
        for (place, parent) in parents.iter().enumerate() {
            entities[place].parent = parent.map(|parent| entities[parent].id.clone());
        }
        for place in 0..entities.len() {
            let storey = ancestors(place, &parents)
                .find(|&above| entities[above].kind == EntityKind::Storey);
            entities[place].storey = storey.map(|storey| entities[storey].id.clone());
        }
        add_place_tags(&mut entities, &parents);
        let boundaries = self.boundaries(&entities, &places);
        let id = |instance: &u32| Some(entities[*places.get(instance)?].id.clone());
        let fillings = self.inventory.opening_of_filling.iter();
        let fillings =
            fillings.filter_map(|(filling, opening)| Some((id(filling)?, id(opening)?))).collect();
        let metres = self.properties.metres();
        let georeference = georef::read(&self.records, &self.inventory, metres);
        let site_origin = georeference
            .site
            .as_ref()
            .and_then(|site| self.placement_origin(site.site))
            .map_or([0.0; 3], |origin| origin.map(|value| value * metres));
        if self.inventory.repeated > 0 {
            let text = format!(
                "{} records bear the instance name of an earlier one; of each name the last counts",
                self.inventory.repeated
            );
            self.notes.push(Note::source(Severity::Approximated, text));
        }
        if self.inventory.unpaired > 0 {
            let text = format!(
                "its relations join more things than the file has words for: {} pairs were left out",
                self.inventory.unpaired
            );
            self.notes.push(Note::source(Severity::Dropped, text));
        }
        if self.records.is_exhausted() {
            let text = "its records name each other so often that reading them all would take for ever: what came late is left out";
            self.notes.push(Note::source(Severity::Dropped, text));
        }
        if self.inventory.left_out > 0 {
            let text = format!(
                "{} structural analysis items have no place in the scene and were left out",
                self.inventory.left_out
            );
            self.notes.push(Note::source(Severity::Info, text));
        }
        Semantics {
            schema,
            metres,
            entities,
            instances: objects.iter().map(|object| object.id).collect(),
            representations,
            boundaries,
            fillings,
            georeference,
            site_origin,
            hosts: self.inventory.host_of_opening.into_values().collect(),
            is_cut_off: false,
            notes: self.notes,
        }
    }

    /// Whether the file ends before its end, and if so a note.
    fn note_cut_off(&mut self, bytes: &[u8]) -> bool {
        let tail = &bytes[bytes.len().saturating_sub(4_096)..];
        let is_cut_off = !String::from_utf8_lossy(tail).contains(END_OF_FILE);
        if is_cut_off {
            let text = format!(
                "ends without {END_OF_FILE} and may be cut off; {} records were read",
                self.records.len()
            );
            self.notes.push(Note::source(Severity::Dropped, text));
        }
        is_cut_off
    }

    /// An object by its class and name.
    fn described(&self, place: usize, objects: &[scan::Object]) -> String {
        let object = &objects[place];
        let record = self.records.get(object.id);
        let name = record.as_ref().and_then(|record| record.get_string(2)).unwrap_or_default();
        ids::described(object.class.name(), name)
    }

    fn entity(
        &mut self,
        place: usize,
        objects: &[scan::Object],
        record: Option<&Record>,
    ) -> Entity {
        let object = &objects[place];
        let Name { id, first } = self.names[place].clone();
        let text =
            |slot: usize| record.and_then(|record| record.get_string(slot)).unwrap_or_default();
        let class = object.class.name().to_owned();
        let said = text(0);
        let global_id = if ids::is_global_id(said) { said } else { "" };
        if record.is_none() {
            self.notes.push(Note::element(
                Severity::Dropped,
                id.as_str(),
                &class,
                "its record does not parse",
            ));
        } else if global_id.is_empty() && !said.is_empty() {
            let reason = format!("its GlobalId cannot be one: {said:?}");
            self.notes.push(Note::element(Severity::Info, id.as_str(), &class, reason));
        } else if global_id.is_empty() {
            self.notes.push(Note::element(
                Severity::Info,
                id.as_str(),
                &class,
                "it has no GlobalId",
            ));
        } else if let Some(first) = first {
            let other = self.described(first, objects);
            let reason = format!(
                "its GlobalId occurs more than once in the file; it is kept as {id}: {other} has it, too"
            );
            self.notes.push(Note::element(Severity::Info, global_id, &class, reason));
        }
        let attributes = record.map(|record| self.attributes(object, record)).unwrap_or_default();
        let attribute =
            |name: &str| attributes.get(name).and_then(Json::as_str).unwrap_or_default();
        let special = self.special_class(object);
        let facts = Facts {
            class: special.as_ref().unwrap_or(&object.class),
            predefined: attribute("PredefinedType"),
            object_type: attribute("ObjectType"),
        };
        let kind = self.kinds.of(&facts);
        let mut tags = Vec::new();
        let tag = attribute("Tag");
        if !tag.is_empty() {
            tags.extend([tag.to_owned(), format!("{}:{tag}", kind.as_str())]);
        }
        tags.extend(classify::brick(kind, &facts).map(str::to_owned));
        let mut properties = self.property_sets(object.id);
        properties.extend(self.associations(object.id));
        if !attributes.is_empty() {
            properties.insert(sets::ATTRIBUTES.into(), attributes);
        }
        Entity {
            global_id: (!global_id.is_empty()).then(|| global_id.to_owned()),
            name: text(2).to_owned(),
            id,
            parent: None,
            kind,
            ifc_class: Some(class),
            storey: None,
            bbox: None,
            properties,
            tags,
            source: self.source,
        }
    }

    fn representation(&self, object: &scan::Object, record: Option<&Record>) -> Representation {
        let shape = object.class.is_a("IfcProduct").then(|| record?.get_ref(6)).flatten();
        let Some(shape) = shape.and_then(|shape| self.records.get(shape)) else {
            return Representation::None;
        };
        let is_body = |id: u32| {
            let representation = self.records.get(id)?;
            let word =
                |slot| representation.get_string(slot).unwrap_or_default().to_ascii_lowercase();
            let (identifier, kind) = (word(1), word(2));
            const LINES: &[&str] = &[
                "axis",
                "footprint",
                "annotation",
                "box",
                "profile",
                "cog",
                "clearance",
                "lighting",
                "reference",
            ];
            let lines = LINES.contains(&identifier.as_str())
                || [
                    "curve",
                    "curve2d",
                    "curve3d",
                    "geometriccurveset",
                    "annotation2d",
                    "boundingbox",
                    "point",
                    "pointcloud",
                ]
                .contains(&kind.as_str());
            Some(!lines)
        };
        let bodies = shape.get_refs(2).unwrap_or_default().into_iter().filter_map(is_body);
        if bodies.into_iter().any(|body| body) {
            Representation::Body
        } else {
            Representation::LinesOnly
        }
    }
}
