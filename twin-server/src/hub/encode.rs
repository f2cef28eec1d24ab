//! Live state → frames, in both forms of the protocol.

use std::io::Write as _;

use axum::extract::ws::Message;
use flate2::{Compression, write::DeflateEncoder};
use jiff::Timestamp;
use twin_model::{Sample, Value};
use twin_protocol::{
    Bye, Clock, ErrorCode, ErrorMessage, Hello, MAX_SNAPSHOT_POINTS, Moved, PointDef, PointUpdate,
    Pong, ServerMessage, Snapshot, Update, json, packed,
};

use crate::live::{Definition, Latest};

/// Bytes of a frame, about: what a client that does not read holds of our memory is a few
/// times as much.
pub(super) const FRAME_BYTES: usize = 128 * 1024;
/// Most points of a frame, and most bytes.
pub(super) const FRAME: (usize, usize) = (MAX_SNAPSHOT_POINTS, FRAME_BYTES);
/// A smaller frame is not worth packing.
const PACK_FROM_BYTES: usize = 512;

/// Which form of the protocol a session speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `twin.v1.postcard`.
    Postcard,
    /// `twin.v1.postcard.deflate`: the same, larger frames packed.
    Packed,
    /// `twin.v1.json`.
    Json,
}

impl Format {
    /// The form with this sub-protocol name.
    pub fn of_protocol(name: &str) -> Option<Self> {
        match name {
            twin_protocol::POSTCARD => Some(Self::Postcard),
            twin_protocol::POSTCARD_DEFLATE => Some(Self::Packed),
            twin_protocol::JSON => Some(Self::Json),
            _ => None,
        }
    }

    /// Name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postcard => "postcard",
            Self::Packed => "postcard.deflate",
            Self::Json => "json",
        }
    }

    fn frame(
        self,
        postcard: impl FnOnce() -> ServerMessage,
        json: impl FnOnce() -> json::ServerMessage,
    ) -> Message {
        match self {
            Self::Postcard => Message::Binary(postcard().encode().into()),
            Self::Packed => Message::Binary(pack(postcard().encode()).into()),
            // Fails only on maps with keys that are not text; there are none.
            Self::Json => Message::Text(serde_json::to_string(&json()).unwrap_or_default().into()),
        }
    }

    pub(super) fn hello(self, epoch: &str, scene: &str) -> Message {
        let now = Timestamp::now();
        self.frame(
            || {
                ServerMessage::Hello(Hello {
                    epoch: epoch.to_owned(),
                    scene: scene.to_owned(),
                    server_time_ms: now.as_millisecond(),
                })
            },
            || json::ServerMessage::Hello {
                epoch: epoch.to_owned(),
                scene: scene.to_owned(),
                server_time: now.to_string(),
            },
        )
    }

    pub(super) fn error(self, code: ErrorCode, message: String) -> Message {
        let json = message.clone();
        self.frame(
            || ServerMessage::Error(ErrorMessage { code, message }),
            || json::ServerMessage::Error { code, message: json },
        )
    }

    pub(super) fn bye(self, reason: &str) -> Message {
        self.frame(
            || ServerMessage::Bye(Bye { reason: reason.to_owned() }),
            || json::ServerMessage::Bye { reason: reason.to_owned() },
        )
    }

    pub(super) fn snapshot(self, seq: u64, [part, parts]: [u32; 2], points: &[Latest]) -> Message {
        self.frame(
            || {
                let base_time_ms = base_time_ms(points);
                ServerMessage::Snapshot(Snapshot {
                    seq,
                    part,
                    parts,
                    base_time_ms,
                    defined: points.iter().map(definition).collect(),
                    points: points.iter().map(|latest| wire(latest, base_time_ms)).collect(),
                })
            },
            || json::ServerMessage::Snapshot {
                seq,
                points: points.iter().map(json_point).collect(),
                part: [part, parts],
            },
        )
    }

    /// One update frame; points defined after `known_seq` are named in it.
    pub(super) fn update<'a>(
        self,
        known_seq: u64,
        seq: u64,
        points: impl Iterator<Item = &'a Latest> + Clone,
    ) -> Message {
        self.frame(
            || {
                let base_time_ms = base_time_ms(points.clone());
                ServerMessage::Update(Update {
                    seq,
                    base_time_ms,
                    defined: points
                        .clone()
                        .filter(|latest| latest.definition.defined_seq > known_seq)
                        .map(definition)
                        .collect(),
                    points: points.clone().map(|latest| wire(latest, base_time_ms)).collect(),
                })
            },
            || json::ServerMessage::Update {
                seq,
                points: points.clone().map(json_point).collect(),
            },
        )
    }

    /// The clock of a session's room.
    pub(super) fn clock(self, clock: &Clock) -> Message {
        let time = |ms| Timestamp::from_millisecond(ms).unwrap_or_default().to_string();
        self.frame(
            || ServerMessage::Clock(clock.clone()),
            || json::ServerMessage::Clock {
                room: clock.room.clone(),
                mode: clock.mode,
                t: time(clock.time_ms),
                server_time: time(clock.server_time_ms),
                speed: clock.speed,
                paused: clock.paused,
                range: clock.range_ms.map(|range| range.map(time)),
                note: clock.note.clone(),
            },
        )
    }

    /// The subscription was moved.
    pub(super) fn moved(self, seq: u64) -> Message {
        self.frame(|| ServerMessage::Moved(Moved { seq }), || json::ServerMessage::Moved { seq })
    }

    pub(super) fn pong(self, t: i64) -> Message {
        let server_time_ms = Timestamp::now().as_millisecond();
        self.frame(
            || ServerMessage::Pong(Pong { t, server_time_ms }),
            || json::ServerMessage::Pong { t: t.into(), server_time: Timestamp::now().to_string() },
        )
    }

    /// About how many bytes a point takes in a frame that names it.
    pub(super) fn weigh(self, definition: &Definition, sample: &Sample) -> usize {
        let names = definition.entity.as_str().len() + definition.metric.len();
        let text = match &sample.value {
            Value::Text(text) => text.len(),
            Value::Bool(_) | Value::Number(_) => 8,
        };
        match self {
            Self::Postcard | Self::Packed => 24 + names + definition.unit.len() + text,
            // Quotes and control characters are escaped.
            Self::Json => 140 + names + definition.unit.len() + 2 * text,
        }
    }

    pub(super) fn weigh_latest(self, latest: &Latest) -> usize {
        self.weigh(&latest.definition, &latest.sample)
    }
}

