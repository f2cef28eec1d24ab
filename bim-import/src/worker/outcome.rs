//! What a worker came to: the geometry of a file, and what became of each element.

use std::collections::HashMap;

use rustc_hash::FxHashMap;
use twin_model::BoundingBox;

use super::protocol::Shape;
use crate::store::{Span, Store};

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
}

impl Geometry {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            shapes: FxHashMap::default(),
            store,
            extent: None,
            fates: HashMap::new(),
            incomplete: None,
            peak_kib: 0,
        }
    }

    pub(super) fn keep(
        &mut self,
        id: u32,
        extent: Option<BoundingBox>,
        is_drawn: bool,
        shape: &[u8],
    ) {
        self.extent = match (self.extent, extent) {
            (Some(known), Some(more)) => Some(known.union(&more)),
            (known, more) => known.or(more),
        };
        self.shapes.insert(id, Kept { span: self.store.push(shape), is_drawn });
    }

    /// What came of an element; nothing if it was never taken up.
    pub(crate) fn take(&mut self, id: u32) -> Option<Shape> {
        let kept = self.shapes.remove(&id)?;
        Some(Shape::decode(&self.store.read(kept.span)).unwrap_or_default())
    }
}
