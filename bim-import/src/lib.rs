//! Imports IFC and GIS files into a scene package: entities, 3D Tiles, a walking graph
//! and a report of everything that was approximated or dropped.

pub mod frame;
pub mod gis;
pub mod imported;
pub mod mesh;
pub mod tiles;
