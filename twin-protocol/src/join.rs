use serde::{Deserialize, Serialize};

/// Enters a room. The subscription stays what it is; the server says `hello` with the
/// room's epoch, tells its clock and begins with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Which room; `live` is the present.
    pub room: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientMessage, assert_golden_client};

    #[test]
    fn golden() {
        assert_golden_client(ClientMessage::Join(Join { room: "live".into() }), b"\x02\x04live");
    }
}
