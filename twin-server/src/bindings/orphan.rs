//! What bindings lost when the scene got a new revision: an entity that is gone, and that
//! nothing else answers for. Told from the start, and not only when its device speaks.

use serde::Serialize;
use twin_model::{Scene, changes::Removed};
use utoipa::ToSchema;

use super::{
    binding::Binding,
    target::{By, Target},
};
use crate::scene::always_listed;

/// An entity that a binding could name until the last revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Orphan {
    /// Name of the binding.
    pub binding: String,
    /// Its topic pattern.
    pub topic: String,
    /// Id of the entity that is gone.
    pub entity: String,
    /// Its name.
    pub name: String,
    /// Where it stood, outermost first.
    pub path: Vec<String>,
    /// What the binding knew it by: `tag meter:EM1`.
    pub wanted: String,
}

/// Every pair of a binding and a removed entity that it could name, unless the scene has
/// another entity of that tag, name or path now. Properties of what is gone are not known:
/// a binding by property is an orphan when its device speaks.
pub fn orphans(bindings: &[Binding], scene: &Scene, removed: &[Removed]) -> Vec<Orphan> {
    let mut found = Vec::new();
    for binding in bindings {
        for gone in removed {
            if let Some(wanted) = lost(&binding.target, scene, gone) {
                found.push(Orphan {
                    binding: binding.name.to_string(),
                    topic: binding.topic.as_str().to_owned(),
                    entity: gone.entity.id.to_string(),
                    name: gone.entity.name.clone(),
                    path: gone.path.clone(),
                    wanted,
                });
            }
        }
    }
    found
}

fn lost(target: &Target, scene: &Scene, gone: &Removed) -> Option<String> {
    let entity = &gone.entity;
    if target.kind.is_some_and(|kind| kind != entity.kind) {
        return None;
    }
    let of_kind = |index: &&u32| target.kind.is_none_or(|kind| scene.at(**index).kind == kind);
    let free = |found: &[u32]| !found.iter().any(|index| of_kind(&index));
    // Ids and names fit anything; what never carries values was never bound by them.
    let measurable = target.kind.is_some() || always_listed(entity.kind);
    match &target.by {
        By::Tag(tag) => {
            let lost = gone.tags.iter().find(|text| tag.fits(text) && free(scene.tagged(text)))?;
            Some(format!("tag {lost}"))
        }
        By::GlobalId(id) => {
            let fits = measurable && id.fits(entity.id.as_str());
            fits.then(|| format!("global_id {}", entity.id))
        }
        By::Name(name) => {
            let fits = measurable && name.fits(&entity.name) && free(scene.named(&entity.name));
            fits.then(|| format!("name {}", entity.name))
        }
        By::Path(path) => {
            let (last, above) = path.split_last()?;
            let mut names = gone.path.iter();
            let fits = last.fits(&entity.name)
                && above.iter().all(|part| names.any(|name| part.fits(name)))
                && free(scene.named(&entity.name));
            fits.then(|| format!("path {}/{}", gone.path.join("/"), entity.name))
        }
        By::Property { .. } => None,
    }
}
