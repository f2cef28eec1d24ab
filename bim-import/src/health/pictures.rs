//! The pictures of a scene: which there are, what each shows, and where what it does not
//! show can be seen.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, PoisonError},
};

use hashbrown::{HashMap, HashSet};
use twin_model::{BoundingBox, Entity, EntityId, EntityKind};

use super::{
    beyond::{Beyond, Shot},
    framing::{Frame, is_sane},
    homes,
    picture::Picture,
    view::Bounds,
};
use crate::{
    mesh::{ElementMesh, MaterialClass},
    store::StoredMesh,
};

/// Most buildings that get a picture; the others are listed without.
pub(super) const MAX_PICTURES: usize = 48;
/// Most buildings that get a dot in the overview.
const MAX_DOTS: usize = 400;
/// A lone building's picture shows what stands around it, too, as long as that makes it no
/// longer than this many times.
const AROUND: f64 = 1.5;

/// Finished pictures, and where everything is.
#[derive(Default)]
pub(crate) struct Encoded {
    /// PNG by building.
    pub(super) buildings: HashMap<EntityId, Vec<u8>>,
    /// The picture of the whole scene.
    pub(super) overview: Option<Vec<u8>>,
    /// How many buildings have a dot in the overview, since they are too small to be seen.
    pub(super) dots: usize,
    /// Where each building can be seen.
    pub(super) shots: HashMap<EntityId, Shot>,
    /// What no overview shows.
    pub(super) beyond: Beyond,
}

/// The pictures of a scene, drawn some meshes at a time, in any order and by several threads.
pub(crate) struct Pictures {
    pictures: Vec<(Option<EntityId>, Mutex<Picture>)>,
    /// Which of them shows an entity of a building.
    shown_in: HashMap<EntityId, usize>,
    /// The one that shows everything, if there is one.
    overview: Option<usize>,
    /// What is left out of a picture, since there is too much in it.
    unseen: HashSet<(usize, EntityId)>,
    dots: usize,
    shots: HashMap<EntityId, Shot>,
    beyond: Beyond,
}

/// A building on its way to a picture.
struct Candidate {
    id: EntityId,
    /// Entities of it that are drawn.
    count: usize,
    bbox: BoundingBox,
}

impl Pictures {
    /// Makes room for the pictures of a scene; what they show is known from the boxes.
    pub(crate) fn of(entities: &[Entity], meshes: &[StoredMesh]) -> Self {
        let drawn: HashSet<&EntityId> = meshes
            .iter()
            .filter(|mesh| mesh.class != MaterialClass::Space && mesh.triangles > 0)
            .map(|mesh| &mesh.entity)
            .collect();
        let mut far: HashSet<&EntityId> =
            meshes.iter().filter(|mesh| mesh.is_too_far).map(|mesh| &mesh.entity).collect();
        far.retain(|entity| !drawn.contains(entity));
        Self::of_drawn(entities, &drawn, &far)
    }

