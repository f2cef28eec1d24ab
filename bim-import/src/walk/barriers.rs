//! The floor plan of what one cannot walk through, and what it encloses: is this point
//! outdoors, or in a part of the storey that no space covers?

use hashbrown::HashMap;
use twin_model::BoundingBox;

use super::footing::Barrier;
use crate::vector::turn;

const SQUARE_M: f64 = 5.0;
/// Heights above a floor between which something stands in one's way.
const REACH_M: [f64; 2] = [0.2, 2.0];
/// Size of the cells in which outdoors is told from indoors, m: gaps smaller than this
/// are shut.
const CELL_M: f64 = 0.2;
/// Largest plan that is filled, cells.
const MAX_CELLS: f64 = 4_000_000.0;

/// Barriers by square of the plan and metre of height.
pub(super) struct Barriers {
    squares: HashMap<(i32, i32, i32), Vec<u32>>,
    barriers: Vec<Barrier>,
    base: [f64; 2],
}

impl Barriers {
    pub(super) fn new(barriers: Vec<Barrier>, base: [f64; 2]) -> Self {
        let mut squares: HashMap<_, Vec<u32>> = HashMap::new();
        for (position, barrier) in (0u32..).zip(&barriers) {
            let z = f64::from(barrier.z).floor() as i32;
            for (x, y) in squares_of(barrier.a.map(f64::from), barrier.b.map(f64::from)) {
                squares.entry((x, y, z)).or_default().push(position);
            }
        }
        Self { squares, barriers, base }
    }

    /// Barriers above a floor within a rectangle of the plan; some may come twice.
    fn near(&self, low: [f64; 2], high: [f64; 2], floor: f64) -> impl Iterator<Item = &Barrier> {
        let [bottom, top] = REACH_M.map(|reach| floor + reach);
        let levels = bottom.floor() as i32..=top.floor() as i32;
        let squares = squares_of(low, high);
        squares
            .into_iter()
            .flat_map(move |(x, y)| levels.clone().map(move |z| (x, y, z)))
            .filter_map(|key| self.squares.get(&key))
            .flatten()
            .map(|&position| &self.barriers[position as usize])
            .filter(move |barrier| (bottom..=top).contains(&f64::from(barrier.z)))
    }

    fn own(&self, point: [f64; 2]) -> [f64; 2] {
        [point[0] - self.base[0], point[1] - self.base[1]]
    }

    /// Whether something stands between two points above a floor.
    pub(super) fn are_between(&self, a: [f64; 2], b: [f64; 2], floor: f64) -> bool {
        let (a, b) = (self.own(a), self.own(b));
        self.near(a, b, floor)
            .any(|barrier| cross(a, b, barrier.a.map(f64::from), barrier.b.map(f64::from)))
    }

    /// The plan of a floor.
    pub(super) fn plan(&self, extent: &BoundingBox, floor: f64) -> Option<FloorPlan> {
        let mut plan = FloorPlan::empty(extent, floor)?;
        let mut walls = 0usize;
        let (low, high) = plan.range();
        let scene = |[x, y]: [f32; 2]| [f64::from(x) + self.base[0], f64::from(y) + self.base[1]];
        for barrier in self.near(self.own(low), self.own(high), floor) {
            walls += 1;
            plan.draw(scene(barrier.a), scene(barrier.b));
        }
        (walls > 0).then_some(plan)
    }
}

fn squares_of(a: [f64; 2], b: [f64; 2]) -> Vec<(i32, i32)> {
    let range = |axis: usize| {
        let (low, high) = (a[axis].min(b[axis]), a[axis].max(b[axis]));
        let low = (low / SQUARE_M).floor() as i32;
        // A wall longer than half a kilometre is broken, or far away from people.
        low..=((high / SQUARE_M).floor() as i32).min(low.saturating_add(100))
    };
    let (xs, ys) = (range(0), range(1));
    xs.flat_map(|x| ys.clone().map(move |y| (x, y))).collect()
}

fn cross(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> bool {
    turn(a, b, c) * turn(a, b, d) <= 0.0 && turn(c, d, a) * turn(c, d, b) <= 0.0
}

/// What lies at a point of a floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// A wall, or too near to one.
    Wall,
    /// In a space.
    Space,
    /// Reached from outside the building without passing a wall or door.
    Outdoors,
    /// Enclosed, and in no space: the n-th such part.
    Part(u16),
}

const FREE: u16 = 0;
const WALL: u16 = 1;
const SPACE: u16 = 2;
const OUTDOORS: u16 = 3;
const FIRST_PART: u16 = 4;

/// One floor in cells.
pub(super) struct FloorPlan {
    corner: [f64; 2],
    cells: [usize; 2],
    marks: Vec<u16>,
    floor: f64,
    parts: u16,
}

impl FloorPlan {
    fn empty(extent: &BoundingBox, floor: f64) -> Option<Self> {
        const MARGIN_M: f64 = 1.0;
        let size = extent.size();
        let count = |axis: usize| ((size[axis] + 2.0 * MARGIN_M) / CELL_M).ceil();
        let (columns, rows) = (count(0), count(1));
        // Not true for NaN, either.
        let fits = columns * rows <= MAX_CELLS;
        let cells = [columns as usize, rows as usize];
        fits.then(|| Self {
            corner: [extent.min[0] - MARGIN_M, extent.min[1] - MARGIN_M],
            cells,
            marks: vec![FREE; cells[0] * cells[1]],
            floor,
            parts: 0,
        })
    }

