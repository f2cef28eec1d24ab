//! The scene as the panels know it: the compact index the server sends at start, with
//! the ways to walk it. Elements that no point hangs on are not in it.

mod build;
mod order;
mod site;

use std::{collections::HashMap, ops::Range};

use order::rank;
use serde::Deserialize;
use twin_model::{BoundingBox, EntityId, EntityKind};

/// `/api/v1/scene/index` as it comes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct IndexFile {
    /// Revision of the scene package.
    pub revision: String,
    /// Entities; parents and storeys are positions in this list.
    pub entities: Vec<Entry>,
}

/// One entity of the index.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// Stable name.
    pub id: EntityId,
    /// Position of the entity that contains it.
    #[serde(default)]
    pub parent: Option<u32>,
    /// What it is to a person.
    pub kind: EntityKind,
    /// Name as written in the model; may be empty.
    #[serde(default)]
    pub name: String,
    /// What people call it, where the model says so.
    #[serde(default)]
    pub long_name: Option<String>,
    /// Position of the storey it stands in.
    #[serde(default)]
    pub storey: Option<u32>,
    /// Box around its own geometry, m.
    #[serde(default)]
    pub bbox: Option<BoundingBox>,
    /// Floor area, m².
    #[serde(default)]
    pub area_m2: Option<f64>,
    /// How high a storey lies by the model's word, m; it counts from the building's own zero.
    #[serde(default)]
    pub elevation_m: Option<f64>,
}

impl Entry {
    /// The name to show first: LongName, else Name; nothing where it has neither.
    pub fn called(&self) -> Option<&str> {
        let long = self.long_name.as_deref().filter(|name| !name.trim().is_empty());
        long.or(Some(self.name.as_str()).filter(|name| !name.trim().is_empty()))
    }

    /// The same, else the id: to sort and search by.
    pub fn title(&self) -> &str {
        self.called().unwrap_or(self.id.as_str())
    }
}

/// Position of an entity in the index.
pub type EntityIx = u32;

/// The index with its tree; read-only once built.
#[derive(Debug, Default)]
pub struct SceneIndex {
    revision: String,
    entries: Vec<Entry>,
    by_id: HashMap<EntityId, EntityIx>,
    children: Vec<Vec<EntityIx>>,
    roots: Vec<EntityIx>,
    /// Where each entity's subtree lies in a depth-first walk.
    span: Vec<Range<u32>>,
    extent: Vec<Option<BoundingBox>>,
    level: Vec<f64>,
    /// Parents that led nowhere or in a circle, and were cut.
    pub repaired: usize,
}

impl SceneIndex {
    /// Builds the tree. A parent that is out of range, or that makes a circle, is cut and
    /// counted: the entity becomes a root and stays reachable.
    pub fn new(file: IndexFile) -> Self {
        let count = file.entities.len();
        let mut index = Self {
            revision: file.revision,
            entries: file.entities,
            children: vec![Vec::new(); count],
            span: vec![0..0; count],
            extent: vec![None; count],
            ..Self::default()
        };
        index.cut_loose_parents();
        for at in 0..count as u32 {
            index.by_id.insert(index.entries[at as usize].id.clone(), at);
            match index.parent(at) {
                Some(parent) => index.children[parent as usize].push(at),
                None => index.roots.push(at),
            }
        }
        index.measure();
        index.level();
        index.sort();
        index.walk();
        index
    }

    /// Revision of the scene package.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// How many entities the index holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entity at a position.
    pub fn at(&self, at: EntityIx) -> &Entry {
        &self.entries[at as usize]
    }

    /// All entities in file order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Position of an entity.
    pub fn find(&self, id: &str) -> Option<EntityIx> {
        self.by_id.get(id).copied()
    }

    /// Entities without a parent.
    pub fn roots(&self) -> &[EntityIx] {
        &self.roots
    }

    /// What an entity contains directly, in the order a list shows it.
    pub fn children(&self, at: EntityIx) -> &[EntityIx] {
        &self.children[at as usize]
    }

    /// The entity that contains this one.
    pub fn parent(&self, at: EntityIx) -> Option<EntityIx> {
        self.at(at).parent
    }

    /// This entity and what contains it, from the inside out.
    pub fn ancestors(&self, at: EntityIx) -> impl Iterator<Item = EntityIx> {
        std::iter::successors(Some(at), |&at| self.parent(at))
    }

