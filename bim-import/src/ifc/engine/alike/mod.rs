//! Elements that are drawn alike, found before any is drawn. Buildings repeat themselves:
//! the same window, the same wall with the same openings on every storey, whether the file
//! says so with mapped items or not. The engine draws the first of each kind; the others
//! are that one, moved.
//!
//! Two elements are alike where everything is equal that their drawing depends on: class,
//! colours, what their representation says down to the last number, and the same of each
//! opening with its place in the element. Records count by what they say, not by name.
//! What cannot be told for sure makes an element one of its kind.

mod prints;
mod records;
mod stand;
#[cfg(test)]
mod tests;

use std::thread;

use ifc_lite_core::IfcType;
use rustc_hash::FxHashMap;

use self::{
    prints::{Print, Prints},
    records::{keyword, reference, slot},
    stand::Stands,
};
use super::{
    geometry::{Engine, Job},
    rewrite::Detail,
};
use crate::placement::Placement;

/// Elements looked at by one thread at least: fewer are not worth starting it.
const SHARE: usize = 2_000;
/// To a micrometre: where an opening sits in its host.
const PLACE_STEPS: f64 = 1e6;
/// A hundred metres away that is a micrometre, too.
const TURN_STEPS: f64 = 1e8;

/// An element to draw, and those that look the same.
pub(crate) struct Group {
    /// The one to draw.
    pub(crate) job: Job,
    /// STEP instance names of the others, and how to move the drawn one to get them.
    pub(crate) copies: Vec<(u32, Placement)>,
}

/// Groups elements by what they look like; groups stand in the order of their first one.
pub(super) fn groups(engine: &Engine<'_>, jobs: &[&Job], threads: u32) -> Vec<Group> {
    let threads = (threads as usize).clamp(1, jobs.len().div_ceil(SHARE).max(1));
    let share = jobs.len().div_ceil(threads).max(1);
    let looks: Vec<Option<(Print, Placement)>> = thread::scope(|scope| {
        let shares: Vec<_> = jobs
            .chunks(share)
            .map(|jobs| {
                scope.spawn(move || {
                    let mut looker = Looker::new(engine);
                    jobs.iter().map(|job| looker.look(job)).collect::<Vec<_>>()
                })
            })
            .collect();
        let looks = shares.into_iter().zip(jobs.chunks(share));
        // A panic costs those elements their likeness, nothing more.
        looks
            .flat_map(|(looks, jobs)| looks.join().unwrap_or_else(|_| vec![None; jobs.len()]))
            .collect()
    });
    let mut groups: Vec<Group> = Vec::new();
    let mut known: FxHashMap<Print, (usize, Placement)> = FxHashMap::default();
    for (job, look) in jobs.iter().zip(looks) {
        let first = look.and_then(|(print, _)| known.get(&print).copied());
        if let (Some((group, first)), Some((_, place))) = (first, look) {
            groups[group].copies.push((job.id, place.seen_from(&first)));
            continue;
        }
        known.extend(look.map(|(print, place)| (print, (groups.len(), place))));
        groups.push(Group { job: (*job).clone(), copies: Vec::new() });
    }
    groups
}

/// Tells what elements look like.
struct Looker<'e> {
    engine: &'e Engine<'e>,
    prints: Prints<'e>,
    stands: Stands<'e>,
}

impl<'e> Looker<'e> {
    fn new(engine: &'e Engine<'e>) -> Self {
        Self { engine, prints: Prints::new(engine), stands: Stands::new(engine) }
    }

    /// What an element looks like and where it stands; nothing if it is one of its kind.
    fn look(&mut self, job: &Job) -> Option<(Print, Placement)> {
        // Drawn by what stands elsewhere: curves, and styles found from the other end.
        if matches!(job.class, IfcType::IfcAlignment | IfcType::IfcAnnotation) {
            return None;
        }
        let record = self.engine.record_of(job)?;
        let stand = self.stands.of_product(record)?;
        let mut text = Vec::with_capacity(256);
        self.shape(record, &mut text)?;
        let (own, materials) = self.engine.colors_of(job.id);
        text.push(u8::from(own.is_some()));
        text.extend((materials.len() as u64).to_le_bytes());
        for color in own.iter().chain(materials) {
            text.extend(color.iter().flat_map(|part| part.to_bits().to_le_bytes()));
        }
        if self.engine.detail() == Detail::Full {
            for opening in self.engine.openings(job.id) {
                self.opening(*opening, &stand, &mut text)?;
            }
        }
        Some((prints::of(&text), stand))
    }

    /// The class of a product, and what represents it.
    fn shape(&mut self, record: &[u8], text: &mut Vec<u8>) -> Option<()> {
        text.extend(keyword(record)?);
        text.push(0);
        text.extend(self.prints.of(reference(slot(record, 6)?)?)?);
        Some(())
    }

    /// What is cut out, and where it sits in the element.
    fn opening(&mut self, id: u32, host: &Placement, text: &mut Vec<u8>) -> Option<()> {
        let record = self.engine.record(id)?;
        self.shape(record, text)?;
        let within = host.inverse().after(&self.stands.of_product(record)?);
        let turn = within.rotation().into_iter().flatten();
        let turn = turn.map(|part| (part * TURN_STEPS).round() as i64);
        let place = within.translation().map(|metres| (metres * PLACE_STEPS).round() as i64);
        text.extend(turn.chain(place).flat_map(i64::to_le_bytes));
        Some(())
    }
}
