//! Tests of the server from outside, one binary: each would link all of the server anew, which
//! takes longer than to run most of what is in it. A module has one subject; one by itself:
//! `cargo test --release -p twin-server --test it rooms::`.
//!
//! They run side by side. So none sets a variable or the folder of the process, what they
//! start listens on a port of its own, and a wait is for something that is bound to happen.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

mod bindings;
mod bindings_api;
mod broker;
mod check;
mod computed;
mod config;
mod corpus;
mod decoders;
mod demo;
mod events;
mod follow;
mod full;
mod history;
mod history_command;
mod kill;
mod lossless;
mod mosquitto;
mod points;
mod postgres;
mod postgres_retention;
mod profiles;
mod reload;
mod republish;
mod rest;
mod rooms;
mod scaling;
mod scene_replaced;
mod stream;
mod suggest;
mod support;
mod webhooks;
