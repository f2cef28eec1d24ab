//! The live state: the latest sample of every point, written by one task.
//!
//! Every change gets the next number of one sequence, and points are kept in the order
//! they last changed. So whoever knows how far it has come asks for what changed since,
//! gets the latest value of each such point once, and nothing has to be queued for
//! anyone: a reader that was away costs no memory while it is away.

mod recency;
mod table;
mod writer;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::{RwLock, RwLockWriteGuard};
use tokio::sync::{broadcast, watch};

use crate::{
    reading::Reading,
    scene::{Intervals, LoadedScene},
};
use table::Table;
pub use table::{Definition, Latest, MAX_TEXT_BYTES, Outcome};
pub use writer::write;

/// Bounds of the live state.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most points; a reading of another one is rejected and counted.
    pub max_points: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_points: 200_000 }
    }
}

/// Batches of samples that lossless readers may lag behind before they lose some.
const TAP_BATCHES: usize = 1024;

/// What changed, and where the sequence stands after it.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Sequence after these changes.
    pub seq: u64,
    /// Oldest change first, each point once, with the number of its last change.
    pub points: Vec<(Latest, u64)>,
}

/// One accepted sample, for lossless readers.
#[derive(Clone, Debug)]
pub struct Tapped {
    /// Sequence after it was applied.
    pub seq: u64,
    /// Its point and the sample, late ones too.
    pub latest: Latest,
    /// Whether the point keeps a newer one; `seq` is then of the change before.
    pub late: bool,
    /// Place of its entity in the scene's tour.
    pub entity_place: u32,
}

/// The live state. Cheap to read; share it in an [`Arc`].
#[derive(Debug)]
pub struct Live {
    epoch: String,
    scene: Arc<LoadedScene>,
    table: RwLock<Table>,
    seq: watch::Sender<u64>,
    tap: broadcast::Sender<Arc<[Tapped]>>,
}

impl Live {
    /// An empty state for a scene, in an epoch of its own.
    pub fn new(scene: Arc<LoadedScene>, settings: Settings) -> Self {
        Self {
            epoch: new_epoch(),
            table: RwLock::new(Table::new(Arc::clone(&scene), settings.max_points)),
            scene,
            seq: watch::Sender::new(0),
            tap: broadcast::Sender::new(TAP_BATCHES),
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

    /// Follows every accepted sample. A reader that lags is told how many batches it lost.
    pub fn tap(&self) -> broadcast::Receiver<Arc<[Tapped]>> {
        self.tap.subscribe()
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
        let mut table = self.table.write();
        let before = table.seq();
        let tapped = self.tap.receiver_count() > 0;
        let mut samples = Vec::new();
        let mut outcomes = Vec::with_capacity(readings.len());
        for reading in readings {
            let (outcome, point) = table.apply(reading);
            if let Some(point) = point.filter(|_| tapped) {
                let sample = reading.sample.clone();
                samples.extend(table.tapped(point, sample, outcome == Outcome::Late));
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
        let tapped = self.tap.receiver_count() > 0;
        let samples = expired
            .iter()
            .filter(|_| tapped)
            .filter_map(|&point| {
                let (latest, _) = table.latest(point)?;
                table.tapped(point, latest.sample, false)
            })
            .collect();
        self.finish(table, before, samples);
        expired.len()
    }

    /// Tells everyone. Taps are fed under the lock, so that their order is the table's.
    fn finish(&self, table: RwLockWriteGuard<'_, Table>, before: u64, samples: Vec<Tapped>) {
        if !samples.is_empty() {
            let _ = self.tap.send(samples.into()); // the last listener may just have gone
        }
        let after = table.seq();
        drop(table);
        if after != before {
            self.seq.send_replace(after);
        }
    }

    /// What changed after `since` in an interest (absent: everywhere), as of one moment.
    pub fn changes_since(&self, since: u64, interest: Option<&Intervals>) -> Changes {
        let table = self.table.read();
        let changed = table.changed_since(since, interest);
        let points = changed.into_iter().filter_map(|point| table.latest(point)).collect();
        Changes { seq: table.seq(), points }
    }

    /// The points of an interest by number, and the sequence at which that was so.
    pub fn covered(&self, interest: Option<&Intervals>) -> (u64, Vec<u32>) {
        let table = self.table.read();
        (table.seq(), table.covered(interest))
    }

    /// Latest samples of some points, as of one moment.
    pub fn latest(&self, points: &[u32]) -> Vec<Latest> {
        let table = self.table.read();
        points.iter().filter_map(|&point| table.latest(point)).map(|(latest, _)| latest).collect()
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
