//! Which entity of a new revision is which of the old one, by what is left of it.

use std::{
    collections::VecDeque,
    hash::{Hash, Hasher},
    sync::Arc,
};

use hashbrown::HashMap;
use rustc_hash::{FxHashMap, FxHasher};
use twin_model::{BoundingBox, EntityId, changes::TOLERANCE_M};

/// Farther than this, m, something of the same name is something else.
const MAX_MOVE_M: f64 = 25.0;
/// Pairs of one name in one container that are compared; beyond, those that moved are new.
const MAX_PAIRS: usize = 1 << 16;
/// Things in one place that are looked at for one that fits.
const MAX_LOOKS: usize = 64;
/// Edge of the cells that boxes are found by, m.
const CELL_M: f64 = 0.5;

/// What one entity is known by.
#[derive(Clone)]
pub(super) struct Traits {
    pub(super) id: EntityId,
    /// The id that it shares with others, if it does.
    pub(super) base: Option<EntityId>,
    /// Which file of the new revision it is from, or has become; none where that is gone.
    pub(super) file: Option<u32>,
    /// IFC class, or kind where there is none.
    pub(super) class: Arc<str>,
    pub(super) name: Box<str>,
    pub(super) tag: Option<Box<str>>,
    pub(super) parent: Option<EntityId>,
    /// In the new revision's frame.
    pub(super) bbox: Option<BoundingBox>,
}

/// What must be the same, from the surest to the least sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Class, name, tag, container and box.
    Same,
    /// Id, class and name: box and container may differ.
    Id,
    /// Class and tag.
    Tag,
    /// Class, container and box.
    Renamed,
    /// Name, container and box.
    Reclassified,
    /// Class, name and box.
    Reparented,
    /// Class, name and container; the nearest of them.
    Moved,
}

impl Rule {
    const ALL: [Self; 7] = [
        Self::Same,
        Self::Id,
        Self::Tag,
        Self::Renamed,
        Self::Reclassified,
        Self::Reparented,
        Self::Moved,
    ];

    fn asks_class(self) -> bool {
        self != Self::Reclassified
    }

    fn asks_name(self) -> bool {
        !matches!(self, Self::Tag | Self::Renamed)
    }

    fn asks_tag(self) -> bool {
        matches!(self, Self::Same | Self::Tag)
    }

    fn asks_parent(self) -> bool {
        matches!(self, Self::Same | Self::Moved | Self::Renamed | Self::Reclassified)
    }

    fn asks_box(self) -> bool {
        matches!(self, Self::Same | Self::Renamed | Self::Reclassified | Self::Reparented)
    }

    /// What all that could be the same have in common.
    fn key(self, traits: &Traits, home: Option<&EntityId>, cell: Option<[i64; 3]>) -> u64 {
        let mut hash = FxHasher::default();
        (traits.file, &traits.base, cell).hash(&mut hash);
        self.asks_class().then_some(&traits.class).hash(&mut hash);
        self.asks_name().then_some(&traits.name).hash(&mut hash);
        self.asks_tag().then_some(&traits.tag).hash(&mut hash);
        self.asks_parent().then_some(home).hash(&mut hash);
        (self == Self::Id).then_some(&traits.id).hash(&mut hash);
        hash.finish()
    }
}

/// Old and new, in the order of their files, and what is known of them.
#[derive(Default)]
pub(super) struct Matching {
    pub(super) old: Vec<Traits>,
    pub(super) new: Vec<Traits>,
    /// The old one that each new one is.
    found: Vec<Option<usize>>,
    /// Which old ones nothing was found for.
    is_left: Vec<bool>,
    /// Where the new ones stand, by id.
    places: HashMap<EntityId, usize>,
}

impl Matching {
    /// What a new one was.
    pub(super) fn of_new(&self, new: usize) -> Option<&Traits> {
        self.found.get(new).copied().flatten().map(|old| &self.old[old])
    }

