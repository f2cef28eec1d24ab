//! The MQTT client: keeps one connection to one broker up, in MQTT 3.1.1 or 5.

mod backoff;
mod client;
mod connection;
mod options;
mod publisher;
mod resume;
mod rhythm;
mod socket;
mod status;
mod subscriptions;
mod wire;

pub use client::{AckSender, MqttClient, MqttError, start};
pub use connection::Ack;
pub use publisher::{Publisher, Turn};
pub use status::{MqttState, MqttStatus};
