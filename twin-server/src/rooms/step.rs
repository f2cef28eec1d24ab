//! The next event, or the one before: where a state (a yes or no, or a name) or the
//! quality of a value changes, or a point falls silent. Alarms and what operators do are
//! to join them.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use twin_model::{PointKey, Quality, Sample, Value};

use crate::{
    history::{self, HistoryError, PastSample, Store, order_time},
    scene::{Intervals, LoadedScene},
};

/// Samples looked through for one step; then the room shows how far that was.
const SEARCH_SAMPLES: usize = 1_000_000;
const PAGE: usize = 8192;
/// How far back the first look goes; each further one goes twice as far.
const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(1);
const ONE: SignedDuration = SignedDuration::from_nanos(1);
/// Stores may keep times to the millisecond; see [`super::ahead`].
const STEP: SignedDuration = SignedDuration::from_millis(1);

/// Whose events count.
#[derive(Clone, Debug)]
pub(super) struct Interest {
    pub(super) scene: Arc<LoadedScene>,
    /// Absent for the whole scene.
    pub(super) places: Option<Intervals>,
}

impl Interest {
    fn covers(&self, key: &PointKey) -> bool {
        let Some(index) = self.scene.scene().index(key.entity.as_str()) else { return false };
        let place = self.scene.tour().place(index);
        self.places.as_ref().is_none_or(|places| places.contains(place))
    }
}

/// What a search has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Something happened at this time.
    Event(Timestamp),
    /// Nothing did, as far as to here; the search had looked through enough.
    NotUpTo(Timestamp),
    /// Nothing does up to the end of the range.
    Nothing,
}

/// The first event after a time, up to `end` with it.
pub(super) async fn next(
    store: &dyn Store,
    interest: &Interest,
    after: Timestamp,
    end: Timestamp,
) -> Result<Found, HistoryError> {
    let mut budget = SEARCH_SAMPLES;
    let mut scan = Scan::begin(store, interest, after..end, true).await?;
    while scan.page(store, &mut budget).await? {}
    Ok(match (scan.events.first(), budget) {
        (Some(&at), _) => Found::Event(at),
        (None, 0) => Found::NotUpTo(scan.reached),
        (None, _) => Found::Nothing,
    })
}

/// The last event before a time, from `start` on with it.
pub(super) async fn previous(
    store: &dyn Store,
    interest: &Interest,
    before: Timestamp,
    start: Timestamp,
) -> Result<Found, HistoryError> {
    let mut budget = SEARCH_SAMPLES;
    let (mut end, mut look) = (before - ONE, FIRST_LOOK);
    while end >= start {
        let from = end.saturating_sub(look).unwrap_or(start).max(start - ONE);
        let mut scan = Scan::begin(store, interest, from..end, false).await?;
        while scan.page(store, &mut budget).await? {}
        if budget == 0 {
            // Looked through only a part of this window: say nothing of it.
            return Ok(Found::NotUpTo(end));
        }
        if let Some(&at) = scan.events.last() {
            return Ok(Found::Event(at));
        }
        (end, look) = (from, look * 2);
    }
    Ok(Found::Nothing)
}

/// One point as it stands while the samples go by.
struct Held {
    state: Option<Value>,
    quality: Quality,
    silent_at: Option<Timestamp>,
}

/// A look through `(range.start, range.end]`.
struct Scan<'a> {
    interest: &'a Interest,
    range: Range<Timestamp>,
    cursor: Option<crate::history::Cursor>,
    held: HashMap<PointKey, Held>,
    silences: BTreeSet<(Timestamp, PointKey)>,
    first_only: bool,
    /// The first and the last event found, which may be one.
    events: Vec<Timestamp>,
    reached: Timestamp,
}

impl<'a> Scan<'a> {
    async fn begin(
        store: &dyn Store,
        interest: &'a Interest,
        range: Range<Timestamp>,
        first_only: bool,
    ) -> Result<Self, HistoryError> {
        let state = store.state_at(range.start).await?;
        let mut scan = Self {
            interest,
            reached: range.start,
            range,
            cursor: None,
            held: HashMap::new(),
            silences: BTreeSet::new(),
            first_only,
            events: Vec::new(),
        };
        for past in state.iter().filter(|past| interest.covers(&past.point.key)) {
            scan.hold(past);
        }
        Ok(scan)
    }

    /// Looks through one page more; whether there is another one worth looking at.
    async fn page(&mut self, store: &dyn Store, budget: &mut usize) -> Result<bool, HistoryError> {
        let range = self.range.start + ONE..self.range.end + STEP;
        let page = store.page(range, self.cursor.take(), PAGE.min(*budget)).await?;
        *budget -= page.samples.len().min(*budget);
        for past in &page.samples {
            let at = order_time(&past.sample);
            self.fall_silent(at, false);
            self.reached = at;
            if self.interest.covers(&past.point.key) && self.hold(past) {
                self.note(at);
            }
        }
        self.cursor = page.next;
        let done = self.cursor.is_none();
        if done {
            self.fall_silent(self.range.end, true);
            self.reached = self.range.end;
            // A search that ends with its last sample has not been cut short.
            *budget = (*budget).max(1);
        }
        let found = self.first_only && !self.events.is_empty();
        Ok(!done && *budget > 0 && !found)
    }

    /// Takes a sample over; whether that is an event.
    fn hold(&mut self, past: &PastSample) -> bool {
        let PastSample { point, sample } = past;
        let state = matches!(sample.value, Value::Bool(_) | Value::Text(_));
        let held = Held {
            state: state.then(|| sample.value.clone()),
            quality: sample.quality,
            silent_at: silent_at(sample, point.stale_after_ms),
        };
        if let Some(at) = held.silent_at {
            self.silences.insert((at, point.key.clone()));
        }
        let event = match self.held.get(&point.key) {
            Some(before) => before.state != held.state || before.quality != held.quality,
            None => held.state.is_some(),
        };
        if let Some(before) = self.held.insert(point.key.clone(), held)
            && let Some(at) = before.silent_at
            && self.held.get(&point.key).and_then(|held| held.silent_at) != Some(at)
        {
            self.silences.remove(&(at, point.key.clone()));
        }
        event
    }

    /// Points whose time comes before a moment, or also in it.
    fn fall_silent(&mut self, until: Timestamp, also_then: bool) {
        while let Some((at, _)) = self.silences.first()
            && (*at < until || also_then && *at == until)
            && let Some((at, key)) = self.silences.pop_first()
        {
            if let Some(held) = self.held.get_mut(&key)
                && held.silent_at == Some(at)
            {
                held.quality = Quality::Stale;
                held.silent_at = None;
                self.note(at);
            }
        }
    }

    fn note(&mut self, at: Timestamp) {
        // What a page holds beyond the range, for the sake of stores that round, is no news.
        if at <= self.range.start || at > self.range.end {
            return;
        }
        self.events.truncate(1);
        self.events.push(at);
    }
}

/// When a point with this sample falls silent, unless it has already.
fn silent_at(sample: &Sample, stale_after_ms: u32) -> Option<Timestamp> {
    if sample.quality == Quality::Stale {
        return None;
    }
    history::silent_at(sample, stale_after_ms)
}
