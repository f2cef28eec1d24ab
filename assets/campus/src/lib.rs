//! Generator of the demo campus.
//!
//! A residential and office compound as IFC4 files (one for each building and one for the grounds) and
//! its surroundings as GeoJSON in WGS 84. The same options give the same bytes; GlobalIds are derived
//! from names. Every bindable element carries a `Tag` `{building}-{storey}-{code}{n}`.
//!
//! ```
//! let dir = tempfile::tempdir()?;
//! let files = demo_campus::generate(&demo_campus::Options { elements: Some(3_000), ..Default::default() }, dir.path())?;
//! assert!(files.iter().any(|file| file.ends_with("surroundings.geojson")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod building;
mod colour;
mod compound;
mod geometry;
mod georef;
mod ids;
mod ifc;
mod landscape;
mod plan;
mod step;
mod surroundings;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use compound::{Piece, pieces};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many elements and spaces the campus should have, within 2 % (from 3,000 upwards); `None`: one
    /// compound, the demo.
    pub elements: Option<u64>,
    /// Varies what is scattered: trees, city blocks.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { elements: None, seed: 1 }
    }
}

/// Why a campus could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or file could not be made or written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Writes the campus's files into a folder (made where missing) and returns their paths: the grounds of
/// each compound, its buildings, and `surroundings.geojson` last. Existing files of these names are
/// replaced.
///
/// # Errors
/// [`Error::Write`] where a file cannot be written.
pub fn generate(options: &Options, out_dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    std::fs::create_dir_all(out_dir).map_err(failed(out_dir))?;
    let plan = pieces(options);
    let mut files = Vec::with_capacity(plan.pieces.len() + 1);
    for piece in &plan.pieces {
        let path = out_dir.join(format!("{}.ifc", piece.code()));
        write_file(&path, |out| write_piece(piece, options.seed, out).map(|_| ()))
            .map_err(failed(&path))?;
        files.push(path);
    }
    let path = out_dir.join("surroundings.geojson");
    write_file(&path, |out| surroundings::write(out, plan.half, options.seed))
        .map_err(failed(&path))?;
    files.push(path);
    Ok(files)
}

fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
    write(&mut out)?;
    out.flush()
}

/// Name of the project and its site, the same in every file.
const TITLE: &str = "湖畔园区 Lakeside Campus";

/// Writes one file and returns how many elements and spaces it holds.
fn write_piece(piece: &Piece, seed: u64, out: &mut dyn Write) -> io::Result<u64> {
    let (mut file, site) = ifc::IfcFile::begin(out, piece.code(), TITLE, seed);
    match piece {
        Piece::Grounds { code, origin } => landscape::build(&mut file, site, code, *origin),
        Piece::Building(about) => building::build(&mut file, site, about),
    }
    file.finish()
}
