//! OpenStreetMap as PBF: buildings and their parts, roads, green, water, barriers, and
//! points that matter in an emergency. Three passes over the file, relations, ways and
//! nodes, so that only what is drawn is held.

mod block;
mod buildings;
mod pbf;
mod rings;
#[cfg(test)]
mod tests;

use geojson::{Feature, Geometry, GeometryValue, Position, feature::Id};
use hashbrown::{HashMap, HashSet};
use serde_json::{Map, Value};

use self::{
    block::{Data, Tags},
    pbf::{Block, Blocks, Result},
    rings::Ring,
};
use super::{
    features::Features,
    style::{self, Look, Properties},
};
use crate::imported::{Note, Severity};

/// Things of one file, and the nodes they are drawn from; more do not fit into memory
/// beside the rest of a scene.
const MAX_THINGS: usize = 3_000_000;
const MAX_NODES: usize = 30_000_000;

/// A way or relation that is drawn.
struct Thing {
    id: String,
    properties: Properties,
    shape: Shape,
}

enum Shape {
    Line(Vec<i64>),
    Area(Vec<i64>),
    /// Ways of the outlines, and of the holes.
    Areas {
        outer: Vec<i64>,
        inner: Vec<i64>,
    },
}

/// What was left out, with how often.
#[derive(Default)]
struct Tally {
    tunnels: usize,
    coastlines: usize,
    incomplete: usize,
    open: usize,
    holes: usize,
}

/// Reads a file.
///
/// # Errors
/// A text that says what is wrong with the file.
pub(super) fn read(bytes: &[u8]) -> Result<Features> {
    let mut tally = Tally::default();
    let mut things = Vec::new();
    let mut members: HashMap<i64, Vec<i64>> = HashMap::new();
    read_relations(bytes, &mut things, &mut members)?;
    read_ways(bytes, &mut things, &mut members, &mut tally)?;
    let mut places = Places::wanted(&things, &members)?;
    let points = read_nodes(bytes, &mut places)?;
    let mut features = Vec::with_capacity(things.len() + points.len());
    for thing in things {
        if let Some(feature) = thing.feature(&members, &places, &mut tally) {
            features.push(feature);
        }
    }
    features.extend(points);
    if features.is_empty() {
        return Err("nothing in it is drawn: no buildings, roads, green, water or points".into());
    }
    let parts = buildings::relate(&mut features);
    Ok(Features {
        system: None,
        center: center(bytes)?.or_else(|| places.middle()),
        title: None,
        notes: tally.notes(),
        features,
        drawn_by_parts: parts.drawn_by_parts,
        parents: parts.parents,
    })
}

