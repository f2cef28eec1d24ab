//! The difference between two revisions of a scene: what a model author added, removed,
//! moved, renamed or edited. Entities are the same where their ids are, which come from the
//! GlobalId or from source and path, so an edited file is compared and not listed as new.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BoundingBox, Entity, EntityId, EntityKind};

/// What is nearer than this is in the same place, m.
pub const TOLERANCE_M: f64 = 0.01;

/// Property sets as an entity has them: set name → property → value.
pub type Properties = BTreeMap<String, BTreeMap<String, Value>>;

/// The geometry of an entity in few numbers that do not depend on how it is cut into
/// triangles: they tell a hole that moved from one that did not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Area of its surface, m².
    pub area_m2: f64,
    /// Middle of its surface, weighted by area, local frame, m.
    pub center: [f64; 3],
}

/// Everything that differs between two revisions. An entity may stand in several lists:
/// renamed and moved, for example. Lists are in the order of the revision they look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// Revision compared with; absent where there was no earlier one.
    pub from: Option<String>,
    /// Revision compared.
    pub to: String,
    /// Entities that are in both.
    pub kept: u64,
    /// Entities that are new.
    pub added: Vec<Named>,
    /// Entities that are gone; what was bound to them is an orphan.
    pub removed: Vec<Removed>,
    /// Entities with another name.
    pub renamed: Vec<Renamed>,
    /// Entities of the same shape more than [`TOLERANCE_M`] from where they were.
    pub moved: Vec<Moved>,
    /// Entities of another shape or size, or with geometry where there was none, or none
    /// where there was some.
    pub reshaped: Vec<Reshaped>,
    /// Entities in another container.
    pub reparented: Vec<Reparented>,
    /// Entities with another IFC class or kind.
    pub reclassified: Vec<Reclassified>,
    /// Entities with other attributes, properties or quantities.
    pub edited: Vec<Edited>,
}

/// An entity by what a person knows it by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Stable id.
    pub id: EntityId,
    /// What it is.
    pub kind: EntityKind,
    /// IFC class, absent for GIS sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ifc_class: Option<String>,
    /// Its name, in the new revision if it is in it.
    pub name: String,
}

/// An entity that is gone, with all that bindings could know it by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    /// What it was.
    #[serde(flatten)]
    pub entity: Named,
    /// Names of the buildings, storeys and spaces it stood in, outermost first.
    pub path: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// An entity with another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Renamed {
    /// Which.
    #[serde(flatten)]
    pub entity: Named,
    /// Its name before.
    pub from: String,
}

/// An entity at another place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// Which.
    #[serde(flatten)]
    pub entity: Named,
    /// How far: east, north, up, m, to the millimetre.
    pub by_m: [f64; 3],
}

/// An entity of another shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reshaped {
    /// Which.
    #[serde(flatten)]
    pub entity: Named,
    /// Its box before; absent where it had no geometry.
    pub from: Option<BoundingBox>,
    /// Its box now; absent where it has no geometry any more.
    pub to: Option<BoundingBox>,
}

/// An entity in another container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reparented {
    /// Which.
    #[serde(flatten)]
    pub entity: Named,
    /// Its container before.
    pub from: Option<EntityId>,
    /// Its container now.
    pub to: Option<EntityId>,
}

/// An entity that is something else now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reclassified {
    /// Which.
    #[serde(flatten)]
    pub entity: Named,
    /// Its kind before.
    pub from_kind: EntityKind,
    /// Its IFC class before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_class: Option<String>,
}

/// An entity with other properties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// Which.
    #[serde(flatten)]
    pub entity: Named,
    /// What differs, by set and name.
    pub properties: Vec<Property>,
}

/// A property that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Property {
    /// Property set: `Pset_WallCommon`, `Attributes`.
    pub set: String,
    /// Property in it.
    pub name: String,
    /// Its value before; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// Its value now; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

impl Named {
    fn of(entity: &Entity) -> Self {
        Self {
            id: entity.id.clone(),
            kind: entity.kind,
            ifc_class: entity.ifc_class.clone(),
            name: entity.name.clone(),
        }
    }
}

