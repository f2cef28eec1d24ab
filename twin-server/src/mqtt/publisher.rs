//! A connection that only publishes, apart from the one that receives: what is slow there
//! must not hold up what comes in.

use std::time::Instant;

use super::{MqttError, backoff::Backoff, connection::Connection, connection::Event};
use crate::config::MqttConfig;

/// A publishing client. Nothing happens on its connection but in [`Publisher::turn`].
pub struct Publisher {
    connection: Connection,
    connected: bool,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("connected", &self.connected).finish_non_exhaustive()
    }
}

/// What happened while the connection was looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Time is over.
    Over,
    /// The connection was made: what was on its way before may be lost.
    Connected,
}

impl Publisher {
    /// Prepares a connection to the configured broker under a name of its own.
    ///
    /// # Errors
    /// Where TLS or the options cannot be set up.
    pub fn new(config: &MqttConfig) -> Result<Self, MqttError> {
        // Under the name of the receiving client the broker would throw that one out.
        let config = MqttConfig { client_id: None, ..config.clone() };
        let connection = Connection::new(&config)?;
        Ok(Self { connection, connected: false, backoff: Backoff::default(), retry_at: None })
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Queues a message; false where there is no room until the next turn.
    pub fn publish(&self, topic: &str, payload: Vec<u8>, qos: u8, retain: bool) -> bool {
        self.connection.publish(topic, payload, qos, retain).is_ok()
    }

    /// Looks after the connection until a time. Dropping it loses nothing.
    pub async fn turn(&mut self, until: Instant) -> Turn {
        loop {
            if let Some(at) = self.retry_at {
                tokio::time::sleep_until(at.min(until).into()).await;
                if until < at {
                    return Turn::Over;
                }
                self.retry_at = None;
            }
            match tokio::time::timeout_at(until.into(), self.connection.poll()).await {
                Err(_) => return Turn::Over,
                Ok(Ok(Event::Connected)) => {
                    self.connected = true;
                    self.backoff.connected(Instant::now());
                    return Turn::Connected;
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    self.connected = false;
                    let pause = self.backoff.next(Instant::now());
                    tracing::warn!("mqtt, publishing: {error}; next try in {pause:.1?}");
                    self.retry_at = Some(Instant::now() + pause);
                }
            }
        }
    }

    /// Says goodbye.
    pub async fn stop(mut self, until: Instant) {
        self.connection.disconnect();
        let goodbye = async { while self.connection.poll().await.is_ok() {} };
        if tokio::time::timeout_at(until.into(), goodbye).await.is_err() {
            tracing::debug!("mqtt: the broker did not take the publisher's goodbye");
        }
    }
}
