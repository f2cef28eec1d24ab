//! Delimited text: rows become the elements of a tree, so that paths work as in JSON.

use serde_json::{Map, Number, Value as Json};

/// Rows of one payload; a payload of more is refused.
const MAX_ROWS: usize = 10_000;
/// Columns of a row.
const MAX_COLUMNS: usize = 256;
/// Cells of one payload: each takes a hundred bytes of memory, also where it is empty.
const MAX_CELLS: usize = 100_000;
/// Longest name of a column, bytes: every row repeats it.
const MAX_NAME: usize = 256;
/// Longest cell that is read as a number, bytes: a longer one is a serial number, whose
/// digits a float would not keep.
const MAX_NUMBER: usize = 15;

/// How delimited text is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    /// What stands between cells.
    pub delimiter: u8,
    /// Whether the first row names the columns.
    pub header: bool,
    /// Names given to the columns; empty: those of the header, or numbers from 0.
    pub columns: Vec<String>,
}

impl Default for Csv {
    fn default() -> Self {
        Self { delimiter: b',', header: false, columns: Vec::new() }
    }
}

/// An array with one element a row: an object where columns have names, else an array.
pub(super) fn read(shape: &Csv, payload: &[u8]) -> Result<Json, String> {
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(shape.delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .from_reader(payload);
    let mut names = shape.columns.clone();
    let (mut rows, mut record) = (Vec::new(), ::csv::ByteRecord::new());
    let mut cells = 0;
    let mut header_pending = shape.header;
    while reader.read_byte_record(&mut record).map_err(|e| format!("not CSV: {e}"))? {
        if record.len() > MAX_COLUMNS {
            return Err(format!("a row of {} columns; at most {MAX_COLUMNS}", record.len()));
        }
        if std::mem::take(&mut header_pending) {
            if names.is_empty() {
                names = record.iter().map(name).collect::<Result<_, _>>()?;
            }
            continue;
        }
        if rows.len() == MAX_ROWS {
            return Err(format!("more than {MAX_ROWS} rows"));
        }
        cells += record.len();
        if cells > MAX_CELLS {
            return Err(format!("more than {MAX_CELLS} cells"));
        }
        rows.push(row(&record, &names)?);
    }
    if rows.is_empty() {
        return Err("no row of values".to_owned());
    }
    Ok(Json::Array(rows))
}

fn row(record: &::csv::ByteRecord, names: &[String]) -> Result<Json, String> {
    if names.is_empty() {
        return record.iter().map(cell).collect::<Result<_, _>>().map(Json::Array);
    }
    if record.len() > names.len() {
        let (cells, columns) = (record.len(), names.len());
        return Err(format!("a row of {cells} cells, where {columns} columns have names"));
    }
    let mut row = Map::new();
    for (name, bytes) in names.iter().zip(record) {
        row.insert(name.clone(), cell(bytes)?);
    }
    Ok(Json::Object(row))
}

fn text(cell: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(cell).map_err(|error| format!("not UTF-8: {error}"))?;
    // What some exports begin with.
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn name(cell: &[u8]) -> Result<String, String> {
    if cell.len() > MAX_NAME {
        return Err(format!("a name of a column of {} bytes; at most {MAX_NAME}", cell.len()));
    }
    text(cell)
}

/// A cell: nothing, a number as JSON would write it, or text. A code such as `007` is text.
fn cell(bytes: &[u8]) -> Result<Json, String> {
    let text = text(bytes)?;
    if text.is_empty() {
        return Ok(Json::Null);
    }
    if text.len() <= MAX_NUMBER
        && let Ok(number) = text.parse::<Number>()
    {
        return Ok(Json::Number(number));
    }
    Ok(Json::String(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_go_by_header_by_given_names_or_by_number() {
        let payload = b"sn;p\n007;1.5\n\"a;b\";-2\n";
        let shape = Csv { delimiter: b';', header: true, columns: vec![] };
        let rows = json!([{"sn": "007", "p": 1.5}, {"sn": "a;b", "p": -2}]);
        assert_eq!(read(&shape, payload), Ok(rows));
        let named = Csv { columns: vec!["x".into(), "y".into()], ..shape.clone() };
        assert_eq!(read(&named, payload).unwrap()[1], json!({"x": "a;b", "y": -2}));
        assert_eq!(read(&Csv::default(), b"1, ,x\r\n"), Ok(json!([[1, null, "x"]])));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let named = Csv { columns: vec!["x".into()], ..Csv::default() };
        assert!(read(&named, b"1,2").unwrap_err().contains("2 cells"));
        assert!(read(&Csv::default(), b"").unwrap_err().contains("no row"));
        assert!(read(&Csv::default(), b"a,\xff").unwrap_err().contains("UTF-8"));
        assert!(read(&Csv::default(), &b",".repeat(300)).unwrap_err().contains("columns"));
        assert!(read(&Csv::default(), &b"1\n".repeat(10_001)).unwrap_err().contains("rows"));
    }

    /// A megabyte of commas under long names would become a gigabyte.
    #[test]
    fn cells_and_names_are_bounded() {
        let rows = ",,,,,,,,,\n".repeat(9_999);
        assert!(read(&Csv::default(), rows.as_bytes()).is_ok());
        let rows = ",,,,,,,,,,\n".repeat(9_999);
        assert!(read(&Csv::default(), rows.as_bytes()).unwrap_err().contains("100000 cells"));
        let named = Csv { header: true, ..Csv::default() };
        let long = format!("{}\n1\n", "n".repeat(257));
        assert!(read(&named, long.as_bytes()).unwrap_err().contains("257 bytes"));
    }

    #[test]
    fn long_digits_stay_text() {
        let row = read(&Csv::default(), b"\xef\xbb\xbf1,860000000000000123").unwrap();
        assert_eq!(row, json!([[1, "860000000000000123"]]));
    }
}
