//! The load generator: publishers that send when they meant to, viewers that cost the same
//! whatever they speak, and what a server's processes cost meanwhile.
//!
//! Everything a client does per update is alike for the systems compared: the same socket
//! code, the same WebSocket framing, one look at the point's number, the sequence number its
//! value carries and the time it was meant to be sent. So what differs is the server.

pub mod cell;
pub mod cpu;
pub mod crowd;
pub mod json;
pub mod mqtt;
pub mod postcard;
pub mod publisher;
pub mod report;
pub mod site;
pub mod stream;
pub mod systems;
pub mod tally;
pub mod viewer;
pub mod websocket;

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 UTC: publisher and viewers are one process, so they share a clock.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
