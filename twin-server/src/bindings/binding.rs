//! A checked `[[binding]]`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json_path::JsonPath;
use twin_model::Value;

use super::{pattern::TopicPattern, target::Target};

/// Which topics it takes, how a payload becomes samples, and whose they are.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What people call it; unique in the file.
    pub name: Arc<str>,
    /// The topics.
    pub topic: TopicPattern,
    /// The entity a topic speaks of.
    pub target: Target,
    /// How the payload is read.
    pub decode: Decode,
    /// Where the source time stands; absent: the time received.
    pub time: Option<JsonPath>,
    /// What is measured; at least one.
    pub points: Vec<Point>,
}

/// How a payload is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decode {
    /// A JSON document; values are taken out by JSONPath.
    Json,
    /// UTF-8 text: a state by name.
    Text,
    /// UTF-8 text that is one decimal number.
    Number,
}

/// One `[[binding.point]]`.
#[derive(Clone, Debug)]
pub struct Point {
    /// What is measured: the second half of the point key.
    pub metric: Arc<str>,
    /// UCUM unit, empty for states.
    pub unit: Arc<str>,
    /// Where the value stands; absent: the whole payload.
    pub value: Option<JsonPath>,
    /// Values outside are kept and marked uncertain; in `unit`, both ends included.
    pub range: Option<[f64; 2]>,
    /// After how much silence the value is stale.
    pub stale_after: Option<Duration>,
    /// `value × scale + offset` is what counts.
    pub scale: f64,
    /// See `scale`.
    pub offset: f64,
    /// Codes and what they stand for.
    pub map: Option<BTreeMap<String, Value>>,
    /// A payload without it is in order.
    pub optional: bool,
}

impl Point {
    /// Whether the point is a measurement: a text must then read as a number.
    pub(super) fn is_number(&self) -> bool {
        let scaled = self.scale != 1.0 || self.offset != 0.0;
        self.map.is_none() && (!self.unit.is_empty() || self.range.is_some() || scaled)
    }
}
