//! CityGML 1 to 3: read as a stream of elements by their local names, which the versions
//! share where surfaces are concerned. Entities are never expanded, and depth is bounded.
//! Surfaces may stand for others by name, before or behind these: all are gathered first,
//! and given to their objects at the end.

mod entries;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use serde_json::Value;

use self::entries::{Entries, Entry, Instance, What};
use super::{City, Object, Role, Surface, kind, lod};
use crate::{
    crs::{self, Crs},
    imported::{Note, Severity},
};

/// Elements inside each other.
const MAX_DEPTH: usize = 128;
/// Vertices of a file; they are numbered in 32 bits.
const MAX_VERTICES: usize = 100_000_000;
/// Elements whose content is not of the outside of a city.
const SKIPPED: [&str; 5] =
    ["interiorRoom", "buildingRoom", "appearance", "appearanceMember", "address"];
/// Elements that may name a geometry elsewhere instead of holding one.
const LINKS: [&str; 7] = [
    "surfaceMember",
    "solidMember",
    "geometryMember",
    "exterior",
    "baseSurface",
    "relativeGMLGeometry",
    "relativeGeometry",
];
/// Ground that is no surface.
const NO_SURFACE: [&str; 3] = ["MassPointRelief", "BreaklineRelief", "RasterRelief"];

/// Reads a document.
///
/// # Errors
/// What is wrong with the text, in words.
pub(in super::super) fn read(
    bytes: &[u8],
    wanted_crs: Option<&str>,
    wanted: lod::Wanted,
) -> Result<City, String> {
    let mut xml = Reader::from_reader(bytes);
    let mut state = State::default();
    loop {
        let at = xml.buffer_position();
        let wrong = |error: String| format!("{error}, at byte {at}");
        match xml.read_event().map_err(|error| wrong(error.to_string()))? {
            Event::Start(element) => state.open(&element).map_err(wrong)?,
            Event::Empty(element) => {
                state.open(&element).map_err(wrong)?;
                state.close();
            }
            Event::End(_) => state.close(),
            Event::Text(text) => state.text.push_str(&text),
            Event::CData(text) => state.text.push_str(&text),
            Event::GeneralRef(name) => {
                let known = match &*name {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "",
                };
                state.text.push_str(known);
            }
            Event::DocType(_) => return Err("it declares a document type, which is refused".into()),
            Event::Eof if state.stack.is_empty() => break,
            Event::Eof => return Err(wrong("it ends within an element".into())),
            _ => {}
        }
    }
    state.finish(wanted_crs, wanted)
}

/// One open element.
#[derive(Default)]
struct Open {
    name: String,
    /// Position of the object that it is.
    object: Option<usize>,
    /// The name that a generic attribute gives itself.
    key: Option<String>,
    /// Whether the element holds others.
    parent: bool,
    /// The name by which others may borrow the surfaces in it.
    id: Option<String>,
    /// How many entries there were when it began.
    first: usize,
    /// Whether surfaces in it are seen from their other side.
    reversed: bool,
    /// How its surfaces are placed, where they are a prototype.
    instance: Option<Instance>,
}

#[derive(Default)]
struct State {
    stack: Vec<Open>,
    text: String,
    city: City,
    /// The position of each object's parent.
    parents: Vec<Option<usize>>,
    entries: Entries,
    system: Option<String>,
    flat: bool,
    rings: Option<Vec<Vec<u32>>>,
    ring: Vec<u32>,
    broken: usize,
    /// What is not read, by name: interiors and the like; lines and points.
    skipped: BTreeMap<String, usize>,
    undrawn: BTreeMap<String, usize>,
    is_city: bool,
}

