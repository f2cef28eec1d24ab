//! Where elements stand in the file's world: chains of local placements, each read once.
//! What is placed otherwise, or cannot be read, is left to the engine.

use rustc_hash::FxHashMap;

use super::records::{keyword, numbers, reference, slot};
use crate::{ifc::engine::geometry::Engine, placement::Placement};

/// Placements of a file, by STEP instance name.
pub(super) struct Stands<'e> {
    engine: &'e Engine<'e>,
    known: FxHashMap<u32, Option<Placement>>,
}

impl<'e> Stands<'e> {
    pub(super) fn new(engine: &'e Engine<'e>) -> Self {
        Self { engine, known: FxHashMap::default() }
    }

    /// Where a product stands, m; nothing where that cannot be told for sure.
    pub(super) fn of_product(&mut self, record: &[u8]) -> Option<Placement> {
        match slot(record, 5)? {
            b"$" => Some(Placement::IDENTITY),
            placement => self.of(reference(placement)?),
        }
    }

    /// Climbs to what is known, then comes back down: chains may be longer than a stack.
    fn of(&mut self, id: u32) -> Option<Placement> {
        let mut passed = Vec::new();
        let mut at = Some(id);
        let mut stand = Some(Placement::IDENTITY);
        while let Some(id) = at {
            if let Some(known) = self.known.get(&id) {
                stand = *known;
                break;
            }
            // What comes back here goes in circles.
            self.known.insert(id, None);
            let Some((parent, own)) = self.local(id) else {
                stand = None;
                break;
            };
            passed.push((id, own));
            at = parent;
        }
        for (id, own) in passed.into_iter().rev() {
            stand = stand.map(|stand| stand.after(&own));
            self.known.insert(id, stand);
        }
        stand
    }

    /// What a placement is relative to, and where it is from there.
    fn local(&self, id: u32) -> Option<(Option<u32>, Placement)> {
        let record = self.engine.record(id)?;
        if keyword(record)? != b"IFCLOCALPLACEMENT" {
            return None;
        }
        let parent = match slot(record, 0)? {
            b"$" => None,
            parent => Some(reference(parent)?),
        };
        let axes = self.engine.record(reference(slot(record, 1)?)?)?;
        if keyword(axes)? != b"IFCAXIS2PLACEMENT3D" {
            return None;
        }
        let metres = self.engine.metres();
        let location = self.vector(slot(axes, 0)?, None)?.map(|value| value * metres);
        let axis = self.vector(slot(axes, 1)?, Some([0.0, 0.0, 1.0]))?;
        let ref_direction = self.vector(slot(axes, 2)?, Some([1.0, 0.0, 0.0]))?;
        Some((parent, Placement::of_axes(location, axis, ref_direction)?))
    }

    /// A point's coordinates or a direction's ratios.
    fn vector(&self, text: &[u8], default: Option<[f64; 3]>) -> Option<[f64; 3]> {
        if text == b"$" {
            return default;
        }
        let record = self.engine.record(reference(text)?)?;
        let named = keyword(record)?;
        let sound = named == b"IFCCARTESIANPOINT" || named == b"IFCDIRECTION";
        if sound { numbers(slot(record, 0)?) } else { None }
    }
}
