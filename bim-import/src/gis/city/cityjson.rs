//! CityJSON 1.0, 1.1 and 2.0, and CityJSONSeq: one document, or a head and one feature a
//! line.

mod geometry;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use self::geometry::{Appearance, Collector, Geometry};
use super::{City, Object, Surface, is_footprint, lod::Wanted, max_surfaces};
use crate::{
    crs::{self, Crs},
    gis::GisError,
    imported::{Note, Severity},
};

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    version: String,
    transform: Option<Transform>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    vertices: Vec<[f64; 3]>,
    #[serde(rename = "CityObjects", borrow, default)]
    objects: BTreeMap<String, &'a RawValue>,
    #[serde(rename = "geometry-templates")]
    templates: Option<Templates>,
    #[serde(default)]
    appearance: Appearance,
}

#[derive(Clone, Copy, Deserialize)]
struct Transform {
    scale: [f64; 3],
    translate: [f64; 3],
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    title: Option<String>,
    #[serde(rename = "referenceSystem")]
    reference_system: Option<String>,
    /// As CityJSON 1.0 spells it.
    crs: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Templates {
    templates: Vec<Geometry>,
    #[serde(rename = "vertices-templates")]
    vertices: Vec<[f64; 3]>,
}

#[derive(Deserialize)]
struct RawObject {
    #[serde(rename = "type")]
    class: String,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    children: Vec<String>,
    #[serde(default)]
    geometry: Option<Vec<Geometry>>,
}

/// Reads a document, or a sequence of them.
///
/// # Errors
/// When the text is no CityJSON.
pub(crate) fn read(
    bytes: &[u8],
    file: &str,
    wanted_crs: Option<&str>,
    wanted: Wanted,
) -> Result<City, GisError> {
    let failed =
        |reason: String| GisError::Parse { file: file.to_owned(), format: "CityJSON", reason };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| failed(error.to_string()))?;
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Document<'_>>();
    let head = match documents.next() {
        Some(Ok(head)) => head,
        Some(Err(error)) => return Err(failed(error.to_string())),
        None => return Err(failed("it holds nothing".into())),
    };
    if head.kind != "CityJSON" {
        return Err(failed(format!("it starts with {:?} and not with CityJSON", head.kind)));
    }
    let mut reader = Reader::new(&head, wanted, max_surfaces(bytes.len()));
    reader.name_system(&head.metadata, wanted_crs);
    reader.version(&head.version);
    reader.add(&head, &head.appearance);
    for (line, feature) in (2..).zip(documents.by_ref()) {
        match feature {
            Ok(feature) if feature.kind == "CityJSONFeature" => {
                let own = !feature.appearance.is_empty();
                let appearance = if own { &feature.appearance } else { &head.appearance };
                reader.add(&feature, appearance);
            }
            Ok(other) => {
                let reason = format!("document {line} is {:?}: left out", other.kind);
                reader.city.notes.push(Note::source(Severity::Dropped, reason));
            }
            Err(error) => {
                let reason = format!("document {line} and what follows cannot be read: {error}");
                reader.city.notes.push(Note::source(Severity::Dropped, reason));
                break;
            }
        }
    }
    if reader.city.objects.is_empty() {
        return Err(failed("none of its city objects can be read, or it has none".into()));
    }
    Ok(reader.finish())
}

struct Reader<'a> {
    city: City,
    transform: Option<Transform>,
    templates: Option<&'a Templates>,
    wanted: Wanted,
    surfaces: usize,
    /// How many there may be.
    most_surfaces: usize,
    /// Geometries that are no surfaces, by their type.
    undrawn: BTreeMap<String, usize>,
    hollows: usize,
}

impl<'a> Reader<'a> {
    fn new(head: &'a Document<'_>, wanted: Wanted, most_surfaces: usize) -> Self {
        let city = City { title: head.metadata.title.clone(), ..City::default() };
        let templates = head.templates.as_ref();
        Self {
            city,
            most_surfaces,
            transform: head.transform,
            templates,
            wanted,
            surfaces: 0,
            undrawn: BTreeMap::new(),
            hollows: 0,
        }
    }

    fn name_system(&mut self, metadata: &Metadata, wanted: Option<&str>) {
        let old = metadata.crs.as_ref().and_then(|crs| crs["epsg"].as_u64());
        let own = metadata.reference_system.clone().or(old.map(|code| format!("EPSG:{code}")));
        let note = wanted.and_then(|wanted| crs::overridden(wanted, own.as_deref()));
        self.city.notes.extend(note);
        let Some(name) = wanted.map(str::to_owned).or(own) else { return };
        match Crs::parse(&name) {
            Ok(crs) => self.city.crs = Some(crs),
            Err(error) => {
                let text = format!("its coordinate system is not used: {error} (or pass --crs)");
                self.city.notes.push(Note::source(Severity::Info, text));
            }
        }
    }

    fn version(&mut self, version: &str) {
        if !["1.0", "1.1", "2.0"].iter().any(|known| version.starts_with(known)) {
            let text = format!("it is CityJSON {version:?}; 1.0, 1.1 and 2.0 are known");
            self.city.notes.push(Note::source(Severity::Info, text));
        }
    }

