//! The one task that writes the live state.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{Live, Outcome};
use crate::ingest::Batch;

/// How often silent points are looked for.
const STALE_SCAN: Duration = Duration::from_secs(1);
/// Batches applied under one lock at most, so that readers get their turn.
const BATCHES: usize = 64;

/// Applies batches from ingest until its side of the channel is dropped, and marks silent
/// points stale once a second. What was accepted goes on to whoever keeps it, and with it
/// the receipt; where nobody does, being live is as safe as a reading gets.
pub async fn write(
    live: Arc<Live>,
    mut batches: mpsc::Receiver<Batch>,
    keeper: Option<mpsc::Sender<Batch>>,
) {
    let counters = Counters::new();
    let mut scan = interval(STALE_SCAN);
    scan.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut received = Vec::with_capacity(BATCHES);
    loop {
        tokio::select! {
            count = batches.recv_many(&mut received, BATCHES) => {
                if count == 0 {
                    return;
                }
                let batch = Batch::join(received.drain(..));
                let outcomes = live.apply(&batch.readings);
                counters.count(&outcomes);
                counters.points.set(live.len() as f64);
                hand_on(batch, &outcomes, keeper.as_ref()).await;
            }
            _ = scan.tick() => {
                let expired = live.expire(Timestamp::now());
                counters.stale.increment(expired as u64);
            }
        }
    }
}

/// Hands on what is to be kept and shown by another way, as far as it would count as a
/// sample of a point, until the other side of the channel is dropped.
pub async fn hand_on_unshown(
    live: Arc<Live>,
    mut batches: mpsc::Receiver<Batch>,
    keeper: mpsc::Sender<Batch>,
) {
    while let Some(Batch { readings, receipts }) = batches.recv().await {
        let takes = live.takes(&readings);
        let readings =
            readings.into_iter().zip(takes).filter(|(_, takes)| *takes).map(|(reading, _)| reading);
        let _ = keeper.send(Batch { readings: readings.collect(), receipts }).await;
    }
}

/// Hands on what counts as a sample of a point: what the live state refused was counted,
/// and is no more kept than shown. Duplicates go along, since what is one to the live
/// state may still have been lost to the store.
async fn hand_on(batch: Batch, outcomes: &[Outcome], keeper: Option<&mpsc::Sender<Batch>>) {
    let Some(keeper) = keeper else { return batch.give_receipts().await };
    let Batch { readings, receipts } = batch;
    let readings = readings
        .into_iter()
        .zip(outcomes)
        .filter(|(_, outcome)| outcome.is_sample())
        .map(|(reading, _)| reading)
        .collect();
    // The keeper ends after us; where it failed before, the messages are not acknowledged.
    let _ = keeper.send(Batch { readings, receipts }).await;
}

struct Counters {
    samples: Vec<(Outcome, metrics::Counter)>,
    stale: metrics::Counter,
    points: metrics::Gauge,
}

impl Counters {
    fn new() -> Self {
        metrics::describe_counter!("twin_live_samples", "Samples by what became of them");
        metrics::describe_counter!("twin_live_points_gone_stale", "Points that fell silent");
        metrics::describe_gauge!("twin_live_points", "Points with a value");
        let samples = Outcome::ALL
            .into_iter()
            .map(|outcome| {
                (outcome, metrics::counter!("twin_live_samples", "outcome" => outcome.as_str()))
            })
            .collect();
        Self {
            samples,
            stale: metrics::counter!("twin_live_points_gone_stale"),
            points: metrics::gauge!("twin_live_points"),
        }
    }

    fn count(&self, outcomes: &[Outcome]) {
        for (outcome, counter) in &self.samples {
            let count = outcomes.iter().filter(|found| *found == outcome).count();
            if count > 0 {
                counter.increment(count as u64);
            }
        }
    }
}
