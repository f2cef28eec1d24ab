//! City objects become entities and meshes.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde_json::Value;
use sha2::{Digest, Sha256};
use twin_model::{BoundingBox, Entity, EntityId};

use super::{
    super::{
        face::{self, Face, Fault},
        shape::Shape,
        stage::{REACH_M, Stage},
        style,
        terrain::{Relief, UNDER_M},
    },
    City, Object, Role, Surface, kind,
};
use crate::{
    crs::Crs,
    frame::LocalFrame,
    ids,
    imported::{Imported, Note, Severity},
    mesh::{ElementMesh, MaterialClass},
    parents,
};

/// Ids longer than this, or with control characters, are replaced.
const MAX_ID: usize = 200;

impl City {
    /// Draws the model on a stage.
    pub(in super::super) fn draw(mut self, stage: &Stage<'_>) -> Imported {
        let (vertices, placing) = self.local_vertices(stage);
        let mut imported =
            Imported { notes: std::mem::take(&mut self.notes), ..Imported::default() };
        imported.notes.extend(placing);
        let site = stage.site(self.title.as_deref());
        let ids = self.ids(stage, &site.id, &mut imported.notes);
        let parents = self.parents(&ids, &mut imported.notes);
        imported.entities.push(site);
        let is_ground = stage.terrain.of(stage.source).is_some();
        if is_ground {
            let text = "its terrain is the ground that maps are set on";
            imported.notes.push(Note::source(Severity::Info, text));
        }
        let mut tally = Tally::default();
        for (n, object) in self.objects.iter().enumerate() {
            let parent = parents[n].map_or(&imported.entities[0].id, |parent| &ids[parent]).clone();
            let mut entity = entity(object, ids[n].clone(), parent, stage.source);
            // What maps are set on lies under them.
            let sinks = is_ground && is_terrain(object);
            let drawn = draw(object, &entity, &vertices, if sinks { UNDER_M } else { 0.0 });
            tally.count(object, &drawn);
            for (fault, count) in drawn.faults {
                let reason = format!("{count} × a surface {fault}");
                let severity = if drawn.meshes.is_empty() {
                    Severity::Dropped
                } else {
                    Severity::Approximated
                };
                let class = object.class.as_str();
                imported.notes.push(Note::element(severity, entity.id.as_str(), class, reason));
            }
            entity.bbox = drawn.bbox;
            imported.meshes.extend(drawn.meshes);
            imported.entities.push(entity);
        }
        tally.say(&mut imported.notes);
        imported
    }

    /// Vertices in the stage's coordinates; `None` for those that have no place there.
    fn local_vertices(&self, stage: &Stage<'_>) -> (Vec<Option<[f64; 3]>>, Vec<Note>) {
        let mut notes = Vec::new();
        let (Some(frame), Some(crs)) = (stage.frame, &self.crs) else {
            let shift = stage.shift(self.middle(), &mut notes);
            let moved = |v: &[f64; 3]| [0, 1, 2].map(|axis| v[axis] + shift[axis]);
            return (self.vertices.iter().map(|v| Some(moved(v))).collect(), notes);
        };
        (self.vertices.iter().map(|v| local(v, frame, crs)).collect(), notes)
    }

    /// Its terrain, laid out in a frame; nothing without terrain or a place there.
    pub(in super::super) fn relief(&self, frame: Option<&LocalFrame>) -> Option<Relief> {
        let (frame, crs) = frame.zip(self.crs.as_ref())?;
        let mut triangles = Vec::new();
        let ground = self.objects.iter().filter(|object| is_terrain(object));
        for surface in ground.flat_map(|object| &object.surfaces) {
            let place = |&i: &u32| local(self.vertices.get(i as usize)?, frame, crs);
            let rings: Option<Vec<Vec<[f64; 3]>>> =
                surface.rings.iter().map(|ring| ring.iter().map(place).collect()).collect();
            if let Some(Ok(face)) = rings.map(|rings| face::triangulate(&rings)) {
                triangles.extend(face.triangles.iter().map(|t| t.map(|i| face.points[i])));
            }
        }
        Relief::of_triangles(&triangles)
    }

