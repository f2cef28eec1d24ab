//! The way to the server: a WebSocket that comes back by itself, and REST.

mod backoff;
#[cfg(target_arch = "wasm32")]
mod rest;
#[cfg(target_arch = "wasm32")]
mod socket;

pub use backoff::Backoff;
#[cfg(target_arch = "wasm32")]
pub use rest::{ApiError, get, get_whatever, post};
#[cfg(target_arch = "wasm32")]
pub use socket::{Socket, SocketEvent};

/// Pings go out this often, ms.
pub const PING_EVERY_MS: f64 = 5_000.0;
/// A connection on which nothing came for so long is given up: half-open sockets live
/// for minutes otherwise, ms.
pub const SILENCE_MS: f64 = 16_000.0;
