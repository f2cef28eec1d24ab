//! CityGML 1 to 3: read as a stream of elements by their local names, which the versions
//! share where surfaces are concerned. Entities are never expanded, and depth is bounded.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use serde_json::Value;

use super::{City, Object, Role, Surface, kind, lod};
use crate::{
    crs::Crs,
    imported::{Note, Severity},
};

/// Elements inside each other.
const MAX_DEPTH: usize = 128;
/// Vertices of a file; they are numbered in 32 bits.
const MAX_VERTICES: usize = 100_000_000;
/// Elements whose content is not of the outside of a city.
const SKIPPED: [&str; 6] = [
    "interiorRoom",
    "buildingRoom",
    "appearance",
    "appearanceMember",
    "implicitRepresentation",
    "address",
];

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
}

/// A surface, with the level of detail that it belongs to.
struct Found {
    lod: f64,
    in_solid: bool,
    surface: Surface,
}

#[derive(Default)]
struct State {
    stack: Vec<Open>,
    text: String,
    city: City,
    found: Vec<Vec<Found>>,
    system: Option<String>,
    flat: bool,
    rings: Option<Vec<Vec<u32>>>,
    ring: Vec<u32>,
    broken: usize,
    implicit: usize,
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
        self.implicit += usize::from(name == "ImplicitGeometry");
        if !self.is_skipped() {
            match name.as_str() {
                class if is_object(class) => {
                    let parent = self.object().map(|at| self.city.objects[at].id.clone());
                    open.object = Some(self.city.objects.len());
                    self.city.objects.push(Object {
                        id: attribute(element, "id").unwrap_or_default(),
                        class: class.to_owned(),
                        parent: parent.filter(|id| !id.is_empty()),
                        ..Object::default()
                    });
                    self.found.push(Vec::new());
                }
                "Polygon" | "Triangle" | "Rectangle" => self.rings = Some(Vec::new()),
                "LinearRing" => self.ring.clear(),
                _ => {}
            }
        }
        open.name = name;
        self.stack.push(open);
        Ok(())
    }

    fn is_skipped(&self) -> bool {
        self.stack.iter().any(|open| SKIPPED.contains(&open.name.as_str()))
    }

    /// The innermost open object.
    fn object(&self) -> Option<usize> {
        self.stack.iter().rev().find_map(|open| open.object)
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
            "LinearRing" => {
                let ring = std::mem::take(&mut self.ring);
                if let Some(rings) = &mut self.rings {
                    rings.push(ring);
                }
            }
            "Polygon" | "Triangle" | "Rectangle" => self.surface(),
            _ if !open.parent => self.attribute(&open.name, text.trim()),
            _ => {}
        }
    }

    fn positions(&mut self, text: &str) {
        let dimension = if self.flat { 2 } else { 3 };
        let numbers: Result<Vec<f64>, _> =
            text.split_ascii_whitespace().map(str::parse::<f64>).collect();
        let numbers = numbers.unwrap_or_default();
        let sane = !numbers.is_empty()
            && numbers.len() % dimension == 0
            && numbers.iter().all(|number| number.is_finite())
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
        let Some(rings) = self.rings.take() else { return };
        let Some(object) = self.object() else { return };
        let inside = |name: &str| self.stack.iter().any(|open| open.name == name);
        let levels = self.stack.iter().rev().find_map(|open| {
            open.name.strip_prefix("lod").map(|rest| lod::level(&rest[..rest.len().min(1)]))
        });
        let role = self.stack.iter().rev().map(|open| kind::role(&open.name));
        let role = role.into_iter().find(|role| *role != Role::Unsaid).unwrap_or_default();
        if role == Role::Closure || rings.first().is_none_or(Vec::is_empty) {
            return;
        }
        self.found[object].push(Found {
            lod: levels.unwrap_or(0.0),
            in_solid: inside("Solid"),
            surface: Surface { role, color: None, rings },
        });
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
        } else if name == "value"
            && let Some(key) = parent.key.clone()
            && let Some(object) = self.object()
        {
            self.city.objects[object].attributes.insert(key, value());
        }
    }

    fn finish(mut self, wanted_crs: Option<&str>, wanted: lod::Wanted) -> Result<City, String> {
        if !self.is_city {
            return Err("it holds no CityModel".into());
        }
        if self.city.objects.is_empty() {
            return Err("it holds no city objects known here".into());
        }
        let mut say = |severity, text: String| self.city.notes.push(Note::source(severity, text));
        if self.broken > 0 {
            let text = format!("{} lists of positions are no numbers by threes", self.broken);
            say(Severity::Dropped, text);
        }
        if self.implicit > 0 {
            let text = format!("{} things drawn by a shared prototype are left out", self.implicit);
            say(Severity::Dropped, text);
        }
        if let Some(name) = wanted_crs.map(str::to_owned).or(self.system) {
            match Crs::parse(&name) {
                Ok(crs) => self.city.crs = Some(crs),
                Err(error) => say(
                    Severity::Info,
                    format!("its coordinate system is not used: {error} (or pass --crs)"),
                ),
            }
        }
        for (object, found) in self.city.objects.iter_mut().zip(self.found) {
            object.lod = wanted.choose(found.iter().map(|found| found.lod));
            let chosen = found.into_iter().filter(|found| Some(found.lod) == object.lod);
            let chosen: Vec<Found> = chosen.collect();
            object.solid = !chosen.is_empty() && chosen.iter().all(|found| found.in_solid);
            object.surfaces = chosen.into_iter().map(|found| found.surface).collect();
        }
        self.city.prefer_detailed_children();
        self.city.check_coordinates();
        Ok(self.city)
    }
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
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"<?xml version="1.0"?><CityModel xmlns:gml="http://www.opengis.net/gml" xmlns:bldg="b" xmlns:gen="g"><gml:boundedBy><gml:Envelope srsName="urn:adv:crs:ETRS89_UTM32*DE_DHHN92_NH" srsDimension="3"/></gml:boundedBy>"#;

    fn polygon(points: &[[f64; 3]]) -> String {
        let list: Vec<String> =
            points.iter().chain(&points[..1]).flatten().map(ToString::to_string).collect();
        format!(
            "<gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>{}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>",
            list.join(" ")
        )
    }

    fn at(x: f64, y: f64, z: f64) -> [f64; 3] {
        [456_000.0 + x, 5_429_000.0 + y, 110.0 + z]
    }

    #[test]
    fn buildings_parts_and_roles_are_read_at_the_wanted_level() {
        let roof = polygon(&[at(0.0, 0.0, 6.0), at(9.0, 0.0, 6.0), at(9.0, 9.0, 6.0)]);
        let wall = polygon(&[at(0.0, 0.0, 0.0), at(9.0, 0.0, 0.0), at(9.0, 0.0, 6.0)]);
        let text = format!(
            "{HEAD}<cityObjectMember><bldg:Building gml:id=\"b1\"><gml:name>Hall &amp; tower</gml:name><gen:stringAttribute name=\"owner\"><gen:value>town</gen:value></gen:stringAttribute><bldg:measuredHeight uom=\"m\">6.5</bldg:measuredHeight><bldg:lod1Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{wall}{wall}{wall}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod1Solid><bldg:boundedBy><bldg:RoofSurface gml:id=\"r\"><bldg:lod2MultiSurface><gml:MultiSurface>{roof}</gml:MultiSurface></bldg:lod2MultiSurface></bldg:RoofSurface></bldg:boundedBy><bldg:boundedBy><bldg:WallSurface><bldg:lod2MultiSurface><gml:MultiSurface>{wall}</gml:MultiSurface></bldg:lod2MultiSurface></bldg:WallSurface></bldg:boundedBy><bldg:consistsOfBuildingPart><bldg:BuildingPart gml:id=\"p1\"><bldg:lod2MultiSurface><gml:MultiSurface>{roof}</gml:MultiSurface></bldg:lod2MultiSurface></bldg:BuildingPart></bldg:consistsOfBuildingPart></bldg:Building></cityObjectMember></CityModel>"
        );
        let city = read(text.as_bytes(), None, lod::Wanted::default()).unwrap();
        let [building, part] = city.objects.as_slice() else { panic!() };
        assert_eq!((building.id.as_str(), building.lod), ("b1", Some(2.0)));
        assert_eq!(building.attributes["name"], "Hall & tower");
        assert_eq!(building.attributes["owner"], "town");
        assert_eq!(building.attributes["measuredHeight"], 6.5);
        let roles: Vec<Role> = building.surfaces.iter().map(|surface| surface.role).collect();
        assert_eq!(roles, [Role::Roof, Role::Wall]);
        assert_eq!((part.parent.as_deref(), part.surfaces.len()), (Some("b1"), 1));
        let fix = city.fix().unwrap();
        assert!((fix.wgs84[0] - 8.4).abs() < 0.1 && (fix.wgs84[1] - 49.01).abs() < 0.1);
        assert_eq!(city.crs().unwrap().vertical().unwrap().name(), "DHHN92 height (EPSG:5783)");
        // Without the part, which has no coarse shape; what is inside is never drawn.
        let text = text.replace("consistsOfBuildingPart", "interiorRoom");
        let coarse = read(text.as_bytes(), None, lod::Wanted::new(Some(1.0))).unwrap();
        assert_eq!(coarse.objects.len(), 1);
        assert_eq!((coarse.objects[0].surfaces.len(), coarse.objects[0].solid), (3, true));
    }

    #[test]
    fn hostile_and_broken_texts_are_refused_or_reported() {
        let laughs =
            "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><CityModel>&b;</CityModel>";
        let deep = format!("<CityModel>{}", "<a>".repeat(100_000));
        for (text, part) in [
            (laughs, "document type"),
            (&deep, "nest deeper"),
            ("<CityModel>", "ends within"),
            ("<CityModel></Other>", "at byte"),
            ("<html/>", "no CityModel"),
            ("<CityModel/>", "no city objects"),
            ("", "no CityModel"),
        ] {
            let error = read(text.as_bytes(), None, lod::Wanted::default()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let odd = format!(
            "{HEAD}<bldg:Building><bldg:lod1Solid><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>1 2 NaN 4</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></bldg:lod1Solid></bldg:Building></CityModel>"
        );
        let city = read(odd.as_bytes(), None, lod::Wanted::default()).unwrap();
        assert!(city.objects[0].surfaces.is_empty());
        assert!(city.notes.iter().any(|note| note.reason.contains("no numbers by threes")));
    }
}
