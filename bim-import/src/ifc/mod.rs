//! Reads IFC2x3, IFC4 and IFC4x3 files.

mod classify;
mod contents;
pub(crate) mod engine;
pub(crate) mod georef;
mod properties;
pub(crate) mod read;
mod scan;
pub(crate) mod shapes;
mod units;