    fn range(&self) -> ([f64; 2], [f64; 2]) {
        let high = [0, 1].map(|axis| self.corner[axis] + self.cells[axis] as f64 * CELL_M);
        (self.corner, high)
    }

    fn cell(&self, point: [f64; 2]) -> Option<usize> {
        let at = |axis: usize| {
            let place = (point[axis] - self.corner[axis]) / CELL_M;
            (place >= 0.0 && place < self.cells[axis] as f64).then_some(place as usize)
        };
        Some(at(1)? * self.cells[0] + at(0)?)
    }

    fn middle(&self, cell: usize) -> [f64; 2] {
        let place = [cell % self.cells[0], cell / self.cells[0]];
        [0, 1].map(|axis| self.corner[axis] + (place[axis] as f64 + 0.5) * CELL_M)
    }

    /// Marks the cells that a wall's edge passes.
    fn draw(&mut self, a: [f64; 2], b: [f64; 2]) {
        let length = (b[0] - a[0]).hypot(b[1] - a[1]);
        let steps = ((length / (CELL_M / 3.0)).ceil() as usize).clamp(1, 20_000);
        for step in 0..=steps {
            let part = step as f64 / steps as f64;
            if let Some(cell) = self.cell([0, 1].map(|axis| a[axis] + (b[axis] - a[axis]) * part)) {
                self.marks[cell] = WALL;
            }
        }
    }

    /// Marks the cells of a space's box that `is_over` says are in it.
    pub(super) fn mark_space(&mut self, bbox: &BoundingBox, is_over: impl Fn([f64; 2]) -> bool) {
        let at = |axis: usize, value: f64| {
            let place = ((value - self.corner[axis]) / CELL_M).max(0.0) as usize;
            place.min(self.cells[axis].saturating_sub(1))
        };
        let [columns, rows] =
            [0, 1].map(|axis| at(axis, bbox.min[axis])..=at(axis, bbox.max[axis]));
        for row in rows {
            for column in columns.clone() {
                let cell = row * self.cells[0] + column;
                if self.marks[cell] == FREE && is_over(self.middle(cell)) {
                    self.marks[cell] = SPACE;
                }
            }
        }
    }

    /// Finds what is outdoors: to be called once, when walls and spaces are marked.
    pub(super) fn fill_outdoors(&mut self) {
        let [columns, rows] = self.cells;
        let top = (rows - 1) * columns;
        let rim = (0..columns).flat_map(|x| [x, top + x]);
        let sides = (0..rows).flat_map(|y| [y * columns, y * columns + columns - 1]);
        let open: Vec<usize> = rim.chain(sides).collect();
        self.fill(open, OUTDOORS);
    }

    /// Gives cells and everything free around them a mark; says how many.
    fn fill(&mut self, mut open: Vec<usize>, mark: u16) -> usize {
        let [columns, rows] = self.cells;
        open.retain(|cell| self.marks[*cell] == FREE);
        open.iter().for_each(|cell| self.marks[*cell] = mark);
        let mut filled = open.len();
        while let Some(cell) = open.pop() {
            let (x, y) = (cell % columns, cell / columns);
            let around = [
                (x > 0).then(|| cell - 1),
                (x + 1 < columns).then(|| cell + 1),
                (y > 0).then(|| cell - columns),
                (y + 1 < rows).then(|| cell + columns),
            ];
            for next in around.into_iter().flatten() {
                if self.marks[next] == FREE {
                    self.marks[next] = mark;
                    filled += 1;
                    open.push(next);
                }
            }
        }
        filled
    }

    /// What lies at a point; outside of the plan all is outdoors.
    pub(super) fn ground(&mut self, point: [f64; 2]) -> Ground {
        let Some(cell) = self.cell(point) else { return Ground::Outdoors };
        if self.marks[cell] == FREE {
            let mark = FIRST_PART + self.parts;
            if mark == u16::MAX {
                return Ground::Wall;
            }
            self.parts += 1;
            let filled = self.fill(vec![cell], mark);
            // A niche or a shaft is no place to be in.
            if filled as f64 * CELL_M * CELL_M < 0.5 {
                for other in &mut self.marks {
                    if *other == mark {
                        *other = WALL;
                    }
                }
            }
        }
        match self.marks[cell] {
            WALL => Ground::Wall,
            SPACE => Ground::Space,
            OUTDOORS => Ground::Outdoors,
            part => Ground::Part(part - FIRST_PART),
        }
    }

    /// Area of a part, m², and a point of it near its middle.
    pub(super) fn measure(&self, part: u16) -> (f64, [f64; 3]) {
        let cells = || {
            let marks = self.marks.iter().enumerate();
            marks.filter(|(_, mark)| **mark == FIRST_PART + part).map(|(cell, _)| self.middle(cell))
        };
        let count = cells().count().max(1) as f64;
        let sum = cells().fold([0.0; 2], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
        let middle = sum.map(|value| value / count);
        let distance = |point: &[f64; 2]| (point[0] - middle[0]).hypot(point[1] - middle[1]);
        let nearest = cells().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let [x, y] = nearest.unwrap_or(middle);
        (count * CELL_M * CELL_M, [x, y, self.floor])
    }
}
