//! Which projects, sites, buildings, storeys and spaces of a file are those of an earlier
//! one: the files of one building share them, and each discipline's export repeats them.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use twin_model::{BoundingBox, Entity, EntityId, EntityKind};

use crate::{
    ids,
    imported::{Imported, Note, Severity},
    sets,
};

/// Heights of storeys, and boxes of things drawn twice, may differ by this much, m.
const TOLERANCE_M: f64 = 0.05;
/// How much of the smaller footprint two files of one building share at least.
const SHARED_FOOTPRINT: f64 = 0.3;

/// What earlier sources hold.
#[derive(Default)]
pub(crate) struct Federation {
    /// Everything, by id.
    pub(crate) known: HashMap<EntityId, Known>,
    classes: HashSet<Arc<str>>,
    places: Vec<Place>,
    by_id: HashMap<EntityId, usize>,
    children: HashMap<EntityId, Vec<usize>>,
}

/// What a person knows an entity by.
pub(crate) struct Known {
    pub(crate) class: Arc<str>,
    pub(crate) name: Box<str>,
    bbox: Option<BoundingBox>,
}

impl Known {
    /// Whether it is an element, too, which another file draws in the same place.
    fn is(&self, element: &Entity) -> bool {
        let has_class = element.ifc_class.as_deref() == Some(&self.class);
        let same_box = match (self.bbox, element.bbox) {
            (Some(a), Some(b)) => is_same_box(&a, &b),
            (None, None) => true,
            _ => false,
        };
        has_class && element.global_id.is_some() && same_box
    }
}

/// A project, site, building, storey or space.
#[derive(Clone)]
struct Place {
    id: EntityId,
    kind: EntityKind,
    class: String,
    name: String,
    long_name: String,
    elevation_m: Option<f64>,
    parent: Option<EntityId>,
    bbox: Option<BoundingBox>,
    /// Box around everything of its source.
    extent: Option<BoundingBox>,
    /// How many buildings its source has.
    buildings: usize,
}

impl Federation {
    /// Earlier entities that stand for some of a source, by the source's own id.
    pub(crate) fn merge(
        &self,
        imported: &Imported,
        notes: &mut Vec<Note>,
    ) -> HashMap<EntityId, EntityId> {
        let own = places(imported);
        let mut merged: HashMap<EntityId, EntityId> = HashMap::new();
        let mut tell = |place: &Place, to: &EntityId, rule: &str| {
            let reason = format!("it is {to} of an earlier source: {rule}");
            let note = Note::element(Severity::Info, place.id.as_str(), &place.class, reason);
            notes.push(note.named(&place.name));
        };
        for place in &own {
            if let Some(known) = self.by_id.get(&place.id).map(|&known| &self.places[known])
                && known.kind == place.kind
                && known.is_drawn_as(place)
            {
                tell(place, &known.id, "they have one GlobalId");
                merged.insert(place.id.clone(), known.id.clone());
            }
        }
        let find = |id: &Option<EntityId>| own.iter().find(|place| Some(&place.id) == id.as_ref());
        for building in own.iter().filter(|place| place.kind == EntityKind::Building) {
            if merged.contains_key(&building.id) {
                continue;
            }
            let project = own.iter().find(|place| place.kind == EntityKind::Project);
            if let Some((known, rule)) = self.same_building(building, project) {
                tell(building, &known.id, rule);
                merged.insert(building.id.clone(), known.id.clone());
                // What holds the one holds the other.
                let (mut mine, mut theirs) = (find(&building.parent), self.find(&known.parent));
                while let (Some(a), Some(b)) = (mine, theirs) {
                    if a.kind != b.kind || merged.contains_key(&a.id) || !b.is_drawn_as(a) {
                        break;
                    }
                    tell(a, &b.id, "it holds a building that is the same");
                    merged.insert(a.id.clone(), b.id.clone());
                    (mine, theirs) = (find(&a.parent), self.find(&b.parent));
                }
            }
        }
        for (kind, rule) in [
            (EntityKind::Storey, "it has its name and height, in the same building"),
            (EntityKind::Space, "it has its name and place, on the same storey"),
        ] {
            for place in own.iter().filter(|place| place.kind == kind) {
                let parent = place.parent.as_ref().and_then(|parent| merged.get(parent));
                let (None, Some(parent)) = (merged.get(&place.id), parent) else { continue };
                let inside = self.children.get(parent).into_iter().flatten();
                let same = inside.map(|&known| &self.places[known]).find(|known| {
                    known.kind == kind && known.is_called(place) && known.is_where(place)
                });
                if let Some(known) = same {
                    tell(place, &known.id, rule);
                    merged.insert(place.id.clone(), known.id.clone());
                }
            }
        }
        self.merge_elements(imported, &mut merged, notes);
        merged
    }

    /// What two exports of one building both hold, such as its walls, stands once.
    fn merge_elements(
        &self,
        imported: &Imported,
        merged: &mut HashMap<EntityId, EntityId>,
        notes: &mut Vec<Note>,
    ) {
        for entity in imported.entities.iter().filter(|entity| !is_place(entity.kind)) {
            let is_known = self.known.get(&entity.id).is_some_and(|known| known.is(entity));
            if !is_known {
                continue;
            }
            let id = &entity.id;
            let reason = format!(
                "it is {id} of an earlier source: they have one GlobalId and class, and one box"
            );
            let note = Note::element(Severity::Info, id.as_str(), ids::class(entity), reason);
            notes.push(note.named(&entity.name));
            merged.insert(id.clone(), id.clone());
        }
    }