/// Visits the data of a file.
fn each(bytes: &[u8], mut visit: impl FnMut(&Data<'_>) -> Result<()>) -> Result<()> {
    for block in Blocks::new(bytes) {
        if let Block::Data(block) = block? {
            visit(&Data::read(&block)?)?;
        }
    }
    Ok(())
}

/// The middle of the box that the file says it covers, longitude and latitude in degrees.
fn center(bytes: &[u8]) -> Result<Option<[f64; 2]>> {
    let Some(Ok(Block::Header(header))) = Blocks::new(bytes).next() else {
        return Err("it does not start with a header of OpenStreetMap data".into());
    };
    let mut message = pbf::Message(&header);
    let mut sides = [0i64; 4];
    while let Some((field, value)) = message.next()? {
        if let (1, pbf::Field::Bytes(bbox)) = (field, value) {
            let mut bbox = pbf::Message(bbox);
            while let Some((field, value)) = bbox.next()? {
                if let (1..=4, pbf::Field::Number(number)) = (field, value) {
                    sides[field as usize - 1] = pbf::signed(number);
                }
            }
        }
    }
    let [left, right, top, bottom] = sides.map(|side| side as f64 * 1e-9);
    let (lon, lat) = ((left + right) / 2.0, (top + bottom) / 2.0);
    let sane = left < right && bottom < top && lon.abs() <= 180.0 && lat.abs() <= 90.0;
    Ok(sane.then_some([lon, lat]))
}

fn properties(data: &Data<'_>, tags: &[(u32, u32)]) -> Properties {
    let text = |number: u32| String::from_utf8_lossy(data.string(number)).into_owned();
    tags.iter().map(|(key, value)| (text(*key), Value::from(text(*value)))).collect()
}

/// Whether any key is one that can make a thing drawn: most ways and relations have none,
/// and their texts are never copied.
fn is_candidate(data: &Data<'_>, tags: &Tags) -> bool {
    tags.iter().any(|(key, _)| style::is_telling(data.string(*key)))
}

fn room(things: &[Thing]) -> Result<()> {
    if things.len() < MAX_THINGS {
        return Ok(());
    }
    Err(format!(
        "more than {MAX_THINGS} of its things would be drawn; cut the area out first, for example with `osmium extract`"
    ))
}

fn read_relations(
    bytes: &[u8],
    things: &mut Vec<Thing>,
    members: &mut HashMap<i64, Vec<i64>>,
) -> Result<()> {
    each(bytes, |data| {
        let mut full = Ok(());
        data.relations(|relation| {
            if !is_candidate(data, &relation.tags) || full.is_err() {
                return;
            }
            let properties = properties(data, &relation.tags);
            let area = style::text(&properties, "type") == Some("multipolygon");
            if !area || !is_drawn(&properties) {
                return;
            }
            let (mut outer, mut inner) = (Vec::new(), Vec::new());
            for (way, role) in relation.ways() {
                members.entry(way).or_default();
                if data.string(role) == b"inner" { &mut inner } else { &mut outer }.push(way);
            }
            full = room(things);
            things.push(Thing {
                id: format!("relation:{}", relation.id),
                properties,
                shape: Shape::Areas { outer, inner },
            });
        })?;
        full
    })
}

fn is_drawn(properties: &Properties) -> bool {
    let underground = style::text(properties, "location") == Some("underground");
    !underground && style::classify(properties).is_some()
}

fn read_ways(
    bytes: &[u8],
    things: &mut Vec<Thing>,
    members: &mut HashMap<i64, Vec<i64>>,
    tally: &mut Tally,
) -> Result<()> {
    each(bytes, |data| {
        let mut full = Ok(());
        data.ways(|way| {
            if let Some(refs) = members.get_mut(&way.id) {
                *refs = way.refs();
            }
            if !is_candidate(data, &way.tags) || full.is_err() {
                return;
            }
            let properties = properties(data, &way.tags);
            if style::text(&properties, "natural") == Some("coastline") {
                tally.coastlines += 1;
            }
            if !is_drawn(&properties) {
                return;
            }
            if is_tunnel(&properties) {
                tally.tunnels += 1;
                return;
            }
            let refs = way.refs();
            let closed = refs.len() > 3 && refs.first() == refs.last();
            let shape =
                if closed && is_area(&properties) { Shape::Area(refs) } else { Shape::Line(refs) };
            full = room(things);
            things.push(Thing { id: format!("way:{}", way.id), properties, shape });
        })?;
        full
    })
}

/// Under the ground: drawn on it, a tunnel would run through houses.
fn is_tunnel(properties: &Properties) -> bool {
    let said = style::text(properties, "tunnel");
    said.is_some_and(|tunnel| tunnel != "no" && tunnel != "building_passage")
        || style::text(properties, "covered") == Some("yes")
}

/// Whether a closed way is an area: a roundabout is not, a house is.
fn is_area(properties: &Properties) -> bool {
    match style::text(properties, "area") {
        Some("yes") => return true,
        Some("no") => return false,
        _ => {}
    }
    let Some((_, look)) = style::classify(properties) else { return false };
    let line = ["highway", "railway", "barrier"].iter().any(|key| properties.contains_key(*key))
        || style::text(properties, "natural") == Some("tree_row");
    let water_way = style::text(properties, "waterway")
        .is_some_and(|way| !matches!(way, "riverbank" | "dock" | "boatyard"));
    let building = properties.contains_key("building") || properties.contains_key("building:part");
    building || !(line || water_way || look == Look::Barrier)
}

/// Where nodes are, for those that are wanted.
struct Places {
    ids: Vec<i64>,
    /// Longitude and latitude; NaN until found.
    at: Vec<[f64; 2]>,
}

impl Places {
    fn wanted(things: &[Thing], members: &HashMap<i64, Vec<i64>>) -> Result<Self> {
        let own = |thing: &Thing| match &thing.shape {
            Shape::Line(refs) | Shape::Area(refs) => refs.len(),
            Shape::Areas { .. } => 0,
        };
        let count =
            things.iter().map(own).sum::<usize>() + members.values().map(Vec::len).sum::<usize>();
        if count > MAX_NODES {
            return Err(format!(
                "more than {MAX_NODES} nodes would be drawn; cut the area out first, for example with `osmium extract`"
            ));
        }
        let mut ids: Vec<i64> = Vec::with_capacity(count);
        for thing in things {
            if let Shape::Line(refs) | Shape::Area(refs) = &thing.shape {
                ids.extend(refs);
            }
        }
        ids.extend(members.values().flatten());
        ids.sort_unstable();
        ids.dedup();
        let at = vec![[f64::NAN; 2]; ids.len()];
        Ok(Self { ids, at })
    }

    fn found(&mut self, id: i64, at: [f64; 2]) {
        if let Ok(n) = self.ids.binary_search(&id) {
            self.at[n] = at;
        }
    }

    fn get(&self, id: i64) -> Option<[f64; 2]> {
        let at = self.at[self.ids.binary_search(&id).ok()?];
        at[0].is_finite().then_some(at)
    }

    fn middle(&self) -> Option<[f64; 2]> {
        let mut known: Vec<[f64; 2]> =
            self.at.iter().filter(|at| at[0].is_finite()).copied().collect();
        let half = known.len() / 2;
        if known.is_empty() {
            return None;
        }
        Some([0, 1].map(|axis| {
            known.select_nth_unstable_by(half, |a, b| a[axis].total_cmp(&b[axis])).1[axis]
        }))
    }
}

fn read_nodes(bytes: &[u8], places: &mut Places) -> Result<Vec<Feature>> {
    let mut points = Vec::new();
    each(bytes, |data| {
        data.nodes(|node| {
            let [lon, lat] = node.at;
            if !(lon.abs() <= 180.0 && lat.abs() <= 90.0) {
                // As good as not in the file: what uses it is said to lack a node.
                return;
            }
            places.found(node.id, node.at);
            if points.len() >= MAX_THINGS
                || !node.tags.iter().any(|(key, _)| style::is_point_key(data.string(*key)))
            {
                return;
            }
            let properties = properties(data, node.tags);
            if style::is_point(&properties) && is_drawn(&properties) {
                let at = GeometryValue::Point { coordinates: Position::from(node.at) };
                points.push(feature(format!("node:{}", node.id), properties, at));
            }
        })
    })?;
    Ok(points)
}

fn feature(id: String, properties: Properties, geometry: GeometryValue) -> Feature {
    Feature {
        id: Some(Id::String(id)),
        properties: Some(Map::from_iter(properties)),
        geometry: Some(Geometry::new(geometry)),
        ..Feature::default()
    }
}

impl Thing {
    /// With places instead of nodes; nothing when too few of them are in the file.
    fn feature(
        self,
        members: &HashMap<i64, Vec<i64>>,
        places: &Places,
        tally: &mut Tally,
    ) -> Option<Feature> {
        let geometry = match &self.shape {
            Shape::Line(refs) => {
                let line = line(refs, places, tally);
                if line.len() < 2 {
                    return None;
                }
                GeometryValue::LineString { coordinates: positions(&line) }
            }
            Shape::Area(refs) => {
                let ring = line(refs, places, tally);
                if ring.len() < 4 {
                    return None;
                }
                GeometryValue::Polygon { coordinates: vec![positions(&ring)] }
            }
            Shape::Areas { outer, inner } => {
                let mut rings = |ways: &[i64]| -> Vec<Ring> {
                    // A way that is named twice is one.
                    let mut seen = HashSet::new();
                    let ways: Vec<&[i64]> = ways
                        .iter()
                        .filter(|way| seen.insert(**way))
                        .filter_map(|way| members.get(way).map(Vec::as_slice))
                        .collect();
                    tally.incomplete += usize::from(ways.iter().any(|way| way.is_empty()));
                    let (rings, open) = rings::join(&ways);
                    tally.open += open;
                    let rings = rings.iter().map(|ring| line(ring, places, tally));
                    rings.filter(|ring| ring.len() > 3).collect()
                };
                let (outer, inner) = (rings(outer), rings(inner));
                let (polygons, lost) = rings::nest(outer, inner);
                tally.holes += lost;
                if polygons.is_empty() {
                    return None;
                }
                let polygon = |rings: &Vec<Ring>| rings.iter().map(|r| positions(r)).collect();
                GeometryValue::MultiPolygon { coordinates: polygons.iter().map(polygon).collect() }
            }
        };
        Some(feature(self.id, self.properties, geometry))
    }
}

fn line(refs: &[i64], places: &Places, tally: &mut Tally) -> Ring {
    let line: Ring = refs.iter().filter_map(|id| places.get(*id)).collect();
    tally.incomplete += usize::from(line.len() < refs.len());
    line
}

fn positions(line: &[[f64; 2]]) -> Vec<Position> {
    line.iter().map(|place| Position::from(*place)).collect()
}

impl Tally {
    fn notes(&self) -> Vec<Note> {
        let lines = [
            (self.tunnels, Severity::Info, "roads and waterways in tunnels are not drawn"),
            (
                self.coastlines,
                // Nothing of the file is lost: a line is no sea.
                Severity::Info,
                "coastlines do not enclose an area: the sea is not drawn",
            ),
            (
                self.incomplete,
                Severity::Approximated,
                "things lack nodes or ways, as at the edge of an extract: drawn from what is there",
            ),
            (self.open, Severity::Dropped, "outlines of areas do not close and are not drawn"),
            (self.holes, Severity::Approximated, "holes lie in no outline and are left out"),
        ];
        let note = |(count, severity, text): (usize, Severity, &str)| {
            (count > 0).then(|| Note::source(severity, format!("{count} {text}")))
        };
        lines.into_iter().filter_map(note).collect()
    }
}
