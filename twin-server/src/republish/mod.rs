//! Normalized points back to the broker, for programs that speak MQTT and want names,
//! units and quality instead of a dozen vendors' topics.
//!
//! Nothing is queued: what changed is read off the live table when the broker can take
//! it, each point once, with its latest value.

mod topic;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use twin_model::{Quality, Value};

use crate::{
    config::MqttConfig,
    live::{Latest, Live},
    mqtt::{MqttError, Publisher, Turn},
    scene::Intervals,
};
pub use topic::{TopicTemplate, overlap};

/// Points read at a time.
const BATCH: usize = 512;
/// Least time between two rounds.
const SHORTEST_ROUND: Duration = Duration::from_millis(50);
/// How long the connection is looked after when its queue is full.
const DRAIN: Duration = Duration::from_millis(2);
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What to republish, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to.
    pub topic: TopicTemplate,
    /// Whether the broker keeps the last value of each point.
    pub retain: bool,
    /// Quality of service, 0 or 1.
    pub qos: u8,
    /// Least time between two values of a point.
    pub min_interval: Duration,
    /// Entities whose points go out, with everything below; absent: all.
    pub entities: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Payload<'a> {
    v: &'a Value,
    unit: &'a str,
    t: String,
    q: Quality,
}

fn payload(latest: &Latest) -> Vec<u8> {
    let (definition, sample) = (&latest.definition, &latest.sample);
    let t = sample.source_time.to_string();
    let payload = Payload { v: &sample.value, unit: &definition.unit, t, q: sample.quality };
    serde_json::to_vec(&payload).unwrap_or_default() // fails only on maps without text keys
}

/// Publishes what changes until `stop`. After every connect each point is published once,
/// since what was on its way before may be lost.
///
/// # Errors
/// Where the connection cannot be set up; never for a broker that is away.
pub fn start(
    live: Arc<Live>,
    mqtt: &MqttConfig,
    settings: Settings,
    stop: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, MqttError> {
    metrics::describe_counter!("twin_republished", "Values published to the broker");
    let publisher = Publisher::new(mqtt)?;
    Ok(tokio::spawn(run(live, publisher, settings, stop)))
}

async fn run(
    live: Arc<Live>,
    mut publisher: Publisher,
    settings: Settings,
    stop: CancellationToken,
) {
    let scene = Arc::clone(live.scene());
    let interest = settings.entities.as_ref().map(|ids| {
        let known = ids.iter().filter_map(|id| {
            let index = scene.scene().index(id);
            if index.is_none() {
                tracing::warn!("[republish] entities: {id:?} is not in the scene");
            }
            index
        });
        scene.tour().intervals(known)
    });
    let mut round = Round { cursor: 0, until: live.seq(), started: Instant::now() };
    let mut next = round.started;
    loop {
        let turn = tokio::select! {
            () = stop.cancelled() => break,
            turn = publisher.turn(next) => turn,
        };
        if turn == Turn::Connected {
            round = Round { cursor: 0, until: live.seq(), started: Instant::now() };
            continue;
        }
        if round.is_over() {
            round = Round { until: live.seq(), started: Instant::now(), ..round };
        }
        let whole = publisher.is_connected()
            && round.go_on(&live, interest.as_ref(), &publisher, &settings);
        next = match whole || !publisher.is_connected() {
            true => round.started + settings.min_interval.max(SHORTEST_ROUND),
            false => Instant::now() + DRAIN,
        };
    }
    publisher.stop(Instant::now() + GOODBYE).await;
}

/// What changed up to some number is published, each point once; what changes meanwhile
/// has to wait for the next round, so that no point goes out too often.
struct Round {
    cursor: u64,
    until: u64,
    started: Instant,
}

impl Round {
    fn is_over(&self) -> bool {
        self.cursor >= self.until
    }

    /// Publishes until the connection's queue is full; whether the round is over.
    fn go_on(
        &mut self,
        live: &Live,
        interest: Option<&Intervals>,
        publisher: &Publisher,
        settings: &Settings,
    ) -> bool {
        let published = metrics::counter!("twin_republished");
        while !self.is_over() {
            let changes = live.changes_that_fit(self.cursor, interest, |_| 1, (BATCH, BATCH));
            for (latest, seq) in &changes.points {
                if *seq > self.until {
                    break;
                }
                let definition = &latest.definition;
                let topic = settings.topic.topic(definition.entity.as_str(), &definition.metric);
                if !publisher.publish(&topic, payload(latest), settings.qos, settings.retain) {
                    return false;
                }
                published.increment(1);
                self.cursor = *seq;
            }
            if changes.seq >= self.until {
                self.cursor = self.until;
            }
        }
        true
    }
}
