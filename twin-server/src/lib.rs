//! Ingest, live state, HTTP and WebSocket server of the digital twin.

pub mod check;
pub mod demo;
pub mod reading;
pub mod serve;
pub mod simulate;
