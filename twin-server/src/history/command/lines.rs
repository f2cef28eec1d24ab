//! One sample as a line of text, and back.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;
use twin_model::{PointKey, Quality, Sample, Value};

use super::{Format, parquet};
use crate::{
    history::{PastPoint, PastSample},
    live::MAX_TEXT_BYTES,
    reading::Reading,
};

/// First line of a CSV file.
const HEADER: [&str; 7] = ["point", "t", "v", "q", "received", "unit", "stale_after_ms"];

/// A sample as files have it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) point: String,
    /// Source time.
    pub(crate) t: Timestamp,
    #[serde(deserialize_with = "exactly")]
    pub(crate) v: Value,
    #[serde(default)]
    pub(crate) q: Quality,
    /// Receive time; absent: as `t`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) received: Option<Timestamp>,
    #[serde(default)]
    pub(crate) unit: String,
    #[serde(default)]
    pub(crate) stale_after_ms: u32,
}

/// Reads a number as it is written: by itself `serde_json` is one off in the last place of
/// some.
fn exactly<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let text = Box::<RawValue>::deserialize(deserializer)?;
    // Of all JSON only numbers are read like this: names of no number are not JSON.
    match text.get().parse() {
        Ok(number) => Ok(Value::Number(number)),
        Err(_) => serde_json::from_str(text.get()).map_err(D::Error::custom),
    }
}

impl From<&PastSample> for Line {
    fn from(past: &PastSample) -> Self {
        let sample = &past.sample;
        Self {
            point: past.point.key.to_string(),
            t: sample.source_time,
            v: sample.value.clone(),
            q: sample.quality,
            received: Some(sample.receive_time),
            unit: past.point.unit.as_ref().to_owned(),
            stale_after_ms: past.point.stale_after_ms,
        }
    }
}

impl Line {
    /// As a reading, if it can be one.
    pub(super) fn into_reading(self) -> Result<Reading, String> {
        let key = PointKey::parse(&self.point)
            .ok_or_else(|| format!("{:?} is no point: expected ENTITY/METRIC", self.point))?;
        match &self.v {
            Value::Number(number) if !number.is_finite() => {
                return Err(format!("{number} is no measurement"));
            }
            Value::Text(text) if text.len() > MAX_TEXT_BYTES => {
                return Err(format!("a text of {} bytes; {MAX_TEXT_BYTES} at most", text.len()));
            }
            _ => {}
        }
        let point = PastPoint { key, unit: self.unit.into(), stale_after_ms: self.stale_after_ms };
        let sample = Sample {
            value: self.v,
            source_time: self.t,
            receive_time: self.received.unwrap_or(self.t),
            quality: self.q,
        };
        Ok(PastSample { point: point.into(), sample }.into_reading())
    }

    /// Reads a record of CSV. A value is what JSON takes it for, else a text; in quotes of
    /// its own it is a text whatever it looks like.
    pub(super) fn from_fields(
        fields: &csv::StringRecord,
        header: &csv::StringRecord,
    ) -> Result<Self, String> {
        let field = |name: &str| {
            let place = header.iter().position(|column| column == name)?;
            fields.get(place).filter(|text| !text.is_empty())
        };
        let needed = |name: &str| field(name).ok_or_else(|| format!("{name} is missing"));
        let time = |name: &str, text: &str| {
            text.parse()
                .map_err(|_| format!("{name}: {text:?} is no time such as 2026-03-01T08:00:00Z"))
        };
        let quality = match field("q") {
            None => Quality::Good,
            Some(text) => serde_json::from_value(text.into())
                .map_err(|_| format!("q: {text:?}: expected good, uncertain, stale or bad"))?,
        };
        let stale_after_ms = match field("stale_after_ms") {
            None => 0,
            Some(text) => {
                text.parse().map_err(|_| format!("stale_after_ms: {text:?} is no count of ms"))?
            }
        };
        Ok(Self {
            point: needed("point")?.to_owned(),
            t: time("t", needed("t")?)?,
            v: value(needed("v")?),
            q: quality,
            received: field("received").map(|text| time("received", text)).transpose()?,
            unit: field("unit").unwrap_or_default().to_owned(),
            stale_after_ms,
        })
    }
}

