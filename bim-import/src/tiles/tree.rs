//! The tile tree: large things in parents, so that a far view shows them first, small
//! things in children, split where they lie.

use std::{collections::HashSet, path::Path};

use twin_model::{BoundingBox, EntityId};

use super::{
    TilesError, TilesSummary, glb,
    item::{Item, TILE_TRIANGLES},
    write_file,
};

/// Rows a property table may have, so that feature ids fit 16 bits.
const TILE_FEATURES: usize = 65_535;
/// What a leaf may hold, so that a few triangles more do not make a tile of their own.
const LEAF_TRIANGLES: usize = TILE_TRIANGLES + TILE_TRIANGLES / 4;
/// Extent at which half a step of the 16-bit grid is just under 5 mm.
const GRID_EXTENT_M: f64 = 655.0;
/// Children of one tile.
const MAX_CHILDREN: usize = 4;

/// A tile before it is written.
#[derive(Debug, Default)]
pub(super) struct Tile {
    pub(super) items: Vec<Item>,
    pub(super) children: Vec<Tile>,
}

/// A tile whose content, if any, is on disk.
#[derive(Debug)]
pub(super) struct WrittenTile {
    /// Everything in this tile and below, m; absent when there is nothing.
    pub(super) bounds: Option<BoundingBox>,
    /// File name of the content.
    pub(super) content: Option<String>,
    /// Diagonal of the largest thing that is missing while the children are not shown, m.
    pub(super) geometric_error: f64,
    /// Diagonal of the largest thing in this tile and below, m.
    pub(super) largest: f64,
    pub(super) children: Vec<WrittenTile>,
}

/// Spreads items over a tree of tiles.
pub(super) fn build(mut items: Vec<Item>) -> Tile {
    let fits = items.len() <= TILE_FEATURES
        && items.iter().map(|item| item.triangles).sum::<usize>() <= LEAF_TRIANGLES;
    let narrow = extent(&items) <= GRID_EXTENT_M;
    if items.len() <= 1 || (fits && narrow) {
        return Tile { items, children: Vec::new() };
    }
    if !narrow {
        let (low, high) = split_in_space(items);
        return Tile { items: Vec::new(), children: vec![build(low), build(high)] };
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
    Tile { items, children: split_by_weight(rest).into_iter().map(build).collect() }
}

fn extent(items: &[Item]) -> f64 {
    let bounds = items.iter().map(|item| item.bounds).reduce(|a, b| a.union(&b));
    bounds.map_or(0.0, |bounds| bounds.size().into_iter().fold(0.0, f64::max))
}

/// The axis along which the centres of the items spread most, and their range on it.
fn widest(items: &[Item]) -> (usize, f64, f64) {
    let centers = BoundingBox::around(items.iter().map(|item| item.bounds.center()))
        .unwrap_or(BoundingBox { min: [0.0; 3], max: [0.0; 3] });
    let size = centers.size();
    let axis = (0..3).fold(0, |best, axis| if size[axis] > size[best] { axis } else { best });
    (axis, centers.min[axis], centers.max[axis])
}

/// Two halves of the space the items take; neither is empty.
fn split_in_space(items: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
    let (axis, low, high) = widest(&items);
    let middle = (low + high) / 2.0;
    let (lower, upper): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|item| item.bounds.center()[axis] <= middle);
    if upper.is_empty() { halve(lower, axis) } else { (lower, upper) }
}

/// As many groups as the items need tiles, up to the most children a tile may have.
fn split_by_weight(items: Vec<Item>) -> Vec<Vec<Item>> {
    let weight = |items: &[Item]| {
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
fn halve(mut items: Vec<Item>, axis: usize) -> (Vec<Item>, Vec<Item>) {
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

/// Writes the GLB of every tile below `tile`, freeing its meshes as it goes.
pub(super) fn write_contents(
    tile: Tile,
    dir: &Path,
    summary: &mut TilesSummary,
    drawn: &mut HashSet<EntityId>,
) -> Result<WrittenTile, TilesError> {
    write_tile(tile, "0", dir, summary, drawn)
}

fn write_tile(
    mut tile: Tile,
    name: &str,
    dir: &Path,
    summary: &mut TilesSummary,
    drawn: &mut HashSet<EntityId>,
) -> Result<WrittenTile, TilesError> {
    let own = tile.items.iter().map(Item::size).fold(0.0, f64::max);
    tile.items.sort_by(|a, b| a.entity.cmp(&b.entity));
    let file = format!("{name}.glb");
    let path = dir.join(&file);
    let content = glb::encode(tile.items, &path)?;
    let mut bounds = None;
    let mut content_file = None;
    if let Some(content) = content {
        write_file(&path, &content.bytes)?;
        content.add_to(summary);
        drawn.extend(content.drawn);
        bounds = Some(content.bounds);
        content_file = Some(file);
    }
    let children = tile
        .children
        .into_iter()
        .enumerate()
        .map(|(n, child)| write_tile(child, &format!("{name}-{n}"), dir, summary, drawn))
        .collect::<Result<Vec<_>, _>>()?;
    let below = children.iter().map(|child| child.largest).fold(0.0, f64::max);
    let bounds = children.iter().filter_map(|child| child.bounds).chain(bounds);
    Ok(WrittenTile {
        bounds: bounds.reduce(|a, b| a.union(&b)),
        content: content_file,
        geometric_error: below,
        largest: own.max(below),
        children: children.into_iter().filter(|child| child.bounds.is_some()).collect(),
    })
}