    /// `far` is what lies too far from the origin to be drawn.
    fn of_drawn(entities: &[Entity], drawn: &HashSet<&EntityId>, far: &HashSet<&EntityId>) -> Self {
        let homes = homes(entities);
        let seen = move || {
            let drawn = entities.iter().filter(move |entity| drawn.contains(&entity.id));
            drawn.filter_map(|entity| Some((entity, entity.bbox.filter(is_sane)?)))
        };
        let found = candidates(seen(), &homes);
        let frame = Frame::of(seen());
        let beyond =
            Beyond { too_far: far.len(), ..Beyond::of(entities, drawn, frame.as_ref(), &homes) };
        let shots = shots(entities, [drawn, far], &homes, &found, frame.as_ref());
        let all: Vec<BoundingBox> = found.iter().map(|building| building.bbox).collect();
        let mut found = found;
        found.retain(|building| shots.get(&building.id) == Some(&Shot::Own));
        let [width, height] = if found.len() > 6 { [320, 220] } else { [640, 420] };
        let alone = lone(&found, seen(), &homes);
        let mut pictures: Vec<(Option<EntityId>, Mutex<Picture>)> = found
            .iter()
            .map(|building| {
                let bounds = alone.as_ref().unwrap_or(&building.bbox);
                (Some(building.id.clone()), Picture::new(width, height, bounds).into())
            })
            .collect();
        let places: HashMap<&EntityId, usize> =
            found.iter().enumerate().map(|(place, building)| (&building.id, place)).collect();
        let mut shown_in: HashMap<EntityId, usize> =
            homes.iter().filter_map(|(id, home)| Some((id.clone(), *places.get(home)?))).collect();
        if alone.is_some() {
            // What stands around it is in its picture, too.
            shown_in.extend(seen().map(|(entity, _)| (entity.id.clone(), 0)));
        }
        let mut dots = 0;
        let overview = frame.filter(|_| alone.is_none()).map(|frame| {
            let mut picture = Picture::new(960, 420, &frame.bounds);
            dots = dot_specks(&mut picture, &frame, &all);
            pictures.push((None, picture.into()));
            pictures.len() - 1
        });
        Self { pictures, shown_in, overview, unseen: HashSet::new(), dots, shots, beyond }
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

    /// The finished pictures.
    pub(super) fn encode(&self) -> io::Result<Encoded> {
        let mut encoded = Encoded {
            dots: self.dots,
            shots: self.shots.clone(),
            beyond: self.beyond.clone(),
            ..Encoded::default()
        };
        for (id, picture) in &self.pictures {
            let picture = picture.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(png) = picture.png()? else { continue };
            match id {
                Some(id) => drop(encoded.buildings.insert(id.clone(), png)),
                None => encoded.overview = Some(png),
            }
        }
        Ok(encoded)
    }
}

/// Puts dots where the buildings of an overview are, if most of them are specks in it and
/// few enough to be told apart: the picture of a wide scene would look blank. How many.
fn dot_specks(picture: &mut Picture, frame: &Frame, buildings: &[BoundingBox]) -> usize {
    let inside =
        buildings.iter().filter(|bbox| frame.outside(EntityKind::Building, bbox).is_none());
    let (specks, others): (Vec<_>, Vec<_>) = inside.partition(|bbox| picture.is_speck(bbox));
    if specks.len() > MAX_DOTS || specks.len() <= others.len() {
        return 0;
    }
    specks.iter().for_each(|bbox| picture.dot(bbox));
    specks.len()
}

/// The buildings of which something is drawn; those with most first, and by id where they
/// have as much, so that it is always the same.
fn candidates<'a>(
    seen: impl Iterator<Item = (&'a Entity, BoundingBox)>,
    homes: &HashMap<EntityId, EntityId>,
) -> Vec<Candidate> {
    let mut bounds: HashMap<&EntityId, (usize, BoundingBox)> = HashMap::new();
    for (entity, bbox) in seen {
        let Some(home) = homes.get(&entity.id) else { continue };
        let (count, all) = bounds.entry(home).or_insert((0, bbox));
        *count += 1;
        *all = all.union(&bbox);
    }
    let mut found: Vec<Candidate> = bounds
        .into_iter()
        .map(|(id, (count, bbox))| Candidate { id: id.clone(), count, bbox })
        .collect();
    found.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.id.cmp(&b.id)));
    found
}

/// Where each building can be seen. Footprints of a city are one shape and have no inside:
/// they are surroundings and get no picture of their own.
fn shots(
    entities: &[Entity],
    [drawn, far]: [&HashSet<&EntityId>; 2],
    homes: &HashMap<EntityId, EntityId>,
    found: &[Candidate],
    frame: Option<&Frame>,
) -> HashMap<EntityId, Shot> {
    let mut inside: HashMap<&EntityId, usize> = HashMap::new();
    let mut bare: HashMap<&EntityId, Shot> = HashMap::new();
    for entity in entities {
        let Some(home) = homes.get(&entity.id) else { continue };
        if *home != entity.id {
            *inside.entry(home).or_default() += 1;
        }
        let shot = bare.entry(home).or_insert(Shot::Nothing);
        let what = match entity.bbox {
            _ if far.contains(&entity.id) => Shot::TooFar,
            Some(bbox) if drawn.contains(&entity.id) && !is_sane(&bbox) => Shot::TooLarge,
            Some(_) if entity.kind == EntityKind::Space => Shot::OnlySpaces,
            _ => Shot::Nothing,
        };
        *shot = (*shot).max(what);
    }
    let mut shots: HashMap<EntityId, Shot> =
        bare.into_iter().map(|(id, shot)| (id.clone(), shot)).collect();
    let mut left = MAX_PICTURES;
    for building in found {
        let away_m = frame.and_then(|frame| frame.outside(EntityKind::Building, &building.bbox));
        let is_shape = building.count == 1 && !inside.contains_key(&building.id);
        let shot = match away_m {
            _ if !is_shape && left > 0 => {
                left -= 1;
                Shot::Own
            }
            Some(_) => Shot::Away,
            None if is_shape => Shot::Shape,
            None => Shot::Fewer,
        };
        shots.insert(building.id.clone(), shot);
    }
    shots
}

