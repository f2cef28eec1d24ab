//! The real server, killed at random moments under load: what the broker was told is
//! safe is safe, and the server is back in seconds.
//!
//! `TWIN_KILLS=200 cargo test --release -p twin-server --test it kill` for more rounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::support::{
    PATIENCE, free_port,
    mosquitto::{Mosquitto, Publisher},
    process::{Metering, Server, meters},
};

/// Rounds of the usual test.
const KILLS: u64 = 24;
/// How soon a server has to be ready after it was killed.
const READY: Duration = Duration::from_secs(5);
const METERS: u64 = 8;

/// What was kept of a meter, in order.
fn kept(server: &Server, meter: u64) -> Vec<u64> {
    let path = format!(
        "/api/v1/points/m{meter}%2Fenergy/history?max_points=100000&from=2020-01-01T00:00:00Z&format=csv"
    );
    let answer = server.get(&path);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if head.starts_with("HTTP/1.1 404") {
        return Vec::new();
    }
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect()
}

/// Publishes numbers, each once, until told to stop; how many each meter got.
async fn publish(port: u16, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) -> u64 {
    let publisher = Publisher::new(port);
    let (mut n, mut last) = (0, None);
    while !stop.load(Relaxed) {
        for meter in 0..METERS {
            let (topic, payload) = (Metering::topic(meter), Metering::counted(n));
            last = Some(publisher.publish(&topic, &payload).await);
        }
        n += 1;
        sent.store(n, Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    if let Some(last) = last {
        last.arrived().await;
    }
    n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost() {
    let port = free_port();
    // The broker keeps for us whatever is published while we are away.
    let Some(_broker) = Mosquitto::start_with(port, "max_queued_messages 0\n") else { return };
    let kills = std::env::var("TWIN_KILLS").map_or(KILLS, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    meters(dir.path(), METERS);
    let (mqtt, history) = ("client_id = \"twin-kill\"", "path = \"history\"");
    let config = Metering { port, mqtt, history, more: "" }.write(dir.path(), "twin");

    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let first = Server::start(&config); // the broker knows the session from here on
    let publishing = tokio::spawn(publish(port, Arc::clone(&stop), Arc::clone(&sent)));
    let work = move || {
        let mut random = 42u64;
        let mut slowest = Duration::ZERO;
        let mut server = first;
        for round in 0..kills {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            std::thread::sleep(Duration::from_millis(50 + (random >> 33) % 700));
            server.kill();
            server = Server::start(&config);
            slowest = slowest.max(server.ready_after);
            if round % 8 == 7 {
                // Known points are shown at once, not when they next report.
                let state = server.get("/api/v1/state");
                assert!(state.contains("m0/energy"), "{state}");
            }
        }
        stop.store(true, Relaxed);
        (server, slowest)
    };
    let (server, slowest) = tokio::task::spawn_blocking(work).await.unwrap();
    let sent = publishing.await.unwrap();
    let check = move || {
        let expected: Vec<u64> = (0..sent).collect();
        let deadline = Instant::now() + PATIENCE;
        for meter in 0..METERS {
            while kept(&server, meter).len() < expected.len() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(100));
            }
            let mut found = kept(&server, meter);
            found.sort_unstable();
            let lost: Vec<u64> =
                expected.iter().copied().filter(|n| found.binary_search(n).is_err()).collect();
            assert!(lost.is_empty(), "meter {meter} lost {lost:?} of {sent}");
            assert_eq!(found.len(), expected.len(), "meter {meter}: some are kept twice");
        }
    };
    tokio::task::spawn_blocking(check).await.unwrap();
    println!("{kills} kills, {} samples, ready after at most {slowest:?}", sent * METERS);
    // A clock is no part of the usual test; whoever asks for the many rounds wants it.
    if std::env::var_os("TWIN_KILLS").is_some() {
        assert!(slowest < READY, "ready only after {slowest:?}");
    }
}
