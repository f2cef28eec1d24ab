//! Imports IFC and GIS files into a scene package: entities, 3D Tiles, a walking graph
//! and a report of everything that was approximated or dropped.
//!
//! [`import`] does it all; `docs/import.md` says what is read and how.

mod archive;
pub mod audit;
pub mod changes;
pub mod crs;
mod federation;
mod format;
pub mod frame;
#[doc(hidden)]
pub mod fuzz;
pub mod gis;
mod health;
pub mod ids;
mod ifc;
mod import;
pub mod imported;
pub mod mesh;
mod options;
mod package;
mod packed;
mod parents;
mod placement;
mod placing;
mod raster;
pub mod report;
mod resources;
mod scene;
mod sets;
mod store;
mod target;
pub mod tiles;
mod vector;
mod walk;
pub mod worker;

pub use health::content_security_policy as report_policy;
pub use import::{ImportError, Progress, Summary, import, write_report};
pub use options::{CrsChoice, Frame, Options};
pub use package::PackageError;
