//! One viewer: a WebSocket that counts what it is sent.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
};

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use serde::Serialize;
use twin_protocol::{ClientMessage, Interest, Subscribe};

use super::{
    json, mqtt, now_us,
    postcard::{self, Frame, Value},
    site,
    tally::{Latency, Tally},
    websocket::{self, op},
};

/// What a viewer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "protocol", rename_all = "snake_case")]
pub enum Form {
    /// Raw MQTT in WebSocket frames, everything, QoS 0.
    Mqtt,
    /// `twin.v1.postcard`.
    Postcard {
        /// Updates a second.
        max_hz: f32,
        /// Every sample.
        lossless: bool,
    },
    /// `twin.v1.json`.
    Json {
        /// Updates a second.
        max_hz: f32,
        /// Every sample.
        lossless: bool,
    },
}

impl Form {
    fn sub_protocol(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Postcard { .. } => twin_protocol::POSTCARD,
            Self::Json { .. } => twin_protocol::JSON,
        }
    }

    /// Whether every sample must arrive.
    pub fn lossless(self) -> bool {
        match self {
            Self::Mqtt => true,
            Self::Postcard { lossless, .. } | Self::Json { lossless, .. } => lossless,
        }
    }

    fn greeting(self, name: &str) -> Vec<u8> {
        match self {
            Self::Mqtt => {
                let mut packets = Vec::new();
                mqtt::connect(&mut packets, name);
                mqtt::subscribe(&mut packets, "#");
                websocket::frame(op::BINARY, &packets)
            }
            Self::Postcard { max_hz, lossless } => {
                let subscribe =
                    Subscribe { interest: Interest::All, max_hz, lossless, resume: None };
                websocket::frame(op::BINARY, &ClientMessage::Subscribe(subscribe).encode())
            }
            Self::Json { max_hz, lossless } => {
                let text = format!(
                    r#"{{"type":"subscribe","entities":"*","max_hz":{max_hz},"lossless":{lossless}}}"#
                );
                websocket::frame(op::TEXT, text.as_bytes())
            }
        }
    }
}

/// Where viewers connect.
#[derive(Clone, Debug)]
pub struct Door {
    /// Address.
    pub address: SocketAddr,
    /// Path of the WebSocket.
    pub path: &'static str,
}

/// Counters of one viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read from the socket.
    pub bytes: u64,
    /// Reads that brought some.
    pub reads: u64,
    /// WebSocket frames.
    pub frames: u64,
    /// Snapshots after the first.
    pub snapshots: u64,
}

/// A viewer that is connected and subscribed.
#[derive(Debug)]
pub struct Viewer {
    pub(super) stream: TcpStream,
    state: State,
}

/// Everything but the socket.
#[derive(Debug)]
struct State {
    form: Form,
    reader: postcard::Reader,
    /// Start of a WebSocket frame that has not arrived in full.
    rest: Vec<u8>,
    /// Start of an MQTT packet that goes on in the next frame.
    packet: Vec<u8>,
    subscribed: bool,
    ended: Option<String>,
    pongs: Vec<u8>,
    traffic: Traffic,
    tally: Tally,
}

impl Viewer {
    /// Connects, subscribes, and waits until the server says that the subscription stands.
    pub fn connect(door: &Door, form: Form, name: &str, points: u32) -> Result<Self> {
        let (mut stream, rest) = websocket::connect(door.address, door.path, form.sub_protocol())?;
        let mut state = State {
            form,
            reader: postcard::Reader::default(),
            rest,
            packet: Vec::new(),
            subscribed: false,
            ended: None,
            pongs: Vec::new(),
            traffic: Traffic::default(),
            tally: Tally::new(points as usize),
        };
        stream.write_all(&form.greeting(name))?;
        let mut latency = Latency::new()?;
        let mut part = vec![0; 64 * 1024];
        while !state.subscribed {
            let start = state.carry_over(&mut part);
            let count = stream.read(&mut part[start..]).context("waiting for the subscription")?;
            state.take(&part[..start + count], &mut latency);
            if count == 0 || state.ended.is_some() {
                bail!("{} refused {form:?}: {:?}", door.address, state.ended);
            }
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), state })
    }

    /// Reads what there is.
    pub(super) fn read(&mut self, scratch: &mut Vec<u8>, latency: &mut Latency) {
        while self.state.ended.is_none() {
            let start = self.state.carry_over(scratch);
            match self.stream.read(&mut scratch[start..]) {
                Ok(0) => self.state.ended = Some("the server closed the connection".to_owned()),
                Ok(count) => {
                    self.state.traffic.bytes += count as u64;
                    self.state.traffic.reads += 1;
                    self.state.take(&scratch[..start + count], latency);
                    // Less than there was room for: the socket is empty.
                    if start + count < scratch.len() {
                        break;
                    }
                }
                Err(error) => {
                    self.state.rest = scratch[..start].to_vec();
                    match error.kind() {
                        ErrorKind::WouldBlock => break,
                        ErrorKind::Interrupted => {}
                        _ => self.state.ended = Some(error.to_string()),
                    }
                }
            }
        }
        if !self.state.pongs.is_empty() {
            let pongs = std::mem::take(&mut self.state.pongs);
            if let Err(error) = self.stream.write_all(&pongs) {
                self.state.ended = Some(error.to_string());
            }
        }
    }

    /// What it read.
    pub fn traffic(&self) -> Traffic {
        self.state.traffic
    }

    /// What arrived.
    pub fn tally(&self) -> &Tally {
        &self.state.tally
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().map_or(0, |address| address.port())
    }

    /// Why it is no longer connected.
    pub fn ended(&self) -> Option<&str> {
        self.state.ended.as_deref()
    }
}

