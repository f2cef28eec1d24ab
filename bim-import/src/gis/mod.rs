//! Readers of GIS formats: the surroundings that no building model holds. A file is read
//! side by side with the others into a [`Layer`]; once the scene's frame is known, it is
//! drawn there.

mod area;
mod city;
mod face;
mod features;
pub(crate) mod flatgeobuf;
pub(crate) mod gap;
pub mod geojson;
mod ground;
mod osm;
mod ribbon;
mod shape;
mod stage;
mod style;
mod terrain;
mod upright;

use hashbrown::HashMap;
use thiserror::Error;
use twin_model::{BoundingBox, EntityId};

pub(crate) use self::terrain::Terrain;
use self::{
    city::{City, citygml, cityjson},
    features::Features,
    ground::Ground,
    stage::Stage,
    terrain::{Grid, Relief, asc, geotiff},
};
use crate::{
    crs::{Crs, Vertical},
    frame::LocalFrame,
    imported::{Imported, Note, Severity},
    placement::Placement,
    placing::{self, Fix},
};

/// A layer whose middle is farther than this from the scene's origin is drawn in a frame
/// of its own, where up is up, and moved as a whole, m.
const OWN_FRAME_M: f64 = 20_000.0;

/// A GIS file could not be read at all: a clause that goes on after its name. What is wrong with single features stands in
/// [`crate::imported::Imported::notes`].
#[derive(Debug, Error)]
pub enum GisError {
    /// The file is not what its name says.
    #[error("cannot be read as {format}: {reason}")]
    Parse {
        /// File name.
        file: String,
        /// `GeoJSON`, `CityJSON`, …
        format: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// Coordinates in a reference system that GeoJSON does not have.
    #[error(
        "gives its coordinates in {crs}; GeoJSON is read in WGS 84 longitude and latitude: \
         convert it first, for example with `ogr2ogr -t_srs EPSG:4326`"
    )]
    Crs {
        /// File name.
        file: String,
        /// What the file's `crs` member says.
        crs: String,
    },
    /// Nothing in the file lies anywhere.
    #[error("holds nothing with usable coordinates{reason}")]
    Nowhere {
        /// File name.
        file: String,
        /// What is wrong with the first thing in it, behind a colon; empty if it is empty.
        reason: String,
    },
    /// Longitude and latitude in a scene that has none.
    #[error("has no coordinates but longitude and latitude; it needs --frame local")]
    NeedsFrame {
        /// File name.
        file: String,
    },
}

/// Which GIS format a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    GeoJson,
    CityJson,
    CityGml,
    OsmPbf,
    FlatGeobuf,
    AscGrid,
    GeoTiff,
}

impl Kind {
    /// Whether the format itself says that coordinates are longitude and latitude.
    pub(crate) fn is_in_degrees(self) -> bool {
        matches!(self, Self::GeoJson | Self::OsmPbf)
    }

    /// As the report names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GeoJson => "GeoJSON",
            Self::CityJson => "CityJSON",
            Self::CityGml => "CityGML",
            Self::OsmPbf => "OSM PBF",
            Self::FlatGeobuf => "FlatGeobuf",
            Self::AscGrid => "ASC grid",
            Self::GeoTiff => "GeoTIFF",
        }
    }
}

/// How the user wants GIS files to be read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes<'a> {
    /// `--crs`, whatever a file names.
    pub(crate) crs: Option<&'a str>,
    /// `--lod`.
    pub(crate) lod: Option<f64>,
    /// The text of the `.prj` file beside it.
    pub(crate) prj: Option<&'a str>,
}

/// A GIS file, read but not drawn.
pub(crate) struct Layer {
    content: Content,
    /// Where it is on earth, if it says so.
    pub(crate) fix: Option<Fix>,
}

enum Content {
    /// Features are read once more, one at a time, when they are drawn.
    GeoJson(Vec<u8>),
    City(Box<City>),
    Features(Box<Features>),
    Grid(Box<Grid>),
}