    /// The ids of all objects: their own, where these can be used.
    fn ids(&self, stage: &Stage<'_>, site: &EntityId, notes: &mut Vec<Note>) -> Vec<EntityId> {
        let mut taken = ids::Taken::default();
        taken.take(site.as_str());
        let mut unusable = 0;
        let mut ids = Vec::with_capacity(self.objects.len());
        let mut alike = HashMap::new();
        for object in &self.objects {
            let own = &object.id;
            let usable = (1..=MAX_ID).contains(&own.len()) && !own.chars().any(char::is_control);
            unusable += usize::from(!usable);
            let wanted = if usable {
                own.clone()
            } else if own.is_empty() {
                let mark = self.mark(object);
                let nth = alike.entry(mark).or_insert(0u32);
                *nth += 1;
                ids::derived(stage.file, &format!("objects/{}/{nth}", ids::hex(&mark))).to_string()
            } else {
                ids::derived(stage.file, &format!("id/{own}")).to_string()
            };
            let id = taken.take(&wanted);
            if id.as_str() != wanted {
                let reason = format!("the file uses the id again; kept as {id}");
                let class = object.class.as_str();
                notes.push(Note::element(Severity::Info, own.as_str(), class, reason));
            }
            ids.push(id);
        }
        if unusable > 0 {
            let text = format!("{unusable} objects have no usable id and got one of ours");
            notes.push(Note::source(Severity::Info, text));
        }
        ids
    }

    /// What tells an object without id from others: class, name, whole, and corners to a
    /// millimetre.
    fn mark(&self, object: &Object) -> [u8; 16] {
        let mut hash = Sha256::new();
        for part in
            [object.class.as_str(), name(object), object.parent.as_deref().unwrap_or_default()]
        {
            hash.update(part);
            hash.update([0]);
        }
        // Degrees are finer than metres.
        let unit = self.crs.as_ref().is_some_and(Crs::is_geographic);
        let steps = if unit { [1e8, 1e8, 1e3] } else { [1e3; 3] };
        for ring in object.surfaces.iter().flat_map(|surface| &surface.rings) {
            hash.update((ring.len() as u64).to_le_bytes());
            for vertex in ring.iter().filter_map(|&i| self.vertices.get(i as usize)) {
                for (value, steps) in vertex.iter().zip(steps) {
                    hash.update(((value * steps).round() as i64).to_le_bytes());
                }
            }
        }
        ids::short(&hash.finalize())
    }

    /// The position of each object's parent; rings are cut.
    fn parents(&self, ids: &[EntityId], notes: &mut Vec<Note>) -> Vec<Option<usize>> {
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        for (n, object) in self.objects.iter().enumerate() {
            by_id.entry(&object.id).or_insert(n);
        }
        let mut lost = 0;
        let mut parents: Vec<Option<usize>> = Vec::with_capacity(self.objects.len());
        for object in &self.objects {
            let found = object.parent.as_ref().map(|parent| by_id.get(parent.as_str()).copied());
            lost += usize::from(found == Some(None));
            parents.push(found.flatten());
        }
        if lost > 0 {
            let text = format!("{lost} objects name a parent that is not in the file");
            notes.push(Note::source(Severity::Info, text));
        }
        for (n, fault) in parents::straighten(&mut parents, None) {
            let reason = format!("it {} by its parents; taken out", fault.says());
            let class = self.objects[n].class.as_str();
            notes.push(Note::element(Severity::Info, ids[n].as_str(), class, reason));
        }
        parents
    }
}

/// Whether an object is the shape of the ground.
fn is_terrain(object: &Object) -> bool {
    object.class == "TINRelief"
}