    /// Finds what can be found. What is in a container is looked at again when it is known
    /// which one that was, so this takes as many rounds as containers nest.
    pub(super) fn run(&mut self) {
        self.found = vec![None; self.new.len()];
        self.is_left = self.old.iter().map(|old| old.file.is_some()).collect();
        self.places = self.new.iter().enumerate().map(|(n, new)| (new.id.clone(), n)).collect();
        loop {
            let mut found = 0;
            for rule in Rule::ALL {
                let some = self.apply(rule);
                found += some;
                while some > 0 && self.apply(Rule::Same) > 0 {}
            }
            if found == 0 {
                break;
            }
        }
    }

    /// How many more are found by a rule.
    fn apply(&mut self, rule: Rule) -> usize {
        let old: Vec<usize> = (0..self.old.len()).filter(|&old| self.is_left[old]).collect();
        let new: Vec<usize> =
            (0..self.new.len()).filter(|&new| self.found[new].is_none()).collect();
        if old.is_empty() || new.is_empty() {
            0
        } else if rule == Rule::Moved {
            self.nearest(&old, &new)
        } else {
            self.alike(rule, &old, &new)
        }
    }

    fn take(&mut self, old: usize, new: usize) {
        self.is_left[old] = false;
        self.found[new] = Some(old);
    }

    fn alike(&mut self, rule: Rule, old: &[usize], new: &[usize]) -> usize {
        let place = |traits: &Traits| traits.bbox.filter(|_| rule.asks_box());
        let mut waiting: FxHashMap<u64, VecDeque<usize>> = FxHashMap::default();
        for &n in new {
            let traits = &self.new[n];
            if let Some(home) = self.asked_home(rule, traits) {
                let key = rule.key(traits, home, cell(place(traits), [0.0; 3]));
                waiting.entry(key).or_default().push_back(n);
            }
        }
        let alone = self.alone(rule, old, new);
        let mut found = 0;
        for &o in old {
            let traits = &self.old[o];
            let (place, home) = (place(traits), traits.parent.as_ref());
            let keys: Vec<u64> =
                cells(place).into_iter().map(|cell| rule.key(traits, home, cell)).collect();
            // What has no place is only told from others where there are none.
            if rule != Rule::Same && place.is_none() && alone.get(&keys[0]) != Some(&[1, 1]) {
                continue;
            }
            for key in keys {
                let Some(list) = waiting.get_mut(&key) else { continue };
                let fits = |&n: &usize| self.fits(rule, &self.old[o], &self.new[n]);
                if let Some(at) = list.iter().take(MAX_LOOKS).position(fits)
                    && let Some(n) = list.remove(at)
                {
                    self.take(o, n);
                    found += 1;
                    break;
                }
            }
        }
        found
    }

    /// How many old and new ones without a place there are by key.
    fn alone(&self, rule: Rule, old: &[usize], new: &[usize]) -> FxHashMap<u64, [u32; 2]> {
        let mut counts: FxHashMap<u64, [u32; 2]> = FxHashMap::default();
        if rule == Rule::Same {
            return counts;
        }
        let mut count = |side: usize, traits: &Traits, home: Option<&EntityId>| {
            if !rule.asks_box() || traits.bbox.is_none() {
                counts.entry(rule.key(traits, home, None)).or_default()[side] += 1;
            }
        };
        for traits in old.iter().map(|&o| &self.old[o]) {
            count(0, traits, traits.parent.as_ref());
        }
        for traits in new.iter().map(|&n| &self.new[n]) {
            if let Some(home) = self.asked_home(rule, traits) {
                count(1, traits, home);
            }
        }
        counts
    }

    fn fits(&self, rule: Rule, old: &Traits, new: &Traits) -> bool {
        old.file == new.file
            && old.base == new.base
            && (!rule.asks_class() || old.class == new.class)
            && (!rule.asks_name() || old.name == new.name)
            && (!rule.asks_tag() || old.tag == new.tag)
            && (rule != Rule::Tag || old.tag.is_some())
            // Which of several has the bare id says nothing.
            && (rule != Rule::Id || old.id == new.id && old.base.is_none())
            && (!rule.asks_parent() || self.is_in_the_same(old, new))
            && (!rule.asks_box() || is_same_box(old.bbox, new.bbox))
    }

