//! The compact index a viewer loads at start: the spatial structure and everything that
//! can carry a value. All other elements are fetched by `/api/v1/entities` when needed.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use twin_model::{BoundingBox, EntityKind};
use utoipa::ToSchema;

use super::LoadedScene;

/// The compact index.
#[derive(Debug, Serialize, ToSchema)]
pub struct SceneIndex<'a> {
    /// Revision of the scene package.
    pub revision: &'a str,
    /// Parents stand before their children.
    pub entities: Vec<IndexEntity<'a>>,
}

/// One entity of the index.
#[derive(Debug, Serialize, ToSchema)]
pub struct IndexEntity<'a> {
    /// Stable id.
    pub id: &'a str,
    /// Position, in this list, of the nearest ancestor that is in it.
    pub parent: Option<u32>,
    /// What it is: `storey`, `space`, `meter`.
    #[schema(value_type = String)]
    pub kind: EntityKind,
    /// Name as in the file.
    pub name: &'a str,
    /// IFC LongName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_name: Option<&'a str>,
    /// Position, in this list, of the storey it stands in.
    pub storey: Option<u32>,
    /// `[min_x, min_y, min_z, max_x, max_y, max_z]`, local frame, m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<[f64; 6]>)]
    pub bbox: Option<BoundingBox>,
    /// Floor area of a space, m².
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_m2: Option<f64>,
    /// How high a storey lies above the zero of its building, m, as its source says
    /// (IfcBuildingStorey.Elevation); absent where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elevation_m: Option<f64>,
}

/// Whether every entity of a kind is in the index, measured or not.
pub(crate) fn always_listed(kind: EntityKind) -> bool {
    use EntityKind as K;
    matches!(
        kind,
        K::Project
            | K::Site
            | K::Building
            | K::Storey
            | K::Space
            | K::Zone
            | K::Door
            | K::Lift
            | K::Meter
            | K::Sensor
            | K::Controller
            | K::Pump
            | K::Charger
            | K::Landmark
    )
}

impl LoadedScene {
    /// Entities in the index only because they have points.
    pub fn extra_in_index(&self, measured: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let listed = |&index: &u32| !always_listed(self.scene.at(index).kind);
        measured.into_iter().filter(listed).collect()
    }

    /// The index, with some more entities than those always in it.
    pub fn index(&self, extra: &BTreeSet<u32>) -> SceneIndex<'_> {
        let mut listed: Vec<u32> = (0..self.scene.len() as u32)
            .filter(|&index| always_listed(self.scene.at(index).kind) || extra.contains(&index))
            .collect();
        listed.sort_unstable_by_key(|&index| self.tour.place(index));
        let positions: HashMap<u32, u32> = listed.iter().copied().zip(0..).collect();
        let entities = listed.iter().map(|&index| self.index_entity(index, &positions)).collect();
        SceneIndex { revision: &self.info.revision, entities }
    }

    fn index_entity(&self, index: u32, positions: &HashMap<u32, u32>) -> IndexEntity<'_> {
        let entity = self.scene.at(index);
        let mut ancestors =
            std::iter::successors(self.scene.parent(index), |&at| self.scene.parent(at));
        let storey = entity.storey.as_ref().and_then(|id| self.scene.index(id.as_str()));
        IndexEntity {
            id: entity.id.as_str(),
            parent: ancestors.find_map(|ancestor| positions.get(&ancestor).copied()),
            kind: entity.kind,
            name: &entity.name,
            long_name: self.long_name(index),
            storey: storey.and_then(|storey| positions.get(&storey).copied()),
            bbox: entity.bbox,
            area_m2: self.area_m2(index),
            elevation_m: self.elevation_m(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scene::{Properties, load};

    #[test]
    fn skips_elements_and_joins_their_children_to_what_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let scene = r#"{"revision":"r1","origin":{},"unit":"metre","sources":[]}"#;
        std::fs::write(dir.path().join("scene.json"), scene).unwrap();
        let entities = r#"{"id":"m","parent":"w","kind":"meter","name":"EM","storey":"s"}
{"id":"w","parent":"s","kind":"element","name":"wall"}
{"id":"f","parent":"s","kind":"furniture","name":"desk"}
{"id":"s","kind":"storey","name":"01F","properties":{"Attributes":{"Elevation":-1.25}}}
"#;
        std::fs::write(dir.path().join("entities.ndjson"), entities).unwrap();
        let loaded = load(dir.path(), Properties::OnDisk).unwrap();
        let extra = loaded.extra_in_index([0, 2]);
        let index = loaded.index(&extra);
        let ids: Vec<_> = index.entities.iter().map(|entity| entity.id).collect();
        assert_eq!(ids, ["s", "m", "f"]);
        assert_eq!(index.entities[1].parent, Some(0));
        assert_eq!(index.entities[1].storey, Some(0));
        assert_eq!(index.entities[0].parent, None);
        let elevations = index.entities.iter().map(|entity| entity.elevation_m);
        assert_eq!(elevations.collect::<Vec<_>>(), [Some(-1.25), None, None]);
    }
}
