//! Features that a reader made itself: maps without a text of their own.

use geojson::Feature;
use hashbrown::{HashMap, HashSet};

use super::{geojson::Reader, ground::Ground, stage::Stage};
use crate::{
    frame::LocalFrame,
    imported::{Imported, Note},
};

/// The features of one file, in longitude and latitude.
#[derive(Debug, Default)]
pub(super) struct Features {
    /// The middle, °.
    pub(super) center: Option<[f64; 2]>,
    /// The system that the file's coordinates were in, if it was another one.
    pub(super) system: Option<String>,
    /// The file's name for itself.
    pub(super) title: Option<String>,
    pub(super) notes: Vec<Note>,
    pub(super) features: Vec<Feature>,
    /// Those that are not drawn, because their parts are.
    pub(super) drawn_by_parts: HashSet<usize>,
    /// Parts and their wholes, which stand before them.
    pub(super) parents: HashMap<usize, usize>,
}

impl Features {
    /// Draws them all.
    pub(super) fn draw(self, stage: &Stage<'_>, frame: &LocalFrame) -> Imported {
        let site = stage.site(self.title.as_deref());
        let ground = Ground { frame, terrain: stage.terrain };
        let mut reader = Reader::new(site, stage.file, ground);
        let mut wholes = HashMap::new();
        let wanted: HashSet<usize> = self.parents.values().copied().collect();
        for (n, feature) in self.features.into_iter().enumerate() {
            let parent = self.parents.get(&n).and_then(|whole| wholes.get(whole)).cloned();
            let id = reader.take(n, feature, !self.drawn_by_parts.contains(&n), parent);
            if let Some(id) = id.filter(|_| wanted.contains(&n)) {
                wholes.insert(n, id);
            }
        }
        let mut imported = reader.finish();
        imported.notes.splice(0..0, self.notes);
        imported
    }
}
