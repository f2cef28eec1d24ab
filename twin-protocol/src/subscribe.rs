use serde::{Deserialize, Serialize};

/// Which points to send, and how often. Replaces the subscription before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Which entities.
    pub interest: Interest,
    /// Most updates a second; the server sends the latest values at this rate at most.
    pub max_hz: f32,
    /// Every sample, instead of the latest value at `max_hz`.
    pub lossless: bool,
    /// Where an earlier connection stopped, to continue without a snapshot.
    pub resume: Option<Resume>,
}

/// Which entities a subscription covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interest {
    /// The whole scene.
    All,
    /// These entities and everything below them.
    Subtrees(Vec<String>),
}

/// Where an earlier connection stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// From that connection's [`crate::Hello`].
    pub epoch: String,
    /// Sequence of the last snapshot or update received.
    pub seq: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientMessage, assert_golden_client};

    #[test]
    fn golden() {
        let all =
            Subscribe { interest: Interest::All, max_hz: 10.0, lossless: false, resume: None };
        assert_golden_client(ClientMessage::Subscribe(all), &[0, 0, 0, 0, 0x20, 0x41, 0, 0]);
        let floor = Subscribe {
            interest: Interest::Subtrees(vec!["s".into()]),
            max_hz: 1.0,
            lossless: true,
            resume: Some(Resume { epoch: "e".into(), seq: 300 }),
        };
        assert_golden_client(
            ClientMessage::Subscribe(floor),
            &[0, 1, 1, 1, b's', 0, 0, 0x80, 0x3f, 1, 1, 1, b'e', 0xac, 0x02],
        );
    }
}