    /// The nearest entity of a kind, going outwards; itself where it is one.
    pub fn enclosing(&self, at: EntityIx, kind: EntityKind) -> Option<EntityIx> {
        self.ancestors(at).find(|&at| self.at(at).kind == kind)
    }

    /// The storey an entity stands in, by the model's word or else by containment.
    pub fn storey(&self, at: EntityIx) -> Option<EntityIx> {
        let declared = self.at(at).storey.filter(|&storey| (storey as usize) < self.len());
        self.enclosing(at, EntityKind::Storey).or(declared)
    }

    /// Whether `at` is `top` or lies below it.
    pub fn is_within(&self, at: EntityIx, top: EntityIx) -> bool {
        self.span[top as usize].contains(&self.span[at as usize].start)
    }

    /// The box around an entity and everything below it, m.
    pub fn extent(&self, at: EntityIx) -> Option<BoundingBox> {
        self.extent[at as usize]
    }

    /// Entities of a kind, in the order lists show them.
    pub fn of_kind(&self, kind: EntityKind) -> Vec<EntityIx> {
        let mut found: Vec<EntityIx> =
            (0..self.len() as u32).filter(|&at| self.at(at).kind == kind).collect();
        found.sort_by_key(|&at| self.span[at as usize].start);
        found
    }

    /// What to show for an entity in a list: itself, or, for a project or site that only
    /// wraps one other thing, that. Models come one file a building, each in a project and
    /// a site of its own.
    pub fn unwrapped(&self, at: EntityIx) -> EntityIx {
        let mut at = at;
        while let (EntityKind::Project | EntityKind::Site, [only]) =
            (self.at(at).kind, self.children(at))
        {
            at = *only;
        }
        at
    }

    /// The name of the whole place: that of its site, or what the names of its sites
    /// begin with.
    pub fn place_name(&self) -> Option<String> {
        let sites = self.of_kind(EntityKind::Site);
        let built: Vec<EntityIx> = sites
            .iter()
            .copied()
            .filter(|&site| self.children(site).iter().any(|&at| !self.children(at).is_empty()))
            .collect();
        let named = if built.is_empty() { sites } else { built };
        let mut titles = named.iter().map(|&site| self.at(site).title());
        let first = titles.next()?;
        let common = titles.fold(first, |common, title| {
            let same = common.char_indices().zip(title.chars());
            let end = same.take_while(|((_, a), b)| a == b).map(|((at, a), _)| at + a.len_utf8());
            &common[..end.last().unwrap_or(0)]
        });
        let common = common.trim_end_matches(|c: char| !c.is_alphanumeric() && c != ')');
        (common.chars().count() > 1).then(|| common.to_owned())
    }

    /// Storeys of a building, top first.
    pub fn storeys_of(&self, building: EntityIx) -> Vec<EntityIx> {
        let mut found = self.of_kind(EntityKind::Storey);
        found.retain(|&storey| self.is_within(storey, building));
        found
    }

