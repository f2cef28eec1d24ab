//! 3D viewer of the digital twin: a Bevy canvas and Leptos panels in one bundle.
//!
//! The panels' half: [`net`] fills the [`store`], [`layers`] turn it into paint for the
//! canvas, `panels` show it in the page's DOM. Store, layers, [`link`] and [`text`] are
//! pure and tested natively. The canvas' half knows none of them: both meet at [`bridge`].

#[cfg(target_arch = "wasm32")]
mod boot;
pub mod bridge;
#[cfg(feature = "tiles")]
pub mod canvas;
pub mod layers;
pub mod link;
pub mod net;
#[cfg(all(target_arch = "wasm32", feature = "panels"))]
mod panels;
pub mod store;
pub mod text;
