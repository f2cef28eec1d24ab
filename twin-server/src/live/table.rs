//! The latest sample of every point, and the order in which they changed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use twin_model::{EntityId, Quality, Sample, Value};

use super::{Tapped, recency::Recency};
use crate::{
    reading::Reading,
    scene::{Intervals, LoadedScene},
};

/// Longest text value, bytes: a state has a name, not a story. It bounds a frame.
pub const MAX_TEXT_BYTES: usize = 1024;

/// What a point is; fixed until a reading declares another unit or silence limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The point's number in this epoch: dense, from 0.
    pub point: u32,
    /// Where it is measured.
    pub entity: EntityId,
    /// What is measured.
    pub metric: Arc<str>,
    /// UCUM unit code, empty for states.
    pub unit: Arc<str>,
    /// Silence after which the value is stale, ms; 0 for never.
    pub stale_after_ms: u32,
    /// The change that made or last altered this definition.
    pub defined_seq: u64,
}

/// Latest sample of one point.
#[derive(Clone, Debug)]
pub struct Latest {
    /// Which point.
    pub definition: Arc<Definition>,
    /// Its latest sample.
    pub sample: Sample,
}

impl Latest {
    /// The reading that said so.
    pub fn into_reading(self) -> Reading {
        let Self { definition, sample } = self;
        let limit = u64::from(definition.stale_after_ms);
        Reading {
            entity: definition.entity.clone(),
            metric: Arc::clone(&definition.metric),
            unit: Arc::clone(&definition.unit),
            stale_after: (limit > 0).then(|| Duration::from_millis(limit)),
            sample,
        }
    }
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the point's latest sample now.
    Stored,
    /// A sample the point already has or had, once more.
    Duplicate,
    /// Measured before the sample the point already has, and not seen before.
    Late,
    /// A new point, over the bound on points.
    TooManyPoints,
    /// Its entity is not in the scene.
    UnknownEntity,
    /// A text of more than [`MAX_TEXT_BYTES`].
    TextTooLong,
}

impl Outcome {
    /// Every outcome, for counters.
    pub const ALL: [Self; 6] = [
        Self::Stored,
        Self::Duplicate,
        Self::Late,
        Self::TooManyPoints,
        Self::UnknownEntity,
        Self::TextTooLong,
    ];

    /// Whether the reading is a sample of a point of ours, newest or not.
    pub fn is_sample(self) -> bool {
        matches!(self, Self::Stored | Self::Duplicate | Self::Late)
    }

    /// Name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::TooManyPoints => "too_many_points",
            Self::UnknownEntity => "unknown_entity",
            Self::TextTooLong => "text_too_long",
        }
    }
}

#[derive(Debug)]
struct Point {
    definition: Arc<Definition>,
    sample: Sample,
    seq: u64,
    /// Number of its last sample, late or not.
    last: u64,
    /// The latest source time of all its samples.
    newest: Timestamp,
}

/// Tells whether a sample came before, by the number of its point's last one.
pub(super) type Seen<'a> = &'a dyn Fn(u64, &Sample) -> bool;

/// All points. Written by one task; see [`super::Live`].
#[derive(Debug)]
pub(super) struct Table {
    scene: Arc<LoadedScene>,
    max_points: usize,
    seq: u64,
    points: Vec<Point>,
    recency: Recency,
    /// By point: its entity's place in the scene's tour. Apart, so that scans are short.
    places: Vec<u32>,
    /// By point: when it becomes stale, ms since 1970; `i64::MAX` for never.
    deadlines: Vec<i64>,
    by_entity: HashMap<u32, Vec<u32>>,
}

impl Table {
    pub(super) fn new(scene: Arc<LoadedScene>, max_points: usize) -> Self {
        Self {
            scene,
            max_points,
            seq: 0,
            points: Vec::new(),
            recency: Recency::default(),
            places: Vec::new(),
            deadlines: Vec::new(),
            by_entity: HashMap::new(),
        }
    }

