//! `report.json`: what became of every source. The only file of a package that holds
//! times, and so the only one that differs when an import is repeated.

use std::collections::BTreeMap;

use serde::Serialize;
use twin_model::changes::Changes;

use crate::{
    changes::ChangesError,
    ifc::read::END_OF_FILE,
    imported::{Imported, Note, Severity},
    walk::Unreached,
};

/// The whole report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Revision of the scene, as in `scene.json`.
    pub revision: String,
    /// How long the whole import took, s.
    pub seconds: f64,
    /// Largest size of this process and of the largest worker together, MiB; 0 where the
    /// system does not tell.
    pub peak_mib: f64,
    /// One for each file given, in that order.
    pub sources: Vec<SourceReport>,
    /// What was written as tiles.
    pub tiles: TilesReport,
    /// What was written as walking graph.
    pub graph: GraphReport,
    /// What differs from the package that was replaced; absent where there was none, or
    /// where it was the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<ChangesReport>,
}

/// How many entities differ from the revision before; `changes.json` names them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChangesReport {
    /// Revision compared with; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Entities by list: added, removed, renamed, …
    pub counts: BTreeMap<&'static str, usize>,
    /// Why there is no comparison, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ChangesReport {
    pub(crate) fn of(changes: &Changes) -> Self {
        let counts = changes.counts().into_iter().collect();
        Self { from: changes.from.clone(), counts, error: None }
    }

    pub(crate) fn failed(error: &ChangesError) -> Self {
        Self { error: Some(error.to_string()), ..Self::default() }
    }
}

/// What became of one file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SourceReport {
    /// File name without its folder.
    pub file: String,
    /// `IFC2X3`, `IFC4`, `GeoJSON`, …; empty where it could not be told.
    pub format: String,
    /// Why nothing of it is in the scene, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it ends before its end: what stood behind is not in the scene.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// Its length unit: `mm`, `m`, `ft`; empty for formats that have none of their own.
    pub unit: String,
    /// How it was put into the scene.
    pub placed_by: String,
    /// Entities read.
    pub read: usize,
    /// Entities with a place: inside another one, in the scene's frame.
    pub placed: usize,
    /// Entities with geometry.
    pub tessellated: usize,
    /// Entities drawn otherwise than the file says.
    pub approximated: usize,
    /// What should be drawn and is not; that the file is cut off does not count here.
    pub dropped: usize,
    /// How many of those lie too far from the scene's origin to be drawn.
    pub too_far: usize,
    /// Triangles of the source.
    pub triangles: usize,
    /// What was dropped, and why.
    pub drops: Vec<Note>,
    /// What was approximated, and how.
    pub approximations: Vec<Note>,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
    /// How long reading it took, s.
    pub seconds: f64,
    /// Largest size of its geometry worker, MiB; 0 where the system does not tell.
    pub worker_peak_mib: f64,
}

/// What the tile writer did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TilesReport {
    /// GLB files.
    pub tiles: u64,
    /// Entities drawn.
    pub features: u64,
    /// Triangles drawn.
    pub triangles: u64,
    /// Meshes that are written once in a file and drawn in several places of it.
    pub shapes: u64,
    /// Entities that are drawn so.
    pub copies: u64,
    /// Of the GLB files, those that show buildings from afar.
    pub shells: u64,
    /// Triangles of those, which are not in `triangles`.
    pub shell_triangles: u64,
    /// Bytes of those, which are in `bytes`.
    pub shell_bytes: u64,
    /// Edges drawn.
    pub edges: u64,
    /// Bytes of all GLBs.
    pub bytes: u64,
    /// Triangles left out as unusable.
    pub dropped_triangles: u64,
    /// Triangles too small to be drawn.
    pub collapsed_triangles: u64,
    /// Largest error of a vertex by quantisation, m.
    pub max_error_m: f64,
    /// Entities with geometry of which nothing is left to draw.
    pub undrawn: Vec<String>,
}

/// What the walking graph came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GraphReport {
    /// Spaces.
    pub spaces: usize,
    /// Parts of storeys that no space covers and that a door or stair leads to: places
    /// made by the importer.
    pub parts_of_storeys: usize,
    /// Doors, stairs, ramps, lifts and open sides that join places.
    pub links: usize,
    /// Doors that lead outdoors.
    pub exits: usize,
    /// Spaces from which no exit can be reached.
    pub unreachable: Vec<String>,
    /// The same, by the reason why.
    pub causes: Vec<Unreached>,
    /// Spaces from which only a lift leads to an exit.
    pub only_by_lift: Vec<String>,
    /// Doors that lead outdoors above the ground, to a balcony or roof: no exits.
    pub balcony_doors: Vec<String>,
    /// Exits whose `IsExternal` is false: outdoors is behind them all the same.
    pub disputed_exits: Vec<String>,
    /// Doors that join nothing, each with the reason.
    pub idle_doors: Vec<String>,
    /// Spaces that are another one drawn again (net and gross), with that one.
    pub same_place: Vec<String>,
    /// Whether there were more walls than the importer looks at: parts of storeys and
    /// open sides may then be missing.
    pub is_partial: bool,
}

/// Whether a note says that a file is cut off.
pub(crate) fn is_cut_off(note: &Note) -> bool {
    note.global_id.is_none() && note.reason.contains(END_OF_FILE)
}

impl SourceReport {
    /// Counts what a reader handed on.
    pub(crate) fn count(&mut self, imported: &Imported) {
        self.read = imported.entities.len();
        self.placed = imported.entities.iter().filter(|entity| entity.parent.is_some()).count();
        self.tessellated = imported.entities.iter().filter(|entity| entity.bbox.is_some()).count();
        self.triangles = imported.triangles();
    }

    /// Sorts notes into the report's lists.
    pub(crate) fn add_notes(&mut self, notes: Vec<Note>) {
        for note in notes {
            let list = match note.severity {
                Severity::Dropped => &mut self.drops,
                Severity::Approximated => &mut self.approximations,
                Severity::Info => &mut self.notes,
            };
            list.push(note);
        }
        self.dropped = self.drops.len() - usize::from(self.cut_off_note().is_some());
        self.approximated = self.approximations.len();
    }

    /// What `drops` says of a file that is cut off.
    pub fn cut_off_note(&self) -> Option<&Note> {
        self.drops.iter().find(|note| self.cut_off && is_cut_off(note))
    }
}
