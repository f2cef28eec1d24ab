//! Readers of GIS formats.
