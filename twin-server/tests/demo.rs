//! The demo as a whole: the real binary makes a small campus, and values arrive over REST.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// A running `twin-server demo`, ended with the test.
struct Demo {
    child: Child,
    address: String,
}

impl Demo {
    fn start(data: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_twin-server"))
            .args(["demo", "--listen", "127.0.0.1:0", "--elements", "3000", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let Some(line) = lines.next() else {
                let status = child.wait().unwrap();
                panic!("the demo ended before it printed its address: {status}");
            };
            if let Some(address) = line.unwrap().trim().strip_prefix("http://") {
                break address.trim_end_matches('/').to_owned();
            }
        };
        Self { child, address }
    }

    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let host = &self.address;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        let reply = String::from_utf8(reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        assert!(!head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
        serde_json::from_str(body).unwrap()
    }

    /// Waits until every named metric has a good value.
    fn wait_for(&self, metrics: &[&str]) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let state = self.get("/api/v1/state");
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
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_small_campus_comes_alive_and_starts_again_without_an_import() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path());
    let metrics = ["power", "energy", "water_flow", "door", "people", "temperature", "lift"];
    let points = demo.wait_for(&metrics);
    for point in &points {
        assert_ne!(point["q"], "uncertain", "a binding's range does not fit: {point}");
    }
    let bindings = demo.get("/api/v1/bindings");
    for list in ["unbound", "ambiguous", "orphaned", "rejected", "uncertain"] {
        assert_eq!(bindings[list]["total"], 0, "{list}: {}", bindings[list]);
    }
    drop(demo);

    let package = data.path().join("scene/scene.json");
    let made = std::fs::metadata(&package).unwrap().modified().unwrap();
    let again = Demo::start(data.path());
    again.wait_for(&["power"]);
    assert_eq!(std::fs::metadata(&package).unwrap().modified().unwrap(), made, "imported again");
}
