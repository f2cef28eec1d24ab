//! The doors that hostile bytes come in by: each reads a file as the importer does, but in
//! memory, without a worker and without a package. For the fuzz targets in `fuzz/` and the
//! test that replays their corpus, which cannot reach the readers themselves; hidden,
//! because it is no part of what the library offers.

use std::{io, sync::OnceLock};

use hashbrown::HashSet;

use crate::{
    archive,
    federation::Federation,
    gis::{Kind, Layer, Wishes},
    ids, ifc,
    ifc::engine::{geometry::Prepared, rewrite::Detail},
    imported::Imported,
    placing,
    store::{MeshStore, Store},
    tiles, walk,
    worker::watchdog::Geometry,
};

/// A reader, or several that share a target because one content cannot be taken for
/// another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// IFC: scan, meaning, georeference, walking graph, and what is written again for the
    /// geometry engine; not the engine, which has a process of its own.
    Step,
    /// CityJSON, its sequences, and GeoJSON.
    City,
    /// CityGML.
    CityGml,
    /// OpenStreetMap PBF.
    OsmPbf,
    /// FlatGeobuf.
    FlatGeobuf,
    /// ASC grids and GeoTIFF.
    Terrain,
    /// ifcZIP.
    Archive,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Step,
        Self::City,
        Self::CityGml,
        Self::OsmPbf,
        Self::FlatGeobuf,
        Self::Terrain,
        Self::Archive,
    ];

    /// The name of its fuzz target and of the folder of its corpus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::City => "city",
            Self::CityGml => "citygml",
            Self::OsmPbf => "osm_pbf",
            Self::FlatGeobuf => "flatgeobuf",
            Self::Terrain => "terrain",
            Self::Archive => "archive",
        }
    }

    /// Reads a file; how many entities (of an archive: bytes) came of it.
    ///
    /// # Errors
    /// What the importer would say of the file.
    pub fn open(self, bytes: &[u8]) -> Result<usize, String> {
        match self {
            Self::Step => step(bytes),
            Self::City if is_city(bytes) => layer(Kind::CityJson, bytes),
            Self::City => layer(Kind::GeoJson, bytes),
            Self::CityGml => layer(Kind::CityGml, bytes),
            Self::OsmPbf => layer(Kind::OsmPbf, bytes),
            Self::FlatGeobuf => layer(Kind::FlatGeobuf, bytes),
            Self::Terrain if bytes.starts_with(b"II") || bytes.starts_with(b"MM") => {
                layer(Kind::GeoTiff, bytes)
            }
            Self::Terrain => layer(Kind::AscGrid, bytes),
            Self::Archive => archive::unpack_into(bytes, &mut io::sink())
                .map(|length| usize::try_from(length).unwrap_or(usize::MAX)),
        }
    }
}

fn is_city(bytes: &[u8]) -> bool {
    bytes.windows(9).any(|window| window == b"\"CityJSON")
}

fn step(bytes: &[u8]) -> Result<usize, String> {
    for detail in [Detail::Full, Detail::Uncut] {
        Prepared::read(bytes.to_vec(), detail);
    }
    let semantics =
        ifc::read::read(bytes, "a.ifc", 0, &mut |_| ()).map_err(|error| error.to_string())?;
    let mut notes = Vec::new();
    let fix = placing::fix(&semantics.georeference, None, semantics.site_origin, None, &mut notes);
    let frame = fix.as_ref().map(|fix| placing::frame_at(fix.wgs84));
    let placement = placing::place(frame.as_ref(), fix.as_ref(), None, &mut notes);
    let store = store()?;
    let geometry = Geometry::new(store.clone());
    let mut meshes = MeshStore::local(store);
    conclude(ifc::shapes::join(semantics, geometry, &placement, false, &mut meshes))
}

fn layer(kind: Kind, bytes: &[u8]) -> Result<usize, String> {
    let layer = Layer::read(kind, bytes.to_vec(), "a", Wishes::default())
        .map_err(|error| error.to_string())?;
    let frame = layer.fix.as_ref().map(|fix| placing::frame_at(fix.wgs84));
    let terrain = Layer::terrain([(0, &layer)].into_iter(), frame.as_ref());
    let unmoved = frame.is_none();
    let mut imported =
        layer.draw("a", 0, frame.as_ref(), &terrain, unmoved).map_err(|error| error.to_string())?;
    crate::gis::gap::notes(&imported.entities, &terrain);
    for mesh in &mut imported.meshes {
        tiles::clean(mesh);
        tiles::bounds(mesh);
    }
    conclude(imported)
}

/// What a scene does with a source once it is read.
fn conclude(mut imported: Imported) -> Result<usize, String> {
    ids::make_unique(&mut imported, &Federation::default(), &mut Vec::new());
    let passages: HashSet<_> = imported.passages.drain(..).collect();
    let walk = walk::build(walk::Plan {
        entities: &imported.entities,
        floors: &imported.floors,
        boundaries: &imported.boundaries,
        passages: &passages,
        fillings: &imported.fillings,
        footing: std::mem::take(&mut imported.footing),
        aside: &imported.aside,
    });
    walk::annotate(&mut imported.entities, &walk);
    Ok(imported.entities.len())
}

/// One for all: nothing is kept in it where no worker draws.
fn store() -> Result<Store, String> {
    static STORE: OnceLock<io::Result<Store>> = OnceLock::new();
    match STORE.get_or_init(|| Store::create(&std::env::temp_dir())) {
        Ok(store) => Ok(store.clone()),
        Err(error) => Err(error.to_string()),
    }
}
