//! One face for the client library's two versions of MQTT: what we need of a
//! connection, and nothing else.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rumqttc as v5;
use rumqttc_v4 as v4;

use super::{client::MqttError, options, socket::Talk};
use crate::{
    config::{MqttConfig, Protocol},
    ingest::Message,
};

/// An acknowledgement, to be sent once its message is safe.
#[derive(Clone, Debug)]
pub struct Ack {
    pub(super) packet: AckPacket,
    /// The connection it belongs to: packet ids mean nothing in another one.
    pub(super) connection: u64,
}

#[derive(Clone, Debug)]
pub(super) enum AckPacket {
    V4(v4::ManualAck),
    V5(v5::ManualAck),
}

/// What happened on a connection.
#[derive(Debug)]
pub(super) enum Event {
    Connected,
    /// A message, with its acknowledgement apart.
    Message(Message, Option<AckPacket>),
    /// Which filters the broker has refused, by position.
    Subscribed {
        refused: Vec<usize>,
    },
    Unsubscribed,
    /// The broker says goodbye, and why.
    Goodbye(String),
    Other,
}

/// A client and its event loop.
pub(super) struct Connection {
    version: Version,
    /// With the socket, where that is one of ours.
    talk: Arc<Talk>,
}

enum Version {
    V4 { client: v4::AsyncClient, events: Box<v4::EventLoop> },
    V5 { client: v5::AsyncClient, events: Box<v5::EventLoop> },
}

fn message(topic: &Bytes, payload: Bytes, retained: bool) -> Message {
    let topic = String::from_utf8_lossy(topic);
    Message { retained, ..Message::new(topic, payload, Timestamp::now()) }
}

/// The two libraries are twins: same names, different types.
macro_rules! event {
    ($lib:ident, $ack:path, $client:expr, $talk:expr, $event:expr) => {
        match $event {
            $lib::Event::Incoming($lib::Packet::ConnAck(_)) => Event::Connected,
            $lib::Event::Incoming($lib::Packet::Publish(publish)) => {
                let ack = $client.prepare_ack(&publish).map($ack);
                $talk.message(ack.is_some());
                Event::Message(message(&publish.topic, publish.payload, publish.retain), ack)
            }
            $lib::Event::Incoming($lib::Packet::SubAck(ack)) => {
                let good = |code: &_| matches!(code, $lib::SubscribeReasonCode::Success(_));
                let codes = ack.return_codes.iter().enumerate();
                let refused = codes.filter(|(_, code)| !good(code)).map(|(n, _)| n).collect();
                Event::Subscribed { refused }
            }
            $lib::Event::Incoming($lib::Packet::UnsubAck(_)) => Event::Unsubscribed,
            _ => Event::Other,
        }
    };
}

