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

/// How far something is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Away {
    /// From the edge of the picture, m.
    pub(super) picture_m: f64,
    /// From the scene's origin, m.
    pub(super) origin_m: f64,
}

impl Away {
    fn each(self, other: Self, of: fn(f64, f64) -> f64) -> Self {
        Self {
            picture_m: of(self.picture_m, other.picture_m),
            origin_m: of(self.origin_m, other.origin_m),
        }
    }
}

/// What is drawn and not in the overview.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Beyond {
    /// Buildings that stand elsewhere, those of building models first, then the nearest: the
    /// first of them, with how far they are.
    pub(super) buildings: Vec<(EntityId, Away)>,
    /// How many there are.
    pub(super) building_count: usize,
    /// Other things that stand elsewhere.
    pub(super) others: usize,
    /// How far the farthest of all is.
    pub(super) farthest: Away,
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
        let mut beyond = Self::default();
        let mut buildings: HashMap<&EntityId, Away> = HashMap::new();
        for entity in entities.iter().filter(|entity| drawn.contains(&entity.id)) {
            let Some(bbox) = entity.bbox else { continue };
            if !is_sane(&bbox) {
                beyond.too_large += 1;
                continue;
            }
            let picture_m = frame.and_then(|frame| frame.outside(entity.kind, &bbox));
            let Some(picture_m) = picture_m else { continue };
            let away = Away { picture_m, origin_m: from_origin_m(&bbox) };
            beyond.farthest = beyond.farthest.each(away, f64::max);
            match homes.get(&entity.id) {
                Some(home) => {
                    let nearest = buildings.entry(home).or_insert(away);
                    *nearest = nearest.each(away, f64::min);
                }
                None => beyond.others += 1,
            }
        }
        beyond.building_count = buildings.len();
        beyond.buildings = buildings.into_iter().map(|(id, away)| (id.clone(), away)).collect();
        // People ask for the models they made before they ask for a city's shapes.
        let models: HashSet<&EntityId> = entities
            .iter()
            .filter(|entity| entity.kind == EntityKind::Building && entity.ifc_class.is_some())
            .map(|entity| &entity.id)
            .collect();
        beyond.buildings.sort_unstable_by(|a, b| {
            let order = |id| !models.contains(id);
            let by_distance = a.1.picture_m.total_cmp(&b.1.picture_m).then_with(|| a.0.cmp(&b.0));
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
