//! A disk that is full: the present is shown all the same, the gap is told, and once there
//! is room samples are kept again, without anyone's help.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    PATIENCE, free_port,
    mosquitto::{Mosquitto, Publisher},
    process::{Metering, PROGRAM, Server, meters},
};

/// Largest file the server may write at first, bytes: room for a few hundred samples.
const LIMIT: &str = "--fsize=600000:unlimited";

/// A server under a limit of file size, which to a program is a disk without room. The
/// signal that comes with it is ignored, as a full disk sends none.
fn limited(config: &Path) -> Option<Server> {
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec prlimit \"$@\"", "sh", LIMIT, PROGRAM])
        .args(["serve", "--config"])
        .arg(config);
    let server = Server::run(&mut command);
    if server.is_none() {
        assert!(std::env::var_os("CI").is_none(), "prlimit (util-linux) is missing");
        eprintln!("skipped: prlimit is not installed");
    }
    server
}

/// There is room again.
fn lift_limit(server: &Server) {
    let pid = server.id().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(done.unwrap().success());
}

fn history(server: &Server) -> Value {
    let ready = server.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200"), "a full disk does not make it unready: {ready}");
    server.json("/readyz")["history"].clone()
}

fn shown(server: &Server) -> Option<f64> {
    server.json("/api/v1/state")["points"][0]["v"].as_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_goes_on_the_gap_is_told_and_recovery_is_automatic() {
    let port = free_port();
    let Some(_broker) = Mosquitto::start(port) else { return };
    let dir = tempfile::tempdir().unwrap();
    meters(dir.path(), 1);
    let site = Metering { port, mqtt: "", history: "path = \"history\"", more: "" };
    let file = site.write(dir.path(), "twin");
    let Some(server) = limited(&file) else { return };
    let deadline = Instant::now() + PATIENCE;
    let publisher = Publisher::new(port);
    let mut n = 0_u32;
    let mut publish = async |count: u32| {
        for _ in 0..count {
            n += 1;
            publisher.publish(&Metering::topic(0), &Metering::counted(n.into())).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        f64::from(n)
    };
    while history(&server)["keeping"] == true {
        assert!(Instant::now() < deadline, "the limit was never felt: {}", history(&server));
        publish(20).await;
    }
    let last = publish(200).await;
    while shown(&server) != Some(last) {
        assert!(Instant::now() < deadline, "the live value stopped at {:?}", shown(&server));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let failing = history(&server);
    assert!(failing["lost"].as_u64().unwrap() > 0 && failing["failing_since"].is_string());
    assert!(failing["last_error"].is_string());

    lift_limit(&server);
    while history(&server)["keeping"] == false {
        assert!(Instant::now() < deadline, "no recovery: {}", history(&server));
        publish(1).await;
    }
    let last = publish(5).await;
    let path = "/api/v1/points/m0%2Fenergy/history?max_points=100000";
    loop {
        let series = server.json(path);
        let items = series["items"].as_array().unwrap();
        if items.last().and_then(|item| item["v"].as_f64()) == Some(last) {
            let gaps = series["gaps"].as_array().unwrap();
            assert_eq!(gaps.len(), 1, "{gaps:?}");
            let kept = items.len() as u64;
            assert_eq!(kept + history(&server)["lost"].as_u64().unwrap(), last as u64);
            return;
        }
        assert!(Instant::now() < deadline, "{series}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
