//! What streaming costs: 10,000 bound points at 1 Hz over a real broker, 10 viewers at
//! 10 Hz. The goal is less than 25 % of one core for the server process.
//!
//! `cargo bench -p twin-server --bench fanout`; `TWIN_BENCH_POINTS`, `TWIN_BENCH_VIEWERS`
//! and `TWIN_BENCH_SECS` change the size, `TWIN_BENCH_LOSSLESS=1` asks for every sample and
//! `TWIN_BENCH_PACKED=1` for packed frames.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a bench may")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use support::{Rig, publish, report, size, warm};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use twin_protocol::{ClientMessage, Interest, Subscribe};

const GOAL_PERCENT: f64 = 25.0;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[derive(Default)]
struct Received {
    frames: AtomicU64,
    bytes: AtomicU64,
}

async fn view(rig: &Rig, received: Arc<Received>) {
    let packed = setting("TWIN_BENCH_PACKED", 0) > 0;
    let protocol = if packed { twin_protocol::POSTCARD_DEFLATE } else { twin_protocol::POSTCARD };
    let mut socket = rig.viewer(protocol).await;
    let lossless = setting("TWIN_BENCH_LOSSLESS", 0) > 0;
    let subscribe = Subscribe { interest: Interest::All, max_hz: 10.0, lossless, resume: None };
    let subscribe = ClientMessage::Subscribe(subscribe).encode();
    socket.send(Message::binary(subscribe)).await.unwrap();
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            received.frames.fetch_add(1, Relaxed);
            received.bytes.fetch_add(size(&message) as u64, Relaxed);
        }
    });
}

#[tokio::main]
async fn main() {
    let points = setting("TWIN_BENCH_POINTS", 10_000);
    let viewers = setting("TWIN_BENCH_VIEWERS", 10);
    let window = Duration::from_secs(setting("TWIN_BENCH_SECS", 20) as u64);
    let rig = Rig::start(points).await;
    tokio::spawn(publish(rig.broker, points));
    warm(&rig, points).await;
    let received = Arc::new(Received::default());
    for _ in 0..viewers {
        view(&rig, Arc::clone(&received)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;

    let stored = "twin_live_samples_total{outcome=\"stored\"}";
    let samples = rig.counter(stored).await;
    let (frames, bytes) = (received.frames.load(Relaxed), received.bytes.load(Relaxed));
    let (cpu, started) = (rig.server_cpu_secs(), Instant::now());
    tokio::time::sleep(window).await;
    let (cpu, elapsed) = (rig.server_cpu_secs() - cpu, started.elapsed().as_secs_f64());
    let (frames, bytes) =
        (received.frames.load(Relaxed) - frames, received.bytes.load(Relaxed) - bytes);
    let samples = rig.counter(stored).await - samples;

    let percent = cpu / elapsed * 100.0;
    report(
        "fanout",
        &serde_json::json!({
            "points": points,
            "viewers": viewers,
            "broker": rig.broker_kind,
            "window_s": elapsed,
            "samples_per_s": samples / elapsed,
            "frames_per_s_per_viewer": frames as f64 / elapsed / viewers as f64,
            "bytes_per_s_per_viewer": bytes as f64 / elapsed / viewers as f64,
            "server_cpu_percent_of_one_core": percent,
            "lossless": setting("TWIN_BENCH_LOSSLESS", 0) > 0,
            "server_cpu_us_per_sample_and_viewer": cpu * 1e6 / (samples * viewers as f64),
            "server_rss_mib": rig.server_rss_mib(),
            "goal_percent": GOAL_PERCENT,
            "goal_held": percent < GOAL_PERCENT,
        }),
    );
}
