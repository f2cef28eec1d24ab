//! The tile tree: large things in parents, so that a far view shows them first, small
//! things in children, split where they lie.

use twin_model::{BoundingBox, EntityId};

use super::{item::TILE_TRIANGLES, slot::Slot};

/// Rows a property table may have, so that feature ids fit 16 bits.
const TILE_FEATURES: usize = 65_535;
/// What a leaf may hold, so that a few triangles more do not make a tile of their own.
pub(super) const LEAF_TRIANGLES: usize = TILE_TRIANGLES + TILE_TRIANGLES / 4;
/// Extent at which half a step of the 16-bit grid is just under 5 mm.
pub(super) const GRID_EXTENT_M: f64 = 655.0;
/// Children of one tile.
const MAX_CHILDREN: usize = 4;

/// A tile before it is written.
#[derive(Debug, Default)]
pub(super) struct Tile {
    pub(super) items: Vec<Slot>,
    pub(super) children: Vec<Tile>,
    /// Present where the children replace the items, and do not add to them: how far
    /// beside its place anything of the items is, m.
    pub(super) replaced_m: Option<f64>,
    /// The building that all of it and below is part of, where it has tiles of its own.
    pub(super) building: Option<EntityId>,
    /// The storeys that all of it and below stands in; none where it is not split by them.
    pub(super) storeys: Vec<EntityId>,
}

impl Tile {
    fn of(items: Vec<Slot>, children: Vec<Self>) -> Self {
        Self { items, children, ..Self::default() }
    }
}

/// Spreads items over a tree of tiles.
pub(super) fn build(mut items: Vec<Slot>) -> Tile {
    let fits = items.len() <= TILE_FEATURES
        && items.iter().map(|item| item.triangles).sum::<usize>() <= LEAF_TRIANGLES;
    let narrow = extent(&items) <= GRID_EXTENT_M;
    if items.len() <= 1 || (fits && narrow) {
        return Tile::of(items, Vec::new());
    }
    if !narrow {
        let (low, high) = split_in_space(items);
        return Tile::of(Vec::new(), vec![build(low), build(high)]);
    }
    items.sort_by(|a, b| b.size().total_cmp(&a.size()).then_with(|| a.entity.cmp(&b.entity)));
    let mut triangles = 0;
    let taken = items
        .iter()
        .take(TILE_FEATURES)
        .take_while(|item| {
            triangles += item.triangles;
            triangles <= TILE_TRIANGLES
        })
        .count();
    let rest = items.split_off(taken);
    Tile::of(items, split_by_weight(rest).into_iter().map(build).collect())
}

pub(super) fn extent(items: &[Slot]) -> f64 {
    let bounds = items.iter().map(|item| item.bounds).reduce(|a, b| a.union(&b));
    bounds.map_or(0.0, |bounds| bounds.size().into_iter().fold(0.0, f64::max))
}

/// The axis along which the centres of the items spread most, and their range on it.
fn widest(items: &[Slot]) -> (usize, f64, f64) {
    let centers = BoundingBox::around(items.iter().map(|item| item.bounds.center()))
        .unwrap_or(BoundingBox { min: [0.0; 3], max: [0.0; 3] });
    let size = centers.size();
    let axis = (0..3).fold(0, |best, axis| if size[axis] > size[best] { axis } else { best });
    (axis, centers.min[axis], centers.max[axis])
}

/// Two halves of the space the items take; neither is empty.
fn split_in_space(items: Vec<Slot>) -> (Vec<Slot>, Vec<Slot>) {
    let (axis, low, high) = widest(&items);
    let middle = (low + high) / 2.0;
    let (lower, upper): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|item| item.bounds.center()[axis] <= middle);
    if upper.is_empty() { halve(lower, axis) } else { (lower, upper) }
}

/// As many groups as the items need tiles, up to the most children a tile may have.
fn split_by_weight(items: Vec<Slot>) -> Vec<Vec<Slot>> {
    let weight = |items: &[Slot]| {
        let triangles: usize = items.iter().map(|item| item.triangles).sum();
        triangles.div_ceil(TILE_TRIANGLES).max(items.len().div_ceil(TILE_FEATURES))
    };
    let mut groups = vec![items];
    while groups.len() < MAX_CHILDREN {
        let heaviest = (0..groups.len()).rev().max_by_key(|i| weight(&groups[*i]));
        let Some(heaviest) = heaviest else { break };
        if weight(&groups[heaviest]) <= 1 || groups[heaviest].len() < 2 {
            break;
        }
        let group = groups.remove(heaviest);
        let (axis, ..) = widest(&group);
        let (low, high) = halve(group, axis);
        groups.splice(heaviest..heaviest, [low, high]);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Two parts of about the same number of triangles; neither is empty if there are two items.
fn halve(mut items: Vec<Slot>, axis: usize) -> (Vec<Slot>, Vec<Slot>) {
    items.sort_by(|a, b| {
        let (a_at, b_at) = (a.bounds.center()[axis], b.bounds.center()[axis]);
        a_at.total_cmp(&b_at).then_with(|| a.entity.cmp(&b.entity))
    });
    let total: usize = items.iter().map(|item| item.triangles + 1).sum();
    let mut sum = 0;
    let middle = items
        .iter()
        .take_while(|item| {
            sum += item.triangles + 1;
            sum * 2 <= total
        })
        .count();
    let high = items.split_off(middle.clamp(1, (items.len() - 1).max(1)));
    (items, high)
}
