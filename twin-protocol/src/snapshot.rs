use serde::{Deserialize, Serialize};

use crate::PointUpdate;

/// Every point subscribed to, with its latest sample. A large one comes in several
/// parts; between the first and the last nothing else is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Sequence this snapshot stands at.
    pub seq: u64,
    /// Which part this is, from 0; part 0 replaces everything the client holds.
    pub part: u32,
    /// How many parts there are, at least 1.
    pub parts: u32,
    /// What the times in `points` count from, ms since 1970 UTC.
    pub base_time_ms: i64,
    /// The points of this part.
    pub defined: Vec<PointDef>,
    /// Latest samples of those points that have one.
    pub points: Vec<PointUpdate>,
}

/// Gives a point its number for the rest of the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointDef {
    /// The number.
    pub point: u32,
    /// Entity measured at.
    pub entity: String,
    /// Metric measured.
    pub metric: String,
    /// UCUM unit code, empty for states.
    pub unit: String,
    /// After how much silence the value is stale, ms; 0 for never.
    pub stale_after_ms: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerMessage, WireQuality, WireValue, assert_golden};

    #[test]
    fn golden() {
        let snapshot = Snapshot {
            seq: 1,
            part: 0,
            parts: 1,
            base_time_ms: 2,
            defined: vec![PointDef {
                point: 0,
                entity: "e".into(),
                metric: "m".into(),
                unit: "kW".into(),
                stale_after_ms: 90,
            }],
            points: vec![PointUpdate {
                point: 0,
                value: WireValue::Bool(true),
                source_offset_ms: 0,
                receive_offset_ms: 0,
                quality: WireQuality::Stale,
            }],
        };
        assert_golden(
            ServerMessage::Snapshot(snapshot),
            &[1, 1, 0, 1, 4, 1, 0, 1, b'e', 1, b'm', 2, b'k', b'W', 90, 1, 0, 0, 1, 0, 0, 2],
        );
    }
}