    fn add(&mut self, document: &Document<'_>, appearance: &Appearance) {
        let base = self.city.vertices.len();
        let transform = self.transform;
        let place = |vertex: &[f64; 3]| match transform {
            Some(t) => [0, 1, 2].map(|i| vertex[i] * t.scale[i] + t.translate[i]),
            None => *vertex,
        };
        self.city.vertices.extend(document.vertices.iter().map(place));
        let mut children: Vec<(String, String)> = Vec::new();
        let first = self.city.objects.len();
        for (id, raw) in &document.objects {
            let object = match serde_json::from_str::<RawObject>(raw.get()) {
                Ok(object) => object,
                Err(error) => {
                    let reason = format!("cannot be read: {error}");
                    let note = Note::element(Severity::Dropped, id.as_str(), "CityObject", reason);
                    self.city.notes.push(note);
                    continue;
                }
            };
            children.extend(object.children.iter().map(|child| (child.clone(), id.clone())));
            let object = self.object(id, object, base, appearance);
            self.city.objects.push(object);
        }
        // A parent may name its children where these do not name it.
        let by_child: BTreeMap<String, String> = children.into_iter().collect();
        for object in &mut self.city.objects[first..] {
            if object.parent.is_none() {
                object.parent = by_child.get(&object.id).cloned();
            }
        }
    }

    fn object(&mut self, id: &str, raw: RawObject, base: usize, appearance: &Appearance) -> Object {
        let mut object = Object {
            id: id.to_owned(),
            parent: raw.parents.into_iter().next(),
            attributes: raw.attributes.unwrap_or_default(),
            class: raw.class,
            ..Object::default()
        };
        let geometries = raw.geometry.unwrap_or_default();
        let level = |geometry: &Geometry| geometry.level(self.templates.map(|t| &*t.templates));
        let drawable = geometries.iter().filter(|geometry| geometry.has_surfaces());
        object.lod = self.wanted.choose(drawable.clone().map(level));
        object.is_footprint = is_footprint(&object.class, drawable.map(level));
        let chosen: Vec<&Geometry> = geometries
            .iter()
            .filter(|geometry| geometry.has_surfaces() && Some(level(geometry)) == object.lod)
            .collect();
        // The same thing as a solid and as a bag of surfaces is drawn once.
        let solid = chosen.iter().any(|geometry| geometry.is_solid());
        object.solid = solid;
        let mut collector = Collector {
            vertices: &mut self.city.vertices,
            base,
            templates: self.templates.map(|t| (&*t.templates, &*t.vertices)),
            appearance,
            room: self.most_surfaces.saturating_sub(self.surfaces),
            surfaces: Vec::new(),
            faults: BTreeMap::new(),
        };
        let takes = |geometry: &&&Geometry| !solid || geometry.is_solid() || geometry.is_instance();
        for geometry in chosen.iter().filter(takes) {
            collector.geometry(geometry);
        }
        self.hollows += chosen.iter().map(|geometry| geometry.hollows()).sum::<usize>();
        for geometry in geometries.iter().filter(|geometry| !geometry.has_surfaces()) {
            if chosen.is_empty() {
                collector.fault("points or lines instead of surfaces", 1);
            } else {
                *self.undrawn.entry(geometry.name().to_owned()).or_default() += 1;
            }
        }
        let Collector { surfaces, faults, .. } = collector;
        object.surfaces = surfaces;
        self.surfaces += object.surfaces.len();
        for (reason, count) in faults {
            let reason = format!("{count} × {reason}");
            let note = Note::element(Severity::Dropped, id, object.class.as_str(), reason);
            self.city.notes.push(note);
        }
        object
    }

    fn finish(self) -> City {
        let mut city = self.city;
        let mut say = |text: String| city.notes.push(Note::source(Severity::Info, text));
        for (kind, count) in self.undrawn {
            say(format!("{count} × {kind} beside surfaces: only surfaces are drawn"));
        }
        if self.hollows > 0 {
            say(format!("{} hollows inside solids are not drawn: nobody sees them", self.hollows));
        }
        city.prefer_detailed_children();
        city.check_coordinates();
        city.raise_footprints();
        city
    }
}

impl City {
    /// Where a part is drawn in more detail than the whole, the whole is its parts.
    pub(super) fn prefer_detailed_children(&mut self) {
        let mut finest: BTreeMap<String, f64> = BTreeMap::new();
        for object in &self.objects {
            if let (Some(parent), Some(lod)) = (&object.parent, object.lod) {
                let known = finest.entry(parent.clone()).or_insert(lod);
                *known = known.max(lod);
            }
        }
        for object in &mut self.objects {
            let own = object.lod.unwrap_or(0.0);
            if object.class.starts_with("Building")
                && finest.get(&object.id).is_some_and(|finest| *finest > own)
            {
                object.surfaces = Vec::<Surface>::new();
                object.lod = None;
            }
        }
    }
}
