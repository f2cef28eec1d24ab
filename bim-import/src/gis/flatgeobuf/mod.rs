//! FlatGeobuf: features in a binary file with their coordinate system. They become the
//! same features as those of GeoJSON. The file is walked here, slice by slice, because the
//! crate's own reader believes the lengths in it; the crate checks and decodes each slice.

mod geometry;
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use flatbuffers::VerifierOptions;
use flatgeobuf::{Crs as NamedCrs, Header, size_prefixed_root_as_feature_with_opts};
use geojson::{Feature, Geometry};

use self::{geometry::Geometries, properties::Columns};
use super::features::Features;
use crate::{
    crs::{self, Crs},
    imported::{Note, Severity},
};

/// The last version that is read.
const VERSION: u8 = 3;
/// Features of a file; the rest is reported.
const MAX_FEATURES: usize = 3_000_000;
/// Geometries and columns of one feature.
const MAX_TABLES: usize = 1_000_000;
/// Bytes of one node of the index.
const NODE_BYTES: u64 = 40;

/// Whether a file is FlatGeobuf by its first bytes.
pub(crate) fn is_magic(bytes: &[u8]) -> bool {
    matches!(bytes, [b'f', b'g', b'b', _, b'f', b'g', b'b', _, ..])
}

/// Reads a file; `wanted` is the coordinate system that the user names.
///
/// # Errors
/// What is wrong with its head, in words. Features that cannot be read are counted in the
/// notes.
pub(super) fn read(bytes: &[u8], wanted: Option<&str>) -> Result<Features, String> {
    if !is_magic(bytes) {
        return Err("it does not start as FlatGeobuf does".into());
    }
    if bytes[3] > VERSION {
        return Err(format!("it is version {}; up to {VERSION} is known", bytes[3]));
    }
    let (head, rest) = prefixed(&bytes[8..]).ok_or("it ends within its header")?;
    let header = flatgeobuf::size_prefixed_root_as_header(head)
        .map_err(|error| format!("its header is broken: {error}"))?;
    let count = header.features_count();
    let index = index_bytes(count, header.index_node_size());
    let rest = index.and_then(|index| rest.get(index..));
    let mut rest = rest.ok_or_else(|| format!("it ends within the index of {count} features"))?;
    let mut notes = Vec::new();
    let crs = system(&header, wanted, &mut notes)?;
    let mut reader = Reader::new(&header, &crs, notes);
    let mut number = 0;
    while !rest.is_empty() && number < MAX_FEATURES {
        let Some((feature, after)) = prefixed(rest) else {
            reader.say(Severity::Dropped, format!("it ends within feature {number}"));
            break;
        };
        reader.feature(feature);
        rest = after;
        number += 1;
    }
    if number == MAX_FEATURES && !rest.is_empty() {
        let text =
            format!("only its first {MAX_FEATURES} features are read; cut the area out first");
        reader.say(Severity::Dropped, text);
    } else if count > 0 && count != number as u64 {
        reader.say(Severity::Info, format!("it says {count} features and holds {number}"));
    }
    Ok(reader.finish())
}

/// Splits what starts with its own length in four bytes; the length stays before it.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_le_bytes(*bytes.first_chunk::<4>()?) as usize;
    // A table is no shorter than its root offset and its type.
    if length < 8 { None } else { bytes.split_at_checked(length.checked_add(4)?) }
}

/// Bytes of the packed tree over this many features, that no memory is taken for.
fn index_bytes(features: u64, node_size: u16) -> Option<usize> {
    if node_size == 0 || features == 0 {
        return Some(0);
    }
    let (mut level, mut nodes) = (features, features);
    while level > 1 {
        level = level.div_ceil(u64::from(node_size.max(2)));
        nodes = nodes.checked_add(level)?;
    }
    usize::try_from(nodes.checked_mul(NODE_BYTES)?).ok()
}