/// A vertex in a frame; nothing where it has no place near it.
fn local(v: &[f64; 3], frame: &LocalFrame, crs: &Crs) -> Option<[f64; 3]> {
    let [lon, lat] = crs.lon_lat(v[0], v[1])?;
    let place = frame.to_local(lon, lat, crs.height_m(v[2]));
    place.iter().all(|value| value.abs() <= REACH_M).then_some(place)
}

/// What the objects of a model came to, for the report.
#[derive(Default)]
struct Tally {
    levels: BTreeMap<String, usize>,
    far: usize,
    turned: usize,
    guessed: usize,
}

impl Tally {
    fn count(&mut self, object: &Object, drawn: &Drawn) {
        if let Some(lod) = object.lod {
            *self.levels.entry(lod.to_string()).or_default() += 1;
        }
        self.far += drawn.far;
        self.turned += usize::from(drawn.turned);
        self.guessed += drawn.guessed;
    }

    fn say(&self, notes: &mut Vec<Note>) {
        let mut say = |severity, text: String| notes.push(Note::source(severity, text));
        if !self.levels.is_empty() {
            let levels: Vec<String> =
                self.levels.iter().map(|(lod, count)| format!("{lod} for {count}")).collect();
            let text = format!("level of detail {} objects", levels.join(", "));
            say(Severity::Info, text);
        }
        if self.far > 0 {
            let text = format!(
                "{} surfaces lie more than {:.0} km from the rest, or outside their coordinate system",
                self.far,
                REACH_M / 1_000.0
            );
            say(Severity::Dropped, text);
        }
        if self.turned > 0 {
            let text = format!("{} solids were inside out and were turned", self.turned);
            say(Severity::Approximated, text);
        }
        if self.guessed > 0 {
            let text = format!(
                "{} surfaces cross themselves or their holes: their inside is a guess",
                self.guessed
            );
            say(Severity::Approximated, text);
        }
    }
}

fn name(object: &Object) -> &str {
    let text = |key: &str| object.attributes.get(key).and_then(Value::as_str).map(str::trim);
    ["name", "Name", "gml:name"].iter().find_map(|key| text(key)).unwrap_or_default()
}

fn entity(object: &Object, id: EntityId, parent: EntityId, source: u32) -> Entity {
    let kind = kind::kind(&object.class, object.parent.is_some());
    let name = name(object);
    let mut own = BTreeMap::from([("Class".to_owned(), Value::from(object.class.as_str()))]);
    if let Some(lod) = object.lod {
        own.insert("LevelOfDetail".to_owned(), Value::from(lod));
    }
    let mut properties = BTreeMap::from([("CityObject".to_owned(), own)]);
    let attributes: BTreeMap<String, Value> = object
        .attributes
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !attributes.is_empty() {
        properties.insert("Attributes".to_owned(), attributes);
    }
    let mut tags = vec![object.id.clone()];
    if !name.is_empty() {
        tags.push(format!("{}:{name}", kind.as_str()));
    }
    Entity {
        id,
        parent: Some(parent),
        kind,
        ifc_class: None,
        global_id: None,
        name: name.to_owned(),
        storey: None,
        bbox: None,
        properties,
        tags,
        source,
    }
}

/// What one object gave.
#[derive(Default)]
struct Drawn {
    meshes: Vec<ElementMesh>,
    bbox: Option<BoundingBox>,
    faults: BTreeMap<&'static str, usize>,
    far: usize,
    guessed: usize,
    turned: bool,
}

