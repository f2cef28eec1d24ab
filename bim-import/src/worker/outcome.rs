//! What a worker came to: the geometry of a file, and what became of each element.

use hashbrown::HashMap;
use rustc_hash::FxHashMap;
use twin_model::BoundingBox;

use super::protocol::Shape;
use crate::{
    placement::Placement,
    store::{Span, Store},
};

/// What became of an element that did not go the ordinary way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Drawn without what is cut out of it.
    Uncut(Cause),
    /// Drawn as a box.
    Boxed(Cause),
    /// Not drawn.
    Dropped(Cause),
}

/// Why an element could not be drawn as the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It did not end.
    Hung,
    /// It ended the worker.
    Crashed,
    /// It took too much memory.
    TooLarge,
    /// The file's time was up.
    OutOfTime,
}

/// An element that could not be drawn, and why.
pub(super) type Troubled = (u32, Cause);

/// The geometry of a file.
#[derive(Debug)]
pub(crate) struct Geometry {
    /// Where what came of each element lies, by STEP instance name.
    pub(super) shapes: FxHashMap<u32, Kept>,
    store: Store,
    turns: Turns,
    /// Box around all geometry in the file's own coordinates, m.
    pub(crate) extent: Option<BoundingBox>,
    /// The elements that did not go the ordinary way.
    pub(crate) fates: HashMap<u32, Fate>,
    /// Why some elements were never taken up, if so.
    pub(crate) incomplete: Option<&'static str>,
    /// Largest size a worker reached, KiB.
    pub(crate) peak_kib: u64,
}

/// An element's shape, put aside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    span: Span,
    pub(super) is_drawn: bool,
    /// Where the shape has to be moved to, if it is another element's: a turn by its number,
    /// and by how many metres.
    moved: Option<(u32, [f64; 3])>,
}

/// What was drawn of an element, and of those that are drawn alike.
pub(super) struct Done<'a> {
    pub(super) id: u32,
    pub(super) extent: Option<BoundingBox>,
    pub(super) is_drawn: bool,
    /// A [`Shape`], encoded.
    pub(super) shape: &'a [u8],
    pub(super) copies: &'a [(u32, Placement)],
}

impl Geometry {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            shapes: FxHashMap::default(),
            store,
            turns: Turns::default(),
            extent: None,
            fates: HashMap::new(),
            incomplete: None,
            peak_kib: 0,
        }
    }

    /// Puts a shape aside, once for all elements that have it.
    pub(super) fn keep(&mut self, done: &Done<'_>) {
        let Done { id, extent, is_drawn, shape, copies } = *done;
        let span = self.store.push(shape);
        self.shapes.insert(id, Kept { span, is_drawn, moved: None });
        self.grow(extent);
        let mut decoded = None;
        for (copy, moved) in copies {
            let moved_by = Some((self.turns.number(&moved.rotation()), moved.translation()));
            self.shapes.insert(*copy, Kept { span, is_drawn, moved: moved_by });
            if extent.is_some_and(|extent| self.reaches_out(&extent, moved)) {
                let shape = decoded.get_or_insert_with(|| Shape::decode(shape).unwrap_or_default());
                self.grow(shape.extent_moved(moved));
            }
        }
    }

    /// Whether a box may reach out of what is known, when it is moved. The box around the
    /// turned one may be larger than what is in it, and rounded otherwise.
    fn reaches_out(&self, extent: &BoundingBox, moved: &Placement) -> bool {
        const ROUNDING_M: f64 = 1e-6;
        let corner = |n: usize| {
            [0, 1, 2].map(|axis| {
                if n >> axis & 1 == 1 {
                    extent.max[axis] + ROUNDING_M
                } else {
                    extent.min[axis] - ROUNDING_M
                }
            })
        };
        let around = BoundingBox::around((0..8).map(|n| moved.point(corner(n))));
        let all = self.extent.zip(around).map(|(known, around)| known.union(&around));
        all.is_none() || all != self.extent
    }

    fn grow(&mut self, extent: Option<BoundingBox>) {
        self.extent = match (self.extent, extent) {
            (Some(known), Some(more)) => Some(known.union(&more)),
            (known, more) => known.or(more),
        };
    }

    /// What came of an element, and where that has to be moved to; nothing if it was never
    /// taken up.
    pub(crate) fn take(&mut self, id: u32) -> Option<(Shape, Placement)> {
        let kept = self.shapes.remove(&id)?;
        let moved = kept.moved.map(|(turn, by)| Placement::new(self.turns.list[turn as usize], by));
        let shape = Shape::decode(&self.store.read(kept.span)).unwrap_or_default();
        Some((shape, moved.unwrap_or(Placement::IDENTITY)))
    }
}

/// Rotations, each once: of a hundred thousand chairs most look the same ways.
#[derive(Debug, Default)]
struct Turns {
    list: Vec<[[f64; 3]; 3]>,
    numbers: FxHashMap<[[u64; 3]; 3], u32>,
}

impl Turns {
    fn number(&mut self, turn: &[[f64; 3]; 3]) -> u32 {
        let next = self.list.len() as u32;
        let number = *self.numbers.entry(turn.map(|row| row.map(f64::to_bits))).or_insert(next);
        if number == next {
            self.list.push(*turn);
        }
        number
    }
}
