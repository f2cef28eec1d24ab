use serde::{Deserialize, Serialize};

/// The client's message was refused; the connection stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorMessage {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what was wrong, and the way out.
    pub message: String,
}

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not a message of this protocol.
    Malformed,
    /// An entity that is not in the scene.
    UnknownEntity,
    /// A value outside its limits.
    OutOfRange,
    /// Too many messages in too short a time.
    TooFast,
    /// The server cannot do it.
    Unsupported,
    /// A room that is not there, or not any more.
    UnknownRoom,
    /// Not for this client.
    Forbidden,
    /// Not now: the history does not answer, or the room is busy.
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerMessage, assert_golden};

    #[test]
    fn golden() {
        let error = ErrorMessage { code: ErrorCode::UnknownEntity, message: "x".into() };
        assert_golden(ServerMessage::Error(error), &[4, 1, 1, b'x']);
        let codes = [ErrorCode::UnknownRoom, ErrorCode::Forbidden, ErrorCode::Unavailable];
        for (byte, code) in (5..).zip(codes) {
            let error = ErrorMessage { code, message: String::new() };
            assert_golden(ServerMessage::Error(error), &[4, byte, 0]);
        }
    }
}
