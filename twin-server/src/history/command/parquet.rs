//! Samples as Parquet: a value stands in the column of its sort, the others are null.

use std::{fs::File, io::Write, sync::Arc};

use anyhow::{Context, bail};
use jiff::Timestamp;
use parquet::{
    basic::{Compression, ZstdLevel},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
    file::{
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    record::{Field, Row},
    schema::parser::parse_message_type,
};
use twin_model::{Quality, Value};

use super::lines::Line;

const SCHEMA: &str = "message samples {
  required binary point (STRING);
  required int64 t (TIMESTAMP(MILLIS, true));
  optional double v;
  optional binary v_text (STRING);
  optional boolean v_bool;
  required binary q (STRING);
  required int64 received (TIMESTAMP(MILLIS, true));
  required binary unit (STRING);
  required int64 stale_after_ms;
}";

/// Samples of one row group: what is held until it is written.
const GROUP: usize = 100_000;

/// Writes a file.
pub(crate) struct Sink<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    lines: Vec<Line>,
}

impl<W: Write + Send> Sink<W> {
    pub(crate) fn new(out: W) -> anyhow::Result<Self> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let packed = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(packed).build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        Ok(Self { writer, lines: Vec::new() })
    }

    pub(crate) fn put(&mut self, line: Line) -> anyhow::Result<()> {
        self.lines.push(line);
        if self.lines.len() >= GROUP { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());
        column::<ByteArrayType, _>(&mut group, lines.iter().map(|line| Some(text(&line.point))))?;
        column::<Int64Type, _>(&mut group, lines.iter().map(|line| Some(line.t.as_millisecond())))?;
        let number = |line: &Line| match line.v {
            Value::Number(number) => Some(number),
            _ => None,
        };
        optional::<DoubleType, _>(&mut group, lines.iter().map(number))?;
        let state = |line: &Line| match &line.v {
            Value::Text(state) => Some(text(state)),
            _ => None,
        };
        optional::<ByteArrayType, _>(&mut group, lines.iter().map(state))?;
        let yes = |line: &Line| match line.v {
            Value::Bool(yes) => Some(yes),
            _ => None,
        };
        optional::<BoolType, _>(&mut group, lines.iter().map(yes))?;
        let quality = |line: &Line| Some(text(quality_name(line.q)));
        column::<ByteArrayType, _>(&mut group, lines.iter().map(quality))?;
        let received = |line: &Line| Some(line.received.unwrap_or(line.t).as_millisecond());
        column::<Int64Type, _>(&mut group, lines.iter().map(received))?;
        column::<ByteArrayType, _>(&mut group, lines.iter().map(|line| Some(text(&line.unit))))?;
        let limit = |line: &Line| Some(i64::from(line.stale_after_ms));
        column::<Int64Type, _>(&mut group, lines.iter().map(limit))?;
        group.close()?;
        Ok(())
    }

    /// Ends the file, and gives back what it was written to.
    pub(crate) fn finish(mut self) -> anyhow::Result<W> {
        self.write()?;
        Ok(self.writer.into_inner()?)
    }
}

fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> anyhow::Result<()> {
    let values: Vec<T::T> = values.flatten().collect();
    let mut column = group.next_column()?.context("fewer columns than the schema has")?;
    column.typed::<T>().write_batch(&values, None, None)?;
    Ok(column.close()?)
}

fn optional<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> anyhow::Result<()> {
    let mut defined = Vec::new();
    let mut some = Vec::new();
    for value in values {
        defined.push(i16::from(value.is_some()));
        some.extend(value);
    }
    let mut column = group.next_column()?.context("fewer columns than the schema has")?;
    column.typed::<T>().write_batch(&some, Some(&defined), None)?;
    Ok(column.close()?)
}

fn quality_name(quality: Quality) -> &'static str {
    match quality {
        Quality::Good => "good",
        Quality::Uncertain => "uncertain",
        Quality::Stale => "stale",
        Quality::Bad => "bad",
    }
}

/// The rows of a file, each as a line or as the reason why it is none.
pub(super) fn rows(
    file: File,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Result<Line, String>>>> {
    let reader = SerializedFileReader::new(file)?;
    let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    for needed in ["point", "t"] {
        if !columns.iter().any(|column| column.name() == needed) {
            bail!("there is no column {needed:?}");
        }
    }
    let rows = reader.into_iter();
    Ok(rows.map(|row| Ok(line(&row?))))
}

fn line(row: &Row) -> Result<Line, String> {
    let field =
        |name: &str| row.get_column_iter().find(|(column, _)| *column == name).map(|(_, f)| f);
    let text = |name: &str| match field(name) {
        None | Some(Field::Null) => Ok(None),
        Some(Field::Str(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!("{name}: {other} is no text")),
    };
    let needed = |name: &str| format!("{name} is missing");
    let value = match (value(field("v"))?, value(field("v_text"))?, value(field("v_bool"))?) {
        (Some(value), None, None) | (None, Some(value), None) | (None, None, Some(value)) => value,
        (None, None, None) => return Err("it has no value".to_owned()),
        _ => return Err("it has more than one value".to_owned()),
    };
    let q = match text("q")? {
        None => Quality::Good,
        Some(q) => serde_json::from_value(q.as_str().into())
            .map_err(|_| format!("q: {q:?}: expected good, uncertain, stale or bad"))?,
    };
    let stale_after_ms = match field("stale_after_ms") {
        Some(Field::Long(ms)) => u32::try_from(*ms).map_err(|_| format!("stale_after_ms: {ms}"))?,
        _ => 0,
    };
    Ok(Line {
        point: text("point")?.ok_or_else(|| needed("point"))?,
        t: time("t", field("t"))?.ok_or_else(|| needed("t"))?,
        v: value,
        q,
        received: time("received", field("received"))?,
        unit: text("unit")?.unwrap_or_default(),
        stale_after_ms,
    })
}

fn value(field: Option<&Field>) -> Result<Option<Value>, String> {
    Ok(Some(match field {
        None | Some(Field::Null) => return Ok(None),
        Some(Field::Double(number)) => Value::Number(*number),
        Some(Field::Float(number)) => Value::Number(f64::from(*number)),
        Some(Field::Int(number)) => Value::Number(f64::from(*number)),
        Some(Field::Long(number)) => Value::Number(*number as f64),
        Some(Field::Bool(yes)) => Value::Bool(*yes),
        Some(Field::Str(text)) => Value::Text(text.clone()),
        Some(other) => return Err(format!("v: {other} is no value")),
    }))
}

fn time(name: &str, field: Option<&Field>) -> Result<Option<Timestamp>, String> {
    let time = match field {
        None | Some(Field::Null) => return Ok(None),
        Some(Field::TimestampMillis(ms)) => Timestamp::from_millisecond(*ms),
        Some(Field::TimestampMicros(us)) => Timestamp::from_microsecond(*us),
        Some(Field::Str(text)) => text.parse(),
        Some(other) => return Err(format!("{name}: {other} is no time")),
    };
    time.map(Some).map_err(|error| format!("{name}: {error}"))
}
