//! The live state: the latest sample of every point, written by one task.
//!
//! Every change gets the next number of one sequence, and points are kept in the order
//! they last changed. So whoever knows how far it has come asks for what changed since,
//! gets the latest value of each such point once, and nothing has to be queued for
//! anyone: a reader that was away costs no memory while it is away.

mod recency;
mod table;
mod tape;
mod writer;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    ops::Range,
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::{RwLock, RwLockWriteGuard};
use tokio::sync::watch;
use twin_model::Sample;

use crate::{
    reading::Reading,
    scene::{Intervals, LoadedScene},
};
pub use table::{Definition, Latest, MAX_TEXT_BYTES, Outcome};
use table::{Seen, Table};
use tape::Tape;
pub use tape::{Cut, Tapped};
pub use writer::{hand_on_unshown, write};

/// Bounds of the live state.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most points; a reading of another one is rejected and counted.
    pub max_points: usize,
    /// Samples kept for readers that want every one of them, bytes; 0 for none.
    pub tape_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_points: 200_000, tape_bytes: 16 * 1024 * 1024 }
    }
}

/// What changed, and where the sequence stands after it.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Sequence after these changes.
    pub seq: u64,
    /// Oldest change first, each point once, with the number of its last change.
    pub points: Vec<(Latest, u64)>,
    /// Whether that is all there was at that moment.
    pub whole: bool,
}

/// The live state. Cheap to read; share it in an [`Arc`].
#[derive(Debug)]
pub struct Live {
    epoch: String,
    scene: Arc<LoadedScene>,
    table: RwLock<Table>,
    seq: watch::Sender<u64>,
    tape: Tape,
}

impl Live {
    /// An empty state for a scene, in an epoch of its own.
    pub fn new(scene: Arc<LoadedScene>, settings: Settings) -> Self {
        Self {
            epoch: new_epoch(),
            table: RwLock::new(Table::new(Arc::clone(&scene), settings.max_points)),
            scene,
            seq: watch::Sender::new(0),
            tape: Tape::new(settings.tape_bytes),
        }
    }

    /// Name of this run of the sequence; another one after a restart.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The scene the points belong to.
    pub fn scene(&self) -> &Arc<LoadedScene> {
        &self.scene
    }