/// What the picture of the only building shows so that there need be no other: all there
/// is, if that is not much more than the building.
fn lone<'a>(
    found: &[Candidate],
    seen: impl Iterator<Item = (&'a Entity, BoundingBox)>,
    homes: &HashMap<EntityId, EntityId>,
) -> Option<BoundingBox> {
    let [building] = found else { return None };
    let longest = |bbox: &BoundingBox| bbox.size().into_iter().fold(0.0, f64::max);
    let mut all = building.bbox;
    for (entity, bbox) in seen {
        // Another building has a right to be seen beside it.
        let home = homes.get(&entity.id);
        if home.is_some_and(|home| *home != building.id) {
            return None;
        }
        all = all.union(&bbox);
    }
    (longest(&all) <= AROUND * longest(&building.bbox)).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(id: &str, parent: Option<&str>, kind: EntityKind, x: f64, size: f64) -> Entity {
        let bbox = BoundingBox { min: [x, 0.0, 0.0], max: [x + size, size, size] };
        Entity {
            id: id.into(),
            parent: parent.map(Into::into),
            kind,
            ifc_class: None,
            global_id: None,
            name: String::new(),
            storey: None,
            bbox: (size > 0.0).then_some(bbox),
            properties: BTreeMap::new(),
            tags: vec![],
            source: 0,
        }
    }

    fn pictures(entities: &[Entity]) -> Pictures {
        let is_far = |entity: &&Entity| entity.bbox.is_some_and(|bbox| bbox.min[0] >= 2e6);
        let drawn = entities.iter().filter(|entity| entity.kind != EntityKind::Space);
        let drawn = drawn.filter(|entity| !is_far(entity)).map(|entity| &entity.id).collect();
        let far = entities.iter().filter(is_far).map(|entity| &entity.id).collect();
        Pictures::of_drawn(entities, &drawn, &far)
    }

    #[test]
    fn of_every_building_it_is_known_where_it_is_seen() {
        use EntityKind::{Building, Element, Space};
        let mut all = Vec::new();
        for n in 0..60 {
            let (building, wall) = (format!("b{n:02}"), format!("w{n:02}"));
            all.push(entity(&building, None, Building, 0.0, 0.0));
            all.push(entity(&wall, Some(&building), Element, f64::from(n) * 20.0, 9.0));
        }
        all.push(entity("shape", None, Building, 50.0, 9.0));
        all.push(entity("rooms", None, Building, 0.0, 0.0));
        all.push(entity("room", Some("rooms"), Space, 70.0, 9.0));
        all.push(entity("bare", None, Building, 0.0, 0.0));
        all.push(entity("endless", None, Building, 0.0, 2e5));
        all.push(entity("away", None, Building, 9e5, 9.0));
        all.push(entity("swapped", None, Building, 6e6, 9.0));
        let made = pictures(&all);
        let shot = |id: &str| made.shots[id];
        assert_eq!((shot("b00"), shot("b47"), shot("b48")), (Shot::Own, Shot::Own, Shot::Fewer));
        assert_eq!((shot("shape"), shot("away")), (Shot::Shape, Shot::Away));
        assert_eq!((shot("rooms"), shot("bare")), (Shot::OnlySpaces, Shot::Nothing));
        assert_eq!((shot("endless"), shot("swapped")), (Shot::TooLarge, Shot::TooFar));
        assert_eq!(made.pictures.len(), MAX_PICTURES + 1);
        let beyond = &made.beyond;
        assert_eq!((beyond.building_count, beyond.too_large, beyond.too_far), (1, 1, 1));
        assert_eq!(made.beyond.buildings[0].0, EntityId::from("away"));
    }

    #[test]
    fn a_lone_building_and_what_surrounds_it_make_one_picture_or_two() {
        use EntityKind::{Building, Element, Site};
        let with = |site_m: f64, other: bool| {
            let mut all = vec![
                entity("site", None, Site, -1.0, site_m),
                entity("house", Some("site"), Building, 0.0, 0.0),
                entity("wall", Some("house"), Element, 0.0, 10.0),
            ];
            if other {
                all.push(entity("shape", None, Building, 12.0, 2.0));
            }
            let made = pictures(&all);
            (made.pictures.len(), made.shown_in.contains_key("site"))
        };
        assert_eq!(with(12.0, false), (1, true), "all in the building's picture");
        assert_eq!(with(90.0, false), (2, false), "the site is in the overview");
        assert_eq!(with(12.0, true), (2, false), "one building in a city");
    }
}
