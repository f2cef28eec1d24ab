//! From the live state into the store: a message is acknowledged when its samples are
//! kept.
//!
//! Batches wait here while a commit is under way and then share the next one, so that the
//! disk's pace makes commits larger and not ingest slower; ingest takes no more messages
//! once too many batches wait. While the store fails the live picture goes on and messages
//! are acknowledged all the same: unacknowledged ones would soon stop the broker from
//! sending, and with it the picture of what is happening now. What was lost is a gap, from
//! the first lost sample to the first that is kept again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use metrics::{counter, gauge, histogram};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::{Appended, HistoryError, Store};
use crate::{ingest::Batch, reading::Reading};

/// Batches that share one commit at most.
const MAX_BATCHES: usize = 256;
/// How often a store that fails is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How the keeping of samples stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecorderStatus {
    /// Samples are kept.
    pub keeping: bool,
    /// Samples kept since the start.
    pub kept: u64,
    /// Samples that came twice since the start, and are kept once.
    pub duplicates: u64,
    /// Samples lost since the start because the store failed.
    pub lost: u64,
    /// While the store fails: the time of the first sample lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// What the store said when it last failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Takes what the live state has accepted into a store.
#[derive(Debug)]
pub struct Recorder {
    store: Arc<dyn Store>,
    status: Mutex<RecorderStatus>,
}

impl Recorder {
    /// A recorder for a store.
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        metrics::describe_counter!("twin_history_samples", "Samples by what became of them");
        metrics::describe_histogram!("twin_history_commit_seconds", "Time a commit took, s");
        metrics::describe_gauge!("twin_history_failing", "1 while the store loses samples");
        gauge!("twin_history_failing").set(0.0);
        let status = RecorderStatus {
            keeping: true,
            kept: 0,
            duplicates: 0,
            lost: 0,
            failing_since: None,
            last_error: None,
        };
        Arc::new(Self { store, status: Mutex::new(status) })
    }

    /// How it stands.
    pub fn status(&self) -> RecorderStatus {
        self.status.lock().clone()
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Keeps batches until the live state's side of the channel is dropped.
    pub async fn run(self: Arc<Self>, mut batches: mpsc::Receiver<Batch>) {
        let mut waiting = Vec::new();
        let mut failing = None;
        while batches.recv_many(&mut waiting, MAX_BATCHES).await > 0 {
            let mut batch = Batch::join(waiting.drain(..));
            let readings = std::mem::take(&mut batch.readings);
            if !readings.is_empty() {
                self.keep(readings, &mut failing).await;
            }
            batch.give_receipts().await;
        }
        if let Some(failing) = failing {
            // The last word on a gap that lasted to the end, should the store take it.
            let _ = self.store.note_gap(failing.first..failing.last).await;
        }
    }

    /// Keeps readings, or counts them lost.
    async fn keep(&self, readings: Vec<Reading>, failing: &mut Option<Failing>) {
        if let Some(failing) = failing
            && failing.tried.elapsed() < RETRY
        {
            return self.lose(failing, &readings);
        }
        let span = span(&readings);
        let count = readings.len();
        let begun = Instant::now();
        match self.store.append(readings).await {
            Ok(appended) => {
                histogram!("twin_history_commit_seconds").record(begun.elapsed().as_secs_f64());
                self.count_kept(appended);
                if let Some(ended) = failing.take() {
                    self.recovered(ended, failing).await;
                }
            }
            Err(error) => {
                let failing = failing.get_or_insert_with(|| self.failed(&error, span.0));
                failing.tried = Instant::now();
                failing.extend(span);
                self.status.lock().last_error = Some(error.to_string());
                self.count_lost(count);
            }
        }
    }

    fn failed(&self, error: &HistoryError, first: Timestamp) -> Failing {
        tracing::error!("history: samples are lost from {first} on: {error}");
        gauge!("twin_history_failing").set(1.0);
        let mut status = self.status.lock();
        status.keeping = false;
        status.failing_since = Some(first);
        Failing { first, last: first, tried: Instant::now() }
    }

    fn lose(&self, failing: &mut Failing, readings: &[Reading]) {
        failing.extend(span(readings));
        self.count_lost(readings.len());
    }

    fn count_kept(&self, appended: Appended) {
        let Appended { kept, duplicates } = appended;
        counter!("twin_history_samples", "outcome" => "kept").increment(kept as u64);
        counter!("twin_history_samples", "outcome" => "duplicate").increment(duplicates as u64);
        let mut status = self.status.lock();
        status.kept += kept as u64;
        status.duplicates += duplicates as u64;
    }

    fn count_lost(&self, count: usize) {
        counter!("twin_history_samples", "outcome" => "lost").increment(count as u64);
        self.status.lock().lost += count as u64;
    }

    /// The store works again: the gap is closed, and kept. Where even that fails, it is
    /// tried again with the next samples.
    async fn recovered(&self, ended: Failing, failing: &mut Option<Failing>) {
        match self.store.note_gap(ended.first..ended.last).await {
            Ok(()) => {
                tracing::warn!(
                    "history: samples are kept again; those from {} to {} were lost in part",
                    ended.first,
                    ended.last
                );
                gauge!("twin_history_failing").set(0.0);
                let mut status = self.status.lock();
                status.keeping = true;
                status.failing_since = None;
            }
            Err(error) => {
                self.status.lock().last_error = Some(error.to_string());
                *failing = Some(ended);
            }
        }
    }
}

/// A store that fails, and the span of what it lost.
#[derive(Debug)]
struct Failing {
    first: Timestamp,
    last: Timestamp,
    tried: Instant,
}

impl Failing {
    fn extend(&mut self, (first, last): (Timestamp, Timestamp)) {
        self.first = self.first.min(first);
        self.last = self.last.max(last);
    }
}

/// From the earliest to the latest place of some readings.
fn span(readings: &[Reading]) -> (Timestamp, Timestamp) {
    let mut span = (Timestamp::MAX, Timestamp::MIN);
    for reading in readings {
        let time = super::order_time(&reading.sample);
        span = (span.0.min(time), span.1.max(time));
    }
    span
}
