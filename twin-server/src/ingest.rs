//! The ingest task: messages from the broker, through the bindings, to the live state.
//!
//! Every queue on the way is bounded, and blocks: when the live state is slow, the
//! messages wait here, then in the connection's queue, then at the broker, which is
//! told by TCP and by unacknowledged QoS 1 messages. A message is acknowledged once
//! its readings were handed over.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use metrics::counter;
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    bindings::{BoardCell, Engine, HasScene, minimal_filters},
    broker::{self, BrokerError, BrokerHandle},
    config::{BrokerChoice, Config, MqttConfig},
    mqtt::{self, Ack, AckSender, MqttClient, MqttError},
    reading::Reading,
    reload::{self, Reloader},
};

/// Messages taken in one go; so many acknowledgements travel together.
const MAX_BATCH: usize = 256;

/// How often the engine is told that time passes while nothing comes.
const TICK: Duration = Duration::from_millis(250);

/// A message as it came from the broker.
#[derive(Clone, Debug)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// The payload, not looked at yet.
    pub payload: Bytes,
    /// When it was received.
    pub received: Timestamp,
    /// Whether the broker had kept it from before we subscribed.
    pub retained: bool,
    /// What to send back once it is safe; absent for QoS 0.
    pub ack: Option<Ack>,
}

/// Why ingest cannot start.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The embedded broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The client.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
}

/// A running ingest: the connection, and the task behind it.
#[derive(Debug)]
pub struct Ingest {
    /// What is bound, and what is not.
    pub board: Arc<BoardCell>,
    /// Puts a changed set of bindings to work.
    pub reloader: Arc<Reloader>,
    /// The connection to the broker.
    pub mqtt: MqttClient,
    /// The broker itself, where it is embedded.
    pub broker: Option<BrokerHandle>,
    task: JoinHandle<()>,
}

impl Ingest {
    /// Connects to the configured broker, or starts the embedded one, and feeds the live
    /// state. A broker that is away is no error: the client keeps trying, and its status
    /// says so.
    ///
    /// # Errors
    /// Where the embedded broker cannot listen, or the MQTT client cannot be set up.
    pub async fn start(
        mqtt: &MqttConfig,
        config: &Config,
        scene: Arc<dyn HasScene>,
        live: mpsc::Sender<Vec<Reading>>,
    ) -> Result<Self, IngestError> {
        let mut mqtt = mqtt.clone();
        let broker = match mqtt.broker {
            BrokerChoice::Embedded(addr) => Some(broker::start(addr).await?),
            BrokerChoice::Remote { .. } => None,
        };
        if let Some(broker) = &broker {
            // The port may have been asked for as 0.
            mqtt.broker = BrokerChoice::Embedded(broker.addr());
        }
        let filters = reload::filters(config);
        let watched = mqtt.watch.clone();
        let engine = Engine::new(config.bindings.clone(), Arc::clone(&scene));
        let mut engine =
            engine.with_computed(config.computed.clone()).discovering(config.discoveries.clone());
        let board = Arc::new(BoardCell::new(Arc::clone(engine.board())));
        let (mqtt, messages, acks) = mqtt::start(&mqtt, filters)?;
        engine.publish_to(mqtt.publisher());
        let (swaps, swapped) = mpsc::channel(1);
        let follow = Follow { board: Arc::clone(&board), filters: mqtt.filters(), watch: watched };
        let task = tokio::spawn(run(engine, messages, live, acks, swapped, follow));
        let reloader = Reloader::new(config.clone(), scene, swaps);
        Ok(Self { board, reloader: Arc::new(reloader), mqtt, broker, task })
    }

    /// Says goodbye to the broker, and ends when what had arrived was handed over.
    pub async fn stop(self) {
        self.mqtt.stop().await;
        if self.task.await.is_err() {
            tracing::warn!("the ingest task did not end in order");
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }
}

/// An engine with another set of bindings, to go on with.
#[derive(Debug)]
pub struct Swap {
    /// It has seen no message yet.
    pub engine: Engine,
    /// Topic filters to follow besides its own.
    pub watch: Vec<String>,
    /// Told once it is at work.
    pub done: oneshot::Sender<()>,
}

/// What has to follow when the bindings change.
#[derive(Debug)]
pub struct Follow {
    /// Where others find the board.
    pub board: Arc<BoardCell>,
    /// What the client subscribes to.
    pub filters: watch::Sender<Vec<String>>,
    /// Topic filters besides those of the engine.
    pub watch: Vec<String>,
}

impl Follow {
    /// An engine is in place. Only now may messages of its topics come.
    fn take_up(&self, engine: &Engine) {
        self.board.set(Arc::clone(engine.board()));
        let all = engine.filters().into_iter().chain(self.watch.iter().cloned());
        let filters = minimal_filters(all);
        self.filters.send_if_modified(|now| {
            let differ = *now != filters;
            *now = filters;
            differ
        });
    }
}

/// Runs until the messages end (the MQTT client stopped) or the live state is gone.
pub async fn run(
    mut engine: Engine,
    mut messages: mpsc::Receiver<Message>,
    live: mpsc::Sender<Vec<Reading>>,
    acks: AckSender,
    mut swaps: mpsc::Receiver<Swap>,
    mut follow: Follow,
) {
    let mut board = engine.board().clone();
    let mut batch = Vec::with_capacity(MAX_BATCH);
    loop {
        tokio::select! {
            biased;
            Some(swap) = swaps.recv() => {
                engine = swap.engine.following(engine);
                board = engine.board().clone();
                follow.watch = swap.watch;
                follow.take_up(&engine);
                // Whoever asked may have gone; the set is in place all the same.
                let _ = swap.done.send(());
                continue;
            }
            taken = messages.recv_many(&mut batch, MAX_BATCH) => if taken == 0 { return },
            // Some readings come with time, and not with a message.
            () = tokio::time::sleep(TICK) => {}
        }
        let mut readings = Vec::with_capacity(batch.len() * 2);
        for message in &batch {
            engine.accept(message, &mut readings);
        }
        if engine.settle() {
            board = engine.board().clone();
            follow.take_up(&engine);
        }
        engine.tick(Timestamp::now(), &mut readings);
        counter!("twin_ingest_messages_total").increment(batch.len() as u64);
        counter!("twin_ingest_readings_total").increment(readings.len() as u64);
        for (sort, total) in board.troubles() {
            counter!("twin_ingest_troubles_total", "sort" => sort).absolute(total);
        }
        if !readings.is_empty() && live.send(readings).await.is_err() {
            return;
        }
        let safe: Vec<Ack> = batch.drain(..).filter_map(|message| message.ack).collect();
        if !safe.is_empty() {
            // Where the client is gone already, the rest is handed over all the same;
            // a broker that keeps our session will send it again.
            let _ = acks.send(safe).await;
        }
    }
}
