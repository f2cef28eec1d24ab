//! What is worth knowing about a scene's health, gathered from its parts.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use twin_model::{Entity, EntityId, EntityKind, SceneInfo};

use super::{Scene, homes};
use crate::{
    imported::Note,
    report::{self, Report},
    sets,
};

/// Everything the page tells.
pub(super) struct Facts<'a> {
    pub(super) info: &'a SceneInfo,
    pub(super) report: &'a Report,
    /// Whether `changes.json` is in the package.
    pub(super) has_changes: bool,
    pub(super) by_id: HashMap<&'a str, &'a Entity>,
    pub(super) buildings: Vec<Building<'a>>,
    pub(super) spaces: usize,
    /// Spaces of which no boundary is in the file.
    pub(super) unbounded: Vec<&'a Entity>,
    /// Buildings, storeys and spaces without a name.
    pub(super) unnamed: Vec<&'a Entity>,
    /// Elements that the file gives no geometry, themselves or by their parts.
    pub(super) shapeless: Vec<&'a Entity>,
    /// Entities whose GlobalId another one of their file has, too.
    pub(super) duplicates: Vec<&'a Entity>,
    /// Entities whose GlobalId something else in another file has.
    pub(super) clashes: Vec<&'a Entity>,
    /// Notes of all sources, by what they say.
    pub(super) drops: Vec<Group<'a>>,
    pub(super) approximations: Vec<Group<'a>>,
    pub(super) merges: Vec<Group<'a>>,
    pub(super) notes: Vec<Group<'a>>,
}

/// A building and what is in it.
pub(super) struct Building<'a> {
    pub(super) entity: &'a Entity,
    pub(super) storeys: Vec<Storey<'a>>,
    pub(super) elements: usize,
    /// Elements without geometry of their own whose parts have some.
    pub(super) by_parts: usize,
    /// Elements of which nothing has geometry.
    pub(super) bare: usize,
    pub(super) spaces: usize,
}

impl Building<'_> {
    /// Whether one can look into it: footprints of a city are shapes.
    pub(super) fn has_contents(&self) -> bool {
        self.elements + self.spaces + self.storeys.len() > 0
    }
}

/// A storey and what is in it.
pub(super) struct Storey<'a> {
    pub(super) entity: &'a Entity,
    pub(super) elevation_m: Option<f64>,
    pub(super) spaces: usize,
    pub(super) elements: usize,
}

/// Notes that say the same, with the file each is of.
pub(super) struct Group<'a> {
    pub(super) reason: &'a str,
    pub(super) notes: Vec<(&'a str, &'a Note)>,
}

/// Whether an entity is part of the order of things and not a thing.
fn is_structure(kind: EntityKind) -> bool {
    use EntityKind::{Building, Project, Site, Space, Storey, System, Zone};
    matches!(kind, Project | Site | Building | Storey | Space | Zone | System)
}

impl<'a> Facts<'a> {
    pub(super) fn gather(scene: &Scene<'a>) -> Self {
        let entities = scene.entities;
        let by_id: HashMap<&str, &Entity> =
            entities.iter().map(|entity| (entity.id.as_str(), entity)).collect();
        let bounded: HashSet<&EntityId> =
            scene.boundaries.iter().map(|boundary| &boundary.space).collect();
        let of = |wanted: fn(&Entity) -> bool| -> Vec<&'a Entity> {
            entities.iter().filter(|entity| wanted(entity)).collect()
        };
        let spaces = of(|entity| entity.kind == EntityKind::Space);
        let unbounded =
            spaces.iter().copied().filter(|space| !bounded.contains(&space.id)).collect();
        let unnamed = of(|entity| {
            use EntityKind::{Building, Space, Storey};
            matches!(entity.kind, Building | Space | Storey)
                && entity.name.trim().is_empty()
                && entity.ifc_class.is_some()
        });
        let (clashes, duplicates) = of(|entity| first_use(entity).is_some())
            .into_iter()
            .partition(|entity| is_clash(entity, &by_id));
        let (merges, notes) = groups(scene.report, |source| &source.notes)
            .into_iter()
            .partition(|group| group.notes.iter().any(|(_, note)| merged(note).is_some()));
        // Files that are cut off have a check of their own.
        let mut drops = groups(scene.report, |source| &source.drops);
        drops.retain(|group| !group.notes.iter().any(|(_, note)| report::is_cut_off(note)));
        let shown = shown(entities, &by_id);
        Self {
            info: scene.info,
            report: scene.report,
            has_changes: scene.has_changes,
            buildings: buildings(entities, &shown),
            spaces: spaces.len(),
            unbounded,
            unnamed,
            shapeless: shapeless(scene, &shown),
            duplicates,
            clashes,
            drops,
            approximations: groups(scene.report, |source| &source.approximations),
            merges,
            notes,
            by_id,
        }
    }

    /// The file that an entity is of.
    pub(super) fn file_of(&self, entity: &Entity) -> &'a str {
        let place = usize::try_from(entity.source).unwrap_or(usize::MAX);
        self.report.sources.get(place).map_or("", |source| source.file.as_str())
    }

    /// Names from the building down to an entity.
    pub(super) fn path(&self, id: &str) -> String {
        let mut names = Vec::new();
        let mut at = self.by_id.get(id).and_then(|entity| entity.parent.as_ref());
        while let Some(entity) = at.and_then(|id| self.by_id.get(id.as_str()))
            && names.len() < 16
        {
            if matches!(entity.kind, EntityKind::Project | EntityKind::Site) {
                break;
            }
            names.push(if entity.name.is_empty() { "–" } else { entity.name.as_str() });
            at = entity.parent.as_ref();
        }
        names.reverse();
        names.join(" / ")
    }
}

