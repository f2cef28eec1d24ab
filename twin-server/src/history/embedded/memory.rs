//! What of the store is in memory: every point with its latest sample, and the samples
//! that are committed but not in chunks yet. The writer changes it; readers look at it
//! under its lock, which the writer holds while it moves samples into chunks.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use twin_model::{EntityId, PointKey};

use super::codec::Raw;
use crate::{
    history::{PastPoint, PastSample},
    reading::Reading,
};

/// Points whose samples share chunks.
pub(super) const GROUP: usize = 64;

/// A point.
#[derive(Debug)]
pub(super) struct PointState {
    pub(super) past: Arc<PastPoint>,
    pub(super) group: u32,
    /// The newest sample, in a chunk or not.
    pub(super) latest: Option<Raw>,
    /// Newest source time ever: what is newer cannot be known yet.
    pub(super) newest_source: i64,
    /// Place of the newest sample in chunks; `i64::MIN` while there is none.
    pub(super) sealed_last: i64,
    /// Samples not in chunks, by place.
    pub(super) tail: Vec<Raw>,
}

impl PointState {
    pub(super) fn new(past: Arc<PastPoint>, group: u32) -> Self {
        Self {
            past,
            group,
            latest: None,
            newest_source: i64::MIN,
            sealed_last: i64::MIN,
            tail: Vec::new(),
        }
    }

    /// Takes a sample in its place, after those of the same time.
    pub(super) fn insert(&mut self, raw: Raw) {
        self.see(&raw);
        let order = raw.order();
        match self.tail.last() {
            Some(last) if last.order() > order => {
                let place = self.tail.partition_point(|held| held.order() <= order);
                self.tail.insert(place, raw);
            }
            _ => self.tail.push(raw),
        }
    }

    /// Keeps track of the newest.
    pub(super) fn see(&mut self, raw: &Raw) {
        self.newest_source = self.newest_source.max(raw.source);
        if self.latest.as_ref().is_none_or(|latest| latest.order() <= raw.order()) {
            self.latest = Some(raw.clone());
        }
    }

    /// Samples of the tail from a place on, and before another.
    pub(super) fn between(&self, start: i64, end: i64) -> &[Raw] {
        let from = self.tail.partition_point(|raw| raw.order() < start);
        let to = self.tail.partition_point(|raw| raw.order() < end);
        &self.tail[from..to.max(from)]
    }

    /// A sample as an answer.
    pub(super) fn answer(&self, raw: &Raw) -> PastSample {
        PastSample { point: Arc::clone(&self.past), sample: raw.to_sample() }
    }
}

/// Points that share chunks.
#[derive(Debug, Default)]
pub(super) struct GroupState {
    pub(super) points: Vec<u32>,
    /// Samples in the tails of its points.
    pub(super) samples: usize,
    /// Oldest pending row that holds one of them.
    pub(super) oldest: Option<i64>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) points: Vec<PointState>,
    pub(super) groups: Vec<GroupState>,
    by_entity: HashMap<EntityId, Vec<u32>>,
    /// Samples in all tails.
    pub(super) samples: usize,
    /// Earliest and latest place of any sample kept.
    pub(super) span: Option<(i64, i64)>,
    /// Spans without samples, by start.
    pub(super) gaps: Vec<(i64, i64)>,
}

impl Memory {
    pub(super) fn find(&self, entity: &str, metric: &str) -> Option<u32> {
        let of_entity = self.by_entity.get(entity)?;
        let fits = |&&id: &&u32| self.points[id as usize].past.key.metric == metric;
        of_entity.iter().find(fits).copied()
    }

    /// Group for the next point: the last one, until it is full.
    pub(super) fn next_group(&self, ahead: usize) -> u32 {
        ((self.points.len() + ahead) / GROUP) as u32
    }

    pub(super) fn add_point(&mut self, past: Arc<PastPoint>, group: u32) {
        let id = self.points.len() as u32;
        self.by_entity.entry(past.key.entity.clone()).or_default().push(id);
        if self.groups.len() <= group as usize {
            self.groups.resize_with(group as usize + 1, GroupState::default);
        }
        self.groups[group as usize].points.push(id);
        self.points.push(PointState::new(past, group));
    }

    /// Takes a sample that pending row `seq` holds.
    pub(super) fn insert(&mut self, point: u32, raw: Raw, seq: i64) {
        let place = raw.order();
        self.widen(place, place);
        let state = &mut self.points[point as usize];
        let group = &mut self.groups[state.group as usize];
        group.samples += 1;
        group.oldest = Some(group.oldest.map_or(seq, |oldest| oldest.min(seq)));
        self.samples += 1;
        state.insert(raw);
    }

    pub(super) fn widen(&mut self, first: i64, last: i64) {
        let (low, high) = self.span.unwrap_or((first, last));
        self.span = Some((low.min(first), high.max(last)));
    }

    /// Oldest pending row that is still needed.
    pub(super) fn oldest_needed(&self) -> Option<i64> {
        self.groups.iter().filter_map(|group| group.oldest).min()
    }
}

/// What a reading says of its point.
pub(super) fn described(reading: &Reading) -> PastPoint {
    let stale_after_ms = reading
        .stale_after
        .map_or(0, |limit| u32::try_from(limit.as_millis()).unwrap_or(u32::MAX).max(1));
    PastPoint {
        key: PointKey {
            entity: reading.entity.clone(),
            metric: reading.metric.as_ref().to_owned(),
        },
        unit: Arc::clone(&reading.unit),
        stale_after_ms,
    }
}

/// Whether a reading says of its point what is known.
pub(super) fn agrees(known: &PastPoint, reading: &Reading) -> bool {
    let limit = reading
        .stale_after
        .map_or(0, |limit| u32::try_from(limit.as_millis()).unwrap_or(u32::MAX).max(1));
    known.unit == reading.unit && known.stale_after_ms == limit
}

/// Milliseconds since 1970.
pub(super) fn ms(time: Timestamp) -> i64 {
    time.as_millisecond()
}
