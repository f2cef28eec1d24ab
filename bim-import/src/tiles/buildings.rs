//! What a scene's tree of tiles is made of: its buildings, each by storeys and with a shell
//! for who looks from afar; then what stands between them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use twin_model::EntityId;

use super::{
    homes::Homes,
    shell::{self, Shell},
    slot::Slot,
    tree::{self, GRID_EXTENT_M, LEAF_TRIANGLES, Tile},
};
use crate::store::MeshStore;

/// Triangles from which a building has tiles of its own, and a storey within it.
const OWN_TRIANGLES: usize = 2_000;
/// Buildings that one tile shows from afar.
const GROUP: usize = 12;
/// Shells made at a time at most: each holds five views.
const MAX_THREADS: usize = 8;

/// A building with tiles of its own.
struct Building {
    id: EntityId,
    slots: Vec<Slot>,
}

/// Spreads items over a tree of tiles.
pub(super) fn build(slots: Vec<Slot>, homes: &Homes, store: &MeshStore) -> Tile {
    let total: usize = slots.iter().map(|slot| slot.triangles).sum();
    let mut rest = Vec::new();
    let mut by_building: BTreeMap<EntityId, Vec<Slot>> = BTreeMap::new();
    for slot in slots {
        match homes.building(&slot) {
            Some(building) => by_building.entry(building.clone()).or_default().push(slot),
            None => rest.push(slot),
        }
    }
    let one_tile = by_building.len() < 2 && total <= LEAF_TRIANGLES;
    let mut buildings = Vec::new();
    for (id, slots) in by_building {
        let triangles: usize = slots.iter().map(|slot| slot.triangles).sum();
        if one_tile || triangles < OWN_TRIANGLES || tree::extent(&slots) > GRID_EXTENT_M {
            rest.extend(slots);
        } else {
            buildings.push(Building { id, slots });
        }
    }
    rest.sort_by(|a, b| a.entity.cmp(&b.entity));
    let mut trees = if rest.is_empty() { Vec::new() } else { vec![tree::build(rest)] };
    let shells = shells(&buildings, store);
    trees.extend(group(buildings.into_iter().zip(shells).collect()));
    match trees.len() {
        1 => trees.remove(0),
        _ => Tile { children: trees, ..Tile::default() },
    }
}

/// The shells of all buildings, several made at a time.
fn shells(buildings: &[Building], store: &MeshStore) -> Vec<Option<Shell>> {
    let made: Mutex<Vec<Option<Shell>>> = Mutex::new(buildings.iter().map(|_| None).collect());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((number, building)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, buildings.get(n)?)))
        {
            let slots: Vec<&Slot> = building.slots.iter().collect();
            let shell = shell::of(&building.id, &slots, store);
            made.lock().unwrap_or_else(PoisonError::into_inner)[number] = shell;
        }
    };
    let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 1..processors.min(MAX_THREADS).min(buildings.len()) {
            scope.spawn(work);
        }
        work();
    });
    made.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Tiles for buildings: neighbours together, while they are more than one tile shows.
fn group(buildings: Vec<(Building, Option<Shell>)>) -> Vec<Tile> {
    if buildings.len() <= GROUP {
        return buildings.into_iter().map(|(building, shell)| own_tile(building, shell)).collect();
    }
    let mut groups = vec![buildings];
    while let Some(at) = groups.iter().position(|group| group.len() > GROUP || is_wide(group)) {
        let (low, high) = halve(groups.swap_remove(at));
        groups.extend([low, high]);
    }
    groups.sort_by(|a, b| a[0].0.id.cmp(&b[0].0.id));
    groups.into_iter().map(group_tile).collect()
}

fn is_wide(group: &[(Building, Option<Shell>)]) -> bool {
    let bounds = group.iter().flat_map(|(building, _)| building.slots.iter().map(|s| s.bounds));
    let bounds = bounds.reduce(|a, b| a.union(&b));
    let wide = bounds.is_some_and(|b| b.size().iter().any(|extent| *extent > GRID_EXTENT_M));
    wide && group.len() > 1
}

