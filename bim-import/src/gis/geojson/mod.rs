//! GeoJSON (RFC 7946): buildings drawn up from their outlines, roads and water widened
//! from lines, greenery, trees, terrain and landmarks.

mod draw;
mod feature;
#[cfg(test)]
mod tests;

use geojson::{Feature, GeometryValue, Position};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use twin_model::{Entity, EntityId, EntityKind};

use self::feature::Ids;
use super::{GisError, ground::Ground, stage, style, terrain::Terrain};
use crate::{
    frame::LocalFrame,
    imported::{Imported, Note, Severity},
};

/// The parts of a GeoJSON text that matter before its features are looked at.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    features: Option<Vec<&'a RawValue>>,
    name: Option<Value>,
    crs: Option<Value>,
}

/// Reads a GeoJSON text into the scene's local frame.
///
/// Coordinates are WGS 84 longitude and latitude in degrees; a height other than zero is
/// taken as ellipsoidal metres, everything else lies at the height of the frame's origin.
/// Every feature becomes one entity below one site that stands for the file; what cannot
/// be drawn is named in the notes with its index.
///
/// # Errors
/// When the text is no GeoJSON, or states another reference system than WGS 84.
pub fn read(
    bytes: &[u8],
    file_name: &str,
    source: u32,
    frame: &LocalFrame,
) -> Result<Imported, GisError> {
    read_on(bytes, file_name, source, Ground { frame, terrain: &Terrain::default() })
}

/// The same, set on terrain.
pub(super) fn read_on(
    bytes: &[u8],
    file_name: &str,
    source: u32,
    ground: Ground<'_>,
) -> Result<Imported, GisError> {
    let text = text_of(bytes, file_name)?;
    let (head, features) = split(text, file_name)?;
    check_crs(head.crs.as_ref(), file_name)?;
    let site = stage::site(file_name, head.name.as_ref().and_then(Value::as_str), source);
    let mut reader = Reader::new(site, file_name, ground);
    for (index, feature) in features.iter().enumerate() {
        reader.feature(index, feature);
    }
    Ok(reader.finish())
}

/// The middle of a file's coordinates, longitude and latitude in degrees: where the frame
/// may lie when nothing else says. Nothing for a file without usable coordinates.
///
/// # Errors
/// As [`read`].
pub fn center(bytes: &[u8], file_name: &str) -> Result<Option<[f64; 2]>, GisError> {
    let text = text_of(bytes, file_name)?;
    let (head, features) = split(text, file_name)?;
    check_crs(head.crs.as_ref(), file_name)?;
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    let mut take = |position: &Position| {
        let [lon, lat, ..] = *position.as_slice() else { return };
        if lon.abs() <= 180.0 && lat.abs() <= 90.0 {
            let p = [lon, lat];
            for axis in 0..2 {
                low[axis] = low[axis].min(p[axis]);
                high[axis] = high[axis].max(p[axis]);
            }
        }
    };
    for raw in features {
        if let Ok(feature) = serde_json::from_str::<Feature>(raw)
            && let Some(geometry) = feature.geometry
        {
            feature::positions(&geometry.value, 0, &mut take);
        }
    }
    Ok((low[0] <= high[0]).then(|| [0, 1].map(|axis| (low[axis] + high[axis]) / 2.0)))
}

fn parse_error(file_name: &str, reason: impl ToString) -> GisError {
    GisError::Parse { file: file_name.to_owned(), format: "GeoJSON", reason: reason.to_string() }
}

fn text_of<'a>(bytes: &'a [u8], file_name: &str) -> Result<&'a str, GisError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| parse_error(file_name, error))
}

/// The head of the text, and the text of every feature in it.
fn split<'a>(text: &'a str, file_name: &str) -> Result<(Head<'a>, Vec<&'a str>), GisError> {
    let mut head: Head<'a> =
        serde_json::from_str(text).map_err(|error| parse_error(file_name, error))?;
    let features = match (head.kind.as_str(), head.features.take()) {
        ("FeatureCollection", Some(features)) => features.into_iter().map(RawValue::get).collect(),
        ("FeatureCollection", None) => {
            return Err(parse_error(file_name, "a FeatureCollection without `features`"));
        }
        // A geometry alone is read as a feature without properties: see `Reader::feature`.
        _ => vec![text],
    };
    Ok((head, features))
}

/// Refuses what GeoJSON's first edition allowed: another reference system.
fn check_crs(crs: Option<&Value>, file_name: &str) -> Result<(), GisError> {
    let Some(crs) = crs.filter(|crs| !crs.is_null()) else { return Ok(()) };
    let name = crs["properties"]["name"].as_str().unwrap_or_default();
    let known = ["CRS84", "EPSG:4326", "EPSG::4326", "EPSG:4979", "EPSG::4979"];
    if known.iter().any(|end| name.ends_with(end)) {
        return Ok(());
    }
    let crs = if name.is_empty() { crs.to_string() } else { name.to_owned() };
    Err(GisError::Crs { file: file_name.to_owned(), crs })
}

/// Collects what features give.
pub(super) struct Reader<'a> {
    ground: Ground<'a>,
    ids: Ids,
    site: EntityId,
    source: u32,
    imported: Imported,
    /// Buildings whose height was worked out.
    estimated: u32,
}

