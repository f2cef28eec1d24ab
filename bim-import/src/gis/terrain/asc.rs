//! Esri ASCII grids.

use std::str::SplitAsciiWhitespace;

use super::{Grid, MAX_SAMPLES};
use crate::crs;

/// Reads a grid; `prj` is the text of the file beside it that names its system.
///
/// # Errors
/// What is wrong with the file, in words.
pub(in super::super) fn read(
    bytes: &[u8],
    prj: Option<&str>,
    wanted: Option<&str>,
) -> Result<Grid, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut words = text.split_ascii_whitespace();
    let mut head = Head::default();
    let mut first = None;
    while let Some(word) = words.next() {
        if word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.parse::<f32>().is_err() {
            head.take(word, &mut words)?;
        } else {
            first = Some(word);
            break;
        }
    }
    let columns = head.count(head.columns, "ncols")?;
    let rows = head.count(head.rows, "nrows")?;
    let samples = columns.saturating_mul(rows);
    if samples > MAX_SAMPLES {
        return Err(format!("it has {samples} samples; make it coarser than {MAX_SAMPLES} first"));
    }
    let [dx, dy] = head.step.ok_or("it names no cellsize")?;
    if !(dx > 0.0 && dy > 0.0) {
        return Err("its cellsize is not positive".into());
    }
    let corner = [(head.x, dx), (head.y, dy)].map(|(at, step)| match at {
        Some((value, true)) => Ok(value),
        Some((value, false)) => Ok(value + step / 2.0),
        None => Err("it names no lower left corner"),
    });
    let [west, south] = [corner[0]?, corner[1]?];
    let mut heights = Vec::with_capacity(samples.min(text.len() / 2 + 1));
    for word in first.into_iter().chain(words).take(samples) {
        let value: f32 = word.parse().map_err(|_| format!("{word:?} is no height"))?;
        let measured = f64::from(value) != head.nothing && value.is_finite();
        heights.push(if measured { value } else { f32::NAN });
    }
    if heights.len() < samples {
        return Err(format!("it ends after {} of {samples} heights", heights.len()));
    }
    let mut grid = Grid {
        crs: None,
        columns,
        rows,
        first: [west, south + dy * (rows - 1) as f64],
        step: [dx, -dy],
        heights,
        notes: Vec::new(),
    };
    let own = prj.map(crs::name_in_wkt);
    grid.name_system(own.as_deref(), wanted);
    Ok(grid)
}

struct Head {
    columns: Option<f64>,
    rows: Option<f64>,
    /// The value, and whether it is the middle of a cell.
    x: Option<(f64, bool)>,
    y: Option<(f64, bool)>,
    step: Option<[f64; 2]>,
    nothing: f64,
}

impl Default for Head {
    fn default() -> Self {
        Self { columns: None, rows: None, x: None, y: None, step: None, nothing: -9_999.0 }
    }
}

impl Head {
    fn take(&mut self, key: &str, words: &mut SplitAsciiWhitespace<'_>) -> Result<(), String> {
        let value = words.next().and_then(|word| word.parse::<f64>().ok());
        let value = value.ok_or_else(|| format!("{key} is followed by no number"))?;
        match key.to_ascii_lowercase().as_str() {
            "ncols" => self.columns = Some(value),
            "nrows" => self.rows = Some(value),
            "xllcorner" => self.x = Some((value, false)),
            "xllcenter" => self.x = Some((value, true)),
            "yllcorner" => self.y = Some((value, false)),
            "yllcenter" => self.y = Some((value, true)),
            "cellsize" => self.step = Some([value, value]),
            "dx" => self.step = Some([value, self.step.map_or(value, |step| step[1])]),
            "dy" => self.step = Some([self.step.map_or(value, |step| step[0]), value]),
            "nodata_value" => self.nothing = value,
            _ => return Err(format!("{key:?} is not known in the head of a grid")),
        }
        Ok(())
    }

    fn count(&self, value: Option<f64>, key: &str) -> Result<usize, String> {
        let value = value.ok_or_else(|| format!("it names no {key}"))?;
        let sane = value.fract() == 0.0 && (2.0..=1e9).contains(&value);
        if sane { Ok(value as usize) } else { Err(format!("{key} {value} is no size of a grid")) }
    }
}
