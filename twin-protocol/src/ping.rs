use serde::{Deserialize, Serialize};

/// Asks for a [`Pong`], to measure the way there and back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Anything; comes back as it is.
    pub t: i64,
}

/// Answers a [`Ping`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// As it stood in the [`Ping`].
    pub t: i64,
    /// Server clock, ms since 1970 UTC.
    pub server_time_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientMessage, ServerMessage, assert_golden, assert_golden_client};

    #[test]
    fn golden() {
        assert_golden_client(ClientMessage::Ping(Ping { t: 1 }), &[1, 2]);
        assert_golden(ServerMessage::Pong(Pong { t: 1, server_time_ms: -1 }), &[3, 2, 1]);
    }
}
