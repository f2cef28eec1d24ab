//! What a reader hands on: the entities of one source, their meshes in the scene's
//! local frame, and what it has to say about the rest.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use twin_model::{Entity, EntityId};

use crate::{
    audit::Measured,
    mesh::ElementMesh,
    store::{Aside, MeshStore, StoredMesh},
    walk::footing::Footing,
};

/// One source, read.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Its entities; ids unique within the source, parents among them.
    pub entities: Vec<Entity>,
    /// Their geometry, in the scene's local frame.
    pub meshes: Vec<ElementMesh>,
    /// Geometry that is in the scene's store already.
    pub(crate) stored: Vec<StoredMesh>,
    /// Properties that are in the scene's store already.
    pub(crate) aside: Aside,
    /// What could not be read as written.
    pub notes: Vec<Note>,
    /// Connections the file states itself: a door and the spaces on its two sides.
    pub boundaries: Vec<Boundary>,
    /// The floors of spaces, where their geometry shows them.
    pub floors: HashMap<EntityId, Floor>,
    /// Openings that nothing fills: one can walk through if they reach the floor.
    pub passages: Vec<EntityId>,
    /// Measures of each element with geometry, openings among them; only when asked for.
    pub measured: Vec<Measured>,
    /// Opening by the door or window that fills it.
    pub fillings: HashMap<EntityId, EntityId>,
    /// Outlines of doors and stairs, and the plan of walls.
    pub footing: Footing,
}

impl Imported {
    /// Triangles of all its geometry, wherever that lies.
    pub(crate) fn triangles(&self) -> usize {
        let here = self.meshes.iter().map(|mesh| mesh.indices.len() / 3);
        here.chain(self.stored.iter().map(|mesh| mesh.triangles)).sum()
    }

    /// Moves geometry out of memory.
    pub(crate) fn stow(&mut self, store: &mut MeshStore) {
        self.stored.extend(self.meshes.drain(..).map(|mesh| store.stow(mesh)));
    }
}

/// The floor of a space, in the scene's local frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floor {
    /// Triangles seen from above: x, y of the corners, m.
    pub triangles: Vec<[[f64; 2]; 3]>,
    /// Height, m.
    pub z: f64,
}

/// The file says that an element bounds a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Boundary {
    /// The space.
    pub space: EntityId,
    /// The door, stair or other element at its edge.
    pub element: EntityId,
    /// Whether the file says that outdoors is on the other side.
    pub is_external: bool,
}

/// How bad a [`Note`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing: a source without georeference, a second use of a GlobalId.
    Info,
    /// Drawn, but not as the file says.
    Approximated,
    /// Not drawn, or not read, at all.
    Dropped,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// How bad it is.
    pub severity: Severity,
    /// GlobalId, or for sources without one the id given by us; absent when it
    /// concerns the whole source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_id: Option<String>,
    /// IFC class or feature type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What it is called, where the scene does not say so any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What happened and why, for a person.
    pub reason: String,
}

impl Note {
    /// A line about the whole source.
    pub fn source(severity: Severity, reason: impl Into<String>) -> Self {
        Self { severity, global_id: None, class: None, name: None, reason: reason.into() }
    }

    /// A line about one element.
    pub fn element(
        severity: Severity,
        id: impl Into<String>,
        class: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            global_id: Some(id.into()),
            class: Some(class.into()),
            name: None,
            reason: reason.into(),
        }
    }

    /// The same line, with the element's name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: (!name.is_empty()).then(|| name.to_owned()), ..self }
    }
}
