//! Samples as rows, and back.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use jiff::Timestamp;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use twin_model::{PointKey, Quality, Sample, Value};

use crate::history::{PastPoint, order_time};

/// What tells samples of one point and time apart: a repeated delivery has the same
/// fingerprint and is kept once.
pub(super) fn fingerprint(sample: &Sample) -> i32 {
    // FNV-1a: the same on every server and in every version.
    let mut hash: u32 = 0x811c_9dc5;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    };
    mix(&micros(sample.source_time).to_le_bytes());
    match &sample.value {
        Value::Bool(yes) => mix(&[0, u8::from(*yes)]),
        Value::Number(number) => {
            mix(&[1]);
            mix(&number.to_bits().to_le_bytes());
        }
        Value::Text(text) => {
            mix(&[2]);
            mix(text.as_bytes());
        }
    }
    hash.cast_signed()
}

/// The columns that a sample is copied into: its batch and place in there, and what
/// becomes a row.
pub(super) const COPIED: [(&str, Type); 11] = [
    ("batch", Type::INT4),
    ("place", Type::INT4),
    ("point", Type::INT4),
    ("t", Type::TIMESTAMPTZ),
    ("fingerprint", Type::INT4),
    ("source_offset_us", Type::INT8),
    ("receive_offset_us", Type::INT8),
    ("number", Type::FLOAT8),
    ("state", Type::TEXT),
    ("yes", Type::BOOL),
    ("quality", Type::INT2),
];

/// A sample in columns. Times keep microseconds.
pub(super) struct Columns<'a> {
    pub(super) point: i32,
    pub(super) time: PgTime,
    pub(super) fingerprint: i32,
    /// Absent for nothing, which most of them are.
    source_offset_us: Option<i64>,
    receive_offset_us: Option<i64>,
    number: Option<f64>,
    state: Option<Cow<'a, str>>,
    yes: Option<bool>,
    quality: i16,
}

impl<'a> Columns<'a> {
    pub(super) fn new(point: i32, sample: &'a Sample) -> Self {
        let time = PgTime::at(order_time(sample));
        let offset = |of: Timestamp| Some(micros(of) - time.0).filter(|offset| *offset != 0);
        let mut columns = Self {
            point,
            time,
            fingerprint: fingerprint(sample),
            source_offset_us: offset(sample.source_time),
            receive_offset_us: offset(sample.receive_time),
            number: None,
            state: None,
            yes: None,
            quality: quality_code(sample.quality),
        };
        match &sample.value {
            Value::Number(number) => columns.number = Some(*number),
            Value::Bool(yes) => columns.yes = Some(*yes),
            Value::Text(text) if text.contains('\0') => {
                columns.state = Some(escaped(text).into());
                columns.quality += ESCAPED;
            }
            Value::Text(text) => columns.state = Some(text.into()),
        }
        columns
    }

    /// When it was measured, in microseconds.
    pub(super) fn source_us(&self) -> i64 {
        self.time.0 + self.source_offset_us.unwrap_or_default()
    }

    /// In the order of [`COPIED`], after batch and place.
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 9] {
        [
            &self.point,
            &self.time,
            &self.fingerprint,
            &self.source_offset_us,
            &self.receive_offset_us,
            &self.number,
            &self.state,
            &self.yes,
            &self.quality,
        ]
    }
}

/// Added to the quality of a state that is [`escaped`].
const ESCAPED: i16 = 16;

/// PostgreSQL takes any text but a zero in it, and one such payload must not take a whole
/// commit along.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('\0', r"\0")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.push(if chars.next() == Some('0') { '\0' } else { '\\' }),
            char => plain.push(char),
        }
    }
    plain
}

/// What a query must select, from alias `s`, for [`sample`] to read it.
pub(super) const SELECTED: &str =
    "s.t, s.source_offset_us, s.receive_offset_us, s.number, s.state, s.yes, s.quality";

/// The sample in a row whose columns from `first` on are [`SELECTED`].
pub(super) fn sample(row: &Row, first: usize) -> Result<Sample, tokio_postgres::Error> {
    let PgTime(time) = row.try_get(first)?;
    let at = |offset: Option<i64>| {
        let micros = time.saturating_add(offset.unwrap_or_default());
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
    };
    let number: Option<f64> = row.try_get(first + 3)?;
    let state: Option<String> = row.try_get(first + 4)?;
    let yes: Option<bool> = row.try_get(first + 5)?;
    let code: i16 = row.try_get(first + 6)?;
    let value = match (number, state, yes) {
        (Some(number), _, _) => Value::Number(number),
        (_, Some(text), _) if code >= ESCAPED => Value::Text(unescaped(&text)),
        (_, Some(text), _) => Value::Text(text),
        (_, _, yes) => Value::Bool(yes.unwrap_or_default()),
    };
    Ok(Sample {
        value,
        source_time: at(row.try_get(first + 1)?),
        receive_time: at(row.try_get(first + 2)?),
        quality: quality(code % ESCAPED),
    })
}