type Group = Vec<(Building, Option<Shell>)>;

/// Two halves of a group, by where its buildings lie; neither is empty.
fn halve(mut group: Group) -> (Group, Group) {
    let middle = |(building, _): &(Building, Option<Shell>)| {
        let bounds = building.slots.iter().map(|slot| slot.bounds).reduce(|a, b| a.union(&b));
        bounds.map_or([0.0; 3], |bounds| bounds.center())
    };
    let range = |axis: usize| {
        let all = group.iter().map(|entry| middle(entry)[axis]);
        all.clone().fold(f64::NEG_INFINITY, f64::max) - all.fold(f64::INFINITY, f64::min)
    };
    let axis = usize::from(range(1) > range(0));
    group.sort_by_cached_key(|entry| {
        // Millimetres order as well as metres, and whole numbers are ordered.
        ((middle(entry)[axis] * 1_000.0) as i64, entry.0.id.clone())
    });
    let high = group.split_off(group.len() / 2);
    (group, high)
}

/// The tile of a group: all its buildings, coarse.
fn group_tile(group: Group) -> Tile {
    let (mut items, mut error_m) = (Vec::new(), 0.0_f64);
    let mut children = Vec::new();
    let all_have_shells = group.iter().all(|(_, shell)| shell.is_some());
    for (building, mut shell) in group {
        if let Some(shell) = &mut shell {
            items.append(&mut shell.coarse);
            error_m = error_m.max(shell.coarse_error_m);
        }
        children.push(own_tile(building, shell));
    }
    // What is replaced has to be there as a whole.
    let replaced_m = all_have_shells.then_some(error_m);
    if !all_have_shells {
        items.clear();
    }
    Tile { items, children, replaced_m, ..Tile::default() }
}

/// A building: its shell, replaced by its storeys.
fn own_tile(building: Building, shell: Option<Shell>) -> Tile {
    let children = storeys(building.slots);
    let (items, replaced_m) = match shell {
        Some(shell) => (shell.fine, Some(shell.fine_error_m)),
        None => (Vec::new(), None),
    };
    let mut storeys: Vec<EntityId> =
        children.iter().flat_map(|child: &Tile| child.storeys.iter().cloned()).collect();
    storeys.sort_unstable();
    Tile { items, children, replaced_m, building: Some(building.id), storeys }
}

/// A tree for each storey, from below; small neighbours share one.
fn storeys(slots: Vec<Slot>) -> Vec<Tile> {
    let building_less = None;
    let mut by_storey: BTreeMap<Option<EntityId>, Vec<Slot>> = BTreeMap::new();
    for slot in slots {
        by_storey.entry(slot.storey().cloned()).or_default().push(slot);
    }
    let mut trees = Vec::new();
    // What stands in no storey is not part of any.
    if let Some(slots) = by_storey.remove(&building_less) {
        trees.push(tree::build(slots));
    }
    let mut by_height: Vec<(Option<EntityId>, Vec<Slot>)> = by_storey.into_iter().collect();
    let height = |slots: &[Slot]| {
        let sum: f64 = slots.iter().map(|slot| slot.bounds.center()[2]).sum();
        sum / slots.len().max(1) as f64
    };
    by_height.sort_by(|a, b| height(&a.1).total_cmp(&height(&b.1)));
    let (mut open, mut names) = (Vec::new(), Vec::new());
    let weight = |slots: &[Slot]| slots.iter().map(|slot| slot.triangles).sum::<usize>();
    let mut storeys = by_height.into_iter().peekable();
    while let Some((storey, slots)) = storeys.next() {
        let full = |slots: &[Slot]| weight(slots) >= OWN_TRIANGLES;
        open.extend(slots);
        names.extend(storey);
        if full(&open) || storeys.peek().is_none_or(|(_, next)| full(next)) {
            let slots = std::mem::take(&mut open);
            let storeys = std::mem::take(&mut names);
            trees.push(Tile { storeys, ..tree::build(slots) });
        }
    }
    trees
}
