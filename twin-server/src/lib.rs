//! Ingest, live state, HTTP and WebSocket server of the digital twin.

pub mod accept;
pub mod bindings;
pub mod broker;
pub mod cause;
pub mod check;
pub mod config;
pub mod demo;
#[doc(hidden)]
pub mod fuzz;
pub mod history;
pub mod http;
pub mod hub;
pub mod ingest;
pub mod live;
pub mod manage;
pub mod mqtt;
pub mod reading;
pub mod record;
pub mod reload;
pub mod republish;
pub mod rooms;
pub mod scene;
pub mod serve;
pub mod simulate;
pub mod webhooks;