    /// Takes in a source whose ids are the scene's.
    pub(crate) fn add(&mut self, imported: &Imported) {
        for entity in &imported.entities {
            let class = self.class(ids::class(entity));
            let known = Known { class, name: entity.name.as_str().into(), bbox: entity.bbox };
            self.known.insert(entity.id.clone(), known);
        }
        for place in places(imported) {
            self.by_id.insert(place.id.clone(), self.places.len());
            if let Some(parent) = &place.parent {
                self.children.entry(parent.clone()).or_default().push(self.places.len());
            }
            self.places.push(place);
        }
    }

    /// One text for all of a class.
    fn class(&mut self, class: &str) -> Arc<str> {
        ids::one_text(&mut self.classes, class)
    }

    fn find(&self, id: &Option<EntityId>) -> Option<&Place> {
        self.by_id.get(id.as_ref()?).map(|&known| &self.places[known])
    }

    fn same_building(
        &self,
        building: &Place,
        project: Option<&Place>,
    ) -> Option<(&Place, &'static str)> {
        let known = self.places.iter().filter(|known| {
            known.kind == EntityKind::Building && share_footprint(known.extent, building.extent)
        });
        known.into_iter().find_map(|known| {
            if known.is_called(building) {
                return Some((known, "it has its name and stands in its place"));
            }
            let above =
                std::iter::successors(self.find(&known.parent), |above| self.find(&above.parent));
            let their = above.take(64).find(|place| place.kind == EntityKind::Project)?;
            let mine = project?;
            let one_project = their.is_called(mine)
                && !mine.long_name.is_empty()
                && their.long_name == mine.long_name;
            (one_project && known.buildings == 1 && building.buildings == 1)
                .then_some((known, "it is the only building of the same project, in its place"))
        })
    }
}

impl Place {
    /// Whether both are without geometry, or drawn in the same place.
    fn is_drawn_as(&self, other: &Self) -> bool {
        match (self.bbox, other.bbox) {
            (Some(a), Some(b)) => is_same_box(&a, &b),
            (_, None) => true,
            (None, Some(_)) => false,
        }
    }

    fn is_called(&self, other: &Self) -> bool {
        let tidy = |name: &str| name.trim().to_lowercase();
        !self.name.trim().is_empty() && tidy(&self.name) == tidy(&other.name)
    }

    /// Whether storeys have one height and spaces one place.
    fn is_where(&self, other: &Self) -> bool {
        if self.kind == EntityKind::Space {
            return match (self.bbox, other.bbox) {
                (Some(_), Some(_)) => share_footprint(self.bbox, other.bbox),
                (_, None) => true,
                (None, Some(_)) => false,
            };
        }
        match (self.elevation_m, other.elevation_m) {
            (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE_M,
            _ => true,
        }
    }
}

/// Whether two boxes are one, but for what files round.
fn is_same_box(a: &BoundingBox, b: &BoundingBox) -> bool {
    (0..3).all(|axis| {
        (a.min[axis] - b.min[axis]).abs() <= TOLERANCE_M
            && (a.max[axis] - b.max[axis]).abs() <= TOLERANCE_M
    })
}

/// Whether a kind is one of those that files of one building share.
fn is_place(kind: EntityKind) -> bool {
    use EntityKind::{Building, Project, Site, Space, Storey};
    matches!(kind, Project | Site | Building | Storey | Space)
}

/// Whether two boxes lie over each other by a good part of the smaller one.
pub(crate) fn share_footprint(a: Option<BoundingBox>, b: Option<BoundingBox>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let area = |bbox: &BoundingBox| bbox.size()[0] * bbox.size()[1];
    let common: f64 = (0..2)
        .map(|axis| (a.max[axis].min(b.max[axis]) - a.min[axis].max(b.min[axis])).max(0.0))
        .product();
    common > 0.0 && common >= SHARED_FOOTPRINT * area(&a).min(area(&b))
}

fn places(imported: &Imported) -> Vec<Place> {
    use EntityKind::{Building, Site};
    let boxes = imported.entities.iter().filter(|entity| entity.kind != Site);
    let boxes = boxes.filter_map(|entity| entity.bbox);
    let extent = boxes.reduce(|all, bbox| all.union(&bbox));
    let of_ifc = |entity: &&Entity| entity.global_id.is_some() && is_place(entity.kind);
    let entities = || imported.entities.iter().filter(of_ifc);
    let buildings = entities().filter(|entity| entity.kind == Building).count();
    let place = |entity: &Entity| {
        let attribute = |name: &str| sets::attribute(&entity.properties, name);
        Place {
            id: entity.id.clone(),
            kind: entity.kind,
            class: entity.ifc_class.clone().unwrap_or_default(),
            name: entity.name.clone(),
            long_name: attribute("LongName").and_then(|v| v.as_str()).unwrap_or_default().into(),
            elevation_m: attribute("Elevation").and_then(serde_json::Value::as_f64),
            parent: entity.parent.clone(),
            bbox: entity.bbox,
            extent,
            buildings,
        }
    };
    entities().map(place).collect()
}
