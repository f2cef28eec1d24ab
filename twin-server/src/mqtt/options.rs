//! From our configuration to the client library's options, for both MQTT versions.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use rumqttc::TlsConfiguration;
use rumqttc_v4 as v4;

use super::{
    client::MqttError,
    resume::EmptySession,
    socket::{Socket, Talk},
    wire::{self, Tcp},
};
use crate::config::{BrokerChoice, MqttConfig};

/// Requests (subscriptions, acknowledgements) waiting for the connection; what does not
/// fit waits in our own task.
const REQUEST_CAPACITY: usize = 1_024;
/// Most QoS 1 messages an MQTT 5 broker may have on the way to us.
const RECEIVE_MAXIMUM: u16 = 1_024;
/// Waiting for TCP, TLS and CONNACK.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Packets taken off the socket's buffer in one go; the library allows no more.
const READ_BATCH: usize = 128;

/// Host, port and whether to speak TLS; an embedded broker is reached over loopback.
fn endpoint(broker: &BrokerChoice) -> (String, u16, bool) {
    match broker {
        BrokerChoice::Remote { host, port, tls } => (host.clone(), *port, *tls),
        BrokerChoice::Embedded(addr) => {
            let host = match addr.ip() {
                ip if !ip.is_unspecified() => ip.to_string(),
                ip if ip.is_ipv4() => "127.0.0.1".to_owned(),
                _ => "::1".to_owned(),
            };
            (host, addr.port(), false)
        }
    }
}

fn tls(config: &MqttConfig) -> Result<TlsConfiguration, MqttError> {
    match &config.ca {
        Some(ca) => Ok(TlsConfiguration::Simple { ca: ca.clone(), alpn: None, client_auth: None }),
        None => TlsConfiguration::try_default_rustls().map_err(|e| MqttError::Tls(e.to_string())),
    }
}

fn client_id(config: &MqttConfig) -> String {
    let random = || format!("twin-server-{:08x}", fastrand::u32(..));
    config.client_id.clone().unwrap_or_else(random)
}

fn keep_alive(config: &MqttConfig) -> u16 {
    u16::try_from(config.keep_alive.as_secs()).unwrap_or(u16::MAX)
}

/// Options for MQTT 3.1.1.
pub(super) fn for_v4(config: &MqttConfig) -> Result<v4::MqttOptions, MqttError> {
    let (host, port, secure) = endpoint(&config.broker);
    let mut options = v4::MqttOptions::new(client_id(config), (host, port));
    if secure {
        options.set_transport(v4::Transport::tls_with_config(tls(config)?));
    }
    if let Some((user, password)) = &config.credentials {
        options.set_credentials(user, password.clone());
    }
    let incoming = usize::try_from(config.max_packet_bytes).unwrap_or(usize::MAX);
    options
        .set_keep_alive(keep_alive(config))
        .set_clean_session(config.client_id.is_none())
        .set_max_packet_size(incoming, incoming)
        .set_request_channel_capacity(REQUEST_CAPACITY)
        .set_read_batch_size(READ_BATCH)
        .set_ack_mode(v4::AckMode::Manual);
    Ok(options)
}

type Dialled = Pin<Box<dyn Future<Output = io::Result<Socket<Tcp>>> + Send>>;

/// How a receiving connection is made.
pub(super) fn dial(
    talk: Arc<Talk>,
) -> impl Fn(String, rumqttc::NetworkOptions) -> Dialled + Send + Sync + 'static {
    move |host, network| Box::pin(wire::dial(host, network, CONNECT_TIMEOUT, Arc::clone(&talk)))
}

/// Socket options; for MQTT 3.1.1 they belong to the event loop.
pub(super) fn network() -> rumqttc::NetworkOptions {
    let mut network = rumqttc::NetworkOptions::new();
    network.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
    // An acknowledgement is a few bytes that should not wait for company.
    network.set_tcp_nodelay(true);
    network
}

/// Options for MQTT 5.
pub(super) fn for_v5(config: &MqttConfig) -> Result<rumqttc::MqttOptions, MqttError> {
    let (host, port, secure) = endpoint(&config.broker);
    let mut options = rumqttc::MqttOptions::new(client_id(config), (host, port));
    if secure {
        options.set_transport(rumqttc::Transport::tls_with_config(tls(config)?));
    }
    if let Some((user, password)) = &config.credentials {
        options.set_credentials(user, password.clone());
    }
    options
        .set_keep_alive(keep_alive(config))
        .set_max_packet_size(Some(config.max_packet_bytes))
        .set_receive_maximum(Some(RECEIVE_MAXIMUM))
        .set_request_channel_capacity(REQUEST_CAPACITY)
        .set_read_batch_size(READ_BATCH)
        .set_ack_mode(rumqttc::AckMode::Manual)
        .set_connect_timeout(CONNECT_TIMEOUT);
    if config.client_id.is_some() {
        let expiry = u32::try_from(config.session_expiry.as_secs()).unwrap_or(u32::MAX);
        options
            .set_session_mode(rumqttc::SessionMode::Persistent)
            .set_session_expiry_interval(Some(expiry))
            .set_session_store(EmptySession { expiry_secs: expiry });
    }
    options.set_network_options(network());
    Ok(options)
}
