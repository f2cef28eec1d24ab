//! Which tiles a view needs, most needed first.

use glam::{DVec3, DVec4};

use super::tileset::{Bounds, Tileset};

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

/// A tile that a view needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Position in [`Tileset::tiles`].
    pub tile: usize,
    /// Error on the screen that showing it removes, px: larger comes first.
    pub urgency: f64,
}

/// The tiles that a view needs so that nothing is wrong by more than `max_error_px`.
/// Tiles out of view are left out. Refinement adds: a child shows with its parents.
pub fn select(tileset: &Tileset, eye: &Eye, max_error_px: f64) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    if tileset.tiles.is_empty() {
        return wanted;
    }
    let mut open = vec![(0, f64::INFINITY)];
    while let Some((index, urgency)) = open.pop() {
        let tile = &tileset.tiles[index];
        if !eye.sees(&tile.bounds) {
            continue;
        }
        if tile.content.is_some() {
            wanted.push(Wanted { tile: index, urgency });
        }
        let error = eye.error_px(tile.geometric_error, &tile.bounds);
        if error > max_error_px {
            open.extend(tile.children.iter().map(|&child| {
                // Nearer children first, though the error they remove is their parent's.
                (child, eye.error_px(tile.geometric_error, &tileset.tiles[child].bounds))
            }));
        }
    }
    wanted.sort_by(|a, b| b.urgency.total_cmp(&a.urgency).then(a.tile.cmp(&b.tile)));
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tiles::tileset::Tile;

    fn tile(x: f64, geometric_error: f64, children: Vec<usize>) -> Tile {
        let bounds = Bounds { min: DVec3::new(x, 0.0, 0.0), max: DVec3::new(x + 10.0, 10.0, 10.0) };
        Tile { bounds, geometric_error, content: Some(String::new()), children }
    }

    fn eye(x: f64) -> Eye {
        let everything = DVec4::new(0.0, 0.0, 0.0, 1.0);
        Eye {
            position: DVec3::new(x, 5.0, 5.0),
            planes: [everything; 5],
            pixels_per_radian: 1000.0,
        }
    }

    fn names(wanted: &[Wanted]) -> Vec<usize> {
        wanted.iter().map(|wanted| wanted.tile).collect()
    }

    #[test]
    fn near_refines_and_far_does_not() {
        let root = Tile {
            bounds: Bounds { min: DVec3::ZERO, max: DVec3::new(1000.0, 10.0, 10.0) },
            ..tile(0.0, 8.0, vec![1, 2])
        };
        let tileset =
            Tileset { tiles: vec![root, tile(0.0, 0.0, vec![]), tile(900.0, 0.0, vec![])] };
        assert_eq!(names(&select(&tileset, &eye(-20.0), 8.0)), [0, 1, 2], "nearer first");
        assert_eq!(names(&select(&tileset, &eye(1020.0), 8.0)), [0, 2, 1]);
        assert_eq!(names(&select(&tileset, &eye(-2000.0), 8.0)), [0], "4 px is good enough");
    }

    #[test]
    fn out_of_view_is_not_wanted() {
        let tileset = Tileset { tiles: vec![tile(0.0, 8.0, vec![])] };
        let mut eye = eye(-20.0);
        eye.planes[0] = DVec4::new(-1.0, 0.0, 0.0, -5.0); // only x ≤ -5 is in view
        assert!(select(&tileset, &eye, 8.0).is_empty());
    }
}
