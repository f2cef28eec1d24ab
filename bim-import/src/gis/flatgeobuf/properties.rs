//! Properties of FlatGeobuf: numbers of columns, each with a value of the column's type.

use flatgeobuf::{Column, ColumnType};
use geojson::feature::Id;
use serde_json::{Map, Value};

/// What the properties of a feature mean.
pub(super) struct Columns<'a> {
    columns: Vec<(&'a str, ColumnType)>,
    /// The one that tells features apart.
    key: Option<usize>,
}

/// The properties of one feature.
#[derive(Default)]
pub(super) struct Read {
    pub(super) id: Option<Id>,
    pub(super) properties: Map<String, Value>,
    /// Why some are missing.
    pub(super) fault: Option<&'static str>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(columns: Option<impl IntoIterator<Item = Column<'a>>>) -> Self {
        let columns: Vec<Column<'a>> = columns.into_iter().flatten().collect();
        // The format has no ids, and features are sorted by place: numbers in the file
        // change with any edit. Columns called so are what ids of other formats end up in.
        let named =
            |name: &str| columns.iter().position(|column| column.name().eq_ignore_ascii_case(name));
        let key = columns.iter().position(Column::primary_key);
        let key = key.or_else(|| named("id")).or_else(|| named("fid"));
        let columns = columns.iter().map(|column| (column.name(), column.type_())).collect();
        Self { columns, key }
    }

    /// Reads what a feature has, as far as it makes sense.
    pub(super) fn read(&self, bytes: &[u8]) -> Read {
        let mut read = Read::default();
        let mut bytes = Bytes(bytes);
        // Some writers leave one byte behind the last value.
        while bytes.0.len() > 1 {
            let column = bytes.take().map(u16::from_le_bytes).map(usize::from);
            let Some(&(name, kind)) = column.and_then(|column| self.columns.get(column)) else {
                read.fault = Some("a feature with properties of no known column");
                break;
            };
            let Some(value) = bytes.value(kind) else {
                read.fault = Some("a feature whose properties are cut off or no text");
                break;
            };
            if column == self.key {
                read.id = match &value {
                    Value::String(text) if !text.is_empty() => Some(Id::String(text.clone())),
                    Value::Number(number) => Some(Id::Number(number.clone())),
                    _ => None,
                };
            }
            if !value.is_null() {
                read.properties.insert(name.to_owned(), value);
            }
        }
        read
    }
}

/// What is left of the bytes.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.take()?) as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    /// The next value; nothing where the bytes hold none of that type.
    fn value(&mut self, kind: ColumnType) -> Option<Value> {
        Some(match kind {
            ColumnType::Byte => i8::from_le_bytes(self.take()?).into(),
            ColumnType::UByte => u8::from_le_bytes(self.take()?).into(),
            ColumnType::Bool => (self.take::<1>()? != [0]).into(),
            ColumnType::Short => i16::from_le_bytes(self.take()?).into(),
            ColumnType::UShort => u16::from_le_bytes(self.take()?).into(),
            ColumnType::Int => i32::from_le_bytes(self.take()?).into(),
            ColumnType::UInt => u32::from_le_bytes(self.take()?).into(),
            ColumnType::Long => i64::from_le_bytes(self.take()?).into(),
            ColumnType::ULong => u64::from_le_bytes(self.take()?).into(),
            ColumnType::Float => shortest(f32::from_le_bytes(self.take()?)),
            ColumnType::Double => f64::from_le_bytes(self.take()?).into(),
            ColumnType::String | ColumnType::DateTime => {
                std::str::from_utf8(self.text()?).ok()?.into()
            }
            ColumnType::Json => {
                let text = std::str::from_utf8(self.text()?).ok()?;
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            }
            // Pictures and the like: nothing for a list of properties.
            ColumnType::Binary => {
                self.text()?;
                Value::Null
            }
            _ => return None,
        })
    }
}

/// 3.2 in single precision is 3.2, not 3.2000000476837158.
fn shortest(value: f32) -> Value {
    value.to_string().parse::<f64>().unwrap_or(f64::NAN).into()
}
