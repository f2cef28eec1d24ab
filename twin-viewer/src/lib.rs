//! 3D viewer of the digital twin: a Bevy canvas and Leptos panels in one bundle.

pub mod bridge;