impl State {
    /// Puts what was left over at the front of the buffer, and makes room behind it.
    fn carry_over(&mut self, scratch: &mut Vec<u8>) -> usize {
        let start = self.rest.len();
        if scratch.len() < start + 16 * 1024 {
            scratch.resize((start * 2).max(64 * 1024), 0);
        }
        scratch[..start].copy_from_slice(&self.rest);
        self.rest.clear();
        start
    }

    fn take(&mut self, mut bytes: &[u8], latency: &mut Latency) {
        let now_us = now_us();
        while let Some((operation, payload)) = websocket::take(&mut bytes) {
            self.traffic.frames += 1;
            match operation {
                op::PING => self.pongs.extend(websocket::frame(op::PONG, payload)),
                op::CLOSE => {
                    let reason = payload.get(2..).unwrap_or_default();
                    let reason = String::from_utf8_lossy(reason);
                    self.ended.get_or_insert(format!("closed: {reason}"));
                }
                op::CONTINUE | op::TEXT | op::BINARY => self.message(payload, now_us, latency),
                _ => {}
            }
        }
        self.rest.extend(bytes);
    }

    fn message(&mut self, payload: &[u8], now_us: i64, latency: &mut Latency) {
        let tally = &mut self.tally;
        let mut value = |frame: Frame, value: Value| match frame {
            Frame::Snapshot => tally.restate(value.point, value.seq, value.sent_ms),
            _ => {
                tally.update(value.point, value.seq, value.sent_ms);
                latency.record(now_us, value.sent_ms);
            }
        };
        let frame = match self.form {
            Form::Postcard { .. } => self.reader.read(payload, value),
            Form::Json { .. } => json::read(payload, value),
            Form::Mqtt => {
                if self.packet.is_empty() {
                    let rest = packets(payload, &mut self.subscribed, &mut self.ended, &mut value);
                    self.packet.extend(rest);
                } else {
                    self.packet.extend(payload);
                    let whole = std::mem::take(&mut self.packet);
                    let rest = packets(&whole, &mut self.subscribed, &mut self.ended, &mut value);
                    self.packet.extend(rest);
                }
                Some(Frame::Other)
            }
        };
        match frame {
            Some(Frame::Snapshot) if self.subscribed => self.traffic.snapshots += 1,
            Some(Frame::Snapshot) => self.subscribed = true,
            Some(Frame::Update | Frame::Other) => {}
            Some(Frame::Trouble) => {
                self.ended = Some(format!("the server says {}", String::from_utf8_lossy(payload)));
            }
            None => self.ended = Some("a frame that does not read".to_owned()),
        }
    }
}

/// Reads MQTT packets and returns what is left of the last one.
fn packets<'a>(
    mut bytes: &'a [u8],
    subscribed: &mut bool,
    ended: &mut Option<String>,
    value: &mut impl FnMut(Frame, Value),
) -> &'a [u8] {
    while let Some(packet) = mqtt::take(&mut bytes) {
        match packet {
            mqtt::Packet::Publish { topic, payload } => {
                let read = site::point_of_topic(topic).zip(site::read_payload(payload));
                if let Some((point, (sent_ms, seq))) = read {
                    value(Frame::Update, Value { point, seq, sent_ms });
                }
            }
            mqtt::Packet::SubAck(code) if code < 0x80 => *subscribed = true,
            mqtt::Packet::SubAck(code) | mqtt::Packet::ConnAck(code @ 1..) => {
                *ended = Some(format!("refused with code {code}"));
            }
            _ => {}
        }
    }
    bytes
}
