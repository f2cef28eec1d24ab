//! Points and samples: what is measured at an entity, and one reading of it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::EntityId;

/// Names a point: an entity and the metric measured at it. Written `entity/metric`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PointKey {
    /// Where it is measured.
    pub entity: EntityId,
    /// What is measured; see [`crate::metric`] for the names the product knows.
    pub metric: String,
}

impl PointKey {
    /// A key from its two halves.
    pub fn new(entity: impl Into<EntityId>, metric: impl Into<String>) -> Self {
        Self { entity: entity.into(), metric: metric.into() }
    }

    /// Reads `entity/metric`; the metric is what follows the last slash.
    pub fn parse(text: &str) -> Option<Self> {
        let (entity, metric) = text.rsplit_once('/')?;
        (!entity.is_empty() && !metric.is_empty()).then(|| Self::new(entity, metric))
    }
}

impl fmt::Display for PointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.entity, self.metric)
    }
}

/// A measured value. Numbers are always finite: use [`Value::number`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A yes or no.
    Bool(bool),
    /// A measurement or count, in the point's unit.
    Number(f64),
    /// A state by name: `open`, `closed`, `forced`.
    Text(String),
}

impl Value {
    /// A number, unless it is NaN or infinite: those are not measurements.
    pub fn number(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Number(value))
    }

    /// The value as a number; a yes counts as 1.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bool(yes) => Some(f64::from(u8::from(*yes))),
            Self::Text(_) => None,
        }
    }
}

/// How far a value can be trusted, best first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// As measured, and recent.
    #[default]
    Good,
    /// Outside its declared range, or from a clock far off: kept, and marked.
    Uncertain,
    /// Nothing has come for longer than the point's `stale_after`.
    Stale,
    /// The device itself says that the value is not valid.
    Bad,
}

/// One reading of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What was measured.
    pub value: Value,
    /// When the device says it measured.
    pub source_time: Timestamp,
    /// When the server received it.
    pub receive_time: Timestamp,
    /// How far to trust it.
    pub quality: Quality,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_survives_text() {
        let key = PointKey::new("1kTvXnbbzCWw8lcMd1dR4o", "power");
        assert_eq!(PointKey::parse(&key.to_string()), Some(key));
        for broken in ["", "/", "a/", "/b", "plain"] {
            assert_eq!(PointKey::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn value_is_plain_json_and_never_nan() {
        let texts = [("21.5", Value::Number(21.5)), ("true", Value::Bool(true))];
        for (text, value) in texts {
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
        }
        assert_eq!(Value::number(f64::NAN), None);
        assert_eq!(Value::Bool(true).as_f64(), Some(1.0));
    }
}
