//! What the pictures do not show, so that the page can say so.

use hashbrown::{HashMap, HashSet};
use twin_model::{Entity, EntityId, EntityKind};

use super::framing::{Frame, is_sane};
use crate::placing::from_origin_m;

/// Most buildings that are named.
const MAX_NAMED: usize = 3;

/// Where a building can be seen; the later says more of one that has no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shot {
    /// Nothing of it has geometry.
    Nothing,
    /// Only its spaces have, which hide what is in them and are not drawn.
    OnlySpaces,
    /// What it has is larger than any place.
    TooLarge,
    /// What it has lies or reaches too far from the scene's origin to be drawn.
    TooFar,
    /// One shape without inside, in the overview.
    Shape,
    /// In the overview: others have more elements.
    Fewer,
    /// Not even in the overview: it stands elsewhere.
    Away,
    /// In a picture of its own.
    Own,
}

/// What is drawn and not in the overview.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Beyond {
    /// Buildings that stand elsewhere, those of building models first, then the nearest: the
    /// first of them, with their distances, m.
    pub(super) buildings: Vec<(EntityId, f64)>,
    /// How many there are.
    pub(super) building_count: usize,
    /// Other things that stand elsewhere.
    pub(super) others: usize,
    /// How far the farthest of all is, m.
    pub(super) farthest_m: f64,
    /// Whether distances count from the scene's origin, as elsewhere on the page; else, where
    /// the picture shows another place, from that.
    pub(super) from_origin: bool,
    /// Things that are larger than any place.
    pub(super) too_large: usize,
    /// Things that lie or reach too far from the scene's origin to be drawn anywhere.
    pub(super) too_far: usize,
    /// Whether roads, terrain and water go on beyond the edges.
    pub(super) goes_on: bool,
}

impl Beyond {
    /// What of a scene is outside a frame.
    pub(super) fn of(
        entities: &[Entity],
        drawn: &HashSet<&EntityId>,
        frame: Option<&Frame>,
        homes: &HashMap<EntityId, EntityId>,
    ) -> Self {
        let from_origin = frame.is_some_and(Frame::is_at_origin);
        let mut beyond = Self { from_origin, ..Self::default() };
        let mut buildings: HashMap<&EntityId, f64> = HashMap::new();
        for entity in entities.iter().filter(|entity| drawn.contains(&entity.id)) {
            let Some(bbox) = entity.bbox else { continue };
            if !is_sane(&bbox) {
                beyond.too_large += 1;
                continue;
            }
            let away_m = frame.and_then(|frame| frame.outside(entity.kind, &bbox));
            let Some(away_m) = away_m else { continue };
            let away_m = if from_origin { from_origin_m(&bbox) } else { away_m };
            beyond.farthest_m = beyond.farthest_m.max(away_m);
            match homes.get(&entity.id) {
                Some(home) => {
                    let nearest = buildings.entry(home).or_insert(away_m);
                    *nearest = nearest.min(away_m);
                }
                None => beyond.others += 1,
            }
        }
        beyond.building_count = buildings.len();
        beyond.buildings = buildings.into_iter().map(|(id, m)| (id.clone(), m)).collect();
        // People ask for the models they made before they ask for a city's shapes.
        let models: HashSet<&EntityId> = entities
            .iter()
            .filter(|entity| entity.kind == EntityKind::Building && entity.ifc_class.is_some())
            .map(|entity| &entity.id)
            .collect();
        beyond.buildings.sort_unstable_by(|a, b| {
            let order = |id| !models.contains(id);
            let by_distance = a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0));
            order(&a.0).cmp(&order(&b.0)).then(by_distance)
        });
        beyond.buildings.truncate(MAX_NAMED);
        beyond.goes_on = frame.is_some_and(|frame| frame.goes_on);
        beyond
    }

    /// Whether something stands elsewhere.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.building_count + self.others > 0
    }
}
