//! How the connection stands, for `/healthz`, `/readyz` and the operator's eyes.

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

/// The connection to the broker at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MqttStatus {
    /// Where it stands.
    pub state: MqttState,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The broker, without credentials.
    pub broker: String,
    /// Connections made since the start.
    pub connects: u64,
    /// Messages received since the start.
    pub messages: u64,
    /// Topic filters the broker has refused.
    pub refused_filters: Vec<String>,
    /// Why the last connection or attempt ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MqttState {
    /// Trying to reach the broker.
    Connecting,
    /// Connected, subscriptions asked for and not yet confirmed.
    Subscribing,
    /// Connected and subscribed.
    Ready,
    /// Stopped on purpose.
    Stopped,
}

/// The status cell the client writes and others read.
#[derive(Debug)]
pub(super) struct StatusCell(Mutex<MqttStatus>);

impl StatusCell {
    pub(super) fn new(broker: String) -> Self {
        Self(Mutex::new(MqttStatus {
            state: MqttState::Connecting,
            since: Timestamp::now(),
            broker,
            connects: 0,
            messages: 0,
            refused_filters: Vec::new(),
            last_error: None,
        }))
    }

    pub(super) fn get(&self) -> MqttStatus {
        self.0.lock().clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut MqttStatus)) {
        change(&mut self.0.lock());
    }

    pub(super) fn enter(&self, state: MqttState) {
        self.update(|status| {
            if status.state != state {
                status.state = state;
                status.since = Timestamp::now();
            }
        });
    }
}