    /// What the container of a new one was; nothing where that is not known.
    fn home<'a>(&'a self, new: &'a Traits) -> Option<Option<&'a EntityId>> {
        let Some(parent) = &new.parent else { return Some(None) };
        match self.places.get(parent) {
            Some(&place) => self.of_new(place).map(|old| Some(&old.id)),
            None => Some(Some(parent)),
        }
    }

    /// The same, where a rule asks for it.
    fn asked_home<'a>(&'a self, rule: Rule, new: &'a Traits) -> Option<Option<&'a EntityId>> {
        if rule.asks_parent() { self.home(new) } else { Some(None) }
    }

    fn is_in_the_same(&self, old: &Traits, new: &Traits) -> bool {
        self.home(new) == Some(old.parent.as_ref())
    }

    /// Pairs what has one name in one container, the nearest first.
    fn nearest(&mut self, old: &[usize], new: &[usize]) -> usize {
        let mut groups: FxHashMap<u64, [Vec<usize>; 2]> = FxHashMap::default();
        for &n in new {
            if let Some(home) = self.home(&self.new[n]) {
                let key = Rule::Moved.key(&self.new[n], home, None);
                groups.entry(key).or_default()[1].push(n);
            }
        }
        for &o in old {
            let key = Rule::Moved.key(&self.old[o], self.old[o].parent.as_ref(), None);
            if let Some(group) = groups.get_mut(&key) {
                group[0].push(o);
            }
        }
        groups.into_values().map(|[old, new]| self.nearest_of(&old, &new)).sum()
    }

    fn nearest_of(&mut self, old: &[usize], new: &[usize]) -> usize {
        if old.len().saturating_mul(new.len()) > MAX_PAIRS {
            return 0;
        }
        let all = old.iter().flat_map(|&o| new.iter().map(move |&n| (o, n)));
        let mut pairs: Vec<(f64, usize, usize)> =
            all.filter_map(|(o, n)| Some((self.distance(o, n)?, o, n))).collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut found = 0;
        for (_, o, n) in pairs {
            if self.is_left[o] && self.found[n].is_none() {
                self.take(o, n);
                found += 1;
            }
        }
        found
    }

    /// How far one would have moved, m; nothing where it is something else.
    fn distance(&self, old: usize, new: usize) -> Option<f64> {
        let (old, new) = (&self.old[old], &self.new[new]);
        if !self.fits(Rule::Moved, old, new) {
            return None;
        }
        let is_named = !new.name.is_empty();
        let (Some(a), Some(b)) = (old.bbox, new.bbox) else {
            // Something got geometry, or lost it.
            return is_named.then_some(if old.bbox == new.bbox { 0.0 } else { MAX_MOVE_M });
        };
        let (from, to) = (a.center(), b.center());
        let metres = (0..3).map(|axis| (from[axis] - to[axis]).powi(2)).sum::<f64>().sqrt();
        let is_moved = is_named && metres <= MAX_MOVE_M && is_near(a.size(), b.size());
        (is_moved || a.touches(&b, 0.0)).then_some(metres)
    }
}

fn is_near(a: [f64; 3], b: [f64; 3]) -> bool {
    (0..3).all(|axis| (a[axis] - b[axis]).abs() <= TOLERANCE_M)
}

