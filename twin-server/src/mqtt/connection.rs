//! One face for the client library's two versions of MQTT: what we need of a
//! connection, and nothing else.

use bytes::Bytes;
use jiff::Timestamp;
use rumqttc as v5;
use rumqttc_v4 as v4;

use super::{client::MqttError, options};
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
pub(super) enum Connection {
    V4 { client: v4::AsyncClient, events: Box<v4::EventLoop> },
    V5 { client: v5::AsyncClient, events: Box<v5::EventLoop> },
}

fn message(topic: &Bytes, payload: Bytes, retained: bool) -> Message {
    Message {
        topic: String::from_utf8_lossy(topic).into_owned(),
        payload,
        received: Timestamp::now(),
        retained,
        ack: None,
    }
}

/// The two libraries are twins: same names, different types.
macro_rules! event {
    ($lib:ident, $ack:path, $client:expr, $event:expr) => {
        match $event {
            $lib::Event::Incoming($lib::Packet::ConnAck(_)) => Event::Connected,
            $lib::Event::Incoming($lib::Packet::Publish(publish)) => {
                let ack = $client.prepare_ack(&publish).map($ack);
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

impl Connection {
    /// Prepares a connection; the first [`Connection::poll`] opens it.
    pub(super) fn new(config: &MqttConfig) -> Result<Self, MqttError> {
        let setup = |error: &dyn std::fmt::Display| MqttError::Setup(error.to_string());
        Ok(match config.protocol {
            Protocol::V4 => {
                let builder = v4::AsyncClient::builder(options::for_v4(config)?);
                let (client, mut events) = builder.try_build().map_err(|e| setup(&e))?;
                events.set_network_options(options::network());
                Self::V4 { client, events: Box::new(events) }
            }
            Protocol::V5 => {
                let builder = v5::AsyncClient::builder(options::for_v5(config)?);
                let (client, events) = builder.try_build().map_err(|e| setup(&e))?;
                Self::V5 { client, events: Box::new(events) }
            }
        })
    }

    /// The next event; reconnects after an error. Dropping the future loses nothing.
    pub(super) async fn poll(&mut self) -> Result<Event, String> {
        match self {
            Self::V4 { client, events } => {
                let event = events.poll().await.map_err(|error| error.to_string())?;
                Ok(event!(v4, AckPacket::V4, client, event))
            }
            Self::V5 { client, events } => {
                let event = events.poll().await.map_err(|error| error.to_string())?;
                if let v5::Event::Incoming(v5::Packet::Disconnect(bye)) = &event {
                    return Ok(Event::Goodbye(format!("the broker says {:?}", bye.reason_code)));
                }
                if let v5::Event::Incoming(v5::Packet::ConnAck(_)) = &event {
                    // From here on the library's own memory serves. With a store it would
                    // copy the session for every packet.
                    events.options.clear_session_store();
                }
                Ok(event!(v5, AckPacket::V5, client, event))
            }
        }
    }

    /// Asks for topics. Never waits, since the task that polls must not; false where there
    /// is no room until the next poll.
    pub(super) fn subscribe(&self, filters: &[String], qos: u8) -> Result<bool, String> {
        match self {
            Self::V4 { client, .. } => {
                let qos = if qos == 0 { v4::QoS::AtMostOnce } else { v4::QoS::AtLeastOnce };
                let filters = filters.iter().map(|f| v4::SubscribeFilter::new(f.clone(), qos));
                room!(v4, client.try_subscribe_many(filters))
            }
            Self::V5 { client, .. } => {
                let qos = if qos == 0 { v5::QoS::AtMostOnce } else { v5::QoS::AtLeastOnce };
                let filters = filters.iter().map(|f| v5::SubscribeFilter::new(f.clone(), qos));
                room!(v5, client.try_subscribe_many(filters))
            }
        }
    }

    /// Asks for no more of some topics; as [`Connection::subscribe`].
    pub(super) fn unsubscribe(&self, filters: &[String]) -> Result<bool, String> {
        let filters = filters.iter().map(String::as_str);
        match self {
            Self::V4 { client, .. } => room!(v4, client.try_unsubscribe_many(filters)),
            Self::V5 { client, .. } => room!(v5, client.try_unsubscribe_many(filters)),
        }
    }

    /// Queues an acknowledgement; false where there is no room until the next poll.
    pub(super) fn acknowledge(&self, packet: &AckPacket) -> bool {
        match (self, packet) {
            (Self::V4 { client, .. }, AckPacket::V4(ack)) => !matches!(
                client.try_manual_ack(ack.clone()),
                Err(v4::ClientError::RequestChannelFull(_))
            ),
            (Self::V5 { client, .. }, AckPacket::V5(ack)) => !matches!(
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
        match self {
            Self::V4 { client, .. } => {
                let qos = if qos == 0 { v4::QoS::AtMostOnce } else { v4::QoS::AtLeastOnce };
                let options = v4::PublishOptions::new(qos).retain(retain);
                let queued = client.try_publish(topic, payload, options);
                queued.map(drop).map_err(|error| error.to_string())
            }
            Self::V5 { client, .. } => {
                let qos = if qos == 0 { v5::QoS::AtMostOnce } else { v5::QoS::AtLeastOnce };
                let options = v5::PublishOptions::new(qos).retain(retain);
                let queued = client.try_publish(topic, payload, options);
                queued.map(drop).map_err(|error| error.to_string())
            }
        }
    }

    /// Asks for a graceful end; poll until it errs.
    pub(super) fn disconnect(&self) {
        match self {
            Self::V4 { client, .. } => drop(client.try_disconnect()),
            Self::V5 { client, .. } => drop(client.try_disconnect()),
        }
    }
}
