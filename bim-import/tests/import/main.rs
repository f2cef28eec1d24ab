//! Imports real files, broken files and files that hang the geometry worker, through the
//! command line as a user would.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on shall say where, and print what it compared"
)]

mod alike;
mod archives;
mod broken;
mod campus;
mod changes;
mod city;
mod command;
mod edits;
mod edits_model;
mod federation;
mod graph;
mod health;
mod health_city;
mod hostile;
mod limits;
mod limits_gis;
mod real_models;
mod reference;
mod semantics;
mod shapes;
mod small;
mod support;
mod terrain;
mod true_place;
mod watchdog;