/// A frame of `twin.v1.postcard.deflate`: a byte that tells the form, and the message.
fn pack(plain: Vec<u8>) -> Vec<u8> {
    let as_it_is = |plain: &[u8]| [&[packed::PLAIN], plain].concat();
    if plain.len() < PACK_FROM_BYTES {
        return as_it_is(&plain);
    }
    let mut encoder = DeflateEncoder::new(vec![packed::DEFLATE], Compression::fast());
    let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
    // Into memory nothing fails; what does not shrink goes as it is.
    packed.ok().filter(|packed| packed.len() <= plain.len()).unwrap_or_else(|| as_it_is(&plain))
}

pub(super) fn pong_json(t: serde_json::Value) -> Message {
    let pong = json::ServerMessage::Pong { t, server_time: Timestamp::now().to_string() };
    Message::Text(serde_json::to_string(&pong).unwrap_or_default().into())
}

/// What most receive times of a frame are near to.
fn base_time_ms<'a>(points: impl IntoIterator<Item = &'a Latest>) -> i64 {
    let received = |latest: &Latest| latest.sample.receive_time.as_millisecond();
    points.into_iter().map(received).max().unwrap_or(0)
}

fn definition(latest: &Latest) -> PointDef {
    let definition = &latest.definition;
    PointDef {
        point: definition.point,
        entity: definition.entity.as_str().to_owned(),
        metric: definition.metric.as_ref().to_owned(),
        unit: definition.unit.as_ref().to_owned(),
        stale_after_ms: definition.stale_after_ms,
    }
}

fn wire(latest: &Latest, base_time_ms: i64) -> PointUpdate {
    let sample = &latest.sample;
    PointUpdate {
        point: latest.definition.point,
        value: (&sample.value).into(),
        source_offset_ms: sample.source_time.as_millisecond() - base_time_ms,
        receive_offset_ms: sample.receive_time.as_millisecond() - base_time_ms,
        quality: sample.quality.into(),
    }
}

/// A point in JSON, as in the stream and in the REST answers.
pub fn json_point(latest: &Latest) -> json::Point {
    let (definition, sample) = (&latest.definition, &latest.sample);
    json::Point {
        point: format!("{}/{}", definition.entity, definition.metric),
        v: sample.value.clone(),
        unit: definition.unit.as_ref().to_owned(),
        t: sample.source_time.to_string(),
        received: sample.receive_time.to_string(),
        q: sample.quality,
    }
}