    /// Number of the last change.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// What became of the reading, and its point where it counts as a sample of one. `seen`
    /// tells of a sample, by the point's last number, whether it came before.
    pub(super) fn apply(&mut self, reading: &Reading, seen: Seen<'_>) -> (Outcome, Option<u32>) {
        if matches!(&reading.sample.value, Value::Text(text) if text.len() > MAX_TEXT_BYTES) {
            return (Outcome::TextTooLong, None);
        }
        let Some(entity) = self.scene.scene().index(reading.entity.as_str()) else {
            return (Outcome::UnknownEntity, None);
        };
        match self.find(entity, &reading.metric) {
            Some(point) => match self.replace(point, reading, seen) {
                Outcome::Duplicate => (Outcome::Duplicate, None),
                outcome => (outcome, Some(point)),
            },
            None if self.points.len() >= self.max_points => (Outcome::TooManyPoints, None),
            None => (Outcome::Stored, Some(self.insert(entity, reading))),
        }
    }

    /// Whether a reading would count as a sample of a point.
    pub(super) fn takes(&self, reading: &Reading) -> bool {
        if matches!(&reading.sample.value, Value::Text(text) if text.len() > MAX_TEXT_BYTES) {
            return false;
        }
        let entity = self.scene.scene().index(reading.entity.as_str());
        entity.is_some_and(|entity| {
            self.points.len() < self.max_points || self.find(entity, &reading.metric).is_some()
        })
    }

    /// As [`Table::apply`], but an older sample takes the place of a newer one too.
    pub(super) fn show(&mut self, reading: &Reading, seen: Seen<'_>) -> (Outcome, Option<u32>) {
        let known = self.scene.scene().index(reading.entity.as_str());
        let Some(point) = known.and_then(|entity| self.find(entity, &reading.metric)) else {
            return self.apply(reading, seen);
        };
        if self.points[point as usize].sample == reading.sample {
            return (Outcome::Duplicate, None);
        }
        self.put(point, reading);
        (Outcome::Stored, Some(point))
    }

    /// The sample of a point that is number `seq`, for lossless readers.
    pub(super) fn tapped(&mut self, point: u32, seq: u64, sample: Sample, late: bool) -> Tapped {
        let held = &mut self.points[point as usize];
        let before = std::mem::replace(&mut held.last, seq);
        let latest = Latest { definition: Arc::clone(&held.definition), sample };
        Tapped { seq, before, latest, late, entity_place: self.places[point as usize] }
    }

    fn find(&self, entity: u32, metric: &str) -> Option<u32> {
        let measured = self.by_entity.get(&entity)?;
        measured
            .iter()
            .copied()
            .find(|&point| &*self.points[point as usize].definition.metric == metric)
    }

    fn insert(&mut self, entity: u32, reading: &Reading) -> u32 {
        self.seq += 1;
        let point = self.points.len() as u32;
        let definition = define(point, self.seq, reading);
        self.deadlines.push(deadline(&definition, &reading.sample));
        self.points.push(Point {
            definition: Arc::new(definition),
            sample: reading.sample.clone(),
            seq: self.seq,
            last: 0,
            newest: reading.sample.source_time,
        });
        self.places.push(self.scene.tour().place(entity));
        self.recency.push();
        self.by_entity.entry(entity).or_default().push(point);
        point
    }

    fn replace(&mut self, point: u32, reading: &Reading, seen: Seen<'_>) -> Outcome {
        let held = &self.points[point as usize];
        let sample = &reading.sample;
        // It is no sign of life, or a dead device behind a gateway would never look stale. What
        // is newer by its own time than all before it cannot have come before.
        let again = is_again(&held.sample, sample)
            || (sample.source_time <= held.newest && seen(held.last, sample));
        if again {
            return Outcome::Duplicate;
        }
        if is_late(&held.sample, sample) {
            // The point keeps its newer sample, but whoever wants every sample gets this
            // one too, and it has a number of its own there.
            self.seq += 1;
            return Outcome::Late;
        }
        self.put(point, reading);
        Outcome::Stored
    }

    fn put(&mut self, point: u32, reading: &Reading) {
        let (held, sample) = (&mut self.points[point as usize], &reading.sample);
        self.seq += 1;
        held.seq = self.seq;
        held.sample = sample.clone();
        held.newest = held.newest.max(sample.source_time);
        let known = &held.definition;
        if known.unit != reading.unit || known.stale_after_ms != stale_after_ms(reading) {
            held.definition = Arc::new(define(point, self.seq, reading));
        }
        self.deadlines[point as usize] = deadline(&held.definition, sample);
        self.recency.touch(point);
    }

