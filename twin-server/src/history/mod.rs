//! History: every accepted sample, kept, and any past moment of the whole scene.
//!
//! One trait, [`Store`], and whoever asks for the past knows nothing else. A sample has
//! its place by [`order_time`], as in the live state: late samples land where they belong,
//! and the same sample (point, source time, value) delivered twice is kept once.

pub mod command;
mod downsample;
pub mod embedded;
pub mod memory;
pub mod postgres;
mod record;
pub mod retention;

use std::{fmt, future::Future, ops::Range, pin::Pin, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use twin_model::{PointKey, Sample};

use crate::{live::Live, reading::Reading};
pub use record::{Recorder, RecorderStatus};

/// What orders samples: the source time, but no later than received, so that one sample
/// from a clock that runs ahead does not hide every true one after it.
pub fn order_time(sample: &Sample) -> Timestamp {
    sample.source_time.min(sample.receive_time)
}

/// When a point with this sample falls silent, if ever. A sample that came long after it was
/// measured (a gateway that was cut off) says nothing of the time between.
pub(crate) fn silent_at(sample: &Sample, stale_after_ms: u32) -> Option<Timestamp> {
    let limit = SignedDuration::from_millis(stale_after_ms.into());
    if limit.is_zero() {
        return None;
    }
    let measured = order_time(sample);
    let late = sample.receive_time.duration_since(measured) > limit;
    let from = if late { measured } else { sample.receive_time };
    from.saturating_add(limit).ok()
}

/// Whether a point with this sample has been silent for too long at a moment.
pub(crate) fn is_stale(sample: &Sample, stale_after_ms: u32, at: Timestamp) -> bool {
    silent_at(sample, stale_after_ms).is_some_and(|due| due <= at)
}

/// An answer of a [`Store`], whichever it is.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, HistoryError>> + Send + 'a>>;

/// Why the history does not answer.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The medium is full. Live values go on; the gap is marked.
    #[error("{store}: no space left to {operation}")]
    Full {
        /// Which store, as the configuration names it.
        store: String,
        /// What was being done.
        operation: &'static str,
    },
    /// The store cannot be reached, or is broken.
    #[error("{store}: {operation}: {reason}")]
    Failed {
        /// Which store, as the configuration names it.
        store: String,
        /// What was being done.
        operation: &'static str,
        /// What it said.
        reason: String,
    },
    /// The question makes no sense.
    #[error("{0}")]
    Question(String),
}

/// What a point is; the newest definition holds for all of its past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastPoint {
    /// Entity and metric.
    pub key: PointKey,
    /// UCUM unit code, empty for states.
    pub unit: Arc<str>,
    /// Silence after which a value is stale, ms; 0 for never.
    pub stale_after_ms: u32,
}

/// A sample with its point.
#[derive(Clone, Debug, PartialEq)]
pub struct PastSample {
    /// Which point.
    pub point: Arc<PastPoint>,
    /// The sample. In answers about a moment its quality is what it was then: stale where
    /// the point had been silent for too long.
    pub sample: Sample,
}

impl PastSample {
    /// As ingest would have handed it on.
    pub fn into_reading(self) -> Reading {
        let limit = u64::from(self.point.stale_after_ms);
        Reading {
            entity: self.point.key.entity.clone(),
            metric: self.point.key.metric.as_str().into(),
            unit: Arc::clone(&self.point.unit),
            stale_after: (limit > 0).then(|| Duration::from_millis(limit)),
            sample: self.sample,
        }
    }
}

/// A place in the order of all samples; what a reader passes back to get what follows.
/// Stores may order samples of the same time as they like, but always alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// Some samples in order, and where they end.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Oldest first.
    pub samples: Vec<PastSample>,
    /// Where to go on; absent at the end of the range.
    pub next: Option<Cursor>,
}

/// A series as it is drawn: every sample, or for each bucket its extremes and its last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Oldest first.
    pub samples: Vec<Sample>,
    /// Whether samples were left out to stay under the limit.
    pub downsampled: bool,
    /// Spans in which the store lost samples, or had none to take.
    pub gaps: Vec<Range<Timestamp>>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Samples that are new.
    pub kept: usize,
    /// Samples that were there already.
    pub duplicates: usize,
}

/// Puts the live state back to the latest samples of a store; how many were taken. Those
/// of entities that are no longer in the scene stay in the store alone.
///
/// # Errors
/// Where the store does not answer.
pub async fn restore(store: &dyn Store, live: &Live) -> Result<usize, HistoryError> {
    let now = Timestamp::now();
    // A clock that was set back hides nothing.
    let latest = store.span().await?.map_or(now, |(_, last)| last.max(now));
    let samples = store.state_at(latest).await?;
    let readings: Vec<Reading> = samples.into_iter().map(PastSample::into_reading).collect();
    let outcomes = live.apply(&readings);
    live.expire(now);
    Ok(outcomes.iter().filter(|outcome| outcome.is_sample()).count())
}

/// A store of samples. Every answer is as of one moment.
pub trait Store: fmt::Debug + Send + Sync {
    /// Keeps readings. They survive a crash, and a power cut, once the answer is there;
    /// several batches under way may share one commit.
    fn append(&self, readings: Vec<Reading>) -> Answer<'_, Appended>;

    /// The samples of one point with an order time in a range, at most `max_points` of them
    /// (at least 4): downsampled to minimum, maximum and last of each bucket where there are more.
    fn series<'a>(
        &'a self,
        key: &'a PointKey,
        range: Range<Timestamp>,
        max_points: usize,
    ) -> Answer<'a, Series>;

    /// The whole scene at a moment: of each point the latest sample not after it.
    fn state_at(&self, at: Timestamp) -> Answer<'_, Vec<PastSample>>;

    /// All samples of all points with an order time in a range, oldest first, a page of at
    /// most `limit`. `after` is the cursor of the page before.
    fn page(
        &self,
        range: Range<Timestamp>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Answer<'_, Page>;

    /// Notes that samples of a span were lost: later answers of [`Store::series`] say so.
    /// Spans that touch become one.
    fn note_gap(&self, gap: Range<Timestamp>) -> Answer<'_, ()>;

    /// First and last order time kept; absent while nothing is.
    fn span(&self) -> Answer<'_, Option<(Timestamp, Timestamp)>>;
}
