//! A regular grid of heights in the scene's frame.

use super::{
    super::{shape::Shape, stage::REACH_M},
    Grid,
};
use crate::{frame::LocalFrame, vector};

/// Places of one relief: twice as many triangles.
const MAX_PLACES: f64 = 60_000.0;
/// Places of a relief laid out from triangles, at least.
const MIN_PLACES: f64 = 15_000.0;

/// Steps that laying triangles out may take.
const MAX_STEPS: f64 = 200_000_000.0;

/// Heights every so many metres east and north; two triangles a cell.
#[derive(Debug)]
pub(crate) struct Relief {
    first: [f64; 2],
    step: f64,
    columns: usize,
    rows: usize,
    /// NaN where there is no ground.
    heights: Vec<f64>,
}

impl Relief {
    /// Lays a grid out in a frame, unless it has no place there.
    pub(crate) fn placed(grid: &Grid, frame: Option<&LocalFrame>) -> Option<Self> {
        (frame.is_none() || grid.crs.is_some()).then(|| Self::new(grid, frame))
    }

    /// Lays a grid out in a frame; without one, in its own coordinates.
    pub(crate) fn new(grid: &Grid, frame: Option<&LocalFrame>) -> Self {
        let crs = grid.crs.as_ref();
        let local = |x: f64, y: f64| -> Option<[f64; 2]> {
            let Some((frame, crs)) = frame.zip(crs) else { return Some([x, y]) };
            let [lon, lat] = crs.lon_lat(x, y)?;
            let place = frame.to_local(lon, lat, frame.wgs84()[2]);
            Some([place[0].clamp(-REACH_M, REACH_M), place[1].clamp(-REACH_M, REACH_M)])
        };
        // The rim tells the extent: a map bends little within it.
        const RIM: usize = 32;
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for n in 0..=RIM {
            let t = n as f64 / RIM as f64;
            for [u, v] in [[t, 0.0], [t, 1.0], [0.0, t], [1.0, t]] {
                let column = u * grid.columns as f64 - 0.5;
                let row = v * grid.rows as f64 - 0.5;
                let x = grid.first[0] + grid.step[0] * column;
                let y = grid.first[1] + grid.step[1] * row;
                if let Some(place) = local(x, y) {
                    for axis in 0..2 {
                        low[axis] = low[axis].min(place[axis]);
                        high[axis] = high[axis].max(place[axis]);
                    }
                }
            }
        }
        let size = [0, 1].map(|axis| high[axis] - low[axis]);
        if !size.iter().all(|extent| *extent > 0.0 && extent.is_finite()) {
            return Self { first: low, step: 1.0, columns: 0, rows: 0, heights: Vec::new() };
        }
        let native = size[0] / grid.columns as f64;
        let step = native.max((size[0] * size[1] / MAX_PLACES).sqrt());
        // A strip one sample wide must not become more places than the budget.
        let step = step.max(size[0].max(size[1]) / MAX_PLACES);
        let count = |extent: f64| (extent / step).floor() as usize + 1;
        let (columns, rows) = (count(size[0]), count(size[1]));
        let rest = [(columns, 0), (rows, 1)].map(|(n, axis)| size[axis] - (n - 1) as f64 * step);
        let first = [0, 1].map(|axis| low[axis] + rest[axis] / 2.0);
        let mut heights = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let x = first[0] + column as f64 * step;
                let y = first[1] + row as f64 * step;
                heights.push(sample(grid, frame, x, y).unwrap_or(f64::NAN));
            }
        }
        Self { first, step, columns, rows, heights }
    }

    /// Lays triangles of a frame out, as seen from above; where they lie over each other, the
    /// highest counts. Nothing for none, or where they overlap so much that it takes too long.
    pub(crate) fn of_triangles(triangles: &[[[f64; 3]; 3]]) -> Option<Self> {
        let corners = || triangles.iter().flatten();
        let low = [0, 1].map(|axis| corners().map(|p| p[axis]).fold(f64::INFINITY, f64::min));
        let high = [0, 1].map(|axis| corners().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max));
        let size = [0, 1].map(|axis| high[axis] - low[axis]);
        let area: f64 = triangles.iter().map(|corners| vector::area(corners).abs()).sum();
        if !(area > 0.0 && area.is_finite()) {
            return None;
        }
        // Twice as fine as triangles of this size stand: they are not as regular.
        let native = (2.0 * area / triangles.len() as f64).sqrt() / 2.0;
        // Few large triangles need a fine grid all the same: ground ends where a place of
        // it has none.
        let least = (size[0] * size[1] / MIN_PLACES).sqrt();
        let step = native.min(least).max((size[0] * size[1] / MAX_PLACES).sqrt());
        let step = step.max(size[0].max(size[1]) / MAX_PLACES);
        let [columns, rows] = size.map(|extent| (extent / step).floor() as usize + 1);
        let rest = [(columns, 0), (rows, 1)].map(|(n, axis)| size[axis] - (n - 1) as f64 * step);
        let first = [0, 1].map(|axis| low[axis] + rest[axis] / 2.0);
        let heights = vec![f64::NAN; columns * rows];
        let mut relief = Self { first, step, columns, rows, heights };
        let spans: Vec<[usize; 4]> =
            triangles.iter().map(|corners| relief.places(corners)).collect();
        let cost = |[c0, c1, r0, r1]: &[usize; 4]| (c1 - c0) as f64 * (r1 - r0) as f64;
        if spans.iter().map(cost).sum::<f64>() > MAX_STEPS {
            return None;
        }
        for (corners, span) in triangles.iter().zip(spans) {
            relief.lay(corners, span);
        }
        Some(relief)
    }

    /// The places within a triangle's box: columns and rows, the last ones exclusive.
    fn places(&self, corners: &[[f64; 3]; 3]) -> [usize; 4] {
        let mut places = [0; 4];
        for (axis, count) in [self.columns, self.rows].into_iter().enumerate() {
            let at = corners.map(|p| (p[axis] - self.first[axis]) / self.step);
            let low = at.iter().copied().fold(f64::INFINITY, f64::min);
            let high = at.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            places[2 * axis] = (low.ceil().max(0.0) as usize).min(count);
            places[2 * axis + 1] = ((high.floor() + 1.0).max(0.0) as usize).min(count);
            places[2 * axis + 1] = places[2 * axis + 1].max(places[2 * axis]);
        }
        places
    }

    fn lay(&mut self, corners: &[[f64; 3]; 3], [c0, c1, r0, r1]: [usize; 4]) {
        const RIM: f64 = 1e-6;
        let [a, b, c] = corners;
        let area = vector::area(corners);
        if area == 0.0 {
            return;
        }
        for row in r0..r1 {
            for column in c0..c1 {
                let [x, y] = self.corner(column, row);
                let p = [x, y, 0.0];
                // How much each corner counts there.
                let u = vector::area(&[p, *b, *c]) / area;
                let v = vector::area(&[*a, p, *c]) / area;
                let w = 1.0 - u - v;
                if u.min(v).min(w) >= -RIM {
                    let height = u * a[2] + v * b[2] + w * c[2];
                    let known = &mut self.heights[row * self.columns + column];
                    *known = if known.is_nan() { height } else { known.max(height) };
                }
            }
        }
    }

    /// Metres from one height to the next.
    pub(super) fn step_m(&self) -> f64 {
        self.step
    }

    fn at(&self, column: usize, row: usize) -> f64 {
        self.heights[row * self.columns + column]
    }

    /// The cells that a box touches: first and last column, first and last row.
    pub(super) fn cells(&self, low: [f64; 2], high: [f64; 2]) -> Option<[usize; 4]> {
        let counts = [self.columns, self.rows];
        let mut found = [0; 4];
        for axis in 0..2 {
            let last = counts[axis].checked_sub(2)?;
            let cell = |value: f64| ((value - self.first[axis]) / self.step).floor();
            if cell(high[axis]) < 0.0 || cell(low[axis]) > last as f64 {
                return None;
            }
            found[2 * axis] = cell(low[axis]).max(0.0) as usize;
            found[2 * axis + 1] = cell(high[axis]).min(last as f64) as usize;
        }
        Some(found)
    }

    /// The south-western corner of a cell.
    pub(super) fn corner(&self, column: usize, row: usize) -> [f64; 2] {
        [self.first[0] + column as f64 * self.step, self.first[1] + row as f64 * self.step]
    }

    /// Whether both triangles of a cell have ground.
    pub(super) fn is_whole(&self, column: usize, row: usize) -> bool {
        let corners = [[0, 0], [1, 0], [1, 1], [0, 1]];
        corners.iter().all(|[i, j]| self.at(column + i, row + j).is_finite())
    }

    /// The column or row of a place, and how far into it the place lies, 0 to 1.
    fn cell(&self, value: f64, axis: usize) -> Option<(usize, f64)> {
        /// What is cut along the cells lies on their edges but for rounding, and must not
        /// fall off them.
        const RIM: f64 = 1e-6;
        let last = [self.columns, self.rows][axis].checked_sub(2)? as f64;
        let at = (value - self.first[axis]) / self.step;
        if !(-RIM..=last + 1.0 + RIM).contains(&at) {
            return None;
        }
        let cell = at.floor().clamp(0.0, last);
        Some((cell as usize, (at - cell).clamp(0.0, 1.0)))
    }

    /// Height at a place, on the triangle drawn there.
    pub(super) fn height(&self, x: f64, y: f64) -> Option<f64> {
        let (column, u) = self.cell(x, 0)?;
        let (row, v) = self.cell(y, 1)?;
        let (a, c) = (self.at(column, row), self.at(column + 1, row + 1));
        let height = if u >= v {
            let b = self.at(column + 1, row);
            a + u * (b - a) + v * (c - b)
        } else {
            let d = self.at(column, row + 1);
            a + v * (d - a) + u * (c - d)
        };
        height.is_finite().then_some(height)
    }

    /// Draws all cells with ground, with the slope's normals.
    pub(super) fn draw(&self, shift: [f64; 3], shape: &mut Shape) {
        let mut ids = vec![None; self.heights.len()];
        let slope = |here: f64, before: Option<f64>, after: Option<f64>| {
            let known = |height: Option<f64>| height.filter(|h| h.is_finite());
            match (known(before), known(after)) {
                (Some(b), Some(a)) => (a - b) / (2.0 * self.step),
                (Some(b), None) => (here - b) / self.step,
                (None, Some(a)) => (a - here) / self.step,
                (None, None) => 0.0,
            }
        };
        let get = |column: Option<usize>, row: Option<usize>| {
            let (column, row) = (column?, row?);
            (column < self.columns && row < self.rows).then(|| self.at(column, row))
        };
        let mut vertex = |column: usize, row: usize, shape: &mut Shape| {
            *ids[row * self.columns + column].get_or_insert_with(|| {
                let here = self.at(column, row);
                let (c, r) = (Some(column), Some(row));
                let east = slope(here, get(column.checked_sub(1), r), get(Some(column + 1), r));
                let north = slope(here, get(c, row.checked_sub(1)), get(c, Some(row + 1)));
                let [x, y] = self.corner(column, row);
                shape.vertex([x + shift[0], y + shift[1], here + shift[2]], [-east, -north, 1.0])
            })
        };
        for row in 0..self.rows.saturating_sub(1) {
            for column in 0..self.columns.saturating_sub(1) {
                if self.is_whole(column, row) {
                    let [a, b, c, d] = [[0, 0], [1, 0], [1, 1], [0, 1]]
                        .map(|[i, j]| vertex(column + i, row + j, shape));
                    shape.triangle([a, b, c]);
                    shape.triangle([a, c, d]);
                }
            }
        }
    }
}

/// Height of the ground over a place of the frame.
fn sample(grid: &Grid, frame: Option<&LocalFrame>, x: f64, y: f64) -> Option<f64> {
    let Some((frame, crs)) = frame.zip(grid.crs.as_ref()) else { return grid.height_m(x, y) };
    // Away from the origin, up leans outwards: a height shifts the place under it a little.
    let mut z = 0.0;
    for _ in 0..3 {
        let [lon, lat, _] = frame.to_wgs84([x, y, z]);
        let [e, n] = crs.project(lon, lat)?;
        z = frame.to_local(lon, lat, grid.height_m(e, n)?)[2];
    }
    Some(z)
}