fn quality_code(quality: Quality) -> i16 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain => 1,
        Quality::Stale => 2,
        Quality::Bad => 3,
    }
}

fn quality(code: i16) -> Quality {
    match code {
        0 => Quality::Good,
        1 => Quality::Uncertain,
        2 => Quality::Stale,
        _ => Quality::Bad,
    }
}

/// The point in a row of `id, entity, metric, unit, stale_after_ms`.
pub(super) fn point(row: &Row) -> Result<(i32, PastPoint), tokio_postgres::Error> {
    let stale_after_ms: i64 = row.try_get(4)?;
    let point = PastPoint {
        key: PointKey::new(row.try_get::<_, &str>(1)?, row.try_get::<_, &str>(2)?),
        unit: row.try_get::<_, &str>(3)?.into(),
        stale_after_ms: u32::try_from(stale_after_ms).unwrap_or(u32::MAX),
    };
    Ok((row.try_get(0)?, point))
}

/// Points by number.
pub(super) type Points = HashMap<i32, Arc<PastPoint>>;

/// Microseconds since 1970, rounded down.
pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond() - i64::from(time.subsec_nanosecond() % 1_000 < 0)
}

/// A `timestamptz`, as microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PgTime(pub(super) i64);

impl PgTime {
    /// The time, or about the earliest that PostgreSQL knows, 4713 BC.
    pub(super) fn at(time: Timestamp) -> Self {
        Self(micros(time).max(EARLIEST_US))
    }

    pub(super) fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A month after the very first, so that a week may be taken off.
const EARLIEST_US: i64 = EPOCH_2000_US - 211_813_488_000_000_000 + 30 * 86_400_000_000;

/// PostgreSQL counts from 2000-01-01.
const EPOCH_2000_US: i64 = 946_684_800_000_000;

mod codec {
    use std::error::Error;

    use bytes::BytesMut;
    use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

    use super::{EPOCH_2000_US, PgTime};

    impl ToSql for PgTime {
        fn to_sql(
            &self,
            _: &Type,
            out: &mut BytesMut,
        ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
            out.extend_from_slice(&self.0.saturating_sub(EPOCH_2000_US).to_be_bytes());
            Ok(IsNull::No)
        }
        accepts!(TIMESTAMPTZ);
        to_sql_checked!();
    }

    impl<'a> FromSql<'a> for PgTime {
        fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
            let micros = i64::from_be_bytes(raw.try_into()?);
            Ok(Self(micros.saturating_add(EPOCH_2000_US)))
        }
        accepts!(TIMESTAMPTZ);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(value: Value) -> Sample {
        let time: Timestamp = "2026-03-01T08:00:00.123456Z".parse().unwrap();
        Sample { value, source_time: time, receive_time: time, quality: Quality::Good }
    }

    #[test]
    fn a_fingerprint_tells_values_apart_and_stays_for_ever() {
        let of = |value| fingerprint(&sample(value));
        let all = [
            of(Value::Number(0.0)),
            of(Value::Number(1.0)),
            of(Value::Bool(false)),
            of(Value::Bool(true)),
            of(Value::Text(String::new())),
            of(Value::Text("open".into())),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[..n].contains(one), "{all:?}");
        }
        assert_eq!(all[1], of(Value::Number(1.0)));
    }

    #[test]
    fn a_zero_in_a_text_goes_in_and_comes_out() {
        for text in ["\0", "a\\0\0", "\\\\\0\\", "开\0着"] {
            let sample = sample(Value::Text(text.into()));
            let columns = Columns::new(1, &sample);
            let state = columns.state.unwrap();
            assert!(!state.contains('\0') && columns.quality == ESCAPED);
            assert_eq!(unescaped(&state), text);
        }
    }

    #[test]
    fn times_round_down_on_both_sides_of_1970() {
        let before: Timestamp = "1969-12-31T23:59:59.9999995Z".parse().unwrap();
        assert_eq!(micros(before), -1);
        let after: Timestamp = "1970-01-01T00:00:00.0000015Z".parse().unwrap();
        assert_eq!(micros(after), 1);
    }
}
