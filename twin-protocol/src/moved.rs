use serde::{Deserialize, Serialize};

/// Adds subtrees to the subscription and takes others out of it. What was added comes in
/// updates, then [`Moved`]; nothing else is sent twice. Points that are in no subtree any
/// more are not sent again; the client forgets them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Entities to follow as well, with everything below them.
    pub add: Vec<String>,
    /// Entities that were named before, to follow no more.
    pub remove: Vec<String>,
}

/// Answers a [`Move`] once everything added has been sent: from here on a client resumes
/// with the new entities, until here with the ones before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Where the sequence stands.
    pub seq: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientMessage, ServerMessage, assert_golden, assert_golden_client};

    #[test]
    fn golden() {
        let floors = Move { add: vec!["a".into(), "b".into()], remove: vec!["c".into()] };
        let bytes = [4, 2, 1, b'a', 1, b'b', 1, 1, b'c'];
        assert_golden_client(ClientMessage::Move(floors), &bytes);
        assert_golden(ServerMessage::Moved(Moved { seq: 300 }), &[7, 0xac, 2]);
    }
}
