//! Where a GIS file is drawn: the frame, and the names it needs for its entities.

use twin_model::{Entity, EntityKind};

use super::terrain::Terrain;
use crate::{
    frame::LocalFrame,
    ids,
    imported::{Note, Severity},
};

/// How far from its frame's origin a thing may lie, m. Beyond, one tangent plane is no
/// picture of the ground any more.
pub(super) const REACH_M: f64 = 50_000.0;
/// Coordinates of a file without a place on earth beyond this are map coordinates in all
/// but name, and are moved to the origin, m.
const FAR_M: f64 = 5_000.0;

/// What a reader draws on.
pub(super) struct Stage<'a> {
    /// Absent where the scene keeps the sources' own coordinates, or has no place on earth.
    pub(super) frame: Option<&'a LocalFrame>,
    /// What maps are set on, in the same frame.
    pub(super) terrain: &'a Terrain,
    /// Whether coordinates without a place on earth stay as they are, however large.
    pub(super) unmoved: bool,
    /// File name without its folder.
    pub(super) file: &'a str,
    /// The file's position among the sources.
    pub(super) source: u32,
}

impl Stage<'_> {
    /// The entity that stands for the file.
    pub(super) fn site(&self, title: Option<&str>) -> Entity {
        site(self.file, title, self.source)
    }

    /// How coordinates of nowhere are moved, so that their middle is near the origin.
    pub(super) fn shift(&self, middle: Option<[f64; 3]>, notes: &mut Vec<Note>) -> [f64; 3] {
        if self.unmoved {
            return [0.0; 3];
        }
        let text = "it does not say where on earth it is; it was put at the scene's origin";
        notes.push(Note::source(Severity::Info, text));
        let middle = middle.unwrap_or_default();
        let away = middle.map(|value| if value.abs() < FAR_M { 0.0 } else { -value.round() });
        if away != [0.0; 3] {
            let metres = away.map(|metres| metres as i64);
            let text = format!("its coordinates are far from zero; it was moved by {metres:?} m");
            notes.push(Note::source(Severity::Info, text));
        }
        away
    }
}

/// The entity that stands for a file, so that its features are one branch of the tree.
pub(super) fn site(file: &str, title: Option<&str>, source: u32) -> Entity {
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let title = title.map(str::trim).filter(|title| !title.is_empty());
    Entity {
        id: ids::derived(file, ""),
        parent: None,
        kind: EntityKind::Site,
        ifc_class: None,
        global_id: None,
        name: title.unwrap_or(stem).to_owned(),
        storey: None,
        bbox: None,
        properties: Default::default(),
        tags: Vec::new(),
        source,
    }
}
