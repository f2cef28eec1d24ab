//! The task that owns the connection: subscribes after every connect, hands messages
//! on, sends acknowledgements back, and reconnects with growing pauses.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::{counter, gauge};
use thiserror::Error;
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    task::JoinHandle,
    time,
};
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoff,
    connection::{Ack, Connection, Event},
    status::{MqttState, MqttStatus, StatusCell},
    subscriptions::{Step, Subscriptions},
};
use crate::{bindings::Outgoing, config::MqttConfig, ingest::Message};

/// Batches of acknowledgements waiting for the connection.
const ACK_BATCHES: usize = 64;
/// Messages waiting to be published; they are few, and one that finds no room is dropped by
/// whoever sends it.
const PUBLISHES: usize = 256;
/// How long a graceful disconnect may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Takes acknowledgements back to the connection, in batches.
pub type AckSender = mpsc::Sender<Vec<Ack>>;

/// Why a client cannot be started. What goes wrong later is in [`MqttStatus`]: the
/// client goes on trying.
#[derive(Debug, Error)]
pub enum MqttError {
    /// No certificates to trust, or none that can be read.
    #[error("mqtt: preparing TLS: {0}")]
    Tls(String),
    /// Options that the client library refuses.
    #[error("mqtt: {0}")]
    Setup(String),
}

/// A running client.
#[derive(Debug)]
pub struct MqttClient {
    publishes: mpsc::Sender<Outgoing>,
    status: Arc<StatusCell>,
    filters: watch::Sender<Vec<String>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl MqttClient {
    /// How the connection stands now.
    pub fn status(&self) -> MqttStatus {
        self.status.get()
    }

    /// A function that tells the status, for those who do not own the client.
    pub fn status_reader(&self) -> impl Fn() -> MqttStatus + Send + Sync + Clone + 'static {
        let status = self.status.clone();
        move || status.get()
    }

    /// Takes messages to be published at QoS 0, while the connection stands.
    pub fn publisher(&self) -> mpsc::Sender<Outgoing> {
        self.publishes.clone()
    }

    /// Where to say which topic filters to follow from now on. The connection stays: new
    /// filters are subscribed first, then what is no longer wanted is unsubscribed, so that
    /// a topic under both never falls through.
    pub fn filters(&self) -> watch::Sender<Vec<String>> {
        self.filters.clone()
    }

    /// Says goodbye to the broker and ends; the message channel then closes.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.task.await.is_err() {
            tracing::warn!("the MQTT task did not end in order");
        }
    }
}

/// Starts a client for some topic filters. Messages come out of the receiver; what was
/// made safe goes back through the [`AckSender`].
///
/// # Errors
/// Where TLS or the options cannot be set up; never for a broker that is away.
pub fn start(
    config: &MqttConfig,
    filters: Vec<String>,
) -> Result<(MqttClient, mpsc::Receiver<Message>, AckSender), MqttError> {
    let connection = Connection::receiving(config)?;
    let (messages, receiver) = mpsc::channel(config.queue);
    let (ack_sender, acks) = mpsc::channel(ACK_BATCHES);
    let (publisher, publishes) = mpsc::channel(PUBLISHES);
    let status = Arc::new(StatusCell::new(config.broker.to_string()));
    let stop = CancellationToken::new();
    let (filter_sender, wanted) = watch::channel(filters);
    let session = Session {
        connection,
        subscriptions: Subscriptions::new(wanted),
        qos: config.qos,
        messages,
        acks,
        publishes,
        held: VecDeque::new(),
        step_due: true,
        generation: 0,
        status: status.clone(),
        backoff: Backoff::default(),
    };
    let task = tokio::spawn(session.run(stop.clone()));
    let client = MqttClient { publishes: publisher, status, filters: filter_sender, stop, task };
    Ok((client, receiver, ack_sender))
}

