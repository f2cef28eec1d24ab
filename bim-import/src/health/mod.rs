//! `report.html`: the health of a model for people who read no JSON. One file that needs
//! no server and nothing from elsewhere, in Chinese and English, with a picture of each
//! building. It holds no times, so that repeating an import gives the same bytes.

mod beyond;
mod buildings;
mod checks;
mod facts;
mod framing;
mod html;
mod naming;
mod page;
mod picture;
mod pictures;
mod place;
mod rows;
mod view;
mod words;

use std::io;

use hashbrown::{HashMap, HashSet};
use sha2::{Digest, Sha256};
use twin_model::{Entity, EntityId, EntityKind, SceneInfo};

pub(crate) use self::pictures::Pictures;
use crate::{imported::Boundary, report::Report};

/// What the page tells of.
pub(crate) struct Scene<'a> {
    pub(crate) info: &'a SceneInfo,
    pub(crate) report: &'a Report,
    pub(crate) entities: &'a [Entity],
    pub(crate) boundaries: &'a [Boundary],
    /// Whether `changes.json` is in the package.
    pub(crate) has_changes: bool,
}

/// The `Content-Security-Policy` under which a server hands out `report.html`: the page
/// asks for nothing and runs no script but its own.
pub fn content_security_policy() -> String {
    let script = html::base64(&Sha256::digest(page::script()));
    format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}

/// The page.
///
/// # Errors
/// When a picture cannot be encoded.
pub(crate) fn page(scene: &Scene<'_>, pictures: &Pictures) -> io::Result<String> {
    let facts = facts::Facts::gather(scene);
    Ok(page::write(&facts, &pictures.encode()?))
}

/// The building each entity stands in; a building stands in itself.
fn homes(entities: &[Entity]) -> HashMap<EntityId, EntityId> {
    let by_id: HashMap<&EntityId, &Entity> =
        entities.iter().map(|entity| (&entity.id, entity)).collect();
    let mut homes = HashMap::new();
    for entity in entities {
        let mut at = Some(entity);
        let mut passed = HashSet::new();
        while let Some(here) = at.filter(|here| passed.insert(&here.id)) {
            if here.kind == EntityKind::Building {
                homes.insert(entity.id.clone(), here.id.clone());
                break;
            }
            at = here.parent.as_ref().and_then(|parent| by_id.get(parent).copied());
        }
    }
    homes
}
