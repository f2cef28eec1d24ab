use serde::{Deserialize, Serialize};

/// First message on every connection: who is speaking, and of which scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Changes whenever the server's sequence starts anew; point numbers hold within one.
    pub epoch: String,
    /// Revision of the scene package; a viewer that shows another one reloads it.
    pub scene: String,
    /// Server clock, ms since 1970 UTC: ages are counted from it, not from the client's clock.
    pub server_time_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerMessage, assert_golden};

    #[test]
    fn golden() {
        let hello = Hello { epoch: "e1".into(), scene: "r1".into(), server_time_ms: 1000 };
        assert_golden(ServerMessage::Hello(hello), &[0, 2, b'e', b'1', 2, b'r', b'1', 0xd0, 0x0f]);
    }
}