impl Changes {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.counts().iter().all(|(_, count)| *count == 0)
    }

    /// How many entities stand in each list, with its name.
    pub fn counts(&self) -> [(&'static str, usize); 8] {
        [
            ("added", self.added.len()),
            ("removed", self.removed.len()),
            ("renamed", self.renamed.len()),
            ("moved", self.moved.len()),
            ("reshaped", self.reshaped.len()),
            ("reparented", self.reparented.len()),
            ("reclassified", self.reclassified.len()),
            ("edited", self.edited.len()),
        ]
    }
}

/// Compares an old revision, handed in one entity at a time, with a new one in memory: the
/// old one may be as large as it likes.
#[derive(Debug)]
pub struct Comparison<'a> {
    new: &'a [Entity],
    shapes: &'a HashMap<EntityId, Shape>,
    by_id: HashMap<&'a str, usize>,
    seen: Vec<bool>,
    /// Adds to places in the old revision, so that both count from the same origin.
    shift_m: [f64; 3],
    /// Names and containers of the old spatial structure, for the paths of what is gone.
    containers: HashMap<EntityId, (Option<EntityId>, String)>,
    /// Old containers of what is gone.
    homes: Vec<Option<EntityId>>,
    changes: Changes,
}

impl<'a> Comparison<'a> {
    /// Starts a comparison with a new revision. `shift_m` is where the old revision's origin
    /// stands in the new one's frame.
    pub fn new(new: &'a [Entity], shapes: &'a HashMap<EntityId, Shape>, shift_m: [f64; 3]) -> Self {
        let by_id = new.iter().enumerate().map(|(at, entity)| (entity.id.as_str(), at)).collect();
        Self {
            new,
            shapes,
            by_id,
            seen: vec![false; new.len()],
            shift_m,
            containers: HashMap::new(),
            homes: Vec::new(),
            changes: Changes::default(),
        }
    }

    /// Takes the next entity of the old revision, and what is known of its shape.
    /// `properties` gives those of an entity of the new one, which need not be in memory.
    pub fn old(
        &mut self,
        old: &Entity,
        shape: Option<&Shape>,
        properties: impl FnOnce(&Entity) -> Properties,
    ) {
        use EntityKind::{Building, Project, Site, Space, Storey};
        if matches!(old.kind, Project | Site | Building | Storey | Space) {
            self.containers.insert(old.id.clone(), (old.parent.clone(), old.name.clone()));
        }
        let Some(&at) = self.by_id.get(old.id.as_str()) else {
            let entity = Named::of(old);
            self.changes.removed.push(Removed { entity, path: vec![], tags: old.tags.clone() });
            self.homes.push(old.parent.clone());
            return;
        };
        if std::mem::replace(&mut self.seen[at], true) {
            return;
        }
        self.changes.kept += 1;
        let new = &self.new[at];
        self.compare(old, new, shape);
        let properties = differing(&old.properties, &properties(new));
        if !properties.is_empty() {
            self.changes.edited.push(Edited { entity: Named::of(new), properties });
        }
    }

    fn compare(&mut self, old: &Entity, new: &Entity, shape: Option<&Shape>) {
        let entity = || Named::of(new);
        if old.name != new.name {
            self.changes.renamed.push(Renamed { entity: entity(), from: old.name.clone() });
        }
        if old.parent != new.parent {
            let (from, to) = (old.parent.clone(), new.parent.clone());
            self.changes.reparented.push(Reparented { entity: entity(), from, to });
        }
        if old.kind != new.kind || old.ifc_class != new.ifc_class {
            let (from_kind, from_class) = (old.kind, old.ifc_class.clone());
            self.changes.reclassified.push(Reclassified {
                entity: entity(),
                from_kind,
                from_class,
            });
        }
        match place(old.bbox, new.bbox, shape, self.shapes.get(&new.id), self.shift_m) {
            Place::Same => {}
            Place::Moved(by_m) => self.changes.moved.push(Moved { entity: entity(), by_m }),
            Place::Reshaped => {
                let (from, to) = (old.bbox, new.bbox);
                self.changes.reshaped.push(Reshaped { entity: entity(), from, to });
            }
        }
    }