fn value(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text if text.starts_with('"') => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::Text(text.to_owned()))
        }
        text => text
            .parse()
            .ok()
            .and_then(Value::number)
            .unwrap_or_else(|| Value::Text(text.to_owned())),
    }
}

/// A value as a field of CSV; a text that could be taken for something else is in quotes.
fn field(held: &Value) -> String {
    match held {
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Text(text) if value(text) == *held && !text.is_empty() => text.clone(),
        Value::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
    }
}

/// Writes samples down.
pub(super) enum Sink<W: std::io::Write + Send> {
    Csv(Box<csv::Writer<W>>),
    Jsonl(W),
    Parquet(Box<parquet::Sink<W>>),
}

impl<W: std::io::Write + Send> Sink<W> {
    pub(super) fn new(format: Format, out: W) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(HEADER)?;
                Self::Csv(Box::new(writer))
            }
            Format::Jsonl => Self::Jsonl(out),
            Format::Parquet => Self::Parquet(Box::new(parquet::Sink::new(out)?)),
        })
    }

    pub(super) fn put(&mut self, line: Line) -> anyhow::Result<()> {
        match self {
            Self::Csv(writer) => {
                let quality = serde_json::to_value(line.q)?;
                writer.write_record([
                    line.point.as_str(),
                    &line.t.to_string(),
                    &field(&line.v),
                    quality.as_str().unwrap_or_default(),
                    &line.received.unwrap_or(line.t).to_string(),
                    &line.unit,
                    &line.stale_after_ms.to_string(),
                ])?;
            }
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")?;
            }
            Self::Parquet(sink) => sink.put(line)?,
        }
        Ok(())
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Csv(mut writer) => writer.flush()?,
            Self::Jsonl(mut out) => out.flush()?,
            Self::Parquet(sink) => sink.finish()?.flush()?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_survives_json_to_the_last_bit() {
        let of = |v: Value| {
            let (point, t) = ("a/x".to_owned(), Timestamp::UNIX_EPOCH);
            let unit = String::new();
            Line { point, t, v, q: Quality::Good, received: None, unit, stale_after_ms: 0 }
        };
        let back = |line: &Line| -> Line {
            serde_json::from_slice(&serde_json::to_vec(line).unwrap()).unwrap()
        };
        let mut bits = 0x9e37_79b9_7f4a_7c15u64;
        let numbers = std::iter::repeat_with(|| {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            // Half of them of everyday size.
            if bits.is_multiple_of(2) { f64::from_bits(bits) } else { bits as f64 / 3e17 }
        });
        for number in numbers.filter(|number| number.is_finite()).take(20_000) {
            let Value::Number(read) = back(&of(Value::Number(number))).v else { panic!() };
            assert_eq!(read.to_bits(), number.to_bits(), "{number:?}");
        }
        for other in [Value::Bool(false), Value::Text("12".into()), Value::Text("inf\n".into())] {
            assert_eq!(back(&of(other.clone())).v, other);
        }
        let line =
            |v: &str| format!("{{\"point\":\"a/x\",\"t\":\"1970-01-01T00:00:00Z\",\"v\":{v}}}");
        for bad in ["NaN", "inf", "[1]", "null", "01"] {
            assert!(serde_json::from_str::<Line>(&line(bad)).is_err(), "{bad}");
        }
        let huge = serde_json::from_str::<Line>(&line("1e999"));
        assert!(huge.map_err(|error| error.to_string()).and_then(Line::into_reading).is_err());
    }

    #[test]
    fn any_value_survives_a_field() {
        for held in [
            Value::Number(-0.1),
            Value::Number(1e300),
            Value::Bool(true),
            Value::Text("open".into()),
            Value::Text("true".into()),
            Value::Text("12".into()),
            Value::Text("\"quoted\"".into()),
            Value::Text("NaN".into()),
            Value::Text(String::new()),
            Value::Text("门, \n".into()),
        ] {
            assert_eq!(value(&field(&held)), held, "{}", field(&held));
        }
    }
}
