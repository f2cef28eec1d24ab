//! The demo as a whole: the real binary makes a small campus, and values arrive over REST.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    PATIENCE,
    process::{PROGRAM, Server},
};

fn start(data: &Path) -> Server {
    let mut command = Command::new(PROGRAM);
    command.args(["demo", "--listen", "127.0.0.1:0", "--elements", "3000", "--data"]).arg(data);
    Server::run(&mut command).expect("it prints its address")
}

/// Waits until every named metric has a good value.
fn wait_for(server: &Server, metrics: &[&str]) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = server.json("/api/v1/state");
        let points = state["points"].as_array().unwrap().clone();
        let arrived = |metric: &&str| {
            let end = format!("/{metric}");
            points.iter().any(|p| p["point"].as_str().unwrap().ends_with(&end))
        };
        if metrics.iter().all(arrived) {
            return points;
        }
        let missing: Vec<_> = metrics.iter().filter(|m| !arrived(m)).collect();
        assert!(Instant::now() < deadline, "never arrived: {missing:?}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_small_campus_comes_alive_and_starts_again_without_an_import() {
    let data = tempfile::tempdir().unwrap();
    let demo = start(data.path());
    let metrics = ["power", "energy", "water_flow", "door", "people", "temperature", "lift"];
    let points = wait_for(&demo, &metrics);
    for point in &points {
        assert_ne!(point["q"], "uncertain", "a binding's range does not fit: {point}");
    }
    let bindings = demo.json("/api/v1/bindings");
    for list in ["unbound", "ambiguous", "orphaned", "rejected", "uncertain"] {
        assert_eq!(bindings[list]["total"], 0, "{list}: {}", bindings[list]);
    }
    drop(demo);

    let package = data.path().join("scene/scene.json");
    let made = std::fs::metadata(&package).unwrap().modified().unwrap();
    let again = start(data.path());
    wait_for(&again, &["power"]);
    assert_eq!(std::fs::metadata(&package).unwrap().modified().unwrap(), made, "imported again");
}
