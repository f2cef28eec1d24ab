//! Tiles: what a tileset says, which of it a view needs, what stands in a tile, and
//! what a ray hits. Pure: no GPU, no network, no Bevy.

pub mod content;
pub mod glb;
mod glb_json;
mod glb_view;
pub mod pick;
pub mod sample;
pub mod select;
pub mod shape;
pub mod tileset;
