//! Live state → frames, in both forms of the protocol.

use axum::extract::ws::Message;
use jiff::Timestamp;
use twin_protocol::{
    Bye, ErrorCode, ErrorMessage, Hello, MAX_SNAPSHOT_POINTS, PointDef, PointUpdate, Pong,
    ServerMessage, Snapshot, Update, json,
};

use crate::live::Latest;

/// Which form of the protocol a session speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `twin.v1.postcard`.
    Postcard,
    /// `twin.v1.json`.
    Json,
}

impl Format {
    /// The form with this sub-protocol name.
    pub fn of_protocol(name: &str) -> Option<Self> {
        match name {
            twin_protocol::POSTCARD => Some(Self::Postcard),
            twin_protocol::JSON => Some(Self::Json),
            _ => None,
        }
    }

    /// Name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postcard => "postcard",
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

    /// Changes as update frames of bounded size, each with the sequence it leads to.
    pub(super) fn updates(
        self,
        known_seq: u64,
        seq: u64,
        points: &[(Latest, u64)],
    ) -> Vec<(Message, u64)> {
        let chunks = points.chunks(MAX_SNAPSHOT_POINTS);
        let last = chunks.len().saturating_sub(1);
        chunks
            .enumerate()
            .map(|(i, chunk)| {
                // Oldest change first: a client that got the chunks up to here resumes here.
                let reached = match chunk.last() {
                    Some((_, changed)) if i < last => *changed,
                    _ => seq,
                };
                let latest = chunk.iter().map(|(latest, _)| latest);
                (self.update(known_seq, reached, latest), reached)
            })
            .collect()
    }
}

pub(super) fn pong_postcard(t: i64) -> Message {
    let server_time_ms = Timestamp::now().as_millisecond();
    Message::Binary(ServerMessage::Pong(Pong { t, server_time_ms }).encode().into())
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
