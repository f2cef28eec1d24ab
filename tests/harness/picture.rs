//! Screenshots as numbers.

use std::{io::Cursor, path::Path};

use anyhow::{Context, Result, bail};

/// A decoded screenshot.
#[derive(Clone, Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
    file: Vec<u8>,
}

impl Picture {
    /// Reads a PNG.
    pub fn decode(file: &[u8]) -> Result<Self> {
        let mut decoder = png::Decoder::new(Cursor::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().context("picture too large")?];
        let info = reader.next_frame(&mut pixels)?;
        let channels = match info.color_type {
            png::ColorType::Rgb => 3,
            png::ColorType::Rgba => 4,
            other => bail!("a screenshot in {other:?}"),
        };
        let rgb = pixels.chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        Ok(Self {
            width: info.width as usize,
            height: info.height as usize,
            rgb: rgb.collect(),
            file: file.to_vec(),
        })
    }

    /// Mean colour of a square around a place, in CSS pixels; `reach` is half its edge.
    pub fn mean(&self, x: f64, y: f64, reach: usize) -> Option<[f64; 3]> {
        let (x, y) = (x.round() as usize, y.round() as usize);
        if x < reach || y < reach || x + reach >= self.width || y + reach >= self.height {
            return None;
        }
        let mut sum = [0.0; 3];
        for row in y - reach..=y + reach {
            for pixel in &self.rgb[row * self.width + x - reach..=row * self.width + x + reach] {
                for (sum, channel) in sum.iter_mut().zip(pixel) {
                    *sum += f64::from(*channel);
                }
            }
        }
        let count = ((2 * reach + 1) * (2 * reach + 1)) as f64;
        Some(sum.map(|sum| sum / count))
    }

    /// Keeps the picture for people, when a test failed.
    pub fn save(&self, path: &Path) -> Result<()> {
        std::fs::write(path, &self.file).with_context(|| format!("writing {}", path.display()))
    }
}
