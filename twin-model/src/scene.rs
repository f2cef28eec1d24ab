//! The scene graph in memory: every entity, and the ways to find one.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Entity, EntityId};

/// What `scene.json` says of a scene package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneInfo {
    /// Hash over the package's content: equal input gives the equal revision.
    pub revision: String,
    /// Coordinate reference system of the sources, absent for models without georeference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crs: Option<String>,
    /// Where the local frame's origin is.
    pub origin: Origin,
    /// Always `"metre"`.
    pub unit: String,
    /// The imported files.
    pub sources: Vec<Source>,
}

/// The origin of the local frame (x east, y north, z up).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// `[longitude °, latitude °, ellipsoidal height m]` in WGS 84; absent without georeference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wgs84: Option<[f64; 3]>,
    /// The same place in [`SceneInfo::crs`]: easting, northing, height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projected: Option<[f64; 3]>,
}

/// One imported file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// File name without its folder, so that the package does not depend on where it was made.
    pub file: String,
    /// `IFC2X3`, `IFC4`, `IFC4X3`, `GeoJSON`.
    pub format: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
}

/// A scene that does not hold together.
#[derive(Debug, Error, PartialEq)]
pub enum SceneError {
    /// Two entities claim one id.
    #[error("entity {0} occurs twice")]
    Duplicate(EntityId),
    /// A parent that is not in the scene.
    #[error("entity {entity} names {parent} as its parent, which is not in the scene")]
    MissingParent {
        /// The child.
        entity: EntityId,
        /// The parent it names.
        parent: EntityId,
    },
    /// Entities that contain each other.
    #[error("entity {0} contains itself")]
    Cycle(EntityId),
}

/// Every entity of a scene with the indexes to find them; read-only once built.
#[derive(Debug, Default)]
pub struct Scene {
    entities: Vec<Entity>,
    by_id: HashMap<EntityId, u32>,
    by_tag: HashMap<String, Vec<u32>>,
    by_name: HashMap<String, Vec<u32>>,
    parents: Vec<Option<u32>>,
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
}

impl Scene {
    /// Builds the indexes, and checks that ids are unique and parents lead to a root.
    pub fn new(entities: Vec<Entity>) -> Result<Self, SceneError> {
        let mut scene = Self { entities, ..Self::default() };
        for (index, entity) in (0..).zip(&scene.entities) {
            if scene.by_id.insert(entity.id.clone(), index).is_some() {
                return Err(SceneError::Duplicate(entity.id.clone()));
            }
            for tag in &entity.tags {
                scene.by_tag.entry(tag.clone()).or_default().push(index);
            }
            if !entity.name.is_empty() {
                scene.by_name.entry(entity.name.clone()).or_default().push(index);
            }
        }
        scene.link()?;
        Ok(scene)
    }

    fn link(&mut self) -> Result<(), SceneError> {
        self.children = vec![Vec::new(); self.entities.len()];
        for (index, entity) in (0..).zip(&self.entities) {
            let parent = match &entity.parent {
                None => None,
                Some(id) => Some(*self.by_id.get(id).ok_or_else(|| SceneError::MissingParent {
                    entity: entity.id.clone(),
                    parent: id.clone(),
                })?),
            };
            self.parents.push(parent);
            match parent {
                Some(parent) => self.children[parent as usize].push(index),
                None => self.roots.push(index),
            }
        }
        // Whatever no root reaches hangs on a cycle.
        let mut reached = vec![false; self.entities.len()];
        let mut open = self.roots.clone();
        while let Some(index) = open.pop() {
            reached[index as usize] = true;
            open.extend(&self.children[index as usize]);
        }
        match reached.iter().position(|reached| !reached) {
            Some(index) => Err(SceneError::Cycle(self.entities[index].id.clone())),
            None => Ok(()),
        }
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// All entities, in file order.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// The entity at a position of [`Scene::entities`].
    pub fn at(&self, index: u32) -> &Entity {
        &self.entities[index as usize]
    }

    /// Position of an entity.
    pub fn index(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// An entity by id.
    pub fn get(&self, id: &str) -> Option<&Entity> {
        self.index(id).map(|index| self.at(index))
    }

    /// Entities without a parent.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// The entity that contains this one.
    pub fn parent(&self, index: u32) -> Option<u32> {
        self.parents[index as usize]
    }

    /// What an entity contains directly.
    pub fn children(&self, index: u32) -> &[u32] {
        &self.children[index as usize]
    }

    /// Entities carrying a tag, in file order.
    pub fn tagged(&self, tag: &str) -> &[u32] {
        self.by_tag.get(tag).map_or(&[], Vec::as_slice)
    }

    /// Entities with exactly this name, in file order.
    pub fn named(&self, name: &str) -> &[u32] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// An entity and everything below it.
    pub fn subtree(&self, index: u32) -> Vec<u32> {
        let mut found = vec![index];
        let mut next = 0;
        while let Some(&open) = found.get(next) {
            found.extend(self.children(open));
            next += 1;
        }
        found
    }

    /// The way from a root down to an entity, both included.
    pub fn path(&self, index: u32) -> Vec<u32> {
        let mut path = vec![index];
        while let Some(parent) = self.parent(path[path.len() - 1]) {
            path.push(parent);
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EntityKind;

    fn entity(id: &str, parent: Option<&str>) -> Entity {
        Entity {
            id: id.into(),
            parent: parent.map(EntityId::from),
            kind: EntityKind::Element,
            ifc_class: None,
            global_id: None,
            name: format!("name of {id}"),
            storey: None,
            bbox: None,
            properties: Default::default(),
            tags: vec![format!("tag:{id}")],
            source: 0,
        }
    }

    #[test]
    fn finds_by_id_tag_name_and_place() {
        let scene =
            Scene::new(vec![entity("a", None), entity("b", Some("a")), entity("c", Some("b"))])
                .unwrap();
        assert_eq!(scene.tagged("tag:b"), [1]);
        assert_eq!(scene.named("name of c"), [2]);
        assert_eq!(scene.subtree(0), [0, 1, 2]);
        assert_eq!(scene.path(2), [0, 1, 2]);
        assert_eq!(scene.roots(), [0]);
        assert!(scene.tagged("none").is_empty());
    }

    #[test]
    fn refuses_what_does_not_hold_together() {
        let twice = Scene::new(vec![entity("a", None), entity("a", None)]);
        assert_eq!(twice.unwrap_err(), SceneError::Duplicate("a".into()));
        let orphan = Scene::new(vec![entity("a", Some("x"))]);
        assert!(matches!(orphan.unwrap_err(), SceneError::MissingParent { .. }));
        let ring = Scene::new(vec![entity("a", Some("b")), entity("b", Some("a"))]);
        assert!(matches!(ring.unwrap_err(), SceneError::Cycle(_)));
    }
}
