//! Where the buildings of the model stand: what a viewer begins with.

use std::collections::BTreeMap;

use twin_model::{BoundingBox, EntityKind};

use super::{EntityIx, SceneIndex};

/// What lies farther from the largest building than this is another site, m: a view of both
/// would show neither.
const ONE_SITE_M: f64 = 10_000.0;

impl SceneIndex {
    /// Box around what stands in storeys: the buildings of the model, without the town
    /// around them. Of models that stand far apart, those of the site with the most in it.
    pub fn modelled(&self) -> Option<BoundingBox> {
        let mut buildings: BTreeMap<Option<EntityIx>, (usize, BoundingBox)> = BTreeMap::new();
        for at in 0..self.len() as EntityIx {
            let entry = self.at(at);
            let Some(bbox) = entry.bbox.filter(|_| entry.storey.is_some()) else { continue };
            let building = self.enclosing(at, EntityKind::Building);
            let (count, all) = buildings.entry(building).or_insert((0, bbox));
            *count += 1;
            *all = all.union(&bbox);
        }
        // The first of those with as much in them.
        let (_, main) = buildings.values().rev().max_by_key(|(count, _)| *count)?;
        let near = buildings.values().filter(|(_, bbox)| distance(main, bbox) <= ONE_SITE_M);
        near.map(|(_, bbox)| *bbox).reduce(|all, bbox| all.union(&bbox))
    }
}

/// Between two boxes seen from above, m.
fn distance(a: &BoundingBox, b: &BoundingBox) -> f64 {
    let gap = |axis: usize| (b.min[axis] - a.max[axis]).max(a.min[axis] - b.max[axis]).max(0.0);
    gap(0).hypot(gap(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two buildings, the first with one wall more, so far to the east from each other.
    fn index(east_m: f64) -> SceneIndex {
        let entry = |id: &str, parent: Option<u32>, kind: &str, east_m: Option<f64>| {
            let bbox = east_m.map(|x| serde_json::json!([x, 0, 0, x + 10.0, 10, 3]));
            let storey = bbox.is_some().then_some(parent);
            serde_json::json!({"id": id, "parent": parent, "kind": kind, "storey": storey, "bbox": bbox})
        };
        let entries = [
            entry("b1", None, "building", None),
            entry("s1", Some(0), "storey", None),
            entry("w1", Some(1), "element", Some(0.0)),
            entry("w2", Some(1), "element", Some(5.0)),
            entry("b2", None, "building", None),
            entry("s2", Some(4), "storey", None),
            entry("w3", Some(5), "element", Some(east_m)),
        ];
        let file = serde_json::json!({"revision": "r", "entities": entries});
        SceneIndex::new(serde_json::from_value(file).unwrap())
    }

    #[test]
    fn models_far_apart_are_not_framed_together() {
        let width = |index: &SceneIndex| index.modelled().unwrap().size()[0];
        assert_eq!(width(&index(1_000.0)), 1_010.0);
        assert_eq!(width(&index(239_000.0)), 15.0);
        assert!(SceneIndex::default().modelled().is_none());
    }
}
