//! A disk that is full: the present is shown all the same, the gap is told, and once there
//! is room samples are kept again, without anyone's help.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

#[path = "support/mosquitto.rs"]
mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;
use support::{Mosquitto, Publisher, free_port};

/// Largest file the server may write at first, bytes: room for a few hundred samples.
const LIMIT: &str = "--fsize=600000:unlimited";
const PATIENCE: Duration = Duration::from_secs(60);

struct Server(Child, SocketAddr);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Under a limit of file size, which to a program is a disk without room. The signal
    /// that comes with it is ignored, as a full disk sends none.
    fn start(config: &std::path::Path) -> Option<Self> {
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec prlimit \"$@\"", "sh", LIMIT])
            .arg(env!("CARGO_BIN_EXE_twin-server"))
            .args(["serve", "--config"])
            .arg(config)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            child.wait().unwrap();
            assert!(std::env::var_os("CI").is_none(), "prlimit (util-linux) is missing");
            eprintln!("skipped: prlimit is not installed");
            return None;
        }
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/');
        Some(Self(child, address.parse().expect("the server prints its address")))
    }

    /// There is room again.
    fn lift_limit(&self) {
        let pid = self.0.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
        assert!(done.unwrap().success());
    }

    fn get(&self, path: &str) -> (String, Value) {
        let mut stream = TcpStream::connect(self.1).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.1);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), serde_json::from_str(body).unwrap())
    }

    fn history(&self) -> Value {
        let (head, body) = self.get("/readyz");
        assert!(head.starts_with("HTTP/1.1 200"), "a full disk does not make it unready: {body}");
        body["history"].clone()
    }

    fn live(&self) -> Option<f64> {
        self.get("/api/v1/state").1["points"][0]["v"].as_f64()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_goes_on_the_gap_is_told_and_recovery_is_automatic() {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let dir = tempfile::tempdir().unwrap();
    let scene = r#"{"revision":"r1","origin":{},"unit":"metre","sources":[]}"#;
    std::fs::write(dir.path().join("scene.json"), scene).unwrap();
    let meter = "{\"id\":\"m\",\"kind\":\"meter\",\"name\":\"\",\"tags\":[\"EM\"]}\n";
    std::fs::write(dir.path().join("entities.ndjson"), meter).unwrap();
    let config = format!(
        r#"
[scene]
package = "."
[http]
listen = "127.0.0.1:0"
[mqtt]
url = "mqtt://127.0.0.1:{port}"
[history]
path = "history"
[[binding]]
topic = "full/{{meter}}"
entity = {{ tag = "{{meter}}" }}
time = "$.ts"
[[binding.point]]
metric = "energy"
value = "$.n"
unit = "kW.h"
"#
    );
    let file = dir.path().join("twin.toml");
    std::fs::write(&file, config).unwrap();
    let Some(server) = Server::start(&file) else { return };
    let deadline = Instant::now() + PATIENCE;
    while !server.get("/readyz").0.starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let publisher = Publisher::new(port);
    let mut n = 0;
    let mut publish = async |count: u32| {
        for _ in 0..count {
            n += 1;
            let payload = format!("{{\"ts\":\"{}\",\"n\":{n}}}", Timestamp::now());
            publisher.publish("full/EM", &payload).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        f64::from(n)
    };
    while server.history()["keeping"] == true {
        assert!(Instant::now() < deadline, "the limit was never felt: {}", server.history());
        publish(20).await;
    }
    let last = publish(200).await;
    while server.live() != Some(last) {
        assert!(Instant::now() < deadline, "the live value stopped at {:?}", server.live());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let failing = server.history();
    assert!(failing["lost"].as_u64().unwrap() > 0 && failing["failing_since"].is_string());
    assert!(failing["last_error"].is_string());

    server.lift_limit();
    while server.history()["keeping"] == false {
        assert!(Instant::now() < deadline, "no recovery: {}", server.history());
        publish(1).await;
    }
    let last = publish(5).await;
    let path = "/api/v1/points/m%2Fenergy/history?max_points=100000";
    loop {
        let (_, series) = server.get(path);
        let items = series["items"].as_array().unwrap();
        if items.last().and_then(|item| item["v"].as_f64()) == Some(last) {
            let gaps = series["gaps"].as_array().unwrap();
            assert_eq!(gaps.len(), 1, "{gaps:?}");
            let kept = items.len() as u64;
            assert_eq!(kept + server.history()["lost"].as_u64().unwrap(), last as u64);
            return;
        }
        assert!(Instant::now() < deadline, "{series}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
