use serde::{Deserialize, Serialize};

/// The clock of a session's room: sent when a session enters a room by name, whenever the
/// clock is changed, and once a second while a replay plays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Which room.
    pub room: String,
    /// Present or past.
    pub mode: ClockMode,
    /// What the room shows, ms since 1970 UTC …
    pub time_ms: i64,
    /// … at this time of the server's clock, ms since 1970 UTC.
    pub server_time_ms: i64,
    /// Seconds of the room in a second; negative: backwards. 1 where it is live.
    pub speed: f32,
    /// Whether the time stands still.
    pub paused: bool,
    /// First and last moment that can be shown, ms since 1970 UTC; absent where it is live.
    pub range_ms: Option<[i64; 2]>,
    /// For people: why it stopped, or how far a step has searched; mostly empty.
    pub note: String,
}

/// What a room shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// The present.
    Live,
    /// The past, from the history.
    Replay,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerMessage, assert_golden};

    #[test]
    fn golden() {
        let clock = Clock {
            room: "r".into(),
            mode: ClockMode::Replay,
            time_ms: 1,
            server_time_ms: 2,
            speed: -16.0,
            paused: true,
            range_ms: Some([0, 64]),
            note: String::new(),
        };
        let bytes = [6, 1, b'r', 1, 2, 4, 0, 0, 0x80, 0xc1, 1, 1, 0, 0x80, 1, 0];
        assert_golden(ServerMessage::Clock(clock), &bytes);
    }
}
