//! Ingest, live state, HTTP and WebSocket server of the digital twin.

pub mod reading;