    /// Marks every point stale whose time has come; which those are.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<u32> {
        let now_ms = now.as_millisecond();
        let due: Vec<u32> = (0..)
            .zip(&self.deadlines)
            .filter(|&(_, &deadline)| deadline <= now_ms)
            .map(|(point, _)| point)
            .collect();
        for &point in &due {
            self.deadlines[point as usize] = i64::MAX;
            self.seq += 1;
            let held = &mut self.points[point as usize];
            held.seq = self.seq;
            held.sample.quality = Quality::Stale;
            self.recency.touch(point);
        }
        due
    }

    pub(super) fn covers(&self, interest: Option<&Intervals>, point: u32) -> bool {
        interest.is_none_or(|interest| interest.contains(self.places[point as usize]))
    }

    /// Points of an interest that changed after `since`, oldest change first.
    pub(super) fn changed_since(&self, since: u64, interest: Option<&Intervals>) -> Vec<u32> {
        let mut changed: Vec<u32> = self
            .recency
            .newest_first()
            .take_while(|&point| self.points[point as usize].seq > since)
            .filter(|&point| self.covers(interest, point))
            .collect();
        changed.reverse();
        changed
    }

    /// Every point of an interest, by number.
    pub(super) fn covered<'a>(
        &'a self,
        interest: Option<&'a Intervals>,
    ) -> impl Iterator<Item = (u32, &'a Definition, &'a Sample)> {
        (0..)
            .zip(&self.points)
            .filter(move |&(point, _)| self.covers(interest, point))
            .map(|(point, held)| (point, &*held.definition, &held.sample))
    }

    pub(super) fn latest(&self, point: u32) -> Option<(Latest, u64)> {
        let held = self.points.get(point as usize)?;
        let latest =
            Latest { definition: Arc::clone(&held.definition), sample: held.sample.clone() };
        Some((latest, held.seq))
    }

    pub(super) fn of_entity(&self, entity: u32) -> &[u32] {
        self.by_entity.get(&entity).map_or(&[], Vec::as_slice)
    }

    pub(super) fn measured_entities(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_entity.keys().copied()
    }
}

/// A sample received so much before the one held tells that the server's clock was set back.
/// Less is a correction that passes by itself.
const SET_BACK: SignedDuration = SignedDuration::from_secs(10);

/// Whether a point keeps the sample it holds. After the server's clock was set back, every
/// sample is received before what is held: then the order of arrival decides, once for each
/// point, or the picture would stand still until the clock has caught up.
fn is_late(held: &Sample, new: &Sample) -> bool {
    let set_back = held.receive_time.duration_since(new.receive_time) > SET_BACK;
    !set_back && age_key(new) < age_key(held)
}

/// Whether a sample is once more what is known already: a redelivery, or a gateway repeating
/// itself. To the millisecond, as the history keeps times: what it gave back after a restart
/// is known again.
pub(super) fn is_again(held: &Sample, new: &Sample) -> bool {
    new.source_time.as_millisecond() == held.source_time.as_millisecond()
        && new.value == held.value
        && (new.quality == held.quality || held.quality == Quality::Stale)
}

/// What orders samples: the source time, but no later than received, so that one sample
/// from a clock that runs ahead does not shut out every true one after it.
fn age_key(sample: &Sample) -> Timestamp {
    sample.source_time.min(sample.receive_time)
}

fn stale_after_ms(reading: &Reading) -> u32 {
    reading
        .stale_after
        .map_or(0, |limit| u32::try_from(limit.as_millis()).unwrap_or(u32::MAX).max(1))
}

fn define(point: u32, seq: u64, reading: &Reading) -> Definition {
    Definition {
        point,
        entity: reading.entity.clone(),
        metric: Arc::clone(&reading.metric),
        unit: Arc::clone(&reading.unit),
        stale_after_ms: stale_after_ms(reading),
        defined_seq: seq,
    }
}

fn deadline(definition: &Definition, sample: &Sample) -> i64 {
    match definition.stale_after_ms {
        0 => i64::MAX,
        limit => sample.receive_time.as_millisecond().saturating_add(i64::from(limit)),
    }
}