/// Draws an object, `sunk` metres lower than it is.
fn draw(object: &Object, entity: &Entity, vertices: &[Option<[f64; 3]>], sunk: f64) -> Drawn {
    let mut drawn = Drawn::default();
    let mut faces: Vec<(&Surface, Face)> = Vec::with_capacity(object.surfaces.len());
    for surface in &object.surfaces {
        let place = |&i: &u32| {
            let [x, y, z] = vertices.get(i as usize).copied().flatten()?;
            Some([x, y, z - sunk])
        };
        let ring = |ring: &Vec<u32>| ring.iter().map(place).collect();
        let rings: Option<Vec<Vec<[f64; 3]>>> = surface.rings.iter().map(ring).collect();
        match rings.map(|rings| face::triangulate(&rings)) {
            Some(Ok(face)) => {
                drawn.guessed += usize::from(face.broken);
                faces.push((surface, face));
            }
            // Slivers are what solids are full of; nothing is missing without them.
            Some(Err(Fault::NoArea)) if object.surfaces.len() > 1 => {}
            Some(Err(fault)) => *drawn.faults.entry(fault.reason()).or_default() += 1,
            None => drawn.far += 1,
        }
    }
    let material = kind::material(entity.kind);
    if object.solid && volume(&faces) < 0.0 {
        drawn.turned = true;
        faces.iter_mut().for_each(|(_, face)| turn(face));
    } else if !object.solid && material == MaterialClass::Ground {
        // Ground is seen from above, whichever way round it was drawn.
        let under = |face: &Face| face.normal[2] < -0.2;
        faces.iter_mut().filter(|(_, face)| under(face)).for_each(|(_, face)| turn(face));
    }
    let seed = style::seed(&entity.id);
    let mut shapes: BTreeMap<[u8; 3], Shape> = BTreeMap::new();
    for (surface, face) in faces {
        let role = if surface.role == Role::Unsaid { seen(&face) } else { surface.role };
        let color = surface.color.unwrap_or_else(|| kind::color(entity.kind, role, seed));
        add(&face, shapes.entry(color).or_default());
    }
    for (color, shape) in shapes {
        if let Some((mesh, bbox)) = shape.finish(&entity.id, material, color) {
            drawn.bbox = Some(drawn.bbox.map_or(bbox, |before| before.union(&bbox)));
            drawn.meshes.push(mesh);
        }
    }
    drawn
}

/// What a surface of a volume is by the way it faces.
fn seen(face: &Face) -> Role {
    match face.normal[2] {
        up if up > 0.3 => Role::Roof,
        up if up < -0.3 => Role::Ground,
        _ => Role::Wall,
    }
}

/// The volume that faces enclose by the divergence theorem, m³; negative inside out.
fn volume(faces: &[(&Surface, Face)]) -> f64 {
    let Some(origin) = faces.first().map(|(_, face)| face.points[0]) else { return 0.0 };
    let of = |face: &Face| -> f64 {
        let at = |i: usize| [0, 1, 2].map(|axis| face.points[i][axis] - origin[axis]);
        let one = |t: &[usize; 3]| {
            let [a, b, c] = t.map(at);
            a[0] * (b[1] * c[2] - b[2] * c[1])
                + a[1] * (b[2] * c[0] - b[0] * c[2])
                + a[2] * (b[0] * c[1] - b[1] * c[0])
        };
        face.triangles.iter().map(one).sum()
    };
    faces.iter().map(|(_, face)| of(face)).sum::<f64>() / 6.0
}

fn turn(face: &mut Face) {
    face.normal = face.normal.map(|x| -x);
    face.triangles.iter_mut().for_each(|triangle| triangle.swap(1, 2));
}

fn add(face: &Face, shape: &mut Shape) {
    let ids: Vec<u32> = face.points.iter().map(|p| shape.vertex(*p, face.normal)).collect();
    for triangle in &face.triangles {
        shape.triangle(triangle.map(|i| ids[i]));
    }
}

#[cfg(test)]
mod tests {
    use twin_model::EntityKind;

    use super::*;

    #[test]
    fn kinds_know_whole_and_part() {
        assert_eq!(kind::kind("BuildingPart", true), EntityKind::Element);
        assert_eq!(kind::kind("BuildingPart", false), EntityKind::Building);
        assert_eq!(kind::kind("+Shed", false), EntityKind::Element);
    }
}