/// Whether a request found room; an error where the library refuses it.
macro_rules! room {
    ($lib:ident, $sent:expr) => {
        match $sent {
            Ok(()) => Ok(true),
            Err($lib::ClientError::RequestChannelFull(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    };
}

fn setup(error: impl std::fmt::Display) -> MqttError {
    MqttError::Setup(error.to_string())
}

fn v4_client(options: v4::MqttOptions) -> Result<Version, MqttError> {
    let (client, mut events) = v4::AsyncClient::builder(options).try_build().map_err(setup)?;
    events.set_network_options(options::network());
    Ok(Version::V4 { client, events: Box::new(events) })
}

fn v5_client(options: v5::MqttOptions) -> Result<Version, MqttError> {
    let (client, events) = v5::AsyncClient::builder(options).try_build().map_err(setup)?;
    Ok(Version::V5 { client, events: Box::new(events) })
}

fn v4_event(client: &v4::AsyncClient, talk: &Talk, event: v4::Event) -> Event {
    event!(v4, AckPacket::V4, client, talk, event)
}

fn v5_event(
    client: &v5::AsyncClient,
    talk: &Talk,
    options: &mut v5::MqttOptions,
    event: v5::Event,
) -> Event {
    if let v5::Event::Incoming(v5::Packet::Disconnect(bye)) = &event {
        return Event::Goodbye(format!("the broker says {:?}", bye.reason_code));
    }
    if let v5::Event::Incoming(v5::Packet::ConnAck(_)) = &event {
        // From here on the library's own memory serves. With a store it would copy the
        // session for every packet.
        options.clear_session_store();
    }
    event!(v5, AckPacket::V5, client, talk, event)
}

impl Connection {
    /// Prepares a connection that publishes; the first [`Connection::poll`] opens it.
    pub(super) fn new(config: &MqttConfig) -> Result<Self, MqttError> {
        let talk = Arc::default();
        let version = match config.protocol {
            Protocol::V4 => v4_client(options::for_v4(config)?)?,
            Protocol::V5 => v5_client(options::for_v5(config)?)?,
        };
        Ok(Self { version, talk })
    }

    /// As [`Connection::new`], of one that receives: messages that come quickly gather in
    /// its [`Socket`](super::socket::Socket).
    pub(super) fn receiving(config: &MqttConfig) -> Result<Self, MqttError> {
        let talk = Arc::new(Talk::default());
        let dial = options::dial(Arc::clone(&talk));
        let version = match config.protocol {
            Protocol::V4 => {
                let mut options = options::for_v4(config)?;
                options.set_socket_connector(dial);
                v4_client(options)?
            }
            Protocol::V5 => {
                let mut options = options::for_v5(config)?;
                options.set_socket_connector(dial);
                v5_client(options)?
            }
        };
        Ok(Self { version, talk })
    }

    /// The next event; reconnects after an error. Dropping the future loses nothing.
    pub(super) async fn poll(&mut self) -> Result<Event, String> {
        match &mut self.version {
            Version::V4 { client, events } => {
                let event = events.poll().await.map_err(|error| error.to_string())?;
                Ok(v4_event(client, &self.talk, event))
            }
            Version::V5 { client, events } => {
                let event = events.poll().await.map_err(|error| error.to_string())?;
                Ok(v5_event(client, &self.talk, &mut events.options, event))
            }
        }
    }

    /// The next event of those that were read together with the last one.
    pub(super) fn gathered(&mut self) -> Option<Event> {
        match &mut self.version {
            Version::V4 { client, events } => {
                let event = events.state.events.pop_front()?;
                Some(v4_event(client, &self.talk, event))
            }
            Version::V5 { client, events } => {
                let event = events.state.events.pop_front()?;
                Some(v5_event(client, &self.talk, &mut events.options, event))
            }
        }
    }

    /// Asks for topics. Never waits, since the task that polls must not; false where there
    /// is no room until the next poll.
    pub(super) fn subscribe(&self, filters: &[String], qos: u8) -> Result<bool, String> {
        match &self.version {
            Version::V4 { client, .. } => {
                let qos = if qos == 0 { v4::QoS::AtMostOnce } else { v4::QoS::AtLeastOnce };
                let filters = filters.iter().map(|f| v4::SubscribeFilter::new(f.clone(), qos));
                room!(v4, client.try_subscribe_many(filters))
            }
            Version::V5 { client, .. } => {
                let qos = if qos == 0 { v5::QoS::AtMostOnce } else { v5::QoS::AtLeastOnce };
                let filters = filters.iter().map(|f| v5::SubscribeFilter::new(f.clone(), qos));
                room!(v5, client.try_subscribe_many(filters))
            }
        }
    }

    /// Asks for no more of some topics; as [`Connection::subscribe`].
    pub(super) fn unsubscribe(&self, filters: &[String]) -> Result<bool, String> {
        let filters = filters.iter().map(String::as_str);
        match &self.version {
            Version::V4 { client, .. } => room!(v4, client.try_unsubscribe_many(filters)),
            Version::V5 { client, .. } => room!(v5, client.try_unsubscribe_many(filters)),
        }
    }

    /// Queues an acknowledgement; false where there is no room until the next poll.
    pub(super) fn acknowledge(&self, packet: &AckPacket) -> bool {
        match (&self.version, packet) {
            (Version::V4 { client, .. }, AckPacket::V4(ack)) => !matches!(
                client.try_manual_ack(ack.clone()),
                Err(v4::ClientError::RequestChannelFull(_))
            ),
            (Version::V5 { client, .. }, AckPacket::V5(ack)) => !matches!(
                client.try_manual_ack(ack.clone()),
                Err(v5::ClientError::RequestChannelFull(_))
            ),
            // An acknowledgement of another version belongs to no connection of ours.
            _ => true,
        }
    }

    /// Queues a message. Never waits: without room until the next poll it is an error.
    pub(super) fn publish(
        &self,
        topic: &str,
        payload: Vec<u8>,
        qos: u8,
        retain: bool,
    ) -> Result<(), String> {
        match &self.version {
            Version::V4 { client, .. } => {
                let qos = if qos == 0 { v4::QoS::AtMostOnce } else { v4::QoS::AtLeastOnce };
                let options = v4::PublishOptions::new(qos).retain(retain);
                let queued = client.try_publish(topic, payload, options);
                queued.map(drop).map_err(|error| error.to_string())
            }
            Version::V5 { client, .. } => {
                let qos = if qos == 0 { v5::QoS::AtMostOnce } else { v5::QoS::AtLeastOnce };
                let options = v5::PublishOptions::new(qos).retain(retain);
                let queued = client.try_publish(topic, payload, options);
                queued.map(drop).map_err(|error| error.to_string())
            }
        }
    }

    /// Asks for a graceful end; poll until it errs.
    pub(super) fn disconnect(&self) {
        self.talk.ends();
        match &self.version {
            Version::V4 { client, .. } => drop(client.try_disconnect()),
            Version::V5 { client, .. } => drop(client.try_disconnect()),
        }
    }
}
