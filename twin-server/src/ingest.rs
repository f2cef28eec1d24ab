//! The ingest task: messages from the broker, through the bindings, to the live state.
//!
//! Every queue on the way is bounded, and blocks: when the live state is slow, the
//! messages wait here, then in the connection's queue, then at the broker, which is
//! told by TCP and by unacknowledged QoS 1 messages. Readings travel with a [`Receipt`]:
//! whoever makes them safe gives it back, and only then are their messages acknowledged.

mod share;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use metrics::counter;
use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    bindings::{BoardCell, Engine, HasScene, minimal_filters},
    broker::{self, BrokerError, BrokerHandle},
    config::{BrokerChoice, Config, MqttConfig},
    mqtt::{self, Ack, AckSender, MqttClient, MqttError, MqttState, MqttStatus},
    reading::Reading,
    reload::{self, Reloader},
};

use share::Share;
pub use share::Sharing;
pub(crate) use share::engine as sharing_engine;

/// Messages taken in one go; so many acknowledgements travel together.
const MAX_BATCH: usize = 256;
/// Batches whose messages are not acknowledged yet. With all of them under way ingest
/// waits: enough to keep a store busy that takes long over each commit, and a bound for
/// what waits in memory.
pub const MAX_UNSAFE_BATCHES: usize = 64;

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

impl Message {
    /// A message that was published just now and waits for no acknowledgement.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>, received: Timestamp) -> Self {
        let (topic, payload) = (topic.into(), payload.into());
        Self { topic, payload, received, retained: false, ack: None }
    }
}

/// Readings of some messages, and what acknowledges those.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order in which the messages came.
    pub readings: Vec<Reading>,
    /// To be given once the readings are safe.
    pub receipts: Vec<Receipt>,
}

impl Batch {
    /// Several as one, in their order.
    pub fn join(batches: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for batch in batches {
            all.readings.extend(batch.readings);
            all.receipts.extend(batch.receipts);
        }
        all
    }

    /// The readings are safe.
    pub async fn give_receipts(self) {
        for receipt in self.receipts {
            receipt.give().await;
        }
    }
}

/// Acknowledges messages when it is given. Dropped instead, it leaves them to the broker,
/// which sends them again.
#[derive(Debug, Default)]
pub struct Receipt {
    acks: Vec<Ack>,
    /// Absent where there is nobody to tell.
    to: Option<AckSender>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Receipt {
    /// Sends the acknowledgements, and makes room for another batch.
    pub async fn give(self) {
        if let Some(to) = self.to.filter(|_| !self.acks.is_empty()) {
            // Where the client is gone already, a broker that keeps our session will send
            // the messages again.
            let _ = to.send(self.acks).await;
        }
    }
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
    /// What this server keeps of what a group of servers keeps.
    share: Option<Share>,
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
        live: mpsc::Sender<Batch>,
    ) -> Result<Self, IngestError> {
        Self::start_in_group(mqtt, config, scene, live, None, Arc::new(Vec::new)).await
    }

    /// As [`Ingest::start`], of a server that may keep a share: live readings are then for
    /// showing alone, and what is to be kept goes its own way. `known` tells what points hold.
    ///
    /// # Errors
    /// As [`Ingest::start`].
    pub async fn start_in_group(
        mqtt: &MqttConfig,
        config: &Config,
        scene: Arc<dyn HasScene>,
        live: mpsc::Sender<Batch>,
        sharing: Option<Sharing>,
        known: Known,
    ) -> Result<Self, IngestError> {
        let mut mqtt = mqtt.clone();
        let share = match (&sharing, &mqtt.share_group) {
            (Some(sharing), Some(group)) => {
                let (scene, keep) = (Arc::clone(&scene), sharing.keep.clone());
                let share = Share::start(&mqtt, group, config, scene, keep)?;
                // The name is the share's, which the broker has to know again.
                mqtt.client_id = None;
                Some(share)
            }
            _ => None,
        };
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
        let follow = Follow {
            board: Arc::clone(&board),
            filters: mqtt.filters(),
            watch: watched,
            group: None,
            known: Arc::clone(&known),
        };
        engine.remember(&*known);
        let task = tokio::spawn(run(engine, messages, live, acks, swapped, follow, sharing));
        let shared = share.as_ref().map(|share| share.swaps.clone());
        let reloader = Reloader::new(config.clone(), scene, swaps).with_share(shared);
        Ok(Self { board, reloader: Arc::new(reloader), mqtt, broker, task, share })
    }

