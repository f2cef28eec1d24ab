//! The JSON form (`twin.v1.json`), for anyone: the same messages with points by name.

use serde::{Deserialize, Serialize};
use twin_model::{Quality, Value};

use crate::ErrorCode;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Which points to send, and how often.
    Subscribe {
        /// `"*"`, or entity ids, each with everything below it.
        entities: Entities,
        /// Most updates a second.
        #[serde(default = "default_max_hz")]
        max_hz: f32,
        /// Every sample, instead of the latest value at `max_hz`.
        #[serde(default)]
        lossless: bool,
        /// Where an earlier connection stopped.
        #[serde(default)]
        resume: Option<Resume>,
    },
    /// Asks for a `pong`.
    Ping {
        /// Anything; comes back as it is.
        t: serde_json::Value,
    },
}

fn default_max_hz() -> f32 {
    10.0
}

/// `"*"` or a list of entity ids.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Entities {
    /// Entities, each with everything below it.
    Subtrees(Vec<String>),
    /// Only `"*"` is allowed: the whole scene.
    All(Star),
}

/// The word `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Star {
    /// Everything.
    #[serde(rename = "*")]
    Star,
}

/// Where an earlier connection stopped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Resume {
    /// From that connection's `hello`.
    pub epoch: String,
    /// Sequence of the last message received.
    pub seq: u64,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// First message on every connection.
    Hello {
        /// Changes whenever the sequence starts anew.
        epoch: String,
        /// Revision of the scene.
        scene: String,
        /// RFC 3339, UTC.
        server_time: String,
    },
    /// Every point subscribed to.
    Snapshot {
        /// Sequence this snapshot stands at.
        seq: u64,
        /// Points with a sample.
        points: Vec<Point>,
        /// Which part this is, from 0, and how many there are.
        part: [u32; 2],
    },
    /// What changed.
    Update {
        /// Sequence.
        seq: u64,
        /// Latest samples of the points that changed.
        points: Vec<Point>,
    },
    /// Answers a `ping`.
    Pong {
        /// As it stood in the `ping`.
        t: serde_json::Value,
        /// RFC 3339, UTC.
        server_time: String,
    },
    /// The client's message was refused; the connection stays.
    Error {
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
    },
    /// The server closes the connection.
    Bye {
        /// For people.
        reason: String,
    },
}

/// Latest sample of one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// `entity/metric`.
    pub point: String,
    /// What was measured.
    pub v: Value,
    /// UCUM unit code, empty for states.
    pub unit: String,
    /// Source time, RFC 3339, UTC.
    pub t: String,
    /// Receive time, RFC 3339, UTC.
    pub received: String,
    /// How far to trust it.
    pub q: Quality,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_contract_shows() {
        let text = r#"{"type":"subscribe","entities":["a"],"max_hz":10,"lossless":false,
            "resume":{"epoch":"e","seq":123}}"#;
        let ClientMessage::Subscribe { entities, resume, .. } = serde_json::from_str(text).unwrap()
        else {
            panic!("not a subscribe");
        };
        assert_eq!(entities, Entities::Subtrees(vec!["a".into()]));
        assert_eq!(resume.unwrap().seq, 123);
        let all: ClientMessage =
            serde_json::from_str(r#"{"type":"subscribe","entities":"*"}"#).unwrap();
        assert!(matches!(
            all,
            ClientMessage::Subscribe { entities: Entities::All(Star::Star), max_hz: 10.0, .. }
        ));
        for broken in [
            r#"{"type":"subscribe","entities":"all"}"#,
            r#"{"type":"nothing"}"#,
            r#"{"type":"subscribe"}"#,
        ] {
            assert!(serde_json::from_str::<ClientMessage>(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn golden() {
        let update = ServerMessage::Update {
            seq: 2,
            points: vec![Point {
                point: "e/temperature".into(),
                v: Value::Number(21.5),
                unit: "Cel".into(),
                t: "2026-01-01T00:00:00Z".into(),
                received: "2026-01-01T00:00:01Z".into(),
                q: Quality::Good,
            }],
        };
        let text = r#"{"type":"update","seq":2,"points":[{"point":"e/temperature","v":21.5,"unit":"Cel","t":"2026-01-01T00:00:00Z","received":"2026-01-01T00:00:01Z","q":"good"}]}"#;
        assert_eq!(serde_json::to_string(&update).unwrap(), text);
    }
}
