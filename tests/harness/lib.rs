//! What an end-to-end test starts: a real Mosquitto, the real server, a real browser, and a
//! scene imported from a real model. Everything listens on loopback, on a port of its own, and
//! ends with the test.

pub mod broker;
pub mod browser;
pub mod faults;
pub mod files;
pub mod load;
pub mod picture;
pub mod process;
pub mod scene;
pub mod server;
pub mod tiles;
pub mod wait;

use std::{env, path::PathBuf};

/// Whether a missing prerequisite fails the test instead of skipping it.
pub fn must_run() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// A prerequisite that `cargo xtask test` provides; says what is missing and skips where it is
/// not there, but fails on CI.
pub fn prerequisite(variable: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        assert!(!must_run(), "{variable} is not set to something that exists");
        eprintln!("skipped: {variable} is not set; `cargo xtask test e2e` sets it");
    }
    path
}
