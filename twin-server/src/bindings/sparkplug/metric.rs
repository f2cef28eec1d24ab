//! Metrics of Sparkplug B: what births say of them, and the values they take.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Number, Value as Json};
use twin_model::Quality;

use super::proto;

/// Metrics of one message; of more the first are taken, with a line on the board.
pub(super) const MAX_METRICS: usize = 10_000;

pub(super) const BOOLEAN: u32 = 11;
const INT8: u32 = 1;
const INT16: u32 = 2;
const INT32: u32 = 3;
const INT64: u32 = 4;
const DATE_TIME: u32 = 13;

/// What a birth said of the metrics of a node or a device.
#[derive(Debug, Default)]
pub(super) struct Births {
    by_name: HashMap<Arc<str>, u32>,
    by_alias: HashMap<u64, (Arc<str>, u32)>,
    bytes: usize,
}

/// One value of a message, under its name.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::bindings) struct MetricValue {
    pub(in crate::bindings) name: Arc<str>,
    /// As JSON would have it; null where the device says so.
    pub(in crate::bindings) value: Json,
    pub(in crate::bindings) time: Option<Timestamp>,
    pub(in crate::bindings) quality: Quality,
}

impl Births {
    /// Takes over the metrics of a birth.
    pub(super) fn of(metrics: &[proto::Metric]) -> Self {
        /// What the tables take for a metric besides its name, and for a birth.
        const EACH: usize = 128;
        let mut births = Self { bytes: EACH, ..Self::default() };
        for metric in metrics {
            let Some(name) = metric.name.as_deref().filter(|name| !name.is_empty()) else {
                continue;
            };
            let name: Arc<str> = name.into();
            let datatype = metric.datatype.unwrap_or_default();
            if let Some(alias) = metric.alias {
                births.by_alias.insert(alias, (Arc::clone(&name), datatype));
            }
            births.bytes += EACH + name.len();
            births.by_name.insert(name, datatype);
        }
        births
    }

    /// The memory that they take, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A metric of a data message by what its birth said.
    ///
    /// # Errors
    /// Where no birth spoke of it.
    pub(super) fn value(
        &self,
        metric: &proto::Metric,
        payload_ms: Option<u64>,
    ) -> Result<MetricValue, String> {
        let known = match (metric.name.as_deref().filter(|name| !name.is_empty()), metric.alias) {
            (Some(name), _) => {
                self.by_name.get_key_value(name).map(|(name, datatype)| (name, *datatype))
            }
            (None, Some(alias)) => {
                self.by_alias.get(&alias).map(|(name, datatype)| (name, *datatype))
            }
            (None, None) => return Err("a metric with neither name nor alias".to_owned()),
        };
        let (name, datatype) = known.ok_or_else(|| match (&metric.name, metric.alias) {
            (None, Some(alias)) => format!("no birth gave alias {alias} a name"),
            (name, _) => {
                format!("no birth told of metric {:?}", name.as_deref().unwrap_or_default())
            }
        })?;
        let datatype = metric.datatype.filter(|datatype| *datatype != 0).unwrap_or(datatype);
        Ok(MetricValue {
            name: Arc::clone(name),
            value: json(metric, datatype),
            time: metric.timestamp.or(payload_ms).and_then(time),
            quality: match metric.quality() {
                Some(0) => Quality::Bad,
                Some(500) => Quality::Stale,
                None | Some(192) => Quality::Good,
                Some(_) => Quality::Uncertain,
            },
        })
    }
}

fn time(ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

/// Integers come as unsigned; how wide they are is in the birth.
fn json(metric: &proto::Metric, datatype: u32) -> Json {
    use proto::Value::{Boolean, Bytes, Double, Float, Int, Long, String};
    let float = |number: f64| {
        Number::from_f64(number).map_or_else(|| Json::String(number.to_string()), Json::Number)
    };
    if metric.is_null == Some(true) {
        return Json::Null;
    }
    match (&metric.value, datatype) {
        (None, _) => Json::Null,
        (Some(Int(number)), INT8) => (*number as u8 as i8).into(),
        (Some(Int(number)), INT16) => (*number as u16 as i16).into(),
        (Some(Int(number)), INT32) => (*number as i32).into(),
        (Some(Int(number)), INT64) => (*number as i32).into(),
        (Some(Int(number)), _) => (*number).into(),
        (Some(Long(number)), INT8 | INT16 | INT32 | INT64) => (*number as i64).into(),
        (Some(Long(ms)), DATE_TIME) => match time(*ms) {
            Some(time) => time.to_string().into(),
            None => (*ms).into(),
        },
        (Some(Long(number)), _) => (*number).into(),
        // Through its decimal form: 21.3 stays 21.3, not 21.299999237.
        (Some(Float(number)), _) => float(number.to_string().parse().unwrap_or(f64::NAN)),
        (Some(Double(number)), _) => float(*number),
        (Some(Boolean(yes)), _) => (*yes).into(),
        (Some(String(text)), _) => text.as_str().into(),
        (Some(Bytes(bytes)), _) => crate::bindings::decode::to_hex(bytes).into(),
    }
}