impl Layer {
    /// Reads a file.
    pub(crate) fn read(
        kind: Kind,
        bytes: Vec<u8>,
        file: &str,
        wishes: Wishes<'_>,
    ) -> Result<Self, GisError> {
        let failed =
            |reason: String| GisError::Parse { file: file.to_owned(), format: kind.name(), reason };
        match kind {
            Kind::GeoJson => {
                let center = geojson::center(&bytes, file)?;
                let fix = center.map(|[lon, lat]| Fix::at([lon, lat, 0.0], None));
                Ok(Self { content: Content::GeoJson(bytes), fix })
            }
            Kind::CityJson => {
                let lod = city::Wanted::new(wishes.lod);
                let city = cityjson::read(&bytes, file, wishes.crs, lod)?;
                Ok(Self::city(city))
            }
            Kind::CityGml => {
                let lod = city::Wanted::new(wishes.lod);
                citygml::read(&bytes, wishes.crs, lod).map(Self::city).map_err(failed)
            }
            Kind::OsmPbf => osm::read(&bytes).map(Self::features).map_err(failed),
            Kind::FlatGeobuf => {
                flatgeobuf::read(&bytes, wishes.crs).map(Self::features).map_err(failed)
            }
            Kind::AscGrid => {
                asc::read(&bytes, wishes.prj, wishes.crs).map(Self::grid).map_err(failed)
            }
            Kind::GeoTiff => geotiff::read(&bytes, wishes.crs).map(Self::grid).map_err(failed),
        }
    }

    fn grid(grid: Grid) -> Self {
        let fix = grid.fix();
        Self { content: Content::Grid(Box::new(grid)), fix }
    }

    fn city(city: City) -> Self {
        let fix = city.fix();
        Self { content: Content::City(Box::new(city)), fix }
    }

    fn features(features: Features) -> Self {
        let fix = features.center.map(|[lon, lat]| Fix::at([lon, lat, 0.0], None));
        Self { content: Content::Features(Box::new(features)), fix }
    }

    /// Whether its heights mean something, so that a scene may start from them.
    pub(crate) fn has_heights(&self) -> bool {
        matches!(self.content, Content::City(_) | Content::Grid(_))
    }

    /// The ground of a scene: height grids and the terrain of city models, laid out in its
    /// frame.
    pub(crate) fn terrain<'a>(
        layers: impl Iterator<Item = (u32, &'a Self)>,
        frame: Option<&LocalFrame>,
    ) -> Terrain {
        let near = |layer: &&Self| layer.distance(frame).is_none();
        let mut terrain = Terrain::default();
        for (source, layer) in layers.filter(|(_, layer)| near(layer)) {
            let relief = match &layer.content {
                Content::Grid(grid) => Relief::placed(grid, frame),
                Content::City(city) => city.relief(frame),
                Content::GeoJson(_) | Content::Features(_) => None,
            };
            if let Some(relief) = relief {
                terrain.add(source, relief);
            }
        }
        terrain
    }

    /// How far it is from the scene's origin, m, if that is too far to share its frame.
    fn distance(&self, frame: Option<&LocalFrame>) -> Option<f64> {
        let (scene, fix) = frame.zip(self.fix.as_ref())?;
        let [x, y, z] = scene.to_local(fix.wgs84[0], fix.wgs84[1], fix.wgs84[2]);
        let away = (x * x + y * y + z * z).sqrt();
        (away > OWN_FRAME_M).then_some(away)
    }

    /// How the report says that it was placed.
    pub(crate) fn placed_by(&self) -> String {
        match (&self.content, &self.fix) {
            (Content::Features(features), _) if features.system.is_some() => {
                format!("coordinates in {}", features.system.as_deref().unwrap_or_default())
            }
            (Content::GeoJson(_) | Content::Features(_), _) => "longitude and latitude".into(),
            (_, Some(Fix { crs: Some(crs), .. })) => format!("coordinates in {crs}"),
            _ => placing::NOWHERE.into(),
        }
    }

    /// Draws the layer in the scene's frame; without one, in its own coordinates.
    pub(crate) fn draw(
        self,
        file: &str,
        source: u32,
        frame: Option<&LocalFrame>,
        terrain: &Terrain,
        unmoved: bool,
    ) -> Result<Imported, GisError> {
        let mut imported = self.draw_in(file, source, frame, terrain, unmoved)?;
        for bbox in imported.entities.iter_mut().filter_map(|entity| entity.bbox.as_mut()) {
            *bbox = tidy(bbox);
        }
        Ok(imported)
    }

