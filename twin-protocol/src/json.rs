//! The JSON form (`twin.v1.json`), for anyone: the same messages with points by name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twin_model::{Quality, Value};

use crate::{ClockAction, ClockMode, ErrorCode};

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
        /// Which room to enter first; absent: the one the session is in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<String>,
    },
    /// Asks for a `pong`.
    Ping {
        /// Anything; comes back as it is.
        t: serde_json::Value,
    },
    /// Enters a room.
    Join {
        /// Which; `live` is the present.
        room: String,
    },
    /// Changes the clock of the room.
    Control(Control),
    /// Changes some of the entities of the subscription.
    Move {
        /// Entities to follow as well.
        #[serde(default)]
        add: Vec<String>,
        /// Entities to follow no more.
        #[serde(default)]
        remove: Vec<String>,
    },
}

/// What to do to a clock: `{"action":"seek","t":"2026-01-01T08:00:00Z"}`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Which.
    pub action: Action,
    /// Where to jump to (`seek`), RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<Timestamp>,
    /// Seconds of the room in a second (`speed`), -16 to 600, not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f32>,
    /// Backwards (`step`).
    #[serde(default)]
    pub back: bool,
    /// The key of a room that not everybody may control.
    #[serde(default)]
    pub key: String,
}

/// What can be done to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Lets the time run.
    Play,
    /// Stops it.
    Pause,
    /// Jumps to `t`.
    Seek,
    /// Changes how fast it runs.
    Speed,
    /// Jumps to the next event, or to the one before, and pauses there.
    Step,
}

impl Control {
    /// The action with its argument.
    ///
    /// # Errors
    /// Where the argument is missing; the text says which.
    pub fn action(&self) -> Result<ClockAction, &'static str> {
        Ok(match self.action {
            Action::Play => ClockAction::Play,
            Action::Pause => ClockAction::Pause,
            Action::Seek => {
                ClockAction::Seek(self.t.ok_or("seek needs `t`, RFC 3339")?.as_millisecond())
            }
            Action::Speed => ClockAction::Speed(self.speed.ok_or("speed needs `speed`")?),
            Action::Step if self.back => ClockAction::StepBack,
            Action::Step => ClockAction::StepForward,
        })
    }
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
    /// The clock of the room; sent only to clients that named a room.
    Clock {
        /// Which room.
        room: String,
        /// `live` or `replay`.
        mode: ClockMode,
        /// What the room shows, RFC 3339 UTC …
        t: String,
        /// … at this time of the server's clock.
        server_time: String,
        /// Seconds of the room in a second; negative: backwards.
        speed: f32,
        /// Whether the time stands still.
        paused: bool,
        /// First and last moment that can be shown; absent where it is live.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        range: Option<[String; 2]>,
        /// For people: why it stopped, or how far a step has searched.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// Answers a `move`: everything added has been sent.
    Moved {
        /// Where the sequence stands.
        seq: u64,
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
        let seek: ClientMessage = serde_json::from_str(
            r#"{"type":"control","action":"seek","t":"1970-01-01T00:00:01Z"}"#,
        )
        .unwrap();
        let ClientMessage::Control(seek) = seek else { panic!("not a control") };
        assert_eq!(seek.action(), Ok(ClockAction::Seek(1000)));
        let step = r#"{"type":"control","action":"step","back":true,"key":"k"}"#;
        let ClientMessage::Control(step) = serde_json::from_str(step).unwrap() else {
            panic!("not a control")
        };
        assert_eq!((step.action(), &*step.key), (Ok(ClockAction::StepBack), "k"));
        let bare = serde_json::from_str::<Control>(r#"{"action":"seek"}"#).unwrap();
        assert!(bare.action().is_err());
        for broken in [
            r#"{"type":"control","action":"jump"}"#,
            r#"{"type":"control","action":"play","loud":true}"#,
            r#"{"type":"control","action":"seek","t":"noon"}"#,
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
        let clock = ServerMessage::Clock {
            room: "r".into(),
            mode: ClockMode::Replay,
            t: "2026-01-01T00:00:00Z".into(),
            server_time: "2026-01-02T00:00:00Z".into(),
            speed: -1.0,
            paused: false,
            range: Some(["2026-01-01T00:00:00Z".into(), "2026-01-02T00:00:00Z".into()]),
            note: String::new(),
        };
        let text = r#"{"type":"clock","room":"r","mode":"replay","t":"2026-01-01T00:00:00Z","server_time":"2026-01-02T00:00:00Z","speed":-1.0,"paused":false,"range":["2026-01-01T00:00:00Z","2026-01-02T00:00:00Z"]}"#;
        assert_eq!(serde_json::to_string(&clock).unwrap(), text);
    }
}