fn is_same_box(a: Option<BoundingBox>, b: Option<BoundingBox>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => is_near(a.min, b.min) && is_near(a.max, b.max),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// The cell in which the lower corner of a box is, `off` metres aside.
fn cell(bbox: Option<BoundingBox>, off: [f64; 3]) -> Option<[i64; 3]> {
    bbox.map(|bbox| [0, 1, 2].map(|axis| ((bbox.min[axis] + off[axis]) / CELL_M).floor() as i64))
}

/// All cells in which it may be, for what is as good as the same box.
fn cells(bbox: Option<BoundingBox>) -> Vec<Option<[i64; 3]>> {
    let side = |bit: usize| if bit == 0 { -TOLERANCE_M } else { TOLERANCE_M };
    let mut cells: Vec<_> = (0..8usize)
        .map(|corner| cell(bbox, [0, 1, 2].map(|axis| side((corner >> axis) & 1))))
        .collect();
    cells.sort_unstable();
    cells.dedup();
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(id: &str, class: &str, name: &str, x_m: f64) -> Traits {
        let bbox = BoundingBox { min: [x_m, 0.0, 0.0], max: [x_m + 1.0, 1.0, 1.0] };
        Traits {
            id: id.into(),
            base: None,
            file: Some(0),
            class: class.into(),
            name: name.into(),
            tag: None,
            parent: Some("home".into()),
            bbox: Some(bbox),
        }
    }

    /// Ids of what each new one was.
    fn found(old: &[Traits], new: &[Traits]) -> Vec<String> {
        let (old, new) = (old.to_vec(), new.to_vec());
        let mut matching = Matching { old, new, ..Matching::default() };
        matching.run();
        let id = |n| matching.of_new(n).map_or("new", |old| old.id.as_str()).to_owned();
        (0..matching.new.len()).map(id).collect()
    }

    #[test]
    fn the_surest_rule_decides() {
        let old = [thing("a", "Wall", "W", 0.0), thing("b", "Wall", "W", 5.0)];
        // One of two alike moved by less than what is between them; another is far off.
        let new = [thing("1", "Wall", "W", 7.0), thing("2", "Wall", "W", 0.0)];
        assert_eq!(found(&old, &new), ["b", "a"]);
        assert_eq!(found(&old, &[thing("1", "Wall", "W", 40.0)]), ["new"]);
        assert_eq!(found(&old, &[thing("1", "Door", "W", 5.0)]), ["b"]);
        assert_eq!(found(&old, &[thing("1", "Wall", "X", 5.0)]), ["b"]);
        assert_eq!(found(&old, &[thing("1", "Door", "X", 5.0)]), ["new"]);
        // What stands in the box goes before what has the name.
        let new = [thing("1", "Wall", "X", 0.0), thing("2", "Wall", "W", 0.5)];
        assert_eq!(found(&old, &new), ["a", "b"]);
        let unnamed = [thing("a", "Wall", "", 0.0)];
        assert_eq!(found(&unnamed, &[thing("1", "Wall", "", 0.5)]), ["a"]);
        assert_eq!(found(&unnamed, &[thing("1", "Wall", "", 1.5)]), ["new"]);
        // Which of several has the bare id says nothing: its container is looked for first.
        let shared = |id: &str, home: &str, x_m: f64| Traits {
            base: Some("g".into()),
            parent: Some(home.into()),
            ..thing(id, "Wall", "W", x_m)
        };
        let old = [shared("g", "r", 0.0), thing("r", "Room", "1", 0.0)];
        let room = thing("2", "Room", "one", 0.0);
        let new = [shared("g", "home", 300.0), shared("g~2", "2", 0.0), room];
        assert_eq!(found(&old, &new), ["new", "g", "r"]);
        let mut tagged = [thing("a", "Wall", "W", 0.0), thing("1", "Wall", "X", 90.0)];
        tagged.iter_mut().for_each(|wall| wall.tag = Some("T".into()));
        assert_eq!(found(&tagged[..1], &tagged[1..]), ["a"]);
    }

    #[test]
    fn what_is_in_a_container_is_found_with_it() {
        let inside = |id: &str, home: &str| Traits {
            parent: Some(home.into()),
            ..thing(id, "Lamp", "L", 3.0)
        };
        let old = [inside("a", "r"), thing("r", "Room", "1", 0.0)];
        let new = [inside("1", "2"), thing("2", "Room", "one", 0.0)];
        assert_eq!(found(&old, &new), ["a", "r"]);
    }

    #[test]
    fn many_alike_take_no_longer() {
        let all = |id: &str| -> Vec<Traits> {
            (0..200_000).map(|n| thing(&format!("{id}{n}"), "Pin", "", 0.0)).collect()
        };
        let found = found(&all("a"), &all("b"));
        assert_eq!((found[0].as_str(), found[199_999].as_str()), ("a0", "a199999"));
    }
}
