//! Which tiles a view needs, most needed first, within a bound of bytes; and which of them
//! to draw while some are not there yet. Pure: whoever asks says what a tile weighs and
//! whether it is there.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashSet},
};

use glam::{DVec3, DVec4};

use super::tileset::{Bounds, Tile, Tileset};

/// A shell counts for so much more while the inside of buildings is what is looked at.
const INSIDE: f64 = 4.0;
/// A tile that showed its children keeps doing so until its error is this much smaller:
/// who stands at the limit does not see it come and go.
const STAY: f64 = 1.15;
/// Part of the bound up to which tiles just out of view are fetched too.
const BESIDE_PART: f64 = 0.8;

/// What the selection looks through.
#[derive(Clone, Copy, Debug)]
pub struct Eye {
    /// Where, local frame.
    pub position: DVec3,
    /// Inward planes of the view: `xyz · p + w ≥ 0` inside.
    pub planes: [DVec4; 5],
    /// Pixels that one metre covers at one metre's distance.
    pub pixels_per_radian: f64,
}

impl Eye {
    /// Whether any of the box can be in view.
    pub fn sees(&self, bounds: &Bounds) -> bool {
        self.planes.iter().all(|plane| {
            let normal = plane.truncate();
            let farthest = DVec3::select(normal.cmpge(DVec3::ZERO), bounds.max, bounds.min);
            normal.dot(farthest) + plane.w >= 0.0
        })
    }

    /// How many pixels an error of so many metres is at the box.
    pub fn error_px(&self, error_m: f64, bounds: &Bounds) -> f64 {
        error_m * self.pixels_per_radian / bounds.distance(self.position).max(0.1)
    }
}

/// What is looked at, besides where from.
#[derive(Clone, Debug, Default)]
pub struct Focus {
    /// Only these storeys, and what is part of no building.
    pub only: Option<HashSet<String>>,
    /// Whether the inside of buildings is to be seen.
    pub inside: bool,
}

impl Focus {
    /// Whether anything of a tile can be shown.
    fn admits(&self, tile: &Tile) -> bool {
        match (&self.only, &tile.storeys) {
            (Some(only), Some(storeys)) => storeys.iter().any(|storey| only.contains(storey)),
            _ => true,
        }
    }

    fn weight(&self, tile: &Tile) -> f64 {
        let inside = self.inside || self.only.is_some();
        if inside && tile.replaces { INSIDE } else { 1.0 }
    }
}

/// How fine a view may be.
pub struct Limits<'a> {
    /// Error that may be left, pixels.
    pub max_error_px: f64,
    /// Bytes that the tiles may weigh together.
    pub bytes: usize,
    /// What a tile weighs, bytes.
    pub cost: &'a dyn Fn(usize) -> usize,
}

/// A tile that a view needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Position in [`Tileset::tiles`].
    pub tile: usize,
    /// Error on the screen that showing it removes, px: larger comes first.
    pub urgency: f64,
}

/// What a view needs.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Tiles to hold, most urgent first.
    pub wanted: Vec<Wanted>,
    /// What they weigh, bytes.
    pub bytes: usize,
    /// Whether something stays coarser than it should, for want of room.
    pub held_back: bool,
    chosen: Vec<bool>,
    refined: Vec<bool>,
}

/// A tile whose children may be added.
struct Open {
    error_px: f64,
    tile: usize,
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.error_px.total_cmp(&other.error_px).then(other.tile.cmp(&self.tile))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

/// Chooses tiles: from the root down, always there where most is wrong on the screen,
/// until nothing is wrong by more than the limit or no more fits. What does not fit stays
/// coarse. `before` is the choice of the view before.
pub fn choose(
    tileset: &Tileset,
    eye: &Eye,
    focus: &Focus,
    limits: &Limits<'_>,
    before: &Choice,
) -> Choice {
    let count = tileset.tiles.len();
    let mut chooser = Chooser {
        tileset,
        eye,
        focus,
        limits,
        before,
        open: BinaryHeap::new(),
        choice: Choice {
            chosen: vec![false; count],
            refined: vec![false; count],
            ..Choice::default()
        },
    };
    if tileset.tiles.first().is_some_and(|root| chooser.is_looked_at(root)) {
        chooser.add(0, f64::INFINITY);
    }
    while let Some(Open { error_px, tile }) = chooser.open.pop() {
        if error_px <= limits.max_error_px {
            break;
        }
        chooser.refine(tile);
    }
    chooser.add_beside();
    let mut choice = chooser.choice;
    choice.wanted.sort_by(|a, b| b.urgency.total_cmp(&a.urgency).then(a.tile.cmp(&b.tile)));
    choice
}

struct Chooser<'a> {
    tileset: &'a Tileset,
    eye: &'a Eye,
    focus: &'a Focus,
    limits: &'a Limits<'a>,
    before: &'a Choice,
    open: BinaryHeap<Open>,
    choice: Choice,
}