    /// A function that tells how the connection stands, or the other one where that is the
    /// one in trouble.
    pub fn status_reader(&self) -> impl Fn() -> MqttStatus + Send + Sync + Clone + 'static {
        let shown = self.mqtt.status_reader();
        let kept = self.share.as_ref().map(|share| share.mqtt.status_reader());
        move || {
            let mut status = shown();
            let Some(kept) = kept.as_ref().map(|kept| kept()) else { return status };
            if status.state == MqttState::Ready && kept.state != MqttState::Ready {
                return kept;
            }
            status.refused_filters.extend(kept.refused_filters);
            status
        }
    }

    /// Says goodbye to the broker, and ends when what had arrived was handed over.
    pub async fn stop(self) {
        let Self { mqtt, share, task, broker, .. } = self;
        let share = async {
            if let Some(share) = share {
                share.stop().await;
            }
        };
        tokio::join!(mqtt.stop(), share);
        if task.await.is_err() {
            tracing::warn!("the ingest task did not end in order");
        }
        if let Some(broker) = broker {
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

/// Tells the last sample of every point.
pub type Known = Arc<dyn Fn() -> Vec<Reading> + Send + Sync>;

/// What has to follow when the bindings change.
pub struct Follow {
    /// Where others find the board.
    pub board: Arc<BoardCell>,
    /// What the client subscribes to.
    pub filters: watch::Sender<Vec<String>>,
    /// Topic filters besides those of the engine.
    pub watch: Vec<String>,
    /// The group of servers that shares the subscriptions.
    pub group: Option<String>,
    /// What computed points go on from.
    pub known: Known,
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { filters, watch, group, .. } = self;
        f.debug_struct("Follow")
            .field("filters", filters)
            .field("watch", watch)
            .field("group", group)
            .finish_non_exhaustive()
    }
}

impl Follow {
    /// An engine is in place. Only now may messages of its topics come.
    fn take_up(&self, engine: &Engine) {
        self.board.set(Arc::clone(engine.board()));
        let filters = match &self.group {
            Some(group) => share::filters(group, engine),
            None => minimal_filters(engine.filters().into_iter().chain(self.watch.iter().cloned())),
        };
        self.filters.send_if_modified(|now| {
            let differ = *now != filters;
            *now = filters;
            differ
        });
    }
}

/// Runs until the messages end (the MQTT client stopped) or the live state is gone. Of a
/// server that shares the keeping, this keeps what needs every message, where it leads.
pub async fn run(
    mut engine: Engine,
    mut messages: mpsc::Receiver<Message>,
    live: mpsc::Sender<Batch>,
    acks: AckSender,
    mut swaps: mpsc::Receiver<Swap>,
    mut follow: Follow,
    sharing: Option<Sharing>,
) {
    let mut board = engine.board().clone();
    let room = Arc::new(Semaphore::new(MAX_UNSAFE_BATCHES));
    let mut batch = Vec::with_capacity(MAX_BATCH);
    loop {
        tokio::select! {
            biased;
            Some(swap) = swaps.recv() => {
                engine = swap.engine.following(engine);
                engine.remember(&*follow.known);
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
        let mut whole = Vec::new();
        for message in &batch {
            match engine.needs_every_message(&message.topic) {
                true => engine.accept(message, &mut whole),
                false => engine.accept(message, &mut readings),
            }
        }
        if engine.settle() {
            board = engine.board().clone();
            follow.take_up(&engine);
        }
        engine.tick(Timestamp::now(), &mut whole);
        if let Some(sharing) = sharing.as_ref().filter(|_| !whole.is_empty())
            && (sharing.leads)()
        {
            // The keeper ends after us; where it failed before, nothing is kept any more.
            let _ =
                sharing.keep.send(Batch { readings: whole.clone(), receipts: Vec::new() }).await;
        }
        readings.append(&mut whole);
        counter!("twin_ingest_messages_total").increment(batch.len() as u64);
        counter!("twin_ingest_readings_total").increment(readings.len() as u64);
        for (sort, total) in board.troubles() {
            counter!("twin_ingest_troubles_total", "sort" => sort).absolute(total);
        }
        if batch.is_empty() && readings.is_empty() {
            continue;
        }
        let Ok(room) = Arc::clone(&room).acquire_owned().await else { return };
        let receipt = Receipt {
            acks: batch.drain(..).filter_map(|message| message.ack).collect(),
            to: Some(acks.clone()),
            _room: Some(room),
        };
        // Messages without readings go the same way: they are answered in their order.
        if live.send(Batch { readings, receipts: vec![receipt] }).await.is_err() {
            return;
        }
    }
}
