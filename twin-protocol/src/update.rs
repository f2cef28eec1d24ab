use serde::{Deserialize, Serialize};
use twin_model::{Quality, Value};

use crate::PointDef;

/// What changed since the message before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Sequence; rises with every message of an epoch, not always by one.
    pub seq: u64,
    /// What the times in `points` count from, ms since 1970 UTC.
    pub base_time_ms: i64,
    /// Points that did not exist before.
    pub defined: Vec<PointDef>,
    /// Latest samples of the points that changed.
    pub points: Vec<PointUpdate>,
}

/// Latest sample of one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointUpdate {
    /// The point's number in this epoch; see [`PointDef`].
    pub point: u32,
    /// What was measured.
    pub value: WireValue,
    /// Source time, ms from the message's `base_time_ms`: mostly one or two bytes.
    pub source_offset_ms: i64,
    /// Receive time, ms from the message's `base_time_ms`.
    pub receive_offset_ms: i64,
    /// How far to trust it.
    pub quality: WireQuality,
}

/// A value on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WireValue {
    /// A yes or no.
    Bool(bool),
    /// A number whose decimal form an `f32` keeps, which most readings are.
    F32(f32),
    /// Any other number.
    F64(f64),
    /// A state by name.
    Text(String),
}

impl From<&Value> for WireValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(yes) => Self::Bool(*yes),
            Value::Number(number) => {
                let short = *number as f32;
                if widen(short) == *number { Self::F32(short) } else { Self::F64(*number) }
            }
            Value::Text(text) => Self::Text(text.clone()),
        }
    }
}

impl From<WireValue> for Value {
    fn from(value: WireValue) -> Self {
        match value {
            WireValue::Bool(yes) => Self::Bool(yes),
            WireValue::F32(number) => Self::Number(widen(number)),
            WireValue::F64(number) => Self::Number(number),
            WireValue::Text(text) => Self::Text(text),
        }
    }
}

/// The `f64` with the same shortest decimal form: 0.1 stays 0.1, not 0.10000000149.
fn widen(short: f32) -> f64 {
    short.to_string().parse().unwrap_or(f64::from(short))
}

/// Quality on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireQuality {
    /// As measured, and recent.
    Good,
    /// Out of range, or from a clock far off.
    Uncertain,
    /// Nothing has come for too long.
    Stale,
    /// The device says that the value is not valid.
    Bad,
}

impl From<Quality> for WireQuality {
    fn from(quality: Quality) -> Self {
        match quality {
            Quality::Good => Self::Good,
            Quality::Uncertain => Self::Uncertain,
            Quality::Stale => Self::Stale,
            Quality::Bad => Self::Bad,
        }
    }
}

impl From<WireQuality> for Quality {
    fn from(quality: WireQuality) -> Self {
        match quality {
            WireQuality::Good => Self::Good,
            WireQuality::Uncertain => Self::Uncertain,
            WireQuality::Stale => Self::Stale,
            WireQuality::Bad => Self::Bad,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerMessage, assert_golden};

    #[test]
    fn golden() {
        let update = Update {
            seq: 5,
            base_time_ms: 0,
            defined: vec![],
            points: vec![
                PointUpdate {
                    point: 3,
                    value: (&Value::Number(1.0)).into(),
                    source_offset_ms: -1,
                    receive_offset_ms: 0,
                    quality: WireQuality::Good,
                },
                PointUpdate {
                    point: 200,
                    value: (&Value::Text("open".into())).into(),
                    source_offset_ms: 0,
                    receive_offset_ms: 1,
                    quality: WireQuality::Bad,
                },
            ],
        };
        assert_golden(
            ServerMessage::Update(update),
            &[
                2, 5, 0, 0, 2, 3, 1, 0, 0, 0x80, 0x3f, 1, 0, 0, 0xc8, 1, 3, 4, b'o', b'p', b'e',
                b'n', 0, 2, 3,
            ],
        );
    }

    #[test]
    fn numbers_arrive_as_they_were_sent() {
        for number in [0.0, 0.1, 21.5, -273.15, 1e9, 123_456_789.25, 1e300, 3.0e-39] {
            let sent = Value::Number(number);
            assert_eq!(Value::from(WireValue::from(&sent)), sent, "{number}");
        }
    }
}