impl Chooser<'_> {
    fn is_looked_at(&self, tile: &Tile) -> bool {
        self.eye.sees(&tile.bounds) && self.focus.admits(tile)
    }

    fn cost(&self, tile: usize) -> usize {
        let has_content = self.tileset.tiles[tile].content.is_some();
        if has_content { (self.limits.cost)(tile) } else { 0 }
    }

    /// The first tile is taken however large it is: there is nothing coarser.
    fn fits(&self, bytes: usize) -> bool {
        self.choice.bytes == 0 || self.choice.bytes.saturating_add(bytes) <= self.limits.bytes
    }

    fn want(&mut self, index: usize, urgency: f64) {
        if self.tileset.tiles[index].content.is_some() {
            self.choice.bytes = self.choice.bytes.saturating_add(self.cost(index));
            self.choice.wanted.push(Wanted { tile: index, urgency });
        }
    }

    fn add(&mut self, index: usize, urgency: f64) {
        self.want(index, urgency);
        self.choice.chosen[index] = true;
        let tile = &self.tileset.tiles[index];
        if !tile.children.is_empty() {
            let stay = if self.before.is_refined(index) { STAY } else { 1.0 };
            let error_px = self.eye.error_px(tile.geometric_error, &tile.bounds);
            let error_px = error_px * self.focus.weight(tile) * stay;
            self.open.push(Open { error_px, tile: index });
        }
    }

    /// Adds a tile's children: those that replace it all or not at all.
    fn refine(&mut self, index: usize) {
        let tile = &self.tileset.tiles[index];
        let children = tile.children.iter().copied();
        let children = children.filter(|&child| self.is_looked_at(&self.tileset.tiles[child]));
        // Nearer children first, though the error they remove is their parent's.
        let urgency = |child: usize| {
            self.eye.error_px(tile.geometric_error, &self.tileset.tiles[child].bounds)
        };
        let mut children: Vec<(usize, f64)> =
            children.map(|child| (child, urgency(child))).collect();
        children.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        if tile.replaces && !self.fits(children.iter().map(|(child, _)| self.cost(*child)).sum()) {
            self.choice.held_back = true;
            return;
        }
        self.choice.refined[index] = true;
        for (child, urgency) in children {
            if tile.replaces || self.fits(self.cost(child)) {
                self.add(child, urgency);
            } else {
                self.choice.held_back = true;
            }
        }
    }

    /// Where there is room, the neighbours of what replaces something, so that a turn of the
    /// head finds them there.
    fn add_beside(&mut self) {
        let room = (self.limits.bytes as f64 * BESIDE_PART) as usize;
        for index in 0..self.tileset.tiles.len() {
            let tile = &self.tileset.tiles[index];
            if !(tile.replaces && self.choice.refined[index]) {
                continue;
            }
            for &child in &tile.children {
                let is_admitted = self.focus.admits(&self.tileset.tiles[child]);
                let bytes = self.choice.bytes.saturating_add(self.cost(child));
                if is_admitted && !self.choice.chosen[child] && bytes <= room {
                    self.want(child, 0.0);
                }
            }
        }
    }
}

impl Choice {
    fn is_refined(&self, tile: usize) -> bool {
        self.refined.get(tile).copied().unwrap_or(false)
    }

    /// The tiles to draw of those that are there. What is to be replaced is drawn until all
    /// that replaces it is there: no hole, and nothing twice.
    pub fn drawn(&self, tileset: &Tileset, is_there: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut drawn = Vec::new();
        if !self.chosen.is_empty() {
            self.draw(tileset, 0, &is_there, &mut drawn);
        }
        drawn
    }

    /// Draws a tile and what is below; whether nothing of it is missing.
    fn draw(
        &self,
        tileset: &Tileset,
        index: usize,
        is_there: &impl Fn(usize) -> bool,
        drawn: &mut Vec<usize>,
    ) -> bool {
        if !self.chosen[index] {
            return true;
        }
        let tile = &tileset.tiles[index];
        let (is_empty, start) = (tile.content.is_none(), drawn.len());
        let own = !is_empty && is_there(index);
        let replaced = tile.replaces && self.refined[index];
        if own && !replaced {
            drawn.push(index);
        }
        if !self.refined[index] {
            return own || is_empty;
        }
        let mut below = true;
        for &child in &tile.children {
            below &= self.draw(tileset, child, is_there, drawn);
        }
        if !replaced {
            return if is_empty { below } else { own };
        }
        if !below && own {
            drawn.truncate(start);
            drawn.push(index);
        }
        below || own
    }
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
