//! A checked `[[binding]]`.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use twin_model::Value;

use super::{
    decode::{Csv, Frame, Register, TextForm},
    filter::Deadband,
    path::Path,
    pattern::TopicPattern,
    scale::Linear,
    states::States,
    target::Target,
};

/// Which topics it takes, how a payload becomes samples, and whose they are.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What people call it; unique in the file.
    pub name: Arc<str>,
    /// The topics.
    pub topic: TopicPattern,
    /// The entity a message, or an element of it, speaks of.
    pub target: Target,
    /// How the payload is read.
    pub decode: Decode,
    /// The elements of a payload that holds several; absent: the payload is the only one.
    pub each: Option<Path>,
    /// What an element has to say for this binding to take it; all of it.
    pub when: Vec<Condition>,
    /// Where the source time stands; absent: the time received.
    pub time: Option<Place>,
    /// How far a source time may be off.
    pub clock: ClockLimits,
    /// What is measured; at least one.
    pub points: Vec<Point>,
}

/// How a payload is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decode {
    /// A JSON document; values are taken out by JSONPath.
    Json,
    /// UTF-8 text: a state by name.
    Text,
    /// UTF-8 text that is one decimal number.
    Number,
    /// Rows of delimited text, read into the same tree as JSON.
    Csv(Csv),
    /// CBOR, read into the same tree as JSON.
    Cbor,
    /// Bytes written as hex text; values are taken out by [`Register`].
    Hex(Frame),
    /// The same, of the payload's own bytes.
    Binary(Frame),
    /// Sparkplug B; values are taken by the names of metrics.
    SparkplugB(Sparkplug),
}

/// How Sparkplug B is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sparkplug {
    /// Whether the topic ends with `#`: nodes and devices, and `{device}` can be used.
    pub any_level: bool,
    /// Whether a node may be asked to be born again.
    pub rebirth: bool,
}

impl Decode {
    /// Whether values are taken out by JSONPath.
    pub fn is_tree(&self) -> bool {
        matches!(self, Self::Json | Self::Csv(_) | Self::Cbor)
    }

    /// How Sparkplug B is taken, where it is.
    pub(super) fn sparkplug(&self) -> Option<&Sparkplug> {
        match self {
            Self::SparkplugB(sparkplug) => Some(sparkplug),
            _ => None,
        }
    }

    /// Whether a payload is rows, each of them an element.
    pub(super) fn has_rows(&self) -> bool {
        matches!(self, Self::Csv(_))
    }

    /// Whether values are taken out by [`Register`].
    pub fn is_bytes(&self) -> bool {
        matches!(self, Self::Hex(_) | Self::Binary(_))
    }
}

/// A value that an element must have.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Where it stands.
    pub path: Path,
    /// What it may be, as text.
    pub any_of: Vec<String>,
}

/// Where one value stands in an element.
#[derive(Clone, Debug)]
pub enum Place {
    /// It is all of the payload.
    Whole,
    /// In a tree.
    At(Path),
    /// In bytes: those of the payload.
    Register(Register),
    /// In bytes that a text of a tree holds.
    Within(Path, TextForm, Register),
    /// A metric of Sparkplug B, by its name.
    Metric(Box<str>),
}

impl Binding {
    /// Whether it makes sense only to whoever sees every message of its topics, in order.
    pub fn needs_every_message(&self) -> bool {
        self.decode.sparkplug().is_some()
    }

    /// The topic filter to subscribe to. Devices of Sparkplug B are known by the births of
    /// their node, so that all of a node has to be followed.
    pub fn filter(&self) -> String {
        let filter = self.topic.filter();
        if self.decode.sparkplug().is_none() {
            return filter;
        }
        let levels: Vec<&str> = filter.split('/').take(4).collect();
        levels.join("/") + "/#"
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the payload"),
            Self::At(path) => path.fmt(f),
            Self::Register(register) => write!(f, "byte {}", register.at),
            Self::Metric(name) => write!(f, "metric {name:?}"),
            Self::Within(path, _, register) => write!(f, "byte {} of {path}", register.at),
        }
    }
}

/// How far a source time may be off the time received before its values are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockLimits {
    /// Ahead.
    pub max_ahead: Duration,
    /// Behind; absent: a device may send what it kept for as long as it likes.
    pub max_behind: Option<Duration>,
}

impl Default for ClockLimits {
    fn default() -> Self {
        Self { max_ahead: Duration::from_mins(5), max_behind: None }
    }
}

/// One `[[binding.point]]`.
#[derive(Clone, Debug)]
pub struct Point {
    /// What is measured: the second half of the point key.
    pub metric: Arc<str>,
    /// UCUM unit, empty for states.
    pub unit: Arc<str>,
    /// Where the value stands.
    pub place: Place,
    /// Values outside are kept and marked uncertain; in `unit`, both ends included.
    pub range: Option<[f64; 2]>,
    /// After how much silence the value is stale.
    pub stale_after: Option<Duration>,
    /// From what the device sends to the unit it sends in.
    pub scale: Linear,
    /// From the unit it sends in to `unit`.
    pub conversion: Linear,
    /// Codes and what they stand for.
    pub map: Option<BTreeMap<String, Value>>,
    /// A payload without it is in order.
    pub optional: bool,
    /// Fastest change that is believed, in `unit` a second.
    pub rate: Option<f64>,
    /// A change too small to be passed on.
    pub deadband: Option<Deadband>,
    /// How long a deadband may keep it silent.
    pub max_silence: Option<Duration>,
    /// The states it may have, with their labels.
    pub states: Option<Arc<States>>,
}

impl Point {
    /// Whether the point is a measurement: a text must then read as a number.
    pub(super) fn is_number(&self) -> bool {
        let scaled = self.scale != Linear::default();
        self.map.is_none()
            && self.states.is_none()
            && (!self.unit.is_empty() || self.range.is_some() || scaled)
    }
}
