//! `report.html`: the health of a model for people who read no JSON. One file that needs
//! no server and nothing from elsewhere, in Chinese and English, with a picture of each
//! building. It holds no times, so that repeating an import gives the same bytes.

mod checks;
mod facts;
mod html;
mod page;
mod picture;
mod rows;
mod words;

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
};

use hashbrown::{HashMap, HashSet};
use sha2::{Digest, Sha256};
use twin_model::{BoundingBox, Entity, EntityId, EntityKind, SceneInfo};

use self::picture::{Bounds, Picture};
use crate::{
    imported::Boundary,
    mesh::{ElementMesh, MaterialClass},
    report::Report,
    store::StoredMesh,
};

/// Most buildings that get a picture; the others are listed without.
const MAX_PICTURES: usize = 48;

/// What the page tells of.
pub(crate) struct Scene<'a> {
    pub(crate) info: &'a SceneInfo,
    pub(crate) report: &'a Report,
    pub(crate) entities: &'a [Entity],
    pub(crate) boundaries: &'a [Boundary],
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

/// Encoded pictures by building; that of the whole scene has no id.
pub(crate) type Encoded = HashMap<Option<EntityId>, Vec<u8>>;

/// The pictures of a scene, drawn some meshes at a time, in any order and by several threads.
pub(crate) struct Pictures {
    pictures: Vec<(Option<EntityId>, Mutex<Picture>)>,
    /// Which of them shows an entity.
    shown_in: HashMap<EntityId, usize>,
    /// The one that shows everything, if there is one.
    overview: Option<usize>,
    /// What is left out of a picture, since there is too much in it.
    unseen: HashSet<(usize, EntityId)>,
}

impl Pictures {
    /// Makes room for the pictures of a scene; what they show is known from the boxes.
    pub(crate) fn of(entities: &[Entity]) -> Self {
        let homes = homes(entities);
        let mut bounds: HashMap<EntityId, (usize, BoundingBox)> = HashMap::new();
        for entity in entities {
            let (Some(bbox), Some(home)) = (entity.bbox, homes.get(&entity.id)) else { continue };
            if entity.kind == EntityKind::Space || !is_sane(&bbox) {
                continue;
            }
            let (count, all) = bounds.entry(home.clone()).or_insert((0, bbox));
            *count += 1;
            *all = all.union(&bbox);
        }
        let mut buildings: Vec<(EntityId, usize, BoundingBox)> =
            bounds.into_iter().map(|(id, (count, bbox))| (id, count, bbox)).collect();
        // The largest first, and by id where they are as large, so that it is always the same.
        buildings.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        // Footprints of a city have one box and no inside: they are the surroundings.
        buildings.retain(|(_, count, _)| *count > 1);
        let whole = match buildings.len() {
            0 => BoundingBox::around(
                entities
                    .iter()
                    .filter_map(|entity| entity.bbox.filter(is_sane))
                    .flat_map(|bbox| [bbox.min, bbox.max]),
            ),
            1 => None,
            _ => buildings.iter().map(|(_, _, bbox)| *bbox).reduce(|a, b| a.union(&b)),
        };
        buildings.truncate(MAX_PICTURES);
        let [width, height] = if buildings.len() > 6 { [320, 220] } else { [640, 420] };
        let mut pictures: Vec<(Option<EntityId>, Mutex<Picture>)> = buildings
            .iter()
            .map(|(id, _, bbox)| (Some(id.clone()), Picture::new(width, height, bbox).into()))
            .collect();
        let places: HashMap<&EntityId, usize> =
            buildings.iter().enumerate().map(|(place, (id, ..))| (id, place)).collect();
        let shown_in =
            homes.iter().filter_map(|(id, home)| Some((id.clone(), *places.get(home)?))).collect();
        let overview = whole.map(|bounds| {
            pictures.push((None, Picture::new(960, 420, &bounds).into()));
            pictures.len() - 1
        });
        Self { pictures, shown_in, overview, unseen: HashSet::new() }
    }

    /// Leaves out of each picture what is too much for it: that is decided before anything
    /// is drawn, since threads draw in any order.
    pub(crate) fn limit(&mut self, meshes: &[StoredMesh]) {
        let mut layers = vec![0.0; self.pictures.len()];
        for mesh in meshes.iter().filter(|mesh| mesh.class != MaterialClass::Space) {
            let building = self.shown_in.get(&mesh.entity).copied();
            for place in building.into_iter().chain(self.overview) {
                let picture = &mut self.pictures[place].1;
                let picture = picture.get_mut().unwrap_or_else(PoisonError::into_inner);
                layers[place] += picture.layers(mesh.surface.area, mesh.triangles);
                if Picture::is_full(layers[place]) {
                    self.unseen.insert((place, mesh.entity.clone()));
                }
            }
        }
    }

    /// Draws meshes into the pictures that show them. What they count from lies at `shift`, m.
    pub(crate) fn draw(&self, meshes: &[&ElementMesh], shift: [f64; 3]) {
        let mut shown: BTreeMap<usize, Vec<(&ElementMesh, Bounds)>> = BTreeMap::new();
        for &mesh in meshes {
            let bounds = Bounds::of(mesh);
            let building = self.shown_in.get(&mesh.entity).copied();
            for place in building.into_iter().chain(self.overview) {
                let is_unseen = || self.unseen.contains(&(place, mesh.entity.clone()));
                if self.unseen.is_empty() || !is_unseen() {
                    shown.entry(place).or_default().push((mesh, bounds));
                }
            }
        }
        for (place, mut meshes) in shown {
            // The large ones first: they hide most of the others.
            meshes.sort_by(|(_, a), (_, b)| b.size().total_cmp(&a.size()));
            let picture = self.pictures[place].1.lock();
            let mut picture = picture.unwrap_or_else(PoisonError::into_inner);
            for (mesh, bounds) in meshes {
                let origin = [0, 1, 2].map(|axis| mesh.origin[axis] + shift[axis]);
                picture.draw(mesh, &bounds, origin);
            }
        }
    }

    fn encode(&self) -> io::Result<Encoded> {
        let mut encoded = Encoded::new();
        for (id, picture) in &self.pictures {
            let picture = picture.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(png) = picture.png()? {
                encoded.insert(id.clone(), png);
            }
        }
        Ok(encoded)
    }
}

fn is_sane(bbox: &BoundingBox) -> bool {
    bbox.size().iter().all(|size| size.is_finite() && *size < 1e5)
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