impl<'a> Reader<'a> {
    /// For the features of one file, below the entity that stands for it.
    pub(super) fn new(site: Entity, file_name: &str, ground: Ground<'a>) -> Self {
        Self {
            ground,
            ids: Ids::new(file_name, &site.id),
            site: site.id.clone(),
            source: site.source,
            imported: Imported { entities: vec![site], ..Imported::default() },
            estimated: 0,
        }
    }

    pub(super) fn finish(mut self) -> Imported {
        if self.estimated > 0 {
            let text = format!(
                "{} buildings have no `height`: drawn with {} m a storey",
                self.estimated,
                style::STOREY_M
            );
            self.imported.notes.push(Note::source(Severity::Approximated, text));
        }
        self.imported
    }

    fn note(&mut self, severity: Severity, id: &EntityId, class: &str, reason: String) {
        self.imported.notes.push(Note::element(severity, id.as_str(), class, reason));
    }

    fn feature(&mut self, index: usize, text: &str) {
        let feature = match parse(text) {
            Ok(feature) => feature,
            Err(reason) => {
                self.imported.notes.push(Note::element(
                    Severity::Dropped,
                    format!("features/{index}"),
                    "Feature",
                    format!("feature {index} cannot be read: {reason}"),
                ));
                return;
            }
        };
        self.take(index, feature, true, None);
    }

    /// Takes one feature; `drawn` is false where its parts are drawn instead. Gives the id
    /// of the entity it became.
    pub(super) fn take(
        &mut self,
        index: usize,
        feature: Feature,
        drawn: bool,
        parent: Option<EntityId>,
    ) -> Option<EntityId> {
        let (id, repeated) = self.ids.of(&feature);
        let class = feature.geometry.as_ref().map_or("null", |g| g.value.type_name());
        if let Some(wanted) = repeated {
            let reason = format!("feature {index} uses the id {wanted} again");
            self.note(Severity::Info, &id, class, reason);
        }
        let properties = feature.properties.clone().unwrap_or_default();
        let (kind, look) = match style::classify(&properties) {
            Some(found) => found,
            None => match unnamed_kind(feature.geometry.as_ref().map(|g| &g.value), &properties) {
                Some(kind) => {
                    let reason = format!(
                        "feature {index} does not say what it is: taken as {}",
                        kind.as_str()
                    );
                    self.note(Severity::Info, &id, class, reason);
                    (kind, style::Look::Plain)
                }
                None => {
                    let reason =
                        format!("feature {index}, a {class}, does not say what it is: no `kind`");
                    self.note(Severity::Dropped, &id, class, reason);
                    return None;
                }
            },
        };
        // A part of a building in the file is an element of it.
        let kind = if parent.is_some() { EntityKind::Element } else { kind };
        let mut entity = feature::entity(id.clone(), kind, &feature, self.source);
        entity.parent = Some(parent.unwrap_or_else(|| self.site.clone()));
        if drawn {
            self.draw(index, &mut entity, look, &feature, &properties);
        }
        self.imported.entities.push(entity);
        Some(id)
    }

    fn draw(
        &mut self,
        index: usize,
        entity: &mut Entity,
        look: style::Look,
        feature: &Feature,
        properties: &style::Properties,
    ) {
        let Some(geometry) = &feature.geometry else {
            let reason = format!("feature {index} has no geometry");
            self.note(Severity::Info, &entity.id, "null", reason);
            return;
        };
        let class = geometry.value.type_name();
        let drawn =
            draw::draw(&self.ground, &entity.id, entity.kind, look, properties, &geometry.value);
        for (severity, reason) in drawn.notes {
            self.note(severity, &entity.id, class, format!("feature {index}: {reason}"));
        }
        self.estimated += u32::from(drawn.estimated);
        entity.bbox = drawn.bbox;
        self.imported.meshes.extend(drawn.meshes);
    }
}

/// A feature, or a geometry without one.
fn parse(text: &str) -> Result<Feature, String> {
    match serde_json::from_str::<geojson::GeoJson>(text) {
        Ok(geojson::GeoJson::Feature(feature)) => Ok(feature),
        Ok(geojson::GeoJson::Geometry(geometry)) => {
            Ok(Feature { geometry: Some(geometry), ..Feature::default() })
        }
        Ok(geojson::GeoJson::FeatureCollection(_)) => {
            Err("a collection inside a collection".into())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// What a feature without any telling property may be taken for. Of areas, only buildings
/// are given a height.
fn unnamed_kind(
    geometry: Option<&GeometryValue>,
    properties: &style::Properties,
) -> Option<EntityKind> {
    let has_height = ["height", "building:levels"].iter().any(|key| properties.contains_key(*key));
    match geometry? {
        GeometryValue::Polygon { .. } | GeometryValue::MultiPolygon { .. } if has_height => {
            Some(EntityKind::Building)
        }
        GeometryValue::Point { .. } | GeometryValue::MultiPoint { .. } => {
            Some(EntityKind::Landmark)
        }
        GeometryValue::Polygon { .. } | GeometryValue::MultiPolygon { .. } => {
            Some(EntityKind::Terrain)
        }
        _ => None,
    }
}
