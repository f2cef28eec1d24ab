//! Readers of GIS formats: the surroundings that no building model holds.

mod area;
pub mod geojson;
mod ground;
mod ribbon;
mod shape;
mod style;
mod upright;

use thiserror::Error;

/// A GIS file could not be read at all. What is wrong with single features stands in
/// [`crate::imported::Imported::notes`].
#[derive(Debug, Error)]
pub enum GisError {
    /// The file is not what its name says.
    #[error("cannot read {file} as GeoJSON: {reason}")]
    Parse {
        /// File name.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// Coordinates in a reference system that GeoJSON does not have.
    #[error(
        "{file} gives its coordinates in {crs}; GeoJSON is read in WGS 84 longitude and latitude: \
         convert it first, for example with `ogr2ogr -t_srs EPSG:4326`"
    )]
    Crs {
        /// File name.
        file: String,
        /// What the file's `crs` member says.
        crs: String,
    },
}
