//! What lies too far from the scene's origin to be drawn: the report counts it among what is
//! missing, though its file was read well.

use hashbrown::HashSet;
use twin_model::EntityId;

use crate::{
    ids,
    imported::{Imported, Note, Severity},
};

/// A line for each entity of which nothing is drawn for that reason.
pub(super) fn notes(imported: &Imported) -> Vec<Note> {
    let stored = || imported.stored.iter();
    let mut far: HashSet<&EntityId> =
        stored().filter(|mesh| mesh.is_too_far).map(|mesh| &mesh.entity).collect();
    for mesh in stored().filter(|mesh| mesh.triangles > 0) {
        far.remove(&mesh.entity);
    }
    let entities = imported.entities.iter().filter(|entity| far.contains(&entity.id));
    let why = "it lies or reaches more than 2000 km from the scene's origin: too far to be drawn";
    entities
        .map(|entity| {
            let id = entity.id.as_str();
            Note::element(Severity::Dropped, id, ids::class(entity), why)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use twin_model::{Entity, EntityKind};

    use super::*;
    use crate::{
        mesh::{ElementMesh, MaterialClass},
        store::{MeshStore, Store},
    };

    fn mesh(entity: &str, x_m: f64) -> ElementMesh {
        ElementMesh {
            entity: entity.into(),
            storey: None,
            class: MaterialClass::Opaque,
            origin: [x_m, 0.0, 0.0],
            positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![],
            indices: vec![0, 1, 2],
            rgba: [255; 4],
        }
    }

    fn entity(id: &str) -> Entity {
        Entity {
            id: id.into(),
            parent: None,
            kind: EntityKind::Element,
            ifc_class: Some("IfcWall".into()),
            global_id: None,
            name: String::new(),
            storey: None,
            bbox: None,
            properties: Default::default(),
            tags: vec![],
            source: 0,
        }
    }

    #[test]
    fn what_is_too_far_in_all_its_parts_is_told() {
        let mut meshes = MeshStore::local(Store::create(&std::env::temp_dir()).unwrap());
        let mut imported = Imported {
            entities: ["far", "near", "both", "nowhere"].map(entity).into(),
            meshes: vec![
                mesh("far", 3e6),
                mesh("near", 1.9e6),
                mesh("both", 3e6),
                mesh("both", 0.0),
                mesh("nowhere", f64::NAN),
            ],
            ..Imported::default()
        };
        imported.stow(&mut meshes);
        let notes = notes(&imported);
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert_eq!(note.global_id.as_deref(), Some("far"));
        assert_eq!((note.severity, note.class.as_deref()), (Severity::Dropped, Some("IfcWall")));
    }
}
