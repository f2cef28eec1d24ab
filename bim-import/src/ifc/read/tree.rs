//! Where objects are: parents, storeys, names of places, and what bounds a space.

use hashbrown::HashMap;
use twin_model::{Entity, EntityKind};

use super::{super::scan, Reader};
use crate::{
    imported::{Boundary, Note, Severity},
    parents,
};

impl Reader<'_> {
    /// Position of each object's parent; rings are cut.
    pub(super) fn parents(
        &mut self,
        objects: &[scan::Object],
        places: &HashMap<u32, usize>,
    ) -> Vec<Option<usize>> {
        let project = self.inventory.project.and_then(|project| places.get(&project)).copied();
        let mut parents: Vec<Option<usize>> = objects
            .iter()
            .enumerate()
            .map(|(place, object)| {
                let stated =
                    self.inventory.parent(object.id).and_then(|parent| places.get(&parent));
                stated.copied().or(project).filter(|parent| *parent != place)
            })
            .collect();
        if let Some(project) = project {
            parents[project] = None;
        }
        for (place, object) in objects.iter().enumerate() {
            let container = self.inventory.parents.get(&object.id);
            if container.is_some_and(|container| !places.contains_key(container)) {
                self.notes.push(Note::element(
                    Severity::Info,
                    self.names[place].id.as_str(),
                    object.class.name(),
                    "what holds it is not in the file; it was put under the project",
                ));
            }
        }
        for (place, fault) in parents::straighten(&mut parents, project) {
            let reason = format!("it {}; it was put under the project", fault.says());
            self.notes.push(Note::element(
                Severity::Approximated,
                self.names[place].id.as_str(),
                objects[place].class.name(),
                reason,
            ));
        }
        parents
    }

    pub(super) fn boundaries(
        &self,
        entities: &[Entity],
        places: &HashMap<u32, usize>,
    ) -> Vec<Boundary> {
        let mut boundaries: Vec<Boundary> = self
            .inventory
            .boundaries
            .iter()
            .filter_map(|(space, element, is_external)| {
                let (space, element) =
                    (&entities[*places.get(space)?], &entities[*places.get(element)?]);
                let is_outside = space.ifc_class.as_deref() == Some("IfcExternalSpatialElement");
                let counts =
                    is_passable(element) && (is_outside || space.kind == EntityKind::Space);
                counts.then(|| Boundary {
                    space: space.id.clone(),
                    element: element.id.clone(),
                    is_external: *is_external || is_outside,
                })
            })
            .collect();
        boundaries.sort_by(|a, b| (&a.element, &a.space).cmp(&(&b.element, &b.space)));
        boundaries.dedup();
        boundaries
    }

    /// Where an object's placement is, in project units: the chain of translations, as
    /// long as nothing is turned on the way.
    pub(super) fn placement_origin(&self, object: u32) -> Option<[f64; 3]> {
        let mut placement = self.records.follow(&self.records.get(object)?, 5)?;
        let mut origin = [0.0; 3];
        for _ in 0..16 {
            let position = self.records.follow(&placement, 1)?;
            let point = self.records.follow(&position, 0)?;
            for (axis, value) in point.get_list(0)?.iter().take(3).enumerate() {
                origin[axis] += value.as_float()?;
            }
            match self.records.follow(&placement, 0) {
                Some(above) => placement = above,
                None => return Some(origin),
            }
        }
        None
    }
}

/// Whether people pass through it, or through what fills it.
fn is_passable(element: &Entity) -> bool {
    use EntityKind::{Door, Lift, Ramp, Stair};
    matches!(element.kind, Door | Stair | Ramp | Lift)
        || matches!(
            element.ifc_class.as_deref(),
            Some("IfcOpeningElement" | "IfcOpeningStandardCase" | "IfcVirtualElement")
        )
}

/// What an object lies in, from the inside out; few, once the tree is straightened.
pub(super) fn ancestors(place: usize, parents: &[Option<usize>]) -> impl Iterator<Item = usize> {
    std::iter::successors(parents[place], |&above| parents[above])
}

/// `space:…`, `storey:…/…`, `building:…` by name.
pub(super) fn add_place_tags(entities: &mut [Entity], parents: &[Option<usize>]) {
    for place in 0..entities.len() {
        let entity = &entities[place];
        if entity.name.is_empty() {
            continue;
        }
        let tag = match entity.kind {
            EntityKind::Space => format!("space:{}", entity.name),
            EntityKind::Building => format!("building:{}", entity.name),
            EntityKind::Zone => format!("zone:{}", entity.name),
            EntityKind::System => format!("system:{}", entity.name),
            EntityKind::Storey => {
                let building = ancestors(place, parents)
                    .find(|&above| entities[above].kind == EntityKind::Building);
                let building = building.map_or("", |above| entities[above].name.as_str());
                format!("storey:{building}/{}", entity.name)
            }
            _ => continue,
        };
        entities[place].tags.push(tag);
    }
}