    fn draw_in(
        self,
        file: &str,
        source: u32,
        frame: Option<&LocalFrame>,
        terrain: &Terrain,
        unmoved: bool,
    ) -> Result<Imported, GisError> {
        let far = self.distance(frame).zip(frame).zip(self.fix.as_ref());
        let Some(((_, scene), fix)) = far else {
            return self.draw_on(&Stage { frame, terrain, unmoved, file, source });
        };
        let own = placing::frame_at(fix.wgs84);
        let terrain = &Terrain::default();
        let mut imported =
            self.draw_on(&Stage { frame: Some(&own), terrain, unmoved, file, source })?;
        place(&mut imported, &Placement::on_earth(scene, [0.0; 3], own.wgs84(), 0.0));
        Ok(imported)
    }

    fn draw_on(self, stage: &Stage<'_>) -> Result<Imported, GisError> {
        match (self.content, stage.frame) {
            (Content::GeoJson(bytes), Some(frame)) => {
                let ground = Ground { frame, terrain: stage.terrain };
                geojson::read_on(&bytes, stage.file, stage.source, ground)
            }
            (Content::Features(features), Some(frame)) => Ok(features.draw(stage, frame)),
            (Content::GeoJson(bytes), None) if !stage.unmoved => {
                let frame = &LocalFrame::from_wgs84(0.0, 0.0, 0.0);
                let ground = Ground { frame, terrain: stage.terrain };
                let nothing = geojson::read_on(&bytes, stage.file, stage.source, ground)?;
                let fault = nothing.notes.iter().find(|note| note.severity == Severity::Dropped);
                let reason = fault.map_or_else(String::new, |note| format!(": {}", note.reason));
                Err(GisError::Nowhere { file: stage.file.to_owned(), reason })
            }
            (Content::Features(_), None) if !stage.unmoved => {
                Err(GisError::Nowhere { file: stage.file.to_owned(), reason: String::new() })
            }
            (Content::GeoJson(_) | Content::Features(_), None) => {
                Err(GisError::NeedsFrame { file: stage.file.to_owned() })
            }
            (Content::City(mut city), _) => {
                city.notes.extend(heights_note(city.crs()));
                Ok(city.draw(stage))
            }
            (Content::Grid(mut grid), _) => {
                grid.notes.extend(heights_note(grid.crs.as_ref()));
                Ok(grid.draw(stage))
            }
        }
    }
}

/// A box to a tenth of a millimetre, as those of building models are: what is finer is
/// noise that makes every line of the package longer.
fn tidy(bbox: &BoundingBox) -> BoundingBox {
    let tidy = |corner: [f64; 3]| corner.map(|value| (value * 1e4).round() / 1e4);
    BoundingBox { min: tidy(bbox.min), max: tidy(bbox.max) }
}

/// Says what heights count from.
fn heights_note(crs: Option<&Crs>) -> Option<Note> {
    let vertical = crs?.vertical().map(Vertical::name);
    Some(placing::heights_note(vertical.as_deref()))
}

/// Moves what was drawn in another frame.
fn place(imported: &mut Imported, placement: &Placement) {
    for mesh in &mut imported.meshes {
        mesh.origin = placement.point(mesh.origin);
        for vector in mesh.positions.iter_mut().chain(&mut mesh.normals) {
            *vector = placement.direction(*vector);
        }
    }
    let mut boxes: HashMap<&EntityId, BoundingBox> = HashMap::new();
    for mesh in &imported.meshes {
        let place = |p: &[f32; 3]| [0, 1, 2].map(|axis| mesh.origin[axis] + f64::from(p[axis]));
        if let Some(bbox) = BoundingBox::around(mesh.positions.iter().map(place)) {
            boxes.entry(&mesh.entity).and_modify(|b| *b = b.union(&bbox)).or_insert(bbox);
        }
    }
    for entity in &mut imported.entities {
        entity.bbox = boxes.get(&entity.id).copied();
    }
}
