//! City models: CityJSON and CityGML. Both are read into one form, surfaces with roles in
//! the file's own coordinates, and drawn from there.

pub(super) mod citygml;
pub(super) mod cityjson;
mod draw;
mod footprint;
mod kind;
mod lod;
mod prototype;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub(crate) use self::lod::Wanted;
use crate::{
    crs::Crs,
    imported::{Note, Severity},
    placing::Fix,
};

/// Surfaces of a model; prototypes can stand for more than any memory holds.
const MAX_SURFACES: usize = 8_000_000;
/// Surfaces that a model of any size may have.
const ALWAYS_FINE: usize = 100_000;

/// Surfaces that a model of so many bytes may have: one a byte is ten times what can be
/// written out, so only prototypes come near it.
fn max_surfaces(bytes: usize) -> usize {
    bytes.saturating_add(ALWAYS_FINE).min(MAX_SURFACES)
}

/// A city model as its file has it.
#[derive(Debug, Default)]
pub(crate) struct City {
    /// The file's name for itself.
    title: Option<String>,
    /// Absent: metres of nobody knows where.
    crs: Option<Crs>,
    /// In the order of the file's axes, x and y as the system counts them; z in its unit.
    vertices: Vec<[f64; 3]>,
    objects: Vec<Object>,
    pub(super) notes: Vec<Note>,
}

/// One city object.
#[derive(Debug, Default)]
struct Object {
    id: String,
    /// `Building`, `BuildingPart`, `Road`, …
    class: String,
    parent: Option<String>,
    attributes: Map<String, Value>,
    /// The level of detail that is drawn.
    lod: Option<f64>,
    /// Whether the surfaces enclose a volume.
    solid: bool,
    /// Whether it is a building that has no more than the level of detail 0.
    is_footprint: bool,
    surfaces: Vec<Surface>,
}

/// What a surface is of its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    #[default]
    Unsaid,
    Wall,
    Roof,
    Ground,
    Window,
    Door,
    /// Closes a volume where nothing is built: not drawn.
    Closure,
}

/// One polygon.
#[derive(Clone, Debug)]
struct Surface {
    role: Role,
    /// As the file's materials say.
    color: Option<[u8; 3]>,
    /// Indices into the vertices: the outline, then holes.
    rings: Vec<Vec<u32>>,
}

/// Whether geometry of these levels of a class is a building's plan only.
fn is_footprint(class: &str, mut levels: impl Iterator<Item = f64>) -> bool {
    matches!(class, "Building" | "BuildingPart" | "BuildingUnit") && levels.all(|level| level < 1.0)
}

impl City {
    /// Where it is: the middle of its places, at the height of its lowest points.
    pub(super) fn fix(&self) -> Option<Fix> {
        let crs = self.crs.as_ref()?;
        let [x, y, z] = self.middle()?;
        let [lon, lat] = crs.lon_lat(x, y)?;
        Some(Fix::on_map([lon, lat, crs.height_m(z)], crs))
    }

    pub(super) fn crs(&self) -> Option<&Crs> {
        self.crs.as_ref()
    }

    /// Median of what is drawn; one wild vertex does not move it. The height is that of
    /// the ground: the median of the objects' lowest points.
    fn middle(&self) -> Option<[f64; 3]> {
        let used = || {
            let surfaces = self.objects.iter().flat_map(|object| &object.surfaces);
            surfaces.flat_map(|surface| surface.rings.iter().flatten())
        };
        let at = |axis: usize| {
            median(used().filter_map(|&i| Some(self.vertices.get(i as usize)?[axis])).collect())
        };
        let feet = self.objects.iter().filter_map(|object| {
            let used = object.surfaces.iter().flat_map(|surface| surface.rings.iter().flatten());
            used.filter_map(|&i| Some(self.vertices.get(i as usize)?[2])).reduce(f64::min)
        });
        Some([at(0)?, at(1)?, median(feet.collect())?])
    }

    /// Says and repairs what does not fit: coordinates that are no metres, and those of a
    /// geographic system whose order is unclear.
    fn check_coordinates(&mut self) {
        let Some([x, y, _]) = self.middle() else { return };
        let Some(crs) = &self.crs else { return };
        if crs.is_geographic() && (x.abs().max(y.abs()) > 180.0 || x.abs().min(y.abs()) > 90.0) {
            let text = format!(
                "it is read in {}, which counts in degrees, but its coordinates are none: it is not placed by them",
                crs.name()
            );
            self.notes.push(Note::source(Severity::Approximated, text));
            self.crs = None;
        } else if crs.is_geographic() {
            // By the authority latitude comes first, except in CRS84; many writers think
            // otherwise. What cannot be a latitude is none.
            let authority = crs.name().starts_with("EPSG");
            let latitude_first = if x.abs() > 90.0 { false } else { authority || y.abs() > 90.0 };
            if latitude_first {
                self.vertices.iter_mut().for_each(|vertex| vertex.swap(0, 1));
            }
            let order = if latitude_first { "latitude, longitude" } else { "longitude, latitude" };
            let text = format!("its coordinates are degrees and were read as {order}");
            self.notes.push(Note::source(Severity::Info, text));
        } else if x.abs() <= 180.0 && y.abs() <= 180.0 {
            let text = format!(
                "it names {}, which counts in metres, but its coordinates look like degrees or local metres: it is not placed by them",
                crs.name()
            );
            self.notes.push(Note::source(Severity::Approximated, text));
            self.crs = None;
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}
