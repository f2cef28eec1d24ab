//! The embedded broker: for the demo, and for sites too small to run one of their own.
//! Why this crate and no other stands in `docs/broker.md`.

use std::{net::SocketAddr, time::Duration};

use mqtt5::broker::{
    BrokerConfig, BrokerShutdownHandle, MqttBroker,
    config::{StorageBackend, StorageConfig},
};
use thiserror::Error;
use tokio::{task::JoinHandle, time};

/// Clients at one time.
pub const MAX_CLIENTS: usize = 1_000;
/// Largest packet, bytes; a larger one ends the connection.
pub const MAX_PACKET_BYTES: usize = 256 * 1024;
/// Messages of each QoS on their way to one client. When full, QoS 0 is dropped, and
/// QoS 1 and 2 go to the client's queue.
const MAX_ON_THE_WAY: usize = 2_000;
/// That queue, also used while the client is away; when full, the oldest are dropped.
const MAX_QUEUED: usize = 10_000;
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// QoS 1 and 2 messages a client has not acknowledged.
const MAX_INFLIGHT: u16 = 1_024;
const MAX_SUBSCRIPTIONS_PER_CLIENT: usize = 1_000;
/// Retained messages, and the largest of them, bytes: at most 100 MB of memory.
const MAX_RETAINED: usize = 100_000;
const MAX_RETAINED_BYTES: usize = 1_024;
/// The longest a session is kept for a client that is away.
const SESSION_EXPIRY: Duration = Duration::from_secs(3_600);
/// How long clients get to leave.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Why the broker cannot run.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The address is taken, or not ours.
    #[error("embedded broker: listening on {addr}: {message}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system says.
        message: String,
    },
}

/// A running broker.
#[derive(Debug)]
pub struct BrokerHandle {
    addr: SocketAddr,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

/// The library's handle has no `Debug` of its own.
struct Shutdown(BrokerShutdownHandle);

impl std::fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shutdown")
    }
}

impl BrokerHandle {
    /// Where it listens: the port is known here also when it was asked for as 0.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Sends the clients away and ends.
    pub async fn stop(mut self) {
        self.shutdown.0.shutdown();
        if time::timeout(SHUTDOWN, &mut self.task).await.is_err() {
            tracing::warn!("embedded broker: clients did not leave in time");
            self.task.abort();
        }
    }
}

fn limits(addr: SocketAddr) -> BrokerConfig {
    let storage = StorageConfig::new()
        .with_backend(StorageBackend::Memory)
        .with_persistence(true)
        .with_max_queued_messages_per_client(MAX_QUEUED)
        .with_max_queued_bytes_per_client(MAX_QUEUED_BYTES);
    let mut config = BrokerConfig::new()
        .with_bind_address(addr)
        .with_max_clients(MAX_CLIENTS)
        .with_max_packet_size(MAX_PACKET_BYTES)
        .with_session_expiry(SESSION_EXPIRY)
        .with_max_subscriptions_per_client(MAX_SUBSCRIPTIONS_PER_CLIENT)
        .with_max_retained_messages(MAX_RETAINED)
        .with_max_retained_message_size(MAX_RETAINED_BYTES)
        .with_client_channel_capacity(MAX_ON_THE_WAY)
        .with_max_outbound_inflight(MAX_INFLIGHT)
        .with_server_receive_maximum(MAX_INFLIGHT)
        .with_sys_topics_enabled(false)
        .with_storage(storage);
    // Ends a connection whose client has vanished: MQTT allows 1.5 times this silence.
    config.server_keep_alive = Some(Duration::from_secs(60));
    config
}

/// Starts a broker. It speaks MQTT 3.1.1 and 5, takes anyone, keeps nothing on disk:
/// listen on loopback unless the network is trusted.
///
/// # Errors
/// Where the address cannot be listened on.
pub async fn start(addr: SocketAddr) -> Result<BrokerHandle, BrokerError> {
    let failed = |message: String| BrokerError::Listen { addr, message };
    let mut broker =
        MqttBroker::with_config(limits(addr)).await.map_err(|error| failed(error.to_string()))?;
    let addr = broker.local_addr().ok_or_else(|| failed("no listener".to_owned()))?;
    let mut ready = broker.ready_receiver();
    let shutdown = Shutdown(broker.shutdown_handle());
    let task = tokio::spawn(async move {
        if let Err(error) = broker.run().await {
            tracing::error!("embedded broker: {error}");
        }
    });
    if ready.wait_for(|ready| *ready).await.is_err() {
        return Err(failed("it ended while starting; see the log".to_owned()));
    }
    Ok(BrokerHandle { addr, shutdown, task })
}