    /// Follows the sequence: wakes after every batch that changed something.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.seq.subscribe()
    }

    /// Number of the last change.
    pub fn seq(&self) -> u64 {
        self.table.read().seq()
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.table.read().len()
    }

    /// Whether nothing was measured yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Applies readings in order and tells for each what became of it. One task does this.
    pub fn apply(&self, readings: &[Reading]) -> Vec<Outcome> {
        self.write(readings, Table::apply)
    }

    /// Whether each reading would count as a sample of a point.
    pub fn takes(&self, readings: &[Reading]) -> Vec<bool> {
        let table = self.table.read();
        readings.iter().map(|reading| table.takes(reading)).collect()
    }

    /// Puts readings in place whatever stands there, older or newer: how a room shows
    /// another moment. Tells for each what became of it.
    pub fn show(&self, readings: &[Reading]) -> Vec<Outcome> {
        self.write(readings, Table::show)
    }

    fn write(
        &self,
        readings: &[Reading],
        apply: impl Fn(&mut Table, &Reading, Seen<'_>) -> (Outcome, Option<u32>),
    ) -> Vec<Outcome> {
        let mut table = self.table.write();
        let before = table.seq();
        let mut samples = Vec::new();
        let mut outcomes = Vec::with_capacity(readings.len());
        for reading in readings {
            let seen = |last, sample: &Sample| self.tape.holds(&samples, last, sample);
            let (outcome, point) = apply(&mut table, reading, &seen);
            if let Some(point) = point.filter(|_| self.tape.records()) {
                let (seq, late) = (table.seq(), outcome == Outcome::Late);
                samples.push(table.tapped(point, seq, reading.sample.clone(), late));
            }
            outcomes.push(outcome);
        }
        self.finish(table, before, samples);
        outcomes
    }

    /// Marks silent points stale; how many became so.
    pub fn expire(&self, now: Timestamp) -> usize {
        let mut table = self.table.write();
        let before = table.seq();
        let expired = table.expire(now);
        let samples = expired
            .iter()
            .filter(|_| self.tape.records())
            .filter_map(|&point| {
                let (latest, seq) = table.latest(point)?;
                Some(table.tapped(point, seq, latest.sample, false))
            })
            .collect();
        self.finish(table, before, samples);
        expired.len()
    }

    /// Tells everyone. The tape is written under the lock, so that its order is the table's.
    fn finish(&self, table: RwLockWriteGuard<'_, Table>, before: u64, samples: Vec<Tapped>) {
        let after = table.seq();
        if after == before {
            return;
        }
        if self.tape.records() {
            self.tape.record(before, after, samples);
        }
        drop(table);
        self.seq.send_replace(after);
    }

    /// Every accepted sample after `after` that is wanted, as far as it is kept; see
    /// [`Cut`]. `room` bounds what they weigh together. Nothing where `after` is too far back.
    pub fn samples_since(
        &self,
        after: u64,
        until: u64,
        wanted: impl Fn(&Tapped) -> bool,
        weigh: impl Fn(&Latest) -> usize,
        room: usize,
    ) -> Option<Cut> {
        self.tape.since(after, until, wanted, weigh, room)
    }

    /// What changed after `since` in an interest (absent: everywhere), as of one moment.
    pub fn changes_since(&self, since: u64, interest: Option<&Intervals>) -> Changes {
        let table = self.table.read();
        let changed = table.changed_since(since, interest);
        let points = changed.into_iter().filter_map(|point| table.latest(point)).collect();
        Changes { seq: table.seq(), points, whole: true }
    }

    /// What changed after `since`, but no more than fits: `most` points that weigh `room`
    /// together. The oldest changes come first, and `seq` says how far they reach.
    pub fn changes_that_fit(
        &self,
        since: u64,
        interest: Option<&Intervals>,
        weigh: impl Fn(&Latest) -> usize,
        (most, room): (usize, usize),
    ) -> Changes {
        let table = self.table.read();
        let changed = table.changed_since(since, interest);
        let mut changes = Changes { seq: table.seq(), points: Vec::new(), whole: true };
        let mut weight = 0;
        for (latest, seq) in changed.into_iter().filter_map(|point| table.latest(point)) {
            weight += weigh(&latest);
            if let Some((_, reached)) = changes.points.last()
                && (weight > room || changes.points.len() == most)
            {
                changes.seq = *reached;
                changes.whole = false;
                break;
            }
            changes.points.push((latest, seq));
        }
        changes
    }

    /// Cuts the points of an interest into runs of numbers that hold `most` points and
    /// weigh `room` at most: where each run ends, and the sequence at which that was so.
    pub fn cuts(
        &self,
        interest: Option<&Intervals>,
        weigh: impl Fn(&Definition, &Sample) -> usize,
        (most, room): (usize, usize),
    ) -> (u64, Vec<u32>) {
        let table = self.table.read();
        let (mut ends, mut count, mut weight) = (Vec::new(), 0, 0);
        for (point, definition, sample) in table.covered(interest) {
            let more = weigh(definition, sample);
            if count == most || (count > 0 && weight + more > room) {
                ends.push(point);
                (count, weight) = (0, 0);
            }
            count += 1;
            weight += more;
        }
        ends.push(table.len() as u32);
        (table.seq(), ends)
    }

    /// Latest samples of an interest's points with numbers in a range, and the sequence at
    /// which they were.
    pub fn run(&self, interest: Option<&Intervals>, numbers: Range<u32>) -> (u64, Vec<Latest>) {
        let table = self.table.read();
        let latest = (numbers.start..numbers.end.min(table.len() as u32))
            .filter(|&point| table.covers(interest, point))
            .filter_map(|point| table.latest(point))
            .map(|(latest, _)| latest)
            .collect();
        (table.seq(), latest)
    }

    /// The last sample of every point, as if it came just now.
    pub fn readings(&self) -> Vec<Reading> {
        let (_, points) = self.run(None, 0..u32::MAX);
        points.into_iter().map(Latest::into_reading).collect()
    }

    /// Latest samples of an entity's points, in the order they were first measured.
    pub fn of_entity(&self, entity: u32) -> Vec<Latest> {
        let table = self.table.read();
        let points = table.of_entity(entity).iter();
        points.filter_map(|&point| table.latest(point)).map(|(latest, _)| latest).collect()
    }

    /// Every entity that has a point, in no order.
    pub fn measured_entities(&self) -> Vec<u32> {
        self.table.read().measured_entities().collect()
    }
}

/// A name no other run has: the time, and what the standard library's hasher is seeded with.
fn new_epoch() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{:x}-{:08x}", Timestamp::now().as_millisecond(), random as u32)
}

#[cfg(test)]
mod tests;
