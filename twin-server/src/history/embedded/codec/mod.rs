//! How samples become bytes: small in memory, smaller on disk.
//!
//! Times are kept to the millisecond, numbers exactly. A [`Run`] is a stretch of samples
//! of one point; a [`chunk`] holds runs of many points, written stream by stream, so that
//! what resembles each other lies together and packs well. A [`batch`] is what one commit
//! brought, in the order it came.

pub(super) mod batch;
pub(super) mod chunk;
mod ints;
mod numbers;
pub(in crate::history) mod rollup;
pub(super) mod varint;

use std::sync::Arc;

use jiff::Timestamp;
use twin_model::{Quality, Sample, Value};

/// What is wrong with bytes that a store has kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes end early, or say what cannot be")]
pub(in crate::history) struct Damaged;

/// A value as the store holds it: texts are shared, since states repeat.
#[derive(Clone, Debug)]
pub(in crate::history) enum Held {
    Number(f64),
    Bool(bool),
    Text(Arc<str>),
}

impl PartialEq for Held {
    /// Numbers by their bits: what went in is what is compared, and comes out.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.to_bits() == b.to_bits(),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

/// A sample as the store holds it: times in ms since 1970. (Rollups in PostgreSQL count
/// microseconds.)
#[derive(Clone, Debug, PartialEq)]
pub(in crate::history) struct Raw {
    pub(in crate::history) source: i64,
    pub(in crate::history) receive: i64,
    pub(in crate::history) value: Held,
    pub(in crate::history) quality: Quality,
}

impl Raw {
    /// Its place in time, as [`order_time`](crate::history::order_time) says.
    pub(in crate::history) fn order(&self) -> i64 {
        self.source.min(self.receive)
    }

    /// Whether it is the same measurement, perhaps delivered twice.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.source == other.source && self.value == other.value
    }

    pub(in crate::history) fn to_sample(&self) -> Sample {
        let value = match &self.value {
            Held::Number(number) => Value::Number(*number),
            Held::Bool(yes) => Value::Bool(*yes),
            Held::Text(text) => Value::Text(text.as_ref().to_owned()),
        };
        Sample {
            value,
            source_time: timestamp(self.source),
            receive_time: timestamp(self.receive),
            quality: self.quality,
        }
    }
}

impl From<&Sample> for Raw {
    fn from(sample: &Sample) -> Self {
        let value = match &sample.value {
            Value::Number(number) => Held::Number(*number),
            Value::Bool(yes) => Held::Bool(*yes),
            Value::Text(text) => Held::Text(text.as_str().into()),
        };
        Self {
            source: sample.source_time.as_millisecond(),
            receive: sample.receive_time.as_millisecond(),
            value,
            quality: sample.quality,
        }
    }
}

/// Milliseconds since 1970 as a time; what lies outside the calendar becomes its end.
pub(super) fn timestamp(ms: i64) -> Timestamp {
    let end = if ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(ms).unwrap_or(end)
}

/// Samples of one point by their place in time; those of the same time as they came.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) point: u32,
    pub(super) samples: Vec<Raw>,
}

impl Run {
    /// Place of the first sample. A run is never empty.
    pub(super) fn first(&self) -> i64 {
        self.samples.first().map_or(i64::MAX, Raw::order)
    }

    /// Place of the last sample.
    pub(super) fn last(&self) -> i64 {
        self.samples.last().map_or(i64::MIN, Raw::order)
    }
}

pub(super) fn quality_code(quality: Quality) -> u8 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain => 1,
        Quality::Stale => 2,
        Quality::Bad => 3,
    }
}

pub(super) fn quality_of(code: u8) -> Result<Quality, Damaged> {
    match code {
        0 => Ok(Quality::Good),
        1 => Ok(Quality::Uncertain),
        2 => Ok(Quality::Stale),
        3 => Ok(Quality::Bad),
        _ => Err(Damaged),
    }
}