/// The system of the coordinates: the user's, else the file's, else degrees if they can be.
fn system(header: &Header<'_>, wanted: Option<&str>, notes: &mut Vec<Note>) -> Result<Crs, String> {
    let own = header.crs().and_then(name_of);
    notes.extend(wanted.and_then(|wanted| crs::overridden(wanted, own.as_deref())));
    let name = wanted.map(str::to_owned).or(own);
    if let Some(name) = name {
        return Crs::parse(&name).map_err(|error| {
            format!("its coordinate system cannot be used: {error} (or pass --crs)")
        });
    }
    let envelope: Vec<f64> = header.envelope().into_iter().flatten().collect();
    let limits = [180.0, 90.0];
    if !envelope.iter().zip(limits.iter().cycle()).all(|(value, limit)| value.abs() <= *limit) {
        return Err("it names no coordinate system, and its coordinates are no degrees: pass \
                    --crs EPSG:n"
            .into());
    }
    let text = "it names no coordinate system; its coordinates were read as WGS 84 degrees";
    notes.push(Note::source(Severity::Info, text));
    Crs::parse("CRS84").map_err(|error| error.to_string())
}

/// What a header calls its system, as [`Crs::parse`] reads it.
fn name_of(crs: NamedCrs<'_>) -> Option<String> {
    let organisation = crs.org().filter(|org| !org.is_empty()).unwrap_or("EPSG");
    if crs.code() > 0 {
        return Some(format!("{organisation}:{}", crs.code()));
    }
    let text = crs.code_string().filter(|code| !code.is_empty());
    text.map(|code| format!("{organisation}:{code}"))
        .or_else(|| crs.wkt().filter(|wkt| !wkt.is_empty()).map(crs::name_in_wkt))
        .or_else(|| crs.name().filter(|name| !name.is_empty()).map(str::to_owned))
}

/// Collects features.
struct Reader<'a> {
    columns: Columns<'a>,
    geometries: Geometries<'a>,
    out: Features,
    /// What is left out, and how often.
    faults: BTreeMap<String, usize>,
}

impl<'a> Reader<'a> {
    fn new(header: &Header<'a>, crs: &'a Crs, notes: Vec<Note>) -> Self {
        let title = header.title().or_else(|| header.name()).map(str::to_owned);
        let system = Some(crs.name());
        Self {
            columns: Columns::new(header.columns()),
            geometries: Geometries::new(header.geometry_type(), crs),
            out: Features { title, notes, system, ..Features::default() },
            faults: BTreeMap::new(),
        }
    }

    fn say(&mut self, severity: Severity, text: String) {
        self.out.notes.push(Note::source(severity, text));
    }

    fn fault(&mut self, text: impl Into<String>) {
        *self.faults.entry(text.into()).or_default() += 1;
    }

    fn feature(&mut self, bytes: &[u8]) {
        // Parts may be named many times over, in parts that are. An honest table needs an
        // offset of its own, and one to it.
        let limits = VerifierOptions {
            max_tables: (bytes.len() / 8 + 1).min(MAX_TABLES),
            ..VerifierOptions::default()
        };
        let feature = match size_prefixed_root_as_feature_with_opts(&limits, bytes) {
            Ok(feature) => feature,
            Err(_) => return self.fault("a feature whose bytes are broken"),
        };
        let own = feature.columns().map(|columns| Columns::new(Some(columns)));
        let columns = own.as_ref().unwrap_or(&self.columns);
        let bytes = feature.properties().map_or(&[][..], |properties| properties.bytes());
        let read = columns.read(bytes);
        let mut geometry = None;
        if let Some(given) = feature.geometry() {
            match self.geometries.read(&given) {
                Ok(value) => geometry = Some(Geometry::new(value)),
                Err(reason) => self.fault(reason),
            }
        }
        if let Some(reason) = read.fault {
            self.fault(reason);
        }
        self.out.features.push(Feature {
            id: read.id,
            geometry,
            properties: Some(read.properties),
            ..Feature::default()
        });
    }

    fn finish(self) -> Features {
        let Self { mut out, faults, geometries, .. } = self;
        for (reason, count) in faults {
            let text = format!("{count} × {reason}");
            out.notes.push(Note::source(Severity::Dropped, text));
        }
        out.center = geometries.center();
        if geometries.has_heights() {
            out.notes.extend(super::heights_note(Some(geometries.crs())));
        }
        out
    }
}
