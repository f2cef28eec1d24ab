//! GeoTIFF: one band of heights, north up.

use std::io::Cursor;

use tiff::{
    decoder::{Decoder, DecodingResult, Limits},
    tags::Tag,
};

use super::{Grid, MAX_SAMPLES};

const MODEL_TRANSFORMATION: u16 = 34_264;
/// Keys of the GeoKey directory.
const RASTER_TYPE: u16 = 1_025;
const GEOGRAPHIC: u16 = 2_048;
const PROJECTED: u16 = 3_072;
const VERTICAL: u16 = 4_096;
/// A code that stands for "defined by the user".
const USER_DEFINED: u16 = 32_767;

/// Reads the first image of a file.
///
/// # Errors
/// What is wrong with the file, in words.
pub(in super::super) fn read(bytes: &[u8], wanted: Option<&str>) -> Result<Grid, String> {
    let words = |error: tiff::TiffError| error.to_string();
    let mut limits = Limits::default();
    limits.decoding_buffer_size = 8 * MAX_SAMPLES;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(words)?.with_limits(limits);
    let (columns, rows) = decoder.dimensions().map_err(words)?;
    let (columns, rows) = (columns as usize, rows as usize);
    let samples = columns.saturating_mul(rows);
    if samples > MAX_SAMPLES {
        return Err(format!("it has {samples} samples; make it coarser than {MAX_SAMPLES} first"));
    }
    if columns < 2 || rows < 2 {
        return Err("it is no grid".into());
    }
    let floats = |decoder: &mut Decoder<_>, tag| decoder.get_tag_f64_vec(tag).ok();
    if floats(&mut decoder, Tag::Unknown(MODEL_TRANSFORMATION)).is_some() {
        return Err("it is turned; make it north up with `gdalwarp` first".into());
    }
    let scale = floats(&mut decoder, Tag::ModelPixelScaleTag).filter(|scale| scale.len() > 1);
    let tie = floats(&mut decoder, Tag::ModelTiepointTag).filter(|tie| tie.len() > 4);
    let (Some(scale), Some(tie)) = (scale, tie) else {
        return Err("it does not say where it lies: no pixel scale or tie point".into());
    };
    let sane = scale[..2].iter().all(|s| *s > 0.0 && s.is_finite())
        && tie.iter().all(|value| value.is_finite());
    if !sane {
        return Err("its pixel scale or tie point is no number".into());
    }
    let keys = Keys(decoder.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default());
    // A sample is the area of a pixel unless it is said to be a point.
    let half = if keys.get(RASTER_TYPE) == Some(2) { 0.0 } else { 0.5 };
    let first = [tie[3] + (half - tie[0]) * scale[0], tie[4] - (half - tie[1]) * scale[1]];
    let nothing: Option<f64> = decoder
        .get_tag_ascii_string(Tag::GdalNodata)
        .ok()
        .and_then(|text| text.trim_matches(['\0', ' ']).parse().ok());
    let heights = heights(decoder.read_image().map_err(words)?, nothing)?;
    if heights.len() < samples {
        return Err("it holds fewer heights than it says".into());
    }
    if heights.len() != samples {
        return Err("it has more than one band: an image, not heights".into());
    }
    let mut grid = Grid {
        crs: None,
        columns,
        rows,
        first,
        step: [scale[0], -scale[1]],
        heights,
        notes: Vec::new(),
    };
    grid.name_system(keys.system().as_deref(), wanted);
    Ok(grid)
}

fn heights(image: DecodingResult, nothing: Option<f64>) -> Result<Vec<f32>, String> {
    // What GDAL writes for "nothing" in single precision is not always said.
    let height = |value: f64| {
        let measured = value.is_finite() && Some(value) != nothing && value.abs() < 100_000.0;
        if measured { value as f32 } else { f32::NAN }
    };
    let nothing_f32 = nothing.map(|value| value as f32);
    Ok(match image {
        DecodingResult::F32(values) => values
            .into_iter()
            .map(|v| if Some(v) == nothing_f32 { f32::NAN } else { height(v.into()) })
            .collect(),
        DecodingResult::F64(values) => values.into_iter().map(height).collect(),
        DecodingResult::I16(values) => values.into_iter().map(|v| height(v.into())).collect(),
        DecodingResult::U16(values) => values.into_iter().map(|v| height(v.into())).collect(),
        DecodingResult::I32(values) => values.into_iter().map(|v| height(v.into())).collect(),
        DecodingResult::U32(values) => values.into_iter().map(|v| height(v.into())).collect(),
        DecodingResult::U8(values) => values.into_iter().map(|v| height(v.into())).collect(),
        _ => return Err("its samples are of a type that heights are not given in".into()),
    })
}

/// The GeoKey directory: four numbers of head, then four a key.
struct Keys(Vec<u16>);

impl Keys {
    fn get(&self, key: u16) -> Option<u16> {
        let entry = self.0.chunks_exact(4).skip(1).find(|entry| entry[0] == key)?;
        // Location 0: the value itself.
        (entry[1] == 0).then_some(entry[3])
    }

    fn system(&self) -> Option<String> {
        let code = |key| self.get(key).filter(|code| *code != 0 && *code != USER_DEFINED);
        let horizontal = code(PROJECTED).or_else(|| code(GEOGRAPHIC))?;
        let vertical = code(VERTICAL).map_or_else(String::new, |code| format!("+{code}"));
        Some(format!("EPSG:{horizontal}{vertical}"))
    }
}
