//! A scene package on disk, read into memory: the entity graph with what the API needs
//! beside it (tour, search, index), and the way back to each entity's properties, which
//! stay on disk because they are most of a large package.

mod index;
mod load;
mod seal;
mod search;
mod tiles;
mod tour;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use twin_model::{Entity, EntityKind, Scene, SceneInfo, changes::Removed, walk::WalkGraph};

pub(crate) use index::always_listed;
pub use index::{IndexEntity, SceneIndex};
pub use load::{LoadError, Properties, load};
use seal::Seal;
pub use search::Search;
pub use tiles::TilesError;
pub use tour::{Intervals, Tour};

/// Where an entity's line stands in `entities.ndjson`.
#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    length: u32,
}

/// A scene package, read-only.
#[derive(Debug)]
pub struct LoadedScene {
    dir: PathBuf,
    seal: Seal,
    tiles_error: Option<TilesError>,
    info: SceneInfo,
    scene: Arc<Scene>,
    walk: WalkGraph,
    tour: Tour,
    search: Search,
    by_kind: HashMap<EntityKind, Vec<u32>>,
    long_names: HashMap<u32, Box<str>>,
    elevations_m: HashMap<u32, f64>,
    areas_m2: HashMap<u32, f64>,
    spans: Vec<Span>,
    properties: Properties,
    removed: Vec<Removed>,
}

impl LoadedScene {
    /// The package's folder.
    pub fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// Whether the package on disk is the one in memory: what is read of it counts only
    /// where this holds before and after.
    ///
    /// # Errors
    /// [`LoadError::Changed`] where it was replaced, or is gone.
    pub fn check_in_place(&self) -> Result<(), LoadError> {
        self.seal.check()
    }

    /// What was wrong with the tiles when the package was loaded.
    pub fn tiles_error(&self) -> Option<&TilesError> {
        self.tiles_error.as_ref()
    }

    /// What `scene.json` says.
    pub fn info(&self) -> &SceneInfo {
        &self.info
    }

    /// The entity graph. Its entities carry properties only where the package was
    /// loaded with [`Properties::InMemory`]; see [`LoadedScene::entity`].
    pub fn scene(&self) -> &Arc<Scene> {
        &self.scene
    }

    /// Whether the entities of [`LoadedScene::scene`] carry their properties.
    pub fn has_properties(&self) -> bool {
        matches!(self.properties, Properties::InMemory)
    }

    /// Spaces and how they connect.
    pub fn walk(&self) -> &WalkGraph {
        &self.walk
    }

    /// Depth-first order of the graph, for subtree tests.
    pub fn tour(&self) -> &Tour {
        &self.tour
    }

    /// Entities of the revision before that this one has no more.
    pub fn removed(&self) -> &[Removed] {
        &self.removed
    }

    /// Text search over names, tags, ids and classes.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// Positions of the entities of one kind, in file order.
    pub fn of_kind(&self, kind: EntityKind) -> &[u32] {
        self.by_kind.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// How many entities there are of each kind that occurs.
    pub fn kinds(&self) -> impl Iterator<Item = (EntityKind, usize)> + '_ {
        self.by_kind.iter().map(|(&kind, found)| (kind, found.len()))
    }

    /// IFC LongName, where the source gives one.
    pub fn long_name(&self, index: u32) -> Option<&str> {
        self.long_names.get(&index).map(AsRef::as_ref)
    }

    /// How high a storey lies above its building's zero, m, where the source says so.
    pub fn elevation_m(&self, index: u32) -> Option<f64> {
        self.elevations_m.get(&index).copied()
    }

    /// Floor area of a space, m².
    pub fn area_m2(&self, index: u32) -> Option<f64> {
        self.areas_m2.get(&index).copied()
    }

    /// An entity with its properties, read from disk where they are not in memory.
    ///
    /// # Errors
    /// Where `entities.ndjson` cannot be read any more, or changed since it was loaded.
    pub fn entity(&self, index: u32) -> Result<Entity, LoadError> {
        match self.properties {
            Properties::InMemory => Ok(self.scene.at(index).clone()),
            Properties::OnDisk => load::read_entity(self, index),
        }
    }
}
