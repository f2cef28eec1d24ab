use serde::{Deserialize, Serialize};

/// The server closes the connection, and why: a restart is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// For people.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerMessage, assert_golden};

    #[test]
    fn golden() {
        assert_golden(ServerMessage::Bye(Bye { reason: "stop".into() }), b"\x05\x04stop");
    }
}