struct Session {
    connection: Connection,
    subscriptions: Subscriptions,
    qos: u8,
    messages: mpsc::Sender<Message>,
    acks: mpsc::Receiver<Vec<Ack>>,
    publishes: mpsc::Receiver<Outgoing>,
    /// Acknowledgements that found no room yet. Never more than the messages under way:
    /// while some wait here, no message is taken that would add another.
    held: VecDeque<Ack>,
    /// Whether a step towards the filters wanted may be due.
    step_due: bool,
    generation: u64,
    status: Arc<StatusCell>,
    backoff: Backoff,
}

/// What woke the task up.
enum Wake {
    Event(Result<Event, String>),
    Acks(Vec<Ack>),
    Publish(Outgoing),
    Filters,
    Stop,
}

impl Session {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            self.send_acks();
            self.follow();
            let wake = tokio::select! {
                () = stop.cancelled() => Wake::Stop,
                Some(acks) = self.acks.recv() => Wake::Acks(acks),
                Some(message) = self.publishes.recv() => Wake::Publish(message),
                true = self.subscriptions.changed() => Wake::Filters,
                event = self.connection.poll() => Wake::Event(event),
            };
            let go_on = match wake {
                Wake::Stop => false,
                Wake::Filters => {
                    self.step_due = true;
                    true
                }
                Wake::Acks(acks) => {
                    self.held.extend(acks);
                    true
                }
                Wake::Publish(Outgoing { topic, payload }) => {
                    if let Err(error) = self.connection.publish(&topic, payload, 0, false) {
                        tracing::debug!("mqtt: not published: {error}");
                    }
                    true
                }
                Wake::Event(Ok(event)) => self.handle_all(event, &stop).await,
                Wake::Event(Err(error)) => self.wait_to_reconnect(&error, &stop).await,
            };
            if !go_on {
                break;
            }
        }
        self.say_goodbye().await;
    }

    /// Deals with an event and those read together with it; false where the client has to
    /// end.
    async fn handle_all(&mut self, first: Event, stop: &CancellationToken) -> bool {
        let mut next = Some(first);
        while let Some(event) = next {
            if !self.handle(event, stop).await {
                return false;
            }
            next = self.connection.gathered();
        }
        true
    }

    /// Deals with one event; false where the client has to end.
    async fn handle(&mut self, event: Event, stop: &CancellationToken) -> bool {
        match event {
            Event::Connected => self.connected(),
            Event::Subscribed { refused } => self.subscribed(&refused),
            Event::Unsubscribed => self.unsubscribed(),
            Event::Goodbye(reason) => {
                tracing::warn!("mqtt: {reason}");
                self.status.update(|status| status.last_error = Some(reason));
            }
            Event::Message(mut message, packet) => {
                let connection = self.generation;
                message.ack = packet.map(|packet| Ack { packet, connection });
                self.status.update(|status| status.messages += 1);
                return match self.messages.try_send(message) {
                    Ok(()) => true,
                    Err(TrySendError::Full(message)) => self.hand_on(message, stop).await,
                    Err(TrySendError::Closed(_)) => false,
                };
            }
            Event::Other => {}
        }
        true
    }

    /// Hands a message on, waiting since the queue is full. Not polling meanwhile is the
    /// policy: TCP then tells the broker to wait. Acknowledgements are still taken in,
    /// since whoever empties the queue may be waiting to give us one.
    async fn hand_on(&mut self, message: Message, stop: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                room = self.messages.reserve() => {
                    let Ok(room) = room else { return false };
                    room.send(message);
                    return true;
                }
                Some(acks) = self.acks.recv() => self.held.extend(acks),
            }
        }
    }

    fn connected(&mut self) {
        self.generation += 1;
        self.held.clear();
        self.backoff.connected(Instant::now());
        self.status.enter(MqttState::Subscribing);
        self.status.update(|status| {
            status.connects += 1;
            status.refused_filters.clear();
        });
        counter!("twin_mqtt_connects_total").increment(1);
        gauge!("twin_mqtt_connected").set(1.0);
        tracing::info!(broker = %self.status.get().broker, "mqtt: connected");
        // After every connect, also into a session that the broker kept: it costs one
        // packet, and the filters may have changed with the configuration.
        self.subscriptions.connected();
        self.step_due = true;
        if self.subscriptions.settled() {
            self.status.enter(MqttState::Ready);
        }
    }

    /// Takes the next step towards the filters that are wanted, where one is due.
    fn follow(&mut self) {
        // Asked for every wake-up: to look through all filters would cost more than a message.
        let connected = || {
            let state = self.status.get().state;
            matches!(state, MqttState::Subscribing | MqttState::Ready)
        };
        if !self.step_due || !connected() {
            return;
        }
        let Some(step) = self.subscriptions.next() else {
            self.step_due = false;
            return;
        };
        let sent = match &step {
            Step::Subscribe(filters) => self.connection.subscribe(filters, self.qos),
            Step::Unsubscribe(filters) => self.connection.unsubscribe(filters),
        };
        match sent {
            Ok(true) => self.subscriptions.sent(step),
            // No room in the library's queue: after the next event there is.
            Ok(false) => {}
            Err(error) => {
                tracing::error!("mqtt: changing the subscriptions: {error}");
                self.status.update(|status| status.last_error = Some(error));
                self.subscriptions.sent(step);
                self.subscriptions.answered();
            }
        }
    }

    fn unsubscribed(&mut self) {
        self.subscriptions.answered();
        self.step_due = true;
        if self.subscriptions.settled() {
            self.status.enter(MqttState::Ready);
        }
    }

    fn subscribed(&mut self, refused: &[usize]) {
        let (refused, wanted) = self.subscriptions.subscribed(refused);
        self.step_due = true;
        for filter in &refused {
            tracing::error!("mqtt: the broker refuses the subscription to {filter}");
        }
        self.status.update(|status| {
            status.refused_filters.retain(|filter| wanted.contains(filter));
            status.refused_filters.extend(refused);
        });
        self.status.enter(MqttState::Ready);
    }

    /// Notes the failure and waits; false where the client was stopped meanwhile.
    async fn wait_to_reconnect(&mut self, error: &str, stop: &CancellationToken) -> bool {
        let pause = self.backoff.next(Instant::now());
        self.held.clear();
        self.generation += 1;
        gauge!("twin_mqtt_connected").set(0.0);
        counter!("twin_mqtt_connection_errors_total").increment(1);
        tracing::warn!("mqtt: {error}; next try in {:.1} s", pause.as_secs_f64());
        self.status.enter(MqttState::Connecting);
        self.status.update(|status| status.last_error = Some(error.to_owned()));
        tokio::select! {
            () = stop.cancelled() => false,
            () = time::sleep(pause) => true,
        }
    }

    /// Takes no more messages, and acknowledges those taken as they become safe: what the
    /// broker would send again may look new where a payload has no time of its own.
    async fn last_acks(&mut self) {
        self.messages = mpsc::channel(1).0;
        loop {
            self.send_acks();
            tokio::select! {
                acks = self.acks.recv() => match acks {
                    Some(acks) => self.held.extend(acks),
                    None => return,
                },
                event = self.connection.poll() => {
                    if event.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Passes acknowledgements on until the library's queue is full.
    fn send_acks(&mut self) {
        while let Ok(acks) = self.acks.try_recv() {
            self.held.extend(acks);
        }
        while let Some(ack) = self.held.front() {
            if ack.connection == self.generation && !self.connection.acknowledge(&ack.packet) {
                return;
            }
            self.held.pop_front();
        }
    }

    async fn say_goodbye(mut self) {
        if time::timeout(GOODBYE, self.last_acks()).await.is_err() {
            tracing::debug!("mqtt: stopping before everything was safe; it will come again");
        }
        self.status.enter(MqttState::Stopped);
        gauge!("twin_mqtt_connected").set(0.0);
        self.connection.disconnect();
        let goodbye = async { while self.connection.poll().await.is_ok() {} };
        if time::timeout(GOODBYE, goodbye).await.is_err() {
            tracing::debug!("mqtt: the broker did not take our goodbye");
        }
    }
}