    /// Ends the comparison, when every entity of the old revision was handed in.
    pub fn finish(mut self, from: &str, to: &str) -> Changes {
        for (removed, home) in self.changes.removed.iter_mut().zip(&self.homes) {
            let mut at = home.as_ref();
            // The old revision may be anything: a ring of containers must end, too.
            while let Some((parent, name)) = at.and_then(|id| self.containers.get(id))
                && removed.path.len() < 64
            {
                removed.path.insert(0, name.clone());
                at = parent.as_ref();
            }
        }
        let added = self.new.iter().zip(&self.seen).filter(|(_, seen)| !**seen);
        self.changes.added = added.map(|(entity, _)| Named::of(entity)).collect();
        Changes { from: Some(from.to_owned()), to: to.to_owned(), ..self.changes }
    }
}

/// What became of an entity's geometry.
enum Place {
    Same,
    Moved([f64; 3]),
    Reshaped,
}

fn place(
    old: Option<BoundingBox>,
    new: Option<BoundingBox>,
    old_shape: Option<&Shape>,
    new_shape: Option<&Shape>,
    shift_m: [f64; 3],
) -> Place {
    let (old, new) = match (old, new) {
        (None, None) => return Place::Same,
        (Some(old), Some(new)) => (old, new),
        _ => return Place::Reshaped,
    };
    let far = |a: [f64; 3], b: [f64; 3]| (0..3).any(|axis| (a[axis] - b[axis]).abs() > TOLERANCE_M);
    let inside = |shape: &Shape, bbox: &BoundingBox| {
        [0, 1, 2].map(|axis| shape.center[axis] - bbox.min[axis])
    };
    let other_shape = match (old_shape, new_shape) {
        (Some(a), Some(b)) => {
            // A thousandth: far more than rounding, far less than the smallest hole.
            (a.area_m2 - b.area_m2).abs() > 1e-3 * a.area_m2.max(b.area_m2)
                || far(inside(a, &old), inside(b, &new))
        }
        _ => false,
    };
    if far(old.size(), new.size()) || other_shape {
        return Place::Reshaped;
    }
    let by = [0, 1, 2].map(|axis| new.center()[axis] - old.center()[axis] - shift_m[axis]);
    if far(by, [0.0; 3]) {
        Place::Moved(by.map(|metres| (metres * 1_000.0).round() / 1_000.0 + 0.0))
    } else {
        Place::Same
    }
}

fn differing(old: &Properties, new: &Properties) -> Vec<Property> {
    let value = |all: &Properties, set: &str, name: &str| {
        all.get(set).and_then(|properties| properties.get(name)).cloned()
    };
    let names = |all: &Properties| -> Vec<(String, String)> {
        all.iter()
            .flat_map(|(set, properties)| {
                properties.keys().map(move |name| (set.clone(), name.clone()))
            })
            .collect()
    };
    let mut all = names(old);
    all.extend(names(new));
    all.sort_unstable();
    all.dedup();
    all.into_iter()
        .filter_map(|(set, name)| {
            let (from, to) = (value(old, &set, &name), value(new, &set, &name));
            (!same(from.as_ref(), to.as_ref())).then_some(Property { set, name, from, to })
        })
        .collect()
}

