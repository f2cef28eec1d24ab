//! Messages between server and viewer, versioned by WebSocket sub-protocol.
//!
//! `twin.v1.postcard` (this crate's structs in [postcard]) is what our viewer speaks:
//! points are named once and then go by number. `twin.v1.json` ([`json`]) says the same
//! in JSON for anyone else. One message, one file, with the bytes it must keep forever:
//! fields are only ever appended to an enum or given a new message.
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

mod bye;
mod clock;
mod control;
mod error;
mod hello;
mod join;
pub mod json;
mod moved;
pub mod packed;
mod ping;
mod snapshot;
mod subscribe;
mod update;

use serde::{Deserialize, Serialize};

pub use bye::Bye;
pub use clock::{Clock, ClockMode};
pub use control::{ClockAction, Control};
pub use error::{ErrorCode, ErrorMessage};
pub use hello::Hello;
pub use join::Join;
pub use moved::{Move, Moved};
pub use ping::{Ping, Pong};
pub use snapshot::{PointDef, Snapshot};
pub use subscribe::{Interest, Resume, Subscribe};
pub use update::{PointUpdate, Update, WireQuality, WireValue};

/// Sub-protocol of the binary form.
pub const POSTCARD: &str = "twin.v1.postcard";
/// Sub-protocol of the binary form with larger frames of the server packed; see [`packed`].
pub const POSTCARD_DEFLATE: &str = "twin.v1.postcard.deflate";
/// Sub-protocol of the JSON form.
pub const JSON: &str = "twin.v1.json";
/// Largest frame a client may send, bytes: a subscription to some thousand entities.
pub const MAX_CLIENT_FRAME: usize = 256 * 1024;
/// Most points a snapshot frame carries; a larger scene comes in several parts.
pub const MAX_SNAPSHOT_POINTS: usize = 4096;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClientMessage {
    /// Which points to send, and how often. Replaces the subscription before it.
    Subscribe(Subscribe),
    /// Asks for a [`Pong`].
    Ping(Ping),
    /// Enters a room.
    Join(Join),
    /// Changes the clock of the room.
    Control(Control),
    /// Changes some of the entities of the subscription.
    Move(Move),
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// First message on every connection.
    Hello(Hello),
    /// Every point subscribed to, with its latest sample.
    Snapshot(Snapshot),
    /// What changed since the message before.
    Update(Update),
    /// Answers a [`Ping`].
    Pong(Pong),
    /// The client's message was refused; the connection stays.
    Error(ErrorMessage),
    /// The server closes the connection, and why.
    Bye(Bye),
    /// The clock of the room; sent only to clients that named a room.
    Clock(Clock),
    /// Answers a [`Move`].
    Moved(Moved),
}

/// A frame that is not a message of this protocol.
#[derive(Debug, thiserror::Error)]
#[error("not a twin.v1 message: {0}")]
pub struct DecodeError(#[from] postcard::Error);

macro_rules! wire {
    ($message:ty) => {
        impl $message {
            /// The message as bytes for one WebSocket frame.
            pub fn encode(&self) -> Vec<u8> {
                postcard::to_stdvec(self).unwrap_or_default() // fails only on unsized maps; there are none
            }

            /// Reads one frame; bytes left over are an error.
            pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
                let (message, rest) = postcard::take_from_bytes(frame)?;
                if rest.is_empty() {
                    Ok(message)
                } else {
                    Err(DecodeError(postcard::Error::DeserializeBadEncoding))
                }
            }
        }
    };
}

wire!(ClientMessage);
wire!(ServerMessage);

#[cfg(test)]
pub(crate) fn assert_golden(message: ServerMessage, bytes: &[u8]) {
    assert_eq!(message.encode(), bytes, "the bytes of a published message may not change");
    assert_eq!(ServerMessage::decode(bytes).unwrap(), message);
}

#[cfg(test)]
pub(crate) fn assert_golden_client(message: ClientMessage, bytes: &[u8]) {
    assert_eq!(message.encode(), bytes, "the bytes of a published message may not change");
    assert_eq!(ClientMessage::decode(bytes).unwrap(), message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_cut_and_overlong_frames() {
        let frame = ServerMessage::Pong(Pong { t: 7, server_time_ms: 9 }).encode();
        assert!(ServerMessage::decode(&frame[..frame.len() - 1]).is_err());
        assert!(ServerMessage::decode(&[frame.as_slice(), &[0]].concat()).is_err());
        assert!(ServerMessage::decode(&[]).is_err());
        assert!(ServerMessage::decode(&[250, 1, 2]).is_err());
    }
}