impl State {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), String> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(format!("elements nest deeper than {MAX_DEPTH}"));
        }
        let name = element.local_name().into_inner().to_owned();
        let mut open = Open { key: attribute(element, "name"), ..Open::default() };
        if let Some(last) = self.stack.last_mut() {
            last.parent = true;
        }
        self.text.clear();
        self.is_city |= name == "CityModel";
        if self.system.is_none() {
            self.system = attribute(element, "srsName");
        }
        if let Some(dimension) = attribute(element, "srsDimension") {
            self.flat = dimension == "2";
        }
        if !self.is_skipped() {
            if SKIPPED.contains(&name.as_str()) {
                *self.skipped.entry(name.clone()).or_default() += 1;
            } else if self.is_object(&name) {
                open.object = Some(self.object_begins(&name, element));
            } else {
                self.geometry_begins(&name, element, &mut open);
            }
        }
        open.name = name;
        self.stack.push(open);
        Ok(())
    }

    /// Whatever is a member of the city is an object, known or not.
    fn is_object(&self, name: &str) -> bool {
        let member =
            |open: &Open| matches!(open.name.as_str(), "cityObjectMember" | "featureMember");
        is_object(name) || self.stack.last().is_some_and(member)
    }

    fn object_begins(&mut self, class: &str, element: &BytesStart<'_>) -> usize {
        let parent = self.object();
        let id = parent.map(|at| self.city.objects[at].id.clone());
        let number = self.city.objects.len();
        self.city.objects.push(Object {
            id: attribute(element, "id").unwrap_or_default(),
            class: class.to_owned(),
            parent: id.filter(|id| !id.is_empty()),
            ..Object::default()
        });
        self.parents.push(parent);
        if NO_SURFACE.contains(&class) {
            *self.undrawn.entry(class.to_owned()).or_default() += 1;
        }
        number
    }

    fn geometry_begins(&mut self, name: &str, element: &BytesStart<'_>, open: &mut Open) {
        open.id = attribute(element, "id");
        open.first = self.entries.len();
        match name {
            "Polygon" | "PolygonPatch" | "Triangle" | "Rectangle" => self.rings = Some(Vec::new()),
            "LinearRing" => self.ring.clear(),
            "OrientableSurface" => {
                open.reversed = attribute(element, "orientation").as_deref() == Some("-");
            }
            "ImplicitGeometry" => open.instance = Some(Instance::default()),
            _ => {}
        }
        let is_level = name.starts_with("lod");
        let no_surface = ["Curve", "Point", "Network", "TerrainIntersection"];
        if is_level && no_surface.iter().any(|part| name.contains(part)) {
            *self.undrawn.entry(name.to_owned()).or_default() += 1;
        } else if (is_level || LINKS.contains(&name))
            && let Some(target) = attribute(element, "href")
        {
            let role = self.role(name);
            let reversed = self.is_reversed();
            self.entry(name, What::Link { target, role, reversed });
        }
    }

    fn is_skipped(&self) -> bool {
        self.stack.iter().any(|open| SKIPPED.contains(&open.name.as_str()))
    }

    /// The innermost open object.
    fn object(&self) -> Option<usize> {
        self.stack.iter().rev().find_map(|open| open.object)
    }

    fn is_within(&self, name: &str) -> bool {
        self.stack.iter().any(|open| open.name == name)
    }

    fn is_reversed(&self) -> bool {
        self.stack.iter().filter(|open| open.reversed).count() % 2 == 1
    }

    /// What a surface is by the elements around it, the innermost of them `name`.
    fn role(&self, name: &str) -> Role {
        let around = self.stack.iter().rev().map(|open| open.name.as_str());
        let mut roles = [name].into_iter().chain(around).map(|name| match name {
            "lod0FootPrint" => Role::Ground,
            "lod0RoofEdge" => Role::Roof,
            name => kind::role(name),
        });
        roles.find(|role| *role != Role::Unsaid).unwrap_or_default()
    }

    /// Adds geometry to the innermost open object.
    fn entry(&mut self, name: &str, what: What) {
        let Some(object) = self.object() else { return };
        let around = self.stack.iter().rev().map(|open| open.name.as_str());
        let level = [name].into_iter().chain(around).find_map(|name| {
            let digit = name.strip_prefix("lod")?.get(..1)?;
            Some(lod::level(digit))
        });
        self.entries.push(Entry {
            object,
            lod: level.unwrap_or(0.0),
            in_solid: self.is_within("Solid"),
            is_prototype: self.is_within("ImplicitGeometry"),
            what,
        });
    }

    fn close(&mut self) {
        let skipped = self.is_skipped();
        let Some(open) = self.stack.pop() else { return };
        let text = std::mem::take(&mut self.text);
        if skipped {
            return;
        }
        match open.name.as_str() {
            "posList" | "pos" if self.rings.is_some() => self.positions(&text),
            // As the first versions wrote them.
            "coordinates" if self.rings.is_some() => self.positions(&text.replace(',', " ")),
            "pos" if self.is_within("referencePoint") => {
                let at = numbers(&text).and_then(|at| at.try_into().ok());
                self.instance(|instance| instance.at = at);
            }
            "transformationMatrix" => {
                let matrix = numbers(&text).and_then(|matrix| matrix.try_into().ok());
                self.instance(|instance| instance.matrix = Some(matrix));
            }
            "libraryObject" => self.instance(|instance| instance.is_library = true),
            "LinearRing" => {
                let ring = std::mem::take(&mut self.ring);
                if let Some(rings) = &mut self.rings {
                    rings.push(ring);
                }
            }
            "Polygon" | "PolygonPatch" | "Triangle" | "Rectangle" => self.surface(),
            _ if !open.parent => self.attribute(&open.name, text.trim()),
            _ => {}
        }
        if let Some(id) = open.id {
            self.entries.name(id, open.first);
        }
        if let Some(mut instance) = open.instance {
            instance.entries = open.first..self.entries.len();
            self.entry(&open.name, What::Instance(instance));
        }
    }

    /// Changes the innermost open prototype.
    fn instance(&mut self, change: impl FnOnce(&mut Instance)) {
        if let Some(instance) = self.stack.iter_mut().rev().find_map(|open| open.instance.as_mut())
        {
            change(instance);
        }
    }

    fn positions(&mut self, text: &str) {
        let dimension = if self.flat { 2 } else { 3 };
        let numbers = numbers(text).unwrap_or_default();
        let sane = !numbers.is_empty()
            && numbers.len().is_multiple_of(dimension)
            && self.city.vertices.len() + numbers.len() < MAX_VERTICES;
        if !sane {
            self.broken += 1;
            return;
        }
        for point in numbers.chunks_exact(dimension) {
            self.ring.push(self.city.vertices.len() as u32);
            self.city.vertices.push([point[0], point[1], point.get(2).copied().unwrap_or(0.0)]);
        }
    }

    fn surface(&mut self) {
        let Some(mut rings) = self.rings.take() else { return };
        let role = self.role("");
        if role == Role::Closure || rings.first().is_none_or(Vec::is_empty) {
            return;
        }
        if self.is_reversed() {
            rings.iter_mut().for_each(|ring| ring.reverse());
        }
        self.entry("", What::Surface(Surface { role, color: None, rings }));
    }

    /// A leaf with text: a property of the object it stands in, or a generic one's value.
    fn attribute(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let Some(parent) = self.stack.last_mut() else { return };
        let value = || {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.map_or_else(|| Value::from(text), Value::from)
        };
        if let Some(object) = parent.object {
            self.city.objects[object].attributes.insert(name.to_owned(), value());
        } else if name == "name" && parent.name.ends_with("Attribute") {
            parent.key = Some(text.to_owned());
        } else if name == "value" {
            // Version 3 gives heights as objects of their own.
            let height = (parent.name == "Height").then(|| "height".to_owned());
            if let Some(key) = parent.key.clone().or(height)
                && let Some(object) = self.object()
            {
                self.city.objects[object].attributes.entry(key).or_insert_with(value);
            }
        }
    }

    fn finish(mut self, wanted_crs: Option<&str>, wanted: lod::Wanted) -> Result<City, String> {
        if !self.is_city {
            return Err("it holds no CityModel".into());
        }
        if self.city.objects.is_empty() {
            return Err("it holds no city objects".into());
        }
        let own = self.system.take();
        let note = wanted_crs.and_then(|wanted| crs::overridden(wanted, own.as_deref()));
        self.city.notes.extend(note);
        let name = wanted_crs.map(str::to_owned).or(own);
        self.say_what_is_missing();
        let notes = &mut self.city.notes;
        if let Some(name) = name {
            match Crs::parse(&name) {
                Ok(crs) => self.city.crs = Some(crs),
                Err(error) => {
                    let text =
                        format!("its coordinate system is not used: {error} (or pass --crs)");
                    notes.push(Note::source(Severity::Info, text));
                }
            }
        }
        self.entries.give(&mut self.city, &self.parents, wanted);
        self.city.prefer_detailed_children();
        self.city.check_coordinates();
        self.city.raise_footprints();
        Ok(self.city)
    }

    fn say_what_is_missing(&mut self) {
        let mut say = |severity, text: String| self.city.notes.push(Note::source(severity, text));
        if self.broken > 0 {
            let text = format!("{} lists of positions are no numbers by threes", self.broken);
            say(Severity::Dropped, text);
        }
        for (name, count) in &self.skipped {
            say(Severity::Info, format!("{count} × {name} is not read"));
        }
        for (name, count) in &self.undrawn {
            say(Severity::Info, format!("{count} × {name} is not drawn: only surfaces are"));
        }
    }
}

/// Finite numbers between spaces; nothing if any is none.
fn numbers(text: &str) -> Option<Vec<f64>> {
    let numbers = text.split_ascii_whitespace().map(|word| word.parse::<f64>().ok());
    numbers.map(|number| number.filter(|number| number.is_finite())).collect()
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.local_name().into_inner() == name)?;
    // The only reference that names and addresses hold.
    Some(found.value.replace("&amp;", "&"))
}

fn is_object(class: &str) -> bool {
    matches!(
        class,
        "Building"
            | "BuildingPart"
            | "BuildingInstallation"
            | "BuildingConstructiveElement"
            | "Bridge"
            | "BridgePart"
            | "Tunnel"
            | "TunnelPart"
            | "OtherConstruction"
            | "Road"
            | "Railway"
            | "Track"
            | "Square"
            | "Waterway"
            | "TransportationComplex"
            | "WaterBody"
            | "PlantCover"
            | "SolitaryVegetationObject"
            | "LandUse"
            | "CityFurniture"
            | "GenericCityObject"
            | "GenericOccupiedSpace"
            | "TINRelief"
            | "MassPointRelief"
            | "BreaklineRelief"
            | "RasterRelief"
    )
}
