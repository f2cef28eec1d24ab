//! The 3D canvas: a Bevy app that streams tiles and draws them with one lean pass.
//!
//! - [`tiles`], [`state`], [`stream`], [`camera`], [`gesture`] are pure and tested natively.
//! - `scene`, `pointing`, `outline` join them into what the main world holds.
//! - `render` is the render world: our own pass in place of Bevy's stock ones.
//! - `web` is the browser: the canvas, its events, fetching, and frames on demand.
//!
//! Nothing is drawn unless something changed. Geometry never changes when data does:
//! paint, selection and isolation write texels of the state texture.

pub mod camera;
pub mod gesture;
pub mod slots;
pub mod state;
pub mod stream;
pub mod tiles;

#[cfg(test)]
mod shader_test;

#[cfg(feature = "canvas")]
mod app;
#[cfg(feature = "canvas")]
mod outline;
#[cfg(feature = "canvas")]
mod pointing;
#[cfg(feature = "canvas")]
pub mod render;
#[cfg(feature = "canvas")]
pub mod scene;
#[cfg(all(feature = "canvas", target_arch = "wasm32"))]
mod web;

#[cfg(feature = "canvas")]
pub use app::build;
#[cfg(all(feature = "canvas", target_arch = "wasm32"))]
pub use web::{start, wake};