/// Whether two values are the same; numbers up to what a conversion of units costs.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
        (Some(a), Some(b)) => a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs()),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entity(id: &str, bbox: Option<[f64; 6]>) -> Entity {
        serde_json::from_value(json!({
            "id": id, "kind": "element", "name": id, "bbox": bbox,
        }))
        .unwrap()
    }

    fn own(entity: &Entity) -> Properties {
        entity.properties.clone()
    }

    fn compare(old: &[Entity], new: &[Entity]) -> Changes {
        let none = HashMap::new();
        let mut comparison = Comparison::new(new, &none, [0.0; 3]);
        old.iter().for_each(|entity| comparison.old(entity, None, own));
        comparison.finish("a", "b")
    }

    const BOX: [f64; 6] = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];

    #[test]
    fn the_same_is_no_change() {
        let entities = [entity("a", Some(BOX)), entity("b", None)];
        let changes = compare(&entities, &entities);
        assert!(changes.is_empty() && changes.kept == 2, "{changes:?}");
    }

    #[test]
    fn each_edit_stands_in_its_own_list() {
        let mut old: Vec<Entity> =
            ["site", "gone", "name", "moved", "size", "value", "class", "home", "empty"]
                .map(|id| entity(id, Some(BOX)))
                .into();
        old[0].kind = EntityKind::Site;
        old[1].parent = Some("site".into());
        old[1].tags = vec!["meter:1".into()];
        old[5].properties =
            serde_json::from_value(json!({"P": {"a": 1, "b": 2.0, "c": "x"}})).unwrap();
        let mut new = old.clone();
        new.remove(1);
        new.push(entity("new", None));
        new[1].name = "other".into();
        new[2].bbox = Some([2.0, 0.0, 0.0, 3.0, 1.0, 1.0].into());
        new[3].bbox = Some([0.0, 0.0, 0.0, 1.0, 1.0, 1.02].into());
        new[4].properties =
            serde_json::from_value(json!({"P": {"a": 1.0, "b": 3.0, "d": 4}})).unwrap();
        new[5].kind = EntityKind::Door;
        new[6].parent = Some("site".into());
        new[7].bbox = None;
        let changes = compare(&old, &new);
        assert_eq!(changes.counts().map(|(_, count)| count), [1, 1, 1, 1, 2, 1, 1, 1]);
        assert_eq!(changes.added[0].id.as_str(), "new");
        assert_eq!(changes.removed[0].path, ["site"]);
        assert_eq!(changes.removed[0].tags, ["meter:1"]);
        assert_eq!(changes.renamed[0].from, "name");
        assert_eq!(changes.moved[0].by_m, [2.0, 0.0, 0.0]);
        let ids: Vec<_> = changes.reshaped.iter().map(|one| one.entity.id.as_str()).collect();
        assert_eq!(ids, ["size", "empty"]);
        let edits: Vec<_> =
            changes.edited[0].properties.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(edits, ["b", "c", "d"], "1 and 1.0 are the same number");
        let text = serde_json::to_string(&changes).unwrap();
        assert_eq!(serde_json::from_str::<Changes>(&text).unwrap(), changes);
    }

    #[test]
    fn a_centimetre_is_no_move_and_a_new_origin_neither() {
        let old = entity("a", Some(BOX));
        let mut new = old.clone();
        new.bbox = Some([0.009, 0.0, 0.0, 1.009, 1.0, 1.0].into());
        assert!(compare(std::slice::from_ref(&old), std::slice::from_ref(&new)).is_empty());
        new.bbox = Some([5.0, 0.0, 0.0, 6.0, 1.0, 1.0].into());
        let none = HashMap::new();
        let mut comparison = Comparison::new(std::slice::from_ref(&new), &none, [5.0, 0.0, 0.0]);
        comparison.old(&old, None, own);
        assert!(comparison.finish("a", "b").is_empty());
    }

    #[test]
    fn a_hole_that_moved_is_another_shape_in_the_same_box() {
        let wall = entity("a", Some(BOX));
        let shape = |x: f64| Shape { area_m2: 6.0, center: [x, 0.5, 0.5] };
        let new = HashMap::from([(wall.id.clone(), shape(0.55))]);
        for (x, count) in [(0.55, 0), (0.5, 1)] {
            let mut comparison = Comparison::new(std::slice::from_ref(&wall), &new, [0.0; 3]);
            comparison.old(&wall, Some(&shape(x)), own);
            assert_eq!(comparison.finish("a", "b").reshaped.len(), count, "{x}");
        }
    }
}