    /// Entities whose name, long name or id holds every word of the query; places first,
    /// names that start with it before others. At most `limit`.
    pub fn search(&self, query: &str, limit: usize) -> Vec<EntityIx> {
        let query = query.to_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        if words.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(u8, u8, EntityIx)> = Vec::new();
        for (at, entry) in (0..).zip(&self.entries) {
            let name = entry.name.to_lowercase();
            let long = entry.long_name.as_deref().unwrap_or_default().to_lowercase();
            let holds = |word: &&str| {
                name.contains(word)
                    || long.contains(word)
                    || entry.id.as_str().eq_ignore_ascii_case(word)
            };
            if words.iter().all(holds) {
                let exact = name == query || long == query;
                let starts = name.starts_with(&query) || long.starts_with(&query);
                let how = if exact { 0 } else { 2 - u8::from(starts) };
                found.push((how, rank(entry.kind), at));
            }
        }
        found.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| self.order(a.2, b.2)));
        found.truncate(limit);
        found.into_iter().map(|(_, _, at)| at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_support::entry;

    fn index(entities: Vec<Entry>) -> SceneIndex {
        SceneIndex::new(IndexFile { revision: "r".into(), entities })
    }

    #[test]
    fn walks_up_and_down() {
        let scene = index(vec![
            entry("site", None, EntityKind::Site),
            entry("T2", Some(0), EntityKind::Building),
            entry("T10", Some(0), EntityKind::Building),
            entry("01F", Some(1), EntityKind::Storey),
            entry("room", Some(3), EntityKind::Space),
            entry("sensor", Some(4), EntityKind::Sensor),
        ]);
        assert_eq!(scene.children(0), [1, 2], "T2 before T10");
        assert_eq!(scene.enclosing(5, EntityKind::Building), Some(1));
        assert_eq!(scene.storey(5), Some(3));
        assert!(scene.is_within(5, 1) && scene.is_within(1, 1));
        assert!(!scene.is_within(5, 2) && !scene.is_within(0, 1));
        assert_eq!(scene.storeys_of(1), [3]);
        assert_eq!(scene.storeys_of(2), [] as [u32; 0]);
    }

    #[test]
    fn storeys_stand_top_first_by_height() {
        let mut low = entry("B1F", Some(0), EntityKind::Storey);
        low.bbox = Some([0.0, 0.0, -4.0, 1.0, 1.0, 0.0].into());
        let mut high = entry("09F", Some(0), EntityKind::Storey);
        high.bbox = Some([0.0, 0.0, 40.0, 1.0, 1.0, 44.0].into());
        let mut mid = entry("01F", Some(0), EntityKind::Storey);
        mid.bbox = Some([0.0, 0.0, 0.0, 1.0, 1.0, 4.0].into());
        let bare = entry("RF", Some(0), EntityKind::Storey);
        let scene = index(vec![entry("T1", None, EntityKind::Building), low, mid, high, bare]);
        assert_eq!(scene.children(0), [4, 3, 2, 1], "the bare roof over what it follows");
        assert_eq!(scene.extent(0).unwrap().max[2], 44.0);
    }

    #[test]
    fn a_storey_in_which_nothing_is_drawn_lies_where_its_elevation_says() {
        let storey = |name: &str, elevation_m: f64, floor: Option<f64>| Entry {
            elevation_m: Some(elevation_m),
            bbox: floor.map(|z| [0.0, 0.0, z, 1.0, 1.0, z + 2.0].into()),
            ..entry(name, Some(0), EntityKind::Storey)
        };
        let scene = index(vec![
            entry("house", None, EntityKind::Building),
            storey("Level 1", 0.0, Some(98.0)),
            storey("Level 2", 3.1, Some(101.1)),
            storey("Roof", 6.0, None),
            storey("T/FDN", -1.25, None),
        ]);
        assert_eq!(scene.children(0), [3, 2, 1, 4]);
    }

    #[test]
    fn circles_and_wild_parents_are_cut_and_counted() {
        let scene = index(vec![
            entry("a", Some(1), EntityKind::Space),
            entry("b", Some(0), EntityKind::Space),
            entry("c", Some(99), EntityKind::Space),
            entry("d", Some(3), EntityKind::Space),
        ]);
        assert_eq!(scene.repaired, 3);
        assert_eq!(scene.breadth_first().len(), 4, "everything stays reachable");
    }

    #[test]
    fn one_file_a_building_reads_as_one_place() {
        let scene = index(vec![
            entry("Lakeside · T1", None, EntityKind::Project),
            entry("Lakeside · T1 ", Some(0), EntityKind::Site),
            entry("T1", Some(1), EntityKind::Building),
            entry("01F", Some(2), EntityKind::Storey),
            entry("Lakeside · R2", None, EntityKind::Site),
            entry("R2", Some(4), EntityKind::Building),
            entry("02F", Some(5), EntityKind::Storey),
            entry("gate", Some(4), EntityKind::Door),
            entry("Surroundings", None, EntityKind::Site),
            entry("block", Some(8), EntityKind::Building),
        ]);
        assert_eq!(scene.unwrapped(0), 2);
        assert_eq!(scene.unwrapped(4), 4, "it holds more than one thing");
        assert_eq!(scene.place_name().as_deref(), Some("Lakeside"));
    }

    #[test]
    fn search_wants_every_word_and_puts_places_first() {
        let mut room = entry("T1-03F-R02", None, EntityKind::Space);
        room.long_name = Some("办公室 302 Office".into());
        let scene = index(vec![entry("T1-03F-D02", None, EntityKind::Door), room]);
        assert_eq!(scene.search("t1-03f", 10), [1, 0]);
        assert_eq!(scene.search("办公室 office", 10), [1]);
        assert_eq!(scene.search("t1-03f", 1), [1]);
        assert_eq!(scene.search("  ", 10), [] as [u32; 0]);
        assert_eq!(scene.search("nothing", 10), [] as [u32; 0]);
    }
}