/// Entities with geometry, their own or of their parts.
fn shown<'a>(entities: &'a [Entity], by_id: &HashMap<&str, &'a Entity>) -> HashSet<&'a str> {
    let mut shown: HashSet<&str> = HashSet::new();
    for entity in entities.iter().filter(|entity| entity.bbox.is_some()) {
        let mut at = Some(entity);
        while let Some(here) = at.filter(|here| shown.insert(here.id.as_str())) {
            at = here.parent.as_ref().and_then(|parent| by_id.get(parent.as_str()).copied());
        }
    }
    shown
}

/// Elements without geometry whose parts have none either, and that the report does not
/// name as dropped.
fn shapeless<'a>(scene: &Scene<'a>, shown: &HashSet<&str>) -> Vec<&'a Entity> {
    let dropped: HashSet<&str> = scene
        .report
        .sources
        .iter()
        .flat_map(|source| &source.drops)
        .filter_map(|note| note.global_id.as_deref())
        .collect();
    let is_shapeless = |entity: &&Entity| {
        !is_structure(entity.kind)
            && !shown.contains(entity.id.as_str())
            && !entity.global_id.as_deref().is_some_and(|id| dropped.contains(id))
    };
    scene.entities.iter().filter(is_shapeless).collect()
}

/// The GlobalId of an entity that something before it has; nothing for all others.
fn first_use(entity: &Entity) -> Option<&str> {
    entity.global_id.as_deref().filter(|global_id| *global_id != entity.id.as_str())
}

/// Whether what has an entity's GlobalId is in another file.
fn is_clash(entity: &Entity, by_id: &HashMap<&str, &Entity>) -> bool {
    let first = first_use(entity).and_then(|id| by_id.get(id));
    first.is_some_and(|first| first.source != entity.source)
}

/// What stands for a thing of which a note says that an earlier source has it, and the rule
/// by which it does; nothing for other notes.
pub(super) fn merged(note: &Note) -> Option<(&str, &str)> {
    note.reason.strip_prefix("it is ")?.split_once(" of an earlier source: ")
}

fn groups<'a>(
    report: &'a Report,
    notes: impl Fn(&'a crate::report::SourceReport) -> &'a Vec<Note>,
) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<&str, Vec<(&str, &Note)>> = BTreeMap::new();
    for source in &report.sources {
        for note in notes(source) {
            // What follows a colon or "kept as" differs from element to element.
            let reason = match merged(note) {
                Some((_, rule)) => rule,
                None => note.reason.split("; it is kept as ").next().unwrap_or_default(),
            };
            groups.entry(reason).or_default().push((&source.file, note));
        }
    }
    let mut groups: Vec<Group<'_>> =
        groups.into_iter().map(|(reason, notes)| Group { reason, notes }).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.notes.len()));
    groups
}

fn buildings<'a>(entities: &'a [Entity], shown: &HashSet<&str>) -> Vec<Building<'a>> {
    let homes = homes(entities);
    let mut storeys: HashMap<&EntityId, Storey<'_>> = HashMap::new();
    for entity in entities.iter().filter(|entity| entity.kind == EntityKind::Storey) {
        let elevation = sets::attribute(&entity.properties, "Elevation");
        let elevation_m = elevation.and_then(serde_json::Value::as_f64);
        storeys.insert(&entity.id, Storey { entity, elevation_m, spaces: 0, elements: 0 });
    }
    let mut found: Vec<Building<'_>> = Vec::new();
    let mut places: HashMap<&EntityId, usize> = HashMap::new();
    for entity in entities.iter().filter(|entity| entity.kind == EntityKind::Building) {
        places.insert(&entity.id, found.len());
        let storeys = Vec::new();
        found.push(Building { entity, storeys, elements: 0, by_parts: 0, bare: 0, spaces: 0 });
    }
    for entity in entities {
        let Some(&place) = homes.get(&entity.id).and_then(|home| places.get(home)) else {
            continue;
        };
        let building = &mut found[place];
        let storey = entity.storey.as_ref().and_then(|storey| storeys.get_mut(storey));
        if entity.kind == EntityKind::Space {
            building.spaces += 1;
            storey.into_iter().for_each(|storey| storey.spaces += 1);
        } else if !is_structure(entity.kind) {
            building.elements += 1;
            let is_shown = shown.contains(entity.id.as_str());
            building.by_parts += usize::from(is_shown && entity.bbox.is_none());
            building.bare += usize::from(!is_shown);
            storey.into_iter().for_each(|storey| storey.elements += 1);
        }
    }
    for entity in entities.iter().filter(|entity| entity.kind == EntityKind::Storey) {
        let building = homes.get(&entity.id).and_then(|home| places.get(home));
        if let (Some(&place), Some(storey)) = (building, storeys.remove(&entity.id)) {
            found[place].storeys.push(storey);
        }
    }
    for building in &mut found {
        let height = |storey: &Storey<'_>| storey.elevation_m.unwrap_or(f64::NEG_INFINITY);
        building.storeys.sort_by(|a, b| height(b).total_cmp(&height(a)));
    }
    found
}
